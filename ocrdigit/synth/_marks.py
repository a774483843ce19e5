"""Marks other than numbers and words: ticks, stamps, bar codes, pictures, holes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from . import _fonts
from ._sheet import Gray, Sheet


def stray_marks(sheet: Sheet, count: int) -> None:
    """Add ticks, crosses, signatures, doodles, stamps and bar codes at random places."""
    rng = sheet.rng
    for _ in range(count):
        x, y = rng.uniform(0, sheet.width), rng.uniform(0, sheet.height)
        size = sheet.digit_height * rng.uniform(0.7, 2.0)
        kind = rng.random()
        ink = "pen" if rng.random() < 0.6 else "pen2"
        if kind < 0.3:
            sheet.write(sheet.writer.symbol(random_symbol(rng), size), x, y, (0.5, 0.5), ink)
        elif kind < 0.5:
            sheet.write(sheet.writer.signature(1.3 * size), x, y, (0.5, 0.5), ink)
        elif kind < 0.65:
            sheet.write(sheet.writer.doodle(size), x, y, (0.5, 0.5), ink)
        elif kind < 0.8:
            stamp(sheet, x, y, size * rng.uniform(1.5, 4))
        elif kind < 0.84:
            bar_code(sheet, x, y, size)
        elif kind < 0.97:
            slash(sheet, x, y, size * rng.uniform(0.8, 2.5), ink)
        else:
            picture(sheet, x, y, size * rng.uniform(2, 5))


def random_symbol(rng: np.random.Generator) -> str:
    """Return the name of a random symbol; ticks and crosses are more frequent."""
    names = ("tick", "tick", "cross", "cross", "arrow", "star", "triangle", "heart")
    return names[rng.integers(len(names))]


def slash(sheet: Sheet, x: float, y: float, size: float, ink: str) -> None:
    """Draw a straight stroke, as clerks do to tick off a line."""
    rng = sheet.rng
    sheet.write(sheet.writer.marks(str(rng.choice(list("/\\-|"))), size), x, y, (0.5, 0.5), ink)


def stamp(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Add a rubber stamp: a ring or a frame with words, uneven."""
    rng = sheet.rng
    height = max(8, int(size))
    width = height if rng.random() < 0.5 else int(height * rng.uniform(1.3, 2.5))
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    thickness = max(1.0, 0.05 * height)
    if width == height:
        radius = np.hypot(u - width / 2, v - height / 2)
        edges = [height / 2 - thickness]
        if rng.random() < 0.6:
            edges.append(height * rng.uniform(0.25, 0.4))
        ring = np.minimum.reduce([np.abs(radius - edge) for edge in edges])
    else:
        ring = np.minimum.reduce([u, v, width - 1 - u, height - 1 - v])
    mask = (255 * np.clip(thickness / 2 + 0.5 - ring, 0, 1)).astype(np.uint8)
    lines = int(rng.integers(1, 4))
    pitch = 0.6 * height / lines
    font = _fonts.load(sheet.font, max(5, int(0.7 * pitch)))
    for line in range(lines):
        text = _fonts.text_mask(_fonts.word(rng).upper()[:10], font)
        text = text[:, : max(1, int(0.8 * width))]
        top = int(0.22 * height + line * pitch)
        left = max(0, (width - text.shape[1]) // 2)
        window = mask[top : top + text.shape[0], left : left + text.shape[1]]
        np.maximum(window, text[: window.shape[0], : window.shape[1]], out=window)
    worn = rng.random((height // 3 + 1, width // 3 + 1)) < rng.uniform(0, 0.35)
    mask[np.kron(worn, np.ones((3, 3), bool))[:height, :width]] //= 4
    sheet.write(mask, x, y, (0.5, 0.5), "stamp")


def bar_code(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Add a bar code or a matrix code."""
    rng = sheet.rng
    module = int(rng.integers(1, 4))
    if rng.random() < 0.6:
        bars = (rng.random(int(rng.integers(30, 90))) < 0.5)[None, :]
        code = np.repeat(np.repeat(bars, max(6, int(1.5 * size)), 0), module, 1)
    else:
        side = int(rng.integers(15, 30))
        code = np.kron(rng.random((side, side)) < 0.5, np.ones((module, module), bool))
    sheet.write((255 * code).astype(np.uint8), x, y, (0.5, 0.5))


def picture(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Add a halftone picture: smooth noise as a raster of dots, or as gray tones."""
    rng = sheet.rng
    height, width = max(8, int(size)), max(8, int(size * rng.uniform(0.7, 1.8)))
    coarse = rng.integers(0, 256, (int(rng.integers(2, 8)), int(rng.integers(2, 8))))
    tones = _resized(coarse.astype(np.uint8), width, height)
    if rng.random() < 0.5:
        period = int(rng.integers(3, 6))
        v, u = np.mgrid[0:height, 0:width]
        dots = np.hypot(u % period - period / 2, v % period - period / 2)
        tones = np.where(dots < tones / 255 * 0.7 * period, 255, 0).astype(np.uint8)
    sheet.write(tones, x, y, (0.5, 0.5))


def _resized(tones: Gray, width: int, height: int) -> Gray:
    """Return gray tones of another size, interpolated."""
    picture = Image.fromarray(tones).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def holes(sheet: Sheet) -> None:
    """Punch holes along the left side; they are background."""
    rng = sheet.rng
    radius = sheet.digit_height * rng.uniform(0.2, 0.5)
    side = int(2 * radius) + 2
    v, u = np.mgrid[0:side, 0:side] - (side - 1) / 2
    hole = (255 * np.clip(radius + 0.5 - np.hypot(u, v), 0, 1)).astype(np.uint8)
    x = int(rng.uniform(0, 2 * side))
    for y in np.arange(rng.uniform(0, 4), sheet.height / side, rng.uniform(1.5, 8)):
        sheet.paste(hole, x, int(y * side), "print", 0)


def texture(sheet: Sheet) -> None:
    """Cover a part of the sheet with blocks, waves or dots."""
    rng = sheet.rng
    height = int(sheet.height * rng.uniform(0.3, 1))
    width = int(sheet.width * rng.uniform(0.3, 1))
    kind = rng.random()
    block = int(rng.integers(1, 9))
    if kind < 0.5:
        cover = rng.random((height // block + 1, width // block + 1)) < rng.uniform(0.05, 0.5)
        mask = np.kron(cover, np.ones((block, block), bool))[:height, :width]
    else:
        v, u = np.mgrid[0:height, 0:width].astype(np.float32) / sheet.digit_height
        waves = np.sin(rng.uniform(-4, 4) * u + rng.uniform(-4, 4) * v)
        waves += np.sin(rng.uniform(-4, 4) * u * v / (1 + u) + rng.uniform(-4, 4) * v)
        mask = waves > rng.uniform(0, 1.5)
    left = int(rng.integers(sheet.width - width + 1))
    top = int(rng.integers(sheet.height - height + 1))
    sheet.paste((255 * mask).astype(np.uint8), left, top, "print")
