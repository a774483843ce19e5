"""Strokes drawn with a round pen, and the strokes of marks, letters and symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]  # (k, 2): x, y

Glyphs = Mapping[str, Sequence[Sequence[tuple[float, float]]]]

# The strokes of each glyph, each a list of points (x, y): y is 0 at the baseline and 1 at the
# top of the digits; x has the same unit.
MARKS: dict[str, list[list[tuple[float, float]]]] = {
    ".": [[(0.0, 0.02), (0.04, 0.0)]],
    ",": [[(0.08, 0.06), (0.06, -0.05), (0.0, -0.16)]],
    "'": [[(0.06, 1.0), (0.0, 0.82)]],
    ":": [[(0.0, 0.55), (0.03, 0.53)], [(0.0, 0.12), (0.03, 0.1)]],
    "-": [[(0.0, 0.42), (0.25, 0.44), (0.5, 0.42)]],
    "=": [[(0.0, 0.55), (0.55, 0.57)], [(0.02, 0.33), (0.55, 0.35)]],
    "/": [[(0.0, -0.1), (0.45, 1.1)]],
    "\\": [[(0.45, -0.1), (0.0, 1.1)]],
    "|": [[(0.0, -0.15), (0.03, 1.15)]],
    "(": [[(0.22, 1.1), (0.05, 0.8), (0.0, 0.5), (0.05, 0.2), (0.22, -0.1)]],
    ")": [[(0.0, 1.1), (0.17, 0.8), (0.22, 0.5), (0.17, 0.2), (0.0, -0.1)]],
    "+": [[(0.0, 0.45), (0.5, 0.45)], [(0.25, 0.7), (0.25, 0.2)]],
    "*": [
        [(0.0, 0.5), (0.5, 0.5)],
        [(0.12, 0.28), (0.38, 0.72)],
        [(0.38, 0.28), (0.12, 0.72)],
    ],
    "#": [
        [(0.1, 0.0), (0.25, 0.95)],
        [(0.35, 0.0), (0.5, 0.95)],
        [(0.0, 0.33), (0.6, 0.38)],
        [(0.0, 0.62), (0.6, 0.67)],
    ],
    "$": [
        [
            (0.5, 0.82),
            (0.3, 0.95),
            (0.08, 0.85),
            (0.06, 0.66),
            (0.28, 0.52),
            (0.48, 0.38),
            (0.48, 0.15),
            (0.26, 0.04),
            (0.02, 0.16),
        ],
        [(0.3, 1.12), (0.24, -0.12)],
    ],
    "€": [
        [
            (0.6, 0.85),
            (0.42, 0.98),
            (0.2, 0.85),
            (0.1, 0.5),
            (0.2, 0.15),
            (0.42, 0.02),
            (0.6, 0.12),
        ],
        [(0.0, 0.58), (0.45, 0.6)],
        [(0.0, 0.4), (0.42, 0.42)],
    ],
    "~": [[(0.0, 0.4), (0.15, 0.5), (0.35, 0.38), (0.55, 0.48), (0.8, 0.4)]],
}

# Letters for the non-digit class, without those that look like digits: O, l, I, Z, S.
LETTERS: dict[str, list[list[tuple[float, float]]]] = {
    "A": [[(0.0, 0.0), (0.3, 1.0), (0.6, 0.0)], [(0.12, 0.38), (0.5, 0.38)]],
    "E": [
        [(0.5, 1.0), (0.02, 0.98), (0.0, 0.02), (0.52, 0.0)],
        [(0.0, 0.52), (0.42, 0.52)],
    ],
    "F": [[(0.52, 1.0), (0.02, 0.98), (0.0, 0.0)], [(0.0, 0.55), (0.4, 0.55)]],
    "H": [[(0.0, 1.0), (0.0, 0.0)], [(0.5, 1.0), (0.52, 0.0)], [(0.0, 0.5), (0.5, 0.5)]],
    "K": [[(0.0, 1.0), (0.0, 0.0)], [(0.5, 1.0), (0.02, 0.48), (0.52, 0.0)]],
    "M": [[(0.0, 0.0), (0.05, 1.0), (0.35, 0.35), (0.65, 1.0), (0.7, 0.0)]],
    "N": [[(0.0, 0.0), (0.0, 1.0), (0.5, 0.0), (0.5, 1.0)]],
    "P": [[(0.0, 0.0), (0.02, 1.0), (0.4, 0.95), (0.46, 0.72), (0.35, 0.52), (0.02, 0.48)]],
    "R": [
        [(0.0, 0.0), (0.02, 1.0), (0.4, 0.95), (0.44, 0.72), (0.05, 0.5), (0.5, 0.0)],
    ],
    "T": [[(0.0, 1.0), (0.6, 0.98)], [(0.3, 1.0), (0.3, 0.0)]],
    "U": [[(0.0, 1.0), (0.02, 0.25), (0.2, 0.0), (0.42, 0.12), (0.5, 0.4), (0.5, 1.0)]],
    "V": [[(0.0, 1.0), (0.28, 0.0), (0.55, 1.0)]],
    "W": [[(0.0, 1.0), (0.2, 0.0), (0.4, 0.7), (0.6, 0.0), (0.8, 1.0)]],
    "X": [[(0.0, 1.0), (0.55, 0.0)], [(0.55, 1.0), (0.0, 0.0)]],
    "Y": [[(0.0, 1.0), (0.28, 0.5)], [(0.55, 1.0), (0.25, 0.45), (0.22, 0.0)]],
    "a": [
        [(0.42, 0.5), (0.2, 0.58), (0.0, 0.3), (0.12, 0.02), (0.35, 0.15), (0.43, 0.5)],
        [(0.43, 0.5), (0.42, 0.1), (0.55, 0.02)],
    ],
    "d": [
        [(0.4, 0.45), (0.2, 0.55), (0.0, 0.28), (0.12, 0.0), (0.35, 0.12), (0.44, 1.0)],
        [(0.44, 1.0), (0.42, 0.1), (0.55, 0.0)],
    ],
    "e": [
        [
            (0.0, 0.28),
            (0.42, 0.34),
            (0.36, 0.55),
            (0.15, 0.56),
            (0.0, 0.3),
            (0.12, 0.03),
            (0.45, 0.1),
        ]
    ],
    "k": [[(0.05, 1.0), (0.0, 0.0)], [(0.36, 0.55), (0.04, 0.25), (0.4, 0.0)]],
    "m": [
        [
            (0.0, 0.55),
            (0.0, 0.0),
            (0.05, 0.42),
            (0.22, 0.55),
            (0.28, 0.0),
            (0.33, 0.42),
            (0.5, 0.55),
        ],
        [(0.5, 0.55), (0.57, 0.35), (0.58, 0.0)],
    ],
    "n": [[(0.0, 0.55), (0.0, 0.0), (0.06, 0.42), (0.28, 0.55), (0.38, 0.35), (0.4, 0.0)]],
    "r": [[(0.0, 0.55), (0.02, 0.0), (0.08, 0.4), (0.3, 0.56)]],
    "t": [[(0.2, 1.0), (0.15, 0.1), (0.32, 0.0)], [(0.0, 0.65), (0.4, 0.68)]],
    "u": [[(0.0, 0.55), (0.02, 0.12), (0.2, 0.0), (0.38, 0.2), (0.4, 0.55), (0.42, 0.0)]],
    "w": [[(0.0, 0.55), (0.12, 0.0), (0.28, 0.4), (0.42, 0.0), (0.56, 0.55)]],
    "x": [[(0.0, 0.55), (0.4, 0.0)], [(0.4, 0.55), (0.0, 0.0)]],
}


def _cornered(*corners: tuple[float, float]) -> list[list[tuple[float, float]]]:
    """Return one stroke for each side, because a spline through all corners would round them."""
    return [list(side) for side in pairwise(corners)]


# Other drawn symbols for the non-digit class.
SYMBOLS: dict[str, list[list[tuple[float, float]]]] = {
    "tick": _cornered((0.0, 0.4), (0.22, 0.0), (0.75, 0.95)),
    "cross": [[(0.0, 0.0), (0.9, 0.9)], [(0.0, 0.9), (0.9, 0.0)]],
    "arrow": [[(0.0, 0.5), (1.2, 0.5)], *_cornered((0.85, 0.2), (1.2, 0.5), (0.85, 0.8))],
    "double arrow": [
        [(0.0, 0.5), (1.2, 0.5)],
        *_cornered((0.3, 0.2), (0.0, 0.5), (0.3, 0.8)),
        *_cornered((0.9, 0.2), (1.2, 0.5), (0.9, 0.8)),
    ],
    "triangle": _cornered((0.0, 0.0), (1.0, 0.0), (0.5, 0.9), (0.0, 0.0)),
    "star": _cornered((0.2, 0.0), (0.5, 1.0), (0.8, 0.0), (0.0, 0.62), (1.0, 0.62), (0.2, 0.0)),
    "heart": [
        [(0.5, 0.7), (0.38, 0.92), (0.12, 0.9), (0.02, 0.62), (0.18, 0.32), (0.5, 0.0)],
        [(0.5, 0.7), (0.62, 0.92), (0.88, 0.9), (0.98, 0.62), (0.82, 0.32), (0.5, 0.0)],
    ],
    "house": _cornered(
        (0.0, 0.55), (0.0, 0.0), (0.8, 0.0), (0.8, 0.55), (0.4, 1.0), (0.0, 0.55), (0.8, 0.55)
    ),
}


def curve(points: Sequence[tuple[float, float]] | Points, steps: int = 6) -> Points:
    """Return the Catmull-Rom spline (k, 2) through ``points``, with ``steps`` a segment."""
    knots = np.asarray(points, np.float32)
    if len(knots) < 3:
        return knots
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = (np.arange(steps, dtype=np.float32) / steps)[None, :, None]
    a, b, c, d = (padded[i : len(knots) - 1 + i, None] for i in range(4))
    segments = b + t * (
        (c - a) / 2 + t * (a - 2.5 * b + 2 * c - d / 2 + t * (1.5 * (b - c) + (d - a) / 2))
    )
    line: Points = np.concatenate([segments.reshape(-1, 2), knots[-1:]])
    return line


def draw(
    foreground: NDArray[np.float32],
    lines: Sequence[Points],
    radius: float,
    softness: float = 1.0,
    darkness: float = 1.0,
) -> None:
    """Draw ``lines`` of points (k, 2) in pixels with a round pen into ``foreground`` (h, w).

    Each pixel keeps the maximum of its value and the coverage by the lines.
    """
    height, width = foreground.shape
    margin = radius + softness
    for line in lines:
        left, top = np.floor(line.min(axis=0) - margin).astype(int)
        right, bottom = np.ceil(line.max(axis=0) + margin).astype(int) + 1
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if left >= right or top >= bottom:
            continue
        x = np.arange(left, right, dtype=np.float32)
        y = np.arange(top, bottom, dtype=np.float32)
        distance = np.sqrt(_squared_distance(line, x, y))
        coverage = np.clip((radius - distance) / softness + 0.5, 0, 1) * np.float32(darkness)
        window = foreground[top:bottom, left:right]
        np.maximum(window, coverage, out=window)


def _squared_distance(
    line: Points, x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the squared distance (len(y), len(x)) to the polyline of points (k, 2)."""
    minimum = np.full((len(y), len(x)), np.inf, np.float32)
    if len(line) == 1:
        line = np.concatenate([line, line])
    for (ax, ay), (bx, by) in pairwise(line):
        dx, dy = bx - ax, by - ay
        length = max(float(dx * dx + dy * dy), 1e-6)
        px, py = x[None, :] - ax, y[:, None] - ay
        along = np.clip((px * (dx / length)) + py * (dy / length), 0, 1)
        np.minimum(minimum, (px - along * dx) ** 2 + (py - along * dy) ** 2, out=minimum)
    return minimum


def write_glyph(
    shape: Sequence[Sequence[tuple[float, float]]],
    height: float,
    rng: np.random.Generator,
    *,
    wobble: float = 0.03,
    slant: float = 0.0,
) -> list[Points]:
    """Return the strokes of a glyph with random scale and wobble.

    Coordinates are pixels, y downward with 0 at the baseline.
    """
    scale = rng.uniform(0.8, 1.25, 2) * height
    lines = []
    for stroke in shape:
        points = np.asarray(stroke, np.float32) + rng.normal(0, wobble, (len(stroke), 2))
        line = curve(points.astype(np.float32))
        x, y = line[:, 0] * scale[0], line[:, 1] * scale[1]
        lines.append(np.stack([x + slant * y, -y], axis=1).astype(np.float32))
    return lines
