"""``ocrdigit read``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..batch import Batch, Job, Source, Status, describe
from ._batch_output import JOBS, OVERWRITE, QUIET, RESUME, out_option, write_table
from ._options import (
    CLASSIFIER,
    PAGES,
    RECOGNIZER,
    check_one_format,
    examples,
    load_model,
    read_words,
    write_png,
)

if TYPE_CHECKING:
    from .._page_reader import PageReader
    from ..reading import Reading

# Options that only one of both kinds of output has.
_OF_TABLES = {
    "rows": "--rows",
    "min_confidence": "--min-confidence",
    "resume": "--resume",
    "overwrite": "--overwrite",
    "quiet": "--quiet",
}
_OF_PRINTING = {"as_json": "--json", "as_csv": "--csv", "folder": "--draw"}


@click.command(
    short_help="Read the numbers in image files and folders: photos, scans, fields of forms.",
    epilog=examples(
        "ocrdigit read note.jpg",
        "ocrdigit read fields/*.png --length 6 --csv",
        r"ocrdigit read phone.png --pattern '(07|08)\d{8}'",
        "ocrdigit read page.tiff --json --draw boxes/",
        "ocrdigit read scans/ --out table.parquet --min-confidence 0.98 --resume",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES...")
@CLASSIFIER
@click.option("--json", "as_json", is_flag=True, help="Print JSON: rows, numbers, symbols, boxes.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with one row for each symbol.")
@click.option(
    "--draw",
    "folder",
    type=click.Path(),
    metavar="DIR",
    help="Write each image with the symbols' boxes to this folder.",
)
@PAGES
@click.option("--length", type=click.IntRange(1, 1000), help="Number of digits in each number.")
@click.option(
    "--pattern",
    metavar="REGEX",
    help="A regular expression that each number matches, or the name of one, such as date.",
)
@click.option(
    "--symbols",
    type=click.Choice(["all", "digits"]),
    default="all",
    show_default=True,
    help="Read digits and separators, or digits alone.",
)
@click.option(
    "--decimal",
    type=click.Choice(["auto", ".", ","]),
    default="auto",
    show_default=True,
    help="The decimal separator, for the values in JSON.",
)
@click.option(
    "--lexicon", metavar="FILE", type=click.Path(), help="A text file of the possible numbers."
)
@RECOGNIZER
@out_option("number")
@click.option(
    "--rows",
    type=click.Choice(["numbers", "symbols"]),
    default="numbers",
    show_default=True,
    help="What a row of --out is: a number, or a digit or separator.",
)
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0,
    show_default=True,
    help="Numbers of lower confidence get the status review in --out.",
)
@RESUME
@OVERWRITE
@JOBS
@QUIET
@click.pass_context
def read(
    context: click.Context,
    /,
    files: tuple[str, ...],
    path: str | None,
    as_json: bool,
    as_csv: bool,
    folder: str | None,
    pages: str | None,
    length: int | None,
    pattern: str | None,
    symbols: str,
    decimal: str,
    lexicon: str | None,
    recognizer: str,
    out: str | None,
    rows: str,
    min_confidence: float,
    resume: bool,
    overwrite: bool,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Read the numbers in each of the image FILES, row by row.

    FILES are image files, folders, whose pictures and folders are read, and patterns such as
    'scans/**/*.png'. Numbers of a row are separated by spaces.

    A file that cannot be read is reported on standard error and makes the exit code 1; the other
    files are still processed. A lexicon has one number on each line.

    With --out, rows are written as they come, and a run that was interrupted continues with
    --resume: the table is the same as that of an uninterrupted run.
    """
    check_one_format(as_json, as_csv)
    _check_output(context, out)
    parameters: dict[str, Any] = {
        "pattern": pattern,
        "symbols": symbols,
        "lexicon": read_words(lexicon) if lexicon else None,
        "length": length,
        "decimal": decimal,
        "model": load_model(path) if path else None,
        "recognizer": recognizer,
    }
    if out:
        from ..many import read_many

        batch = read_many(
            files,
            **parameters,
            pages=pages,
            min_confidence=min_confidence,
            on_error="return",
            n_jobs=jobs,
            progress=not quiet,
        )
        failed = write_table(batch, out, table=rows, resume=resume, overwrite=overwrite)
    else:
        from .._page_reader import PageReader

        alone = len(files) == 1 and os.path.isfile(files[0])
        job = _FileJob(PageReader(**parameters, parallel=alone), pages)
        results = Batch(job, files, n_jobs=jobs, on_error="return", progress=False, ahead=2)
        failed = _print(results, files, as_json=as_json, as_csv=as_csv, folder=folder)
    if failed:
        raise click.exceptions.Exit(1)


