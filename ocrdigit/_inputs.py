"""Conversion of what the public functions accept to images for the core.

The result is a C-contiguous array of bytes or float32, and the scale that maps its values to
0..1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._arrays import BYTE_SCALE, OBJECT_KINDS, as_array, as_bytes, numbers, scaled_values
from ._budget import Budget, check_pixels
from ._dataset_arrays import enlarged_digits, refuse_labelled_table
from ._documents import file_pages
from ._editor_images import editor_pixels
from ._page_ranges import Pages, page_indices
from ._pil_pixels import is_pil, pixels_of
from ._sources import is_file, opened

SIDE = 28

_SHAPE = (SIDE, SIDE)
# The third is channels-first.
_BATCH_SHAPES = ((SIDE, SIDE), (SIDE, SIDE, 1), (1, SIDE, SIDE), (SIDE * SIDE,))
_SAMPLE = 32  # images of a batch that are checked for canonical input
_TOGETHER = 1 << 24  # pixels of pictures that are preprocessed together

ACCEPTED_ONE = (
    "an image is a path, bytes of an image file, an open file, a data URL, a PIL image, or an "
    "array (H, W) or (H, W, 1|3|4)"
)
ACCEPTED = (
    f"{ACCEPTED_ONE}; a batch is an array (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or "
    "(n, 784), or a list of images"
)


@dataclass(frozen=True, eq=False)
class Page:
    """A page of a document; of other images there is one.

    Attributes
    ----------
    index : int
        Its index in the document.
    gray : ndarray (H, W) of uint8
    color : ndarray (H, W, 3) of uint8
        ``gray`` itself if the page has no colours or is partly transparent.
    """

    index: int
    gray: NDArray[np.uint8]
    color: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        """The bytes of its arrays."""
        return self.gray.nbytes + (0 if self.color is self.gray else self.color.nbytes)


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
        return [gray_page(item, f"{name}[{i}]") for i, item in enumerate(X)], False
    if isinstance(X, np.ndarray) and X.ndim > 1 and X.shape[1:] in _BATCH_SHAPES:
        values, scale = scaled_values(X, name)
        return list(as_bytes(values, scale).reshape(-1, SIDE, SIDE)), False
    return [gray_page(X, name)], True


def iterate_pages(
    X: object, name: str, pages: Pages | None = None, *, keep: bool = False
) -> Generator[Page, None, None]:
    """Yield the pages of an image of any kind, each decoded when it is asked for.

    Parameters
    ----------
    X : image
        Of any kind; pages are those of TIFF and PDF files.
    name : str
        That of the argument, for messages.
    pages : pages, optional
        Which pages, see :func:`page_indices`. The default is all.
    keep : bool
        Whether the caller keeps the pages: all together must then be within the limits of memory,
        not each.

    Raises
    ------
    TypeError, ValueError, OSError
        If ``X`` is not an image, or a page cannot be decoded or is too large.
    """
    if not is_file(X):
        if pages is not None:
            page_indices(pages, 1, name)
        yield _page(0, _first_pixels(X, name), name, copy=True)
        return
    with opened(X, name) as source:
        budget = Budget(source.size)
        with contextlib.closing(file_pages(source, pages, budget)) as decoded:
            for index, pixels in decoded:
                page = _page(index, pixels, source.name)
                del pixels  # which may take four times as much
                if keep:
                    budget.keep(page.nbytes, source.name)
                yield page


def gray_page(X: object, name: str) -> NDArray[np.uint8]:
    """Return an image of any kind, of a document its first page, as gray bytes (H, W)."""
    return _gray(_first_pixels(X, name), name)


def _unwrapped(X: object, name: str) -> object:
    """Return a list of images as a list, an array of any library as NumPy's, other objects as is.

    A column of a table that holds images or paths becomes a list.
    """
    if isinstance(X, (list, tuple)):
        if not X:
            raise ValueError(f"{name} is an empty list; {ACCEPTED}")
        if not isinstance(X[0], (list, tuple, int, float)):
            return list(X)
    array = None if is_file(X) else as_array(X, name)
    if array is None:
        return X
    if array.dtype.kind not in OBJECT_KINDS:
        refuse_labelled_table(X, array, name)
        digits = enlarged_digits(array)
        return array if digits is None else digits
    if array.size and (array.ndim == 1 or array.shape == (len(array), 1)):
        return list(array.ravel())
    return numbers(array, name)


def _first_pixels(X: object, name: str, *, reducible: bool = False) -> NDArray[Any]:
    """Return the pixels of one image of any kind, of a document those of the first page.

    With ``reducible``, a large JPEG may be decoded at a smaller size.
    """
    if is_file(X):
        with opened(X, name) as source:
            decoded = file_pages(source, None, Budget(source.size), reducible=reducible)
            with contextlib.closing(decoded):
                return next(decoded)[1]
    if is_pil(X):
        return pixels_of(X)
    if hasattr(X, "toarray"):  # some are dicts, too
        raise TypeError(f"{name} is sparse, of type {type(X).__name__}; pass its toarray()")
    if isinstance(X, Mapping):
        return editor_pixels(X, name, _first_pixels)
    array = as_array(X, name)
    if array is None:
        raise TypeError(f"{name} is of type {type(X).__name__}; {ACCEPTED}")
    return array


def _picture(X: object, name: str) -> tuple[NDArray[Any], float]:
    """Return one image of any kind as the core takes it, and its scale."""
    return _for_core(_first_pixels(X, name, reducible=True), name, ACCEPTED)


def _for_core(array: NDArray[Any], name: str, accepted: str) -> tuple[NDArray[Any], float]:
    """Return an image's pixels as C-contiguous uint8 or float32, and the scale of floats."""
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))):
        raise ValueError(f"{name} has shape {array.shape}; {accepted}")
    height, width = array.shape[:2]
    check_pixels(width, height, name)
    if array.dtype == np.uint8 and array.size:  # the core finds the scale of bytes
        return np.ascontiguousarray(array), BYTE_SCALE
    values, scale = scaled_values(array, name)
    return np.ascontiguousarray(values), scale


def _gray(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Return an image's pixels as gray bytes (H, W)."""
    return _core.picture_to_gray(*_for_core(array, name, ACCEPTED_ONE))


def _page(index: int, array: NDArray[Any], name: str, *, copy: bool = False) -> Page:
    """Return an image's pixels as a page; ``copy`` if others may change them."""
    gray = _gray(array, name)
    return Page(index, gray, _colored(array, gray, name, copy=copy))


def _colored(
    array: NDArray[Any], gray: NDArray[np.uint8], name: str, *, copy: bool
) -> NDArray[np.uint8]:
    """Return an image's pixels as bytes (H, W, 3), or ``gray`` if it has no colours."""
    if array.ndim != 3 or array.shape[2] < 3:
        return gray
    values, scale = (array, BYTE_SCALE) if array.dtype == np.uint8 else scaled_values(array, name)
    if array.shape[2] == 4 and values[..., 3].min() < round(1 / scale):
        return gray
    colors = as_bytes(values[..., :3], scale)
    return colors.copy() if copy and np.shares_memory(colors, array) else colors


def _batch(array: NDArray[Any], name: str) -> tuple[NDArray[Any], float]:
    """Return a batch as (n, 28, 28) and its scale: canonical as it is, else image by image."""
    values, scale = scaled_values(array, name)
    images = np.ascontiguousarray(values).reshape(-1, SIDE, SIDE)
    sample = images[:: -(-len(images) // _SAMPLE)]
    if _core.are_canonical(as_bytes(sample, scale)):
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
