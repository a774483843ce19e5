"""Combs and boxes, in which forms have a place for each digit, are read as one number."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter

import ocrdigit
from ocrdigit.datasets import Dataset

MARGIN, PAPER = 40, 235


def write(page: np.ndarray, digit: np.ndarray, side: int, x: int, y: int) -> None:
    """Write a digit of MNIST on a page."""
    levels = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC))
    part = page[y : y + side, x : x + side]
    np.minimum(part, PAPER - levels / 255 * 170, out=part)


def comb(kind: str, sample: Dataset, seed: int) -> tuple[Image.Image, str]:
    """Return a picture of "boxes" side by side or "apart", or of "teeth", and its number."""
    random = np.random.default_rng(seed)
    places, wall = int(random.integers(2, 10)), int(random.integers(1, 4))
    width = int(random.integers(36, 56))
    height = int(width * random.uniform(1, 1.3))
    pitch = width + int(width * random.uniform(0.15, 0.35)) if kind == "apart" else width
    page = np.full((height + 2 * MARGIN + wall, (places - 1) * pitch + width + 2 * MARGIN), PAPER)
    page = page.astype(float)
    level, foot = random.uniform(0, 110), MARGIN + height
    tooth = int(height * random.uniform(0.3, 0.9)) if kind == "teeth" else height
    text = ""
    for place in range(places):
        x = MARGIN + place * pitch
        for left in (x, x + width):
            page[foot - tooth : foot + wall, left : left + wall] = level
        page[foot : foot + wall, x : x + width] = level
        if kind != "teeth":
            page[MARGIN : MARGIN + wall, x : x + width] = level
    for place in range(places):
        index = int(random.integers(len(sample.X_train)))
        side = int(width * random.uniform(0.8, 0.95))
        x = MARGIN + place * pitch + wall + int(random.uniform(0, 1) * max(width - wall - side, 1))
        y = MARGIN + wall + int(random.uniform(0, 1) * (height - side))
        write(page, sample.X_train[index], side, x, y)
        text += str(sample.y_train[index])
    page += random.normal(0, 4, page.shape)
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8)), text


@pytest.mark.parametrize("angle", [0, 1, -2.5])
@pytest.mark.parametrize(("kind", "least"), [("boxes", 0.85), ("teeth", 0.85), ("apart", 0.8)])
def test_numbers(kind: str, least: float, angle: float, sample: Dataset) -> None:
    right = 0
    for seed in range(40):
        image, text = comb(kind, sample, seed)
        image = image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=PAPER)
        right += ocrdigit.read(image).text == text
    assert right >= least * 40


def lean(image: Image.Image, amount: float) -> Image.Image:
    matrix = (1, amount, -amount * image.height / 2, 0, 1, 0)
    kind, resample = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return image.transform(image.size, kind, matrix, resample, fillcolor=PAPER)


def bend(image: Image.Image, amount: float) -> Image.Image:
    """Move each column down, by ``amount`` pixels in the middle."""
    pixels, along = np.asarray(image), np.linspace(0, 1, image.width)
    rows = np.arange(image.height)[:, None] - 4 * amount * along * (1 - along)
    bent = pixels[np.clip(np.rint(rows).astype(int), 0, image.height - 1), np.arange(image.width)]
    return Image.fromarray(bent)


def view(image: Image.Image, amount: float) -> Image.Image:
    """Return the image in perspective: the right side is smaller by a proportion."""
    w, h = image.size
    corners = [(0, 0), (w, 0), (w, h), (0, h)]
    inset = amount * h / 2
    seen = [(0, 0), (w * (1 - amount), inset), (w * (1 - amount), h - inset), (0, h)]
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    matrix = np.linalg.solve(np.array(rows, float), np.array(values, float))
    kind, resample = Image.Transform.PERSPECTIVE, Image.Resampling.BICUBIC
    return image.transform((w, h), kind, list(matrix), resample, fillcolor=PAPER)


@pytest.mark.parametrize("kind", ["boxes", "teeth", "apart"])
@pytest.mark.parametrize(
    "distort",
    [
        lambda image: lean(image, 0.05),
        lambda image: lean(image, -0.05),
        lambda image: bend(image, 4),
        lambda image: view(image, 0.08),
    ],
    ids=["leaning right", "leaning left", "bent", "perspective"],
)
def test_distorted(
    kind: str, distort: Callable[[Image.Image], Image.Image], sample: Dataset
) -> None:
    right = 0
    for seed in range(20):
        image, text = comb(kind, sample, seed)
        right += ocrdigit.read(distort(image)).text == text
    assert right >= 16


@pytest.mark.parametrize("kind", ["boxes", "teeth"])
def test_blurred_and_light_on_dark(kind: str, sample: Dataset) -> None:
    right = 0
    for seed in range(20):
        image, text = comb(kind, sample, seed)
        dark = Image.fromarray(255 - np.asarray(image.filter(ImageFilter.GaussianBlur(1))))
        right += ocrdigit.read(dark).text == text
    assert right >= 18


def test_boxes_of_the_digits_leave_out_the_walls(sample: Dataset) -> None:
    image, text = comb("teeth", sample, 3)
    reading = ocrdigit.read(image)
    assert reading.text == text
    boxes = [digit.box for digit in reading.digits]
    assert all(x + w <= following[0] for (x, _, w, _), following in pairwise(boxes))


def test_several_on_a_page(sample: Dataset) -> None:
    pictures = [comb(kind, sample, seed) for seed, kind in enumerate(["teeth", "boxes"] * 2)]
    width = max(image.width for image, _ in pictures)
    page = Image.new("L", (width, sum(image.height for image, _ in pictures)), PAPER)
    top = 0
    for image, _ in pictures:
        page.paste(image, (0, top))
        top += image.height
    texts = [number.text for number in ocrdigit.read(page).numbers]
    assert sum(text in texts for _, text in pictures) >= 3


def test_a_table_is_none(sample: Dataset) -> None:
    """Cells side by side keep their numbers apart, also those of a single digit."""
    page = np.full((300, 420), float(PAPER))
    for row in range(4):
        page[30 + 80 * row : 32 + 80 * row, 30:392] = 60
    for column in range(5):
        page[30:272, 30 + 90 * column : 32 + 90 * column] = 60
    for row in range(3):
        for column in range(4):
            write(page, sample.X_train[7 * row + column], 50, 50 + 90 * column, 45 + 80 * row)
    reading = ocrdigit.read(page.astype(np.uint8))
    assert len(reading.numbers) == 12
    assert all(len(number.digits) == 1 for number in reading.numbers)


def test_ones_on_a_line_stay(sample: Dataset) -> None:
    """Handwritten digits on a line are no teeth."""
    ones = sample.X_train[sample.y_train == 1]
    digits = []
    for seed in range(10):
        page = np.full((120, 300), float(PAPER))
        page[82:84, 20:280] = 60
        for place in range(4):
            write(page, ones[4 * seed + place], 44, 40 + 55 * place, 36)
        digits += [digit.value for digit in ocrdigit.read(page.astype(np.uint8)).digits]
    assert digits.count(1) >= 32  # of 40


def test_textures_of_lines_take_bounded_time() -> None:
    rows, columns = np.mgrid[:2000, :2000]
    for page in (
        np.where(rows % 4 < 2, 0, 255),
        np.where((rows % 8 == 0) | (columns % 5 == 0), 0, 255),
        np.where((rows % 40 == 0) | (columns % 40 == 0), 0, 255),
    ):
        start = time.process_time()
        ocrdigit.read(page.astype(np.uint8))
        assert time.process_time() - start < 8
