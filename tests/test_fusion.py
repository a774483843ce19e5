"""How the weights of two opinions are fitted, and what to."""

from __future__ import annotations

import numpy as np
import pytest

import ocrdigit
from ocrdigit import _core, synth
from ocrdigit.models.recognizer import shipped_recognizer
from ocrdigit.training import fusion


def test_fit_finds_the_weights() -> None:
    rng = np.random.default_rng(0)
    terms = rng.normal(0, 2, (20_000, 5, 3))
    weights = np.array([0.7, 0.2, -0.4])
    scores = terms @ weights + rng.gumbel(size=(20_000, 5))  # draws from the softmax
    found = fusion.fit(terms, scores.argmax(axis=1), np.ones(20_000))
    assert found == pytest.approx(weights, abs=0.03)


def test_counts_are_as_repeating() -> None:
    rng = np.random.default_rng(1)
    terms, labels = rng.normal(size=(200, 2, 2)), rng.integers(0, 2, 200)
    counts = np.where(labels == 1, 3.0, 1.0)
    repeated = np.repeat(np.arange(200), counts.astype(int))
    expected = fusion.fit(terms[repeated], labels[repeated], np.ones(len(repeated)))
    assert fusion.fit(terms, labels, counts) == pytest.approx(expected, abs=1e-6)


def test_evidence_tells_digits_apart() -> None:
    """Of what stands in a line no neighbour reaches it, nor touches."""
    close = synth.strings(10, length=4, style="cheque", random_state=0)
    spread = synth.strings(
        10, length=4, style=synth.STYLES["cheque"].with_(gap=(0.4, 0.5)), random_state=0
    )
    judge = ocrdigit.load("default").network_
    found = fusion.gather(shipped_recognizer(), judge, close + spread)
    expected = []
    for picture in close + spread:
        image = np.ascontiguousarray(picture.image)
        table, _ = _core.read_digits(
            shipped_recognizer(), image, judge=judge, opinions=fusion.only(reader=1.0, read=1.0)
        )
        starts, ends = table[:, 2], table[:, 2] + table[:, 4]
        same_line = table[:, None, 0] == table[None, :, 0]
        meet = same_line & (starts[:, None] <= ends) & (starts <= ends[:, None])
        expected += (meet.sum(axis=1) == 1).tolist()  # itself
    assert found.apart.tolist() == expected
    assert len(set(expected)) == 2


def test_match_by_boxes() -> None:
    boxes = np.array([[0, 0, 10, 20], [12, 0, 10, 20]])
    written = synth.Picture(np.zeros((20, 60), np.uint8), "38", np.array([3, 8]), boxes)
    row = [[0, 7, 30, 0, 9, 20], [0, 8, 12, 1, 10, 18], [0, 5, 14, 0, 3, 5]]
    table = np.array(row, np.int32)
    assert fusion.match(table, written).tolist() == [-1, 8, -1]
    assert fusion.match(table[:2], written).tolist() == [3, 8]  # as many: in order
