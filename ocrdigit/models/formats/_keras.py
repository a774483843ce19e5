"""Export and import of Keras 3 files (.keras), without Keras.

A .keras file is a zip archive: config.json has the model's layers; model.weights.h5 has their
weights, by the class of the layer and its index among those of the class; metadata.json has the
Keras version and, under "ocrdigit", our own metadata. The importer supports the layers of the core
only; the error names any other. It executes nothing of a file.
"""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ..._bounded import max_unpacked, read_member, sentence
from ._layers import Layer, layers_of
from ._require import require

# The version of the exported format, which every Keras 3.x reads.
_KERAS_VERSION = "3.8.0"
_MAX_CONFIG = 1 << 20  # bytes, uncompressed
_INPUT = (28, 28, 1)

KerasLayer = dict[str, Any]
Config = Mapping[str, Any]

# ---- writing ----


def to_keras(network: _core.Network, metadata: Mapping[str, str]) -> bytes:
    """Return a network as a .keras file, for inference or further training in Keras.

    Its input has values 0..1, its output is probabilities; compile it before training.

    Parameters
    ----------
    network : Network
        The network to export.
    metadata : mapping of str
        Stored under "ocrdigit" in metadata.json.

    Raises
    ------
    ModuleNotFoundError
        If h5py is not installed.
    ValueError
        If a layer cannot be exported.
    """
    h5py = require("h5py", "keras")
    layers = layers_of(network)
    exported = [_exported(layer) for layer in layers]
    if layers[-1].type == "dense":
        exported[-1]["config"]["activation"] = "softmax"
    else:
        exported.append(_keras_layer("Softmax", "probabilities", axis=-1))
    shape = [None, *network.input_shape]
    first = _keras_layer("InputLayer", "image", batch_shape=shape, sparse=False)
    model = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": "ocrdigit",
            "trainable": True,
            "dtype": "float32",
            "layers": [first, *exported],
            "build_input_shape": shape,
        },
        "registered_name": None,
        "build_config": {"input_shape": shape},
    }
    about = {
        "keras_version": _KERAS_VERSION,
        "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S", time.gmtime()),
        "ocrdigit": dict(metadata),
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("metadata.json", json.dumps(about))
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", _weights_file(h5py, exported, layers))
    return data.getvalue()


def _keras_layer(kind: str, name: str, **config: Any) -> KerasLayer:
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "dtype": "float32", **config},
        "registered_name": None,
    }


def _exported(layer: Layer) -> KerasLayer:
    """Return a layer as one of Keras."""
    config, name = layer.config, layer.name
    common = {
        "use_bias": config.get("use_bias"),
        "activation": "relu" if layer.relu else "linear",
    }
    match layer.type:
        case "conv2d":
            sizes = {
                "kernel_size": layer.kernel_size,
                "strides": layer.strides,
                "dilation_rate": (layer.dilation, layer.dilation),
            }
            same = {"filters": config["filters"], "padding": config["padding"]}
            return _keras_layer("Conv2D", name, **same, **sizes, **common)
        case "dense":
            return _keras_layer("Dense", name, units=config["units"], **common)
        case "max_pool2d":
            return _keras_layer(
                "MaxPooling2D", name, pool_size=layer.pool_size, strides=layer.strides
            )
        case "batch_norm":
            same = {"momentum": config["momentum"], "epsilon": config["epsilon"]}
            return _keras_layer("BatchNormalization", name, **same)
        case "dropout":
            return _keras_layer("Dropout", name, rate=config["rate"])
        case "relu":
            return _keras_layer("ReLU", name)
        case "flatten":
            return _keras_layer("Flatten", name)
        case "global_average_pool2d":
            return _keras_layer("GlobalAveragePooling2D", name)
    raise ValueError(f"layer {name} of type {layer.type!r} cannot be exported to Keras")


# The order in which Keras stores a layer's weights.
_ROLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def _weights_file(h5py: Any, exported: list[KerasLayer], layers: list[Layer]) -> bytes:
    data = io.BytesIO()
    tensors = [layer.tensors for layer in layers] + [{}] * (len(exported) - len(layers))
    with h5py.File(data, "w") as file:
        file.create_group("vars").attrs["name"] = "ocrdigit"
        names = _group_names(layer["class_name"] for layer in exported)
        for layer, group, own in zip(exported, names, tensors, strict=True):
            variables = file.create_group(f"layers/{group}/vars")
            variables.attrs["name"] = layer["config"]["name"]
            for number, role in enumerate(role for role in _ROLES if role in own):
                variables[str(number)] = own[role]
    return data.getvalue()


def _group_names(classes: Any) -> Iterator[str]:
    """Yield the name of each layer's group in the weights file, from the layers' classes."""
    counts: dict[str, int] = {}
    for kind in classes:
        name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)
        name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
        counts[name] = counts.get(name, -1) + 1
        yield f"{name}_{counts[name]}" if counts[name] else name


