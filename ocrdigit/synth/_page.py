"""Lines and pages of several numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._symbols import only_symbols
from ..datasets import Picture
from . import _background, _camera, _strings, _style
from ._digits import Digits, as_digits
from ._style import Style
from ._writing import Floats, Writing, sample_style, write

_ROW_HEIGHT = 2.0  # height of the image that a row is rendered in, in digit heights
_LINE_SPACING = 1.7  # from one row to the next, in digit heights
_ATTEMPTS = 20


def line(
    text: str | None = None,
    *,
    style: str | Style = "note",
    height: int = 64,
    color: bool = True,
    digits: Any = None,
    random_state: object = None,
) -> Picture:
    """Return a picture of several numbers on a line.

    Parameters
    ----------
    text : str, optional
        Numbers separated by spaces. By default, two to four random numbers.
    style, height, color, digits, random_state : as for one picture
        See :func:`string`.

    Returns
    -------
    Picture
        In its ``text``, a space separates numbers.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> synth.line("1859 22 05", random_state=0).text
    '1859 22 05'
    """
    rng, source = _checks.generator(random_state), as_digits(digits)
    if text is None:
        text = " ".join(_random_numbers(int(rng.integers(2, 5)), source, rng))
    # Random separators could split a number.
    plain = _style.resolve(style).with_(separators=0.0, affixes=0.0)
    picture = _strings.string(
        text, style=plain, height=height, color=color, digits=source, random_state=rng
    )
    numbers = map(only_symbols, text.split())
    return Picture(picture.image, " ".join(filter(None, numbers)), picture.values, picture.boxes)


def page(
    numbers: Sequence[Sequence[str]] | None = None,
    *,
    size: tuple[int, int] = (1000, 1000),
    digit_height: tuple[int, int] = (28, 56),
    style: str | Style = "note",
    color: bool = True,
    digits: Any = None,
    random_state: object = None,
) -> Picture:
    r"""Return a picture of a page of numbers in rows.

    Parameters
    ----------
    numbers : list of rows, each a list of str, optional
        The numbers. By default, the page is filled with rows of one to three random numbers of
        one to eight digits.
    size : (width, height)
        Page size in pixels; 64 to 8,192 each.
    digit_height : (low, high)
        Range of the digit height in pixels, sampled for each row.
    style, color, digits, random_state : as for one picture
        See :func:`string`.

    Returns
    -------
    Picture
        In its ``text``, a space separates the numbers of a row and a newline separates rows.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described or ``numbers`` do not fit on the page.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> page = synth.page([["1874", "35"], ["70000"]], size=(400, 300), random_state=0)
    >>> page.text
    '1874 35\n70000'
    >>> page.image.shape
    (300, 400, 3)
    """
    width, height = _checked_size(size)
    low, high = _checked_digit_height(digit_height, height)
    chosen = _style.resolve(style)
    rng, source = _checks.generator(random_state), as_digits(digits)
    rows = None if numbers is None else _checked_rows(numbers)
    foreground = np.zeros((height, width), np.float32)
    layout = _Layout(foreground, chosen, (low, high), source, rng)
    if rows is None:
        layout.fill()
    elif not layout.write_all(rows):
        raise ValueError(
            f"numbers do not fit on a page of {width} x {height} pixels with digits of "
            f"{low} to {high} pixels: use fewer numbers, a larger page or smaller digits"
        )
    image = _photographed(foreground, chosen, color, layout.sizes, rng)
    values = np.concatenate(layout.values)
    return Picture(image, layout.text(), values, np.concatenate(layout.boxes))


class _Layout:
    """A page that is filled with rows from the top."""

    def __init__(
        self,
        foreground: Floats,
        style: Style,
        digit_height: tuple[int, int],
        source: Digits,
        rng: np.random.Generator,
    ) -> None:
        self.foreground, self.style, self.source, self.rng = foreground, style, source, rng
        self.digit_height = digit_height
        self.clear()

    def clear(self) -> None:
        self.foreground[:] = 0
        self.values: list[NDArray[np.int64]] = []
        self.boxes: list[NDArray[np.int64]] = []
        self.rows: list[list[str]] = []
        self.sizes: list[float] = []
        self.top = self.rng.uniform(0.01, 0.05) * len(self.foreground)

    def text(self) -> str:
        return "\n".join(" ".join(row) for row in self.rows)

    def fill(self) -> None:
        """Add random rows until the page is full; at least one digit."""
        failures = 0
        while failures < 3 and len(self.rows) < 40:
            row = _random_numbers(int(self.rng.integers(1, 4)), self.source, self.rng)
            failures += not self.add(row, spread=True)
        if not self.rows and not self.write_all([_random_numbers(1, self.source, self.rng, 1)]):
            raise ValueError("size must have room for a digit of digit_height")

    def write_all(self, rows: list[list[str]]) -> bool:
        """Add all ``rows`` and return whether they fit; later attempts use smaller gaps."""
        for attempt in range(_ATTEMPTS):
            self.clear()
            if all(self.add(row, spread=attempt < _ATTEMPTS // 2) for row in rows):
                return True
        return False

    def add(self, row: list[str], spread: bool) -> bool:
        """Add a row below the last one and return whether it fits; ``spread`` adds a gap."""
        size = self.rng.uniform(*self.digit_height)
        gap_above = self.rng.uniform(0, 1.5) * size if spread else 0.0
        height = int(np.ceil(_ROW_HEIGHT * size))
        style = self.style.with_(size=(size / height, size / height), separators=0.0)
        sample = sample_style(style, len(row), height, self.rng, (0.0, 0.0))
        writing = write(row, self.source, style, sample, height, self.rng)
        top = int(self.top + gap_above)
        page_height, page_width = self.foreground.shape
        gaps = len(row) + 1
        free = page_width - int(writing.widths.sum()) - int(size * (len(row) - 1)) - 8
        if free < 0 or top + height > page_height:
            return False
        spaces = self.rng.dirichlet(np.ones(gaps)) * free
        left = 4 + spaces[0]
        for index in range(len(row)):
            self._paste(writing, index, int(left), top)
            left += int(writing.widths[index]) + size + spaces[index + 1]
        self.rows.append([only_symbols(number) for number in row])
        self.sizes.append(size)
        self.top = top + _LINE_SPACING * size
        return True

    def _paste(self, writing: Writing, index: int, left: int, top: int) -> None:
        width = int(writing.widths[index])
        height = writing.foreground.shape[1]
        window = self.foreground[top : top + height, left : left + width]
        np.maximum(window, writing.foreground[index, :, :width], out=window)
        own = writing.picture == index
        self.values.append(writing.values[own])
        self.boxes.append(writing.boxes[own] + np.array([left, top, 0, 0]))


def _photographed(
    foreground: Floats, style: Style, color: bool, sizes: list[float], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return pixels (h, w[, 3]): ``foreground`` (h, w) on a background, illuminated, captured."""
    size = np.array([np.mean(sizes)], np.float32)
    height, width = foreground.shape
    background = _background.make_background(style, (1, height, width), size, rng)
    light = np.ones((1, height, width), np.float32)
    _background.illuminate(style, light, rng)
    if color:
        tones = _strings.colored(background, foreground[None], rng)
        tones *= light[..., None]
    else:
        tones = background
        tones *= (1 - foreground) * light
    pixels: NDArray[np.uint8] = _camera.capture(style, tones, rng)[0]
    return pixels


