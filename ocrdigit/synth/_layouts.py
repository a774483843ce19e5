"""The kinds of documents: each function fills a sheet with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from . import _fonts
from ._forms import cheque, envelope, form, votes
from ._marks import holes, stray_marks, texture
from ._parts import block_of_print, random_dashes, random_thickness, rows_of_numbers
from ._registers import register
from ._sheet import Sheet
from ._tables import sudoku, table


def _page(sheet: Sheet) -> None:
    """Fill a plain page with rows of numbers, some among words and marks."""
    rng = sheet.rng
    rows_of_numbers(sheet, words=float(rng.choice([0.0, 0.2, 0.6])))
    if rng.random() < 0.4:
        stray_marks(sheet, int(rng.integers(1, 5)))


def _ruled(sheet: Sheet) -> None:
    """Fill ruled paper: rows of numbers on, or between, ruling lines."""
    rng = sheet.rng
    pitch = sheet.digit_height * rng.uniform(1.0, 2.4)
    thickness = random_thickness(sheet)
    dashes = random_dashes(sheet, 0.1)
    start = rng.uniform(0, pitch)
    for y in np.arange(start, sheet.height, pitch):
        sheet.ruling_line(y, 0, sheet.width, thickness, dashes=dashes)
    for _ in range(int(rng.integers(3)) if rng.random() < 0.5 else 0):
        x = rng.uniform(0.03, 0.25) * sheet.width
        sheet.ruling_line(x, 0, sheet.height, thickness, vertical=True, ink="dark_ruling")
    if rng.random() < 0.12:
        holes(sheet)
    off = 0.0 if rng.random() < 0.7 else rng.uniform(0, pitch)
    rows_of_numbers(sheet, pitch=pitch, top=start + pitch + off, words=float(rng.uniform(0, 0.5)))
    if rng.random() < 0.3:
        stray_marks(sheet, int(rng.integers(1, 4)))


def _squared(sheet: Sheet) -> None:
    """Fill squared paper: rows of numbers, or a digit in each square."""
    rng = sheet.rng
    pitch = max(6.0, sheet.digit_height * rng.uniform(0.35, 1.7))
    thickness = min(random_thickness(sheet), 0.2 * pitch)
    dashes = random_dashes(sheet, 0.1)
    if rng.random() < 0.12:
        holes(sheet)
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
                        sheet.number(
                            digit,
                            *centre,
                            (0.5, 0.5),
                            size=size,
                            max_width=0.95 * pitch,
                            decorated=False,
                        )
                    x += pitch
                x += pitch * rng.integers(1, 4)
    else:
        rows = pitch * max(1, round(1.3 * sheet.digit_height / pitch))
        rows_of_numbers(sheet, pitch=rows, top=start[0] + rows, words=float(rng.uniform(0, 0.4)))


def _clutter(sheet: Sheet) -> None:
    """Fill a sheet with anything but numbers."""
    rng = sheet.rng
    kind = rng.random()
    size = sheet.digit_height
    if kind < 0.2:
        block_of_print(sheet, (0, 0, sheet.width, sheet.height), size, numbers=0)
    elif kind < 0.5:
        for y in np.arange(size, sheet.height, size * rng.uniform(1.1, 2.0)):
            text = _fonts.sentence(int(rng.uniform(0.3, 1.2) * sheet.width / (0.6 * size)), rng)
            sheet.write_text(text, rng.uniform(0, 2) * size, y, 0.8 * size)
    elif kind < 0.65:
        texture(sheet)
    if kind > 0.45:
        stray_marks(sheet, int(rng.integers(3, 14)))
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
                random_thickness(sheet, 6.0),
                vertical=vertical,
                slope=float(rng.normal(0, 0.02)),
            )


Layout = Callable[[Sheet], None]

LAYOUTS: Mapping[str, Layout] = {
    "page": _page,
    "ruled": _ruled,
    "squared": _squared,
    "table": table,
    "form": form,
    "register": register,
    "cheque": cheque,
    "sudoku": sudoku,
    "envelope": envelope,
    "votes": votes,
    "clutter": _clutter,
}
# Kinds that are entirely in their picture.
WHOLE = ("table", "sudoku", "votes", "cheque", "envelope", "form")