# ---- reading ----


def from_keras(data: bytes) -> _core.Network:
    """Return the network of a .keras file that was written by Keras or by :func:`to_keras`.

    Augmentation layers are left out. A Rescaling by 1/255 at the start maps bytes to 0..1, the
    values of our input; another scale is folded into the first kernel.

    Parameters
    ----------
    data : bytes
        The content of the file.

    Raises
    ------
    ModuleNotFoundError
        If h5py is not installed.
    ValueError
        If it is not a .keras file, unpacks to far more than it has bytes, or has a layer that is
        not supported, which is named.
    MemoryError
        If there is not enough memory.
    """
    h5py = require("h5py", "keras")
    limit = max_unpacked(len(data))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            config = json.loads(read_member(archive, "config.json", min(limit, _MAX_CONFIG)))
            weights = read_member(archive, "model.weights.h5", limit)
    except MemoryError:
        raise
    except Exception as error:  # zipfile raises many types, from struct.error to RuntimeError
        raise ValueError(f"not a .keras file that can be read: {sentence(error)}") from error
    try:
        with h5py.File(io.BytesIO(weights), "r") as file:
            importer = _Importer(_Weights(h5py, file, len(weights)))
            importer.import_model(config, "layers")
    except (ValueError, MemoryError):
        raise
    except Exception as error:  # h5py raises any type for a damaged file
        raise ValueError(f"damaged, or of an unsupported version: {sentence(error)}") from error
    return importer.network()


class _Weights:
    """The tensors of a weights file; their sizes are checked before any is read.

    A dataset may be declared and never written, packed by filters, or in another file, and its size
    is then not bounded by that of the file. Keras writes none of these.
    """

    def __init__(self, h5py: Any, file: Any, size: int) -> None:
        self.h5py, self.file = h5py, file
        self.left = size  # bytes that the next tensors may have: no more than the file altogether

    def of(self, group: str, count: int) -> list[NDArray[np.float32]]:
        """Return the ``count`` tensors of the layer of a group."""
        variables = self.file
        for name in (*group.split("/"), "vars"):
            variables = self.item(variables, name, self.h5py.Group)
        if len(variables) != count:
            raise ValueError(f"{group} has {len(variables)} tensors, expected {count}")
        datasets = [self.item(variables, str(number), self.h5py.Dataset) for number in range(count)]
        for dataset in datasets:
            self.check(dataset)
        return [np.asarray(dataset[()], np.float32) for dataset in datasets]

    def item(self, group: Any, name: str, kind: type) -> Any:
        """Return a group's item; links to other files are not followed."""
        if not isinstance(group.get(name, getlink=True), self.h5py.HardLink):
            raise ValueError(f"its weights have no {group.name}/{name}, or it is a link")
        item = group[name]
        if not isinstance(item, kind):
            raise ValueError(f"{item.name} of its weights is not a {kind.__name__.lower()}")
        return item

    def check(self, dataset: Any) -> None:
        """Raise ValueError unless a dataset's numbers are in the file, as plain floats."""
        name, dtype = dataset.name, dataset.dtype
        if dtype.kind != "f" or dtype.itemsize > 8 or dtype.shape:
            raise ValueError(f"{name} is {dtype}, expected float32")
        stored = dataset.id.get_storage_size()
        if dataset.chunks or dataset.is_virtual or dataset.external or stored < dataset.nbytes:
            raise ValueError(
                f"{name} of shape {dataset.shape} is compressed, in parts, in another file or not "
                "written at all; expected all of its numbers in one block"
            )
        self.left -= dataset.nbytes
        if self.left < 0:
            raise ValueError("its tensors have more bytes altogether than the file")


