"""Fields of numbers as people write them, with separators and signs.

Digits are held out; separators and signs are drawn here, independent of ``ocrdigit.synth``. A field
is right if its text is read exactly, spaces aside. The kinds ending in "pattern" are read with the
pattern of their format.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from drawing import Mask, Page, Writer, polylines
from numpy.typing import NDArray
from scoring import Number, Sample

Line = NDArray[np.float64]  # (n, 2): x and y in heights of the digits, y from the baseline upwards


def _decimal(writer: Writer) -> str:
    return f"{_whole(writer)}.{writer.random.integers(100):02}"


def _amount(writer: Writer) -> str:
    first, rest = writer.random.integers(1, 100), writer.random.integers(1000)
    mark, point = writer.random.permutation([".", ","])
    return f"{first}{mark}{rest:03}{point}{writer.random.integers(100):02}"


def _negative(writer: Writer) -> str:
    decimals = f".{writer.random.integers(100):02}" if writer.random.random() < 0.5 else ""
    return f"-{_whole(writer)}{decimals}"


def _date(writer: Writer) -> str:
    random = writer.random
    day, month, year = random.integers(1, 32), random.integers(1, 13), random.integers(1950, 2040)
    return str(random.choice(["/", ".", "-"])).join([f"{day:02}", f"{month:02}", str(year)])


def _time(writer: Writer) -> str:
    return f"{writer.random.integers(24):02}:{writer.random.integers(60):02}"


def _phone(writer: Writer) -> str:
    digits = "".join(map(str, writer.random.integers(0, 10, 10)))
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def _whole(writer: Writer) -> str:
    return str(writer.random.integers(1, 10 ** int(writer.random.integers(1, 5))))


FORMATS: dict[str, tuple[Callable[[Writer], str], str]] = {
    "decimal": (_decimal, r"\d{1,4}\.\d{2}"),
    "comma and point": (_amount, r"\d{1,2}([.]\d{3},|[,]\d{3}[.])\d{2}"),
    "negative": (_negative, r"-\d{1,4}(\.\d{2})?"),
    "date": (_date, r"\d{2}([/]\d{2}[/]|[.]\d{2}[.]|[-]\d{2}[-])\d{4}"),
    "time": (_time, r"\d{2}:\d{2}"),
    "phone": (_phone, r"\d{3}-\d{3}-\d{4}"),
}


def _sign(mark: str, random: np.random.Generator) -> list[Line]:
    """Return the strokes of a separator or sign."""
    jitter = random.normal(0, 0.03)
    if mark == ".":
        return [np.array([(0, 0.03 + jitter), (0.02, 0.03 + jitter)])]
    if mark == ",":
        drop = random.uniform(0.18, 0.32)
        return [np.array([(0.08, 0.06), (0.07, -0.4 * drop), (0, 0.06 - drop)])]
    if mark == "-":
        width, tilt = random.uniform(0.3, 0.6), random.normal(0, 0.03)
        return [np.array([(0, 0.45 + jitter), (width, 0.45 + jitter + tilt)])]
    if mark == ":":
        low, high = random.uniform(0.05, 0.2), random.uniform(0.5, 0.7)
        return [np.array([(0, y), (0.02, y)]) for y in (low, high)]
    lean, below = random.uniform(0.2, 0.5), random.uniform(0, 0.15)
    return [np.array([(0, -below), (lean, 1 + below)])]


def _glyph(writer: Writer, mark: str, height: float) -> tuple[Mask, int]:
    """Return the image of a mark, and the row of the baseline in it."""
    pen = writer.random.uniform(0.09, 0.14) * height
    lines = _sign(mark, writer.random)
    left = min(float(line[:, 0].min()) for line in lines) * height - pen
    top = max(float(line[:, 1].max()) for line in lines) * height + pen
    pixels = [
        np.stack([line[:, 0] * height - left, top - line[:, 1] * height], 1) for line in lines
    ]
    right, bottom = (max(float(line[:, axis].max()) for line in pixels) for axis in (0, 1))
    return polylines(pixels, (int(bottom + pen) + 1, int(right + pen) + 1), pen), round(top)


def field(writer: Writer, name: str, pattern: bool) -> Sample:
    """Return a field in one of the formats."""
    make, expression = FORMATS[name]
    text, random = make(writer), writer.random
    height = random.uniform(20, 48)
    gap = random.uniform(0.04, 0.3) * height
    x, baseline = random.uniform(0.4, 1.2) * height, 1.5 * height
    placed = []
    for character in text:
        if character.isdigit():
            mask = writer.digit(int(character), height * random.uniform(0.92, 1.08))
            top = baseline + random.uniform(-0.05, 0.05) * height - len(mask)
        else:
            mask, row = _glyph(writer, character, height)
            top = baseline - row
        placed.append((mask, round(x), round(top)))
        x += mask.shape[1] + max(gap + random.uniform(-0.05, 0.05) * height, 1)
    page = Page(random, round(2.2 * height), round(x + 0.5 * height))
    for mask, left, top in placed:
        page.put(mask, left, top)
    kind = f"{name}, pattern" if pattern else name
    task = "pattern" if pattern else "exact"
    number = (Number(text),)
    return Sample(page.finish(), kind, task, number, pattern=expression if pattern else None)


FIELDS: dict[str, Callable[[Writer], Sample]] = {
    f"{name}, pattern" if pattern else name: partial(field, name=name, pattern=pattern)
    for pattern in (False, True)
    for name in FORMATS
}
