"""Made-up forms, and pages of them that were filled in and scanned or photographed.

A form is A4 at 150 dpi, 1,240 x 1,754 pixels. Its fields and print follow from its kind and its
seed, so that the pages of a form differ in handwriting, geometry, light and camera only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrdigit.synth import _fonts
from ocrdigit.synth._digits import Digits, as_digits
from ocrdigit.synth._document import _DOCUMENT
from ocrdigit.synth._photo import Geometry, _forward, geometry_of, photograph
from ocrdigit.synth._sheet import Sheet

Gray = NDArray[np.uint8]

SIZE = (1240, 1754)
PHOTO_SIZE = (1512, 2016)
KINDS = ("marks", "lines", "print")
CAPTURES = ("scan", "photo")

_MARGIN = 90.0
_DIVISIONS = 48  # of a picture's sides, so that its truth is good to 0.1 pixels
_STYLE = _DOCUMENT.with_(inverted=0.0, darkness=(0.55, 1.0))
_DIGITS = (26.0, 40.0)


@dataclass(frozen=True)
class MadeUpField:
    """A field: what its template says of it, and the digits that are written in it, by cell."""

    name: str
    kind: str  # of ocrdigit.FormField
    box: tuple[int, int, int, int]
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True)
class MadeUpForm:
    """A form without writing: its kind, seed, picture and fields."""

    kind: str
    seed: int
    picture: Gray
    fields: tuple[MadeUpField, ...]


@dataclass(frozen=True)
class MadeUpPage:
    """A page of a form, the homography from its pixels to the picture's, and its texts.

    ``texts`` has for each field the rows of its cells; those of a comb have a digit each, other
    fields have one cell.
    """

    form: MadeUpForm
    image: Gray
    matrix: NDArray[np.float64]
    texts: dict[str, list[list[str]]]


def _print_marks(sheet: Sheet) -> None:
    side, inset = 28.0, 60.0
    for x in (inset, sheet.width - inset):
        for y in (inset, sheet.height - inset):
            sheet.ruling_line(y, x - side / 2, x + side / 2, side, ink="dark_ruling")


def _print_paragraph(sheet: Sheet, left: float, y: float, right: float, lines: int) -> float:
    """Print lines of small text; return the height after them."""
    for _ in range(lines):
        text = _fonts.sentence(int((right - left) / 11), sheet.rng)
        sheet.print_text(text, left, y + 22, 20, max_width=right - left)
        y += 30
    return y


class _Layout:
    """Prints a form of a kind on a sheet, and lists its fields."""

    def __init__(self, kind: str, sheet: Sheet) -> None:
        self.kind, self.sheet = kind, sheet
        self.has_lines, self.has_text = kind != "print", kind != "lines"
        self.thickness = float(sheet.rng.uniform(1.5, 3.5))
        self.fields: list[MadeUpField] = []
        self._print()

    def _print(self) -> None:
        sheet, rng = self.sheet, self.sheet.rng
        right = sheet.width - _MARGIN
        y = _MARGIN + rng.uniform(20, 60)
        if self.kind == "marks":
            _print_marks(sheet)
        if self.has_text:
            title = _fonts.sentence(int(rng.integers(10, 30)), rng)
            sheet.print_text(title, _MARGIN + 20, y + 40, 44, max_width=0.7 * sheet.width)
            y = _print_paragraph(sheet, _MARGIN, y + 70, right, int(rng.integers(1, 4))) + 20
        table_at = int(rng.integers(2, 6)) if self.has_lines and rng.random() < 0.8 else -1
        row = 0
        while y < sheet.height - 190:
            if row == table_at and y < sheet.height - 560:
                y = self._print_table(y)
            else:
                y = self._print_row(y)
            if self.has_text and rng.random() < 0.2:
                y = _print_paragraph(sheet, _MARGIN, y, right, 1) + 15
            row += 1

    def _print_row(self, y: float) -> float:
        """Print one or two fields side by side; return the height after them."""
        rng = self.sheet.rng
        count = int(rng.integers(1, 3))
        height = float(rng.uniform(50, 68))
        room = (self.sheet.width - 2 * _MARGIN) / count
        for column in range(count):
            left, right = _MARGIN + column * room, _MARGIN + (column + 0.93) * room
            if self.has_text:
                label = _fonts.sentence(int(rng.integers(4, 12)), rng)
                x, base = left, y + 0.65 * height
                width = self.sheet.print_text(label, x, base, 24, max_width=0.4 * room)[0]
                left += max(width, 0.15 * room) + 18
            else:
                left += rng.uniform(0, 0.25) * room
            right = min(right, left + rng.uniform(0.5, 1) * (right - left))
            self._print_field((left, y, right, y + height))
        return y + height + float(rng.uniform(25, 60))

    def _print_field(self, box: tuple[float, float, float, float]) -> None:
        left, top, right, bottom = box
        columns = int(min(10, (right - left) // (0.8 * (bottom - top))))
        if self.sheet.rng.random() < 0.4 and self.has_lines and columns >= 3:
            right = left + columns * 0.8 * (bottom - top)
            self._print_grid((left, top, right, bottom), 1, columns)
            self._add("comb", (left, top, right, bottom), 1, columns)
            return
        if self.has_lines and (self.kind == "lines" or self.sheet.rng.random() < 0.7):
            self.sheet.frame(box, self.thickness, "dark_ruling")
        elif self.has_lines:
            self.sheet.ruling_line(bottom, left, right, self.thickness, ink="dark_ruling")
        self._add("field", box, 1, 1)

    def _print_table(self, y: float) -> float:
        rng = self.sheet.rng
        rows, columns = int(rng.integers(3, 6)), int(rng.integers(3, 6))
        left, right = _MARGIN + rng.uniform(0, 60), self.sheet.width - _MARGIN - rng.uniform(0, 60)
        bottom = y + rows * rng.uniform(54, 70)
        self._print_grid((left, y, right, bottom), rows, columns)
        self._add("table", (left, y, right, bottom), rows, columns)
        return bottom + float(rng.uniform(30, 60))

    def _print_grid(self, box: tuple[float, float, float, float], rows: int, columns: int) -> None:
        left, top, right, bottom = box
        sheet, half = self.sheet, self.thickness / 2
        for y in np.linspace(top, bottom, rows + 1):
            sheet.ruling_line(y, left - half, right + half, self.thickness, ink="dark_ruling")
        for x in np.linspace(left, right, columns + 1):
            sheet.ruling_line(
                x, top - half, bottom + half, self.thickness, vertical=True, ink="dark_ruling"
            )

    def _add(self, kind: str, box: tuple[float, ...], rows: int, columns: int) -> None:
        left, top, right, bottom = map(round, box)
        name = f"{kind} {len(self.fields) + 1}"
        box = (left, top, right - left, bottom - top)
        self.fields.append(MadeUpField(name, kind, box, rows, columns))


def _new_sheet(digits: Digits, rng: np.random.Generator) -> Sheet:
    return Sheet(SIZE, _DIGITS, _STYLE, digits, _fonts.find_fonts(None), rng)


def make_form(kind: str, seed: int) -> MadeUpForm:
    """Return a form with corner marks, with ruling lines only, or with print only."""
    sheet = _new_sheet(as_digits(None), np.random.default_rng([seed, KINDS.index(kind)]))
    layout = _Layout(kind, sheet)
    tones = np.full((SIZE[1], SIZE[0]), 255, np.uint8)
    for plane in sheet.planes.values():
        np.minimum(tones, 255 - plane, out=tones)
    return MadeUpForm(kind, seed, tones, tuple(layout.fields))


def _fill(sheet: Sheet, field: MadeUpField, rng: np.random.Generator) -> list[list[str]]:
    """Write in a field; return what is in its cells."""
    x, y, w, h = field.box
    texts = [[""] * field.columns for _ in range(field.rows)]
    filled = rng.random() < 0.85
    used = int(rng.integers(1, field.columns + 1))
    for i, row in enumerate(texts):
        for j in range(field.columns):
            width, height = w / field.columns, h / field.rows
            digit = 0.55 * height
            if field.kind == "comb":
                row[j] = sheet.random_digits(1) if filled and j < used else ""
            elif filled and (field.kind == "field" or rng.random() < 0.8):
                longest = int(np.clip(width / (0.9 * digit), 1, 7))
                row[j] = sheet.random_digits(int(rng.integers(1, longest + 1)))
            if row[j]:
                at = (x + (j + 0.5) * width, y + (i + 0.5) * height)
                middle = at + rng.normal(0, 0.04, 2) * height
                room = {"max_width": 0.9 * width, "size": digit * rng.uniform(0.85, 1.2)}
                sheet.number(row[j], *middle, (0.5, 0.5), printed=False, decorated=False, **room)
    return texts


def _scan_geometry(rng: np.random.Generator) -> Geometry:
    """Skew up to 3 degrees, shift up to 5 %, scale up to 3 %."""
    angle, zoom = np.deg2rad(rng.uniform(-3, 3)), rng.uniform(0.97, 1.03)
    cosine, sine = zoom * np.cos(angle), zoom * np.sin(angle)
    middle = np.array(SIZE) / 2
    shift = middle + rng.uniform(-0.05, 0.05, 2) * SIZE
    matrix = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])
    matrix[:2, 2] = shift - matrix[:2, :2] @ middle
    return geometry_of(SIZE, SIZE, matrix, 0.0, rng, _DIVISIONS)


def _photo_geometry(rng: np.random.Generator, curl: float) -> Geometry:
    """Return a geometry with the whole page in the picture, turned a little and tilted."""
    angle = float(np.deg2rad(np.clip(rng.normal(0, 4), -12, 12)))
    tilt = np.clip(rng.normal(0, 0.06, 2), -0.15, 0.15)
    inner = tuple(int(side * (1 - rng.uniform(0.0, 0.1))) for side in PHOTO_SIZE)
    matrix = _forward(inner, SIZE, angle, tilt, True)
    # _forward never enlarges; a photo has more pixels than the sheet.
    corners = matrix @ np.array([(0, 0, 1), (SIZE[0], 0, 1), (0, SIZE[1], 1), (*SIZE, 1)], float).T
    x, y = corners[:2] / corners[2]
    zoom = min(inner[0] / np.ptp(x), inner[1] / np.ptp(y))
    middle = [(x.min() + x.max()) / 2, (y.min() + y.max()) / 2]
    offset = [PHOTO_SIZE[k] / 2 - zoom * middle[k] for k in (0, 1)]
    enlarged = np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]], [0, 0, 1.0]])
    return geometry_of(PHOTO_SIZE, SIZE, enlarged @ matrix, curl, rng, _DIVISIONS)


def make_page(
    form: MadeUpForm, capture: str, seed: int, *, digits: object = None, curl: float = 0.0
) -> MadeUpPage:
    """Return a page of a form, filled in and captured as a "scan" or a "photo"."""
    rng = np.random.default_rng([form.seed, KINDS.index(form.kind), seed])
    sheet = _new_sheet(
        as_digits(digits), np.random.default_rng([form.seed, KINDS.index(form.kind)])
    )
    _Layout(form.kind, sheet)
    sheet.rng = sheet.writer.rng = rng
    texts = {field.name: _fill(sheet, field, rng) for field in form.fields}
    sheet.write(sheet.writer.signature(70), 0.55 * SIZE[0], SIZE[1] - 90, (0, 1), "pen")
    for _ in range(int(rng.integers(0, 4))):  # remarks, anywhere
        x, y = rng.uniform(0.05, 0.6) * SIZE[0], rng.uniform(0.05, 0.95) * SIZE[1]
        sheet.write_text(_fonts.sentence(int(rng.integers(5, 20)), rng), x, y, 26, max_width=400)
    sheet.finish()
    photo = capture == "photo"
    geometry = _photo_geometry(rng, curl) if photo else _scan_geometry(rng)
    style = _STYLE.with_(shadow=0.5) if photo else _STYLE
    size = PHOTO_SIZE if photo else SIZE
    image, _ = photograph(sheet, size, geometry, style, True, float(photo), rng)
    centred = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])  # to the middles of pixels
    matrix = np.linalg.inv(centred) @ geometry.matrix @ centred
    return MadeUpPage(form, image, matrix / matrix[2, 2], texts)
