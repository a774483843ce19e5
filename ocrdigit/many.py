"""Reading the numbers of many files and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _checks
from ._inputs import iterate_pages
from ._numbers import Number
from ._page_ranges import Pages, checked_pages
from ._page_reader import PageReader
from ._rows import find_rows
from ._timings import Timings
from .batch import Batch, Job, Source, Status, describe, digest, digest_of_model, name_of
from .reading import PageReading, read_pages

if TYPE_CHECKING:
    from .estimator import DigitClassifier

__all__ = ["PageResult", "ReadingJob", "read_many"]

_PLACE: dict[str, type] = {"source": str, "page": int, "status": str, "row": int, "number": int}
_BOX: dict[str, type] = {"x": int, "y": int, "width": int, "height": int}
TABLES: dict[str, dict[str, type]] = {
    "numbers": {**_PLACE, "text": str, "value": str, "confidence": float, **_BOX, "error": str},
    "symbols": {**_PLACE, "place": int, "value": str, "confidence": float, **_BOX, "error": str},
}
_DECIMALS = 6  # of confidences in tables
# Sources in flight for each thread: many, so that a slow page does not stop the others.
_AHEAD, _AHEAD_WITH_PAGES = 16, 2


@dataclass(frozen=True)
class PageResult:
    """What was read on a page of a source.

    Attributes
    ----------
    source : str
        The path of the file; ``sources[i]`` for a picture in memory.
    page : int or None
        Index of the page in its file; None if the file cannot be read.
    status : {"read", "empty", "review", "failed"}
        "empty" if nothing was found; "review" if the confidence of a number is below
        ``min_confidence``, or a number did not pass ``check``; "failed" if there is an error.
    rows : tuple of tuples of Number
        From top to bottom, the numbers of a row from left to right.
    rejected : tuple of Number
        Numbers of which no alternative passed ``check``; each as its most probable text.
    min_confidence : float
        Numbers of lower confidence need review.
    error : Exception or None
        Why the file cannot be read.
    gray, picture : ndarray (h, w) and (h, w, 3) of uint8, or None
        The page in gray and in colour, with ``keep_pages=True``.
    timings : Timings or None
        Seconds of each stage, with ``timings=True``.
    """

    source: str
    page: int | None
    status: Status
    rows: tuple[tuple[Number, ...], ...] = ()
    rejected: tuple[Number, ...] = ()
    min_confidence: float = field(default=0.0, repr=False)
    error: Exception | None = None
    gray: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    picture: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    timings: Timings | None = field(default=None, repr=False, compare=False)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """All numbers in reading order."""
        return tuple(number for row in self.rows for number in row)

    @property
    def text(self) -> str:
        """The numbers as they are written; of a row, joined by spaces; rows joined by newlines."""
        return "\n".join(" ".join(number.text for number in row) for row in self.rows)

    @property
    def value(self) -> Decimal | None:
        """The value of the number, if there is just one."""
        numbers = self.numbers
        return numbers[0].value if len(numbers) == 1 else None

    @property
    def confidence(self) -> float:
        """The product of the confidences of the numbers, 0 to 1; 0 if nothing was read."""
        numbers = self.numbers
        return float(np.prod([number.confidence for number in numbers])) if numbers else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a dict that can be written as JSON."""
        known = {"source": self.source, "page": self.page, "status": self.status}
        if self.error is not None:
            return {**known, "error": describe(self.error)}
        rows = [[number.to_dict() for number in row] for row in self.rows]
        return {**known, "text": self.text, "rows": rows}

    def to_rows(self, table: str = "numbers") -> list[dict[str, Any]]:
        """Return a dict for each number or, of the table "symbols", for each symbol.

        A page without any, and a file that cannot be read, have one row, too. The status is that
        of the number. Numbers that did not pass ``check`` come last, without a row.

        Parameters
        ----------
        table : {"numbers", "symbols"}, default "numbers"
            What a row is.

        Returns
        -------
        list of dict
            With the columns of the tables that ``write`` writes as keys.
        """
        _checks.known("table", table, TABLES)
        rows = [
            row
            for place, (index, number, passed) in enumerate(self._listed())
            for row in self._rows_of(table, index, place, number, passed=passed)
        ]
        return rows or [self._row(table, status=self.status)]

    def _listed(self) -> Iterator[tuple[int | None, Number, bool]]:
        """Yield each number with the index of its row, and whether it passed the check."""
        for index, row in enumerate(self.rows):
            for number in row:
                yield index, number, True
        for number in self.rejected:
            yield None, number, False

    def _rows_of(
        self, table: str, row: int | None, place: int, number: Number, *, passed: bool
    ) -> Iterator[dict[str, Any]]:
        certain = passed and number.confidence >= self.min_confidence
        common = {"status": "read" if certain else "review", "row": row, "number": place}
        if table == "numbers":
            yield self._row(
                table,
                **common,
                text=number.text,
                value=number.value,
                confidence=round(number.confidence, _DECIMALS),
                **dict(zip(_BOX, number.box, strict=True)),
            )
            return
        for index, symbol in enumerate(number.symbols):
            yield self._row(
                table,
                **common,
                place=index,
                value=str(symbol.value),
                confidence=round(symbol.confidence, _DECIMALS),
                **dict(zip(_BOX, symbol.box, strict=True)),
            )

    def _row(self, table: str, **values: Any) -> dict[str, Any]:
        error = None if self.error is None else describe(self.error)
        known = {"source": self.source, "page": self.page, "error": error, **values}
        return {name: known.get(name) for name in TABLES[table]}


