"""Trains the classifiers that come with the package: "default" and "tiny".

    python -m ocrdigit.training.classifier --data DIR --out FOLDER

``DIR`` holds MNIST's four files, in it or in ``mnist/``, and the two UCI sets in ``uci/``, see
:func:`ocrdigit.datasets.load_optdigits`. Writes ``default.safetensors`` and
``tiny.safetensors`` to ``FOLDER``, or the one that ``--model`` names.

A first network, larger than these, finds the examples that nobody can read.

All have eleven classes while they are trained, the last for what is no digit; see
:mod:`ocrdigit._judge`. Everything random comes from ``--seed``: the same seed, data, version and
instruction set give the same files to the bit, on any number of threads. MNIST's last 5,000
training images are to choose and to calibrate by; nothing of its test set is read.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core, _judge, architectures, augmentations, files
from ..datasets import load_mnist
from ._examples import NOT_A_DIGIT, Examples, crops, no_digits, other_hands
from .strips import TRAINING_DIGITS

MODELS = ("default", "tiny")

_CROPS, _CROP_CHUNKS = 10_000, 8  # in a chunk, and chunks
_NO_DIGITS, _NO_DIGIT_CHUNKS = 9_000, 4
_UNREADABLE = 0.02  # examples are left out whose class a first network finds less likely


class Shares(NamedTuple):
    """How often images are changed in each of the stronger ways."""

    affine: float
    texture: float
    edge: float  # ink of a neighbour along an edge
    across: float  # ink across the digit
    gap: float
    spot: float
    blur: float
    contrast: float
    paper: float
    noise: float


def _changes(elastic: float, blur: float, shares: Shares) -> augmentations.Augmentation:
    """Return what is done to images: how often they are warped, how far blurred, and the rest."""
    return (
        {"type": "stroke", "amount": (-0.7, 0.9), "probability": 0.3},
        {"type": "elastic", "displacement": 1.0, "sigma": 4, "probability": elastic},
        {"type": "affine", "degrees": 10, "translate": 0.06, "scale": (0.85, 1.15), "shear": 9},
        {
            "type": "affine",
            "degrees": 16,
            "translate": 0.12,
            "scale": (0.62, 1.2),
            "shear": 16,
            "probability": shares.affine,
        },
        {"type": "texture", "amount": 0.8, "spacing": 1.5, "probability": shares.texture},
        {"type": "ink", "width": (0.8, 3), "reach": 0.22, "probability": shares.edge},
        {"type": "ink", "width": (0.6, 1.8), "reach": 1.0, "probability": shares.across},
        {"type": "erase", "area": (0.005, 0.06), "value": 0, "probability": shares.gap},
        {"type": "erase", "area": (0.005, 0.04), "value": 1, "probability": shares.spot},
        {"type": "blur", "sigma": (0.3, blur), "probability": shares.blur},
        {"type": "contrast", "factor": (-0.6, 0), "probability": shares.contrast},
        {"type": "paper", "tone": 0.5, "probability": shares.paper},
        {"type": "noise", "sigma": 0.25, "probability": shares.noise},
    )


# What the first network sees: everything at once.
ROUGH = _changes(0.5, 1.2, Shares(0.3, 0.12, 0.15, 0.07, 0.05, 0.04, 0.15, 0.1, 0.15, 0.15))

_HANDLED = Shares(0.16, 0.08, 0.12, 0.05, 0.04, 0.03, 0.1, 0.06, 0.1, 0.1)


def handled(share: float) -> augmentations.Augmentation:
    """Return what the others see: the stronger changes less often, times ``share``."""
    shares = Shares(*(each * share for each in _HANDLED))
    return (*_changes(0.4, 1.8, shares), {"type": "negative", "probability": 0.05})


class Mix(NamedTuple):
    """What an epoch is made of: times that MNIST is in it, crops, and images of no digit."""

    mnist: int
    crops: int
    no_digits: int


@dataclass(frozen=True)
class Phase:
    """One run of the trainer. ``cleaned``: without the examples that a network cannot read."""

    epochs: int
    rate: float
    warmup: float
    mix: Mix
    augment: augmentations.Augmentation
    precision: str = "float32"
    cleaned: bool = False


FIRST = Phase(14, 3e-3, 0.2, Mix(2, 40_000, 25_000), ROUGH, "bfloat16")
FIRST_LAYERS: architectures.Layers = (
    {"type": "conv2d", "filters": 48, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 64, "kernel_size": 3, "activation": "relu"},
    {"type": "conv2d", "filters": 64, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 128, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "flatten"},
    {"type": "dropout", "rate": 0.3},
    {"type": "dense", "units": 256, "activation": "relu"},
    {"type": "dropout", "rate": 0.3},
    {"type": "dense", "units": 11},
)

PHASES = {
    "default": (
        Phase(14, 6e-3, 0.2, Mix(2, 40_000, 25_000), handled(1)),
        Phase(8, 3e-3, 0.1, Mix(4, 30_000, 12_000), handled(0.5), cleaned=True),
    ),
    "tiny": (Phase(14, 6e-3, 0.2, Mix(4, 20_000, 12_000), handled(0.5), cleaned=True),),
}


@dataclass(frozen=True)
class Data:
    """All that there is to train on, and MNIST's last training images to validate on."""

    mnist: Examples
    crops: Examples
    no_digits: NDArray[np.uint8]
    other_hands: Examples
    validation: Examples

    def mixed(self, mix: Mix) -> Examples:
        """Return the examples of one epoch."""
        none = self.no_digits[: mix.no_digits]
        parts = [
            *[self.mnist] * mix.mnist,
            Examples(self.crops.images[: mix.crops], self.crops.labels[: mix.crops]),
            Examples(none, np.full(len(none), NOT_A_DIGIT, np.uint8)),
            self.other_hands,
        ]
        images, labels = zip(*parts, strict=True)
        return Examples(np.concatenate(images), np.concatenate(labels))

    def cleaned(self, network: _core.Network) -> Data:
        """Return the same without crops and negatives that ``network`` finds very unlikely."""
        own = _likelihood(network, self.crops)
        none = Examples(self.no_digits, np.full(len(self.no_digits), NOT_A_DIGIT, np.uint8))
        kept, kept_none = own > _UNREADABLE, _likelihood(network, none) > _UNREADABLE
        cleaned = Examples(self.crops.images[kept], self.crops.labels[kept])
        return Data(
            self.mnist, cleaned, self.no_digits[kept_none], self.other_hands, self.validation
        )


