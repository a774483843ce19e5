"""The kinds of documents: each function fills a sheet with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from . import _background, _fonts
from ._sheet import Gray, Sheet

# -- parts of several kinds --


def _rows_of_numbers(
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


def _block_of_print(
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


def _stray_marks(sheet: Sheet, count: int) -> None:
    """Add ticks, crosses, signatures, doodles, stamps and bar codes at random places."""
    rng = sheet.rng
    for _ in range(count):
        x, y = rng.uniform(0, sheet.width), rng.uniform(0, sheet.height)
        size = sheet.digit_height * rng.uniform(0.7, 2.0)
        kind = rng.random()
        ink = "pen" if rng.random() < 0.6 else "pen2"
        if kind < 0.3:
            sheet.write(sheet.writer.symbol(_tick(rng), size), x, y, (0.5, 0.5), ink)
        elif kind < 0.5:
            sheet.write(sheet.writer.signature(1.3 * size), x, y, (0.5, 0.5), ink)
        elif kind < 0.65:
            sheet.write(sheet.writer.doodle(size), x, y, (0.5, 0.5), ink)
        elif kind < 0.8:
            _stamp(sheet, x, y, size * rng.uniform(1.5, 4))
        elif kind < 0.88:
            _bar_code(sheet, x, y, size)
        elif kind < 0.95:
            _slash(sheet, x, y, size * rng.uniform(0.8, 2.5), ink)
        else:
            _picture(sheet, x, y, size * rng.uniform(2, 5))


def _tick(rng: np.random.Generator) -> str:
    names = ("tick", "tick", "cross", "cross", "arrow", "star", "triangle", "heart")
    return names[rng.integers(len(names))]


def _slash(sheet: Sheet, x: float, y: float, size: float, ink: str) -> None:
    """Draw a straight stroke, as clerks do to tick off a line."""
    rng = sheet.rng
    sheet.write(sheet.writer.marks(str(rng.choice(list("/\\-|"))), size), x, y, (0.5, 0.5), ink)


def _stamp(sheet: Sheet, x: float, y: float, size: float) -> None:
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


def _bar_code(sheet: Sheet, x: float, y: float, size: float) -> None:
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


def _picture(sheet: Sheet, x: float, y: float, size: float) -> None:
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
    picture = Image.fromarray(tones).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def _solid(width: float, height: float) -> Gray:
    return np.full((max(1, round(height)), max(1, round(width))), 255, np.uint8)


def _holes(sheet: Sheet) -> None:
    """Punch holes along the left side; they are background."""
    rng = sheet.rng
    radius = sheet.digit_height * rng.uniform(0.2, 0.5)
    side = int(2 * radius) + 2
    v, u = np.mgrid[0:side, 0:side] - (side - 1) / 2
    hole = (255 * np.clip(radius + 0.5 - np.hypot(u, v), 0, 1)).astype(np.uint8)
    x = int(rng.uniform(0, 2 * side))
    for y in np.arange(rng.uniform(0, 4), sheet.height / side, rng.uniform(1.5, 8)):
        sheet.paste(hole, x, int(y * side), "print", 0)


def _thickness(sheet: Sheet, thickest: float = 4.0) -> float:
    """Return the thickness of ruling lines in pixels; thin ones are more frequent."""
    thickest = min(thickest, max(1.0, 0.25 * sheet.digit_height))
    return float(np.exp(sheet.rng.uniform(np.log(0.8), np.log(thickest))))


def _dashes(sheet: Sheet, probability: float) -> tuple[float, float] | None:
    rng = sheet.rng
    if rng.random() >= probability:
        return None
    return float(rng.uniform(2, 12)), float(rng.uniform(0.2, 0.6))


# -- kinds --


def _page(sheet: Sheet) -> None:
    rng = sheet.rng
    _rows_of_numbers(sheet, words=float(rng.choice([0.0, 0.2, 0.6])))
    if rng.random() < 0.4:
        _stray_marks(sheet, int(rng.integers(1, 5)))


def _ruled(sheet: Sheet) -> None:
    rng = sheet.rng
    pitch = sheet.digit_height * rng.uniform(1.0, 2.4)
    thickness = _thickness(sheet)
    dashes = _dashes(sheet, 0.1)
    start = rng.uniform(0, pitch)
    for y in np.arange(start, sheet.height, pitch):
        sheet.ruling_line(y, 0, sheet.width, thickness, dashes=dashes)
    for _ in range(int(rng.integers(3)) if rng.random() < 0.5 else 0):
        x = rng.uniform(0.03, 0.25) * sheet.width
        sheet.ruling_line(x, 0, sheet.height, thickness, vertical=True, ink="dark_ruling")
    if rng.random() < 0.12:
        _holes(sheet)
    off = 0.0 if rng.random() < 0.7 else rng.uniform(0, pitch)
    _rows_of_numbers(sheet, pitch=pitch, top=start + pitch + off, words=float(rng.uniform(0, 0.5)))
    if rng.random() < 0.3:
        _stray_marks(sheet, int(rng.integers(1, 4)))


def _squared(sheet: Sheet) -> None:
    rng = sheet.rng
    pitch = max(6.0, sheet.digit_height * rng.uniform(0.35, 1.7))
    thickness = min(_thickness(sheet), 0.2 * pitch)
    dashes = _dashes(sheet, 0.1)
    if rng.random() < 0.12:
        _holes(sheet)
    start = rng.uniform(0, pitch, 2)
    bold = int(rng.choice([0, 0, 5, 10]))
    for axis, (end, across) in enumerate(
        ((sheet.height, sheet.width), (sheet.width, sheet.height))
    ):
        for index, position in enumerate(np.arange(start[axis], end, pitch)):
            heavy = 1.8 if bold and index % bold == 0 else 1.0
            sheet.ruling_line(
                position, 0, across, heavy * thickness, vertical=axis == 1, dashes=dashes
            )
    if pitch > 1.15 * sheet.low and rng.random() < 0.4:  # a digit in each square
        size = float(np.clip(pitch * rng.uniform(0.6, 1.0), sheet.low, sheet.high))
        for y in np.arange(start[0] + pitch, sheet.height, pitch * rng.integers(1, 4)):
            x = start[1] + pitch * rng.integers(0, 4)
            while x < sheet.width - pitch and len(sheet.texts) < 150:
                for digit in sheet.random_number(1, 6).replace(sheet.mark, ""):
                    if x < sheet.width and digit.isdigit():
                        centre = (x + pitch / 2, y - pitch / 2)
                        sheet.number(digit, *centre, (0.5, 0.5), size=size, max_width=0.95 * pitch)
                    x += pitch
                x += pitch * rng.integers(1, 4)
    else:
        rows = pitch * max(1, round(1.3 * sheet.digit_height / pitch))
        _rows_of_numbers(sheet, pitch=rows, top=start[0] + rows, words=float(rng.uniform(0, 0.4)))


def _table(sheet: Sheet) -> None:
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
            _rows_of_numbers(sheet, words=float(rng.uniform(0, 0.9)), box=below)
        else:
            _block_of_print(sheet, below, size * rng.uniform(0.6, 1.2))


def _draw_grid(sheet: Sheet, x: np.ndarray, y: np.ndarray) -> set[tuple[int, int]]:
    """Draw the ruling lines of a table; return its cells that are merged with their left one."""
    rng = sheet.rng
    ink = "dark_ruling" if rng.random() < 0.6 else "ruling"
    thickness = _thickness(sheet, 6.0)
    outer = thickness * float(rng.choice([1.0, 1.0, 2.0]))
    double = thickness * 2.5 if rng.random() < 0.12 else 0.0
    rows, columns = len(y) - 1, len(x) - 1
    merged = set()
    if rng.random() < 0.2:
        for row in range(rows):
            if columns > 1 and rng.random() < 0.3:
                merged.add((row, int(rng.integers(1, columns))))
    style = rng.random()  # all lines, horizontal ones only, vertical ones only, no outer ones
    dashes = _dashes(sheet, 0.08)
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
                mark = sheet.writer.symbol(_tick(rng), 0.7 * size)
                sheet.write(mark, at, middle, (align, 0.5), "pen")


def _form(sheet: Sheet) -> None:
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
        _stray_marks(sheet, int(rng.integers(1, 3)))


def _field(sheet: Sheet, kind: int, box: tuple[float, float, float, float]) -> None:
    """Draw a field of a form and fill it in: underline, box, comb, check boxes or words."""
    rng = sheet.rng
    left, top, right, bottom = box
    height = bottom - top
    size = float(np.clip(height * rng.uniform(0.5, 0.75), sheet.low, sheet.high))
    thickness = _thickness(sheet)
    base = bottom - rng.uniform(0.05, 0.3) * height
    if right - left < 2 * size:
        return
    if kind in (0, 1):
        right = min(right, left + size * rng.uniform(4, 14))
        if kind == 0:
            dashes = _dashes(sheet, 0.3)
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
            bottom, left, right, thickness, ink="dark_ruling", dashes=_dashes(sheet, 0.3)
        )
        text = _fonts.sentence(int((right - left) / (0.8 * size)), rng)
        sheet.write_text(text, left, base, 0.7 * size, max_width=right - left)


def comb(sheet: Sheet, left: float, top: float, right: float, bottom: float) -> None:
    """Draw a comb with a wall for each digit, and write a number into it."""
    rng = sheet.rng
    height = bottom - top
    cell = height * rng.uniform(0.6, 1.1)
    count = int(np.clip((right - left) / cell, 1, 10))
    thickness = _thickness(sheet, 3.0)
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
        sheet.number(digit, x, y, (0.5, 0.5), size=size, printed=printed, max_width=1.2 * cell)


def _check_boxes(sheet: Sheet, box: tuple[float, float, float, float]) -> None:
    rng = sheet.rng
    x, top, right, bottom = box
    side = (bottom - top) * rng.uniform(0.4, 0.8)
    thickness = _thickness(sheet, 3.0)
    while x < right - 3 * side:
        sheet.frame((x, bottom - side, x + side, bottom), thickness, "dark_ruling")
        if rng.random() < 0.5:
            mark = sheet.writer.symbol(_tick(rng), side * rng.uniform(0.8, 1.5))
            at = (x + side / 2, bottom - side / 2)
            sheet.write(mark, *at, (0.5, 0.5), "pen")
        word = _fonts.sentence(int(rng.integers(2, 10)), rng)
        x += 1.3 * side
        x += sheet.print_text(word, x, bottom, 0.8 * side, max_width=right - x)[0] + side


def _register(sheet: Sheet) -> None:
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
            sheet.ruling_line(y, 0, sheet.width, _thickness(sheet), ink="dark_ruling")
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
        _slash(sheet, rng.uniform(0, sheet.width), rng.uniform(0, sheet.height), 2 * size, "pen2")
    if rng.random() < 0.2:
        _stamp(sheet, rng.uniform(0, sheet.width), rng.uniform(0, sheet.height), 4 * size)


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
    thickness = _thickness(sheet, 6.0)
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
        thin, dashes = _thickness(sheet, 2.0), _dashes(sheet, 0.3)
        for y in np.arange(top + pitch, sheet.height, pitch):
            sheet.ruling_line(y, 0, sheet.width, thin, dashes=dashes)


def _cursive_line(sheet: Sheet, left: float, y: float, right: float, size: float) -> None:
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


def _cheque(sheet: Sheet) -> None:
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
            sheet.ruling_line(y, x, 0.95 * sheet.width, _thickness(sheet, 2.0), ink="dark_ruling")
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
        _stray_marks(sheet, 1)


def _amount(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Draw the field of an amount, with a currency sign before the number and marks after it."""
    rng = sheet.rng
    right = min(sheet.width - 2.0, x + size * rng.uniform(5, 11))
    if rng.random() < 0.6:
        box = (x, y - 1.4 * size, right, y + 0.35 * size)
        sheet.frame(box, _thickness(sheet, 3.0), "dark_ruling")
    else:
        sheet.ruling_line(y + 0.1 * size, x, right, _thickness(sheet, 3.0), ink="dark_ruling")
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


