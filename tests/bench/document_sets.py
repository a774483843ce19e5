"""Samples of the reading benchmark from the project's data: registers, grids, cases and others.

``folder`` is the data folder, with ``registers/``, ``grids/``, ``cases/``, ``car_dev/``,
``photos/`` and ``uci/``; ``part`` is "validation" or "train" where the data are divided into parts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import digit_sets
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scoring import Box, Number, Sample, digits_of

REGISTER_MARGIN = 6


def load_gray(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as file:
        return np.asarray(file.convert("L"))


def load_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def cut(image: NDArray[np.uint8], box: Box, margin: int) -> NDArray[np.uint8]:
    """Return the pixels of a box and a margin around it, as far as they are in the image."""
    x, y, w, h = map(int, box)
    return image[max(y - margin, 0) : y + h + margin, max(x - margin, 0) : x + w + margin]


def shuffled(samples: list[Any]) -> list[Any]:
    """Return the samples in an order that is random, but always the same."""
    return [samples[index] for index in np.random.default_rng(0).permutation(len(samples))]


def _register_lines(folder: Path, part: str, count: int, number: bool) -> list[Sample]:
    """Return lines cut from the pages: numbers with a margin, or lines without any digit."""
    pages = [page for page in load_json(folder / "registers/labels.json") if page["part"] == part]
    lines = [
        (page["image"], line)
        for page in pages
        for line in page["lines"]
        if line["number"] == number and (number or not digits_of(line["text"]))
    ]
    chosen = shuffled(lines)[:count]
    names = {name for name, _ in chosen}
    images = {name: load_gray(folder / "registers" / name) for name in sorted(names)}
    margin, kind = (REGISTER_MARGIN, "numbers") if number else (0, "lines without digits")
    samples = []
    for name, line in chosen:
        numbers = (Number(line["text"], tuple(line["box"])),) if number else ()
        image = cut(images[name], line["box"], margin)
        samples.append(Sample(image, kind, "field", numbers))
    return samples


def register_fields(folder: Path, part: str, count: int) -> list[Sample]:
    return _register_lines(folder, part, count, True)


def register_words(folder: Path, part: str, count: int) -> list[Sample]:
    return _register_lines(folder, part, count, False)


def register_pages(folder: Path, part: str, count: int) -> list[Sample]:
    """Whole pages. Numbers in lines of text count neither as right nor as false."""
    samples = []
    for page in load_json(folder / "registers/labels.json"):
        if page["part"] != part:
            continue
        lines = page["lines"]
        numbers = [Number(line["text"], tuple(line["box"])) for line in lines if line["number"]]
        ignored = [
            tuple(line["box"]) for line in lines if not line["number"] and digits_of(line["text"])
        ]
        path = folder / "registers" / page["image"]
        samples.append(Sample(path, "pages", "page", tuple(numbers), tuple(ignored), parts=True))
    return samples[:count]


def grids(folder: Path, part: str, count: int) -> list[Sample]:
    """Sudoku photos, ``count`` of the filled ones and of the printed ones."""
    samples: dict[str, list[Sample]] = {}
    for label in load_json(folder / "grids/labels.json"):
        if label["part"] == part:
            kind = label["image"].split("_")[0]
            cells = tuple(tuple(str(v) if v else "" for v in row) for row in label["grid"])
            sample = Sample(folder / "grids" / label["image"], kind, "grid", grid=cells)
            samples.setdefault(kind, []).append(sample)
    return [sample for kind in samples.values() for sample in shuffled(kind)[:count]]


def cases(folder: Path, part: str, count: int) -> list[Sample]:
    """Small pictures that were read wrong once."""
    samples = []
    for case in load_json(folder / "cases/cases.json"):
        image, texts = load_gray_or_colour(folder / "cases" / case["image"]), case["truth"].split()
        if case["call"] == "read":
            numbers = tuple(Number(text) for text in texts)
            samples.append(Sample(image, "read", "text", numbers))
        elif len(case["truth"]) > 1:
            samples.append(Sample(image, "digit_score", "non-digit"))
        else:
            samples.append(digit_sets.digit_sample(image, "predict", int(case["truth"])))
    return samples[:count]


def load_gray_or_colour(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as file:
        return np.asarray(file.convert("L" if file.mode in ("L", "1", "I;16") else "RGB"))


# Of form_a4.png, 2480 x 3508 pixels: nine fields below each other, and a table of 6 x 4 cells.
_FIELD = (880, 290, 1320, 160)
_FIELD_DISTANCE = 170
_TABLE = (202, 2081, 500, 130)
_PRINT = ((130, 130, 1500, 130), (900, 3180, 400, 120))


def form(folder: Path, part: str, count: int) -> list[Sample]:
    """The form on A4: its page, its fields and the cells of its table."""
    path = folder / "cases/form_a4.png"
    fields, rows = load_json(folder / "cases/form_a4_truth.json")
    x, y, w, h = _FIELD
    numbers = [
        Number(text, (x, y + _FIELD_DISTANCE * index, w, h))
        for index, text in enumerate(fields.values())
    ]
    x, y, w, h = _TABLE
    cells = [
        Number(text, (x + column * w, y + row * h, w, h))
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]
    marked = tuple(number for number in numbers + cells if number.text)
    page = Sample(path, "whole page", "page", marked, _PRINT, parts=True)
    image = load_gray(path)
    single = [
        Sample(cut(image, number.box, 0), kind, "field", (number,))
        for kind, group in (("fields", numbers), ("cells", cells))
        for number in group[:count]
    ]
    return [page, *single]


def cheques(folder: Path, part: str, count: int) -> list[Sample]:
    """Amount fields of bank cheques."""
    samples = []
    for label in load_json(folder / "car_dev/labels.json")[:count]:
        image = load_gray_or_colour(folder / "car_dev/images" / label["image"])
        digits = tuple(tuple(digit["box"]) for digit in label["digits"])
        numbers = (Number(label["text"]),)
        samples.append(Sample(image, "car_dev", "field", numbers, digits=digits))
    return samples


def note(folder: Path, part: str, count: int) -> list[Sample]:
    """A phone photo of pencilled digits."""
    return [Sample(folder / "photos/phone_note.jpg", "note", "field", (Number("05221859"),))]


def real_crops(folder: Path, part: str, count: int) -> list[Sample]:
    """Digits of optdigits (other writers) and car_dev, cut tight and with a margin."""
    samples = []
    with np.load(folder / "uci/optdigits.npz") as arrays:
        images = arrays["writer_independent_test_images"]
        labels = arrays["writer_independent_test_labels"]
    chosen = np.random.default_rng(0).permutation(len(images))[:count]
    digits = [
        (label["image"], digit)
        for label in load_json(folder / "car_dev/labels.json")
        for digit in label["digits"]
    ]
    for margin in (0, digit_sets.MARGIN):
        samples += digit_sets.optdigits(images[chosen], labels[chosen], margin)
        for name, digit in shuffled(digits)[:count]:
            image = cut(load_gray(folder / "car_dev/images" / name), digit["box"], margin)
            kind = f"car_dev, {margin} px"
            samples.append(digit_sets.digit_sample(image, kind, digit["value"]))
    return samples
