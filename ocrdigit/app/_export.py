"""What is read and corrected as files: CSV, Parquet, JSON, and labelled crops."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrdigit._values import value_of
from ocrdigit.app._corrections import Checked, Correction
from ocrdigit.app._settings import FORM, TABLE, Settings
from ocrdigit.app._sheets import Box, Sheet
from ocrdigit.batch import describe, encode_table

_DECIMALS = 6  # of confidences, as in the tables of the command line
_BOX = ("x", "y", "width", "height")
_TEXTS: dict[str, type] = {"text": str, "value": str, "confidence": float}
_PLACES: dict[str, dict[str, type]] = {
    TABLE: {"row": int, "column": int},
    FORM: {"field": str, "row": int, "column": int},
}
_NUMBER_PLACE: dict[str, type] = {"row": int, "number": int}


@dataclass(frozen=True)
class Reviewed:
    """A sheet with its fields as a person left them."""

    name: str
    sheet: Sheet
    fields: Sequence[Checked]


def columns_of(settings: Settings) -> dict[str, type]:
    """Return the columns of the table of fields: those of ``ocrdigit read --out``."""
    return {
        "source": str,
        "page": int,
        "status": str,
        **_PLACES.get(settings.mode, _NUMBER_PLACE),
        **_TEXTS,
        **dict.fromkeys(_BOX, int),
        "error": str,
    }


def rows_of(pages: Iterable[Reviewed], settings: Settings) -> list[dict[str, Any]]:
    """Return a row for each field, and one for a page without any.

    A field that a person cleared is not written on the page, and has no row. The correction of a
    part of a field has none besides that of the field.
    """
    columns = columns_of(settings)
    rows = []
    for page in pages:
        own = [_row(page, each, settings) for each in page.fields if _is_exported(each, settings)]
        error = page.sheet.error
        status = "empty" if error is None else "failed"
        nothing = {"status": status, "error": None if error is None else error_message(page)}
        for row in own or [nothing]:
            known = {"source": page.name, "page": page.sheet.page, **row}
            rows.append({name: known.get(name) for name in columns})
    return rows


def _is_exported(each: Checked, settings: Settings) -> bool:
    if each.text:
        return not each.is_part
    # Forms and tables have a row for each place; elsewhere an empty text is no number.
    return settings.mode in (TABLE, FORM) and bool(each.field.place)


def _row(page: Reviewed, each: Checked, settings: Settings) -> dict[str, Any]:
    return {
        **each.field.place,
        "status": each.status,
        "text": each.text,
        "value": value_of(each.text, settings.decimal) if each.text else None,
        "confidence": round(each.field.confidence, _DECIMALS),
        **dict(zip(_BOX, each.field.box, strict=True)),
    }


def error_message(page: Reviewed) -> str:
    """Return why a page was not read, with the name of its file."""
    assert page.sheet.error is not None
    return describe(page.sheet.error).replace(page.sheet.digest, page.name)


def to_table(pages: Iterable[Reviewed], settings: Settings, suffix: str) -> bytes:
    """Return the table of fields as a file: ``.csv``, formula-safe, or ``.parquet``.

    Raises
    ------
    ModuleNotFoundError
        pyarrow is not installed, for Parquet.
    """
    return encode_table(rows_of(pages, settings), columns_of(settings), suffix)


def can_write_parquet() -> bool:
    """Return whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def to_grid(pages: Iterable[Reviewed]) -> bytes:
    """Return the tables on pages as CSV: a line for each row, a column for each column."""
    grids = [(page, _grid(page.fields)) for page in pages]
    width = max((len(row) for _, grid in grids for row in grid), default=0)
    names = [f"column {index + 1}" for index in range(width)]
    columns: dict[str, type] = {"source": str, "page": int, **dict.fromkeys(names, str)}
    rows = [
        {"source": page.name, "page": page.sheet.page}
        | dict.fromkeys(names)
        | dict(zip(names, texts, strict=False))
        for page, grid in grids
        for texts in grid
    ]
    return encode_table(rows, columns, ".csv")


def _grid(fields: Iterable[Checked]) -> list[list[str]]:
    texts = {
        (each.field.place["row"], each.field.place["column"]): each.text
        for each in fields
        if "column" in each.field.place
    }
    height, width = (1 + max((place[axis] for place in texts), default=-1) for axis in (0, 1))
    return [[texts.get((row, column), "") for column in range(width)] for row in range(height)]


def to_json(pages: Iterable[Reviewed], settings: Settings) -> bytes:
    """Return all that is known as JSON: for each page its fields, with what was read in them."""
    plain = [_plain(page, settings) for page in pages]
    return json.dumps(plain, indent=1, ensure_ascii=False).encode()


def _plain(page: Reviewed, settings: Settings) -> dict[str, Any]:
    known: dict[str, Any] = {"source": page.name, "page": page.sheet.page}
    if page.sheet.error is not None:
        return {**known, "error": error_message(page)}
    fields = []
    for each in (each for each in page.fields if not each.is_part):
        row = _row(page, each, settings)
        value = row["value"]
        found = {name: row[name] for name in ("status", "text", "confidence")}
        found |= {"read": each.field.text, "value": None if value is None else f"{value:f}"}
        fields.append({**each.field.place, **found, "box": list(each.field.box)})
    return {**known, "fields": fields}


# -- training data --


def to_training_data(crops: Iterable[tuple[NDArray[np.uint8], str]]) -> bytes:
    """Return a ZIP file with pictures of fields and ``labels.csv``, which says what they show.

    ``ocrdigit evaluate --reading labels.csv`` reads it.
    """
    data, labels = io.BytesIO(), io.StringIO()
    table = csv.writer(labels, lineterminator="\n")
    table.writerow(("file", "text"))
    with zipfile.ZipFile(data, "w") as file:
        for index, (crop, text) in enumerate(crops):
            name = f"{index:05}.png"
            picture = io.BytesIO()
            Image.fromarray(crop).save(picture, "png")
            file.writestr(name, picture.getvalue())
            table.writerow((name, text))
        file.writestr("labels.csv", labels.getvalue())
    return data.getvalue()


def crop_of(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return the part of a picture around a box, with a margin."""
    x, y, w, h = box
    margin = max(3, h // 6)
    return picture[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]


def digit_crops(
    picture: NDArray[np.uint8], sheet: Sheet, correction: Correction
) -> list[tuple[NDArray[np.uint8], int]]:
    """Return crops of the digits of a correction with their labels.

    Empty unless as many digits were read as were typed, so that each has a box.
    """
    boxes: Mapping[Box, Any] = {each.box: each for each in sheet.fields}
    field = boxes.get(correction.box)
    marks = [mark for mark in field.marks if mark.value.isdigit()] if field else []
    digits = [character for character in correction.text if character.isdigit()]
    if len(marks) != len(digits):
        return []
    return [
        (crop_of(picture, mark.box), int(digit)) for mark, digit in zip(marks, digits, strict=True)
    ]