def _sudoku(sheet: Sheet) -> None:
    rng = sheet.rng
    side = min(sheet.width, sheet.height) * rng.uniform(0.72, 0.97)
    cut = side < 12 * sheet.low  # digits would be too low: show a part of the grid
    if cut:
        side = rng.uniform(13, 20) * sheet.low
    cell = side / 9
    spare_x, spare_y = sheet.width - side, sheet.height - side
    left, top = rng.uniform(0.1, 0.9) * spare_x, rng.uniform(0.1, 0.9) * spare_y
    thin = min(_thickness(sheet, 2.5), 0.1 * cell)
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
                max_width=0.9 * cell,
                size=printed_size if printed else hand_size * rng.uniform(0.85, 1.15),
            )
    if cut:
        sheet.cells = None
    _around(sheet, (left, top, left + side, top + side), 0.35 * cell)


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
            _block_of_print(sheet, area, size, numbers=0.1, font=font)


def _envelope(sheet: Sheet) -> None:
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
        _picture(sheet, sheet.width * 0.88, sheet.height * 0.14, 3 * size)
    if rng.random() < 0.5:
        _stamp(sheet, sheet.width * rng.uniform(0.5, 0.9), sheet.height * 0.15, 4 * size)
    if rng.random() < 0.3:
        _bar_code(sheet, sheet.width * 0.5, sheet.height - size, size)


