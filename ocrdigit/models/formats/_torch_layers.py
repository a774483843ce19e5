"""Import of models of PyTorch: the tensors of a ``state_dict``, and a list of the layers.

A state_dict has weights and no layers: strides, padding, activations and pools are in the code of
the model's ``forward``, so that they are stated as a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ... import _core
from ._chain import Array, Chain, Pair

Layers = Sequence[str | Mapping[str, Any]]


def from_tensors(
    tensors: Mapping[str, Array],
    layers: Layers,
    *,
    values: tuple[float, float] = (0.0, 1.0),
    pad: int = 0,
) -> _core.Network:
    """Return the network of a model of PyTorch.

    Parameters
    ----------
    tensors : mapping of ndarray
        The tensors of the state_dict by name.
    layers : list of str or dict
        The layers in the order of ``forward``: the name of a module of the state_dict, a class of
        ``torch.nn`` without weights, or a dict of ``"name"`` or ``"type"`` and its options.
    values : (float, float)
        The values of background and full strokes in the model's input.
    pad : int
        The rows and columns of background that the model expects around a digit's 28x28 pixels.

    Raises
    ------
    TypeError, ValueError
        If a layer is unknown, has an option that is not supported, or does not fit its tensors.
    """
    if isinstance(layers, str) or not isinstance(layers, Sequence):
        raise TypeError(f"layers must be a list, got {type(layers).__name__}")
    side = 28 + 2 * pad
    reader = _Importer(tensors)
    parsed = [reader.parse(layer, index) for index, layer in enumerate(layers)]
    shape = (side * side,) if parsed and parsed[0].kind == "Linear" else (1, side, side)
    reader.chain = Chain(shape, channels_first=True, pad=pad, values=values)
    for layer in parsed:
        reader.add(layer)
    left = reader.modules - reader.used
    if left:
        raise ValueError(f"state_dict has tensors of {_listed(left)}, which layers does not name")
    return reader.chain.network()


def _listed(modules: Iterable[str]) -> str:
    """Return names of a file, which may be many and long, for a message."""
    names = sorted(modules)
    found = ", ".join(f"{name!r:.60}" for name in names[:10])
    return found if len(names) <= 10 else f"{found} and {len(names) - 10} more"


class _Layer(NamedTuple):
    """A layer of a model: its class in torch.nn, its name in messages, and its options."""

    kind: str
    name: str
    module: str | None  # its name in the state_dict, if it has tensors
    options: dict[str, Any]


class _Importer:
    """Appends layers to a chain."""

    chain: Chain

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self.tensors = tensors
        self.modules = {name.rpartition(".")[0] for name in tensors}
        self.used: set[str] = set()

    # ---- the list ----

    def parse(self, layer: str | Mapping[str, Any], index: int) -> _Layer:
        """Return a layer of the list."""
        where = f"layers[{index}]"
        if isinstance(layer, str):
            layer = {"name" if layer in self.modules else "type": layer}
        if not isinstance(layer, Mapping):
            raise TypeError(f"{where} must be a str or a dict, got {type(layer).__name__}")
        options = dict(layer)
        module, kind = options.pop("name", None), options.pop("type", None)
        if module is not None and module not in self.modules:
            raise ValueError(
                f"{where} names {module!r}, and state_dict has no tensors of that name; it has "
                f"those of {_listed(self.modules)}"
            )
        if module is not None:
            kind = self.kind_of(module, where) if kind is None else kind
        if kind not in _CONVERTERS:
            raise ValueError(
                f"{where} is {kind!r}: neither tensors in state_dict ({_listed(self.modules)}) nor "
                f"a class that is supported ({', '.join(sorted(_CONVERTERS))})"
            )
        if (module is not None) != (kind in _WITH_TENSORS):
            needs = "needs" if kind in _WITH_TENSORS else "does not take"
            raise ValueError(f'{where}, a {kind}, {needs} the "name" of tensors in state_dict')
        known = _OPTIONS.get(kind, ())
        for key in options:
            if key not in known:
                raise ValueError(
                    f"{where}, a {kind}, has {key!r}, expected only {', '.join(known)}"
                )
        return _Layer(str(kind), module or f"{index}: {kind}", module, options)

    def kind_of(self, module: str, where: str) -> str:
        """Return the class of a module by its tensors."""
        if f"{module}.running_mean" in self.tensors:
            return "BatchNorm2d"
        rank = self.tensors[f"{module}.weight"].ndim if f"{module}.weight" in self.tensors else 0
        if rank not in (2, 4):
            raise ValueError(
                f'{where}: the class of {module!r} is not known by its tensors; give {{"name": '
                f'{module!r}, "type": "LayerNorm"}}, for example'
            )
        return "Linear" if rank == 2 else "Conv2d"

    def tensor(self, layer: _Layer, role: str) -> Array | None:
        return self.tensors.get(f"{layer.module}.{role}")

    def weight(self, layer: _Layer, rank: int) -> Array:
        weight = self.tensor(layer, "weight")
        if weight is None or weight.ndim != rank:
            shape = None if weight is None else weight.shape
            raise ValueError(f"{layer.module}.weight is {shape}, expected {rank} dimensions")
        return weight

    def add(self, layer: _Layer) -> None:
        """Append a layer."""
        if layer.module is not None:
            self.used.add(layer.module)
        _CONVERTERS[layer.kind](self, layer)

    def fail(self, layer: _Layer, key: str, expected: str) -> NoReturn:
        value = repr(layer.options.get(key))[:100]
        raise ValueError(f"layer {layer.name!r} has {key} {value}, expected {expected}")

    def pair(self, layer: _Layer, key: str, default: Any) -> Pair:
        """Return an option that is one whole number for both directions, or two."""
        value = layer.options.get(key)
        value = default if value is None else value
        pair = value if isinstance(value, (list, tuple)) else (value, value)
        if len(pair) != 2 or not all(type(n) is int and 0 <= n < 1 << 16 for n in pair):
            self.fail(layer, key, "a whole number or two")
        return pair[0], pair[1]

    def real(self, layer: _Layer, key: str, default: float) -> float:
        value = layer.options.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fail(layer, key, "a number")
        return float(value)

    # ---- one method for each class of layers ----

    def conv2d(self, layer: _Layer) -> None:
        weight, bias = self.weight(layer, 4), self.tensor(layer, "bias")
        strides, dilation = self.pair(layer, "stride", 1), self.pair(layer, "dilation", 1)
        if layer.options.get("padding_mode", "zeros") != "zeros":
            self.fail(layer, "padding_mode", "'zeros'")
        padding = "valid"
        extents = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
        if layer.options.get("padding") == "same":
            if strides != (1, 1):
                self.fail(layer, "padding", "numbers where stride is not 1, as in PyTorch")
            padding = "same"
        elif layer.options.get("padding") != "valid":
            pads = self.pair(layer, "padding", 0)
            if strides == (1, 1) and all(
                2 * p == e - 1 for p, e in zip(pads, extents, strict=True)
            ):
                padding = "same"
            else:
                self.pad(layer, pads)
        channels = self.chain.image(layer.name)[2]
        groups, rest = divmod(channels, weight.shape[1])
        if rest or layer.options.get("groups", groups) != groups:
            raise ValueError(
                f"layer {layer.name!r} has a weight {weight.shape} for {channels} channels"
            )
        kernel = weight.transpose(2, 3, 1, 0)
        self.chain.conv2d(
            layer.name, kernel, bias, strides=strides, padding=padding, dilation=dilation,
            groups=groups,
        )  # fmt: skip

    def pad(self, layer: _Layer, pads: Pair) -> None:
        """Append the padding of a layer, the same on opposite sides."""
        self.chain.zero_padding(layer.name, (pads[0], pads[0], pads[1], pads[1]))

    def linear(self, layer: _Layer) -> None:
        self.chain.dense(layer.name, self.weight(layer, 2).T, self.tensor(layer, "bias"))

    def batch_norm(self, layer: _Layer) -> None:
        tensors = [
            self.tensor(layer, role) for role in ("weight", "bias", "running_mean", "running_var")
        ]
        mean = tensors[2]
        if mean is None or tensors[3] is None:
            raise ValueError(f"layer {layer.name!r} has no running_mean and running_var")
        gamma = np.ones_like(mean) if tensors[0] is None else tensors[0]
        beta = np.zeros_like(mean) if tensors[1] is None else tensors[1]
        epsilon = self.real(layer, "eps", 1e-5)
        self.chain.batch_norm(layer.name, [gamma, beta, mean, tensors[3]], epsilon, momentum=0.9)

    def layer_norm(self, layer: _Layer) -> None:
        weight, bias = self.weight(layer, 1), self.tensor(layer, "bias")
        if len(self.chain.shape) != 1:
            raise ValueError(
                f"layer {layer.name!r} is a LayerNorm of an image, expected one of a vector"
            )
        beta = np.zeros_like(weight) if bias is None else bias
        self.chain.layer_norm(layer.name, [weight, beta], self.real(layer, "eps", 1e-5))

    def max_pool(self, layer: _Layer) -> None:
        self.check_result(layer)
        if self.pair(layer, "dilation", 1) != (1, 1):
            self.fail(layer, "dilation", "1")
        pads = self.pair(layer, "padding", 0)
        if any(pads) and not self.is_positive():
            self.fail(layer, "padding", "0, unless a ReLU or Sigmoid comes before the pool: there "
                      "zeros do not change a maximum")  # fmt: skip
        self.pool(layer, "max", pads)

    def average_pool(self, layer: _Layer) -> None:
        if layer.options.get("divisor_override") is not None:
            self.fail(layer, "divisor_override", "None")
        pads = self.pair(layer, "padding", 0)
        if any(pads) and not layer.options.get("count_include_pad", True):
            self.fail(layer, "count_include_pad", "True where there is padding")
        self.pool(layer, "average", pads)

    def check_result(self, layer: _Layer) -> None:
        """Raise ValueError if a pool gives the places of its maxima, too."""
        if layer.options.get("return_indices", False):
            self.fail(layer, "return_indices", "False")

    def pool(self, layer: _Layer, mode: str, pads: Pair) -> None:
        if "kernel_size" not in layer.options:
            self.fail(layer, "kernel_size", "the size of the windows")
        size = self.pair(layer, "kernel_size", 2)
        strides = self.pair(layer, "stride", size)
        self.pad(layer, pads)
        sides = self.chain.image(layer.name)[:2]
        partial = any((n - k) % max(s, 1) for n, k, s in zip(sides, size, strides, strict=True))
        if layer.options.get("ceil_mode", False) and partial:
            self.fail(layer, "ceil_mode", f"False, or windows that divide {sides}")
        self.chain.pool(layer.name, mode, size, strides)

    def is_positive(self) -> bool:
        """Return whether the present output has no negative numbers."""
        for layer in reversed(self.chain.layers):
            if layer["type"] in ("dropout", "max_pool2d", "average_pool2d"):
                continue
            positive = layer.get("function") in ("relu6", "sigmoid")
            return positive or layer["type"] == "relu" or layer.get("activation") == "relu"
        return False

    def adaptive_average(self, layer: _Layer) -> None:
        self.adaptive(layer, "average")

    def adaptive_max(self, layer: _Layer) -> None:
        self.check_result(layer)
        self.adaptive(layer, "max")

    def adaptive(self, layer: _Layer, mode: str) -> None:
        size = self.pair(layer, "output_size", 1)
        sides = self.chain.image(layer.name)[:2]
        if size == (1, 1):
            self.chain.global_pool(layer.name, mode, keepdims=True)
        elif all(o and n % o == 0 for n, o in zip(sides, size, strict=True)):
            windows = (sides[0] // size[0], sides[1] // size[1])
            self.chain.pool(layer.name, mode, windows, windows)
        else:
            self.fail(layer, "output_size", f"1, or numbers that divide {sides}")

    def zero_padding(self, layer: _Layer) -> None:
        value = layer.options.get("padding")
        sides = value if isinstance(value, (list, tuple)) else (value,) * 4
        if len(sides) != 4 or not all(type(n) is int and 0 <= n < 1 << 16 for n in sides):
            self.fail(layer, "padding", "a whole number, or four: left, right, top, bottom")
        left, right, top, bottom = sides
        self.chain.zero_padding(layer.name, (top, bottom, left, right))

    def flatten(self, layer: _Layer) -> None:
        if layer.options.get("start_dim", 1) != 1 or layer.options.get("end_dim", -1) != -1:
            self.fail(layer, "start_dim", "1, and end_dim -1")
        self.chain.flatten(layer.name)

    def dropout(self, layer: _Layer) -> None:
        self.chain.dropout(layer.name, self.real(layer, "p", 0.5))

    def identity(self, layer: _Layer) -> None:
        """Append nothing."""

    def softmax(self, layer: _Layer) -> None:
        is_vector = len(self.chain.shape) == 1  # of a map, the last dimension is its columns
        if layer.options.get("dim", 1) not in ((1, -1) if is_vector else (1,)):
            self.fail(layer, "dim", "1, that of the channels")
        self.chain.softmax(layer.name)

    def relu(self, layer: _Layer) -> None:
        self.chain.activation(layer.name, "relu")

    def leaky_relu(self, layer: _Layer) -> None:
        slope = self.real(layer, "negative_slope", 0.01)
        self.chain.activation(layer.name, "leaky_relu", slope)

    def elu(self, layer: _Layer) -> None:
        self.chain.activation(layer.name, "elu", self.real(layer, "alpha", 1.0))

    def function(self, layer: _Layer) -> None:
        self.chain.activation(layer.name, _FUNCTIONS[layer.kind])


_FUNCTIONS = {
    "ReLU6": "relu6",
    "SELU": "selu",
    "SiLU": "swish",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
}

_CONVERTERS: dict[str, Callable[[_Importer, _Layer], None]] = {
    "AdaptiveAvgPool2d": _Importer.adaptive_average,
    "AdaptiveMaxPool2d": _Importer.adaptive_max,
    "AvgPool2d": _Importer.average_pool,
    "BatchNorm1d": _Importer.batch_norm,
    "BatchNorm2d": _Importer.batch_norm,
    "Conv2d": _Importer.conv2d,
    "Dropout": _Importer.dropout,
    "Dropout2d": _Importer.dropout,
    "ELU": _Importer.elu,
    "Flatten": _Importer.flatten,
    "Identity": _Importer.identity,
    "LayerNorm": _Importer.layer_norm,
    "LeakyReLU": _Importer.leaky_relu,
    "Linear": _Importer.linear,
    "LogSoftmax": _Importer.softmax,
    "MaxPool2d": _Importer.max_pool,
    "ReLU": _Importer.relu,
    "Softmax": _Importer.softmax,
    "ZeroPad2d": _Importer.zero_padding,
    **dict.fromkeys(_FUNCTIONS, _Importer.function),
}

_WITH_TENSORS = ("BatchNorm1d", "BatchNorm2d", "Conv2d", "LayerNorm", "Linear")

_OPTIONS = {
    "AdaptiveAvgPool2d": ("output_size",),
    "AdaptiveMaxPool2d": ("output_size", "return_indices"),
    "AvgPool2d": (
        "kernel_size",
        "stride",
        "padding",
        "ceil_mode",
        "count_include_pad",
        "divisor_override",
    ),
    "BatchNorm1d": ("eps",),
    "BatchNorm2d": ("eps",),
    "Conv2d": ("stride", "padding", "dilation", "groups", "padding_mode"),
    "Dropout": ("p",),
    "Dropout2d": ("p",),
    "ELU": ("alpha",),
    "Flatten": ("start_dim", "end_dim"),
    "LayerNorm": ("eps",),
    "LeakyReLU": ("negative_slope",),
    "LogSoftmax": ("dim",),
    "MaxPool2d": ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"),
    "Softmax": ("dim",),
    "ZeroPad2d": ("padding",),
}


def layers_of_module(module: Any, prefix: str = "") -> list[dict[str, Any]]:
    """Return the layers of a ``torch.nn.Sequential``, which may contain others.

    Raises
    ------
    TypeError
        If it is another module, whose order of layers is in its code.
    """
    if type(module).__name__ != "Sequential":
        raise TypeError(
            f"a {type(module).__name__}, whose order of layers is in its forward(); pass its "
            "state_dict() and the list layers=, expected a torch.nn.Sequential"
        )
    layers: list[dict[str, Any]] = []
    # named_children() leaves out a module that comes again, such as a ReLU that is used twice.
    for name, child in module._modules.items():
        kind, path = type(child).__name__, f"{prefix}{name}"
        if kind == "Sequential":
            layers += layers_of_module(child, f"{path}.")
            continue
        options = {
            key: getattr(child, key) for key in _OPTIONS.get(kind, ()) if hasattr(child, key)
        }
        if kind in _WITH_TENSORS:
            options["name"] = path
        layers.append({"type": kind, **options})
    return layers
