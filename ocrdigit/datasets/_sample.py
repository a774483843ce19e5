"""The embedded sample: MNIST without a network or a disk full of files."""

from __future__ import annotations

import os

import numpy as np

from ._dataset import Dataset

_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample.npz")
_TRAIN = 4000


def load_sample() -> Dataset:
    """Load 5,000 of MNIST's training images, 500 a digit, that come with the package.

    Returns
    -------
    Dataset
        4,000 to train on and 1,000 to test on, uint8 (n, 28, 28); the digits 0, 1, ..., 9,
        0, 1, ... take turns. Its source and licence stand in ``datasets/SAMPLE.txt``.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_sample()
    Dataset(MNIST sample: 4,000 images to train on, 1,000 to test on)
    """
    with np.load(_PATH) as file:
        images, labels = file["images"], file["labels"].astype(np.int64)
    return Dataset(
        images[:_TRAIN], labels[:_TRAIN], images[_TRAIN:], labels[_TRAIN:], "MNIST sample"
    )
