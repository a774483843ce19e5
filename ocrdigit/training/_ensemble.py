"""The council: networks that together say what others are to learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core, architectures
from ._augmentation import GEOMETRIC
from ._data import Data
from ._examples import NOT_A_DIGIT
from ._labels import tell, train_on_labels, trainer_of

_DEFAULTS = 2  # members of the council


def _normed(filters: int, padding: str = "valid") -> list[dict[str, Any]]:
    """Return a convolution with batch norm before its ReLU."""
    convolution = {"type": "conv2d", "filters": filters, "padding": padding, "use_bias": False}
    return [convolution, {"type": "batch_norm"}, {"type": "relu"}]


_POOL = {"type": "max_pool2d"}
_END = ({"type": "flatten"}, {"type": "dropout", "rate": 0.4}, {"type": "dense", "units": 10})
_WIDE = [
    *_normed(32), _POOL, *_normed(64), *_normed(96, "same"), _POOL, *_normed(128, "same"),
    *_normed(128, "same"), *_END,
]  # fmt: skip
_DEEP = [
    *_normed(16), *_normed(24), *_normed(32), *_normed(40), _POOL, *_normed(64), *_normed(96),
    *_normed(128), *_END,
]  # fmt: skip
_SPECIALISTS = (architectures.ARCHITECTURES["default"], _WIDE, _DEEP)
_SPECIALISTS_EPOCHS, _SPECIALISTS_RATE = 36, 4e-3


class Council(NamedTuple):
    """Networks that answer together; specialists have ten classes, and know MNIST alone."""

    general: list[_core.Network]
    specialists: list[_core.Network]

    def answers(self, images: NDArray[np.uint8], from_mnist: bool) -> NDArray[np.float32]:
        """Return what they say of images: the mean probability (n, 11) of each class."""
        said = np.zeros((len(images), NOT_A_DIGIT + 1), np.float32)
        for network in self.general:
            said += network.predict_proba(images, 1 / 255)
        for network in self.specialists if from_mnist else ():
            said[:, :NOT_A_DIGIT] += network.predict_proba(images, 1 / 255)
        said /= said.sum(axis=1, keepdims=True)
        return said


def call_council(large: _core.Network, data: Data, seeds: Iterator[int]) -> Council:
    """Return the council of a "large" and those trained on what that could read."""
    defaults = [train_on_labels("default", data, next(seeds)) for _ in range(_DEFAULTS)]
    specialists = [_specialist(layers, data, next(seeds)) for layers in _SPECIALISTS]
    return Council([large, *defaults], specialists)


def _specialist(layers: architectures.Layers, data: Data, seed: int) -> _core.Network:
    network = _core.Network(layers, seed=seed)
    trainer = trainer_of(network, _SPECIALISTS_EPOCHS, _SPECIALISTS_RATE, GEOMETRIC, seed)
    trainer.run(*data.mnist, 1 / 255, *data.validation, on_epoch=tell)
    return network
