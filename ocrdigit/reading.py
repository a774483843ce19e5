"""Numbers in pictures: where each digit is, which it is, and how sure that is."""

from __future__ import annotations

import base64
import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._inputs import gray_pages
from .models.recognizer import shipped_fusion, shipped_recognizer

if TYPE_CHECKING:
    from PIL.Image import Image

    from .estimator import DigitClassifier
    from .explaining import Explanation

__all__ = ["Digit", "Line", "Reading", "read", "read_many"]

# Larger pages are made smaller by a whole factor before they are read.
_MOST_PIXELS = 4_000_000

_MOST_LENGTH = 1000
_BOX, _LABEL = (26, 127, 75), (200, 50, 31)

CSV_COLUMNS = ("file", "page", "line", "place", "value", "confidence", "x", "y", "width", "height")


@dataclass(frozen=True)
class Digit:
    """A digit on a page.

    Attributes
    ----------
    value : int
        0 to 9.
    confidence : float
        Probability that there is this digit, 0 to 1.
    box : (x, y, w, h)
        Where its ink is, in pixels of the picture.
    probabilities : ndarray (10,) of float32
        Of each digit, if there is one; their sum is 1.
    is_digit : float
        Probability that there is a digit at all, 0 to 1.
    explanation : Explanation or None
        What speaks for it on the page, where ``read`` was asked to explain.
    """

    value: int
    confidence: float
    box: tuple[int, int, int, int]
    probabilities: NDArray[np.float32] = field(repr=False, compare=False)
    is_digit: float = field(repr=False)
    explanation: Explanation | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the digit as plain data, ready for JSON."""
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
            f'<div><b style="font-size:1.6em">{self.value}</b> {self.confidence:.1%} sure, '
            f"{w} x {h} pixels at ({x}, {y})</div>{_html.bars(self.probabilities, self.value)}"
        )


@dataclass(frozen=True)
class Line:
    """Digits side by side.

    Attributes
    ----------
    digits : tuple of Digit
        From left to right; at least one.
    page : int
        Which page of the file it is on, from 0.
    """

    digits: tuple[Digit, ...]
    page: int = 0

    @property
    def text(self) -> str:
        """The digits in a row."""
        return "".join(str(digit.value) for digit in self.digits)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(x, y, w, h) around all of them, in pixels of the picture."""
        x, y, w, h = np.array([digit.box for digit in self.digits]).T
        left, top = int(x.min()), int(y.min())
        return left, top, int((x + w).max()) - left, int((y + h).max()) - top

    @property
    def confidence(self) -> float:
        """Probability that all of them are right, if mistakes are independent."""
        return float(np.prod([digit.confidence for digit in self.digits]))

    def to_dict(self) -> dict[str, Any]:
        """Return the line as plain data, ready for JSON."""
        return {
            "text": self.text,
            "confidence": self.confidence,
            "box": list(self.box),
            "page": self.page,
            "digits": [digit.to_dict() for digit in self.digits],
        }


