"""Training examples of documents: real digits of registers and tables, printed digits, and others.

All examples pass through the package's own preprocessing. The registers and the photos of tables
contribute their training parts, or their validation parts for an evaluation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .. import _core, image, synth
from .._predict import shipped_model
from ..models.recognizer import shipped_fusion, shipped_recognizer
from ..synth import NON_DIGIT, _fonts
from ..synth._background import smooth_noise
from ._examples import Examples
from ._preprocessed import Pictures, preprocessed
from .grids import read_grid_labels, read_grid_photo
from .line_images import handwriting
from .marks import cross, hershey_letter, tick, trimmed, walls
from .registers import around, is_number, read_register_labels, read_register_page

Box = tuple[int, int, int, int]

_FIELD_MARGIN = 12  # pixels around a field of a register
_MAX_EQUAL = 5  # fields of a page with the same text: prices and dates recur
_CROPS_PER_DIGIT = 3  # of a real digit, with different margins
_MIN_FOREGROUND, _MAX_FOREGROUND = 12, 400  # pixels of a canonical image
_MIN_ASPECT = 0.8  # of several digits after preprocessing, relative to that before
# Characters that do not look like digits.
_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxyÀÉÄÖÜàéèßœ"
_SIGNS = '.,-:;"+=%#*&@?![]{}<>~^€$£¥§÷…«»†'


def _margins(side: int, rng: np.random.Generator) -> list[int]:
    """Return the margins at top, bottom, left and right of a digit whose longer side is ``side``.

    They are uneven from -3 % to 22 %, even from 5 % to 30 %, or none.
    """
    kind = rng.random()
    if kind < 0.2:
        return [0, 0, 0, 0]
    if kind < 0.5:
        return [round(float(rng.uniform(0.05, 0.3)) * side)] * 4
    return [round(float(margin) * side) for margin in rng.uniform(-0.03, 0.22, 4)]


def _crop(picture: Pictures, box: Sequence[int], rng: np.random.Generator) -> Pictures | None:
    """Return a digit of a picture with random margins, preprocessed; None if it is too small."""
    x, y, w, h = box
    top, bottom, left, right = _margins(max(w, h), rng)
    crop = picture[max(0, y - top) : y + h + bottom, max(0, x - left) : x + w + right]
    return preprocessed(crop) if min(crop.shape) >= 4 else None


def _is_usable(canonical: Pictures) -> bool:
    """Return whether preprocessing found a foreground that is neither empty nor the paper."""
    return _MIN_FOREGROUND <= int((canonical > 127).sum()) <= _MAX_FOREGROUND


def _examples(pairs: list[tuple[Pictures, int]]) -> Examples:
    pairs = [pair for pair in pairs if _is_usable(pair[0])]
    if not pairs:
        return Examples(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))
    images, labels = zip(*pairs, strict=True)
    return Examples(np.stack(images), np.array(labels, np.uint8))


# -- registers --


def register_examples(folder: str, part: str, seed: int) -> Examples:
    """Return the digits of a part of the registers, and non-digits of the lines without numbers.

    A field is read with its text as lexicon, which aligns the digits with its pixels. Each digit is
    cropped from the page as it is and from the field without other foreground. Non-digits are the
    symbols that the line recognizer finds in words.
    """
    rng = np.random.default_rng(seed)
    pairs: list[tuple[Pictures, int]] = []
    for page in read_register_labels(folder, part):
        gray, foreground, labels = read_register_page(folder, page)
        seen: Counter[str] = Counter()
        for line in page["lines"]:
            window = around(line["box"], _FIELD_MARGIN)
            field = np.ascontiguousarray(gray[window])
            if is_number(line["text"]):
                text = re.sub(r"\D", "", line["text"])
                seen[text] += 1
                if seen[text] <= _MAX_EQUAL:
                    clean = _without_others(field, foreground[window], labels[window])
                    pairs += _aligned(field, clean, text, rng)
            elif not re.search(r"\d", line["text"]) and rng.random() < 0.5:
                _, crops = _core.crop_digits(shipped_recognizer(), field)
                pairs += [(crop, NON_DIGIT) for crop in np.rint(crops * 255).astype(np.uint8)]
    return _examples(pairs)


def _without_others(field: Pictures, foreground: Pictures, labels: NDArray[np.uint8]) -> Pictures:
    """Return a field with all foreground but that of the number painted over."""
    number = image.dilate((labels == 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    paper = np.median(field[foreground < 20]) if (foreground < 20).any() else 255
    clean: Pictures = field.copy()
    clean[(foreground >= 24) & ~number] = paper
    return clean


def _aligned(
    field: Pictures, clean: Pictures, text: str, rng: np.random.Generator
) -> Iterator[tuple[Pictures, int]]:
    """Yield crops of the digits of a field, whose text is known, and their labels."""
    table, *_ = _core.read_symbols(
        shipped_recognizer(),
        clean,
        classifier=shipped_model()._fitted_classifier(),
        fusion=shipped_fusion().to_dict(),
        automaton=_core.Automaton.from_words((text,)),
    )
    if "".join(map(str, table[:, 1])) != text or len(set(table[:, 0].tolist())) != 1:
        return
    for _, value, *box in table.tolist():
        for version in range(_CROPS_PER_DIGIT):
            crop = _crop(clean if version % 2 == 0 else field, box, rng)
            if crop is not None:
                yield crop, value


# -- photos of tables --


def grid_examples(folder: str, part: str, seed: int) -> Examples:
    """Return the digits of a part of the photos of sudokus, from rectified cells.

    Each is cropped without the ruling lines, with two margins.
    """
    rng = np.random.default_rng(seed)
    pairs: list[tuple[Pictures, int]] = []
    for labels in read_grid_labels(folder, part):
        photo = read_grid_photo(folder, labels)
        if photo is None:
            continue
        for (left, top, right, bottom), crop, value in photo.cells:
            pairs.append((preprocessed(crop), value))
            version = _crop(photo.rectified, (left, top, right - left, bottom - top), rng)
            if version is not None:
                pairs.append((version, value))
    return _examples(pairs)


# -- drawn pictures --


def _finish(foreground: NDArray[Any], rng: np.random.Generator) -> Pictures:
    """Return foreground (h, w), 0..255, on paper with shading and noise, sometimes inverted."""
    h, w = foreground.shape
    paper, contrast = rng.uniform(120, 252), rng.uniform(0.35, 0.95)
    tones = paper * (1 - foreground / np.float32(255) * contrast)
    if rng.random() < 0.3:
        y, x = np.ogrid[:h, :w]
        slope = rng.uniform(-0.25, 0.25, 2)
        tones = tones * (1 + slope[0] * (y / h - 0.5) + slope[1] * (x / w - 0.5))
    if rng.random() < 0.2:
        grain = smooth_noise(h, w, int(rng.integers(1, 6)), rng)
        tones = tones + grain * rng.uniform(0, 8)
    tones = tones + rng.normal(0, rng.uniform(0, 7), (h, w))
    pixels: Pictures = np.rint(tones.clip(0, 255)).astype(np.uint8)
    if rng.random() < 0.25:
        pixels = np.pad(pixels, 2, mode="edge")
        pixels = image.gaussian_blur(pixels, (3, 3), float(rng.uniform(0.4, 1.2)))
    return np.ascontiguousarray(255 - pixels if rng.random() < 0.25 else pixels)


def _padded(foreground: NDArray[np.uint8], rng: np.random.Generator) -> Pictures:
    """Return a trimmed foreground with random margins."""
    top, bottom, left, right = (max(0, m) for m in _margins(max(foreground.shape), rng))
    return np.pad(foreground, ((top, bottom), (left, right)))


def _text(text: str, fonts: _fonts.Fonts, rng: np.random.Generator) -> Pictures:
    """Return the foreground of printed text in a random font, size, width, weight and slant."""
    size = int(np.exp(rng.uniform(np.log(10), np.log(64))))
    script = fonts.script(rng) if rng.random() < 0.15 else None
    font = _fonts.load(script or fonts.printed(rng), size)
    weight = int(rng.integers(0, 2 + size // 24)) if rng.random() < 0.3 else 0
    page = Image.new("L", (size * (len(text) + 2), 2 * size))
    ImageDraw.Draw(page).text((size // 2, size // 3), text, 255, font, stroke_width=weight)
    shear = float(rng.uniform(0, 0.3)) if rng.random() < 0.3 else 0.0
    width, turn = float(rng.uniform(0.8, 1.25)), float(rng.normal(0, 0.04))
    matrix = (width, shear, -shear * size * 0.8, turn, 1, 0)
    page = page.transform(page.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return trimmed(np.asarray(page))


def _printed_digit(fonts: _fonts.Fonts, rng: np.random.Generator) -> tuple[Pictures, int]:
    value = int(rng.integers(10))
    return _text(str(value), fonts, rng), value


def _boxed(foreground: Pictures, rng: np.random.Generator) -> Pictures:
    """Return a digit inside the walls of a box, on squared paper, or with a ruling line."""
    h, w = foreground.shape
    side = max(h, w)
    kind = rng.random()
    near = rng.integers(0 if kind < 0.15 else 2, max(3, side // 2), 4)
    thick = np.minimum(rng.integers(1, 7, 4), max(1, side // 5))
    outside = rng.integers(0, max(2, side // 5), 4)
    on = rng.random(4) < (0.65 if kind < 0.6 else 0)
    inner = near + on * (thick + outside)  # top, bottom, left, right
    page = np.pad(foreground, ((inner[0], inner[1]), (inner[2], inner[3])))
    rules = np.zeros_like(page)
    height, width = page.shape
    if kind >= 0.8:  # squared paper
        pitch, weight = rng.uniform(0.35, 0.9) * side, int(rng.integers(1, 3))
        for axis in range(2):
            for at in np.arange(rng.uniform(0, pitch), page.shape[axis], pitch):
                rules[(slice(None),) * axis + (slice(int(at), int(at) + weight),)] = 255
    elif kind >= 0.6:  # a line through or under the digit
        at = inner[0] + h * rng.uniform(0.3, 1.1)
        _line(rules, (0, at), (width, at + rng.normal(0, 0.02) * width), int(rng.integers(1, 4)))
    for number in np.flatnonzero(on):
        at = outside[number] + thick[number] / 2
        slope = rng.normal(0, 0.015)
        if number < 2:
            at = at if number == 0 else height - at
            ends = (0, at - slope * width), (width, at + slope * width)
        else:
            at = at if number == 2 else width - at
            ends = (at - slope * height, 0), (at + slope * height, height)
        _line(rules, *ends, int(thick[number]))
    return np.maximum(page, (rules * rng.uniform(0.25 if kind >= 0.8 else 0.5, 1)).astype(np.uint8))


def _line(page: Pictures, start: tuple[float, float], end: tuple[float, float], width: int) -> None:
    canvas = Image.fromarray(page)
    ImageDraw.Draw(canvas).line((*start, *end), 255, width)
    page[:] = np.asarray(canvas)


def drawn_examples(folder: str, fonts: str, seed: int, count: int) -> Examples:
    """Return printed and handwritten digits in boxes, on squared paper, cropped tight or not."""
    rng = np.random.default_rng([1, seed])
    found, written = _fonts.find_fonts(fonts), handwriting(folder, rng)
    pairs = []
    for _ in range(count):
        printed = rng.random() < 0.55
        if printed:
            foreground, value = _printed_digit(found, rng)
        else:
            foreground, value = _written_digit(written, rng)
        boxed = rng.random() < (0.25 if printed else 0.75)
        page = _boxed(foreground, rng) if boxed else _padded(foreground, rng)
        if min(page.shape) >= 4:
            pairs.append((preprocessed(_finish(page, rng)), value))
    return _examples(pairs)


def _written_digit(written: synth.Digits, rng: np.random.Generator) -> tuple[Pictures, int]:
    index = int(rng.integers(len(written.images)))
    scale = float(np.exp(rng.uniform(np.log(0.7), np.log(3))))
    return trimmed(written.images[index], scale), int(written.labels[index])


# -- non-digits --


def document_non_digits(folder: str, fonts: str, seed: int, count: int) -> Pictures:
    """Return ticks, crosses, letters, signs, several digits and rests of boxes (count, 28, 28)."""
    rng = np.random.default_rng([2, seed])
    found, written = _fonts.find_fonts(fonts), handwriting(folder, rng)

    def pair() -> Pictures:
        return _pair(written, found, rng)

    def letter() -> Pictures:
        return _text(str(rng.choice(list(_LETTERS))), found, rng)

    def sign() -> Pictures:
        return _text(str(rng.choice(list(_SIGNS))), found, rng)

    kinds: tuple[tuple[Callable[[], Pictures | None], float], ...] = (
        (lambda: tick(rng), 0.22),
        (lambda: cross(rng), 0.08),
        (letter, 0.2),
        (lambda: hershey_letter(rng), 0.1),
        (sign, 0.1),
        (pair, 0.25),
        (lambda: walls(rng), 0.05),
    )
    weights = np.array([weight for _, weight in kinds])
    images: list[Pictures] = []
    while len(images) < count:
        draw = kinds[rng.choice(len(kinds), p=weights / weights.sum())][0]
        foreground = draw()
        if foreground is None or min(foreground.shape) < 2:
            continue
        page = _padded(foreground, rng)
        if min(page.shape) < 4:
            continue
        canonical = preprocessed(_finish(page, rng))
        if _is_usable(canonical) and (draw is not pair or _is_whole(canonical, foreground)):
            images.append(canonical)
    return np.stack(images)


def _is_whole(canonical: Pictures, foreground: Pictures) -> bool:
    """Return whether preprocessing has kept all of the digits in a foreground."""
    h, w = trimmed(canonical).shape
    return bool(w / h >= _MIN_ASPECT * foreground.shape[1] / foreground.shape[0])


def _pair(written: synth.Digits, fonts: _fonts.Fonts, rng: np.random.Generator) -> Pictures:
    """Return two or three digits side by side."""
    count = 2 if rng.random() < 0.85 else 3
    if rng.random() < 0.3:
        return _text("".join(map(str, rng.integers(0, 10, count))), fonts, rng)
    scale, overlap = float(rng.uniform(0.8, 3)), 2
    chosen = rng.integers(0, len(written.images), count)
    digits = [trimmed(written.images[index], scale) for index in chosen]
    gap = max(int(rng.integers(-2, 8) * scale), -overlap)
    height = max(len(digit) for digit in digits)
    width = sum(digit.shape[1] + gap for digit in digits)
    page, left = np.zeros((height, width + overlap), np.uint8), 0
    for digit in digits:
        h, w = digit.shape
        top = int(rng.integers(0, height - h + 1))
        window = page[top : top + h, left : left + w]
        np.maximum(window, digit, out=window)
        left += w + gap
    return trimmed(page)
