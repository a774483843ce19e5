"""A network that is built from the layers of another library, one after the other.

Their layers become ours, with the same results: weights are arranged as ours, channels come last,
and a rescaling of the input is folded into the layer after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from .._classes import DIGITS
from .._limits import MAX_LAYER_SIZE

Array = NDArray[np.float32]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
Shape = tuple[int, ...]

_IMAGE = (28, 28, 1)
_ROLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")

# Of a batch norm that is a plain scale and shift, so small that 1 + epsilon is 1.
TINY_EPSILON = 1e-30


class Chain:
    """The layers so far, and how their library arranges the output of the last one.

    Each method appends a layer, whose name in its library errors begin with.

    Parameters
    ----------
    input_shape : tuple of int
        The shape of an image in the model: (28, 28, 1), (28, 28), (784,), with
        ``channels_first`` (1, 28, 28), or ``pad`` pixels larger on each side.
    channels_first : bool
        Whether images are (channels, rows, columns) in the model.
    pad : int
        The rows and columns of background around the 28x28 pixels of a digit.
    values : (float, float)
        The values of background and of full strokes in the input of the model.
    """

    def __init__(
        self,
        input_shape: Shape,
        *,
        channels_first: bool = False,
        pad: int = 0,
        values: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        side = 28 + 2 * pad
        known = [(side, side, 1), (side, side), (side * side,)]
        if channels_first:
            known = [(1, side, side), (side * side,)]
        if input_shape not in known:
            raise ValueError(
                f"a model with input shape {input_shape}, expected "
                f"{' or '.join(map(str, known))}{_hint(input_shape, channels_first)}"
            )
        self.side = side
        self.layers: list[dict[str, Any]] = []
        self.tensors: list[list[Array]] = []
        self.shape: Shape = _IMAGE
        self.channels_first = channels_first
        # Of a vector in another order: our index of each of its numbers.
        self.order: NDArray[np.intp] | None = None
        # Their values are ours times `scale` plus `offset`, until a layer takes that in.
        self.scale: Any = 1.0
        self.offset: Any = 0.0
        self.last = ""  # the name of the last layer that is not left out
        self.ended = False
        if pad:
            self.zero_padding("pad", (pad, pad, pad, pad))
        if len(input_shape) == 1:
            self.flatten("input")
        self.rescale("input", values[1] - values[0], values[0])

    # ---- layers ----

    def conv2d(
        self,
        name: str,
        kernel: Array,
        bias: Array | None,
        *,
        strides: Pair = (1, 1),
        padding: str = "valid",
        dilation: Pair = (1, 1),
        groups: int = 1,
    ) -> None:
        """Append a convolution; its kernel is (height, width, channels / groups, filters)."""
        h, w, c = self.image(name)
        if (
            kernel.ndim != 4
            or kernel.shape[2] * groups != c
            or (bias is not None and bias.ndim != 1)
        ):
            raise ValueError(f"layer {name!r} has a kernel {kernel.shape} for {c} channels")
        if groups not in (1, c):
            raise ValueError(
                f"layer {name!r} has groups {groups}, expected 1, or {c} as it has input channels"
            )
        if (h, w) == kernel.shape[:2] == (1, 1) and groups == 1:
            self.shape = (c,)  # of one pixel it is a dense layer
            self.dense(name, kernel[0, 0], bias)
            self.shape = (1, 1, kernel.shape[3])
            return
        if np.ndim(self.scale) or np.ndim(self.offset):
            raise ValueError(f"layer {name!r} comes after a rescaling of each pixel by itself")
        if strides[0] != strides[1] or dilation[0] != dilation[1]:
            raise ValueError(
                f"layer {name!r} has strides {strides} and dilations {dilation}, expected pairs of "
                "equal numbers"
            )
        if np.any(self.offset) and padding == "same":
            self.flush(name)  # padding is 0 after the rescaling
        kernel, bias = self.fold(kernel, bias, (0, 1, 2))
        layer = {
            "type": "conv2d",
            "filters": kernel.shape[3],
            "kernel_size": kernel.shape[:2],
            "strides": strides[0],
            "dilation_rate": dilation[0],
            "padding": padding,
            "groups": groups,
            "use_bias": bias is not None,
        }
        sizes = zip((h, w), kernel.shape, strides, dilation, strict=False)
        h, w = (_places(n, (k - 1) * d + 1, s, padding) for n, k, s, d in sizes)
        self.add(name, layer, [kernel] if bias is None else [kernel, bias], (h, w, kernel.shape[3]))

    def dense(self, name: str, kernel: Array, bias: Array | None) -> None:
        """Append a dense layer; its kernel is (inputs, units), the inputs in their order.

        Of a map, it is a convolution of one pixel.
        """
        if kernel.ndim != 2 or kernel.shape[0] != self.shape[-1]:
            raise ValueError(
                f"layer {name!r} has a kernel {kernel.shape} for an input {self.their_shape()}"
            )
        if len(self.shape) == 3 and self.channels_first:
            raise ValueError(f"layer {name!r} takes a vector: a flatten must come before it")
        if len(self.shape) == 3:
            self.conv2d(name, kernel[None, None], bias)
            return
        kernel, bias = self.fold(kernel, bias, (0,))
        kernel, self.order = self.arranged(kernel), None
        layer = {"type": "dense", "units": kernel.shape[1], "use_bias": bias is not None}
        tensors = [kernel] if bias is None else [kernel, bias]
        self.add(name, layer, tensors, (kernel.shape[1],))

    def batch_norm(
        self, name: str, tensors: list[Array], epsilon: float, momentum: float = 0.99
    ) -> None:
        """Append a batch norm of gamma, beta, mean and variance."""
        self.check_vectors(name, tensors)
        gamma, beta, mean, variance = (tensor.astype(np.float64) for tensor in tensors)
        if np.any(self.offset) or np.any(self.scale != 1):
            if not np.all(self.scale):
                raise ValueError(f"layer {name!r} comes after a rescaling by 0")
            mean = (mean - self.offset) / self.scale
            variance = (variance + epsilon) / self.scale**2
            gamma = gamma * np.sign(self.scale)
            self.scale, self.offset, epsilon = 1.0, 0.0, TINY_EPSILON
        layer = {"type": "batch_norm", "epsilon": epsilon, "momentum": momentum}
        arrays = [self.arranged(tensor) for tensor in (gamma, beta, mean, variance)]
        self.add(name, layer, arrays, self.shape)

    def layer_norm(self, name: str, tensors: list[Array], epsilon: float) -> None:
        """Append a layer norm of the channels, of gamma and beta."""
        self.check_vectors(name, tensors)
        self.flush(name)
        arrays = [self.arranged(tensor) for tensor in tensors]
        self.add(name, {"type": "layer_norm", "epsilon": epsilon}, arrays, self.shape)

    def activation(self, name: str, function: str, alpha: float = 1.0) -> None:
        """Append an activation: "relu", or a function of our layer "activation"."""
        self.flush(name)
        if function != "relu":
            layer = {"type": "activation", "function": function, "alpha": alpha}
        elif self.layers and self.layers[-1]["type"] in ("conv2d", "dense"):
            self.check_not_ended(name)
            self.layers[-1]["activation"] = "relu"
            self.last = name
            return
        else:
            layer = {"type": "relu"}
        self.add(name, layer, [], self.shape)

    def pool(self, name: str, mode: str, size: Pair, strides: Pair, padding: str = "valid") -> None:
        """Append a max-pool or an average pool; padding does not count."""
        h, w, c = self.image(name)
        if mode == "max":
            self.flush(name)
        layer = {"type": f"{mode}_pool2d", "pool_size": size, "strides": strides}
        h, w = (_places(n, k, s, padding) for n, k, s in zip((h, w), size, strides, strict=True))
        self.add(name, layer | {"padding": padding}, [], (h, w, c))

    def global_pool(self, name: str, mode: str, keepdims: bool = False) -> None:
        """Append the maximum or the average of each channel."""
        channels = self.image(name)[2]
        if mode == "max":
            self.flush(name)
        shape = (1, 1, channels) if keepdims else (channels,)
        self.add(name, {"type": f"global_{mode}_pool2d"}, [], shape)

    def zero_padding(self, name: str, sides: Sides) -> None:
        """Append rows above and below and columns before and after, of zeros."""
        h, w, c = self.image(name)
        if np.any(self.offset):
            self.flush(name)
        top, bottom, left, right = sides
        layer = {"type": "zero_padding2d", "padding": sides}
        if any(sides):
            self.add(name, layer, [], (h + top + bottom, w + left + right, c))

    def flatten(self, name: str, first_axis_last: bool = False) -> None:
        """Append a flatten; with ``first_axis_last`` their first axis is moved to the end before.

        That is how a library makes channels come last, whether they came first or not.
        """
        if len(self.shape) == 1:
            return
        if self.channels_first != first_axis_last:
            self.order = self._flat_order(name)
        self.add(name, {"type": "flatten"}, [], (math.prod(self.shape),))

    def _flat_order(self, name: str) -> NDArray[np.intp] | None:
        """Return our index of each number of a flatten that has not our order; None if it has."""
        size = math.prod(self.shape)
        if size > MAX_LAYER_SIZE:
            raise ValueError(
                f"layer {name!r} gives {size:,} numbers for an image, expected at most "
                f"{MAX_LAYER_SIZE:,}"
            )
        ours = np.arange(size).reshape(self.shape)
        order = ours.transpose((2, 0, 1) if self.channels_first else (1, 2, 0)).ravel()
        return None if (order[1:] > order[:-1]).all() else order

    def dropout(self, name: str, rate: float) -> None:
        """Append a dropout, which has no effect on predictions."""
        if not self.ended:
            self.add(name, {"type": "dropout", "rate": rate}, [], self.shape)

    def rescale(self, name: str, scale: Any, offset: Any) -> None:
        """Multiply by ``scale`` and add ``offset``: numbers, or one for each number of a vector."""
        self.check_not_ended(name)
        scale, offset = np.float64(scale), np.float64(offset)
        if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
            raise ValueError(f"layer {name!r} rescales by infinite numbers or NaN")
        self.scale, self.offset = self.scale * scale, self.offset * scale + offset

    def softmax(self, name: str) -> None:
        """End with a softmax, which is not a layer of ours."""
        self.check_not_ended(name)
        self.ended = True

    def restore(self) -> None:
        """Make an image of the input again that was flattened before all layers with weights."""
        self.layers = [layer for layer in self.layers if layer["type"] != "flatten"]
        self.tensors = [[] for _ in self.layers]
        self.shape, self.order = (self.side, self.side, 1), None

    def is_picture(self, shape: Shape) -> bool:
        """Return whether a shape is that of the model's input as an image of one channel."""
        channels_first = self.channels_first and shape == (1, self.side, self.side)
        return channels_first or shape in ((self.side, self.side, 1), (self.side, self.side))

    def has_started(self) -> bool:
        """Return whether there is a layer yet that changes the input."""
        return any(layer["type"] not in ("flatten", "zero_padding2d") for layer in self.layers)

    # ---- parts of them ----

    def add(self, name: str, layer: dict[str, Any], tensors: list[Array], shape: Shape) -> None:
        self.check_not_ended(name)
        self.layers.append(layer)
        self.tensors.append(tensors)
        self.shape = shape
        self.last = name

    def check_not_ended(self, name: str) -> None:
        if self.ended:
            raise ValueError(f"layer {name!r} comes after the softmax")

    def image(self, name: str) -> tuple[int, int, int]:
        """Return the shape (h, w, c) of the present output; a vector raises ValueError."""
        if len(self.shape) == 1:
            raise ValueError(f"layer {name!r} takes an image, and gets a vector {self.shape}")
        h, w, c = self.shape
        return h, w, c

    def their_shape(self) -> Shape:
        if self.channels_first and len(self.shape) == 3:
            return (self.shape[2], *self.shape[:2])
        return self.shape

    def check_vectors(self, name: str, tensors: list[Array]) -> None:
        for tensor in tensors:
            if tensor.shape != self.shape[-1:]:
                raise ValueError(
                    f"layer {name!r} has a tensor {tensor.shape} for {self.shape[-1]} channels"
                )

    def arranged(self, tensor: NDArray[Any]) -> Array:
        """Return the rows of a tensor in our order of a vector."""
        if self.order is None or len(self.shape) == 3:
            return tensor.astype(np.float32)
        ours = np.empty(tensor.shape, np.float32)
        ours[self.order] = tensor
        return ours

    def fold(
        self, kernel: Array, bias: Array | None, inputs: tuple[int, ...]
    ) -> tuple[Array, Array | None]:
        """Return a kernel and a bias with the rescaling of their input, whose axes are given."""
        scale, offset = self.scale, self.offset
        self.scale, self.offset = 1.0, 0.0
        if np.all(scale == 1) and not np.any(offset):
            return kernel, bias
        shape = (-1, *[1] * (kernel.ndim - 1)) if np.ndim(scale) or np.ndim(offset) else ()
        exact = kernel.astype(np.float64)
        if np.any(offset):
            shift = (exact * np.reshape(offset, shape if np.ndim(offset) else ())).sum(axis=inputs)
            bias = (shift if bias is None else bias + shift).astype(np.float32)
        scaled = exact * np.reshape(scale, shape if np.ndim(scale) else ())
        return scaled.astype(np.float32), bias

    def flush(self, name: str) -> None:
        """Append a rescaling that is not folded yet, as a convolution of one pixel."""
        if np.all(self.scale == 1) and not np.any(self.offset):
            return
        if len(self.shape) == 1 or np.ndim(self.scale) or np.ndim(self.offset):
            raise ValueError(
                f"layer {name!r} comes after a rescaling of a vector, which only a dense layer "
                "or a batch norm may follow"
            )
        channels = self.shape[2]
        kernel = np.full((1, 1, 1, channels), self.scale, np.float32)
        bias = np.full(channels, self.offset, np.float32)
        self.scale, self.offset = 1.0, 0.0
        self.conv2d("rescaling", kernel, bias, groups=channels)

    # ---- the end ----

    def network(self) -> _core.Network:
        """Return the network of the layers.

        Raises
        ------
        ValueError
            If the layers do not fit, or give other than the scores of ten digits.
        """
        while self.layers and self.layers[-1]["type"] == "dropout":
            self.layers.pop()
            self.tensors.pop()
        if not any(self.tensors):
            raise ValueError("a model without weights")
        self.check_outputs()
        given = sum(tensor.size for tensors in self.tensors for tensor in tensors)
        network = _core.Network(self.layers, _IMAGE, max_weights=2 * given + 1024)
        network.set_weights(named_tensors(network, self.tensors))
        return network

    def check_outputs(self) -> None:
        end = self.layers[-1]
        if math.prod(self.shape) != DIGITS:
            raise ValueError(
                f"a model with {math.prod(self.shape)} outputs, of layer {self.last!r}; expected "
                f"{DIGITS} classes, the digits 0 to 9 in this order"
            )
        if end["type"] in ("activation", "relu") or end.get("activation"):
            function = end.get("function", "relu")
            raise ValueError(
                f"layer {self.last!r}, the last, is the activation {function}; expected softmax, "
                "or class scores without an activation"
            )
        if np.any(self.scale != 1) or np.any(self.offset):
            raise ValueError(f"the outputs of layer {self.last!r} are rescaled at the end")


