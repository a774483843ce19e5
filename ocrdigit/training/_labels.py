"""Training on labels, and what all training of the classifiers has in common."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import _core, architectures, augmentations
from ._augmentation import STRONG, handled
from ._data import Data, Mix
from ._examples import NOT_A_DIGIT

MIXED, MOSTLY_MNIST = Mix(4, 60_000, 20_000), Mix(4, 30_000, 12_000)


class Phase(NamedTuple):
    """So many times over a mix of examples, changed."""

    epochs: int
    rate: float
    mix: Mix
    augment: augmentations.Augmentation


_DROPPED = 0.3  # of the numbers that go into "large"'s dense layers, while it is trained


def layers_of(name: str) -> list[dict[str, Any]]:
    """Return a model's layers while it is trained: with the eleventh class, and dropout."""
    layers: list[dict[str, Any]] = []
    for layer in architectures.ARCHITECTURES[name]:
        if name == "large" and layer["type"] == "dense":
            layers.append({"type": "dropout", "rate": _DROPPED})
        layers.append(dict(layer))
    layers[-1]["units"] = NOT_A_DIGIT + 1
    return layers


ON_LABELS: dict[str, tuple[Phase, ...]] = {
    "large": (
        Phase(2, 3e-3, Mix(2, 60_000, 35_000), STRONG),
        Phase(20, 4e-3, MIXED, handled(0.5)),
        Phase(6, 2e-3, MOSTLY_MNIST, handled(0.3)),
    ),
    "default": (
        Phase(16, 5e-3, MIXED, handled(0.5)),
        Phase(14, 2e-3, MOSTLY_MNIST, handled(0.3)),
    ),
    "tiny": (
        Phase(16, 6e-3, MIXED, handled(0.5)),
        Phase(14, 3e-3, MOSTLY_MNIST, handled(0.3)),
    ),
}


def train_on_labels(name: str, data: Data, seed: int) -> _core.Network:
    """Return a network trained on labels; "large" leaves out what it could not read before."""
    network = _core.Network(layers_of(name), seed=seed)
    for number, phase in enumerate(ON_LABELS[name]):
        cleaned = data.cleaned(network) if name == "large" and number else data
        examples = cleaned.mixed(phase.mix)
        trainer = trainer_of(network, phase.epochs, phase.rate, phase.augment, seed)
        trainer.run(*examples, 1 / 255, *data.validation, on_epoch=tell)
    return network


def trainer_of(
    network: _core.Network,
    epochs: int,
    rate: float,
    augment: augmentations.Augmentation,
    seed: int,
) -> _core.Trainer:
    return _core.Trainer(
        network,
        epochs=epochs,
        batch_size=128,
        seed=seed,
        optimizer="adamw",
        learning_rate=rate,
        weight_decay=0.1,
        schedule="one_cycle",
        warmup=0.2,
        final_divisor=1000.0,
        augment=augmentations.resolve(augment),
        precision="bfloat16",
    )


def tell(progress: Any) -> None:
    print(
        f"  epoch {progress['epoch'] + 1}/{progress['epochs']}: loss {progress['loss']:.4f}, "
        f"validation loss {progress['val_loss']:.4f}, accuracy {progress['val_accuracy']:.4f}, "
        f"{progress['seconds']:.0f} s",
        flush=True,
    )
