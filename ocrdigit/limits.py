"""Limits of what image files and documents may take when they are decoded.

The limits are module attributes, as ``PIL.Image.MAX_IMAGE_PIXELS`` is, and are looked up for each
file: set them before a call. What is beyond a limit raises ValueError before it is decoded. With
the defaults, a file of up to 1 MB takes at most 500 MB of memory.

>>> from ocrdigit import limits
>>> limits.MAX_PIXELS = 400_000_000  # for scans of maps
>>> limits.MAX_PIXELS = 100_000_000  # the default

Attributes
----------
MAX_PIXELS : int
    Pixels of an image: of a file, of a page of a document, or of an array. Pillow has a limit of
    its own, twice ``PIL.Image.MAX_IMAGE_PIXELS``.
MAX_BYTES : int
    Bytes of memory that decoding a file may take, with its pages that are kept: of the decoder and
    of the pixels, by their size, number of channels, and depth.
EXPANSION : int
    How many bytes more than ``MAX_BYTES`` decoding may take for each byte of the file: large files
    are rarely made to exhaust the memory.
MAX_PAGES : int
    Pages of a document that a reading keeps. A document may have more, of which ``pages=`` selects.
MAX_READ : int
    Bytes of a file that has to be read into memory at once: a stream that cannot seek, or HEIC.
MAX_RENDERED : int
    Pixels of a page of a PDF that is rendered: larger ones are rendered at less than 300 dpi.
    Scans have their own resolution.
FORMATS : tuple of str
    The formats of picture files, by Pillow's names. Others are not opened, so that their decoders
    cannot be attacked. PDF and HEIC are decoded by other libraries.
PICTURE_SUFFIXES : tuple of str
    The ends of names, in lower case, of the files that are read of a folder.
"""

from __future__ import annotations

__all__ = [
    "EXPANSION",
    "FORMATS",
    "MAX_BYTES",
    "MAX_PAGES",
    "MAX_PIXELS",
    "MAX_READ",
    "MAX_RENDERED",
    "PICTURE_SUFFIXES",
]

MAX_PIXELS = 100_000_000
MAX_BYTES = 200_000_000
EXPANSION = 120
MAX_PAGES = 1000
MAX_READ = 256_000_000
MAX_RENDERED = 25_000_000
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "PPM", "WEBP", "MPO", "JPEG2000", "AVIF")
PICTURE_SUFFIXES = (
    *(
        ".apng",
        ".avif",
        ".avifs",
        ".bmp",
        ".dib",
        ".gif",
        ".heic",
        ".heif",
        ".j2c",
        ".j2k",
        ".jfif",
    ),
    *(".jp2", ".jpc", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pdf", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
