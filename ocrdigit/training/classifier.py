"""Trains the classifiers that come with the package: "large", "default" and "tiny".

    python -m ocrdigit.training.classifier --data DIR --out FOLDER

``DIR`` holds MNIST's four files, in it or in ``mnist/``, and the two UCI sets in ``uci/``, see
:func:`ocrdigit.datasets.load_optdigits`. Writes ``large.safetensors``, ``default.safetensors``
and ``tiny.safetensors`` to ``FOLDER``, or the ones that ``--model`` names.

First a council is trained on labels alone: a "large", which also finds the examples that nobody
can read, two "default", and specialists that know nothing but MNIST. What they together answer to
changed images is what the models learn from (distillation: Hinton, Vinyals and Dean, 2015); but for
"tiny", to which that is too much: it learns from labels, too. At last those that have learnt sit in
the council themselves, beside the specialists, and "large" learns what they say of MNIST's images
warped and not changed otherwise, which is what specialists know best.

All but the specialists have eleven classes while they are trained, the last for what is no digit;
see :mod:`ocrdigit.models._classes`. Everything random comes from ``--seed``: the same seed, data, version
and instruction set give the same files to the bit, on any number of threads. MNIST's last 5,000
training images are to choose and to calibrate by; nothing of its test set is read.
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
from ._data import Data, log_probabilities, make_data
from ._distillation import TAUGHT, teach
from ._ensemble import call_council
from ._examples import NOT_A_DIGIT, Examples
from ._labels import train_on_labels

NAMES = ("large", "default", "tiny")
_MOST_MEMBERS = 100  # so many numbers apart are the members' own seeds, of one run and the next


def temperature_of(network: _core.Network, validation: Examples) -> float:
    """Return what to divide the ten scores by so that their probabilities are the likeliest.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.
    """
    scores = network.scores(validation.images, 1 / 255)[:, :NOT_A_DIGIT].astype(np.float64)
    rows = np.arange(len(scores))
    temperatures = np.exp(np.linspace(-1, 1, 201))
    losses = [
        -log_probabilities(scores / temperature)[rows, validation.labels].mean()
        for temperature in temperatures
    ]
    return float(temperatures[int(np.argmin(losses))])


def save(name: str, folder: str, network: _core.Network, validation: Examples, seed: int) -> None:
    """Calibrate a trained network of eleven classes, and write its model's file."""
    network = _without_dropout(network)
    temperature = temperature_of(network, validation)
    path = os.path.join(folder, f"{name}.safetensors")
    command = f"python -m ocrdigit.training.classifier --seed {seed}"
    stored = files.Stored(network, temperature, tta=True)
    files.write_stored(path, stored, half=True, notes={"training": command})


def _without_dropout(network: _core.Network) -> _core.Network:
    """Return the same network as it is used."""
    layers = [layer for layer in network.layers if layer["type"] != "dropout"]
    plain = _core.Network(layers, network.input_shape)
    plain.set_weights(network.weights())
    plain.ranges = network.ranges
    return plain


def make(
    wanted: Sequence[str], folder: str, data: Data, seed: int, say: Callable[[str], None]
) -> None:
    """Train, calibrate and save the models that are wanted."""
    say("the council")
    seeds = itertools.count(_MOST_MEMBERS * seed + 1)
    large = train_on_labels("large", data, next(seeds))
    data = data.cleaned(large)
    networks = {}
    if not set(wanted).isdisjoint(TAUGHT):
        networks = teach(call_council(large, data, seeds), data, seed, say)
    for name in wanted:
        if name not in TAUGHT:
            say(name)
            networks[name] = train_on_labels(name, data, seed)
        save(name, folder, networks[name], data.validation, seed)


def main() -> None:
    """Train what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.classifier")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default=".")
    parser.add_argument("--model", action="append", choices=NAMES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args()
    wanted = options.model or NAMES
    os.makedirs(options.out, exist_ok=True)
    start = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - start:.0f} s: {what}", flush=True)

    say("examples")
    data = make_data(options.data, options.jobs)
    make(wanted, options.out, data, options.seed, say)


if __name__ == "__main__":
    main()
