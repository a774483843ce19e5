"""The formats of tables that grow: CSV, JSON Lines, and rows that become a Parquet file."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from .._atomic import check_writable
from .._system import sync_folder
from ._job import Columns

Row = dict[str, Any]

# A number that spreadsheets give back as it is, up to zeros at its end.
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
_MAX_DIGITS = 15  # of numbers in spreadsheets
# What begins a formula, in OWASP's list; and the apostrophe, so that it can be undone.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
# What spreadsheets take for a number, a date or a time.
_NUMBER_LIKE = re.compile(r"[\d.,+/: -]+", re.ASCII)
_ROW_GROUP = 100_000  # rows of a row group of a Parquet file


class Format(ABC):
    """How rows become bytes; these are appended to the working file of the table."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def working_path(self, path: str) -> str:
        """Return the file that grows: the table itself, unless its format cannot."""
        return path

    def check(self, path: str) -> None:  # noqa: B027  # most have nothing to check
        """Raise an exception if the table cannot be written, before long work."""

    def header(self) -> bytes:
        """Return the beginning of the working file."""
        return b""

    @abstractmethod
    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return the bytes of rows; their values are of the columns' types or None."""

    def finish(self, path: str) -> None:  # noqa: B027  # most tables are finished
        """Make the table of the working file, if it is another file."""


class Csv(Format):
    """CSV with a header, safe to open in spreadsheets."""

    def header(self) -> bytes:
        """Return the line with the names of the columns."""
        return self._lines([dict(zip(self.columns, self.columns, strict=True))])

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return a line for each row."""
        return self._lines({name: cell(row[name]) for name in self.columns} for row in rows)

    def _lines(self, rows: Any) -> bytes:
        text = io.StringIO()
        csv.DictWriter(text, self.columns, lineterminator="\n").writerows(rows)
        return text.getvalue().encode()


class JsonLines(Format):
    """A JSON object a line. Decimals are strings."""

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return a line for each row."""
        return "".join(
            json.dumps({name: _plain(row[name]) for name in self.columns}) + "\n" for row in rows
        ).encode()


class Parquet(JsonLines):
    """A Parquet file, which is made of JSON Lines at the end: it cannot grow. Decimals are text."""

    def working_path(self, path: str) -> str:
        """Return the file of rows."""
        return f"{path}.rows"

    def check(self, path: str) -> None:
        """Raise ModuleNotFoundError without pyarrow, or OSError if ``path`` cannot be written."""
        try:
            import pyarrow.parquet  # noqa: F401
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "writing a .parquet file needs pyarrow: pip install 'ocrdigit[parquet]'",
                name="pyarrow",
            ) from error
        check_writable(path)
        if os.path.exists(path) and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "cannot write: it is read-only", path)

    def finish(self, path: str) -> None:
        """Write the file beside ``path`` and rename it."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
        schema = pa.schema([(name, kinds[kind]) for name, kind in self.columns.items()])
        unfinished = f"{path}.unfinished"
        with (
            open(self.working_path(path), encoding="utf-8") as lines,
            pq.ParquetWriter(unfinished, schema) as writer,
        ):
            for rows in _chunks(map(json.loads, lines), _ROW_GROUP):
                writer.write_table(pa.Table.from_pylist(rows, schema))
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        sync_folder(os.path.dirname(path) or ".")


FORMATS: dict[str, type[Format]] = {
    ".csv": Csv,
    ".jsonl": JsonLines,
    ".ndjson": JsonLines,
    ".parquet": Parquet,
}


def format_of(path: str, columns: Columns) -> Format:
    """Return the format of a table by the suffix of its path."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in FORMATS:
        raise ValueError(f"path must end in {', '.join(FORMATS)}, got {path!r}")
    return FORMATS[suffix](columns)


def encode_table(rows: Sequence[Row], columns: Columns, suffix: str) -> bytes:
    r"""Return rows as the bytes of a table, as :meth:`Batch.write` writes them to a file.

    Parameters
    ----------
    rows : sequence of dict
        With a value, or None, for each column.
    columns : mapping of str to type
        The names of the columns and their types: str, int or float.
    suffix : str
        The format: ``".csv"``, formula-safe, ``".jsonl"``, ``".ndjson"`` or ``".parquet"``.

    Returns
    -------
    bytes
        The content of such a file.

    Raises
    ------
    ValueError
        The suffix is unknown.
    ModuleNotFoundError
        pyarrow is not installed, for Parquet.

    Examples
    --------
    >>> from ocrdigit.batch import encode_table
    >>> encode_table([{"text": "=1+1"}, {"text": "42"}], {"text": str}, ".csv")
    b"text\n'=1+1\n42\n"
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"table{suffix}")
        table = format_of(path, columns)
        table.check(path)
        working = table.working_path(path)
        with open(working, "wb") as file:
            file.write(table.header() + table.encode(rows))
        table.finish(path)
        with open(path, "rb") as file:
            return file.read()


def cell(value: Any) -> Any:
    """Return a value as a CSV cell that spreadsheets neither run nor change.

    Texts get an apostrophe in front if spreadsheets would take them for a formula, or for a number
    or date that they would show in another way.

    Examples
    --------
    >>> [cell(text) for text in ("-350", "12.50", "007", "31/12/2024", "=1+1", "a.png")]
    ['-350', '12.50', "'007", "'31/12/2024", "'=1+1", 'a.png']
    """
    if isinstance(value, Decimal):
        value = _plain(value)
    if not isinstance(value, str) or _is_plain_number(value):
        return value
    changes = value.startswith(_FORMULA_STARTS) or _NUMBER_LIKE.fullmatch(value)
    return f"'{value}" if changes else value


def _is_plain_number(text: str) -> bool:
    digits = sum(map(str.isdigit, text))
    return digits <= _MAX_DIGITS and _PLAIN_NUMBER.fullmatch(text) is not None


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; a Decimal as text without an exponent."""
    return f"{value:f}" if isinstance(value, Decimal) else value


def _chunks(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, size)):
        yield chunk
