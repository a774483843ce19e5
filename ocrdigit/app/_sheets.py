"""What was read on a page, as fields that a person can review: plain data without pixels."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrdigit import Cell, Digit, Number, PageResult, Table
from ocrdigit.batch import Status
from ocrdigit.forms import FormResult

Box: TypeAlias = tuple[int, int, int, int]

WHOLE_PAGE = "page"
"""The key of the field that stands for a page on which nothing was read."""

_THUMBNAIL = (128, 80)  # pixels
_MIN_SCORE = 0.5  # from which on a picture is more probably a digit than not


@dataclass(frozen=True)
class Mark:
    """A digit or separator with its box, and the symbols that it may be, most probable first."""

    value: str
    confidence: float
    box: Box
    candidates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Field:
    """A text on a page.

    Attributes
    ----------
    key : str
        Unique on its page.
    label : str
        Its name for people.
    text : str
        As it was read.
    confidence : float
        0 to 1.
    box : (x, y, w, h)
        In pixels of the page.
    marks : tuple of Mark
    place : mapping
        Columns of tables that say where the field is: its row, its name.
    """

    key: str
    label: str
    text: str
    confidence: float
    box: Box
    marks: tuple[Mark, ...] = ()
    place: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """A page of an upload. It is a result of :class:`ocrdigit.batch.Batch`.

    Attributes
    ----------
    digest : str
        That of the upload's bytes.
    page : int or None
        Index of the page in its file; None if the file, or the rest of it, cannot be read.
    size : (width, height)
    thumbnail : str
        A data URL.
    fields : tuple of Field
        At least one, unless there is an error.
    note : str
        What a person should know.
    error : Exception or None
        Why the page was not read.
    """

    digest: str
    page: int | None
    size: tuple[int, int] = (0, 0)
    thumbnail: str = field(default="", repr=False)
    fields: tuple[Field, ...] = ()
    note: str = ""
    error: Exception | None = None

    @property
    def id(self) -> str:
        """What names the sheet among all."""
        return f"{self.digest}-{'error' if self.page is None else self.page}"

    @property
    def status(self) -> Status:
        """Whether it was read, is empty or failed."""
        if self.error is not None:
            return "failed"
        return "empty" if self.fields[0].key == WHOLE_PAGE else "read"

    def to_rows(self, table: str) -> list[dict[str, Any]]:
        """Return no rows: corrections are not known here, see ``_export``."""
        return []


def sheet_of_numbers(result: PageResult) -> Sheet:
    """Return the sheet of a result of :func:`ocrdigit.read_many` with pages."""
    if result.error is not None or result.picture is None or result.page is None:
        return Sheet(result.source, result.page, error=result.error)
    fields = (
        _field_of_number(f"{row}/{column}", f"Row {row + 1}, number {column + 1}", number, place)
        for row, column, number, place in _placed(result)
    )
    return make_sheet(result.source, result.page, result.picture, tuple(fields))


def _placed(result: PageResult) -> Iterator[tuple[int, int, Number, dict[str, int]]]:
    index = 0
    for row, numbers in enumerate(result.rows):
        for column, number in enumerate(numbers):
            yield row, column, number, {"row": row, "number": index}
            index += 1


def sheet_of_table(digest: str, table: Table) -> Sheet:
    """Return the sheet of a table; each cell is a field, empty ones too."""
    cells = {(cell.row, cell.column): cell for row in table for cell in row}
    fields = tuple(_field_of_cell(cell) for _, cell in sorted(cells.items()))
    note = "" if fields else "No table was found on this page."
    return make_sheet(digest, 0, table.image, fields, note)


def _field_of_cell(cell: Cell) -> Field:
    marks = tuple(_mark(symbol) for number in cell.numbers for symbol in number.symbols)
    label = f"Row {cell.row + 1}, column {cell.column + 1}"
    place = {"row": cell.row, "column": cell.column}
    text = " ".join(cell.text.split())
    return Field(f"{cell.row}/{cell.column}", label, text, cell.confidence, cell.box, marks, place)


def sheet_of_form(result: FormResult) -> Sheet:
    """Return the sheet of a result of ``Form.read_many`` with pages."""
    if result.error is not None or result.reading is None or result.page is None:
        return Sheet(result.source, result.page, error=result.error)
    fields = tuple(each for name in result for each in _fields_of_region(result, name))
    return make_sheet(result.source, result.page, result.reading.picture, fields)


def _fields_of_region(result: FormResult, name: str) -> Iterator[Field]:
    """Yield the field of a region of a form, or those of the cells of its table."""
    found = result[name]
    if found.table is not None:
        for row in found.table:
            for cell in row:
                each = _field_of_cell(cell)
                yield replace(
                    each,
                    key=f"{name}/{each.key}",
                    label=f"{name}, {each.label.lower()}",
                    place={"field": name, **each.place},
                )
        return
    marks = tuple(_mark(symbol) for number in found.numbers for symbol in number.symbols)
    text, place = " ".join(found.text.split()), {"field": name}
    yield Field(name, name, text, found.confidence, found.box, marks, place)


def sheet_of_digit(
    digest: str, picture: NDArray[np.uint8], probabilities: NDArray[np.float32], score: float
) -> Sheet:
    """Return the sheet of a picture of a single digit, which may be none.

    Parameters
    ----------
    digest : str
    picture : ndarray (h, w) of uint8
    probabilities : ndarray (10,)
        Of :func:`ocrdigit.predict_proba`.
    score : float
        Of :func:`ocrdigit.digit_score`: the probability that the picture shows a digit at all.
    """
    digit = int(probabilities.argmax())
    height, width = picture.shape
    confidence = float(probabilities[digit]) * score
    mark = Mark(str(digit), confidence, (0, 0, width, height), _candidates(probabilities))
    if score >= _MIN_SCORE:
        text, note = str(digit), ""
    else:
        text, note = "", f"Probably not a digit. If it is one, a {digit}."
    box = (0, 0, width, height)
    one = Field("digit", "Digit", text, confidence, box, (mark,) if text else (), {"number": 0})
    return make_sheet(digest, 0, picture, (one,), note)


def make_sheet(
    digest: str,
    page: int,
    picture: NDArray[np.uint8],
    fields: tuple[Field, ...],
    note: str = "",
) -> Sheet:
    """Return the sheet of a page that was read, with an empty field if nothing was."""
    height, width = picture.shape[:2]
    whole = Field(WHOLE_PAGE, "Whole picture", "", 0.0, (0, 0, width, height))
    thumbnail = data_url(picture, _THUMBNAIL)
    return Sheet(digest, page, (width, height), thumbnail, fields or (whole,), note)


def data_url(picture: NDArray[np.uint8], size: tuple[int, int], quality: int = 80) -> str:
    """Return a picture as a JPEG in a data URL, reduced to fit into ``size``."""
    image = Image.fromarray(picture).convert("RGB")
    image.thumbnail(size)
    data = io.BytesIO()
    image.save(data, "jpeg", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _field_of_number(key: str, label: str, number: Number, place: dict[str, int]) -> Field:
    marks = tuple(map(_mark, number.symbols))
    return Field(key, label, number.text, number.confidence, number.box, marks, place)


_SEPARATORS = ".,-+/:"


def _mark(symbol: Any) -> Mark:
    names = "0123456789" if isinstance(symbol, Digit) else _SEPARATORS
    candidates = _candidates(symbol.probabilities, names)
    return Mark(str(symbol.value), symbol.confidence, symbol.box, candidates)


def _candidates(
    probabilities: NDArray[np.float32], names: str = "0123456789", count: int = 3
) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-probabilities, kind="stable")[:count]
    return tuple((names[index], float(probabilities[index])) for index in order)
