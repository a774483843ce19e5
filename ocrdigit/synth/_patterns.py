"""Full-frame non-digit pictures: noise, patterns, shades, specks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._digits import SIDE
from ._writing import Floats

_CENTRE = (SIDE - 1) / 2
_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)


def grain(rng: np.random.Generator) -> Floats:
    """Return noise of independent pixels or of independent squares of up to 7 by 7 pixels.

    It has either two tones, the light one at any density, or all tones, distributed as a power
    of 0.7 to 4 of uniform noise.
    """
    size = int(rng.choice([1, 1, 1, 2, 3, 4, 7]))
    count = -(-SIDE // size)
    tones = rng.random((count, count), np.float32)
    if rng.random() < 0.6:
        tones = (tones < rng.uniform(0.01, 0.95)).astype(np.float32)
    else:
        tones = tones ** np.float32(rng.uniform(0.7, 4))
    squares = np.ones((size, size), np.float32)
    noise: Floats = np.kron(tones, squares)[:SIDE, :SIDE]
    return _rescaled(noise, rng)


def pattern(rng: np.random.Generator) -> Floats:
    """Return stripes, checks, waves, rings, a grid or dots over the whole picture."""
    drawn = _PATTERNS[rng.integers(len(_PATTERNS))](rng)
    return _rescaled(drawn.astype(np.float32), rng)


def shade(rng: np.random.Generator) -> Floats:
    """Return a gradient of light from side to side, at an edge, or around a spot."""
    distance = _line_distance(rng)
    kind = rng.random()
    if kind < 0.4:
        light = distance / (2 * _CENTRE) + 0.5
    elif kind < 0.7:
        light = (distance - rng.uniform(-9, 9)) / rng.uniform(0.5, 6)
    else:
        # Nearly round: an elongated spot would look like a 1.
        radii = rng.uniform(2, 10) * np.array([1, rng.uniform(0.7, 1.4)])
        centre = rng.uniform(5, SIDE - 6, 2)
        light = 2 * np.exp(
            -0.5
            * (((_ROWS - centre[0]) / radii[0]) ** 2 + ((_COLUMNS - centre[1]) / radii[1]) ** 2)
        ) - rng.uniform(0, 1)
    return _rescaled(np.clip(light, 0, 1).astype(np.float32), rng)


def specks(rng: np.random.Generator) -> Floats:
    """Return one to six dots of about one pixel on black."""
    picture = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(int(rng.integers(1, 7))):
        y, x = rng.integers(0, SIDE, 2)
        distance = np.hypot(_ROWS - y, _COLUMNS - x)
        dot = np.clip(rng.uniform(0.3, 1.7) + 0.5 - distance, 0, 1) * rng.uniform(0.3, 1)
        np.maximum(picture, dot, out=picture)
    return picture


def _rescaled(picture: Floats, rng: np.random.Generator) -> Floats:
    """Map 0..1 linearly to a random pair of tones; contrast is full with probability 0.3."""
    low, high = 0.0, 1.0
    if rng.random() < 0.7:
        contrast = rng.uniform(0.1, 1)
        low = rng.uniform(0, 1 - contrast) if rng.random() < 0.5 else 0.0
        high = low + contrast
    if rng.random() < 0.3:
        low, high = high, low
    rescaled: Floats = (low + (high - low) * picture).astype(np.float32)
    return rescaled


def _line_distance(rng: np.random.Generator) -> Floats:
    """Return the signed distance of each pixel from a random line through the centre."""
    angle = rng.uniform(0, 2 * np.pi)
    distance: Floats = (_ROWS - _CENTRE) * np.sin(angle) + (_COLUMNS - _CENTRE) * np.cos(angle)
    return distance


# -- patterns in 0..1; periods of at most 14 pixels show every element at least twice --


def _stripes(rng: np.random.Generator) -> NDArray[np.bool_]:
    position = (
        _line_distance(rng) if rng.random() < 0.5 else _COLUMNS if rng.random() < 0.5 else _ROWS
    )
    return _square_wave(position, rng.uniform(2, 12), rng.uniform(0.25, 0.75), rng)


def _checks(rng: np.random.Generator) -> NDArray[np.bool_]:
    period = rng.uniform(2, 14)
    return _square_wave(_ROWS, period, 0.5, rng) ^ _square_wave(_COLUMNS, period, 0.5, rng)


def _waves(rng: np.random.Generator) -> NDArray[np.float64]:
    waves: NDArray[np.float64] = np.sin(
        _line_distance(rng) * 2 * np.pi / rng.uniform(2.5, 12) + rng.uniform(0, 6.3)
    )
    return (waves + 1) / 2


def _rings(rng: np.random.Generator) -> NDArray[np.float64]:
    # A period of at most 7: wider rings around the centre would look like a 0.
    centre = rng.uniform(0, SIDE - 1, 2)
    distance = np.hypot(_ROWS - centre[0], _COLUMNS - centre[1])
    rings: NDArray[np.float64] = np.sin(
        distance * 2 * np.pi / rng.uniform(2.5, 7) + rng.uniform(0, 6.3)
    )
    return (rings + 1) / 2


def _grid(rng: np.random.Generator) -> NDArray[np.bool_]:
    period = rng.uniform(3, 14)
    duty_cycle = rng.uniform(1, 2.5) / period
    return _square_wave(_ROWS, period, duty_cycle, rng) | _square_wave(
        _COLUMNS, period, duty_cycle, rng
    )


def _dots(rng: np.random.Generator) -> NDArray[np.bool_]:
    period, duty_cycle = rng.uniform(2, 12), rng.uniform(0.25, 0.6)
    return _square_wave(_ROWS, period, duty_cycle, rng) & _square_wave(
        _COLUMNS, period, duty_cycle, rng
    )


def _square_wave(
    position: Floats, period: float, duty_cycle: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return a square wave of the given period and duty cycle; each half is at least a pixel."""
    duty_cycle = min(max(duty_cycle, 1 / period), 1 - 1 / period)
    wave: NDArray[np.bool_] = (position / period + rng.random()) % 1 < duty_cycle
    return wave


_PATTERNS: list[Callable[[np.random.Generator], NDArray[Any]]] = [
    _stripes,
    _checks,
    _waves,
    _rings,
    _grid,
    _dots,
]
