"""The non-digit class, and segmentation candidates: training data for a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import _checks
from ..models._classes import NON_DIGIT
from . import _background, _patterns, _strokes
from ._digits import SIDE, Digits, as_digits
from ._style import STYLES
from ._writing import Floats, sample_style, write

_FIT = 20  # pixels: MNIST's digits fill a square of this side
_HEIGHT = 40  # of the strings that segments are cut from
_MIN_ASPECT = 0.45  # of digits that are halved: half of a narrower one would be a 1
# The part right of a vertical cut through these digits often looks like a 1.
_RIGHT_PART_IS_ONE = (4, 7, 9)
_ROTATED = ("arrow", "double arrow", "triangle", "star")
_STYLE = STYLES["plain"].with_(
    size=(0.6, 0.8),
    gap=(-0.15, 0.15),
    slant=(-10.0, 30.0),
    ligatures=0.1,
    stroke_width=(0.05, 0.2),
)


class Candidates(NamedTuple):
    """Segments of strings with their labels.

    Attributes
    ----------
    images : ndarray (n, 28, 28) of uint8
        Light on black, scaled and centred like MNIST's digits.
    labels : ndarray (n,) of int64
        The digit, or ``NON_DIGIT`` (10).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def candidates(
    n: int, *, negatives: float = 0.5, digits: Any = None, random_state: object = None
) -> Candidates:
    """Return segmentation candidates: segments cut from strings at inexact boundaries.

    Digits include parts of their neighbours and may lack parts of their own. Non-digits are those
    of :func:`non_digits`: among others parts of digits, digits with a part of a neighbour, and
    pairs.

    Parameters
    ----------
    n : int
        Number of candidates.
    negatives : float
        Fraction of non-digits, 0 to 1.
    digits : None, Digits, Dataset or (images, labels)
        The handwriting. By default, the embedded sample of MNIST.
    random_state : None, int or numpy.random.Generator
        Seed. The same seed gives the same candidates.

    Returns
    -------
    Candidates
        ``images`` (n, 28, 28) and ``labels`` (n,) in random order; the label of non-digits is
        ``NON_DIGIT`` (10).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> images, labels = synth.candidates(200, negatives=0.25, random_state=0)
    >>> images.shape, int((labels == 10).sum())
    ((200, 28, 28), 50)
    """
    n = _checks.positive_int("n", n)
    fraction = _checks.finite_number("negatives", negatives)
    if not 0 <= fraction <= 1:
        raise ValueError(f"negatives must be in 0..1, got {negatives!r}")
    rng, source = _checks.generator(random_state), as_digits(digits)
    count = round(n * fraction)
    digit_images, digit_labels = _cut_digits(n - count, source, rng)
    other_images = _draw_kinds(count, list(_KINDS), source, rng)
    images = np.concatenate([digit_images, other_images])
    labels = np.concatenate([digit_labels, np.full(count, NON_DIGIT, np.int64)])
    order = rng.permutation(n)
    return Candidates(images[order], labels[order])


def non_digits(
    n: int,
    *,
    kinds: Sequence[str] | None = None,
    digits: Any = None,
    random_state: object = None,
) -> NDArray[np.uint8]:
    """Return pictures of the non-digit class.

    Parameters
    ----------
    n : int
        Number of pictures.
    kinds : list of str, optional
        The kinds, chosen at random: "halves" of digits, "pairs" of digits, digits with "parts" of
        a neighbour; punctuation "marks", "letters" that do not look like digits, "symbols" such
        as ticks, arrows and stars, "scribbles", "lines" (ruling lines, corners and frames);
        "textures" of paper and print, smooth "noise", "grain" of independent pixels, "patterns"
        such as stripes and checks, "shades" of light, "specks", "blank". By default, all kinds,
        with segments of digits most frequent.
    digits, random_state : as for candidates
        See :func:`candidates`.

    Returns
    -------
    ndarray (n, 28, 28) of uint8
        The kinds up to "lines" are light on black, scaled to 20 by 20 pixels and centred like
        MNIST's digits. The others fill the picture with any tones.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> synth.non_digits(12, kinds=["scribbles", "letters"], random_state=0).shape
    (12, 28, 28)
    """
    n = _checks.positive_int("n", n)
    if kinds is None:
        chosen = list(_KINDS)
    elif isinstance(kinds, (list, tuple)) and kinds:
        chosen = [_checks.known("kinds", kind, _KINDS) for kind in kinds]
    else:
        raise TypeError(f"kinds must be None or a list of names, got {kinds!r}")
    return _draw_kinds(n, chosen, as_digits(digits), _checks.generator(random_state))


