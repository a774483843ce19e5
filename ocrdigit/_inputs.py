"""Conversion of what the public functions accept to images for the core.

The result is a C-contiguous array of bytes or float32, and the scale that maps its values to
0..1. For any dtype, values up to 1 mean 0..1 and values up to 255 mean 0..255; uint16 may go to
65535. Floats may exceed these limits by a thousandth, as resampled images do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from . import _core

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 28
BYTE_SCALE = 1 / 255

_SHAPE = (SIDE, SIDE)
# The third is channels-first.
_BATCH_SHAPES = ((SIDE, SIDE), (SIDE, SIDE, 1), (1, SIDE, SIDE), (SIDE * SIDE,))
OBJECT_KINDS = "OUT"  # objects, and two kinds of strings
_ARRAY_PROTOCOLS = ("__array__", "__array_interface__", "__dlpack__")
_TOLERANCE = 1e-3
_SAMPLE = 32  # images of a batch that are checked for canonical input
_TOGETHER = 1 << 24  # pixels of pictures that are preprocessed together

# Larger images raise ValueError; those of files before they are decoded.
MAX_PIXELS = 100_000_000

ACCEPTED_ONE = (
    "an image is a path, bytes of an image file, a PIL image, or an array (H, W) or (H, W, 1|3|4)"
)
ACCEPTED = (
    f"{ACCEPTED_ONE}; a batch is an array (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or "
    "(n, 784), or a list of images"
)


def as_images(X: object, name: str = "X") -> tuple[NDArray[Any], float, bool]:
    """Return images (n, 28, 28), uint8 or float32, their scale, and whether X is one image."""
    scale = _core.canonical_scale(X)
    if scale is not None:
        canonical = cast("NDArray[Any]", X)
        return canonical.reshape(-1, SIDE, SIDE), scale, canonical.shape == _SHAPE
    return preprocess_images(X, name)


def preprocess_images(X: object, name: str = "X") -> tuple[NDArray[Any], float, bool]:
    """Return the same for input that is not canonical, see :func:`_core.canonical_scale`."""
    X = _unwrapped(X, name)
    if isinstance(X, list):
        pictures = (_picture(item, f"{name}[{i}]") for i, item in enumerate(X))
        return _preprocessed(pictures), 1.0, False
    if isinstance(X, np.ndarray) and X.ndim > 1 and X.shape[1:] in _BATCH_SHAPES:
        return *_batch(X, name), False
    return _preprocessed([_picture(X, name)]), 1.0, True


def as_grays(X: object, name: str = "X") -> tuple[list[NDArray[np.uint8]], bool]:
    """Return images as gray bytes (H, W), and whether X is one image."""
    X = _unwrapped(X, name)
    if isinstance(X, list):
        return [gray_pages(item, f"{name}[{i}]")[0] for i, item in enumerate(X)], False
    if isinstance(X, np.ndarray) and X.ndim > 1 and X.shape[1:] in _BATCH_SHAPES:
        values, scale = _values(X, name)
        return list(_bytes(values, scale).reshape(-1, SIDE, SIDE)), False
    return [gray_pages(X, name)[0]], True


def _unwrapped(X: object, name: str) -> object:
    """Return a list of images as a list, an array of any library as NumPy's, other objects as is.

    A column of a table that holds images or paths becomes a list.
    """
    if isinstance(X, (list, tuple)):
        if not X:
            raise ValueError(f"{name} is an empty list; {ACCEPTED}")
        if not isinstance(X[0], (list, tuple, int, float)):
            return list(X)
    array = as_array(X, name)
    if array is None:
        return X
    if array.dtype.kind not in OBJECT_KINDS:
        return array
    if array.size and (array.ndim == 1 or array.shape == (len(array), 1)):
        return list(array.ravel())
    return numbers(array, name)


def read_picture(
    source: str | os.PathLike[str] | bytes | bytearray, name: str = "X"
) -> NDArray[Any]:
    """Return the pixels of an image file, or of its bytes: (H, W), (H, W, 3) or (H, W, 4)."""
    return _decode(source, name, all_pages=False)[0]


def _decode(
    source: str | os.PathLike[str] | bytes | bytearray, name: str, *, all_pages: bool
) -> list[NDArray[Any]]:
    """Return the pixels of the first image of a file, or of all pages of a TIFF file."""
    import io

    from PIL import Image

    if isinstance(source, (bytes, bytearray)):
        data, what = source, f"{name} ({len(source)} bytes)"
    else:
        what = os.fspath(source)
        with open(source, "rb") as file:
            data = file.read()
    try:
        with Image.open(io.BytesIO(data)) as image:
            _check_size(image, what)
            image.verify()  # checksums; the image must be reopened afterwards
        with Image.open(io.BytesIO(data)) as image:
            pages = getattr(image, "n_frames", 1) if all_pages and image.format == "TIFF" else 1
            return [_page(image, page, what) for page in range(pages)]
    except (MemoryError, _TooLargeError):
        raise
    except Image.DecompressionBombError as error:  # Pillow's own, larger limit
        raise _TooLargeError(f"{what} is too large an image: {error}") from error
    except Exception as error:  # decoders raise many types, from SyntaxError to struct.error
        reason = "" if "cannot identify" in str(error) else f": {error}"
        raise ValueError(f"{what} is not an image that can be read{reason}") from error


class _TooLargeError(ValueError):
    """The image has more than MAX_PIXELS."""


def _check_size(image: Image, what: str) -> None:
    """Raise if the size in the file's header is too large, before the image is decoded."""
    if image.width * image.height > MAX_PIXELS:
        raise _TooLargeError(
            f"{what} is an image of {image.width} x {image.height} pixels; expected at most "
            f"{MAX_PIXELS:,}"
        )


