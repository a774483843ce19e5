"""Combs: a digit in each box, read by the classifier or, with a format, as a line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._numbers import Digit, Number, Symbol
from .._page_reader import PageReader
from ..estimator import DigitClassifier
from ..image import connected_components
from ._alignment import Gray
from ._field import Box

__all__ = ["read_comb", "read_formatted_comb"]

# Least foreground level of writing, csrc/page/print_removal.c.
_STROKE = 64
# Least size of a component, and of what is in a box, relative to the height of the boxes.
_MIN_COMPONENT, _MIN_DIGIT = 0.08, 0.25
# Around the writing of a box, in pixels.
_MARGIN = 2
# Least probability that the writing in a box is a digit.
_MIN_IS_DIGIT = 0.3
# Between the digits of a line that a comb is packed to, and around it, relative to its height.
_GAP, _FRAME = 0.12, 0.4


def read_comb(
    picture: Gray, writing: Gray, area: Box, columns: int, model: DigitClassifier
) -> Number | None:
    """Return the digits in the boxes of a comb from left to right; None if there is none.

    Parameters
    ----------
    picture, writing : ndarray (h, w) of uint8
        The comb without its lines, and the foreground levels of what is written.
    area : (x, y, w, h)
        The place of the comb.
    columns : int
        Its boxes, of equal width.
    model : DigitClassifier
        The classifier.
    """
    written = _written_boxes(writing, area, columns)
    if not written:
        return None
    boxes = list(written.values())
    crops = [_crop(picture, area, columns, *item) for item in written.items()]
    probabilities, scores = model.predict_proba(crops), np.asarray(model.digit_score(crops), float)
    digits, confidence = [], 1.0
    for box, p, score in zip(boxes, probabilities, scores.tolist(), strict=True):
        value = int(p.argmax())
        if score < _MIN_IS_DIGIT:
            confidence *= 1 - score
            continue
        digits.append(Digit(value, float(p[value] * score), box, p, score))
        confidence *= digits[-1].confidence
    return Number(tuple(digits), calibrated=confidence) if digits else None


def read_formatted_comb(
    picture: Gray, writing: Gray, area: Box, columns: int, reader: PageReader
) -> Number | None:
    """Return the number in a comb as a reader reads it; None if it reads none.

    The boxes are packed to a line of usual gaps. The other arguments are as for
    :func:`read_comb`.
    """
    boxes = list(_written_boxes(writing, area, columns).values())
    if not boxes:
        return None
    packed, offsets = _packed(picture, boxes)
    symbols: list[Symbol] = []
    numbers = [found.number for found in reader.read(packed)]
    for number in numbers:
        for symbol in number.symbols:
            x, y, w, h = symbol.box
            box = max(0, int(np.searchsorted(offsets[:, 0], x + w / 2)) - 1)
            left, top = x + offsets[box, 1], y + offsets[box, 2]
            symbols.append(replace(symbol, box=(int(left), int(top), w, h)))
    if not symbols:
        return None
    if len(numbers) == 1:
        return replace(numbers[0], symbols=tuple(symbols))
    confidence = float(np.prod([number.confidence for number in numbers]))
    return Number(tuple(symbols), decimal=numbers[0].decimal, calibrated=confidence)


def _packed(picture: Gray, boxes: list[Box]) -> tuple[Gray, NDArray[np.int64]]:
    """Return a line of boxes side by side, and for each its start and its shift to the picture."""
    x, y, w, h = np.array(boxes, np.int64).T
    top, bottom = int(y.min()), int((y + h).max())
    gap, frame = (max(4, round(part * (bottom - top))) for part in (_GAP, _FRAME))
    starts = frame + np.concatenate([[0], np.cumsum(w[:-1] + gap)])
    size = bottom - top + 2 * frame, int(starts[-1] + w[-1]) + frame
    packed = np.full(size, int(np.median(picture)), np.uint8)
    for start, left, width in zip(starts.tolist(), x.tolist(), w.tolist(), strict=True):
        packed[frame:-frame, start : start + width] = picture[top:bottom, left : left + width]
    shifts = np.full(len(boxes), top - frame)
    return packed, np.stack([starts, x - starts, shifts], 1)


def _written_boxes(writing: Gray, area: Box, columns: int) -> dict[int, Box]:
    """Return the bounding box of what is written in each box that is not empty, by its index.

    A component belongs to the box that its middle is in.
    """
    left, top, width, height = area
    written = np.where(writing >= _STROKE, np.uint8(255), np.uint8(0))
    stats = connected_components(written)[2][1:, :4].astype(np.int64)
    found: dict[int, list[int]] = {}
    for x, y, w, h in stats.tolist():
        column = int((x + w / 2 - left) * columns // width)
        row = (y + h / 2 - top) / height
        if max(w, h) < _MIN_COMPONENT * height or not (0 <= column < columns and 0 <= row < 1):
            continue
        old = found.get(column, [x, y, x + w, y + h])
        found[column] = [
            min(old[0], x), min(old[1], y), max(old[2], x + w), max(old[3], y + h)
        ]  # fmt: skip
    return {
        column: (x, y, right - x, bottom - y)
        for column, (x, y, right, bottom) in sorted(found.items())
        if max(right - x, bottom - y) >= _MIN_DIGIT * height
    }


def _crop(picture: Gray, area: Box, columns: int, column: int, box: Box) -> Gray:
    """Return a box of the comb, extended by what is written beyond it."""
    x, y, w, h = box
    left, right = (area[0] + k * area[2] // columns for k in (column, column + 1))
    left, right = max(0, min(left, x - _MARGIN)), max(right, x + w + _MARGIN)
    top, bottom = max(0, min(area[1], y - _MARGIN)), max(area[1] + area[3], y + h + _MARGIN)
    return np.ascontiguousarray(picture[top:bottom, left:right])