class _Importer:
    """Converts a model's layers one after the other."""

    def __init__(self, weights: _Weights) -> None:
        self.weights = weights
        self.layers: list[KerasLayer] = []
        self.tensors: list[list[NDArray[np.float32]]] = []
        self.input: tuple[int, ...] | None = None
        # The input of the first layer with weights is ours (0..1) times scale plus offset.
        self.scale, self.offset = 1.0, 0.0
        self.rescaled = False
        self.ended = False  # after a softmax

    def import_model(self, config: Config, path: str) -> None:
        """Convert a Sequential model, the file's own or a nested one."""
        kind = config.get("class_name")
        if kind != "Sequential":
            raise ValueError(f"a model of class {kind!r}; only Sequential models are supported")
        layers = config["config"]["layers"]
        for layer in layers:
            if layer["class_name"] == "InputLayer":
                self.set_input(layer["config"])
        layers = [layer for layer in layers if layer["class_name"] != "InputLayer"]
        names = _group_names(layer["class_name"] for layer in layers)
        for layer, group in zip(layers, names, strict=True):
            kind, own = layer["class_name"], layer["config"]
            here = f"{path}/{group}"
            if kind == "Sequential":
                self.import_model(layer, f"{here}/layers")
            elif kind not in _IGNORED:
                if kind not in _CONVERTERS:
                    raise ValueError(
                        f"layer {own.get('name')!r} is a {kind}, which is not supported; supported "
                        f"are {', '.join(sorted(_CONVERTERS))} and augmentation layers"
                    )
                self.import_layer(kind, own, here)

    def set_input(self, config: Config) -> None:
        shape = tuple(config.get("batch_shape") or config.get("batch_input_shape") or ())[1:]
        if self.input is None:
            self.input = shape

    def import_layer(self, kind: str, config: Config, group: str) -> None:
        if self.ended:
            raise ValueError(f"layer {config.get('name')!r} comes after the softmax")
        _CONVERTERS[kind](self, config, group)

    def add(self, layer: KerasLayer, tensors: list[NDArray[np.float32]]) -> None:
        self.layers.append(layer)
        self.tensors.append(tensors)

    def fail(self, config: Config, key: str, expected: str) -> None:
        raise ValueError(
            f"layer {config.get('name')!r} has {key} {config.get(key)!r}; expected {expected}"
        )

    def activate(self, config: Config) -> str | None:
        """Return our activation for a layer's; a softmax ends the model."""
        activation = config.get("activation", "linear")
        if activation == "softmax":
            self.ended = True
        elif activation not in ("linear", "relu", None):
            self.fail(config, "activation", "'linear' or 'relu', or 'softmax' at the end")
        return "relu" if activation == "relu" else None

    # One method for each class of layers.

    def conv2d(self, config: Config, group: str) -> None:
        self.check(config, "data_format", "channels_last", "channels_last")
        self.check(config, "groups", 1, "1")
        bias = bool(config.get("use_bias", True))
        layer = {
            "type": "conv2d",
            "filters": config["filters"],
            "kernel_size": _square(config["kernel_size"]),
            "strides": _square(config.get("strides", 1)),
            "dilation_rate": _square(config.get("dilation_rate", 1)),
            "padding": config.get("padding", "valid"),
            "use_bias": bias,
            "activation": self.activate(config),
        }
        self.add(layer, self.rescale(layer, self.weights.of(group, 1 + bias)))

    def dense(self, config: Config, group: str) -> None:
        bias = bool(config.get("use_bias", True))
        layer = {
            "type": "dense",
            "units": config["units"],
            "use_bias": bias,
            "activation": self.activate(config),
        }
        self.add(layer, self.rescale(layer, self.weights.of(group, 1 + bias)))

    def batch_norm(self, config: Config, group: str) -> None:
        self.check_not_rescaled(config)
        centre, scale = bool(config.get("center", True)), bool(config.get("scale", True))
        tensors = self.weights.of(group, 2 + centre + scale)
        if not scale:
            tensors.insert(0, np.ones_like(tensors[-1]))
        if not centre:
            tensors.insert(1, np.zeros_like(tensors[-1]))
        layer = {"type": "batch_norm", "epsilon": config["epsilon"]}
        self.add({**layer, "momentum": config.get("momentum", 0.99)}, tensors)

    def max_pool2d(self, config: Config, group: str) -> None:
        self.check(config, "data_format", "channels_last", "channels_last")
        self.check(config, "padding", "valid", "'valid'")
        size = _square(config.get("pool_size", 2))
        if _square(config.get("strides") or size) != size:
            self.fail(config, "strides", "strides equal to pool_size")
        self.add({"type": "max_pool2d", "pool_size": size}, [])

    def average(self, config: Config, group: str) -> None:
        self.check(config, "data_format", "channels_last", "channels_last")
        self.check(config, "keepdims", False, "False")
        self.add({"type": "global_average_pool2d"}, [])

    def flatten(self, config: Config, group: str) -> None:
        self.check(config, "data_format", "channels_last", "channels_last")
        self.add({"type": "flatten"}, [])

    def dropout(self, config: Config, group: str) -> None:
        self.add({"type": "dropout", "rate": config["rate"]}, [])

    def relu(self, config: Config, group: str) -> None:
        self.check(config, "max_value", None, "None")
        self.check(config, "negative_slope", 0, "0")
        self.check(config, "threshold", 0, "0")
        self.check_not_rescaled(config)
        self.add({"type": "relu"}, [])

    def activation(self, config: Config, group: str) -> None:
        if self.activate(config):
            self.check_not_rescaled(config)
            self.add({"type": "relu"}, [])

    def softmax(self, config: Config, group: str) -> None:
        self.ended = True

    def reshape(self, config: Config, group: str) -> None:
        if self.layers or tuple(config["target_shape"]) != _INPUT:
            self.fail(config, "target_shape", f"a Reshape to {_INPUT} before all other layers")
        self.input = _INPUT

    def rescaling(self, config: Config, group: str) -> None:
        if self.layers:
            raise ValueError(f"layer {config.get('name')!r} must come before all others")
        scale, offset = config["scale"], config.get("offset", 0.0)
        if not all(isinstance(value, (int, float)) for value in (scale, offset)):
            self.fail(config, "scale", "one number for all pixels")
        # A model that starts with a Rescaling has an input of bytes, 255 times ours.
        self.scale *= scale if self.rescaled else 255 * scale
        self.offset = self.offset * scale + offset
        self.rescaled = True

    def check(self, config: Config, key: str, wanted: object, expected: str) -> None:
        if _square(config.get(key, wanted)) not in (wanted, None):
            self.fail(config, key, expected)

    # Rescaling of the input.

    def check_not_rescaled(self, config: Config) -> None:
        if self.offset or not _is_one(self.scale):
            raise ValueError(
                f"layer {config.get('name')!r} comes after a Rescaling by other than 1/255, which "
                "only a Conv2D or Dense may follow"
            )

    def rescale(
        self, layer: KerasLayer, tensors: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Return a layer's weights with the rescaling of its input folded into them."""
        scale, offset = self.scale, self.offset
        self.scale, self.offset = 1.0, 0.0
        if _is_one(scale) and not offset:
            return tensors
        kernel = tensors[0]
        if offset:
            if layer.get("padding") == "same":
                raise ValueError(
                    f"a Rescaling with offset {offset:g} cannot be folded into a convolution with "
                    "padding 'same'"
                )
            if not layer["use_bias"]:
                layer["use_bias"] = True
                tensors = [kernel, np.zeros(kernel.shape[-1], np.float32)]
            sums = kernel.reshape(-1, kernel.shape[-1]).sum(axis=0, dtype=np.float64)
            tensors[1] = (tensors[1] + offset * sums).astype(np.float32)
        return [(kernel * scale).astype(np.float32), *tensors[1:]]

    def network(self) -> _core.Network:
        """Return the network of the converted layers."""
        shape = self.input if self.input is not None else _INPUT
        if shape == _INPUT[:2]:
            shape = _INPUT
        if shape != _INPUT:
            raise ValueError(f"a model with input shape {shape}, expected {_INPUT}")
        if not self.layers:
            raise ValueError("a model without layers")
        for layer, tensors in zip(self.layers, self.tensors, strict=True):
            units = layer.get("filters", layer.get("units"))
            if units is not None and tensors[0].shape[-1:] != (units,):  # before memory is taken
                raise ValueError(
                    f"a {layer['type']} layer of {units!r} units has a kernel {tensors[0].shape}"
                )
        given = sum(tensor.size for tensors in self.tensors for tensor in tensors)
        network = _core.Network(self.layers, shape, max_weights=2 * given + 1024)
        roles: dict[str, list[str]] = {}
        for name in network.weights():
            owner, role = name.split(".")
            roles.setdefault(owner, []).append(role)
        weights = {}
        for about, tensors in zip(network.describe(), self.tensors, strict=True):
            own = [role for role in _ROLES if role in roles.get(about["name"], [])]
            for role, tensor in zip(own, tensors, strict=True):
                weights[f"{about['name']}.{role}"] = tensor
        network.set_weights(weights)
        return network


_CONVERTERS: dict[str, Callable[[_Importer, Config, str], None]] = {
    "Activation": _Importer.activation,
    "BatchNormalization": _Importer.batch_norm,
    "Conv2D": _Importer.conv2d,
    "Dense": _Importer.dense,
    "Dropout": _Importer.dropout,
    "Flatten": _Importer.flatten,
    "GlobalAveragePooling2D": _Importer.average,
    "MaxPooling2D": _Importer.max_pool2d,
    "ReLU": _Importer.relu,
    "Rescaling": _Importer.rescaling,
    "Reshape": _Importer.reshape,
    "Softmax": _Importer.softmax,
}

# Layers without effect on inference.
_IGNORED = frozenset(
    [
        "GaussianDropout",
        "GaussianNoise",
        "RandomBrightness",
        "RandomContrast",
        "RandomElasticTransform",
        "RandomErasing",
        "RandomFlip",
        "RandomGaussianBlur",
        "RandomPerspective",
        "RandomRotation",
        "RandomSharpness",
        "RandomShear",
        "RandomTranslation",
        "RandomZoom",
        "SpatialDropout2D",
    ]
)


def _square(value: Any) -> Any:
    """Return one number for a pair of equal ones."""
    if isinstance(value, (list, tuple)) and len(value) == 2 and value[0] == value[1]:
        return value[0]
    return value


def _is_one(scale: float) -> bool:
    return abs(scale - 1) < 1e-6
