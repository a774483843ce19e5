"""Test-time augmentation (TTA) of images with a low confidence."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ocrdigit
from ocrdigit import DigitClassifier, _core
from ocrdigit.datasets import Dataset
from ocrdigit.evaluation import corruptions


@pytest.fixture
def blurred(sample: Dataset) -> NDArray[np.uint8]:
    """Images, many of them with a low confidence."""
    images = [ocrdigit.image.gaussian_blur(x, (7, 7), 1.6) for x in sample.X_test[::10]]
    return np.stack(images)


@pytest.fixture
def model() -> DigitClassifier:
    return ocrdigit.load("tiny").set_params(tta=True)


def without_tta(model: DigitClassifier, images: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the probabilities (n, 10) of images in 0..255 from one forward pass."""
    return _core.Classifier(model.network_).predict_proba(images, 1 / 255)


def warped(
    image: NDArray[np.uint8], matrix: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """Return the image under a linear map about its centre: bilinear, black outside."""
    padded = np.pad(image.astype(np.float64), 30)
    result = np.empty((28, 28))
    for row in range(28):
        for column in range(28):
            y = matrix[0] * (row - 13.5) + matrix[1] * (column - 13.5) + 13.5 + 30
            x = matrix[2] * (row - 13.5) + matrix[3] * (column - 13.5) + 13.5 + 30
            top, left = math.floor(y), math.floor(x)
            down, right = y - top, x - left
            upper = padded[top, left] * (1 - right) + padded[top, left + 1] * right
            lower = padded[top + 1, left] * (1 - right) + padded[top + 1, left + 1] * right
            result[row, column] = upper * (1 - down) + lower * down
    return result


def test_averages_all_versions(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    first = without_tta(model, blurred)
    index = int(first.max(axis=1).argmin())
    cosine, sine = math.cos(math.radians(8)), math.sin(math.radians(8))
    matrices = [(cosine, -sine, sine, cosine), (cosine, sine, -sine, cosine)]
    matrices += [(1 / 0.9, 0, 0, 1 / 0.9), (1 / 1.1, 0, 0, 1 / 1.1)]
    matrices += [(1, 0, 0.15, 1), (1, 0, -0.15, 1)]
    versions = np.stack([warped(blurred[index], matrix) for matrix in matrices])
    warped_proba = without_tta(model, versions.astype(np.float32))
    logs = (
        2 * np.log(first[index].astype(float)) + np.log(warped_proba.astype(float)).sum(axis=0)
    ) / 8
    expected = np.exp(logs) / np.exp(logs).sum()
    np.testing.assert_allclose(model.predict_proba(blurred)[index], expected, atol=1e-4)


def test_applies_below_the_threshold_only(
    model: DigitClassifier, blurred: NDArray[np.uint8]
) -> None:
    first = without_tta(model, blurred)
    probabilities = model.predict_proba(blurred)
    confident = first.max(axis=1) >= 0.99
    assert 0 < confident.sum() < len(confident)
    assert np.array_equal(probabilities[confident], first[confident])
    assert (probabilities[~confident] != first[~confident]).any(axis=1).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert probabilities.dtype == np.float32


def test_methods_agree(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    probabilities = model.predict_proba(blurred)
    assert np.array_equal(model.predict(blurred), probabilities.argmax(axis=1))
    assert np.array_equal(model.predict_proba(blurred[:1]), probabilities[:1])
    confidence = model.confidence(blurred)
    expected = probabilities.max(axis=1) * model.digit_score(blurred)
    np.testing.assert_allclose(confidence, expected, rtol=1e-5)
    assert np.array_equal(model.predict(blurred, reject=0.5) == -1, confidence < 0.5)


def test_large_batches(model: DigitClassifier) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2300, 28, 28)).astype(np.uint8)
    probabilities = model.predict_proba(noise)
    assert np.array_equal(probabilities[-5:], model.predict_proba(noise[-5:]))


def test_improves_the_accuracy(sample: Dataset, model: DigitClassifier) -> None:
    images = [corruptions.corrupt(sample.X_test, name, 3, 0) for name in corruptions.NAMES]
    corrupted, digits = np.concatenate(images), np.tile(sample.y_test, len(images))
    accuracy = model.score(corrupted, digits)
    assert accuracy == np.mean(model.predict(corrupted) == digits)
    assert accuracy > model.set_params(tta=False).score(corrupted, digits)


def test_files_and_copies_keep_it(tmp_path: Path, model: DigitClassifier) -> None:
    assert all(ocrdigit.load(name).tta for name in ("default", "tiny", "large"))
    assert not ocrdigit.load("seed").tta
    assert copy.deepcopy(model).tta
    model.save(tmp_path / "with.safetensors")
    assert ocrdigit.load(tmp_path / "with.safetensors").tta
    model.set_params(tta=False).save(tmp_path / "without.safetensors")
    assert not ocrdigit.load(tmp_path / "without.safetensors").tta


def test_single_images(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    """Single images and batches give the same results, also on the fast path."""
    images = blurred[:20]
    probabilities = model.predict_proba(images)
    assert [model.predict(x) for x in images] == probabilities.argmax(axis=1).tolist()
    for x, expected in zip(images, probabilities, strict=True):
        assert np.array_equal(model.predict_proba(x), expected)
        assert np.array_equal(model.predict_proba(x / 255), model.predict_proba((x / 255)[None])[0])


def test_thread_counts_agree(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    for n in (1, 3, 9, 40):
        one, three = (
            model.set_params(n_jobs=jobs).predict_proba(blurred[:n].reshape(n, 784))
            for jobs in (1, 3)
        )
        assert np.array_equal(one, three)


def test_setting_takes_effect_immediately(
    model: DigitClassifier, blurred: NDArray[np.uint8]
) -> None:
    with_tta = model.predict_proba(blurred)
    model.tta = False
    assert np.array_equal(model.predict_proba(blurred), without_tta(model, blurred))
    assert np.array_equal(model.set_params(tta=True).predict_proba(blurred), with_tta)
    assert np.array_equal(copy.deepcopy(model).predict_proba(blurred), with_tta)
