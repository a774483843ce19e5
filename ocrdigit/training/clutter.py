"""Clutter: line images without digits or letters, such as noise, checks, stripes and strokes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Gray = NDArray[np.uint8]

_Foreground = NDArray[Any]  # fraction of the light that is absorbed, 0 to 1
_Pattern = Callable[[int, int, np.random.Generator], _Foreground]


def _grains(h: int, w: int, rng: np.random.Generator) -> _Foreground:
    """Return random square blocks, black or of any tone."""
    size = int(rng.integers(1, max(2, h // 4)))
    coarse: _Foreground = rng.random((-(-h // size), -(-w // size)))
    if rng.random() < 0.7:
        coarse = coarse < rng.uniform(0.05, 0.6)
    blocks = np.kron(coarse, np.ones((size, size)))[:h, :w]
    return blocks.astype(np.float32)


def _blobs(h: int, w: int, rng: np.random.Generator) -> _Foreground:
    """Return smooth noise with a soft threshold."""
    rows = int(rng.integers(3, 16))
    coarse = rng.integers(0, 256, (rows, max(2, rows * w // h)), dtype=np.uint8)
    noise = np.asarray(Image.fromarray(coarse).resize((w, h), Image.Resampling.BICUBIC)) / 255
    soft = np.clip((noise - rng.uniform(0.35, 0.7)) * rng.uniform(2, 30) + 0.5, 0, 1)
    return soft.astype(np.float32)


def _stripes(h: int, w: int, rng: np.random.Generator) -> _Foreground:
    """Return a sum of one to three plane waves, thresholded."""
    y, x = np.indices((h, w)).astype(np.float32) * (8 / h)
    waves = np.zeros((h, w), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        waves += np.sin(rng.uniform(-4, 4) * x + rng.uniform(-4, 4) * y + rng.uniform(0, 7))
    return (waves > rng.uniform(-0.5, 1.5)).astype(np.float32)


def _strokes(h: int, w: int, rng: np.random.Generator) -> _Foreground:
    """Return many straight strokes of random length and tone."""
    page = Image.new("L", (w, h))
    canvas = ImageDraw.Draw(page)
    length = h * rng.uniform(0.1, 0.6)
    for _ in range(int(rng.integers(5, 60)) * w // h // 2):
        x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
        dx, dy = (float(step) for step in rng.normal(0, length, 2))
        canvas.line((x, y, x + dx, y + dy), int(rng.integers(120, 256)), int(rng.integers(1, 4)))
    return np.asarray(page, np.float32) / 255


def _glyphs(h: int, w: int, rng: np.random.Generator) -> _Foreground:
    """Return random binary squares side by side, like a matrix code."""
    size = int(rng.integers(3, 10))
    count = max(1, w // (size + 1))
    pixels = rng.random((size, count, size + 1)) < rng.uniform(0.2, 0.6)
    pixels[..., -1] = False
    row = Image.fromarray((255 * pixels.reshape(size, -1)).astype(np.uint8))
    return np.asarray(row.resize((w, h), Image.Resampling.NEAREST), np.float32) / 255


_PATTERNS: tuple[_Pattern, ...] = (_grains, _grains, _blobs, _stripes, _strokes, _glyphs)


def clutter(height: int, max_width: int, rng: np.random.Generator) -> Gray:
    """Return dark clutter on a light background, rendered at a random size and resized."""
    h = int(rng.integers(6, 72))
    w = int(rng.uniform(1, max_width / height) * h)
    foreground = _PATTERNS[rng.integers(len(_PATTERNS))](h, w, rng)
    tones = rng.uniform(170, 250) * (1 - foreground * rng.uniform(0.4, 0.95))
    tones += rng.normal(0, rng.uniform(0.5, 12), foreground.shape)
    picture = Image.fromarray(tones.clip(0, 255).astype(np.uint8))
    width = max(4, round(w * height / h))
    return np.asarray(picture.resize((min(width, max_width), height), Image.Resampling.BILINEAR))
