"""What the classifiers learn from besides MNIST: digits on paper, other hands, and no digits.

Everything goes through the package's own preprocessing, so that they learn what that leaves:
neighbours' ink at the edges, broken strokes, rests of rules. Some are cut out of lines as the
reader does it, who will ask for an opinion on such.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .. import _core, image, synth
from ..datasets import load_optdigits, load_semeion
from ..models.recognizer import shipped_recognizer
from ..synth._paper import smooth_noise
from ._matching import match
from ._prepared import Pictures, prepared
from .line_images import handwriting, smooth, words
from .styles import drawn_digits

NOT_A_DIGIT = 10

_WRITTEN = ["halves", "pairs", "marks", "letters", "symbols", "scribbles", "lines"]
_FILLING = ["textures", "noise", "grain", "patterns", "shades", "specks", "blank"]
_DRAWN = 12_000  # digits in ways that MNIST hardly has
_THIN = 0.35  # what is so much less wide than long is a one
# Without those that look like digits.
_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy&?!@%#*+<>="


class Examples(NamedTuple):
    """Images (n, 28, 28) as the network sees them, and their classes (n,), 10 for no digit."""

    images: Pictures
    labels: NDArray[np.uint8]


# -- digits cut out of writing --


def _styles() -> list[synth.Style]:
    """Return how the writing looks."""
    plain, cheque = synth.STYLES["plain"], synth.STYLES["cheque"]
    pasted = plain.with_(own_strokes=1.0, own_pen=(0.0, 0.0), gap=(-0.15, 0.2), kerning=0.0)
    loose = cheque.with_(aspect=(0.7, 2.0), size_jitter=0.14, ligatures=0.25)
    names = ("plain", "touching", "touching", "cheque", "cheque", "note", "form")
    return [*(synth.STYLES[name] for name in names), pasted, pasted, loose, loose]


def _writing(digits: synth.Digits, rng: np.random.Generator, numbers: float) -> list[synth.Picture]:
    """Return pictures of one height, of numbers or, with probability 1 - ``numbers``, digits."""
    height = int(rng.integers(20, 80))
    length: int | tuple[int, int] = (1, 10) if numbers == 1 or rng.random() < numbers else 1
    return synth.strings(
        200, style=_styles(), height=height, digits=digits, random_state=rng, length=length
    )


def crops(folder: str, seed: int, count: int) -> Examples:
    """Return digits written on paper in many styles, cut out with some of what is around."""
    rng = np.random.default_rng(seed)
    digits = handwriting(folder, rng)
    images: list[Pictures] = []
    labels: list[int] = []
    while len(images) < count:
        for picture in _writing(digits, rng, numbers=0.7):
            for box, value in zip(picture.boxes, picture.values, strict=True):
                crop = _cut(picture.image, box, rng)
                if min(crop.shape) >= 4:
                    images.append(prepared(crop))
                    labels.append(value)
    return Examples(np.stack(images[:count]), np.array(labels[:count], np.uint8))


def _cut(picture: Pictures, box: NDArray[np.int64], rng: np.random.Generator) -> Pictures:
    """Return a digit with margins that are uneven, wide, or too narrow."""
    x, y, width, height = map(int, box)
    size = max(height, width)
    margins = rng.uniform(-0.03, 0.22, 4) * size
    if rng.random() < 0.3:
        margins[:] = rng.uniform(0.05, 0.3) * size
    above, below, before, behind = np.rint(margins).astype(int)
    return picture[max(0, y - above) : y + height + below, max(0, x - before) : x + width + behind]


def read_crops(folder: str, seed: int, count: int) -> Examples:
    """Return what the shipped reader takes for digits, as it cuts it out of numbers and words."""
    rng = np.random.default_rng(seed)
    digits = handwriting(folder, rng)
    images: list[Pictures] = []
    labels: list[int] = []
    while len(images) < count:
        for picture in _writing(digits, rng, numbers=1) + words(80, digits, rng):
            table, pixels = _read(picture)
            values = match(table, picture)
            images += list(pixels)
            labels += np.where(values < 0, NOT_A_DIGIT, values).tolist()
    return Examples(np.stack(images[:count]), np.array(labels[:count], np.uint8))


def _read(picture: synth.Picture) -> tuple[NDArray[np.int32], Pictures]:
    """Return the reader's digits as a table, and each cut out and prepared, in bytes."""
    image = np.ascontiguousarray(picture.image)
    table, crops = _core.crop_digits(shipped_recognizer(), image)
    return table, np.rint(crops * 255).astype(np.uint8)


# -- other hands --


def other_hands(folder: str) -> Examples:
    """Return the training parts of the two UCI sets, as they are and smoothed, and drawn digits."""
    optdigits, semeion = load_optdigits(folder), load_semeion(folder)
    rng = np.random.default_rng(0)
    images = []
    for bitmap in optdigits.X_train:
        aspects = (1.0, rng.uniform(0.8, 1.2))
        images += [prepared(bitmap)] * 2 + [smooth(bitmap, aspect) for aspect in aspects]
    # Each of these was stretched to a square; how wide it was is not known.
    for bitmap in semeion.X_train:
        aspects = (rng.uniform(0.45, 0.7), rng.uniform(0.6, 0.95))
        images += [prepared(bitmap)] * 2 + [smooth(bitmap, aspect) for aspect in aspects]
    labels = np.repeat(np.concatenate([optdigits.y_train, semeion.y_train]), 4).astype(np.uint8)
    stacked = np.stack(images)
    inked = stacked.max(axis=(1, 2)) > 127
    drawn, values = drawn_digits(_DRAWN, 0)
    return Examples(
        np.concatenate([stacked[inked], drawn]), np.concatenate([labels[inked], values])
    )


