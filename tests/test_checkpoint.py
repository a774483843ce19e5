"""Checkpoints: a training that resumes gives the model of one that did not stop."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from core_cases import DENSE_ONLY, ENVIRONMENT, LAYERS, make_network, make_trainer, run_script, same
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import ocrdigit
from ocrdigit import DigitClassifier, _checkpoint, _core

ADAM = {"optimizer": "adam", "learning_rate": 0.01}
SETTINGS = {
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05},
    "adam": ADAM,
    "adamw": {"optimizer": "adamw", "weight_decay": 0.02, "learning_rate": 0.01, "clip_norm": 1.0},
    "average": {**ADAM, "ema": 0.9},
    "one cycle": {**ADAM, "schedule": "one_cycle", "warmup": 0.2},
    "bfloat16": {**ADAM, "precision": "bfloat16"},
    "augmented": {
        **ADAM,
        "label_smoothing": 0.1,
        "augment": [
            {"type": "rotation", "factor": (-0.1, 0.1)},
            {"type": "noise", "sigma": (0.0, 0.1)},
        ],
    },
    "best": {**ADAM, "restore_best": True, "patience": 2, "ema": 0.8},
}
# Images (8, 32) to 16 time steps.
CTC_LAYERS = (
    {"type": "conv2d", "filters": 4, "activation": "relu"},
    {"type": "batch_norm"},
    {"type": "max_pool2d"},
    {"type": "map_to_sequence"},
    {"type": "conv2d", "filters": 4, "kernel_size": 1},
)


class StopError(Exception):
    pass


def stop_after(calls):
    """Return a callback that raises StopError in its last call."""

    def callback(progress):
        nonlocal calls
        calls -= 1
        if not calls:
            raise StopError

    return callback


def without_times(progress):
    return {key: value for key, value in progress.items() if key != "seconds"}


@pytest.fixture
def data(batch):
    """Training and validation data; the validation labels are random, so that the best is early."""
    return batch.images, batch.labels, 1.0, batch.images[:20], batch.labels[20:40]


# ---- the core ----


def check_resumes(make, data):
    """Resume from the states after each step and each epoch, and at the end."""
    network, trainer = make()
    states, epochs = [], []

    def after_epoch(progress):
        epochs.append(without_times(progress))
        states.append(trainer.state())

    trainer.run(*data, on_step=lambda p: states.append(trainer.state()), on_epoch=after_epoch)
    states.append(trainer.state())
    for state in states:
        other, resumed = make()
        other.initialize(9)
        got = []
        resumed.restore(state)
        assert resumed.run(*data, on_epoch=lambda p, got=got: got.append(without_times(p)))
        assert same(other.weights(), network.weights()), (state["epoch"], state["step"])
        assert got == epochs[len(epochs) - len(got) :]
        assert other.ranges == network.ranges
    return states


@pytest.mark.parametrize("name", SETTINGS)
def test_resumes_to_the_bit(data, name):
    def make():
        network = make_network()
        return network, make_trainer(network, epochs=4, **SETTINGS[name])

    states = check_resumes(make, data)
    assert {(s["epoch"], s["step"]) for s in states} >= {(0, 1), (0, 5), (1, 0), (1, 3)}
    assert ("average" in states[0]) == ("ema" in SETTINGS[name])
    assert ("optimizer_square" in states[0]) == (name != "sgd")
    assert "best_weights" not in states[0]
    assert "best_weights" in states[-1]


def test_line_recognizers_resume():
    rng = np.random.default_rng(0)
    images = rng.random((40, 8, 32), dtype=np.float32)
    labels = np.full((40, 3), 3, np.uint8)  # 3: the blank, which ends a sequence
    labels[:, :2] = rng.permuted(np.tile([0, 1, 2], (40, 1)), axis=1)[:, :2]

    def make():
        network = _core.Network(CTC_LAYERS, (8, 32, 1), seed=1)
        return network, make_trainer(network, epochs=3, **SETTINGS["average"])

    check_resumes(make, (images, labels, 1.0, images[:10], labels[:10]))


def test_pixel_classifiers_resume():
    rng = np.random.default_rng(0)
    images = rng.random((20, 8, 8), dtype=np.float32)
    labels = (images > 0.5).astype(np.uint8)
    layers = ({"type": "conv2d", "filters": 4}, {"type": "conv2d", "filters": 3})

    def make():
        network = _core.Network(layers, (8, 8, 1), seed=1)
        return network, make_trainer(
            network, epochs=2, batch_size=4, **ADAM, class_weights=[1, 2, 1]
        )

    check_resumes(make, (images, labels, 1.0))


def test_a_second_run_continues_from_a_state_too(data):
    """The random numbers of a trainer's second run differ from those of the first."""
    network, other = make_network(), make_network()
    trainer, resumed = make_trainer(network, epochs=2), make_trainer(other, epochs=2)
    states = []
    trainer.run(*data)
    trainer.run(*data, on_step=lambda p: states.append(trainer.state()))
    resumed.restore(states[6])
    resumed.run(*data)
    assert same(network.weights(), other.weights())


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epoch": -1}, ValueError, "epoch: got -1, expected 0 to 1"),
        ({"epoch": 2}, ValueError, "epoch: got 2"),
        ({"epoch": 0.5}, TypeError, "epoch: got 0.5, expected an integer"),
        ({"step": 6}, ValueError, "step: got 6"),
        ({"steps": 2**64}, ValueError, "steps: got"),
        ({"loss_sum": np.nan}, ValueError, "loss_sum: got nan"),
        ({"epoch": None}, ValueError, "epoch: missing"),
        ({"position": 3}, ValueError, "unknown 'position'"),
        ({"weights": None}, ValueError, "weights: missing"),
        ({"weights": np.zeros(3, np.float32)}, ValueError, r"weights: got shape \(3,\), expected"),
        ({"weights": np.zeros(308)}, TypeError, "weights: got dtype float64"),
        ({"weights": np.full(308, np.nan, np.float32)}, ValueError, "weights: .* not finite"),
        ({"optimizer_square": None}, ValueError, "square: missing"),
        ({"optimizer_square": np.full(298, -1, np.float32)}, ValueError, "square: got -1"),
        ({"average": np.zeros(308, np.float32)}, ValueError, "average: given, expected none"),
    ],
)
def test_states_refused(data, changes, error, message):
    network = make_network()
    trainer = make_trainer(network)
    with pytest.raises(StopError):
        trainer.run(*data, on_step=stop_after(3))
    state, weights = trainer.state(), network.weights()
    changed = {k: v for k, v in {**state, **changes}.items() if v is not None}
    with pytest.raises(error, match=message):
        trainer.restore(changed)
    assert same(network.weights(), weights)
    assert same(trainer.state(), state)


