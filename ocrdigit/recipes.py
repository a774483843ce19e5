"""Training recipes: settings of the training, and the architecture they were tuned for.

==============  ================================================================================
``default``     best accuracy after half a minute of training on two cores
``fast``        99 % on MNIST in about a second; its probabilities are underconfident
``seed``        the recipe of the project's first network, unchanged
``fine-tune``   adapts a loaded model to a few images of your own, with small steps and with
                replay of MNIST against catastrophic forgetting; ``ocrdigit.load`` sets it.
                Without a model to start from, it is the same as "default"
==============  ================================================================================

A recipe is a dict of settings. ``DigitClassifier`` takes the name of one, or a dict whose settings
replace those of "default":

architecture
    The architecture of a ``DigitClassifier`` without one of its own: a name or a list of layers,
    see :mod:`ocrdigit.architectures`. The default is "seed".
epochs, batch_size
    Passes over the data, and images per step.
optimizer, learning_rate
    "sgd", "adam" or "adamw", and its (maximum) learning rate.
momentum, beta_1, beta_2, epsilon, weight_decay, clip_norm, ema
    Settings of the optimizer. ``clip_norm`` is the maximum norm of the gradient (0: no limit);
    ``ema`` is the decay of an exponential moving average of the weights, which are the final
    weights of the model (0: no average).
schedule, warmup, divisor, final_divisor
    "constant", "cosine", or "one_cycle": from learning_rate / divisor up to learning_rate during
    the fraction ``warmup`` of all steps, then down to learning_rate / divisor / final_divisor.
label_smoothing
    The fraction of the target probability that is distributed over all classes.
augment
    The name of an augmentation policy, or a list: see :mod:`ocrdigit.augmentations`.
replay
    The number of images of the embedded sample's training part (4,000 images of MNIST) in each
    epoch of ``fit`` in addition to the given images, which are repeated until they are at least a
    quarter as many (0: no replay).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _checks, architectures, augmentations

__all__ = ["RECIPES", "resolve"]

#: The settings of each named recipe.
RECIPES: dict[str, Mapping[str, Any]] = {
    # The recipe of the project's first network, unchanged.
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
    # One epoch is enough with a high learning rate, small betas and label smoothing. Mean accuracy
    # on the last 5,000 training images, trained on the others: 98.82 % (4 seeds) at a rate of
    # 0.008 with Adam's usual betas and no smoothing, 98.98 % (5) with beta_2 0.95, 99.11 % (5) with
    # smoothing 0.05, 99.18 % (20) with all of it. On the test set, trained on all training images:
    # 99.14 % (20 seeds, 99.05 to 99.22).
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
    # A network trained on MNIST's first 55,000 images was fine-tuned on 5, 20 and 100 images per
    # digit of optdigits' training part. Accuracy on other writers of optdigits, and on MNIST's last
    # 5,000 training images (mean of 3 seeds; 95.94 and 99.40 % before fine-tuning):
    # with this recipe 98.63, 99.09, 99.20 and 99.24, 99.25, 99.29 %; without replay, 20 epochs in
    # batches of 32, 97.81, 98.91, 99.24 and 98.95, 99.05, 98.17 %; with "default" (one seed) 97.83,
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

# The default settings of each optimizer.
OPTIMIZERS: dict[str, Mapping[str, float]] = {
    "sgd": {"learning_rate": 0.05, "momentum": 0.9},
    "adam": {"learning_rate": 1e-3},
    "adamw": {"learning_rate": 1e-3, "weight_decay": 0.01},
}

MAX_REPLAY = 4000  # the training part of the embedded sample

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
    """Return a recipe's settings as keyword arguments of the core's Trainer.

    Parameters
    ----------
    recipe : str or dict
        The name of a recipe, or settings that replace those of "default".
    epochs, batch_size, augment, optimizer, learning_rate : optional
        Settings that override the recipe's, as in ``DigitClassifier``.

    Returns
    -------
    dict
        The settings that training uses, checked.

    Raises
    ------
    TypeError, ValueError
        If a setting is unknown, or its value is not allowed.

    Examples
    --------
    >>> from ocrdigit import recipes
    >>> recipes.resolve("fast", epochs=2)["epochs"]
    2
    """
    settings = _settings(recipe)
    for name in ("architecture", "replay"):  # settings of the estimator, not of the trainer
        settings.pop(name, None)
    if optimizer is not None:
        _override_optimizer(settings, optimizer)
    given = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    settings.update({name: value for name, value in given.items() if value is not None})
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


def effective(recipe: str | Mapping[str, Any], warm_start: bool) -> str | Mapping[str, Any]:
    """Return the recipe to train with: "fine-tune" without a model to start from is "default"."""
    return "default" if recipe == "fine-tune" and not warm_start else recipe


def architecture_of(recipe: str | Mapping[str, Any]) -> str | architectures.Layers:
    """Return the architecture of a recipe, a name or layers."""
    architecture: str | architectures.Layers = _settings(recipe).get("architecture", "seed")
    return architecture


def replay_of(recipe: str | Mapping[str, Any]) -> int:
    """Return the number of images of the embedded sample that a recipe replays in each epoch."""
    replay = _settings(recipe).get("replay", 0)
    if isinstance(replay, bool) or not isinstance(replay, int):
        raise TypeError(f"replay must be an integer, got {replay!r}")
    if not 0 <= replay <= MAX_REPLAY:
        raise ValueError(f"replay must be an integer in 0..{MAX_REPLAY}, got {replay!r}")
    return replay


def incremental(settings: Mapping[str, Any], learning_rate: float | None) -> dict[str, Any]:
    """Return the settings of incremental training: one epoch at a constant learning rate.

    Schedules and weight averages need a known number of steps, which ``partial_fit`` lacks.
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


def _override_optimizer(settings: dict[str, Any], optimizer: str | Mapping[str, Any]) -> None:
    """Replace the recipe's optimizer by the user's."""
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
