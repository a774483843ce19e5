"""The background: paper texture, printed patterns, illumination and shadows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._style import Style
from ._writing import Floats, uniform


def make_background(
    style: Style, shape: tuple[int, int, int], size: Floats, rng: np.random.Generator
) -> Floats:
    """Return backgrounds (n, h, w) of tones 0 to 1 for digits of height ``size`` (n,)."""
    count, height, width = shape
    background = np.empty(shape, np.float32)
    background[:] = uniform(rng, style.background, count)[:, None, None]
    _add_tiles(background, uniform(rng, style.grain, count), 1, rng)
    _add_tiles(background, uniform(rng, style.mottle, count), max(3, height // 6), rng)
    patterns = (
        (style.guilloche, guilloche),
        (style.dots, _dots),
        (style.band, _band),
        (style.ruling_lines, _ruling_lines),
        (style.grid, _grid),
        (style.stains, _stains),
    )
    for probability, pattern in patterns:
        if probability:
            for index in np.flatnonzero(rng.random(count) < probability):
                strength = float(rng.uniform(*style.print))
                background[index] *= 1 - strength * pattern(height, width, float(size[index]), rng)
    return background


def illuminate(style: Style, pictures: Floats, rng: np.random.Generator) -> None:
    """Multiply ``pictures`` (n, h, w) in place by a linear light gradient and by shadows."""
    count, height, width = pictures.shape
    strength = uniform(rng, style.light, count)
    angle = uniform(rng, (0, 2 * np.pi), count)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)
    horizontal = (strength * np.cos(angle) / 2.8)[:, None] * x
    vertical = (strength * np.sin(angle) / 2.8)[:, None] * y
    horizontal += (1 - strength / 2)[:, None]
    pictures *= horizontal[:, None, :] + vertical[:, :, None]
    if style.shadow:
        for index in np.flatnonzero(rng.random(count) < style.shadow):
            pictures[index] *= 1 - rng.uniform(0.1, 0.45) * _shadow(height, width, rng)


def _add_tiles(background: Floats, strength: Floats, grain: int, rng: np.random.Generator) -> None:
    """Add noise of ``strength`` (n,) and grain size ``grain`` in pixels, from one shared tile."""
    if not strength.any():
        return
    count, height, width = background.shape
    tall, wide = height + min(height, 64), width + min(width, 256)
    tile = smooth_noise(tall, wide, grain, rng)
    y = rng.integers(tall - height + 1, size=count).tolist()
    x = rng.integers(wide - width + 1, size=count).tolist()
    for index, amount in enumerate(strength.tolist()):
        if amount:
            window = tile[y[index] : y[index] + height, x[index] : x[index] + width]
            background[index] += np.float32(amount) * window


def smooth_noise(height: int, width: int, grain: int, rng: np.random.Generator) -> Floats:
    """Return noise (height, width) of mean 0, unit variance and grain size ``grain`` in pixels."""
    if grain <= 1:
        return rng.standard_normal((height, width), np.float32)
    rows, columns = _interpolation(height, grain), _interpolation(width, grain)
    coarse = rng.standard_normal((rows.shape[1], columns.shape[1]), np.float32)
    noise: Floats = rows @ coarse @ columns.T
    noise /= np.float32(noise.std() + 1e-6)
    return noise


def _interpolation(length: int, step: int) -> Floats:
    """Return the matrix (length, m) that interpolates m values, ``step`` apart, by smoothstep."""
    position = np.arange(length, dtype=np.float32) / step
    index = position.astype(np.int64)
    weight = position - index
    weight = weight * weight * (3 - 2 * weight)
    matrix = np.zeros((length, int(index[-1]) + 2), np.float32)
    matrix[np.arange(length), index] = 1 - weight
    matrix[np.arange(length), index + 1] = weight
    return matrix


def _coordinates(height: int, width: int) -> tuple[Floats, Floats]:
    """Return y as (height, 1) and x as (1, width)."""
    y = np.arange(height, dtype=np.float32)[:, None]
    return y, np.arange(width, dtype=np.float32)[None, :]


def _stripes(phase: Floats, period: float, thickness: float) -> Floats:
    """Return antialiased lines at the multiples of ``period`` in ``phase``, both in pixels."""
    distance = np.abs((phase + period / 2) % period - period / 2)
    lines: Floats = np.clip(thickness / 2 + 0.5 - distance, 0, 1)
    return lines


def _ruling_lines(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Return horizontal ruling lines, at random offsets from the digits."""
    y, x = _coordinates(height, width)
    period = size * rng.uniform(1.2, 2.2)
    return _stripes(
        y - rng.uniform(0, period) + rng.uniform(-0.03, 0.03) * x, period, rng.uniform(0.7, 2.2)
    )


