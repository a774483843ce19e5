"""Reading many scans of a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import _checks
from .._inputs import Page, iterate_pages
from .._page_ranges import Pages, checked_pages
from ..batch import Job, Source, Status, describe, digest, digest_of_model
from . import _file
from ._reader import FieldReader
from ._reading import FieldReading, FieldsByName, FormReading

if TYPE_CHECKING:
    from ..estimator import DigitClassifier
    from ._form import Form

__all__ = ["FormJob", "FormResult"]

_BOX: dict[str, type] = {"x": int, "y": int, "width": int, "height": int}
_COLUMNS: dict[str, type] = {
    "source": str,
    "page": int,
    "field": str,
    "status": str,
    "text": str,
    "value": str,
    "confidence": float,
    **_BOX,
    "error": str,
}
_DECIMALS = 6  # of confidences in tables


@dataclass(frozen=True)
class FormResult(FieldsByName):
    """What was read on a page of a source: a mapping of names to fields.

    Attributes
    ----------
    source : str
        The path of the file; ``sources[i]`` for a picture in memory.
    page : int or None
        Index of the page in its file; None if the file cannot be read.
    fields : dict of str to FieldReading
        The fields by name; empty if there is an error.
    min_confidence : float
        Fields of lower confidence need review.
    error : Exception or None
        Why the page was not read: it is damaged, or does not show the form.
    reading : FormReading or None
        The whole reading with its pixels, with ``keep_pages=True``.
    """

    source: str
    page: int | None
    fields: dict[str, FieldReading] = field(default_factory=dict)
    min_confidence: float = field(default=0.0, repr=False)
    error: Exception | None = None
    reading: FormReading | None = field(default=None, repr=False, compare=False)

    @property
    def status(self) -> Status:
        """The status of the page.

        "failed" if there is an error; "review" if a field needs it; "empty" if all fields are
        empty; else "read".
        """
        if self.error is not None:
            return "failed"
        found = {self.status_of(name) for name in self.fields}
        return "review" if "review" in found else "read" if "read" in found else "empty"

    def status_of(self, name: str) -> Status:
        """Return the status of a field: "read", "empty", or "review".

        A field needs review if it is unreadable, or of a confidence below ``min_confidence``.

        Parameters
        ----------
        name : str
            The name of a field.

        Returns
        -------
        str
            Its status.

        Raises
        ------
        KeyError
            If there is no field of this name.
        """
        found = self.fields[name]
        if found.status == "empty":
            return "empty"
        certain = found.status == "read" and found.confidence >= self.min_confidence
        return "read" if certain else "review"

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a dict that can be written as JSON."""
        known = {"source": self.source, "page": self.page, "status": self.status}
        if self.error is not None:
            return {**known, "error": describe(self.error)}
        fields = [
            {**found.to_dict(), "status": self.status_of(name)}
            for name, found in self.fields.items()
        ]
        return {**known, "fields": fields}

    def to_rows(self, table: str = "fields") -> list[dict[str, Any]]:
        """Return a dict for each field; one with the error for a page that was not read.

        Parameters
        ----------
        table : {"fields"}, default "fields"
            The only table of forms.

        Returns
        -------
        list of dict
            With the columns of the tables that ``write`` writes as keys.
        """
        _checks.known("table", table, ["fields"])
        if self.error is not None:
            return [self._row(status="failed", error=describe(self.error))]
        return [self._row_of(name, found) for name, found in self.fields.items()]

    def _row_of(self, name: str, found: FieldReading) -> dict[str, Any]:
        return self._row(
            field=name,
            status=self.status_of(name),
            text=found.text,
            value=found.value,
            confidence=round(found.confidence, _DECIMALS),
            **dict(zip(_BOX, found.box, strict=True)),
        )

    def _row(self, **values: Any) -> dict[str, Any]:
        known = {"source": self.source, "page": self.page, **values}
        return {name: known.get(name) for name in _COLUMNS}


class FormJob(Job[FormResult]):
    """The reading of one source with a form; can be pickled."""

    def __init__(
        self,
        form: Form,
        *,
        pages: Pages | None = None,
        min_found: float = 0.4,
        model: DigitClassifier | None = None,
        recognizer: str = "default",
        min_confidence: float = 0.0,
        keep_pages: bool = False,
    ) -> None:
        self._form = form
        self._pages = checked_pages(pages)
        self._min_found = _checks.fraction("min_found", min_found)
        self._reader = FieldReader(model, recognizer)
        self._min_confidence = _checks.fraction("min_confidence", min_confidence)
        self._keep_pages = bool(keep_pages)

    @property
    def tables(self) -> Mapping[str, Mapping[str, type]]:
        """The table "fields"."""
        return {"fields": _COLUMNS}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters that decide the rows."""
        settings = {
            "form": digest(_file.to_json(self._form.to_dict())),
            "min_found": self._min_found,
            "recognizer": self._reader.recognizer,
            "min_confidence": self._min_confidence,
        }
        if self._pages is not None:
            settings["pages"] = repr(self._pages)
        if self._reader.model is not None:
            settings["model"] = digest_of_model(self._reader.model)
        return settings

    def read(self, source: Source) -> Iterator[FormResult]:
        """Yield a result for each page of a source."""
        for page in iterate_pages(source.image, source.name, self._pages, keep=self._keep_pages):
            yield self._read_page(source, page)

    def failed(self, source: Source, error: Exception) -> FormResult:
        """Return the result of a source that cannot be read."""
        return FormResult(source.name, None, error=error)

    def _read_page(self, source: Source, page: Page) -> FormResult:
        try:
            reading = self._form._read_page(page, self._min_found, self._reader)
        except ValueError as error:  # it does not show the form; others of the file may
            return FormResult(source.name, page.index, error=error)
        kept = reading if self._keep_pages else None
        return FormResult(
            source.name, page.index, reading.fields, self._min_confidence, reading=kept
        )
