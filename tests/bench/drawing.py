"""Draw handwritten numbers, lines and words on pages, with NumPy and Pillow only.

Independent of ``ocrdigit.synth``, whose pages models are trained on. Digits are images that no
model was trained on: the last 5,000 of MNIST's training images.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scoring import Box, Number

from ocrdigit import datasets

HELD_OUT = 5_000  # the last of MNIST's training images

Gray = NDArray[np.float32]  # 0 black .. 255 white
Mask = NDArray[np.float32]  # 0 background .. 1 foreground


@cache
def held_out_digits(folder: Path) -> tuple[NDArray[np.uint8], tuple[NDArray[np.int64], ...]]:
    """Return the held-out images, and for each digit the indices of its images."""
    mnist = datasets.load_mnist(folder)
    images, labels = mnist.X_train[-HELD_OUT:], mnist.y_train[-HELD_OUT:]
    images = np.asarray(images).reshape(-1, 28, 28)
    return images, tuple(np.flatnonzero(labels == value) for value in range(10))


def crop(image: NDArray[np.uint8], threshold: int = 0) -> NDArray[np.uint8]:
    """Return the bounding box of the pixels above a threshold."""
    rows, columns = np.nonzero(image > threshold)
    return image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def mask_of(image: Image.Image) -> Mask:
    """Return the pixels of an 8-bit image as 0 to 1."""
    mask: Mask = np.asarray(image, np.float32) / np.float32(255)
    return mask


def resize(mask: NDArray[np.uint8], scale: float) -> Mask:
    """Return a mask, enlarged or reduced; the edges of enlarged strokes are sharpened."""
    height, width = (max(round(side * scale), 2) for side in mask.shape)
    resized = mask_of(Image.fromarray(mask).resize((width, height), Image.Resampling.BICUBIC))
    sharpened: Mask = np.clip((resized - 0.5) * np.float32(max(scale, 1)) + 0.5, 0, 1)
    return sharpened


class Writer:
    """Writes numbers with random held-out digits."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.images, self.indices = held_out_digits(folder)
        self.random = np.random.default_rng(seed)

    def digit(self, value: int, height: float) -> Mask:
        """Return an image of a digit; MNIST's 20 pixels become ``height``."""
        image = self.images[self.random.choice(self.indices[value])]
        return resize(crop(image, 30), height / 20)

    def text(self, max_length: int = 7) -> str:
        length = int(self.random.integers(1, max_length + 1))
        return "".join(map(str, self.random.integers(0, 10, length)))

    def number(self, text: str, height: float) -> tuple[Mask, list[Box]]:
        """Return an image of a number and the boxes of its digits.

        Gaps are drawn for each number; neighbours' boxes may overlap slightly.
        """
        random = self.random
        gap = random.uniform(-0.04, 0.3) * height
        digits = [self.digit(int(c), height * random.uniform(0.92, 1.08)) for c in text]
        tops, lefts, x = [], [], 0.0
        tallest = max(len(digit) for digit in digits)
        for digit in digits:
            tops.append(round(tallest - len(digit) + random.uniform(0, 0.1) * height))
            lefts.append(max(round(x), 0))
            x += digit.shape[1] + max(gap + random.uniform(-0.05, 0.05) * height, -0.08 * height)
        right = max(left + digit.shape[1] for left, digit in zip(lefts, digits, strict=True))
        mask = np.zeros((tallest + max(tops), right), np.float32)
        boxes: list[Box] = []
        for left, top, digit in zip(lefts, tops, digits, strict=True):
            h, w = digit.shape
            part = mask[top : top + h, left : left + w]
            np.maximum(part, digit, out=part)
            boxes.append((left, top, w, h))
        rows = np.flatnonzero(mask.max(1) > 0)
        boxes = [(x, y - int(rows[0]), w, h) for x, y, w, h in boxes]
        return mask[rows[0] : rows[-1] + 1], boxes


class Page:
    """A gray page that numbers and lines are drawn on."""

    def __init__(self, random: np.random.Generator, height: int, width: int) -> None:
        self.random = random
        self.background = float(random.uniform(185, 250))
        self.foreground = float(random.uniform(10, 80))
        self.gray: Gray = np.full((height, width), self.background, np.float32)
        self.numbers: list[Number] = []

    @property
    def size(self) -> tuple[int, int]:
        return self.gray.shape[0], self.gray.shape[1]

    def put(self, mask: Mask, x: int, y: int, level: float | None = None) -> None:
        """Blend a mask into the page, at ``level`` or the level of the foreground."""
        part = self.gray[y : y + mask.shape[0], x : x + mask.shape[1]]
        mask = mask[: part.shape[0], : part.shape[1]]
        part += mask * ((self.foreground if level is None else level) - part)

    def write(self, writer: Writer, text: str, x: int, y: int, height: float) -> None:
        """Write a number whose top left corner is at (x, y)."""
        mask, _ = writer.number(text, height)
        self.put(mask, x, y)
        self.numbers.append(Number(text, (x, y, mask.shape[1], mask.shape[0])))

    def rectangle(self, box: tuple[int, int, int, int], level: float) -> None:
        """Fill a rectangle (x, y, w, h); parts outside of the page are left out."""
        x, y, w, h = box
        self.gray[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = level

    def darken(self, axis: int, spacing: float, thickness: int, level: float) -> None:
        """Draw parallel lines: horizontal ones for axis 0, vertical ones for axis 1."""
        lines = self.gray if axis == 0 else self.gray.T
        for position in np.arange(self.random.uniform(0, spacing), len(lines), spacing):
            start = round(position)
            lines[start : start + thickness] = level

    def finish(self, noise: tuple[float, float] = (1, 5)) -> NDArray[np.uint8]:
        """Return the page as uint8, slightly blurred and with Gaussian noise."""
        sigma = self.random.uniform(0, 0.7)
        image = Image.fromarray(np.clip(self.gray, 0, 255).round().astype(np.uint8))
        blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), np.float64)
        noisy = blurred + self.random.normal(0, self.random.uniform(*noise), blurred.shape)
        pixels: NDArray[np.uint8] = np.clip(noisy, 0, 255).round().astype(np.uint8)
        return pixels

    def rotate(self, degrees: float, fill: float, margin: int = 0) -> None:
        """Rotate the page, and the boxes with it, about its centre; it grows as needed."""
        old_h, old_w = self.size
        image = Image.fromarray(self.gray)
        rotated = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=fill)
        inside = Image.new("F", image.size, 1.0)
        mask = np.asarray(inside.rotate(degrees, Image.Resampling.BICUBIC, expand=True))
        gray = fill + np.clip(mask, 0, 1) * (np.asarray(rotated, np.float32) - fill)
        self.gray = np.pad(gray, margin, constant_values=fill).astype(np.float32)
        new_h, new_w = self.size
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

        def moved(box: Box) -> Box:
            x, y, w, h = box
            corners = np.array([(x, y), (x + w, y), (x, y + h), (x + w, y + h)])
            dx, dy = (corners - (old_w / 2, old_h / 2)).T
            xs, ys = cos * dx + sin * dy + new_w / 2, cos * dy - sin * dx + new_h / 2
            left, top = float(xs.min()), float(ys.min())
            return left, top, float(xs.max()) - left, float(ys.max()) - top

        self.numbers = [Number(number.text, moved(number.box)) for number in self.numbers]


