"""What the trainings of the networks that ``read`` uses share: settings, validation, checkpoint."""

from __future__ import annotations

from typing import Any

from .. import _checkpoint, _core
from ._checkpoints import print_progress

_SETTINGS = {
    "optimizer": "adamw",
    "beta_2": 0.99,
    "clip_norm": 5.0,
    "schedule": "one_cycle",
    "final_divisor": 1000.0,
}


def train_network(
    network: _core.Network,
    X: Any,
    y: Any,
    validation: int,
    settings: dict[str, Any],
    checkpoint: str | None,
    every: int | str,
) -> None:
    """Train a network on images and labels, of which the first ``validation`` are to validate.

    ``settings`` are the trainer's, without those that all share. The checkpoint is kept, until the
    network is written.
    """
    data = (X[validation:], y[validation:], 1 / 255, X[:validation], y[:validation])
    settings = settings | _SETTINGS
    _checkpoint.run(network, settings, data, checkpoint, every, keep=True, on_epoch=print_progress)
