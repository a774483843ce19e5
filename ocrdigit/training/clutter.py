"""What is neither digits nor letters: noise, checks, stripes, strokes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Gray = NDArray[np.uint8]

_Ink = NDArray[Any]  # how much light it takes away, 0 to 1
_Maker = Callable[[int, int, np.random.Generator], _Ink]


def _grains(h: int, w: int, rng: np.random.Generator) -> _Ink:
    """Draw blocks of a few pixels, black or of any tone."""
    size = int(rng.integers(1, max(2, h // 4)))
    coarse: _Ink = rng.random((-(-h // size), -(-w // size)))
    if rng.random() < 0.7:
        coarse = coarse < rng.uniform(0.05, 0.6)
    blocks = np.kron(coarse, np.ones((size, size)))[:h, :w]
    return blocks.astype(np.float32)


def _blobs(h: int, w: int, rng: np.random.Generator) -> _Ink:
    """Draw smooth noise above a threshold."""
    cells = int(rng.integers(3, 16))
    small = rng.integers(0, 256, (cells, max(2, cells * w // h)), dtype=np.uint8)
    wide = np.asarray(Image.fromarray(small).resize((w, h), Image.Resampling.BICUBIC)) / 255
    soft = np.clip((wide - rng.uniform(0.35, 0.7)) * rng.uniform(2, 30) + 0.5, 0, 1)
    return soft.astype(np.float32)


def _stripes(h: int, w: int, rng: np.random.Generator) -> _Ink:
    """Draw a few waves of any direction, above a threshold."""
    y, x = np.indices((h, w)).astype(np.float32) * (8 / h)
    waves = np.zeros((h, w), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        waves += np.sin(rng.uniform(-4, 4) * x + rng.uniform(-4, 4) * y + rng.uniform(0, 7))
    return (waves > rng.uniform(-0.5, 1.5)).astype(np.float32)


def _strokes(h: int, w: int, rng: np.random.Generator) -> _Ink:
    """Draw many strokes, one over the other."""
    page = Image.new("L", (w, h))
    pen = ImageDraw.Draw(page)
    reach = h * rng.uniform(0.1, 0.6)
    for _ in range(int(rng.integers(5, 60)) * w // h // 2):
        x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
        dx, dy = (float(step) for step in rng.normal(0, reach, 2))
        pen.line((x, y, x + dx, y + dy), int(rng.integers(120, 256)), int(rng.integers(1, 4)))
    return np.asarray(page, np.float32) / 255


def _glyphs(h: int, w: int, rng: np.random.Generator) -> _Ink:
    """Draw random cells side by side, as of a code."""
    size = int(rng.integers(3, 10))
    across = max(1, w // (size + 1))
    cells = rng.random((size, across, size + 1)) < rng.uniform(0.2, 0.6)
    cells[..., -1] = False
    band = Image.fromarray((255 * cells.reshape(size, -1)).astype(np.uint8))
    return np.asarray(band.resize((w, h), Image.Resampling.NEAREST), np.float32) / 255


_MAKERS: tuple[_Maker, ...] = (_grains, _grains, _blobs, _stripes, _strokes, _glyphs)


def clutter(height: int, widest: int, rng: np.random.Generator) -> Gray:
    """Return a strip of dark clutter on light paper, as from a picture of another size."""
    h = int(rng.integers(6, 72))
    w = int(rng.uniform(1, widest / height) * h)
    ink = _MAKERS[rng.integers(len(_MAKERS))](h, w, rng)
    tones = rng.uniform(170, 250) * (1 - ink * rng.uniform(0.4, 0.95))
    tones += rng.normal(0, rng.uniform(0.5, 12), ink.shape)
    strip = Image.fromarray(tones.clip(0, 255).astype(np.uint8))
    wide = max(4, round(w * height / h))
    return np.asarray(strip.resize((min(wide, widest), height), Image.Resampling.BILINEAR))
