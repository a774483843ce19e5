"""The confidence in the whole text of a number: logistic regression on what the core measures.

The product of the confidences of the symbols is blind to what is missing: symbols that were dropped
or not seen, and those that are cut by the side of the image.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import operator
import os
from collections.abc import Sequence

from .._atomic import write_atomically
from . import files
from ._network_file import WEIGHTS

CONFIDENCE_PATH = os.path.join(WEIGHTS, "confidence.json")

_MIN_PROBABILITY = 1e-6


@dataclasses.dataclass(frozen=True)
class FieldWeights:
    """Weights of the log odds that the whole text of a number is right.

    Fitted by :mod:`ocrdigit.training.confidence` and kept in ``weights/confidence.json``.

    Attributes
    ----------
    bias : float
        Log odds if all of the following terms are 0.
    symbols : float
        Weight of the log odds of the product of the confidences of the symbols.
    length : float
        Weight of the logarithm of the number of symbols.
    dropped : float
        Weight of the log probability that no digit is among the symbols that were dropped.
    foreground : float
        Weight of the log proportion of the line's foreground that is in symbols.
    agreement : float
        Weight of the log proportion of the votes of all scales for as many symbols.
    truncated : float
        Added if the line reaches the left or right side of the image.
    """

    bias: float
    symbols: float
    length: float
    dropped: float
    foreground: float
    agreement: float
    truncated: float

    def confidence(self, confidences: Sequence[float], quality: Sequence[float]) -> float:
        """Return the probability that a text is right, 0 to 1.

        Parameters
        ----------
        confidences : sequence of float
            Those of the symbols.
        quality : sequence of 4 floats
            Dropped, foreground, agreement and truncated, of the core.
        """
        products = map(operator.mul, terms(confidences, quality), self._weights)
        return 0.5 * (1 + math.tanh(0.5 * sum(products)))

    @functools.cached_property
    def _weights(self) -> tuple[float, ...]:
        return dataclasses.astuple(self)


def terms(confidences: Sequence[float], quality: Sequence[float]) -> tuple[float, ...]:
    """Return the terms (7,) of the log odds, in the order of the weights."""
    product = min(max(math.prod(confidences), _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    return (1, math.log(product / (1 - product)), math.log(max(len(confidences), 1)), *quality)


def write_confidence(path: files.Path, weights: FieldWeights) -> None:
    """Write weights to a .json file, atomically."""
    text = json.dumps(dataclasses.asdict(weights), indent=1) + "\n"
    write_atomically(path, text.encode())


@functools.cache
def shipped_confidence() -> FieldWeights:
    """Return the weights of the package."""
    with open(CONFIDENCE_PATH, encoding="utf-8") as file:
        return FieldWeights(**json.load(file))
