"""Lessons: changed images, what a council says of them, and learning from that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core, augmentations
from ._augmentation import GEOMETRIC, handled
from ._data import Data, Mix
from ._ensemble import Council
from ._examples import NOT_A_DIGIT
from ._labels import MIXED, MOSTLY_MNIST, layers_of, tell, trainer_of

TAUGHT = ("large", "default")  # the others are trained on labels

_CHANGED_AT_ONCE = 10_000  # images

_Weights = dict[str, NDArray[np.float32]]


class Lesson(NamedTuple):
    """So many changed images of each example of a mix; and the rates to learn from them at."""

    versions: int
    mix: Mix
    augment: augmentations.Augmentation
    rates: dict[str, float]
    of_mnist: augmentations.Augmentation | None = None  # where its images are changed otherwise


LESSONS = (
    Lesson(6, MIXED, handled(1.0), {"large": 4e-3, "default": 5e-3}),
    Lesson(6, MIXED, handled(0.5), {"large": 3e-3, "default": 4e-3}),
    Lesson(5, MOSTLY_MNIST, handled(0.3), {"large": 2e-3, "default": 2e-3}),
    Lesson(4, Mix(2, 80_000, 20_000, 3), handled(0.7), dict.fromkeys(TAUGHT, 1e-3)),
)
LAST_LESSON = Lesson(4, MOSTLY_MNIST, handled(0.3), {"large": 1e-3}, of_mnist=GEOMETRIC)
_GOES, _KEPT = 2, 0.3  # at the last lesson, from the same weights; of which this share is kept
_TIMES = 2  # over each lesson
_LABEL = 0.2  # share of a digit's own label in what is learnt; of what is none it is all


class Taught(NamedTuple):
    """Changed images (n, 28, 28), their labels (n,), and what to answer (n, 11)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    answers: NDArray[np.float32]


def prepare(lesson: Lesson, council: Council, data: Data, seeds: tuple[int, int]) -> Taught:
    """Return a lesson's examples, each changed anew in every version, with what to answer."""
    examples = data.mixed(lesson.mix)
    of_mnist = slice(lesson.mix.mnist * len(data.mnist.labels))
    others = slice(of_mnist.stop, len(examples.labels))
    mnists = lesson.augment if lesson.of_mnist is None else lesson.of_mnist
    images = np.empty((lesson.versions, *examples.images.shape), np.uint8)
    answers = np.zeros((*images.shape[:2], NOT_A_DIGIT + 1), np.float32)
    answers[..., NOT_A_DIGIT] = 1
    digits = examples.labels != NOT_A_DIGIT  # what to say of the others is known
    for version in range(lesson.versions):
        for part, augment in ((of_mnist, mnists), (others, lesson.augment)):
            changed = images[version, part]
            _change(examples.images[part], augment, (*seeds, version, part.stop), changed)
            asked = digits[part]
            answers[version, part][asked] = council.answers(changed[asked], part is of_mnist)
    answers *= 1 - _LABEL
    answers[:, np.arange(len(examples.labels)), examples.labels] += _LABEL
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


def teach(
    council: Council, data: Data, seed: int, say: Callable[[str], None]
) -> dict[str, _core.Network]:
    """Return the networks that a council has taught, by name."""
    say("lessons")
    lessons = [prepare(each, council, data, (seed, n)) for n, each in enumerate(LESSONS)]
    networks = {}
    for name in TAUGHT:
        say(name)
        networks[name] = _taught(name, lessons, data, seed)
    del lessons  # gigabytes
    say("the last lesson")
    council = Council(list(networks.values()), council.specialists)
    last = prepare(LAST_LESSON, council, data, (seed, len(LESSONS)))
    for name, rate in LAST_LESSON.rates.items():
        _teach_last(networks[name], last, rate, data, seed)
    return networks


def _taught(name: str, lessons: Sequence[Taught], data: Data, seed: int) -> _core.Network:
    """Return a model's network, which has had its lessons, but for the last.

    What it was before the final one of these, best at MNIST, and after it, best at the rest, is
    averaged.
    """
    network = _core.Network(layers_of(name), seed=seed)
    for lesson, taught in zip(LESSONS, lessons, strict=True):
        before = network.weights()
        _learn(network, taught, lesson.rates[name], data, seed)
    _average(network, [(0.5, before), (0.5, network.weights())], data)
    return network


def _teach_last(network: _core.Network, taught: Taught, rate: float, data: Data, seed: int) -> None:
    """Give a network the last lesson, more than once, and average what that gives."""
    before = network.weights()
    averaged = [(_KEPT, before)]
    for go in range(_GOES):
        network.set_weights(before)
        _learn(network, taught, rate, data, seed + go)
        averaged.append(((1 - _KEPT) / _GOES, network.weights()))
    _average(network, averaged, data)


def _learn(network: _core.Network, taught: Taught, rate: float, data: Data, seed: int) -> None:
    trainer = trainer_of(network, _TIMES, rate, (), seed)
    trainer.run(
        taught.images, taught.labels, 1 / 255, *data.validation,
        targets=taught.answers, on_epoch=tell,
    )  # fmt: skip


def _average(network: _core.Network, shares: Sequence[tuple[float, _Weights]], data: Data) -> None:
    """Take weights' shares together, and note the ranges that int8 wants of the result."""
    averaged = {
        name: sum(np.float32(share) * weights[name] for share, weights in shares)
        for name in network.weights()
    }
    network.set_weights(averaged)
    network.calibrate(data.validation.images, 1 / 255)
