"""Line images of fields on pages: the registers' training pages, and synthetic documents.

The other foreground on the pages is erased in cells, as the detector does, but sometimes
incompletely.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, synth
from .._inputs import gray_page
from .._symbols import only_digits, only_symbols
from ..models.detector import NUMBER, STRIDE
from ..models.recognizer import HEIGHT
from .registers import around, is_number, read_register_labels, read_register_page

_INCOMPLETE = 0.08  # of documents on which other foreground is not erased
_MARGIN = 8  # around a field, in pixels
_TEXT_ROWS = 22.0  # of a line image, as in page/line_image.c

# Kinds whose rules cross the numbers occur more often.
_KINDS = (*synth.DOCUMENT_KINDS, *["squared"] * 3, *["ruled"] * 2)

Field = tuple[NDArray[np.float32], NDArray[np.bool_], str]  # gray, foreground, text


def register_fields(folder: str, part: str) -> list[Field]:
    """Return the number fields of a part of the registers, without other foreground."""
    fields = []
    for page in read_register_labels(folder, part):
        gray, foreground, labels = read_register_page(folder, page)
        numbers = labels == NUMBER
        for line in page["lines"]:
            text = line["text"]
            if is_number(text):
                field = _field(gray, foreground, numbers, line["box"])
                if field is not None:
                    fields.append((*field, only_digits(text)))
    return fields


def document_fields(
    count: int, digits: synth.Digits, fonts: str | None, rng: np.random.Generator
) -> list[Field]:
    """Return handwritten and printed numbers of synthetic documents."""
    fields: list[Field] = []
    while len(fields) < count:
        height = float(np.exp(rng.uniform(np.log(14), np.log(50))))
        document = synth.document(
            str(rng.choice(_KINDS)),
            size=(int(11 * height) + 150, int(9 * height) + 120),
            digit_height=(height, height * rng.uniform(1, 2)),
            digits=digits,
            fonts=fonts,
            random_state=rng,
        )
        gray = gray_page(document.image, "image")
        foreground, dark = _core.page_foreground(gray)
        gray = gray if dark else 255 - gray
        number = document.labels == NUMBER
        whole = rng.random() < _INCOMPLETE  # other foreground than numbers stays
        for text, box in document.numbers:
            field = _field(gray, np.zeros_like(foreground) if whole else foreground, number, box)
            if field is not None:
                fields.append((*field, only_symbols(text)))
    return fields[:count]


def _field(
    gray: NDArray[np.uint8],
    foreground: NDArray[np.uint8],
    labels: NDArray[np.bool_],
    box: Sequence[int],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Return the gray levels around a box, and which are of its number, or None if few are."""
    x, y, w, h = box
    window = around(box, _MARGIN)
    top, left = (side.start for side in window)
    pixels, levels = gray[window].astype(np.float32), foreground[window]
    number = labels[window].copy()
    inside = np.zeros_like(number)
    inside[y - top : y - top + h, x - left : x - left + w] = True
    number &= inside
    if number.sum() < 30:
        return None
    paper = float(np.median(pixels[levels < 20])) if (levels < 20).any() else 255.0
    near = _cells(number)
    for axis in (0, 1):
        for step in (-1, 1):  # the soft edges of strokes
            near |= np.roll(number, step, axis)
    pixels[(levels >= 24) & ~near] = paper
    return pixels, number


