"""Resampling and blurring of batches, shared by several corruptions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIDE = 28
CENTRE = (SIDE - 1) / 2

# Row and column of each pixel relative to the centre, (28, 28) each.
ROWS, COLUMNS = (
    grid.astype(np.float32) - np.float32(CENTRE)
    for grid in np.meshgrid(range(SIDE), range(SIDE), indexing="ij")
)


def per_image(values: NDArray[np.float64]) -> Floats:
    """Return one value per image, (n,), in a shape that broadcasts with images: (n, 1, 1)."""
    return values.astype(np.float32).reshape(-1, 1, 1)


def signs(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return a random -1 or 1 for each of ``count`` images."""
    return rng.choice((-1.0, 1.0), count)


def sample(images: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return images (n, 28, 28) sampled bilinearly at ``rows`` and ``columns``; black outside.

    These are the source coordinates (n, 28, 28) of each pixel, relative to the centre.
    """
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    y = np.clip(rows + np.float32(CENTRE + 1), 0, SIDE + np.float32(0.999))
    x = np.clip(columns + np.float32(CENTRE + 1), 0, SIDE + np.float32(0.999))
    top, left = y.astype(np.int64), x.astype(np.int64)
    y -= top
    x -= left
    side = SIDE + 2
    index = top * side + left + np.arange(len(images)).reshape(-1, 1, 1) * side * side
    flat = padded.ravel()
    above = flat[index] * (1 - x) + flat[index + 1] * x
    index += side
    below = flat[index] * (1 - x) + flat[index + 1] * x
    result: Floats = above * (1 - y) + below * y
    return result


def smooth(images: Floats, sigma: float) -> Floats:
    """Return images (n, h, w) after a Gaussian blur; the border is replicated."""
    radius = max(1, int(np.ceil(3 * sigma)))
    steps = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (1, 2):
        margins = [(0, 0)] * 3
        margins[axis] = (radius, radius)
        padded = np.moveaxis(np.pad(images, margins, "edge"), axis, 2)
        width = padded.shape[2] - 2 * radius
        blurred = sum(w * padded[:, :, i : i + width] for i, w in enumerate(weights))
        images = np.moveaxis(np.asarray(blurred), 2, axis)
    return np.ascontiguousarray(images)


def resize_matrix(factor: float) -> Floats:
    """Return the matrix (28, 28) that resizes a row of pixels by ``factor`` about its centre.

    It interpolates with a triangle filter, widened for factors below 1 (antialiasing); outside
    pixels are black.
    """
    targets = (np.arange(SIDE) - CENTRE) / factor + CENTRE
    width = max(1.0, 1 / factor)
    sources = np.arange(-SIDE, 2 * SIDE)  # includes pixels outside, so that edges fade to black
    weights = np.maximum(0, 1 - np.abs(targets[:, None] - sources) / width)
    weights /= weights.sum(axis=1, keepdims=True).clip(1e-9)
    inside: Floats = weights[:, SIDE : 2 * SIDE].astype(np.float32)
    return inside
