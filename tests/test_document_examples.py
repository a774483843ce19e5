"""Training examples of documents, and what the shipped classifier has learnt from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import ocrdigit
from ocrdigit import datasets
from ocrdigit.training import _document_examples as examples
from ocrdigit.training import marks
from ocrdigit.training._examples import Examples
from ocrdigit.training.documents import document_set

Gray = NDArray[np.uint8]


def drawn(lines: list[list[tuple[float, float]]], width: float, size: int = 64) -> Gray:
    """Return polylines through points in 0..1, dark on light, with margins."""
    page = Image.new("L", (4 * size, 4 * size), 240)
    canvas = ImageDraw.Draw(page)
    for points in lines:
        ends = [((0.2 + 0.6 * x) * 4 * size, (0.2 + 0.6 * y) * 4 * size) for x, y in points]
        canvas.line(ends, 40, round(4 * size * width), joint="curve")
    return np.asarray(page.resize((size, size), Image.Resampling.BOX))


def beside(left: Gray, right: Gray, gap: int) -> Gray:
    """Return two light digits side by side, dark on light."""
    parts = []
    for digit in (left, right):
        columns = np.flatnonzero(digit.max(axis=0) > 60)
        parts.append(digit[:, columns[0] : columns[-1] + 1])
    page = np.hstack([parts[0], np.zeros((28, gap), np.uint8), parts[1]])
    return 255 - ocrdigit.image.resize(np.pad(page, 6), (3 * page.shape[1] + 36, 120))


def test_ticks_are_non_digits() -> None:
    rng = np.random.default_rng(0)
    ticks = []
    for _ in range(100):
        corner = (rng.uniform(0.25, 0.4), 1.0)
        tick = [(0.0, rng.uniform(0.5, 0.7)), corner, (1.0, 0.0)]
        ticks.append(drawn([tick], rng.uniform(0.03, 0.08)))
    assert np.mean(np.asarray(ocrdigit.digit_score(ticks)) < 0.5) >= 0.9


def test_crosses_are_non_digits() -> None:
    rng = np.random.default_rng(1)
    crosses = []
    for _ in range(60):
        a, b, c, d = rng.uniform(-0.08, 0.08, 4)
        lines = [[(a, 0.0), (1 + b, 1.0)], [(1 + c, 0.0), (d, 1.0)]]
        crosses.append(drawn(lines, rng.uniform(0.03, 0.08)))
    assert np.mean(np.asarray(ocrdigit.digit_score(crosses)) < 0.5) >= 0.9


def test_two_touching_digits_are_a_non_digit() -> None:
    sample = datasets.load_sample()
    pairs = [beside(sample.X_test[i], sample.X_test[i + 1], gap=0) for i in range(0, 120, 2)]
    assert np.mean(np.asarray(ocrdigit.digit_score(pairs)) < 0.5) >= 0.8


def test_printed_digits() -> None:
    pictures = []
    for value in range(10):
        page = Image.new("L", (60, 60), 250)
        ImageDraw.Draw(page).text((18, 8), str(value), 20, font_size=40)
        pictures.append(np.asarray(page))
    assert ocrdigit.predict(pictures).tolist() == list(range(10))
    assert min(ocrdigit.digit_score(pictures)) > 0.5


def test_pictures_without_foreground_are_no_examples() -> None:
    digit = datasets.load_sample().X_test[0]
    assert examples._is_usable(digit)
    assert not examples._is_usable(np.zeros((28, 28), np.uint8))
    assert not examples._is_usable(255 - digit)


def test_a_pair_that_lost_a_digit_is_no_example() -> None:
    sample = datasets.load_sample()
    pair = 255 - beside(sample.X_test[0], sample.X_test[1], gap=4)
    trimmed = marks.trimmed(pair)
    assert examples._is_whole(examples.preprocessed(pair), trimmed)
    alone = examples.preprocessed(np.pad(sample.X_test[0], 6))
    assert not examples._is_whole(alone, trimmed)


def test_the_neighbours_of_a_number_are_painted_over() -> None:
    field = np.full((20, 40), 200, np.uint8)
    field[5:15, 4:8] = field[5:15, 30:34] = 50
    foreground = np.where(field == 50, 255, 0).astype(np.uint8)
    labels = np.where(field == 50, 2, 0).astype(np.uint8)
    labels[:, :20][labels[:, :20] == 2] = 1
    clean = examples._without_others(field, foreground, labels)
    assert (clean[5:15, 4:8] == 50).all()
    assert (clean[:, 20:] == 200).all()


def test_targets_of_documents_are_their_labels() -> None:
    sample = datasets.load_sample()
    given = Examples(sample.X_test[:6], np.arange(5, 11).astype(np.uint8))
    made = document_set(given, 2, seed=0)
    again = document_set(given, 2, seed=0)
    assert made.images.shape == (12, 28, 28)
    assert made.targets.argmax(axis=1).tolist() == [*range(5, 11)] * 2
    assert (made.targets.sum(axis=1) == 1).all()
    assert (made.images[:6] != made.images[6:]).any()
    np.testing.assert_array_equal(made.images, again.images)
