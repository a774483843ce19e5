"""Reading numbers in images: digits, their boxes and confidences, line by line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._checks import int_in_range
from ._inputs import gray_pages
from ._patterns import PATTERNS, Constraint, any_number, constraint
from ._typing import ImageLike
from .models.detector import shipped_detector
from .models.recognizer import shipped_fusion, shipped_recognizer

if TYPE_CHECKING:
    from PIL.Image import Image

    from .estimator import DigitClassifier
    from .explaining import Explanation

__all__ = ["PATTERNS", "Alternative", "Digit", "Line", "Reading", "read", "read_many"]

# Larger pages are downscaled by an integer factor before they are read.
_MAX_PIXELS = 5_000_000

_MAX_ALTERNATIVES = 32
_BOX_COLOR, _LABEL_COLOR = (26, 127, 75), (200, 50, 31)

CSV_COLUMNS = ("file", "page", "line", "place", "value", "confidence", "x", "y", "width", "height")


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
    box: tuple[int, int, int, int]
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
class Alternative:
    """One of the most probable texts of a line.

    Attributes
    ----------
    text : str
        The digits, with the separators of a pattern.
    probability : float
        Its probability among the alternatives of the line, which sum to 1.
    """

    text: str
    probability: float


@dataclass(frozen=True)
class Line:
    """A line of digits.

    Attributes
    ----------
    digits : tuple of Digit
        One or more, from left to right.
    page : int
        Index of the page in the file.
    separators : tuple of str
        The separators of a pattern before each digit and after the last; empty without any.
    alternatives : tuple of Alternative
        The most probable texts, in descending order of probability, if ``read`` was called with
        ``alternatives`` or ``check``.
    """

    digits: tuple[Digit, ...]
    page: int = 0
    separators: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = field(default=(), repr=False)

    @property
    def text(self) -> str:
        """The digits as a string, with the separators of a pattern."""
        return _text([digit.value for digit in self.digits], self.separators)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Bounding box (x, y, w, h) of the digits, in pixels of the page."""
        x, y, w, h = np.array([digit.box for digit in self.digits]).T
        left, top = int(x.min()), int(y.min())
        return left, top, int((x + w).max()) - left, int((y + h).max()) - top

    @property
    def confidence(self) -> float:
        """Probability that all digits are correct, if errors are independent."""
        return float(np.prod([digit.confidence for digit in self.digits]))

    def to_dict(self) -> dict[str, Any]:
        """Return the line as a dict that can be written as JSON."""
        return {
            "text": self.text,
            "confidence": self.confidence,
            "box": list(self.box),
            "page": self.page,
            "digits": [digit.to_dict() for digit in self.digits],
            "alternatives": [asdict(alternative) for alternative in self.alternatives],
        }


