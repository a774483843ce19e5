"""Loading everything that the first picture needs, before a user waits for it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ._predict import explain
from .reading import read

__all__ = ["warm_up"]


def warm_up() -> None:
    """Import and load what reading, drawing and explaining an image file need."""
    page = np.full((64, 64), 255, np.uint8)
    page[12:52, 28:34] = 0  # a 1
    for kind in ("png", "jpeg"):
        data = io.BytesIO()
        Image.fromarray(page).save(data, kind)
        read(data.getvalue()).draw()
    explain(page).overlay()
