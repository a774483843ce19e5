"""Matching of detected digits to the ground truth of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import synth
from .._symbols import only_digits
from ..models.detector import NUMBER
from .registers import is_number

_MIN_IOU = 0.3


def match(table: NDArray[np.int32], picture: synth.Picture) -> NDArray[np.int64]:
    """Return the true digit (n,) of each detection in ``table``, -1 for false detections.

    Boxes are matched greedily by intersection over union (IoU). If there are as many detections
    as digits and all are on one line, they are matched in order.
    """
    if len(table) == len(picture.values) and len(set(table[:, 0].tolist())) == 1:
        return picture.values.astype(np.int64)
    values = np.full(len(table), -1, np.int64)
    overlaps = np.array([[_iou(row[2:], box) for box in picture.boxes] for row in table])
    while overlaps.size and overlaps.max() >= _MIN_IOU:
        detected, true = np.unravel_index(overlaps.argmax(), overlaps.shape)
        values[detected] = picture.values[true]
        overlaps[detected, :] = overlaps[:, true] = 0
    return values


UNKNOWN = -2


def match_document(table: NDArray[np.int32], document: synth.Document) -> NDArray[np.int64]:
    """Return the true digit (n,) of each detection on a document.

    Detections in the box of a number are its digits in order if there are as many of them, else
    UNKNOWN, as are parts of numbers that are cut by the sides. All others are false, -1.
    """
    values = np.full(len(table), -1, np.int64)
    for index, (x, y, w, h) in enumerate(table[:, 2:].tolist()):
        if (document.labels[y : y + h, x : x + w] == NUMBER).any():
            values[index] = UNKNOWN
    centers = table[:, 2:4] + table[:, 4:6] / 2
    for text, (x, y, w, h) in document.numbers:
        inside = ((centers >= (x, y)) & (centers < (x + w, y + h))).all(axis=1)
        found = np.flatnonzero(inside)
        found = found[np.argsort(centers[found, 0])]
        digits = [int(character) for character in text if character.isdigit()]
        values[found] = digits if len(digits) == len(found) else UNKNOWN
    return values


def match_line(
    table: NDArray[np.int32], text: str, box: tuple[int, int, int, int]
) -> NDArray[np.int64]:
    """Return the true digit (n,) of each detection in a picture with a line of text in ``box``.

    Detections in the box are false, -1, if the text has no digits, and its digits in order if it is
    a number of as many of them on one line. All others are UNKNOWN.
    """
    values = np.full(len(table), UNKNOWN, np.int64)
    middles = table[:, 3] + table[:, 5] / 2
    inside = (middles >= box[1]) & (middles < box[1] + box[3])
    digits = only_digits(text)
    one_line = len(set(table[inside, 0].tolist())) == 1
    if not digits:
        values[inside] = -1
    elif is_number(text) and one_line and len(digits) == inside.sum():
        values[inside] = [int(digit) for digit in digits]
    return values


def _iou(a: NDArray[np.int32], b: NDArray[np.int64]) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    intersection = float(np.prod(np.clip(high - low, 0, None)))
    return intersection / (float(a[2]) * float(a[3]) + float(b[2]) * float(b[3]) - intersection)
