"""Uploads to sheets, by the public functions for many files."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit._inputs import gray_page, iterate_pages
from ocrdigit.app._settings import DIGITS, FORM, TABLE, Settings
from ocrdigit.app._sheets import (
    Sheet,
    sheet_of_digit,
    sheet_of_form,
    sheet_of_numbers,
    sheet_of_table,
)
from ocrdigit.app._uploads import Upload
from ocrdigit.batch import Batch, Job, Source

# Results have the error of a source, and the pixels of a page for its thumbnail.
_RETURN: dict[str, Any] = {"on_error": "return", "progress": False}


def read_sheets(uploads: Iterable[Upload], settings: Settings) -> Generator[Sheet, None, None]:
    """Yield the sheets of uploads in their order, read on all cores; errors are in the sheets.

    Raises
    ------
    TypeError, ValueError
        A setting is invalid, such as a pattern.
    """
    sources = [_file(upload) for upload in uploads]
    if settings.mode in (TABLE, DIGITS):
        job = _TableJob(settings) if settings.mode == TABLE else _DigitJob(settings)
        with Batch(job, sources, **_RETURN, ahead=2) as sheets:
            yield from sheets
    elif settings.mode == FORM:
        if settings.form is None:
            raise ValueError("choose the template of the form first")
        with settings.form.read_many(
            sources, model=settings.model, keep_pages=True, **_RETURN
        ) as forms:
            yield from map(sheet_of_form, forms)
    else:
        with ocrdigit.read_many(
            sources, **format_of(settings), model=settings.model, keep_pages=True, **_RETURN
        ) as pages:
            yield from map(sheet_of_numbers, pages)


def format_of(settings: Settings) -> dict[str, Any]:
    """Return the format of numbers as arguments of :func:`ocrdigit.read_many`."""
    names = ("pattern", "symbols", "length", "decimal")
    return {name: getattr(settings, name) for name in names}


def check_format(settings: Settings) -> None:
    """Raise TypeError or ValueError for a format that is invalid."""
    ocrdigit.read_many([], **format_of(settings), progress=False)


def page_picture(upload: Upload, sheet: Sheet) -> NDArray[np.uint8]:
    """Return the pixels (h, w, 3) or (h, w) of the page of an upload that a sheet is of.

    Raises
    ------
    ValueError
        The sheet is of no page: the upload cannot be read.
    """
    if sheet.page is None:
        raise ValueError(f"{upload.name} has no page that can be read: {sheet.error}")
    with closing(iterate_pages(upload.data, upload.name, [sheet.page])) as pages:
        return next(pages).color


def _file(upload: Upload) -> io.BytesIO:
    """Return the upload as a file that is named by its content."""
    file = io.BytesIO(upload.data)
    file.name = upload.digest
    return file


class _SheetJob(Job[Sheet]):
    """The reading of the first page of a source as a sheet."""

    tables: Mapping[str, Any] = {}
    settings: Mapping[str, Any] = {}

    def __init__(self, settings: Settings) -> None:
        self._chosen = settings

    def failed(self, source: Source, error: Exception) -> Sheet:
        return Sheet(source.name, None, error=error)


class _TableJob(_SheetJob):
    def read(self, source: Source) -> list[Sheet]:
        chosen = self._chosen
        table = ocrdigit.read_table(
            source.image,
            rows=chosen.rows,
            columns=chosen.columns,
            decimal=chosen.decimal,
            model=chosen.model,
        )
        return [sheet_of_table(source.name, table)]


class _DigitJob(_SheetJob):
    def read(self, source: Source) -> list[Sheet]:
        gray = gray_page(source.image, source.name)
        model = self._chosen.model
        probabilities = (ocrdigit if model is None else model).predict_proba(gray)
        return [sheet_of_digit(source.name, gray, probabilities, digit_score(model, gray))]


def digit_score(model: DigitClassifier | None, gray: NDArray[np.uint8]) -> float:
    """Return the probability that a picture shows a digit; 1 if the model cannot tell."""
    try:
        return float((ocrdigit if model is None else model).digit_score(gray))
    except RuntimeError:  # without a non-digit class
        return 1.0