def fill_rows(
    page: Page,
    writer: Writer,
    height: tuple[float, float],
    area: tuple[int, int, int, int] | None = None,
    max_length: int = 7,
) -> None:
    """Write rows of numbers in an area (x, y, w, h) of the page, the whole by default."""
    random = page.random
    margin = round(height[1] * 0.6) + 10
    x0, y0, w, h = area or (0, 0, page.size[1], page.size[0])
    y = y0 + margin
    size = random.uniform(*height)
    row_distance, max_gap = random.uniform(1.6, 3.2), random.uniform(2.5, 9)
    while y + 1.3 * size < y0 + h - margin:
        x = x0 + margin + int(random.uniform(0, 2) * size)
        while True:
            room = int((x0 + w - margin - x) / (1.2 * size))
            if room < 1:
                break
            text = writer.text(min(room, max_length))
            page.write(writer, text, x, y + int(random.uniform(0, 0.15) * size), size)
            x += int(page.numbers[-1].box[2] + random.uniform(1.5, max_gap) * size)
        y += int(row_distance * random.uniform(1, 1.2) * size)
        size = random.uniform(*height)


# -- print and doodles --

LETTERS = "ABCDEFGHKLMNPRTUVWXYabcdefhkmnprtuvwxy"  # without those that are written like digits


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def printed(text: str, size: int) -> Mask:
    """Return a text in Pillow's own font."""
    left, top, right, bottom = font(size).getbbox(text)
    image = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(image).text((1 - left, 1 - top), text, 255, font(size))
    return mask_of(image)


def polylines(
    lines: list[NDArray[np.float64]], size: tuple[int, int], width: float, scale: int = 4
) -> Mask:
    """Return antialiased polylines, arrays (n, 2) of x and y, on a mask (h, w)."""
    image = Image.new("L", (size[1] * scale, size[0] * scale))
    draw = ImageDraw.Draw(image)
    radius = width * scale / 2
    for line in lines:
        points = [(float(x), float(y)) for x, y in np.asarray(line) * scale]
        draw.line(points, 255, max(round(2 * radius), 1), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    return mask_of(image.resize((size[1], size[0]), Image.Resampling.BOX))


def tick(random: np.random.Generator, size: float) -> Mask:
    """Return a tick or a cross of about ``size`` pixels."""
    if random.random() < 0.6:
        knee = random.uniform(0.25, 0.45), random.uniform(0.85, 1)
        start = random.uniform(0, 0.12), random.uniform(0.45, 0.7)
        lines = [np.array([start, knee, (random.uniform(0.85, 1.1), random.uniform(0, 0.15))])]
    else:
        a = random.uniform(0, 0.12, 4)
        lines = [
            np.array([(a[0], a[1]), (1 - a[2], 1 - a[3])]),
            np.array([(1 - a[1], a[2]), (a[3], 1 - a[0])]),
        ]
    width = size * random.uniform(0.06, 0.14)
    lines = [line * size + width for line in lines]
    side = int(1.1 * size + 2 * width) + 2
    return polylines(lines, (side, side), width)


@cache
def hershey_font(name: str) -> Any:
    from HersheyFonts import HersheyFonts

    fonts = HersheyFonts()
    fonts.load_default_font(name)
    return fonts


def hershey(random: np.random.Generator, text: str, size: float) -> Mask:
    """Return a text in one of the Hershey fonts (package ``Hershey-Fonts``)."""
    names = ["futural", "futuram", "scripts", "rowmans", "timesi"]
    fonts = hershey_font(str(random.choice(names)))
    fonts.normalize_rendering(size)
    lines = [np.array(line, float) * (1, -1) for line in fonts.lines_for_text(text)]
    points = np.concatenate(lines)
    width = size * random.uniform(0.06, 0.13)
    low = points.min(0) - width
    w, h = np.ceil(points.max(0) - low + width).astype(int)
    lines = [line - low for line in lines]
    return polylines(lines, (int(h), int(w)), width)
