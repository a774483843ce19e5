"""Options and help that commands share, and what they name: models, data, lexicons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .. import recipes
from .._bounded import errors_of, read_file
from .._recognizers import RECOGNIZERS

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..datasets import Dataset
    from ..estimator import DigitClassifier

PRECISION = click.option(
    "--precision",
    type=click.Choice(recipes.PRECISIONS),
    default="float32",
    show_default=True,
    help="Number format of the multiplications; int8 is for prediction only.",
)
DATA_HELP = (
    "A folder with MNIST's IDX files, a folder of images in subfolders 0 to 9, a .csv or an .npz "
    "file.  [default: MNIST, from the folder in OCRDIGIT_DATA, the cache or a public mirror]"
)
ANY_MODEL = (
    "A file saved by `ocrdigit train`, or one of the package's models: default, tiny, large, seed."
)
MODEL_HELP = f"{ANY_MODEL}  [default: default]"
CLASSIFIER = click.option(
    "--model",
    "path",
    type=click.Path(),
    metavar="FILE",
    help=f"The classifier that verifies the digits. {ANY_MODEL}  [default: default]",
)

PAGES = click.option(
    "--pages", metavar="RANGES", help="Pages of a TIFF or PDF, such as 1-3,7.  [default: all]"
)
RECOGNIZER = click.option(
    "--recognizer",
    type=click.Choice(list(RECOGNIZERS)),
    default="default",
    show_default=True,
    help="fast reads each line once, at one scale, of upright pages.",
)

_MAX_LEXICON = 1 << 26  # bytes of the text file of a lexicon


def examples(*lines: str) -> str:
    """Return an epilog whose lines click does not wrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def check_one_format(as_json: bool, as_csv: bool) -> None:
    """Raise a usage error for --json with --csv."""
    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")


def read_words(path: str) -> list[str]:
    """Return the numbers of the text file of a lexicon."""
    data = read_file(path, _MAX_LEXICON)
    with errors_of(path):
        return data.decode().split()


def load_model(path: str | None, precision: str = "float32") -> DigitClassifier:
    """Return the model of a file or of a name; the default one for None."""
    from .._predict import MODEL_PATH
    from ..estimator import load

    return load(path or MODEL_PATH, precision=precision)


def load_dataset(path: str | None) -> Dataset:
    """Return the data of --data; MNIST for None."""
    from ..datasets import load_data, load_mnist

    return load_data(path) if path else load_mnist()


def write_png(picture: Image, path: str) -> None:
    """Write a PNG file atomically."""
    import io

    from .._atomic import write_atomically

    data = io.BytesIO()
    picture.save(data, "png")
    write_atomically(path, data.getvalue())
