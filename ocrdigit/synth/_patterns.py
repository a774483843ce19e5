"""Pictures that are no writing from edge to edge: noise, patterns, shades, specks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._digits import SIDE
from ._writing import Floats

_MIDDLE = (SIDE - 1) / 2
_DOWN, _RIGHT = np.mgrid[:SIDE, :SIDE].astype(np.float32)


def grain(rng: np.random.Generator) -> Floats:
    """Return noise whose pixels, or squares of up to 7 by 7, know nothing of each other.

    Of two tones, the light one anything from rare to nearly everywhere, or of all tones, the
    darker ones as many or more.
    """
    size = int(rng.choice([1, 1, 1, 2, 3, 4, 7]))
    few = -(-SIDE // size)
    tones = rng.random((few, few), np.float32)
    if rng.random() < 0.6:
        tones = (tones < rng.uniform(0.01, 0.95)).astype(np.float32)
    else:
        tones = tones ** np.float32(rng.uniform(0.7, 4))
    squares = np.ones((size, size), np.float32)
    noise: Floats = np.kron(tones, squares)[:SIDE, :SIDE]
    return _toned(noise, rng)


def pattern(rng: np.random.Generator) -> Floats:
    """Return stripes, checks, waves, rings, a grid or dots, which go on over the whole picture."""
    drawn = _PATTERNS[rng.integers(len(_PATTERNS))](rng)
    return _toned(drawn.astype(np.float32), rng)


def shade(rng: np.random.Generator) -> Floats:
    """Return light that changes over the picture, from side to side, at an edge, or in a spot."""
    along = _along(rng)
    kind = rng.random()
    if kind < 0.4:
        light = along / (2 * _MIDDLE) + 0.5
    elif kind < 0.7:
        light = (along - rng.uniform(-9, 9)) / rng.uniform(0.5, 6)
    else:
        # A narrow spot would be a one.
        radii = rng.uniform(2, 10) * np.array([1, rng.uniform(0.7, 1.4)])
        centre = rng.uniform(5, SIDE - 6, 2)
        light = 2 * np.exp(
            -0.5 * (((_DOWN - centre[0]) / radii[0]) ** 2 + ((_RIGHT - centre[1]) / radii[1]) ** 2)
        ) - rng.uniform(0, 1)
    return _toned(np.clip(light, 0, 1).astype(np.float32), rng)


def specks(rng: np.random.Generator) -> Floats:
    """Return up to six dots of a pixel or little more, on black."""
    picture = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(int(rng.integers(1, 7))):
        y, x = rng.integers(0, SIDE, 2)
        distance = np.hypot(_DOWN - y, _RIGHT - x)
        dot = np.clip(rng.uniform(0.3, 1.7) + 0.5 - distance, 0, 1) * rng.uniform(0.3, 1)
        np.maximum(picture, dot, out=picture)
    return picture


def _toned(picture: Floats, rng: np.random.Generator) -> Floats:
    """Let 0 to 1 run between two tones, which are black and white in one picture of three."""
    low, high = 0.0, 1.0
    if rng.random() < 0.7:
        contrast = rng.uniform(0.1, 1)
        low = rng.uniform(0, 1 - contrast) if rng.random() < 0.5 else 0.0
        high = low + contrast
    if rng.random() < 0.3:
        low, high = high, low
    toned: Floats = (low + (high - low) * picture).astype(np.float32)
    return toned


def _along(rng: np.random.Generator) -> Floats:
    """Return how far each pixel is from a line through the middle, of any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    along: Floats = (_DOWN - _MIDDLE) * np.sin(angle) + (_RIGHT - _MIDDLE) * np.cos(angle)
    return along


# -- patterns, 0 to 1; with a period of at most 14 pixels, there are two of everything --


def _stripes(rng: np.random.Generator) -> NDArray[np.bool_]:
    across = _along(rng) if rng.random() < 0.5 else _RIGHT if rng.random() < 0.5 else _DOWN
    return _comb(across, rng.uniform(2, 12), rng.uniform(0.25, 0.75), rng)


def _checks(rng: np.random.Generator) -> NDArray[np.bool_]:
    period = rng.uniform(2, 14)
    return _comb(_DOWN, period, 0.5, rng) ^ _comb(_RIGHT, period, 0.5, rng)


def _waves(rng: np.random.Generator) -> NDArray[np.float64]:
    waves: NDArray[np.float64] = np.sin(
        _along(rng) * 2 * np.pi / rng.uniform(2.5, 12) + rng.uniform(0, 6.3)
    )
    return (waves + 1) / 2


def _rings(rng: np.random.Generator) -> NDArray[np.float64]:
    # Wider ones around the middle would be a nought.
    centre = rng.uniform(0, SIDE - 1, 2)
    distance = np.hypot(_DOWN - centre[0], _RIGHT - centre[1])
    rings: NDArray[np.float64] = np.sin(
        distance * 2 * np.pi / rng.uniform(2.5, 7) + rng.uniform(0, 6.3)
    )
    return (rings + 1) / 2


def _grid(rng: np.random.Generator) -> NDArray[np.bool_]:
    period = rng.uniform(3, 14)
    share = rng.uniform(1, 2.5) / period
    return _comb(_DOWN, period, share, rng) | _comb(_RIGHT, period, share, rng)


def _dots(rng: np.random.Generator) -> NDArray[np.bool_]:
    period, share = rng.uniform(2, 12), rng.uniform(0.25, 0.6)
    return _comb(_DOWN, period, share, rng) & _comb(_RIGHT, period, share, rng)


def _comb(
    place: Floats, period: float, share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Tell which pixels lie in a ``share`` of each period, teeth and gaps a pixel at least."""
    share = min(max(share, 1 / period), 1 - 1 / period)
    teeth: NDArray[np.bool_] = (place / period + rng.random()) % 1 < share
    return teeth


_PATTERNS: list[Callable[[np.random.Generator], NDArray[Any]]] = [
    _stripes,
    _checks,
    _waves,
    _rings,
    _grid,
    _dots,
]
