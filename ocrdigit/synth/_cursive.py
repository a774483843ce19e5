"""Cursive writing without numbers: words, signatures and doodles, drawn with a pen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from . import _fonts, _strokes
from ._strokes import Points

Gray = NDArray[np.uint8]

_OVERSAMPLING = 2
_HERSHEY = ("scripts", "scriptc", "cursive", "futural", "rowmans", "timesi", "greeks", "cyrilc_1")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

Glyph = tuple[list[Points], float]  # strokes with y = 0 at the baseline and 1 at cap height; width


class Writer:
    """A person's cursive: the source of letters, slant, stroke width and irregularity.

    Letters come from a script font, from the cursive Hershey fonts if the package
    ``Hershey-Fonts`` is installed, or from random loops.
    """

    def __init__(self, fonts: _fonts.Fonts, rng: np.random.Generator) -> None:
        self.rng = rng
        self.slant = float(rng.uniform(-0.1, 0.7))
        self.stroke_width = float(rng.uniform(0.05, 0.13))  # of the cap height
        self.stretch = float(rng.uniform(0.7, 1.5))
        self.wobble = float(rng.uniform(0.01, 0.06))
        self.loops = (float(rng.uniform(0.25, 0.5)), float(rng.uniform(0.2, 1.1)))
        kinds = ["loops", "letters"]
        self.script = fonts.script(rng)
        if self.script:
            kinds += ["script", "script"]
        glyphs = hershey(_HERSHEY[rng.integers(len(_HERSHEY))])
        if glyphs:
            kinds += ["hershey", "hershey"]
        self.kind = kinds[rng.integers(len(kinds))]
        self.glyphs = glyphs if glyphs and self.kind == "hershey" else _plain_letters()

    def line(self, text: str, height: float) -> Gray:
        """Return the coverage of ``text`` at a cap height of ``height`` pixels."""
        if self.kind == "script" and self.script:
            size = max(6, round(height * self.rng.uniform(1.2, 1.5)))
            return _sheared(_fonts.text_mask(text, _fonts.load(self.script, size)), self.rng)
        lines: list[Points] = []
        x = 0.0
        for word in text.split():
            if self.kind == "loops":
                strokes, width = self._loops(word)
            else:
                strokes, width = self._word(word)
            lines += [stroke + np.array([x, 0], np.float32) for stroke in strokes]
            x += width + self.rng.uniform(0.35, 0.7)
        return self._draw(lines, height)

    def _word(self, word: str) -> tuple[list[Points], float]:
        strokes: list[Points] = []
        x, rng = 0.0, self.rng
        for letter in word:
            glyph = self.glyphs.get(letter) or self.glyphs.get(letter.lower())
            if glyph is None:
                letters = sorted(self.glyphs)
                glyph = self.glyphs[letters[rng.integers(len(letters))]]
            for stroke in glyph[0]:
                noise = rng.normal(0, self.wobble, stroke.shape)
                strokes.append((stroke + np.array((x, 0)) + noise).astype(np.float32))
            x += glyph[1] + rng.uniform(-0.02, 0.06)
        return strokes, x

    def _loops(self, word: str) -> tuple[list[Points], float]:
        """Return one stroke of loops and arcs, with ascenders and descenders, for a word."""
        rng = self.rng
        pace, roundness = self.loops
        knots: list[tuple[float, float]] = []
        x = 0.0
        for index in range(len(word)):
            low, high = rng.normal(0, 0.04), 0.5 + rng.normal(0, 0.07)
            kind = rng.random()
            if index == 0 or kind < 0.15:
                high = rng.uniform(0.85, 1.1)
            elif kind < 0.27:
                low = -rng.uniform(0.3, 0.55)
            back = pace * roundness * rng.uniform(0.3, 1.0)
            knots += [(x, 0.05), (x + 0.6 * pace, high), (x + 0.6 * pace - back, (low + high) / 2)]
            knots += [(x + 0.5 * pace, low)]
            x += pace * rng.uniform(0.8, 1.2)
        strokes = [_strokes.curve(knots, 5)]
        if rng.random() < 0.4:  # a bar or a dot
            at = rng.uniform(0, x)
            strokes.append(np.array([(at, 0.8), (at + rng.uniform(0.05, 0.5), 0.83)], np.float32))
        return strokes, x

    def signature(self, height: float) -> Gray:
        """Return a signature: wide loops and a flourish."""
        rng = self.rng
        count = int(rng.integers(5, 14))
        steps = rng.uniform(-0.3, 0.9, count).cumsum()
        knots = np.stack([steps, rng.normal(0.4, 0.45, count)], axis=1)
        lines = [_strokes.curve(knots.astype(np.float32), 8)]
        if rng.random() < 0.7:
            right = float(steps.max())
            tail = [(0, rng.uniform(-0.3, 0.1)), (right / 2, rng.uniform(-0.4, 0.2))]
            lines.append(_strokes.curve([*tail, (right * 1.1, rng.uniform(-0.3, 0.3))], 8))
        return self._draw(lines, height)

    def doodle(self, height: float) -> Gray:
        """Return a scribble: a smooth random walk, hatching or a spiral."""
        rng = self.rng
        kind = rng.random()
        count = int(rng.integers(6, 40))
        if kind < 0.4:
            knots = np.cumsum(rng.normal(0, 0.35, (count, 2)), axis=0)
        elif kind < 0.7:
            x = np.linspace(0, rng.uniform(0.5, 3), count)
            knots = np.stack([x, np.arange(count) % 2 + rng.normal(0, 0.1, count)], axis=1)
        else:
            angle = np.linspace(0, rng.uniform(6, 30), count * 2)
            radius = np.linspace(rng.uniform(0, 0.5), 0.5, count * 2)
            drift = np.linspace(0, rng.uniform(0, 2), count * 2)
            knots = np.stack([radius * np.cos(angle) + drift, radius * np.sin(angle)], axis=1)
        return self._draw([_strokes.curve(knots.astype(np.float32), 6)], height)

    def symbol(self, name: str, height: float) -> Gray:
        """Return a drawn symbol of ``_strokes.SYMBOLS``, such as a tick or a cross."""
        lines = _strokes.write_glyph(_strokes.SYMBOLS[name], 1.0, self.rng, wobble=0.06)
        return self._draw([line * np.array([1, -1], np.float32) for line in lines], height)

    def ring(self, width: float, height: float) -> Gray:
        """Return a ring around a number of ``width`` x ``height`` pixels, not quite closed."""
        rng = self.rng
        start, turns = rng.uniform(0, 6.3), rng.uniform(5.8, 7.5)
        angle = start + np.linspace(0, turns, 14)
        radius = rng.uniform(0.55, 0.75) + rng.normal(0, 0.02, 14)
        knots = np.stack([radius * width * np.cos(angle), radius * height * np.sin(angle)], axis=1)
        line = _strokes.curve(knots.astype(np.float32), 5) * _OVERSAMPLING
        return draw_strokes([line], max(1.0, self.stroke_width * height))

    def marks(self, text: str, height: float) -> Gray:
        """Return handwritten marks such as currency signs or ditto marks."""
        lines: list[Points] = []
        x = 0.0
        for mark in text:
            drawn = _strokes.write_glyph(_strokes.MARKS[mark], 1.0, self.rng)
            lines += [
                line * np.array([1, -1], np.float32) + np.array([x, 0], np.float32)
                for line in drawn
            ]
            x = max((float(line[:, 0].max()) for line in lines), default=0.0) + 0.15
        return self._draw(lines, height)

    def _draw(self, lines: list[Points], height: float) -> Gray:
        """Return the coverage of ``lines``, whose unit is the cap height, y upward."""
        scale = height * _OVERSAMPLING
        shear = np.array([[self.stretch, 0], [self.slant, 1]], np.float32)
        lines = [
            line @ shear * np.array([scale, -scale], np.float32) for line in lines if len(line)
        ]
        return draw_strokes(lines, max(1.0, self.stroke_width * height))


def draw_strokes(lines: list[Points], width: float) -> Gray:
    """Return the coverage of ``lines``, in pixels times ``_OVERSAMPLING``, trimmed to them."""
    if not lines:
        return np.zeros((1, 1), np.uint8)
    points = np.concatenate(lines)
    margin = width * _OVERSAMPLING
    low = points.min(axis=0) - margin
    size = np.ceil((points.max(axis=0) - low + margin) / _OVERSAMPLING).astype(int)
    size = np.clip(size, 1, 4000) * _OVERSAMPLING
    canvas = Image.new("L", (int(size[0]), int(size[1])))
    draw = ImageDraw.Draw(canvas)
    thickness = max(1, round(width * _OVERSAMPLING))
    for line in lines:
        draw.line((line - low).ravel().tolist(), 255, thickness, "curve" if thickness > 5 else None)
    return np.asarray(canvas.reduce(_OVERSAMPLING))


def _sheared(mask: Gray, rng: np.random.Generator) -> Gray:
    """Return ``mask`` with a random slant and stretch."""
    height, width = mask.shape
    slant, stretch = float(rng.normal(0, 0.15)), float(rng.uniform(0.8, 1.2))
    overhang = abs(slant) * height
    size = (max(1, int((width + overhang) * stretch)), height)
    offset = -overhang if slant > 0 else 0.0
    affine = (1 / stretch, slant, offset + 0.0, 0.0, 1.0, 0.0)
    picture = Image.fromarray(mask)
    return np.asarray(
        picture.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    )


@cache
def _plain_letters() -> dict[str, Glyph]:
    glyphs = {}
    for letter, shape in _strokes.LETTERS.items():
        strokes = [_strokes.curve(stroke, 4) for stroke in shape]
        glyphs[letter] = (strokes, max(float(stroke[:, 0].max()) for stroke in strokes) + 0.12)
    return glyphs


@cache
def hershey(font: str) -> dict[str, Glyph]:
    """Return the letters of a Hershey font, {} if the package Hershey-Fonts is not installed."""
    try:
        from HersheyFonts import HersheyFonts
    except ImportError:
        return {}
    source: Any = HersheyFonts()
    source.load_default_font(font)
    source.normalize_rendering(1.0)
    strokes_of: Callable[[str], Any] = source.strokes_for_text
    heights = [y for stroke in strokes_of("H") for _, y in stroke]
    base, scale = min(heights), 1 / (max(heights) - min(heights))
    glyphs: dict[str, Glyph] = {}
    for letter in _LETTERS:
        strokes = [
            ((np.asarray(stroke) - (0, base)) * scale).astype(np.float32)
            for stroke in strokes_of(letter)
        ]
        if strokes:
            left = min(float(stroke[:, 0].min()) for stroke in strokes)
            strokes = [stroke - np.array([left, 0], np.float32) for stroke in strokes]
            glyphs[letter] = (strokes, max(float(stroke[:, 0].max()) for stroke in strokes))
    return glyphs
