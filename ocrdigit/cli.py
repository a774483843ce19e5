"""The command line interface.

Exit codes are 0 for success, 1 for an error (with one sentence on standard error), and 2 for wrong
usage.
"""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import click

from . import recipes
from ._core import __version__
from .augmentations import AUGMENTATIONS

if TYPE_CHECKING:
    from PIL.Image import Image

    from .datasets import Dataset
    from .estimator import DigitClassifier
    from .evaluation import Evaluation, ReadingEvaluation
    from .reading import Reading


class _Group(click.Group):
    """A group that reports errors of files and data in one sentence, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OSError, ValueError, MemoryError, ModuleNotFoundError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of a pipe has closed it: click exits silently
            raise click.ClickException(_message(error)) from error


def _message(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


_PRECISION = click.option(
    "--precision",
    type=click.Choice(recipes.PRECISIONS),
    default="float32",
    show_default=True,
    help="Number format of the multiplications; int8 is for prediction only.",
)


def _examples(*lines: str) -> str:
    """Return an epilog whose lines click does not wrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


_DATA_HELP = (
    "A folder with MNIST's IDX files, a folder of images in subfolders 0 to 9, a .csv or an .npz "
    "file.  [default: MNIST, from the folder in OCRDIGIT_DATA, the cache or a public mirror]"
)
_ANY_MODEL = (
    "A file saved by `ocrdigit train`, or one of the package's models: default, tiny, large, seed."
)
_MODEL_HELP = f"{_ANY_MODEL}  [default: default]"
_CLASSIFIER = click.option(
    "--model",
    "path",
    type=click.Path(),
    metavar="FILE",
    help=f"The classifier that verifies the digits. {_ANY_MODEL}  [default: default]",
)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog=_examples(
        "ocrdigit demo",
        "ocrdigit predict digit.png",
        "ocrdigit read note.jpg",
        "ocrdigit train --data mnist/ --epochs 7 --out model.safetensors",
    ),
)
@click.version_option(
    __version__, "--version", prog_name="ocrdigit", message="%(prog)s %(version)s"
)
def main() -> None:
    """Recognize handwritten digits, and train models for it."""


@main.command(
    epilog=_examples(
        "ocrdigit train --data mnist/ --recipe seed --epochs 7 --out seed.safetensors",
        "ocrdigit train --data my_digits/ --from seed.safetensors --out mine.safetensors",
    )
)
@click.option("--data", type=click.Path(), metavar="PATH", help=_DATA_HELP)
@click.option(
    "--recipe",
    type=click.Choice(list(recipes.RECIPES)),
    help="The training recipe.  [default: default, or fine-tune with --from]",
)
@click.option(
    "--epochs", type=click.IntRange(1), help="Passes over the data.  [default: the recipe's]"
)
@click.option(
    "--batch-size", type=click.IntRange(1), help="Images per step.  [default: the recipe's]"
)
@click.option("--learning-rate", type=float, help="Maximum learning rate.  [default: the recipe's]")
@click.option(
    "--augment",
    type=click.Choice(list(AUGMENTATIONS)),
    help="Augmentation of the training images.  [default: the recipe's]",
)
@_PRECISION
@click.option("--from", "start", type=click.Path(), metavar="FILE", help="Fine-tune this model.")
@click.option(
    "--seed", type=click.IntRange(0), help="Random seed; the same seed gives the same bits."
)
@click.option(
    "--jobs", type=click.IntRange(1), help="Number of threads.  [default: all processors]"
)
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    default="model.safetensors",
    show_default=True,
    help="The file to save the model to.",
)
@click.option(
    "--checkpoint",
    type=click.Path(),
    metavar="FILE",
    help="Save the state of the training to this file, resume from it if it exists, and delete it "
    "at the end.",
)
@click.option(
    "--every",
    type=click.IntRange(1),
    metavar="N",
    help="Steps between savings of the checkpoint.  [default: at the end of each epoch]",
)
@click.option("--quiet", is_flag=True, help="Do not show progress.")
def train(
    data: str | None,
    recipe: str | None,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    augment: str | None,
    precision: str,
    start: str | None,
    seed: int | None,
    jobs: int | None,
    out: str,
    checkpoint: str | None,
    every: int | None,
    quiet: bool,
) -> None:
    """Train a model and save it.

    If the data have a test part, the accuracy on it is printed at the end. After Ctrl-C, the
    model of the last step is saved to a file of its own.
    """
    from ._atomic import check_writable
    from .estimator import DigitClassifier

    if not out.endswith(".safetensors"):
        raise click.BadParameter(f"{out!r} does not end in .safetensors", param_hint="--out")
    if recipe == "fine-tune" and not start:
        raise click.UsageError("the recipe fine-tune needs a model to start from: --from FILE")
    if every and not checkpoint:
        raise click.UsageError("--every needs the file of the checkpoint: --checkpoint FILE")
    check_writable(out)
    model = DigitClassifier.load(start) if start else DigitClassifier()
    dataset = _dataset(data)
    model.set_params(
        recipe=recipe or model.recipe,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        augment=augment,
        precision=precision,
        random_state=seed,
        n_jobs=jobs,
        verbose=not quiet,
    )
    try:
        model.fit(dataset.X_train, dataset.y_train, checkpoint=checkpoint, every=every or "epoch")
    except KeyboardInterrupt:
        if hasattr(model, "network_"):
            kept = out.removesuffix(".safetensors") + ".interrupted.safetensors"
            model.save(kept)
            click.echo(err=True)  # ends the line with the terminal's ^C
            raise click.ClickException(f"interrupted; the last step's model is in {kept}") from None
        raise
    model.save(out)
    if len(dataset.y_test):
        right, count = _count_right(model, dataset)
        click.echo(f"test accuracy {right / count:.2%} ({right:,} of {count:,})")
    click.echo(f"saved {out} ({os.path.getsize(out) / 1024:,.0f} KB)")


