"""What the visitor wants to be read, and how it is written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from ocrdigit import DigitClassifier, Form
from ocrdigit.batch import digest_of_model

MODES = ("Numbers", "A table", "A form", "Single digits")
NUMBERS, TABLE, FORM, DIGITS = MODES

ANY_FORMAT, OWN_PATTERN = "Any number", "A pattern of my own"
FORMAT_LABELS = {
    ANY_FORMAT: "Any number",
    "integer": "Whole number: 1874",
    "decimal": "Amount: 1,250.60",
    "date": "Date: 31/12/2024",
    "date-us": "Date: 12/31/2024",
    "date-iso": "Date: 2024-12-31",
    "time": "Time: 23:59",
    "phone": "Telephone: 0712345678",
    OWN_PATTERN: "A pattern of my own",
}


@dataclass(frozen=True)
class Settings:
    """What to read.

    Attributes
    ----------
    mode : str
        One of ``MODES``.
    pattern, symbols, length, decimal
        Of numbers, as for :func:`ocrdigit.read`.
    rows, columns : int or None
        Of tables, as for :func:`ocrdigit.read_table`.
    form : Form or None
        Of forms.
    model : DigitClassifier or None
        The classifier that verifies digits; the default one for None.
    """

    mode: str = NUMBERS
    pattern: str | None = None
    symbols: str = "all"
    length: int | None = None
    decimal: str = "auto"
    rows: int | None = None
    columns: int | None = None
    form: Form | None = field(default=None, compare=False)
    model: DigitClassifier | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """The same for settings with the same results."""
        plain: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("mode", "pattern", "symbols", "length", "decimal", "rows", "columns")
        }
        if self.mode == FORM and self.form is not None:
            plain["form"] = self.form.to_dict()
        if self.model is not None:
            plain["model"] = digest_of_model(self.model)
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