def named_tensors(network: _core.Network, tensors: list[list[Array]]) -> Mapping[str, Array]:
    """Return the tensors of each layer, in the order of ``_ROLES``, by their names in a network."""
    roles: dict[str, list[str]] = {}
    for name in network.weights():
        owner, role = name.split(".")
        roles.setdefault(owner, []).append(role)
    named = {}
    for about, own in zip(network.describe(), tensors, strict=True):
        known = [role for role in _ROLES if role in roles.get(about["name"], [])]
        for role, tensor in zip(known, own, strict=True):
            named[f"{about['name']}.{role}"] = np.ascontiguousarray(tensor)
    return named


def _places(length: int, window: int, stride: int, padding: str) -> int:
    """Return the number of places of a window along a side."""
    stride = max(stride, 1)  # the core refuses others
    return -(-length // stride) if padding == "same" else (length - window) // stride + 1


def _hint(shape: Shape, channels_first: bool) -> str:
    """Return what may help with the shape of an image that is not expected."""
    if len(shape) == 3 and 3 in shape:
        return "; models of colour images are not supported"
    if len(shape) > 1 and shape[1] > 28 and shape[1] % 2 == 0 and shape[1] in (shape[0], shape[-1]):
        return (
            f"; if its digits are 28x28 with background around them, pass pad={shape[1] // 2 - 14}"
        )
    return ""
