"""Quantization to 8-bit integers, as TensorFlow Lite's int8 defines it.

A real number is ``scale * (q - zero_point)`` with q in -128..127.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ._layers import Layer

_LOW, _HIGH = -128, 127


@dataclass(frozen=True)
class Quantization:
    """The quantization parameters of a tensor; a kernel may have one scale per channel.

    Attributes
    ----------
    scale : ndarray (1,) or (channels,) of float32
    zero_point : int
    axis : int
        The axis of the channels.
    """

    scale: NDArray[np.float32]
    zero_point: int = 0
    axis: int = 0


def _per_tensor(scale: float, zero_point: int) -> Quantization:
    return Quantization(np.array([scale], np.float32), zero_point)


PIXELS = _per_tensor(1 / 255, _LOW)  # bytes as 0..1
PROBABILITIES = _per_tensor(1 / 256, _LOW)  # those of the runtime's softmax and sigmoid
TANH = _per_tensor(1 / 128, 0)  # that of its tanh


def from_range(low: float, high: float) -> Quantization:
    """Return the quantization of numbers in ``low``..``high``, with an exact 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (_HIGH - _LOW) or 1.0
    return _per_tensor(scale, round(_LOW - low / scale))


def calibrate_outputs(
    network: _core.Network, layers: list[Layer], images: NDArray[np.uint8]
) -> dict[str, Quantization]:
    """Return the quantization of each layer's output, by name, from its range on ``images``."""
    observed = network.copy()
    observed.calibrate(images, 1 / 255)
    scores = observed.scores(images, 1 / 255)
    ranges = observed.ranges  # of the layers' inputs, but of fused max-pools
    quantizations, after = {}, from_range(float(scores.min()), float(scores.max()))
    for layer in reversed(layers):
        quantizations[layer.name] = after
        if layer.name in ranges:
            after = from_range(*ranges[layer.name])
    return quantizations


def quantize_kernel(
    values: NDArray[np.float32], axis: int | None
) -> tuple[NDArray[np.int8], Quantization]:
    """Return a kernel, quantized symmetrically with one scale for each index of ``axis``."""
    others = None if axis is None else tuple(i for i in range(values.ndim) if i != axis)
    largest = np.atleast_1d(np.abs(values).max(axis=others))
    scale = np.where(largest > 0, largest / _HIGH, 1).astype(np.float32)
    shape = [1] * values.ndim
    if axis is not None:
        shape[axis] = -1
    rounded = np.rint(values / scale.reshape(shape))
    return np.clip(rounded, -_HIGH, _HIGH).astype(np.int8), Quantization(scale, 0, axis or 0)


def quantize_bias(
    values: NDArray[np.float32], input_: Quantization, kernel: Quantization
) -> tuple[NDArray[np.int32], Quantization]:
    """Return a bias, quantized with the scales of the products of an input and a kernel."""
    scale = input_.scale.astype(np.float64) * kernel.scale
    limit = np.iinfo(np.int32).max
    rounded = np.clip(np.rint(values / scale), -limit, limit).astype(np.int32)
    return rounded, Quantization(scale.astype(np.float32))
