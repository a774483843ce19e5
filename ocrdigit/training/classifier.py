"""Trains the classifiers that come with the package: "large", "default" and "tiny".

    python -m ocrdigit.training.classifier --data DIR --out FOLDER

``DIR`` holds MNIST's four files, in it or in ``mnist/``, and the two UCI sets in ``uci/``, see
:func:`ocrdigit.datasets.load_optdigits`. Writes ``large.safetensors``, ``default.safetensors``
and ``tiny.safetensors`` to ``FOLDER``, or the ones that ``--model`` names.

First a council is trained on labels alone: a "large", which also finds the examples that nobody
can read, two "default", and three more that know nothing but MNIST. What they together answer to
changed images is what the models learn from (distillation: Hinton, Vinyals and Dean, 2015); but for
"tiny", to which that is too much: it learns from labels, too.

All but those three have eleven classes while they are trained, the last for what is no digit; see
:mod:`ocrdigit._judge`. Everything random comes from ``--seed``: the same seed, data, version and
instruction set give the same files to the bit, on any number of threads. MNIST's last 5,000
training images are to choose and to calibrate by; nothing of its test set is read.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core, _judge, architectures, augmentations, files
from ._data import Data, Mix, log_probabilities, make_data
from ._examples import NOT_A_DIGIT, Examples

NAMES = ("large", "default", "tiny")
TAUGHT = ("large", "default")  # the others are trained on labels

_CHANGED_AT_ONCE = 10_000  # images


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


_ELASTIC = {"type": "elastic", "displacement": 1.0, "sigma": 4}
_AFFINE = {"type": "affine", "degrees": 10, "translate": 0.06, "scale": (0.85, 1.15), "shear": 9}


def _changes(elastic: float, blur: float, shares: Shares) -> augmentations.Augmentation:
    """Return what is done to images: how often they are warped, how far blurred, and the rest."""
    return (
        {"type": "stroke", "amount": (-0.7, 0.9), "probability": 0.3},
        {**_ELASTIC, "probability": elastic},
        _AFFINE,
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


# What is seen at first, to tell what can be read at all.
ROUGH = _changes(0.5, 1.2, Shares(0.3, 0.12, 0.15, 0.07, 0.05, 0.04, 0.15, 0.1, 0.15, 0.15))

_HANDLED = Shares(0.16, 0.08, 0.12, 0.05, 0.04, 0.03, 0.1, 0.06, 0.1, 0.1)


def handled(share: float) -> augmentations.Augmentation:
    """Return what comes later: the stronger changes less often, times ``share``."""
    shares = Shares(*(each * share for each in _HANDLED))
    return (*_changes(0.4, 1.8, shares), {"type": "negative", "probability": 0.05})


class Phase(NamedTuple):
    """So many times over a mix of examples, changed."""

    epochs: int
    rate: float
    mix: Mix
    augment: augmentations.Augmentation


_DROPPED = 0.3  # of the numbers that go into "large"'s dense layers, while it is trained


def _layers(name: str) -> list[dict[str, Any]]:
    """Return a model's layers while it is trained: with the eleventh class, and dropout."""
    layers: list[dict[str, Any]] = []
    for layer in architectures.ARCHITECTURES[name]:
        if name == "large" and layer["type"] == "dense":
            layers.append({"type": "dropout", "rate": _DROPPED})
        layers.append(dict(layer))
    layers[-1]["units"] = NOT_A_DIGIT + 1
    return layers


_MIXED, _MOSTLY_MNIST = Mix(4, 60_000, 20_000), Mix(4, 30_000, 12_000)
_WARPED: augmentations.Augmentation = (
    {"type": "stroke", "amount": (-0.5, 0.6), "probability": 0.3},
    {**_ELASTIC, "probability": 0.5},
    _AFFINE,
)
ON_LABELS: dict[str, tuple[Phase, ...]] = {
    "large": (
        Phase(2, 3e-3, Mix(2, 60_000, 35_000), ROUGH),
        Phase(20, 4e-3, _MIXED, handled(0.5)),
        Phase(6, 2e-3, _MOSTLY_MNIST, handled(0.3)),
    ),
    "default": (
        Phase(16, 5e-3, _MIXED, handled(0.5)),
        Phase(14, 2e-3, _MOSTLY_MNIST, handled(0.3)),
    ),
    "tiny": (
        Phase(16, 6e-3, _MIXED, handled(0.5)),
        Phase(14, 3e-3, _MOSTLY_MNIST, handled(0.3)),
    ),
}
_DEFAULTS, _SPECIALISTS = 2, 3  # members of the council
_SPECIALISTS_EPOCHS, _SPECIALISTS_RATE = 36, 4e-3
_MOST_MEMBERS = 100  # so many numbers apart are the members' own seeds, of one run and the next


