"""Trains the network that reads lines: digit or not, and which, for every candidate.

    python -m ocrdigit.training.reader --data DIR --out reader.safetensors

``DIR`` holds MNIST's four files in ``mnist/``, and in ``uci/`` the bitmaps of two UCI data sets,
``optdigits.npz`` and ``semeion.npz``, whose writers are Europeans. Strings of their digits are
written on paper by :mod:`ocrdigit.synth`, the core cuts them into candidates as it does when it
reads, and each candidate whose box is that of a digit is an example of it, each that is clearly
something else an example of none.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, image, synth
from .._reader import LAYERS, write_reader
from ..datasets import load_mnist, load_optdigits, load_semeion

NOT_A_DIGIT = 10

_TRAINING_DIGITS = 55_000  # of MNIST's training images; the rest is to validate on
_MNIST_DIGITS = 26_000  # that each chunk writes with
_UCI_TIMES = 6  # how often the other hands' digits stand beside them
_CHUNK = 2_000  # strings
_EXAMPLES_A_DIGIT = 2
_HEIGHTS = (32, 40, 48, 56, 72)

_Examples = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def styles() -> list[synth.Style]:
    """Return how the strings look."""
    plain, cheque = synth.STYLES["plain"], synth.STYLES["cheque"]
    pasted = plain.with_(own_strokes=1.0, own_pen=(0.0, 0.0), gap=(-0.15, 0.2), kerning=0.0)
    loose = cheque.with_(aspect=(0.7, 2.0), size_jitter=0.14, ligatures=0.25)
    names = ("plain", "touching", "touching", "cheque", "cheque", "note", "form")
    return [*(synth.STYLES[name] for name in names), pasted, pasted, loose, loose]


def load_uci(folder: str, random_state: int = 0) -> _Examples:
    """Return the training parts of the two UCI data sets as MNIST has digits, and their labels."""
    rng = np.random.default_rng(random_state)
    optdigits, semeion = load_optdigits(folder), load_semeion(folder)
    images = [_smooth(bitmap, 1.0) for bitmap in optdigits.X_train]
    # Each of these was stretched to a square; how wide it was is not known.
    aspects = rng.uniform(0.45, 0.9, len(semeion.X_train))
    images += [_smooth(b, a) for b, a in zip(semeion.X_train, aspects, strict=True)]
    digits = np.stack(images)
    values = np.concatenate([optdigits.y_train, semeion.y_train]).astype(np.uint8)
    inked = digits.max(axis=(1, 2)) > 127
    return digits[inked], values[inked]


def _smooth(bitmap: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """Return a coarse bitmap as a smooth digit (28, 28), its width times ``aspect``."""
    large = image.resize(np.pad(bitmap, 3), (round(114 * aspect), 114))
    soft = image.gaussian_blur(large, (9, 9), 2.5).astype(np.float32)
    stretched = ((soft - 64) * 2).clip(0, 255).astype(np.uint8)
    return np.rint(_core.prepare_digit(stretched) * 255).astype(np.uint8)


def make_examples(folder: str, seed: int, strings: int = _CHUNK) -> _Examples:
    """Return candidates (n, 28, 28, 2) cut from strings, and what each is, 10 for no digit."""
    rng = np.random.default_rng(seed)
    digits = _handwriting(folder, rng)
    kinds = styles()
    found = []
    for height in rng.permutation(_HEIGHTS):
        pictures = synth.strings(
            strings // len(_HEIGHTS),
            style=kinds,
            height=int(height),
            digits=digits,
            random_state=rng,
        )
        found += [_cut(picture, rng) for picture in pictures]
    return np.concatenate([x for x, _ in found]), np.concatenate([y for _, y in found])


def _handwriting(folder: str, rng: np.random.Generator) -> synth.Digits:
    mnist = load_mnist(folder)
    chosen = rng.choice(_TRAINING_DIGITS, _MNIST_DIGITS, replace=False)
    others, labels = load_uci(os.path.join(folder, "uci"), int(rng.integers(1 << 31)))
    return synth.Digits(
        np.concatenate([mnist.X_train[chosen]] + [others] * _UCI_TIMES),
        np.concatenate([mnist.y_train[chosen]] + [labels] * _UCI_TIMES),
    )


def _cut(picture: synth.Picture, rng: np.random.Generator) -> _Examples:
    """Return some of a string's candidates and what each is."""
    table, views = _core.find_candidates(np.ascontiguousarray(picture.image))
    labels, nearest = _label(table[:, 3:].astype(float), picture)
    chosen: list[int] = []
    seen = np.zeros(len(picture.values), int)
    for i in rng.permutation(np.flatnonzero((labels >= 0) & (labels < NOT_A_DIGIT))):
        if seen[nearest[i]] < _EXAMPLES_A_DIGIT:
            seen[nearest[i]] += 1
            chosen.append(i)
    others = np.flatnonzero(labels == NOT_A_DIGIT)
    count = min(len(others), round(1.2 * len(chosen)) + 3)
    chosen.extend(rng.choice(others, count, replace=False))
    return np.rint(views[chosen] * 255).astype(np.uint8), labels[chosen].astype(np.uint8)


