"""Rows of numbers: which of the numbers on a page stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from ._numbers import Number, digit_boxes
from ._upright import Floats, quarter_turns, slope, slopes_of_numbers, upright_boxes

__all__ = ["find_rows"]

# Numbers of a row overlap vertically by more than this proportion of the smaller height.
_MIN_OVERLAP = 0.5
# Numbers are of similar height if none is more than so many times as high as the other.
_MAX_RATIO = 1.8
# A page is skewed if three quarters of its long numbers, of at least two, slope by more than this,
# about 3 degrees, to the same side.
_MIN_SLOPE, _MIN_SLOPES = 0.05, 2


def find_rows(numbers: Sequence[Number]) -> tuple[tuple[Number, ...], ...]:
    """Return numbers in reading order as rows.

    A number continues a row if it is on the same page, to the right of the number before it, and
    both overlap vertically by more than half of the smaller height. If the row has other numbers of
    a similar height, it must also overlap the last of them, so that two small numbers above each
    other are two rows even if both are beside a large one. Boxes are those on the upright page: of
    a page that is turned by quarters or skewed, rotated back.
    """
    rows: list[list[Number]] = []
    for _, page in groupby(numbers, key=lambda number: number.page):
        those = list(page)
        rows += [[those[index] for index in row] for row in _rows_of_page(those)]
    return tuple(tuple(row) for row in rows)


def _rows_of_page(numbers: Sequence[Number]) -> list[list[int]]:
    """Return the indices of the numbers of each row: level or, if that joins more, skewed."""
    if len(numbers) == 1:
        return [[0]]
    digits = digit_boxes(numbers)
    turn = quarter_turns(digits) * np.pi / 2
    level = upright_boxes(digits, turn)
    found = _group(level)
    if len(found) > 1 and _is_skewed(slopes_of_numbers(digits, level)):
        angle = turn + np.arctan(slope(digits, level))
        found = min(found, _group(upright_boxes(digits, angle)), key=len)
    return found


def _is_skewed(slopes: Sequence[float]) -> bool:
    if len(slopes) < _MIN_SLOPES:
        return False
    low, high = np.percentile(slopes, [25, 75])
    return bool(low > _MIN_SLOPE or high < -_MIN_SLOPE)


def _group(boxes: Floats) -> list[list[int]]:
    """Return the indices of upright boxes, in reading order, by row."""
    rows: list[list[int]] = []
    for index in range(len(boxes)):
        if rows and _continues(boxes[rows[-1]], boxes[index]):
            rows[-1].append(index)
        else:
            rows.append([index])
    return rows


def _continues(row: Floats, box: Floats) -> bool:
    """Return whether a box continues a row of boxes."""
    before = row[-1]
    if box[0] < before[0] + before[2] / 2 or not _overlap(before, box):
        return False
    ratios = row[:, 3] / box[3]
    similar = row[np.maximum(ratios, 1 / ratios) <= _MAX_RATIO]
    return not len(similar) or _overlap(similar[-1], box)


def _overlap(first: Floats, second: Floats) -> bool:
    """Return whether two boxes overlap vertically by more than _MIN_OVERLAP."""
    bottom = min(first[1] + first[3], second[1] + second[3])
    overlap = bottom - max(first[1], second[1])
    return bool(overlap > _MIN_OVERLAP * min(first[3], second[3]))
