"""A reference of networks: the definitions of their layers, in NumPy and float64."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ocrdigit import _core


class NumpyNetwork:
    """The function of a network of the core; images are (n, h, w, c)."""

    def __init__(self, network: _core.Network) -> None:
        self.layers = network.layers
        self.tensors: list[dict[str, np.ndarray]] = []
        weights = network.weights()
        for part in network.describe():
            start = part["name"] + "."
            self.tensors.append(
                {
                    name.removeprefix(start): tensor.astype(np.float64)
                    for name, tensor in weights.items()
                    if name.startswith(start)
                }
            )

    def run(self, x: np.ndarray, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Return the output of layers ``begin`` to ``end`` for x."""
        x = x.astype(np.float64)
        for layer, tensors in list(zip(self.layers, self.tensors, strict=True))[begin:end]:
            x = getattr(self, layer["type"])(x, layer, tensors)
            if layer.get("activation") == "relu":
                x = np.maximum(x, 0)
        return x

    def conv2d(self, x, layer, tensors):
        sizes, stride = np.broadcast_to(layer["kernel_size"], 2), layer["strides"]
        dilation = layer["dilation_rate"]
        extents = (sizes - 1) * dilation + 1
        if layer["padding"] == "same":
            pairs = zip(x.shape[1:3], extents, strict=True)
            x = np.pad(x, [(0, 0), *(same_padding(*pair, stride) for pair in pairs), (0, 0)])
        windows = sliding_window_view(x, extents, (1, 2))[:, ::stride, ::stride]
        windows, kernel = windows[..., ::dilation, ::dilation], tensors["kernel"]
        if layer["groups"] > 1:
            repeated = windows.repeat(layer["filters"] // layer["groups"], 3)
            return np.einsum("nyxuij,ijku->nyxu", repeated, kernel) + tensors.get("bias", 0)
        return np.einsum("nyxcij,ijcu->nyxu", windows, kernel) + tensors.get("bias", 0)

    def dense(self, x, layer, tensors):
        return x @ tensors["kernel"] + tensors.get("bias", 0)

    def relu(self, x, layer, tensors):
        return np.maximum(x, 0)

    def max_pool2d(self, x, layer, tensors):
        return self.windows(x, layer, -np.inf).max((4, 5))

    def average_pool2d(self, x, layer, tensors):
        return np.nanmean(self.windows(x, layer, np.nan), (4, 5))

    def windows(self, x, layer, outside):
        """Return the windows of a pool, (n, rows, columns, c, height, width)."""
        sizes = np.broadcast_to(layer["pool_size"], 2)
        down, right = np.broadcast_to(layer["strides"], 2)
        if layer["padding"] == "same":
            pairs = zip(x.shape[1:3], sizes, (down, right), strict=True)
            pads = [(0, 0), *(same_padding(*pair) for pair in pairs), (0, 0)]
            x = np.pad(x, pads, constant_values=outside)
        return sliding_window_view(x, sizes, (1, 2))[:, ::down, ::right]

    def zero_padding2d(self, x, layer, tensors):
        top, bottom, left, right = np.broadcast_to(layer["padding"], 4)
        return np.pad(x, [(0, 0), (top, bottom), (left, right), (0, 0)])

    def activation(self, x, layer, tensors):
        alpha = layer["alpha"]
        below = np.expm1(np.minimum(x, 0))
        return {
            "leaky_relu": lambda: np.where(x < 0, alpha * x, x),
            "relu6": lambda: np.clip(x, 0, 6),
            "elu": lambda: np.where(x < 0, alpha * below, x),
            "selu": lambda: 1.0507009873554805 * np.where(x < 0, 1.6732632423543772 * below, x),
            "sigmoid": lambda: 1 / (1 + np.exp(-x)),
            "tanh": lambda: np.tanh(x),
            "swish": lambda: x / (1 + np.exp(-x)),
        }[layer["function"]]()

    def layer_norm(self, x, layer, tensors):
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + layer["epsilon"])
        return centred / deviation * tensors["gamma"] + tensors["beta"]

    def global_average_pool2d(self, x, layer, tensors):
        return x.mean((1, 2))

    def global_max_pool2d(self, x, layer, tensors):
        return x.max((1, 2))

    def batch_norm(self, x, layer, tensors):
        deviation = np.sqrt(tensors["moving_variance"] + layer["epsilon"])
        return (x - tensors["moving_mean"]) / deviation * tensors["gamma"] + tensors["beta"]

    def dropout(self, x, layer, tensors):
        return x

    def flatten(self, x, layer, tensors):
        return x.reshape(len(x), -1)


def same_padding(length: int, size: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after, as TensorFlow's "same": the smaller half before."""
    total = max((-(-length // stride) - 1) * stride + size - length, 0)
    return total // 2, total - total // 2
