"""Training survives kills, full disks, errors in callbacks, divergence and pickling."""

from __future__ import annotations

import copy
import errno
import json
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SMALL, small_model, weights_of
from safetensors import safe_open
from safetensors.numpy import load_file

import ocrdigit
from ocrdigit import DigitClassifier, _core
from ocrdigit._atomic import write_atomically
from ocrdigit.datasets import Dataset

Progress = dict[str, Any]

KILLS = 50

# A training with all the state there is: moments, moving average, schedule, best weights and the
# epochs without a better one, shuffling, augmentation and dropout.
RECIPE = {"optimizer": "adamw", "learning_rate": 0.004, "weight_decay": 0.01, "clip_norm": 2.0}
RECIPE |= {"schedule": "one_cycle", "warmup": 0.3, "ema": 0.9}
LAYERS = (*SMALL[:-1], {"type": "dropout", "rate": 0.2}, SMALL[-1])


class StopError(Exception):
    pass


class At:
    """A callback that calls a function at a step, counted over all epochs from 1."""

    def __init__(self, step: int, act: Callable[[Progress], object]) -> None:
        self.step, self.act = step, act

    def on_step(self, progress: Progress) -> object:
        now = progress["epoch"] * progress["steps"] + progress["step"]
        return self.act(progress) if now == self.step else None


def raise_(error: BaseException) -> Callable[[Progress], object]:
    def act(progress: Progress) -> object:
        raise error

    return act


@pytest.fixture(scope="module")
def digits(sample: Dataset) -> tuple[Any, Any]:
    return sample.X_train[:320], sample.y_train[:320]


# ---- kills ----


@pytest.fixture
def one_thread(threads: Callable[[int], None]) -> None:
    threads(1)


needs_kill = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this machine has no fork"
)


def killed(job: Callable[[str], object], check: Callable[[], None]) -> None:
    """Run job("killed") in processes that are killed, KILLS of them at random moments.

    A process is killed after up to an eighth of the time of job("whole"). When the job ends in
    spite of that, and in the end, check() compares the files, and they are deleted.
    """
    start = time.monotonic()
    job("whole")
    whole = time.monotonic() - start
    context, rng = multiprocessing.get_context("fork"), random.Random(0)
    kills = ends = 0
    while kills < KILLS or not ends:
        process = context.Process(target=job, args=("killed",))
        process.start()
        process.join(rng.uniform(0, whole / 8) if kills < KILLS else 120)
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        if process.exitcode:
            kills += 1
            continue
        check()
        ends += 1
        for path in Path().glob("killed*"):
            path.unlink()


def saved_state(path: str) -> Progress:
    """Return the arrays and numbers of a checkpoint, and the history, without times."""
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    state, history = json.loads(metadata["state"]), json.loads(metadata["history"])
    del state["seconds"], history["seconds"]
    return state | history | {k: v.tobytes() for k, v in load_file(path).items()}


def same_files(suffix: str) -> None:
    assert Path(f"killed{suffix}").read_bytes() == Path(f"whole{suffix}").read_bytes()


@needs_kill
def test_fit_killed_at_random_moments(digits: tuple[Any, Any], one_thread: None) -> None:
    """Weights, optimizer, average, history and counters are those of an uninterrupted fit."""
    X, y = digits
    random_labels = y[::-1][:60]  # the best epoch is early

    def fit(name: str) -> None:
        path = f"{name}.checkpoint"
        if os.path.exists(path):
            state = saved_state(path)
            Path(f"position.{state['epoch']}.{state['step']}").touch()
        model = small_model(
            architecture=LAYERS, recipe=RECIPE, augment="default", epochs=40, batch_size=16,
            patience=20, restore_best=True,
        )  # fmt: skip
        validation = X[:60], random_labels
        model.fit(X, y, validation, checkpoint=path, every=3, keep_checkpoint=True)
        model.save(f"{name}.safetensors")
        assert 20 < len(model.history_["loss"]) < 40  # it stopped early

    def check() -> None:
        same_files(".safetensors")
        assert saved_state("killed.checkpoint") == saved_state("whole.checkpoint")

    killed(fit, check)
    assert len(list(Path().glob("position.*"))) >= 10


