"""Fine-tuning of a loaded model on a few images: it learns them without forgetting the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import small_model, weights_of

import ocrdigit
from ocrdigit import DigitClassifier, recipes
from ocrdigit._replay import with_sample
from ocrdigit.datasets import Dataset
from ocrdigit.evaluation import corruptions


def loaded(path: Path, **parameters: object) -> DigitClassifier:
    return ocrdigit.load(path).set_params(random_state=0, verbose=0, **parameters)


@pytest.fixture
def writer(sample: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A writer of slanted digits: 100 images, their digits, and all test images, slanted."""
    slanted = corruptions.rotated(sample.X_train[-100:], 45), sample.y_train[-100:]
    return *slanted, corruptions.rotated(sample.X_test, 45)


def test_it_learns_the_hand_and_keeps_the_others(
    model_file: Path, sample: Dataset, writer: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, y, X_test = writer
    before = loaded(model_file)
    after = loaded(model_file).fit(X, y)
    assert after.score(X_test, sample.y_test) > before.score(X_test, sample.y_test) + 0.05
    assert after.score(sample.X_test, sample.y_test) > before.score(sample.X_test, sample.y_test)
    without_replay = loaded(model_file, recipe="default").fit(X, y)
    assert without_replay.score(sample.X_test, sample.y_test) < 0.9 * after.score(
        sample.X_test, sample.y_test
    )


def test_missing_digits_are_not_forgotten(model_file: Path, sample: Dataset) -> None:
    X, y = sample.X_train[:200], sample.y_train[:200]
    after = loaded(model_file).fit(X[y == 7], y[y == 7])
    others = sample.y_test != 7
    before = loaded(model_file)
    assert after.score(sample.X_test[others], sample.y_test[others]) > (
        before.score(sample.X_test[others], sample.y_test[others]) - 0.02
    )


def test_loading_sets_the_recipe(model_file: Path, fitted: DigitClassifier) -> None:
    model = ocrdigit.load(model_file)
    assert model.recipe == "fine-tune"
    assert model.warm_start
    assert fitted.recipe == "default"


def test_reproducibility_and_history(model_file: Path, sample: Dataset) -> None:
    X, y = sample.X_train[:20], sample.y_train[:20]
    first, again = (loaded(model_file, epochs=2).fit(X, y) for _ in range(2))
    assert (weights_of(first) == weights_of(again)).all()
    assert len(first.history_["loss"]) == 2
    assert len(first.fit(X, y).history_["loss"]) == 4


def test_without_a_model_the_recipe_is_default(sample: Dataset) -> None:
    X, y = sample.X_train[:100], sample.y_train[:100]
    for method in ("fit", "partial_fit"):
        models = [small_model(recipe=recipe) for recipe in ("fine-tune", "default")]
        one, other = (weights_of(getattr(model, method)(X, y)) for model in models)
        assert (one == other).all()


def test_partial_fit_has_no_replay(model_file: Path, sample: Dataset) -> None:
    X, y = sample.X_train[:50], sample.y_train[:50]
    model = loaded(model_file, batch_size=50)
    before = weights_of(model)
    model.partial_fit(X, y)
    # One step of Adam changes no weight by more than the learning rate and the decay.
    assert 0 < np.abs(weights_of(model) - before).max() < 1.1e-3


# -- replay --


@pytest.mark.parametrize("count", [1, 7, 100, 4000])
@pytest.mark.parametrize("given", [1, 30, 3000])
def test_given_images_are_repeated(sample: Dataset, count: int, given: int) -> None:
    X, y = sample.X_test[:1].repeat(given, 0), np.full(given, 5, np.uint8)
    images, labels = with_sample(X, y, 1 / 255, count)
    assert images.dtype == labels.dtype == np.uint8
    own = len(images) - count
    assert own % given == 0
    assert own >= count / 4
    assert own < count / 4 + given or own == given
    assert (labels[:own] == 5).all()
    assert np.array_equal(images[:own], sample.X_test[:1].repeat(own, 0))
    assert np.array_equal(images[own:], sample.X_train[:count])
    assert np.array_equal(labels[own:], sample.y_train[:count])


@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_replay_has_the_scale_of_the_images(sample: Dataset, scale: float) -> None:
    X = (sample.X_test[:3] / (255 * scale)).astype(np.float32)
    images, _ = with_sample(X, np.zeros(3, np.uint8), scale, 10)
    assert images.dtype == np.float32
    assert np.allclose(images[-10:] * scale, sample.X_train[:10] / 255, atol=1e-6)
    assert np.array_equal(images[:3], X)


def test_dtypes_of_images_train_the_same(model_file: Path, sample: Dataset) -> None:
    X, y = sample.X_train[:20], sample.y_train[:20]
    models = [
        loaded(model_file, epochs=1).fit(images, y)
        for images in (X, X.astype(np.float32), X / 255, list(X))
    ]
    for model in models[1:]:
        assert np.allclose(weights_of(model), weights_of(models[0]), atol=1e-4)


# -- settings --


def test_replay_in_a_custom_recipe(sample: Dataset) -> None:
    X, y = sample.X_train[:64], sample.y_train[:64]
    steps = []
    model = small_model(recipe={"replay": 640, "batch_size": 64}, epochs=1)
    model.set_params(callbacks=lambda progress: steps.append(progress["steps"])).fit(X, y)
    assert steps == [13]  # 192 of the given and 640 of the sample
    assert recipes.replay_of("default") == 0


@pytest.mark.parametrize(
    ("replay", "error"),
    [(-1, ValueError), (4001, ValueError), (1.5, TypeError), (True, TypeError), ("x", TypeError)],
)
def test_bad_replay(sample: Dataset, replay: object, error: type) -> None:
    with pytest.raises(error, match="replay must be"):
        small_model(recipe={"replay": replay}).fit(sample.X_train[:8], sample.y_train[:8])
