"""Forms, cheques, envelopes and tally sheets."""

from __future__ import annotations

import numpy as np

from . import _background, _fonts
from ._marks import bar_code, picture, random_symbol, stamp, stray_marks
from ._parts import random_dashes, random_thickness
from ._sheet import Sheet


def form(sheet: Sheet) -> None:
    """Print a form with one or two columns of labelled fields, and fill it in."""
    rng = sheet.rng
    size = sheet.digit_height
    columns = 1 if sheet.width < 14 * size else int(rng.integers(1, 3))
    label = size * rng.uniform(0.45, 0.9)
    y = rng.uniform(0.01, 0.05) * sheet.height
    if rng.random() < 0.6:
        y += 1.8 * size
        title = _fonts.sentence(int(rng.integers(8, 30)), rng)
        sheet.print_text(title, 0.05 * sheet.width, y, 1.2 * size, max_width=0.9 * sheet.width)
    kind = int(rng.integers(5))
    while y < sheet.height - 2 * size:
        height = size * rng.uniform(1.5, 2.4)
        above = rng.random() < 0.35
        y += (1.5 * label if above else 0.0) + rng.uniform(0.1, 0.8) * size
        for column in range(columns):
            left = sheet.width * (column + 0.04) / columns
            right = sheet.width * (column + 0.96) / columns
            text = _fonts.sentence(int(rng.integers(3, 18)), rng)
            if above:
                sheet.print_text(text, left, y - 0.2 * label, label, max_width=right - left)
            else:
                room = 0.5 * (right - left)
                left += (
                    sheet.print_text(text, left, y + 0.75 * height, label, max_width=room)[0]
                    + 0.5 * size
                )
            if rng.random() < 0.25:
                kind = int(rng.integers(5))
            _field(sheet, kind, (left, y, right, y + height))
        y += height
    if rng.random() < 0.4:
        signature = sheet.writer.signature(1.5 * size)
        sheet.write(signature, 0.6 * sheet.width, sheet.height - size, (0, 1), "pen")
    if rng.random() < 0.4:
        stray_marks(sheet, int(rng.integers(1, 3)))


def _field(sheet: Sheet, kind: int, box: tuple[float, float, float, float]) -> None:
    """Draw a field of a form and fill it in: underline, box, comb, check boxes or words."""
    rng = sheet.rng
    left, top, right, bottom = box
    height = bottom - top
    size = float(np.clip(height * rng.uniform(0.5, 0.75), sheet.low, sheet.high))
    thickness = random_thickness(sheet)
    base = bottom - rng.uniform(0.05, 0.3) * height
    if right - left < 2 * size:
        return
    if kind in (0, 1):
        right = min(right, left + size * rng.uniform(4, 14))
        if kind == 0:
            dashes = random_dashes(sheet, 0.3)
            sheet.ruling_line(bottom, left, right, thickness, ink="dark_ruling", dashes=dashes)
        else:
            sheet.frame((left, top, right, bottom), thickness, "dark_ruling")
        if rng.random() < 0.8:
            x = left + size * rng.uniform(0.1, 1.0)
            if rng.random() < 0.15:
                sign = str(rng.choice(list("€$£"))).replace("£", "E")
                x += sheet.print_text(sign, x, base, size)[0] + 0.2 * size
            longest = int(np.clip((right - x) / (0.7 * size), 1, 8))
            text = sheet.random_number(1, longest)
            sheet.number(text, x, base, size=size, max_width=right - x)
    elif kind == 2:
        comb(sheet, left, top, right, bottom)
    elif kind == 3:
        _check_boxes(sheet, box)
    else:
        sheet.ruling_line(
            bottom, left, right, thickness, ink="dark_ruling", dashes=random_dashes(sheet, 0.3)
        )
        text = _fonts.sentence(int((right - left) / (0.8 * size)), rng)
        sheet.write_text(text, left, base, 0.7 * size, max_width=right - left)


def comb(sheet: Sheet, left: float, top: float, right: float, bottom: float) -> None:
    """Draw a comb with a wall for each digit, and write a number into it."""
    rng = sheet.rng
    height = bottom - top
    cell = height * rng.uniform(0.6, 1.1)
    count = int(np.clip((right - left) / cell, 1, 10))
    thickness = random_thickness(sheet, 3.0)
    gap = cell * float(rng.choice([0.0, 0.0, 0.0, rng.uniform(0.05, 0.3)]))
    walls = rng.random()  # full, half, ticks
    closed = rng.random() < 0.75
    wall_top = top if walls < 0.6 else bottom - height * rng.uniform(0.1, 0.6)
    ink = "ruling" if rng.random() < 0.3 else "dark_ruling"
    for index in range(count):
        x = left + index * (cell + gap)
        if gap or (walls < 0.6 and closed):
            sheet.frame((x, top, x + cell, bottom), thickness, ink)
        else:
            sheet.ruling_line(bottom, x, x + cell, thickness, ink=ink)
            for wall in (x, x + cell):
                sheet.ruling_line(wall, wall_top, bottom, thickness, vertical=True, ink=ink)
    size = float(np.clip(height * rng.uniform(0.5, 1.0), sheet.low, sheet.high))
    used = int(rng.integers(1, count + 1)) if rng.random() < 0.6 else count
    first = 0 if rng.random() < 0.7 else count - used
    spread = rng.uniform(0.03, 0.2) * cell
    printed = rng.random() < sheet.printed
    for index, digit in enumerate(sheet.random_digits(used)):
        x = left + (first + index) * (cell + gap) + cell / 2 + rng.normal(0, spread)
        y = top + 0.52 * height + rng.normal(0, 0.05 * height)
        sheet.number(
            digit,
            x,
            y,
            (0.5, 0.5),
            size=size,
            printed=printed,
            max_width=1.2 * cell,
            decorated=False,
        )


