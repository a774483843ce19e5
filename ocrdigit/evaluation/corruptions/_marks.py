"""Marks on top of the digit: splashes, and lines across."""

from __future__ import annotations

import math

import numpy as np

from ._arrays import COLUMNS, ROWS, Floats, per_image, smooth

_PEN = 0.75  # half the width of a line's core, in pixels


def spatter(images: Floats, share: float, rng: np.random.Generator) -> Floats:
    """Splash light drops of several sizes over a share of the picture."""
    wet = smooth(rng.standard_normal(images.shape, np.float32), 1.4)
    level = np.quantile(wet, 1 - share, axis=(1, 2), keepdims=True).astype(np.float32)
    drops = np.clip((wet - level) * 12, 0, 1)
    splashed: Floats = np.maximum(images, drops)
    return splashed


def dotted_line(images: Floats, spacing: float, rng: np.random.Generator) -> Floats:
    """Draw a straight line of dots from edge to edge, one every ``spacing`` pixels."""
    along, across = _across_the_picture(len(images), rng)
    start = per_image(rng.random(len(images)) * spacing)
    to_dot = (along + start + spacing / 2) % spacing - spacing / 2
    distance = np.hypot(to_dot, across)
    return _drawn(images, distance)


def zigzag(images: Floats, level: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Draw a zigzag from edge to edge: its height either way and its length, in pixels."""
    height, length = level
    along, across = _across_the_picture(len(images), rng)
    start = per_image(rng.random(len(images)))
    phase = (along / length + start) % 1
    wave = height * (4 * np.abs(phase - 0.5) - 1)
    slope = 4 * height / length
    distance = np.abs(across - wave) / math.hypot(1, slope)
    return _drawn(images, distance)


def _drawn(images: Floats, distance: Floats) -> Floats:
    """Draw with a pen where its middle is no further than its width."""
    drawn: Floats = np.maximum(images, np.clip(_PEN + 0.5 - distance, 0, 1))
    return drawn


def _across_the_picture(count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return how far each pixel is along and off a line through the middle part, (n, 28, 28)."""
    angles = rng.uniform(0, math.pi, count)
    cosine, sine = per_image(np.cos(angles)), per_image(np.sin(angles))
    off = per_image(rng.uniform(-6, 6, count))
    return COLUMNS * cosine + ROWS * sine, ROWS * cosine - COLUMNS * sine - off
