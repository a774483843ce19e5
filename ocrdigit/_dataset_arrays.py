"""Arrays in the form of well-known data sets: Kaggle's table, scikit-learn's small digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core

_SIDE = 28
_SMALL_SIDE = 8  # of load_digits()
_SMALL_TOP = 16  # its largest value
_PIXELS = (_SIDE**2, _SMALL_SIDE**2)


def refuse_labelled_table(X: object, array: NDArray[Any], name: str) -> None:
    """Raise ValueError if an array is a table of pixels with a column of labels.

    That is a data frame with one column too many, or an array (n, 785) whose first or last column
    holds digits and the others canonical images of 28x28.

    Parameters
    ----------
    X : object
        What was passed.
    array : ndarray
        The same as NumPy's.
    name : str
        That of the argument, for messages.
    """
    if array.ndim != 2 or array.shape[1] - 1 not in _PIXELS:
        return
    columns = getattr(X, "columns", None)
    if columns is not None:
        label = columns[0] if _are_labels(array[:, 0]) else columns[-1]
        raise ValueError(
            f"{name} has shape {array.shape}: {array.shape[1] - 1} pixels and a column of labels; "
            f"leave out the column {label!r}"
        )
    for labels, pixels, remedy in (
        (array[:, 0], array[:, 1:], f"{name}[:, 1:], and {name}[:, 0] as labels"),
        (array[:, -1], array[:, :-1], f"{name}[:, :-1], and {name}[:, -1] as labels"),
    ):
        if _are_labels(labels) and _are_canonical(pixels):
            raise ValueError(
                f"{name} has shape {array.shape}: 784 pixels and a column of labels; pass {remedy}"
            )


def _are_labels(values: NDArray[Any]) -> bool:
    """Return whether values are digits, and not all 0, as pixels at the border are."""
    return bool(np.isin(values, np.arange(10)).all() and values.any())


def _are_canonical(pixels: NDArray[Any]) -> bool:
    """Return whether pixels (n, 784) are images with light strokes on black."""
    if pixels.shape[1] != _SIDE**2 or not len(pixels):
        return False
    scale = 255 if pixels.max() <= 1 else 1
    levels = np.ascontiguousarray((pixels * scale).clip(0, 255).astype(np.uint8))
    return _core.are_canonical(levels.reshape(-1, _SIDE, _SIDE))


def enlarged_digits(array: NDArray[Any]) -> NDArray[np.uint8] | None:
    """Return images of scikit-learn's ``load_digits()`` as images of 28x28; None for other arrays.

    They are (n, 8, 8), (n, 64), or (8, 8) for one, of whole numbers up to 16. The result is
    (n, 28, 28), or (28, 28) for one.
    """
    is_one = array.shape == (_SMALL_SIDE, _SMALL_SIDE)
    if not (is_one or array.shape[1:] in ((_SMALL_SIDE, _SMALL_SIDE), (_SMALL_SIDE**2,))):
        return None
    if array.dtype.kind not in "uif" or not array.size or not _are_counts(array):
        return None
    images = _enlarged(array.reshape(-1, _SMALL_SIDE, _SMALL_SIDE))
    return images[0] if is_one else images


def _are_counts(array: NDArray[Any]) -> bool:
    """Return whether values are whole numbers up to 16, and not all 0 or 1."""
    is_in_range = array.min() >= 0 and 1 < array.max() <= _SMALL_TOP
    return bool(is_in_range and (array == np.rint(array)).all())


def _enlarged(small: NDArray[Any]) -> NDArray[np.uint8]:
    """Return images (n, 8, 8) of values up to 16 as (n, 28, 28): bicubic, twice as large."""
    weights = _cubic_weights().astype(np.float32)
    large = weights @ (small.astype(np.float32) * (255 / _SMALL_TOP)) @ weights.T
    margin = (_SIDE - 2 * _SMALL_SIDE) // 2
    images = np.zeros((len(small), _SIDE, _SIDE), np.uint8)
    images[:, margin:-margin, margin:-margin] = np.rint(large.clip(0, 255))
    return images


def _cubic_weights() -> NDArray[np.float64]:
    """Return the weights (16, 8) of Keys' cubic interpolation by 2, over a border of 0."""
    centers = (np.arange(2 * _SMALL_SIDE) + 0.5) / 2 - 0.5
    x = np.abs(centers[:, None] - np.arange(_SMALL_SIDE))
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    weights: NDArray[np.float64] = np.where(x < 1, near, np.where(x < 2, far, 0))
    return weights
