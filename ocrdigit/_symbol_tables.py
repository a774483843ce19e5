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
    classes = probabilities[:, 2:]
    digits, separators = classes[:, : len(DIGITS)], classes[:, len(DIGITS) :]
    shares = digits.sum(axis=1).astype(float) / np.maximum(classes.sum(axis=1).astype(float), 1e-30)
    rows = (table.tolist(), probabilities[:, :2].tolist(), shares.tolist())
    normalized = (_normalized(digits), _normalized(separators))
    for row, scores, share, of_digits, of_separators in zip(*rows, *normalized, strict=True):
        _, value, *sides = row
        x, y, w, h = (factor * side for side in sides)
        confidence, is_symbol = scores
        if value >= len(DIGITS):
            yield Separator(SYMBOLS[value], confidence, (x, y, w, h), of_separators)
        else:
            is_digit = is_symbol * min(share, 1.0)
            yield Digit(value, confidence, (x, y, w, h), of_digits, is_digit)


def split_lines(symbols: Iterator[Symbol], lengths: Sequence[int]) -> list[tuple[Symbol, ...]]:
    """Return symbols as lines of these lengths."""
    return [tuple(islice(symbols, length)) for length in lengths]


def _normalized(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of probabilities that sum to 1; equal ones if all are 0."""
    totals = probabilities.sum(axis=1, keepdims=True)
    normalized = np.full(probabilities.shape, 1 / probabilities.shape[1], np.float32)
    np.divide(probabilities, totals, out=normalized, where=totals > 0)
    return normalized
