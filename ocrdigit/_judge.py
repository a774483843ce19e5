"""The judge: a classifier's network with an eleventh class, for what is no digit at all.

It has the classifier's layers and weights and one more score at its end, so that a file holds
only that score's weights beside the classifier's. A softmax over the eleven gives the
probability that a picture shows a digit, and which; over the ten, which one if it shows any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core

if TYPE_CHECKING:
    from .estimator import DigitClassifier

NOT_A_DIGIT = 10
KERNEL, BIAS = "not_a_digit.kernel", "not_a_digit.bias"

_Tensors = dict[str, NDArray[np.float32]]


def split(judge: _core.Network, temperature: float = 1.0) -> _core.Network:
    """Return the classifier of ten within ``judge``, its scores divided by ``temperature``."""
    layers = [dict(layer) for layer in judge.layers]
    layers[-1]["units"] = NOT_A_DIGIT
    network = _core.Network(layers, judge.input_shape)
    weights = judge.weights()
    kernel, bias = last_names(judge)
    weights[kernel] = weights[kernel][:, :NOT_A_DIGIT] / np.float32(temperature)
    weights[bias] = weights[bias][:NOT_A_DIGIT] / np.float32(temperature)
    ranges = judge.ranges
    network.set_weights(weights)
    network.ranges = ranges
    return network


def join(network: _core.Network, tensors: Mapping[str, NDArray[np.float32]]) -> _core.Network:
    """Return the judge of a classifier's network and the tensors of its last score.

    Raises
    ------
    ValueError
        They do not fit together.
    """
    layers = [dict(layer) for layer in network.layers]
    if not layers or layers[-1]["type"] != "dense" or not layers[-1]["use_bias"]:
        raise ValueError("a score for what is no digit goes with a last dense layer with bias")
    layers[-1]["units"] = NOT_A_DIGIT + 1
    weights = network.weights()
    kernel, bias = last_names(network)
    shape = (len(weights[kernel]), 1)
    if tensors[KERNEL].shape != shape or tensors[BIAS].shape != (1,):
        raise ValueError(
            f"{KERNEL!r} and {BIAS!r} have shapes {tensors[KERNEL].shape} and "
            f"{tensors[BIAS].shape}, expected {shape} and (1,)"
        )
    weights[kernel] = np.concatenate([weights[kernel], tensors[KERNEL]], axis=1)
    weights[bias] = np.concatenate([weights[bias], tensors[BIAS]])
    judge = _core.Network(layers, network.input_shape)
    judge.set_weights(weights)
    judge.ranges = network.ranges
    return judge


def tensors_of(judge: _core.Network) -> _Tensors:
    """Return the tensors of the eleventh score, by the names that they have in a file."""
    weights = judge.weights()
    kernel, bias = last_names(judge)
    return {
        KERNEL: np.ascontiguousarray(weights[kernel][:, NOT_A_DIGIT:]),
        BIAS: np.ascontiguousarray(weights[bias][NOT_A_DIGIT:]),
    }


def digit_probability(
    judge: _core.Network, images: NDArray[Any], scale: float
) -> NDArray[np.float64]:
    """Return the probability (n,) that an image shows a digit.

    In double, from the scores: nearly all digits are so sure that they would be told apart no
    more by probabilities in float. What is all of one tone shows nothing, whatever the network
    makes of it.
    """
    scores = judge.scores(images, scale).astype(np.float64)
    digits = np.logaddexp.reduce(scores[:, :NOT_A_DIGIT], axis=1)
    probability: NDArray[np.float64] = np.exp(-np.logaddexp(0, scores[:, NOT_A_DIGIT] - digits))
    pixels = images.reshape(len(images), -1)
    probability[pixels.min(axis=1) == pixels.max(axis=1)] = 0.0
    return probability


def last_names(network: _core.Network) -> tuple[str, str]:
    """Return the names of the last layer's kernel and bias."""
    name = network.describe()[-1]["name"]
    return f"{name}.kernel", f"{name}.bias"


def judge_of(model: DigitClassifier) -> _core.Network:
    """Return a fitted model's judge, or where it has none its network of ten classes."""
    return model._judge if model._judge is not None else model.network_
