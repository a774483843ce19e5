"""Symbols from the tables of the core.

``_core.read_symbols`` returns a row for each symbol in two tables: line, value, left, top, width
and height; and confidence, probability of being a symbol, and probability of each symbol given that
it is one. Values are indices into SYMBOLS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ._numbers import Digit, Separator, Symbol
from ._symbols import DIGITS, SYMBOLS

__all__ = ["split_lines", "symbols_of"]


def symbols_of(
    table: NDArray[np.int32], probabilities: NDArray[np.float32], factor: int = 1
) -> Iterator[Symbol]:
    """Yield the symbols of both tables; boxes are scaled by ``factor``."""
    for row, scores in zip(table.tolist(), probabilities, strict=True):
        yield _symbol(row, scores, factor)


def split_lines(symbols: Iterator[Symbol], lengths: Sequence[int]) -> list[tuple[Symbol, ...]]:
    """Return symbols as lines of these lengths."""
    return [tuple(islice(symbols, length)) for length in lengths]


def _symbol(row: Sequence[int], scores: NDArray[np.float32], factor: int) -> Symbol:
    """Return the symbol of a row of both tables."""
    _, value, *sides = row
    x, y, w, h = (factor * side for side in sides)
    confidence, is_symbol = float(scores[0]), float(scores[1])
    classes = scores[2:]
    digits, separators = classes[: len(DIGITS)], classes[len(DIGITS) :]
    if value >= len(DIGITS):
        return Separator(SYMBOLS[value], confidence, (x, y, w, h), _normalized(separators))
    share = float(digits.sum()) / max(float(classes.sum()), 1e-30)
    return Digit(value, confidence, (x, y, w, h), _normalized(digits), is_symbol * min(share, 1.0))


def _normalized(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities that sum to 1; equal ones if all are 0."""
    total = float(probabilities.sum())
    if total <= 0:
        return np.full(len(probabilities), 1 / len(probabilities), np.float32)
    return np.asarray(probabilities / total, np.float32)
