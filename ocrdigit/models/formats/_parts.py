"""A network as a list of parts, each a layer with its shapes and numbers: what writers go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _core

Shape = tuple[int, int, int]
Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Part:
    """A layer in its place.

    Attributes
    ----------
    name : str
        As ``Network.describe`` has it, "conv2d_1".
    type : str
        Of the layer; in a folded list also "scale", which is ``scale * x + shift`` by channel.
    layer : mapping
        The layer's keys.
    input, output : (h, w, c)
        A vector of n numbers is (1, 1, n).
    tensors : dict of ndarray
        The layer's numbers by role: "kernel" (kh, kw, c, filters) or (c, units), "bias", ...
    relu : bool
        Whether a ReLU follows.
    """

    name: str
    type: str
    layer: Mapping[str, Any]
    input: Shape
    output: Shape
    tensors: Tensors
    relu: bool = False

    @property
    def kernel_size(self) -> tuple[int, int]:
        """(height, width) of a convolution's kernel."""
        return _pair(self.layer["kernel_size"])

    @property
    def strides(self) -> tuple[int, int]:
        """(down, right), of a convolution or a max-pool."""
        return _pair(self.layer.get("strides") or self.pool_size)

    @property
    def pool_size(self) -> tuple[int, int]:
        """(height, width) of a max-pool's window."""
        return _pair(self.layer.get("pool_size", 2))

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Zeros of a convolution above, on the left, below and on the right, as TensorFlow's."""
        if self.layer["padding"] != "same":
            return 0, 0, 0, 0
        before, after = [], []
        for length, size, stride in zip(self.input, self.kernel_size, self.strides, strict=False):
            total = max((-(-length // stride) - 1) * stride + size - length, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        return before[0], before[1], after[0], after[1]


_TYPES = frozenset(
    [
        "batch_norm",
        "conv2d",
        "dense",
        "dropout",
        "flatten",
        "global_average_pool2d",
        "max_pool2d",
        "relu",
    ]
)


def parts_of(network: _core.Network) -> list[Part]:
    """Return a network's layers as they are, the activation of each in ``relu``.

    Raises
    ------
    ValueError
        A layer is of a type that has no place in other formats.
    """
    weights = network.weights()
    parts = []
    shape: Shape = network.input_shape
    for layer, about in zip(network.layers, network.describe(), strict=True):
        if layer["type"] not in _TYPES:
            raise ValueError(f"layer {about['name']} is not written to the formats of others")
        output = _as_shape(about["output_shape"])
        start = about["name"] + "."
        tensors = {
            name.removeprefix(start): tensor
            for name, tensor in weights.items()
            if name.startswith(start)
        }
        relu = layer.get("activation") == "relu"
        parts.append(Part(about["name"], layer["type"], layer, shape, output, tensors, relu))
        shape = output
    return parts


def folded_parts(network: _core.Network) -> list[Part]:
    """Return what is to be computed for an answer, with as few parts as can be.

    Batch norms are folded into the layer before them, or are a "scale" where they cannot;
    ReLUs join what they follow where that has numbers; dropout is left out.
    """
    folded: list[Part] = []
    for part in parts_of(network):
        before = folded[-1] if folded else None
        if part.type == "dropout":
            continue
        if part.type == "batch_norm":
            scale, shift = _scale_and_shift(part)
            if before and before.tensors and not before.relu and before.output == part.input:
                folded[-1] = _with_norm(before, scale, shift)
            else:
                tensors = {"scale": scale.astype(np.float32), "shift": shift.astype(np.float32)}
                folded.append(replace(part, type="scale", tensors=tensors))
        elif part.type == "relu" and before and before.tensors:
            folded[-1] = replace(before, relu=True)
        else:
            folded.append(part)
    return folded


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    down, right = value
    return int(down), int(right)


def _as_shape(shape: tuple[int, ...]) -> Shape:
    h, w, c = shape if len(shape) == 3 else (1, 1, *shape)
    return h, w, c


def _scale_and_shift(norm: Part) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    own = {role: tensor.astype(np.float64) for role, tensor in norm.tensors.items()}
    scale = own["gamma"] / np.sqrt(own["moving_variance"] + norm.layer["epsilon"])
    return scale, own["beta"] - own["moving_mean"] * scale


def _with_norm(part: Part, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Part:
    """Return a part whose output is that of ``part`` times scale plus shift, by channel."""
    role = "scale" if part.type == "scale" else "kernel"
    moved = "shift" if part.type == "scale" else "bias"
    tensors = {
        role: (part.tensors[role] * scale).astype(np.float32),
        moved: (part.tensors.get(moved, 0) * scale + shift).astype(np.float32),
    }
    return replace(part, tensors=tensors)
