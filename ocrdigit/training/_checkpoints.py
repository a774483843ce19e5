"""Checkpoints of the trainings of the shipped networks, and their command line options."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checkpoint, _core


def add_checkpoint_arguments(parser: argparse.ArgumentParser, where: str = "FILE") -> None:
    """Add ``--checkpoint`` and ``--every`` to a command line."""
    parser.add_argument(
        "--checkpoint",
        metavar=where,
        help=f"resume from this {where.lower()}, save to it, and delete what was saved at the end",
    )
    parser.add_argument(
        "--every", type=_steps, default="epoch", metavar="N", help="steps between savings"
    )


def _steps(text: str) -> int | str:
    """Return a number of steps, or "epoch", the default, which argparse converts, too."""
    return text if text == "epoch" else int(text)


class Trainings:
    """The trainings of a pipeline, which can resume.

    Each has a checkpoint file of its name, which is kept when it has ended: if the pipeline is
    repeated with the same data and settings, trainings that have ended give their results at
    once, and the one that was stopped continues.

    Parameters
    ----------
    folder : str, optional
        The folder of the files, which is made; None: no checkpoints.
    every : int or "epoch"
        The number of steps from one saving to the next, or "epoch".
    """

    def __init__(self, folder: str | None = None, every: int | str = "epoch") -> None:
        self._folder = folder
        self._every = every
        self._paths: list[str] = []
        if folder is not None:
            os.makedirs(folder, exist_ok=True)

    def run(
        self,
        name: str,
        network: _core.Network,
        settings: Mapping[str, Any],
        data: Sequence[Any],
        targets: NDArray[np.float32] | None = None,
    ) -> None:
        """Train a network; ``settings`` and ``data`` are those of ``_checkpoint.run``.

        Raises
        ------
        ValueError
            If the checkpoint is damaged or of another training.
        OSError
            If it cannot be read or written.
        """
        path = None
        if self._folder is not None:
            path = os.path.join(self._folder, f"{name}.checkpoint")
            if path in self._paths:
                raise ValueError(f"name: got {name!r} again, expected one of each training")
            self._paths.append(path)
        _checkpoint.run(
            network,
            settings,
            data,
            path,
            self._every,
            keep=True,
            targets=targets,
            on_epoch=print_progress,
        )

    def delete(self) -> None:
        """Delete the files, and the folder if nothing else is in it.

        Raises
        ------
        OSError
            If a file cannot be deleted.
        """
        for path in self._paths:
            _checkpoint.delete(path)
        if self._folder is not None and not os.listdir(self._folder):
            os.rmdir(self._folder)


def print_progress(progress: Any) -> None:
    """Print the metrics of an epoch."""
    print(
        f"  epoch {progress['epoch'] + 1}/{progress['epochs']}: loss {progress['loss']:.4f}, "
        f"validation loss {progress['val_loss']:.4f}, accuracy {progress['val_accuracy']:.4f}, "
        f"{progress['seconds']:.0f} s",
        flush=True,
    )
