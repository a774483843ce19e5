"""Training examples besides MNIST: synthetic crops, digits of other writers, and non-digits.

All examples pass through the package's own preprocessing and show its artifacts: strokes of
neighbours at the edges, broken strokes, remains of ruling lines. Some are cropped from lines by
the line recognizer, whose digits the classifier verifies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .. import _core, image, synth
from ..datasets import load_optdigits, load_semeion
from ..models.recognizer import shipped_recognizer
from ..synth import NON_DIGIT
from ..synth._background import smooth_noise
from ._matching import match
from ._preprocessed import Pictures, preprocessed
from .line_images import handwriting, smooth, words
from .styles import drawn_digits

_WRITTEN = ["halves", "pairs", "marks", "letters", "symbols", "scribbles", "lines"]
_FULL_FRAME = ["textures", "noise", "grain", "patterns", "shades", "specks", "blank"]
_DRAWN = 12_000  # digits drawn in styles that are rare in MNIST
_MAX_BAR_RATIO = 0.35  # of width to length; a narrower shape looks like a 1
# Characters that do not look like digits.
_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy&?!@%#*+<>="


class Examples(NamedTuple):
    """Canonical images (n, 28, 28) and labels (n,); the label of non-digits is NON_DIGIT."""

    images: Pictures
    labels: NDArray[np.uint8]


# -- synthetic crops --


def _styles() -> list[synth.Style]:
    """Return the styles of the writing, the more frequent ones repeated."""
    plain, cheque = synth.STYLES["plain"], synth.STYLES["cheque"]
    pasted = plain.with_(
        source_strokes=1.0, stroke_offset=(0.0, 0.0), gap=(-0.15, 0.2), kerning=0.0
    )
    loose = cheque.with_(aspect=(0.7, 2.0), size_jitter=0.14, ligatures=0.25)
    names = ("plain", "touching", "touching", "cheque", "cheque", "note", "form")
    return [*(synth.STYLES[name] for name in names), pasted, pasted, loose, loose]


def _writing(digits: synth.Digits, rng: np.random.Generator, numbers: float) -> list[synth.Picture]:
    """Return pictures of numbers, or with probability 1 - ``numbers`` of single digits."""
    height = int(rng.integers(20, 80))
    length: int | tuple[int, int] = (1, 10) if numbers == 1 or rng.random() < numbers else 1
    return synth.strings(
        200, style=_styles(), height=height, digits=digits, random_state=rng, length=length
    )


def crops(folder: str, seed: int, count: int) -> Examples:
    """Return digits cropped from synthetic pictures in many styles, with random margins."""
    rng = np.random.default_rng(seed)
    digits = handwriting(folder, rng)
    images: list[Pictures] = []
    labels: list[int] = []
    while len(images) < count:
        for picture in _writing(digits, rng, numbers=0.7):
            for box, value in zip(picture.boxes, picture.values, strict=True):
                crop = _crop(picture.image, box, rng)
                if min(crop.shape) >= 4:
                    images.append(preprocessed(crop))
                    labels.append(value)
    return Examples(np.stack(images[:count]), np.array(labels[:count], np.uint8))


def _crop(picture: Pictures, box: NDArray[np.int64], rng: np.random.Generator) -> Pictures:
    """Return a digit with uneven margins of -3 % to 22 %, or an even margin of 5 % to 30 %."""
    x, y, width, height = map(int, box)
    size = max(height, width)
    margins = rng.uniform(-0.03, 0.22, 4) * size
    if rng.random() < 0.3:
        margins[:] = rng.uniform(0.05, 0.3) * size
    top, bottom, left, right = np.rint(margins).astype(int)
    return picture[max(0, y - top) : y + height + bottom, max(0, x - left) : x + width + right]


def recognizer_crops(folder: str, seed: int, count: int) -> Examples:
    """Return the digits that the shipped line recognizer detects and crops in numbers and words."""
    rng = np.random.default_rng(seed)
    digits = handwriting(folder, rng)
    images: list[Pictures] = []
    labels: list[int] = []
    while len(images) < count:
        for picture in _writing(digits, rng, numbers=1) + words(80, digits, rng):
            table, pixels = _recognized(picture)
            values = match(table, picture)
            images += list(pixels)
            labels += np.where(values < 0, NON_DIGIT, values).tolist()
    return Examples(np.stack(images[:count]), np.array(labels[:count], np.uint8))


def _recognized(picture: synth.Picture) -> tuple[NDArray[np.int32], Pictures]:
    """Return the recognizer's table of digits, and their preprocessed crops."""
    image = np.ascontiguousarray(picture.image)
    table, crops = _core.crop_digits(shipped_recognizer(), image)
    return table, np.rint(crops * 255).astype(np.uint8)


# -- other writers --


