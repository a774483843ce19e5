"""The sample of MNIST in the package, and pictures of numbers that were drawn from it."""

from __future__ import annotations

import json
import os

import numpy as np

from ._dataset import Dataset
from ._picture import Picture

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_TRAIN = 4000


def load_sample() -> Dataset:
    """Load 5,000 of MNIST's training images, 500 of each digit, from the package.

    Returns
    -------
    Dataset
        4,000 training images and 1,000 test images, uint8 (n, 28, 28), in the order of digits
        0, 1, ..., 9, 0, 1, ... The source and the licence are in ``datasets/SAMPLE.txt``.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_sample()
    Dataset(MNIST sample: 4,000 training images, 1,000 test images)
    """
    with np.load(os.path.join(_FOLDER, "sample.npz")) as file:
        images, labels = file["images"], file["labels"].astype(np.int64)
    return Dataset(
        images[:_TRAIN], labels[:_TRAIN], images[_TRAIN:], labels[_TRAIN:], "MNIST sample"
    )


def load_page() -> Picture:
    r"""Load a picture of a page of ruled paper with eight numbers in four rows.

    Returns
    -------
    Picture
        Its image is RGB, uint8 (420, 600, 3).

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_page().text
    '05221859 27\n1874 35060\n90417\n6 33165 72'
    """
    return _load_picture("page")


def load_cheque() -> Picture:
    """Load a picture of an amount on a cheque, "35.000-" on a guilloche background.

    Returns
    -------
    Picture
        Its image is gray, uint8 (56, 245); its text has neither the point nor the dash.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_cheque().text
    '35000'
    """
    return _load_picture("cheque")


def load_string() -> Picture:
    """Load a picture of a number of ten digits on plain paper.

    Returns
    -------
    Picture
        Its image is gray, uint8 (48, 228).

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_string().text
    '6170283945'
    """
    return _load_picture("string")


def _load_picture(name: str) -> Picture:
    from PIL import Image

    with open(os.path.join(_FOLDER, "sample_pictures.json"), encoding="utf-8") as file:
        truth = json.load(file)[name]
    with Image.open(os.path.join(_FOLDER, f"sample_{name}.png")) as image:
        pixels = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    values = np.array([digit["value"] for digit in truth["digits"]], np.int64)
    boxes = np.array([digit["box"] for digit in truth["digits"]], np.int64)
    return Picture(pixels, truth["text"], values, boxes)