class Lesson(NamedTuple):
    """So many changed images of each example of a mix; and the rates to learn from them at."""

    versions: int
    mix: Mix
    augment: augmentations.Augmentation
    rates: dict[str, float]


LESSONS = (
    Lesson(6, _MIXED, handled(1.0), {"large": 4e-3, "default": 5e-3}),
    Lesson(6, _MIXED, handled(0.5), {"large": 3e-3, "default": 4e-3}),
    Lesson(5, _MOSTLY_MNIST, handled(0.3), {"large": 2e-3, "default": 2e-3}),
    Lesson(4, Mix(2, 80_000, 20_000, 3), handled(0.7), dict.fromkeys(TAUGHT, 1e-3)),
)
_TIMES = 2  # over each lesson
_LABEL = 0.2  # share of a digit's own label in what is learnt; of what is none it is all


# -- the council --


class Council(NamedTuple):
    """Networks that answer together; specialists have ten classes, and know MNIST alone."""

    general: list[_core.Network]
    specialists: list[_core.Network]

    def answers(self, images: NDArray[np.uint8], from_mnist: bool) -> NDArray[np.float32]:
        """Return what they say of images: the mean probability (n, 11) of each class."""
        said = np.zeros((len(images), NOT_A_DIGIT + 1), np.float32)
        for network in self.general:
            said += network.predict_proba(images, 1 / 255)
        for network in self.specialists if from_mnist else ():
            said[:, :NOT_A_DIGIT] += network.predict_proba(images, 1 / 255)
        said /= said.sum(axis=1, keepdims=True)
        return said


def call_council(large: _core.Network, data: Data, seeds: Iterator[int]) -> Council:
    """Return the council of a "large" and those trained on what that could read."""
    defaults = [train_on_labels("default", data, next(seeds)) for _ in range(_DEFAULTS)]
    specialists = [_specialist(data, next(seeds)) for _ in range(_SPECIALISTS)]
    return Council([large, *defaults], specialists)


def train_on_labels(name: str, data: Data, seed: int) -> _core.Network:
    """Return a network trained on labels; "large" leaves out what it could not read before."""
    network = _core.Network(_layers(name), seed=seed)
    for number, phase in enumerate(ON_LABELS[name]):
        cleaned = data.cleaned(network) if name == "large" and number else data
        examples = cleaned.mixed(phase.mix)
        trainer = _trainer(network, phase.epochs, phase.rate, phase.augment, seed)
        trainer.run(*examples, 1 / 255, *data.validation, on_epoch=_tell)
    return network


def _specialist(data: Data, seed: int) -> _core.Network:
    network = _core.Network(architectures.ARCHITECTURES["default"], seed=seed)
    trainer = _trainer(network, _SPECIALISTS_EPOCHS, _SPECIALISTS_RATE, _WARPED, seed)
    trainer.run(*data.mnist, 1 / 255, *data.validation, on_epoch=_tell)
    return network


# -- lessons --


