"""Boxes of numbers as they stand on a page that is turned by quarters and skewed.

A number is the sequence of the boxes (x, y, w, h) of its symbols. An angle is in radians,
clockwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Box = tuple[int, int, int, int]
Boxes = Sequence[Box]

# Maximum offset of neighbours in a row from its slope, in heights.
_MAX_OFFSET = 0.7


def rotation(angle: float) -> Floats:
    """Return the matrix that maps points (x, y) of the upright page to the image."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _centers(boxes: Boxes) -> Floats:
    box = np.array(boxes, float)
    centers: Floats = box[:, :2] + box[:, 2:] / 2
    return centers


def upright_boxes(numbers: Sequence[Boxes], angle: float) -> Floats:
    """Return the boxes (n, 4) of numbers on the page that is rotated back by ``angle``."""
    found = []
    for boxes in numbers:
        size = np.array([box[2:] for box in boxes], float)
        if abs(np.sin(angle)) > abs(np.cos(angle)):
            size = size[:, ::-1]
        centers = _centers(boxes) @ rotation(angle)
        low, high = (centers - size / 2).min(axis=0), (centers + size / 2).max(axis=0)
        found.append([*low, *(high - low)])
    return np.array(found)


def quarter_turns(numbers: Sequence[Boxes]) -> int:
    """Return by how many quarter turns clockwise the numbers run down, left or up."""
    right = down = 0.0
    for boxes in numbers:
        (x, y, w, h), (end_x, end_y, end_w, end_h) = boxes[0], boxes[-1]
        dx, dy = end_x - x + (end_w - w) / 2, end_y - y + (end_h - h) / 2
        right += dx if abs(dx) >= abs(dy) else 0
        down += dy if abs(dy) >= abs(dx) else 0
    if abs(down) > abs(right):
        return 1 if down > 0 else 3
    return 2 if right < 0 else 0


def gap_between(before: Box, after: Box, turn: int) -> int:
    """Return the gap between the boxes of two symbols along a number."""
    axis = turn % 2
    first, second = (before, after) if turn < 2 else (after, before)
    return second[axis] - first[axis] - first[2 + axis]


def slope(numbers: Sequence[Boxes], boxes: Floats) -> float:
    """Return the slope of the rows of upright boxes: the median between neighbours in a row."""
    x, y = (boxes[:, :2] + boxes[:, 2:] / 2).T
    widths, heights = boxes[:, 2:].T
    common = _common_slope(numbers, boxes)
    slopes = []
    for i in range(len(boxes)):
        dx, dy = x - x[i], y - y[i]
        near = np.abs(dy - common * dx) < _MAX_OFFSET * heights[i]
        beside = np.flatnonzero((dx > widths[i] / 2) & near)
        if len(beside):
            nearest = beside[dx[beside].argmin()]
            slopes.append(dy[nearest] / dx[nearest])
    return float(np.median(slopes)) if slopes else common


def _common_slope(numbers: Sequence[Boxes], boxes: Floats) -> float:
    """Return the median slope of long numbers, whose digits are on a line."""
    slopes = slopes_of_numbers(numbers, boxes)
    return float(np.median(slopes)) if slopes else 0.0


def slopes_of_numbers(numbers: Sequence[Boxes], boxes: Floats) -> list[float]:
    """Return the slope of each number of three or more symbols; ``boxes`` are the upright ones."""
    slopes = []
    for number, (_, _, w, h) in zip(numbers, boxes, strict=True):
        if len(number) >= 3 and w > h:
            x, y = _centers(number).T
            along, across = (x, y) if np.ptp(x) > np.ptp(y) else (y, -x)
            offsets = along - along.mean()
            slopes.append(float(offsets @ (across - across.mean()) / max(offsets @ offsets, 1e-9)))
    return slopes
