"""``ocrdigit demo``: trains a model on the embedded sample and shows its predictions."""

from __future__ import annotations

import io
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from ._atomic import check_writable, write_atomically
from .datasets import load_page, load_sample
from .estimator import DigitClassifier
from .reading import read

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

EPOCHS, BATCH_SIZE = 6, 32

_COLUMNS, _ROWS = 10, 4
_TILE, _LABEL, _GAP, _MARGIN = 84, 30, 12, 36
_BLACK, _GRAY, _GREEN, _RED = "#1b1f24", "#6b7480", "#1a7f4b", "#c8321f"


def run(out: str, seed: int) -> None:
    """Train and evaluate a model, print some predictions and write the image ``out``."""
    page_out = f"{out.removesuffix('.png')}-page.png"
    check_writable(out)
    check_writable(page_out)
    sample = load_sample()
    model = DigitClassifier(epochs=EPOCHS, batch_size=BATCH_SIZE, random_state=seed)
    click.echo(f"Training a model on {len(sample.y_train):,} handwritten digits.")
    model.fit(sample.X_train, sample.y_train)

    start = time.perf_counter()
    probabilities = model.predict_proba(sample.X_test)
    seconds = time.perf_counter() - start
    predicted = probabilities.argmax(axis=1)
    right = int((predicted == sample.y_test).sum())
    count = len(predicted)
    headline = f"{right:,} of {count:,} test images right ({right / count:.1%})"
    click.echo(f"\n{headline}, {count / seconds:,.0f} images per second:\n")

    confidence = probabilities.max(axis=1)
    order = np.argsort(confidence)
    mistakes = [i for i in order if predicted[i] != sample.y_test[i]]
    others = [i for i in order if predicted[i] == sample.y_test[i]]
    hardest = (mistakes + others)[: 2 * _COLUMNS]
    random = np.random.default_rng(seed).permutation(count)

    shown = max(1, min(5, (shutil.get_terminal_size().columns + 2) // 22))
    chosen = [*random[: shown - 1], hardest[0]]
    print_digits(sample.X_test, predicted, confidence, chosen, sample.y_test)
    sections = [
        ("A random selection", list(random[: _ROWS * _COLUMNS])),
        ("The mistakes, and the right predictions of the lowest confidence", hardest),
    ]
    picture = contact_sheet(headline, sections, sample.X_test, sample.y_test, predicted, confidence)
    data = io.BytesIO()
    picture.save(data, "png")
    write_atomically(out, data.getvalue())
    number = _ROWS * _COLUMNS + len(hardest)
    click.echo(f"\nWrote {out}: {number} test images with their predictions.")
    read_page(page_out)
    click.echo("Next: ocrdigit read FILE.jpg for a photo of numbers, ocrdigit predict FILE.png")
    click.echo("for a single digit, ocrdigit train --help for your own models.")


def read_page(out: str) -> None:
    """Read the embedded page, print its numbers and write the image ``out``."""
    page = load_page()
    start = time.perf_counter()
    reading = read(page.image)
    seconds = time.perf_counter() - start
    click.echo(f"\nA page of {len(page.values)} digits, read in {1000 * seconds:.0f} ms:\n")
    click.echo("\n".join(f"  {each.text:12} {each.confidence:6.1%}" for each in reading.numbers))
    data = io.BytesIO()
    reading.draw().save(data, "png")
    write_atomically(out, data.getvalue())
    click.echo(f"\nWrote {out}: the page with the digits' boxes.\n")


def print_digits(
    images: NDArray[np.uint8],
    predicted: NDArray[Any],
    confidence: NDArray[Any],
    chosen: list[Any],
    truth: NDArray[Any],
) -> None:
    """Print some images side by side as block characters, each over its prediction."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        blocks = " \u2580\u2584\u2588"
        blocks.encode(encoding)
    except UnicodeEncodeError:
        blocks = " '.#"
    drawn = []
    for i in chosen:
        foreground = images[i, 4:24, 4:24] > 96
        codes = foreground[0::2] + 2 * foreground[1::2].astype(int)  # two rows in a character
        drawn.append(["".join(blocks[code] for code in row) for row in codes])
    for line in zip(*drawn, strict=True):
        click.echo("  ".join(line).rstrip())
    labels = []
    for i in chosen:
        mistake = "" if predicted[i] == truth[i] else f" (it is {truth[i]})"
        labels.append(f"{predicted[i]}, {confidence[i]:.1%}{mistake}".center(20))
    click.echo("  ".join(labels).rstrip())


def contact_sheet(
    headline: str,
    sections: list[tuple[str, list[Any]]],
    images: NDArray[np.uint8],
    truth: NDArray[Any],
    predicted: NDArray[Any],
    confidence: NDArray[Any],
) -> Image:
    """Return an image of test images by section, each over its prediction and confidence."""
    from PIL import Image, ImageDraw

    step_x, step_y = _TILE + _GAP, _TILE + _LABEL + _GAP
    heights = [36 + -(-len(chosen) // _COLUMNS) * step_y + 12 for _, chosen in sections]
    width = 2 * _MARGIN + _COLUMNS * step_x - _GAP
    sheet = Image.new("RGB", (width, 104 + sum(heights) + _MARGIN - _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, 28), "ocrdigit demo", _BLACK, _font(30))
    draw.text((_MARGIN, 68), f"A model trained a few seconds ago: {headline}.", _GRAY, _font(17))
    top = 104
    for (title, chosen), height in zip(sections, heights, strict=True):
        draw.text((_MARGIN, top + 8), title, _BLACK, _font(17))
        for index, i in enumerate(chosen):
            x = _MARGIN + index % _COLUMNS * step_x
            y = top + 36 + index // _COLUMNS * step_y
            _tile(sheet, draw, (x, y), images[i], int(truth[i]), int(predicted[i]), confidence[i])
        top += height
    return sheet


def _tile(
    sheet: Image,
    draw: ImageDraw,
    corner: tuple[int, int],
    image: NDArray[np.uint8],
    truth: int,
    predicted: int,
    confidence: float,
) -> None:
    from PIL import Image

    x, y = corner
    picture = Image.fromarray(image).resize((_TILE, _TILE), Image.Resampling.BICUBIC)
    mask = Image.new("L", (_TILE, _TILE))
    _draw_of(mask).rounded_rectangle((0, 0, _TILE - 1, _TILE - 1), 10, 255)
    sheet.paste(picture, corner, mask)
    colour = _GREEN if predicted == truth else _RED
    draw.text((x + 4, y + _TILE + 4), str(predicted), colour, _font(20))
    note = f"{confidence:.1%}" if predicted == truth else f"{confidence:.0%}, is {truth}"
    draw.text((x + _TILE - 3, y + _TILE + 9), note, _GRAY, _font(13), anchor="ra")


def _draw_of(image: Image) -> ImageDraw:
    from PIL import ImageDraw

    return ImageDraw.Draw(image)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
