"""Tables and sudokus."""

from __future__ import annotations

import numpy as np

from . import _fonts
from ._marks import random_symbol
from ._parts import block_of_print, random_dashes, random_thickness, rows_of_numbers
from ._sheet import Gray, Sheet


def table(sheet: Sheet) -> None:
    """Draw and fill a table, perhaps with a title above it and other text below it."""
    rng = sheet.rng
    size = sheet.digit_height
    inset = rng.uniform(0.01, 0.08) * min(sheet.width, sheet.height)
    top = inset + (size * rng.uniform(1.5, 3) if rng.random() < 0.3 else 0)
    most_rows = max(1, int((sheet.height - inset - top) / (1.35 * size)))
    most_columns = max(1, int((sheet.width - 2 * inset) / (2.2 * size)))
    rows = int(rng.integers(1, min(20, most_rows) + 1))
    columns = int(rng.integers(1, min(8, most_columns) + 1))
    row_height = min((sheet.height - inset - top) / rows, size * rng.uniform(1.35, 3.0))
    widths = rng.uniform(0.7, 1.5, columns)
    widths *= (sheet.width - 2 * inset) / widths.sum()
    wide = size * rng.uniform(3, 7)
    x = inset + np.r_[0, np.cumsum(np.minimum(widths, wide) if rng.random() < 0.5 else widths)]
    y = top + row_height * np.arange(rows + 1)
    if top > inset + 1:
        title = _fonts.sentence(int(rng.integers(5, 25)), rng)
        sheet.print_text(title, x[0], top - 0.4 * size, size, max_width=sheet.width - x[0])
    merged = _draw_grid(sheet, x, y)
    _fill_cells(sheet, x, y, merged)
    below = (x[0], y[-1] + 1.5 * size, sheet.width - inset, sheet.height - inset)
    if rng.random() < 0.7 and below[3] - below[1] > 2 * size:
        if rng.random() < 0.6:
            rows_of_numbers(sheet, words=float(rng.uniform(0, 0.9)), box=below)
        else:
            block_of_print(sheet, below, size * rng.uniform(0.6, 1.2))


def _draw_grid(sheet: Sheet, x: np.ndarray, y: np.ndarray) -> set[tuple[int, int]]:
    """Draw the ruling lines of a table; return its cells that are merged with their left one."""
    rng = sheet.rng
    ink = "dark_ruling" if rng.random() < 0.6 else "ruling"
    thickness = random_thickness(sheet, 6.0)
    outer = thickness * float(rng.choice([1.0, 1.0, 2.0]))
    double = thickness * 2.5 if rng.random() < 0.12 else 0.0
    rows, columns = len(y) - 1, len(x) - 1
    merged = set()
    if rng.random() < 0.2:
        for row in range(rows):
            if columns > 1 and rng.random() < 0.3:
                merged.add((row, int(rng.integers(1, columns))))
    style = rng.random()  # all lines, horizontal ones only, vertical ones only, no outer ones
    dashes = random_dashes(sheet, 0.08)
    for index, position in enumerate(y):
        border = index in (0, rows)
        if (0.8 < style < 0.87 and not border) or (style > 0.94 and border):
            continue
        thick = outer if border else thickness
        for shift in (0.0, double) if double and index <= 1 else (0.0,):
            sheet.ruling_line(position + shift, x[0], x[-1] + 1, thick, ink=ink, dashes=dashes)
    for index, position in enumerate(x):
        border = index in (0, columns)
        if (0.87 <= style < 0.94) or (style > 0.94 and border):
            continue
        thick = outer if border else thickness
        for shift in (0.0, double) if double and index <= 1 else (0.0,):
            for row in range(rows):
                if (row, index) not in merged:
                    start, end = y[row] - thick / 2, y[row + 1] + thick / 2
                    sheet.ruling_line(
                        position + shift, start, end, thick, vertical=True, ink=ink, dashes=dashes
                    )
    return merged


