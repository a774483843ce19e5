"""A second look at images in doubt."""

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
    """Images of which many are in doubt."""
    images = [ocrdigit.image.gaussian_blur(x, (7, 7), 1.6) for x in sample.X_test[::10]]
    return np.stack(images)


@pytest.fixture
def model() -> DigitClassifier:
    return ocrdigit.load("tiny").set_params(tta=True)


def without_tta(model: DigitClassifier, images: NDArray[np.generic]) -> NDArray[np.float32]:
    """Probabilities (n, 10) of images of 0..255 from one forward pass."""
    return _core.Classifier(model.network_).predict_proba(images, 1 / 255)


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
    first = without_tta(model, blurred)
    which = int(first.max(axis=1).argmin())
    cosine, sine = math.cos(math.radians(8)), math.sin(math.radians(8))
    changes = [(cosine, -sine, sine, cosine), (cosine, sine, -sine, cosine)]
    changes += [(1 / 0.9, 0, 0, 1 / 0.9), (1 / 1.1, 0, 0, 1 / 1.1)]
    changes += [(1, 0, 0.15, 1), (1, 0, -0.15, 1)]
    versions = np.stack([looked_up(blurred[which], change) for change in changes])
    found = without_tta(model, versions.astype(np.float32))
    logs = (2 * np.log(first[which].astype(float)) + np.log(found.astype(float)).sum(axis=0)) / 8
    expected = np.exp(logs) / np.exp(logs).sum()
    np.testing.assert_allclose(model.predict_proba(blurred)[which], expected, atol=1e-4)


def test_only_where_in_doubt(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    first = without_tta(model, blurred)
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


def test_single_images(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    """Each gets test-time augmentation as in a batch, on the fast path too."""
    images = blurred[:20]
    found = model.predict_proba(images)
    assert [model.predict(x) for x in images] == found.argmax(axis=1).tolist()
    for x, probabilities in zip(images, found, strict=True):
        assert np.array_equal(model.predict_proba(x), probabilities)
        assert np.array_equal(model.predict_proba(x / 255), model.predict_proba((x / 255)[None])[0])


def test_thread_counts_agree(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    for n in (1, 3, 9, 40):
        one, three = (
            model.set_params(n_jobs=jobs).predict_proba(blurred[:n].reshape(n, 784))
            for jobs in (1, 3)
        )
        assert np.array_equal(one, three)


def test_a_change_holds_at_once(model: DigitClassifier, blurred: NDArray[np.uint8]) -> None:
    with_tta = model.predict_proba(blurred)
    model.tta = False
    assert np.array_equal(model.predict_proba(blurred), without_tta(model, blurred))
    assert np.array_equal(model.set_params(tta=True).predict_proba(blurred), with_tta)
    assert np.array_equal(copy.deepcopy(model).predict_proba(blurred), with_tta)
