"""The training data of the classifiers, and the mixture that an epoch consists of."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..datasets import load_mnist
from ..synth import NON_DIGIT
from ._examples import Examples, crops, non_digits, other_writers, recognizer_crops
from .line_images import TRAINING_DIGITS

_CHUNK = 10_000  # examples synthesized by one task
_CROP_CHUNKS, _NON_DIGIT_CHUNKS = 4, 4  # of each kind of crops, and of the non-digit class
_MIN_PROBABILITY = 0.02  # examples whose class a network finds less probable are removed


class Mixture(NamedTuple):
    """The composition of an epoch.

    ``mnist`` and ``other_writers`` are numbers of repetitions, ``crops`` and ``non_digits``
    numbers of examples.
    """

    mnist: int
    crops: int
    non_digits: int
    other_writers: int = 1


@dataclass(frozen=True)
class Data:
    """All training examples, and MNIST's last training images for validation."""

    mnist: Examples
    crops: Examples
    non_digits: NDArray[np.uint8]
    other_writers: Examples
    validation: Examples

    def epoch(self, mixture: Mixture) -> Examples:
        """Return the examples of one epoch."""
        parts = [
            *[self.mnist] * mixture.mnist,
            Examples(self.crops.images[: mixture.crops], self.crops.labels[: mixture.crops]),
            _labelled(self.non_digits[: mixture.non_digits]),
            *[self.other_writers] * mixture.other_writers,
        ]
        images, labels = zip(*parts, strict=True)
        return Examples(np.concatenate(images), np.concatenate(labels))

    def cleaned(self, network: _core.Network) -> Data:
        """Return the data without crops and non-digits whose class ``network`` finds improbable."""
        others = cleaned(network, _labelled(self.non_digits), _MIN_PROBABILITY)
        crops = cleaned(network, self.crops, _MIN_PROBABILITY)
        return replace(self, crops=crops, non_digits=others.images)


def make_data(folder: str, jobs: int | None = None) -> Data:
    """Load and synthesize all data in ``jobs`` processes; the result is deterministic."""
    with ProcessPoolExecutor(jobs) as workers:

        def make(source: Callable[[str, int, int], Any], seed: int, count: int) -> list[Any]:
            seeds = range(seed, seed + count)
            return list(workers.map(source, [folder] * count, seeds, [_CHUNK] * count))

        parts = make(crops, 0, _CROP_CHUNKS) + make(recognizer_crops, 50, _CROP_CHUNKS)
        others = np.concatenate(make(non_digits, 100, _NON_DIGIT_CHUNKS))
    images, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.random.default_rng(0).permutation(len(labels))
    mnist = load_mnist(folder)
    digits = mnist.y_train.astype(np.uint8)
    return Data(
        Examples(mnist.X_train[:TRAINING_DIGITS], digits[:TRAINING_DIGITS]),
        Examples(images[order], labels[order]),
        others,
        other_writers(folder),
        Examples(mnist.X_train[TRAINING_DIGITS:], digits[TRAINING_DIGITS:]),
    )


def cleaned(network: _core.Network, examples: Examples, min_probability: float) -> Examples:
    """Return the examples whose label ``network`` finds more probable than a minimum."""
    kept = _probability_of_label(network, examples) > min_probability
    return Examples(examples.images[kept], examples.labels[kept])


def log_softmax(scores: NDArray[Any]) -> NDArray[Any]:
    """Return the log-softmax of ``scores`` (n, classes)."""
    result: NDArray[Any] = scores - np.logaddexp.reduce(scores, axis=1)[:, None]
    return result


def _labelled(non_digits: NDArray[np.uint8]) -> Examples:
    return Examples(non_digits, np.full(len(non_digits), NON_DIGIT, np.uint8))


def _probability_of_label(network: _core.Network, examples: Examples) -> NDArray[np.float64]:
    """Return the probability (n,) that ``network`` assigns to each example's label."""
    logs = log_softmax(network.scores(examples.images, 1 / 255).astype(np.float64))
    probability: NDArray[np.float64] = np.exp(logs[np.arange(len(logs)), examples.labels])
    return probability