def test_restore_takes_a_mapping(network):
    with pytest.raises(TypeError, match="state: got 3, expected a dict"):
        make_trainer(network).restore(3)


def test_states_cannot_be_restored_during_a_run(network, data):
    trainer = make_trainer(network)
    state = trainer.state()

    def restore(progress):
        with pytest.raises(RuntimeError, match="the network is being trained"):
            trainer.restore(state)
        return False

    assert trainer.run(*data, on_step=restore) is False


def test_states_from_another_thread(data):
    """They are states between two steps."""
    whole, network = make_network(), make_network()
    states, over = [], threading.Event()
    make_trainer(whole, epochs=20, ema=0.9).run(*data)
    trainer = make_trainer(network, epochs=20, ema=0.9)

    def collect():
        while not over.is_set():
            states.append(trainer.state())

    thread = threading.Thread(target=collect)
    thread.start()
    trainer.run(*data, on_step=lambda progress: time.sleep(0.001))
    over.set()
    thread.join()
    assert same(network.weights(), whole.weights())
    for state in states[:: max(1, len(states) // 20)]:
        network = make_network()
        trainer = make_trainer(network, epochs=20, ema=0.9)
        trainer.restore(state)
        trainer.run(*data)
        assert same(network.weights(), whole.weights())


def test_other_data_than_the_states(network, data):
    trainer = make_trainer(network)
    with pytest.raises(StopError):
        trainer.run(*data, on_step=stop_after(3))
    trainer.restore(trainer.state())
    with pytest.raises(ValueError, match="got 3 steps in an epoch, expected the 5 of the checkpo"):
        trainer.run(data[0][:40], data[1][:40], 1.0)


# ---- files ----


CONFIG = {"epochs": 3, "batch_size": 16, "seed": 3, **SETTINGS["average"], "schedule": "cosine"}


def train(data, path=None, every="epoch", layers=LAYERS, changes=(), **options):
    """Return the weights after a training."""
    network = make_network(layers=layers)
    _checkpoint.run(network, CONFIG | dict(changes), data, path, every, **options)
    return network.weights()


def stopped(data, path, every=2, calls=8):
    """Leave a checkpoint of a training that was stopped; return its content."""
    with pytest.raises(StopError):
        train(data, path, every, on_step=stop_after(calls))
    return path.read_bytes()


@pytest.mark.parametrize("every", [1, 2, 7, "epoch"])
@pytest.mark.parametrize("calls", [1, 4, 5, 6, 13, 15])
def test_files_resume(data, tmp_path, every, calls):
    path = tmp_path / "a.checkpoint"
    with pytest.raises(StopError):
        train(data, path, every, on_step=stop_after(calls))
    # The callback that stops comes before the saving of its step.
    saved = calls - 1 >= (5 if every == "epoch" else every)
    assert path.exists() == saved
    assert same(train(data, path, every), train(data))
    assert os.listdir(tmp_path) == []


def test_the_file(data, tmp_path):
    path = tmp_path / "a.checkpoint"
    stopped(data, path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
        arrays = set(file.keys())
    assert metadata["format"] == "ocrdigit checkpoint"
    assert metadata["ocrdigit_version"] == ocrdigit.__version__
    assert json.loads(metadata["training"])["settings"] == CONFIG
    state = json.loads(metadata["state"])
    assert (state["epoch"], state["step"], state["steps"]) == (1, 1, 5)
    assert arrays == {"weights", "best_weights", "optimizer_mean", "optimizer_square", "average"}
    assert _checkpoint.saved_seed(path) == 3


@pytest.mark.parametrize("every", [4, "epoch"])
def test_kept_files_give_the_result_again(data, tmp_path, every):
    path, calls = tmp_path / "a.checkpoint", []
    whole = train(data)
    for _ in range(2):
        calls.clear()
        again = train(data, path, every, keep=True, on_step=calls.append)
        assert same(again, whole)
        assert path.exists()
    assert calls == []
    assert same(train(data, path, every), whole)
    assert not path.exists()


def test_targets_are_part_of_the_training(data, tmp_path):
    path = tmp_path / "a.checkpoint"
    targets = np.full((70, 3), 1 / 3, np.float32)
    with pytest.raises(StopError):
        train(data, path, 2, targets=targets, on_step=stop_after(8))
    check_refused(data, path, r"data\.targets is {.*} in the checkpoint, and None")
    other = np.roll(np.eye(3, dtype=np.float32)[data[1]], 1, axis=1)
    check_refused(data, path, r"data\.targets\.crc32", targets=other)
    resumed = train(data, path, 2, targets=targets)
    assert same(resumed, train(data, targets=targets))
    assert not same(resumed, train(data))


def test_history_resumes(data, tmp_path):
    def record(history, stop=None):
        def on_epoch(progress):
            history["loss"].append(progress["loss"])
            if stop:
                stop(progress)

        return {"history": history, "on_epoch": on_epoch}

    path, whole, part = tmp_path / "a.checkpoint", {"loss": []}, {"loss": []}
    train(data, **record(whole))
    with pytest.raises(StopError):
        train(data, path, 3, **record({"loss": []}, stop_after(2)))
    train(data, path, 3, **record(part))
    assert part == whole
    assert len(whole["loss"]) == 3


def test_other_callbacks_keep_their_interval(data, tmp_path):
    calls = []
    train(data, tmp_path / "a.checkpoint", 1, on_step=calls.append, interval=60.0)
    assert len(calls) == 1


def test_a_callback_that_ends_the_training_deletes_the_file(data, tmp_path):
    path = tmp_path / "a.checkpoint"
    train(data, path, 1, on_epoch=lambda progress: False)
    assert not path.exists()


KILLED = """
import sys, time
import numpy as np
from core_cases import make_network
from ocrdigit import _checkpoint
path, every = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
images = rng.random((70, 8, 8), dtype=np.float32)
labels = rng.integers(0, 3, 70).astype(np.uint8)
settings = dict(epochs=160, batch_size=16, seed=1, optimizer="adamw", learning_rate=0.002,
                weight_decay=0.01, ema=0.99, schedule="one_cycle", restore_best=True)
network = make_network()
print("begins", flush=True)
_checkpoint.run(network, settings, (images, labels, 1.0, images[:9], labels[:9]), path or None,
                every, on_step=lambda progress: time.sleep(0.001) if every == 1 else None)
np.savez(sys.argv[3], **network.weights())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_at_random_moments(tmp_path):
    """After 20 kills, many of them during a saving, the model is that of a training without one."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    path, rng, positions = folder / "a.checkpoint", random.Random(0), []
    environment = ENVIRONMENT | {
        "PYTHONPATH": os.pathsep.join([ENVIRONMENT["PYTHONPATH"], str(Path(__file__).parent)])
    }

    def start(*arguments):
        command = [sys.executable, "-c", KILLED, *map(str, arguments)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)

    for _ in range(20):
        with start(path, 1, "killed.npz") as process:
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        if path.exists():
            state = json.loads(safe_open(path, "numpy").metadata()["state"])
            positions.append((state["epoch"], state["step"]))
    assert positions == sorted(positions)
    assert len(set(positions)) >= 10
    for arguments in ((path, 500, "resumed.npz"), ("", 500, "whole.npz")):
        with start(*arguments) as process:
            assert process.wait(120) == 0
    with np.load("resumed.npz") as resumed, np.load("whole.npz") as whole:
        assert same(dict(resumed), dict(whole))
    assert os.listdir(folder) == []


# ---- bad input ----


def rewrite(path, changes, arrays=None):
    """Change the metadata of a checkpoint, None to leave one out, and its arrays if given."""
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    arrays = load_file(path) if arrays is None else arrays
    changed = {k: v for k, v in {**metadata, **changes}.items() if v is not None}
    changed["crc32"] = str(_checkpoint.checksum(arrays, changed))
    save_file(arrays, path, changed)


def check_refused(data, path, message, error=ValueError, **options):
    content = path.read_bytes() if path.is_file() else None
    with pytest.raises(error, match=message) as caught:
        train(data, path, **options)
    assert str(path) in str(caught.value)
    if content is not None:
        assert path.read_bytes() == content
    return caught.value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": DENSE_ONLY}, r"another training: architecture is \[.* in this training; cont"),
        (
            {"layers": [{**LAYERS[0], "filters": 6}, *LAYERS[1:]]},
            r"architecture\[0\].filters is 5 in the checkpoint, and 6 in this training",
        ),
        ({"changes": {"seed": 4}}, "settings.seed is 3 in the checkpoint, and 4 in this"),
        ({"changes": {"epochs": 4}}, "settings.epochs is 3 in the checkpoint, and 4 in"),
        ({"changes": {"optimizer": "sgd"}}, "settings.optimizer is 'adam' in the checkpoint"),
        ({"changes": {"clip_norm": 1.0}}, r"settings\.clip_norm is None in .*, and 1\.0 in"),
        ({"history": {"loss": []}}, r"its history has \[\], expected \['loss'\]"),
    ],
)
def test_checkpoints_of_other_trainings(data, tmp_path, options, message):
    path = tmp_path / "a.checkpoint"
    stopped(data, path)
    check_refused(data, path, message, **options)


@pytest.mark.parametrize("index", [0, 1, 3, 4])
def test_checkpoints_of_other_data(data, tmp_path, index):
    path = tmp_path / "a.checkpoint"
    stopped(data, path)
    name = ["images", "labels", "", "validation_images", "validation_labels"][index]
    changed = list(data)
    changed[index] = changed[index].copy()
    changed[index].flat[0] = 1 - changed[index].flat[0] // 2
    check_refused(changed, path, rf"data\.{name}\.crc32 is \d+ in the checkpoint, and \d+ in this")
    changed[index] = np.roll(data[index], 1, axis=0)
    check_refused(changed, path, rf"data\.{name}\.crc32")
    message = r"data\.validation_images is {'shape': \[20, 8, 8\], .*} in the checkpoint, and None"
    check_refused(data[:3], path, message)


def test_truncated_checkpoints(data, tmp_path):
    path = tmp_path / "a.checkpoint"
    content = stopped(data, path)
    for size in (0, 1, 7, 8, 100, 1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        check_refused(data, path, "damaged, or not a checkpoint of ocrdigit")
    path.write_bytes(content + b"\0")
    check_refused(data, path, "damaged, or not a checkpoint of ocrdigit")
    path.write_bytes(content)
    assert same(train(data, path), train(data))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"format_version": "3", "ocrdigit_version": "9.0"},
            r"checkpoint version '3', written by ocrdigit 9\.0; ocrdigit \S+ reads version 2",
        ),
        ({"format_version": None}, "checkpoint version None"),
        ({"format": "ocrdigit"}, "not a checkpoint of ocrdigit: format 'ocrdigit', expected"),
        ({"format": None}, "not a checkpoint of ocrdigit: format None"),
        ({"training": None}, "no readable 'training'"),
        ({"training": "{}"}, "another training"),
        ({"training": "3"}, "no readable 'training'"),
        ({"state": "{"}, "no readable 'state'"),
        ({"state": "{}"}, "epochs_begun: missing"),
        ({"history": "[" * 100_000}, "no readable 'history'"),
        ({"history": '{"loss": 3}'}, "its history has something else than lists"),
    ],
)
def test_other_metadata(data, tmp_path, changes, message):
    path = tmp_path / "a.checkpoint"
    stopped(data, path)
    rewrite(path, changes)
    check_refused(data, path, message)


