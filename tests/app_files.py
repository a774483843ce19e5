"""Files for the tests of the Streamlit page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

import ocrdigit


def png(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(array).save(data, "png")
    return data.getvalue()


def field(text: str) -> np.ndarray:
    """Return the picture of a number that is read without doubt about its digits."""
    return ocrdigit.synth.string(text, random_state=3).image


def damaged_tiff(path: Path, *texts: str) -> bytes:
    """Return a TIFF file with a page for each text; the last one is cut off."""
    first, *others = (Image.fromarray(field(text)) for text in texts)
    first.save(path, save_all=True, append_images=others)
    data = path.read_bytes()
    return data[: -others[-1].width * others[-1].height // 2]


def written_form(texts: dict[int, str]) -> np.ndarray:
    """Return a page of the page's example form with texts in the fields, counted from 0."""
    from ocrdigit.app._form_tab import example_form

    page = example_form().copy()
    for index, text in texts.items():
        image = ocrdigit.synth.string(text, height=32, random_state=3).image
        height, width = image.shape[:2]
        y, x = 130 + 100 * index + 11, 330
        page[y : y + height, x : x + width] = np.minimum(page[y : y + height, x : x + width], image)
    return page