@dataclass(frozen=True)
class Reading:
    """The numbers in an image. Displayed as a picture and a table in notebooks.

    Attributes
    ----------
    lines : tuple of Line
        In reading order: from top to bottom, lines of a row from left to right.
    pages : tuple of ndarray (h, w) of uint8
        The image, or the pages of the file, in gray.
    failed : tuple of Line
        With ``check``, lines that were left out of ``lines`` because none of their alternatives
        passed; each as its most probable text.
    """

    lines: tuple[Line, ...]
    pages: tuple[NDArray[np.uint8], ...] = field(repr=False, compare=False)
    failed: tuple[Line, ...] = ()

    @property
    def text(self) -> str:
        """The lines, joined by newlines."""
        return "\n".join(line.text for line in self.lines)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits in reading order."""
        return tuple(digit for line in self.lines for digit in line.digits)

    @property
    def alternatives(self) -> tuple[tuple[Alternative, ...], ...]:
        """The alternatives of each line."""
        return tuple(line.alternatives for line in self.lines)

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as a dict that can be written as JSON.

        Examples
        --------
        >>> import ocrdigit
        >>> picture = ocrdigit.synth.string("42", random_state=0)
        >>> reading = ocrdigit.read(picture.image)
        >>> sorted(reading.to_dict())
        ['lines', 'pages', 'text']
        """
        sizes = [{"width": page.shape[1], "height": page.shape[0]} for page in self.pages]
        return {
            "text": self.text,
            "pages": sizes,
            "lines": [line.to_dict() for line in self.lines],
        }

    def to_rows(self, file: str = "") -> list[dict[str, Any]]:
        """Return a dict for each digit, with the columns of :meth:`to_csv` as keys."""
        rows = []
        for number, line in enumerate(self.lines):
            for place, digit in enumerate(line.digits):
                values = (file, line.page, number, place, digit.value, digit.confidence)
                rows.append(dict(zip(CSV_COLUMNS, (*values, *digit.box), strict=True)))
        return rows

    def to_csv(self, file: str = "") -> str:
        """Return a CSV table with a row for each digit.

        Its columns are file, page, line, place, value, confidence, x, y, width and height.
        """
        return rows_to_csv(self.to_rows(file))

    def draw(self, page: int = 0) -> Image:
        """Return a page with the boxes and values of its digits drawn on it.

        Parameters
        ----------
        page : int
            Index of the page.

        Raises
        ------
        IndexError
            There is no such page.
        """
        from PIL import Image, ImageDraw, ImageFont

        if not 0 <= page < len(self.pages):
            raise IndexError(f"page must be 0 to {len(self.pages) - 1}, got {page}")
        picture = Image.fromarray(self.pages[page]).convert("RGB")
        canvas = ImageDraw.Draw(picture)
        width = 1 + max(picture.size) // 500
        for line in self.lines:
            for digit in line.digits if line.page == page else ():
                x, y, w, h = digit.box
                canvas.rectangle((x, y, x + w - 1, y + h - 1), outline=_BOX_COLOR, width=width)
                font = ImageFont.load_default(max(10, h // 3))
                canvas.text((x + 1, y), str(digit.value), _LABEL_COLOR, font, anchor="lb")
        return picture

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        self.draw().save(data, "png")
        return data.getvalue()

    def _repr_html_(self) -> str:
        from . import _html

        image = _html.picture(self.draw(), self.text.replace("\n", ", ") or "no digits")
        rows = [(line.text, f"{line.confidence:.1%}") for line in self.lines]
        return image + (
            _html.table(("number", "confidence"), rows) if rows else "<p><i>no digits</i></p>"
        )


def _text(values: Sequence[int], separators: Sequence[str]) -> str:
    digits = "".join(map(str, values))
    if not separators:
        return digits
    return "".join(a + b for a, b in zip(separators, (*digits, ""), strict=True))


def rows_to_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows of :meth:`Reading.to_rows` as CSV with a header."""
    text = io.StringIO()
    table = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def read(
    image: ImageLike,
    *,
    pattern: str | None = None,
    lexicon: Iterable[str] | None = None,
    length: int | tuple[int, int] | None = None,
    check: Callable[[str], object] | None = None,
    alternatives: int = 0,
    model: DigitClassifier | None = None,
    explain: bool = False,
) -> Reading:
    r"""Read the numbers in an image: a photo, a scan, a field of a form.

    Punctuation, dashes, ruling lines, frames, stains and letters are left out. Digits may touch and
    lines may slant. A line recognizer reads whole lines, and a classifier verifies each digit on a
    crop; their scores are fused, and symbols that are probably non-digits are dropped. With
    ``pattern``, ``lexicon`` or ``length`` each line is read as the most probable text that meets
    all of them, so that its confidence may be low; lines that cannot meet them are left out.

    Parameters
    ----------
    image : path, bytes, PIL image or array
        An array is (H, W) or (H, W, 1|3|4) of uint8, bool, uint16 or float, 0..1 or 0..255.
        All pages of a TIFF file are read, and the first frame of an animation.
    pattern : str, optional
        A regular expression, in the syntax of :mod:`re`, that a whole line matches, such as
        ``r"(07|08)\d{8}"``, or the name of one in ``ocrdigit.reading.PATTERNS``: ``"integer"``,
        ``"date"``, ``"time"`` or ``"phone"``. Separators (``, . - + / :`` and the space) are not
        read but written into the text: with ``r"\d{2}/\d{2}/\d{4}"``, the digits 31122024 are
        the text 31/12/2024. The pattern must say where they are.
    lexicon : iterable of str, optional
        The numbers that a line may be, such as ``["1874", "35000"]``.
    length : int or (low, high), optional
        The number of digits of each line.
    check : callable, optional
        Called with the most probable texts of a line, up to 32, in descending order of probability,
        such as :func:`ocrdigit.checks.luhn`. The line is the first text for which it returns a true
        value. If there is none, the line is left out, and is in ``.failed`` of the result. An
        exception that it raises is passed on.
    alternatives : int
        How many of the most probable texts of each line to find, up to 32, for ``.alternatives``
        of the result; at least 32 are found for ``check``.
    model : DigitClassifier, optional
        The classifier that verifies digits, such as one fine-tuned to a writer. The default is that
        of :func:`ocrdigit.predict`. A model without a non-digit class (see
        :meth:`DigitClassifier.digit_score`) changes digits but drops none.
    explain : bool
        Whether to compute the Grad-CAM of each digit, with the classifier.

    Returns
    -------
    Reading
        ``.text``, ``.lines`` and ``.digits``, each digit with its box and confidence.

    Raises
    ------
    TypeError
        ``image`` is of a type or dtype that is not supported, or a parameter of a wrong type.
    RuntimeError
        ``model`` has not been fitted.
    ValueError
        ``image`` is empty, too large, of a wrong shape, contains NaN, infinity or values outside
        0..1 and 0..255, or is not a valid image file; ``lexicon`` or ``length`` is invalid;
        ``pattern`` is no regular expression, has back-references or look-around, contains other
        characters, is ambiguous about separators, matches no number, or has more than 10,000 states
        as a finite automaton; no number meets all of them.
    OSError
        A file cannot be read.

    Examples
    --------
    >>> import ocrdigit
    >>> picture = ocrdigit.synth.string("1874", random_state=3)
    >>> ocrdigit.read(picture.image).text
    '1874'
    >>> ocrdigit.read(picture.image, pattern=r"\d{2}:\d{2}").text
    '18:74'
    >>> ocrdigit.read(picture.image, pattern="time").text
    '18:14'
    >>> ocrdigit.read(picture.image, length=4, check=ocrdigit.checks.luhn).text
    '1834'
    """
    reader = _Reader(constraint(pattern, length, lexicon), check, alternatives, model, explain)
    return reader.read(image)


def read_many(
    files: Sequence[str | os.PathLike[str]],
    *,
    pattern: str | None = None,
    lexicon: Iterable[str] | None = None,
    length: int | tuple[int, int] | None = None,
    check: Callable[[str], object] | None = None,
    alternatives: int = 0,
    model: DigitClassifier | None = None,
    progress: bool = True,
) -> list[Reading]:
    """Read files in order, with a progress bar on standard error.

    Parameters
    ----------
    files : sequence of paths
        Image files.
    pattern, lexicon, length, check, alternatives, model
        As for :func:`read`.
    progress : bool
        Whether to show the progress bar.

    Returns
    -------
    list of Reading
        One for each file.

    Raises
    ------
    TypeError, ValueError, RuntimeError, OSError
        As for :func:`read`, for the first file that cannot be read.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.read_many([], progress=False)
    []
    """
    from tqdm import tqdm

    if isinstance(files, (str, bytes, os.PathLike)):
        raise TypeError(f"files must be a sequence of paths, got {files!r}")
    reader = _Reader(constraint(pattern, length, lexicon), check, alternatives, model)
    bar = tqdm(files, "reading", disable=not progress, unit="file")
    return [reader.read(file) for file in bar]


class _Reader:
    """The parameters of :func:`read`, checked and compiled for any number of images."""

    def __init__(
        self,
        constraint: Constraint | None = None,
        check: Callable[[str], object] | None = None,
        alternatives: int = 0,
        model: DigitClassifier | None = None,
        explain: bool = False,
    ) -> None:
        self.constraint = constraint
        self.check = check
        self.count = int_in_range("alternatives", alternatives, 0, _MAX_ALTERNATIVES)
        self.model = model
        self.explain = explain
        if check is not None:
            if not callable(check):
                raise TypeError(f"check must be callable, got {check!r}")
            self.count = _MAX_ALTERNATIVES
        if self.count and constraint is None:
            self.constraint = any_number()

    def read(self, image: ImageLike) -> Reading:
        pages = gray_pages(image, "image")
        classifier = _checked_model(self.model)
        lines: list[Line] = []
        failed: list[Line] = []
        for number, page in enumerate(pages):
            for texts in self.read_page(classifier, page, number):
                passed = (line for line in texts if self.check is None or self.check(line.text))
                line = next(passed, None)
                if line is None:
                    failed.append(texts[0])
                else:
                    lines.append(_explained(classifier, line, page) if self.explain else line)
        return Reading(tuple(lines), tuple(pages), tuple(failed))

    def read_page(
        self, model: DigitClassifier, page: NDArray[np.uint8], number: int
    ) -> list[list[Line]]:
        """Return the alternatives of each line of a page, or one."""
        small, factor = _downscaled(page)
        classifier, fusion = model._fitted_classifier(), shipped_fusion().to_dict()
        automaton = self.constraint.automaton if self.constraint else None
        if automaton is not None and self.count:
            table, numbers, _, texts = _core.read_alternatives(
                shipped_recognizer(),
                small,
                automaton=automaton,
                count=self.count,
                classifier=classifier,
                fusion=fusion,
                detector=shipped_detector(),
            )
            lines = _lines(_digits(table, numbers, factor), [length for _, length, _ in texts])
            found = [self.line(digits, number) for digits in lines]
            return _with_alternatives(found, texts)
        table, numbers, _ = _core.read_symbols(
            shipped_recognizer(),
            small,
            classifier=classifier,
            fusion=fusion,
            automaton=automaton,
            detector=shipped_detector(),
        )
        numbers = numbers[table[:, 1] < 10]
        table = table[table[:, 1] < 10]
        lengths = np.unique(table[:, 0], return_counts=True)[1].tolist()
        lines = _lines(_digits(table, numbers, factor), lengths)
        return [[self.line(digits, number)] for digits in lines]

    def line(self, digits: tuple[Digit, ...], page: int) -> Line:
        separators = self.constraint.separators if self.constraint else None
        if separators is None:
            return Line(digits, page)
        return Line(digits, page, separators.of(_text([digit.value for digit in digits], ())))


def _digits(table: NDArray[np.int32], numbers: NDArray[np.float32], factor: int) -> Iterator[Digit]:
    """Yield the digits of the tables of the core; boxes are scaled by ``factor``."""
    for (_, value, *box), row in zip(table.tolist(), numbers, strict=True):
        x, y, w, h = (factor * side for side in box)
        d = row[2:12]
        yield Digit(value, float(row[0]), (x, y, w, h), d / d.sum(), float(row[1] * d.sum()))


def _lines(digits: Iterator[Digit], lengths: list[int]) -> list[tuple[Digit, ...]]:
    """Return digits as lines of these lengths."""
    return [tuple(islice(digits, length)) for length in lengths]


def _with_alternatives(lines: list[Line], texts: list[tuple[int, int, float]]) -> list[list[Line]]:
    """Return the lines, one for each text, by their number, each with all texts of that number."""
    grouped: dict[int, list[tuple[Line, float]]] = {}
    for line, (number, _, log) in zip(lines, texts, strict=True):
        grouped.setdefault(number, []).append((line, log))
    result = []
    for items in grouped.values():
        scores = np.exp(np.array([log for _, log in items]) - items[0][1])
        shares = (scores / scores.sum()).tolist()
        alternatives = tuple(
            Alternative(line.text, share) for (line, _), share in zip(items, shares, strict=True)
        )
        result.append([replace(line, alternatives=alternatives) for line, _ in items])
    return result


def _explained(model: DigitClassifier, line: Line, page: NDArray[np.uint8]) -> Line:
    """Return the line with an explanation of each digit."""
    from .explaining import explain_box

    digits = [
        replace(digit, explanation=explain_box(model.network_, page, digit.box, digit.value))
        for digit in line.digits
    ]
    return replace(line, digits=tuple(digits))


def _downscaled(page: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
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


def _checked_model(model: DigitClassifier | None) -> DigitClassifier:
    from ._predict import shipped_model
    from .estimator import DigitClassifier

    if model is None:
        return shipped_model()
    if not isinstance(model, DigitClassifier):
        raise TypeError(f"model must be a DigitClassifier or None, got {model!r}")
    model._fitted()
    return model
