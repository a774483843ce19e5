"""The handwriting that pictures are made of: digits as fields of distances.

MNIST's digits are 20 pixels high, and their strokes thick. Drawn larger or with a finer pen,
the pixels would show. So each digit becomes two fields on a grid of twice its resolution: how
far a place is from the outline of its ink, and how far from the centre line of its strokes.
From these the digit can be drawn with sharp edges at any size, in its own strokes or anew with
any pen. A field is made when its digit is first used.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset, load_sample

SIDE = 28
ZOOM = 2  # cells of a field in a pixel
REACH = 8  # cells; distances beyond are cut off
UNIT = 15  # a field's steps in a cell
ZERO = 128  # distance 0 in a field
_MARGIN = 2  # pixels around the largest digit
_INK = 64  # where ink begins, of 255
_CHUNK = 256
_BLOT = 5  # pixels; wider ink is more than a stroke


class Digits:
    """Images of single digits, prepared for drawing.

    Every function of this module makes one from the images it is given; to call it many times
    with the same images, make one yourself, so that the work is done once.

    Parameters
    ----------
    images : array_like (n, 28, 28), uint8 or float in 0..1
        Light ink on black, as in MNIST.
    labels : array_like (n,) of int
        The digits, 0 to 9.

    Raises
    ------
    ValueError
        If shapes or values are others, or an image has no ink.

    Examples
    --------
    >>> from ocrdigit import datasets, synth
    >>> sample = datasets.load_sample()
    >>> digits = synth.Digits(sample.X_train, sample.y_train)
    >>> len(digits)
    4000
    """

    def __init__(self, images: Any, labels: Any) -> None:
        self.images = _checked_images(images)
        self.labels = _checked_labels(labels, len(self.images))
        ink = self.images >= _INK
        if not ink.any(axis=(1, 2)).all():
            raise ValueError("images must have ink in every image; some are blank")
        self.box = _boxes(ink)  # (n, 4): x, y, w, h of the ink in pixels
        self.slant = _slants(self.images)  # (n,): how far the digit leans, as x a y
        self.of_digit = [np.flatnonzero(self.labels == digit) for digit in range(10)]
        fine = ~_has_blot(self.images)
        self.fine = [of[fine[of]] if fine[of].any() else of for of in self.of_digit]
        largest = int(self.box[:, 2:].max())
        self.side = ZOOM * min(largest + 2 * _MARGIN, SIDE + 2 * _MARGIN)  # of a field, in cells
        shape = (len(self.images), self.side, self.side)
        self._outline = np.zeros(shape, np.uint8)
        self._centre = np.zeros(shape, np.uint8)
        self._done = np.zeros(len(self.images), bool)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"Digits({len(self):,} images)"

    def fields(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Fields (n, side, side) of outlines and of centre lines, ready at ``chosen``.

        A value is ``ZERO + UNIT * distance`` with the distance in cells; within an outline it
        is negative. The middle of the ink's box lies in the middle of the field.
        """
        missing = np.unique(chosen[~self._done[chosen]])
        for start in range(0, len(missing), _CHUNK):
            some = missing[start : start + _CHUNK]
            self._outline[some], self._centre[some] = self._make(some)
            self._done[some] = True
        return self._outline, self._centre

    def _make(self, some: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        gray = self._enlarged(some)
        ink = gray >= 0.5
        centre = _distance(_thinned(ink))
        outline = np.where(ink, 0.5 - _distance(~ink), _distance(ink) - 0.5)
        return _as_bytes(_smoothed(outline)), _as_bytes(_smoothed(centre))

    def _enlarged(self, some: NDArray[np.int64]) -> NDArray[np.float32]:
        """Ink (n, side, side) of 0 to 1 at twice the resolution, its box in the middle."""
        side = self.side // ZOOM
        x, y, w, h = self.box[some].T
        rows = (y + h / 2 - side / 2)[:, None] + (np.arange(self.side) + 0.5) / ZOOM - 0.5
        columns = (x + w / 2 - side / 2)[:, None] + (np.arange(self.side) + 0.5) / ZOOM - 0.5
        pixels = self.images[some].astype(np.float32) / 255
        gray: NDArray[np.float32] = _cubic(rows) @ pixels @ _cubic(columns).transpose(0, 2, 1)
        return gray


def as_digits(digits: object) -> Digits:
    """``digits`` as a Digits: one, a Dataset, a pair (images, labels), None for the sample."""
    if isinstance(digits, Digits):
        return digits
    if digits is None:
        return _sample_digits()
    if isinstance(digits, Dataset):
        return Digits(digits.X_train, digits.y_train)
    if isinstance(digits, tuple) and len(digits) == 2:
        return Digits(*digits)
    raise TypeError(
        f"digits must be None, a Digits, a Dataset or a pair (images, labels), "
        f"got {type(digits).__name__}"
    )


@lru_cache(maxsize=1)
def _sample_digits() -> Digits:
    sample = load_sample()
    return Digits(sample.X_train, sample.y_train)


def _checked_images(images: Any) -> NDArray[np.uint8]:
    array = np.asarray(images)
    if array.ndim != 3 or array.shape[1:] != (SIDE, SIDE) or not len(array):
        raise ValueError(f"images must have the shape (n, 28, 28) with n >= 1, got {array.shape}")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise TypeError(f"images must be uint8 or float, got {array.dtype}")
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise ValueError("images of float must lie in 0..1")
    pixels: NDArray[np.uint8] = np.rint(array * 255).astype(np.uint8)
    return pixels


def _checked_labels(labels: Any, count: int) -> NDArray[np.int64]:
    array = np.asarray(labels)
    if array.shape != (count,):
        raise ValueError(f"labels must have the shape ({count},), got {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got {array.dtype}")
    if array.min() < 0 or array.max() > 9:
        raise ValueError(f"labels must be 0 to 9, got {array.min()} to {array.max()}")
    return array.astype(np.int64)


def _boxes(ink: NDArray[np.bool_]) -> NDArray[np.int64]:
    columns: NDArray[np.bool_] = np.logical_or.reduce(ink, axis=1)
    rows: NDArray[np.bool_] = np.logical_or.reduce(ink, axis=2)
    x, y = columns.argmax(axis=1), rows.argmax(axis=1)
    right = SIDE - columns[:, ::-1].argmax(axis=1)
    bottom = SIDE - rows[:, ::-1].argmax(axis=1)
    return np.stack([x, y, right - x, bottom - y], axis=1)


def _slants(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far digits lean to the right, from their moments, at most 45 degrees."""
    place = np.arange(SIDE, dtype=np.float32) - SIDE / 2
    rows = images @ np.ones(SIDE, np.float32)
    first = images @ place  # sums of x in each row
    mass = rows.sum(axis=1)
    middle_x, middle_y = first.sum(axis=1) / mass, (rows @ place) / mass
    spread = (rows @ place**2) / mass - middle_y**2
    lean = (first @ place) / mass - middle_x * middle_y
    slants: NDArray[np.float32] = np.clip(-lean / np.maximum(spread, 1.0), -1, 1)
    return slants.astype(np.float32)


def _has_blot(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which images have a blot, such as a six's loop run full: no pen can draw it anew."""
    full = images >= 128
    for axis in (1, 2):
        length = full.shape[axis] - _BLOT + 1
        parts = [full.take(range(start, start + length), axis) for start in range(_BLOT)]
        full = np.logical_and.reduce(parts)
    blots: NDArray[np.bool_] = np.logical_or.reduce(full, axis=(1, 2))
    return blots


def _cubic(places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Matrices (n, m, 28) that interpolate rows of 28 pixels at ``places`` (n, m)."""
    d = np.abs(places[:, :, None] - np.arange(SIDE))
    near = (1.5 * d - 2.5) * d**2 + 1
    far = ((2.5 - 0.5 * d) * d - 4) * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0)).astype(np.float32)


def _thinned(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Ink (n, h, w) thinned to lines of one cell, by Zhang and Suen's algorithm.

    A row is the bits of one integer, so that one operation treats up to 64 cells.
    """
    weights = np.uint64(1) << np.arange(ink.shape[2], dtype=np.uint64)
    rows = np.zeros((len(ink), ink.shape[1] + 2), np.uint64)  # a blank row above and below
    rows[:, 1:-1] = (ink * weights).sum(axis=2)
    while True:
        before = rows.copy()
        for second in (False, True):
            rows[:, 1:-1] &= ~_removable(rows, second)
        if (rows == before).all():
            thin: NDArray[np.bool_] = (rows[:, 1:-1, None] & weights) != 0
            return thin


def _removable(rows: NDArray[np.uint64], second: bool) -> NDArray[np.uint64]:
    """Which cells of ``rows`` one half of a pass takes away."""
    one = np.uint64(1)
    n, p, s = rows[:, :-2], rows[:, 1:-1], rows[:, 2:]
    ne, e, se, sw, w, nw = n >> one, p >> one, s >> one, s << one, p << one, n << one
    ring = (n, ne, e, se, s, sw, w, nw)
    steps = [~a & b for a, b in zip(ring, (*ring[1:], n), strict=True)]
    at_least_one, at_least_two = _counted(steps)
    removable: NDArray[np.uint64] = at_least_one & ~at_least_two
    removable &= _counted(ring)[1] & _counted([~a for a in ring])[1]
    removable &= ~(n & w & (e | s)) if second else ~(e & s & (n | w))
    return removable


def _counted(
    bits: list[NDArray[np.uint64]] | tuple[NDArray[np.uint64], ...],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Where at least one and where at least two of ``bits`` are set."""
    one, two = bits[0].copy(), np.zeros_like(bits[0])
    for each in bits[1:]:
        two |= one & each
        one |= each
    return one, two


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance (n, h, w) of each cell to the nearest one of ``mask``, at most REACH."""
    far = np.int16(REACH * REACH)
    column = np.where(mask, np.int16(0), far)
    down = column.copy()
    for step in range(1, REACH):
        np.minimum(down[:, step:], column[:, :-step] + step * step, out=down[:, step:])
        np.minimum(down[:, :-step], column[:, step:] + step * step, out=down[:, :-step])
    both = down.copy()
    for step in range(1, REACH):
        np.minimum(both[:, :, step:], down[:, :, :-step] + step * step, out=both[:, :, step:])
        np.minimum(both[:, :, :-step], down[:, :, step:] + step * step, out=both[:, :, :-step])
    distance: NDArray[np.float32] = np.sqrt(np.minimum(both, far), dtype=np.float32)
    return distance


def _smoothed(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """``field`` with the stairs of its grid taken off, by a small blur."""
    field[:, 1:-1] += (field[:, :-2] + field[:, 2:] - 2 * field[:, 1:-1]) / 4
    middle = field[:, :, 1:-1]
    middle += (field[:, :, :-2] + field[:, :, 2:] - 2 * middle) / 4
    return field


def _as_bytes(field: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(ZERO + UNIT * field), 0, 255).astype(np.uint8)
