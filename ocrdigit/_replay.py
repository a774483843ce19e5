"""Images of the embedded sample among those trained on, so that a model forgets little."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._inputs import BYTE_SCALE
from .datasets import load_sample


def with_sample(
    images: NDArray[Any], labels: NDArray[np.uint8], scale: float, count: int
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return images (n, 28, 28) and labels with ``count`` of the sample's training part after them.

    The given ones are repeated until they are at least a quarter as many as those. Values mean
    the same in all: times ``scale`` they are 0..1.
    """
    sample = load_sample()
    old, old_labels = sample.X_train[:count], sample.y_train[:count].astype(np.uint8)
    if images.dtype != np.uint8 or scale != BYTE_SCALE:
        old = old * np.float32(BYTE_SCALE / scale)
    times = -(-count // (4 * len(images)))
    return (
        np.concatenate([*[images] * times, old]),
        np.concatenate([*[labels] * times, old_labels]),
    )
