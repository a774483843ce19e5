"""``ocrdigit demo``: trains for a moment on the embedded sample and shows what came of it."""

from __future__ import annotations

import io
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from .datasets import load_sample
from .estimator import DigitClassifier
from .models import files

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

EPOCHS, BATCH_SIZE = 6, 32

_COLUMNS, _ROWS = 10, 4
_TILE, _LABEL, _GAP, _MARGIN = 84, 30, 12, 36
_INK, _PALE, _RIGHT, _WRONG = "#1b1f24", "#6b7480", "#1a7f4b", "#c8321f"


def run(out: str, seed: int) -> None:
    """Train, measure, print a few answers and write the picture ``out``."""
    page_out = f"{out.removesuffix('.png')}-page.png"
    files.check_writable(out)
    files.check_writable(page_out)
    sample = load_sample()
    model = DigitClassifier(epochs=EPOCHS, batch_size=BATCH_SIZE, random_state=seed)
    click.echo(f"Training a network from nothing on {len(sample.y_train):,} handwritten digits.")
    model.fit(sample.X_train, sample.y_train)

    start = time.perf_counter()
    probabilities = model.predict_proba(sample.X_test)
    seconds = time.perf_counter() - start
    predicted = probabilities.argmax(axis=1)
    right = int((predicted == sample.y_test).sum())
    count = len(predicted)
    headline = f"{right:,} of {count:,} new images right ({right / count:.1%})"
    click.echo(f"\nIt reads {headline}, at {count / seconds:,.0f} images a second:\n")

    sure = probabilities.max(axis=1)
    order = np.argsort(sure)
    mistakes = [i for i in order if predicted[i] != sample.y_test[i]]
    rest = [i for i in order if predicted[i] == sample.y_test[i]]
    hard = (mistakes + rest)[: 2 * _COLUMNS]
    usual = np.random.default_rng(seed).permutation(count)

    shown = max(1, min(5, (shutil.get_terminal_size().columns + 2) // 22))
    print_digits(sample.X_test, predicted, sure, [*usual[: shown - 1], hard[0]], sample.y_test)
    sections = [
        ("Forty of them, as they come", list(usual[: _ROWS * _COLUMNS])),
        ("The hardest: mistakes, and the right answers it was least sure of", hard),
    ]
    picture = contact_sheet(headline, sections, sample.X_test, sample.y_test, predicted, sure)
    data = io.BytesIO()
    picture.save(data, "png")
    files.write_atomically(out, data.getvalue())
    click.echo(f"\nWrote {out}: {_ROWS * _COLUMNS + len(hard)} images and their answers.")
    read_page(page_out)
    click.echo("Next: ocrdigit read FILE.jpg for a photo of numbers; ocrdigit predict FILE.png")
    click.echo("for a single digit; ocrdigit train --help.")


def read_page(out: str) -> None:
    """Read the embedded page, print what is on it and write the picture ``out``."""
    from .datasets import load_page
    from .reading import read

    page = load_page()
    start = time.perf_counter()
    reading = read(page.image)
    seconds = time.perf_counter() - start
    click.echo(f"\nA page of {len(page.values)} digits, read in {1000 * seconds:.0f} ms:\n")
    click.echo("\n".join(f"  {line.text:12} {line.confidence:6.1%}" for line in reading.lines))
    data = io.BytesIO()
    reading.draw().save(data, "png")
    files.write_atomically(out, data.getvalue())
    click.echo(f"\nWrote {out}: the page with the digits' boxes.\n")


def print_digits(
    images: NDArray[np.uint8],
    predicted: NDArray[Any],
    sure: NDArray[Any],
    chosen: list[Any],
    truth: NDArray[Any],
) -> None:
    """Draw a few images side by side with characters, and what the model says of each."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        blocks = " \u2580\u2584\u2588"
        blocks.encode(encoding)
    except UnicodeEncodeError:
        blocks = " '.#"
    drawn = []
    for i in chosen:
        ink = images[i, 4:24, 4:24] > 96
        cells = ink[0::2] + 2 * ink[1::2].astype(int)
        drawn.append(["".join(blocks[cell] for cell in row) for row in cells])
    for line in zip(*drawn, strict=True):
        click.echo("  ".join(line).rstrip())
    answers = []
    for i in chosen:
        wrong = "" if predicted[i] == truth[i] else f" (it is {truth[i]})"
        answers.append(f"{predicted[i]}, {sure[i]:.1%}{wrong}".center(20))
    click.echo("  ".join(answers).rstrip())


def contact_sheet(
    headline: str,
    sections: list[tuple[str, list[Any]]],
    images: NDArray[np.uint8],
    truth: NDArray[Any],
    predicted: NDArray[Any],
    sure: NDArray[Any],
) -> Image:
    """Return a picture of images by section, each over its predicted digit and confidence."""
    from PIL import Image, ImageDraw

    step_x, step_y = _TILE + _GAP, _TILE + _LABEL + _GAP
    heights = [36 + -(-len(chosen) // _COLUMNS) * step_y + 12 for _, chosen in sections]
    width = 2 * _MARGIN + _COLUMNS * step_x - _GAP
    sheet = Image.new("RGB", (width, 104 + sum(heights) + _MARGIN - _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, 28), "ocrdigit demo", _INK, _font(30))
    draw.text((_MARGIN, 68), f"A network trained a few seconds ago: {headline}.", _PALE, _font(17))
    top = 104
    for (title, chosen), height in zip(sections, heights, strict=True):
        draw.text((_MARGIN, top + 8), title, _INK, _font(17))
        for place, i in enumerate(chosen):
            x = _MARGIN + place % _COLUMNS * step_x
            y = top + 36 + place // _COLUMNS * step_y
            _tile(sheet, draw, (x, y), images[i], int(truth[i]), int(predicted[i]), sure[i])
        top += height
    return sheet


def _tile(
    sheet: Image,
    draw: ImageDraw,
    corner: tuple[int, int],
    image: NDArray[np.uint8],
    truth: int,
    predicted: int,
    sure: float,
) -> None:
    from PIL import Image

    x, y = corner
    picture = Image.fromarray(image).resize((_TILE, _TILE), Image.Resampling.BICUBIC)
    mask = Image.new("L", (_TILE, _TILE))
    _draw_of(mask).rounded_rectangle((0, 0, _TILE - 1, _TILE - 1), 10, 255)
    sheet.paste(picture, corner, mask)
    color = _RIGHT if predicted == truth else _WRONG
    draw.text((x + 4, y + _TILE + 4), str(predicted), color, _font(20))
    note = f"{sure:.1%}" if predicted == truth else f"{sure:.0%}, is {truth}"
    draw.text((x + _TILE - 3, y + _TILE + 9), note, _PALE, _font(13), anchor="ra")


def _draw_of(image: Image) -> ImageDraw:
    from PIL import ImageDraw

    return ImageDraw.Draw(image)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
