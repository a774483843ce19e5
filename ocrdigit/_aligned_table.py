"""Tables without ruling lines: rows and columns from the alignment of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .reading import Digit, Line

Floats = NDArray[np.float64]

# A gap between digits of a line, in digit heights, from which on they are two numbers.
_MIN_GAP = 1.0
# Maximum offset of neighbours in a row from its slope, in heights.
_MAX_OFFSET = 0.7
# Numbers of neighbouring rows may overlap by twice this proportion of their heights.
_INSET = 0.25
# A table has at least so many rows and columns, with so many numbers in each, and numbers in this
# proportion of its cells.
_MIN_SIDE, _MIN_NUMBERS, _MIN_FILLED = 2, 2, 0.5
# With a given number of rows or columns: the least gap between two, relative to gaps within them.
_MIN_GAP_RATIO = 1.5


@dataclass(frozen=True)
class AlignedTable:
    """Numbers in rows and columns.

    Attributes
    ----------
    numbers : dict
        The numbers of each cell (row, column) that has any, in reading order.
    nodes : ndarray (rows + 1, columns + 1, 2)
        The corners of the cells, x and y.
    """

    numbers: dict[tuple[int, int], list[Line]]
    nodes: Floats


def find_aligned(lines: Sequence[Line], rows: int, columns: int) -> AlignedTable | None:
    """Arrange the numbers of a page in rows and columns, if they are a table.

    ``rows`` and ``columns`` are 0 if unknown; then outer rows and columns of a single number, such
    as a title, are left out. The page may be turned and skewed.
    """
    if not lines:
        return None
    turn = _quarter_turns(lines)
    numbers = [number for line in lines for number in _split(line, turn)]
    angle = turn * np.pi / 2
    angle += np.arctan(_slope(numbers, _upright(numbers, angle)))
    boxes = _upright(numbers, angle)
    if not (rows or columns):
        kept = _without_strays(boxes)
        numbers, boxes = [numbers[i] for i in kept], boxes[kept]
        if not numbers:
            return None
    in_rows, in_columns = _intervals(boxes)
    row_of, row_edges = _cluster(*in_rows, rows)
    column_of, column_edges = _cluster(*in_columns, columns)
    if row_edges is None or column_edges is None:
        return None
    row_edges[0], row_edges[-1] = boxes[:, 1].min(), (boxes[:, 1] + boxes[:, 3]).max()
    cells: dict[tuple[int, int], list[Line]] = {}
    places = np.stack([row_of, column_of], axis=1).tolist()
    for index in np.lexsort((boxes[:, 0], _cluster(*in_rows, 0)[0])).tolist():
        cells.setdefault(tuple(places[index]), []).append(numbers[index])
    found = len(row_edges) - 1, len(column_edges) - 1
    if not (rows and columns) and len(cells) < _MIN_FILLED * found[0] * found[1]:
        return None
    if (not rows and found[0] < _MIN_SIDE) or (not columns and found[1] < _MIN_SIDE):
        return None
    nodes = np.stack(np.meshgrid(column_edges, row_edges), axis=2)
    return AlignedTable(cells, nodes @ _rotation(angle).T)


# -- geometry --


def _rotation(angle: float) -> Floats:
    """Return the matrix that maps points (x, y) of the upright page to the image."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _centers(boxes: Sequence[Sequence[int]]) -> Floats:
    box = np.array(boxes, float)
    centers: Floats = box[:, :2] + box[:, 2:] / 2
    return centers


def _upright(numbers: Sequence[Line], angle: float) -> Floats:
    """Return the boxes (n, 4) of numbers on the page that is rotated back by ``angle``."""
    boxes = []
    for number in numbers:
        size = np.array([digit.box[2:] for digit in number.digits], float)
        if abs(np.sin(angle)) > abs(np.cos(angle)):
            size = size[:, ::-1]
        centers = _centers([digit.box for digit in number.digits]) @ _rotation(angle)
        low, high = (centers - size / 2).min(axis=0), (centers + size / 2).max(axis=0)
        boxes.append([*low, *(high - low)])
    return np.array(boxes)


def _quarter_turns(lines: Sequence[Line]) -> int:
    """Return by how many quarter turns clockwise the lines run down, left or up."""
    steps = np.zeros(2)
    for line in lines:
        centers = _centers([digit.box for digit in line.digits])
        direction = centers[-1] - centers[0]
        steps += np.where(np.abs(direction) == np.abs(direction).max(), direction, 0)
    if abs(steps[1]) > abs(steps[0]):
        return 1 if steps[1] > 0 else 3
    return 2 if steps[0] < 0 else 0


