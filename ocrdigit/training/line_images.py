"""Lines of numbers to train a reader on: strips of paper, and what is written on them."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from .. import _core, image, synth
from ..datasets import load_mnist, load_optdigits, load_semeion
from ..models.recognizer import BLANK, HEIGHT
from . import letters
from ._prepared import prepared
from .clutter import clutter
from .styles import drawn_digits

WIDTH = 256  # pixels of a strip: one to a few pictures of numbers side by side
MOST_DIGITS = 24  # of a strip

Strips = tuple[NDArray[np.uint8], NDArray[np.uint8]]

TRAINING_DIGITS = 55_000  # of MNIST's training images; the rest is to validate on
_MNIST_DIGITS = 26_000  # that each batch writes with
_UCI_TIMES = 6  # how often the other hands' digits stand beside them
_DRAWN, _DRAWN_TIMES = 2_000, 3  # digits in ways that MNIST hardly has, and how often
_LONGEST = 9  # digits of a number
_WORDS, _CLUTTER = 0.1, 0.06  # pictures with words, and of noise, for each of a number
_OPEN = 6  # strips filled at a time


def styles() -> list[synth.Style]:
    """Return how the numbers look."""
    plain, cheque = synth.STYLES["plain"], synth.STYLES["cheque"]
    # As strings of digits are pasted together for tests: the source's own strokes.
    pasted = plain.with_(
        size=(0.5, 0.75),
        own_strokes=1.0,
        own_pen=(0.0, 0.0),
        grain=(0.01, 0.06),
        noise=(0.01, 0.05),
        gap=(-0.2, 0.2),
        kerning=0.3,
        slant=(0.0, 0.0),
        upright=(0.0, 0.0),
        ink=(0.5, 1.0),
        light=(0.0, 0.3),
        mottle=(0.0, 0.04),
    )
    close = cheque.with_(gap=(-0.12, 0.06), size=(0.55, 0.9))
    loose = cheque.with_(aspect=(0.7, 2.0), size_jitter=0.14, ligatures=0.25)
    small = cheque.with_(size=(0.35, 0.6))
    names = ("plain", "touching", "touching", "cheque", "cheque", "note", "form")
    named = [synth.STYLES[name] for name in names]
    return [*named, *[pasted] * 4, close, close, loose, small]


def make_line_images(folder: str, seed: int, pictures: int) -> Strips:
    """Return strips (n, 32, 256) of about so many pictures, and labels (n, 24), 10 for none.

    The same seed, data and version give the same strips.
    """
    rng = np.random.default_rng(seed)
    digits = handwriting(folder, rng)
    texts = [_number(rng) for _ in range(pictures)]
    written = synth.strings(pictures, texts=texts, style=styles(), digits=digits, random_state=rng)
    written += words(round(_WORDS * pictures), digits, rng)
    written += [of_clutter(HEIGHT, WIDTH - 12, rng) for _ in range(round(_CLUTTER * pictures))]
    written = [
        picture
        for picture in written
        if picture.image.shape[1] <= WIDTH - 12 and len(picture.values) <= MOST_DIGITS
    ]
    return _pack([written[i] for i in rng.permutation(len(written))], rng)


def handwriting(folder: str, rng: np.random.Generator) -> synth.Digits:
    """Return digits to write with: MNIST's, about as many of the UCI sets' hands, drawn ones."""
    mnist = load_mnist(os.path.join(folder, "mnist"))
    chosen = rng.choice(TRAINING_DIGITS, _MNIST_DIGITS, replace=False)
    others, labels = load_uci(os.path.join(folder, "uci"), int(rng.integers(1 << 31)))
    drawn, values = drawn_digits(_DRAWN, int(rng.integers(1 << 31)))
    return synth.Digits(
        np.concatenate([mnist.X_train[chosen], *[others] * _UCI_TIMES, *[drawn] * _DRAWN_TIMES]),
        np.concatenate([mnist.y_train[chosen], *[labels] * _UCI_TIMES, *[values] * _DRAWN_TIMES]),
    )


def load_uci(folder: str, random_state: int = 0) -> Strips:
    """Return the training parts of two UCI sets as MNIST has digits, and their labels."""
    rng = np.random.default_rng(random_state)
    optdigits, semeion = load_optdigits(folder), load_semeion(folder)
    images = [smooth(bitmap, 1.0) for bitmap in optdigits.X_train]
    # Each of these was stretched to a square; how wide it was is not known.
    aspects = rng.uniform(0.45, 0.9, len(semeion.X_train))
    images += [smooth(b, a) for b, a in zip(semeion.X_train, aspects, strict=True)]
    digits = np.stack(images)
    values = np.concatenate([optdigits.y_train, semeion.y_train]).astype(np.uint8)
    inked = digits.max(axis=(1, 2)) > 127
    return digits[inked], values[inked]


def smooth(bitmap: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """Return a coarse bitmap as a smooth digit (28, 28), its width times ``aspect``."""
    large = image.resize(np.pad(bitmap, 3), (round(114 * aspect), 114))
    soft = image.gaussian_blur(large, (9, 9), 2.5).astype(np.float32)
    stretched = ((soft - 64) * 2).clip(0, 255).astype(np.uint8)
    return prepared(stretched)


def _number(rng: np.random.Generator) -> str:
    """Return a number of up to nine digits: some end in zeros, as amounts do, or repeat a digit."""
    text = "".join(map(str, rng.integers(0, 10, rng.integers(1, _LONGEST + 1)).tolist()))
    kind = rng.random()
    if kind < 0.15:
        text = text[: _LONGEST - 4] + "0" * int(rng.integers(2, 5))
    elif kind < 0.2:
        place = int(rng.integers(len(text)))
        text = text[:place] + text[place] * int(rng.integers(2, 4)) + text[place + 1 :]
    return text[:_LONGEST]


def words(count: int, digits: synth.Digits, rng: np.random.Generator) -> list[synth.Picture]:
    """Return pictures of words, half of them with a number beside them."""
    note = synth.STYLES["note"]
    looks = [synth.STYLES["plain"], synth.STYLES["cheque"], note, note.with_(gap=(-0.1, 0.2))]
    pictures: list[synth.Picture] = []
    for font in rng.choice(letters.FONTS, 4):
        texts = [_words(str(font), rng) for _ in range(-(-count // 4))]
        pictures += synth.strings(
            len(texts),
            texts=texts,
            style=looks,
            digits=digits,
            signs=letters.alphabet(str(font)),
            random_state=rng,
        )
    return pictures


def of_clutter(height: int, widest: int, rng: np.random.Generator) -> synth.Picture:
    """Return a picture in which there is nothing to read."""
    nothing = np.zeros(0, np.int64)
    return synth.Picture(clutter(height, widest, rng), "", nothing, np.zeros((0, 4), np.int64))


def _words(font: str, rng: np.random.Generator) -> str:
    text = letters.word(rng, font)
    if rng.random() < 0.5:
        number = "".join(map(str, rng.integers(0, 10, rng.integers(1, 7)).tolist()))
        gap = " " if rng.random() < 0.8 else ""
        text = text + gap + number if rng.random() < 0.6 else number + gap + text
        return text + " " + letters.word(rng, font, 4) if rng.random() < 0.2 else text
    return text + " " + letters.word(rng, font) if rng.random() < 0.4 else text


class _Strip:
    """A strip that is being filled from the left."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
        self.values: list[int] = []
        self.end = int(rng.integers(2, 12))

    def has_room(self, picture: synth.Picture) -> bool:
        fits = self.end + picture.image.shape[1] <= WIDTH - 2
        return fits and len(self.values) + len(picture.values) <= MOST_DIGITS

    def add(self, picture: synth.Picture, rng: np.random.Generator) -> None:
        end = self.end + picture.image.shape[1]
        self.pixels[:, self.end : end] = _core.normalize_line_image(picture.image)
        self.values += picture.values.tolist()
        self.end = end + int(rng.integers(4, 16))

    def labels(self) -> NDArray[np.uint8]:
        padding = [BLANK] * (MOST_DIGITS - len(self.values))
        return np.array(self.values + padding, np.uint8)


def _pack(pictures: list[synth.Picture], rng: np.random.Generator) -> Strips:
    """Set pictures side by side, each levelled on its own, on strips of one width."""
    strips = [_Strip(rng) for _ in range(_OPEN)]
    full = []
    for picture in pictures:
        place = next((i for i, strip in enumerate(strips) if strip.has_room(picture)), None)
        if place is None:
            place = max(range(_OPEN), key=lambda i: strips[i].end)
            full.append(strips[place])
            strips[place] = _Strip(rng)
        strips[place].add(picture, rng)
    full += [strip for strip in strips if strip.pixels.any()]
    return np.stack([strip.pixels for strip in full]), np.stack([s.labels() for s in full])
