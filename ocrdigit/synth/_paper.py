"""The paper under the writing, what is printed on it, and the light on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._style import Style
from ._writing import Floats, uniform


def make_paper(
    style: Style, shape: tuple[int, int, int], size: Floats, rng: np.random.Generator
) -> Floats:
    """Draw paper (n, h, w) of tones 0 to 1; ``size`` (n,) is the height of the digits on it."""
    count, height, width = shape
    paper = np.empty(shape, np.float32)
    paper[:] = uniform(rng, style.paper, count)[:, None, None]
    _add_tiles(paper, uniform(rng, style.grain, count), 1, rng)
    _add_tiles(paper, uniform(rng, style.mottle, count), max(3, height // 6), rng)
    printers = (
        (style.guilloche, _guilloche),
        (style.dots, _dots),
        (style.band, _band),
        (style.rules, _rules),
        (style.grid, _grid),
        (style.stains, _stains),
    )
    for probability, printer in printers:
        if probability:
            for index in np.flatnonzero(rng.random(count) < probability):
                strength = float(rng.uniform(*style.print))
                paper[index] *= 1 - strength * printer(height, width, float(size[index]), rng)
    return paper


def shine(style: Style, pictures: Floats, rng: np.random.Generator) -> None:
    """Light ``pictures`` (n, h, w) unevenly, in place, and throw shadows on some."""
    count, height, width = pictures.shape
    strength = uniform(rng, style.light, count)
    angle = uniform(rng, (0, 2 * np.pi), count)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)
    across = (strength * np.cos(angle) / 2.8)[:, None] * x
    down = (strength * np.sin(angle) / 2.8)[:, None] * y
    across += (1 - strength / 2)[:, None]
    pictures *= across[:, None, :] + down[:, :, None]
    if style.shadow:
        for index in np.flatnonzero(rng.random(count) < style.shadow):
            pictures[index] *= 1 - rng.uniform(0.1, 0.45) * _edge(height, width, rng)


def _add_tiles(paper: Floats, strength: Floats, grain: int, rng: np.random.Generator) -> None:
    """Add noise of ``strength`` (n,), its grains so many pixels wide, from one shared tile."""
    if not strength.any():
        return
    count, height, width = paper.shape
    tall, wide = height + min(height, 64), width + min(width, 256)
    tile = smooth_noise(tall, wide, grain, rng)
    y = rng.integers(tall - height + 1, size=count).tolist()
    x = rng.integers(wide - width + 1, size=count).tolist()
    for index, amount in enumerate(strength.tolist()):
        if amount:
            window = tile[y[index] : y[index] + height, x[index] : x[index] + width]
            paper[index] += np.float32(amount) * window


def smooth_noise(height: int, width: int, grain: int, rng: np.random.Generator) -> Floats:
    """Make noise (height, width) of mean 0 and deviation 1, its grains so many pixels wide."""
    if grain <= 1:
        return rng.standard_normal((height, width), np.float32)
    rows, columns = _stretch(height, grain), _stretch(width, grain)
    coarse = rng.standard_normal((rows.shape[1], columns.shape[1]), np.float32)
    noise: Floats = rows @ coarse @ columns.T
    noise /= np.float32(noise.std() + 1e-6)
    return noise


def _stretch(length: int, step: int) -> Floats:
    """Return the matrix (length, m) that interpolates m numbers, ``step`` apart, smoothly."""
    place = np.arange(length, dtype=np.float32) / step
    whole = place.astype(np.int64)
    part = place - whole
    part = part * part * (3 - 2 * part)
    matrix = np.zeros((length, int(whole[-1]) + 2), np.float32)
    matrix[np.arange(length), whole] = 1 - part
    matrix[np.arange(length), whole + 1] = part
    return matrix


def _grid_of(height: int, width: int) -> tuple[Floats, Floats]:
    """Return the rows' y as (height, 1), the columns' x as (1, width)."""
    y = np.arange(height, dtype=np.float32)[:, None]
    return y, np.arange(width, dtype=np.float32)[None, :]


def _stripes(phase: Floats, period: float, thickness: float) -> Floats:
    """Draw lines where ``phase`` is a multiple of ``period``, both in pixels; edges are smooth."""
    distance = np.abs((phase + period / 2) % period - period / 2)
    lines: Floats = np.clip(thickness / 2 + 0.5 - distance, 0, 1)
    return lines


def _rules(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Draw ruled lines; the digits may stand on one or across it."""
    y, x = _grid_of(height, width)
    period = size * rng.uniform(1.2, 2.2)
    return _stripes(
        y - rng.uniform(0, period) + rng.uniform(-0.03, 0.03) * x, period, rng.uniform(0.7, 2.2)
    )


