"""Files as a lazy stream of pages, whatever their format: pictures, TIFF, PDF, HEIC."""

from __future__ import annotations

from ._budget import Budget
from ._heic_files import heic_pages, is_heic
from ._image_files import image_pages
from ._page_ranges import Pages
from ._pdf_pages import is_pdf, pdf_pages
from ._sources import Source
from ._typing import Pixels

_PREFIX = 64  # bytes


def file_pages(
    source: Source, pages: Pages | None, budget: Budget, *, reducible: bool = False
) -> Pixels:
    """Yield the indices and the pixels of the pages of a file, see :func:`image_pages`."""
    source.file.seek(0)
    prefix = source.file.read(_PREFIX)
    if is_pdf(prefix):
        return pdf_pages(source, pages, budget)
    if is_heic(prefix):
        return heic_pages(source, pages, budget)
    return image_pages(source, pages, budget, reducible=reducible)
