"""DigitClassifier: scikit-learn's conventions, training, and the state after errors."""

from __future__ import annotations

import copy
import io
import math
import pickle
import sys
import threading
import time

import numpy as np
import pytest
from conftest import SMALL, small_model, weights_of

import ocrdigit
from ocrdigit import DigitClassifier, _core, architectures, augmentations, recipes
from ocrdigit._thread_limit import thread_limit
from ocrdigit.datasets import Dataset
from ocrdigit.estimator import NotFittedError
from ocrdigit.progress import TrainingDisplay

# -- parameters --


def test_init_stores_parameters_untouched() -> None:
    given = {
        "architecture": [{"type": "nonsense"}],
        "recipe": "no such recipe",
        "epochs": -1,
        "batch_size": "many",
        "augment": [{}],
        "optimizer": {"type": "x"},
        "learning_rate": float("nan"),
        "precision": "int5",
        "tta": "no",
        "patience": 0,
        "restore_best": 5,
        "warm_start": "yes",
        "random_state": object(),
        "n_jobs": 0,
        "callbacks": 3,
        "verbose": 9,
    }
    model = DigitClassifier(**given)
    assert model.get_params().keys() == given.keys()
    for name, value in given.items():
        assert getattr(model, name) is value
        assert model.get_params()[name] is value


def test_set_params_changes_and_returns_self() -> None:
    model = DigitClassifier()
    assert model.set_params(epochs=3, recipe="seed") is model
    assert (model.epochs, model.recipe) == (3, "seed")
    with pytest.raises(ValueError, match="no parameter 'epoch'"):
        model.set_params(epoch=4, recipe="default")
    assert model.recipe == "seed"


def test_repr_shows_changed_parameters() -> None:
    assert repr(DigitClassifier(epochs=3, recipe="seed")) == (
        "DigitClassifier(recipe='seed', epochs=3)"
    )


# -- training --


