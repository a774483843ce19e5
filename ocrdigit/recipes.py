"""Training recipes as plain data: how to train, and the network that this was chosen for.

"default" is for the best accuracy that half a minute of training on two cores gives; "fast"
for 99 % on MNIST in about a second, with probabilities that are too cautious; "seed" is the recipe
of the project's first network, to the letter. "fine-tune" is for a model that goes on with a few
images of one's own, as ``ocrdigit.load`` sets it up: small steps, and a look back at MNIST so that
little is forgotten. Where there is no model to go on from, it is "default".

A recipe is a dict of settings. ``DigitClassifier`` takes one by name, or a dict of own
settings, which then stand in for the default recipe's:

architecture
    The network of a ``DigitClassifier`` that is given none: a name or a list, see
    :mod:`ocrdigit.architectures` ("seed" where a recipe says nothing).
epochs, batch_size
    Passes over the data, and images a step.
optimizer, learning_rate
    "sgd", "adam" or "adamw", and its (largest) rate.
momentum, beta_1, beta_2, epsilon, weight_decay, clip_norm, ema
    The optimizer's numbers. ``clip_norm`` limits the gradient's norm (0: no limit);
    ``ema`` is the decay of a moving average of the weights that the model ends with
    (0: none).
schedule, warmup, divisor, final_divisor
    "constant", "cosine", or "one_cycle": up from rate / divisor during the share
    ``warmup`` of all steps, then down to that / final_divisor.
label_smoothing
    Share of the target that is spread over all classes.
augment
    A name or a list: see :mod:`ocrdigit.augmentations`.
replay
    How many images of the embedded sample's training part (4,000 of MNIST) each epoch of ``fit``
    goes over besides the given ones, which are repeated until they are at least a quarter as many
    (0: none).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _checks, architectures, augmentations

RECIPES: dict[str, Mapping[str, Any]] = {
    # The recipe of the project's first network, to the letter.
    "seed": {
        "epochs": 7,
        "batch_size": 32,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "schedule": "constant",
        "augment": "seed",
    },
    "default": {
        "epochs": 20,
        "batch_size": 128,
        "optimizer": "adamw",
        "learning_rate": 8e-3,
        "weight_decay": 0.1,
        "schedule": "one_cycle",
        "warmup": 0.25,
        "final_divisor": 1000,
        "augment": "default",
    },
    # One look at each image is enough where the rate is high, Adam's memory short and the
    # targets smoothed. Mean accuracy on the last 5,000 training images, trained on the others:
    # at rate 0.008 with none of this 98.82 % (4 seeds), with beta_2 0.95 98.98 % (5), with
    # smoothing of 0.05 99.11 % (5); all together 99.18 % (20). Then on the test set, trained
    # on all: 99.14 % (20 seeds, 99.05 to 99.22).
    "fast": {
        "architecture": "fast",
        "epochs": 1,
        "batch_size": 64,
        "optimizer": "adamw",
        "learning_rate": 0.012,
        "beta_1": 0.8,
        "beta_2": 0.95,
        "weight_decay": 0.05,
        "schedule": "one_cycle",
        "warmup": 0.25,
        "final_divisor": 1000,
        "label_smoothing": 0.1,
        "augment": "none",
    },
    # A few images of a new hand among MNIST's. Taught 5, 20, 100 images a digit of optdigits'
    # training part, a network of MNIST's first 55,000 images reads, of other writers of optdigits
    # and of MNIST's last 5,000 training images (mean of 3 seeds; before: 95.94 and 99.40 %):
    # as below 98.63, 99.09, 99.20 and 99.24, 99.25, 99.29 %; without replay, 20 epochs of
    # batches of 32, 97.81, 98.91, 99.24 and 98.95, 99.05, 98.17 %; by "default" (one seed) 97.83,
    # 97.94, 99.33 and 95.14, 87.02, 93.40 %.
    "fine-tune": {
        "epochs": 4,
        "batch_size": 64,
        "optimizer": "adamw",
        "learning_rate": 5e-4,
        "weight_decay": 0.0,
        "schedule": "cosine",
        "augment": "default",
        "replay": 4000,
    },
}

# What each optimizer starts from where neither recipe nor user says more.
OPTIMIZERS: dict[str, Mapping[str, float]] = {
    "sgd": {"learning_rate": 0.05, "momentum": 0.9},
    "adam": {"learning_rate": 1e-3},
    "adamw": {"learning_rate": 1e-3, "weight_decay": 0.01},
}

MOST_REPLAYED = 4000  # the training part of the embedded sample

_OPTIMIZER_KEYS = frozenset(
    ["beta_1", "beta_2", "clip_norm", "ema", "epsilon", "learning_rate", "momentum", "weight_decay"]
)
_RECIPE_KEYS = _OPTIMIZER_KEYS | {
    "architecture",
    "augment",
    "batch_size",
    "divisor",
    "epochs",
    "final_divisor",
    "label_smoothing",
    "optimizer",
    "replay",
    "schedule",
    "warmup",
}
SCHEDULES = ("constant", "cosine", "one_cycle")
PRECISIONS = ("float32", "bfloat16", "int8")


def resolve(
    recipe: str | Mapping[str, Any] = "default",
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    augment: object = None,
    optimizer: str | Mapping[str, Any] | None = None,
    learning_rate: float | None = None,
) -> dict[str, Any]:
    """Return the recipe with the user's changes, checked, as keywords of the core's Trainer."""
    settings = _settings(recipe)
    for name in ("architecture", "replay"):  # which are not the trainer's
        settings.pop(name, None)
    if optimizer is not None:
        _change_optimizer(settings, optimizer)
    changes = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    settings.update({name: value for name, value in changes.items() if value is not None})
    settings["epochs"] = _checks.positive_int("epochs", settings["epochs"])
    settings["batch_size"] = _checks.positive_int("batch_size", settings["batch_size"])
    settings["learning_rate"] = _checks.positive_number("learning_rate", settings["learning_rate"])
    _checks.known("schedule", settings["schedule"], SCHEDULES)
    for name in settings.keys() - {"augment", "epochs", "batch_size", "optimizer", "schedule"}:
        settings[name] = _checks.finite_number(name, settings[name])
    settings["augment"] = augmentations.resolve(
        settings.get("augment", ()) if augment is None else augment
    )
    return settings


def chosen(recipe: str | Mapping[str, Any], goes_on: bool) -> str | Mapping[str, Any]:
    """Return the recipe to train by: to fine-tune takes a model that one goes on from."""
    return "default" if recipe == "fine-tune" and not goes_on else recipe


def architecture_of(recipe: str | Mapping[str, Any]) -> str | architectures.Layers:
    """Return the name or the layers of the network that a recipe is for."""
    architecture: str | architectures.Layers = _settings(recipe).get("architecture", "seed")
    return architecture


def replay_of(recipe: str | Mapping[str, Any]) -> int:
    """Return how many images of the embedded sample a recipe goes over besides the given ones."""
    replay = _settings(recipe).get("replay", 0)
    if isinstance(replay, bool) or not isinstance(replay, int):
        raise TypeError(f"replay must be an integer, got {replay!r}")
    if not 0 <= replay <= MOST_REPLAYED:
        raise ValueError(f"replay must be 0 to {MOST_REPLAYED:,}, got {replay!r}")
    return replay


def steady(settings: Mapping[str, Any], learning_rate: float | None) -> dict[str, Any]:
    """Return settings for training bit by bit: one epoch at a constant, usual rate.

    A schedule, or an average of weights that ends a run, has no meaning where each call is
    a run of its own.
    """
    rate = OPTIMIZERS[settings["optimizer"]]["learning_rate"]
    if learning_rate is not None:
        rate = _checks.positive_number("learning_rate", learning_rate)
    return {**settings, "epochs": 1, "schedule": "constant", "ema": 0.0, "learning_rate": rate}


def _settings(recipe: object) -> dict[str, Any]:
    if isinstance(recipe, Mapping):
        for key in recipe:
            if key not in _RECIPE_KEYS:
                raise ValueError(
                    f"recipe has no setting {key!r}; it takes {', '.join(sorted(_RECIPE_KEYS))}"
                )
        settings = {**RECIPES["default"], **recipe}
        _checks.known("recipe['optimizer']", settings["optimizer"], OPTIMIZERS)
        return settings
    return dict(RECIPES[_checks.known("recipe", recipe, RECIPES)])


def _change_optimizer(settings: dict[str, Any], optimizer: str | Mapping[str, Any]) -> None:
    """Put the user's optimizer in the recipe's place."""
    given = {"type": optimizer} if isinstance(optimizer, str) else optimizer
    if not isinstance(given, Mapping) or "type" not in given:
        raise TypeError(f"optimizer must be a name or a dict with a 'type', got {optimizer!r}")
    name = _checks.known("optimizer", given["type"], OPTIMIZERS)
    numbers = {key: value for key, value in given.items() if key != "type"}
    for key in numbers:
        if key not in _OPTIMIZER_KEYS:
            raise ValueError(
                f"optimizer has no key {key!r}; it takes {', '.join(sorted(_OPTIMIZER_KEYS))}"
            )
    if name != settings["optimizer"]:
        for key in _OPTIMIZER_KEYS:
            settings.pop(key, None)
        settings.update(OPTIMIZERS[name], optimizer=name)
    settings.update(numbers)
