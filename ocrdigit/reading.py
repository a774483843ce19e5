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
from ._inputs import Page, iterate_pages
from ._numbers import Alternative, Digit, Number, Separator, Symbol
from ._page_ranges import Pages
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
        The image, or the pages of the file, in gray; halftones are smoothed.
    pictures : tuple of ndarray (h, w, 3) of uint8
        The same in colour; (h, w) if they are gray or partly transparent.
    rejected : tuple of Number
        With ``check``, numbers that were left out because none of their alternatives passed; each
        as its most probable text.
    page_indices : tuple of int
        The indices of ``pages`` in the file, from 0, as in ``Number.page``: all, unless ``pages=``
        of :func:`read` selected some.
    timings : Timings or None
        Seconds of decoding, segmentation, recognition and classification, and in total, if
        ``read`` was called with ``timings=True``.
    """

    rows: tuple[tuple[Number, ...], ...]
    pages: tuple[NDArray[np.uint8], ...] = field(repr=False, compare=False)
    pictures: tuple[NDArray[np.uint8], ...] = field(repr=False, compare=False)
    rejected: tuple[Number, ...] = ()
    page_indices: tuple[int, ...] = (0,)
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
            Numbers with a confidence below this, 0 to 1, are returned.

        Returns
        -------
        tuple of Number
            In reading order.

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
        sizes = [
            {"page": index, "width": page.shape[1], "height": page.shape[0]}
            for index, page in zip(self.page_indices, self.pages, strict=True)
        ]
        times = {} if self.timings is None else {"timings": asdict(self.timings)}
        return {
            "text": self.text,
            "pages": sizes,
            "rows": [[number.to_dict() for number in row] for row in self.rows],
            **times,
        }

    def to_rows(self, file: str = "") -> list[dict[str, Any]]:
        """Return a dict for each symbol, with the columns of :meth:`to_csv` as keys.

        Parameters
        ----------
        file : str, default ""
            The value of the column ``file``.

        Returns
        -------
        list of dict
            In reading order.
        """
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

        Parameters
        ----------
        file : str, default ""
            The value of the column ``file``.

        Returns
        -------
        str
            Lines end with a line feed; the first has the names of the columns.

        Examples
        --------
        >>> import ocrdigit
        >>> reading = ocrdigit.read(ocrdigit.synth.string("42", random_state=0).image)
        >>> print(reading.to_csv("scan.png").splitlines()[0])
        file,page,row,number,place,value,confidence,x,y,width,height
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

    def draw(self, page: int | None = None) -> Image:
        """Return a page with the boxes and values of its symbols drawn on it, in colour.

        Parameters
        ----------
        page : int, optional
            Index of the page in the file, as in ``Number.page``. The default is the first that was
            read.

        Returns
        -------
        PIL.Image.Image
            RGB, as large as the page.

        Raises
        ------
        IndexError
            If that page was not read.
        """
        picture, numbers = self._page(page)
        return draw_numbers(picture, numbers)

    def _page(self, page: int | None) -> tuple[NDArray[np.uint8], list[Number]]:
        """Return the picture and the numbers of a page that was read, the first for None."""
        index = self.page_indices[0] if page is None else page
        if index not in self.page_indices:
            read = ", ".join(map(str, self.page_indices))
            raise IndexError(f"page must be one that was read, {read}; got {page}")
        numbers = [number for number in self.numbers if number.page == index]
        return self.pictures[self.page_indices.index(index)], numbers

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
    """Return rows of :meth:`Reading.to_rows` as CSV with a header.

    A name of a file that a spreadsheet would take for a formula begins with an apostrophe.
    """
    from .batch._formats import cell

    text = io.StringIO()
    table = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({**row, "file": cell(row["file"])} for row in rows)
    return text.getvalue()


def read(
    image: ImageLike,
    *,
    pages: Pages | None = None,
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
    image : path, bytes, file object, data URL, PIL image or array
        An array is (H, W) or (H, W, 1|3|4) of uint8, bool, uint16 or float, 0..1 or 0..255. Files
        are pictures, TIFF and PDF, of which all pages are read, and HEIC; of an animation the first
        frame. A page of a PDF that is a scan is read at the scan's resolution, others at 300 dpi.
    pages : str, int, range, slice or list of int, optional
        Which pages of a TIFF or PDF to read. Text counts from 1, as printed page numbers do, and
        includes both ends: ``"1-3,7"``, ``"5-"``. Integers, ranges and slices count from 0, as
        ``Number.page`` does. Ranges may reach beyond the last page.
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
        is left out, and is in ``.rejected`` of the result. An exception that ``check`` raises is
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
    NotFittedError
        ``model`` has not been fitted.
    ModuleNotFoundError
        A PDF needs pypdfium2, or a HEIC file pillow-heif: the message names the extra.
    ValueError
        ``image`` is empty, too large, of a wrong shape, contains NaN, infinity or values outside
        0..1 and 0..255, or is not a valid image file or document, or one with a password, or with
        pages that together exceed :mod:`ocrdigit.limits`; ``pages`` selects a page that does not
        exist, or none; ``lexicon``, ``length``,
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
    return read_image(reader, image, pages, explain=explain, timings=timings)


@dataclass(frozen=True)
class PageReading:
    """What was read on a page of an image."""

    page: Page
    numbers: tuple[Number, ...]
    rejected: tuple[Number, ...]
    timings: Timings


def read_pages(
    reader: PageReader, pages: Iterable[Page], *, explain: bool = False
) -> Iterator[PageReading]:
    """Yield what is read on each page; the pages are decoded as they are asked for."""
    decoded = iter(pages)
    while True:
        start = perf_counter()
        page = next(decoded, None)
        if page is None:
            return
        decode = perf_counter() - start
        yield _read_page(reader, page, decode, explain=explain)


def _read_page(reader: PageReader, page: Page, decode: float, *, explain: bool) -> PageReading:
    start = perf_counter()
    stages: dict[str, float] = {}
    numbers: list[Number] = []
    rejected: list[Number] = []
    for found in reader.read(page.gray, page.index, stages):
        if not found.passed:
            rejected.append(found.number)
        elif explain:
            numbers.append(_explained(reader.model, found.number, page.gray))
        else:
            numbers.append(found.number)
    timings = Timings.of_page(decode, stages, perf_counter() - start)
    return PageReading(page, tuple(numbers), tuple(rejected), timings)


def read_image(
    reader: PageReader,
    image: ImageLike,
    selected: Pages | None = None,
    *,
    explain: bool = False,
    timings: bool = False,
) -> Reading:
    """Return the reading of an image with all of its pages."""
    start = perf_counter()
    # All are decoded before the first is read, so that errors come early.
    pages = list(iterate_pages(image, "image", selected, keep=True))
    decode = perf_counter() - start
    found = list(read_pages(reader, pages, explain=explain))
    times = Timings.sum(page.timings for page in found)
    return Reading(
        rows=find_rows([number for page in found for number in page.numbers]),
        pages=tuple(page.gray for page in pages),
        pictures=tuple(page.color for page in pages),
        rejected=tuple(number for page in found for number in page.rejected),
        page_indices=tuple(page.index for page in pages),
        timings=replace(times, decode=decode, total=perf_counter() - start) if timings else None,
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
