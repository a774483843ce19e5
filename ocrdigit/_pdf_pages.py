"""Pages of PDF files, rendered by PDFium (the extra ``pdf``).

A page that one scan covers is rendered at the resolution of the scan, which gives the pixels of the
embedded image; other pages at 300 dpi.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limits
from ._bounded import sentence
from ._budget import Budget, TooLargeError, check_pixels
from ._page_ranges import Pages, page_indices
from ._sources import Source
from ._system import register_at_fork
from ._typing import Pixels

POINTS = 72  # an inch

_DPI = 300
_COVERED = 0.8  # of a page, by an image that is a scan of it
_MAX_SIDE = 65_000  # pixels
_ROUNDING = 1e-6  # of sizes in points, which must not add a row or a column of pixels
_GRAY_SPACES = (1, 4)  # FPDF_COLORSPACE_DEVICEGRAY and _CALGRAY
_WRONG_PASSWORD = 4  # FPDF_ERR_PASSWORD

# Bytes of memory for each pixel of an image while PDFium decodes it, by its filter.
_DECODER_BYTES = {"JPXDecode": 20, "DCTDecode": 7}

# PDFium is not thread-safe. Reentrant, as the garbage collector may close a document meanwhile.
_lock = threading.RLock()

# A forked child gets PDFium between two calls, and the lock free.
register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def is_pdf(prefix: bytes) -> bool:
    """Return whether the first bytes of a file are those of a PDF."""
    return prefix.lstrip(b"\xef\xbb\xbf\0\t\n\r ").startswith(b"%PDF-")


@dataclass(frozen=True)
class _Image:
    """An image on a page.

    Attributes
    ----------
    scale : float
        Pixels for each point, of the finer axis.
    coverage : float
        Its part of the page's area.
    need : float
        Bytes of memory to decode it.
    is_gray : bool
    """

    scale: float
    coverage: float
    need: float
    is_gray: bool


def pdf_pages(source: Source, pages: Pages | None, budget: Budget) -> Pixels:
    """Yield the indices and the pixels of a PDF's pages, each rendered when it is asked for.

    Pixels are (H, W), or (H, W, 3) if the page has colours.

    Raises
    ------
    ModuleNotFoundError
        If pypdfium2 is not installed.
    ValueError
        If the file is no PDF that can be rendered, needs a password, or has no pages; a page cannot
        be rendered, or is too large.
    """
    try:
        import pypdfium2
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{source.name} is a PDF, which needs pypdfium2: pip install 'ocrdigit[pdf]'",
            name="pypdfium2",
        ) from error
    with _lock:
        document = _opened(pypdfium2, source)
    try:
        with _lock:
            count = len(document)
        for index in _indices(count, pages, source.name):
            with _lock:
                pixels = _page(pypdfium2, document, index, source, budget)
            yield index, pixels
    finally:
        with _lock:
            document.close()


def _opened(pypdfium2: Any, source: Source) -> Any:
    source.file.seek(0)
    file = source.file if hasattr(source.file, "readinto") else source.read()
    try:
        return pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _WRONG_PASSWORD:
            raise ValueError(
                f"{source.name} is a PDF with a password; save it without one"
            ) from error
        raise ValueError(
            f"{source.name} is not a PDF that can be read, or has no pages: {sentence(error)}"
        ) from error


def _indices(count: int, pages: Pages | None, what: str) -> Iterable[int]:
    return range(count) if pages is None else page_indices(pages, count, what)


def _page(
    pypdfium2: Any, document: Any, index: int, source: Source, budget: Budget
) -> NDArray[np.uint8]:
    what = f"page {index + 1} of {source.name}"
    try:
        page = document[index]
        try:
            images = _images(pypdfium2, page, what, budget)
            return _rendered(page, images, what, budget)
        finally:
            page.close()
    except (MemoryError, TooLargeError):
        raise
    except Exception as error:  # PdfiumError, and those of ctypes for wrong values
        raise ValueError(f"{what} cannot be rendered: {sentence(error)}") from error


def _rendered(page: Any, images: list[_Image], what: str, budget: Budget) -> NDArray[np.uint8]:
    """Return the pixels of a page, after a check of the memory that they take."""
    scans = [image for image in images if image.coverage >= _COVERED]
    scale = max(image.scale for image in scans) if scans else _scale(*page.get_size())
    scale *= 1 - _ROUNDING
    width, height = (int(np.ceil(side * scale)) for side in page.get_size())
    check_pixels(width, height, what)
    is_gray = bool(scans) and all(image.is_gray for image in images)
    need = sum(image.need for image in images) + width * height * (2 if is_gray else 6)
    budget.check(need, f"{what} ({width} x {height} pixels)")
    bitmap = page.render(scale=scale, grayscale=is_gray, rev_byteorder=True)
    try:
        return _copied(bitmap.to_numpy())
    finally:
        bitmap.close()


def _scale(width: float, height: float) -> float:
    """Return how many pixels a point of a page of that size in points has: those of 300 dpi."""
    if not (width > 0 and height > 0):
        raise ValueError(f"it has the size {width} x {height}")
    bound = np.sqrt(limits.MAX_RENDERED / (width * height))
    return float(min(_DPI / POINTS, bound, _MAX_SIDE / max(width, height)))


def _images(pypdfium2: Any, page: Any, what: str, budget: Budget) -> list[_Image]:
    width, height = page.get_size()
    kind = pypdfium2.raw.FPDF_PAGEOBJ_IMAGE
    items = page.get_objects(filter=[kind])
    return [_image(item, width * height, what, budget) for item in items]


def _image(item: Any, page_area: float, what: str, budget: Budget) -> _Image:
    columns, rows = item.get_px_size()
    check_pixels(columns, rows, what)
    per_pixel = max((_DECODER_BYTES.get(name, 0) for name in item.get_filters()), default=0)
    budget.check(columns * rows * per_pixel, what)  # before PDFium decodes it for the metadata
    matrix = item.get_matrix()
    width, height = np.hypot(matrix.a, matrix.b), np.hypot(matrix.c, matrix.d)
    metadata = item.get_metadata()
    bits = metadata.bits_per_pixel
    return _Image(
        scale=float(max(columns / width, rows / height)) if width and height else 0.0,
        coverage=float(width * height / page_area),
        need=columns * rows * (per_pixel or max(bits, 1) / 8),
        is_gray=bits == 1 or metadata.colorspace in _GRAY_SPACES,
    )


def _copied(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a copy of pixels (H, W, 1|3), (H, W) if they have no colours."""
    if pixels.ndim == 3 and all(
        np.array_equal(pixels[..., 0], pixels[..., channel])
        for channel in range(1, pixels.shape[2])
    ):
        pixels = pixels[..., 0]
    copy: NDArray[np.uint8] = pixels.copy()
    return copy