@pytest.mark.parametrize("training", ["{}", '{"settings": 3}', '{"settings": {"seed": "x"}}'])
def test_seeds_that_are_not_readable(data, tmp_path, training):
    path = tmp_path / "a.checkpoint"
    stopped(data, path)
    rewrite(path, {"training": training})
    with pytest.raises(ValueError, match=r"a\.checkpoint: its metadata have no readable seed"):
        _checkpoint.saved_seed(path)
    assert _checkpoint.saved_seed(tmp_path / "none") is None


def test_other_arrays(data, tmp_path):
    path = tmp_path / "a.checkpoint"
    stopped(data, path)
    arrays = load_file(path)
    for changes, message in (
        ({"weights": arrays["weights"][:-1]}, r"weights: got shape \(307,\), expected \(308,\)"),
        ({"weights": arrays["weights"].astype(np.float64)}, "weights: got dtype float64"),
        ({"weights": arrays["weights"] * np.float32(np.nan)}, "weights: .*not finite"),
        ({"extra": arrays["weights"]}, "unknown 'extra'"),
    ):
        rewrite(path, {}, arrays | changes)
        check_refused(data, path, message)
    del arrays["average"]
    rewrite(path, {}, arrays)
    check_refused(data, path, "average: missing")


def test_edited_checkpoints(data, tmp_path):
    """A changed bit anywhere is noticed, also of weights that stay finite."""
    path = tmp_path / "a.checkpoint"
    content = stopped(data, path)
    rng = random.Random(0)
    for _ in range(200):
        changed = bytearray(content)
        changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"a\.checkpoint: "):
            train(data, path)
    arrays = load_file(path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    arrays["weights"][0] += 1
    save_file(arrays, path, metadata)
    check_refused(data, path, "damaged or edited: its checksum does not match its content")
    path.write_bytes(content)
    assert same(train(data, path), train(data))


def test_other_files(data, tmp_path):
    path = tmp_path / "model.safetensors"
    ocrdigit.load("tiny").save(path)
    check_refused(data, path, "not a checkpoint of ocrdigit: format 'ocrdigit'")
    path.write_text("weights")
    check_refused(data, path, "damaged, or not a checkpoint of ocrdigit")
    check_refused(data, tmp_path, "Is a directory", IsADirectoryError)
    check_refused(data, tmp_path / "gone" / "a.checkpoint", "cannot write", FileNotFoundError)


@pytest.mark.parametrize(
    ("every", "error"),
    [(0, ValueError), (-1, ValueError), ("step", ValueError), (1.5, TypeError), (None, TypeError)],
)
def test_every_refused(data, tmp_path, every, error):
    with pytest.raises(error, match="every must be"):
        train(data, tmp_path / "a.checkpoint", every)


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_full_disk(data, tmp_path, monkeypatch, function):
    """The old checkpoint stays whole, and training resumes from it."""
    path = tmp_path / "a.checkpoint"
    content = stopped(data, path)

    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail)
        error = check_refused(data, path, "No space left on device", OSError, every=1)
    assert error.errno == errno.ENOSPC
    assert error.filename == str(path)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == [path.name]
    assert same(train(data, path), train(data))


