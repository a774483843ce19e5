"""A sheet: planes of ink coverage and the map of what each pixel's ink belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import _fonts
from ._cursive import Writer
from ._digits import Digits
from ._style import Style
from ._writing import sample_style, write

Gray = NDArray[np.uint8]

BACKGROUND, NUMBER, WRITING, RULING_LINE = 0, 1, 2, 3  # values of a label map

# Values of Sheet.owner, in order of precedence where inks cross. Number k is FIRST_NUMBER + k.
_RULING, _WRITTEN, FIRST_NUMBER = 1, 2, 3
OUTSIDE = -1  # of the sheet, after a warp
_VISIBLE = 80  # minimum coverage of a pixel that belongs to its ink, of 255

# Writing beside numbers that is not a part of them.
_PREFIXES = ("No", "Nr", "n", "A", "B", "EUR", "F", "$", "€", "(", "*", "x", "p", "Rs", "CHF", "#")
_SUFFIXES = ("kg", "m", "km", "%", "F", "fr", "€", "EUR", "h", "cm", "a", "e", ")", "*", "-", "ml")

Anchor = tuple[float, float]


@dataclass
class _Queued:
    """A handwritten number that waits to be drawn."""

    text: str
    index: int
    x: float
    y: float
    anchor: Anchor
    size: float
    max_width: float
    ink: str
    decorated: bool


class Sheet:
    """A flat sheet of paper to write and print on.

    Attributes
    ----------
    planes : dict of str to ndarray (h, w) of uint8
        For each ink, its coverage.
    owner : ndarray (h, w) of int32
        For each pixel 0, or whose ink it has.
    texts : list of str
        The numbers, in order of their values in `owner`.
    cells : list of rows of int or None, or None
        For tables, the index of the number in each cell.
    """

    def __init__(
        self,
        size: tuple[int, int],
        digit_height: tuple[float, float],
        style: Style,
        digits: Digits,
        fonts: _fonts.Fonts,
        rng: np.random.Generator,
    ) -> None:
        self.width, self.height = size
        self.style, self.digits, self.fonts, self.rng = style, digits, fonts, rng
        self.low, self.high = digit_height
        # Most digits of a document are of similar height.
        self.digit_height = float(np.exp(rng.uniform(*np.log(digit_height))))
        self.owner = np.zeros((self.height, self.width), np.int32)
        self.planes: dict[str, Gray] = {}
        self.texts: list[str] = []
        self.cells: list[list[int | None]] | None = None
        self.writer = Writer(fonts, rng)
        self.font = fonts.printed(rng)
        self.number_font = fonts.printed(rng, numbers=True)
        self.printed = 0.3 * (rng.random() < 0.4) + 0.7 * (rng.random() < 0.2)
        self.decorated = float(rng.choice([0.0, 0.0, 0.06, 0.2]))
        self.separators = float(rng.choice([0.0, 0.3, 0.8]))
        self.mark = str(rng.choice(list(".,-/:'")))
        self._present = [digit for digit in range(10) if len(digits.by_digit[digit])]
        self._queue: list[_Queued] = []

    # -- what a document is made of --

    def random_size(self) -> float:
        """Return a digit height, mostly that of the document, or up to three times as different."""
        rng = self.rng
        if rng.random() < 0.8:
            size = self.digit_height * rng.uniform(0.88, 1.12)
        else:
            size = self.digit_height * np.exp(rng.uniform(-0.55, 0.55))
        return float(np.clip(size, self.low, self.high))

    def random_alphabet(self) -> str:
        """Return the digits that the handwriting contains."""
        return "".join(map(str, self._present))

    def random_digits(self, count: int, alphabet: str = "0123456789") -> str:
        """Return a number of ``count`` digits of an alphabet that the handwriting contains."""
        digits = [digit for digit in self._present if str(digit) in alphabet] or self._present
        return "".join(str(digits[i]) for i in self.rng.integers(len(digits), size=count))

    def random_number(self, low: int = 1, high: int = 7) -> str:
        """Return a number of ``low`` to ``high`` digits, some with separators."""
        rng = self.rng
        count = int(rng.integers(low, high + 1))
        digits = self.random_digits(count)
        if count < 2 or rng.random() >= self.separators:
            return digits
        mark = self.mark
        if mark in ".," and rng.random() < 0.1:
            return "-" + digits
        kind = rng.random()
        if mark in "-/:" or kind < 0.2:  # a date, a time, a code
            step = int(rng.integers(2, 4))
            return mark.join(digits[i : i + step] for i in range(0, count, step))
        if count > 3 and kind < 0.5:  # thousands, and perhaps decimals
            whole, decimals = (digits[:-2], digits[-2:]) if kind < 0.3 else (digits, "")
            first = len(whole) % 3 or 3
            groups = [whole[:first], *(whole[i : i + 3] for i in range(first, len(whole), 3))]
            other = "," if mark == "." else "."
            return mark.join(groups) + (other + decimals if decimals else "")
        cut = max(1, count - 2)
        return digits[:cut] + ("." if mark == "'" else mark) + digits[cut:]

    def number(
        self,
        text: str,
        x: float,
        y: float,
        anchor: Anchor = (0.0, 1.0),
        *,
        size: float | None = None,
        max_width: float = 1e9,
        printed: bool | None = None,
        decorated: bool = True,
    ) -> int:
        """Add a number, the point ``anchor`` of whose box is at (x, y); return its index.

        An anchor (0, 0) is the box's top left corner, (1, 1) the bottom right corner. If
        ``decorated`` is set, it may be underlined or encircled, or get a unit.
        """
        height = self.random_size() if size is None else max(4.0, size)
        if printed is None:
            printed = self.rng.random() < self.printed
        index = len(self.texts)
        self.texts.append(text)
        if printed:
            mask = self._printed_number(text, height)
            self._place(_fitted(mask, max_width), x, y, anchor, "print", FIRST_NUMBER + index)
        else:
            queued = _Queued(text, index, x, y, anchor, height, max_width, "pen", decorated)
            self._queue.append(queued)
        return index

    def _printed_number(self, text: str, height: float) -> Gray:
        font = _fonts.load(self.number_font, 64)
        top, bottom = font.getbbox("0")[1::2]
        size = max(4, round(64 * height / max(1, bottom - top)))
        return _fonts.text_mask(text, _fonts.load(self.number_font, size))

    def finish(self) -> None:
        """Draw the handwritten numbers."""
        queue = sorted(self._queue, key=lambda each: each.size)
        self._queue = []
        start = 0
        while start < len(queue):  # numbers of similar size together
            end = start
            while end < len(queue) and queue[end].size <= 1.6 * queue[start].size:
                end += 1
            self._write(queue[start:end])
            start = end

    def _write(self, queue: list[_Queued]) -> None:
        sizes = np.array([each.size for each in queue], np.float32)
        height = int(np.ceil(1.7 * sizes.max()))
        style = self.style.with_(
            size=(0.6, 0.6), slope=(0.0, 0.0), darkness=(1.0, 1.0), darkness_jitter=0.0
        )
        sample = sample_style(style, 1, height, self.rng, (0.1, 0.1))
        count = len(queue)
        ratio = sizes / sample.size
        same = {  # one writer, one pen
            name: np.repeat(getattr(sample, name), count)
            for name in ("kerned", "slant", "deslant", "slope", "aspect", "source_strokes")
        }
        same |= {
            name: np.repeat(getattr(sample, name), count)
            for name in ("softness", "darkness", "texture")
        }
        same |= {name: getattr(sample, name) * ratio for name in ("gap", "radius")}
        margins = np.repeat(sample.margins, count, axis=0)
        sample = replace(sample, size=sizes, margins=margins, **same)
        texts = [each.text for each in queue]
        writing = write(texts, self.digits, style, sample, height, self.rng)
        masks = (writing.foreground * 255).astype(np.uint8)
        for index, each in enumerate(queue):
            mask = trimmed(masks[index, :, : int(writing.widths[index])])
            mask = _fitted(mask, each.max_width)
            owner = FIRST_NUMBER + each.index
            box = self._place(mask, each.x, each.y, each.anchor, each.ink, owner)
            if each.decorated:
                self._decorate(box)

    def _place(
        self, mask: Gray, x: float, y: float, anchor: Anchor, ink: str, owner: int
    ) -> tuple[int, int, int, int]:
        """Add a coverage ``mask``, the point ``anchor`` of which is at (x, y); return its box."""
        height, width = mask.shape
        left, top = round(x - anchor[0] * width), round(y - anchor[1] * height)
        self.paste(mask, left, top, ink, owner)
        return left, top, width, height

    def _decorate(self, box: tuple[int, int, int, int]) -> None:
        """Underline or encircle a number, or add a letter, a unit or a currency sign, at times."""
        rng = self.rng
        if rng.random() >= self.decorated:
            return
        left, top, width, height = box
        kind = rng.random()
        if kind < 0.3:
            y = top + height * rng.uniform(1.05, 1.2)
            thickness = max(1.0, height * rng.uniform(0.04, 0.1))
            slope = float(rng.normal(0, 0.03))
            for line in range(1 + (rng.random() < 0.2)):
                at = y + 2.5 * thickness * line
                ends = left - 0.1 * height, left + width + 0.1 * height
                self.ruling_line(at, *ends, thickness, ink="pen", slope=slope)
        elif kind < 0.45:
            mask = self.writer.ring(width + 0.3 * height, height)
            self.write(mask, left + width / 2, top + height / 2, (0.5, 0.5), "pen")
        else:
            before = rng.random() < 0.5
            affix = str(rng.choice(_PREFIXES if before else _SUFFIXES))
            gap = height * rng.uniform(0.1, 0.5)
            x, anchor = (left - gap, (1.0, 1.0)) if before else (left + width + gap, (0.0, 1.0))
            size = height * rng.uniform(0.6, 1.1)
            write = self.print_text if rng.random() < 0.5 else self.write_text
            write(affix, x, top + height, size, anchor)

    def write(
        self, mask: Gray, x: float, y: float, anchor: Anchor = (0.0, 1.0), ink: str = "print"
    ) -> tuple[int, int]:
        """Add writing other than numbers; return the width and height of ``mask``."""
        self._place(mask, x, y, anchor, ink, _WRITTEN)
        return mask.shape[1], mask.shape[0]

    def print_text(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        anchor: Anchor = (0.0, 1.0),
        *,
        ink: str = "print",
        font: str | None = None,
        max_width: float = 1e9,
    ) -> tuple[int, int]:
        """Print ``text`` in a font of ``size`` pixels; return its width and height."""
        loaded = _fonts.load(self.font if font is None else font, max(5, round(size)))
        return self.write(_fitted(_fonts.text_mask(text, loaded), max_width), x, y, anchor, ink)

    def write_text(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        anchor: Anchor = (0.0, 1.0),
        *,
        ink: str = "pen",
        max_width: float = 1e9,
    ) -> tuple[int, int]:
        """Write ``text`` in cursive at a cap height of ``size``; return its width and height."""
        mask = _fitted(self.writer.line(text, size), max_width)
        return self.write(mask, x, y, anchor, ink)

    def plane(self, ink: str) -> Gray:
        """Return the coverage (h, w) of an ink."""
        if ink not in self.planes:
            self.planes[ink] = np.zeros((self.height, self.width), np.uint8)
        return self.planes[ink]

    def paste(self, mask: Gray, left: int, top: int, ink: str, owner: int = _WRITTEN) -> None:
        """Add a coverage ``mask`` (h, w) at (left, top); parts outside of the sheet are lost."""
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(self.width, left + mask.shape[1]), min(self.height, top + mask.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        mask = mask[y0 - top : y1 - top, x0 - left : x1 - left]
        window = self.plane(ink)[y0:y1, x0:x1]
        np.maximum(window, mask, out=window)
        owners = self.owner[y0:y1, x0:x1]
        np.maximum(owners, np.where(mask >= _VISIBLE, np.int32(owner), np.int32(0)), out=owners)

    def tint(self, mask: Gray, left: int, top: int) -> None:
        """Print an area in a pale tone that is background."""
        self.paste(mask, left, top, "pattern", 0)

    def ruling_line(
        self,
        position: float,
        start: float,
        end: float,
        thickness: float,
        *,
        vertical: bool = False,
        ink: str = "ruling",
        slope: float = 0.0,
        dashes: tuple[float, float] | None = None,
    ) -> None:
        """Draw a ruling line at ``position`` from ``start`` to ``end`` along the other axis.

        With a ``slope`` it passes ``position`` in its middle. ``dashes`` are the length and the
        fraction of the gaps of a dashed or dotted line.
        """
        plane, owner = self.plane(ink), self.owner
        if vertical:
            plane, owner = plane.T, owner.T
        height, width = plane.shape
        first, last = max(0, round(start)), min(width, round(end))
        if first >= last:
            return
        if not slope and dashes is None:
            self._straight(plane, owner, position, (first, last), thickness)
            return
        x = np.arange(first, last)
        centre = position + slope * (x - (start + end) / 2)
        reach = int(thickness / 2 + 1.5)
        y = np.floor(centre).astype(np.int64) + np.arange(-reach, reach + 1)[:, None]
        cover = np.clip(thickness / 2 + 0.5 - np.abs(y - centre), 0, 1)
        if dashes is not None:
            period, gap = dashes
            cover *= (x / period) % 1 >= gap
        inside = (y >= 0) & (y < height) & (cover > 0)
        rows, columns = y[inside], np.broadcast_to(x, y.shape)[inside]
        values = (cover[inside] * 255).astype(np.uint8)
        plane[rows, columns] = np.maximum(plane[rows, columns], values)
        ruled = values >= _VISIBLE
        rows, columns = rows[ruled], columns[ruled]
        owner[rows, columns] = np.maximum(owner[rows, columns], _RULING)

    @staticmethod
    def _straight(
        plane: Gray,
        owner: NDArray[np.int32],
        position: float,
        span: tuple[int, int],
        thickness: float,
    ) -> None:
        """Draw a line along an axis, antialiased across."""
        top, bottom = position - thickness / 2, position + thickness / 2
        for y in range(max(0, int(np.floor(top))), min(len(plane), int(np.ceil(bottom)))):
            cover = int(255 * min(1.0, y + 1 - top, bottom - y))
            window = plane[y, span[0] : span[1]]
            np.maximum(window, np.uint8(cover), out=window)
            if cover >= _VISIBLE:
                owners = owner[y, span[0] : span[1]]
                np.maximum(owners, _RULING, out=owners)

    def frame(
        self, box: tuple[float, float, float, float], thickness: float, ink: str = "ruling"
    ) -> None:
        """Draw a rectangle (left, top, right, bottom) of ruling lines."""
        left, top, right, bottom = box
        half = thickness / 2
        for y in (top, bottom):
            self.ruling_line(y, left - half, right + half, thickness, ink=ink)
        for x in (left, right):
            self.ruling_line(x, top - half, bottom + half, thickness, vertical=True, ink=ink)


def labels_of(owner: NDArray[np.int32]) -> Gray:
    """Return the label map of a map of owners."""
    table = np.array([BACKGROUND, RULING_LINE, WRITING, NUMBER], np.uint8)
    labels: Gray = table[np.clip(owner, 0, FIRST_NUMBER)]
    return labels


def number_boxes(
    owner: NDArray[np.int32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the bounding boxes (count, 4) of numbers in a map of owners, and their pixels."""
    y, x = np.nonzero(owner >= FIRST_NUMBER)
    index = owner[y, x] - FIRST_NUMBER
    low = np.full((2, count), max(owner.shape), np.int64)
    high = np.full((2, count), -1, np.int64)
    for axis, position in enumerate((x, y)):
        np.minimum.at(low[axis], index, position)
        np.maximum.at(high[axis], index, position)
    boxes = np.stack([low[0], low[1], high[0] + 1 - low[0], high[1] + 1 - low[1]], axis=1)
    return boxes, np.bincount(index, minlength=count)


def trimmed(mask: Gray) -> Gray:
    """Return ``mask`` without the empty rows and columns around it."""
    rows = np.flatnonzero((mask > 32).any(axis=1))
    columns = np.flatnonzero((mask > 32).any(axis=0))
    if not len(rows):
        return mask[:1, :1]
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(mask: Gray, max_width: float) -> Gray:
    """Return ``mask``, scaled down if it is wider than ``max_width``."""
    height, width = mask.shape
    if width <= max_width:
        return mask
    scale = max(2.0, max_width) / width
    # Rather narrower than lower: a field's height is the writer's measure.
    size = (max(1, round(width * scale)), max(1, round(height * scale**0.5)))
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BOX))
