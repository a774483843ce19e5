"""Brightness, inverted stripes and fog."""

from __future__ import annotations

import numpy as np

from ._resampling import SIDE, Floats


def brightness(images: Floats, amount: float, rng: np.random.Generator) -> Floats:
    """Add ``amount`` to all pixels; the result is clipped later."""
    brightened: Floats = images + np.float32(amount)
    return brightened


def stripe(images: Floats, width: float, rng: np.random.Generator) -> Floats:
    """Invert two vertical stripes of ``width`` +- 1 pixels at the left and right edges."""
    widths = width + rng.integers(-1, 2, (len(images), 2))
    columns = np.arange(SIDE)
    inverted = (columns < widths[:, :1]) | (columns >= SIDE - widths[:, 1:])
    return np.where(inverted[:, None, :], 1 - images, images)


def fog(images: Floats, density: float, rng: np.random.Generator) -> Floats:
    """Blend with light clouds of ``density``."""
    clouds = _clouds(len(images), rng)
    foggy: Floats = (images + np.float32(density) * clouds) / np.float32(1 + density)
    return foggy


def _clouds(count: int, rng: np.random.Generator) -> Floats:
    """Return smooth noise (n, 28, 28) in 0..1.

    It is a sum of bilinearly interpolated random grids, finer ones with smaller weights.
    """
    clouds = np.zeros((count, SIDE, SIDE), np.float32)
    weight = 1.0
    for cells in (2, 4, 8, 14):
        knots = rng.random((count, cells + 1, cells + 1), np.float32)
        positions = (np.arange(SIDE) + 0.5) / SIDE * cells
        weights = np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(cells + 1)))
        matrix = weights.astype(np.float32)
        clouds += np.float32(weight) * (matrix @ knots @ matrix.T)
        weight /= 1.8
    clouds -= clouds.min(axis=(1, 2), keepdims=True)
    clouds /= clouds.max(axis=(1, 2), keepdims=True)
    return clouds