@dataclass(frozen=True)
class Reading:
    """What is written in a picture; shows itself in a notebook.

    Attributes
    ----------
    lines : tuple of Line
        In reading order: from the top, and from left to right where several stand in a row.
    pages : tuple of ndarray (h, w) of uint8
        The picture, or the pages of the file, in gray.
    """

    lines: tuple[Line, ...]
    pages: tuple[NDArray[np.uint8], ...] = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """The lines, joined by newlines."""
        return "\n".join(line.text for line in self.lines)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits in reading order."""
        return tuple(digit for line in self.lines for digit in line.digits)

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as plain data, ready for JSON.

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
        """Return a dict for each digit, with the keys of the CSV form; ``file`` is its first."""
        rows = []
        for number, line in enumerate(self.lines):
            for place, digit in enumerate(line.digits):
                where = (*digit.box,)
                values = (file, line.page, number, place, digit.value, digit.confidence, *where)
                rows.append(dict(zip(CSV_COLUMNS, values, strict=True)))
        return rows

    def to_csv(self, file: str = "") -> str:
        """Return a table with a row for each digit: file, page, line, place, value, box, ..."""
        return rows_to_csv(self.to_rows(file))

    def draw(self, page: int = 0) -> Image:
        """Return a page with the digits' boxes and what they are.

        Parameters
        ----------
        page : int
            Which one, from 0.

        Raises
        ------
        IndexError
            There is no such page.
        """
        from PIL import Image, ImageDraw, ImageFont

        if not 0 <= page < len(self.pages):
            raise IndexError(f"page must be 0 to {len(self.pages) - 1}, got {page}")
        picture = Image.fromarray(self.pages[page]).convert("RGB")
        pen = ImageDraw.Draw(picture)
        thick = 1 + max(picture.size) // 500
        for line in self.lines:
            for digit in line.digits if line.page == page else ():
                x, y, w, h = digit.box
                pen.rectangle((x, y, x + w - 1, y + h - 1), outline=_BOX, width=thick)
                font = ImageFont.load_default(max(10, h // 3))
                pen.text((x + 1, y), str(digit.value), _LABEL, font, anchor="lb")
        return picture

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        self.draw().save(data, "png")
        return data.getvalue()

    def _repr_html_(self) -> str:
        from . import _html

        data = io.BytesIO()
        self.draw().save(data, "jpeg", quality=85)  # a notebook keeps what it shows
        picture = base64.b64encode(data.getvalue()).decode()
        said = self.text.replace("\n", ", ") or "no digits"
        image = f'<img alt="{said}" style="max-width:100%" src="data:image/jpeg;base64,{picture}">'
        rows = [(line.text, f"{line.confidence:.1%}") for line in self.lines]
        return image + (
            _html.table(("number", "sure"), rows) if rows else "<p><i>no digits</i></p>"
        )


def rows_to_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows of :meth:`Reading.to_rows` as CSV with a heading."""
    text = io.StringIO()
    table = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def read(
    image: object,
    *,
    lexicon: Iterable[str] | None = None,
    length: int | None = None,
    model: DigitClassifier | None = None,
    explain: bool = False,
) -> Reading:
    """Read the numbers in a picture: a photo, a scan, a field of a form.

    Punctuation, dashes, rules, frames, stains and letters are left out. Digits may touch, and
    lines may slant. Two networks read: one sees lines, the other, a classifier, each digit's own
    ink; both opinions count, and what neither takes for a digit is left out. ``lexicon`` and
    ``length`` say that digits are there: with them every line that has ink enough is read as
    what it may be, however unlikely that is, and the confidence tells.

    Parameters
    ----------
    image : path, bytes, PIL image or array
        An array is (H, W) or (H, W, 1|3|4) of uint8, bool, uint16 or float, 0..1 or 0..255.
        Of a TIFF file with several pages all are read, of an animation its first picture.
    lexicon : iterable of str, optional
        The numbers that a line may be, such as ``["1874", "35000"]``; the likeliest is taken.
    length : int, optional
        How many digits each line has. Lines that cannot have so many have none.
    model : DigitClassifier, optional
        The classifier that gives the second opinion, such as one that you have taught your own
        hand; without it, that of :func:`ocrdigit.predict`. One that does not know what is no
        digit (see :meth:`DigitClassifier.digit_score`) only says which digit it is.
    explain : bool
        Whether to look, for each digit, which places of it speak for it: by Grad-CAM with the
        classifier, as the reader's own network sees lines, not digits.

    Returns
    -------
    Reading
        ``.text``, ``.lines`` and ``.digits``, each digit with its box and confidence.

    Raises
    ------
    TypeError
        ``image`` is of a type or dtype that is no image, or a parameter of another type.
    RuntimeError
        ``model`` has not been fitted.
    ValueError
        ``image`` is empty, too large, of another shape, holds NaN, infinity or values outside
        0..1 and 0..255, or is no image file that can be read; ``lexicon`` or ``length`` are
        not as described.
    OSError
        A file cannot be read, or the shipped reader is missing.

    Examples
    --------
    >>> import ocrdigit
    >>> picture = ocrdigit.synth.string("1874", random_state=3)
    >>> ocrdigit.read(picture.image).text
    '1874'
    """
    words = _checked_words(lexicon)
    digits = _checked_length(length)
    pages = gray_pages(image, "image")
    classifier = _checked_model(model)
    lines: list[Line] = []
    for number, page in enumerate(pages):
        found = _read_page(classifier, page, number, digits, words)
        lines += [_explained(classifier, line, page) for line in found] if explain else found
    return Reading(tuple(lines), tuple(pages))