def test_a_file_that_cannot_grow(data, tmp_path):
    """As on a full disk, a part of the new file is written before the error."""
    pytest.importorskip("resource")
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    path = folder / "a.checkpoint"
    content = stopped(data, path)
    np.savez("data.npz", *data)
    done = run_script(
        f"""
        import resource
        import numpy as np
        from ocrdigit import _checkpoint, _core
        images, labels, scale, *validation = np.load({os.path.abspath("data.npz")!r}).values()
        network = _core.Network({LAYERS!r}, (8, 8, 1), seed=0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        _checkpoint.run(
            network, {CONFIG!r}, (images, labels, 1.0, *validation), {str(path)!r}, 1
        )
        """
    )
    assert f"cannot write: File too large: '{path}'" in done.stderr
    assert path.read_bytes() == content
    assert os.listdir(folder) == [path.name]


# ---- the estimator ----

PARAMETERS = {
    "architecture": ({"type": "flatten"}, {"type": "dense", "units": 10}),
    "epochs": 3,
    "batch_size": 32,
    "augment": "none",
    "verbose": 0,
}


class StopAt:
    """A callback that raises an exception at a step."""

    def __init__(self, calls, error=StopError):
        self.calls = calls
        self.error = error

    def on_step(self, progress):
        self.calls -= 1
        if not self.calls:
            raise self.error


