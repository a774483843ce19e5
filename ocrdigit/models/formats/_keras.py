"""Files of Keras 3 (.keras), both ways, without Keras.

Such a file is a zip archive: config.json says which layers a model has, model.weights.h5 has
their numbers by the kind of layer and its number among its kind, and metadata.json who wrote
it; there our own metadata stand too, under "ocrdigit". Only layers that the core has are read;
all others are named in the error. Nothing in a file is run.
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
from ._extras import require
from ._parts import Part, parts_of

# The version whose forms these are; Keras reads those of all 3.x.
_KERAS_VERSION = "3.8.0"
_MOST_CONFIG, _MOST_WEIGHTS = 1 << 22, 1 << 29  # bytes, once unpacked
_INPUT = (28, 28, 1)

Layer = dict[str, Any]
Config = Mapping[str, Any]

# ---- writing ----


def to_keras(network: _core.Network, metadata: Mapping[str, str]) -> bytes:
    """Return a network as a .keras file, to be run and trained further in Keras.

    It takes values 0..1 and gives probabilities; compile it before training it there.

    Raises
    ------
    ModuleNotFoundError
        There is no package h5py.
    """
    h5py = require("h5py", "keras")
    parts = parts_of(network)
    layers = [_written(part) for part in parts]
    if parts[-1].type == "dense":
        layers[-1]["config"]["activation"] = "softmax"
    else:
        layers.append(_keras_layer("Softmax", "probabilities", axis=-1))
    shape = [None, *network.input_shape]
    first = _keras_layer("InputLayer", "image", batch_shape=shape, sparse=False)
    model = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": "ocrdigit",
            "trainable": True,
            "dtype": "float32",
            "layers": [first, *layers],
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
        archive.writestr("model.weights.h5", _weights_file(h5py, layers, parts))
    return data.getvalue()


def _keras_layer(kind: str, name: str, **config: Any) -> Layer:
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "dtype": "float32", **config},
        "registered_name": None,
    }


def _written(part: Part) -> Layer:
    """Return a part as a layer of Keras."""
    layer, name = part.layer, part.name
    with_numbers = {
        "use_bias": layer.get("use_bias"),
        "activation": "relu" if part.relu else "linear",
    }
    match part.type:
        case "conv2d":
            sizes = {"kernel_size": part.kernel_size, "strides": part.strides}
            kept = {"filters": layer["filters"], "padding": layer["padding"]}
            return _keras_layer("Conv2D", name, **kept, **sizes, **with_numbers)
        case "dense":
            return _keras_layer("Dense", name, units=layer["units"], **with_numbers)
        case "max_pool2d":
            return _keras_layer(
                "MaxPooling2D", name, pool_size=part.pool_size, strides=part.strides
            )
        case "batch_norm":
            kept = {"momentum": layer["momentum"], "epsilon": layer["epsilon"]}
            return _keras_layer("BatchNormalization", name, **kept)
        case "dropout":
            return _keras_layer("Dropout", name, rate=layer["rate"])
        case "relu":
            return _keras_layer("ReLU", name)
        case "flatten":
            return _keras_layer("Flatten", name)
        case "global_average_pool2d":
            return _keras_layer("GlobalAveragePooling2D", name)
    raise ValueError(f"layer {name}: Keras files are not written with layers {part.type!r}")


# The order in which Keras keeps a layer's numbers.
_ROLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def _weights_file(h5py: Any, layers: list[Layer], parts: list[Part]) -> bytes:
    data = io.BytesIO()
    tensors = [part.tensors for part in parts] + [{}] * (len(layers) - len(parts))
    with h5py.File(data, "w") as file:
        file.create_group("vars").attrs["name"] = "ocrdigit"
        names = _group_names(layer["class_name"] for layer in layers)
        for layer, group, own in zip(layers, names, tensors, strict=True):
            kept = file.create_group(f"layers/{group}/vars")
            kept.attrs["name"] = layer["config"]["name"]
            for number, role in enumerate(role for role in _ROLES if role in own):
                kept[str(number)] = own[role]
    return data.getvalue()


def _group_names(kinds: Any) -> Iterator[str]:
    """Yield each layer's group in the weights file, from the layers' kinds."""
    seen: dict[str, int] = {}
    for kind in kinds:
        name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)
        name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
        seen[name] = seen.get(name, -1) + 1
        yield f"{name}_{seen[name]}" if seen[name] else name


# ---- reading ----


def from_keras(data: bytes) -> _core.Network:
    """Return the network of a .keras file that Keras, or :func:`to_keras`, wrote.

    Layers that only augment are left out. Where a Rescaling by 1/255 comes first, the model
    takes bytes and ours 0..1, which is the same; other scales go into the first kernel.

    Raises
    ------
    ModuleNotFoundError
        There is no package h5py.
    ValueError
        It is no such file, or has a layer, named in the error, that ocrdigit does not have.
    """
    h5py = require("h5py", "keras")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            config = json.loads(_member(archive, "config.json", _MOST_CONFIG))
            weights = _member(archive, "model.weights.h5", _MOST_WEIGHTS)
    except (zipfile.BadZipFile, KeyError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"not a .keras file that can be read: {error}") from error
    try:
        with h5py.File(io.BytesIO(weights), "r") as file:
            reader = _Reader(file)
            reader.read_model(config, "layers")
            return reader.network()
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        # h5py raises any of these for a damaged file, and missing keys are KeyErrors.
        raise ValueError(f"damaged, or of another form: {error}") from error


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    if archive.getinfo(name).file_size > most:
        raise ValueError(f"{name} is larger than {most:,} bytes")
    return archive.read(name)


class _Reader:
    """Takes over a model's layers one after the other."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.layers: list[Layer] = []
        self.tensors: list[list[NDArray[np.float32]]] = []
        self.input: tuple[int, ...] | None = None
        self.scale, self.offset = 1.0, 0.0  # of bytes, before the first layer with numbers
        self.rescaled = False
        self.ended = False  # by a softmax

    def read_model(self, config: Config, path: str) -> None:
        """Take over a Sequential, the file's own or one inside it."""
        kind = config.get("class_name")
        if kind != "Sequential":
            raise ValueError(f"a model of class {kind!r}; only Sequential ones are read")
        layers = config["config"]["layers"]
        for layer in layers:
            if layer["class_name"] == "InputLayer":
                self.see_input(layer["config"])
        layers = [layer for layer in layers if layer["class_name"] != "InputLayer"]
        names = _group_names(layer["class_name"] for layer in layers)
        for layer, group in zip(layers, names, strict=True):
            kind, own = layer["class_name"], layer["config"]
            here = f"{path}/{group}"
            if kind == "Sequential":
                self.read_model(layer, f"{here}/layers")
            elif kind not in _IGNORED:
                if kind not in _READERS:
                    raise ValueError(
                        f"layer {own.get('name')!r} is a {kind}, which ocrdigit does not have; it "
                        f"reads {', '.join(sorted(_READERS))}, and leaves out layers that augment"
                    )
                self.read_layer(kind, own, here)

    def see_input(self, config: Config) -> None:
        shape = tuple(config.get("batch_shape") or config.get("batch_input_shape") or ())[1:]
        if self.input is None:
            self.input = shape

    def read_layer(self, kind: str, config: Config, group: str) -> None:
        if self.ended:
            raise ValueError(f"layer {config.get('name')!r} comes after the softmax")
        _READERS[kind](self, config, group)

    def numbers(self, group: str, count: int) -> list[NDArray[np.float32]]:
        """Return the numbers of a layer, which should be so many tensors."""
        kept = self.file[f"{group}/vars"]
        if len(kept) != count:
            raise ValueError(f"{group} has {len(kept)} tensors, expected {count}")
        return [self.tensor(kept[str(number)]) for number in range(count)]

    def tensor(self, kept: Any) -> NDArray[np.float32]:
        """Return a tensor that lies in the file itself, as HDF5 can also refer to other files."""
        if kept.file != self.file or kept.external:
            raise ValueError(f"{kept.name} lies in another file")
        if kept.size > _MOST_WEIGHTS // 4:
            raise ValueError(f"{kept.name} has {kept.size:,} numbers")
        return np.asarray(kept[()], np.float32)

    def add(self, layer: Layer, tensors: list[NDArray[np.float32]]) -> None:
        self.layers.append(layer)
        self.tensors.append(tensors)

    def refuse(self, config: Config, key: str, expected: str) -> None:
        raise ValueError(
            f"layer {config.get('name')!r} has {key} {config.get(key)!r}; ocrdigit has {expected}"
        )

    def activate(self, config: Config) -> str | None:
        """Return our activation for a layer's; a softmax ends the model."""
        activation = config.get("activation", "linear")
        if activation == "softmax":
            self.ended = True
        elif activation not in ("linear", "relu", None):
            self.refuse(config, "activation", "'linear', 'relu' and a last 'softmax'")
        return "relu" if activation == "relu" else None

    # One method a kind of layer.

    def conv2d(self, config: Config, group: str) -> None:
        self.check(config, "data_format", "channels_last", "channels_last")
        self.check(config, "dilation_rate", 1, "no dilation")
        self.check(config, "groups", 1, "one group")
        bias = bool(config.get("use_bias", True))
        layer = {
            "type": "conv2d",
            "filters": config["filters"],
            "kernel_size": _square(config["kernel_size"]),
            "strides": _square(config.get("strides", 1)),
            "padding": config.get("padding", "valid"),
            "use_bias": bias,
            "activation": self.activate(config),
        }
        self.add(layer, self.rescale(layer, self.numbers(group, 1 + bias)))

    def dense(self, config: Config, group: str) -> None:
        bias = bool(config.get("use_bias", True))
        layer = {
            "type": "dense",
            "units": config["units"],
            "use_bias": bias,
            "activation": self.activate(config),
        }
        self.add(layer, self.rescale(layer, self.numbers(group, 1 + bias)))

    def batch_norm(self, config: Config, group: str) -> None:
        self.bare_of_rescaling(config)
        centre, scale = bool(config.get("center", True)), bool(config.get("scale", True))
        tensors = self.numbers(group, 2 + centre + scale)
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
            self.refuse(config, "strides", "windows side by side")
        self.add({"type": "max_pool2d", "pool_size": size}, [])

    def average(self, config: Config, group: str) -> None:
        self.check(config, "data_format", "channels_last", "channels_last")
        self.check(config, "keepdims", False, "keepdims=False")
        self.add({"type": "global_average_pool2d"}, [])

    def flatten(self, config: Config, group: str) -> None:
        self.check(config, "data_format", "channels_last", "channels_last")
        self.add({"type": "flatten"}, [])

    def dropout(self, config: Config, group: str) -> None:
        self.add({"type": "dropout", "rate": config["rate"]}, [])

    def relu(self, config: Config, group: str) -> None:
        self.check(config, "max_value", None, "no limit")
        self.check(config, "negative_slope", 0, "no slope")
        self.check(config, "threshold", 0, "no threshold")
        self.bare_of_rescaling(config)
        self.add({"type": "relu"}, [])

    def activation(self, config: Config, group: str) -> None:
        if self.activate(config):
            self.bare_of_rescaling(config)
            self.add({"type": "relu"}, [])

    def softmax(self, config: Config, group: str) -> None:
        self.ended = True

    def reshape(self, config: Config, group: str) -> None:
        if self.layers or tuple(config["target_shape"]) != _INPUT:
            self.refuse(config, "target_shape", f"only a first Reshape to {_INPUT}")
        self.input = _INPUT

    def rescaling(self, config: Config, group: str) -> None:
        if self.layers:
            raise ValueError(f"layer {config.get('name')!r} must come before all others")
        scale, offset = config["scale"], config.get("offset", 0.0)
        if not all(isinstance(value, (int, float)) for value in (scale, offset)):
            self.refuse(config, "scale", "one number for all pixels")
        # Who rescales takes bytes, of which our values are a 255th.
        self.scale *= scale if self.rescaled else 255 * scale
        self.offset = self.offset * scale + offset
        self.rescaled = True

    def check(self, config: Config, key: str, wanted: object, expected: str) -> None:
        if _square(config.get(key, wanted)) not in (wanted, None):
            self.refuse(config, key, expected)

    # Values before the first kernel.

    def bare_of_rescaling(self, config: Config) -> None:
        if self.offset or not _is_one(self.scale):
            raise ValueError(
                f"layer {config.get('name')!r} comes after a Rescaling by other than 1/255; a "
                "Conv2D or Dense must"
            )

    def rescale(
        self, layer: Layer, tensors: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Return a layer's numbers for values 0..1, where its model rescales them otherwise."""
        scale, offset = self.scale, self.offset
        self.scale, self.offset = 1.0, 0.0
        if _is_one(scale) and not offset:
            return tensors
        kernel = tensors[0]
        if offset:
            if layer.get("padding") == "same":
                raise ValueError(
                    f"a Rescaling with offset {offset:g} before a convolution with padding 'same': "
                    "its zeros outside of the image would be others"
                )
            if not layer["use_bias"]:
                layer["use_bias"] = True
                tensors = [kernel, np.zeros(kernel.shape[-1], np.float32)]
            sums = kernel.reshape(-1, kernel.shape[-1]).sum(axis=0, dtype=np.float64)
            tensors[1] = (tensors[1] + offset * sums).astype(np.float32)
        return [(kernel * scale).astype(np.float32), *tensors[1:]]

    def network(self) -> _core.Network:
        """Return what was read."""
        shape = self.input if self.input is not None else _INPUT
        if shape == _INPUT[:2]:
            shape = _INPUT
        if shape != _INPUT:
            raise ValueError(f"a model of images {shape}; ocrdigit runs {_INPUT}")
        if not self.layers:
            raise ValueError("a model without layers")
        for layer, tensors in zip(self.layers, self.tensors, strict=True):
            units = layer.get("filters", layer.get("units"))
            if units is not None and tensors[0].shape[-1:] != (units,):  # before memory is taken
                raise ValueError(
                    f"a {layer['type']} layer of {units!r} units has a kernel {tensors[0].shape}"
                )
        network = _core.Network(self.layers, shape)
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


_READERS: dict[str, Callable[[_Reader, Config, str], None]] = {
    "Activation": _Reader.activation,
    "BatchNormalization": _Reader.batch_norm,
    "Conv2D": _Reader.conv2d,
    "Dense": _Reader.dense,
    "Dropout": _Reader.dropout,
    "Flatten": _Reader.flatten,
    "GlobalAveragePooling2D": _Reader.average,
    "MaxPooling2D": _Reader.max_pool2d,
    "ReLU": _Reader.relu,
    "Rescaling": _Reader.rescaling,
    "Reshape": _Reader.reshape,
    "Softmax": _Reader.softmax,
}

# Layers that do nothing to an image that is only looked at.
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
