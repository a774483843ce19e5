"""Writes texts: digits and marks drawn one by one, set side by side, as ink on nothing.

All items of a batch are drawn together, those of like width at a time; then their places follow
from the outlines of their ink, and each is laid into its picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _strokes
from ._digits import REACH, UNIT, ZERO, ZOOM, Digits
from ._style import Range, Style

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SPACE = " "
_NOTHING = 10_000  # left of a row without ink; its right is the negative
_VISIBLE = 0.35  # coverage that counts as ink where boxes and gaps are measured
_CELLS = 65_536  # pixels drawn at a time: what a second-level cache holds
_WIDEST = 65_535  # pixels of a picture, as in a JPEG file
_FULL = 40.0  # cells: the height of most of MNIST's digits in a field


@dataclass
class Writing:
    """Ink on nothing.

    Attributes
    ----------
    ink : ndarray (n, h, w) of float32
        How much light it takes away, 0 to 1.
    widths : ndarray (n,) of int64
        How much of the width each picture needs.
    owner, values : ndarray (k,) of int64
        All digits in order: whose they are, and which.
    boxes : ndarray (k, 4) of int64
        x, y, width and height of their ink.
    """

    ink: Floats
    widths: Ints
    owner: Ints
    values: Ints
    boxes: Ints


@dataclass
class Hand:
    """The numbers that the writing of each picture has drawn, each (n,)."""

    size: Floats  # height of the digits, pixels
    gap: Floats  # pixels
    kerned: NDArray[np.bool_]
    slant: Floats  # x a y
    upright: Floats
    slope: Floats  # y a x
    aspect: Floats
    own: NDArray[np.bool_]  # strokes of the source
    pen: Floats  # half a stroke's width, pixels; for own strokes, what is added to each side
    softness: Floats  # pixels
    darkness: Floats
    texture: Floats
    margins: Floats  # (n, 2): left, right, pixels


def uniform(rng: np.random.Generator, span: Range, count: int) -> Floats:
    """Draw ``count`` numbers from ``span``."""
    return rng.uniform(*span, count).astype(np.float32)


def draw_hand(
    style: Style, count: int, height: int, rng: np.random.Generator, margins: Range
) -> Hand:
    """Draw how each of ``count`` pictures of ``height`` pixels is written."""
    size = uniform(rng, style.size, count) * height
    own = rng.random(count) < style.own_strokes
    pen = np.where(own, uniform(rng, style.own_pen, count), uniform(rng, style.pen, count))
    return Hand(
        size=size,
        gap=uniform(rng, style.gap, count) * size,
        kerned=rng.random(count) < style.kerning,
        slant=np.tan(np.deg2rad(uniform(rng, style.slant, count))),
        upright=uniform(rng, style.upright, count),
        slope=np.tan(np.deg2rad(uniform(rng, style.slope, count))),
        aspect=uniform(rng, style.aspect, count),
        own=own,
        pen=(pen * size / 2).astype(np.float32),
        softness=uniform(rng, style.softness, count),
        darkness=uniform(rng, style.ink, count),
        texture=uniform(rng, style.texture, count),
        margins=uniform(rng, margins, 2 * count).reshape(count, 2) * size[:, None],
    )


def write(
    texts: Sequence[str],
    digits: Digits,
    style: Style,
    hand: Hand,
    height: int,
    rng: np.random.Generator,
    shapes: _strokes.Signs = _strokes.MARKS,
) -> Writing:
    """Write ``texts`` (digits, signs that have shapes, spaces), ``height`` pixels high."""
    items = _Items(texts, digits, style, hand, height, rng, shapes)
    cells = items.draw()
    items.place()
    ink = items.lay(cells)
    if style.ligatures:
        items.join(ink)
    _weaken(ink, hand.texture, rng)
    wanted = items.value >= 0
    return Writing(ink, items.widths, items.owner[wanted], items.value[wanted], items.boxes[wanted])


class _Items:
    """What is written, item by item: digits and marks of all pictures, m in all."""

    def __init__(
        self,
        texts: Sequence[str],
        digits: Digits,
        style: Style,
        hand: Hand,
        height: int,
        rng: np.random.Generator,
        shapes: _strokes.Signs,
    ) -> None:
        self.shapes = shapes
        self.digits, self.style, self.hand, self.height, self.rng = digits, style, hand, height, rng
        signs = [sign for text in texts for sign in text if sign != SPACE]
        lengths = [len(text) - text.count(SPACE) for text in texts]
        self.signs = signs
        self.owner = np.repeat(np.arange(len(texts)), lengths)
        self.value = np.array([int(s) if s in "0123456789" else -1 for s in signs], np.int64)
        self.first = np.r_[True, self.owner[1:] != self.owner[:-1]][: len(signs)]
        self.spaces = np.array(list(_spaces_before(texts)), np.float32)
        self.source = self._choose_sources()
        self._shape()

    def _choose_sources(self) -> Ints:
        """Choose an image for each digit; 0 stands at the marks."""
        source = np.zeros(len(self.value), np.int64)
        own = self.hand.own[self.owner]
        for digit in range(10):
            for images, drawn in ((self.digits.of_digit, own), (self.digits.fine, ~own)):
                places = np.flatnonzero((self.value == digit) & drawn)
                choices = images[digit]
                if len(places) and not len(choices):
                    raise ValueError(f"digits has no image of a {digit}, which is to be written")
                if len(places):
                    source[places] = choices[self.rng.integers(len(choices), size=len(places))]
        return source

    def _shape(self) -> None:
        """Decide each item's size, lean and height above the line; estimate its width."""
        hand, style, rng, count = self.hand, self.style, self.rng, len(self.owner)
        own = self.owner
        jitter = np.clip(rng.standard_normal((4, count), np.float32), -2.5, 2.5)
        self.size = hand.size[own] * (1 + style.size_jitter * jitter[0])
        box = self.digits.box[self.source].astype(np.float32) * ZOOM  # in cells
        self.scale = self.size / (box[:, 3] ** style.level * _FULL ** (1 - style.level))
        self.shear = hand.slant[own] - hand.upright[own] * self.digits.slant[self.source]
        self.shear += np.deg2rad(style.slant_jitter) * jitter[1]
        self.turn = np.deg2rad(uniform(rng, style.rotation, count))
        self.wide = box[:, 2] * self.scale * hand.aspect[own]
        self.tall = box[:, 3] * self.scale
        self.is_mark = self.value < 0
        self.wide[self.is_mark] = 0.5 * self.size[self.is_mark]
        estimate = self.wide + np.maximum(hand.gap[own], 0) + self.spaces * self.size
        along = _sums_before(estimate, self.first)
        total = np.zeros(len(hand.size), np.float32)
        np.maximum.at(total, own, along + estimate)
        self._choose_lines(along, total)
        self.foot += style.baseline_jitter * self.size * jitter[2]
        self.darkness = np.clip(hand.darkness[own] + style.ink_jitter * jitter[3], 0.05, 1)
        self.darkness = self.darkness.astype(np.float32)

    def _choose_lines(self, along: Floats, total: Floats) -> None:
        """Lay the lines that the digits stand on, so that sloping ones stay in the picture."""
        hand = self.hand
        room = np.maximum(0.97 * self.height - hand.size, 0)
        slope = np.clip(hand.slope, -room / np.maximum(total, 1), room / np.maximum(total, 1))
        room -= np.abs(slope) * total
        lowest = (self.height + hand.size) / 2
        line = lowest + room * self.rng.uniform(-0.4, 0.4, len(room)).astype(np.float32)
        self.foot = line[self.owner] + slope[self.owner] * (along - total[self.owner] / 2)

    def draw(self) -> list[Floats]:
        """Draw every item into a cell (height, some width) and measure its ink."""
        count = len(self.owner)
        lean = np.abs(self.shear) + np.abs(self.turn)
        reach = 2 * np.maximum(self.hand.pen, 0)[self.owner] + self.hand.softness[self.owner]
        self.cell = np.ceil(self.wide + lean * self.tall + reach + 3).astype(np.int64)
        self.cell[self.is_mark] = np.ceil(1.7 * self.size[self.is_mark] + 4)
        self.left = np.full((count, self.height), _NOTHING, np.int64)
        self.right = np.full((count, self.height), -_NOTHING, np.int64)
        cells: list[Floats] = [np.empty(0, np.float32)] * count
        order = np.argsort(self.cell, kind="stable")
        start = 0
        while start < count:
            width = int(self.cell[order[start]])
            step = max(1, _CELLS // (self.height * width))
            some = order[start : start + step]
            start += len(some)
            drawn = self._draw_some(some)
            self._measure(some, drawn)
            for index, cell in zip(some, drawn, strict=True):
                cells[index] = cell
        self._make_boxes()
        return cells

    def _draw_some(self, some: Ints) -> Floats:
        """Draw items (k,) into cells (k, height, width)."""
        cells = np.zeros((len(some), self.height, int(self.cell[some].max())), np.float32)
        marks = self.is_mark[some]
        if not marks.all():
            cells[~marks] = self._draw_digits(some[~marks], cells.shape[2])
        for index in np.flatnonzero(marks):
            self._draw_mark(cells[index], int(some[index]))
        return cells

    def _draw_digits(self, some: Ints, width: int) -> Floats:
        outline, centre = self.digits.fields(self.source[some])
        own = self.hand.own[self.owner[some]]
        distance = np.empty((len(some), self.height, width), np.float32)
        for fields, chosen in ((outline, own), (centre, ~own)):
            if chosen.any():
                distance[chosen] = self._sample(fields, some[chosen], width)
        # from a field's steps to pixels, and from there to how much is covered
        pixels = self.scale[some] / UNIT / self.hand.softness[self.owner[some]]
        radius = self.hand.pen[self.owner[some]] / self.hand.softness[self.owner[some]]
        # past its reach a field says nothing: no pen may be as wide
        radius = np.minimum(radius, (REACH - 1) * UNIT * pixels)
        distance *= -pixels[:, None, None]
        distance += (0.5 + radius + ZERO * pixels)[:, None, None]
        np.clip(distance, 0, 1, out=distance)
        distance *= self.darkness[some, None, None]
        return distance

    def _sample(self, fields: NDArray[np.uint8], some: Ints, width: int) -> Floats:
        """Return the items' fields at the pixels of their cells (k, height, width)."""
        across, down, middle_x, middle_y = self._to_field(some, width)
        x = np.arange(width, dtype=np.float32)
        y = np.arange(self.height, dtype=np.float32)
        side = fields.shape[1]
        u = (across[0][:, None] * x + middle_x[:, None])[:, None, :] + (across[1][:, None] * y)[
            :, :, None
        ]
        v = (down[0][:, None] * x + middle_y[:, None])[:, None, :] + (down[1][:, None] * y)[
            :, :, None
        ]
        limit = np.float32(side - 1.001)
        np.clip(u, 0, limit, out=u)
        np.clip(v, 0, limit, out=v)
        column, row = u.astype(np.int32), v.astype(np.int32)
        u -= column
        v -= row
        row *= side
        row += column
        base = self.source[some] * (side * side)
        flat = fields.reshape(-1)
        place = row + base[:, None, None]
        top = _between(flat, place, u)
        place += side
        bottom = _between(flat, place, u)
        bottom -= top
        bottom *= v
        top += bottom
        return top

    def _to_field(
        self, some: Ints, width: int
    ) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats], Floats, Floats]:
        """Return the maps from cells to fields: u and v as sums of x, y and a constant."""
        scale, shear, turn = self.scale[some], self.shear[some], self.turn[some]
        aspect = self.hand.aspect[self.owner[some]]
        cosine, sine = np.cos(turn), np.sin(turn)
        # undo the turn, then the lean (x moves by -shear a y, y being downward), then the size
        ux, uy = (
            (cosine - shear * sine) / (scale * aspect),
            (sine + shear * cosine) / (scale * aspect),
        )
        vx, vy = -sine / scale, cosine / scale
        centre_x = np.float32((width - 1) / 2)
        centre_y = self.foot[some] - self.tall[some] / 2
        middle = np.float32((self.digits.side - 1) / 2)
        return (
            (ux, uy),
            (vx, vy),
            middle - ux * centre_x - uy * centre_y,
            middle - vx * centre_x - vy * centre_y,
        )

    def _draw_mark(self, cell: Floats, item: int) -> None:
        owner = self.owner[item]
        lines = _strokes.sign(
            self.shapes[self.signs[item]],
            float(self.size[item]),
            self.rng,
            slant=float(self.hand.slant[owner]),
        )
        radius = self._mark_radius(item)
        lowest = min(float(line[:, 0].min()) for line in lines)
        move = np.array([radius + 2 - lowest, self.foot[item]], np.float32)
        lines = [line + move for line in lines]
        softness, darkness = float(self.hand.softness[owner]), float(self.darkness[item])
        _strokes.draw(cell, lines, radius, softness, darkness)

    def _mark_radius(self, item: int) -> float:
        """Return the pen for marks and joins, as wide as that of the digits about them."""
        owner = self.owner[item]
        pen = float(self.hand.pen[owner])
        return max(0.5, pen + (0.06 * float(self.size[item]) if self.hand.own[owner] else 0))

    def _measure(self, some: Ints, cells: Floats) -> None:
        """Note where the ink of each row begins and ends."""
        seen = cells > (_VISIBLE * self.darkness[some])[:, None, None]
        inked = seen.any(axis=2)
        width = cells.shape[2]
        self.left[some] = np.where(inked, seen.argmax(axis=2), _NOTHING)
        self.right[some] = np.where(inked, width - 1 - seen[:, :, ::-1].argmax(axis=2), -_NOTHING)

    def _make_boxes(self) -> None:
        """Note the ink's boxes, still in their cells."""
        inked = self.right >= 0
        top = inked.argmax(axis=1)
        bottom = self.height - inked[:, ::-1].argmax(axis=1)
        left = np.where(inked.any(axis=1), self.left.min(axis=1), 0)
        right = np.maximum(self.right.max(axis=1), left)
        self.boxes = np.stack([left, top, right + 1 - left, bottom - top], axis=1)

    def place(self) -> None:
        """Set the items side by side; ``self.x`` is where each cell begins."""
        hand, own = self.hand, self.owner
        jitter = np.clip(self.rng.standard_normal(len(own), np.float32), -2.5, 2.5)
        gap = hand.gap[own] + self.style.gap_jitter * self.size * jitter
        gap += self.spaces * self.size
        left, width = self.boxes[:, 0], self.boxes[:, 2]
        advance = np.zeros(len(own))
        advance[1:] = (left[:-1] + width[:-1]) - left[1:]
        closer = 0.6 * np.minimum(width[1:], width[:-1])
        between = self._clearance()
        kerned = np.maximum(between + 1, advance[1:] - closer)
        advance[1:] = np.where(hand.kerned[own[1:]], kerned, advance[1:])
        advance = np.rint(advance + gap).astype(np.int64)
        starts = np.rint(hand.margins[own, 0]).astype(np.int64) - left
        advance[self.first] = starts[self.first]
        self.x = _sums_to(advance, self.first)
        # A dash may slip under a seven, but nothing may begin before the picture does.
        before = np.zeros(len(hand.size), np.int64)
        np.minimum.at(before, own, self.x + left)
        self.x -= before[own]
        self.boxes[:, 0] += self.x
        ends = np.zeros(len(hand.size), np.int64)
        np.maximum.at(ends, own, self.boxes[:, 0] + self.boxes[:, 2])
        self.widths = ends + np.rint(hand.margins[:, 1]).astype(np.int64) + 1
        if self.widths.max() > _WIDEST:
            raise ValueError(
                f"text must fit in a picture {_WIDEST:,} pixels wide, and would take "
                f"{self.widths.max():,}: write less, smaller or with smaller gaps"
            )

    def _clearance(self) -> Ints:
        """Return how far each cell must be moved for its ink to meet that of the one before."""
        left = self.left[1:].copy()
        for step in range(1, 1 + max(1, self.height // 16)):  # diagonal neighbours meet too
            np.minimum(left[:, step:], self.left[1:, :-step], out=left[:, step:])
            np.minimum(left[:, :-step], self.left[1:, step:], out=left[:, :-step])
        meeting: Ints = (self.right[:-1] - left).max(axis=1)
        return np.maximum(meeting, -_NOTHING // 2)

    def lay(self, cells: list[Floats]) -> Floats:
        """Lay the cells into pictures (n, height, width); the darker ink remains."""
        ink = np.zeros((len(self.widths), self.height, int(self.widths.max())), np.float32)
        width = ink.shape[2]
        for cell, owner, x in zip(cells, self.owner.tolist(), self.x.tolist(), strict=True):
            skip = max(0, -x)
            end = min(width, x + cell.shape[1])
            if x + skip < end:
                window = ink[owner, :, x + skip : end]
                np.maximum(window, cell[:, skip : end - x], out=window)
        return ink

    def join(self, ink: Floats) -> None:
        """Draw strokes from some digits to the next ones."""
        pairs = np.flatnonzero(~self.first[1:] & (self.value[1:] >= 0) & (self.value[:-1] >= 0))
        for pair in pairs[self.rng.random(len(pairs)) < self.style.ligatures]:
            ends = [self._row_of(pair, 0.5, 1.0), self._row_of(pair + 1, 0.0, 1.0)]
            a = np.array([self.x[pair] + self.right[pair, ends[0]], ends[0]], np.float32)
            b = np.array([self.x[pair + 1] + self.left[pair + 1, ends[1]], ends[1]], np.float32)
            if abs(b[0] - a[0]) > 0.6 * self.size[pair]:
                continue
            sag = self.rng.uniform(-0.1, 0.25) * self.size[pair]
            middle = (a + b) / 2 + np.array([0, sag], np.float32)
            owner = self.owner[pair]
            radius = 0.8 * self._mark_radius(pair)
            _strokes.draw(
                ink[owner],
                [_strokes.curve(np.stack([a, middle, b]))],
                radius,
                float(self.hand.softness[owner]),
                float(self.darkness[pair]),
            )

    def _row_of(self, item: int, low: float, high: float) -> int:
        """Choose a row that has ink between these shares of an item's height."""
        rows = np.flatnonzero(self.right[item] >= 0)
        if not len(rows):
            return int(np.clip(self.foot[item], 0, self.height - 1))
        first, last = int(low * (len(rows) - 1)), int(high * (len(rows) - 1))
        return int(rows[self.rng.integers(first, last + 1)])


def _spaces_before(texts: Sequence[str]) -> list[float]:
    """Return the spaces before each item, in heights of the digits."""
    before = []
    for text in texts:
        spaces = 0
        for sign in text:
            if sign == SPACE:
                spaces += 1
            else:
                before.append(0.9 * spaces)
                spaces = 0
    return before


def _sums_to(values: NDArray[np.int64], first: NDArray[np.bool_]) -> Ints:
    """Return running sums that begin anew wherever ``first`` is set."""
    sums = np.cumsum(values)
    starts = np.flatnonzero(first)
    offsets = np.zeros(len(starts), np.int64)
    offsets[1:] = sums[starts[1:] - 1]
    return sums - np.repeat(offsets, np.diff(np.r_[starts, len(values)]))


def _sums_before(values: Floats, first: NDArray[np.bool_]) -> Floats:
    """Return running sums of what stands before each item, begun anew wherever ``first`` is set."""
    sums = np.cumsum(values, dtype=np.float64) - values
    starts = np.flatnonzero(first)
    lengths = np.diff(np.r_[starts, len(values)])
    return (sums - np.repeat(sums[starts], lengths)).astype(np.float32)


def _between(flat: NDArray[np.uint8], place: Ints, share: Floats) -> Floats:
    """Return the values at ``place`` and right of it, mixed by ``share`` of the right one."""
    left = flat.take(place).astype(np.float32)
    right = flat.take(place + 1).astype(np.float32)
    right -= left
    right *= share
    left += right
    return left


def _weaken(ink: Floats, texture: Floats, rng: np.random.Generator) -> None:
    """Let the paper shine through the ink, as it does through a pencil's."""
    rough = np.flatnonzero(texture > 0.02)
    if not len(rough):
        return
    _, height, width = ink.shape
    tile = rng.random((2 * height + 1, 2 * width + 1), np.float32)
    tile[:, 1:] += tile[:, :-1]
    tile /= 2
    for index in rough:
        y, x = rng.integers(height + 1), rng.integers(width + 1)
        ink[index] *= 1 - texture[index] * tile[y : y + height, x : x + width]
