"""What is not a digit, and digits as a reader cuts them out: to train a classifier on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import _checks
from . import _paper, _patterns, _strokes
from ._digits import SIDE, Digits, as_digits
from ._style import STYLES
from ._writing import Floats, draw_hand, write

NOT_A_DIGIT = 10
_FIT = 20  # pixels: MNIST's digits fill a square of this side
_HEIGHT = 40  # of the strings that pieces are cut from
_NARROW = 0.45  # a one's half is a one: what is narrower is not halved
# What is right of a vertical cut through these is easily a one.
_ONES_INSIDE = (4, 7, 9)
_TURNED = ("arrow", "both ways", "triangle", "star")
_STYLE = STYLES["plain"].with_(
    size=(0.6, 0.8), gap=(-0.15, 0.15), slant=(-10.0, 30.0), ligatures=0.1, pen=(0.05, 0.2)
)


class Candidates(NamedTuple):
    """Pictures of pieces of strings, and what they are.

    Attributes
    ----------
    images : ndarray (n, 28, 28) of uint8
        Light ink on black, fitted and centred as MNIST's digits are.
    labels : ndarray (n,) of int64
        The digit, or 10 where the piece is not one.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def candidates(
    n: int, *, negatives: float = 0.5, digits: Any = None, random_state: object = None
) -> Candidates:
    """Cut pieces out of strings as a reader does that does not know where digits begin.

    Digits come with some of their neighbours' ink and may lack some of their own. What is not a
    digit is a part of one, one with part of its neighbour, two together, or anything that
    :func:`not_digits` draws.

    Parameters
    ----------
    n : int
        How many.
    negatives : float
        The share of them that are not digits, 0 to 1.
    digits : None, Digits, Dataset or (images, labels)
        The handwriting. Without it, the embedded sample of MNIST.
    random_state : None, int or numpy.random.Generator
        The same number gives the same pieces.

    Returns
    -------
    Candidates
        ``images`` (n, 28, 28) and ``labels`` (n,), in random order; the label 10 says that it is
        not a digit.

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
    share = _checks.finite_number("negatives", negatives)
    if not 0 <= share <= 1:
        raise ValueError(f"negatives must be in 0..1, got {negatives!r}")
    rng, source = _checks.generator(random_state), as_digits(digits)
    bad = round(n * share)
    good_images, good_labels = _cut_digits(n - bad, source, rng)
    bad_images = _draw_negatives(bad, list(_KINDS), source, rng)
    images = np.concatenate([good_images, bad_images])
    labels = np.concatenate([good_labels, np.full(bad, NOT_A_DIGIT, np.int64)])
    order = rng.permutation(n)
    return Candidates(images[order], labels[order])


def not_digits(
    n: int,
    *,
    kinds: Sequence[str] | None = None,
    digits: Any = None,
    random_state: object = None,
) -> NDArray[np.uint8]:
    """Draw what is not a digit.

    Parameters
    ----------
    n : int
        How many.
    kinds : list of str, optional
        Which kinds, taking turns: "halves" of digits, "pairs" of them, digits with "parts" of a
        neighbour; "marks" of punctuation, "letters" that look like no digit, "symbols" such as
        ticks, arrows and stars, "scribbles", "lines" (rules, corners and frames), "textures" of
        paper and prints, "noise" like clouds or "grain" of pixels on their own, "patterns" such
        as stripes and checks, "shades" that light throws, "specks", "blank". Without it, all;
        pieces of digits, on which readers stumble most, come more often.
    digits, random_state
        As for :func:`candidates`.

    Returns
    -------
    ndarray (n, 28, 28) of uint8
        Light ink on black, fitted into 20 by 20 pixels and centred as MNIST's digits are; from
        textures on, kinds fill the whole and are of any tones.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> synth.not_digits(12, kinds=["scribbles", "letters"], random_state=0).shape
    (12, 28, 28)
    """
    n = _checks.positive_int("n", n)
    if kinds is None:
        chosen = list(_KINDS)
    elif isinstance(kinds, (list, tuple)) and kinds:
        chosen = [_checks.known("kinds", kind, _KINDS) for kind in kinds]
    else:
        raise TypeError(f"kinds must be None or a list of names, got {kinds!r}")
    return _draw_negatives(n, chosen, as_digits(digits), _checks.generator(random_state))


def _draw_negatives(
    count: int, kinds: list[str], source: Digits, rng: np.random.Generator
) -> NDArray[np.uint8]:
    weights = np.array([_KINDS[kind].weight for kind in kinds])
    choice = rng.choice(len(kinds), size=count, p=weights / weights.sum())
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index, kind in enumerate(kinds):
        places = np.flatnonzero(choice == index)
        if len(places):
            images[places] = _KINDS[kind].draw(len(places), source, rng)
    return images


# -- pieces of strings --


def _cut_digits(
    count: int, source: Digits, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits with what a cut leaves of their neighbours."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    labels = np.zeros(count, np.int64)
    if count:
        ink, boxes, values = _threes(count, source, rng)
        for index in range(count):
            box = boxes[index, 1]
            slip = np.rint(rng.uniform(-0.07, 0.1, 2) * box[3]).astype(int)
            left, right = box[0] - slip[0], box[0] + box[2] + slip[1]
            images[index] = fit(ink[index, :, max(0, left) : right])
            labels[index] = values[index, 1]
    return images, labels


def _threes(
    count: int, source: Digits, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Ink of three digits each, their boxes (count, 3, 4) and values (count, 3)."""
    present = np.array([digit for digit in range(10) if len(source.of_digit[digit])])
    chosen = present[rng.integers(len(present), size=(count, 3))]
    texts = ["".join(map(str, three)) for three in chosen.tolist()]
    hand = draw_hand(_STYLE, count, _HEIGHT, rng, (0.3, 0.3))
    writing = write(texts, source, _STYLE, hand, _HEIGHT, rng)
    return writing.ink, writing.boxes.reshape(count, 3, 4), writing.values.reshape(count, 3)


