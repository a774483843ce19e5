"""Reading of one page: the calls of the core, and the numbers that it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from . import _checks, _core
from ._numbers import Alternative, Digit, Number, Symbol, text_of
from ._patterns import Constraint, any_number, constraint, gaps_of
from ._predict import shipped_model
from ._recognizers import recognizer_of
from ._spaces import find_spaces
from ._symbol_tables import split_lines, symbols_of
from ._symbols import DIGITS, SYMBOLS
from ._values import checked_decimal
from .estimator import DigitClassifier
from .models.detector import shipped_detector
from .models.field_confidence import shipped_confidence
from .models.recognizer import shipped_fusion, shipped_recognizer

__all__ = ["Found", "PageReader", "checked_model", "downscaled"]

# Larger pages are downscaled by an integer factor before they are read.
_MAX_PIXELS = 5_000_000

_MAX_ALTERNATIVES = 32
_KINDS = ("all", "digits")

Texts = list[tuple[int, int, float]]


@dataclass(frozen=True)
class Found:
    """What was found for a line of a page.

    Attributes
    ----------
    number : Number
        The most probable one that passes the check; if there is none, the most probable one.
    passed : bool
        Whether it passes.
    """

    number: Number
    passed: bool = True


class PageReader:
    """The parameters of :func:`ocrdigit.read`, checked and compiled for any number of pages."""

    def __init__(
        self,
        *,
        pattern: str | None = None,
        symbols: str = "all",
        lexicon: Iterable[str] | None = None,
        length: int | tuple[int, int] | None = None,
        check: Callable[[str], object] | None = None,
        alternatives: int = 0,
        decimal: str = "auto",
        model: DigitClassifier | None = None,
        recognizer: str = "default",
        parallel: bool = True,
    ) -> None:
        preset = recognizer_of(recognizer)
        self.shortcuts = preset.shortcuts
        self.parallel = parallel  # whether a page is read by several threads
        self.digits_only = _checks.known("symbols", symbols, _KINDS) == "digits"
        self.constraint: Constraint | None = constraint(pattern, length, lexicon)
        self.has_pattern = pattern is not None
        self.finds_spaces = not self.digits_only and pattern is None and lexicon is None
        # Texts that differ in separators only may become the same.
        optional = self.constraint.separators if self.constraint else None
        self.joins_texts = self.digits_only or optional is not None
        self.check = check
        self.count = _checks.int_in_range("alternatives", alternatives, 0, _MAX_ALTERNATIVES)
        self.decimal = checked_decimal(decimal)
        self.model = checked_model(model, preset.precision)
        if check is not None:
            if not callable(check):
                raise TypeError(f"check must be callable, got {check!r}")
            self.count = _MAX_ALTERNATIVES
        if self.count and self.constraint is None:
            self.constraint = any_number(DIGITS if self.digits_only else SYMBOLS)

    def read(
        self, page: NDArray[np.uint8], index: int = 0, seconds: dict[str, float] | None = None
    ) -> list[Found]:
        """Return what is found on a page, in reading order.

        The dict ``seconds`` gets those of the stages of the core.
        """
        small, factor = downscaled(page)
        table, probabilities, qualities, texts = self._call_core(small, seconds)
        lines = split_lines(
            symbols_of(table, probabilities, factor), [length for _, length, _ in texts]
        )
        found = []
        for _, group in groupby(zip(texts, lines, strict=True), key=lambda item: item[0][0]):
            items = [(line, symbols, log) for (line, _, log), symbols in group]
            numbers = [
                (self._number(symbols, qualities[line].tolist(), index), log)
                for line, symbols, log in items
            ]
            kept = [(number, log) for number, log in numbers if number.symbols]
            if kept:
                found.append(self._chosen(kept))
        return found

    def _call_core(
        self, page: NDArray[np.uint8], seconds: dict[str, float] | None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float64], Texts]:
        """Return the tables of the core; and line, number of symbols and log probability of each.

        There are several texts for a line if alternatives are looked for.
        """
        automaton = self.constraint.automaton if self.constraint else None
        classifier, fusion = self.model._fitted_classifier(), shipped_fusion().to_dict()
        if automaton is not None and self.count:
            return _core.read_alternatives(
                shipped_recognizer(),
                page,
                automaton=automaton,
                count=_MAX_ALTERNATIVES if self.joins_texts else self.count,
                classifier=classifier,
                fusion=fusion,
                detector=shipped_detector(),
                shortcuts=self.shortcuts,
                parallel=self.parallel,
                seconds=seconds,
            )
        table, probabilities, qualities = _core.read_symbols(
            shipped_recognizer(),
            page,
            classifier=classifier,
            fusion=fusion,
            automaton=automaton,
            detector=shipped_detector(),
            shortcuts=self.shortcuts,
            parallel=self.parallel,
            seconds=seconds,
        )
        lines = groupby(table[:, 0].tolist())
        texts = [(line, len(list(group)), 0.0) for line, group in lines]
        return table, probabilities, qualities, texts

    def _number(self, symbols: tuple[Symbol, ...], quality: list[float], page: int) -> Number:
        """Return symbols as a number, with the separators of the pattern or with spaces."""
        read = symbols
        text = text_of(symbols)
        if self.constraint and self.constraint.separators:
            text = self.constraint.separators.complete(text)
        gaps = find_spaces(symbols) if self.finds_spaces else ()
        if self.digits_only:
            symbols = tuple(symbol for symbol in symbols if isinstance(symbol, Digit))
        if self.has_pattern:
            gaps = gaps_of(text, text_of(symbols))
        counted = read if self.has_pattern else symbols  # those that the text has
        return Number(
            symbols,
            page,
            gaps,
            decimal=self.decimal,
            quality=tuple(quality),
            calibrated=shipped_confidence().confidence([s.confidence for s in counted], quality),
        )

    def _chosen(self, texts: list[tuple[Number, float]]) -> Found:
        """Return the first number that passes the check, with the alternatives of its line.

        The texts are numbers with the logarithms of their probabilities.
        """
        numbers = _with_alternatives(texts, self.count) if self.count else [texts[0][0]]
        for number in numbers:
            if self.check is None or self.check(self._checked_text(number)):
                return Found(number)
        return Found(numbers[0], passed=False)

    def _checked_text(self, number: Number) -> str:
        """Return the text of a number without spaces that no pattern asks for."""
        return text_of(number.symbols) if self.finds_spaces else number.text


def _with_alternatives(texts: list[tuple[Number, float]], count: int) -> list[Number]:
    """Return a number for each text, in descending order of probability, with all alternatives.

    There are up to ``count``. Numbers with the same text, as they differ in separators that are
    left out or that the pattern writes, are one.
    """
    scores = np.exp(np.array([log for _, log in texts]) - texts[0][1]).tolist()
    sums: dict[str, float] = {}
    numbers: dict[str, Number] = {}
    for (number, _), score in zip(texts, scores, strict=True):
        numbers.setdefault(number.text, number)
        sums[number.text] = sums.get(number.text, 0.0) + score
    ordered = sorted(sums, key=lambda text: sums[text], reverse=True)[:count]
    total = sum(sums[text] for text in ordered)
    alternatives = tuple(Alternative(text, sums[text] / total) for text in ordered)
    return [replace(numbers[text], alternatives=alternatives) for text in ordered]


def downscaled(page: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return a page of at most about _MAX_PIXELS, and the integer factor of its scale."""
    factor = int(np.ceil(np.sqrt(page.size / _MAX_PIXELS)))
    if factor <= 1:
        return page, 1
    h, w = (max(1, side // factor) for side in page.shape)
    blocks = page[: h * factor, : w * factor]
    if blocks.shape != (h * factor, w * factor):  # narrower than a block
        return page, 1
    from . import image

    return image.resize(blocks, (w, h), "area"), factor


def checked_model(model: DigitClassifier | None, precision: str = "float32") -> DigitClassifier:
    """Return a fitted model, or the default one in a precision for None."""
    if model is None:
        return shipped_model(precision)
    if not isinstance(model, DigitClassifier):
        raise TypeError(f"model must be a DigitClassifier or None, got {model!r}")
    model._fitted()
    return model
