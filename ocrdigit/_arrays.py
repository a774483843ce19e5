"""Arrays of any library as NumPy's, and their values as bytes or float32 with a scale to 0..1.

For any dtype, values up to 1 mean 0..1 and values up to 255 mean 0..255; uint16 may go to 65535.
Floats may exceed these limits by a thousandth, as resampled images do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._pil_pixels import is_pil

BYTE_SCALE = 1 / 255
OBJECT_KINDS = "OUT"  # objects, and two kinds of strings

_ARRAY_PROTOCOLS = ("__array__", "__array_interface__", "__dlpack__")
_TOLERANCE = 1e-3


def as_array(X: object, name: str) -> NDArray[Any] | None:
    """Return an array of any library, or a table's column, as NumPy's; None for other objects."""
    if isinstance(X, np.ndarray):
        return X
    if isinstance(X, (list, tuple)):
        return _nested(X, name)
    if isinstance(X, memoryview):
        return np.asarray(X)
    if is_pil(X) or not any(hasattr(X, protocol) for protocol in _ARRAY_PROTOCOLS):
        return None
    try:
        if hasattr(X, "detach"):  # a tensor of PyTorch that requires a gradient
            X = X.detach()
        if hasattr(X, "__array__") or hasattr(X, "__array_interface__"):
            return np.asarray(X)
        return np.from_dlpack(X)  # type: ignore[arg-type]
    except Exception as error:  # libraries raise their own for arrays on another device
        kind = type(X).__name__
        raise TypeError(f"{name}, of type {kind}, does not become an array: {error}") from error


def _nested(values: Sequence[Any], name: str) -> NDArray[Any]:
    try:
        return np.array(values)
    except ValueError as error:
        raise ValueError(f"{name} is a list of lists of unequal lengths") from error


def numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an object array of numbers as floats or integers."""
    try:
        values = np.array(array.tolist())
    except (ValueError, OverflowError):
        values = array
    if values.shape != array.shape or values.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold numbers or booleans, got dtype {array.dtype}")
    return values


def scaled_values(array: NDArray[Any], name: str) -> tuple[NDArray[Any], float]:
    """Return the array as uint8 or float32, of the same shape, and the scale to 0..1."""
    if array.size == 0:
        raise ValueError(f"{name} is empty: shape {array.shape}")
    kind = array.dtype.kind
    if kind == "b":
        return array.view(np.uint8), 1.0
    if kind not in "uif":
        raise TypeError(f"{name} must hold numbers or booleans, got dtype {array.dtype}")
    with np.errstate(invalid="ignore"):
        low, high = float(array.min()), float(array.max())
    if not np.isfinite(low + high):
        raise ValueError(f"{name} holds NaN or infinity")
    slack = 1 + _TOLERANCE if kind == "f" else 1.0
    top = next((t for t in _tops(array.dtype) if high <= t * slack), None)
    if top is None or low < -top * (slack - 1):
        raise ValueError(f"{name} has values of {low:g} to {high:g}; expected 0..1 or 0..255")
    fits_byte = kind != "f" and top <= 255
    return array.astype(np.uint8 if fits_byte else np.float32, copy=False), 1 / top


def _tops(dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Return the largest values that images of a dtype may have."""
    return (1, 255, 65535) if dtype.kind == "u" and dtype.itemsize == 2 else (1, 255)


def as_bytes(values: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """Return values as bytes 0..255."""
    if values.dtype == np.uint8 and scale == BYTE_SCALE:
        return np.ascontiguousarray(values)
    scaled = np.rint(values * np.float32(scale * 255))
    return np.ascontiguousarray(np.clip(scaled, 0, 255).astype(np.uint8))