def test_fit_sets_the_fitted_attributes(sample: Dataset) -> None:
    model = small_model()
    X, y = sample.X_train[:200], sample.y_train[:200]
    assert model.fit(X, y, validation_data=(sample.X_test, sample.y_test)) is model
    assert model.classes_.tolist() == list(range(10))
    assert model.n_features_in_ == 784
    assert set(model.history_) == {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    for numbers in model.history_.values():
        assert len(numbers) == 2
        assert all(isinstance(number, float) and math.isfinite(number) for number in numbers)
    assert model.history_["val_accuracy"][-1] == model.score(sample.X_test, sample.y_test)


def test_history_without_validation_is_nan(fitted: DigitClassifier) -> None:
    assert all(map(math.isnan, fitted.history_["val_loss"] + fitted.history_["val_accuracy"]))


@pytest.mark.parametrize("recipe", ["seed", "default"])
def test_recipes_learn(sample: Dataset, recipe: str) -> None:
    model = DigitClassifier(recipe=recipe, epochs=3, batch_size=32, random_state=1, verbose=0)
    model.fit(sample.X_train[:2000], sample.y_train[:2000])
    assert model.score(sample.X_test, sample.y_test) > 0.85
    assert model.network_.parameter_count == 110_634


def test_fast_recipe_learns_in_one_epoch(sample: Dataset) -> None:
    model = DigitClassifier(recipe="fast", random_state=1, verbose=0)
    model.fit(sample.X_train, sample.y_train)
    assert len(model.history_["loss"]) == 1
    assert model.score(sample.X_test, sample.y_test) > 0.9
    assert model.network_.layers == _core.Network(architectures.resolve("fast")).layers
    assert model.network_.parameter_count == 56_714


def test_architecture_comes_before_the_recipes(sample: Dataset) -> None:
    X, y = sample.X_train[:32], sample.y_train[:32]
    linear = [{"type": "flatten"}, {"type": "dense", "units": 10}]

    def layers(**parameters: object) -> list[object]:
        return DigitClassifier(epochs=1, verbose=0, **parameters).fit(X, y).network_.layers

    seed, fast, own = (
        _core.Network(architectures.resolve(each)).layers for each in ("seed", "fast", linear)
    )
    assert layers() == layers(recipe={"warmup": 0.1}) == layers(recipe="seed") == seed
    assert layers(recipe="fast", architecture="seed") == seed
    assert layers(architecture="fast") == layers(recipe={"architecture": "fast"}) == fast
    assert layers(recipe="fast", architecture=linear) == own
    assert layers(recipe={"architecture": linear}) == own


def test_same_seed_same_bits_on_any_threads(sample: Dataset) -> None:
    X, y = sample.X_train[:300], sample.y_train[:300]
    models = [
        small_model(augment="default", n_jobs=n_jobs, random_state=seed).fit(X, y)
        for n_jobs, seed in ((1, 5), (2, 5), (3, 5), (1, 6))
    ]
    first, second, third, other = map(weights_of, models)
    assert (first == second).all()
    assert (first == third).all()
    assert (first != other).any()


def test_random_state_forms(sample: Dataset) -> None:
    X, y = sample.X_train[:64], sample.y_train[:64]

    def train(random_state: object) -> np.ndarray:
        return weights_of(small_model(epochs=1, random_state=random_state).fit(X, y))

    assert (train(np.int32(3)) == train(3)).all()
    assert (train(np.random.default_rng(3)) == train(np.random.default_rng(3))).all()
    assert (train(np.random.RandomState(3)) == train(np.random.RandomState(3))).all()
    assert (train(None) != train(None)).any()


def test_bytes_and_floats_train_the_same(sample: Dataset) -> None:
    X, y = sample.X_train[:300], sample.y_train[:300]
    of_bytes = weights_of(small_model().fit(X, y))
    of_floats = weights_of(small_model().fit(X.astype(np.float64) / 255, y))
    assert np.allclose(of_bytes, of_floats, atol=1e-3)


def test_validation_data_of_another_scale(sample: Dataset) -> None:
    X, y = sample.X_train[:200], sample.y_train[:200]
    validation = sample.X_test.astype(np.float32) / 255
    model = small_model().fit(X, y, validation_data=(validation, sample.y_test))
    assert model.history_["val_accuracy"][-1] == model.score(sample.X_test, sample.y_test)


def test_verbose_prints_a_line_for_each_epoch(
    sample: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    X, y = sample.X_train[:100], sample.y_train[:100]
    small_model(verbose=0).fit(X, y)
    assert capsys.readouterr() == ("", "")
    small_model(verbose=1).fit(X, y)
    lines = capsys.readouterr().err.splitlines()
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert all("images/s" in line and "loss" in line and "accuracy" in line for line in lines)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_bar(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    display = TrainingDisplay(images=200, batch_size=64)
    progress = {
        "epoch": 2, "epochs": 10, "step": 1, "steps": 4, "loss": 0.5, "accuracy": 0.75,
        "val_loss": None, "val_accuracy": None, "learning_rate": 0.1, "seconds": 0.5,
    }  # fmt: skip
    for step in (1, 2, 4):
        time.sleep(0.12)  # the bar is drawn at most ten times a second
        display.on_step({**progress, "step": step, "seconds": step / 2})
    shown = terminal.getvalue()
    for part in ("epoch  3/10", " 64%|", "100%|", "128 images/s  loss 0.5000, accuracy 0.7500"):
        assert part in shown
    assert "\n" not in shown
    display.on_epoch({**progress, "step": 4, "seconds": 2.0, "val_loss": 0.25, "val_accuracy": 0.9})
    last = terminal.getvalue().rpartition("\r")[2]
    assert last.startswith("epoch  3/10")
    assert last.endswith("accuracy 0.7500, val_loss 0.2500, val_accuracy 0.9000\n")
    assert "100 images/s" in last
    display.close()
    assert terminal.getvalue().endswith(last)


def test_patience_stops_and_restore_best_restores(sample: Dataset) -> None:
    X, y = sample.X_train[:200], sample.y_train[:200]
    validation = (sample.X_test[:200], sample.y_test[:200])
    model = small_model(
        epochs=40, patience=2, restore_best=True, optimizer="adam", learning_rate=0.02,
        recipe={"schedule": "constant"},
    )  # fmt: skip
    model.fit(X, y, validation_data=validation)
    accuracy = model.history_["val_accuracy"]
    assert len(accuracy) < 40
    assert max(accuracy) not in accuracy[-2:] or accuracy[-1] == accuracy[-2]
    assert model.score(*validation) == max(accuracy)
    with pytest.raises(ValueError, match="validation_data"):
        model.fit(X, y)


# -- callbacks --


def test_function_callback_is_called_after_epochs_and_can_stop(sample: Dataset) -> None:
    calls: list[dict[str, object]] = []

    def stop_after_two(progress: dict[str, object]) -> bool:
        calls.append(progress)
        return len(calls) < 2

    model = small_model(epochs=9, callbacks=stop_after_two)
    model.fit(sample.X_train[:100], sample.y_train[:100])
    assert [progress["epoch"] for progress in calls] == [0, 1]
    assert len(model.history_["loss"]) == 2
    assert set(calls[0]) >= {"loss", "accuracy", "val_loss", "learning_rate", "seconds", "epochs"}


def test_object_callback_is_called_after_every_step(sample: Dataset) -> None:
    class Steps:
        def __init__(self) -> None:
            self.steps: list[object] = []

        def on_step(self, progress: dict[str, object]) -> None:
            self.steps.append(progress["step"])

    steps = Steps()
    model = small_model(epochs=1, batch_size=16, callbacks=[steps])
    model.fit(sample.X_train[:64], sample.y_train[:64])
    assert steps.steps == [1, 2, 3, 4]


# -- the model after errors and interrupts --


def test_failed_fit_keeps_the_model(sample: Dataset) -> None:
    X, y = sample.X_train[:100], sample.y_train[:100]
    linear = [
        {"type": "flatten"},
        *[{"type": "dense", "units": 10}] * 4,
    ]  # without activations, it diverges
    model = small_model(architecture=linear).fit(X, y)
    before, history = weights_of(model), model.history_

    def fail(progress: object) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        model.set_params(callbacks=fail).fit(X, y)
    model.set_params(callbacks=None, optimizer="sgd", learning_rate=1000.0, batch_size=4)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="diverged"):
        model.partial_fit(X, y)
    assert (weights_of(model) == before).all()
    assert model.history_ is history


def test_interrupt_keeps_the_last_step_and_finished_epochs(sample: Dataset) -> None:
    X, y = sample.X_train[:100], sample.y_train[:100]
    model = small_model().fit(X, y)
    before = weights_of(model)

    def interrupt(progress: dict[str, int]) -> None:
        if progress["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=interrupt, epochs=5).fit(X, y)
    assert (weights_of(model) != before).any()
    assert len(model.history_["loss"]) == 2
    assert model.predict(X).shape == (100,)


def test_interrupt_before_the_first_step_keeps_the_model(
    sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = sample.X_train[:100], sample.y_train[:100]
    model = small_model().fit(X, y)
    before, history = weights_of(model), model.history_

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ocrdigit._checkpoint.run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert (weights_of(model) == before).all()
    assert model.history_ is history


def test_overlapping_calls_use_the_threads_of_the_latest_that_runs() -> None:
    before = ocrdigit.get_num_threads()
    with thread_limit(3):
        with thread_limit(1):
            assert ocrdigit.get_num_threads() == 1
        assert ocrdigit.get_num_threads() == 3
    assert ocrdigit.get_num_threads() == before


def test_predictions_continue_while_another_thread_fits(sample: Dataset) -> None:
    X, y = sample.X_train, sample.y_train
    model = small_model().fit(X[:200], y[:200])
    expected = model.predict_proba(X[:20])
    differed: list[bool] = []
    model.set_params(
        epochs=2,
        callbacks=lambda _: differed.append((model.predict_proba(X[:20]) != expected).any()),
    )
    thread = threading.Thread(target=model.fit, args=(X, y))
    thread.start()
    while thread.is_alive():
        if len(model.history_["loss"]) and not differed:
            assert model.predict_proba(X[:20]).shape == (20, 10)
    thread.join()
    assert differed == [False, False]  # the old model is replaced at the end of fit
    assert (model.predict_proba(X[:20]) != expected).any()


# -- incremental training and warm starts --


def test_partial_fit_learns(sample: Dataset) -> None:
    model = small_model(recipe="seed", augment="none")
    for begin in range(0, 2000, 250):
        part = slice(begin, begin + 250)
        assert model.partial_fit(sample.X_train[part], sample.y_train[part]) is model
    assert len(model.history_["loss"]) == 8
    assert model.score(sample.X_test, sample.y_test) > 0.75


def test_partial_fit_keeps_the_optimizers_state(sample: Dataset) -> None:
    X, y = sample.X_train[:100], sample.y_train[:100]
    model = small_model().partial_fit(X, y)
    without_state = small_model(warm_start=True)
    without_state.fit(X, y)
    without_state.network_.set_weights(model.network_.weights())
    assert (
        weights_of(without_state.partial_fit(X, y)) != weights_of(model.partial_fit(X, y))
    ).any()


def test_warm_start(sample: Dataset) -> None:
    X, y = sample.X_train[:300], sample.y_train[:300]
    cold = small_model().fit(X, y)
    loss = cold.history_["loss"][-1]
    cold.set_params(warm_start=True, epochs=1).fit(X, y)
    assert len(cold.history_["loss"]) == 3
    assert cold.history_["loss"][-1] < loss
    cold.set_params(architecture=[{"type": "flatten"}, {"type": "dense", "units": 10}])
    with pytest.raises(ValueError, match="architecture has changed"):
        cold.fit(X, y)


def test_loaded_models_fine_tune(fitted: DigitClassifier, model_file: object) -> None:
    model = ocrdigit.load(model_file)
    assert model.warm_start
    X, y = np.zeros((8, 28, 28), np.uint8), np.zeros(8, np.int64)
    X[:, 4:24, 13:15] = 255
    before = weights_of(model)
    model.set_params(epochs=1, optimizer="sgd", learning_rate=1e-5, verbose=0).fit(X, y)
    assert 0 < np.abs(weights_of(model) - before).max() < 0.01


def test_load_names_known_architectures(sample: Dataset, tmp_path: object) -> None:
    def saved(architecture: object) -> object:
        model = small_model(architecture=architecture, epochs=1)
        model.fit(sample.X_train[:32], sample.y_train[:32]).save(f"{tmp_path}/m.safetensors")
        return ocrdigit.load(f"{tmp_path}/m.safetensors").architecture

    assert saved("seed") == "seed"
    assert saved("fast") == "fast"
    first, *others = architectures.resolve("seed")
    nearly = [{**first, "padding": "valid"}, *others]  # the keys of "seed", but another network
    assert saved(nearly) == _core.Network(nearly).layers


def sent_beside(model: DigitClassifier) -> DigitClassifier:
    """Return a copy that was sent as Dask does: its arrays beside the pickle, not aligned."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    assert buffers
    return pickle.loads(data, buffers=[memoryview(b"0" + bytes(b))[1:] for b in buffers])


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), sent_beside]
)
def test_copies_predict_the_same(fitted: DigitClassifier, sample: Dataset, again: object) -> None:
    twin = again(fitted)
    assert twin.get_params() == fitted.get_params()
    assert (twin.predict_proba(sample.X_test) == fitted.predict_proba(sample.X_test)).all()


# -- other methods --


def test_single_images_and_batches(fitted: DigitClassifier, sample: Dataset) -> None:
    probabilities = fitted.predict_proba(sample.X_test)
    assert probabilities.shape == (1000, 10)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    digits = fitted.predict(sample.X_test)
    assert digits.dtype == np.int64
    assert (digits == probabilities.argmax(axis=1)).all()
    one = fitted.predict_proba(sample.X_test[7])
    assert one.shape == (10,)
    assert np.allclose(one, probabilities[7], atol=1e-6)
    assert type(fitted.predict(sample.X_test[7])) is int
    assert fitted.score(sample.X_test, sample.y_test) == np.mean(digits == sample.y_test)


def test_unfitted_models(sample: Dataset) -> None:
    model = small_model()
    for call in (model.predict, model.predict_proba):
        with pytest.raises(ValueError, match="call fit"):
            call(sample.X_test)
    with pytest.raises(AttributeError, match="call fit"):
        model.save("model.safetensors")


def test_unfitted_models_without_sklearn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sklearn.exceptions", raising=False)
    with pytest.raises(NotFittedError, match="call fit") as caught:
        small_model().predict(np.zeros((28, 28), np.uint8))
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, AttributeError)
    assert "sklearn.exceptions" not in sys.modules


def test_n_jobs_holds_for_the_call_only(fitted: DigitClassifier, sample: Dataset) -> None:
    before = ocrdigit.get_num_threads()
    during: list[int] = []
    model = small_model(n_jobs=3, callbacks=lambda _: during.append(ocrdigit.get_num_threads()))
    model.fit(sample.X_train[:64], sample.y_train[:64])
    assert during == [3, 3]
    assert ocrdigit.get_num_threads() == before
    with pytest.raises(ValueError, match="empty"):
        model.predict(np.zeros((0, 784)))
    assert ocrdigit.get_num_threads() == before
    model.set_params(n_jobs=-1).predict(sample.X_test[:4])


def test_summary_lists_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    DigitClassifier().summary()
    text = capsys.readouterr().out
    for part in ("conv2d_1", "(28, 28, 32)", "9,248", "100,416", "110,634", "432.2 KB"):
        assert part in text
    layers = [*SMALL[:1], {"type": "batch_norm"}, *SMALL[1:]]
    DigitClassifier(layers).summary()
    assert "non-trainable" in capsys.readouterr().out


# -- recipes and augmentations --


def test_seed_recipe_is_unchanged() -> None:
    reflect = {"probability": 1.0, "fill": "reflect", "value": 0.0}
    assert recipes.resolve("seed") == {
        "epochs": 7,
        "batch_size": 32,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "schedule": "constant",
        "augment": (
            {"type": "rotation", "factor": (-0.1, 0.1), **reflect},
            {"type": "translation", "height": (-0.1, 0.1), "width": (-0.1, 0.1), **reflect},
            {"type": "zoom", "factor": (-0.1, 0.1), **reflect},
            {"type": "contrast", "factor": (0.0, 0.1), "probability": 1.0},
        ),
    }


def test_user_settings_come_before_the_recipes() -> None:
    changed = recipes.resolve(
        "seed", epochs=2, batch_size=8, augment=False, optimizer="adam", learning_rate=0.5
    )
    assert (changed["epochs"], changed["batch_size"], changed["augment"]) == (2, 8, ())
    assert (changed["optimizer"], changed["learning_rate"]) == ("adam", 0.5)
    own = recipes.resolve({"label_smoothing": 0.25, "schedule": "cosine"})
    assert own == {**recipes.resolve("default"), "label_smoothing": 0.25, "schedule": "cosine"}


def test_another_optimizer_replaces_all_settings() -> None:
    sgd = recipes.resolve("seed", optimizer={"type": "sgd", "clip_norm": 1})
    assert {"beta_1", "beta_2", "epsilon"}.isdisjoint(sgd)
    assert sgd["momentum"] == 0.9
    assert sgd["clip_norm"] == 1.0
    assert sgd["learning_rate"] == recipes.OPTIMIZERS["sgd"]["learning_rate"]
    same = recipes.resolve("default", optimizer={"type": "adamw", "weight_decay": 0.5})
    assert same == {**recipes.resolve("default"), "weight_decay": 0.5}


OUTSIDE = {"fill": "constant", "value": 0}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"type": "rotation", "factor": 0.2}, {"factor": (-0.2, 0.2), **OUTSIDE}),
        ({"type": "zoom", "factor": (0, 0.3)}, {"factor": (0, 0.3), **OUTSIDE}),
        (
            {"type": "translation", "height": 0.1, "width": [0, 0.2], "fill": "nearest"},
            {"height": (-0.1, 0.1), "width": (0, 0.2), "fill": "nearest", "value": 0},
        ),
        (
            {"type": "affine", "degrees": 9, "scale": (0.8, 1.2), "value": 0.5},
            {
                "degrees": 9,
                "translate": 0,
                "scale": (0.8, 1.2),
                "shear": 0,
                "fill": "constant",
                "value": 0.5,
            },
        ),
        (
            {"type": "elastic", "displacement": 1, "sigma": 4},
            {"displacement": 1, "sigma": 4, **OUTSIDE},
        ),
        ({"type": "noise", "sigma": 0.1}, {"sigma": (0, 0.1)}),
        ({"type": "stroke", "amount": 0.5}, {"amount": (-0.5, 0.5)}),
        ({"type": "brightness", "amount": 0.5}, {"amount": (-0.5, 0.5)}),
        ({"type": "shear", "factor": 0.5}, {"factor": (-0.5, 0.5), **OUTSIDE}),
        ({"type": "erase", "area": (0.1, 0.2), "value": 1.0}, {"area": (0.1, 0.2), "value": 1.0}),
        ({"type": "background", "tone": 0.5}, {"tone": (0, 0.5), "uneven": 1}),
        (
            {"type": "stray_stroke", "width": (1, 2), "reach": 0.5},
            {"width": (1, 2), "reach": 0.5, "value": 1},
        ),
        ({"type": "invert"}, {}),
    ],
)
def test_augmentations_of_the_core(step: dict[str, object], expected: dict[str, object]) -> None:
    complete = {"type": step["type"], "probability": 1.0, **expected}
    assert augmentations.resolve([step]) == (complete,)
    core = augmentations.resolve([{**step, "probability": 0.25}])
    assert core == ({**complete, "probability": 0.25},)
    picture = np.random.default_rng(0).random((3, 28, 28), np.float32)
    assert ocrdigit._core.augment(picture, core, 1).shape == (3, 28, 28)


def test_an_assigned_network_is_used(sample: Dataset) -> None:
    model, other = ocrdigit.load("seed"), ocrdigit.load("tiny")
    model.network_ = other.network_
    found = model.predict_proba(sample.X_test[:20])
    other.tta = False
    assert np.array_equal(found, other.predict_proba(sample.X_test[:20]))
