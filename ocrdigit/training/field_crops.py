"""Training images of the number detector that show single fields.

Several fields are on each image, with background between them, so that the network does not depend
on the surroundings of a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, synth
from .._inputs import gray_page
from ..models.detector import BACKGROUND, IGNORED, NUMBER, RULING_LINE, SIDE, WRITING
from .line_images import clutter_picture, handwriting, styles, words
from .marks import cross, hershey_letter, shape, tick, tick_box, trimmed, walls
from .page_crops import LabelledCrops, crop, label_map
from .registers import (
    FOREGROUND,
    LabelledPage,
    around,
    is_number,
    read_register_labels,
    read_register_page,
)

_STREAM = 3  # of random numbers
_POOL = 60  # fields that are mixed
_GAPS = (4, 12, 30, 80)  # between fields, in pixels
_LAST = 0.15  # probability that a field is the last one of its row, and a row of its image


def field_crops(folder: str, fonts: str | None, seed: int, count: int) -> LabelledCrops:
    """Return images (count, 256, 256) of fields, and their label maps (count, 64, 64)."""
    rng = np.random.default_rng([_STREAM, seed])
    digits = handwriting(folder, rng)
    pages = read_register_labels(folder, "train")
    makers: list[Callable[[], list[LabelledPage]]] = [
        lambda: _numbers(digits, rng),
        lambda: _words(digits, rng),
        lambda: _documents(digits, fonts, rng),
        lambda: _registers(folder, pages[rng.integers(len(pages))], rng),
        lambda: _marks(rng),
        lambda: [_comb(digits, rng) for _ in range(20)],
    ]
    pool: list[LabelledPage] = []
    X = np.empty((count, SIDE, SIDE), np.uint8)
    y = []
    for index in range(count):
        while len(pool) < _POOL:
            pool += makers[rng.choice(len(makers), p=(0.26, 0.13, 0.2, 0.24, 0.09, 0.08))]()
        rng.shuffle(pool)
        X[index], labels = _compose(pool, rng)
        y.append(label_map(labels))
    return X, np.stack(y)


def _compose(
    pool: list[LabelledPage], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return an image and its labels with fields taken from ``pool``."""
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    labels = np.full((SIDE, SIDE), BACKGROUND, np.uint8)
    y = int(rng.integers(0, 20))
    while y < SIDE - 20 and pool:
        x, height = int(rng.integers(0, 20)), 0
        while x < SIDE - 20 and pool:
            field, marks = _scaled(pool.pop(), SIDE - y, SIDE - x, rng)
            h, w = field.shape
            pixels[y : y + h, x : x + w] = field
            labels[y : y + h, x : x + w] = marks
            height = max(height, h)
            x += w + int(rng.choice(_GAPS))
            if rng.random() < _LAST:
                break
        y += height + int(rng.choice(_GAPS))
        if rng.random() < _LAST:
            break
    return pixels, labels