def _label(
    boxes: NDArray[np.float64], picture: synth.Picture
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what each candidate is, -1 where that is not clear, and the digit it is nearest to.

    A candidate is a digit when its box is that one's but for little, or the best there is.
    """
    n, values = len(boxes), np.asarray(picture.values, np.int64)
    if not n or not len(values):
        return np.full(n, NOT_A_DIGIT), np.zeros(n, np.int64)
    left, top, width, height = np.asarray(picture.boxes, float).T
    wide = np.minimum(boxes[:, None, 2], left + width) - np.maximum(boxes[:, None, 0], left)
    tall = np.minimum(boxes[:, None, 3], top + height) - np.maximum(boxes[:, None, 1], top)
    shared = wide.clip(0) * tall.clip(0)
    own = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    likeness = shared / (own[:, None] + width * height - shared)
    nearest = likeness.argmax(axis=1)
    alike = likeness[np.arange(n), nearest]
    best = np.zeros(n, bool)
    for digit in range(len(values)):
        its = np.flatnonzero(nearest == digit)
        if len(its):
            best[its[alike[its].argmax()]] = True
    narrow = (width < 0.35 * height)[nearest]  # of a one, a pixel more is much
    is_digit = (alike >= 0.86) | (best & (alike >= 0.72)) | (narrow & (alike >= 0.75))
    is_none = ~is_digit & (alike < np.where(narrow, 0.55, 0.7))
    return np.where(is_digit, values[nearest], np.where(is_none, NOT_A_DIGIT, -1)), nearest


def _others(folder: str, seed: int) -> Iterator[_Examples]:
    """Yield what strings have little of: whole digits alone, and drawn things that are none."""
    rng = np.random.default_rng(seed)
    digits = _handwriting(folder, rng)
    chosen = rng.choice(len(digits), 20_000, replace=False)
    yield digits.images[chosen], digits.labels[chosen].astype(np.uint8)
    none = synth.not_digits(16_000, digits=digits, random_state=rng)
    yield np.asarray(none), np.full(len(none), NOT_A_DIGIT, np.uint8)


# Without those that look like digits.
_LETTERS = "ACDEFGHKLMNPQRTUVWXYacdefhijkmnprtuvwxy&?!@%"


def make_letters(seed: int, pictures: int = 500) -> _Examples:
    """Return candidates cut from words and scribbles, none of which is a digit."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(pictures):
        table, views = _core.find_candidates(_draw_letters(rng))
        chosen = rng.permutation(len(table))[:40]
        found.append(np.rint(views[chosen] * 255).astype(np.uint8))
    X = np.concatenate(found)
    return X, np.full(len(X), NOT_A_DIGIT, np.uint8)


def _draw_letters(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture of a word or of some curves, leaning and of any pen."""
    from PIL import Image, ImageDraw, ImageFont

    size, pen = int(rng.integers(24, 64)), int(rng.integers(1, 6))
    word = "".join(rng.choice(list(_LETTERS), rng.integers(1, 8)))
    page = Image.new("L", (size * (len(word) + 2), 2 * size + 10))
    canvas = ImageDraw.Draw(page)
    if rng.random() < 0.7:
        font = ImageFont.load_default(size)
        thick = int(rng.integers(0, 2 + size // 32))
        canvas.text((size // 2, size // 3), word, 255, font, stroke_width=thick)
    else:
        for _ in range(int(rng.integers(1, 2 * len(word) + 2))):
            start = rng.uniform(0.2, 0.8, 2) * page.size
            steps = rng.normal(0, size / 5, (int(rng.integers(3, 16)), 2)).cumsum(axis=0)
            path = [tuple(map(float, point)) for point in start + steps.cumsum(axis=0) / 4]
            canvas.line(path, 255, pen, "curve")
    lean = rng.uniform(-0.1, 0.4)
    shape = (1, lean, -lean * size, 0, 1, 0)
    page = page.transform(page.size, Image.Transform.AFFINE, shape, Image.Resampling.BILINEAR)
    ink = np.asarray(page) / 255 * rng.uniform(0.4, 0.9)
    paper = rng.uniform(150, 250) * (1 - ink) + rng.normal(0, rng.uniform(0.5, 8), ink.shape)
    return paper.clip(0, 255).astype(np.uint8)


def train(
    folder: str, strings: int, epochs: int, seed: int = 0, jobs: int | None = None
) -> _core.Network:
    """Return the trained network.

    The same seed, data, version and instruction set give the same network to the bit.
    """
    start = time.perf_counter()
    with ProcessPoolExecutor(jobs) as workers:
        seeds = [1000 * seed + i + 1 for i in range(-(-strings // _CHUNK))]
        parts = list(workers.map(make_examples, [folder] * len(seeds), seeds))
        parts += workers.map(make_letters, range(seed, seed + 4))
    # What stands alone has the same ink in both channels.
    parts += [(np.repeat(x[..., None], 2, axis=3), y) for x, y in _others(folder, seed)]
    X = np.concatenate([x for x, _ in parts])
    y = np.concatenate([y for _, y in parts])
    order = np.random.default_rng(seed).permutation(len(y))
    X, y = X[order], y[order]
    kept = len(y) // 40
    print(
        f"{len(y):,} examples in {time.perf_counter() - start:.0f} s: {np.bincount(y)}", flush=True
    )
    network = _core.Network(LAYERS, (28, 28, 2), seed=seed)
    trainer = _core.Trainer(
        network,
        epochs=epochs,
        batch_size=128,
        seed=seed,
        optimizer="adamw",
        learning_rate=6e-3,
        weight_decay=0.1,
        schedule="one_cycle",
        warmup=0.2,
        final_divisor=1000.0,
    )
    trainer.run(X[kept:], y[kept:], 1 / 255, X[:kept], y[:kept], on_epoch=_tell)
    return network


def _tell(progress: Any) -> None:
    print(
        f"epoch {progress['epoch'] + 1}: loss {progress['loss']:.4f}, validation loss "
        f"{progress['val_loss']:.4f}, accuracy {progress['val_accuracy']:.4f}, "
        f"{progress['seconds']:.0f} s",
        flush=True,
    )


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.reader")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default="reader.safetensors")
    parser.add_argument("--strings", type=int, default=40_000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args()
    network = train(options.data, options.strings, options.epochs, options.seed, options.jobs)
    write_reader(options.out, network)


if __name__ == "__main__":
    main()