def _page(image: Image, page: int, what: str) -> NDArray[Any]:
    if page:
        image.seek(page)
        _check_size(image, what)
    return _pixels(image)


def gray_pages(X: object, name: str) -> list[NDArray[np.uint8]]:
    """Return the pages of an image of any kind as gray bytes (H, W); most have one."""
    return [_gray_page(page, name) for page in _pages(X, name)]


def gray_and_colored_pages(
    X: object, name: str
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Return the pages in gray, as of :func:`gray_pages`, and in colour as bytes (H, W, 3).

    Pages that have no colours, or are partly transparent, are gray in both.
    """
    pages = _pages(X, name)
    grays = [_gray_page(page, name) for page in pages]
    pairs = zip(pages, grays, strict=True)
    return grays, [_colored_page(page, gray, name) for page, gray in pairs]


def _pages(X: object, name: str) -> list[NDArray[Any]]:
    if isinstance(X, (str, os.PathLike, bytes, bytearray)):
        return _decode(X, name, all_pages=True)
    return [_pixels_of(X, name, ACCEPTED_ONE)]


def _nested(values: Sequence[Any], name: str) -> NDArray[Any]:
    try:
        return np.array(values)
    except ValueError as error:
        raise ValueError(f"{name} is a list of lists of unequal lengths") from error


def as_array(X: object, name: str) -> NDArray[Any] | None:
    """Return an array of any library, or a table's column, as NumPy's; None for other objects."""
    if isinstance(X, np.ndarray):
        return X
    if isinstance(X, (list, tuple)):
        return _nested(X, name)
    if _is_pil(X) or not any(hasattr(X, protocol) for protocol in _ARRAY_PROTOCOLS):
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


def numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an object array of numbers as floats or integers."""
    try:
        values = np.array(array.tolist())
    except (ValueError, OverflowError):
        values = array
    if values.shape != array.shape or values.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold numbers or booleans, got dtype {array.dtype}")
    return values


def _is_pil(X: object) -> bool:
    pil = sys.modules.get("PIL.Image")  # imported if there is a PIL image
    return pil is not None and isinstance(X, pil.Image)


def _pixels_of(X: object, name: str, accepted: str) -> NDArray[Any]:
    """Return the pixels of a PIL image or an array of any library."""
    if _is_pil(X):
        return _pixels(X)  # type: ignore[arg-type]
    array = as_array(X, name)
    if array is None and hasattr(X, "toarray"):
        raise TypeError(f"{name} is sparse, of type {type(X).__name__}; pass its toarray()")
    if array is None:
        raise TypeError(f"{name} is of type {type(X).__name__}; {accepted}")
    return array


def _picture(X: object, name: str) -> tuple[NDArray[Any], float]:
    """Return one image of any kind as the core takes it, and its scale."""
    if isinstance(X, (str, os.PathLike, bytes, bytearray)):
        array = read_picture(X, name)
    else:
        array = _pixels_of(X, name, ACCEPTED)
    return _for_core(array, name, ACCEPTED)


def _for_core(array: NDArray[Any], name: str, accepted: str) -> tuple[NDArray[Any], float]:
    """Return an image's pixels as C-contiguous uint8 or float32, and the scale of floats."""
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))):
        raise ValueError(f"{name} has shape {array.shape}; {accepted}")
    height, width = array.shape[:2]
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"{name} is an image of {width} x {height} pixels; expected at most {MAX_PIXELS:,}"
        )
    if array.dtype == np.uint8 and array.size:  # the core finds the scale of bytes
        return np.ascontiguousarray(array), BYTE_SCALE
    values, scale = _values(array, name)
    return np.ascontiguousarray(values), scale