def _check_boxes(sheet: Sheet, box: tuple[float, float, float, float]) -> None:
    """Print a row of check boxes with their labels, and tick some."""
    rng = sheet.rng
    x, top, right, bottom = box
    side = (bottom - top) * rng.uniform(0.4, 0.8)
    thickness = random_thickness(sheet, 3.0)
    while x < right - 3 * side:
        sheet.frame((x, bottom - side, x + side, bottom), thickness, "dark_ruling")
        if rng.random() < 0.5:
            mark = sheet.writer.symbol(random_symbol(rng), side * rng.uniform(0.8, 1.5))
            at = (x + side / 2, bottom - side / 2)
            sheet.write(mark, *at, (0.5, 0.5), "pen")
        word = _fonts.sentence(int(rng.integers(2, 10)), rng)
        x += 1.3 * side
        x += sheet.print_text(word, x, bottom, 0.8 * side, max_width=right - x)[0] + side


def cheque(sheet: Sheet) -> None:
    """Fill a cheque: amounts, written lines, signatures, perhaps a printed number."""
    rng = sheet.rng
    size = sheet.digit_height
    _guilloche(sheet)
    y = 1.5 * size
    while y < sheet.height:
        x = rng.uniform(0.02, 0.1) * sheet.width
        if rng.random() < 0.6:
            label = _fonts.sentence(int(rng.integers(3, 20)), rng)
            x += sheet.print_text(label, x, y, 0.5 * size, max_width=0.4 * sheet.width)[0] + size
        kind = rng.random()
        if kind < 0.5 and x < sheet.width - 5 * size:
            _amount(sheet, x, y, size)
        elif kind < 0.8:
            sheet.ruling_line(
                y, x, 0.95 * sheet.width, random_thickness(sheet, 2.0), ink="dark_ruling"
            )
            length = int((sheet.width - x) / (0.8 * size))
            text = _fonts.sentence(max(3, length), rng)
            sheet.write_text(text, x, y, 0.7 * size, max_width=max(8, 0.95 * sheet.width - x))
        else:
            sheet.write(sheet.writer.signature(1.3 * size), x, y, (0, 1), "pen")
        y += size * rng.uniform(1.8, 3.2)
    if rng.random() < 0.4:
        text = sheet.random_digits(int(rng.integers(6, 20)))
        sheet.number(
            text,
            0.1 * sheet.width,
            sheet.height - 0.3 * size,
            size=max(sheet.low, 0.6 * size),
            printed=True,
            max_width=0.8 * sheet.width,
        )
    if rng.random() < 0.3:
        stray_marks(sheet, 1)


