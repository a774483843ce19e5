"""Reading tables: the numbers in each cell of a grid, of ruling lines or by alignment."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from . import _checks, _core
from ._aligned_table import find_aligned
from ._inputs import gray_page
from ._numbers import Digit, Number, Symbol
from ._page_reader import PageReader, downscaled
from ._spaces import find_spaces
from ._symbol_tables import symbols_of
from ._typing import ImageLike
from .models.recognizer import shipped_fusion, shipped_recognizer

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

    from .estimator import DigitClassifier

__all__ = ["Cell", "Table", "read_table"]

Point = tuple[float, float]
Box = tuple[int, int, int, int]

# Limits of the core, csrc/page/table.h.
_MAX_SIDE, _MAX_CELLS = 1000, 40_000

_CELL_COLOR, _LABEL_COLOR = (26, 127, 75), (200, 50, 31)

# Foreground levels of the core, csrc/digit/foreground.h.
_WEAK = 96

# In cells with faint writing the threshold is this proportion of the maximum level.
_FAINT_RATIO = 0.45

# Foreground levels below this are background.
_BACKGROUND = 40

# Contrast of the writing in a cell, relative to the upper quartile of the cells.
_MIN_CONTRAST = 0.1

# Unsharp masking of rectified cells: its strength and the standard deviation of its blur, in
# pixels; and the contrast, relative to that of strokes, from which on pixels are not white.
_SHARPENING, _BLUR, _ONSET = 1.5, 2.0, 0.1

_CROP_MARGIN = 6

# A cell whose writing is at most so wide, relative to its height, may hold a single digit.
_MAX_ASPECT = 1.4

# Weight of the classifier's log-probabilities for the cell, and the minimum probability that it
# holds a digit.
_CELL_WEIGHT, _MIN_IS_DIGIT = 1.0, 0.3

# Minimum probability of a single digit in a cell where several were read, if half of the cells
# hold one.
_MIN_SINGLE = 0.8

# A component of a cell is writing if it is at least so high, relative to the cell.
_MIN_HEIGHT = 0.22

# Lower components are separators in relation to the height of the writing of their cell: their
# minimum size, and how far beside and below it they may be.
_MIN_MARK, _MAX_BESIDE, _MAX_BELOW = 0.08, 0.6, 0.35

# Proportion of cells with several digits from which on a table may have separators.
_MIN_WIDE = 0.1

# Upright strokes closer to the side of a cell, relative to its smaller side, are rests of a line.
_SIDE_MARGIN = 0.13

# A component that covers more of both sides of a cell is its shade.
_MAX_FILL = 0.85

# Connected components decide whether the page is turned, if they are so many; the score from
# which on they are upright, and the gain that a turn needs.
_MIN_TURN_CROPS, _MAX_TURN_CROPS = 4, 40
_UPRIGHT_SCORE, _MIN_TURN_GAIN = 0.9, 0.12


@dataclass(frozen=True, repr=False)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    row, column : int
        Its place in the table, from 0; of a merged cell, that of its upper left corner.
    numbers : tuple of Number
        In reading order; empty for an empty cell.
    corners : tuple of four (x, y)
        In pixels of the image: upper left, upper right, lower right, lower left.
    row_span, column_span : int
        Rows and columns of the table that the cell covers; more than 1 for merged cells.
    """

    row: int
    column: int
    numbers: tuple[Number, ...]
    corners: tuple[Point, Point, Point, Point]
    row_span: int = 1
    column_span: int = 1

    @property
    def text(self) -> str:
        """The numbers as a string; "" for an empty cell.

        Spaces separate numbers side by side, newlines those below each other.
        """
        text = self.numbers[0].text if self.numbers else ""
        for before, number in pairwise(self.numbers):
            y, h = number.box[1::2]
            beside = y + h / 2 < before.box[1] + before.box[3]
            text += (" " if beside else "\n") + number.text
        return text

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits in reading order."""
        return tuple(digit for number in self.numbers for digit in number.digits)

    @property
    def confidence(self) -> float:
        """Probability that all digits are correct, if errors are independent; 1 without digits."""
        return float(np.prod([digit.confidence for digit in self.digits]))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Bounding box (x, y, w, h) of the corners, in pixels of the image."""
        return _bounding_box(np.array(self.corners))

    def __repr__(self) -> str:
        return f"Cell(row={self.row}, column={self.column}, text={self.text!r})"

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return the cell as a dict that can be written as JSON."""
        return {
            "row": self.row,
            "column": self.column,
            "row_span": self.row_span,
            "column_span": self.column_span,
            "text": self.text,
            "confidence": self.confidence,
            "box": list(self.box),
            "corners": [list(corner) for corner in self.corners],
            "numbers": [number.to_dict() for number in self.numbers],
        }


@dataclass(frozen=True)
class Table:
    """The cells of a table. Displayed as a table in notebooks.

    ``len(table)`` is the number of rows, ``table[row, column]`` is a cell and ``table[row]`` the
    cells of a row; iteration is over rows. All places of a merged cell have the same cell.

    Attributes
    ----------
    cells : tuple of tuples of Cell
        The rows; empty if there is no table.
    image : ndarray (h, w) of uint8
        The image in gray.
    """

    cells: tuple[tuple[Cell, ...], ...]
    image: NDArray[np.uint8] = field(repr=False, compare=False)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns; (0, 0) without a table."""
        return len(self.cells), len(self.cells[0]) if self.cells else 0

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        return iter(self.cells)

    @overload
    def __getitem__(self, index: int) -> tuple[Cell, ...]: ...
    @overload
    def __getitem__(self, index: tuple[int, int]) -> Cell: ...
    def __getitem__(self, index: int | tuple[int, int]) -> tuple[Cell, ...] | Cell:
        if isinstance(index, tuple):
            row, column = index
            return self.cells[row][column]
        return self.cells[index]

    def __str__(self) -> str:
        return "\n".join("\t".join(row).replace("\n", " ") for row in self.to_lists())

    def to_lists(self) -> list[list[str]]:
        """Return the rows as lists of str: "" for empty cells, and the text of a merged cell once.

        Examples
        --------
        >>> import ocrdigit
        >>> import numpy as np
        >>> ocrdigit.read_table(np.full((60, 80), 255, np.uint8)).to_lists()
        []
        """
        return [
            [cell.text if (cell.row, cell.column) == (i, j) else "" for j, cell in enumerate(row)]
            for i, row in enumerate(self.cells)
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the texts as a pandas DataFrame of str.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Table.to_frame needs pandas: pip install 'ocrdigit[frame]'", name="pandas"
            ) from error
        return pd.DataFrame(self.to_lists(), columns=range(self.shape[1]), dtype=str)

    @overload
    def to_csv(self, path: None = None) -> str: ...
    @overload
    def to_csv(self, path: str) -> None: ...
    def to_csv(self, path: str | None = None) -> str | None:
        """Return the texts as CSV without a header, or write them to a file.

        Parameters
        ----------
        path : path, optional
            The file to write, in UTF-8.

        Returns
        -------
        str or None
            The text, with a line feed after each row; None if it was written to a file.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.to_lists())
        if path is None:
            return text.getvalue()
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return the table as a dict that can be written as JSON; merged cells are in it once."""
        rows, columns = self.shape
        cells = [
            cell.to_dict()
            for i, row in enumerate(self.cells)
            for j, cell in enumerate(row)
            if (cell.row, cell.column) == (i, j)
        ]
        return {
            "rows": rows,
            "columns": columns,
            "width": self.image.shape[1],
            "height": self.image.shape[0],
            "cells": cells,
        }

    def draw(self) -> Image:
        """Return the image with the outlines and texts of the cells drawn on it."""
        from PIL import Image, ImageDraw, ImageFont

        picture = Image.fromarray(self.image).convert("RGB")
        canvas = ImageDraw.Draw(picture)
        width = 1 + max(picture.size) // 500
        for row in self.cells:
            for cell in row:
                canvas.line([*cell.corners, cell.corners[0]], _CELL_COLOR, width)
        for row in self.cells:
            for cell in row:
                x, y, w, h = cell.box
                if not cell.text:
                    continue
                font = ImageFont.load_default(max(8, min(h // 3, 2 * w // (1 + len(cell.text)))))
                canvas.text((x + width + 1, y + width), cell.text, _LABEL_COLOR, font)
        return picture

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        self.draw().save(data, "png")
        return data.getvalue()

    def _repr_html_(self) -> str:
        if not self.cells:
            return "<p><i>no table</i></p>"
        from . import _html

        rows = "".join(f"<tr>{_html_row(i, row)}</tr>" for i, row in enumerate(self.cells))
        picture = _html.picture(self.draw(), "the table with its cells")
        return f'{picture}<table style="border-collapse:collapse">{rows}</table>'


def _html_row(row: int, cells: tuple[Cell, ...]) -> str:
    return "".join(
        f'<td rowspan="{cell.row_span}" colspan="{cell.column_span}" '
        f'title="confidence {cell.confidence:.1%}" style="border:1px solid currentColor;'
        f'padding:0.15em 0.8em;background:none;text-align:right">'
        f"{html.escape(cell.text).replace(chr(10), '<br>')}</td>"
        for column, cell in enumerate(cells)
        if (cell.row, cell.column) == (row, column)
    )


def read_table(
    image: ImageLike,
    *,
    rows: int | None = None,
    columns: int | None = None,
    decimal: str = "auto",
    model: DigitClassifier | None = None,
    recognizer: str = "default",
) -> Table:
    """Read the numbers in the cells of a table: on a form, in a register, a sudoku.

    The ruling lines are found at any thickness, with gaps, slanted up to 45 degrees, under
    perspective and on curled pages; of several tables the one with most cells is read. A page that
    is turned by 90, 180 or 270 degrees is read as its digits stand. Cells without a line between
    them are one merged cell. The cells are rectified, without their lines, and read as by
    :func:`ocrdigit.read`. Without ruling lines, numbers that are aligned in at least two rows and
    two columns are a table, without outer rows of a single number, such as a title; lists need
    ``rows=1`` or ``columns=1``.

    Parameters
    ----------
    image : path, bytes, file object, data URL, PIL image or array
        As for :func:`ocrdigit.read`; of a document the first page.
    rows, columns : int, optional
        The numbers of rows and columns, if known: up to 1000, and 40,000 cells. Lines that are too
        faint to be found are then interpolated, and other print is left out. With both given, no
        cells are merged. Without ruling lines, the nearest rows or columns are joined.
    decimal : {"auto", ".", ","}
        The decimal separator for ``.value`` of the numbers, see :func:`ocrdigit.read`.
    model : DigitClassifier, optional
        The classifier of digits. The default is that of :func:`ocrdigit.predict`.
    recognizer : {"default", "fast"}
        As for :func:`ocrdigit.read`, for the numbers in the cells.

    Returns
    -------
    Table
        ``.cells``, ``.to_lists()``, ``.to_frame()``; of shape (0, 0) if there is no table and
        neither ``rows`` nor ``columns`` is given.

    Raises
    ------
    TypeError
        ``image`` is of a type or dtype that is not supported, or a parameter of a wrong type.
    NotFittedError
        ``model`` has not been fitted.
    ValueError
        ``image`` is not valid, see :func:`ocrdigit.read`; ``rows`` or ``columns`` is out of range;
        ``decimal`` or ``recognizer`` is unknown; or the image has no table with so many rows and
        columns.
    OSError
        A file cannot be read.

    Examples
    --------
    >>> import ocrdigit
    >>> import numpy as np
    >>> page = np.full((200, 260), 255, np.uint8)
    >>> page[20:181:80] = page[:, 30:231:100] = 0
    >>> page[35:85, 70:90] = 255 - ocrdigit.image.resize(
    ...     ocrdigit.datasets.load_sample().X_test[3], (50, 50))[:, 15:35]
    >>> ocrdigit.read_table(page).shape
    (2, 2)
    """
    wanted = tuple(
        0 if value is None else _checks.int_in_range(name, value, 1, _MAX_SIDE)
        for name, value in (("rows", rows), ("columns", columns))
    )
    if wanted[0] * wanted[1] > _MAX_CELLS:
        raise ValueError(
            f"rows x columns must be at most {_MAX_CELLS:,} cells, got {rows} x {columns}"
        )
    reader = PageReader(model=model, decimal=decimal, recognizer=recognizer)
    page = gray_page(image, "image")
    small, factor = downscaled(page)
    grid = _find_upright(small, wanted, reader.model)
    cells = _read_cells(grid, factor, reader) if grid else ()
    if len(cells) < 2 and not (cells and any(wanted)):  # nothing, or a frame around the page
        cells = _read_aligned(page, reader, *wanted) or cells
    if not cells and any(wanted):
        raise ValueError(
            f"the image has no table with {rows or 'any number of'} rows and "
            f"{columns or 'any number of'} columns"
        )
    return Table(cells, page)


def _read_aligned(
    page: NDArray[np.uint8], reader: PageReader, rows: int, columns: int
) -> tuple[tuple[Cell, ...], ...]:
    """Return the cells of a table without ruling lines; none if there is none."""
    numbers = [found.number for found in reader.read(page)]
    found = find_aligned(numbers, rows, columns)
    if found is None:
        return ()
    rows, columns = (side - 1 for side in found.nodes.shape[:2])
    return tuple(
        tuple(
            Cell(i, j, tuple(found.numbers.get((i, j), ())), _points(_corners(found.nodes, i, j)))
            for j in range(columns)
        )
        for i in range(rows)
    )


def _corners(
    nodes: NDArray[np.float64], i: int, j: int, height: int = 1, width: int = 1
) -> NDArray[np.float64]:
    """Return the corners (4, 2) of a cell, clockwise from the upper left."""
    bottom, right = i + height, j + width
    return np.array([nodes[i, j], nodes[i, right], nodes[bottom, right], nodes[bottom, j]])


def _points(corners: NDArray[np.float64]) -> tuple[Point, Point, Point, Point]:
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return a, b, c, d


class _Grid:
    """A table that the core found in an image, turned by ``quarters`` counterclockwise."""

    def __init__(self, found: dict[str, Any], quarters: int, shape: tuple[int, int]) -> None:
        self.tops, self.lefts = found["tops"][0], found["lefts"][0]
        self.rows, self.columns = len(self.tops) - 1, len(self.lefts) - 1
        self.spans = found["spans"].reshape(self.rows, self.columns, 2)
        self.gap: int = found["gap"]
        self.rectified: NDArray[np.uint8] = found["rectified"]
        self.gray: NDArray[np.uint8] = found["gray"]
        nodes = found["nodes"].reshape(self.rows + 1, self.columns + 1, 2)
        self.nodes = _turn_back(nodes, quarters, shape)
        self.starts = self._cell_starts()

    def _cell_starts(self) -> NDArray[np.intp]:
        """Return (rows, columns, 2): the place where the cell at each place starts."""
        starts = np.zeros((self.rows, self.columns, 2), np.intp)
        for i, j in np.argwhere(self.spans[..., 0] > 0):
            h, w = self.spans[i, j]
            starts[i : i + h, j : j + w] = i, j
        return starts

    def cell_of(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the starts of the cells at points of the rectified image."""
        row = np.clip(np.searchsorted(self.tops, y, "right") - 1, 0, self.rows - 1)
        column = np.clip(np.searchsorted(self.lefts, x, "right") - 1, 0, self.columns - 1)
        starts = self.starts[row, column]
        return starts[..., 0], starts[..., 1]

    def area(self, i: int, j: int) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom of a cell in the rectified image."""
        h, w = self.spans[i, j]
        right, bottom = self.lefts[j + w] - self.gap, self.tops[i + h] - self.gap
        return int(self.lefts[j]), int(self.tops[i]), int(right), int(bottom)

    def corners(self, i: int, j: int) -> NDArray[np.float64]:
        """Return the corners (4, 2) of a cell in the image, clockwise from the upper left."""
        return _corners(self.nodes, i, j, *self.spans[i, j])

    def box_in_image(self, i: int, j: int, box: tuple[int, ...], factor: int) -> Any:
        """Return the bounding box in the image of a box (x, y, w, h) in the rectified one."""
        left, top, right, bottom = self.area(i, j)
        x, y, w, h = box
        u = np.clip((np.array([x, x + w, x + w, x]) - left) / (right - left), 0, 1)[:, None]
        v = np.clip((np.array([y, y, y + h, y + h]) - top) / (bottom - top), 0, 1)[:, None]
        a, b, c, d = self.corners(i, j)
        return _bounding_box(factor * ((1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)))


def _turn_back(
    nodes: NDArray[np.float64], quarters: int, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return points of an image that np.rot90 has turned, in the image of ``shape`` before it."""
    h, w = shape
    x, y = nodes[..., 0], nodes[..., 1]
    turned = {0: (x, y), 1: (w - 1 - y, x), 2: (w - 1 - x, h - 1 - y), 3: (y, h - 1 - x)}
    return np.stack(turned[quarters % 4], -1)


def _bounding_box(points: NDArray[np.float64]) -> tuple[int, int, int, int]:
    left, top = np.floor(points.min(0) + 0.5).astype(int).tolist()
    right, bottom = np.ceil(points.max(0) + 0.5).astype(int).tolist()
    return left, top, max(right - left, 1), max(bottom - top, 1)


def _find(page: NDArray[np.uint8], wanted: tuple[int, ...], quarters: int) -> _Grid | None:
    turned = np.ascontiguousarray(np.rot90(page, quarters))
    found = _core.find_table(turned, *wanted)
    return None if found is None else _Grid(found, quarters, (page.shape[0], page.shape[1]))


def _find_upright(
    page: NDArray[np.uint8], wanted: tuple[int, ...], model: DigitClassifier
) -> _Grid | None:
    """Find a table, with the page turned so that the digits in its cells stand upright."""
    grid = _find(page, wanted, 0)
    if grid is None:
        return None
    crops = _find_writing(grid).component_crops()
    crops = crops[:: 1 + len(crops) // _MAX_TURN_CROPS]
    if len(crops) < _MIN_TURN_CROPS:
        return grid
    scores = [_upright_score(model, crops)]
    if scores[0] > _UPRIGHT_SCORE:
        return grid
    scores += [_upright_score(model, _turned(crops, k)) for k in (1, 2, 3)]
    best = int(np.argmax(scores))
    if scores[best] < scores[0] + _MIN_TURN_GAIN:
        return grid
    return _find(page, wanted, best) or grid


def _turned(crops: list[NDArray[np.uint8]], quarters: int) -> list[NDArray[np.uint8]]:
    return [np.ascontiguousarray(np.rot90(crop, quarters)) for crop in crops]


def _upright_score(model: DigitClassifier, crops: list[NDArray[np.uint8]]) -> float:
    """Return the mean square of the probabilities that each crop shows its most probable digit."""
    probabilities = model.predict_proba(crops).max(1) * _digit_scores(model, crops)
    return float(np.mean(probabilities**2))


def _digit_scores(model: DigitClassifier, crops: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
    return np.asarray(model.digit_score(crops), float)


@dataclass(frozen=True)
class _Writing:
    """The writing in the cells of a rectified table.

    ``picture`` has the gray levels of the image where there is writing, normalized in each cell
    to dark strokes on white, and sharpened. ``boxes`` are left, top, right and bottom of the
    writing of each cell that has some; ``components`` are those of its connected components.
    """

    picture: NDArray[np.uint8]
    boxes: dict[tuple[int, int], Box]
    components: list[Box]

    def crops(self) -> list[NDArray[np.uint8]]:
        """Return pictures of the writing of the cells."""
        return [self._crop(box) for box in self.boxes.values()]

    def component_crops(self) -> list[NDArray[np.uint8]]:
        """Return pictures of the components that may be single digits, upright or not."""
        sides = ((box, box[2] - box[0], box[3] - box[1]) for box in self.components)
        return [self._crop(box) for box, w, h in sides if max(w, h) < 4 * min(w, h)]

    def _crop(self, box: Box) -> NDArray[np.uint8]:
        return np.pad(self.picture[_slices(box)], _CROP_MARGIN, constant_values=255)


def _find_writing(grid: _Grid) -> _Writing:
    """Find the connected components that are writing, and normalize the cells they are in."""
    from . import image

    binary = np.where(grid.rectified >= _thresholds(grid), np.uint8(255), np.uint8(0))
    count, labels, stats, _ = image.connected_components(binary)
    boxes = np.asarray(stats[:count, :4], np.int64)
    x, y, w, h = boxes.T
    rows, columns = grid.cell_of(x + w / 2, y + h / 2)
    possible, high = _is_writing(grid, boxes, rows, columns)
    kept = possible & high
    kept[0] = False  # the background
    found: dict[tuple[int, int], NDArray[np.int64]] = {}
    for k in np.flatnonzero(kept):
        place = int(rows[k]), int(columns[k])
        box = np.array([x[k], y[k], -x[k] - w[k], -y[k] - h[k]])
        found[place] = np.minimum(found.get(place, box), box)
    areas = {place: (int(e[0]), int(e[1]), int(-e[2]), int(-e[3])) for place, e in found.items()}
    marks = []
    if _has_numbers(areas):
        for low in range(1, count):  # 0 is the background
            area = areas.get((int(rows[low]), int(columns[low])))
            if high[low] or not possible[low] or area is None:
                continue
            if _may_be_separator(boxes[low].tolist(), area):
                marks.append(low)
    drawn = kept.copy()
    drawn[marks] = True
    mask = image.dilate(
        np.where(drawn, np.uint8(255), np.uint8(0))[labels], np.ones((5, 5), np.uint8)
    )
    contrast, areas = _contrast(grid, mask, areas)
    edges = np.stack([x, y, x + w, y + h], 1)[kept]
    picture = _normalized(grid, mask, contrast, areas)
    return _Writing(picture, areas, [tuple(e) for e in edges.tolist()])


def _thresholds(grid: _Grid) -> NDArray[np.float32]:
    """Return the minimum foreground level of writing at each pixel, lower in faint cells."""
    inside = [
        np.concatenate([_middle(size, grid.gap) for size in np.diff(edges)])
        for edges in (grid.tops, grid.lefts)
    ]
    levels = grid.rectified * inside[0][:, None] * inside[1]
    peaks = np.maximum.reduceat(levels, grid.tops[:-1], axis=0)
    peaks = np.maximum.reduceat(peaks, grid.lefts[:-1], axis=1)
    thresholds = np.clip(_FAINT_RATIO * peaks, _BACKGROUND + 4, _WEAK).astype(np.float32)
    return thresholds.repeat(np.diff(grid.tops), 0).repeat(np.diff(grid.lefts), 1)


def _middle(size: int, gap: int) -> NDArray[np.uint8]:
    """Return which pixels are in the middle of a cell."""
    pixels = np.arange(size)
    return ((pixels > 0.15 * (size - gap)) & (pixels < 0.85 * (size - gap))).astype(np.uint8)


def _is_writing(
    grid: _Grid, boxes: NDArray[np.int64], rows: NDArray[Any], columns: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which components may be writing, not rests of ruling lines, and which are high."""
    x, y, w, h = boxes.T
    tops, heights = grid.tops[rows], grid.tops[rows + 1] - grid.tops[rows] - grid.gap
    spans = grid.spans[rows, columns]
    bottoms = grid.tops[rows + spans[:, 0]] - grid.gap
    lefts, rights = grid.lefts[columns], grid.lefts[columns + spans[:, 1]] - grid.gap
    at_edge = (y <= tops + 1) | (y + h >= bottoms - 1)
    to_side = np.minimum(x + w / 2 - lefts, rights - x - w / 2)
    to_side = to_side / np.minimum(rights - lefts, bottoms - tops)
    beside = (to_side < _SIDE_MARGIN / 2) | ((to_side < _SIDE_MARGIN) & (2 * h > heights))
    is_line = (at_edge & (w > 6 * h)) | (beside & (h > 4 * w))
    is_shade = (w > _MAX_FILL * (rights - lefts)) & (h > _MAX_FILL * (bottoms - tops))
    return ~is_line & ~is_shade, h >= np.maximum(_MIN_HEIGHT * heights, 6)


def _has_numbers(areas: Mapping[tuple[int, int], Box]) -> bool:
    """Whether the writing of some cells is wider than a digit."""
    wide = [_is_wide(area) for area in areas.values()]
    return sum(wide) >= _MIN_WIDE * len(wide)


def _is_wide(area: Box) -> bool:
    left, top, right, bottom = area
    return right - left > 1.1 * (bottom - top)


def _may_be_separator(box: Sequence[int], area: Box) -> bool:
    """Whether a low component is a dash, or in a cell with several digits a dot or comma.

    It is near the area of the higher components, within their rows or a little below. In a cell
    with one digit a dot is rather a speck.
    """
    x, y, w, h = box
    left, top, right, bottom = area
    height = bottom - top
    if max(w, h) < _MIN_MARK * height or y < top or y + h > bottom + _MAX_BELOW * height:
        return False
    is_near = left - _MAX_BESIDE * height <= x + w and x <= right + _MAX_BESIDE * height
    is_dash = w > 1.4 * h and 0.2 * height < w < height and top < y and y + h < bottom
    return is_near and (is_dash or _is_wide(area))


def _contrast(
    grid: _Grid, mask: NDArray[np.uint8], areas: dict[tuple[int, int], Box]
) -> tuple[NDArray[np.uint8], dict[tuple[int, int], Box]]:
    """Return the contrast of the cells to their background, and the areas of those with writing.

    Where the contrast is far below that of most cells, it is of the paper's texture, or shows
    through from the other side.
    """
    contrast = np.zeros_like(grid.gray)
    means = {}
    for place in areas:
        area = _slices(grid.area(*place))
        levels = grid.gray[area].astype(np.int16)
        background = grid.rectified[area] < _BACKGROUND
        strokes = levels[mask[area] > 0]
        level = np.median(levels[background]) if background.any() else levels.max()
        sign = 1 if strokes.mean() < level else -1
        contrast[area] = np.clip(sign * (level - levels), 0, 255)
        means[place] = abs(float(level - strokes.mean()))
    usual = np.percentile(list(means.values()), 75) if means else 0.0
    written = {}
    for place, mean in means.items():
        if mean >= _MIN_CONTRAST * usual:
            written[place] = areas[place]
        else:
            contrast[_slices(grid.area(*place))] = 0
    return contrast, written


def _normalized(
    grid: _Grid,
    mask: NDArray[np.uint8],
    contrast: NDArray[np.uint8],
    areas: dict[tuple[int, int], Box],
) -> NDArray[np.uint8]:
    """Return the contrast under a mask: 255 on the background, 0 for the strokes of a cell."""
    from . import image

    sharp = contrast + _SHARPENING * (
        contrast.astype(np.float32) - image.gaussian_blur(contrast, (0, 0), _BLUR)
    )
    for place in areas:
        area = _slices(grid.area(*place))
        full = max(float(np.percentile(sharp[_slices(areas[place])], 95)), 1.0)
        sharp[area] = (sharp[area] / full - _ONSET) * (255 / (1 - _ONSET))
    return np.where(mask > 0, 255 - np.clip(sharp, 0, 255), 255).astype(np.uint8)


def _slices(box: Box) -> tuple[slice, slice]:
    left, top, right, bottom = box
    return np.s_[top:bottom, left:right]


def _read_cells(grid: _Grid, factor: int, reader: PageReader) -> tuple[tuple[Cell, ...], ...]:
    lines = _read_lines(grid, factor, reader)
    cells = np.empty((grid.rows, grid.columns), object)
    for i, j in np.argwhere(grid.spans[..., 0] > 0).tolist():
        height, width = grid.spans[i, j].tolist()
        found = lines.get((i, j), {})
        numbers = tuple(
            Number(tuple(symbols), gaps=find_spaces(symbols), decimal=reader.decimal)
            for symbols in found.values()
        )
        corners = _points(factor * grid.corners(i, j))
        cell = Cell(i, j, numbers, corners, height, width)
        cells[i : i + height, j : j + width] = cell
    return tuple(tuple(row) for row in cells.tolist())


def _read_lines(
    grid: _Grid, factor: int, reader: PageReader
) -> dict[tuple[int, int], dict[int, list[Symbol]]]:
    """Return the symbols of each cell by text line."""
    writing = _find_writing(grid)
    table, probabilities, _ = _core.read_symbols(
        shipped_recognizer(),
        writing.picture,
        classifier=reader.model._fitted_classifier(),
        fusion=shipped_fusion().to_dict(),
        shortcuts=reader.shortcuts,
    )
    boxes = table[:, 2:]
    rows, columns = grid.cell_of(boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3] / 2)
    cells: dict[tuple[int, int], dict[int, list[Symbol]]] = {}
    places = zip(rows.tolist(), columns.tolist(), strict=True)
    symbols = symbols_of(table, probabilities)
    for place, line, symbol in zip(places, table[:, 0].tolist(), symbols, strict=True):
        cells.setdefault(place, {}).setdefault(line, []).append(symbol)
    _verify_single_digits(writing, cells, reader.model)
    return {
        place: {
            line: [replace(s, box=grid.box_in_image(*place, s.box, factor)) for s in symbols]
            for line, symbols in lines.items()
        }
        for place, lines in cells.items()
        if place in writing.boxes
    }


def _verify_single_digits(
    writing: _Writing, cells: dict[tuple[int, int], dict[int, list[Symbol]]], model: DigitClassifier
) -> None:
    """Fuse the scores of cells that hold one digit with those of the classifier for the cell.

    The more cells of the table hold one digit, the more probable it is for the others.
    """
    counts = [sum(map(len, lines.values())) for lines in cells.values()]
    one = (counts.count(1) + 1) / (len(counts) + 2)  # proportion of the cells, with a uniform prior
    single = [
        (place, box, crop)
        for (place, box), crop in zip(writing.boxes.items(), writing.crops(), strict=True)
        if box[2] - box[0] <= _MAX_ASPECT * (box[3] - box[1])
    ]
    if not single:
        return
    crops = [crop for _, _, crop in single]
    probabilities, scores = model.predict_proba(crops), _digit_scores(model, crops)
    for (place, box, _), p, score in zip(single, probabilities, scores.tolist(), strict=True):
        found = [symbol for line in cells.get(place, {}).values() for symbol in line]
        several = float(np.prod([symbol.confidence for symbol in found]))
        if len(found) > 1 and p.max() * score * one < max(_MIN_SINGLE, several) * (1 - one):
            continue
        log_p = _CELL_WEIGHT * np.log(np.maximum(p, 1e-4))
        is_digit = score
        if len(found) == 1 and isinstance(found[0], Digit):
            log_p = log_p + np.log(np.maximum(found[0].probabilities, 1e-4))
            is_digit = max(score, found[0].is_digit)
        if is_digit < _MIN_IS_DIGIT:
            cells.pop(place, None)
            continue
        fused = np.exp(log_p - log_p.max())
        fused = (fused / fused.sum()).astype(np.float32)
        value = int(fused.argmax())
        left, top, right, bottom = box
        area = found[0].box if len(found) == 1 else (left, top, right - left, bottom - top)
        digit = Digit(value, float(fused[value] * is_digit), area, fused, is_digit)
        cells[place] = {0: [digit]}
