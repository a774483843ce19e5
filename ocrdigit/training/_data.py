"""All that the classifiers are trained on, and how an epoch is mixed from it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..datasets import load_mnist
from ._examples import NOT_A_DIGIT, Examples, crops, no_digits, other_hands, read_crops
from .line_images import TRAINING_DIGITS

_CHUNK, _CROP_CHUNKS, _NO_DIGIT_CHUNKS = 10_000, 4, 4  # of either kind of crops, and of no digits
_UNREADABLE = 0.02  # examples are left out whose class a network finds less likely


class Mix(NamedTuple):
    """What an epoch is made of: crops and images of no digit, and how often the rest is in it."""

    mnist: int
    crops: int
    no_digits: int
    other_hands: int = 1


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
            *[self.other_hands] * mix.other_hands,
        ]
        images, labels = zip(*parts, strict=True)
        return Examples(np.concatenate(images), np.concatenate(labels))

    def cleaned(self, network: _core.Network) -> Data:
        """Return the same without crops and negatives that ``network`` finds very unlikely."""
        none = Examples(self.no_digits, np.full(len(self.no_digits), NOT_A_DIGIT, np.uint8))
        kept = _likelihood(network, self.crops) > _UNREADABLE
        kept_none = _likelihood(network, none) > _UNREADABLE
        cleaned = Examples(self.crops.images[kept], self.crops.labels[kept])
        return replace(self, crops=cleaned, no_digits=self.no_digits[kept_none])


def make_data(folder: str, jobs: int | None = None) -> Data:
    """Load and synthesise everything; the same every time."""
    with ProcessPoolExecutor(jobs) as workers:

        def make(what: Callable[[str, int, int], Any], seed: int, count: int) -> list[Any]:
            seeds = range(seed, seed + count)
            return list(workers.map(what, [folder] * count, seeds, [_CHUNK] * count))

        parts = make(crops, 0, _CROP_CHUNKS) + make(read_crops, 50, _CROP_CHUNKS)
        none = np.concatenate(make(no_digits, 100, _NO_DIGIT_CHUNKS))
    images, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.random.default_rng(0).permutation(len(labels))
    mnist = load_mnist(folder)
    digits = mnist.y_train.astype(np.uint8)
    return Data(
        Examples(mnist.X_train[:TRAINING_DIGITS], digits[:TRAINING_DIGITS]),
        Examples(images[order], labels[order]),
        none,
        other_hands(folder),
        Examples(mnist.X_train[TRAINING_DIGITS:], digits[TRAINING_DIGITS:]),
    )


def log_probabilities(scores: NDArray[Any]) -> NDArray[Any]:
    result: NDArray[Any] = scores - np.logaddexp.reduce(scores, axis=1)[:, None]
    return result


def _likelihood(network: _core.Network, examples: Examples) -> NDArray[np.float64]:
    """Return the probability (n,) of each example's own class."""
    logs = log_probabilities(network.scores(examples.images, 1 / 255).astype(np.float64))
    likelihood: NDArray[np.float64] = np.exp(logs[np.arange(len(logs)), examples.labels])
    return likelihood
