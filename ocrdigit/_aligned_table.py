"""Tables without ruling lines: rows and columns from the alignment of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .reading import Digit, Line

Grid = dict[tuple[int, int], list[Line]]

# A gap between digits of a line, in digit heights, from which on they are two numbers.
_MIN_GAP = 1.0
# Maximum offset of neighbours in a row from its slope, in heights.
_MAX_OFFSET = 0.7
# Without the numbers of rows and columns, a table has at least so many of each, with so many
# numbers in each, and numbers in this proportion of its cells.
_MIN_SIDE, _MIN_NUMBERS, _MIN_FILLED = 2, 2, 0.5


def find_aligned(
    lines: Sequence[Line], rows: int, columns: int
) -> tuple[Grid, NDArray[np.float64]] | None:
    """Arrange numbers in rows and columns.

    Parameters
    ----------
    lines : sequence of Line
        As :func:`ocrdigit.read` finds them.
    rows, columns : int
        The numbers of rows and columns, 0 if unknown.

    Returns
    -------
    grid : dict
        The numbers in each cell (row, column) that has any, from left to right.
    nodes : ndarray (rows + 1, columns + 1, 2)
        The corners of the cells, x and y; None for both without such a table.
    """
    numbers = [number for line in lines for number in _split(line)]
    if not numbers or _are_vertical(numbers):
        return None
    slope = _slope(numbers)
    x, y, w, h = np.array([number.box for number in numbers], float).T
    tops = y - slope * (x + w / 2)
    inset = 0.25 * h  # numbers of neighbouring rows may overlap slightly
    row_of, row_edges = _cluster(tops + inset, tops + h - inset, rows)
    column_of, column_edges = _cluster(x, x + w, columns)
    if row_edges is None or column_edges is None:
        return None
    grid: Grid = {}
    for index in np.argsort(x).tolist():
        grid.setdefault((int(row_of[index]), int(column_of[index])), []).append(numbers[index])
    if not (rows or columns) and not _is_table(row_of, column_of, grid):
        return None
    xs, ys = np.meshgrid(column_edges, row_edges)
    return grid, np.stack([xs, ys + slope * xs], axis=2)


def _is_table(row_of: NDArray[np.intp], column_of: NDArray[np.intp], grid: Grid) -> bool:
    sides = np.bincount(row_of), np.bincount(column_of)
    if min(map(len, sides)) < _MIN_SIDE or min(side.min() for side in sides) < _MIN_NUMBERS:
        return False
    return len(grid) >= _MIN_FILLED * len(sides[0]) * len(sides[1])


def _split(line: Line) -> list[Line]:
    """Return the numbers of a line, which wide gaps separate."""
    height = float(np.median([digit.box[3] for digit in line.digits]))
    numbers: list[list[Digit]] = [[line.digits[0]]]
    for before, after in pairwise(line.digits):
        if after.box[0] - (before.box[0] + before.box[2]) > _MIN_GAP * height:
            numbers.append([])
        numbers[-1].append(after)
    return [Line(tuple(digits), line.page) for digits in numbers]


def _are_vertical(numbers: Sequence[Line]) -> bool:
    """Return whether most numbers run down or up, as on a page that is turned."""
    long = [number.box for number in numbers if len(number.digits) >= 3]
    return 2 * sum(h > w for _, _, w, h in long) > len(long)


def _slope(numbers: Sequence[Line]) -> float:
    """Return the slope of the rows: that of the numbers, refined between neighbours in a row."""
    slopes = [_slope_of(number) for number in numbers if len(number.digits) >= 3]
    slope = float(np.median(slopes)) if slopes else 0.0
    x, y, w, h = np.array([number.box for number in numbers], float).T
    x, y = x + w / 2, y + h / 2
    slopes = []
    for i in range(len(numbers)):
        dx, dy = x - x[i], y - y[i]
        beside = np.flatnonzero((dx > w[i] / 2) & (np.abs(dy - slope * dx) < _MAX_OFFSET * h[i]))
        if len(beside):
            nearest = beside[dx[beside].argmin()]
            slopes.append(dy[nearest] / dx[nearest])
    return float(np.median(slopes)) if slopes else slope


def _slope_of(number: Line) -> float:
    """Return the slope of the line of least squares through the centers of the digits."""
    x, y, w, h = np.array([digit.box for digit in number.digits], float).T
    x, y = x + w / 2, y + h / 2
    return float(np.cov(x, y)[0, 1] / max(np.var(x, ddof=1), 1e-9))


def _cluster(
    starts: NDArray[np.float64], ends: NDArray[np.float64], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64] | None]:
    """Group intervals that overlap.

    Returns the group of each, and the limits of the groups, in the middle between them; None if
    there are fewer than ``count`` groups. Of more groups, the nearest are joined; 0 is any number.
    """
    order = np.argsort(starts)
    reach = np.maximum.accumulate(ends[order])
    gaps = starts[order][1:] - reach[:-1]  # before each interval but the first
    breaks = np.flatnonzero(gaps > 0)
    if count:
        if len(breaks) < count - 1:
            return np.zeros(len(starts), np.intp), None
        breaks = np.sort(breaks[np.argsort(-gaps[breaks], kind="stable")[: count - 1]])
    group = np.empty(len(starts), np.intp)
    group[order] = np.searchsorted(breaks, np.arange(len(starts)), "left")
    middles = (reach[breaks] + starts[order][breaks + 1]) / 2
    return group, np.concatenate([[starts.min()], middles, [ends.max()]])