def other_writers(folder: str) -> Examples:
    """Return the training parts of the two UCI sets, raw and smoothed, and drawn digits."""
    optdigits, semeion = load_optdigits(folder), load_semeion(folder)
    rng = np.random.default_rng(0)
    images = []
    for bitmap in optdigits.X_train:
        aspects = (1.0, rng.uniform(0.8, 1.2))
        images += [preprocessed(bitmap)] * 2 + [smooth(bitmap, aspect) for aspect in aspects]
    # Semeion's digits are scaled to squares, so that their aspect ratios are unknown.
    for bitmap in semeion.X_train:
        aspects = (rng.uniform(0.45, 0.7), rng.uniform(0.6, 0.95))
        images += [preprocessed(bitmap)] * 2 + [smooth(bitmap, aspect) for aspect in aspects]
    labels = np.repeat(np.concatenate([optdigits.y_train, semeion.y_train]), 4).astype(np.uint8)
    stacked = np.stack(images)
    filled = stacked.max(axis=(1, 2)) > 127
    drawn, values = drawn_digits(_DRAWN, 0)
    return Examples(
        np.concatenate([stacked[filled], drawn]), np.concatenate([labels[filled], values])
    )


# -- the non-digit class --


def non_digits(folder: str, seed: int, count: int) -> Pictures:
    """Return non-digits of the synthesizer, filled shapes, dust and printed letters."""
    rng = np.random.default_rng(seed)
    digits = handwriting(folder, rng)
    unit = count // 16
    parts = [
        synth.non_digits(count - 12 * unit, kinds=_WRITTEN, digits=digits, random_state=rng),
        synth.non_digits(3 * unit, kinds=["letters", "symbols"], digits=digits, random_state=rng),
        _full_frame(rng, digits, 3 * unit),
        _shapes(rng, 3 * unit),
        _dust(rng, unit),
        _printed(rng, 2 * unit),
    ]
    return rng.permutation(np.concatenate(parts))


def _full_frame(rng: np.random.Generator, digits: synth.Digits, count: int) -> Pictures:
    """Return full-frame non-digits such as noise and patterns, half of them preprocessed.

    ``predict`` preprocesses most such pictures, because their background is not black.
    """
    images = synth.non_digits(count, kinds=_FULL_FRAME, digits=digits, random_state=rng)
    for index in np.flatnonzero(rng.random(count) < 0.5):
        picture = preprocessed(images[index])
        if not _is_bar(picture):
            images[index] = picture
    return images


def _is_bar(picture: Pictures) -> bool:
    """Return whether the foreground of ``picture`` (28, 28) is a bar, like a 1, or empty."""
    y, x = np.nonzero(picture > 127)
    if len(y) < 2:
        return True
    width, length = np.sqrt(np.linalg.eigvalsh(np.cov(y, x)).clip(0))
    return bool(width < _MAX_BAR_RATIO * length)


def _shapes(rng: np.random.Generator, count: int) -> Pictures:
    """Return filled shapes of a few tones, half with a texture, raw or preprocessed."""
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
        images.append(image.resize(pixels, (28, 28)) if raw else preprocessed(pixels))
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
    """Return dots of one pixel at any density on black, raw or preprocessed."""
    images: list[Pictures] = []
    while len(images) < count:
        raw = rng.random() < 0.5
        side = 28 if raw or rng.random() < 0.5 else int(rng.integers(20, 90))
        density = 0.01 ** rng.uniform(0, 1)
        tones = np.where(rng.random((side, side)) < density, rng.uniform(0.4, 1), 0)
        if rng.random() < 0.3:
            tones = tones * rng.random((side, side))
        pixels = np.rint(255 * tones).astype(np.uint8)
        picture = pixels if raw else preprocessed(pixels)
        if raw or not _is_bar(picture):
            images.append(picture)
    return np.stack(images)


def _printed(rng: np.random.Generator, count: int) -> Pictures:
    """Return preprocessed letters of a typeface with random slant, width and weight."""
    images = []
    for _ in range(count):
        size = int(rng.integers(24, 60))
        font = ImageFont.load_default(size)
        text = "".join(rng.choice(list(_LETTERS), 1 if rng.random() < 0.8 else 2))
        page = Image.new("L", (size * (len(text) + 1), 2 * size))
        weight = int(rng.integers(0, 2 + size // 16))
        draw = ImageDraw.Draw(page)
        draw.text((size // 2, size // 3), text, 255, font, stroke_width=weight)
        shear_x, width, shear_y = (
            rng.uniform(-0.15, 0.45),
            rng.uniform(0.7, 1.4),
            rng.uniform(-0.2, 0.2),
        )
        matrix = (width, shear_x, -shear_x * size * 0.8, shear_y, 1, 0)
        page = page.transform(page.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        foreground = np.asarray(page)
        if not foreground.max():
            continue
        tone, darkness = rng.uniform(150, 250), rng.uniform(0.4, 0.9)
        tones = tone * (1 - foreground / 255 * darkness)
        tones += rng.normal(0, rng.uniform(0.5, 6), foreground.shape)
        images.append(preprocessed(tones.clip(0, 255).astype(np.uint8)))
    return np.stack(images)