def _grid(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Return the lines of squared paper."""
    y, x = _coordinates(height, width)
    period = max(5.0, size * rng.uniform(0.4, 1.3))
    lean = rng.uniform(-0.02, 0.02)
    thickness = rng.uniform(0.6, 1.4)
    rows = _stripes(y - rng.uniform(0, period) + lean * x, period, thickness)
    columns = _stripes(x - rng.uniform(0, period) - lean * y, period, thickness)
    return np.maximum(rows, columns)


def guilloche(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Return one to three families of fine waves, as on cheques and banknotes."""
    y, x = _coordinates(height, width)
    waves = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 4)):
        tilt = float(rng.choice([0.0, 0.0, rng.uniform(-1.2, 1.2)]))
        along, normal = (x + tilt * y, y - tilt * x) if tilt else (x, y)
        wavelength = size * rng.uniform(0.7, 6)
        amplitude = size * rng.uniform(0.05, 0.4)
        bend = amplitude * np.sin(along * (2 * np.pi / wavelength) + rng.uniform(0, 6.3))
        if rng.random() < 0.4:
            bend += amplitude / 2 * np.sin(along * (3.7 * np.pi / wavelength) + rng.uniform(0, 6.3))
        period = max(2.5, size * rng.uniform(0.08, 0.3))
        waves = np.maximum(
            waves, _stripes(normal + bend.astype(np.float32), period, rng.uniform(0.4, 1.2))
        )
    return waves


def _dots(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Return a raster of dots or short dashes."""
    y, x = _coordinates(height, width)
    period = max(3.0, size * rng.uniform(0.12, 0.3))
    elongation = float(rng.choice([1.0, 1.0, 2.0]))
    shift = (np.floor(y / period) % 2) * period * elongation / 2
    rows = np.abs((y % period) - period / 2)
    columns = np.abs(((x + shift) % (period * elongation)) - period * elongation / 2) / elongation
    dots: Floats = np.clip(period * 0.22 + 0.5 - np.hypot(rows, columns), 0, 1)
    return dots


def _band(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Return a band of another tone along one side, as at the edge of a printed box."""
    y, x = _coordinates(height, width)
    if rng.random() < 0.7:
        position, length = y, height
    else:
        position, length = x, width
    if rng.random() < 0.5:
        position = length - 1 - position
    end = rng.uniform(0.1, 0.3) * length
    band: Floats = np.clip(position - end, 0, 1) * np.ones((height, width), np.float32)
    return band


def _stains(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Return one to three spots with uneven rims."""
    y, x = _coordinates(height, width)
    stains = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 4)):
        dx, dy = x - rng.uniform(0, width), y - rng.uniform(0, height)
        angle = np.arctan2(dy, dx)
        radius = size * rng.uniform(0.15, 1.2)
        rim = radius * (1 + 0.15 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.08 * np.sin(7 * angle))
        stains = np.maximum(stains, np.clip((rim - np.hypot(dx, dy)) / (0.15 * radius), 0, 1))
    return stains


def _shadow(height: int, width: int, rng: np.random.Generator) -> Floats:
    """Return a half plane with a soft edge: 1 in the shadow, 0 outside."""
    y, x = _coordinates(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    side = (x - rng.uniform(0, width)) * np.cos(angle) + (y - rng.uniform(0, height)) * np.sin(
        angle
    )
    softness = rng.uniform(0.02, 0.4) * (height + width) / 2
    shade: Floats = np.clip(side.astype(np.float32) / np.float32(softness) + 0.5, 0, 1)
    return shade


def print_boxes(
    background: Floats,
    boxes: NDArray[np.int64],
    style: Style,
    rng: np.random.Generator,
) -> None:
    """Draw printed frames around all ``boxes`` (k, 4) or each one into ``background`` (h, w)."""
    height, width = background.shape
    frame = np.zeros_like(background)
    thickness = int(rng.integers(1, max(2, height // 24) + 1))
    tallest = int(boxes[:, 3].max())
    top = max(0, int(boxes[:, 1].min() - rng.uniform(0.05, 0.4) * tallest))
    bottom = min(height, int((boxes[:, 1] + boxes[:, 3]).max() + rng.uniform(0.05, 0.4) * tallest))
    left = max(0, int(boxes[0, 0] - rng.uniform(0.1, 0.4) * tallest))
    right = min(width, int(boxes[-1, 0] + boxes[-1, 2] + rng.uniform(0.1, 0.4) * tallest))
    frame[top : top + thickness, left:right] = 1
    frame[max(top, bottom - thickness) : bottom, left:right] = 1
    walls = [left, right - thickness]
    if rng.random() < 0.6:  # a frame for each digit
        ends, starts = boxes[:-1, 0] + boxes[:-1, 2], boxes[1:, 0]
        walls += ((ends + starts - thickness) // 2).tolist()
    for wall in walls:
        frame[top:bottom, max(0, wall) : max(0, wall) + thickness] = 1
    background *= 1 - np.float32(rng.uniform(*style.print)) * frame
