"""Samples of the reading benchmark, and the rules by which the answers of engines are scored.

The answer of an engine depends on the task of the sample:

=============  ====================================  ==============================================
task           answer                                right if
=============  ====================================  ==============================================
``page``       the numbers found: text and box       of each number: see :func:`score_page`
``text``       the numbers found                     their digits are those of the sample, or none
``field``      text                                  its digits are those of the number, or none
``exact``      text                                  it is that of the number, spaces aside
``pattern``    the same, read with a pattern         the same
``digit``      text                                  it is the digit
``non-digit``  ``digit_score``                       it is below 0.5
``grid``       rows of cells, texts                  of each cell: it is equal
=============  ====================================  ==============================================

Else only digits count: separators, signs and spaces are left out before texts are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # x, y, w, h

MIN_OVERLAP = 0.5


@dataclass(frozen=True)
class Number:
    """A number as written or as found, and its box; in a found text, spaces separate words."""

    text: str
    box: Box = (0, 0, 0, 0)


@dataclass(frozen=True)
class Sample:
    """A picture, or the path of one, and what should be read in it."""

    image: NDArray[np.uint8] | Path
    kind: str
    task: str
    numbers: tuple[Number, ...] = ()
    ignored: tuple[Box, ...] = ()  # digits that are not marked one by one: neither right nor false
    parts: bool = False  # a number may be found in parts
    grid: tuple[tuple[str, ...], ...] = ()
    digits: tuple[Box, ...] = ()  # boxes of the digits of a field
    pattern: str | None = None  # regular expression that the number matches

    @property
    def text(self) -> str:
        return " ".join(number.text for number in self.numbers)


@dataclass(frozen=True)
class Score:
    """The result of one sample."""

    right: int
    expected: int
    false: int = 0

    @property
    def perfect(self) -> bool:
        return self.right == self.expected and self.false == 0


@dataclass
class Summary:
    """The results of an engine on the samples of one kind."""

    scores: list[Score] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)

    @property
    def right(self) -> float:
        """Proportion of the expected items that are right."""
        expected = sum(score.expected for score in self.scores)
        return sum(score.right for score in self.scores) / expected if expected else 0.0

    @property
    def whole(self) -> float:
        """Proportion of the samples in which all is right."""
        return mean(score.perfect for score in self.scores)

    @property
    def false(self) -> float:
        """Number of false numbers for each right one; for none right, their count."""
        right = sum(score.right for score in self.scores)
        return sum(score.false for score in self.scores) / max(right, 1)

    @property
    def time(self) -> tuple[float, float, float]:
        """Median, 10th and 90th percentile of seconds per picture."""
        low, high = np.percentile(self.seconds, (10, 90))
        return median(self.seconds), float(low), float(high)


def digits_of(text: str) -> str:
    """Return the ASCII digits of a text."""
    return "".join(c for c in text if c in "0123456789")


def score(sample: Sample, answer: Any) -> Score:
    """Return the score of an engine's answer to a sample."""
    if sample.task == "page":
        return score_page(sample, [Number(text, tuple(box)) for text, box in answer])
    if sample.task == "text":
        words = [digits_of(word) for text, _ in answer for word in text.split()]
        return Score(int(sorted(filter(None, words)) == sorted(sample.text.split())), 1)
    if sample.task == "grid":
        return score_grid(sample.grid, answer)
    if sample.task == "non-digit":
        return Score(int(answer < 0.5), 1)
    if sample.task in ("exact", "pattern"):
        return Score(int("".join(answer.split()) == sample.text), 1)
    return Score(int(digits_of(answer) == digits_of(sample.text)), 1)


def score_page(sample: Sample, found: Sequence[Number]) -> Score:
    """Return the score of the numbers found on a page.

    A number is right if one with the same digits was found whose box overlaps with its box by half
    of the smaller one. Each found number counts once. If a found text has several words, each of
    them is a number as well. If ``sample.parts``, the digits of all words in the box of the number,
    from left to right, may also equal its own. A found number is false if it overlaps neither with
    a number of the page nor with an ignored box.
    """
    found = [number for number in found if digits_of(number.text)]
    words = [word for number in found for word in split_words(number)]
    candidates = words + [number for number in found if len(split_words(number)) > 1]
    used: set[int] = set()
    right = 0
    for number in sample.numbers:
        matches = [
            (overlap(number.box, other.box), index)
            for index, other in enumerate(candidates)
            if index not in used and digits_of(other.text) == digits_of(number.text)
        ]
        best, index = max(matches, default=(0.0, -1))
        if best >= MIN_OVERLAP:
            used.add(index)
            right += 1
        elif sample.parts:
            right += join_parts(number.box, words) == digits_of(number.text)
    boxes = [number.box for number in sample.numbers] + list(sample.ignored)
    false = sum(all(overlap(box, other.box) < MIN_OVERLAP for box in boxes) for other in found)
    return Score(right, len(sample.numbers), false)


def split_words(number: Number) -> list[Number]:
    """Return the words with digits of a found text, each with its part of the box."""
    x, y, w, h = number.box
    words, start = [], 0
    for word in number.text.split():
        start = number.text.index(word, start)
        box = (x + w * start / len(number.text), y, w * len(word) / len(number.text), h)
        start += len(word)
        if digits_of(word):
            words.append(Number(word, box))
    return words


def join_parts(box: Box, words: Sequence[Number]) -> str:
    """Return the digits of the words that lie in a box, from left to right."""
    parts = [word for word in words if area(common(box, word.box)) >= 0.5 * area(word.box)]
    return "".join(digits_of(word.text) for word in sorted(parts, key=lambda word: word.box[0]))


def score_grid(truth: Sequence[Sequence[str]], cells: Sequence[Sequence[str]]) -> Score:
    """Return the number of equal cells; missing cells are wrong."""
    right = 0
    for y, row in enumerate(truth):
        for x, text in enumerate(row):
            if y < len(cells) and x < len(cells[y]):
                right += digits_of(cells[y][x]) == text
    return Score(right, sum(map(len, truth)))


def area(box: Box) -> float:
    return box[2] * box[3]


def common(a: Box, b: Box) -> Box:
    """Return the intersection of two boxes; empty ones have no width or height."""
    x, y = max(a[0], b[0]), max(a[1], b[1])
    right, bottom = min(a[0] + a[2], b[0] + b[2]), min(a[1] + a[3], b[1] + b[3])
    return x, y, max(right - x, 0), max(bottom - y, 0)


def overlap(a: Box, b: Box) -> float:
    """Return the proportion of the smaller box that lies in the other one."""
    smaller = min(area(a), area(b))
    return area(common(a, b)) / smaller if smaller > 0 else 0.0


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    both = area(common(a, b))
    return both / (area(a) + area(b) - both)