@pytest.fixture(scope="module")
def digits(sample):
    return sample.X_train[:320], sample.y_train[:320]  # 10 steps


def weights_of(model):
    return model.network_.weights()


def fit(digits, seed=0, stop=None, **options):
    """Return a fitted model; with ``stop``, leave a checkpoint, and raise that callback's error."""
    model = DigitClassifier(random_state=seed, callbacks=stop, **PARAMETERS)
    return model.fit(*digits, validation_data=(digits[0][:50], digits[1][:50]), **options)


@pytest.mark.parametrize("every", [4, "epoch"])
def test_fit_resumes(digits, every):
    whole = fit(digits)
    with pytest.raises(StopError):
        fit(digits, stop=StopAt(18), checkpoint="a.checkpoint", every=every)
    resumed = fit(digits, checkpoint=Path("a.checkpoint"), every=every)
    assert not os.path.exists("a.checkpoint")
    assert same(weights_of(resumed), weights_of(whole))
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert resumed.history_[key] == whole.history_[key]
    assert len(resumed.history_["seconds"]) == 3


def test_fit_resumes_with_the_seed_of_the_checkpoint(digits):
    with pytest.raises(StopError):
        fit(digits, None, StopAt(9), checkpoint="a.checkpoint", every=4)
    seed = _checkpoint.saved_seed("a.checkpoint")
    with pytest.raises(ValueError, match=rf"settings\.seed is {seed} in the checkpoint, and 0"):
        fit(digits, 0, checkpoint="a.checkpoint", every=4)
    resumed = fit(digits, None, checkpoint="a.checkpoint", every=4)
    assert same(weights_of(resumed), weights_of(fit(digits, seed)))