def _grid(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Draw squared paper."""
    y, x = _grid_of(height, width)
    period = max(5.0, size * rng.uniform(0.4, 1.3))
    lean = rng.uniform(-0.02, 0.02)
    thickness = rng.uniform(0.6, 1.4)
    rows = _stripes(y - rng.uniform(0, period) + lean * x, period, thickness)
    columns = _stripes(x - rng.uniform(0, period) - lean * y, period, thickness)
    return np.maximum(rows, columns)


def _guilloche(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Draw families of fine waves, as on cheques and banknotes."""
    y, x = _grid_of(height, width)
    waves = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 4)):
        tilt = float(rng.choice([0.0, 0.0, rng.uniform(-1.2, 1.2)]))
        along, across = (x + tilt * y, y - tilt * x) if tilt else (x, y)
        length = size * rng.uniform(0.7, 6)
        swing = size * rng.uniform(0.05, 0.4)
        bend = swing * np.sin(along * (2 * np.pi / length) + rng.uniform(0, 6.3))
        if rng.random() < 0.4:
            bend += swing / 2 * np.sin(along * (3.7 * np.pi / length) + rng.uniform(0, 6.3))
        period = max(2.5, size * rng.uniform(0.08, 0.3))
        waves = np.maximum(
            waves, _stripes(across + bend.astype(np.float32), period, rng.uniform(0.4, 1.2))
        )
    return waves


def _dots(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Draw a raster of dots or short dashes."""
    y, x = _grid_of(height, width)
    period = max(3.0, size * rng.uniform(0.12, 0.3))
    stretch = float(rng.choice([1.0, 1.0, 2.0]))
    shift = (np.floor(y / period) % 2) * period * stretch / 2
    rows = np.abs((y % period) - period / 2)
    columns = np.abs(((x + shift) % (period * stretch)) - period * stretch / 2) / stretch
    dots: Floats = np.clip(period * 0.22 + 0.5 - np.hypot(rows, columns), 0, 1)
    return dots


def _band(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Draw a field of another tone along one side, as where a printed box ends."""
    y, x = _grid_of(height, width)
    if rng.random() < 0.7:
        place, length = y, height
    else:
        place, length = x, width
    if rng.random() < 0.5:
        place = length - 1 - place
    end = rng.uniform(0.1, 0.3) * length
    band: Floats = np.clip(place - end, 0, 1) * np.ones((height, width), np.float32)
    return band


def _stains(height: int, width: int, size: float, rng: np.random.Generator) -> Floats:
    """Draw one to three spots with uneven rims."""
    y, x = _grid_of(height, width)
    stains = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 4)):
        dx, dy = x - rng.uniform(0, width), y - rng.uniform(0, height)
        angle = np.arctan2(dy, dx)
        radius = size * rng.uniform(0.15, 1.2)
        rim = radius * (1 + 0.15 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.08 * np.sin(7 * angle))
        stains = np.maximum(stains, np.clip((rim - np.hypot(dx, dy)) / (0.15 * radius), 0, 1))
    return stains


def _edge(height: int, width: int, rng: np.random.Generator) -> Floats:
    """Draw the soft edge of a shadow across the picture: 1 in it, 0 outside."""
    y, x = _grid_of(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    side = (x - rng.uniform(0, width)) * np.cos(angle) + (y - rng.uniform(0, height)) * np.sin(
        angle
    )
    softness = rng.uniform(0.02, 0.4) * (height + width) / 2
    shade: Floats = np.clip(side.astype(np.float32) / np.float32(softness) + 0.5, 0, 1)
    return shade


def print_boxes(
    paper: Floats,
    boxes: NDArray[np.int64],
    style: Style,
    rng: np.random.Generator,
) -> None:
    """Print frames around the digits' ``boxes`` (k, 4), or one around all, on ``paper`` (h, w)."""
    height, width = paper.shape
    frame = np.zeros_like(paper)
    thick = int(rng.integers(1, max(2, height // 24) + 1))
    tallest = int(boxes[:, 3].max())
    top = max(0, int(boxes[:, 1].min() - rng.uniform(0.05, 0.4) * tallest))
    bottom = min(height, int((boxes[:, 1] + boxes[:, 3]).max() + rng.uniform(0.05, 0.4) * tallest))
    left = max(0, int(boxes[0, 0] - rng.uniform(0.1, 0.4) * tallest))
    right = min(width, int(boxes[-1, 0] + boxes[-1, 2] + rng.uniform(0.1, 0.4) * tallest))
    frame[top : top + thick, left:right] = 1
    frame[max(top, bottom - thick) : bottom, left:right] = 1
    walls = [left, right - thick]
    if rng.random() < 0.6:  # one for each digit
        ends, starts = boxes[:-1, 0] + boxes[:-1, 2], boxes[1:, 0]
        walls += ((ends + starts - thick) // 2).tolist()
    for wall in walls:
        frame[top:bottom, max(0, wall) : max(0, wall) + thick] = 1
    paper *= 1 - np.float32(rng.uniform(*style.print)) * frame
