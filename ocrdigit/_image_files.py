"""Picture files as a lazy stream of pages: one of most, more of a TIFF; decoded by Pillow."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from . import limits
from ._bounded import sentence
from ._budget import Budget, TooLargeError, check_pixels
from ._page_ranges import Pages, page_indices
from ._pil_pixels import bytes_to_decode, pixels_of
from ._sources import Source
from ._typing import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

# How many times the bytes of the decoded image the decoder takes at its peak, that image included.
_DECODER_FACTOR = {"WEBP": 4, "JPEG2000": 6, "AVIF": 3, "TIFF": 2}
_PROGRESSIVE_FACTOR = 2  # all coefficients are in memory
_START_OF_SCAN = b"\xff\xda"  # JPEG's marker
_MAX_SCANNED = 3_000_000_000  # pixels of all scans; a progressive JPEG has about ten
_CHUNK = 1 << 20
_REDUCTIONS = (2, 4, 8)  # of JPEG's decoder
_TILE_TAGS = (322, 323)  # TIFF's width and height of tiles


def image_pages(
    source: Source, pages: Pages | None, budget: Budget, *, reducible: bool = False
) -> Pixels:
    """Yield the indices and the pixels of an image file's pages, each decoded when it is asked for.

    Parameters
    ----------
    source : Source
        The file.
    pages : pages, optional
        Which pages of a TIFF, see :func:`page_indices`; of other files there is one, the first
        frame of an animation.
    budget : Budget
        The memory that decoding may take.
    reducible : bool
        Whether a JPEG beyond the budget may be decoded at 1/2, 1/4 or 1/8 of its size.

    Raises
    ------
    ValueError
        If the file, or a page of it, is no image that can be decoded, or is too large.
    OSError
        If the file cannot be read.
    """
    image = _opened(source, budget, reducible)
    if image.format == "TIFF":
        yield from _tiff_pages(image, source, pages, budget)
        return
    if pages is not None:
        page_indices(pages, 1, source.name)
    pixels = _decoded(image, source.name, budget, reducible=reducible)
    del image  # its pixels take as much memory
    yield 0, pixels


def _tiff_pages(image: Image, source: Source, pages: Pages | None, budget: Budget) -> Pixels:
    for index in _tiff_indices(image, pages, source.name):
        what = f"page {index + 1} of {source.name}" if index else source.name
        if index and not _seek(image, index, what):
            return
        yield index, _decoded(image, what, budget)


def _tiff_indices(image: Image, pages: Pages | None, what: str) -> Iterable[int]:
    if pages is None:
        return itertools.count()  # up to the end, without a walk through all pages before
    try:
        count = getattr(image, "n_frames", 1)
    except Exception as error:  # a directory of tags that is cut or corrupt
        raise _unreadable(what, error) from error
    return page_indices(pages, count, what)


def _seek(image: Image, index: int, what: str) -> bool:
    """Go to a page; return whether there is one."""
    try:
        image.seek(index)
    except EOFError:
        return False
    except Exception as error:
        raise _unreadable(what, error) from error
    return True


def _unreadable(what: str, error: Exception) -> ValueError:
    reason = "" if "cannot identify" in str(error) else f": {sentence(error)}"
    return ValueError(f"{what} is not an image that can be read{reason}")


def _opened(source: Source, budget: Budget, reducible: bool) -> Image:
    """Return the opened image of a file whose checksums are right."""
    from PIL import Image

    try:
        with _open(source) as image:
            _check_size(image, source.name, budget, reducible)
            _check_scans(image, source)
            image.verify()  # the image must be reopened afterwards
        return _open(source)
    except (MemoryError, TooLargeError):
        raise
    except Image.DecompressionBombError as error:  # Pillow's own, larger limit
        raise TooLargeError(f"{source.name} is too large an image: {sentence(error)}") from error
    except Exception as error:  # from SyntaxError to struct.error
        raise _unreadable(source.name, error) from error


def _open(source: Source) -> Image:
    """Open an image of the formats of :mod:`ocrdigit.limits`, by the fewest of Pillow's plugins."""
    from PIL import Image, UnidentifiedImageError

    Image.preinit()
    common = [name for name in limits.FORMATS if name in Image.OPEN]
    source.file.seek(0)
    try:
        return Image.open(source.file, formats=common)
    except UnidentifiedImageError:
        Image.init()
        others = [name for name in limits.FORMATS if name in Image.OPEN and name not in common]
        source.file.seek(0)
        return Image.open(source.file, formats=others)


def _decoded(image: Image, what: str, budget: Budget, *, reducible: bool = False) -> NDArray[Any]:
    try:
        reduction = _check_size(image, what, budget, reducible)
        if reduction > 1:
            image.draft(None, (image.width // reduction, image.height // reduction))
        image.load()
        return pixels_of(image)
    except (MemoryError, TooLargeError):
        raise
    except Exception as error:  # decoders raise many types
        raise _unreadable(what, error) from error


def _check_size(image: Image, what: str, budget: Budget, reducible: bool) -> int:
    """Return by which factor to reduce an image in decoding; raise if it is too large.

    Only the header has been read so far.
    """
    need = _bytes_needed(image)
    is_jpeg = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    if reducible and is_jpeg:
        pixels = image.width * image.height
        for reduction in (1, *_REDUCTIONS):
            area = reduction**2
            if pixels / area <= limits.MAX_PIXELS and budget.fits(need / area):
                return reduction
    check_pixels(image.width, image.height, what)
    budget.check(need, f"{what} ({image.width} x {image.height} pixels, mode {image.mode})")
    return 1


def _check_scans(image: Image, source: Source) -> None:
    """Raise TooLargeError for a JPEG with so many scans that decoding would take long.

    A file of 1 MB may have thousands, each of which goes through the whole image.
    """
    if image.format not in ("JPEG", "MPO"):
        return
    scans, last = 0, b""
    source.file.seek(0)
    while data := source.file.read(_CHUNK):
        scans += (last + data).count(_START_OF_SCAN)
        last = data[-1:]
    if scans * image.width * image.height > _MAX_SCANNED:
        raise TooLargeError(
            f"{source.name} is a JPEG of {image.width} x {image.height} pixels with {scans:,} "
            f"scans; expected at most {_MAX_SCANNED:,} pixels in all of them"
        )


def _bytes_needed(image: Image) -> int:
    """Return how many bytes decoding takes at its peak: the decoder, or the pixels twice."""
    stored, array = bytes_to_decode(image)
    factor = _DECODER_FACTOR.get(image.format or "", 1)
    if image.info.get("progressive"):
        factor = _PROGRESSIVE_FACTOR
    tags = getattr(image, "tag_v2", {})
    width, height = (int(tags.get(tag, 0)) for tag in _TILE_TAGS)
    return factor * stored + array + 8 * width * height