def test_interrupted_fit_keeps_the_checkpoint(digits):
    model = DigitClassifier(random_state=0, callbacks=StopAt(9, KeyboardInterrupt), **PARAMETERS)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*digits, checkpoint="a.checkpoint", every=4)
    assert os.path.exists("a.checkpoint")
    whole = DigitClassifier(random_state=0, **PARAMETERS).fit(*digits)
    model.callbacks = None
    model.fit(*digits, checkpoint="a.checkpoint", every=4)
    assert same(weights_of(model), weights_of(whole))


def test_fine_tuning_resumes(digits):
    def tune(stop=None, **options):
        model = ocrdigit.load("tiny").set_params(
            random_state=0, verbose=0, epochs=1, callbacks=stop
        )
        return model.fit(digits[0][:40], digits[1][:40], **options)

    with pytest.raises(StopError):
        tune(StopAt(9), checkpoint="a.checkpoint", every=4)
    assert same(weights_of(tune(checkpoint="a.checkpoint", every=4)), weights_of(tune()))


def test_refused_checkpoints_keep_the_model(digits):
    model = fit(digits)
    weights, history = weights_of(model), model.history_
    with pytest.raises(StopError):
        fit(digits, stop=StopAt(9), checkpoint="a.checkpoint", every=4)
    model.set_params(batch_size=16)
    with pytest.raises(ValueError, match=r"a\.checkpoint: .* settings\.batch_size is 32 in"):
        model.fit(*digits, validation_data=digits, checkpoint="a.checkpoint")
    with pytest.raises(ValueError, match="every must be"):
        model.fit(*digits, checkpoint="b.checkpoint", every=0)
    with pytest.raises(FileNotFoundError, match="gone"):
        model.fit(*digits, checkpoint="gone/b.checkpoint")
    with pytest.raises(TypeError):
        model.fit(*digits, checkpoint=1.5)
    assert same(weights_of(model), weights)
    assert model.history_ is history


