"""The embedded pictures of numbers, drawn by ``ocrdigit.synth`` from the embedded sample."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from ..synth import Picture

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def load_page() -> Picture:
    r"""Load a page of ruled paper with eight numbers in four rows.

    Returns
    -------
    synth.Picture
        In colour, 600 by 420 pixels, with the text and the box of each digit.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_page().text
    '05221859 27\n1874 35060\n90417\n6 33165 72'
    """
    return _load("page")


def load_cheque() -> Picture:
    """Load an amount as on a cheque: 35.000- on a ground of waves.

    Returns
    -------
    synth.Picture
        Gray; point and dash are not in its text.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_cheque().text
    '35000'
    """
    return _load("cheque")


def load_string() -> Picture:
    """Load a number of ten digits on plain paper.

    Returns
    -------
    synth.Picture
        Gray.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_string().text
    '6170283945'
    """
    return _load("string")


def _load(name: str) -> Picture:
    from ..synth import Picture  # which itself needs this package

    with open(os.path.join(_FOLDER, "sample_pictures.json"), encoding="utf-8") as file:
        truth = json.load(file)[name]
    with Image.open(os.path.join(_FOLDER, f"sample_{name}.png")) as image:
        pixels = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    values = np.array([digit["value"] for digit in truth["digits"]], np.int64)
    boxes = np.array([digit["box"] for digit in truth["digits"]], np.int64)
    return Picture(pixels, truth["text"], values, boxes)
