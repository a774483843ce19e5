"""Preprocessing of training pictures, identical to that of ``predict``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core

Pictures = NDArray[np.uint8]


def preprocessed(picture: Pictures) -> Pictures:
    """Return a picture (h, w) as the canonical input (28, 28) that ``predict`` computes."""
    digit = _core.preprocess_digit(np.ascontiguousarray(picture))
    pixels: Pictures = np.rint(digit * 255).astype(np.uint8)
    return pixels
