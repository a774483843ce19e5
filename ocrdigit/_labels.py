"""Checks of labels and their conversion to digits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._arrays import OBJECT_KINDS, as_array, numbers


def as_labels(
    y: object, count: int, name: str = "y", images: str = "X"
) -> tuple[NDArray[np.uint8], bool]:
    """Return the digits (n,) of ``count`` images, and whether they were strings.

    Parameters
    ----------
    y : array (n,) or (n, 1)
        Integers 0..9, or strings "0".."9".
    count : int
        The number of images.
    name, images : str
        The names of the labels and the images in errors.
    """
    labels = _column(y, name)
    if labels.ndim != 1:
        hint = "; for one-hot labels pass y.argmax(axis=1)" if labels.ndim == 2 else ""
        raise ValueError(
            f"{name} must have one label for each image, (n,), got shape {labels.shape}{hint}"
        )
    if len(labels) != count:
        raise ValueError(
            f"{images} and {name} differ in length: {count} images, {len(labels)} labels"
        )
    text = labels.dtype.kind in OBJECT_KINDS and isinstance(labels[0], str)
    if text:
        labels = _from_text(labels, name)
    elif labels.dtype.kind == "O":
        labels = numbers(labels, name)
    if labels.dtype.kind not in "ui":
        raise TypeError(f"{name} must be integers 0..9, got {labels.dtype}")
    low, high = labels.min(), labels.max()
    if low < 0 or high > 9:
        raise ValueError(f"{name} must be digits 0..9, got {low if low < 0 else high}")
    return np.ascontiguousarray(labels, np.uint8), text


def _column(y: object, name: str) -> NDArray[np.generic]:
    if y is None:
        raise ValueError(f"training requires y to be passed, but the target {name} is None")
    given = as_array(y, name)
    labels = np.asarray(y) if given is None else given
    if labels.ndim == 2 and labels.shape[1] == 1:  # a table with one column
        return labels[:, 0]
    return labels


def _from_text(labels: NDArray[np.generic], name: str) -> NDArray[np.int64]:
    values = labels.tolist()
    for label in values:
        if not (isinstance(label, str) and len(label) == 1 and label in "0123456789"):
            raise ValueError(f"{name} must be digits 0..9, got {label!r}")
    return np.array([int(label) for label in values])
