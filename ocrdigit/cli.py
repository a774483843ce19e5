"""The command line. Exit codes: 0 done, 1 failed (one sentence on standard error), 2 misused."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import click

from . import __version__, recipes
from .augmentations import AUGMENTATIONS

if TYPE_CHECKING:
    from .datasets import Dataset
    from .estimator import DigitClassifier
    from .reading import Reading


class _Group(click.Group):
    """Turns what goes wrong with files and data into one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OSError, ValueError, MemoryError, ModuleNotFoundError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read our output has left: click ends quietly
            raise click.ClickException(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
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
    help="What the network multiplies; int8 is for prediction only.",
)


def _examples(*lines: str) -> str:
    """Return an epilog whose lines click leaves as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


_DATA_HELP = (
    "A folder with MNIST's IDX files, a folder of images in subfolders 0 to 9, a .csv or an .npz. "
    "Without it MNIST is used: from the folder in OCRDIGIT_DATA, the cache, or a public mirror."
)
_ANY_MODEL = "A model that `ocrdigit train` saved, or tiny, large or seed, which the package has"
_MODEL_HELP = f"{_ANY_MODEL}. Without it default is used."
_SECOND_HELP = f"{_ANY_MODEL}; its opinion on each digit counts too, instead of default's."


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
    """Read handwritten digits, and train networks that do."""


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
    help="How to train.  [default: default; with --from fine-tune]",
)
@click.option(
    "--epochs", type=click.IntRange(1), help="Passes over the data.  [default: the recipe's]"
)
@click.option(
    "--batch-size", type=click.IntRange(1), help="Images a step.  [default: the recipe's]"
)
@click.option("--learning-rate", type=float, help="Largest rate.  [default: the recipe's]")
@click.option(
    "--augment",
    type=click.Choice(list(AUGMENTATIONS)),
    help="Random changes to training images.  [default: the recipe's]",
)
@_PRECISION
@click.option("--from", "start", type=click.Path(), metavar="FILE", help="Fine-tune this model.")
@click.option("--seed", type=click.IntRange(0), help="Makes the run repeatable, to the bit.")
@click.option("--jobs", type=click.IntRange(1), help="Threads.  [default: all processors]")
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    default="model.safetensors",
    show_default=True,
    help="Where to save the model.",
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
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
    quiet: bool,
) -> None:
    """Train a network and save it.

    Where the data have a test part, the accuracy on it is measured at the end. Ctrl-C keeps
    what has been learned so far in a file of its own.
    """
    from .estimator import DigitClassifier
    from .models import files

    if not out.endswith(".safetensors"):
        raise click.BadParameter(f"{out!r} does not end in .safetensors", param_hint="--out")
    if recipe == "fine-tune" and not start:
        raise click.UsageError("the recipe fine-tune needs a model to go on from: --from FILE")
    files.check_writable(out)
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
        model.fit(dataset.X_train, dataset.y_train)
    except KeyboardInterrupt:
        if hasattr(model, "network_"):
            kept = out.removesuffix(".safetensors") + ".interrupted.safetensors"
            model.save(kept)
            click.echo(err=True)  # the terminal has written ^C into the line
            raise click.ClickException(f"interrupted; the last step's model is in {kept}") from None
        raise
    model.save(out)
    if len(dataset.y_test):
        right, count = _right(model, dataset)
        click.echo(f"test accuracy {right / count:.2%} ({right:,} of {count:,})")
    click.echo(f"saved {out} ({os.path.getsize(out) / 1024:,.0f} KB)")


@main.command(
    short_help="Measure a model: accuracy, confusion, calibration, robustness.",
    epilog=_examples(
        "ocrdigit evaluate --data mnist/",
        "ocrdigit evaluate --data mnist/ --report report.html",
        "ocrdigit evaluate --data my_digits/ --model mine.safetensors --json",
    ),
)
@click.option("--data", type=click.Path(), metavar="PATH", help=_DATA_HELP)
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=_MODEL_HELP)
@_PRECISION
@click.option(
    "--report",
    type=click.Path(),
    metavar="FILE",
    help="Write a page (HTML) with figures and the misread images; implies --robustness.",
)
@click.option(
    "--robustness",
    is_flag=True,
    help="Try corrupted, turned and resized images too: noise, blur, fog, and so on.",
)
@click.option(
    "--severity",
    type=click.IntRange(1, 5),
    default=3,
    show_default=True,
    help="How much the images are corrupted.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the corruptions."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(
    data: str | None,
    path: str | None,
    precision: str,
    report: str | None,
    robustness: bool,
    severity: int,
    seed: int,
    as_json: bool,
) -> None:
    """Measure a model: accuracy, a table by digit, the confusion matrix, calibration.

    It is measured on the data's test part, or on all where they are not divided.
    """
    from .evaluation import evaluate as measure
    from .models import files

    if report:
        files.check_writable(report)
    model = _model(path, precision)
    dataset = _dataset(data)
    X, y, part = dataset.X_test, dataset.y_test, "test part"
    if not len(y):
        X, y, part = dataset.X_train, dataset.y_train, "all images"
    seen = measure(
        model,
        X,
        y,
        robustness=robustness or bool(report),
        severity=severity,
        random_state=seed,
        model_name=os.path.basename(path) if path else "the model in the package",
        data_name=f"{dataset.name}, {part}",
        verbose=True,
    )
    click.echo(json.dumps(seen.to_dict()) if as_json else str(seen))
    if report:
        seen.save_report(report)
        click.echo(f"wrote {report} ({os.path.getsize(report) / 1024:,.0f} KB)", err=as_json)


@main.command(
    short_help="Tell the digit in each image, and how sure that is.",
    epilog=_examples("ocrdigit predict digit.png", "ocrdigit predict *.jpg --json"),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES...")
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=_MODEL_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list with all probabilities.")
def predict(files: tuple[str, ...], path: str | None, as_json: bool) -> None:
    """Tell the digit in each of the image FILES, and how sure that is.

    A file that cannot be read is said so on standard error, and the exit code is 1; the
    others are still answered.
    """
    model = _model(path)
    answers: list[dict[str, Any]] = []
    failed = False
    for file in files:
        try:
            probabilities = model.predict_proba(file)
        except (OSError, ValueError) as error:
            failed = True
            click.echo(f"Error: {_sentence(error)}", err=True)
            answers.append({"file": file, "error": _sentence(error)})
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
    short_help="Show which places of an image speak for its digit.",
    epilog=_examples(
        "ocrdigit explain digit.png", "ocrdigit explain digit.png --digit 7 --out seven.png"
    ),
)
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=_MODEL_HELP)
@click.option("--digit", type=click.IntRange(0), help="The digit.  [default: the likeliest]")
@click.option("--layer", metavar="NAME", help="Where to look.  [default: the last convolution]")
@click.option(
    "--out",
    type=click.Path(),
    metavar="PNG",
    default="explained.png",
    show_default=True,
    help="Where to write the picture.",
)
@click.option("--plot", is_flag=True, help="Show picture, digit and heat side by side.")
def explain(
    file: str, path: str | None, digit: int | None, layer: str | None, out: str, plot: bool
) -> None:
    """Show which places of the image FILE speak for its digit, by Grad-CAM.

    Writes the picture with the heat laid over it.
    """
    import io

    from .models import files

    files.check_writable(out)
    found = _model(path).explain(file, digit, layer)
    data = io.BytesIO()
    if plot:
        found.plot().savefig(data, format="png")
    else:
        found.overlay().save(data, "png")
    files.write_atomically(out, data.getvalue())
    click.echo(f"{found.digit}  {found.probabilities[found.digit]:7.2%}  {out}")


@main.command(
    short_help="Read the numbers in pictures: photos, scans, fields of forms.",
    epilog=_examples(
        "ocrdigit read note.jpg",
        "ocrdigit read fields/*.png --length 6 --csv",
        "ocrdigit read page.tiff --json --draw seen/",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES...")
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=_SECOND_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: lines, digits, boxes.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a table with a row for each digit.")
@click.option(
    "--draw",
    "folder",
    type=click.Path(),
    metavar="DIR",
    help="Write each picture with the digits' boxes to this folder.",
)
@click.option("--length", type=click.IntRange(1, 1000), help="How many digits a line has.")
@click.option("--lexicon", metavar="FILE", type=click.Path(), help="The numbers that may occur.")
def read(
    files: tuple[str, ...],
    path: str | None,
    as_json: bool,
    as_csv: bool,
    folder: str | None,
    length: int | None,
    lexicon: str | None,
) -> None:
    """Read the numbers in each of the image FILES, line by line.

    A file that cannot be read is said so on standard error, and the exit code is 1; the
    others are still read. A lexicon is a text file with a number on each line.
    """
    from .reading import read as read_picture
    from .reading import rows_to_csv

    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")
    words = None
    if lexicon:
        with open(lexicon, encoding="utf-8") as text:
            words = text.read().split()
    if folder:
        os.makedirs(folder, exist_ok=True)
    model = _model(path) if path else None
    answers: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    failed = False
    for file in files:
        try:
            reading = read_picture(file, lexicon=words, length=length, model=model)
        except (OSError, ValueError) as error:
            failed = True
            click.echo(f"Error: {_sentence(error)}", err=True)
            answers.append({"file": file, "error": _sentence(error)})
            continue
        answers.append({"file": file, **reading.to_dict()})
        rows += reading.to_rows(file)
        if folder:
            _draw_pages(reading, file, folder)
        if not as_json and not as_csv:
            lines = reading.text.split("\n") if reading.lines else ["(no digits)"]
            label = f"{file}: " if len(files) > 1 else ""
            for line in lines:
                click.echo(f"{label}{line}")
    if as_json:
        click.echo(json.dumps(answers, indent=1))
    if as_csv:
        click.echo(rows_to_csv(rows), nl=False)
    if failed:
        raise click.exceptions.Exit(1)


def _draw_pages(reading: Reading, file: str, folder: str) -> None:
    """Write the pages of a file with boxes: NAME.png, or NAME-1.png and so on."""
    import io

    from .models import files as model_files

    stem = os.path.splitext(os.path.basename(file))[0]
    for page in range(len(reading.pages)):
        data = io.BytesIO()
        reading.draw(page).save(data, "png")
        suffix = f"-{page + 1}" if len(reading.pages) > 1 else ""
        target = os.path.join(folder, f"{stem}{suffix}.png")
        model_files.write_atomically(target, data.getvalue())


@main.command(
    short_help="Write a model for Keras, ONNX, TensorFlow Lite or C.",
    epilog=_examples(
        "ocrdigit export model.safetensors model.onnx",
        "ocrdigit export model.safetensors model.tflite --int8",
        "ocrdigit export app.keras model.safetensors",
    ),
)
@click.argument("model", type=click.Path(), metavar="MODEL")
@click.argument("out", type=click.Path(), metavar="OUT")
@click.option("--int8", is_flag=True, help="A .tflite file in 8-bit integers.")
def export(model: str, out: str, int8: bool) -> None:
    """Write the model of the file MODEL to OUT, in the format that its name says.

    That is .safetensors, .keras, .onnx, .tflite, or .h for C99, with a .c beside it. MODEL may
    be a .keras file too.
    """
    _model(model).save(out, int8=int8)
    click.echo(f"{out}: {os.path.getsize(out):,} bytes")


@main.command(short_help="See it work: train for a moment, then look at the answers.")
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    default="ocrdigit-demo.png",
    show_default=True,
    help="Where to write the picture.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of training.")
def demo(out: str, seed: int) -> None:
    """See it work: train for a moment on the embedded sample, then look at the answers.

    Needs no network and no data. Writes a picture of images with their answers, and one of a
    page of numbers that it reads.
    """
    from ._demo import run

    run(out, seed)


@main.command(short_help="Open a page in the browser that reads what you show it.")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option(
    "--host",
    default="localhost",
    show_default=True,
    help="Whose visitors are let in; 0.0.0.0 for all of the network's.",
)
@click.option("--headless", is_flag=True, help="Do not open a browser.")
def app(port: int, host: str, headless: bool) -> None:
    """Open a page in the browser that reads what you show it.

    It takes uploads, drawings, photos of the camera and the clipboard. Nothing leaves this
    machine. Ctrl-C ends it.
    """
    import importlib.util

    if importlib.util.find_spec("streamlit") is None:
        raise click.ClickException("the page needs streamlit: pip install 'ocrdigit[app]'")
    from streamlit.web.cli import main as streamlit

    from ._warm_up import warm_up

    warm_up()  # before the first visitor, not while one waits
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "app.py")
    options = {
        "server.port": port,
        "server.address": host,
        "server.headless": str(headless).lower(),
        "server.maxUploadSize": 20,
        "server.fileWatcherType": "none",  # looks through all modules after each answer
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
    }
    streamlit(["run", page, *(f"--{name}={value}" for name, value in options.items())])


@main.command("show-config", short_help="Print version, instruction set, threads and model.")
def show_config() -> None:
    """Print the version, the active instruction set, the threads and the model."""
    from ._config import show_config

    show_config()


def _model(path: str | None, precision: str = "float32") -> DigitClassifier:
    from ._predict import MODEL_PATH
    from .estimator import load

    return load(path or MODEL_PATH, precision=precision)


def _dataset(path: str | None) -> Dataset:
    from .datasets import load_data, load_mnist

    return load_data(path) if path else load_mnist()


def _right(model: DigitClassifier, dataset: Dataset) -> tuple[int, int]:
    """Count how many test images the model answers right, and how many there are."""
    return int((model.predict(dataset.X_test) == dataset.y_test).sum()), len(dataset.y_test)
