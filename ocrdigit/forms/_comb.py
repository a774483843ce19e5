"""Combs: a digit in each box, read by the classifier."""

from __future__ import annotations

import numpy as np

from .._numbers import Digit, Number
from ..estimator import DigitClassifier
from ..image import connected_components
from ._alignment import Gray
from ._field import Box

__all__ = ["read_comb"]

# Least foreground level of writing, csrc/page/print_removal.c.
_STROKE = 64
# Least size of a component, and of what is in a box, relative to the height of the boxes.
_MIN_COMPONENT, _MIN_DIGIT = 0.08, 0.25
# Around the writing of a box, in pixels.
_MARGIN = 2
# Least probability that the writing in a box is a digit.
_MIN_IS_DIGIT = 0.3


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
