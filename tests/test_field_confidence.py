"""The confidence in whole numbers: its formula, its fit, and what lowers it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import ocrdigit
from ocrdigit import synth
from ocrdigit.models.field_confidence import (
    FieldWeights,
    shipped_confidence,
    terms,
    write_confidence,
)
from ocrdigit.training.confidence import fit_confidence

WEIGHTS = FieldWeights(-1, 0.5, -0.25, 2, 3, 4, -5)


def test_formula() -> None:
    confidences, quality = [0.9, 0.8], (-0.1, -0.2, -0.3, 1.0)
    odds = -1 + 0.5 * np.log(0.72 / 0.28) - 0.25 * np.log(2) - 0.2 - 0.6 - 1.2 - 5
    found = WEIGHTS.confidence(confidences, quality)
    assert found == pytest.approx(1 / (1 + np.exp(-odds)))
    assert 0 < WEIGHTS.confidence([0.0], (-1, -1, -1, 1)) < found
    assert WEIGHTS.confidence([1.0], (0, 0, 0, 0)) < 1


def test_fit() -> None:
    """The weights of a logistic model are found again from its samples."""
    rng = np.random.default_rng(0)
    x = np.stack(
        [
            terms(rng.uniform(0.3, 1, rng.integers(1, 9)).tolist(), (*-rng.exponential(0.5, 3), 0))
            for _ in range(20_000)
        ]
    )
    x[:, 6] = rng.random(len(x)) < 0.3
    wanted = np.array([0.5, 1.2, -0.4, 0.8, 1.5, 0.6, -1.0])
    right = (rng.random(len(x)) < 1 / (1 + np.exp(-x @ wanted))).astype(np.int64)
    found = np.array(dataclasses.astuple(fit_confidence(x, right)))
    np.testing.assert_allclose(found, wanted, atol=0.25)


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "confidence.json"
    write_confidence(path, shipped_confidence())
    assert path.read_text() == Path(ocrdigit.models.field_confidence.CONFIDENCE_PATH).read_text()


def test_number() -> None:
    (number,) = ocrdigit.read(synth.string("1874", height=64, random_state=3).image).numbers
    assert number.quality is not None
    expected = shipped_confidence().confidence(
        [symbol.confidence for symbol in number.symbols], number.quality
    )
    assert number.confidence == pytest.approx(expected)
    assert number.quality[3] == 0


def test_truncated() -> None:
    """A number that is cut at a side of the image is less certain."""
    image = synth.string("1874", height=64, random_state=3).image
    (whole,) = ocrdigit.read(image).numbers
    x, _, w, _ = whole.digits[-1].box
    (cut,) = ocrdigit.read(np.ascontiguousarray(image[:, : x + w // 2])).numbers
    assert cut.quality is not None
    assert cut.quality[3] == 1
    assert cut.confidence < whole.confidence
