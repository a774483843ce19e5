"""Fuzz target: picture files and documents, as bytes, for every function that opens one."""

from __future__ import annotations

import base64
import importlib.util
import io

import numpy as np
from PIL import Image

import ocrdigit
from ocrdigit import limits
from ocrdigit._documents import file_pages
from ocrdigit._inputs import gray_page

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "PPM", "WEBP", "JPEG2000")


def seeds() -> list[bytes]:
    """Return small pictures of all formats and modes, a TIFF of pages, a PDF, and a data URL."""
    limits.MAX_PIXELS = 1_000_000  # larger pictures only take longer
    limits.MAX_BYTES = 20_000_000
    pixels = np.full((24, 32), 230, np.uint8)
    pixels[4:20, 10:13] = 20
    picture, found = Image.fromarray(pixels), []
    for kind, mode in [(kind, "L") for kind in _FORMATS] + [
        ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("PNG", "I;16"), ("JPEG", "CMYK"),
        ("GIF", "P"), ("TIFF", "1"), ("TIFF", "F"), ("PDF", "L"), ("PDF", "1"),
    ]:  # fmt: skip
        file = io.BytesIO()
        picture.convert(mode).save(file, kind)
        found.append(file.getvalue())
    file = io.BytesIO()
    picture.save(file, "TIFF", save_all=True, append_images=[picture], compression="tiff_lzw")
    return [*found, file.getvalue(), b"data:image/png;base64," + base64.b64encode(found[0])]


def run(data: bytes) -> None:
    if data[:5] == b"data:":
        ocrdigit.predict(data.decode("latin-1"))
        return
    if data[:4] == b"%PDF" and not importlib.util.find_spec("pypdfium2"):
        return
    for _, page in file_pages(io.BytesIO(data)):
        assert page.size
    gray_page(data, "image")
    ocrdigit.predict(data)