@main.command(
    short_help="Evaluate a model or the reading of fields: accuracy, errors, calibration.",
    epilog=_examples(
        "ocrdigit evaluate --data mnist/",
        "ocrdigit evaluate --data mnist/ --report report.html",
        "ocrdigit evaluate --data my_digits/ --model mine.safetensors --json",
        "ocrdigit evaluate --reading labels.csv --error-rate 0.01 --report report.html",
    ),
)
@click.option("--data", type=click.Path(), metavar="PATH", help=_DATA_HELP)
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=_MODEL_HELP)
@_PRECISION
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
_READING_OPTIONS = ("folder", "error_rate", "symbols", "length", "pattern", "lexicon")


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
    from ._atomic import check_writable
    from .evaluation import evaluate as evaluate_model

    if report:
        check_writable(report)
    model = _model(path, precision)
    dataset = _dataset(data)
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
    from ._atomic import check_writable
    from .evaluation import evaluate_reading

    if report:
        check_writable(report)
    words = options.pop("lexicon")
    given = {name: value for name, value in options.items() if value is not None}
    return evaluate_reading(
        labels,
        lexicon=_words(words) if words else None,
        model=_model(path, precision),
        model_name=os.path.basename(path) if path else "default",
        verbose=True,
        **given,
    )


def _words(path: str) -> list[str]:
    """Return the numbers of the text file of a lexicon."""
    with open(path, encoding="utf-8") as file:
        return file.read().split()


@main.command(
    short_help="Predict the digit in image files.",
    epilog=_examples("ocrdigit predict digit.png", "ocrdigit predict *.jpg --json"),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES...")
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=_MODEL_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all probabilities.")
def predict(files: tuple[str, ...], path: str | None, as_json: bool) -> None:
    """Predict the digit in each of the image FILES, with its confidence.

    A file that cannot be read is reported on standard error and makes the exit code 1; the other
    files are still processed.
    """
    model = _model(path)
    answers: list[dict[str, Any]] = []
    failed = False
    for file in files:
        try:
            probabilities = model.predict_proba(file)
        except (OSError, ValueError) as error:
            failed = True
            click.echo(f"Error: {_message(error)}", err=True)
            answers.append({"file": file, "error": _message(error)})
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


@main.command(
    short_help="Explain the prediction for an image file by a heatmap.",
    epilog=_examples(
        "ocrdigit explain digit.png", "ocrdigit explain digit.png --digit 7 --out seven.png"
    ),
)
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=_MODEL_HELP)
@click.option(
    "--digit", type=click.IntRange(0), help="The digit to explain.  [default: the predicted one]"
)
@click.option("--layer", metavar="NAME", help="The layer to use.  [default: the last convolution]")
@click.option(
    "--out",
    type=click.Path(),
    metavar="PNG",
    default="explained.png",
    show_default=True,
    help="The file to write.",
)
@click.option("--plot", is_flag=True, help="Plot image, network input and heatmap side by side.")
def explain(
    file: str, path: str | None, digit: int | None, layer: str | None, out: str, plot: bool
) -> None:
    """Explain the prediction for the image FILE by a Grad-CAM heatmap.

    Writes the image with the heatmap over it: dark red pixels support the digit most.
    """
    import io

    from ._atomic import check_writable, write_atomically

    check_writable(out)
    explanation = _model(path).explain(file, digit, layer)
    data = io.BytesIO()
    if plot:
        explanation.plot().savefig(data, format="png")
    else:
        explanation.overlay().save(data, "png")
    write_atomically(out, data.getvalue())
    click.echo(f"{explanation.digit}  {explanation.probabilities[explanation.digit]:7.2%}  {out}")


