"""Light where the paper should be dark: raised, inverted, or in clouds."""

from __future__ import annotations

import numpy as np

from ._arrays import SIDE, Floats


def brightness(images: Floats, amount: float, rng: np.random.Generator) -> Floats:
    """Raise all pixels, the background too; the brightest saturate."""
    raised: Floats = images + np.float32(amount)
    return raised


def stripe(images: Floats, width: float, rng: np.random.Generator) -> Floats:
    """Invert two upright stripes of about ``width`` pixels, one on each side."""
    widths = width + rng.integers(-1, 2, (len(images), 2))
    columns = np.arange(SIDE)
    inverted = (columns < widths[:, :1]) | (columns >= SIDE - widths[:, 1:])
    return np.where(inverted[:, None, :], 1 - images, images)


def fog(images: Floats, density: float, rng: np.random.Generator) -> Floats:
    """Put light clouds in front: where they are thick, little is left of the digit."""
    clouds = _clouds(len(images), rng)
    seen: Floats = (images + np.float32(density) * clouds) / np.float32(1 + density)
    return seen


def _clouds(count: int, rng: np.random.Generator) -> Floats:
    """Return smooth noise (n, 28, 28) of 0 to 1: grids of random numbers, each finer and fainter.

    A grid of c cells a side is drawn out bilinearly, and shifted at random by its size.
    """
    clouds = np.zeros((count, SIDE, SIDE), np.float32)
    weight = 1.0
    for cells in (2, 4, 8, 14):
        knots = rng.random((count, cells + 1, cells + 1), np.float32)
        places = (np.arange(SIDE) + 0.5) / SIDE * cells
        tents = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(cells + 1)))
        spread = tents.astype(np.float32)
        clouds += np.float32(weight) * (spread @ knots @ spread.T)
        weight /= 1.8
    clouds -= clouds.min(axis=(1, 2), keepdims=True)
    clouds /= clouds.max(axis=(1, 2), keepdims=True)
    return clouds
