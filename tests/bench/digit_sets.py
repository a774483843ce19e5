"""Pictures of single digits, and of what is not one, for ``predict`` and ``digit_score``.

Each kind is a function of a :class:`drawing.Writer` that requarters one sample.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from drawing import LETTERS, Gray, Mask, Page, Writer, crop, hershey, tick
from numpy.typing import NDArray
from scoring import Number, Sample

MARGIN = 3


def digit_sample(image: NDArray[np.uint8], kind: str, value: int) -> Sample:
    return Sample(image, kind, "digit", (Number(str(value)),))


def canvas(writer: Writer, mask: Mask, margin: tuple[int, int]) -> Page:
    """Return a page with a mask in its centre, and margins (vertical, horizontal) around it."""
    h, w = mask.shape
    page = Page(writer.random, h + 2 * margin[0], w + 2 * margin[1])
    page.put(mask, margin[1], margin[0])
    return page


def cell(writer: Writer, sides: int) -> Sample:
    """A digit in a cell with walls of 1 to 6 pixels on some of its sides.

    A wall lies at the edge of the picture, partly outside of it, or a few pixels from it, and is
    slanted by up to 2 degrees. Behind it is the background of the next cell, and sometimes the
    edge of its digit. In 3 of 10 cells, the digit touches a wall.
    """
    random = writer.random
    value, height = int(random.integers(0, 10)), random.uniform(20, 60)
    digit = writer.digit(value, height)
    h, w = digit.shape
    walls = random.permutation(4)[:sides]
    thickness = int(random.integers(1, min(6, int(height / 8)) + 1))
    outer = [int(random.integers(1 - thickness, max(int(0.15 * height), 2))) for _ in range(4)]
    inner = [int(random.uniform(2, 0.4 * height)) for _ in range(4)]
    if random.random() < 0.3:
        inner[walls[0]] = 0
    top, bottom, left, right = (
        max(out, 0) + thickness + gap for out, gap in zip(outer, inner, strict=True)
    )
    page = Page(random, h + top + bottom, w + left + right)
    page.put(digit, left, top)
    level = random.uniform(0, page.background - 60)
    for side in walls:
        view = (page.gray, page.gray[::-1], page.gray.T, page.gray.T[::-1])[side]
        if outer[side] > 2 and random.random() < 0.3:
            _put_neighbour(writer, page, view, outer[side] - 1, height)
        length = view.shape[1]
        slant = random.uniform(-0.035, 0.035) * (np.arange(length) - length / 2)
        start = np.clip(np.round(outer[side] + slant), 1 - thickness, None)
        distance = np.arange(len(view))[:, None] - start
        view[(distance >= 0) & (distance < thickness)] = level
    return digit_sample(page.finish(), f"walls on {sides}", value)


def _put_neighbour(writer: Writer, page: Page, view: Gray, depth: int, height: float) -> None:
    """Draw the edge of another digit in the first ``depth`` rows of a view of the page."""
    random = writer.random
    part = writer.digit(int(random.integers(0, 10)), height)[-depth:, : view.shape[1]]
    x = int(random.integers(0, view.shape[1] - part.shape[1] + 1))
    place = view[: len(part), x : x + part.shape[1]]
    place += part * (page.foreground - place)


def _corner(light: bool) -> Callable[[Writer], Sample]:
    def draw(writer: Writer) -> Sample:
        random = writer.random
        value = int(random.integers(0, 10))
        mask = writer.digit(value, 14)
        h, w = mask.shape
        image = np.zeros((28, 28), np.float32)
        y, x = random.integers(0, 3, 2)
        top = y if random.random() < 0.5 else 28 - h - y
        left = x if random.random() < 0.5 else 28 - w - x
        image[top : top + h, left : left + w] = mask
        pixels = (255 * image).round().astype(np.uint8)
        if light:
            return digit_sample(pixels, "light on dark", value)
        return digit_sample(255 - pixels, "dark on light", value)

    return draw


def _cropped(margin: int) -> Callable[[Writer], Sample]:
    """MNIST digits of 20 to 60 pixels, dark on light or light on dark."""

    def draw(writer: Writer) -> Sample:
        random = writer.random
        value = int(random.integers(0, 10))
        mask = writer.digit(value, random.uniform(20, 60))
        image = canvas(writer, mask, (margin, margin)).finish((0, 3))
        image = 255 - image if random.random() < 0.5 else image
        return digit_sample(image, f"MNIST, {margin} px", value)

    return draw


def optdigits(images: NDArray[np.uint8], labels: NDArray[np.int64], margin: int) -> list[Sample]:
    """Return optdigits' bitmaps, cropped with a margin, dark on light."""
    samples = []
    for image, value in zip(images, labels, strict=True):
        padded = np.pad(crop(image), margin)
        samples.append(digit_sample(255 - padded, f"optdigits, {margin} px", int(value)))
    return samples


# -- not a digit --


def _non_digit(kind: str, mark: Callable[[Writer], Mask]) -> Callable[[Writer], Sample]:
    def draw(writer: Writer) -> Sample:
        mask = mark(writer)
        margin = int(writer.random.uniform(0.1, 0.4) * max(mask.shape)) + 1
        return Sample(canvas(writer, mask, (margin, margin)).finish(), kind, "non-digit")

    return draw


def _tick(writer: Writer) -> Mask:
    return tick(writer.random, writer.random.uniform(20, 60))


def _letter(writer: Writer) -> Mask:
    random = writer.random
    return hershey(random, random.choice(list(LETTERS)), random.uniform(20, 60))


def _two_digits(writer: Writer) -> Mask:
    """Return two digits with a gap between them."""
    random = writer.random
    height = random.uniform(20, 60)
    first, second = (writer.digit(int(v), height) for v in random.integers(0, 10, 2))
    gap = int(random.uniform(0.05, 0.4) * height) + 1
    h = max(len(first), len(second))
    parts = [np.pad(part, ((h - len(part), 0), (0, 0))) for part in (first, second)]
    return np.hstack([parts[0], np.zeros((h, gap), np.float32), parts[1]])


def _blank(writer: Writer) -> Mask:
    return np.zeros((int(writer.random.integers(20, 60)),) * 2, np.float32)


CELLS = {f"walls on {sides}": partial(cell, sides=sides) for sides in (1, 2, 3, 4)}
CORNERS = {"light on dark": _corner(True), "dark on light": _corner(False)}
CROPS = {"MNIST, 0 px": _cropped(0), f"MNIST, {MARGIN} px": _cropped(MARGIN)}
NON_DIGITS = {
    "tick": _non_digit("tick", _tick),
    "letter": _non_digit("letter", _letter),
    "two digits": _non_digit("two digits", _two_digits),
    "empty": _non_digit("empty", _blank),
}
