"""Named architectures, as plain data: lists of layers for ``DigitClassifier``.

A layer is a dict with a ``"type"`` and that type's keys; the core checks them:

==========================  ===========================================================
``conv2d``                  filters, kernel_size=3 (1, 3, 5), strides=1 (1, 2),
                            padding="same" ("valid"), use_bias=True, activation=None ("relu")
``dense``                   units, use_bias=True, activation=None ("relu"; "softmax" last)
``relu`` ``flatten``        nothing
``max_pool2d``              nothing: 2x2
``global_average_pool2d``   nothing
``batch_norm``              momentum=0.99, epsilon=0.001
``dropout``                 rate
==========================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import _checks, _core

Layers = Sequence[Mapping[str, Any]]

ARCHITECTURES: dict[str, Layers] = {
    "seed": (
        {"type": "conv2d", "filters": 32, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "conv2d", "filters": 32, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "flatten"},
        {"type": "dense", "units": 64, "activation": "relu"},
        {"type": "dense", "units": 10},
    ),
    # The seed's with a quarter of its work: MNIST's rims are blank, so that nothing is lost
    # where the convolutions stay inside, and half the filters are enough for 99 %.
    "fast": (
        {
            "type": "conv2d",
            "filters": 16,
            "kernel_size": 3,
            "padding": "valid",
            "activation": "relu",
        },
        {"type": "max_pool2d"},
        {
            "type": "conv2d",
            "filters": 32,
            "kernel_size": 3,
            "padding": "valid",
            "activation": "relu",
        },
        {"type": "max_pool2d"},
        {"type": "flatten"},
        {"type": "dense", "units": 64, "activation": "relu"},
        {"type": "dense", "units": 10},
    ),
    # Those of the models that come with the package, by their names.
    "default": (
        {"type": "conv2d", "filters": 32, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "conv2d", "filters": 48, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "conv2d", "filters": 64, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "flatten"},
        {"type": "dense", "units": 128, "activation": "relu"},
        {"type": "dense", "units": 10},
    ),
    "tiny": (
        {"type": "conv2d", "filters": 8, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "conv2d", "filters": 16, "kernel_size": 3, "activation": "relu"},
        {"type": "conv2d", "filters": 16, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "conv2d", "filters": 24, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "flatten"},
        {"type": "dense", "units": 10},
    ),
    "large": (
        {"type": "conv2d", "filters": 48, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "conv2d", "filters": 64, "kernel_size": 3, "activation": "relu"},
        {"type": "conv2d", "filters": 64, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "conv2d", "filters": 128, "kernel_size": 3, "activation": "relu"},
        {"type": "max_pool2d"},
        {"type": "flatten"},
        {"type": "dense", "units": 256, "activation": "relu"},
        {"type": "dense", "units": 10},
    ),
}


def resolve(architecture: str | Layers) -> list[Mapping[str, Any]]:
    """Return the layers of a named architecture, or the list as given."""
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
    """Return the name of an architecture whose layers have all keys, as the core lists them."""
    for name, known in ARCHITECTURES.items():
        if len(known) == len(layers) and _core.Network(known).layers == list(layers):
            return name
    return None
