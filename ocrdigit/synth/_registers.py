"""Pages of registers: narrow columns of numbers beside columns of cursive."""

from __future__ import annotations

import numpy as np

from . import _fonts
from ._marks import slash, stamp
from ._parts import random_dashes, random_thickness
from ._sheet import Sheet


def register(sheet: Sheet) -> None:
    """Fill a page of a register."""
    rng = sheet.rng
    size = sheet.digit_height
    columns = _register_columns(sheet)
    top = 0.0
    if rng.random() < 0.35:
        top = 2.5 * size
        for left, right, _ in columns:
            word = _fonts.word(rng)
            middle = ((left + right) / 2, 1.4 * size)
            sheet.print_text(word, *middle, 0.6 * size, (0.5, 0.5), max_width=0.9 * (right - left))
        for y in (top, 0.3 * size):
            sheet.ruling_line(y, 0, sheet.width, random_thickness(sheet), ink="dark_ruling")
    _register_lines(sheet, columns, top)
    pitch = size * rng.uniform(1.05, 1.9)
    cursive = size * rng.uniform(0.6, 1.1)
    low = rng.uniform(-0.1, 0.25)
    dense = rng.uniform(0.25, 1.0)
    point = float(rng.choice([0.0, 0.0, 0.1, 0.8]))
    for y in np.arange(top + pitch, sheet.height + pitch, pitch):
        blank = rng.random() > dense
        for left, right, kind in columns:
            if kind == "text":
                _cursive_line(sheet, left, y, right, cursive)
            elif not blank:
                _register_number(sheet, kind, (left, y - low * size, right), size, point)
    for _ in range(int(rng.integers(0, 6))):
        slash(sheet, rng.uniform(0, sheet.width), rng.uniform(0, sheet.height), 2 * size, "pen2")
    if rng.random() < 0.2:
        stamp(sheet, rng.uniform(0, sheet.width), rng.uniform(0, sheet.height), 4 * size)


def _register_columns(sheet: Sheet) -> list[tuple[float, float, str]]:
    """Return the left and right sides of columns, and what they hold."""
    rng = sheet.rng
    size = sheet.digit_height
    columns: list[tuple[float, float, str]] = []
    x = -size * rng.uniform(0, 2)
    while x < sheet.width:
        kind = str(rng.choice(["text", "number", "day", "amount", "amount", "number"]))
        if columns and columns[-1][2] == "text" and kind == "text":
            kind = "amount"
        digits = {"text": rng.uniform(4, 14), "number": rng.uniform(2, 4.5)}
        digits |= {"day": rng.uniform(1.3, 3.0), "amount": rng.uniform(3, 6)}
        columns.append((x, x + size * float(digits[kind]), kind))
        x = columns[-1][1]
    return columns


def _register_lines(sheet: Sheet, columns: list[tuple[float, float, str]], top: float) -> None:
    """Draw the vertical lines of columns, single or double, and perhaps horizontal ones."""
    rng = sheet.rng
    size = sheet.digit_height
    slope = float(rng.normal(0, 0.008)) * (rng.random() < 0.5)
    thickness = random_thickness(sheet, 6.0)
    heavy = int(rng.integers(len(columns))) if rng.random() < 0.5 else -1
    for index, (_, x, kind) in enumerate(columns):
        thick = thickness * float(rng.choice([1.0, 1.0, rng.uniform(0.5, 3.0)]))
        if index == heavy:  # the bar at the margin of many registers
            thick = size * rng.uniform(0.12, 0.45)
        ink = "ruling" if rng.random() < 0.3 else "dark_ruling"
        dashes = (rng.uniform(6, 40), rng.uniform(0.05, 0.4)) if rng.random() < 0.12 else None
        places = [x]
        if rng.random() < 0.25:
            places.append(x + max(3.0, thick * rng.uniform(1.8, 4)))
        if kind == "amount" and rng.random() < 0.4:  # between francs and centimes
            places.append(x - size * rng.uniform(1.0, 1.6))
        for place in places:
            sheet.ruling_line(
                place, top, sheet.height, thick, vertical=True, ink=ink, slope=slope, dashes=dashes
            )
    if rng.random() < 0.5:
        pitch = size * rng.uniform(0.9, 2.0)
        thin, dashes = random_thickness(sheet, 2.0), random_dashes(sheet, 0.3)
        for y in np.arange(top + pitch, sheet.height, pitch):
            sheet.ruling_line(y, 0, sheet.width, thin, dashes=dashes)


def _cursive_line(sheet: Sheet, left: float, y: float, right: float, size: float) -> None:
    """Write a line of a column of cursive, which may leave the column or hold a number."""
    rng = sheet.rng
    kind = rng.random()
    if kind < 0.1:
        return
    if kind < 0.15:
        sheet.write(sheet.writer.marks("--", size), (left + right) / 2, y, (0.5, 1), "pen")
        return
    size *= float(rng.choice([1.0, 1.0, 1.0, rng.uniform(1.2, 1.8)]))
    x = left + size * (rng.uniform(0, 1.5) if rng.random() < 0.3 else rng.uniform(0, 0.3))
    length = int((right - x) / (0.55 * size) * rng.uniform(0.5, 1.1))
    text = _fonts.sentence(max(3, length), rng)
    base = y + rng.normal(0, 0.05 * size)
    if kind < 0.3:  # a number in the sentence
        x += sheet.write_text(text[: len(text) // 3 + 1], x, base, size)[0] + 0.4 * size
        number = sheet.random_number(1, 5)
        if x + 0.8 * size * len(number) < right:
            sheet.number(number, x, base, size=max(sheet.low, 0.9 * size), printed=False)
            x += (0.75 * len(number) + 0.5) * max(sheet.low, 0.9 * size)
        text = text[len(text) // 2 :]
    if right - x > 2 * size:
        sheet.write_text(text.strip() or "a", x, base, size, max_width=1.08 * (right - x))


def _register_number(
    sheet: Sheet, kind: str, place: tuple[float, float, float], size: float, point: float
) -> None:
    """Write into a narrow column; digits may touch or cross its lines."""
    rng = sheet.rng
    left, y, right = place
    size = float(np.clip(size * rng.uniform(0.85, 1.15), sheet.low, sheet.high))
    if rng.random() < 0.1:
        mark = str(rng.choice(["'' ", "-", "=", "--", "~"])).strip()
        sheet.write(sheet.writer.marks(mark, size), (left + right) / 2, y, (0.5, 1), "pen")
        return
    if rng.random() < 0.06:
        sheet.write_text(_fonts.word(rng), left, y, 0.7 * size, max_width=right - left)
        return
    shift = rng.normal(0, 0.2) * size
    base = y + rng.normal(0, 0.05) * size
    if kind == "amount":
        text = sheet.random_number(1, max(2, int((right - left) / (0.75 * size))))
        sheet.number(text, right - 0.2 * size + shift, base, (1, 1), size=size, printed=False)
    else:
        text = sheet.random_digits(int(rng.integers(1, 3 if kind == "day" else 5)))
        text += "." if rng.random() < point else ""
        centre = (left + right) / 2 + shift
        sheet.number(text, centre, base, (0.5, 1), size=size, printed=False)
