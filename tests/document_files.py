"""Documents that the tests write themselves: PDF by Pillow and PDFium, TIFF, HEIC."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import ocrdigit

Gray = NDArray[np.uint8]


def number(text: str, height: int = 64) -> Gray:
    """Return a picture of a number in handwriting, dark on white; the same for the same text."""
    picture = ocrdigit.synth.string(text, random_state=3).image
    width = picture.shape[1] * height // picture.shape[0]
    return ocrdigit.image.resize(picture, (width, height))


def page(text: str, height: int = 400, width: int = 300) -> Gray:
    """Return a white page with a number."""
    picture = number(text)
    sheet = np.full((height, width), 255, np.uint8)
    sheet[40 : 40 + picture.shape[0], 30 : 30 + picture.shape[1]] = picture
    return sheet


def saved(pages: list[Gray], kind: str, mode: str = "L", **options: Any) -> bytes:
    """Return pages as a file of Pillow's format ``kind``."""
    first, *others = (Image.fromarray(each).convert(mode) for each in pages)
    data = io.BytesIO()
    if others:
        options |= {"save_all": True, "append_images": others}
    first.save(data, kind, **options)
    return data.getvalue()


def pdf(pages: list[Gray], mode: str = "1", resolution: int = 150) -> bytes:
    """Return a PDF of scans, one-bit by CCITT G4 or, with mode L, RGB or P, of others."""
    pytest.importorskip("pypdfium2", reason="pypdfium2 is missing: install ocrdigit[pdf]")
    return saved(pages, "PDF", mode, resolution=resolution)


def heic(array: Gray, **options: Any) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif", reason="install ocrdigit[heic]")
    data = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(array)).save(data, quality=90, **options)
    return data.getvalue()
