"""A network by the definitions of its layers, in NumPy and float64, without any framework."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ocrdigit import _core


class NumpyNetwork:
    """What a network of the core computes; images are (n, h, w, c)."""

    def __init__(self, network: _core.Network) -> None:
        self.layers = network.layers
        self.own: list[dict[str, np.ndarray]] = []
        weights = network.weights()
        for part in network.describe():
            start = part["name"] + "."
            self.own.append(
                {
                    name.removeprefix(start): tensor.astype(np.float64)
                    for name, tensor in weights.items()
                    if name.startswith(start)
                }
            )

    def run(self, x: np.ndarray, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Return what layers ``begin`` to ``end`` make of x."""
        x = x.astype(np.float64)
        for layer, own in list(zip(self.layers, self.own, strict=True))[begin:end]:
            x = getattr(self, layer["type"])(x, layer, own)
            if layer.get("activation") == "relu":
                x = np.maximum(x, 0)
        return x

    def conv2d(self, x, layer, own):
        sizes, stride = np.broadcast_to(layer["kernel_size"], 2), layer["strides"]
        if layer["padding"] == "same":
            sides = [same_padding(*side, stride) for side in zip(x.shape[1:3], sizes, strict=True)]
            x = np.pad(x, [(0, 0), *sides, (0, 0)])
        windows = sliding_window_view(x, sizes, (1, 2))[:, ::stride, ::stride]
        return np.einsum("nyxcij,ijcu->nyxu", windows, own["kernel"]) + own.get("bias", 0)

    def dense(self, x, layer, own):
        return x @ own["kernel"] + own.get("bias", 0)

    def relu(self, x, layer, own):
        return np.maximum(x, 0)

    def max_pool2d(self, x, layer, own):
        down, right = np.broadcast_to(layer.get("pool_size", 2), 2)
        n, h, w, c = x.shape
        rows, columns = h // down, w // right
        whole = x[:, : rows * down, : columns * right]
        return whole.reshape(n, rows, down, columns, right, c).max((2, 4))

    def global_average_pool2d(self, x, layer, own):
        return x.mean((1, 2))

    def batch_norm(self, x, layer, own):
        deviation = np.sqrt(own["moving_variance"] + layer["epsilon"])
        return (x - own["moving_mean"]) / deviation * own["gamma"] + own["beta"]

    def dropout(self, x, layer, own):
        return x

    def flatten(self, x, layer, own):
        return x.reshape(len(x), -1)


def same_padding(length: int, size: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, as TensorFlow's "same" has them: the smaller half before."""
    total = max((-(-length // stride) - 1) * stride + size - length, 0)
    return total // 2, total - total // 2
