"""Which of the digits that a picture was written with a reader has found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import synth

_LEAST_OVERLAP = 0.3  # of two boxes: what they have in common, of what they have together


def match(table: NDArray[np.int32], picture: synth.Picture) -> NDArray[np.int64]:
    """Return the values (n,) of the written digits that were found, -1 for what is none."""
    if len(table) == len(picture.values) and len(set(table[:, 0].tolist())) == 1:
        return picture.values.astype(np.int64)
    values = np.full(len(table), -1, np.int64)
    overlaps = np.array([[_overlap(row[2:], box) for box in picture.boxes] for row in table])
    while overlaps.size and overlaps.max() >= _LEAST_OVERLAP:
        found, written = np.unravel_index(overlaps.argmax(), overlaps.shape)
        values[found] = picture.values[written]
        overlaps[found, :] = overlaps[:, written] = 0
    return values


def _overlap(a: NDArray[np.int32], b: NDArray[np.int64]) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    return common / (float(a[2]) * float(a[3]) + float(b[2]) * float(b[3]) - common)