def _gray_page(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Return an image's pixels as gray bytes (H, W)."""
    return _core.picture_to_gray(*_for_core(array, name, ACCEPTED_ONE))


def _colored_page(array: NDArray[Any], gray: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Return an image's pixels as a copy in bytes (H, W, 3), or ``gray`` if it has no colours."""
    if array.ndim != 3 or array.shape[2] < 3:
        return gray
    values, scale = (array, BYTE_SCALE) if array.dtype == np.uint8 else _values(array, name)
    if array.shape[2] == 4 and values[..., 3].min() < round(1 / scale):
        return gray
    colors = _bytes(values[..., :3], scale)
    return colors.copy() if np.shares_memory(colors, array) else colors


def _batch(array: NDArray[Any], name: str) -> tuple[NDArray[Any], float]:
    """Return a batch as (n, 28, 28) and its scale: canonical as it is, else image by image."""
    values, scale = _values(array, name)
    images = np.ascontiguousarray(values).reshape(-1, SIDE, SIDE)
    sample = images[:: -(-len(images) // _SAMPLE)]
    if _core.are_canonical(_bytes(sample, scale)):
        return images, scale
    return _preprocessed((image, scale) for image in images), 1.0


def _preprocessed(pictures: Iterable[tuple[NDArray[Any], float]]) -> NDArray[np.float32]:
    """Return pictures as (n, 28, 28) in 0..1, a bounded number of pixels at a time."""
    parts: list[NDArray[np.float32]] = []
    together: list[tuple[NDArray[Any], float]] = []
    pixels = 0
    for picture in pictures:
        together.append(picture)
        pixels += picture[0].size
        if pixels >= _TOGETHER:
            parts.append(_core.preprocess_images(*zip(*together, strict=True)))
            together, pixels = [], 0
    if together:
        parts.append(_core.preprocess_images(*zip(*together, strict=True)))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _values(array: NDArray[Any], name: str) -> tuple[NDArray[Any], float]:
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


def _bytes(values: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """Return values as bytes 0..255."""
    if values.dtype == np.uint8 and scale == BYTE_SCALE:
        return np.ascontiguousarray(values)
    scaled = np.rint(values * np.float32(scale * 255))
    return np.ascontiguousarray(np.clip(scaled, 0, 255).astype(np.uint8))


def _pixels(image: Image) -> NDArray[Any]:
    """Return the pixels of a PIL image, upright, in a form that ``_for_core`` takes."""
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image)
        # Mode I holds 16-bit files in 32-bit integers.
        fits = values.size and values.min() >= 0 and values.max() <= 65535
        return values.astype(np.uint16) if fits else values
    if image.mode == "F":
        return np.asarray(image)
    if image.has_transparency_data:
        return np.asarray(image.convert("RGBA"))
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
