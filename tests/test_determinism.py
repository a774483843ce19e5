"""The same seed gives the same bits, on any number of threads and in any process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

import ocrdigit
from ocrdigit import DigitClassifier

# All layers that draw random numbers or sum over a batch.
LAYERS = (
    {"type": "conv2d", "filters": 8, "kernel_size": 3, "use_bias": False},
    {"type": "batch_norm"},
    {"type": "relu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 12, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "flatten"},
    {"type": "dropout", "rate": 0.3},
    {"type": "dense", "units": 24, "activation": "relu"},
    {"type": "dense", "units": 10},
)

IMAGES = 300  # not a multiple of the batch size


def train(seed, threads):
    sample = ocrdigit.datasets.load_sample()
    model = DigitClassifier(
        LAYERS,
        augment=[
            {"type": "affine", "degrees": 10, "translate": 0.1, "scale": (0.9, 1.1), "shear": 5},
            {"type": "elastic", "displacement": 1, "sigma": 4},
            {"type": "noise", "sigma": 0.05},
        ],
        epochs=2,
        batch_size=64,
        random_state=seed,
        n_jobs=threads,
        verbose=0,
    )
    validation = (sample.X_test[:100], sample.y_test[:100])
    return model.fit(sample.X_train[:IMAGES], sample.y_train[:IMAGES], validation)


def bits(model):
    """Return the bytes of the weights, the probabilities and the losses."""
    probabilities = model.predict_proba(ocrdigit.datasets.load_sample().X_test)
    history = [model.history_["loss"], model.history_["val_loss"]]
    arrays = [*model.network_.weights().values(), probabilities, np.array(history)]
    return [array.tobytes() for array in arrays]


def digest(model):
    return hashlib.sha256(b"".join(bits(model))).hexdigest()


@pytest.fixture(scope="module")
def alone():
    """A model that was trained with seed 5 on one thread."""
    return train(5, 1)


def test_loss_decreases(alone):
    assert alone.history_["loss"][1] < alone.history_["loss"][0]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_no_bit_of_training(alone, threads):
    assert bits(train(5, threads)) == bits(alone)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit_of_predictions(threads):
    images = ocrdigit.datasets.load_sample().X_test
    before = ocrdigit.get_num_threads()
    try:
        ocrdigit.set_num_threads(1)
        expected = ocrdigit.predict_proba(images).tobytes()
        ocrdigit.set_num_threads(threads)
        assert ocrdigit.predict_proba(images).tobytes() == expected
    finally:
        ocrdigit.set_num_threads(before)


def test_another_seed_gives_other_numbers(alone):
    ours, others = alone.network_.weights(), train(6, 1).network_.weights()
    for name in ("conv2d_1.kernel", "conv2d_2.kernel", "dense_1.kernel", "dense_2.kernel"):
        assert not np.array_equal(ours[name], others[name])


@pytest.mark.parametrize("threads", ["1", "3"])
def test_another_process_gives_the_same_bits(alone, threads, tmp_path):
    tests = os.path.dirname(os.path.abspath(__file__))
    path = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    work = "import test_determinism as t; print(t.digest(t.train(5, None)))"
    process = subprocess.run(
        [sys.executable, "-c", work],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "OCRDIGIT_NUM_THREADS": threads},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == digest(alone)
