"""Synthetic line images and their labels, to train the recognizer on."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from .. import _core, image, synth
from .._symbols import SYMBOLS
from ..datasets import load_mnist, load_optdigits, load_semeion
from ..models.recognizer import BLANK, HEIGHT
from . import letters, written_numbers
from ._preprocessed import preprocessed
from .clutter import clutter
from .field_lines import document_pictures, register_pictures
from .styles import drawn_digits

WIDTH = 256  # of a line image, which holds one or more pictures of numbers side by side
MAX_SYMBOLS = 32  # of a line image

LabelledImages = tuple[NDArray[np.uint8], NDArray[np.uint8]]

TRAINING_DIGITS = 55_000  # of MNIST's training images; the rest is held out
_MNIST_DIGITS = 26_000  # of each chunk of pictures
_UCI_REPEATS = 6  # of the UCI sets' digits
_DRAWN, _DRAWN_REPEATS = 5_000, 3  # digits in styles that are rare in MNIST
_WRITERS = 100  # of the separators in each chunk of pictures
_WORDS, _CLUTTER = 0.1, 0.06  # pictures of words and of clutter, for each one of a number
# Fields of the registers and of synthetic documents, for each picture of a number.
_REGISTERS, _DOCUMENTS = 0.5, 0.5
_OPEN = 6  # line images that are filled at a time


def styles() -> list[synth.Style]:
    """Return the styles that numbers are drawn in."""
    plain, cheque = synth.STYLES["plain"], synth.STYLES["cheque"]
    # Like benchmark strings composed of MNIST digits, with their original strokes.
    pasted = plain.with_(
        size=(0.5, 0.75),
        source_strokes=1.0,
        stroke_offset=(0.0, 0.0),
        grain=(0.01, 0.06),
        noise=(0.01, 0.05),
        gap=(-0.2, 0.2),
        kerning=0.3,
        slant=(0.0, 0.0),
        deslant=(0.0, 0.0),
        darkness=(0.5, 1.0),
        light=(0.0, 0.3),
        mottle=(0.0, 0.04),
    )
    close = cheque.with_(gap=(-0.12, 0.06), size=(0.55, 0.9))
    loose = cheque.with_(aspect=(0.7, 2.0), size_jitter=0.14, ligatures=0.25)
    small = cheque.with_(size=(0.35, 0.6))
    names = ("plain", "touching", "touching", "cheque", "cheque", "note", "form")
    named = [synth.STYLES[name] for name in names]
    every = [*named, *[pasted] * 4, close, close, loose, small]
    return [style.with_(separators=0.0, affixes=0.0) for style in every]


def make_line_images(folder: str, fonts: str | None, seed: int, pictures: int) -> LabelledImages:
    """Return line images (n, 32, 256) and labels (n, 32), which are padded with ``BLANK``.

    ``pictures`` is the number of pictures of numbers on them; words, clutter, fields of the
    registers and of documents are added. Equal seeds, data, fonts and versions give equal images.
    """
    rng = np.random.default_rng(seed)
    digits = handwriting(folder, rng)
    drawn = numbers(pictures, digits, rng)
    drawn += words(round(_WORDS * pictures), digits, rng)
    drawn += [clutter_picture(HEIGHT, WIDTH - 12, rng) for _ in range(round(_CLUTTER * pictures))]
    drawn += register_pictures(folder, round(_REGISTERS * pictures), rng)
    drawn += document_pictures(round(_DOCUMENTS * pictures), digits, fonts, rng)
    drawn = [
        picture
        for picture in drawn
        if picture.image.shape[1] <= WIDTH - 12 and len(picture.text) <= MAX_SYMBOLS
    ]
    return _pack([drawn[i] for i in rng.permutation(len(drawn))], rng)


def handwriting(folder: str, rng: np.random.Generator) -> synth.Digits:
    """Return digits to draw numbers with: MNIST's, about as many of the UCI sets', drawn ones."""
    mnist = load_mnist(os.path.join(folder, "mnist"))
    chosen = rng.choice(TRAINING_DIGITS, _MNIST_DIGITS, replace=False)
    uci, labels = load_uci(os.path.join(folder, "uci"), int(rng.integers(1 << 31)))
    drawn, values = drawn_digits(_DRAWN, int(rng.integers(1 << 31)))
    return synth.Digits(
        np.concatenate([mnist.X_train[chosen], *[uci] * _UCI_REPEATS, *[drawn] * _DRAWN_REPEATS]),
        np.concatenate(
            [mnist.y_train[chosen], *[labels] * _UCI_REPEATS, *[values] * _DRAWN_REPEATS]
        ),
    )


def load_uci(folder: str, random_state: int = 0) -> LabelledImages:
    """Return the training parts of the two UCI sets, in MNIST's format, and their labels."""
    rng = np.random.default_rng(random_state)
    optdigits, semeion = load_optdigits(folder), load_semeion(folder)
    images = [smooth(bitmap, 1.0) for bitmap in optdigits.X_train]
    # Semeion's digits were stretched to squares; their aspect ratios are unknown.
    aspects = rng.uniform(0.45, 0.9, len(semeion.X_train))
    images += [smooth(b, a) for b, a in zip(semeion.X_train, aspects, strict=True)]
    digits = np.stack(images)
    values = np.concatenate([optdigits.y_train, semeion.y_train]).astype(np.uint8)
    visible = digits.max(axis=(1, 2)) > 127
    return digits[visible], values[visible]