def _draw_kinds(
    count: int, kinds: list[str], source: Digits, rng: np.random.Generator
) -> NDArray[np.uint8]:
    weights = np.array([_KINDS[kind].weight for kind in kinds])
    kind_index = rng.choice(len(kinds), size=count, p=weights / weights.sum())
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index, kind in enumerate(kinds):
        chosen = np.flatnonzero(kind_index == index)
        if len(chosen):
            images[chosen] = _KINDS[kind].draw(len(chosen), source, rng)
    return images


# -- segments of strings --


def _cut_digits(
    count: int, source: Digits, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return digits (count, 28, 28) cut with margins of -7 % to 10 %, and their labels."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    labels = np.zeros(count, np.int64)
    if count:
        foreground, boxes, values = _triples(count, source, rng)
        for index in range(count):
            box = boxes[index, 1]
            margin = np.rint(rng.uniform(-0.07, 0.1, 2) * box[3]).astype(int)
            left, right = box[0] - margin[0], box[0] + box[2] + margin[1]
            images[index] = fit(foreground[index, :, max(0, left) : right])
            labels[index] = values[index, 1]
    return images, labels


def _triples(
    count: int, source: Digits, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return foregrounds of three digits, their boxes (count, 3, 4) and values (count, 3)."""
    present = np.array([digit for digit in range(10) if len(source.by_digit[digit])])
    chosen = present[rng.integers(len(present), size=(count, 3))]
    texts = ["".join(map(str, triple)) for triple in chosen.tolist()]
    sample = sample_style(_STYLE, count, _HEIGHT, rng, (0.3, 0.3))
    writing = write(texts, source, _STYLE, sample, _HEIGHT, rng)
    return writing.foreground, writing.boxes.reshape(count, 3, 4), writing.values.reshape(count, 3)


def _halves(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return left and right parts of digits."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    done = 0
    while done < count:
        foreground, boxes, values = _singles(2 * (count - done) + 8, source, rng)
        for picture, (x, _, w, h), value in zip(foreground, boxes, values, strict=True):
            if done == count:
                break
            if w < _MIN_ASPECT * h:
                continue
            width = max(2, int(rng.uniform(0.3, 0.6) * w))
            if rng.random() < 0.5:
                segment = picture[:, x : x + width]
            elif value in _RIGHT_PART_IS_ONE:
                continue
            else:
                segment = picture[:, x + w - width : x + w]
            images[done] = fit(segment)
            done += 1
    return images


def _singles(
    count: int, source: Digits, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return foregrounds of single digits, their boxes (count, 4) and values (count,)."""
    present = np.array([digit for digit in range(10) if len(source.by_digit[digit])])
    chosen = present[rng.integers(len(present), size=count)]
    sample = sample_style(_STYLE, count, _HEIGHT, rng, (0.3, 0.3))
    writing = write([str(digit) for digit in chosen], source, _STYLE, sample, _HEIGHT, rng)
    return writing.foreground, writing.boxes, writing.values


def _pairs(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return two or three neighbouring digits as one segment."""
    foreground, boxes, _ = _triples(count, source, rng)
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        last = 2 if rng.random() < 0.15 else 1
        left = boxes[index, 0, 0]
        right = (boxes[index, : last + 1, 0] + boxes[index, : last + 1, 2]).max()
        images[index] = fit(foreground[index, :, left:right])
    return images


def _parts(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return digits together with 35 % to 75 % of a neighbour."""
    foreground, boxes, _ = _triples(count, source, rng)
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        before, box, after = boxes[index]
        fraction = rng.uniform(0.35, 0.75)
        if rng.random() < 0.5:
            left, right = box[0], max(box[0] + box[2], after[0] + int(fraction * after[2]))
        else:
            left = min(box[0], before[0] + before[2] - int(fraction * before[2]))
            right = box[0] + box[2]
        images[index] = fit(foreground[index, :, left:right])
    return images


# -- drawn marks, letters, symbols and lines --


def _marks(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    # without bars, which look like a 1
    glyphs = [strokes for name, strokes in _strokes.MARKS.items() if name not in "|/\\"]
    return _draw_glyphs(count, glyphs, rng)


def _letters(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    return _draw_glyphs(count, list(_strokes.LETTERS.values()), rng)


def _symbols(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return symbols: half of them upright, half of kinds that appear at any angle."""
    rotated = [_strokes.SYMBOLS[name] for name in _ROTATED]
    upright = [strokes for name, strokes in _strokes.SYMBOLS.items() if name not in _ROTATED]
    half = count // 2
    images = [_draw_glyphs(half, upright, rng), _draw_glyphs(count - half, rotated, rng, np.pi)]
    return rng.permutation(np.concatenate(images))


def _draw_glyphs(
    count: int,
    glyphs: list[list[list[tuple[float, float]]]],
    rng: np.random.Generator,
    max_angle: float = 0.0,
) -> NDArray[np.uint8]:
    """Return random ``glyphs``, rotated by up to ``max_angle`` radians either way."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        strokes = glyphs[rng.integers(len(glyphs))]
        lines = _strokes.write_glyph(strokes, 30, rng, slant=float(rng.uniform(-0.1, 0.4)))
        if max_angle:
            angle = rng.uniform(-max_angle, max_angle)
            rotation = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
            lines = [line @ np.array(rotation, np.float32) for line in lines]
        images[index] = _drawn(lines, float(rng.uniform(0.8, 2.6)), rng)
    return images


def _scribbles(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return smooth curves through 6 to 15 random points or steps of a random walk."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        points = int(rng.integers(6, 16))
        steps = rng.normal(0, 1, (points, 2)) * rng.uniform(5, 12, 2)
        path = np.cumsum(steps, axis=0) if rng.random() < 0.5 else 2 * steps
        images[index] = _drawn(
            [_strokes.curve(path.astype(np.float32))], float(rng.uniform(0.7, 2.0)), rng
        )
    return images


def _lines(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return lines, crosses, corners and frames, but no single vertical line (a 1)."""
    shapes = [
        [[(0.0, 0.0), (1.0, 0.0)]],
        [[(0.0, 0.0), (1.0, 0.0)], [(0.0, 0.3), (1.0, 0.3)]],
        [[(0.0, 0.5), (1.0, 0.5)], [(0.5, 0.0), (0.5, 1.0)]],
        [[(0.0, 1.0), (0.0, 0.0), (1.0, 0.0)]],
        [[(0.0, 1.0), (1.0, 1.0), (1.0, 0.0)]],
        [[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)]],
        [[(0.0, 0.0), (0.0, 1.0)], [(0.4, 0.0), (0.4, 1.0)], [(0.8, 0.0), (0.8, 1.0)]],
    ]
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        size = rng.uniform(20, 36, 2)
        lines = [
            np.array(line, np.float32) * size.astype(np.float32)
            for line in shapes[rng.integers(len(shapes))]
        ]
        images[index] = _drawn(lines, float(rng.uniform(0.5, 2.0)), rng)
    return images


def _drawn(
    lines: list[NDArray[np.float32]], radius: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return ``lines`` with any coordinates, drawn and fitted to 28 by 28 pixels."""
    low = np.min([line.min(axis=0) for line in lines], axis=0) - radius - 2
    high = np.max([line.max(axis=0) for line in lines], axis=0) + radius + 2
    width, height = np.ceil(high - low).astype(int) + 1
    foreground = np.zeros((height, width), np.float32)
    shifted = [(line - low).astype(np.float32) for line in lines]
    _strokes.draw(foreground, shifted, radius, float(rng.uniform(1, 2)))
    return fit(foreground)


def _textures(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return backgrounds with printed patterns, with contrast normalization."""
    style = STYLES["cheque"].with_(ruling_lines=0.4, grid=0.3, guilloche=0.7, dots=0.3, stains=0.3)
    size = rng.uniform(14, 40, count).astype(np.float32)
    background = _background.make_background(style, (count, SIDE, SIDE), size, rng)
    dark = background.max(axis=(1, 2), keepdims=True) - background
    strength = rng.uniform(0.3, 1.0, (count, 1, 1))
    dark *= strength / np.maximum(dark.max(axis=(1, 2), keepdims=True), 1e-3)
    pixels: NDArray[np.uint8] = np.rint(255 * dark).astype(np.uint8)
    return pixels


def _noise(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return smooth noise of all grain sizes, soft or thresholded."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        noise = _background.smooth_noise(SIDE, SIDE, int(rng.integers(1, 8)), rng)
        level, contrast = rng.uniform(-0.5, 2), 0.3 * 100 ** rng.random()
        images[index] = np.rint(255 * np.clip((noise - level) * contrast, 0, 1))
    return images


def _blank(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return black or dark gray pictures with little noise."""
    tone = rng.uniform(0, 60, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.5)
    grain = rng.normal(0, 1, (count, SIDE, SIDE)) * rng.uniform(0, 8, (count, 1, 1))
    return np.clip(np.rint(tone + grain), 0, 255).astype(np.uint8)


def _each(
    draw: Callable[[np.random.Generator], Floats],
) -> Callable[[int, Digits, np.random.Generator], NDArray[np.uint8]]:
    """Return a function that calls ``draw``, for one picture in 0..1, for each of many pictures."""

    def draw_all(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
        images = np.zeros((count, SIDE, SIDE), np.uint8)
        for index in range(count):
            images[index] = np.rint(255 * draw(rng))
        return images

    return draw_all


class _Kind(NamedTuple):
    draw: Callable[[int, Digits, np.random.Generator], NDArray[np.uint8]]
    weight: float


_KINDS = {
    "halves": _Kind(_halves, 5.0),
    "pairs": _Kind(_pairs, 5.0),
    "parts": _Kind(_parts, 5.0),
    "marks": _Kind(_marks, 2.0),
    "letters": _Kind(_letters, 2.0),
    "symbols": _Kind(_symbols, 2.0),
    "scribbles": _Kind(_scribbles, 2.0),
    "lines": _Kind(_lines, 1.5),
    "textures": _Kind(_textures, 1.5),
    "noise": _Kind(_noise, 1.0),
    "grain": _Kind(_each(_patterns.grain), 2.0),
    "patterns": _Kind(_each(_patterns.pattern), 1.0),
    "shades": _Kind(_each(_patterns.shade), 0.5),
    "specks": _Kind(_each(_patterns.specks), 0.5),
    "blank": _Kind(_blank, 0.5),
}


def fit(foreground: Floats) -> NDArray[np.uint8]:
    """Return ``foreground`` (h, w) in 0..1 as a picture like MNIST's.

    It is scaled to fit into 20 by 20 pixels, with its centre of mass at the centre of 28 by 28.
    """
    picture = np.zeros((SIDE, SIDE), np.uint8)
    visible = foreground > 0.3 * foreground.max(initial=0)
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    if not len(rows):
        return picture
    crop = foreground[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _FIT / max(crop.shape)
    height, width = (max(1, round(scale * side)) for side in crop.shape)
    small = Image.fromarray(crop).resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(small) / np.float32(crop.max())
    total = float(pixels.sum())
    y = round(SIDE / 2 - float(pixels.sum(axis=1) @ (np.arange(height) + 0.5)) / total)
    x = round(SIDE / 2 - float(pixels.sum(axis=0) @ (np.arange(width) + 0.5)) / total)
    y, x = min(max(y, 0), SIDE - height), min(max(x, 0), SIDE - width)
    picture[y : y + height, x : x + width] = np.clip(np.rint(255 * pixels), 0, 255)
    return picture
