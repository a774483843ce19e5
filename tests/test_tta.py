"""A second look at images in doubt."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset
from ocrdigit.evaluation import corruptions


@pytest.fixture
def blurred(sample: Dataset) -> NDArray[np.uint8]:
    """Images of which many are in doubt."""
    images = [ocrdigit.image.gaussian_blur(x, (7, 7), 1.6) for x in sample.X_test[::10]]
    return np.stack(images)


@pytest.fixture
def model() -> DigitClassifier:
    return ocrdigit.load("tiny").set_params(tta=True)


def looked_up(
    image: NDArray[np.uint8], change: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """Bilinear, pixel by pixel, black outside."""
    padded = np.pad(image.astype(np.float64), 30)
    result = np.empty((28, 28))
    for row in range(28):
        for column in range(28):
            y = change[0] * (row - 13.5) + change[1] * (column - 13.5) + 13.5 + 30
            x = change[2] * (row - 13.5) + change[3] * (column - 13.5) + 13.5 + 30
            top, left = math.floor(y), math.floor(x)
            down, right = y - top, x - left
            upper = padded[top, left] * (1 - right) + padded[top, left + 1] * right
            lower = padded[top + 1, left] * (1 - right) + padded[top + 1, left + 1] * right
            result[row, column] = upper * (1 - down) + lower * down
    return result


def test_the_average_of_all_versions(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    first = model.network_.predict_proba(blurred, 1 / 255)
    which = int(first.max(axis=1).argmin())
    cosine, sine = math.cos(math.radians(8)), math.sin(math.radians(8))
    changes = [(cosine, -sine, sine, cosine), (cosine, sine, -sine, cosine)]
    changes += [(1 / 0.9, 0, 0, 1 / 0.9), (1 / 1.1, 0, 0, 1 / 1.1)]
    changes += [(1, 0, 0.15, 1), (1, 0, -0.15, 1)]
    versions = np.stack([looked_up(blurred[which], change) for change in changes])
    found = model.network_.predict_proba(versions.astype(np.float32), 1 / 255)
    logs = (2 * np.log(first[which].astype(float)) + np.log(found.astype(float)).sum(axis=0)) / 8
    expected = np.exp(logs) / np.exp(logs).sum()
    np.testing.assert_allclose(model.predict_proba(blurred)[which], expected, atol=1e-4)


def test_only_where_in_doubt(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    first = model.network_.predict_proba(blurred, 1 / 255)
    found = model.predict_proba(blurred)
    sure = first.max(axis=1) >= 0.99
    assert 0 < sure.sum() < len(sure)
    assert np.array_equal(found[sure], first[sure])
    assert (found[~sure] != first[~sure]).any(axis=1).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert found.dtype == np.float32


def test_answers_agree(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    found = model.predict_proba(blurred)
    assert np.array_equal(model.predict(blurred), found.argmax(axis=1))
    assert np.array_equal(model.predict_proba(blurred[:1]), found[:1])
    sure = model.confidence(blurred)
    np.testing.assert_allclose(sure, found.max(axis=1) * model.digit_score(blurred), rtol=1e-5)
    assert np.array_equal(model.predict(blurred, reject=0.5) == -1, sure < 0.5)


def test_many_doubtful_images(model: DigitClassifier) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2300, 28, 28)).astype(np.uint8)
    found = model.predict_proba(noise)
    assert np.array_equal(found[-5:], model.predict_proba(noise[-5:]))


def test_fewer_mistakes(sample: Dataset, model: DigitClassifier) -> None:
    images = [corruptions.corrupt(sample.X_test, name, 3, 0) for name in corruptions.NAMES]
    harder, digits = np.concatenate(images), np.tile(sample.y_test, len(images))
    twice = model.score(harder, digits)
    assert twice == np.mean(model.predict(harder) == digits)
    assert twice > model.set_params(tta=False).score(harder, digits)


def test_it_is_kept(tmp_path: Path, model: DigitClassifier) -> None:
    assert all(ocrdigit.load(name).tta for name in ("default", "tiny", "large"))
    assert not ocrdigit.load("seed").tta
    assert copy.deepcopy(model).tta
    model.save(tmp_path / "twice.safetensors")
    assert ocrdigit.load(tmp_path / "twice.safetensors").tta
    model.set_params(tta=False).save(tmp_path / "once.safetensors")
    assert not ocrdigit.load(tmp_path / "once.safetensors").tta


def test_single_images_that_are_ready(model: DigitClassifier, sample: Dataset) -> None:
    """The core answers where it is sure; all answers are those of a batch."""
    digits = sample.X_test[::5].copy()
    found = model.predict_proba(digits)
    answers = [model.network_.predict_canonical(x) for x in digits]
    sure = model.network_.predict_proba(digits, 1 / 255).max(axis=1) >= 0.99
    assert [answer is not None for answer in answers] == sure.tolist()
    assert 0 < sure.sum() < len(sure)
    assert [model.predict(x) for x in digits] == found.argmax(axis=1).tolist()
    for x, probabilities in zip(digits, found, strict=True):
        np.testing.assert_allclose(model.predict_proba(x), probabilities, atol=1e-6)
    assert model.network_.predict_canonical(digits) is None
    assert model.network_.copy().sure == 0.99


def test_sure_is_checked(model: DigitClassifier) -> None:
    network = model.network_
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="sure: got"):
            network.sure = wrong
    with pytest.raises(TypeError, match="sure"):
        network.sure = "much"  # type: ignore[assignment]
    assert network.sure == 0.99
    model.tta = False
    assert network.sure == 0
    assert model.set_params(tta=True).network_.sure == 0.99
    assert copy.deepcopy(model).network_.sure == 0.99
