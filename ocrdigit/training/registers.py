"""The registers of Paris notaries: pages with labels of their foreground.

LECTAUREP, "Notaires de Paris, Répertoires" (Archives nationales, Inria, EPHE; CC BY 4.0).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, image
from .._inputs import gray_page
from ..models.detector import BACKGROUND, IGNORED, NUMBER, RULING_LINE, WRITING

LabelledPage = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # foreground, labels: (h, w)

FOREGROUND = 96  # levels of at least this are foreground, as in digit/foreground.h


def read_register_labels(folder: str, part: str) -> list[dict[str, Any]]:
    """Return the labels of the registers' pages of a part: "train" or "validation"."""
    with open(os.path.join(folder, "registers", "labels.json"), encoding="utf-8") as file:
        return [page for page in json.load(file) if page["part"] == part]


def read_register_page(
    folder: str, page: dict[str, Any]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return gray, foreground and labels (h, w) of a page of :func:`read_register_labels`."""
    gray = gray_page(os.path.join(folder, "registers", page["image"]), "path")
    foreground, _ = _core.page_foreground(gray)
    return gray, foreground, label_register(foreground, page["lines"])


def around(box: Sequence[int], margin: int) -> tuple[slice, slice]:
    """Return the rows and columns of a box (x, y, w, h) with a margin, from 0 on."""
    x, y, w, h = box
    return slice(max(y - margin, 0), y + h + margin), slice(max(x - margin, 0), x + w + margin)


def is_number(text: str) -> bool:
    """Return whether a text is digits, and separators between them."""
    return bool(re.fullmatch(r"[\d\s.,:/-]*\d[\d\s.,:/-]*", text))


def label_register(foreground: NDArray[np.uint8], lines: list[dict[str, Any]]) -> NDArray[np.uint8]:
    """Return labels of a page whose lines of text, but not whose ruling lines, are marked."""
    ink = (foreground >= FOREGROUND).astype(np.uint8)
    ruling = _long_lines(ink, 70)
    labels: NDArray[np.uint8] = np.where(ink > 0, np.uint8(IGNORED), np.uint8(BACKGROUND))
    labels[ruling] = RULING_LINE
    plain = (ink > 0) & ~ruling
    for line in sorted(lines, key=lambda line: is_number(line["text"])):
        x, y, w, h = line["box"]
        if is_number(line["text"]):
            label, inset = NUMBER, 0
        elif any(map(str.isdigit, line["text"])):
            continue
        else:
            label, inset = WRITING, h // 8
        window = np.s_[max(y + inset, 0) : y + h - inset, max(x, 0) : x + w]
        own = plain[window]
        labels[window][_without_neighbours(own) if label == NUMBER else own] = label
    return labels


def _without_neighbours(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return foreground without parts of the rows above and below, which touch the sides."""
    h = len(ink)
    components = image.connected_components(ink)
    kept: NDArray[np.bool_] = ink.copy()
    for label, (_, top, _, height, _) in enumerate(components.stats.tolist()):
        at_side = top == 0 or top + height == h
        if label and at_side and height < 0.3 * h:
            kept &= components.labels != label
    return kept


def _long_lines(ink: NDArray[np.uint8], length: int) -> NDArray[np.bool_]:
    """Return pixels of horizontal and vertical lines of at least ``length`` pixels."""
    closed_h = image.close(ink, np.ones((1, 3), np.uint8))
    closed_v = image.close(ink, np.ones((3, 1), np.uint8))
    across = image.open(closed_h, np.ones((1, length), np.uint8))
    down = image.open(closed_v, np.ones((length, 1), np.uint8))
    lines = np.maximum(across, down)
    grown = image.dilate(lines, np.ones((3, 3), np.uint8))
    found: NDArray[np.bool_] = (grown > 0) & (ink > 0)
    return found
