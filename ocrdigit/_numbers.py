"""Numbers on a page and their symbols: digits and separators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._values import value_of

if TYPE_CHECKING:
    from .explaining import Explanation

__all__ = [
    "Alternative",
    "Digit",
    "Number",
    "Separator",
    "Symbol",
    "digit_boxes",
    "text_of",
]

Box: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Digit:
    """A digit on a page.

    Attributes
    ----------
    value : int
        0 to 9.
    confidence : float
        Probability that the symbol is this digit, 0 to 1.
    box : (x, y, w, h)
        Bounding box of its foreground, in pixels of the page.
    probabilities : ndarray (10,) of float32
        Probability of each digit, given that the symbol is one; they sum to 1.
    is_digit : float
        Probability that the symbol is a digit, 0 to 1.
    explanation : Explanation or None
        Grad-CAM of the digit on the page, if ``read`` was called with ``explain=True``.
    """

    value: int
    confidence: float
    box: Box
    probabilities: NDArray[np.float32] = field(repr=False, compare=False)
    is_digit: float = field(repr=False)
    explanation: Explanation | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the digit as a dict that can be written as JSON."""
        return {
            "value": self.value,
            "confidence": self.confidence,
            "box": list(self.box),
            "probabilities": [float(p) for p in self.probabilities],
            "is_digit": self.is_digit,
        }

    def _repr_html_(self) -> str:
        from . import _html

        x, y, w, h = self.box
        return (
            f'<div><b style="font-size:1.6em">{self.value}</b> confidence {self.confidence:.1%}, '
            f"{w} x {h} pixels at ({x}, {y})</div>{_html.bars(self.probabilities, self.value)}"
        )


@dataclass(frozen=True)
class Separator:
    """A separator or a sign between, before or after the digits of a number.

    Attributes
    ----------
    value : str
        One of ``. , - + / :``.
    confidence : float
        Probability that the symbol is this separator, 0 to 1.
    box : (x, y, w, h)
        Bounding box of its foreground, in pixels of the page.
    probabilities : ndarray (6,) of float32
        Probability of each separator, in the order of ``.,-+/:``, given that the symbol is one;
        they sum to 1.
    """

    value: str
    confidence: float
    box: Box
    probabilities: NDArray[np.float32] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the separator as a dict that can be written as JSON."""
        return {
            "value": self.value,
            "confidence": self.confidence,
            "box": list(self.box),
            "probabilities": [float(p) for p in self.probabilities],
        }


Symbol: TypeAlias = Digit | Separator


@dataclass(frozen=True)
class Alternative:
    """One of the most probable texts of a number.

    Attributes
    ----------
    text : str
        As the ``text`` of a :class:`Number`.
    probability : float
        Its probability among the alternatives of the number, which sum to 1.
    """

    text: str
    probability: float


@dataclass(frozen=True)
class Number:
    """A number on a page.

    Attributes
    ----------
    symbols : tuple of Digit and Separator
        One or more, from left to right.
    page : int
        Index of the page in the file.
    gaps : tuple of str
        What the text has before each symbol and after the last without a symbol for it: spaces
        between groups of digits, and the separators that a pattern writes; empty without any.
    alternatives : tuple of Alternative
        The most probable texts, in descending order of probability, if ``read`` was called with
        ``alternatives`` or ``check``.
    decimal : str
        The decimal separator: ".", "," or "auto".
    quality : tuple of float, or None
        What was measured on its line, for the confidence in all of it.
    calibrated : float or None
        The confidence that follows from it.
    """

    symbols: tuple[Symbol, ...]
    page: int = 0
    gaps: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = field(default=(), repr=False)
    decimal: str = field(default="auto", repr=False)
    quality: tuple[float, ...] | None = field(default=None, repr=False, compare=False)
    calibrated: float | None = field(default=None, repr=False, compare=False)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """The symbols that are digits."""
        return tuple(symbol for symbol in self.symbols if isinstance(symbol, Digit))

    @property
    def text(self) -> str:
        """The number as it is written: digits, separators, and spaces between groups."""
        return text_of(self.symbols, self.gaps)

    @property
    def value(self) -> Decimal | None:
        r"""The value; None if the text is no number, such as a date, or ambiguous.

        The text may have a sign, groups of three digits with spaces or one kind of separator
        between them, and decimals. A dash at its end, as in ``12.-``, stands for decimals that are
        zero. If ``decimal`` is "auto", the last of ``.`` and ``,`` is the decimal separator, and
        one of them that occurs several times separates groups. A text such as ``1.250`` or
        ``12,500`` is ambiguous, and its value None, unless ``decimal`` is given.

        Examples
        --------
        >>> import ocrdigit
        >>> picture = ocrdigit.synth.string("1874", random_state=3)
        >>> ocrdigit.read(picture.image, pattern=r"\d\d,\d\d").numbers[0].value
        Decimal('18.74')
        """
        return value_of(self.text, self.decimal)

    @property
    def box(self) -> Box:
        """Bounding box (x, y, w, h) of the symbols, in pixels of the page."""
        x, y, w, h = np.array([symbol.box for symbol in self.symbols]).T
        left, top = int(x.min()), int(y.min())
        return left, top, int((x + w).max()) - left, int((y + h).max()) - top

    @property
    def confidence(self) -> float:
        """Probability that the digits of the text are right and complete, 0 to 1.

        It is calibrated on fields of one number, from the confidences of the symbols, symbols that
        were dropped, foreground that no symbol explains, how far the readings of several scales
        agree, and whether the number reaches a side of the image. In tables it is the product of
        the confidences of the symbols.
        """
        if self.calibrated is not None:
            return self.calibrated
        return float(np.prod([symbol.confidence for symbol in self.symbols]))

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return the number as a dict that can be written as JSON; its value is a str or None."""
        value = self.value
        return {
            "text": self.text,
            "value": None if value is None else str(value),
            "confidence": self.confidence,
            "box": list(self.box),
            "page": self.page,
            "symbols": [symbol.to_dict() for symbol in self.symbols],
            "alternatives": [asdict(alternative) for alternative in self.alternatives],
        }


def text_of(symbols: Sequence[Symbol], gaps: Sequence[str] = ()) -> str:
    """Return the text of symbols, with what is before each of them and after the last."""
    texts = [str(symbol.value) for symbol in symbols]
    if not gaps:
        return "".join(texts)
    return "".join(a + b for a, b in zip(gaps, (*texts, ""), strict=True))


def digit_boxes(numbers: Sequence[Number]) -> list[list[Box]]:
    """Return the boxes of each number's digits; of all its symbols if none is a digit."""
    return [[symbol.box for symbol in number.digits or number.symbols] for number in numbers]
