"""Letters as strokes, from the Hershey fonts: what a reader of digits must leave out."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

# Of one stroke or of several, upright and cursive; Latin, Greek and Cyrillic.
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
# Alone these are digits' twins, in some hand or font.
TWINS = frozenset("bgijloqsyzBDGIJLOQSZ")

_POINTS = 10  # of a stroke, at most; a spline goes through them

Strokes = list[list[tuple[float, float]]]


@cache
def alphabet(font: str) -> dict[str, Strokes]:
    """Return each letter's strokes: y is 0 at the foot of capitals, 1 at their top."""
    from HersheyFonts import HersheyFonts

    source = HersheyFonts()
    source.load_default_font(font)
    source.normalize_rendering(1.0)  # y upward
    foot, top = _extent(list(source.strokes_for_text("H")))
    drawn = {letter: list(source.strokes_for_text(letter)) for letter in LETTERS}
    return {
        letter: [_scaled(stroke, foot, top) for stroke in strokes]
        for letter, strokes in drawn.items()
        if strokes
    }


def _extent(strokes: list[list[tuple[float, float]]]) -> tuple[float, float]:
    heights = [y for stroke in strokes for _, y in stroke]
    return min(heights), max(heights)


def _scaled(
    stroke: list[tuple[float, float]], foot: float, top: float
) -> list[tuple[float, float]]:
    points = np.asarray(stroke, np.float64)
    kept = np.unique(np.linspace(0, len(points) - 1, _POINTS).round().astype(int))
    points = (points[kept] - (0, foot)) / (top - foot)
    return [(float(x), float(y)) for x, y in points]


def word(rng: np.random.Generator, font: str, longest: int = 7) -> str:
    """Return some letters of a font, of which half or more are no twins of digits."""
    letters: NDArray[np.str_]
    while True:
        letters = rng.choice(list(alphabet(font)), rng.integers(1, longest + 1))
        if rng.random() < 0.7:
            letters = np.char.lower(letters)
        if not set(letters) <= alphabet(font).keys():
            continue
        if sum(str(letter) not in TWINS for letter in letters) * 2 >= len(letters):
            return "".join(letters)
