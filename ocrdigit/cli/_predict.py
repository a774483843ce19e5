"""``ocrdigit predict``."""

from __future__ import annotations

import json
from typing import Any

import click

from ..batch import describe
from ._options import MODEL_HELP, examples, load_model


@click.command(
    short_help="Predict the digit in image files.",
    epilog=examples("ocrdigit predict digit.png", "ocrdigit predict *.jpg --json"),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES...")
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=MODEL_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all probabilities.")
def predict(files: tuple[str, ...], path: str | None, as_json: bool) -> None:
    """Predict the digit in each of the image FILES, with its confidence.

    A file that cannot be read is reported on standard error and makes the exit code 1; the other
    files are still processed.
    """
    model = load_model(path)
    answers: list[dict[str, Any]] = []
    failed = False
    for file in files:
        try:
            probabilities = model.predict_proba(file)
        except (OSError, ValueError, MemoryError) as error:
            failed = True
            click.echo(f"Error: {describe(error)}", err=True)
            answers.append({"file": file, "error": describe(error)})
            continue
        digit = int(probabilities.argmax())
        answers.append(
            {
                "file": file,
                "digit": digit,
                "confidence": float(probabilities[digit]),
                "probabilities": [float(p) for p in probabilities],
            }
        )
    if as_json:
        click.echo(json.dumps(answers, indent=1))
    else:
        width = max(len(file) for file in files)
        for answer in answers:
            if "digit" in answer:
                click.echo(
                    f"{answer['file']:{width}}  {answer['digit']}  {answer['confidence']:7.2%}"
                )
    if failed:
        raise click.exceptions.Exit(1)
