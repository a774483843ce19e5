"""A stress of the extension by threads: run under the thread sanitizer by .ci/run.

    python thread_stress.py SECONDS

Eight threads predict, read, fit, fit incrementally, save and load, pickle, set weights, and
change the number of threads, until each has done its rounds or the time is over.
"""

from __future__ import annotations

import pickle
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

import ocrdigit
from ocrdigit import DigitClassifier, _core

LAYERS = (
    {"type": "conv2d", "filters": 4, "kernel_size": 3, "strides": 2, "use_bias": False},
    {"type": "batch_norm"},
    {"type": "relu"},
    {"type": "max_pool2d"},
    {"type": "flatten"},
    {"type": "dropout", "rate": 0.2},
    {"type": "dense", "units": 10},
)
ROUNDS = 40

sample = ocrdigit.datasets.load_sample()
X, y = sample.X_train[:64], sample.y_train[:64]
page = np.full((60, 240), 255, np.uint8)
for i in range(4):
    page[16:44, 16 + 50 * i : 44 + 50 * i] = 255 - sample.X_test[i]


def small_model(**parameters: object) -> DigitClassifier:
    settings = {"epochs": 1, "batch_size": 16, "augment": "default", "random_state": 0}
    return DigitClassifier(LAYERS, verbose=0, **{**settings, **parameters})  # type: ignore[arg-type]


shared = small_model().fit(X, y)
tiny = ocrdigit.load("tiny")
expected = tiny.predict_proba(X)
text = ocrdigit.read(page).text
network = shared.network_.copy()
versions = [network.weights(), small_model(random_state=1).fit(X, y).network_.weights()]
scores = []
for weights in versions:
    network.set_weights(weights)
    scores.append(network.scores(X, 1 / 255))


def predict(i: int) -> None:
    assert (tiny.predict_proba(X) == expected).all()
    assert tiny.predict(X[i]) == expected[i].argmax()
    assert shared.predict(X).shape == (64,)


def read(i: int) -> None:
    assert ocrdigit.read(page).text == text


def fit(i: int) -> None:
    """Replace the model that others predict with; look at it in callbacks."""
    shared.set_params(callbacks=lambda p: p["model"].predict(X)).fit(X, y)


def partial_fit(i: int) -> None:
    model = small_model(optimizer=["sgd", "adam", "adamw"][i % 3])
    for _ in range(2):
        model = pickle.loads(pickle.dumps(model.partial_fit(X, y)))


def save_and_load(i: int) -> None:
    path = f"{threading.get_ident()}.safetensors"
    shared.save(path)
    assert ocrdigit.load(path).predict(X).shape == (64,)


def set_weights(i: int) -> None:
    network.precision = "float32"  # int8 needs ranges, which new weights do not have
    network.set_weights(versions[i % 2])
    network.calibrate(X, 1 / 255)
    network.precision = ["int8", "float32", "bfloat16"][i % 3]


def watch_weights(i: int) -> None:
    found = network.scores(X, 1 / 255)
    assert np.isfinite(found).all()
    assert network.weights().keys() == versions[0].keys()
    network.explain(X[:2], 1 / 255)
    assert network.copy().layers == network.layers


def train_in_view(i: int) -> None:
    """Another thread saves the state of a trainer that runs, and uses its network."""
    trained = shared.network_.copy()
    trainer = _core.Trainer(
        trained, epochs=2, batch_size=8, seed=0, optimizer="adam", learning_rate=1e-3, ema=0.9
    )
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            assert trainer.state()["epoch"] <= 2
            assert np.isfinite(trained.weights()["dense_1.kernel"]).all()
            assert trained.copy().predict(X[:3], 1 / 255).shape == (3,)
            assert trained.predict(X[:3], 1 / 255).shape == (3,)

    watcher = threading.Thread(target=watch)
    watcher.start()
    trainer.run(X, y.astype(np.uint8), 1 / 255, X[:9], y[:9].astype(np.uint8))
    over.set()
    watcher.join()


def resize(i: int) -> None:
    ocrdigit.set_num_threads(1 + i % 4)
    assert 1 <= ocrdigit.get_num_threads() <= 4


WORK: list[Callable[[int], None]] = [
    predict,
    read,
    fit,
    partial_fit,
    save_and_load,
    watch_weights,
    train_in_view,
    resize,
]


def main(seconds: float) -> None:
    """Run all work, and raise what a thread raised."""
    end = time.monotonic() + seconds
    failures: list[BaseException] = []
    rounds = dict.fromkeys((work.__name__ for work in WORK), 0)

    def run(work: Callable[[int], None]) -> None:
        try:
            while rounds[work.__name__] < ROUNDS and time.monotonic() < end:
                work(rounds[work.__name__])
                if work is resize:
                    set_weights(rounds[work.__name__])
                rounds[work.__name__] += 1
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in WORK]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    assert all(rounds.values()), rounds
    print("rounds:", ", ".join(f"{name} {count}" for name, count in rounds.items()))


if __name__ == "__main__":
    main(float(sys.argv[1]))
