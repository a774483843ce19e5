"""Named architectures: lists of layers for ``DigitClassifier``.

A layer is a dict of its ``"type"`` and the keys of that type. Values after "=" are defaults, those
in parentheses are alternatives:

==========================  ===========================================================
``conv2d``                  filters, kernel_size=3 (1 to 16, or two: height and width),
                            strides=1 (1 to 8), dilation_rate=1 (1 to 16; 1 with strides),
                            padding="same" ("valid"), groups=1 (or the number of input
                            channels: depthwise), use_bias=True, activation=None ("relu")
``dense``                   units, use_bias=True, activation=None ("relu"; "softmax" last)
``relu`` ``flatten``        no keys
``activation``              function ("leaky_relu", "relu6", "elu", "selu", "sigmoid", "tanh",
                            "swish"), alpha=1 (the slope of leaky_relu, below 1; of elu)
``max_pool2d``              pool_size=2 (or two: height and width), strides=pool_size,
                            padding="valid" ("same")
``average_pool2d``          the same
``global_average_pool2d``   no keys
``global_max_pool2d``       no keys
``batch_norm``              momentum=0.99, epsilon=0.001
``layer_norm``              epsilon=0.001: of the channels of each pixel
``zero_padding2d``          padding=1 (or four: top, bottom, left, right)
``dropout``                 rate
==========================  ===========================================================

In low precision, depthwise convolutions and all layers without products are computed in float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import _checks, _core

__all__ = ["ARCHITECTURES", "resolve"]

Layers = Sequence[Mapping[str, Any]]

_POOL, _NORM, _FLATTEN = {"type": "max_pool2d"}, {"type": "batch_norm"}, {"type": "flatten"}
_SCORES = {"type": "dense", "units": 10}


def _conv(filters: int, **options: Any) -> dict[str, Any]:
    """Return a 3x3 convolution with ReLU."""
    return {"type": "conv2d", "filters": filters, "kernel_size": 3, **options, "activation": "relu"}


def _valid(filters: int) -> dict[str, Any]:
    """Return a 3x3 convolution with ReLU and without padding."""
    return _conv(filters, padding="valid")


def _dense(units: int) -> dict[str, Any]:
    return {"type": "dense", "units": units, "activation": "relu"}


#: The layers of each named architecture.
ARCHITECTURES: dict[str, Layers] = {
    "seed": (_conv(32), _POOL, _conv(32), _POOL, _FLATTEN, _dense(64), _SCORES),
    # "seed" with a quarter of its multiplications: MNIST's borders are empty, so that no padding
    # is needed, and half the filters are enough for 99 %.
    "fast": (_valid(16), _POOL, _valid(32), _POOL, _FLATTEN, _dense(64), _SCORES),
    # The models in the package. Batch norm after a max-pool instead of before it processes a
    # quarter of the values, and lets convolution, ReLU and max-pool run as one fused kernel.
    "default": (
        *(_valid(16), _POOL, _NORM),
        *(_valid(32), _NORM, _valid(64), _POOL, _NORM),
        *(_conv(64), _NORM, _conv(80), _POOL, _NORM),
        *(_FLATTEN, _dense(128), _SCORES),
    ),
    "tiny": (
        *(_conv(8), _POOL),
        *(_conv(16), _conv(16), _POOL),
        *(_conv(24), _POOL),
        *(_FLATTEN, _SCORES),
    ),
    "large": (
        *(_valid(32), _POOL, _NORM),
        *(_valid(64), _NORM, _valid(96), _POOL, _NORM),
        *(_conv(128), _NORM, _conv(128), _POOL, _NORM),
        *(_FLATTEN, _dense(256), _SCORES),
    ),
}


def resolve(architecture: str | Layers) -> list[Mapping[str, Any]]:
    """Return the layers of a named architecture, or a given list of layers.

    Parameters
    ----------
    architecture : str or list of dict
        A name of :data:`ARCHITECTURES`, or layers.

    Returns
    -------
    list of dict
        The layers, from the input to the class scores.

    Raises
    ------
    TypeError
        If ``architecture`` is neither a name nor a list of dicts.
    ValueError
        If there is no architecture of this name.

    Examples
    --------
    >>> from ocrdigit import architectures
    >>> [layer["type"] for layer in architectures.resolve("fast")][-3:]
    ['flatten', 'dense', 'dense']
    """
    if isinstance(architecture, str):
        return list(ARCHITECTURES[_checks.known("architecture", architecture, ARCHITECTURES)])
    if not isinstance(architecture, Sequence):
        raise TypeError(
            "architecture must be a name or a list of layers such as "
            f"{{'type': 'dense', 'units': 10}}, got {type(architecture).__name__}"
        )
    layers: list[Mapping[str, Any]] = list(architecture)  # type: ignore[arg-type]
    for index, layer in enumerate(layers):
        if not isinstance(layer, Mapping):
            raise TypeError(
                f"architecture[{index}] must be a dict with a 'type', got {type(layer).__name__}"
            )
    return layers


def name_of(layers: Layers) -> str | None:
    """Return the name of the architecture with these layers, all keys included, or None."""
    for name, known in ARCHITECTURES.items():
        if len(known) == len(layers) and _core.Network(known).layers == list(layers):
            return name
    return None
