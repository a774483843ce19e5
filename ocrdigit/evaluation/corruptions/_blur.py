"""Pictures out of focus, behind rough glass, or in motion."""

from __future__ import annotations

import math

import numpy as np

from ._arrays import COLUMNS, ROWS, SIDE, Floats, sample, smooth


def glass_blur(images: Floats, level: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Look through rough glass: pixels come from up to ``reach`` away, then all is blurred."""
    reach, sigma = level
    shape = (2, *images.shape)
    away = (reach * (2 * rng.random(shape, np.float32) - 1)).astype(np.float32)
    return smooth(sample(images, ROWS + away[0], COLUMNS + away[1]), sigma)


def motion_blur(images: Floats, length: float, rng: np.random.Generator) -> Floats:
    """Move each picture by ``length`` pixels while it is taken, at up to 45 degrees."""
    angles = rng.uniform(-math.pi / 4, math.pi / 4, len(images))
    steps = np.linspace(-0.5, 0.5, 2 * math.ceil(length) + 1)
    # One pixel's path is what every pixel is spread over: multiply spectra.
    side = 2 * SIDE
    paths = np.zeros((len(images), side, side), np.float32)
    every = np.arange(len(images))
    for step in steps:
        rows, columns = step * length * np.sin(angles), step * length * np.cos(angles)
        top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
        down, right = rows - top, columns - left
        for i, row_weight in ((0, 1 - down), (1, down)):
            for j, column_weight in ((0, 1 - right), (1, right)):
                share = row_weight * column_weight / len(steps)
                paths[every, (top + i) % side, (left + j) % side] += share
    padded = np.zeros_like(paths)
    padded[:, :SIDE, :SIDE] = images
    spectrum = np.fft.rfft2(padded) * np.fft.rfft2(paths)
    return np.fft.irfft2(spectrum, (side, side))[:, :SIDE, :SIDE].astype(np.float32)