def _split(line: Line, turn: int) -> list[Line]:
    """Return the numbers of a line, which wide gaps separate."""
    axis, sign = turn % 2, -1 if turn > 1 else 1
    height = float(np.median([digit.box[3 - axis] for digit in line.digits]))
    numbers: list[list[Digit]] = [[line.digits[0]]]
    for before, after in pairwise(line.digits):
        (a, b), (c, d) = (
            (digit.box[axis], digit.box[axis] + digit.box[2 + axis]) for digit in (before, after)
        )
        if (c - b if sign > 0 else a - d) > _MIN_GAP * height:
            numbers.append([])
        numbers[-1].append(after)
    return [Line(tuple(digits), line.page) for digits in numbers]


def _slope(numbers: Sequence[Line], boxes: Floats) -> float:
    """Return the slope of the rows of upright boxes: the median between neighbours in a row."""
    x, y = (boxes[:, :2] + boxes[:, 2:] / 2).T
    widths, heights = boxes[:, 2:].T
    slope = _common_slope(numbers, boxes)
    slopes = []
    for i in range(len(boxes)):
        dx, dy = x - x[i], y - y[i]
        near = np.abs(dy - slope * dx) < _MAX_OFFSET * heights[i]
        beside = np.flatnonzero((dx > widths[i] / 2) & near)
        if len(beside):
            nearest = beside[dx[beside].argmin()]
            slopes.append(dy[nearest] / dx[nearest])
    return float(np.median(slopes)) if slopes else slope


def _common_slope(numbers: Sequence[Line], boxes: Floats) -> float:
    """Return the median slope of long numbers, whose digits are on a line."""
    slopes = []
    for number, (_, _, w, h) in zip(numbers, boxes, strict=True):
        if len(number.digits) >= 3 and w > h:
            x, y = _centers([digit.box for digit in number.digits]).T
            along, across = (x, y) if np.ptp(x) > np.ptp(y) else (y, -x)
            slopes.append(np.cov(along, across)[0, 1] / max(np.var(along, ddof=1), 1e-9))
    return float(np.median(slopes)) if slopes else 0.0


# -- rows and columns --


def _intervals(boxes: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return starts and ends of upright boxes down the page, inset, and across it."""
    left, top, w, h = boxes.T
    return (top + _INSET * h, top + h - _INSET * h), (left, left + w)


def _without_strays(boxes: Floats) -> NDArray[np.intp]:
    """Return the indices of numbers without outer rows and columns of a single one."""
    kept = np.arange(len(boxes))
    while len(kept):
        stray = np.zeros(len(kept), bool)
        for starts, ends in _intervals(boxes[kept]):
            group, _ = _cluster(starts, ends, 0)
            counts = np.bincount(group)
            for outer in (0, len(counts) - 1):
                if counts[outer] < _MIN_NUMBERS:
                    stray |= group == outer
            if stray.any():
                break
        if not stray.any():
            break
        kept = kept[~stray]
    return kept


def _cluster(starts: Floats, ends: Floats, count: int) -> tuple[NDArray[np.intp], Floats | None]:
    """Group intervals that overlap.

    Returns the group of each, and the limits of the groups, in the middle between them. With a
    ``count``, the nearest groups are joined; the limits are None if there are fewer, or if the
    gaps that remain are not clearly wider than those within the groups.
    """
    order = np.argsort(starts)
    reach = np.maximum.accumulate(ends[order])
    gaps = starts[order][1:] - reach[:-1]  # before each interval but the first
    breaks = np.flatnonzero(gaps > 0)
    group = np.zeros(len(starts), np.intp)
    if count:
        by_gap = breaks[np.argsort(-gaps[breaks], kind="stable")]
        breaks, joined = np.sort(by_gap[: count - 1]), by_gap[count - 1 :]
        if len(breaks) < count - 1:
            return group, None
        if (gaps[breaks] < _MIN_GAP_RATIO * gaps[joined].max(initial=0)).any():
            return group, None
    group[order] = np.searchsorted(breaks, np.arange(len(starts)), "left")
    middles = (reach[breaks] + starts[order][breaks + 1]) / 2
    return group, np.concatenate([[starts.min()], middles, [ends.max()]])
