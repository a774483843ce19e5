"""The synthetic sets of images that OCR engines are measured on; always the same.

They are composed of digits that no engine was trained on: the last 5,000 of MNIST's training images
for validation, MNIST's test images for the final figures.

=============  ===============================================================================
``separated``  2 to 10 digits with gaps between them, on noisy and unevenly lit paper
``touching``   2 to 10 digits whose boxes meet or overlap by up to 4 pixels, on the same paper
=============  ===============================================================================

In both, digits keep MNIST's size, 20 pixels, and their original strokes.

    python tests/bench/reading_sets.py --out pictures/     # writes contact sheets as PNG files
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from ocrdigit import datasets, synth

SETS = ("separated", "touching")
COUNT = 500
HELD_OUT = 5_000  # the last of MNIST's training images

_PAPER = synth.Style(
    size=(20 / 36, 20 / 36),
    size_jitter=0.0,
    baseline_jitter=0.05,
    aspect=(1.0, 1.0),
    height_normalization=0.0,
    kerning=0.0,
    slant=(0.0, 0.0),
    slant_jitter=0.0,
    deslant=(0.0, 0.0),
    rotation=(0.0, 0.0),
    slope=(-1.0, 1.0),
    source_strokes=1.0,
    stroke_offset=(0.0, 0.0),
    darkness=(0.6, 0.95),
    texture=(0.0, 0.3),
    background=(0.65, 0.95),
    grain=(0.01, 0.05),
    mottle=(0.0, 0.04),
    light=(0.0, 0.3),
    blur=(0.2, 0.6),
    noise=(0.01, 0.04),
    jpeg=0.3,
)
# One pixel is 1/20 of the height of digits. A gap is drawn for each string, and jittered in it.
STYLES = {
    "separated": _PAPER.with_(gap=(0.1, 0.5), gap_jitter=0.02),
    "touching": _PAPER.with_(gap=(-0.15, -0.05), gap_jitter=0.02),
}


def make_set(
    name: str, part: str = "validation", *, count: int = COUNT, folder: str | Path | None = None
) -> list[synth.Picture]:
    """Return the pictures of a set.

    Parameters
    ----------
    name : {"separated", "touching"}
        The set.
    part : {"validation", "test"}
        Source of the digits: the last 5,000 of MNIST's training images, or its test images.
    count : int
        Number of pictures, the first of the set.
    folder : path, optional
        The folder of MNIST's files, as for ``datasets.load_mnist``.
    """
    digits = digits_of(part, folder)
    seed = 1000 + SETS.index(name) + (10 if part == "test" else 0)
    pictures = synth.strings(
        COUNT, length=(2, 10), style=STYLES[name], height=36, digits=digits, random_state=seed
    )
    return pictures[:count]


def cropped(picture: synth.Picture, inside: float) -> np.ndarray:
    """Return a picture to the boxes of its digits, and inside them at top and bottom.

    Parameters
    ----------
    picture : Picture
    inside : float
        What is cut off at top and at bottom, as a share of the height of the boxes together.
    """
    left, top = picture.boxes[:, :2].min(0)
    right, bottom = (picture.boxes[:, :2] + picture.boxes[:, 2:]).max(0)
    rows = round(inside * (bottom - top))
    return np.ascontiguousarray(picture.image[top + rows : bottom - rows, left:right])


def digits_of(part: str, folder: str | Path | None = None) -> synth.Digits:
    """Return the digits that the pictures of ``part`` are composed of."""
    mnist = datasets.load_mnist(folder)
    if part == "validation":
        return synth.Digits(mnist.X_train[-HELD_OUT:], mnist.y_train[-HELD_OUT:])
    if part == "test":
        return synth.Digits(mnist.X_test, mnist.y_test)
    raise ValueError(f"part must be 'validation' or 'test', got {part!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="the folder to write to")
    parser.add_argument("--data", type=Path, default=os.environ.get("OCRDIGIT_DATA"))
    options = parser.parse_args()
    from PIL import Image

    options.out.mkdir(parents=True, exist_ok=True)
    for name in SETS:
        pictures = make_set(name, folder=options.data)[:40]
        width = max(picture.image.shape[1] for picture in pictures)
        sheet = np.full((40 * len(pictures), width), 255, np.uint8)
        for row, picture in enumerate(pictures):
            height, w = picture.image.shape
            sheet[40 * row : 40 * row + height, :w] = picture.image
        Image.fromarray(sheet).save(options.out / f"{name}.png")
        print(name, [picture.text for picture in pictures[:5]])


if __name__ == "__main__":
    main()
