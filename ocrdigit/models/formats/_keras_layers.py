"""Import of models of Keras: chains of layers that the core has."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from ... import _core
from ._chain import Array, Chain, Pair
from ._keras_files import (
    Config,
    Leaf,
    Opened,
    config_of,
    inner_layers,
    is_model,
    name_of,
    open_keras,
)

_MAX_BYTE_SCALE = 1 / 16  # a Rescaling by no more is one of bytes

# Functions of our layer "activation", by their names in Keras.
_FUNCTIONS = {
    "leaky_relu": ("leaky_relu", 0.2),
    "relu6": ("relu6", 1.0),
    "elu": ("elu", 1.0),
    "selu": ("selu", 1.0),
    "sigmoid": ("sigmoid", 1.0),
    "tanh": ("tanh", 1.0),
    "swish": ("swish", 1.0),
    "silu": ("swish", 1.0),
}


def from_keras(
    data: bytes, *, values: tuple[float, float] | None = None, pad: int = 0
) -> _core.Network:
    """Return the network of a .keras or .h5 file.

    Layers of augmentation are left out. A Rescaling or Normalization is folded into the next layer.

    Parameters
    ----------
    data : bytes
        The content of the file.
    values : (float, float), optional
        The values of background and full strokes in the model's input. None: 0 and 1; but 0 and 255
        if the model begins with a Rescaling or a Normalization that is made for bytes.
    pad : int
        The rows and columns of background that the model expects around a digit's 28x28 pixels.

    Raises
    ------
    ModuleNotFoundError
        If h5py is not installed.
    ValueError
        If it is not such a file, unpacks to far more than it has bytes, or has a layer or an option
        that is not supported, which is named.
    MemoryError
        If there is not enough memory.
    """
    with open_keras(data) as opened:
        return _import(opened, values, pad)


def _import(opened: Opened, values: tuple[float, float] | None, pad: int) -> _core.Network:
    model = opened.model
    if not isinstance(model, dict) or not is_model(model):
        kind = model.get("class_name") if isinstance(model, dict) else model
        raise ValueError(
            f"a model of class {str(kind)[:100]!r}, whose code is not in the file; only Sequential "
            "and Functional models can be loaded"
        )
    leaves = opened.leaves()
    chain_of_leaves = [leaves[id(config)] for config in _ordered(model)]
    if not chain_of_leaves:
        raise ValueError("a model without layers")
    shape = _input_shape(model, chain_of_leaves[0])
    layers = [leaf for leaf in chain_of_leaves if leaf.kind not in _IGNORED]
    channels_first = len(shape) == 3 and _has_channels_first(layers, shape)
    first = next((leaf for leaf in layers if leaf.kind not in ("Flatten", "Reshape")), None)
    reader = _Importer(opened)
    if values is None:
        values = (0.0, 255.0) if first and reader.takes_bytes(first) else (0.0, 1.0)
    reader.chain = Chain(shape, channels_first=channels_first, pad=pad, values=values)
    for leaf in layers:
        reader.add(leaf)
    return reader.chain.network()


# ---- the chain of layers ----


def _ordered(model: Config) -> Iterator[Config]:
    """Yield the settings of the layers that are not models, from input to output."""
    layers = inner_layers(model)
    if model.get("class_name") != "Sequential":
        layers = _path(model, layers)
    for layer in layers:
        if is_model(layer):
            yield from _ordered(layer)
        else:
            yield config_of(layer)


def _path(model: Config, layers: list[Config]) -> list[Config]:
    """Return the layers of a functional model from its input to its output.

    Where it is not a chain, the error names the layer.
    """
    by_name = {name_of(layer): layer for layer in layers}
    before: dict[str, list[str]] = {}
    users: dict[str, list[str]] = {}
    for layer in layers:
        name, nodes = name_of(layer), layer.get("inbound_nodes", [])
        if not isinstance(nodes, list) or len(nodes) > 1:
            raise ValueError(
                f"layer {name!r} is used {len(nodes)} times, expected a chain of layers"
            )
        before[name] = list(_sources(nodes, 0))
        if len(before[name]) > 1:
            raise ValueError(
                f"layer {name!r} ({layer.get('class_name')}) joins {len(before[name])} branches; "
                "only models whose layers are a chain can be loaded"
            )
        for source in before[name]:
            users.setdefault(source, []).append(name)
    for name, own in users.items():
        if len(own) > 1:
            raise ValueError(
                f"layer {name!r} feeds {len(own)} layers, {', '.join(map(repr, own[:5]))}; only "
                "models whose layers are a chain can be loaded"
            )
    config = config_of(model)
    outputs = list(_ends(config.get("output_layers")))
    if len(outputs) != 1:
        raise ValueError(f"a model with {len(outputs)} outputs, expected one of ten classes")
    path: list[Config] = []
    sources = outputs
    while sources and len(path) <= len(layers):
        if sources[0] not in by_name:
            raise ValueError(f"its description names a layer {sources[0]!r} and has none")
        path.append(by_name[sources[0]])
        sources = before[sources[0]]
    if len(path) > len(layers):
        raise ValueError("its layers are a circle")
    return path[::-1]


def _sources(node: Any, depth: int) -> Iterator[str]:
    """Yield the names of the layers that a node takes tensors of, in Keras 2's or 3's form."""
    if depth > 32:
        raise ValueError("its description is nested too deeply")
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            yield str(node["config"]["keras_history"][0])
            return
        for value in node.values():
            yield from _sources(value, depth + 1)
    if isinstance(node, list):
        if len(node) in (3, 4) and isinstance(node[0], str) and isinstance(node[1], int):
            yield node[0]
            return
        for value in node:
            yield from _sources(value, depth + 1)


def _ends(value: Any) -> Iterator[str]:
    """Yield the names in ["name", 0, 0] or in a list of those."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        yield value[0]
    elif isinstance(value, list):
        for item in value:
            yield from _ends(item)