def _scaled(
    field: LabelledPage, max_height: int, max_width: int, rng: np.random.Generator
) -> LabelledPage:
    """Return the middle of a field at a random scale and, for some, slightly rotated."""
    height, width = field[0].shape
    scale = float(np.exp(rng.uniform(np.log(0.5), np.log(1.3))))
    if height * scale < 10:
        scale = 1.0
    if height * scale > 200:
        scale = 200 / height * float(rng.uniform(0.5, 1))
    h = max(1, min(int(height * scale), max_height))
    w = max(1, min(int(width * scale), max_width))
    angle = float(rng.normal(0, 2)) if rng.random() < 0.4 else 0.0
    pixels, labels = crop(field, (w / scale / 2, h / scale / 2), scale, angle)
    window = np.s_[SIDE // 2 - h // 2 :, SIDE // 2 - w // 2 :]
    return pixels[window][:h, :w], labels[window][:h, :w]


def _labelled(picture: synth.Picture, other: int) -> LabelledPage:
    """Return a picture of text: its digits are numbers, all else has the label ``other``."""
    foreground, _ = _core.page_foreground(np.ascontiguousarray(picture.image))
    labels = _label_foreground(foreground, other)
    for x, y, w, h in picture.boxes.tolist():
        window = np.s_[max(y, 0) : y + h, max(x, 0) : x + w]
        labels[window][foreground[window] >= FOREGROUND] = NUMBER
    return foreground, labels


def _numbers(digits: synth.Digits, rng: np.random.Generator) -> list[LabelledPage]:
    every = styles()
    chosen = [every[int(index)] for index in rng.integers(len(every), size=4)]
    pictures = synth.strings(
        40,
        length=(1, 9),
        style=[*chosen, synth.STYLES["cheque"]],
        height=int(rng.integers(24, 110)),
        digits=digits,
        random_state=rng,
    )
    return [_labelled(picture, IGNORED) for picture in pictures]


def _words(digits: synth.Digits, rng: np.random.Generator) -> list[LabelledPage]:
    return [_labelled(picture, WRITING) for picture in words(16, digits, rng)]


def _marks(rng: np.random.Generator) -> list[LabelledPage]:
    """Return marks that are no digits, boxes to tick, and clutter."""
    fields: list[LabelledPage] = []
    for maker in (tick, cross, hershey_letter, shape, shape, shape) * 2:
        mark = maker(rng)
        if mark is not None:
            fields.append((mark, _label_foreground(mark, WRITING)))
    for box, mark in (tick_box(rng) for _ in range(4)):
        labels = _label_foreground(box, RULING_LINE)
        labels[mark >= FOREGROUND] = WRITING
        fields.append((np.maximum(box, mark), labels))
    rest = walls(rng)
    fields.append((rest, _label_foreground(rest, RULING_LINE)))
    height = int(rng.integers(16, 80))
    return fields + [_labelled(clutter_picture(height, 4 * height, rng), WRITING) for _ in range(4)]


def _comb(digits: synth.Digits, rng: np.random.Generator) -> LabelledPage:
    """Return boxes, or a base line with teeth between digits, with a digit in each place."""
    height = float(rng.uniform(18, 56))
    wall = int(rng.integers(1, 2 + int(height / 9)))
    width, tall = (int(height * rng.uniform(1.1, 1.8)) + wall for _ in range(2))
    places, margin = int(rng.integers(1, 10)), int(rng.integers(2, 12))
    shape = tall + wall + 2 * margin, width * places + wall + 2 * margin
    walls, written = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    level = int(rng.integers(130, 256))
    end, bottom = shape[1] - margin, margin + tall
    box = rng.random() < 0.5
    tooth = tall if box else int(tall * rng.uniform(0.2, 0.95))
    walls[bottom : bottom + wall, margin:end] = level
    if box:
        walls[margin : margin + wall, margin:end] = level
    for place in range(places + 1):
        x = margin + place * width
        walls[bottom - tooth : bottom + wall, x : x + wall] = level
    for place in range(places):
        digit = digits.images[rng.integers(len(digits.images))]
        digit = trimmed(digit, height * float(rng.uniform(0.75, 1)) / 20)
        h, w = digit.shape
        free = max(tall - wall - h, 1), max(width - wall - w, 1)
        y = margin + wall + int(rng.uniform(-0.05, 1) * free[0])
        x = margin + place * width + wall + int(rng.uniform(-0.1, 1.1) * free[1])
        window = written[max(y, 0) : y + h, max(x, 0) : x + w]
        np.maximum(window, digit[: window.shape[0], : window.shape[1]], out=window)
    labels = _label_foreground(walls, RULING_LINE)
    labels[written >= FOREGROUND] = NUMBER
    return np.maximum(walls, written), labels


def _label_foreground(foreground: NDArray[np.uint8], label: int) -> NDArray[np.uint8]:
    """Return the labels of foreground that is all of one class."""
    labels = np.full(foreground.shape, BACKGROUND, np.uint8)
    labels[foreground >= FOREGROUND] = label
    return labels


def _documents(
    digits: synth.Digits, fonts: str | None, rng: np.random.Generator
) -> list[LabelledPage]:
    fields = []
    for _ in range(6):
        height = float(np.exp(rng.uniform(np.log(14), np.log(60))))
        document = synth.document(
            "crop",
            digit_height=(height, height * rng.uniform(1, 1.6)),
            digits=digits,
            fonts=fonts,
            random_state=rng,
        )
        gray = gray_page(document.image, "image")
        fields.append((_core.page_foreground(gray)[0], document.labels))
    return fields


def _registers(folder: str, page: dict[str, Any], rng: np.random.Generator) -> list[LabelledPage]:
    """Return fields and other lines of a page, cut with a margin."""
    gray, _, labels = read_register_page(folder, page)
    fields = []
    for index in rng.integers(len(page["lines"]), size=20):
        line = page["lines"][index]
        if not is_number(line["text"]) and any(map(str.isdigit, line["text"])):
            continue
        window = around(line["box"], int(rng.integers(2, 10)))
        foreground, _ = _core.page_foreground(np.ascontiguousarray(gray[window]))
        marks = labels[window].copy()
        marks[(foreground >= FOREGROUND) & (marks == BACKGROUND)] = IGNORED
        marks[foreground < FOREGROUND] = BACKGROUND
        fields.append((foreground, marks))
    return fields