# ---- the command line and the training of the shipped networks ----


def test_command_line(digits):
    from click.testing import CliRunner

    from ocrdigit.cli import main

    np.savez("data.npz", X_train=digits[0], y_train=digits[1], X_test=digits[0], y_test=digits[1])
    arguments = ["train", "--data", "data.npz", "--epochs", "1", "--seed", "1", "--quiet"]
    for extra in (["--out", "a.safetensors", "--checkpoint", "c", "--every", "3"], []):
        result = CliRunner().invoke(main, [*arguments, *extra])
        assert result.exit_code == 0, result.output
    assert not os.path.exists("c")
    assert Path("a.safetensors").read_bytes() == Path("model.safetensors").read_bytes()
    result = CliRunner().invoke(main, [*arguments, "--every", "3"])
    assert result.exit_code == 2
    assert "--every needs the file of the checkpoint" in result.output
    Path("c").write_text("no checkpoint")
    result = CliRunner().invoke(main, [*arguments, "--checkpoint", "c"])
    assert result.exit_code == 1
    assert "Error: c: damaged, or not a checkpoint" in result.output


@pytest.mark.parametrize("name", ["recognizer", "detector"])
def test_training_of_shipped_networks(name, monkeypatch):
    """Their options reach the trainer: a training that fails in its first epoch leaves a file."""
    import importlib

    from ocrdigit.training import _reading_networks

    module = importlib.import_module(f"ocrdigit.training.{name}")
    rng = np.random.default_rng(0)
    monkeypatch.setattr(module, "_VALIDATION", 1)
    monkeypatch.setattr(_reading_networks, "print_progress", stop_after(1))
    if name == "recognizer":
        images = rng.integers(0, 256, (65, module.HEIGHT, module.WIDTH), np.uint8)
        labels = np.full((65, 3), 10, np.uint8)
        monkeypatch.setattr(module, "make_line_images", lambda *_: (images, labels))
        monkeypatch.setattr(module, "ProcessPoolExecutor", ThreadPoolExecutor)
    else:
        images = rng.integers(0, 256, (3, module.SIDE, module.SIDE), np.uint8)
        labels = (images[:, ::4, ::4] > 127).astype(np.uint8)
        monkeypatch.setattr(module, "make_crops", lambda *_: (images, labels))
    size = "--pictures" if name == "recognizer" else "--crops"
    options = f"--data . --fonts . --epochs 2 --checkpoint c --every 1 {size} 1"
    monkeypatch.setattr(sys, "argv", [name, *options.split()])
    with pytest.raises(StopError):
        module.main()
    state = json.loads(safe_open("c", "numpy").metadata()["state"])
    assert (state["epoch"], state["step"], state["steps"]) == (0, 1, 1)
    monkeypatch.setattr(_reading_networks, "print_progress", lambda progress: None)

    def fail(path, network):
        raise OSError(errno.ENOSPC, "No space left on device", path)

    with monkeypatch.context() as patched:
        patched.setattr(module, f"write_{name}", fail)
        with pytest.raises(OSError, match="No space left"):
            module.main()
    state = json.loads(safe_open("c", "numpy").metadata()["state"])
    assert state["epoch"] == 2  # the trained network is not lost
    module.main()
    assert os.listdir(".") == [f"{name}.safetensors"]
