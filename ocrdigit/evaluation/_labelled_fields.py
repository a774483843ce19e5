"""Labelled fields: pictures, and the texts that are written in them."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from .._bounded import bounded_lines, errors_of
from .._inputs import gray_page

if TYPE_CHECKING:
    from .._typing import ImageLike

ALPHABET = "0123456789.,-+/: "

_COLUMNS = ("file", "text")

# Of a labels file, in characters.
MAX_LINE, MAX_SIZE = 1 << 16, 1 << 28

Path = str | os.PathLike[str]


class LabelledField(NamedTuple):
    """A field to read.

    Attributes
    ----------
    name : str
        Its file as the labels name it, or its place in the sequence for other images.
    image : path or any other image
    text : str
        What is written in it.
    """

    name: str
    image: ImageLike
    text: str


def labelled_fields(
    truth: Path | Sequence[tuple[ImageLike, str]], folder: Path | None
) -> list[LabelledField]:
    """Return the fields of a labels file or of a sequence of (image, text).

    Raises
    ------
    TypeError, ValueError
        If ``truth`` is not as described, or has no fields.
    OSError
        If the file, or one that it names, cannot be read.
    """
    if _is_path(truth):
        return _from_file(truth, folder)
    if folder is not None:
        raise ValueError(f"folder is for a labels file, but truth is a {type(truth).__name__}")
    if isinstance(truth, (bytes, bytearray)) or not isinstance(truth, Iterable):
        raise TypeError(
            "truth must be the path of a labels file or a sequence of (image, text), got "
            f"{type(truth).__name__}"
        )
    fields = list(_from_pairs(truth))
    if not fields:
        raise ValueError("truth has no fields; expected one or more (image, text)")
    return fields


def _is_path(truth: object) -> TypeGuard[Path]:
    return isinstance(truth, (str, os.PathLike))


def _from_pairs(truth: Iterable[object]) -> Iterator[LabelledField]:
    for index, pair in enumerate(truth):
        name = f"truth[{index}]"
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"{name} must be (image, text), got {type(pair).__name__}")
        image, text = pair
        checked = _checked_text(text, name)
        if _is_path(image):
            yield LabelledField(os.fspath(image), image, checked)
        else:
            gray_page(image, name)  # raises if it is not an image
            yield LabelledField(str(index), image, checked)


def _from_file(path: Path, folder: Path | None) -> list[LabelledField]:
    name = os.fspath(path)
    if folder is not None and not _is_path(folder):
        raise TypeError(f"folder must be a path or None, got {type(folder).__name__}")
    base = os.path.dirname(name) if folder is None else os.fspath(folder)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = bounded_lines(file, MAX_LINE, MAX_SIZE)
            fields = list(_from_rows(_named(lines, name), name, base))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: {error}") from error
    if not fields:
        raise ValueError(f"{name} has no fields; expected a row with file and text for each")
    return fields


def _named(lines: Iterator[str], name: str) -> Iterator[str]:
    """Yield lines; errors of their bounds name the file."""
    with errors_of(name):
        yield from lines


def _from_rows(file: Iterable[str], name: str, base: str) -> Iterator[LabelledField]:
    rows = csv.DictReader(file, strict=True)
    header = [column.strip() for column in rows.fieldnames or ()]
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        raise ValueError(
            f"{name} has no column {' and no column '.join(map(repr, missing))}; expected the "
            f"columns 'file' and 'text', got {', '.join(map(repr, header)) or 'an empty file'}"
        )
    rows.fieldnames = header
    for row in rows:
        line = f"{name}, line {rows.line_num}"
        picture, text = (row[column] for column in _COLUMNS)
        if not picture or text is None or None in row:
            raise ValueError(f"{line}: expected a file and a text, got {list(row.values())}")
        source = os.path.join(base, picture)
        if not os.path.isfile(source):
            reason = f"{os.strerror(errno.ENOENT)}, but {line} names it"
            raise FileNotFoundError(errno.ENOENT, reason, source)
        yield LabelledField(picture, source, _checked_text(text, line))


def _checked_text(text: object, name: str) -> str:
    """Return a text with single spaces; raise if it cannot be that of a reading."""
    if not isinstance(text, str):
        raise TypeError(f"{name}: the text must be a str, got {text!r}")
    unknown = sorted(set(text) - set(ALPHABET))
    if unknown:
        raise ValueError(
            f"{name}: the text must be of the characters {ALPHABET!r}, got {unknown[0]!r} in "
            f"{text!r}"
        )
    return single_spaces(text)


def single_spaces(text: str) -> str:
    """Return a text with a single space for each run of spaces and line ends, none at its ends."""
    return " ".join(text.split())
