"""The classes of a classifier's network: the ten digits, and perhaps "non-digit" after them."""

from __future__ import annotations

import numpy as np

from .. import _core

DIGITS = 10
#: The label of the class "non-digit", after the ten digits.
NON_DIGIT = 10


def digits_only(network: _core.Network, temperature: float = 1.0) -> _core.Network:
    """Return a network of the ten digits alone, its scores divided by ``temperature``.

    Parameters
    ----------
    network : Network
        Of ten or eleven classes; it is not changed. Others than dense layers at its end stay.
    temperature : float
        Above 0. It is folded into the weights of the last layer.

    Returns
    -------
    Network
        A new one, whose softmax gives the probabilities that :meth:`_core.Classifier.predict_proba`
        gives without test-time augmentation.
    """
    layers = [dict(layer) for layer in network.layers]
    if layers[-1]["type"] != "dense" or (network.classes != NON_DIGIT + 1 and temperature == 1):
        return network.copy()
    layers[-1]["units"] = DIGITS
    weights = network.weights()
    name = network.describe()[-1]["name"]
    for tensor in (f"{name}.kernel", f"{name}.bias"):
        if tensor in weights:
            weights[tensor] = weights[tensor][..., :DIGITS] / np.float32(temperature)
    digits = _core.Network(layers, network.input_shape)
    digits.set_weights(weights)
    digits.ranges = network.ranges
    digits.precision = network.precision
    return digits
