"""Marks that are no digits: ticks, crosses, letters, boxes, scribbles and other shapes.

Each is a foreground (h, w), 0..255, without margins; boxes to tick are two of the same size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .. import image
from . import letters

Gray = NDArray[np.uint8]


def trimmed(foreground: NDArray[np.uint8], scale: float = 1.0) -> Gray:
    """Return the bounding box of a foreground, scaled."""
    rows, columns = (np.flatnonzero((foreground > 60).any(axis)) for axis in (1, 0))
    if not len(rows):
        return foreground[:1, :1]
    trimmed = foreground[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    h, w = trimmed.shape
    size = max(2, round(w * scale)), max(2, round(h * scale))
    return image.resize(np.ascontiguousarray(trimmed), size, interpolation="area")


def _strokes(lines: Sequence[NDArray[np.float64]], width: float, size: int) -> Gray:
    """Return polylines through points in 0..1, drawn in a square of ``size`` pixels."""
    canvas = Image.new("L", (4 * size, 4 * size))
    draw = ImageDraw.Draw(canvas)
    for points in lines:
        ends = [(float(x), float(y)) for x, y in points * 2.4 * size + 0.8 * size]
        draw.line(ends, 255, max(2, round(4 * width * size)), joint="curve")
    return trimmed(np.asarray(canvas.resize((size, size), Image.Resampling.BOX)))


def tick(rng: np.random.Generator) -> Gray:
    """Return a tick: a short stroke down, a longer one up, straight or curved."""
    start = rng.uniform((-0.05, 0.3), (0.2, 0.7))
    corner = rng.uniform((0.2, 0.75), (0.45, 1.0))
    end = rng.uniform((0.65, -0.1), (1.1, 0.35))
    bend = (corner + end) / 2 + rng.normal(0, 0.05, 2)
    size, width = int(rng.integers(24, 80)), float(rng.uniform(0.025, 0.1))
    return _strokes([np.array([start, corner, bend, end])], width, size)


def cross(rng: np.random.Generator) -> Gray:
    """Return two strokes that cross, as an x or a plus."""
    turned = rng.random() < 0.7
    ends = np.array([[[0.0, 0], [1, 1]], [[1, 0], [0, 1]]])
    if not turned:
        ends = np.array([[[0.0, 0.5], [1, 0.5]], [[0.5, 0], [0.5, 1]]])
    ends = ends + rng.normal(0, 0.1, ends.shape)
    ends[..., 0] *= rng.uniform(0.7, 1.3)
    size, width = int(rng.integers(24, 80)), float(rng.uniform(0.025, 0.1))
    return _strokes(list(ends), width, size)


def hershey_letter(rng: np.random.Generator) -> Gray | None:
    """Return a letter of a Hershey font that does not look like a digit."""
    distinct = sorted(set(letters.LETTERS) - letters.DIGIT_LIKE)
    strokes = letters.alphabet(str(rng.choice(letters.FONTS))).get(str(rng.choice(distinct)))
    if strokes is None:
        return None
    slant = float(rng.normal(0.1, 0.15))
    lines = [np.array(stroke) @ [[1, 0], [slant, 1]] * [1, -1] + [0, 1] for stroke in strokes]
    lines = [line + rng.normal(0, 0.015, line.shape) for line in lines if len(line) > 1]
    low = np.min([line.min(0) for line in lines], axis=0)
    extent = np.max([line.max(0) for line in lines], axis=0) - low
    lines = [(line - low) / max(extent.max(), 1e-3) for line in lines]
    return _strokes(lines, float(rng.uniform(0.02, 0.08)), int(rng.integers(24, 80)))


def walls(rng: np.random.Generator) -> Gray:
    """Return rests of a box: a corner, a frame or two horizontal lines."""
    size, width = int(rng.integers(24, 80)), float(rng.uniform(0.02, 0.1))
    corners = np.array([[0.0, 0], [0, 1], [1, 1], [1, 0], [0, 0]])
    corners = corners * [rng.uniform(0.5, 1.3), 1] + rng.normal(0, 0.02, (5, 2))
    kind, first = rng.random(), int(rng.integers(0, 3))
    if kind < 0.4:
        return _strokes([corners[first : first + 3]], width, size)
    if kind < 0.7:
        return _strokes([corners], width, size)
    level = np.array([[0, 0.5], [1, 0.5 + rng.normal(0, 0.05)]])
    lower = level + np.array([0, rng.uniform(0.15, 0.5)])
    return _strokes([level, lower], width, size)


def shape(rng: np.random.Generator) -> Gray:
    """Return a wave, a star, a scribble, a triangle or a nearly level stroke."""
    kind = int(rng.integers(5))
    if kind == 0:
        x = np.linspace(0, 1, 40)
        y = 0.5 + rng.uniform(0.1, 0.5) * np.sin(x * rng.uniform(8, 45) + rng.uniform(0, 6))
    elif kind == 1:
        turns = np.linspace(0, 2 * np.pi, 11) + rng.uniform(0, 1)
        radius = np.where(np.arange(11) % 2, rng.uniform(0.15, 0.3), 0.5)
        x, y = 0.5 + radius * np.cos(turns), 0.5 + radius * np.sin(turns)
    elif kind == 2:
        x, y = rng.uniform(0, 1, (2, int(rng.integers(5, 16))))
    elif kind == 3:
        x, y = rng.uniform(0, 1, (2, 3))
        x, y = np.append(x, x[0]), np.append(y, y[0])
    else:
        x, y = np.array([0.0, 1.0]), 0.5 + rng.uniform(-0.25, 0.25, 2)
    size, width = int(rng.integers(24, 110)), float(rng.uniform(0.02, 0.08))
    return _strokes([np.stack([x, y], 1)], width, size)


def tick_box(rng: np.random.Generator) -> tuple[Gray, Gray]:
    """Return a box, and the tick or cross in it, if any, in a picture of the same size."""
    side = int(rng.integers(20, 64))
    wall = int(rng.integers(1, 1 + max(1, side // 12)))
    margin = side // 2
    box = np.zeros((side + 2 * margin, side + 2 * margin), np.uint8)
    marks = box.copy()
    box[margin : margin + side, margin : margin + side] = 255
    box[margin + wall : margin + side - wall, margin + wall : margin + side - wall] = 0
    if rng.random() < 0.7:
        mark = (tick if rng.random() < 0.7 else cross)(rng)
        scale = side * float(rng.uniform(0.6, 1.3)) / max(mark.shape)
        mark = trimmed(mark, scale)[: len(marks), : len(marks)]
        h, w = mark.shape
        top, left = ((len(marks) - np.array([h, w])) * rng.uniform(0.35, 0.65, 2)).astype(int)
        marks[top : top + h, left : left + w] = mark
    return box, marks
