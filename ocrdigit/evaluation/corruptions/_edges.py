"""Edge detection by Canny's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._resampling import Floats, smooth

_LOW, _HIGH = 0.1, 0.2  # thresholds of weak and strong edges, of the largest gradient in the image


def canny_edges(images: Floats, sigma: float, rng: np.random.Generator) -> Floats:
    """Return the edges, white on black, by Canny's method with a blur of ``sigma``.

    Gradient magnitude, non-maximum suppression, and hysteresis thresholding: weak edges are kept
    if they are connected to a strong one.
    """
    gy, gx = _sobel(smooth(images, sigma))
    magnitude = np.hypot(gy, gx)
    thinned = np.where(_is_maximum(magnitude, gy, gx), magnitude, 0)
    maximum = np.maximum(magnitude.max(axis=(1, 2), keepdims=True), 1e-6)
    weak, edges = thinned > _LOW * maximum, thinned > _HIGH * maximum
    while True:
        grown = _dilated(edges) & weak
        if np.array_equal(grown, edges):
            result: Floats = edges.astype(np.float32)
            return result
        edges = grown


def _sobel(images: Floats) -> tuple[Floats, Floats]:
    """Return the Sobel gradients in y and x."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), "edge")
    horizontal = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    vertical = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return horizontal[:, 2:] - horizontal[:, :-2], vertical[:, :, 2:] - vertical[:, :, :-2]


def _is_maximum(magnitude: Floats, gy: Floats, gx: Floats) -> NDArray[np.bool_]:
    """Return where a pixel is the maximum along its gradient, rounded to eight directions.

    Of two equal pixels the one uphill is the maximum, so that no edge is lost or doubled.
    """
    sector = np.rint(np.arctan2(gy, gx) / (np.pi / 4)).astype(np.int64) % 8
    steps = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
    padded = np.pad(magnitude, ((0, 0), (1, 1), (1, 1)))
    maximum = np.zeros(magnitude.shape, bool)
    for number, (row, column) in enumerate(steps):
        uphill = _shifted(padded, row, column)
        downhill = _shifted(padded, -row, -column)
        maximum |= (sector == number) & (magnitude > uphill) & (magnitude >= downhill)
    return maximum


def _shifted(padded: Floats, row: int, column: int) -> Floats:
    """Return each pixel's neighbour ``row`` rows below and ``column`` columns to the right."""
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    return padded[:, 1 + row : 1 + row + height, 1 + column : 1 + column + width]


def _dilated(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return ``edges`` dilated by a 3 by 3 square."""
    padded = np.pad(edges, ((0, 0), (1, 1), (1, 1)))
    rows = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    dilated: NDArray[np.bool_] = rows[:, :, :-2] | rows[:, :, 1:-1] | rows[:, :, 2:]
    return dilated
