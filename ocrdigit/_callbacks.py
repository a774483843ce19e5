"""The callbacks of training: the history, the progress display and the user's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .estimator import DigitClassifier
    from .progress import TrainingDisplay

HISTORY_KEYS = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")


def hooks(
    callbacks: object,
    history: dict[str, list[float]],
    model: Callable[[], DigitClassifier],
    display: TrainingDisplay | None = None,
) -> dict[str, Any]:
    """Return the trainer's callbacks, which call the history, the display and the user's own.

    ``model`` returns the model in training. It is called after the first step; the dicts that the
    user's callbacks get have its result as "model".
    """
    users = _checked(callbacks)
    on_step = [_with_model(user.on_step, model) for user in users if hasattr(user, "on_step")]
    on_epoch = [
        _with_model(getattr(user, "on_epoch", user), model)
        for user in users
        if not _steps_only(user)
    ]
    return {
        "on_step": _call_all(
            [lambda progress: model(), *([display.on_step] if display else []), *on_step]
        ),
        "on_epoch": _call_all(
            [
                lambda progress: _record(history, progress),
                *([display.on_epoch] if display else []),
                *on_epoch,
            ]
        ),
        "interval": 0.0 if on_step else 0.1,
    }


def _with_model(
    function: Callable[[Any], object], model: Callable[[], DigitClassifier]
) -> Callable[[Any], object]:
    return lambda progress: function({**progress, "model": model()})


def _record(history: dict[str, list[float]], progress: Mapping[str, Any]) -> None:
    for key in HISTORY_KEYS:
        value = progress[key]
        history[key].append(math.nan if value is None else value)


def _checked(callbacks: object) -> list[Any]:
    """Return the user's callbacks as a list."""
    if callbacks is None:
        return []
    if isinstance(callbacks, memoryview) or not isinstance(callbacks, Iterable):
        callbacks = [callbacks]  # one of several dimensions cannot be iterated over
    users = list(callbacks)
    for user in users:
        if not (callable(user) or hasattr(user, "on_epoch") or hasattr(user, "on_step")):
            raise TypeError(
                "callbacks must be functions, or objects with on_epoch or on_step, "
                f"got {type(user).__name__}"
            )
    return users


def _steps_only(user: object) -> bool:
    return hasattr(user, "on_step") and not hasattr(user, "on_epoch")


def _call_all(functions: list[Callable[[Any], object]]) -> Callable[[Any], bool]:
    """Return a callback that calls all functions, and returns False if any of them does."""

    def call(progress: Any) -> bool:
        results = [function(progress) for function in functions]
        return not any(result is False for result in results)

    return call
