"""The handwriting that pictures are composed of: digits as distance fields.

MNIST's digits are 20 pixels high with thick strokes, so that scaled pixels would show. Each digit
is therefore converted to two distance fields at twice its resolution: the signed distance to the
outline of its foreground, and the distance to the centre line of its strokes. From these a digit
is drawn with sharp edges at any size, either with its own strokes or with a pen of any width
along the centre line. Fields are computed when their digit is first used.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset, load_sample

SIDE = 28
OVERSAMPLING = 2  # field pixels to an image pixel, in each direction
MAX_DISTANCE = 8  # field pixels; larger distances are clipped
DISTANCE_STEP = 15  # increment of a field's values for each field pixel of distance
DISTANCE_ZERO = 128  # a field's value at distance 0
_MARGIN = 2  # pixels around the largest digit
_FOREGROUND = 64  # minimum value of foreground pixels, of 255
_CHUNK = 256
_BLOT = 5  # pixels; a square of this size inside the foreground is no stroke


class Digits:
    """Images of single digits, prepared for drawing.

    The functions of this package convert the images they are given to a Digits. Pass a Digits
    instead to share its distance fields between calls.

    Parameters
    ----------
    images : array_like (n, 28, 28), uint8 or float in 0..1
        Light digits on black, as in MNIST.
    labels : array_like (n,) of int
        The digits, 0 to 9.

    Raises
    ------
    ValueError
        If a shape or value is not as described, or an image has no foreground.

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
        foreground = self.images >= _FOREGROUND
        if not foreground.any(axis=(1, 2)).all():
            raise ValueError("images must have a digit in every image; some are blank")
        self.boxes = _boxes(foreground)  # (n, 4): x, y, w, h in pixels
        self.slants = _slants(self.images)  # (n,): dx/dy
        self.by_digit = [np.flatnonzero(self.labels == digit) for digit in range(10)]
        blot_free = ~_has_blot(self.images)
        self.blot_free_by_digit = [
            images[blot_free[images]] if blot_free[images].any() else images
            for images in self.by_digit
        ]
        largest = int(self.boxes[:, 2:].max())
        self.side = OVERSAMPLING * min(largest + 2 * _MARGIN, SIDE + 2 * _MARGIN)  # of a field
        shape = (len(self.images), self.side, self.side)
        self._outline = np.zeros(shape, np.uint8)
        self._centre = np.zeros(shape, np.uint8)
        self._computed = np.zeros(len(self.images), bool)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"Digits({len(self):,} images)"

    def fields(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the distance fields of outlines and of centre lines.

        Only those at the indices ``chosen`` are guaranteed to be computed. A value is
        ``DISTANCE_ZERO + DISTANCE_STEP * distance``, with the distance in field pixels, negative
        inside the outline. The centre of the digit's box is the centre of the field.

        Parameters
        ----------
        chosen : ndarray (k,) of int64
            Indices of digits.

        Returns
        -------
        tuple of ndarray (n, side, side) of uint8
            The fields of outlines and of centre lines, of all digits.
        """
        missing = np.unique(chosen[~self._computed[chosen]])
        for start in range(0, len(missing), _CHUNK):
            indices = missing[start : start + _CHUNK]
            self._outline[indices], self._centre[indices] = self._compute(indices)
            self._computed[indices] = True
        return self._outline, self._centre

    def _compute(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        gray = self._upsampled(indices)
        foreground = gray >= 0.5
        centre = _distance(_thinned(foreground))
        outline = np.where(foreground, 0.5 - _distance(~foreground), _distance(foreground) - 0.5)
        return _as_bytes(_smoothed(outline)), _as_bytes(_smoothed(centre))

    def _upsampled(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return digits (n, side, side) in 0..1 at the fields' resolution, their boxes centred."""
        side = self.side // OVERSAMPLING
        x, y, w, h = self.boxes[indices].T
        rows = (y + h / 2 - side / 2)[:, None] + (np.arange(self.side) + 0.5) / OVERSAMPLING - 0.5
        columns = (
            (x + w / 2 - side / 2)[:, None] + (np.arange(self.side) + 0.5) / OVERSAMPLING - 0.5
        )
        pixels = self.images[indices].astype(np.float32) / 255
        gray: NDArray[np.float32] = _cubic(rows) @ pixels @ _cubic(columns).transpose(0, 2, 1)
        return gray


def as_digits(digits: object) -> Digits:
    """Return a Digits for a Digits, a Dataset, a pair (images, labels), or None (the sample)."""
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


def _boxes(foreground: NDArray[np.bool_]) -> NDArray[np.int64]:
    columns: NDArray[np.bool_] = np.logical_or.reduce(foreground, axis=1)
    rows: NDArray[np.bool_] = np.logical_or.reduce(foreground, axis=2)
    x, y = columns.argmax(axis=1), rows.argmax(axis=1)
    right = SIDE - columns[:, ::-1].argmax(axis=1)
    bottom = SIDE - rows[:, ::-1].argmax(axis=1)
    return np.stack([x, y, right - x, bottom - y], axis=1)


def _slants(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the slant (n,) of digits as dx/dy, from second moments, clipped to 45 degrees."""
    position = np.arange(SIDE, dtype=np.float32) - SIDE / 2
    rows = images @ np.ones(SIDE, np.float32)
    first = images @ position  # first moment in x of each row
    mass = rows.sum(axis=1)
    centre_x, centre_y = first.sum(axis=1) / mass, (rows @ position) / mass
    variance = (rows @ position**2) / mass - centre_y**2
    covariance = (first @ position) / mass - centre_x * centre_y
    slants: NDArray[np.float32] = np.clip(-covariance / np.maximum(variance, 1.0), -1, 1)
    return slants.astype(np.float32)


def _has_blot(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which images (n,) have a blot, such as a filled loop, which has no centre line."""
    eroded = images >= 128
    for axis in (1, 2):
        length = eroded.shape[axis] - _BLOT + 1
        shifted = [eroded.take(range(start, start + length), axis) for start in range(_BLOT)]
        eroded = np.logical_and.reduce(shifted)
    blots: NDArray[np.bool_] = np.logical_or.reduce(eroded, axis=(1, 2))
    return blots


def _cubic(positions: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return matrices (n, m, 28) for cubic interpolation of 28 pixels at ``positions`` (n, m)."""
    d = np.abs(positions[:, :, None] - np.arange(SIDE))
    near = (1.5 * d - 2.5) * d**2 + 1
    far = ((2.5 - 0.5 * d) * d - 4) * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0)).astype(np.float32)


def _thinned(foreground: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return ``foreground`` (n, h, w) thinned to lines of one pixel, by Zhang and Suen (1984).

    A row is packed into the bits of one integer, so w is at most 64.
    """
    weights = np.uint64(1) << np.arange(foreground.shape[2], dtype=np.uint64)
    rows = np.zeros((len(foreground), foreground.shape[1] + 2), np.uint64)  # padded by blank rows
    rows[:, 1:-1] = (foreground * weights).sum(axis=2)
    while True:
        before = rows.copy()
        for second in (False, True):
            rows[:, 1:-1] &= ~_removable(rows, second)
        if (rows == before).all():
            thin: NDArray[np.bool_] = (rows[:, 1:-1, None] & weights) != 0
            return thin


def _removable(rows: NDArray[np.uint64], second: bool) -> NDArray[np.uint64]:
    """Return the pixels of ``rows`` that the first or the second sub-iteration removes."""
    one = np.uint64(1)
    n, p, s = rows[:, :-2], rows[:, 1:-1], rows[:, 2:]
    ne, e, se, sw, w, nw = n >> one, p >> one, s >> one, s << one, p << one, n << one
    neighbours = (n, ne, e, se, s, sw, w, nw)
    transitions = [~a & b for a, b in zip(neighbours, (*neighbours[1:], n), strict=True)]
    at_least_one, at_least_two = _counted(transitions)
    removable: NDArray[np.uint64] = at_least_one & ~at_least_two
    removable &= _counted(neighbours)[1] & _counted([~a for a in neighbours])[1]
    removable &= ~(n & w & (e | s)) if second else ~(e & s & (n | w))
    return removable


def _counted(
    bits: list[NDArray[np.uint64]] | tuple[NDArray[np.uint64], ...],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return where at least one and where at least two of ``bits`` are set."""
    one, two = bits[0].copy(), np.zeros_like(bits[0])
    for each in bits[1:]:
        two |= one & each
        one |= each
    return one, two


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the Euclidean distance (n, h, w) to the nearest pixel of ``mask``, clipped."""
    far = np.int16(MAX_DISTANCE * MAX_DISTANCE)
    seeds = np.where(mask, np.int16(0), far)
    vertical = seeds.copy()
    for step in range(1, MAX_DISTANCE):
        np.minimum(vertical[:, step:], seeds[:, :-step] + step * step, out=vertical[:, step:])
        np.minimum(vertical[:, :-step], seeds[:, step:] + step * step, out=vertical[:, :-step])
    squared = vertical.copy()
    for step in range(1, MAX_DISTANCE):
        np.minimum(
            squared[:, :, step:], vertical[:, :, :-step] + step * step, out=squared[:, :, step:]
        )
        np.minimum(
            squared[:, :, :-step], vertical[:, :, step:] + step * step, out=squared[:, :, :-step]
        )
    distance: NDArray[np.float32] = np.sqrt(np.minimum(squared, far), dtype=np.float32)
    return distance


def _smoothed(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``field`` blurred in place by (1, 2, 1) / 4, which removes pixel staircases."""
    field[:, 1:-1] += (field[:, :-2] + field[:, 2:] - 2 * field[:, 1:-1]) / 4
    middle = field[:, :, 1:-1]
    middle += (field[:, :, :-2] + field[:, :, 2:] - 2 * middle) / 4
    return field


def _as_bytes(field: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(DISTANCE_ZERO + DISTANCE_STEP * field), 0, 255).astype(np.uint8)
