"""Reading of the fields of a page that is aligned with its form."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from .. import _checks, _core, image
from .._numbers import Number
from .._page_reader import PageReader, checked_model
from .._recognizers import RECOGNIZERS
from .._rows import find_rows
from ..estimator import DigitClassifier
from ..table import Cell, Table, read_table
from ._alignment import Alignment, Floats, Foreground, Gray, map_points
from ._comb import read_comb, read_formatted_comb
from ._field import Box, FormField
from ._reading import FieldReading

__all__ = ["AlignedPage", "FieldReader"]

# What is sampled around a field, relative to the height of its cells.
_MARGIN = 0.15
# How far print may be from its place, in pixels of the form's foreground.
_SLACK = 2.0
# Pixels of a sampled field for one of the form.
_MIN_ZOOM, _MAX_ZOOM = 0.5, 4.0
# Least foreground level of writing, csrc/page/print_removal.c, and least size of its largest
# component, relative to the height of a cell.
_STROKE, _MIN_WRITING = 64, 0.3


@dataclass(frozen=True)
class AlignedPage:
    """A page and the form that it was aligned with.

    Attributes
    ----------
    gray : ndarray (h, w) of uint8
        The page.
    index : int
        Its index in the file.
    foreground : Foreground
        That of the page.
    alignment : Alignment
        Where the form lies.
    empty_form : Foreground or None
        That of the empty form, if it is known.
    """

    gray: Gray
    index: int
    foreground: Foreground
    alignment: Alignment
    empty_form: Foreground | None


class _Sample:
    """A part of a page in the frame of the form, enlarged to the page's resolution."""

    def __init__(self, page: AlignedPage, box: Box, margin: float) -> None:
        x, y, w, h = box
        corners = page.alignment.corners(box)
        area = abs(float(_shoelace(corners)))
        self.page_index = page.index
        self.zoom = float(np.clip(np.sqrt(area / (w * h)), _MIN_ZOOM, _MAX_ZOOM))
        self.height = max(1, round(self.zoom * (h + 2 * margin)))
        self.width = max(1, round(self.zoom * (w + 2 * margin)))
        step = 1 / self.zoom
        left, top = x - margin + (step - 1) / 2, y - margin + (step - 1) / 2
        self.to_form = np.array([[step, 0, left], [0, step, top], [0, 0, 1]])
        self.to_page = page.alignment.matrix @ self.to_form
        self.margin = round(self.zoom * margin)
        m = self.margin
        self.area: Box = (m, m, max(1, self.width - 2 * m), max(1, self.height - 2 * m))
        self.gray = self._sampled(page.gray, self.to_page)
        to_foreground = np.linalg.inv(page.foreground.to_picture) @ self.to_page
        self.writing = self._sampled(page.foreground.levels, to_foreground)
        self.erased = self.gray
        if page.empty_form is not None:
            self._erase(page.empty_form)

    def _erase(self, form: Foreground) -> None:
        """Erase the print of the form."""
        to_print = np.linalg.inv(form.to_picture) @ self.to_form
        slack = round(_SLACK * self.zoom * form.to_picture[0, 0])
        self.erased, self.writing = _core.erase_print(
            self.gray, self.writing, self._sampled(form.levels, to_print), min(max(slack, 1), 16)
        )

    def _sampled(self, picture: Gray, matrix: Floats) -> Gray:
        return _core.warp_perspective(picture, matrix.ravel().tolist(), self.height, self.width)

    def is_empty(self, cell_height: float) -> bool:
        """Whether nothing as high or wide as a symbol is written inside of the margin."""
        x, y, w, h = self.area
        inside = self.writing[y : y + h, x : x + w]
        written = np.where(inside >= _STROKE, np.uint8(255), np.uint8(0))
        stats = image.connected_components(written)[2]
        size = float(np.max(stats[1:, 2:4], initial=0))
        return size < _MIN_WRITING * self.zoom * cell_height

    def box_in_page(self, box: Box) -> Box:
        """Return the bounding box in the page of a box of the sample."""
        x, y, w, h = box
        points = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], float) - 0.5
        return bounding_box(map_points(self.to_page, points) + 0.5)

    def number_in_page(self, number: Number) -> Number:
        """Return a number with the boxes of its symbols in the page."""
        symbols = tuple(replace(each, box=self.box_in_page(each.box)) for each in number.symbols)
        return replace(number, symbols=symbols, page=self.page_index)

    def table_in_page(self, table: Table, page: Gray) -> Table:
        """Return a table with the places of its cells and numbers in the page."""

        def moved(cell: Cell) -> Cell:
            corners = map_points(self.to_page, np.array(cell.corners))
            a, b, c, d = ((float(x), float(y)) for x, y in corners)
            numbers = tuple(map(self.number_in_page, cell.numbers))
            return replace(cell, numbers=numbers, corners=(a, b, c, d))

        return Table(tuple(tuple(map(moved, row)) for row in table.cells), page)