def smooth(bitmap: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """Return a low-resolution bitmap as a smooth digit (28, 28), its width scaled by ``aspect``."""
    enlarged = image.resize(np.pad(bitmap, 3), (round(114 * aspect), 114))
    blurred = image.gaussian_blur(enlarged, (9, 9), 2.5).astype(np.float32)
    contrast = ((blurred - 64) * 2).clip(0, 255).astype(np.uint8)
    return preprocessed(contrast)


def numbers(count: int, digits: synth.Digits, rng: np.random.Generator) -> list[synth.Picture]:
    """Return pictures of numbers, many with separators."""
    pictures: list[synth.Picture] = []
    while len(pictures) < count:
        texts = [written_numbers.number(rng) for _ in range(min(-(-count // _WRITERS), count))]
        pictures += synth.strings(
            len(texts),
            texts=texts,
            style=styles(),
            digits=digits,
            glyphs=written_numbers.separators(rng),
            random_state=rng,
        )
    return pictures[:count]


def words(count: int, digits: synth.Digits, rng: np.random.Generator) -> list[synth.Picture]:
    """Return pictures of words, half of them with a number before or after."""
    note = synth.STYLES["note"]
    word_styles = [synth.STYLES["plain"], synth.STYLES["cheque"], note, note.with_(gap=(-0.1, 0.2))]
    pictures: list[synth.Picture] = []
    for font in rng.choice(letters.FONTS, 4):
        texts = [_words(str(font), rng) for _ in range(-(-count // 4))]
        pictures += synth.strings(
            len(texts),
            texts=texts,
            style=word_styles,
            digits=digits,
            glyphs=letters.alphabet(str(font)),
            random_state=rng,
        )
    return pictures


def clutter_picture(height: int, max_width: int, rng: np.random.Generator) -> synth.Picture:
    """Return a picture without text."""
    values, boxes = np.zeros(0, np.int64), np.zeros((0, 4), np.int64)
    return synth.Picture(clutter(height, max_width, rng), "", values, boxes)


def _words(font: str, rng: np.random.Generator) -> str:
    text = letters.word(rng, font)
    if rng.random() < 0.5:
        number = "".join(map(str, rng.integers(0, 10, rng.integers(1, 7)).tolist()))
        gap = " " if rng.random() < 0.8 else ""
        text = text + gap + number if rng.random() < 0.6 else number + gap + text
        return text + " " + letters.word(rng, font, 4) if rng.random() < 0.2 else text
    return text + " " + letters.word(rng, font) if rng.random() < 0.4 else text


class _LineImage:
    """A line image that is filled from the left."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
        self.text = ""
        self.end = int(rng.integers(2, 12))

    def has_room(self, picture: synth.Picture) -> bool:
        fits = self.end + picture.image.shape[1] <= WIDTH - 2
        return fits and len(self.text) + len(picture.text) <= MAX_SYMBOLS

    def add(self, picture: synth.Picture, rng: np.random.Generator) -> None:
        end = self.end + picture.image.shape[1]
        self.pixels[:, self.end : end] = _core.normalize_line_image(picture.image)
        self.text += picture.text
        self.end = end + int(rng.integers(4, 16))

    def labels(self) -> NDArray[np.uint8]:
        classes = [SYMBOLS.index(symbol) for symbol in self.text]
        return np.array(classes + [BLANK] * (MAX_SYMBOLS - len(classes)), np.uint8)


def _pack(pictures: list[synth.Picture], rng: np.random.Generator) -> LabelledImages:
    """Place pictures, each normalized by itself, side by side on line images of one width."""
    lines = [_LineImage(rng) for _ in range(_OPEN)]
    full = []
    for picture in pictures:
        index = next((i for i, line in enumerate(lines) if line.has_room(picture)), None)
        if index is None:
            index = max(range(_OPEN), key=lambda i: lines[i].end)
            full.append(lines[index])
            lines[index] = _LineImage(rng)
        lines[index].add(picture, rng)
    full += [line for line in lines if line.pixels.any()]
    return np.stack([line.pixels for line in full]), np.stack([line.labels() for line in full])
