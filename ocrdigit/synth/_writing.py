"""Renders texts: glyphs are drawn one by one, spaced, and composed into a foreground.

All glyphs of a batch are drawn into patches, those of similar width together. Their positions
follow from the extents of the drawn strokes; then each patch is composed into its picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _strokes
from ._digits import DISTANCE_STEP, DISTANCE_ZERO, MAX_DISTANCE, OVERSAMPLING, Digits
from ._style import Range, Style

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SPACE = " "
_EMPTY = 10_000  # left extent of a row without foreground; its right extent is the negative
_VISIBLE = 0.35  # minimum coverage of foreground pixels for boxes and gaps
_BATCH_PIXELS = 65_536  # drawn at a time, to fit in a second-level cache
_MAX_WIDTH = 65_535  # pixels of a picture, as in a JPEG file
_FULL_HEIGHT = 40.0  # field pixels: the height of most of MNIST's digits


@dataclass
class Writing:
    """Rendered texts without a background.

    Attributes
    ----------
    foreground : ndarray (n, h, w) of float32
        Fraction of the light that is absorbed, 0 to 1.
    widths : ndarray (n,) of int64
        Width of each picture; columns beyond it are empty.
    picture, values : ndarray (k,) of int64
        For all digits in order: the index of the picture, and the digit.
    boxes : ndarray (k, 4) of int64
        x, y, width and height of each digit.
    """

    foreground: Floats
    widths: Ints
    picture: Ints
    values: Ints
    boxes: Ints


@dataclass
class StyleSample:
    """The values that each picture has sampled from a style, (n,) each."""

    size: Floats  # digit height, pixels
    gap: Floats  # pixels
    kerned: NDArray[np.bool_]
    slant: Floats  # dx/dy
    deslant: Floats
    slope: Floats  # dy/dx
    aspect: Floats
    source_strokes: NDArray[np.bool_]
    radius: Floats  # half the stroke width, pixels; for source strokes, the offset of each side
    softness: Floats  # pixels
    darkness: Floats
    texture: Floats
    margins: Floats  # (n, 2): left, right, pixels


def uniform(rng: np.random.Generator, span: Range, count: int) -> Floats:
    """Return ``count`` samples from the range ``span``."""
    return rng.uniform(*span, count).astype(np.float32)


def sample_style(
    style: Style, count: int, height: int, rng: np.random.Generator, margins: Range
) -> StyleSample:
    """Sample the writing of ``count`` pictures of ``height`` pixels from ``style``."""
    size = uniform(rng, style.size, count) * height
    source_strokes = rng.random(count) < style.source_strokes
    stroke_width = np.where(
        source_strokes,
        uniform(rng, style.stroke_offset, count),
        uniform(rng, style.stroke_width, count),
    )
    return StyleSample(
        size=size,
        gap=uniform(rng, style.gap, count) * size,
        kerned=rng.random(count) < style.kerning,
        slant=np.tan(np.deg2rad(uniform(rng, style.slant, count))),
        deslant=uniform(rng, style.deslant, count),
        slope=np.tan(np.deg2rad(uniform(rng, style.slope, count))),
        aspect=uniform(rng, style.aspect, count),
        source_strokes=source_strokes,
        radius=(stroke_width * size / 2).astype(np.float32),
        softness=uniform(rng, style.softness, count),
        darkness=uniform(rng, style.darkness, count),
        texture=uniform(rng, style.texture, count),
        margins=uniform(rng, margins, 2 * count).reshape(count, 2) * size[:, None],
    )


def write(
    texts: Sequence[str],
    digits: Digits,
    style: Style,
    sample: StyleSample,
    height: int,
    rng: np.random.Generator,
    glyphs: _strokes.Glyphs = _strokes.MARKS,
) -> Writing:
    """Render ``texts`` of digits, ``glyphs`` and spaces at a height of ``height`` pixels."""
    items = _Items(texts, digits, style, sample, height, rng, glyphs)
    patches = items.draw()
    items.space()
    foreground = items.compose(patches)
    if style.ligatures:
        items.draw_ligatures(foreground)
    _add_texture(foreground, sample.texture, rng)
    is_digit = items.value >= 0
    return Writing(
        foreground,
        items.widths,
        items.picture[is_digit],
        items.value[is_digit],
        items.boxes[is_digit],
    )


class _Items:
    """The digits and marks (all other glyphs) of all pictures, m in all."""

    def __init__(
        self,
        texts: Sequence[str],
        digits: Digits,
        style: Style,
        sample: StyleSample,
        height: int,
        rng: np.random.Generator,
        glyphs: _strokes.Glyphs,
    ) -> None:
        self.glyphs = glyphs
        self.digits, self.style, self.sample = digits, style, sample
        self.height, self.rng = height, rng
        characters = [character for text in texts for character in text if character != SPACE]
        lengths = [len(text) - text.count(SPACE) for text in texts]
        self.characters = characters
        self.picture = np.repeat(np.arange(len(texts)), lengths)
        self.value = np.array([int(c) if c in "0123456789" else -1 for c in characters], np.int64)
        self.first = np.r_[True, self.picture[1:] != self.picture[:-1]][: len(characters)]
        self.spaces = np.array(list(_spaces_before(texts)), np.float32)
        self.source = self._choose_sources()
        self._set_geometry()

    def _choose_sources(self) -> Ints:
        """Return the index of the source image of each digit; 0 for marks."""
        source = np.zeros(len(self.value), np.int64)
        own = self.sample.source_strokes[self.picture]
        pools = ((self.digits.by_digit, own), (self.digits.blot_free_by_digit, ~own))
        for digit in range(10):
            for images, drawn in pools:
                items = np.flatnonzero((self.value == digit) & drawn)
                choices = images[digit]
                if len(items) and not len(choices):
                    raise ValueError(f"digits has no image of a {digit}, which a text contains")
                if len(items):
                    source[items] = choices[self.rng.integers(len(choices), size=len(items))]
        return source

    def _set_geometry(self) -> None:
        """Set each item's size, slant and baseline offset; estimate its width."""
        sample, style, rng, count = self.sample, self.style, self.rng, len(self.picture)
        picture = self.picture
        jitter = np.clip(rng.standard_normal((4, count), np.float32), -2.5, 2.5)
        self.size = sample.size[picture] * (1 + style.size_jitter * jitter[0])
        box = self.digits.boxes[self.source].astype(np.float32) * OVERSAMPLING  # field pixels
        equal = style.height_normalization
        self.scale = self.size / (box[:, 3] ** equal * _FULL_HEIGHT ** (1 - equal))
        self.shear = (
            sample.slant[picture] - sample.deslant[picture] * self.digits.slants[self.source]
        )
        self.shear += np.deg2rad(style.slant_jitter) * jitter[1]
        self.rotation = np.deg2rad(uniform(rng, style.rotation, count))
        self.item_width = box[:, 2] * self.scale * sample.aspect[picture]
        self.item_height = box[:, 3] * self.scale
        self.is_mark = self.value < 0
        self.item_width[self.is_mark] = 0.5 * self.size[self.is_mark]
        estimate = self.item_width + np.maximum(sample.gap[picture], 0) + self.spaces * self.size
        along = _exclusive_sums(estimate, self.first)
        total = np.zeros(len(sample.size), np.float32)
        np.maximum.at(total, picture, along + estimate)
        self._set_baselines(along, total)
        self.baseline += style.baseline_jitter * self.size * jitter[2]
        self.darkness = np.clip(
            sample.darkness[picture] + style.darkness_jitter * jitter[3], 0.05, 1
        )
        self.darkness = self.darkness.astype(np.float32)

    def _set_baselines(self, along: Floats, total: Floats) -> None:
        """Set the baselines so that sloping lines stay inside the picture."""
        sample = self.sample
        room = np.maximum(0.97 * self.height - sample.size, 0)
        slope = np.clip(sample.slope, -room / np.maximum(total, 1), room / np.maximum(total, 1))
        room -= np.abs(slope) * total
        centred = (self.height + sample.size) / 2
        line = centred + room * self.rng.uniform(-0.4, 0.4, len(room)).astype(np.float32)
        self.baseline = line[self.picture] + slope[self.picture] * (along - total[self.picture] / 2)

    def draw(self) -> list[Floats]:
        """Return each item drawn into a patch (height, width), and measure its extents."""
        count = len(self.picture)
        lean = np.abs(self.shear) + np.abs(self.rotation)
        border = 2 * np.maximum(self.sample.radius, 0)[self.picture]
        border += self.sample.softness[self.picture]
        width = self.item_width + lean * self.item_height + border + 3
        self.patch_width = np.ceil(width).astype(np.int64)
        self.patch_width[self.is_mark] = np.ceil(1.7 * self.size[self.is_mark] + 4)
        self.left = np.full((count, self.height), _EMPTY, np.int64)
        self.right = np.full((count, self.height), -_EMPTY, np.int64)
        patches: list[Floats] = [np.empty(0, np.float32)] * count
        order = np.argsort(self.patch_width, kind="stable")
        start = 0
        while start < count:
            narrowest = int(self.patch_width[order[start]])
            step = max(1, _BATCH_PIXELS // (self.height * narrowest))
            items = order[start : start + step]
            start += len(items)
            drawn = self._draw_batch(items)
            self._measure(items, drawn)
            for item, patch in zip(items, drawn, strict=True):
                patches[item] = patch
        self._make_boxes()
        return patches

    def _draw_batch(self, items: Ints) -> Floats:
        """Return patches (k, height, width) of ``items`` (k,)."""
        width = int(self.patch_width[items].max())
        patches = np.zeros((len(items), self.height, width), np.float32)
        marks = self.is_mark[items]
        if not marks.all():
            patches[~marks] = self._draw_digits(items[~marks], width)
        for index in np.flatnonzero(marks):
            self._draw_mark(patches[index], int(items[index]))
        return patches

    def _draw_digits(self, items: Ints, width: int) -> Floats:
        """Return patches (k, height, width) of digits, rendered from their distance fields."""
        outline, centre = self.digits.fields(self.source[items])
        own = self.sample.source_strokes[self.picture[items]]
        distance = np.empty((len(items), self.height, width), np.float32)
        for fields, chosen in ((outline, own), (centre, ~own)):
            if chosen.any():
                distance[chosen] = self._sample_fields(fields, items[chosen], width)
        # Coverage falls linearly from 1 to 0 over the softness of the edge.
        softness = self.sample.softness[self.picture[items]]
        unit = self.scale[items] / DISTANCE_STEP / softness
        radius = self.sample.radius[self.picture[items]] / softness
        # Fields are clipped at MAX_DISTANCE, so the radius must be smaller.
        radius = np.minimum(radius, (MAX_DISTANCE - 1) * DISTANCE_STEP * unit)
        distance *= -unit[:, None, None]
        distance += (0.5 + radius + DISTANCE_ZERO * unit)[:, None, None]
        np.clip(distance, 0, 1, out=distance)
        distance *= self.darkness[items, None, None]
        return distance

    def _sample_fields(self, fields: NDArray[np.uint8], items: Ints, width: int) -> Floats:
        """Return ``fields`` sampled at the pixels of the items' patches (k, height, width)."""
        to_u, to_v, offset_u, offset_v = self._to_field(items, width)
        x = np.arange(width, dtype=np.float32)
        y = np.arange(self.height, dtype=np.float32)
        side = fields.shape[1]
        u = (to_u[0][:, None] * x + offset_u[:, None])[:, None, :] + (to_u[1][:, None] * y)[
            :, :, None
        ]
        v = (to_v[0][:, None] * x + offset_v[:, None])[:, None, :] + (to_v[1][:, None] * y)[
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
        base = self.source[items] * (side * side)
        flat = fields.reshape(-1)
        index = row + base[:, None, None]
        top = _interpolated(flat, index, u)
        index += side
        bottom = _interpolated(flat, index, u)
        bottom -= top
        bottom *= v
        top += bottom
        return top

    def _to_field(
        self, items: Ints, width: int
    ) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats], Floats, Floats]:
        """Return the affine maps from patches to fields.

        These are the coefficients of x and y for u and for v, and the offsets of u and of v.
        """
        scale, shear, angle = self.scale[items], self.shear[items], self.rotation[items]
        aspect = self.sample.aspect[self.picture[items]]
        cosine, sine = np.cos(angle), np.sin(angle)
        # The inverse of scaling, then shear (x moves by -shear * y, y downward), then rotation.
        ux, uy = (
            (cosine - shear * sine) / (scale * aspect),
            (sine + shear * cosine) / (scale * aspect),
        )
        vx, vy = -sine / scale, cosine / scale
        centre_x = np.float32((width - 1) / 2)
        centre_y = self.baseline[items] - self.item_height[items] / 2
        middle = np.float32((self.digits.side - 1) / 2)
        return (
            (ux, uy),
            (vx, vy),
            middle - ux * centre_x - uy * centre_y,
            middle - vx * centre_x - vy * centre_y,
        )

    def _draw_mark(self, patch: Floats, item: int) -> None:
        picture = self.picture[item]
        lines = _strokes.write_glyph(
            self.glyphs[self.characters[item]],
            float(self.size[item]),
            self.rng,
            slant=float(self.sample.slant[picture]),
        )
        radius = self._mark_radius(item)
        left = min(float(line[:, 0].min()) for line in lines)
        offset = np.array([radius + 2 - left, self.baseline[item]], np.float32)
        lines = [line + offset for line in lines]
        softness, darkness = float(self.sample.softness[picture]), float(self.darkness[item])
        _strokes.draw(patch, lines, radius, softness, darkness)

    def _mark_radius(self, item: int) -> float:
        """Return the pen radius for marks and ligatures, similar to that of the digits."""
        picture = self.picture[item]
        radius = float(self.sample.radius[picture])
        if self.sample.source_strokes[picture]:
            return max(0.5, radius + 0.06 * float(self.size[item]))
        return max(0.5, radius)

    def _measure(self, items: Ints, patches: Floats) -> None:
        """Store the left and right extents of the foreground in each row."""
        visible = patches > (_VISIBLE * self.darkness[items])[:, None, None]
        filled = visible.any(axis=2)
        width = patches.shape[2]
        right = width - 1 - visible[:, :, ::-1].argmax(axis=2)
        self.left[items] = np.where(filled, visible.argmax(axis=2), _EMPTY)
        self.right[items] = np.where(filled, right, -_EMPTY)

    def _make_boxes(self) -> None:
        """Store the bounding boxes in patch coordinates."""
        filled = self.right >= 0
        top = filled.argmax(axis=1)
        bottom = self.height - filled[:, ::-1].argmax(axis=1)
        left = np.where(filled.any(axis=1), self.left.min(axis=1), 0)
        right = np.maximum(self.right.max(axis=1), left)
        self.boxes = np.stack([left, top, right + 1 - left, bottom - top], axis=1)

    def space(self) -> None:
        """Set ``self.x``, the left edge of each patch, and the widths of the pictures."""
        sample, picture = self.sample, self.picture
        jitter = np.clip(self.rng.standard_normal(len(picture), np.float32), -2.5, 2.5)
        gap = sample.gap[picture] + self.style.gap_jitter * self.size * jitter
        gap += self.spaces * self.size
        left, width = self.boxes[:, 0], self.boxes[:, 2]
        advance = np.zeros(len(picture))
        advance[1:] = (left[:-1] + width[:-1]) - left[1:]
        closer = 0.6 * np.minimum(width[1:], width[:-1])
        clearance = self._clearance()
        kerned = np.maximum(clearance + 1, advance[1:] - closer)
        advance[1:] = np.where(sample.kerned[picture[1:]], kerned, advance[1:])
        advance = np.rint(advance + gap).astype(np.int64)
        starts = np.rint(sample.margins[picture, 0]).astype(np.int64) - left
        advance[self.first] = starts[self.first]
        self.x = _cumulative_sums(advance, self.first)
        # A dash may move under the bar of a 7, but not beyond the left edge of the picture.
        overhang = np.zeros(len(sample.size), np.int64)
        np.minimum.at(overhang, picture, self.x + left)
        self.x -= overhang[picture]
        self.boxes[:, 0] += self.x
        ends = np.zeros(len(sample.size), np.int64)
        np.maximum.at(ends, picture, self.boxes[:, 0] + self.boxes[:, 2])
        self.widths = ends + np.rint(sample.margins[:, 1]).astype(np.int64) + 1
        if self.widths.max() > _MAX_WIDTH:
            raise ValueError(
                f"text must fit in a picture {_MAX_WIDTH:,} pixels wide, but needs "
                f"{self.widths.max():,}: use a shorter text, smaller digits or smaller gaps"
            )

    def _clearance(self) -> Ints:
        """Return the offset (m - 1,) at which each item touches the previous one."""
        left = self.left[1:].copy()
        for step in range(1, 1 + max(1, self.height // 16)):  # diagonal neighbours touch too
            np.minimum(left[:, step:], self.left[1:, :-step], out=left[:, step:])
            np.minimum(left[:, :-step], self.left[1:, step:], out=left[:, :-step])
        touching: Ints = (self.right[:-1] - left).max(axis=1)
        return np.maximum(touching, -_EMPTY // 2)

    def compose(self, patches: list[Floats]) -> Floats:
        """Return the foreground (n, height, width): the pixelwise maximum of all patches."""
        shape = (len(self.widths), self.height, int(self.widths.max()))
        foreground = np.zeros(shape, np.float32)
        for patch, picture, x in zip(patches, self.picture.tolist(), self.x.tolist(), strict=True):
            skip = max(0, -x)
            end = min(shape[2], x + patch.shape[1])
            if x + skip < end:
                window = foreground[picture, :, x + skip : end]
                np.maximum(window, patch[:, skip : end - x], out=window)
        return foreground

    def draw_ligatures(self, foreground: Floats) -> None:
        """Draw strokes that join some digits to the next."""
        pairs = np.flatnonzero(~self.first[1:] & (self.value[1:] >= 0) & (self.value[:-1] >= 0))
        for pair in pairs[self.rng.random(len(pairs)) < self.style.ligatures]:
            ends = [self._random_row(pair, 0.5, 1.0), self._random_row(pair + 1, 0.0, 1.0)]
            a = np.array([self.x[pair] + self.right[pair, ends[0]], ends[0]], np.float32)
            b = np.array([self.x[pair + 1] + self.left[pair + 1, ends[1]], ends[1]], np.float32)
            if abs(b[0] - a[0]) > 0.6 * self.size[pair]:
                continue
            sag = self.rng.uniform(-0.1, 0.25) * self.size[pair]
            middle = (a + b) / 2 + np.array([0, sag], np.float32)
            picture = self.picture[pair]
            radius = 0.8 * self._mark_radius(pair)
            _strokes.draw(
                foreground[picture],
                [_strokes.curve(np.stack([a, middle, b]))],
                radius,
                float(self.sample.softness[picture]),
                float(self.darkness[pair]),
            )

    def _random_row(self, item: int, low: float, high: float) -> int:
        """Return a random row with foreground between two fractions of an item's height."""
        rows = np.flatnonzero(self.right[item] >= 0)
        if not len(rows):
            return int(np.clip(self.baseline[item], 0, self.height - 1))
        first, last = int(low * (len(rows) - 1)), int(high * (len(rows) - 1))
        return int(rows[self.rng.integers(first, last + 1)])


def _spaces_before(texts: Sequence[str]) -> list[float]:
    """Return the width of the spaces before each item, in digit heights."""
    before = []
    for text in texts:
        spaces = 0
        for character in text:
            if character == SPACE:
                spaces += 1
            else:
                before.append(0.9 * spaces)
                spaces = 0
    return before


def _cumulative_sums(values: NDArray[np.int64], first: NDArray[np.bool_]) -> Ints:
    """Return cumulative sums that restart wherever ``first`` is set."""
    sums = np.cumsum(values)
    starts = np.flatnonzero(first)
    offsets = np.zeros(len(starts), np.int64)
    offsets[1:] = sums[starts[1:] - 1]
    return sums - np.repeat(offsets, np.diff(np.r_[starts, len(values)]))


def _exclusive_sums(values: Floats, first: NDArray[np.bool_]) -> Floats:
    """Return exclusive cumulative sums that restart wherever ``first`` is set."""
    sums = np.cumsum(values, dtype=np.float64) - values
    starts = np.flatnonzero(first)
    lengths = np.diff(np.r_[starts, len(values)])
    return (sums - np.repeat(sums[starts], lengths)).astype(np.float32)


def _interpolated(flat: NDArray[np.uint8], index: Ints, weight: Floats) -> Floats:
    """Interpolate linearly between ``index`` and the next value, which has weight ``weight``."""
    left = flat.take(index).astype(np.float32)
    right = flat.take(index + 1).astype(np.float32)
    right -= left
    right *= weight
    left += right
    return left


def _add_texture(foreground: Floats, texture: Floats, rng: np.random.Generator) -> None:
    """Reduce the coverage of ``foreground`` in place by noise, as of a pencil on paper."""
    rough = np.flatnonzero(texture > 0.02)
    if not len(rough):
        return
    _, height, width = foreground.shape
    tile = rng.random((2 * height + 1, 2 * width + 1), np.float32)
    tile[:, 1:] += tile[:, :-1]
    tile /= 2
    for index in rough:
        y, x = rng.integers(height + 1), rng.integers(width + 1)
        foreground[index] *= 1 - texture[index] * tile[y : y + height, x : x + width]