def _check_output(context: click.Context, out: str | None) -> None:
    """Raise for an option that is given, but not of this kind of output."""
    for name, option in (_OF_PRINTING if out else _OF_TABLES).items():
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} is not for --out" if out else f"{option} needs --out")


# -- printing --


@dataclass(frozen=True)
class _FileResult:
    """What was read of all pages of a file."""

    source: Source
    reading: Reading | None = None
    error: Exception | None = None

    @property
    def status(self) -> Status:
        if self.reading is None:
            return "failed"
        return "read" if self.reading.rows else "empty"

    def to_rows(self, table: str = "symbols") -> list[dict[str, Any]]:
        return [] if self.reading is None else self.reading.to_rows(self.source.name)

    def to_dict(self) -> dict[str, Any]:
        if self.error is not None:
            return {"file": self.source.name, "error": describe(self.error)}
        assert self.reading is not None
        return {"file": self.source.name, **self.reading.to_dict()}


class _FileJob(Job[_FileResult]):
    """The reading of a file with all of its pages, which are kept to be drawn."""

    def __init__(self, reader: PageReader, pages: str | None) -> None:
        self._reader = reader
        self._pages = pages

    tables: Mapping[str, Any] = {}
    settings: Mapping[str, Any] = {}

    def read(self, source: Source) -> list[_FileResult]:
        from ..reading import read_image

        return [_FileResult(source, read_image(self._reader, source.image, self._pages))]

    def failed(self, source: Source, error: Exception) -> _FileResult:
        return _FileResult(source, error=error)


def _print(
    results: Batch[_FileResult],
    files: tuple[str, ...],
    *,
    as_json: bool,
    as_csv: bool,
    folder: str | None,
) -> bool:
    """Print results as text as they come, or as JSON or CSV, and return whether one failed."""
    from ..reading import rows_to_csv

    if folder:
        os.makedirs(folder, exist_ok=True)
    answers: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for result in results:
        if result.error is not None:
            click.echo(f"Error: {describe(result.error)}", err=True)
        if as_json:
            answers.append(result.to_dict())
        elif as_csv:
            rows += result.to_rows()
        elif result.reading is not None:
            name = result.source.name
            _print_text(result.reading, "" if files == (name,) else name)
        if folder and result.reading is not None:
            _draw_pages(result.reading, result.source.name, folder)
    if as_json:
        click.echo(json.dumps(answers, indent=1))
    if as_csv:
        click.echo(rows_to_csv(rows), nl=False)
    return results.summary.failed > 0


def _print_text(reading: Reading, file: str) -> None:
    label = f"{file}: " if file else ""
    for row in reading.text.split("\n") if reading.rows else ["(no digits)"]:
        click.echo(f"{label}{row}")


def _draw_pages(reading: Reading, file: str, folder: str) -> None:
    """Write the pages of a file with boxes to NAME.png, or to NAME-1.png, NAME-2.png and so on."""
    stem = os.path.splitext(os.path.basename(file))[0]
    for page in reading.page_indices:
        suffix = f"-{page + 1}" if len(reading.pages) > 1 else ""
        write_png(reading.draw(page), os.path.join(folder, f"{stem}{suffix}.png"))
