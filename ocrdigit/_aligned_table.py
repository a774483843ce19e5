"""Tables without ruling lines: rows and columns from the alignment of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ._numbers import Number, Symbol, digit_boxes
from ._spaces import find_spaces
from ._upright import Floats, gap_between, quarter_turns, rotation, slope, upright_boxes

# A gap between symbols of a number, in digit heights, from which on they are two numbers.
_MIN_GAP = 1.0
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

    numbers: dict[tuple[int, int], list[Number]]
    nodes: Floats


def find_aligned(found: Sequence[Number], rows: int, columns: int) -> AlignedTable | None:
    """Arrange the numbers of a page in rows and columns, if they are a table.

    ``rows`` and ``columns`` are 0 if unknown; then outer rows and columns of a single number, such
    as a title, are left out. The page may be turned and skewed.
    """
    if not found:
        return None
    turn = quarter_turns(digit_boxes(found))
    numbers = [part for number in found for part in _split(number, turn)]
    digits = digit_boxes(numbers)
    angle = turn * np.pi / 2
    angle += np.arctan(slope(digits, upright_boxes(digits, angle)))
    boxes = upright_boxes(digits, angle)
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
    cells: dict[tuple[int, int], list[Number]] = {}
    places = np.stack([row_of, column_of], axis=1).tolist()
    for index in np.lexsort((boxes[:, 0], _cluster(*in_rows, 0)[0])).tolist():
        cells.setdefault(tuple(places[index]), []).append(numbers[index])
    shape = len(row_edges) - 1, len(column_edges) - 1
    if not (rows and columns) and len(cells) < _MIN_FILLED * shape[0] * shape[1]:
        return None
    if (not rows and shape[0] < _MIN_SIDE) or (not columns and shape[1] < _MIN_SIDE):
        return None
    nodes = np.stack(np.meshgrid(column_edges, row_edges), axis=2)
    return AlignedTable(cells, nodes @ rotation(angle).T)


def _split(number: Number, turn: int) -> list[Number]:
    """Return the parts of a number that wide gaps separate."""
    height = float(np.median([box[3 - turn % 2] for box in digit_boxes([number])[0]]))
    parts: list[list[Symbol]] = [[number.symbols[0]]]
    for before, after in pairwise(number.symbols):
        if gap_between(before.box, after.box, turn) > _MIN_GAP * height:
            parts.append([])
        parts[-1].append(after)
    if len(parts) == 1:
        return [number]
    return [
        Number(tuple(part), number.page, find_spaces(part), decimal=number.decimal)
        for part in parts
    ]


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
