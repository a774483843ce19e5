"""``ocrdigit evaluate``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from .._recognizers import RECOGNIZERS
from ._options import (
    DATA_HELP,
    MODEL_HELP,
    PRECISION,
    examples,
    load_dataset,
    load_model,
    read_words,
)

if TYPE_CHECKING:
    from ..evaluation import Evaluation, ReadingEvaluation


@click.command(
    short_help="Evaluate a model or the reading of fields: accuracy, errors, calibration.",
    epilog=examples(
        "ocrdigit evaluate --data mnist/",
        "ocrdigit evaluate --data mnist/ --report report.html",
        "ocrdigit evaluate --data my_digits/ --model mine.safetensors --json",
        "ocrdigit evaluate --reading labels.csv --error-rate 0.01 --report report.html",
    ),
)
@click.option("--data", type=click.Path(), metavar="PATH", help=DATA_HELP)
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=MODEL_HELP)
@PRECISION
@click.option(
    "--report",
    type=click.Path(),
    metavar="FILE",
    help="Write an HTML report with figures and the misread images; implies --robustness.",
)
@click.option(
    "--robustness",
    is_flag=True,
    help="Also evaluate corrupted, rotated and scaled images: noise, blur, fog and others.",
)
@click.option(
    "--severity",
    type=click.IntRange(1, 5),
    default=3,
    show_default=True,
    help="Severity of the corruptions.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed of the corruptions.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--reading",
    "labels",
    type=click.Path(),
    metavar="CSV",
    help="Evaluate `ocrdigit read` on the pictures of this file, with the columns file and text.",
)
@click.option(
    "--folder",
    type=click.Path(),
    metavar="DIR",
    help="The folder of the pictures of --reading.  [default: that of the file]",
)
@click.option(
    "--error-rate",
    type=click.FloatRange(0, 1),
    metavar="RATE",
    help="Find the confidence from which at most this fraction of the fields of --reading is "
    "wrong.  [default: 0.005]",
)
@click.option(
    "--symbols",
    type=click.Choice(["all", "digits"]),
    help="What to compare of the fields of --reading.  [default: all]",
)
@click.option("--length", type=click.IntRange(1, 1000), help="As for `ocrdigit read`.")
@click.option("--pattern", metavar="REGEX", help="As for `ocrdigit read`.")
@click.option("--lexicon", metavar="FILE", type=click.Path(), help="As for `ocrdigit read`.")
@click.option("--recognizer", type=click.Choice(list(RECOGNIZERS)), help="As for `ocrdigit read`.")
@click.pass_context
def evaluate(
    context: click.Context,
    /,
    data: str | None,
    path: str | None,
    precision: str,
    report: str | None,
    robustness: bool,
    severity: int,
    seed: int,
    as_json: bool,
    labels: str | None,
    **options: Any,
) -> None:
    """Evaluate a model: accuracy, a table by digit, the confusion matrix, calibration.

    The model is evaluated on the data's test part, or on all of the data without a split.

    With --reading, evaluate the reading of labelled fields: accuracy by field, character error
    rate, kinds of errors, the confidence for a wanted error rate, the worst misreadings.
    """
    _check_kind_of_evaluation(context, labels)
    evaluation: Evaluation | ReadingEvaluation
    if labels:
        evaluation = _evaluate_reading(labels, path, precision, report, options)
    else:
        evaluation = _evaluate_digits(
            data, path, precision, report, robustness=robustness, severity=severity, seed=seed
        )
    click.echo(json.dumps(evaluation.to_dict()) if as_json else str(evaluation))
    if report:
        evaluation.save_report(report)
        click.echo(f"wrote {report} ({os.path.getsize(report) / 1024:,.0f} KB)", err=as_json)


_DIGIT_OPTIONS = ("data", "robustness", "severity", "seed")
_READING_OPTIONS = ("folder", "error_rate", "symbols", "length", "pattern", "lexicon", "recognizer")


def _check_kind_of_evaluation(context: click.Context, labels: str | None) -> None:
    """Raise for an option that is given, but not of this kind of evaluation."""
    for name in _DIGIT_OPTIONS if labels else _READING_OPTIONS:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"{option} is not for --reading" if labels else f"{option} is for --reading"
            )


def _evaluate_digits(
    data: str | None,
    path: str | None,
    precision: str,
    report: str | None,
    *,
    robustness: bool,
    severity: int,
    seed: int,
) -> Evaluation:
    from .._atomic import check_writable
    from ..evaluation import evaluate as evaluate_model

    if report:
        check_writable(report)
    model = load_model(path, precision)
    dataset = load_dataset(data)
    X, y, part = dataset.X_test, dataset.y_test, "test part"
    if not len(y):
        X, y, part = dataset.X_train, dataset.y_train, "all images"
    return evaluate_model(
        model,
        X,
        y,
        robustness=robustness or bool(report),
        severity=severity,
        random_state=seed,
        model_name=os.path.basename(path) if path else "default",
        data_name=f"{dataset.name}, {part}",
        verbose=True,
    )


def _evaluate_reading(
    labels: str, path: str | None, precision: str, report: str | None, options: dict[str, Any]
) -> ReadingEvaluation:
    from .._atomic import check_writable
    from ..evaluation import evaluate_reading

    if report:
        check_writable(report)
    words = options.pop("lexicon")
    given = {name: value for name, value in options.items() if value is not None}
    return evaluate_reading(
        labels,
        lexicon=read_words(words) if words else None,
        model=load_model(path, precision) if path or precision != "float32" else None,
        model_name=os.path.basename(path) if path else "default",
        verbose=True,
        **given,
    )