def read_many(
    files: Sequence[str | os.PathLike[str]],
    *,
    lexicon: Iterable[str] | None = None,
    length: int | None = None,
    model: DigitClassifier | None = None,
    progress: bool = True,
) -> list[Reading]:
    """Read many files, in order, with a progress bar on standard error.

    Parameters
    ----------
    files : sequence of paths
        Image files.
    lexicon, length, model
        As for :func:`read`.
    progress : bool
        Whether to show the bar.

    Returns
    -------
    list of Reading
        One for each file.

    Raises
    ------
    TypeError, ValueError, RuntimeError, OSError
        As :func:`read` does for the first file that cannot be read.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.read_many([], progress=False)
    []
    """
    from tqdm import tqdm

    if isinstance(files, (str, bytes, os.PathLike)):
        raise TypeError(f"files must be a sequence of paths, got {files!r}")
    words = None if lexicon is None else list(_checked_words(lexicon))
    bar = tqdm(files, "reading", disable=not progress, unit="file")
    return [read(file, lexicon=words, length=length, model=model) for file in bar]


def _read_page(
    model: DigitClassifier,
    page: NDArray[np.uint8],
    number: int,
    length: int,
    words: tuple[str, ...],
) -> list[Line]:
    small, factor = _reduced(page)
    table, numbers = _core.read_digits(
        shipped_recognizer(),
        small,
        judge=model.network_,
        opinions=shipped_fusion(),
        length=length,
        words=words,
    )
    lines: dict[int, list[Digit]] = {}
    for (line, value, *box), row in zip(table.tolist(), numbers, strict=True):
        x, y, w, h = (factor * side for side in box)
        digit = Digit(value, float(row[0]), (x, y, w, h), row[2:], float(row[1]))
        lines.setdefault(line, []).append(digit)
    return [Line(tuple(digits), number) for digits in lines.values()]


def _explained(model: DigitClassifier, line: Line, page: NDArray[np.uint8]) -> Line:
    """Return a line whose digits say why."""
    from .explaining import explain_box

    whys = [explain_box(model, page, digit.box, digit.value) for digit in line.digits]
    digits = zip(line.digits, whys, strict=True)
    return replace(line, digits=tuple(replace(digit, explanation=why) for digit, why in digits))


def _reduced(page: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return a page of at most about _MOST_PIXELS, and by what whole factor it is smaller."""
    factor = int(np.ceil(np.sqrt(page.size / _MOST_PIXELS)))
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


def _checked_words(lexicon: Iterable[str] | None) -> tuple[str, ...]:
    if lexicon is None:
        return ()
    if isinstance(lexicon, (str, bytes)):
        raise TypeError(f"lexicon must be several str, got {lexicon!r}")
    words = tuple(lexicon)
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"lexicon must hold str, got {word!r}")
        if not (word.isascii() and word.isdigit() and len(word) <= _MOST_LENGTH):
            raise ValueError(f"lexicon must hold 1 to {_MOST_LENGTH} digits, got {word!r}")
    if not words:
        raise ValueError("lexicon is empty")
    return words


def _checked_length(length: int | None) -> int:
    from . import _checks

    if length is None:
        return 0
    digits = _checks.positive_int("length", length)
    if digits > _MOST_LENGTH:
        raise ValueError(f"length must be at most {_MOST_LENGTH}, got {length}")
    return digits
