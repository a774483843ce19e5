"""Glass blur and motion blur."""

from __future__ import annotations

import math

import numpy as np

from ._resampling import COLUMNS, ROWS, SIDE, Floats, sample, smooth


def glass_blur(images: Floats, level: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Displace pixels at random by up to ``level[0]`` pixels, then blur by sigma ``level[1]``."""
    displacement, sigma = level
    shape = (2, *images.shape)
    offsets = (displacement * (2 * rng.random(shape, np.float32) - 1)).astype(np.float32)
    return smooth(sample(images, ROWS + offsets[0], COLUMNS + offsets[1]), sigma)


def motion_blur(images: Floats, length: float, rng: np.random.Generator) -> Floats:
    """Blur each image along a line of ``length`` pixels, at a random angle of up to 45 degrees."""
    angles = rng.uniform(-math.pi / 4, math.pi / 4, len(images))
    steps = np.linspace(-0.5, 0.5, 2 * math.ceil(length) + 1)
    # The kernel is the path of a pixel; convolve by multiplying spectra.
    side = 2 * SIDE
    kernels = np.zeros((len(images), side, side), np.float32)
    index = np.arange(len(images))
    for step in steps:
        rows, columns = step * length * np.sin(angles), step * length * np.cos(angles)
        top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
        down, right = rows - top, columns - left
        for i, row_weight in ((0, 1 - down), (1, down)):
            for j, column_weight in ((0, 1 - right), (1, right)):
                weight = row_weight * column_weight / len(steps)
                kernels[index, (top + i) % side, (left + j) % side] += weight
    padded = np.zeros_like(kernels)
    padded[:, :SIDE, :SIDE] = images
    spectrum = np.fft.rfft2(padded) * np.fft.rfft2(kernels)
    return np.fft.irfft2(spectrum, (side, side))[:, :SIDE, :SIDE].astype(np.float32)
