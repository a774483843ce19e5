"""A network as a list of layers with their shapes and weights, as the exporters need them."""

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
class Layer:
    """A layer of a network.

    Attributes
    ----------
    name : str
        The name in ``Network.describe``, such as "conv2d_1".
    type : str
        The layer's type; in a folded list also "scale", which is ``scale * x + shift`` with a
        scale and a shift per channel.
    config : mapping
        The layer's keys.
    input, output : (h, w, c)
        The shapes; a vector of length n is (1, 1, n).
    tensors : dict of ndarray
        The layer's weights by role: "kernel" (kh, kw, c, filters) or (c, units), "bias", ...
    relu : bool
        Whether a ReLU follows.
    """

    name: str
    type: str
    config: Mapping[str, Any]
    input: Shape
    output: Shape
    tensors: Tensors
    relu: bool = False

    @property
    def kernel_size(self) -> tuple[int, int]:
        """(height, width) of a convolution's kernel."""
        return _pair(self.config["kernel_size"])

    @property
    def strides(self) -> tuple[int, int]:
        """(vertical, horizontal) strides of a convolution or a pool."""
        return _pair(self.config["strides"])

    @property
    def dilation(self) -> int:
        """The dilation of a convolution's kernel."""
        return int(self.config["dilation_rate"])

    @property
    def pool_size(self) -> tuple[int, int]:
        """(height, width) of a pool's window."""
        return _pair(self.config["pool_size"])

    @property
    def groups(self) -> int:
        """1, or of a depthwise convolution the number of input channels."""
        return int(self.config["groups"])

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) of a zero padding."""
        value = self.config["padding"]
        top, bottom, left, right = (value,) * 4 if isinstance(value, int) else value
        return top, bottom, left, right

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Padding of a convolution or a pool: top, left, bottom and right, as in TensorFlow."""
        if self.config["padding"] != "same":
            return 0, 0, 0, 0
        is_conv = self.type == "conv2d"
        sizes = self.kernel_size if is_conv else self.pool_size
        dilation = self.dilation if is_conv else 1
        before, after = [], []
        for length, size, stride in zip(self.input, sizes, self.strides, strict=False):
            extent = (size - 1) * dilation + 1
            total = max((-(-length // stride) - 1) * stride + extent - length, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        return before[0], before[1], after[0], after[1]


_TYPES = frozenset(
    [
        "activation",
        "average_pool2d",
        "batch_norm",
        "conv2d",
        "dense",
        "dropout",
        "flatten",
        "global_average_pool2d",
        "global_max_pool2d",
        "layer_norm",
        "max_pool2d",
        "relu",
        "zero_padding2d",
    ]
)


def layers_of(network: _core.Network, of_pages: bool = False) -> list[Layer]:
    """Return a network's layers unchanged, with the activation of each in ``relu``.

    With ``of_pages`` it may give a map or a sequence.

    Raises
    ------
    ValueError
        If a layer is of a type that is not exported, or the output is a map.
    """
    if network.output_shape[0] > 1 and not of_pages:
        raise ValueError("a network that labels pixels cannot be exported to other formats")
    known = _TYPES | {"map_to_sequence"} if of_pages else _TYPES
    weights = network.weights()
    layers = []
    shape: Shape = network.input_shape
    for config, about in zip(network.layers, network.describe(), strict=True):
        name = about["name"]
        if config["type"] not in known:
            raise ValueError(f"layer {name} cannot be exported to other formats")
        output = _as_shape(about["output_shape"])
        tensors = {
            key.removeprefix(f"{name}."): tensor
            for key, tensor in weights.items()
            if key.startswith(f"{name}.")
        }
        relu = config.get("activation") == "relu"
        layers.append(Layer(name, config["type"], config, shape, output, tensors, relu))
        shape = output
    return layers


def folded_layers(network: _core.Network, of_pages: bool = False) -> list[Layer]:
    """Return the layers of inference, as few as possible.

    A batch norm is folded into the layer before it if possible and is a "scale" otherwise. A
    ReLU is fused with the layer before it if that has weights. Dropout is left out.
    """
    folded: list[Layer] = []
    for layer in layers_of(network, of_pages):
        before = folded[-1] if folded else None
        if layer.type == "dropout":
            continue
        if layer.type == "batch_norm":
            scale, shift = _scale_and_shift(layer)
            if before and _is_linear(before) and not before.relu and before.output == layer.input:
                folded[-1] = _with_norm(before, scale, shift)
            else:
                tensors = {"scale": scale.astype(np.float32), "shift": shift.astype(np.float32)}
                folded.append(replace(layer, type="scale", tensors=tensors))
        elif layer.type == "relu" and before and _is_linear(before):
            folded[-1] = replace(before, relu=True)
        else:
            folded.append(layer)
    return folded


def _is_linear(layer: Layer) -> bool:
    """Return whether a batch norm can be folded into a layer, and a ReLU fused with it."""
    return layer.type in ("conv2d", "dense", "scale")


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    vertical, horizontal = value
    return int(vertical), int(horizontal)


def _as_shape(shape: tuple[int, ...]) -> Shape:
    h, w, c = shape if len(shape) == 3 else (1, 1, *shape)
    return h, w, c


def _scale_and_shift(norm: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    own = {role: tensor.astype(np.float64) for role, tensor in norm.tensors.items()}
    scale = own["gamma"] / np.sqrt(own["moving_variance"] + norm.config["epsilon"])
    return scale, own["beta"] - own["moving_mean"] * scale


def _with_norm(layer: Layer, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Layer:
    """Return a layer whose output is ``scale`` times that of ``layer`` plus ``shift``."""
    factor, offset = ("scale", "shift") if layer.type == "scale" else ("kernel", "bias")
    tensors = {
        factor: (layer.tensors[factor] * scale).astype(np.float32),
        offset: (layer.tensors.get(offset, 0) * scale + shift).astype(np.float32),
    }
    return replace(layer, tensors=tensors)