@needs_kill
def test_partial_fit_killed_at_random_moments(digits: tuple[Any, Any], one_thread: None) -> None:
    """A process that pickles the estimator after each call goes on from the last pickle."""
    X, y = digits

    def feed(name: str) -> None:
        path = f"{name}.pickle"
        if os.path.exists(path):
            done, model = pickle.loads(Path(path).read_bytes())
            Path(f"position.{done}").touch()
        else:
            done, model = 0, small_model(architecture=LAYERS, augment="default", batch_size=8)
        for batch in range(done, 60):
            part = slice(batch % 10 * 32, batch % 10 * 32 + 32)
            model.partial_fit(X[part], y[part])
            model.history_["seconds"].clear()
            write_atomically(path, pickle.dumps((batch + 1, model)))

    def content(name: str) -> tuple[int, Any]:
        done, model = pickle.loads(Path(f"{name}.pickle").read_bytes())
        settings, seed, state = model.__getstate__()["_steady"]
        arrays = {k: v.tobytes() for k, v in state.items() if isinstance(v, np.ndarray)}
        return done, (settings, seed, state | arrays, repr(model.history_))

    def check() -> None:
        assert content("killed") == content("whole")

    killed(feed, check)
    assert len(list(Path().glob("position.*"))) >= 10


@needs_kill
def test_command_line_killed_at_random_moments(digits: tuple[Any, Any], one_thread: None) -> None:
    from ocrdigit.cli import main

    X, y = digits
    np.savez("data.npz", X_train=X, y_train=y, X_test=X, y_test=y)

    def train(name: str) -> None:
        arguments = "train --data data.npz --recipe fast --epochs 30 --seed 1 --quiet --every 2"
        files = ["--out", f"{name}.safetensors", "--checkpoint", f"{name}.checkpoint"]
        if os.path.exists(f"{name}.checkpoint"):
            state = saved_state(f"{name}.checkpoint")
            Path(f"position.{state['epoch']}.{state['step']}").touch()
        main([*arguments.split(), *files], standalone_mode=False)
        assert not os.path.exists(f"{name}.checkpoint")

    killed(train, lambda: same_files(".safetensors"))
    assert len(list(Path().glob("position.*"))) >= 10


