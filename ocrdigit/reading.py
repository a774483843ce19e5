"""Reading numbers in images: rows of numbers, their digits, boxes and confidences."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _checks
from ._drawing import draw_numbers
from ._inputs import gray_and_colored_pages
from ._numbers import Alternative, Digit, Number, Separator, Symbol
from ._page_reader import PageReader
from ._patterns import PATTERNS
from ._rows import find_rows
from ._timings import Timings
from ._typing import ImageLike

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

    from .estimator import DigitClassifier

__all__ = [
    "PATTERNS",
    "Alternative",
    "Digit",
    "Number",
    "Reading",
    "Separator",
    "Timings",
    "read",
]

CSV_COLUMNS = (
    "file",
    "page",
    "row",
    "number",
    "place",
    "value",
    "confidence",
    "x",
    "y",
    "width",
    "height",
)
_FRAME_COLUMNS = ("page", "row", "text", "value", "confidence", "x", "y", "width", "height")


@dataclass(frozen=True)
class Reading:
    """The numbers in an image. Displayed as a picture and a table in notebooks.

    Attributes
    ----------
    rows : tuple of tuples of Number
        From top to bottom, the numbers of a row from left to right.
    pages : tuple of ndarray (h, w) of uint8
        The image, or the pages of the file, in gray.
    pictures : tuple of ndarray (h, w, 3) of uint8
        The same in colour; (h, w) if they are gray or partly transparent.
    failed : tuple of Number
        With ``check``, numbers that were left out because none of their alternatives passed; each
        as its most probable text.
    timings : Timings or None
        Seconds of decoding, segmentation, recognition and classification, and in total, if
        ``read`` was called with ``timings=True``.
    """

    rows: tuple[tuple[Number, ...], ...]
    pages: tuple[NDArray[np.uint8], ...] = field(repr=False, compare=False)
    pictures: tuple[NDArray[np.uint8], ...] = field(repr=False, compare=False)
    failed: tuple[Number, ...] = ()
    timings: Timings | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The numbers as they are written; of a row, joined by spaces; rows joined by newlines."""
        return "\n".join(" ".join(number.text for number in row) for row in self.rows)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """All numbers in reading order."""
        return tuple(number for row in self.rows for number in row)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits in reading order."""
        return tuple(digit for number in self.numbers for digit in number.digits)

    @property
    def alternatives(self) -> tuple[tuple[Alternative, ...], ...]:
        """The alternatives of each number."""
        return tuple(number.alternatives for number in self.numbers)

    def review(self, threshold: float) -> tuple[Number, ...]:
        """Return the numbers that a person must look at: those of low confidence.

        :func:`ocrdigit.evaluation.evaluate_reading` finds the threshold for a wanted error rate of
        fields with one number. A field in which nothing was read has no number to return.

        Parameters
        ----------
        threshold : float
            Numbers with a confidence below this, 0 to 1, are returned, in reading order.

        Raises
        ------
        TypeError, ValueError
            If ``threshold`` is not a number in 0..1.

        Examples
        --------
        >>> import ocrdigit
        >>> reading = ocrdigit.read(ocrdigit.datasets.load_page().image)
        >>> len(reading.review(0)), len(reading.review(1)) == len(reading.numbers)
        (0, True)
        """
        lowest = _checks.fraction("threshold", threshold)
        return tuple(number for number in self.numbers if number.confidence < lowest)

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as a dict that can be written as JSON.

        It has the rows; a row is a list of numbers, which have symbols; and timings if there are.

        Examples
        --------
        >>> import ocrdigit
        >>> picture = ocrdigit.synth.string("42", random_state=0)
        >>> reading = ocrdigit.read(picture.image)
        >>> sorted(reading.to_dict())
        ['pages', 'rows', 'text']
        """
        sizes = [{"width": page.shape[1], "height": page.shape[0]} for page in self.pages]
        times = {} if self.timings is None else {"timings": asdict(self.timings)}
        return {
            "text": self.text,
            "pages": sizes,
            "rows": [[number.to_dict() for number in row] for row in self.rows],
            **times,
        }

    def to_rows(self, file: str = "") -> list[dict[str, Any]]:
        """Return a dict for each symbol, with the columns of :meth:`to_csv` as keys."""
        table = []
        for index, (row, number) in enumerate(self._numbers_in_rows()):
            for place, symbol in enumerate(number.symbols):
                values = (file, number.page, row, index, place, symbol.value, symbol.confidence)
                table.append(dict(zip(CSV_COLUMNS, (*values, *symbol.box), strict=True)))
        return table

    def to_csv(self, file: str = "") -> str:
        """Return a CSV table with a row for each symbol, a digit or a separator.

        Its columns are file, page, row, number, place, value, confidence, x, y, width and height.
        Pages, rows and numbers are counted from 0, rows and numbers in the whole file, and places
        in the number.
        """
        return rows_to_csv(self.to_rows(file))

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame with a row for each number.

        Its columns are page, row, text, value (a Decimal or None), confidence, x, y, width and
        height.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Reading.to_frame needs pandas: pip install 'ocrdigit[frame]'", name="pandas"
            ) from error
        values = [
            (number.page, row, number.text, number.value, number.confidence, *number.box)
            for row, number in self._numbers_in_rows()
        ]
        return pd.DataFrame(values, columns=_FRAME_COLUMNS).astype({"value": object})

    def _numbers_in_rows(self) -> list[tuple[int, Number]]:
        """Return all numbers with the indices of their rows."""
        return [(index, number) for index, row in enumerate(self.rows) for number in row]

    def draw(self, page: int = 0) -> Image:
        """Return a page with the boxes and values of its symbols drawn on it, in colour.

        Parameters
        ----------
        page : int
            Index of the page.

        Raises
        ------
        IndexError
            There is no such page.
        """
        if not 0 <= page < len(self.pages):
            raise IndexError(f"page must be 0 to {len(self.pages) - 1}, got {page}")
        numbers = [number for number in self.numbers if number.page == page]
        return draw_numbers(self.pictures[page], numbers)

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        self.draw().save(data, "png")
        return data.getvalue()

    def _repr_html_(self) -> str:
        from . import _html

        image = _html.picture(self.draw(), self.text.replace("\n", ", ") or "no digits")
        rows = [(str(i), n.text, f"{n.confidence:.1%}") for i, n in self._numbers_in_rows()]
        header = ("row", "number", "confidence")
        return image + (_html.table(header, rows) if rows else "<p><i>no digits</i></p>")


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
    symbols: str = "all",
    lexicon: Iterable[str] | None = None,
    length: int | tuple[int, int] | None = None,
    check: Callable[[str], object] | None = None,
    alternatives: int = 0,
    decimal: str = "auto",
    model: DigitClassifier | None = None,
    recognizer: str = "default",
    explain: bool = False,
    timings: bool = False,
) -> Reading:
    r"""Read the numbers in an image: a photo, a scan, a field of a form.

    Ruling lines, frames, stains and letters are left out. Digits may touch and lines may slant. A
    line recognizer reads whole lines, and a classifier verifies each digit on a crop; their scores
    are fused, and symbols that are probably none are dropped. With ``pattern``, ``lexicon`` or
    ``length`` each number is read as the most probable text that meets all of them, so that its
    confidence may be low; lines that cannot meet them are left out.

    A gap within a number that is much wider than its others is a space in its text, unless
    ``pattern`` or ``lexicon`` says what the text is. Numbers beside each other are a row.

    Parameters
    ----------
    image : path, bytes, PIL image or array
        An array is (H, W) or (H, W, 1|3|4) of uint8, bool, uint16 or float, 0..1 or 0..255.
        All pages of a TIFF file are read, and the first frame of an animation.
    pattern : str, optional
        A regular expression, in the syntax of :mod:`re`, that each number matches, such as
        ``r"(07|08)\d{8}"``, or the name of one in ``ocrdigit.reading.PATTERNS``: ``"integer"``,
        ``"decimal"``, ``"date"``, ``"date-us"``, ``"date-iso"``, ``"time"`` or ``"phone"``.
        Separators that follow from the digits, as in ``r"\d{2}/\d{2}/\d{4}"``, are part of the text
        even if they are not written, as in boxes of a form: the digits 31122024 are the text
        31/12/2024. Spaces, which are not read, must follow from the other characters.
    symbols : {"all", "digits"}
        What a number consists of: digits and separators, ``. , - + / :``, or digits alone, whose
        text has no separators and spaces, unless ``pattern`` has them.
    lexicon : iterable of str, optional
        The numbers that may occur, such as ``["1874", "35000"]``, with their separators if they
        have some; these are not in the text with ``symbols="digits"``.
    length : int or (low, high), optional
        How many digits each number has; separators and spaces do not count.
    check : callable, optional
        Called with the most probable texts of a number, up to 32, in descending order of
        probability, such as :func:`ocrdigit.checks.luhn`; without spaces, unless ``pattern`` has
        some. The number is the first text for which it returns a true value. If there is none, it
        is left out, and is in ``.failed`` of the result. An exception that ``check`` raises is
        passed on.
    alternatives : int
        How many of the most probable texts of each number to find, up to 32, for ``.alternatives``
        of the result; at least 32 are found for ``check``.
    decimal : {"auto", ".", ","}
        The decimal separator for ``.value`` of the numbers, see :attr:`Number.value`.
    model : DigitClassifier, optional
        The classifier that verifies digits, such as one fine-tuned to a writer. The default is that
        of :func:`ocrdigit.predict`. A model without a non-digit class (see
        :meth:`DigitClassifier.digit_score`) changes digits but drops none.
    recognizer : {"default", "fast"}
        How thoroughly to read. "fast" recognizes each line at one scale, and nothing twice: pages
        must stand upright, and digits on textured paper are missed more often.
    explain : bool
        Whether to compute the Grad-CAM of each digit, with the classifier.
    timings : bool
        Whether ``.timings`` of the result says how long each stage took.

    Returns
    -------
    Reading
        ``.text``, and ``.rows`` of numbers, each with its text, value, confidence, box and symbols.

    Raises
    ------
    TypeError
        ``image`` is of a type or dtype that is not supported, or a parameter of a wrong type.
    RuntimeError
        ``model`` has not been fitted.
    ValueError
        ``image`` is empty, too large, of a wrong shape, contains NaN, infinity or values outside
        0..1 and 0..255, or is not a valid image file; ``lexicon``, ``length``,
        ``symbols``, ``decimal`` or ``recognizer`` is invalid;
        ``pattern`` is no regular expression, has back-references or look-around, contains other
        characters, is ambiguous about spaces, matches no number, or has more than 10,000 states
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
    reader = PageReader(
        pattern=pattern,
        symbols=symbols,
        lexicon=lexicon,
        length=length,
        check=check,
        alternatives=alternatives,
        decimal=decimal,
        model=model,
        recognizer=recognizer,
    )
    return read_image(reader, image, explain=explain, timings=timings)


@dataclass(frozen=True)
class PageReading:
    """What was read on a page of an image."""

    index: int
    gray: NDArray[np.uint8]
    picture: NDArray[np.uint8]
    numbers: tuple[Number, ...]
    failed: tuple[Number, ...]
    timings: Timings


def read_pages(
    reader: PageReader, image: ImageLike, name: str, *, explain: bool = False
) -> Iterator[PageReading]:
    """Yield the pages of an image one by one; errors call it ``name``."""
    start = perf_counter()
    grays, pictures = gray_and_colored_pages(image, name)
    decode = (perf_counter() - start) / len(grays)
    for index, (gray, picture) in enumerate(zip(grays, pictures, strict=True)):
        start = perf_counter()
        stages: dict[str, float] = {}
        numbers: list[Number] = []
        failed: list[Number] = []
        for found in reader.read(gray, index, stages):
            if not found.passed:
                failed.append(found.number)
            elif explain:
                numbers.append(_explained(reader.model, found.number, gray))
            else:
                numbers.append(found.number)
        timings = Timings.of_page(decode, stages, perf_counter() - start)
        yield PageReading(index, gray, picture, tuple(numbers), tuple(failed), timings)


def read_image(
    reader: PageReader, image: ImageLike, *, explain: bool = False, timings: bool = False
) -> Reading:
    """Return the reading of an image with all of its pages."""
    start = perf_counter()
    pages = list(read_pages(reader, image, "image", explain=explain))
    rows = find_rows([number for page in pages for number in page.numbers])
    times = Timings.sum(page.timings for page in pages)
    return Reading(
        rows,
        tuple(page.gray for page in pages),
        tuple(page.picture for page in pages),
        tuple(number for page in pages for number in page.failed),
        replace(times, total=perf_counter() - start) if timings else None,
    )


def _explained(model: DigitClassifier, number: Number, page: NDArray[np.uint8]) -> Number:
    """Return the number with an explanation of each digit."""
    from .explaining import explain_box

    def explained(symbol: Symbol) -> Symbol:
        if not isinstance(symbol, Digit):
            return symbol
        explanation = explain_box(model.network_, page, symbol.box, symbol.value)
        return replace(symbol, explanation=explanation)

    return replace(number, symbols=tuple(map(explained, number.symbols)))
