"""Replay in fine-tuning: old images among the new ones reduce catastrophic forgetting."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import BYTE_SCALE
from .datasets import load_sample


def with_sample(
    images: NDArray[Any], labels: NDArray[np.uint8], scale: float, count: int
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return images and labels followed by ``count`` of the embedded sample's training part.

    Parameters
    ----------
    images : ndarray (n, 28, 28) of uint8 or float32
        The new images, whose values times ``scale`` are 0..1. They are repeated until they are at
        least a quarter as many as the replayed ones.
    labels : ndarray (n,) of uint8
        Their digits.
    scale : float
        The factor of the pixel values, of the returned images too.
    count : int
        The number of replayed images.
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