def _halves(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Left and right parts of digits."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    done = 0
    while done < count:
        ink, boxes, values = _single(2 * (count - done) + 8, source, rng)
        for picture, (x, _, w, h), value in zip(ink, boxes, values, strict=True):
            if done == count:
                break
            if w < _NARROW * h:
                continue
            part = max(2, int(rng.uniform(0.3, 0.6) * w))
            if rng.random() < 0.5:
                piece = picture[:, x : x + part]
            elif value in _ONES_INSIDE:
                continue
            else:
                piece = picture[:, x + w - part : x + w]
            images[done] = fit(piece)
            done += 1
    return images


def _single(
    count: int, source: Digits, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    present = np.array([digit for digit in range(10) if len(source.of_digit[digit])])
    chosen = present[rng.integers(len(present), size=count)]
    hand = draw_hand(_STYLE, count, _HEIGHT, rng, (0.3, 0.3))
    writing = write([str(digit) for digit in chosen], source, _STYLE, hand, _HEIGHT, rng)
    return writing.ink, writing.boxes, writing.values


def _pairs(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Two digits, or all three, as one."""
    ink, boxes, _ = _threes(count, source, rng)
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        last = 2 if rng.random() < 0.15 else 1
        left = boxes[index, 0, 0]
        right = (boxes[index, : last + 1, 0] + boxes[index, : last + 1, 2]).max()
        images[index] = fit(ink[index, :, left:right])
    return images


def _parts(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cut a digit with a good part of its neighbour."""
    ink, boxes, _ = _threes(count, source, rng)
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        before, box, after = boxes[index]
        share = rng.uniform(0.35, 0.75)
        if rng.random() < 0.5:
            left, right = box[0], max(box[0] + box[2], after[0] + int(share * after[2]))
        else:
            left = min(box[0], before[0] + before[2] - int(share * before[2]))
            right = box[0] + box[2]
        images[index] = fit(ink[index, :, left:right])
    return images


# -- drawn things --


def _marks(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    # an upright bar is a one as well
    shapes = [shape for name, shape in _strokes.MARKS.items() if name not in "|/\\"]
    return _signs(count, shapes, rng)


def _letters(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    return _signs(count, list(_strokes.LETTERS.values()), rng)


def _symbols(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw some at any angle, and the others as letters stand."""
    turned = [_strokes.SYMBOLS[name] for name in _TURNED]
    upright = [shape for name, shape in _strokes.SYMBOLS.items() if name not in _TURNED]
    half = count // 2
    images = [_signs(half, upright, rng), _signs(count - half, turned, rng, np.pi)]
    return rng.permutation(np.concatenate(images))


def _signs(
    count: int,
    shapes: list[list[list[tuple[float, float]]]],
    rng: np.random.Generator,
    turn: float = 0.0,
) -> NDArray[np.uint8]:
    """Signs written by hand, turned by up to ``turn`` radians."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        shape = shapes[rng.integers(len(shapes))]
        lines = _strokes.sign(shape, 30, rng, slant=float(rng.uniform(-0.1, 0.4)))
        if turn:
            angle = rng.uniform(-turn, turn)
            turning = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
            lines = [line @ np.array(turning, np.float32) for line in lines]
        images[index] = _drawn(lines, float(rng.uniform(0.8, 2.6)), rng)
    return images


def _scribbles(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Wandering lines of many turns, which close to no digit."""
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
    """Rules, crosses, corners and frames. A lone upright line would be a one."""
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
    """Lines anywhere in the plane, drawn and fitted."""
    low = np.min([line.min(axis=0) for line in lines], axis=0) - radius - 2
    high = np.max([line.max(axis=0) for line in lines], axis=0) + radius + 2
    width, height = np.ceil(high - low).astype(int) + 1
    ink = np.zeros((height, width), np.float32)
    moved = [(line - low).astype(np.float32) for line in lines]
    _strokes.draw(ink, moved, radius, float(rng.uniform(1, 2)))
    return fit(ink)


def _textures(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw what is left of prints and paper where there is no writing."""
    style = STYLES["cheque"].with_(rules=0.4, grid=0.3, guilloche=0.7, dots=0.3, stains=0.3)
    size = rng.uniform(14, 40, count).astype(np.float32)
    paper = _paper.make_paper(style, (count, SIDE, SIDE), size, rng)
    dark = paper.max(axis=(1, 2), keepdims=True) - paper
    strength = rng.uniform(0.3, 1.0, (count, 1, 1))
    dark *= strength / np.maximum(dark.max(axis=(1, 2), keepdims=True), 1e-3)
    pixels: NDArray[np.uint8] = np.rint(255 * dark).astype(np.uint8)
    return pixels


def _noise(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise of all grains, soft or cut at a level."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        noise = _paper.smooth_noise(SIDE, SIDE, int(rng.integers(1, 8)), rng)
        level, contrast = rng.uniform(-0.5, 2), 0.3 * 100 ** rng.random()
        images[index] = np.rint(255 * np.clip((noise - level) * contrast, 0, 1))
    return images


def _blank(count: int, source: Digits, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Nothing, or nearly."""
    tone = rng.uniform(0, 60, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.5)
    grain = rng.normal(0, 1, (count, SIDE, SIDE)) * rng.uniform(0, 8, (count, 1, 1))
    return np.clip(np.rint(tone + grain), 0, 255).astype(np.uint8)


def _each(
    draw: Callable[[np.random.Generator], Floats],
) -> Callable[[int, Digits, np.random.Generator], NDArray[np.uint8]]:
    """Let ``draw``, which makes one picture of 0 to 1, make as many as are wanted."""

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


def fit(ink: Floats) -> NDArray[np.uint8]:
    """Fit ink (h, w) of 0 to 1 into 20 by 20 pixels, its mass in the middle of 28 by 28."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    seen = ink > 0.3 * ink.max(initial=0)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return picture
    piece = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _FIT / max(piece.shape)
    height, width = (max(1, round(scale * side)) for side in piece.shape)
    small = Image.fromarray(piece).resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(small) / np.float32(piece.max())
    total = float(pixels.sum())
    y = round(SIDE / 2 - float(pixels.sum(axis=1) @ (np.arange(height) + 0.5)) / total)
    x = round(SIDE / 2 - float(pixels.sum(axis=0) @ (np.arange(width) + 0.5)) / total)
    y, x = min(max(y, 0), SIDE - height), min(max(x, 0), SIDE - width)
    picture[y : y + height, x : x + width] = np.clip(np.rint(255 * pixels), 0, 255)
    return picture
