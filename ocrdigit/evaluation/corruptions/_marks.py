"""Spatter, dotted lines and zigzags drawn over the digit."""

from __future__ import annotations

import math

import numpy as np

from ._resampling import COLUMNS, ROWS, Floats, per_image, smooth

_RADIUS = 0.75  # half the width of a line, in pixels


def spatter(images: Floats, area: float, rng: np.random.Generator) -> Floats:
    """Add light drops of several sizes over a fraction ``area`` of the image."""
    noise = smooth(rng.standard_normal(images.shape, np.float32), 1.4)
    threshold = np.quantile(noise, 1 - area, axis=(1, 2), keepdims=True).astype(np.float32)
    drops = np.clip((noise - threshold) * 12, 0, 1)
    splashed: Floats = np.maximum(images, drops)
    return splashed


def dotted_line(images: Floats, spacing: float, rng: np.random.Generator) -> Floats:
    """Draw a straight line of dots from edge to edge, at a distance of ``spacing`` pixels."""
    along, normal = _random_line(len(images), rng)
    start = per_image(rng.random(len(images)) * spacing)
    to_dot = (along + start + spacing / 2) % spacing - spacing / 2
    distance = np.hypot(to_dot, normal)
    return _drawn(images, distance)


def zigzag(images: Floats, level: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Draw a zigzag from edge to edge with an amplitude and a period in pixels."""
    amplitude, period = level
    along, normal = _random_line(len(images), rng)
    start = per_image(rng.random(len(images)))
    phase = (along / period + start) % 1
    wave = amplitude * (4 * np.abs(phase - 0.5) - 1)
    slope = 4 * amplitude / period
    distance = np.abs(normal - wave) / math.hypot(1, slope)
    return _drawn(images, distance)


def _drawn(images: Floats, distance: Floats) -> Floats:
    """Draw an antialiased line at the given ``distance`` of each pixel from its centre line."""
    drawn: Floats = np.maximum(images, np.clip(_RADIUS + 0.5 - distance, 0, 1))
    return drawn


def _random_line(count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the coordinates (n, 28, 28) along and normal to a random line near the centre."""
    angles = rng.uniform(0, math.pi, count)
    cosine, sine = per_image(np.cos(angles)), per_image(np.sin(angles))
    offset = per_image(rng.uniform(-6, 6, count))
    return COLUMNS * cosine + ROWS * sine, ROWS * cosine - COLUMNS * sine - offset