def make_data(folder: str, jobs: int | None = None) -> Data:
    """Load and synthesise everything; the same every time."""
    with ProcessPoolExecutor(jobs) as workers:
        crop_seeds = range(_CROP_CHUNKS)
        crop_parts = workers.map(
            crops, [folder] * _CROP_CHUNKS, crop_seeds, [_CROPS] * _CROP_CHUNKS
        )
        none_seeds = range(100, 100 + _NO_DIGIT_CHUNKS)
        none_parts = workers.map(
            no_digits, [folder] * _NO_DIGIT_CHUNKS, none_seeds, [_NO_DIGITS] * _NO_DIGIT_CHUNKS
        )
        images, labels = zip(*crop_parts, strict=True)
        none = np.concatenate(list(none_parts))
    mnist = load_mnist(folder)
    digits = mnist.y_train.astype(np.uint8)
    return Data(
        Examples(mnist.X_train[:TRAINING_DIGITS], digits[:TRAINING_DIGITS]),
        Examples(np.concatenate(images), np.concatenate(labels)),
        none,
        other_hands(folder),
        Examples(mnist.X_train[TRAINING_DIGITS:], digits[TRAINING_DIGITS:]),
    )


def first_network(data: Data, seed: int) -> _core.Network:
    """Return the network that finds the unreadable among the others' examples."""
    network = _core.Network(FIRST_LAYERS, seed=seed)
    _run(network, FIRST, data, seed)
    return network


