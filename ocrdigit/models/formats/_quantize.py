"""Steps of 8-bit integers: how TensorFlow Lite's int8 writes numbers.

A number is ``scale * (q - zero)``, with q of -128 to 127.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ._parts import Part

_LOW, _HIGH = -128, 127


@dataclass(frozen=True)
class Steps:
    """The scale and the zero of a tensor; of a kernel several scales, one a channel.

    Attributes
    ----------
    scale : ndarray (1,) or (channels,) of float32
    zero : int
    axis : int
        Along which the channels lie.
    """

    scale: NDArray[np.float32]
    zero: int = 0
    axis: int = 0


def _steps(scale: float, zero: int) -> Steps:
    return Steps(np.array([scale], np.float32), zero)


PIXELS = _steps(1 / 255, _LOW)  # 0..1, as bytes have it
PROBABILITIES = _steps(1 / 256, _LOW)  # as the runtime's softmax gives them


def of_range(low: float, high: float) -> Steps:
    """Return the steps for numbers of ``low`` to ``high``, among which 0 is exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (_HIGH - _LOW) or 1.0
    return _steps(scale, round(_LOW - low / scale))


def output_steps(
    network: _core.Network, parts: list[Part], images: NDArray[np.uint8]
) -> dict[str, Steps]:
    """Return the steps of each part's output, by its name, from what ``images`` give there."""
    seen = network.copy()
    seen.calibrate(images, 1 / 255)
    scores = seen.scores(images, 1 / 255)
    ranges = seen.ranges  # of inputs; a max-pool that the core joins to a convolution has none
    steps, after = {}, of_range(float(scores.min()), float(scores.max()))
    for part in reversed(parts):
        steps[part.name] = after
        if part.name in ranges:
            after = of_range(*ranges[part.name])
    return steps


def kernel(values: NDArray[np.float32], axis: int | None) -> tuple[NDArray[np.int8], Steps]:
    """Return a kernel in steps on both sides of 0, with a scale for each place along ``axis``."""
    others = None if axis is None else tuple(i for i in range(values.ndim) if i != axis)
    largest = np.atleast_1d(np.abs(values).max(axis=others))
    scale = np.where(largest > 0, largest / _HIGH, 1).astype(np.float32)
    shape = [1] * values.ndim
    if axis is not None:
        shape[axis] = -1
    rounded = np.rint(values / scale.reshape(shape))
    return np.clip(rounded, -_HIGH, _HIGH).astype(np.int8), Steps(scale, 0, axis or 0)


def bias(
    values: NDArray[np.float32], given: Steps, kernel: Steps
) -> tuple[NDArray[np.int32], Steps]:
    """Return a bias in steps of the products of an input and a kernel."""
    scale = given.scale.astype(np.float64) * kernel.scale
    limit = np.iinfo(np.int32).max
    rounded = np.clip(np.rint(values / scale), -limit, limit).astype(np.int32)
    return rounded, Steps(scale.astype(np.float32))