def _votes(sheet: Sheet) -> None:
    rng = sheet.rng
    size = sheet.digit_height
    left = rng.uniform(0.02, 0.1) * sheet.width
    right = sheet.width * rng.uniform(0.85, 0.98)
    box = size * rng.uniform(2.0, 5.0)
    split = max(left + 2 * size, right - box)
    pitch = size * rng.uniform(1.4, 2.4)
    thickness = _thickness(sheet)
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
        _stray_marks(sheet, 2)


def _clutter(sheet: Sheet) -> None:
    rng = sheet.rng
    kind = rng.random()
    size = sheet.digit_height
    if kind < 0.2:
        _block_of_print(sheet, (0, 0, sheet.width, sheet.height), size, numbers=0)
    elif kind < 0.5:
        for y in np.arange(size, sheet.height, size * rng.uniform(1.1, 2.0)):
            text = _fonts.sentence(int(rng.uniform(0.3, 1.2) * sheet.width / (0.6 * size)), rng)
            sheet.write_text(text, rng.uniform(0, 2) * size, y, 0.8 * size)
    elif kind < 0.65:
        _texture(sheet)
    if kind > 0.45:
        _stray_marks(sheet, int(rng.integers(3, 14)))
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 12))):
            vertical = rng.random() < 0.5
            length = sheet.height if vertical else sheet.width
            start, end = np.sort(rng.uniform(-0.3, 1.3, 2)) * length
            across = sheet.width if vertical else sheet.height
            sheet.ruling_line(
                rng.uniform(0, across),
                start,
                end,
                _thickness(sheet, 6.0),
                vertical=vertical,
                slope=float(rng.normal(0, 0.02)),
            )


def _texture(sheet: Sheet) -> None:
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


Layout = Callable[[Sheet], None]

LAYOUTS: Mapping[str, Layout] = {
    "page": _page,
    "ruled": _ruled,
    "squared": _squared,
    "table": _table,
    "form": _form,
    "register": _register,
    "cheque": _cheque,
    "sudoku": _sudoku,
    "envelope": _envelope,
    "votes": _votes,
    "clutter": _clutter,
}
# Kinds that are entirely in their picture.
WHOLE = ("table", "sudoku", "votes", "cheque", "envelope", "form")
