"""Training of the shipped classifiers: "large", "default" and "tiny".

::

    python -m ocrdigit.training.classifier --data DIR --out FOLDER

``DIR`` holds MNIST's four files, in it or in ``mnist/``, and the two UCI sets in ``uci/`` (see
:func:`ocrdigit.datasets.load_optdigits`). Writes ``large.safetensors``, ``default.safetensors``
and ``tiny.safetensors`` to ``FOLDER``, or the models selected by ``--model``.

1. A teacher ensemble is trained on labels: a "large", which also identifies illegible examples,
   two "default", and domain teachers trained on MNIST alone.
2. The students "large" and "default" learn the mean probabilities of the ensemble on augmented
   images (distillation: Hinton, Vinyals and Dean, 2015). "tiny" has too little capacity for this
   and is trained on labels.
3. In the last distillation stage the students replace the general teachers, and "large" learns
   the targets of MNIST's images under geometric augmentation only, where the domain teachers are
   most accurate.

All networks except the domain teachers are trained with eleven classes, the last being the
non-digit class. All random numbers derive from ``--seed``: the same seed, data, version and
instruction set give the same files bit for bit at any number of threads. MNIST's last 5,000
training images serve for validation and calibration; its test set is not read.

With ``--checkpoint FOLDER`` each training saves its state to a file in the folder, every ``N``
steps with ``--every N``, or at the end of each epoch. The same command resumes: trainings that
have ended are not repeated, the one that was stopped continues, and the models are the same to
the bit; data and soft targets are made again. The files are deleted when the models are written.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable, Sequence

import numpy as np

from .. import _core
from ..models import files
from ..synth import NON_DIGIT
from ._checkpoints import Trainings, add_checkpoint_arguments
from ._data import Data, log_softmax, make_data
from ._distillation import STUDENTS, distill
from ._ensemble import train_ensemble
from ._examples import Examples
from ._supervised import train_supervised

NAMES = ("large", "default", "tiny")
_SEED_STRIDE = 100  # distance between the first seeds of the teachers of successive runs


def fit_temperature(network: _core.Network, validation: Examples) -> float:
    """Return the temperature of the ten digit scores that minimizes the validation loss.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.
    """
    scores = network.scores(validation.images, 1 / 255)[:, :NON_DIGIT].astype(np.float64)
    rows = np.arange(len(scores))
    temperatures = np.exp(np.linspace(-1, 1, 201))
    losses = [
        -log_softmax(scores / temperature)[rows, validation.labels].mean()
        for temperature in temperatures
    ]
    return float(temperatures[int(np.argmin(losses))])


def save(name: str, folder: str, network: _core.Network, validation: Examples, seed: int) -> None:
    """Calibrate a trained network of eleven classes and write its model file."""
    network = _without_dropout(network)
    temperature = fit_temperature(network, validation)
    path = os.path.join(folder, f"{name}.safetensors")
    command = f"python -m ocrdigit.training.classifier --seed {seed}"
    stored = files.Stored(network, temperature, tta=True)
    files.write_stored(path, stored, half=True, notes={"training": command})


def _without_dropout(network: _core.Network) -> _core.Network:
    """Return the network for inference."""
    layers = [layer for layer in network.layers if layer["type"] != "dropout"]
    inference = _core.Network(layers, network.input_shape)
    inference.set_weights(network.weights())
    inference.ranges = network.ranges
    return inference


def make(
    names: Sequence[str],
    folder: str,
    data: Data,
    seed: int,
    log: Callable[[str], None],
    trainings: Trainings,
) -> None:
    """Train, calibrate and save the models ``names``."""
    log("teacher ensemble")
    seeds = itertools.count(_SEED_STRIDE * seed + 1)
    large = train_supervised("large", data, next(seeds), trainings)
    data = data.cleaned(large)
    networks = {}
    if not set(names).isdisjoint(STUDENTS):
        ensemble = train_ensemble(large, data, seeds, trainings)
        networks = distill(ensemble, data, seed, log, trainings)
    for name in names:
        if name not in STUDENTS:
            log(name)
            networks[name] = train_supervised(name, data, seed, trainings)
        save(name, folder, networks[name], data.validation, seed)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ocrdigit.training.classifier",
        description="Train the shipped classifiers and write their model files.",
    )
    parser.add_argument("--data", required=True, help="folder of MNIST and the UCI sets")
    parser.add_argument("--out", default=".", help="folder for the model files (default: .)")
    parser.add_argument(
        "--model", action="append", choices=NAMES, help="train only this model; repeatable"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument(
        "--jobs", type=int, help="processes for data synthesis (default: all cores)"
    )
    add_checkpoint_arguments(parser, "FOLDER")
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    start = time.perf_counter()

    def log(step: str) -> None:
        print(f"{time.perf_counter() - start:.0f} s: {step}", flush=True)

    log("training data")
    data = make_data(options.data, options.jobs)
    trainings = Trainings(options.checkpoint, options.every)
    make(options.model or NAMES, options.out, data, options.seed, log, trainings)
    trainings.delete()


if __name__ == "__main__":
    main()
