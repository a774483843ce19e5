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
        windows = windows[..., ::dilation, ::dilation]
        return np.einsum("nyxcij,ijcu->nyxu", windows, tensors["kernel"]) + tensors.get("bias", 0)

    def dense(self, x, layer, tensors):
        return x @ tensors["kernel"] + tensors.get("bias", 0)

    def relu(self, x, layer, tensors):
        return np.maximum(x, 0)

    def max_pool2d(self, x, layer, tensors):
        down, right = np.broadcast_to(layer.get("pool_size", 2), 2)
        n, h, w, c = x.shape
        rows, columns = h // down, w // right
        whole = x[:, : rows * down, : columns * right]
        return whole.reshape(n, rows, down, columns, right, c).max((2, 4))

    def global_average_pool2d(self, x, layer, tensors):
        return x.mean((1, 2))

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
