"""Made-up pages and fields of the reading benchmark, by kind of fault.

Each kind is a function of a :class:`drawing.Writer` that requarters one sample. Digits are 20 to 60
pixels high, numbers have 1 to 7 of them, pages 0.2 to 1 megapixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from drawing import (
    LETTERS,
    Page,
    Writer,
    fill_rows,
    hershey,
    polylines,
    printed,
    tick,
)
from numpy.typing import NDArray
from scoring import Number, Sample

MAX_PIXELS = 1_000_000


def new_page(writer: Writer) -> Page:
    random = writer.random
    pixels, aspect = random.uniform(0.2, 1) * MAX_PIXELS, random.uniform(0.6, 1.6)
    return Page(random, int(math.sqrt(pixels / aspect)), int(math.sqrt(pixels * aspect)))


def written_page(writer: Writer) -> Page:
    """Return a clean page of rows of numbers of about one height."""
    page = new_page(writer)
    height = writer.random.uniform(20, min(60, page.size[0] / 8))
    fill_rows(page, writer, (0.9 * height, 1.1 * height))
    return page


def sample_of(page: Page, kind: str, image: NDArray[np.uint8] | None = None) -> Sample:
    image = page.finish() if image is None else image
    return Sample(image, kind, "page", tuple(page.numbers))


# -- pages --


def control(writer: Writer) -> Sample:
    return sample_of(written_page(writer), "control")


def table(writer: Writer) -> Sample:
    """A table of 1-20 x 1-8 cells with ruling lines of 1 to 6 pixels; a tenth is empty."""
    random = writer.random
    rows, columns = int(random.integers(1, 21)), int(random.integers(1, 9))
    thickness, length = int(random.integers(1, 7)), int(random.integers(1, 8))
    height = random.uniform(20, 60)
    spacing, padding = random.uniform(1.45, 2.2), random.uniform(0.5, 1.5)

    def side(length: int, height: float) -> tuple[int, int]:
        return int(spacing * height) + thickness, int(
            (0.95 * length + padding) * height
        ) + thickness

    while np.prod(side(length, height)) * rows * columns > MAX_PIXELS:
        if height > 20:
            height = max(0.9 * height, 20)
        elif length > 1:
            length -= 1
        else:
            break
    cell_h, cell_w = side(length, height)
    margin = int(random.uniform(2, 60))
    size = rows * cell_h + thickness + 2 * margin, columns * cell_w + thickness + 2 * margin
    page = Page(random, *size)
    level = random.uniform(0, page.background - 60)
    for row in range(rows + 1):
        box = (margin, margin + row * cell_h, columns * cell_w + thickness, thickness)
        page.rectangle(box, level)
    for column in range(columns + 1):
        box = (margin + column * cell_w, margin, thickness, rows * cell_h + thickness)
        page.rectangle(box, level)
    for row in range(rows):
        for column in range(columns):
            if random.random() < 0.1 and rows * columns > 1:
                continue
            text = writer.text(length)
            mask, _ = writer.number(text, height)
            h, w = mask.shape
            free_h, free_w = cell_h - thickness - h, cell_w - thickness - w
            if free_h < 4 or free_w < 4:
                continue
            x = margin + column * cell_w + thickness + int(random.uniform(2, free_w - 1))
            y = margin + row * cell_h + thickness + int(random.uniform(2, free_h - 1))
            page.put(mask, x, y)
            page.numbers.append(Number(text, (x, y, w, h)))
    return sample_of(page, "table")


def frame(writer: Writer) -> Sample:
    """A frame of 1 to 8 pixels around the page."""
    page, random = written_page(writer), writer.random
    h, w = page.size
    width, offset = int(random.integers(1, 9)), int(random.integers(0, 9))
    level = random.uniform(0, page.background - 70)
    for x, y, across, down in (
        (offset, offset, w - 2 * offset, width),
        (offset, h - offset - width, w - 2 * offset, width),
        (offset, offset, width, h - 2 * offset),
        (w - offset - width, offset, width, h - 2 * offset),
    ):
        page.rectangle((x, y, across, down), level)
    return sample_of(page, "frame")


def scanner_border(writer: Writer) -> Sample:
    """Black along one to four sides of the page, 4 to 60 pixels wide, slightly slanted."""
    page, random = written_page(writer), writer.random
    sides = random.permutation(4)[: random.integers(1, 5)]
    margins = [0, 0, 0, 0]
    for side in sides:
        margins[side] = int(random.integers(4, 61))
    top, bottom, left, right = margins
    level = random.uniform(0, 30)
    page.gray = np.pad(
        page.gray, ((top, bottom), (left, right)), constant_values=page.background
    ).astype(np.float32)
    page.numbers = [
        Number(n.text, (n.box[0] + left, n.box[1] + top, n.box[2], n.box[3])) for n in page.numbers
    ]
    for side in sides:
        view = (page.gray, page.gray[::-1], page.gray.T, page.gray.T[::-1])[side]
        slant = random.uniform(0, 0.3) * margins[side]
        edge = np.linspace(margins[side] - slant, margins[side], view.shape[1])
        rows = np.arange(len(view))[:, None]
        view[rows < edge] = level
    return sample_of(page, "scanner border")


def desk(writer: Writer) -> Sample:
    """A page, rotated by up to 6 degrees, on a dark desk."""
    page, random = written_page(writer), writer.random
    page.rotate(random.uniform(-6, 6), random.uniform(15, 90), int(random.integers(10, 100)))
    return sample_of(page, "dark desk")


def squared(writer: Writer) -> Sample:
    return _lined(writer, "squared paper", (0, 1))


def ruled(writer: Writer) -> Sample:
    return _lined(writer, "ruled paper", (0,))


def _lined(writer: Writer, kind: str, axes: tuple[int, ...]) -> Sample:
    """Lines of 1 or 2 pixels every 12 to 60, of contrast 20 to 220, written over."""
    random = writer.random
    page = new_page(writer)
    page.background = float(random.uniform(225, 255))
    page.gray[:] = page.background
    spacing, thickness = random.uniform(12, 60), int(random.integers(1, 3))
    level = page.background - random.uniform(20, 220)
    for axis in axes:
        page.darken(axis, spacing, thickness, level)
    height = random.uniform(20, min(60, page.size[0] / 8))
    fill_rows(page, writer, (0.9 * height, 1.1 * height))
    return sample_of(page, kind)


def shadow(writer: Writer) -> Sample:
    """A half-plane in shadow, its edge 0 to 3 pixels wide."""
    page, random = written_page(writer), writer.random
    h, w = page.size
    angle = random.uniform(0, 2 * math.pi)
    y, x = np.mgrid[:h, :w]
    distance = (x - w * random.uniform(0.3, 0.7)) * math.cos(angle)
    distance += (y - h * random.uniform(0.3, 0.7)) * math.sin(angle)
    lit = np.clip(distance / random.uniform(0.5, 3) + 0.5, 0, 1)
    dark = random.uniform(0.35, 0.65)
    page.gray *= (dark + (1 - dark) * lit).astype(np.float32)
    return sample_of(page, "hard shadow")


def vignette(writer: Writer) -> Sample:
    """The corners have 0.2 to 0.6 of the light of the brightest point."""
    page, random = written_page(writer), writer.random
    h, w = page.size
    y, x = np.mgrid[:h, :w]
    dx = (x - w * random.uniform(0.35, 0.65)) / w
    dy = (y - h * random.uniform(0.35, 0.65)) / h
    squared = dx**2 + dy**2
    power = random.uniform(1, 2)
    fall = 1 - random.uniform(0.4, 0.8) * (squared / squared.max()) ** power
    page.gray *= fall.astype(np.float32)
    return sample_of(page, "vignette")


def skewed(writer: Writer) -> Sample:
    page, random = written_page(writer), writer.random
    degrees = random.uniform(4, 20) * random.choice([-1, 1])
    page.rotate(degrees, page.background)
    return sample_of(page, "skewed")


def _rotated(quarters: int) -> Callable[[Writer], Sample]:
    def draw(writer: Writer) -> Sample:
        page = written_page(writer)
        for _ in range(quarters):
            w = page.size[1]
            page.gray = np.rot90(page.gray).copy()
            page.numbers = [
                Number(n.text, (n.box[1], w - n.box[0] - n.box[2], n.box[3], n.box[2]))
                for n in page.numbers
            ]
        return sample_of(page, f"rotated {90 * quarters}")

    return draw


def large_digit(writer: Writer) -> Sample:
    """Rows of small numbers, and one digit 3 to 5 times as high beside them."""
    random = writer.random
    page = new_page(writer)
    h, w = page.size
    small = random.uniform(20, 28)
    large = min(random.uniform(3, 5) * small, h / 3)
    column = int(1.4 * large) + 20
    text = str(random.integers(0, 10))
    left = random.random() < 0.5
    x = 15 if left else w - column + 10
    page.write(writer, text, x, int(random.uniform(10, h - 1.2 * large - 10)), large)
    area = (column if left else 0, 0, w - column, h)
    fill_rows(page, writer, (0.95 * small, 1.05 * small), area)
    return sample_of(page, "large digit")


def two_columns(writer: Writer) -> Sample:
    """Two columns of numbers, of different heights and row distances."""
    random = writer.random
    page = new_page(writer)
    h, w = page.size
    middle = int(w * random.uniform(0.45, 0.55))
    for x, width in ((0, middle), (middle, w - middle)):
        size = random.uniform(20, min(45, h / 10))
        fill_rows(page, writer, (0.95 * size, 1.05 * size), (x, 0, width, h), 4)
    return sample_of(page, "two columns")


def light_on_dark(writer: Writer) -> Sample:
    page = written_page(writer)
    return sample_of(page, "light on dark", 255 - page.finish())


# -- pages without numbers --


def words(writer: Writer) -> Sample:
    """Lines of printed letters."""
    page, random = new_page(writer), writer.random
    h, w = page.size
    size = int(random.integers(16, 45))
    y = 15
    while y + 1.5 * size < h - 10:
        x = 15 + int(random.uniform(0, 60))
        while True:
            text = "".join(random.choice(list(LETTERS), random.integers(2, 10)))
            drawn = printed(text, size) if random.random() < 0.6 else hershey(random, text, size)
            if x + drawn.shape[1] > w - 10:
                break
            page.put(drawn, x, y)
            x += drawn.shape[1] + size // 2
        y += int(random.uniform(1.6, 2.5) * size)
    return Sample(page.finish(), "printed words", "text")


def clutter(writer: Writer) -> Sample:
    """Strokes, circles, scribbles, blots and dots."""
    page, random = new_page(writer), writer.random
    h, w = page.size
    for _ in range(int(random.integers(8, 30))):
        size = int(random.uniform(15, 120))
        shape = random.integers(5)
        angle = np.linspace(0, 2 * math.pi, 40)
        if shape == 0:  # a wave
            x = np.linspace(0, 1, 60)
            y = 0.5 + 0.3 * np.sin(x * random.uniform(10, 40)) * random.uniform(0.4, 1)
        elif shape == 1:  # a flat stroke; steep ones may be ones
            x, y = np.array([0, 1]), random.uniform(0.3, 0.7, 2)
            size *= 2
        elif shape == 2:  # a star
            radius = np.tile([0.5, 0.2], 6)[:11]
            x = 0.5 + radius * np.cos(angle[:: len(angle) // 11][:11])
            y = 0.5 + radius * np.sin(angle[:: len(angle) // 11][:11])
        elif shape == 3:  # a scribble
            x, y = random.uniform(0, 1, (2, int(random.integers(6, 16))))
        else:  # a triangle
            x, y = random.uniform(0, 1, (2, 3))
            x, y = np.append(x, x[0]), np.append(y, y[0])
        width = random.uniform(1.5, 5)
        points = np.stack([x, y], 1) * size + width
        side = size + 2 * int(width) + 4
        if side < min(h, w):
            mask = polylines([points], (side, side), width)
            page.put(mask, int(random.integers(0, w - side)), int(random.integers(0, h - side)))
    return Sample(page.finish(), "clutter", "text")


def ticks(writer: Writer) -> Sample:
    """A column of boxes, some of them ticked or crossed."""
    random = writer.random
    side, count = int(random.integers(24, 60)), int(random.integers(1, 8))
    page = Page(random, (2 * side) * count + 40, int(random.integers(4, 9)) * side)
    wall, level = int(random.integers(1, 4)), random.uniform(0, 120)
    for row in range(count):
        x, y = side, 20 + 2 * side * row + side // 2
        if random.random() < 0.7:
            page.rectangle((x, y, side, side), level)
            page.rectangle((x + wall, y + wall, side - 2 * wall, side - 2 * wall), page.background)
        if random.random() < 0.7:
            mark = tick(random, side * random.uniform(0.6, 1.1))
            page.put(mark, x + int(random.uniform(-2, 4)), y - int(random.uniform(0, 5)))
    return Sample(page.finish(), "ticks", "text")


# -- fields --


def comb(writer: Writer, box: bool) -> Sample:
    """Boxes, or a comb, with a compartment for each of 2 to 10 digits. Some touch a wall."""
    random = writer.random
    height = random.uniform(20, 60)
    text = "".join(map(str, random.integers(0, 10, random.integers(2, 11))))
    wall = int(random.integers(1, min(6, int(height / 8)) + 1))
    cell_w, cell_h = (int(height * random.uniform(1.25, 1.7)) + wall for _ in range(2))
    margin = int(random.integers(3, 30))
    width = cell_w * len(text) + wall
    page = Page(random, cell_h + wall + 2 * margin, width + 2 * margin)
    level = random.uniform(0, page.background - 60)
    tooth = cell_h if box else int(cell_h * random.uniform(0.3, 0.9))
    bottom = margin + cell_h
    page.rectangle((margin, bottom, width, wall), level)
    if box:
        page.rectangle((margin, margin, width, wall), level)
    for index in range(len(text) + 1):
        page.rectangle((margin + index * cell_w, bottom - tooth, wall, tooth), level)
    boxes = []
    for index, c in enumerate(text):
        digit = writer.digit(int(c), height * random.uniform(0.85, 1))
        h, w = digit.shape
        free_h, free_w = max(cell_h - wall - h, 2), max(cell_w - wall - w, 2)
        x = margin + wall + index * cell_w + int(random.uniform(-0.05, 1) * free_w)
        y = margin + wall + int(random.uniform(0, 1) * free_h)
        page.put(digit, x, y)
        boxes.append((x, y, w, h))
    image = page.finish()
    number = Number(text, (margin, margin, width, cell_h))
    return Sample(image, "boxes" if box else "teeth", "field", (number,), digits=tuple(boxes))


PAGES: dict[str, Callable[[Writer], Sample]] = {
    "control": control,
    "table": table,
    "frame": frame,
    "scanner border": scanner_border,
    "dark desk": desk,
    "squared paper": squared,
    "ruled paper": ruled,
    "hard shadow": shadow,
    "vignette": vignette,
    "skewed": skewed,
    "rotated 90": _rotated(1),
    "rotated 180": _rotated(2),
    "rotated 270": _rotated(3),
    "large digit": large_digit,
    "two columns": two_columns,
    "light on dark": light_on_dark,
}
EMPTY_PAGES = {"printed words": words, "clutter": clutter, "ticks": ticks}
COMBS = {"boxes": partial(comb, box=True), "teeth": partial(comb, box=False)}
