"""Pictures as the network sees them, in bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core

Pictures = NDArray[np.uint8]


def prepared(picture: Pictures) -> Pictures:
    """Return a picture (h, w) as ``predict`` prepares it, (28, 28)."""
    digit = _core.preprocess_digit(np.ascontiguousarray(picture))
    pixels: Pictures = np.rint(digit * 255).astype(np.uint8)
    return pixels