def _fill_cells(sheet: Sheet, x: np.ndarray, y: np.ndarray, merged: set[tuple[int, int]]) -> None:
    """Write numbers, words and marks into the cells of a table; set the cells of the sheet."""
    rng = sheet.rng
    rows, columns = len(y) - 1, len(x) - 1
    header = rows > 1 and rng.random() < 0.45
    row_labels = columns > 1 and rng.random() < 0.35
    filled = rng.uniform(0.5, 1.0)
    align = float(rng.choice([0.0, 0.5, 1.0]))
    pad = rng.uniform(0.05, 0.3) * sheet.digit_height
    sheet.cells = [[None] * columns for _ in range(rows)]
    for row in range(rows):
        for column in range(columns):
            if (row, column) in merged:
                continue
            height, width = y[row + 1] - y[row], x[column + 1] - x[column]
            at = x[column] + pad + align * (width - 2 * pad)
            middle = y[row] + height * (0.5 + rng.normal(0, 0.03))
            room = max(4.0, width - 2 * pad)
            size = float(min(sheet.random_size(), 0.85 * height))
            if (header and row == 0) or (row_labels and column == 0):
                word = _fonts.sentence(max(2, int(min(14, 1.6 * room / size))), rng)
                anchor = (align, 0.5)
                small = 0.7 * min(size * 1.3, height)
                if rng.random() < 0.75:
                    sheet.print_text(word, at, middle, small, anchor, max_width=room)
                else:
                    sheet.write_text(word, at, middle, 0.8 * small, anchor, max_width=room)
            elif rng.random() < filled:
                longest = int(np.clip(room / (0.65 * size), 1, 8))
                text = sheet.random_number(1, longest)
                sheet.cells[row][column] = sheet.number(
                    text, at, middle, (align, 0.5), size=size, max_width=room
                )
            elif rng.random() < 0.12:
                mark = sheet.writer.symbol(random_symbol(rng), 0.7 * size)
                sheet.write(mark, at, middle, (align, 0.5), "pen")


def sudoku(sheet: Sheet) -> None:
    """Draw a sudoku with printed and handwritten digits, surrounded by newspaper print."""
    rng = sheet.rng
    side = min(sheet.width, sheet.height) * rng.uniform(0.72, 0.97)
    cut = side < 12 * sheet.low  # digits would be too low: show a part of the grid
    if cut:
        side = rng.uniform(13, 20) * sheet.low
    cell = side / 9
    spare_x, spare_y = sheet.width - side, sheet.height - side
    left, top = rng.uniform(0.1, 0.9) * spare_x, rng.uniform(0.1, 0.9) * spare_y
    thin = min(random_thickness(sheet, 2.5), 0.1 * cell)
    thick = max(1.5, min(thin * rng.uniform(1.0, 3.5), 0.15 * cell))
    edge = thick * rng.uniform(1.0, 2.0)
    ink = "ruling" if rng.random() < 0.35 else "dark_ruling"
    for index in range(10):
        bold = index % 3 == 0
        width = edge if index in (0, 9) else thick if bold else thin
        for vertical, first, start in ((False, top, left), (True, left, top)):
            at = first + index * cell
            sheet.ruling_line(
                at,
                start - edge / 2,
                start + side + edge / 2,
                width,
                vertical=vertical,
                ink="dark_ruling" if bold else ink,
            )
    printed_size = cell * rng.uniform(0.45, 0.7)
    hand_size = cell * rng.uniform(0.4, 0.75)
    given, filled = rng.uniform(0.25, 0.5), float(rng.choice([0.0, 1.0, 1.0, rng.random()]))
    sheet.cells = [[None] * 9 for _ in range(9)]
    spread = rng.uniform(0.02, 0.1) * cell
    shade = rng.random() < 0.15
    for row in range(9):
        for column in range(9):
            x, y = left + (column + 0.5) * cell, top + (row + 0.5) * cell
            if shade and (row // 3 + column // 3) % 2:
                box = (round(x - cell / 2), round(y - cell / 2))
                sheet.tint(_solid(cell, cell), *box)
            printed = rng.random() < given
            if not printed and rng.random() >= filled:
                continue
            if not printed:
                x, y = x + rng.normal(0, spread), y + rng.normal(0, spread)
            sheet.cells[row][column] = sheet.number(
                sheet.random_digits(1, "123456789"),
                x,
                y,
                (0.5, 0.5),
                printed=printed,
                decorated=False,
                max_width=0.9 * cell,
                size=printed_size if printed else hand_size * rng.uniform(0.85, 1.15),
            )
    if cut:
        sheet.cells = None
    _around(sheet, (left, top, left + side, top + side), 0.35 * cell)


def _solid(width: float, height: float) -> Gray:
    """Return full coverage of a rectangle."""
    return np.full((max(1, round(height)), max(1, round(width))), 255, np.uint8)


def _around(sheet: Sheet, box: tuple[float, float, float, float], size: float) -> None:
    """Print newspaper text around a box."""
    rng = sheet.rng
    left, top, right, bottom = box
    font = sheet.fonts.printed(rng)
    size = max(6.0, size * rng.uniform(0.5, 1.1))
    gap = 1.2 * size
    for area in (
        (left, 0.0, right, top - gap),
        (left, bottom + gap, right, sheet.height + size),
        (0.0, 0.0, left - gap, sheet.height + size),
        (right + gap, 0.0, sheet.width + size, sheet.height + size),
    ):
        if rng.random() < 0.7 and area[3] - area[1] > size:
            if rng.random() < 0.3:
                head = _fonts.sentence(8, rng).upper()
                wide = area[2] - area[0]
                sheet.print_text(head, area[0], area[3], 2 * size, ink="label", max_width=wide)
                area = (*area[:3], area[3] - 2.2 * size)
            block_of_print(sheet, area, size, numbers=0.1, font=font)
