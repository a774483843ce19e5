"""Networks with every kind of layer in its possible places, images, and the shipped models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import ocrdigit
from ocrdigit import _core
from ocrdigit.architectures import ARCHITECTURES

CONV = {"type": "conv2d", "filters": 8, "kernel_size": 3}
WIDE = {"type": "conv2d", "filters": 12, "kernel_size": 5, "padding": "valid"}
POOL = {"type": "max_pool2d"}
NORM = {"type": "batch_norm"}
RELU = {"type": "relu"}
FLATTEN = {"type": "flatten"}
SCORES = {"type": "dense", "units": 10}
NETWORKS = {
    "seed": ARCHITECTURES["seed"],
    "fast": ARCHITECTURES["fast"],
    "batch norms": (CONV, NORM, RELU, POOL, WIDE, NORM, RELU, FLATTEN, SCORES),
    "strides and an average": (
        {**CONV, "strides": 2, "activation": "relu"},
        POOL,
        NORM,
        CONV,
        {"type": "global_average_pool2d"},
        SCORES,
    ),
    "an average of a pool": (
        WIDE,
        POOL,
        RELU,
        {"type": "dropout", "rate": 0.2},
        CONV,
        RELU,
        POOL,
        {"type": "global_average_pool2d"},
        {"type": "dense", "units": 20, "activation": "relu"},
        SCORES,
    ),
    "kernels and pools with unequal sides": (
        {**CONV, "kernel_size": [3, 5], "padding": "valid"},
        {"type": "max_pool2d", "pool_size": [2, 1]},
        RELU,
        {**CONV, "kernel_size": [5, 1], "strides": 2, "activation": "relu"},
        POOL,
        FLATTEN,
        SCORES,
    ),
    "dilations": (
        {**CONV, "dilation_rate": 2, "activation": "relu"},
        POOL,
        {**CONV, "kernel_size": [3, 1], "dilation_rate": 5},
        NORM,
        RELU,
        {**CONV, "dilation_rate": 3, "padding": "valid", "activation": "relu"},
        {"type": "global_average_pool2d"},
        SCORES,
    ),
    "depthwise and large kernels": (
        {**CONV, "kernel_size": 7, "strides": 3, "padding": "same"},
        {"type": "activation", "function": "relu6"},
        {**CONV, "filters": 8, "groups": 8, "activation": "relu"},
        {"type": "conv2d", "filters": 12, "kernel_size": 1},
        NORM,
        RELU,
        {**CONV, "filters": 24, "groups": 12, "strides": 2, "use_bias": False},
        NORM,
        {"type": "activation", "function": "swish"},
        {**CONV, "kernel_size": 2, "padding": "valid"},
        {"type": "activation", "function": "selu"},
        {"type": "global_max_pool2d"},
        SCORES,
    ),
    "pools with padding": (
        {"type": "zero_padding2d", "padding": [1, 2, 0, 1]},
        {**CONV, "kernel_size": 4, "padding": "valid"},
        {"type": "activation", "function": "leaky_relu", "alpha": 0.3},
        {"type": "max_pool2d", "pool_size": 3, "strides": 2, "padding": "same"},
        {"type": "average_pool2d", "pool_size": 3, "strides": 2, "padding": "same"},
        {"type": "activation", "function": "elu", "alpha": 0.5},
        {"type": "max_pool2d", "pool_size": 3, "strides": 1},
        {"type": "average_pool2d", "pool_size": [2, 1]},
        NORM,
        FLATTEN,
        SCORES,
    ),
    "LeNet-5": (
        {"type": "conv2d", "filters": 6, "kernel_size": 5},
        {"type": "activation", "function": "tanh"},
        {"type": "average_pool2d"},
        {"type": "conv2d", "filters": 16, "kernel_size": 5, "padding": "valid"},
        {"type": "activation", "function": "tanh"},
        {"type": "average_pool2d"},
        FLATTEN,
        {"type": "dense", "units": 30},
        {"type": "activation", "function": "sigmoid"},
        SCORES,
    ),
    "layer norms": (
        {**CONV, "strides": 2},
        {"type": "layer_norm", "epsilon": 1e-5},
        {"type": "activation", "function": "elu"},
        POOL,
        FLATTEN,
        {"type": "layer_norm"},
        {"type": "dense", "units": 20},
        NORM,
        {"type": "layer_norm"},
        SCORES,
    ),
    "convolutions to the end": (
        {**CONV, "strides": 2, "activation": "relu"},
        {**WIDE, "strides": 2, "activation": "relu"},
        POOL,
        {"type": "conv2d", "filters": 11, "kernel_size": 1, "padding": "valid"},
        {"type": "global_average_pool2d"},
    ),
}


def make_network(layers) -> _core.Network:
    """Return a network of which every tensor differs from 0 and 1, as after some training."""
    network = _core.Network(layers, seed=2)
    rng = np.random.default_rng(4)
    weights = network.weights()
    for name, tensor in weights.items():
        if not name.endswith(".kernel"):
            tensor += rng.uniform(0.02, 0.2, tensor.shape).astype(np.float32)
    network.set_weights(weights)
    return network


def make_images(count: int = 4) -> np.ndarray:
    return np.random.default_rng(6).uniform(0.05, 1, (count, 28, 28)).astype(np.float32)


def shipped_models() -> list[str]:
    """Return the files of the classifiers in the package."""
    weights = Path(ocrdigit.__file__).parent / "weights"
    others = ("detector.safetensors", "recognizer.safetensors")
    found = [path for path in weights.glob("*.safetensors") if path.name not in others]
    assert found
    return [str(path) for path in sorted(found)]
