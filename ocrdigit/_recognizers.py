"""The recognizers of :func:`ocrdigit.read` by name: what a fast one leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import _checks

__all__ = ["RECOGNIZERS", "Recognizer", "recognizer_of"]


@dataclass(frozen=True)
class Recognizer:
    """How a page is read.

    Attributes
    ----------
    shortcuts : mapping of str to bool
        For ``_core.read_symbols``. With "one_scale" a line is recognized at one scale, without
        others that vote. With "one_reading" a page is not read rotated by quarter turns, and a
        field that the detector may have misjudged is not read without it as well.
    precision : str
        The precision of the default model, which verifies digits.
    """

    shortcuts: Mapping[str, bool] = field(default_factory=dict)
    precision: str = "float32"


RECOGNIZERS: dict[str, Recognizer] = {
    "default": Recognizer(),
    "fast": Recognizer({"one_scale": True, "one_reading": True}, "int8"),
}


def recognizer_of(name: str) -> Recognizer:
    """Return a recognizer by its name."""
    return RECOGNIZERS[_checks.known("recognizer", name, tuple(RECOGNIZERS))]