def _cells(number: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the detector's cells with foreground of the number, in which it erases nothing."""
    h, w = number.shape
    padded = np.pad(number, ((0, -h % STRIDE), (0, -w % STRIDE)))
    blocks = padded.reshape(padded.shape[0] // STRIDE, STRIDE, -1, STRIDE).any((1, 3))
    cells: NDArray[np.bool_] = blocks.repeat(STRIDE, 0).repeat(STRIDE, 1)[:h, :w]
    return cells


def register_pictures(folder: str, count: int, rng: np.random.Generator) -> list[synth.Picture]:
    """Return varied fields of the registers' training pages, frequent texts less often."""
    fields = register_fields(folder, "train")
    frequency = Counter(text for _, _, text in fields)
    weights = np.array([frequency[text] ** -0.5 for _, _, text in fields])
    chosen = rng.choice(len(fields), count, p=weights / weights.sum())
    return [vary(fields[index], rng) for index in chosen]


def document_pictures(
    count: int, digits: synth.Digits, fonts: str | None, rng: np.random.Generator
) -> list[synth.Picture]:
    """Return varied numbers of synthetic documents."""
    return [vary(field, rng) for field in document_fields(count, digits, fonts, rng)]


def vary(field: Field, rng: np.random.Generator) -> synth.Picture:
    """Return the number of a field at a random scale, slant, slope and stroke width, 32 rows."""
    pixels, number, text = field
    rows = np.flatnonzero(number.any(1))
    columns = np.flatnonzero(number.any(0))
    top, bottom = float(rows[0]), float(rows[-1] + 1)
    middle = (top + bottom) / 2
    scale_y = max(bottom - top, 6.0) / _TEXT_ROWS / np.exp(rng.normal(0, 0.12))
    scale_x = scale_y * np.exp(rng.normal(0, 0.17))
    shear, slope = rng.normal(0, 0.15), rng.normal(0, 0.03)
    left, right = columns[0] - 1.0, columns[-1] + 2.0
    margin = rng.uniform(2, 8)
    reach = abs(shear) * 11
    width = int(np.clip((right - left) / scale_x + 2 * (margin + reach), 10, 240))
    paper = float(np.median(pixels))
    y = (np.arange(HEIGHT) + 0.5 - HEIGHT / 2 + rng.normal(0, 0.8))[:, None]
    x = (np.arange(width) + 0.5 - width / 2)[None, :]
    ys = middle + y * scale_y + slope * x * scale_x
    xs = (left + right) / 2 + (x + shear * y) * scale_x
    image = _area_sample(pixels, xs, ys, scale_x, scale_y, paper)
    image = _pen(image, paper, rng)
    noisy = image + rng.normal(0, rng.uniform(0, 6), image.shape)
    values = np.array([int(c) for c in text if c.isdigit()], np.int64)
    boxes = np.zeros((len(values), 4), np.int64)
    return synth.Picture(np.clip(noisy, 0, 255).astype(np.uint8), text, values, boxes)


def _area_sample(
    pixels: NDArray[np.float32],
    xs: NDArray[Any],
    ys: NDArray[Any],
    scale_x: float,
    scale_y: float,
    paper: float,
) -> NDArray[Any]:
    """Return the mean of a few samples in each pixel."""
    steps_x, steps_y = max(1, round(scale_x)), max(1, round(scale_y))
    total = np.zeros(xs.shape)
    padded = np.pad(pixels, 1, constant_values=paper)
    for i in range(steps_y):
        for j in range(steps_x):
            x = xs + ((j + 0.5) / steps_x - 0.5) * scale_x + 0.5
            y = ys + ((i + 0.5) / steps_y - 0.5) * scale_y + 0.5
            x = np.clip(x, 0, padded.shape[1] - 1.001)
            y = np.clip(y, 0, padded.shape[0] - 1.001)
            x0, y0 = x.astype(np.int32), y.astype(np.int32)
            fx, fy = x - x0, y - y0
            upper = padded[y0, x0] * (1 - fx) + padded[y0, x0 + 1] * fx
            lower = padded[y0 + 1, x0] * (1 - fx) + padded[y0 + 1, x0 + 1] * fx
            total += upper * (1 - fy) + lower * fy
    return total / (steps_x * steps_y)


def _pen(image: NDArray[Any], paper: float, rng: np.random.Generator) -> NDArray[Any]:
    """Return the image with thicker or thinner, darker or lighter strokes."""
    kind = rng.random()
    if kind < 0.25:
        shifted = np.minimum(image[:, :-1], image[:, 1:])
        image = np.pad(shifted, ((0, 0), (0, 1)), mode="edge")
    elif kind < 0.4:
        shifted = np.minimum(image[:-1], image[1:])
        image = np.pad(shifted, ((0, 1), (0, 0)), mode="edge")
    elif kind < 0.5:
        shifted = 0.5 * (image[:, :-1] + image[:, 1:])
        image = np.pad(shifted, ((0, 0), (0, 1)), mode="edge")
    return paper + (image - paper) * rng.uniform(0.6, 1.2)
