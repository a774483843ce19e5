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

_POOL, _NORM, _FLATTEN = {"type": "max_pool2d"}, {"type": "batch_norm"}, {"type": "flatten"}
_SCORES = {"type": "dense", "units": 10}


def _conv(filters: int, **options: Any) -> dict[str, Any]:
    """Return a convolution 3x3 with ReLU."""
    return {"type": "conv2d", "filters": filters, "kernel_size": 3, **options, "activation": "relu"}


def _inner(filters: int) -> dict[str, Any]:
    """Return one that stays inside the picture."""
    return _conv(filters, padding="valid")


def _dense(units: int) -> dict[str, Any]:
    return {"type": "dense", "units": units, "activation": "relu"}


ARCHITECTURES: dict[str, Layers] = {
    "seed": (_conv(32), _POOL, _conv(32), _POOL, _FLATTEN, _dense(64), _SCORES),
    # The seed's with a quarter of its work: MNIST's rims are blank, so that nothing is lost
    # where the convolutions stay inside, and half the filters are enough for 99 %.
    "fast": (_inner(16), _POOL, _inner(32), _POOL, _FLATTEN, _dense(64), _SCORES),
    # Those of the models that come with the package, by their names. Batch norm after a pool has a
    # quarter of the numbers to work on, and leaves convolution, ReLU and pool in one piece.
    "default": (
        *(_inner(16), _POOL, _NORM),
        *(_inner(32), _NORM, _inner(64), _POOL, _NORM),
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
        *(_inner(32), _POOL, _NORM),
        *(_inner(64), _NORM, _inner(96), _POOL, _NORM),
        *(_conv(128), _NORM, _conv(128), _POOL, _NORM),
        *(_FLATTEN, _dense(256), _SCORES),
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
