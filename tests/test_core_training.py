"""The arguments of a trainer, its errors, and its callbacks."""

from __future__ import annotations

import gc
import threading
import time

import numpy as np
import pytest
from core_cases import DENSE_ONLY, make_network, make_trainer, same

from ocrdigit import _core

ZOOM = {"type": "zoom", "factor": (0, 0)}

# ---- training ----


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0] * 70, TypeError, "labels: got list, expected a NumPy array of uint8"),
        (np.zeros(70, np.int64), TypeError, "labels: got dtype int64, expected uint8"),
        (np.zeros(69, np.uint8), ValueError, r"labels: got shape \(69,\), expected \(70,\)"),
        (np.zeros((70, 1), np.uint8), ValueError, r"labels: got shape \(70, 1\)"),
        (np.zeros(140, np.uint8)[::2], ValueError, "labels: .* C-contiguous"),
        (np.r_[np.zeros(69), 3].astype(np.uint8), ValueError, "labels: got 3 at index 69, .* 0 to"),
    ],
)
def test_labels_refused(network, batch, labels, error, message):
    trainer = make_trainer(network)
    before = network.weights()
    with pytest.raises(error, match=f"^{message}"):
        network.gradient(batch.images, labels, 1.0)
    with pytest.raises(error, match=f"^{message}"):
        trainer.run(batch.images, labels, 1.0)
    with pytest.raises(error, match=f"^validation_{message}"):
        trainer.run(batch.images, batch.labels, 1.0, batch.images, labels)
    assert same(network.weights(), before)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs: got 0"),
        ({"epochs": 1.5}, TypeError, r"epochs: got 1\.5, expected an integer"),
        ({"epochs": 2**40}, ValueError, "epochs: got"),
        ({"batch_size": 0}, ValueError, "batch_size: got 0"),
        ({"batch_size": -3}, ValueError, "batch_size: got -3"),
        ({"optimizer": "rmsprop"}, ValueError, "optimizer: got 'rmsprop', expected sgd, adam or a"),
        ({"optimizer": 3}, TypeError, "optimizer: got 3"),
        ({"learning_rate": 0}, ValueError, "learning_rate: got 0"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate: got nan"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate: got -1"),
        ({"schedule": "linear"}, ValueError, "schedule: got 'linear', expected constant, cosine"),
        ({"momentum": 1.0}, ValueError, "momentum: got 1"),
        ({"beta_1": -0.5}, ValueError, "beta_1: got -0.5"),
        ({"epsilon": 0.0}, ValueError, "epsilon: got 0"),
        ({"epsilon": 1e-50}, ValueError, "epsilon: got 1e-50, expected 1e-30 <= epsilon"),
        ({"ema": 1.0}, ValueError, "ema: got 1"),
        ({"restore_best": "yes"}, TypeError, "restore_best: got 'yes', expected True or False"),
        ({"patience": -1}, ValueError, "patience: got -1"),
        ({"label_smoothing": 1}, ValueError, "label_smoothing: got 1"),
        ({"nesterov": True}, TypeError, "unknown 'nesterov', expected only: epochs, batch_size"),
        ({"augment": "rotation"}, TypeError, "augment: got 'rotation', expected a list of steps"),
        ({"augment": [1]}, TypeError, r"augment\[0\]: got 1, expected a dict"),
        ({"augment": [()]}, TypeError, r"augment\[0\]: got tuple, expected a dict"),
        ({"augment": [{}]}, ValueError, r"augment\[0\]: type: missing"),
        (
            {"augment": [{"type": "twirl"}]},
            ValueError,
            r"augment\[0\]: type: got 'twirl', expected rotation, .* or invert",
        ),
        (
            {"augment": [{"type": "zoom", "factor": (0, 0, 0)}]},
            ValueError,
            r"augment\[0\] \(zoom\): factor: got \(0, 0, 0\), expected a pair \(low, high\)",
        ),
        (
            {"augment": [{**ZOOM, "fill": "wrap"}]},
            ValueError,
            r"augment\[0\] \(zoom\): fill: got 'wrap', expected reflect, constant or nearest",
        ),
        ({"augment": [{**ZOOM, "probability": 2}]}, ValueError, "probability"),
        ({"augment": [ZOOM] * 33}, ValueError, "33 steps"),
    ],
)
def test_trainer_settings_refused(network, changes, error, message):
    with pytest.raises(error, match=message):
        make_trainer(network, **changes)


def test_trainer_arguments_refused(network):
    with pytest.raises(TypeError, match="takes a network"):
        _core.Trainer()
    with pytest.raises(TypeError, match="takes a network"):
        _core.Trainer(network, 3)
    with pytest.raises(TypeError, match="takes a network"):
        _core.Trainer(network, network=network)
    with pytest.raises(TypeError, match="network: got str, expected a Network"):
        make_trainer("network")
    with pytest.raises(TypeError, match="epochs: missing"):
        _core.Trainer(network=network)