def test_command_line_keeps_the_checkpoint_until_the_model_is_saved(
    digits: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from ocrdigit.cli import main

    X, y = digits
    np.savez("data.npz", X_train=X, y_train=y, X_test=X, y_test=y)
    arguments = "train --data data.npz --recipe fast --seed 1 --checkpoint c --out m.safetensors"

    def fail(self: object, path: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    with monkeypatch.context() as patched:
        patched.setattr(DigitClassifier, "save", fail)
        result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 1
    assert "No space left on device" in result.output
    assert os.path.exists("c")
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 0, result.output
    assert "epoch" not in result.output  # it is not trained again
    assert sorted(os.listdir()) == ["data.npz", "m.safetensors"]


# ---- disks ----


def full_disk(monkeypatch: pytest.MonkeyPatch, savings: int) -> None:
    """Let so many files be written."""
    left = iter([None] * savings)

    def fsync(descriptor: int) -> None:
        if next(left, 0) is not None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr("ocrdigit._atomic.sync_folder", lambda path: None)


def small_fit(digits: tuple[Any, Any], **parameters: object) -> DigitClassifier:
    """Train for 20 steps, with checkpoints after each four; 'model' is the one to train."""
    model = parameters.pop("model", None) or small_model()
    model.set_params(epochs=2, batch_size=32, **parameters)
    return model.fit(*digits, checkpoint="a.checkpoint", every=4)


def test_full_disk_in_a_first_fit(digits: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint and the weights of the last step are there, and training can resume."""
    model, at_failure = small_model(), []
    callback = At(12, lambda p: at_failure.append(weights_of(p["model"])))
    with monkeypatch.context() as patched:
        full_disk(patched, 2)
        with pytest.raises(OSError, match=r"cannot write: No space left on device: 'a\.check"):
            small_fit(digits, model=model, callbacks=callback)
    assert (weights_of(model) == at_failure[0]).all()
    assert model.predict(digits[0]).shape == (320,)
    assert saved_state("a.checkpoint")["step"] == 8
    resumed = small_fit(digits)
    assert (weights_of(resumed) == weights_of(small_fit(digits))).all()
    assert not os.path.exists("a.checkpoint")


def test_full_disk_in_a_later_fit(digits: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_fit(digits)
    before, history = weights_of(model), model.history_
    full_disk(monkeypatch, 2)
    with pytest.raises(OSError, match="No space left on device"):
        small_fit(digits, model=model, random_state=1)
    assert (weights_of(model) == before).all()
    assert model.history_ is history
    assert saved_state("a.checkpoint")["step"] == 8


def test_folder_that_goes_away(digits: tuple[Any, Any]) -> None:
    model = small_model(batch_size=32, callbacks=At(10, lambda p: shutil.rmtree("folder")))
    os.mkdir("folder")
    with pytest.raises(FileNotFoundError, match=r"cannot write: .*folder/a\.checkpoint"):
        model.fit(*digits, checkpoint="folder/a.checkpoint", every=1)
    assert model.score(*digits) >= 0


# ---- callbacks ----


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_callbacks_use_the_model_in_a_first_fit(
    digits: tuple[Any, Any], precision: str, ema: float
) -> None:
    """Whatever they do with it, training gives the same."""
    X, y = digits

    class Use:
        def __init__(self) -> None:
            self.scores: list[float] = []

        def on_step(self, progress: Progress) -> None:
            assert progress["model"] is model
            assert model.predict(X[0]) in range(10)
            assert model.predict_proba(X[:9]).shape == (9, 10)
            assert pickle.loads(pickle.dumps(model.network_.weights())).keys()

        def on_epoch(self, progress: Progress) -> None:
            self.scores.append(model.score(X, y))
            assert model.explain(X[0]).heatmap.shape == (28, 28)
            assert len(model.history_["loss"]) == progress["epoch"] + 1
            model.save("now.safetensors")
            trained = "float32" if precision == "int8" else precision
            loaded = ocrdigit.load("now.safetensors", precision=trained)
            assert (loaded.predict(X) == model.predict(X)).all()
            with pytest.raises(RuntimeError, match="the network is being trained"):
                model.partial_fit(X, y)
            twin = copy.copy(model).set_params(precision=trained)
            assert (twin.predict(X) == model.predict(X)).all()

    use = Use()
    settings = {"recipe": {"ema": ema}, "precision": precision, "epochs": 3, "batch_size": 32}
    model = small_model(callbacks=use, **settings)
    model.fit(X, y)
    assert len(use.scores) == 3
    without = small_model(**settings).fit(X, y)
    assert (weights_of(model) == weights_of(without)).all()
    assert (model.predict_proba(X) == without.predict_proba(X)).all()
    if precision == "float32":
        assert use.scores[-1] == model.score(X, y)


def test_callbacks_of_a_later_fit_get_another_model(digits: tuple[Any, Any]) -> None:
    """The model of before, which other threads may be using, is replaced at the end."""
    X, y = digits
    model = small_model().fit(X, y)
    before, seen = model.predict_proba(X), []

    def look(progress: Progress) -> None:
        assert progress["model"] is not model
        assert (model.predict_proba(X) == before).all()
        seen.append(progress["model"].predict_proba(X))

    model.set_params(callbacks=look, random_state=5).fit(X, y)
    assert (seen[-1] == model.predict_proba(X)).all()
    assert not (seen[-1] == before).all()


def test_callbacks_of_partial_fit_see_the_model(digits: tuple[Any, Any]) -> None:
    X, y = digits
    seen: list[Any] = []
    model = small_model(callbacks=lambda p: seen.append((p["model"], p["model"].score(X, y))))
    for _ in range(2):
        model.partial_fit(X, y)
        assert seen.pop() == (model, model.score(X, y))
    loaded = ocrdigit.load("tiny").set_params(verbose=0, callbacks=model.callbacks)
    loaded.partial_fit(X, y)
    assert seen.pop()[1] == loaded.score(X, y)


@pytest.mark.parametrize("error", [StopError("mine"), SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_errors_in_callbacks_of_a_first_training(
    digits: tuple[Any, Any], error: BaseException, method: str
) -> None:
    """The model is that of the last step, and can be trained further."""
    at_error: list[Any] = []

    def fail(progress: Progress) -> None:
        at_error.append(weights_of(progress["model"]))
        raise error

    model = small_model(callbacks=At(5, fail), batch_size=32)
    with pytest.raises(type(error)):
        getattr(model, method)(*digits)
    assert (weights_of(model) == at_error[0]).all()
    assert model.predict(digits[0]).shape == (320,)
    assert model.history_["loss"] == []
    model.set_params(callbacks=None)
    getattr(model, method)(*digits)
    assert len(model.history_["loss"]) == (2 if method == "fit" else 1)


def test_errors_before_the_first_step_leave_no_model(digits: tuple[Any, Any]) -> None:
    model = small_model(patience=2)
    Path("a.checkpoint").write_text("no checkpoint")
    for options in ({}, {"validation_data": digits, "checkpoint": "a.checkpoint"}):
        with pytest.raises(ValueError, match=r"validation_data|a\.checkpoint"):
            model.fit(*digits, **options)
        assert not hasattr(model, "network_")


def test_callbacks_stop_a_first_fit(digits: tuple[Any, Any]) -> None:
    seen: list[Any] = []

    def stop(progress: Progress) -> bool:
        seen.append(weights_of(progress["model"]))
        return False

    model = small_model(callbacks=At(7, stop), batch_size=32).fit(*digits)
    assert (weights_of(model) == seen[0]).all()
    assert len(seen) == 1


# ---- divergence ----

LINEAR = ({"type": "flatten"}, *[{"type": "dense", "units": 10}] * 4)
STEEP = {"architecture": LINEAR, "optimizer": "sgd", "learning_rate": 1000.0, "batch_size": 4}


class LastStep:
    def __init__(self) -> None:
        self.progress: Progress = {}
        self.weights: Any = None

    def on_step(self, progress: Progress) -> None:
        self.progress, self.weights = progress, weights_of(progress["model"])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_divergence_keeps_the_last_finite_weights(digits: tuple[Any, Any], method: str) -> None:
    last = LastStep()
    model = small_model(callbacks=last, **STEEP)
    with pytest.raises(ValueError, match="that step was not made, and the weights are fin") as info:
        getattr(model, method)(*digits)
    epoch, step = last.progress["epoch"] + 1, last.progress["step"] + 1
    assert f"training diverged in epoch {epoch}, step {step} (loss " in str(info.value)
    assert np.isfinite(last.weights).all()
    assert (weights_of(model) == last.weights).all()


def test_divergence_in_the_first_step(digits: tuple[Any, Any]) -> None:
    """Without a finished step there is no model."""
    X = digits[0].astype(np.float32) * np.float32(1e36)
    network = _core.Network(LINEAR)
    weights = network.weights()
    trainer = _core.Trainer(
        network, epochs=1, batch_size=4, seed=0, optimizer="sgd", learning_rate=1.0
    )
    with pytest.raises(ValueError, match="diverged in epoch 1, step 1 "):
        trainer.run(X, digits[1].astype(np.uint8), 1.0)
    assert all((network.weights()[name] == tensor).all() for name, tensor in weights.items())


def test_a_diverged_partial_fit_has_no_effect(digits: tuple[Any, Any]) -> None:
    """Neither on the model nor on the optimizer."""
    X, y = digits
    model, other = (small_model(architecture=LINEAR).partial_fit(X, y) for _ in range(2))
    history = model.history_
    seen: list[Progress] = []
    model.set_params(callbacks=seen.append, **STEEP)
    with pytest.raises(ValueError, match="diverged"):
        model.partial_fit(X, y)
    model.callbacks = At(40, raise_(StopError()))
    with pytest.raises(StopError):
        model.set_params(learning_rate=0.001).partial_fit(X, y)
    model.set_params(callbacks=None, optimizer=None, learning_rate=None, batch_size=None)
    assert seen == []
    assert (weights_of(model) == weights_of(other)).all()
    assert model.history_ is history
    assert (weights_of(model.partial_fit(X, y)) == weights_of(other.partial_fit(X, y))).all()


@pytest.mark.parametrize("rate", [1e4, 1e30, np.inf, np.nan, 0, -1.0])
def test_absurd_learning_rates(digits: tuple[Any, Any], rate: float) -> None:
    model = small_model(learning_rate=rate)
    for train in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=r"learning_rate"):
            train(*digits)
    assert not hasattr(model, "network_")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_images_that_are_not_finite(digits: tuple[Any, Any], value: float) -> None:
    X = digits[0].astype(np.float32) / 255
    X[7, 3, 3] = value
    for train in (small_model().fit, small_model().partial_fit):
        with pytest.raises(ValueError, match="X holds NaN or infinity"):
            train(X, digits[1])
    with pytest.raises(ValueError, match=r"validation_data\[0\] holds NaN or infinity"):
        small_model().fit(*digits, (X, digits[1]))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda y: y[:-1], ValueError),
        (lambda y: y + 1, ValueError),
        (lambda y: -y, ValueError),
        (lambda y: y + 0.5, (TypeError, ValueError)),
        (lambda y: np.where(y == 3, np.nan, y), (TypeError, ValueError)),
        (lambda y: ["three"] * len(y), ValueError),
        (lambda y: None, (TypeError, ValueError)),
    ],
)
def test_wrong_labels_keep_the_model(
    digits: tuple[Any, Any], change: Callable[[Any], Any], error: Any
) -> None:
    X, y = digits
    model = small_model().fit(X, y)
    before = weights_of(model)
    for train in (model.fit, model.partial_fit):
        with pytest.raises(error, match="y"):
            train(X, change(y))
    assert (weights_of(model) == before).all()


# ---- copies and pickles ----

OPTIMIZERS: list[Any] = [
    {"type": "sgd", "momentum": 0.9},
    "adam",
    {"type": "adamw", "weight_decay": 0.05, "clip_norm": 1.0},
]


def joblib_copy(model: DigitClassifier) -> DigitClassifier:
    joblib = pytest.importorskip("joblib")
    joblib.dump(model, "model.joblib")
    return joblib.load("model.joblib")  # type: ignore[no-any-return]


COPIES: dict[str, Callable[[DigitClassifier], DigitClassifier]] = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "pickle 2": lambda model: pickle.loads(pickle.dumps(model, 2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "joblib": joblib_copy,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["sgd", "adam", "adamw"])
@pytest.mark.parametrize("seed", [0, None])
def test_copies_keep_the_optimizer(
    digits: tuple[Any, Any], way: str, optimizer: Any, seed: int | None
) -> None:
    """Training goes on to the bit as if it had not been copied, at every moment."""
    X, y = digits
    model = small_model(
        architecture=LAYERS, augment="default", optimizer=optimizer, random_state=seed,
        batch_size=32,
    )  # fmt: skip
    for begin in range(0, 160, 40):
        model.partial_fit(X[begin : begin + 40], y[begin : begin + 40])
        twin = COPIES[way](model)
        assert (weights_of(twin) == weights_of(model)).all()
        assert repr(twin.history_) == repr(model.history_)
        assert twin.network_.ranges == model.network_.ranges
        twin.partial_fit(X, y)
        again = COPIES[way](model).partial_fit(X, y)
        assert (weights_of(again) == weights_of(twin)).all()
    model.partial_fit(X, y)
    assert (weights_of(model) == weights_of(twin)).all()
    assert (model.predict_proba(X) == twin.predict_proba(X)).all()


def test_copies_of_other_models(digits: tuple[Any, Any]) -> None:
    """The optimizer is that of the present network, and no longer that of one before."""
    X, y = digits
    model = small_model().partial_fit(X, y)
    small = len(pickle.dumps(small_model().fit(X, y)))
    assert len(pickle.dumps(model)) > 2 * small
    assert len(pickle.dumps(model.fit(X, y))) < 1.1 * small
    assert len(pickle.dumps(copy.deepcopy(model))) < 1.1 * small


def test_clones_have_no_model(digits: tuple[Any, Any]) -> None:
    base = pytest.importorskip("sklearn.base")
    model = small_model().partial_fit(*digits)
    clone = base.clone(model)
    assert not hasattr(clone, "network_")
    clone.partial_fit(*digits)
    assert (weights_of(clone) == weights_of(model)).all()


def test_models_sent_to_workers_have_no_optimizer(digits: tuple[Any, Any]) -> None:
    from ocrdigit.distributed import Scorer

    fitted = small_model().fit(*digits)
    trained = copy.deepcopy(fitted).partial_fit(*digits)
    assert len(pickle.dumps(Scorer(trained))) < 1.1 * len(pickle.dumps(Scorer(fitted)))


# ---- the number of threads ----


def test_overlapping_calls_restore_the_number_of_threads(
    digits: tuple[Any, Any], threads: Callable[[int], None]
) -> None:
    threads(2)
    model = small_model().fit(*digits)
    begun, go_on = threading.Barrier(3), threading.Event()

    def wait(progress: Progress) -> None:
        begun.wait(30)
        go_on.wait(30)

    def fit(jobs: int) -> None:
        copy.copy(model).set_params(n_jobs=jobs, callbacks=At(1, wait)).fit(*digits)

    workers = [threading.Thread(target=fit, args=(jobs,)) for jobs in (1, 3)]
    for worker in workers:
        worker.start()
    begun.wait(30)
    assert ocrdigit.get_num_threads() in (1, 3)
    go_on.set()
    for worker in workers:
        worker.join()
    assert ocrdigit.get_num_threads() == 2
    start = time.monotonic()
    assert model.set_params(n_jobs=1).predict(digits[0]).shape == (320,)
    assert time.monotonic() - start < 30
    assert ocrdigit.get_num_threads() == 2
