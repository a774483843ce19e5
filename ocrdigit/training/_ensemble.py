"""The teacher ensemble, whose mean probabilities are the soft targets of distillation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core, architectures
from ..synth import NON_DIGIT
from ._augmentation import GEOMETRIC
from ._checkpoints import Trainings
from ._data import Data
from ._supervised import train_supervised, trainer_settings

_DEFAULT_TEACHERS = 2  # general teachers with the architecture "default"


def _conv_block(filters: int, padding: str = "valid") -> list[dict[str, Any]]:
    """Return the layers of a convolution with batch norm before its ReLU."""
    convolution = {"type": "conv2d", "filters": filters, "padding": padding, "use_bias": False}
    return [convolution, {"type": "batch_norm"}, {"type": "relu"}]


_POOL = {"type": "max_pool2d"}
_HEAD = ({"type": "flatten"}, {"type": "dropout", "rate": 0.4}, {"type": "dense", "units": 10})
_WIDE = [
    *_conv_block(32), _POOL, *_conv_block(64), *_conv_block(96, "same"), _POOL,
    *_conv_block(128, "same"), *_conv_block(128, "same"), *_HEAD,
]  # fmt: skip
_DEEP = [
    *_conv_block(16), *_conv_block(24), *_conv_block(32), *_conv_block(40), _POOL,
    *_conv_block(64), *_conv_block(96), *_conv_block(128), *_HEAD,
]  # fmt: skip
_DOMAIN_LAYERS = (architectures.ARCHITECTURES["default"], _WIDE, _DEEP)
_DOMAIN_EPOCHS, _DOMAIN_RATE = 36, 4e-3


class TeacherEnsemble(NamedTuple):
    """Networks whose probabilities are averaged.

    ``general`` teachers have eleven classes; ``domain`` teachers have ten and are trained on MNIST
    alone.
    """

    general: list[_core.Network]
    domain: list[_core.Network]

    def predict_proba(self, images: NDArray[np.uint8], from_mnist: bool) -> NDArray[np.float32]:
        """Return the mean probabilities (n, 11); domain teachers count for MNIST's images only."""
        total = np.zeros((len(images), NON_DIGIT + 1), np.float32)
        for network in self.general:
            total += network.predict_proba(images, 1 / 255)
        for network in self.domain if from_mnist else ():
            total[:, :NON_DIGIT] += network.predict_proba(images, 1 / 255)
        total /= total.sum(axis=1, keepdims=True)
        return total


def train_ensemble(
    large: _core.Network, data: Data, seeds: Iterator[int], trainings: Trainings
) -> TeacherEnsemble:
    """Return the ensemble of ``large`` and of teachers trained on ``data`` with ``seeds``."""
    defaults = [
        train_supervised("default", data, next(seeds), trainings) for _ in range(_DEFAULT_TEACHERS)
    ]
    domain = [_domain_teacher(layers, data, next(seeds), trainings) for layers in _DOMAIN_LAYERS]
    return TeacherEnsemble([large, *defaults], domain)


def _domain_teacher(
    layers: architectures.Layers, data: Data, seed: int, trainings: Trainings
) -> _core.Network:
    network = _core.Network(layers, seed=seed)
    settings = trainer_settings(_DOMAIN_EPOCHS, _DOMAIN_RATE, GEOMETRIC, seed)
    examples = (*data.mnist, 1 / 255, *data.validation)
    trainings.run(f"domain-{seed}", network, settings, examples)
    return network