def test_run_arguments_refused(network, batch):
    trainer = make_trainer(network)
    with pytest.raises(TypeError, match="on_step: got 3, expected a function or None"):
        trainer.run(batch.images, batch.labels, 1.0, on_step=3)
    with pytest.raises(TypeError, match="on_epoch: got 'x', expected a function"):
        trainer.run(batch.images, batch.labels, 1.0, on_epoch="x")
    for interval in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="interval: got"):
            trainer.run(batch.images, batch.labels, 1.0, interval=interval)
    with pytest.raises(ValueError, match="validation_labels: got None with validation_images"):
        trainer.run(batch.images, batch.labels, 1.0, batch.images)
    with pytest.raises(ValueError, match="validation_images: got None with validation_labels"):
        trainer.run(batch.images, batch.labels, 1.0, None, batch.labels)


def test_callbacks_see_progress(network, batch):
    steps, epochs = [], []
    trainer = make_trainer(network, epochs=2)
    assert trainer.run(
        batch.images,
        batch.labels,
        1.0,
        batch.images[:20],
        batch.labels[:20],
        on_step=steps.append,
        on_epoch=epochs.append,
    )
    assert [(p["epoch"], p["step"]) for p in steps] == [(e, s) for e in (0, 1) for s in range(1, 6)]
    assert all(p["val_loss"] is None and p["val_accuracy"] is None for p in steps)
    assert [p["epoch"] for p in epochs] == [0, 1]
    for progress in steps + epochs:
        assert (progress["epochs"], progress["steps"]) == (2, 5)
        assert progress["loss"] > 0
        assert 0 <= progress["accuracy"] <= 1
        assert progress["learning_rate"] == pytest.approx(1e-3)
        assert progress["seconds"] >= 0
    probabilities = network.predict_proba(batch.images[:20], 1.0)
    chosen = probabilities[np.arange(20), batch.labels[:20]]
    assert epochs[-1]["val_loss"] == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    hits = probabilities.argmax(axis=1) == batch.labels[:20]
    assert epochs[-1]["val_accuracy"] == pytest.approx(hits.mean())


def test_without_validation_there_is_none(network, batch):
    epochs = []
    make_trainer(network).run(batch.images, batch.labels, 1.0, on_epoch=epochs.append)
    assert (epochs[0]["val_loss"], epochs[0]["val_accuracy"]) == (None, None)


def test_interval_limits_the_calls(network, batch):
    calls = []
    trainer = make_trainer(network, epochs=40)
    start = time.monotonic()
    trainer.run(batch.images, batch.labels, 1.0, on_step=calls.append, interval=0.05)
    assert 1 <= len(calls) <= 1 + (time.monotonic() - start) / 0.05
    assert len(calls) < 200


@pytest.mark.parametrize("answer", [False, np.False_])
@pytest.mark.parametrize("callback", ["on_step", "on_epoch"])
def test_false_stops_after_the_step(network, batch, callback, answer):
    calls = []

    def stop(progress):
        calls.append((progress, network.weights()))
        return answer

    trainer = make_trainer(network, epochs=5)
    assert trainer.run(batch.images, batch.labels, 1.0, **{callback: stop}) is False
    assert len(calls) == 1
    assert same(network.weights(), calls[0][1])


@pytest.mark.parametrize("result", [None, 0, "", [], np.zeros(3), True])
def test_other_results_continue(network, batch, result):
    trainer = make_trainer(network)
    run = trainer.run(batch.images, batch.labels, 1.0, on_step=lambda p: result)
    assert run is True


@pytest.mark.parametrize("callback", ["on_step", "on_epoch"])
def test_an_exception_ends_the_run_and_is_raised(network, batch, callback):
    class CallbackError(Exception):
        pass

    calls = []

    def fail(progress):
        calls.append(network.weights())
        raise CallbackError("in the callback")

    trainer = make_trainer(network, epochs=5)
    with pytest.raises(CallbackError, match="in the callback"):
        trainer.run(batch.images, batch.labels, 1.0, **{callback: fail})
    assert len(calls) == 1
    assert same(network.weights(), calls[0])
    assert trainer.run(batch.images, batch.labels, 1.0)  # it can continue


def test_callbacks_may_use_the_network(network, batch):
    calls = []

    def use(progress):
        calls.append(network.predict_proba(batch.images, 1.0))
        assert np.array_equal(calls[-1], network.copy().predict_proba(batch.images, 1.0))
        network.gradient(batch.images, batch.labels, 1.0)
        worker = threading.Thread(target=network.predict, args=(batch.images, 1.0))
        worker.start()
        worker.join(30)
        assert not worker.is_alive()

    trained = make_network()
    make_trainer(trained).run(batch.images, batch.labels, 1.0)
    make_trainer(network).run(batch.images, batch.labels, 1.0, on_step=use, on_epoch=use)
    assert len(calls) == 6
    assert not np.array_equal(calls[0], calls[-1])
    assert same(network.weights(), trained.weights())  # using it changed nothing


