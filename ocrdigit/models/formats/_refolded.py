"""Networks of the files that we wrote in other formats: layers of inference, and their weights.

Such a file has our list of layers in its metadata, and in its tensors, by our names, what these
were folded into: batch norms are in the weights of the layer before them, dropouts are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ._chain import TINY_EPSILON, named_tensors
from ._layers import Layer, folded_layers

Array = NDArray[np.float32]

_INPUT = (28, 28, 1)
_FORMAT = "ocrdigit"


class Folded(NamedTuple):
    """A layer of inference, and what a file calls its weights.

    Attributes
    ----------
    layer : Layer
        Its tensors are zeros.
    roles : tuple of str
        The roles of its weights: "kernel" and "bias", "scale" and "shift", or "gamma" and "beta".
    """

    layer: Layer
    roles: tuple[str, ...]


_ROLES = {
    "conv2d": ("kernel", "bias"),
    "dense": ("kernel", "bias"),
    "scale": ("scale", "shift"),
    "layer_norm": ("gamma", "beta"),
}


def folded_of(metadata: Mapping[str, Any], size: int) -> list[Folded]:
    """Return the layers of inference that the metadata of a file of ``size`` bytes describe.

    Raises
    ------
    ValueError
        If they do not, or their weights do not fit into such a file.
    """
    if metadata.get("format") != _FORMAT:
        raise ValueError(
            "not a file of ocrdigit (by its metadata): files of this format can be loaded if "
            "DigitClassifier.save wrote them; load the model that it was made of"
        )
    try:
        layers = json.loads(metadata["architecture"])
        shape = json.loads(metadata["input_shape"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("its metadata have no readable list of layers") from None
    if shape != list(_INPUT):
        raise ValueError(f"a model of input_shape {shape!r}, expected {list(_INPUT)}")
    # Batch norms have up to four numbers a channel, which are folded into one or two.
    network = _core.Network(layers, _INPUT, max_weights=size + 1024)
    return [Folded(layer, _ROLES.get(layer.type, ())) for layer in folded_layers(network)]


def network_of(folded: Sequence[Folded], tensors: Sequence[Mapping[str, Array]]) -> _core.Network:
    """Return a network of layers and their weights by role, in our arrangement; biases may miss."""
    layers: list[dict[str, Any]] = []
    arrays: list[list[Array]] = []
    for (layer, _), own in zip(folded, tensors, strict=True):
        layers.append(_as_config(layer, own))
        arrays.append(_as_tensors(layer, own))
        if layer.type == "scale" and layer.relu:
            layers.append({"type": "relu"})
            arrays.append([])
    given = sum(tensor.size for own in arrays for tensor in own)
    network = _core.Network(layers, _INPUT, max_weights=2 * given + 1024)
    network.set_weights(named_tensors(network, arrays))
    return network


def _as_config(layer: Layer, own: Mapping[str, Array]) -> dict[str, Any]:
    config = dict(layer.config)
    if layer.type == "scale":
        return {"type": "batch_norm", "epsilon": TINY_EPSILON}
    if layer.type in ("conv2d", "dense"):
        config["use_bias"] = "bias" in own
        config["activation"] = "relu" if layer.relu else None
    return config


def _as_tensors(layer: Layer, own: Mapping[str, Array]) -> list[Array]:
    if layer.type == "scale":
        scale, shift = own["scale"], own["shift"]
        return [scale, shift, np.zeros_like(scale), np.ones_like(scale)]
    return [own[role] for role in _ROLES.get(layer.type, ()) if role in own]
