"""Outlines in place of strokes, as an edge detector sees them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._arrays import Floats, smooth

_LOW, _HIGH = 0.1, 0.2  # of the steepest slope in the picture: weak and strong edges


def canny_edges(images: Floats, sigma: float, rng: np.random.Generator) -> Floats:
    """Keep only edges, white on black, by Canny's method; ``sigma`` is of its blur.

    The slope of the blurred picture, thinned to its ridges; strong ridges stay, and weak
    ones that hang together with a strong one.
    """
    down, right = _slopes(smooth(images, sigma))
    steepness = np.hypot(down, right)
    ridges = np.where(_is_ridge(steepness, down, right), steepness, 0)
    steepest = np.maximum(steepness.max(axis=(1, 2), keepdims=True), 1e-6)
    weak, edges = ridges > _LOW * steepest, ridges > _HIGH * steepest
    while True:
        grown = _grown(edges) & weak
        if np.array_equal(grown, edges):
            outlines: Floats = edges.astype(np.float32)
            return outlines
        edges = grown


def _slopes(images: Floats) -> tuple[Floats, Floats]:
    """Return Sobel's slopes downward and to the right."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), "edge")
    across = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    along = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return across[:, 2:] - across[:, :-2], along[:, :, 2:] - along[:, :, :-2]


def _is_ridge(steepness: Floats, down: Floats, right: Floats) -> NDArray[np.bool_]:
    """Tell where a pixel is the steepest of the three along its slope, to eight directions.

    Of two that are equally steep the one uphill stays, so that no edge is lost or doubled.
    """
    sector = np.rint(np.arctan2(down, right) / (np.pi / 4)).astype(np.int64) % 8
    steps = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
    padded = np.pad(steepness, ((0, 0), (1, 1), (1, 1)))
    ridge = np.zeros(steepness.shape, bool)
    for number, (row, column) in enumerate(steps):
        uphill = _shifted(padded, row, column)
        downhill = _shifted(padded, -row, -column)
        ridge |= (sector == number) & (steepness > uphill) & (steepness >= downhill)
    return ridge


def _shifted(padded: Floats, row: int, column: int) -> Floats:
    """Return each pixel's neighbour so many rows down and columns to the right."""
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    return padded[:, 1 + row : 1 + row + height, 1 + column : 1 + column + width]


def _grown(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the edges and all their neighbours."""
    padded = np.pad(edges, ((0, 0), (1, 1), (1, 1)))
    rows = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    grown: NDArray[np.bool_] = rows[:, :, :-2] | rows[:, :, 1:-1] | rows[:, :, 2:]
    return grown