@main.command(
    short_help="Read the numbers in image files: photos, scans, fields of forms.",
    epilog=_examples(
        "ocrdigit read note.jpg",
        "ocrdigit read fields/*.png --length 6 --csv",
        r"ocrdigit read phone.png --pattern '(07|08)\d{8}'",
        "ocrdigit read page.tiff --json --draw boxes/",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES...")
@_CLASSIFIER
@click.option("--json", "as_json", is_flag=True, help="Print JSON: rows, numbers, symbols, boxes.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with one row for each symbol.")
@click.option(
    "--draw",
    "folder",
    type=click.Path(),
    metavar="DIR",
    help="Write each image with the symbols' boxes to this folder.",
)
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
def read(
    files: tuple[str, ...],
    path: str | None,
    as_json: bool,
    as_csv: bool,
    folder: str | None,
    length: int | None,
    pattern: str | None,
    symbols: str,
    decimal: str,
    lexicon: str | None,
) -> None:
    """Read the numbers in each of the image FILES, row by row.

    Numbers of a row are separated by spaces.

    A file that cannot be read is reported on standard error and makes the exit code 1; the other
    files are still processed. A lexicon has one number on each line.
    """
    from .reading import read as read_image
    from .reading import rows_to_csv

    _check_one_format(as_json, as_csv)
    words = _words(lexicon) if lexicon else None
    if folder:
        os.makedirs(folder, exist_ok=True)
    model = _model(path) if path else None
    answers: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    failed = False
    for file in files:
        try:
            reading = read_image(
                file,
                pattern=pattern,
                symbols=symbols,
                lexicon=words,
                length=length,
                decimal=decimal,
                model=model,
            )
        except (OSError, ValueError) as error:
            failed = True
            click.echo(f"Error: {_message(error)}", err=True)
            answers.append({"file": file, "error": _message(error)})
            continue
        answers.append({"file": file, **reading.to_dict()})
        rows += reading.to_rows(file)
        if folder:
            _draw_pages(reading, file, folder)
        if not as_json and not as_csv:
            texts = reading.text.split("\n") if reading.rows else ["(no digits)"]
            label = f"{file}: " if len(files) > 1 else ""
            for row in texts:
                click.echo(f"{label}{row}")
    if as_json:
        click.echo(json.dumps(answers, indent=1))
    if as_csv:
        click.echo(rows_to_csv(rows), nl=False)
    if failed:
        raise click.exceptions.Exit(1)


def _check_one_format(as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")


def _draw_pages(reading: Reading, file: str, folder: str) -> None:
    """Write the pages of a file with boxes to NAME.png, or to NAME-1.png, NAME-2.png and so on."""
    stem = os.path.splitext(os.path.basename(file))[0]
    for page in range(len(reading.pages)):
        suffix = f"-{page + 1}" if len(reading.pages) > 1 else ""
        _write_png(reading.draw(page), os.path.join(folder, f"{stem}{suffix}.png"))


def _write_png(picture: Image, path: str) -> None:
    import io

    from ._atomic import write_atomically

    data = io.BytesIO()
    picture.save(data, "png")
    write_atomically(path, data.getvalue())


@main.command(
    short_help="Read the cells of a table in an image file.",
    epilog=_examples(
        "ocrdigit table register.jpg --csv > register.csv",
        "ocrdigit table sudoku.jpg --rows 9 --columns 9 --draw cells.png",
    ),
)
@click.argument("file", type=click.Path())
@_CLASSIFIER
@click.option("--rows", type=click.IntRange(1, 1000), help="Number of rows, if known.")
@click.option("--columns", type=click.IntRange(1, 1000), help="Number of columns, if known.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: cells, numbers, boxes.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of columns with tabs.")
@click.option(
    "--draw",
    "out",
    type=click.Path(),
    metavar="FILE",
    help="Write the image with the outlines of the cells to this PNG file.",
)
def table(
    file: str,
    path: str | None,
    rows: int | None,
    columns: int | None,
    as_json: bool,
    as_csv: bool,
    out: str | None,
) -> None:
    """Read the table with most cells in an image FILE, one line for each row."""
    from .table import read_table

    _check_one_format(as_json, as_csv)
    found = read_table(file, rows=rows, columns=columns, model=_model(path) if path else None)
    if out:
        _write_png(found.draw(), out)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    elif as_csv:
        click.echo(found.to_csv(), nl=False)
    else:
        click.echo(str(found) if found.cells else "(no table)")


@main.command(
    short_help="Convert a model to Keras, ONNX, TensorFlow Lite or C.",
    epilog=_examples(
        "ocrdigit export model.safetensors model.onnx",
        "ocrdigit export model.safetensors model.tflite --int8",
        "ocrdigit export app.keras model.safetensors",
    ),
)
@click.argument("model", type=click.Path(), metavar="MODEL")
@click.argument("out", type=click.Path(), metavar="OUT")
@click.option("--int8", is_flag=True, help="Quantize a .tflite file to 8-bit integers.")
def export(model: str, out: str, int8: bool) -> None:
    """Convert the file MODEL to the file OUT, in the format of its suffix.

    OUT is a .safetensors, .keras, .onnx or .tflite file, or a .h file for C99, with a .c file
    beside it. MODEL is a .safetensors or .keras file.
    """
    _model(model).save(out, int8=int8)
    click.echo(f"{out}: {os.path.getsize(out):,} bytes")


@main.command(short_help="Train on the embedded sample and show predictions.")
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    default="ocrdigit-demo.png",
    show_default=True,
    help="The image file to write.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed of the training.",
)
def demo(out: str, seed: int) -> None:
    """Train a model on the embedded sample and show predictions; takes about a second.

    Needs neither data nor an internet connection. Writes an image of test digits with their
    predictions, and one of a page of numbers with the digits' boxes.
    """
    from ._demo import run

    run(out, seed)


@main.command(short_help="Start the web page and open it in the browser.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port to serve."
)
@click.option(
    "--host",
    default="localhost",
    show_default=True,
    help="Address to serve; 0.0.0.0 allows access from the network.",
)
@click.option("--headless", is_flag=True, help="Do not open a browser.")
def app(port: int, host: str, headless: bool) -> None:
    """Start the web page that reads digits and open it in the browser.

    The page accepts uploads, drawings, camera photos and pasted images. No data leave this
    machine. Ctrl-C stops the server.
    """
    import importlib.util

    if importlib.util.find_spec("streamlit") is None:
        raise click.ClickException("the web page needs streamlit: pip install 'ocrdigit[app]'")
    from streamlit.web.cli import main as streamlit

    from ._warm_up import warm_up

    warm_up()  # so that the first visitor does not wait
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "app.py")
    options = {
        "server.port": port,
        "server.address": host,
        "server.headless": str(headless).lower(),
        "server.maxUploadSize": 20,
        "server.fileWatcherType": "none",  # it would scan all modules after each run
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
    }
    streamlit(["run", page, *(f"--{name}={value}" for name, value in options.items())])


@main.command("show-config", short_help="Print the version, instruction set, threads and model.")
def show_config() -> None:
    """Print the version, the active instruction set, the number of threads and the model."""
    from ._config import show_config

    show_config()


def _model(path: str | None, precision: str = "float32") -> DigitClassifier:
    from ._predict import MODEL_PATH
    from .estimator import load

    return load(path or MODEL_PATH, precision=precision)


def _dataset(path: str | None) -> Dataset:
    from .datasets import load_data, load_mnist

    return load_data(path) if path else load_mnist()


def _count_right(model: DigitClassifier, dataset: Dataset) -> tuple[int, int]:
    """Return how many test images are predicted right, and how many there are."""
    return int((model.predict(dataset.X_test) == dataset.y_test).sum()), len(dataset.y_test)