def _shoelace(corners: Floats) -> Floats:
    x, y = corners.T
    area: Floats = (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    return area


def bounding_box(points: Floats) -> Box:
    """Return the box (x, y, w, h) of pixels that points at their edges enclose."""
    left, top = np.floor(points.min(0) + 1e-6).astype(int).tolist()
    right, bottom = np.ceil(points.max(0) - 1e-6).astype(int).tolist()
    return left, top, max(right - left, 1), max(bottom - top, 1)


class FieldReader:
    """Reads the fields of aligned pages with a classifier and a recognizer; can be pickled."""

    def __init__(self, model: DigitClassifier | None = None, recognizer: str = "default") -> None:
        self.model = None if model is None else checked_model(model)
        self.recognizer = _checks.known("recognizer", recognizer, tuple(RECOGNIZERS))

    def read(self, field: FormField, page: AlignedPage) -> FieldReading:
        """Return what is written in a field of a page."""
        cell_height = field.box[3] / (field.rows or 1)
        sample = _Sample(page, field.box, _MARGIN * cell_height)
        corners = page.alignment.corners(field.box)
        if sample.is_empty(cell_height):
            table = _empty_table(field, page) if field.kind == "table" else None
            return FieldReading(field.name, "empty", corners, table=table)
        if field.kind == "table":
            return self._read_table(field, sample, page, corners)
        if field.kind == "comb":
            number = self._read_comb(field, sample)
            numbers = [] if number is None else [number]
        else:
            numbers = [found.number for found in self._reader_of(field).read(sample.erased)]
        rows = find_rows([sample.number_in_page(number) for number in numbers])
        return FieldReading(field.name, "read" if rows else "unreadable", corners, rows)

    def _reader_of(self, field: FormField) -> PageReader:
        if self.model is None:
            return _shipped_reader(field, self.recognizer)
        return field._make_reader(model=self.model, recognizer=self.recognizer)

    def _read_comb(self, field: FormField, sample: _Sample) -> Number | None:
        comb = sample.erased, sample.writing, sample.area, field.columns or 1
        if field._has_format:
            return read_formatted_comb(*comb, self._reader_of(field))
        return read_comb(*comb, checked_model(self.model))

    def _read_table(
        self, field: FormField, sample: _Sample, page: AlignedPage, corners: Floats
    ) -> FieldReading:
        try:
            table = read_table(
                sample.gray,
                rows=field.rows,
                columns=field.columns,
                model=self.model,
                recognizer=self.recognizer,
            )
        except ValueError:  # its ruling lines are not there
            return FieldReading(field.name, "unreadable", corners)
        table = sample.table_in_page(table, page.gray)
        rows = tuple(
            tuple(number for cell in row for number in cell.numbers) for row in table.cells
        )
        status = "read" if any(rows) else "unreadable"
        return FieldReading(field.name, status, corners, tuple(filter(None, rows)), table)


@functools.lru_cache(maxsize=1024)
def _shipped_reader(field: FormField, recognizer: str) -> PageReader:
    return field._make_reader(recognizer=recognizer)


def _empty_table(field: FormField, page: AlignedPage) -> Table:
    """Return a table of equal cells without numbers."""
    x, y, w, h = field.box
    rows, columns = field.rows or 1, field.columns or 1
    grid = np.meshgrid(np.linspace(x, x + w, columns + 1), np.linspace(y, y + h, rows + 1))
    nodes = page.alignment.map(np.stack(grid, 2).reshape(-1, 2)).reshape(rows + 1, -1, 2)

    def corner(i: int, j: int) -> tuple[float, float]:
        return float(nodes[i, j, 0]), float(nodes[i, j, 1])

    cells = tuple(
        tuple(
            Cell(i, j, (), (corner(i, j), corner(i, j + 1), corner(i + 1, j + 1), corner(i + 1, j)))
            for j in range(columns)
        )
        for i in range(rows)
    )
    return Table(cells, page.gray)