def _random_numbers(
    count: int, source: Digits, rng: np.random.Generator, longest: int = 8
) -> list[str]:
    return _strings.random_texts(count, (1, longest), source, rng)


def _checked_size(size: object) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"size must be a pair (width, height), got {size!r}")
    width, height = (_checks.positive_int("size", side) for side in size)
    if not (64 <= width <= 8192 and 64 <= height <= 8192):
        raise ValueError(f"size must be 64 to 8,192 pixels each way, got {size!r}")
    return width, height


def _checked_digit_height(digit_height: object, height: int) -> tuple[int, int]:
    if not isinstance(digit_height, (tuple, list)) or len(digit_height) != 2:
        raise ValueError(f"digit_height must be a pair (low, high), got {digit_height!r}")
    low, high = (_checks.positive_int("digit_height", each) for each in digit_height)
    if not 8 <= low <= high <= height / _ROW_HEIGHT:
        raise ValueError(
            f"digit_height must be (low, high) in rising order, from 8 to half the page's height "
            f"of {height}, got {digit_height!r}"
        )
    return low, high


def _checked_rows(numbers: Sequence[Sequence[str]]) -> list[list[str]]:
    if isinstance(numbers, str) or not isinstance(numbers, Sequence) or not numbers:
        raise TypeError(f"numbers must be a list of rows, each a list of str, got {numbers!r}")
    rows = []
    for row in numbers:
        if isinstance(row, str) or not isinstance(row, Sequence) or not row:
            raise TypeError(f"numbers must be a list of rows, each a list of str, got {row!r}")
        rows.append([_strings.checked_text("numbers", number) for number in row])
        for number in rows[-1]:
            if not any(map(str.isdigit, number)) or " " in number:
                raise ValueError(f"numbers must have digits and no spaces, got {number!r}")
    return rows