def _amount(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Draw the field of an amount, with a currency sign before the number and marks after it."""
    rng = sheet.rng
    right = min(sheet.width - 2.0, x + size * rng.uniform(5, 11))
    if rng.random() < 0.6:
        box = (x, y - 1.4 * size, right, y + 0.35 * size)
        sheet.frame(box, random_thickness(sheet, 3.0), "dark_ruling")
    else:
        sheet.ruling_line(y + 0.1 * size, x, right, random_thickness(sheet, 3.0), ink="dark_ruling")
    x += 0.3 * size
    if rng.random() < 0.7:
        sign = str(rng.choice(["$", "€", "EUR", "F", "CHF", "US$", "DM", "Rs"]))
        if rng.random() < 0.7 or not set(sign) <= set("$€"):
            x += sheet.print_text(sign, x, y, 0.9 * size)[0] + 0.3 * size
        else:
            mark = sheet.writer.marks(sign, size)
            x += sheet.write(mark, x, y, (0, 1), "pen")[0] + 0.2 * size
    text = sheet.random_number(2, int(np.clip((right - x) / (0.7 * size), 2, 9)))
    height = float(np.clip(size * rng.uniform(0.8, 1.3), sheet.low, sheet.high))
    room = max(size, right - x)
    sheet.number(text, x, y, size=height, max_width=room, printed=rng.random() < 0.15)
    end = x + 0.75 * height * len(text)
    if rng.random() < 0.4 and end < right:
        mark = sheet.writer.marks(str(rng.choice(["-", "=", "--", "~", "*", "#"])), height)
        sheet.write(mark, end + 0.3 * size, y, (0, 1), "pen")


def _guilloche(sheet: Sheet) -> None:
    """Draw fine waves over all the sheet, or a part of it."""
    rng = sheet.rng
    if rng.random() < 0.25:
        return
    whole = rng.random() < 0.5
    width = sheet.width if whole else int(sheet.width * rng.uniform(0.3, 1.0))
    height = sheet.height if whole else int(sheet.height * rng.uniform(0.2, 1.0))
    pattern = _background.guilloche(height, width, sheet.digit_height, rng)
    left = int(rng.integers(sheet.width - width + 1))
    top = int(rng.integers(sheet.height - height + 1))
    plane = sheet.plane("pattern")
    plane[top : top + height, left : left + width] = 255 * pattern


def envelope(sheet: Sheet) -> None:
    """Address an envelope: cursive lines, a comb for the postal code, a stamp."""
    rng = sheet.rng
    size = sheet.digit_height
    x = sheet.width * rng.uniform(0.05, 0.4)
    y = sheet.height * rng.uniform(0.1, 0.4)
    lines = int(rng.integers(2, 6))
    for line in range(lines):
        number = sheet.random_digits(int(rng.integers(1, 6)))
        start = x
        address = rng.random() < 0.5 and line > 0
        if address:
            sheet.number(number, x, y, size=size)
            start += 0.8 * size * len(number) + 0.4 * size
        text = _fonts.sentence(int(rng.integers(6, 20)), rng)
        if start < sheet.width - 2 * size:
            sheet.write_text(text, start, y, 0.9 * size, max_width=0.98 * sheet.width - start)
        y += size * rng.uniform(1.4, 2.2)
    height = size * rng.uniform(1.3, 2.0)
    if y + height < sheet.height:
        left = sheet.width * rng.uniform(0.03, 0.4)
        comb(sheet, left, y, sheet.width - 4, y + height)
    if rng.random() < 0.6:
        picture(sheet, sheet.width * 0.88, sheet.height * 0.14, 3 * size)
    if rng.random() < 0.5:
        stamp(sheet, sheet.width * rng.uniform(0.5, 0.9), sheet.height * 0.15, 4 * size)
    if rng.random() < 0.3:
        bar_code(sheet, sheet.width * 0.5, sheet.height - size, size)


def votes(sheet: Sheet) -> None:
    """Fill a tally sheet: names and a box with a number for each."""
    rng = sheet.rng
    size = sheet.digit_height
    left = rng.uniform(0.02, 0.1) * sheet.width
    right = sheet.width * rng.uniform(0.85, 0.98)
    box = size * rng.uniform(2.0, 5.0)
    split = max(left + 2 * size, right - box)
    pitch = size * rng.uniform(1.4, 2.4)
    thickness = random_thickness(sheet)
    y = size * rng.uniform(0.5, 3.0)
    if y > 2 * size:
        sheet.print_text(
            _fonts.sentence(20, rng).upper(), left, y - 0.6 * size, size, max_width=right - left
        )
    grid = rng.random() < 0.7
    numbered = rng.random() < 0.4
    sheet.cells = []
    while y + pitch < sheet.height - 2:
        start = left + 0.3 * size
        if numbered:
            text = str(len(sheet.cells) + 1)
            if set(text) <= set(sheet.random_alphabet()):
                sheet.number(
                    text, start, y + 0.75 * pitch, size=max(sheet.low, 0.6 * size), printed=True
                )
            start += 1.6 * size
        name = _fonts.sentence(int(rng.integers(6, 22)), rng)
        sheet.print_text(
            name,
            start,
            y + 0.75 * pitch,
            size * rng.uniform(0.6, 0.8),
            max_width=max(4, split - start - 0.2 * size),
        )
        if grid:
            sheet.frame((left, y, right, y + pitch), thickness, "dark_ruling")
            sheet.ruling_line(split, y, y + pitch, thickness, vertical=True, ink="dark_ruling")
        else:
            inner = (split, y + 0.06 * pitch, right, y + 0.94 * pitch)
            sheet.frame(inner, thickness, "dark_ruling")
        index = None
        if rng.random() < 0.85:
            text = sheet.random_digits(int(rng.integers(1, max(2, int(box / (0.8 * size))))))
            at = ((split + right) / 2 + rng.normal(0, 0.1 * box), y + 0.5 * pitch)
            height = min(sheet.random_size(), 0.95 * pitch)
            index = sheet.number(
                text, *at, (0.5, 0.5), size=height, max_width=0.95 * box, printed=False
            )
        sheet.cells.append([index])
        y += pitch
    if rng.random() < 0.4:
        stray_marks(sheet, 2)
