"""Separators and signs: numbers as they are written, on pictures that the tests make."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

import ocrdigit
from ocrdigit import Separator, synth

COUNT = 12
PLAIN = synth.STYLES["plain"].with_(size=(0.6, 0.7), gap=(0.05, 0.25))


@pytest.fixture(scope="module")
def digits() -> synth.Digits:
    sample = ocrdigit.datasets.load_sample()
    return synth.Digits(sample.X_test, sample.y_test)


def pictures(text: Callable[[np.random.Generator], str], digits: synth.Digits, seed: int) -> list:
    rng = np.random.default_rng(seed)
    texts = [text(rng) for _ in range(COUNT)]
    return synth.strings(
        COUNT, texts=texts, style=PLAIN, height=56, digits=digits, random_state=rng
    )


def number(rng: np.random.Generator) -> str:
    return str(rng.integers(10, 10_000))


FORMATS: dict[str, tuple[Callable[[np.random.Generator], str], str]] = {
    "point": (lambda rng: f"{number(rng)}.{rng.integers(10, 100)}", r"\d+\.\d\d"),
    "comma": (lambda rng: f"{number(rng)},{rng.integers(10, 100)}", r"\d+,\d\d"),
    "minus": (lambda rng: f"-{number(rng)}", r"-\d+"),
    "plus": (lambda rng: f"+{number(rng)}", r"\+\d+"),
    "date": (lambda rng: f"{rng.integers(10, 29)}/0{rng.integers(1, 10)}/2024", r"\d\d/\d\d/\d{4}"),
    "time": (lambda rng: f"{rng.integers(10, 24)}:{rng.integers(10, 60)}", r"\d\d:\d\d"),
    "phone": (lambda rng: f"{rng.integers(100, 999)}-{rng.integers(1000, 9999)}", r"\d{3}-\d{4}"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str, digits: synth.Digits) -> None:
    """Most fields are read exactly, more with the pattern of their format."""
    text, pattern = FORMATS[name]
    drawn = pictures(text, digits, list(FORMATS).index(name))
    free = sum(ocrdigit.read(picture.image).text == picture.text for picture in drawn)
    constrained = sum(
        ocrdigit.read(picture.image, pattern=pattern).text == picture.text for picture in drawn
    )
    assert free >= COUNT - 3
    assert constrained >= COUNT - 2


@pytest.mark.parametrize("guards", ["#{}#", "={}=", "*{}*", "({})", "${}", "€{}"])
def test_guards_are_left_out(guards: str, digits: synth.Digits) -> None:
    drawn = pictures(lambda rng: guards.format(number(rng)), digits, 20)
    right = sum(ocrdigit.read(picture.image).text == picture.text for picture in drawn)
    assert right >= COUNT - 4


def test_symbols(digits: synth.Digits) -> None:
    """A separator has a box of its own, at the baseline or between."""
    picture = synth.string("125.40", style=PLAIN, height=64, digits=digits, random_state=2)
    (found,) = ocrdigit.read(picture.image).numbers
    assert found.text == "125.40"
    assert found.value == Decimal("125.40")
    point = found.symbols[3]
    assert isinstance(point, Separator)
    assert point.value == "."
    left, right = found.symbols[2].box, found.symbols[4].box
    x, y, w, h = point.box
    assert left[0] < x < x + w < right[0] + right[2]
    assert h < 0.4 * left[3]
    assert y + h / 2 > left[1] + 0.6 * left[3]
    assert point.probabilities.sum() == pytest.approx(1)
    assert point.probabilities.argmax() == 0


def test_digits_alone(digits: synth.Digits) -> None:
    for picture in pictures(lambda rng: f"{number(rng)}.{rng.integers(10, 100)}", digits, 0)[:4]:
        found = ocrdigit.read(picture.image)
        alone = ocrdigit.read(picture.image, symbols="digits")
        assert alone.text == "".join(filter(str.isdigit, found.text))
        assert [d.value for d in alone.digits] == [d.value for d in found.digits]


def test_separators_without_digits(digits: synth.Digits) -> None:
    """Marks that are beside no digit are no number."""
    for mark in ".,-+/:":
        picture = synth.string(mark, style=PLAIN, height=64, digits=digits, random_state=1)
        assert not [c for c in ocrdigit.read(picture.image).text if c in ".,-+/:"]


TABLE = [["3.75", "8.5", "-5"], ["1,250", "12.50", "407"], ["-12", "0.25", "98"]]


@pytest.fixture(scope="module")
def table_page(digits: synth.Digits) -> NDArray[np.uint8]:
    """A ruled table with these texts."""
    style = PLAIN.with_(background=(0.95, 0.95), light=(0.0, 0.0))
    height, width = 64, 220
    page = np.full((3 * height + 40, 3 * width + 40), 242, np.uint8)
    for k in range(4):
        page[19 + k * height : 22 + k * height, 20 : 20 + 3 * width] = 60
        page[20 : 20 + 3 * height, 19 + k * width : 22 + k * width] = 60
    for i, row in enumerate(TABLE):
        for j, text in enumerate(row):
            cell = synth.string(
                text, style=style, height=48, digits=digits, random_state=10 * i + j
            ).image
            y, x = 28 + i * height, 40 + j * width
            page[y : y + 48, x : x + cell.shape[1]] = np.minimum(cell, 242)
    return page


def test_table(table_page: NDArray[np.uint8]) -> None:
    """Cells of a table have their separators and signs."""
    found = ocrdigit.read_table(table_page).to_lists()
    right = sum(found[i][j] == TABLE[i][j] for i in range(3) for j in range(3))
    assert right >= 7
    assert sum(c in ".,-" for row in found for text in row for c in text) >= 6


def test_decimal_separator_of_a_table(table_page: NDArray[np.uint8]) -> None:
    """A text with one point and two digits is a number only if the point separates decimals."""
    pairs = zip(
        ocrdigit.read_table(table_page, decimal="."),
        ocrdigit.read_table(table_page, decimal=","),
        strict=True,
    )
    values = {
        a.text: (a.numbers[0].value, b.numbers[0].value)
        for rows in pairs
        for a, b in zip(*rows, strict=True)
        if a.text[-3:-2] == "."
    }
    assert len(values) >= 2
    assert values == {text: (Decimal(text), None) for text in values}
    with pytest.raises(ValueError, match="decimal"):
        ocrdigit.read_table(table_page, decimal=";")