def test_weights_cannot_change_and_runs_cannot_nest(network, batch):
    trainer, other = make_trainer(network), make_trainer(network)
    errors = []

    def interfere(progress):
        for change in (
            lambda: network.initialize(1),
            lambda: network.set_weights(network.weights()),
            lambda: trainer.run(batch.images, batch.labels, 1.0),
            lambda: other.run(batch.images, batch.labels, 1.0),
        ):
            with pytest.raises(RuntimeError, match="the network is being trained"):
                change()
            errors.append(change)
        return False

    assert trainer.run(batch.images, batch.labels, 1.0, on_step=interfere) is False
    assert len(errors) == 4
    network.initialize(1)
    assert other.run(batch.images, batch.labels, 1.0)


def test_data_may_change_under_a_run(network, batch):
    labels = batch.labels.copy()

    def spoil(progress):
        labels[:] = 255
        batch.images[:] = 0.5

    assert make_trainer(network, epochs=3).run(batch.images, labels, 1.0, on_step=spoil)
    assert all(np.isfinite(w).all() for w in network.weights().values())


def test_a_second_run_continues_with_the_optimizer(network, batch):
    def weights_after(renew):
        network = make_network()
        trainer = make_trainer(network)
        trainer.run(batch.images, batch.labels, 1.0)
        if renew:
            trainer = make_trainer(network)
        trainer.run(batch.images, batch.labels, 1.0)
        return network.weights()

    assert same(weights_after(False), weights_after(False))
    assert not same(weights_after(False), weights_after(True))


def test_a_trainer_keeps_its_network(batch):
    trainer = make_trainer(make_network())
    gc.collect()
    assert trainer.run(batch.images, batch.labels, 1.0)
    assert gc.is_tracked(trainer)
    assert any(isinstance(r, _core.Network) for r in gc.get_referents(trainer))


def test_divergence_is_a_value_error(network, batch):
    trainer = make_trainer(network, optimizer="sgd", learning_rate=1000.0, epochs=200)
    with pytest.raises(ValueError, match="diverged"):
        trainer.run(batch.images * np.float32(1e30), batch.labels, 1e8)
    assert all(np.isfinite(w).all() for w in network.weights().values())


# ---- targets ----


def trained_weights(batch, targets, **changes):
    network = make_network()
    trainer = make_trainer(network, epochs=2, **changes)
    trainer.run(batch.images, batch.labels, 1.0, targets=targets)
    return network.weights()


def test_targets_of_one_class_are_labels(batch):
    plain = trained_weights(batch, None, label_smoothing=0.1)
    one_hot = np.eye(3, dtype=np.float32)[batch.labels]
    targets = trained_weights(batch, one_hot, label_smoothing=0.1)
    assert all(np.array_equal(plain[name], targets[name]) for name in plain)


def test_loss_of_targets(batch):
    rng = np.random.default_rng(1)
    targets = rng.dirichlet(np.ones(3), 70).astype(np.float32)
    losses = []
    network = make_network(layers=DENSE_ONLY)
    scores = network.scores(batch.images, 1.0).astype(np.float64)
    make_trainer(network, batch_size=70).run(
        batch.images, batch.labels, 1.0, targets=targets, on_step=lambda p: losses.append(p["loss"])
    )
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(losses, [-(targets * logs).sum(axis=1).mean()], rtol=1e-5)


def test_smoothing_is_a_target(batch):
    smooth = (0.7 * np.eye(3)[batch.labels] + 0.1).astype(np.float32)
    plain = trained_weights(batch, None, label_smoothing=0.3)
    soft = trained_weights(batch, smooth)
    for name in plain:
        np.testing.assert_allclose(soft[name], plain[name], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t[:-1], ValueError, r"targets: got shape \(69, 3\), expected \(70, 3\)"),
        (lambda t: t.astype(float), TypeError, "targets: got dtype float64"),
        (lambda t: t * 2, ValueError, "targets: row 0 has sum 2"),
        (lambda t: t - 1 / 3, ValueError, "targets: row 0 has sum"),
        (lambda t: t * np.nan, ValueError, "targets: got a number that is not finite"),
        (lambda t: t.tolist(), TypeError, "targets: got"),
    ],
)
def test_targets_refused(batch, change, error, message):
    targets = np.eye(3, dtype=np.float32)[batch.labels]
    with pytest.raises(error, match=message):
        trained_weights(batch, change(targets))