# -- no digits --


def no_digits(folder: str, seed: int, count: int) -> Pictures:
    """Return what the synthesiser draws that is no digit, and shapes, dust and printed letters."""
    rng = np.random.default_rng(seed)
    digits = handwriting(folder, rng)
    some = count // 16
    parts = [
        synth.not_digits(count - 12 * some, kinds=_WRITTEN, digits=digits, random_state=rng),
        synth.not_digits(3 * some, kinds=["letters", "symbols"], digits=digits, random_state=rng),
        _filling(rng, digits, 3 * some),
        _shapes(rng, 3 * some),
        _dust(rng, some),
        _printed(rng, 2 * some),
    ]
    return rng.permutation(np.concatenate(parts))


def _filling(rng: np.random.Generator, digits: synth.Digits, count: int) -> Pictures:
    """Return noise, patterns and the like, half of them as the preprocessing takes them for ink.

    ``predict`` prepares most of them, as they are not on black.
    """
    images = synth.not_digits(count, kinds=_FILLING, digits=digits, random_state=rng)
    for index in np.flatnonzero(rng.random(count) < 0.5):
        piece = prepared(images[index])
        if not _is_bar(piece):
            images[index] = piece
    return images


def _is_bar(picture: Pictures) -> bool:
    """Tell whether ink (28, 28) is long and thin, as a one is, or there is none."""
    down, right = np.nonzero(picture > 127)
    if len(down) < 2:
        return True
    narrow, long = np.sqrt(np.linalg.eigvalsh(np.cov(down, right)).clip(0))
    return bool(narrow < _THIN * long)


def _shapes(rng: np.random.Generator, count: int) -> Pictures:
    """Return filled shapes of a few tones, half of them with a texture, raw or prepared."""
    images = []
    for _ in range(count):
        side = int(rng.integers(28, 64))
        canvas = Image.new("L", (side, side))
        draw = ImageDraw.Draw(canvas)
        for _ in range(int(rng.integers(1, 5))):
            _draw_shape(draw, side, rng)
        tones = np.asarray(canvas, np.float32) / 255
        if rng.random() < 0.5:
            strength, grain = rng.uniform(0, 0.6), int(rng.integers(1, 8))
            texture = np.clip(smooth_noise(side, side, grain, rng) * 0.5 + 0.5, 0, 1)
            tones = tones * (1 - strength * texture)
        pixels = (tones * 255).astype(np.uint8)
        raw = rng.random() < 0.6
        images.append(image.resize(pixels, (28, 28)) if raw else prepared(pixels))
    return np.stack(images)


def _draw_shape(draw: ImageDraw.ImageDraw, side: int, rng: np.random.Generator) -> None:
    kind, tone = rng.random(), int(rng.integers(60, 256))
    centre, radii = rng.uniform(0.25, 0.75, 2) * side, rng.uniform(0.08, 0.5, 2) * side
    corners = [*map(float, centre - radii), *map(float, centre + radii)]
    if kind < 0.3:
        draw.ellipse(corners, fill=tone)
    elif kind < 0.6:
        draw.rectangle(corners, fill=tone)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        lengths = rng.uniform(0.15, 0.5, len(angles)) * side
        points = side / 2 + lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        draw.polygon([(float(x), float(y)) for x, y in points], fill=tone)


def _dust(rng: np.random.Generator, count: int) -> Pictures:
    """Return dots of a pixel, strewn thinly or densely over black, raw or prepared."""
    images: list[Pictures] = []
    while len(images) < count:
        raw = rng.random() < 0.5
        side = 28 if raw or rng.random() < 0.5 else int(rng.integers(20, 90))
        share = 0.01 ** rng.uniform(0, 1)
        tones = np.where(rng.random((side, side)) < share, rng.uniform(0.4, 1), 0)
        if rng.random() < 0.3:
            tones = tones * rng.random((side, side))
        pixels = np.rint(255 * tones).astype(np.uint8)
        piece = pixels if raw else prepared(pixels)
        if raw or not _is_bar(piece):
            images.append(piece)
    return np.stack(images)


def _printed(rng: np.random.Generator, count: int) -> Pictures:
    """Return letters of a typeface, leaning and of any weight, on paper."""
    images = []
    for _ in range(count):
        size = int(rng.integers(24, 60))
        font = ImageFont.load_default(size)
        text = "".join(rng.choice(list(_LETTERS), 1 if rng.random() < 0.8 else 2))
        page = Image.new("L", (size * (len(text) + 1), 2 * size))
        weight = int(rng.integers(0, 2 + size // 16))
        draw = ImageDraw.Draw(page)
        draw.text((size // 2, size // 3), text, 255, font, stroke_width=weight)
        lean, width, tilt = rng.uniform(-0.15, 0.45), rng.uniform(0.7, 1.4), rng.uniform(-0.2, 0.2)
        matrix = (width, lean, -lean * size * 0.8, tilt, 1, 0)
        page = page.transform(page.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        ink = np.asarray(page)
        if not ink.max():
            continue
        tone, dark = rng.uniform(150, 250), rng.uniform(0.4, 0.9)
        paper = tone * (1 - ink / 255 * dark) + rng.normal(0, rng.uniform(0.5, 6), ink.shape)
        images.append(prepared(paper.clip(0, 255).astype(np.uint8)))
    return np.stack(images)
