"""Supervised training on labels, and the settings that all classifiers share."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import _core, architectures, augmentations
from ..synth import NON_DIGIT
from ._augmentation import STRONG, moderate
from ._checkpoints import Trainings
from ._data import Data, Mixture

FULL, MOSTLY_MNIST = Mixture(4, 60_000, 20_000), Mixture(4, 30_000, 12_000)


class Phase(NamedTuple):
    """A phase of training: epochs, peak learning rate, data mixture and augmentation policy."""

    epochs: int
    rate: float
    mixture: Mixture
    augment: augmentations.Augmentation


_DROPOUT = 0.3  # before the dense layers of "large", during training only


def training_layers(name: str) -> list[dict[str, Any]]:
    """Return a model's layers for training: with the non-digit class, and dropout for "large"."""
    layers: list[dict[str, Any]] = []
    for layer in architectures.ARCHITECTURES[name]:
        if name == "large" and layer["type"] == "dense":
            layers.append({"type": "dropout", "rate": _DROPOUT})
        layers.append(dict(layer))
    layers[-1]["units"] = NON_DIGIT + 1
    return layers


PHASES: dict[str, tuple[Phase, ...]] = {
    "large": (
        Phase(2, 3e-3, Mixture(2, 60_000, 35_000), STRONG),
        Phase(20, 4e-3, FULL, moderate(0.5)),
        Phase(6, 2e-3, MOSTLY_MNIST, moderate(0.3)),
    ),
    "default": (
        Phase(16, 5e-3, FULL, moderate(0.5)),
        Phase(14, 2e-3, MOSTLY_MNIST, moderate(0.3)),
    ),
    "tiny": (
        Phase(16, 6e-3, FULL, moderate(0.5)),
        Phase(14, 3e-3, MOSTLY_MNIST, moderate(0.3)),
    ),
}


def train_supervised(name: str, data: Data, seed: int, trainings: Trainings) -> _core.Network:
    """Return a network trained on labels; "large" cleans the data after its first phase."""
    network = _core.Network(training_layers(name), seed=seed)
    for number, phase in enumerate(PHASES[name]):
        cleaned = data.cleaned(network) if name == "large" and number else data
        examples = cleaned.epoch(phase.mixture)
        settings = trainer_settings(phase.epochs, phase.rate, phase.augment, seed)
        trainings.run(
            f"{name}-{seed}-phase-{number}",
            network,
            settings,
            (*examples, 1 / 255, *data.validation),
        )
    return network


def trainer_settings(
    epochs: int, rate: float, augment: augmentations.Augmentation, seed: int
) -> dict[str, Any]:
    """Return the trainer's arguments: the optimizer and schedule that all classifiers use."""
    return {
        "epochs": epochs,
        "batch_size": 128,
        "seed": seed,
        "optimizer": "adamw",
        "learning_rate": rate,
        "weight_decay": 0.1,
        "schedule": "one_cycle",
        "warmup": 0.2,
        "final_divisor": 1000.0,
        "augment": augmentations.resolve(augment),
        "precision": "bfloat16",
    }