class ReadingJob(Job[PageResult]):
    """The reading of one source with the parameters of :func:`read_many`; can be pickled."""

    def __init__(
        self,
        *,
        pages: Pages | None = None,
        min_confidence: float = 0.0,
        keep_pages: bool = False,
        timings: bool = False,
        **parameters: Any,
    ) -> None:
        words = parameters.get("lexicon")
        if isinstance(words, Iterator):  # it is read more than once
            parameters["lexicon"] = list(words)
        self._options = {
            "min_confidence": _checks.fraction("min_confidence", min_confidence),
            "keep_pages": _checks.truth("keep_pages", keep_pages),
            "timings": bool(timings),
        }
        self._pages = checked_pages(pages)
        self._parameters = parameters
        self._reader = PageReader(**parameters, parallel=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _make_job, ({"pages": self._pages, **self._options, **self._parameters},)

    @property
    def tables(self) -> Mapping[str, Mapping[str, type]]:
        """The tables "numbers" and "symbols"."""
        return TABLES

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters that decide the rows; ``check`` by its name."""
        settings = {name: value for name, value in self._parameters.items() if value is not None}
        if "lexicon" in settings:
            settings["lexicon"] = digest("\0".join(sorted(settings["lexicon"])).encode())
        if "check" in settings:
            settings["check"] = name_of(settings["check"])
        if "model" in settings:
            settings["model"] = digest_of_model(settings["model"])
        if self._pages is not None:
            settings["pages"] = repr(self._pages)
        return {"min_confidence": self._options["min_confidence"], **settings}

    def read(self, source: Source) -> Iterator[PageResult]:
        """Yield a result for each page of a source."""
        pages = iterate_pages(
            source.image, source.name, self._pages, keep=bool(self._options["keep_pages"])
        )
        for page in read_pages(self._reader, pages):
            yield self._result(source, page)

    def failed(self, source: Source, error: Exception) -> PageResult:
        """Return the result of a source that cannot be read."""
        return PageResult(source.name, None, "failed", error=error)

    def _result(self, source: Source, page: PageReading) -> PageResult:
        lowest = self._options["min_confidence"]
        uncertain = any(number.confidence < lowest for number in page.numbers)
        status: Status = "read" if page.numbers else "empty"
        kept = self._options["keep_pages"]
        return PageResult(
            source.name,
            page.page.index,
            "review" if uncertain or page.rejected else status,
            find_rows(page.numbers),
            page.rejected,
            lowest,
            gray=page.page.gray if kept else None,
            picture=page.page.color if kept else None,
            timings=page.timings if self._options["timings"] else None,
        )


def _make_job(parameters: dict[str, Any]) -> ReadingJob:
    return ReadingJob(**parameters)


def read_many(
    sources: object,
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
    min_confidence: float = 0.0,
    on_error: str = "raise",
    keep_pages: bool = False,
    timings: bool = False,
    n_jobs: int | None = None,
    progress: bool = True,
) -> Batch[PageResult]:
    r"""Read files, folders and pictures one by one, on all cores, in bounded memory.

    Parameters
    ----------
    sources : source, or iterable of sources
        A source is a path, a folder, a glob such as ``"scans/**/*.png"``, any image that
        :func:`read` accepts, or an iterable of sources, such as a generator. A folder is walked
        for picture files, those of its folders included, in alphabetical order.
    pages, pattern, symbols, lexicon, length, check, alternatives : as for read
        See :func:`read`. ``check`` is called by several threads.
    decimal, model, recognizer : as for read
        See :func:`read`.
    min_confidence : float
        0 to 1. A result has the status "review" if the confidence of one of its numbers is lower;
        see :func:`ocrdigit.evaluation.evaluate_reading` for how to choose it.
    on_error : {"raise", "return"}
        Whether the error of a source is raised when its turn comes, or is ``.error`` of a result
        with the status "failed". With "return" it is also logged, by the logger "ocrdigit".
    keep_pages : bool
        Whether results have the pixels of their pages, ``.gray`` and ``.picture``.
    timings : bool
        Whether results have ``.timings``.
    n_jobs : int, optional
        Number of threads, each of which reads one source at a time; by default that of
        :func:`ocrdigit.get_num_threads`.
    progress : bool
        Whether to show a progress bar on standard error, if that is a terminal or a notebook.

    Returns
    -------
    Batch of PageResult
        An iterator over the results in the order of the sources, one for each page. Each has
        source, page, status, text, value, confidence and numbers. ``.write(path)`` writes them to
        a CSV, JSON Lines or Parquet file instead, and can resume an interrupted run;
        ``.to_frame()`` returns a pandas frame; ``.summary`` counts.

    Raises
    ------
    TypeError, ValueError
        A parameter is invalid, as for :func:`read`.
    TypeError, ValueError, OSError
        While iterating, with ``on_error="raise"``: as for :func:`read`, of the first source that
        cannot be read; a folder without pictures, a glob without matches.

    Examples
    --------
    >>> import ocrdigit
    >>> pictures = ocrdigit.synth.strings(3, length=4, random_state=0)
    >>> images = (picture.image for picture in pictures)
    >>> for result in ocrdigit.read_many(images, length=4, progress=False):
    ...     print(result.source, result.status, result.text == pictures[0].text)
    ...     break
    sources[0] read True
    """
    job = ReadingJob(
        pages=pages,
        pattern=pattern,
        symbols=symbols,
        lexicon=lexicon,
        length=length,
        check=check,
        alternatives=alternatives,
        decimal=decimal,
        model=model,
        recognizer=recognizer,
        min_confidence=min_confidence,
        keep_pages=keep_pages,
        timings=timings,
    )
    ahead = _AHEAD_WITH_PAGES if keep_pages else _AHEAD
    return Batch(job, sources, n_jobs=n_jobs, on_error=on_error, progress=progress, ahead=ahead)
