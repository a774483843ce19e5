"""HEIC files, the photos of phones, decoded by pillow-heif (the extra ``heic``)."""

from __future__ import annotations

from ._bounded import sentence
from ._budget import Budget, TooLargeError, check_pixels
from ._page_ranges import Pages, page_indices
from ._pil_pixels import pixels_of
from ._sources import Source
from ._typing import Pixels

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")

# Bytes of a pixel at the peak: the planes of the decoder, and the pixels twice.
_BYTES_PER_PIXEL = {"L": 4, "RGB": 11}
_BYTES_PER_PIXEL_WITH_ALPHA = 13


def is_heic(prefix: bytes) -> bool:
    """Return whether the first bytes of a file, 32 or more, are those of HEIC."""
    brands = [prefix[8:12], *(prefix[start : start + 4] for start in range(16, 32, 4))]
    return prefix[4:8] == b"ftyp" and brands[0] in _BRANDS and not set(brands) & set(_AVIF_BRANDS)


def heic_pages(source: Source, pages: Pages | None, budget: Budget) -> Pixels:
    """Yield 0 and the pixels of a HEIC file's main image.

    Raises
    ------
    ModuleNotFoundError
        If pillow-heif is not installed.
    ValueError
        If the file is no image that can be decoded, or is too large.
    """
    try:
        import pillow_heif
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{source.name} is a HEIC file, which needs pillow-heif: pip install 'ocrdigit[heic]'",
            name="pillow_heif",
        ) from error
    if pages is not None:
        page_indices(pages, 1, source.name)
    try:
        image = pillow_heif.open_heif(source.read())  # decodes only when its pixels are taken
        width, height = image.size
        check_pixels(width, height, source.name)
        per_pixel = _BYTES_PER_PIXEL.get(image.mode, _BYTES_PER_PIXEL_WITH_ALPHA)
        budget.check(width * height * per_pixel, f"{source.name} ({width} x {height} pixels)")
        picture = image.to_pillow()
    except (MemoryError, TooLargeError):
        raise
    except Exception as error:  # from SyntaxError to RuntimeError
        raise ValueError(
            f"{source.name} is not a HEIC image that can be read: {sentence(error)}"
        ) from error
    picture.info.clear()  # the decoder has turned it upright, whatever its EXIF says
    yield 0, pixels_of(picture)
