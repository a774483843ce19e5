"""Export to Keras 3 files (.keras), without Keras.

A .keras file is a zip archive: config.json has the model's layers; model.weights.h5 has their
weights, by the class of the layer and its index among those of the class; metadata.json has the
Keras version and, under "ocrdigit", our own metadata.
"""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ... import _core
from ._layers import Layer, layers_of
from ._require import require

# The version of the exported format, which every Keras 3.x reads.
_KERAS_VERSION = "3.8.0"

KerasLayer = dict[str, Any]


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
            sizes: dict[str, Any] = {
                "kernel_size": layer.kernel_size,
                "strides": layer.strides,
                "dilation_rate": (layer.dilation, layer.dilation),
            }
            sizes["padding"] = config["padding"]
            if layer.groups > 1:
                sizes["depth_multiplier"] = config["filters"] // layer.groups
                return _keras_layer("DepthwiseConv2D", name, **sizes, **common)
            return _keras_layer("Conv2D", name, filters=config["filters"], **sizes, **common)
        case "dense":
            return _keras_layer("Dense", name, units=config["units"], **common)
        case "max_pool2d" | "average_pool2d":
            kind = "MaxPooling2D" if layer.type == "max_pool2d" else "AveragePooling2D"
            windows = {"pool_size": layer.pool_size, "strides": layer.strides}
            return _keras_layer(kind, name, padding=config["padding"], **windows)
        case "layer_norm":
            return _keras_layer("LayerNormalization", name, axis=-1, epsilon=config["epsilon"])
        case "zero_padding2d":
            top, bottom, left, right = layer.sides
            return _keras_layer("ZeroPadding2D", name, padding=[[top, bottom], [left, right]])
        case "activation":
            return _exported_activation(name, config["function"], config["alpha"])
        case "global_max_pool2d":
            return _keras_layer("GlobalMaxPooling2D", name)
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


def _exported_activation(name: str, function: str, alpha: float) -> KerasLayer:
    if function == "leaky_relu":
        return _keras_layer("LeakyReLU", name, negative_slope=alpha)
    if function == "elu":
        return _keras_layer("ELU", name, alpha=alpha)
    return _keras_layer("Activation", name, activation="silu" if function == "swish" else function)


# The order in which Keras stores a layer's weights.
_ROLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def _weights_file(h5py: Any, exported: list[KerasLayer], layers: list[Layer]) -> bytes:
    data = io.BytesIO()
    tensors = [layer.tensors for layer in layers] + [{}] * (len(exported) - len(layers))
    with h5py.File(data, "w") as file:
        file.create_group("vars").attrs["name"] = "ocrdigit"
        names = group_names(layer["class_name"] for layer in exported)
        for layer, group, own in zip(exported, names, tensors, strict=True):
            variables = file.create_group(f"layers/{group}/vars")
            variables.attrs["name"] = layer["config"]["name"]
            for number, role in enumerate(role for role in _ROLES if role in own):
                tensor = own[role]
                if layer["class_name"] == "DepthwiseConv2D" and role == "kernel":
                    multiplier = layer["config"]["depth_multiplier"]
                    tensor = tensor.reshape(*tensor.shape[:2], -1, multiplier)
                variables[str(number)] = tensor
    return data.getvalue()


def group_names(classes: Iterable[str]) -> Iterator[str]:
    """Yield the name of each layer's group in the weights file, from the layers' classes."""
    counts: dict[str, int] = {}
    for kind in classes:
        name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)
        name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
        counts[name] = counts.get(name, -1) + 1
        yield f"{name}_{counts[name]}" if counts[name] else name
