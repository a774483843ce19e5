"""``ocrdigit form``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ..batch import named
from ._batch_output import JOBS, OVERWRITE, QUIET, RESUME, out_option, write_table
from ._options import CLASSIFIER, PAGES, RECOGNIZER, examples, load_model

if TYPE_CHECKING:
    from ..forms import FormResult


@click.command(
    short_help="Read the fields of a form in scans and photos of it.",
    epilog=examples(
        "ocrdigit form invoice.json scan.png",
        "ocrdigit form invoice.json scans/ --out fields.csv --min-confidence 0.98 --resume",
    ),
)
@click.argument("template", type=click.Path(), metavar="FORM")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES...")
@CLASSIFIER
@RECOGNIZER
@click.option("--json", "as_json", is_flag=True, help="Print JSON: fields, numbers, boxes.")
@PAGES
@out_option("field")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0,
    show_default=True,
    help="Fields of lower confidence get the status review.",
)
@RESUME
@OVERWRITE
@JOBS
@QUIET
def form(
    template: str,
    files: tuple[str, ...],
    path: str | None,
    recognizer: str,
    as_json: bool,
    pages: str | None,
    out: str | None,
    min_confidence: float,
    resume: bool,
    overwrite: bool,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Read the fields of the template FORM in each page of the image FILES.

    FORM is a JSON file that `Form.save` or the page of `ocrdigit app` wrote. A page that cannot be
    read or does not show the form is reported on standard error and makes the exit code 1.
    """
    from ..forms import Form

    if not out and (resume or overwrite):
        raise click.UsageError(f"{'--resume' if resume else '--overwrite'} needs --out")
    if out and as_json:
        raise click.UsageError("--json is not for --out")
    batch = Form.load(template).read_many(
        files,
        pages=pages,
        model=load_model(path) if path else None,
        recognizer=recognizer,
        min_confidence=min_confidence,
        on_error="return",
        n_jobs=jobs,
        progress=bool(out) and not quiet,
    )
    if out:
        failed = write_table(batch, out, resume=resume, overwrite=overwrite)
    else:
        answers = []
        for result in batch:
            if result.error is not None:
                click.echo(f"Error: {named(result.source, result.error)}", err=True)
            answers.append(result.to_dict())
            if not as_json:
                _print(result)
        if as_json:
            click.echo(json.dumps(answers, indent=1))
        failed = batch.summary.failed > 0
    if failed:
        raise click.exceptions.Exit(1)


def _print(result: FormResult) -> None:
    """Print a line for each row of each field."""
    page = f" page {result.page + 1}" if result.page else ""
    for name, found in result.items():
        for row in (found.text or f"({found.status})").split("\n"):
            click.echo(f"{result.source}{page}: {name}: {row}")
