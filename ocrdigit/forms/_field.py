"""Fields of a form: their place and what may be written in them."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from .. import _checks
from .._page_reader import PageReader

__all__ = ["FIELD_KINDS", "Box", "FormField"]

Box = tuple[int, int, int, int]

#: The kinds of fields, see :class:`FormField`.
FIELD_KINDS = ("field", "comb", "table")

_MIN_SIDE = 8  # pixels
_MAX_COUNT = 1000  # rows, or columns
_MAX_CELLS = 40_000
_FORMAT = ("pattern", "symbols", "length", "lexicon", "decimal")
_COUNTS = {"field": (), "comb": ("columns",), "table": ("rows", "columns")}


@dataclass(frozen=True)
class FormField:
    r"""A named region of a form.

    Parameters
    ----------
    name : str
        The name of the field in a :class:`FormReading`, unique in its form.
    box : (x, y, w, h)
        The region that is written in, in pixels of the form, at least 8 each way; for a comb or a
        table, the outer sides of its lines.
    kind : {"field", "comb", "table"}
        A "field" holds one or more numbers; a "comb" a digit in each of its ``columns`` boxes; a
        "table" numbers in ``rows`` times ``columns`` cells.
    pattern, symbols, length, lexicon, decimal : as for read
        What is written in a field or comb, as for :func:`ocrdigit.read`. In a comb it is by
        default 1 to ``columns`` digits. Tables take none of them.
    rows, columns : int, optional
        Of a table, both; of a comb, the columns; 1 to 1,000, and at most 40,000 cells.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message begins with the name of the field.

    Examples
    --------
    >>> from ocrdigit import FormField
    >>> FormField("date", (820, 90, 300, 60), pattern=r"\d\d/\d\d/\d{4}").kind
    'field'
    >>> FormField("account", (120, 300, 480, 60), "comb", columns=8).columns
    8
    """

    name: str
    box: Box
    kind: str = "field"
    pattern: str | None = None
    symbols: str = "all"
    length: int | tuple[int, int] | None = None
    lexicon: tuple[str, ...] | None = None
    decimal: str = "auto"
    rows: int | None = None
    columns: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a str, got {self.name!r}")
        if not self.name.strip():
            raise ValueError(f"name must not be empty, got {self.name!r}")
        try:
            self._check()
        except (TypeError, ValueError) as error:
            raise type(error)(f"field {self.name!r}: {error}") from None

    def _check(self) -> None:
        self._set("box", _checked_box(self.box))
        _checks.known("kind", self.kind, FIELD_KINDS)
        for name in ("rows", "columns"):
            self._check_count(name)
        if (self.rows or 1) * (self.columns or 1) > _MAX_CELLS:
            raise ValueError(
                f"rows x columns must be at most {_MAX_CELLS:,} cells, "
                f"got {self.rows} x {self.columns}"
            )
        if isinstance(self.length, (list, tuple)):
            self._set("length", tuple(map(int, self.length)))
        elif isinstance(self.length, numbers.Integral) and not isinstance(self.length, bool):
            self._set("length", int(self.length))
        if isinstance(self.lexicon, Iterable) and not isinstance(self.lexicon, str):
            self._set("lexicon", tuple(self.lexicon))
        if self.kind == "table":
            given = [name for name in _FORMAT if getattr(self, name) != _DEFAULTS[name]]
            if given:
                raise ValueError(f"a table takes no {given[0]}, got {getattr(self, given[0])!r}")
        else:
            self._make_reader()

    def _check_count(self, name: str) -> None:
        count = getattr(self, name)
        if name not in _COUNTS[self.kind]:
            if count is not None:
                raise ValueError(f"a {self.kind} has no {name}, got {count!r}")
        elif count is None:
            raise ValueError(f"a {self.kind} needs {' and '.join(_COUNTS[self.kind])}")
        else:
            self._set(name, _checks.int_in_range(name, count, 1, _MAX_COUNT))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def _has_format(self) -> bool:
        """Whether it is known what is written, beyond digits in the boxes of a comb."""
        return any(getattr(self, name) is not None for name in ("pattern", "length", "lexicon"))

    def _make_reader(self, **options: Any) -> PageReader:
        """Return a reader of what may be written in a field or comb."""
        pattern = self.pattern
        if self.kind == "comb" and pattern is None and self.lexicon is None:
            pattern = rf"\d{{1,{self.columns}}}"
        return PageReader(
            pattern=pattern,
            symbols=self.symbols,
            lexicon=self.lexicon,
            length=self.length,
            decimal=self.decimal,
            **options,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments that are not the default ones, as JSON has them."""
        found = {"name": self.name, "box": list(self.box)}
        for each in fields(self)[2:]:
            value = getattr(self, each.name)
            if value != each.default:
                found[each.name] = list(value) if isinstance(value, tuple) else value
        return found


_DEFAULTS = {each.name: each.default for each in fields(FormField)}


def _checked_box(box: object) -> Box:
    if not isinstance(box, (tuple, list)) or len(box) != 4:
        raise TypeError(f"box must be four integers (x, y, w, h), got {box!r}")
    for side in box:
        if isinstance(side, bool) or not isinstance(side, numbers.Integral):
            raise TypeError(f"box must be four integers (x, y, w, h), got {box!r}")
    x, y, w, h = map(int, box)
    if min(w, h) < _MIN_SIDE:
        raise ValueError(f"box must be at least {_MIN_SIDE} pixels each way, got {box!r}")
    return x, y, w, h
