"""Parts of several kinds of documents: rows of numbers, words, print, ruling lines."""

from __future__ import annotations

import numpy as np

from . import _fonts
from ._sheet import Sheet


def rows_of_numbers(
    sheet: Sheet,
    *,
    pitch: float | None = None,
    top: float = 0.0,
    words: float = 0.3,
    box: tuple[float, float, float, float] | None = None,
) -> None:
    """Fill ``box`` with rows of numbers, among them words; rows are ``pitch`` pixels apart."""
    rng = sheet.rng
    left, first, right, bottom = box or (0, 0, sheet.width, sheet.height)
    y = first + (top or sheet.digit_height * rng.uniform(1.0, 2.0))
    density = rng.uniform(0.3, 1.0)
    while y < bottom:
        size = min(sheet.random_size(), 0.9 * pitch if pitch else 1e9)
        x = left + size * rng.uniform(0, 3)
        while x < right - size and len(sheet.texts) < 150:
            base = y - size * rng.uniform(0, 0.15)
            if rng.random() < words:
                width = _some_writing(sheet, x, base, size)
            else:
                text = sheet.random_number(1, 8)
                width = 0.9 * size * len(text)
                if x + width < right:
                    sheet.number(text, x, base, size=size, max_width=width)
            x += width + size * rng.exponential(1.2 / density) + 0.5 * size
        y += pitch * rng.integers(1, 3) if pitch else size * rng.uniform(1.3, 2.5)


def _some_writing(sheet: Sheet, x: float, y: float, size: float) -> float:
    """Write or print a word or two at (x, y); return the width."""
    rng = sheet.rng
    text = _fonts.sentence(int(rng.integers(3, 16)), rng)
    if rng.random() < 0.6:
        return sheet.write_text(text, x, y, size * rng.uniform(0.6, 1.2))[0]
    return sheet.print_text(text, x, y, size * rng.uniform(0.6, 1.3))[0]


def block_of_print(
    sheet: Sheet,
    box: tuple[float, float, float, float],
    size: float,
    *,
    numbers: float = 0.15,
    font: str | None = None,
) -> None:
    """Fill a box (left, top, right, bottom) with lines of print, some with numbers."""
    rng = sheet.rng
    left, y, right, bottom = box
    width = right - left
    if width < 4 * size:
        return
    numbers *= size >= 0.9 * sheet.low
    spacing = rng.uniform(1.1, 1.5)
    for _ in range(60):
        if y + size > bottom:
            return
        text = _fonts.sentence(int(rng.uniform(0.8, 1.0) * width / (0.5 * size)), rng)
        end = left
        if rng.random() < numbers:
            cut = text[: int(rng.integers(1, max(2, len(text) // 2)))]
            end += sheet.print_text(cut, left, y + size, size, font=font)[0] + 0.4 * size
            index = sheet.random_number(1, 6)
            room = 0.65 * size * len(index)
            sheet.number(index, end, y + size, size=0.72 * size, printed=True, max_width=room)
            end += room + 0.4 * size
        if end < right - 3 * size:
            rest = text[: int((right - end) / (0.5 * size))]
            sheet.print_text(rest, end, y + size, size, font=font, max_width=right - end)
        y += size * spacing


def random_thickness(sheet: Sheet, thickest: float = 4.0) -> float:
    """Return the thickness of ruling lines in pixels; thin ones are more frequent."""
    thickest = min(thickest, max(1.0, 0.25 * sheet.digit_height))
    return float(np.exp(sheet.rng.uniform(np.log(0.8), np.log(thickest))))


def random_dashes(sheet: Sheet, probability: float) -> tuple[float, float] | None:
    """Return the period and the fraction of the gaps of dashes, or None for a solid line."""
    rng = sheet.rng
    if rng.random() >= probability:
        return None
    return float(rng.uniform(2, 12)), float(rng.uniform(0.2, 0.6))