def train(name: str, data: Data, cleaner: _core.Network, seed: int) -> _core.Network:
    """Return the trained network of a model, of eleven classes."""
    layers = [dict(layer) for layer in architectures.ARCHITECTURES[name]]
    layers[-1]["units"] = NOT_A_DIGIT + 1
    network = _core.Network(layers, seed=seed)
    for phase in PHASES[name]:
        _run(network, phase, data.cleaned(cleaner) if phase.cleaned else data, seed)
    return network


def _run(network: _core.Network, phase: Phase, data: Data, seed: int) -> None:
    trainer = _core.Trainer(
        network,
        epochs=phase.epochs,
        batch_size=128,
        seed=seed,
        optimizer="adamw",
        learning_rate=phase.rate,
        weight_decay=0.1,
        schedule="one_cycle",
        warmup=phase.warmup,
        final_divisor=1000.0,
        augment=augmentations.resolve(phase.augment),
        precision=phase.precision,
    )
    images, labels = data.mixed(phase.mix)
    trainer.run(images, labels, 1 / 255, *data.validation, on_epoch=_tell)


def _tell(progress: Any) -> None:
    print(
        f"  epoch {progress['epoch'] + 1}/{progress['epochs']}: loss {progress['loss']:.4f}, "
        f"validation loss {progress['val_loss']:.4f}, accuracy {progress['val_accuracy']:.4f}, "
        f"{progress['seconds']:.0f} s",
        flush=True,
    )


# -- calibration and files --


def _log_probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = scores - np.logaddexp.reduce(scores, axis=1)[:, None]
    return result


def _likelihood(network: _core.Network, examples: Examples) -> NDArray[np.float64]:
    """Return the probability (n,) of each example's own class."""
    logs = _log_probabilities(network.scores(examples.images, 1 / 255).astype(np.float64))
    likelihood: NDArray[np.float64] = np.exp(logs[np.arange(len(logs)), examples.labels])
    return likelihood


def temperature_of(network: _core.Network, validation: Examples) -> float:
    """Return what to divide the ten scores by so that their probabilities are the likeliest.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.
    """
    scores = network.scores(validation.images, 1 / 255)[:, :NOT_A_DIGIT].astype(np.float64)
    rows = np.arange(len(scores))
    temperatures = np.exp(np.linspace(-1, 1, 201))
    losses = [
        -_log_probabilities(scores / temperature)[rows, validation.labels].mean()
        for temperature in temperatures
    ]
    return float(temperatures[int(np.argmin(losses))])


def save(path: str, network: _core.Network, validation: Examples, seed: int) -> None:
    """Calibrate a trained network of eleven classes, and write its file."""
    temperature = temperature_of(network, validation)
    classifier = _judge.split(network, temperature)
    last = _judge.tensors_of(network)
    judge = _judge.join(
        classifier, {name: tensor / np.float32(temperature) for name, tensor in last.items()}
    )
    command = f"python -m ocrdigit.training.classifier --seed {seed}"
    notes = {"temperature": f"{temperature:.4f}", "training": command}
    files.write_judged(path, classifier, judge, half=True, notes=notes)


def main() -> None:
    """Train, calibrate and save."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.classifier")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default=".")
    parser.add_argument("--model", action="append", choices=MODELS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    start = time.perf_counter()
    data = make_data(options.data, options.jobs)
    print(f"examples made in {time.perf_counter() - start:.0f} s; first network", flush=True)
    cleaner = first_network(data, options.seed)
    for name in options.model or MODELS:
        print(name, flush=True)
        network = train(name, data, cleaner, options.seed)
        path = os.path.join(options.out, f"{name}.safetensors")
        save(path, network, data.validation, options.seed)


if __name__ == "__main__":
    main()