def _has_channels_first(layers: list[Leaf], shape: tuple[int, ...]) -> bool:
    """Return whether images of a shape have the channels first, by the first layer that tells.

    The data_format of a flatten does not tell, as it need not be that of the layers before it.
    """
    formats = (leaf.config.get("data_format") for leaf in layers if leaf.kind != "Flatten")
    told = next((kind for kind in formats if kind), None)
    return shape[0] == 1 if told is None else told == "channels_first"


def _input_shape(model: Config, first: Leaf) -> tuple[int, ...]:
    """Return the shape of an image, without the number of images."""
    own = model.get("config")
    built = own.get("build_input_shape") if isinstance(own, dict) else None
    for shape in (
        first.config.get("batch_shape"),
        first.config.get("batch_input_shape"),
        built,
    ):
        if isinstance(shape, (list, tuple)) and len(shape) > 1:
            if not all(isinstance(size, int) for size in shape[1:]):
                raise ValueError(f"a model with input shape {tuple(shape[1:])!r}, expected numbers")
            return tuple(shape[1:])
    raise ValueError(
        "a model whose input shape is not known; give its first layer an Input((28, 28, 1)) and "
        "save it again"
    )


# ---- layers ----


class _Importer:
    """Appends the layers of a model to a chain."""

    chain: Chain

    def __init__(self, opened: Opened) -> None:
        self.tensors = opened.tensors

    def add(self, leaf: Leaf) -> None:
        """Append a layer."""
        if leaf.kind not in _CONVERTERS:
            raise ValueError(
                f"layer {leaf.name!r} is of class {leaf.kind}, which is not supported; supported "
                f"are {', '.join(sorted(_CONVERTERS))}"
            )
        _CONVERTERS[leaf.kind](self, leaf)

    def fail(self, leaf: Leaf, key: str, expected: str) -> NoReturn:
        value = repr(leaf.config.get(key))[:100]
        raise ValueError(f"layer {leaf.name!r} has {key} {value}, expected {expected}")

    def check(self, leaf: Leaf, key: str, *allowed: object) -> None:
        """Raise ValueError unless an option is missing or one of some values."""
        if key in leaf.config and leaf.config[key] not in allowed:
            self.fail(leaf, key, " or ".join(map(repr, allowed)))

    def check_format(self, leaf: Leaf) -> None:
        """Raise ValueError if a layer takes the channels of an image elsewhere."""
        expected = "channels_first" if self.chain.channels_first else "channels_last"
        if leaf.config.get("data_format", expected) not in (expected, None):
            self.fail(leaf, "data_format", f"{expected!r} as the layers before it")

    def whole(self, leaf: Leaf, key: str, default: int = 1) -> Pair:
        """Return an option that is one whole number for both directions, or two."""
        value = leaf.config.get(key)
        value = default if value is None else value
        pair = value if isinstance(value, (list, tuple)) else (value, value)
        if len(pair) != 2 or not all(type(n) is int and 0 <= n < 1 << 16 for n in pair):
            self.fail(leaf, key, "a whole number or two")
        return pair[0], pair[1]

    def real(self, leaf: Leaf, key: str, default: float) -> float:
        """Return an option that is a number."""
        value = _plain(leaf.config.get(key, default))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fail(leaf, key, "a number")
        return float(value)

    def read(self, leaf: Leaf, count: int | None = None) -> list[Array]:
        return [self.tensors.read(dataset) for dataset in leaf.weights[:count]]

    def activate(self, leaf: Leaf) -> None:
        """Append a layer's own activation."""
        kind = leaf.config.get("activation") or "linear"
        alpha = None
        if isinstance(kind, dict):  # a layer, or a function of other code
            inner = kind.get("config")
            inner = inner if isinstance(inner, dict) else {}
            own = Leaf(str(kind.get("class_name")), leaf.name, inner, [])
            if own.kind in ("ReLU", "LeakyReLU", "ELU", "Softmax"):
                self.add(own)
                return
            kind = kind.get("config")
        if kind == "linear":
            return
        if kind in ("softmax", "log_softmax"):
            self.chain.softmax(leaf.name)
        elif kind == "relu":
            self.chain.activation(leaf.name, "relu")
        elif isinstance(kind, str) and kind in _FUNCTIONS:
            function, alpha = _FUNCTIONS[kind]
            self.chain.activation(leaf.name, function, alpha)
        else:
            self.fail(leaf, "activation", f"linear, relu, softmax, {', '.join(sorted(_FUNCTIONS))}")

    def padding(self, leaf: Leaf) -> str:
        padding = str(leaf.config.get("padding", "valid")).lower()
        if padding not in ("valid", "same"):
            self.fail(leaf, "padding", "'valid' or 'same'")
        return padding

    # One method for each class of layers.

    def conv2d(self, leaf: Leaf) -> None:
        self.check_format(leaf)
        kernel, *bias = self.read(leaf)
        groups = leaf.config.get("groups") or 1
        self.convolve(leaf, kernel, bias, groups if type(groups) is int else 0)
        self.activate(leaf)

    def convolve(
        self, leaf: Leaf, kernel: Array, bias: list[Array], groups: int, strided: bool = True
    ) -> None:
        self.chain.conv2d(
            leaf.name,
            kernel,
            bias[0] if bias else None,
            strides=self.whole(leaf, "strides") if strided else (1, 1),
            padding=self.padding(leaf) if strided else "valid",
            dilation=self.whole(leaf, "dilation_rate") if strided else (1, 1),
            groups=groups,
        )

    def depthwise(self, leaf: Leaf) -> None:
        self.check_format(leaf)
        kernel, *bias = self.read(leaf)
        self.convolve(leaf, _depthwise_kernel(leaf, kernel), bias, self.chain.image(leaf.name)[2])
        self.activate(leaf)

    def separable(self, leaf: Leaf) -> None:
        self.check_format(leaf)
        depthwise, pointwise, *bias = self.read(leaf)
        channels = self.chain.image(leaf.name)[2]
        self.convolve(leaf, _depthwise_kernel(leaf, depthwise), [], channels)
        self.convolve(leaf, pointwise, bias, 1, strided=False)
        self.activate(leaf)

    def dense(self, leaf: Leaf) -> None:
        kernel, *bias = self.read(leaf)
        self.chain.dense(leaf.name, kernel, bias[0] if bias else None)
        self.activate(leaf)

    def check_axis(self, leaf: Leaf) -> None:
        """Raise ValueError unless a norm works on the channels."""
        axis = leaf.config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
        rank = len(self.chain.shape)
        channels = 1 if self.chain.channels_first and rank == 3 else rank
        if axis != channels and not (axis == -1 and channels == rank):
            self.fail(leaf, "axis", f"{channels}, that of the channels")

    def norm_tensors(self, leaf: Leaf) -> list[Array]:
        """Return gamma, beta and what else a norm has; those that it has not are 1 and 0."""
        tensors = self.read(leaf)
        channels = self.chain.shape[-1]
        if not leaf.config.get("scale", True):
            tensors.insert(0, np.ones(channels, np.float32))
        if not leaf.config.get("center", True):
            tensors.insert(1, np.zeros(channels, np.float32))
        return tensors

    def batch_norm(self, leaf: Leaf) -> None:
        self.check_axis(leaf)
        epsilon, momentum = self.real(leaf, "epsilon", 1e-3), self.real(leaf, "momentum", 0.99)
        self.chain.batch_norm(leaf.name, self.norm_tensors(leaf), epsilon, momentum)

    def layer_norm(self, leaf: Leaf) -> None:
        self.check_axis(leaf)
        self.check(leaf, "rms_scaling", False)
        self.chain.layer_norm(leaf.name, self.norm_tensors(leaf), self.real(leaf, "epsilon", 1e-3))

    def statistics(self, leaf: Leaf) -> tuple[Any, Any]:
        """Return the mean and the deviation of a Normalization: numbers, or one for each input."""
        if leaf.weights:
            found = self.read(leaf, 2)
        else:
            found = [np.asarray(leaf.config.get(key), np.float32) for key in ("mean", "variance")]
        if any(tensor.dtype.kind != "f" or tensor.size > 1 << 16 for tensor in found):
            self.fail(leaf, "mean", "numbers")
        mean, variance = (tensor.ravel().astype(np.float64) for tensor in found)
        if mean.size == 1 and variance.size == 1:
            mean, variance = mean[0], variance[0]
        return mean, np.maximum(np.sqrt(variance), 1e-7)

    def normalization(self, leaf: Leaf) -> None:
        mean, deviation = self.statistics(leaf)
        if np.ndim(mean) and self.chain.shape != mean.shape:
            self.fail(leaf, "axis", "one mean for all pixels, or one for each number of a vector")
        if leaf.config.get("invert"):
            self.chain.rescale(leaf.name, deviation, mean)
        else:
            self.chain.rescale(leaf.name, 1 / deviation, -mean / deviation)

    def rescaling(self, leaf: Leaf) -> None:
        self.chain.rescale(leaf.name, self.real(leaf, "scale", 1.0), self.real(leaf, "offset", 0.0))

    def takes_bytes(self, leaf: Leaf) -> bool:
        """Return whether a model that begins with this layer has an input of 0..255."""
        if leaf.kind == "Rescaling":
            return abs(self.real(leaf, "scale", 1.0)) <= _MAX_BYTE_SCALE
        if leaf.kind != "Normalization":
            return False
        left = self.tensors.left
        mean, deviation = self.statistics(leaf)
        self.tensors.left = left
        return bool(np.max(mean) > 1 or np.max(deviation) > 1)

    def max_pool(self, leaf: Leaf) -> None:
        self.pool(leaf, "max")

    def average_pool(self, leaf: Leaf) -> None:
        self.pool(leaf, "average")

    def pool(self, leaf: Leaf, mode: str) -> None:
        self.check_format(leaf)
        size = self.whole(leaf, "pool_size", 2)
        strides = size if leaf.config.get("strides") is None else self.whole(leaf, "strides")
        self.chain.pool(leaf.name, mode, size, strides, self.padding(leaf))

    def global_max(self, leaf: Leaf) -> None:
        self.check_format(leaf)
        self.chain.global_pool(leaf.name, "max", bool(leaf.config.get("keepdims")))

    def global_average(self, leaf: Leaf) -> None:
        self.check_format(leaf)
        self.chain.global_pool(leaf.name, "average", bool(leaf.config.get("keepdims")))

    def flatten(self, leaf: Leaf) -> None:
        first = leaf.config.get("data_format") == "channels_first"
        self.chain.flatten(leaf.name, first_axis_last=first)

    def reshape(self, leaf: Leaf) -> None:
        target = leaf.config.get("target_shape")
        if not isinstance(target, (list, tuple)) or not all(type(n) is int for n in target):
            self.fail(leaf, "target_shape", "numbers")
        chain, size = self.chain, math.prod(self.chain.shape)
        if -1 in target:
            rest = math.prod(n for n in target if n != -1)
            target = [size // rest if n == -1 and rest > 0 else n for n in target]
        present = chain.their_shape()
        if tuple(target) == (size,):
            chain.flatten(leaf.name)
        elif tuple(target) == (1, 1, size) and len(chain.shape) == 1 and chain.order is None:
            chain.shape = (1, 1, size)
        elif tuple(target) in (present, present[:2] if present[-1] == 1 else present):
            return
        elif not chain.has_started() and chain.order is None and chain.is_picture(tuple(target)):
            chain.restore()
        else:
            self.fail(leaf, "target_shape", f"a vector of {size} numbers, or the shape of an image")

    def zero_padding(self, leaf: Leaf) -> None:
        self.check_format(leaf)
        value = leaf.config.get("padding", 1)
        pairs = value if isinstance(value, (list, tuple)) else (value, value)
        sides = [
            n for pair in pairs for n in (pair if isinstance(pair, (list, tuple)) else (pair,) * 2)
        ]
        if len(sides) != 4 or not all(type(n) is int and 0 <= n < 1 << 16 for n in sides):
            self.fail(leaf, "padding", "a whole number, two, or two pairs")
        self.chain.zero_padding(leaf.name, (sides[0], sides[1], sides[2], sides[3]))

    def dropout(self, leaf: Leaf) -> None:
        self.chain.dropout(leaf.name, self.real(leaf, "rate", 0.5))

    def relu(self, leaf: Leaf) -> None:
        if _plain(leaf.config.get("threshold")) not in (0, None):
            self.fail(leaf, "threshold", "0 or None")
        slope = self.real(leaf, "negative_slope", 0.0)
        ceiling = _plain(leaf.config.get("max_value"))
        if ceiling is not None and (ceiling != 6 or slope):
            self.fail(leaf, "max_value", "None, or 6 and no negative_slope")
        if ceiling is not None:
            self.chain.activation(leaf.name, "relu6")
        elif slope:
            self.chain.activation(leaf.name, "leaky_relu", slope)
        else:
            self.chain.activation(leaf.name, "relu")

    def leaky_relu(self, leaf: Leaf) -> None:
        key = "alpha" if "alpha" in leaf.config else "negative_slope"
        self.chain.activation(leaf.name, "leaky_relu", self.real(leaf, key, 0.3))

    def elu(self, leaf: Leaf) -> None:
        self.chain.activation(leaf.name, "elu", self.real(leaf, "alpha", 1.0))

    def softmax(self, leaf: Leaf) -> None:
        self.check(leaf, "axis", -1, 1)
        self.chain.softmax(leaf.name)


def _plain(value: Any) -> Any:
    """Return an option that may be a number of NumPy as a plain one."""
    inner = value.get("config") if isinstance(value, dict) else None
    return inner.get("value") if isinstance(inner, dict) else value


def _depthwise_kernel(leaf: Leaf, kernel: Array) -> Array:
    """Return a kernel (h, w, channels, multiplier) as one of so many groups."""
    if kernel.ndim != 4:
        raise ValueError(f"layer {leaf.name!r} has a kernel {kernel.shape}")
    return kernel.reshape(*kernel.shape[:2], 1, -1)


_CONVERTERS: dict[str, Callable[[_Importer, Leaf], None]] = {
    "Activation": _Importer.activate,
    "AveragePooling2D": _Importer.average_pool,
    "BatchNormalization": _Importer.batch_norm,
    "Conv2D": _Importer.conv2d,
    "Dense": _Importer.dense,
    "DepthwiseConv2D": _Importer.depthwise,
    "Dropout": _Importer.dropout,
    "ELU": _Importer.elu,
    "Flatten": _Importer.flatten,
    "GlobalAveragePooling2D": _Importer.global_average,
    "GlobalMaxPooling2D": _Importer.global_max,
    "LayerNormalization": _Importer.layer_norm,
    "LeakyReLU": _Importer.leaky_relu,
    "MaxPooling2D": _Importer.max_pool,
    "Normalization": _Importer.normalization,
    "ReLU": _Importer.relu,
    "Rescaling": _Importer.rescaling,
    "Reshape": _Importer.reshape,
    "SeparableConv2D": _Importer.separable,
    "Softmax": _Importer.softmax,
    "ZeroPadding2D": _Importer.zero_padding,
}

# Layers without effect on predictions.
_IGNORED = frozenset(
    [
        "ActivityRegularization",
        "AlphaDropout",
        "GaussianDropout",
        "GaussianNoise",
        "InputLayer",
        "RandomBrightness",
        "RandomContrast",
        "RandomElasticTransform",
        "RandomErasing",
        "RandomFlip",
        "RandomGaussianBlur",
        "RandomHeight",
        "RandomPerspective",
        "RandomRotation",
        "RandomSharpness",
        "RandomShear",
        "RandomTranslation",
        "RandomWidth",
        "RandomZoom",
        "SpatialDropout2D",
    ]
)