class Taught(NamedTuple):
    """Changed images (n, 28, 28), their labels (n,), and what to answer (n, 11)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    answers: NDArray[np.float32]


def prepare(number: int, council: Council, data: Data, seed: int) -> Taught:
    """Return a lesson's examples, each changed anew in every version, with what to answer."""
    lesson = LESSONS[number]
    examples = data.mixed(lesson.mix)
    count, of_mnist = len(examples.labels), lesson.mix.mnist * len(data.mnist.labels)
    images = np.empty((lesson.versions, *examples.images.shape), np.uint8)
    answers = np.empty((lesson.versions, count, NOT_A_DIGIT + 1), np.float32)
    for version in range(lesson.versions):
        _change(examples.images, lesson.augment, (seed, number, version), images[version])
        answers[version, :of_mnist] = council.answers(images[version, :of_mnist], True)
        answers[version, of_mnist:] = council.answers(images[version, of_mnist:], False)
    answers *= 1 - _LABEL
    answers[:, np.arange(count), examples.labels] += _LABEL
    answers[:, examples.labels == NOT_A_DIGIT] = np.arange(NOT_A_DIGIT + 1) == NOT_A_DIGIT
    labels = np.tile(examples.labels, lesson.versions)
    return Taught(images.reshape(-1, *images.shape[2:]), labels, answers.reshape(len(labels), -1))


def _change(
    images: NDArray[np.uint8],
    augment: augmentations.Augmentation,
    seeds: tuple[int, ...],
    changed: NDArray[np.uint8],
) -> None:
    steps = augmentations.resolve(augment)
    for begin in range(0, len(images), _CHANGED_AT_ONCE):
        some = slice(begin, begin + _CHANGED_AT_ONCE)
        pixels = images[some].astype(np.float32) / np.float32(255)
        seed = np.random.SeedSequence((*seeds, begin)).generate_state(1, np.uint64)
        pixels = _core.augment(pixels, steps, int(seed[0]))
        changed[some] = np.rint(pixels.clip(0, 1) * 255)


def train(name: str, taught: Sequence[Taught], validation: Examples, seed: int) -> _core.Network:
    """Return a model's network, which has had its lessons.

    What it was before the last, best at MNIST, and after it, best at the rest, is averaged.
    """
    network = _core.Network(_layers(name), seed=seed)
    for lesson, (images, labels, answers) in zip(LESSONS, taught, strict=True):
        before = network.weights()
        trainer = _trainer(network, _TIMES, lesson.rates[name], (), seed)
        trainer.run(images, labels, 1 / 255, *validation, targets=answers, on_epoch=_tell)
    after = network.weights()
    half = np.float32(0.5)
    network.set_weights({tensor: half * (before[tensor] + after[tensor]) for tensor in after})
    network.calibrate(validation.images, 1 / 255)
    return network


def _trainer(
    network: _core.Network,
    epochs: int,
    rate: float,
    augment: augmentations.Augmentation,
    seed: int,
) -> _core.Trainer:
    return _core.Trainer(
        network,
        epochs=epochs,
        batch_size=128,
        seed=seed,
        optimizer="adamw",
        learning_rate=rate,
        weight_decay=0.1,
        schedule="one_cycle",
        warmup=0.2,
        final_divisor=1000.0,
        augment=augmentations.resolve(augment),
        precision="bfloat16",
    )


def _tell(progress: Any) -> None:
    print(
        f"  epoch {progress['epoch'] + 1}/{progress['epochs']}: loss {progress['loss']:.4f}, "
        f"validation loss {progress['val_loss']:.4f}, accuracy {progress['val_accuracy']:.4f}, "
        f"{progress['seconds']:.0f} s",
        flush=True,
    )


# -- calibration and files --


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
    classifier = _judge.split(network, temperature)
    last = _judge.tensors_of(network)
    judge = _judge.join(
        classifier, {name: tensor / np.float32(temperature) for name, tensor in last.items()}
    )
    path = os.path.join(folder, f"{name}.safetensors")
    command = f"python -m ocrdigit.training.classifier --seed {seed}"
    notes = {"temperature": f"{temperature:.4f}", "training": command}
    stored = files.Stored(classifier, judge, second_look=True)
    files.write_stored(path, stored, half=True, notes=notes)


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
    taught = []
    if not set(wanted).isdisjoint(TAUGHT):
        council = call_council(large, data, seeds)
        say("lessons")
        taught = [prepare(number, council, data, seed) for number in range(len(LESSONS))]
    for name in wanted:
        say(name)
        if name in TAUGHT:
            network = train(name, taught, data.validation, seed)
        else:
            network = train_on_labels(name, data, seed)
        save(name, folder, network, data.validation, seed)


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
