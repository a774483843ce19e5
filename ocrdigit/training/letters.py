"""Letters as strokes from the Hershey fonts, which the line recognizer learns to ignore."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

# Single-stroke and multi-stroke, upright and cursive, Latin, Greek and Cyrillic fonts.
FONTS = (
    "futural",
    "rowmans",
    "scripts",
    "scriptc",
    "cursive",
    "timesr",
    "timesi",
    "greeks",
    "cyrilc_1",
)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# These look like digits in some font or handwriting.
DIGIT_LIKE = frozenset("bgijloqsyzBDGIJLOQSZ")

_MAX_POINTS = 10  # spline points of a stroke

Strokes = list[list[tuple[float, float]]]


@cache
def alphabet(font: str) -> dict[str, Strokes]:
    """Return the strokes of each letter: y is 0 at the baseline and 1 at cap height."""
    from HersheyFonts import HersheyFonts

    source = HersheyFonts()
    source.load_default_font(font)
    source.normalize_rendering(1.0)  # y upward
    baseline, top = _extent(list(source.strokes_for_text("H")))
    by_letter = {letter: list(source.strokes_for_text(letter)) for letter in LETTERS}
    return {
        letter: [_scaled(stroke, baseline, top) for stroke in strokes]
        for letter, strokes in by_letter.items()
        if strokes
    }


def _extent(strokes: list[list[tuple[float, float]]]) -> tuple[float, float]:
    heights = [y for stroke in strokes for _, y in stroke]
    return min(heights), max(heights)


def _scaled(
    stroke: list[tuple[float, float]], baseline: float, top: float
) -> list[tuple[float, float]]:
    points = np.asarray(stroke, np.float64)
    kept = np.unique(np.linspace(0, len(points) - 1, _MAX_POINTS).round().astype(int))
    points = (points[kept] - (0, baseline)) / (top - baseline)
    return [(float(x), float(y)) for x, y in points]


def word(rng: np.random.Generator, font: str, max_length: int = 7) -> str:
    """Return random letters of a font, at most half of which look like digits."""
    letters: NDArray[np.str_]
    while True:
        letters = rng.choice(list(alphabet(font)), rng.integers(1, max_length + 1))
        if rng.random() < 0.7:
            letters = np.char.lower(letters)
        if not set(letters) <= alphabet(font).keys():
            continue
        if sum(str(letter) not in DIGIT_LIKE for letter in letters) * 2 >= len(letters):
            return "".join(letters)
