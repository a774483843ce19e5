"""Training with a checkpoint file, from which it resumes as if it had not stopped.

A checkpoint is a .safetensors file of the trainer's arrays: weights, best weights, and the
optimizer's moments and moving average. Its metadata, as JSON, are the position in the training, the
history, a description of the training (architecture, settings, and checksums of the data), and a
checksum of all of these and the arrays.
Random numbers are keyed by seed, epoch and position, so that there is no generator to save.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _checks, _core
from ._atomic import check_writable, remove_temporaries, write_atomically
from ._bounded import errors_of, read_file
from .models import files

FORMAT = "ocrdigit checkpoint"
FORMAT_VERSION = 2

# Bytes of a file, whose arrays are at most five times as large as the network, and of its
# description, in which the history grows by some 100 bytes an epoch.
MAX_SIZE = 1 << 31
MAX_HEADER_SIZE = 1 << 24

_Callback = Callable[[Any], object]
_History = dict[str, list[float]]


def run(
    network: _core.Network,
    settings: Mapping[str, Any],
    data: Sequence[Any],
    path: files.Path | None = None,
    every: int | str = "epoch",
    *,
    keep: bool = False,
    targets: NDArray[np.float32] | None = None,
    history: _History | None = None,
    on_step: _Callback | None = None,
    on_epoch: _Callback | None = None,
    interval: float = 0.0,
) -> None:
    """Train a network, with a checkpoint file if ``path`` is given.

    If the file exists, training resumes from it, and the result equals to the bit that of a
    training that was not stopped. It is deleted when the training has ended, also by a callback
    that returns False, unless ``keep`` is set, and kept after an exception.

    Parameters
    ----------
    network : Network
        The network to train.
    settings : mapping
        The keyword arguments of its trainer.
    data : sequence
        The positional arguments of the trainer's ``run``: images, labels, scale, and validation
        images and labels if there are any.
    path : path, optional
        The checkpoint file.
    every : int or "epoch"
        The number of steps from one saving to the next, or "epoch": at the end of each epoch.
    keep : bool
        Save the state at the end of the training, from which the same call gives the result again
        without training.
    targets : ndarray (n, classes) of float32, optional
        As for the trainer's ``run``.
    history : dict of list of float, optional
        Numbers of the epochs so far, to which ``on_epoch`` appends; saved in the checkpoint, and
        replaced by those in it.
    on_step, on_epoch, interval : optional
        As for the trainer's ``run``.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, or the file is damaged, of another version or of another
        training.
    OSError
        If the file cannot be read or written; an existing file is unchanged.
    """
    every = _checked(every)
    trainer = _core.Trainer(network, **settings)
    if path is None:
        trainer.run(*data, targets=targets, on_step=on_step, on_epoch=on_epoch, interval=interval)
        return
    training = _describe(network, settings, data, targets)
    history = {} if history is None else history
    if saved := _read(path):
        saved.restore(path, trainer, training, history)
    remove_temporaries(path)
    check_writable(path)

    def save() -> None:
        _write(path, _Saved(training, trainer.state(), history))

    if isinstance(every, int):
        on_step = _after(_limited(on_step, interval), _periodic(save, every))
        interval = 0.0
    else:
        on_epoch = _after(on_epoch, lambda progress: save())
    trainer.run(*data, targets=targets, on_step=on_step, on_epoch=on_epoch, interval=interval)
    if keep:
        save()
    else:
        delete(path)


def delete(path: files.Path) -> None:
    """Delete a checkpoint file, if there is one.

    Raises
    ------
    OSError
        If the file cannot be deleted.
    """
    with suppress(FileNotFoundError):  # if training ended before the first saving
        os.unlink(path)


def saved_seed(path: files.Path) -> int | None:
    """Return the seed of the training in a checkpoint file; None if there is no file.

    Raises
    ------
    OSError, ValueError
        As :func:`run`.
    """
    saved = _read(path)
    if saved is None:
        return None
    try:
        return int(saved.training["settings"]["seed"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{os.fspath(path)}: its metadata have no readable seed") from error


def _checked(every: object) -> int | str:
    """Return ``every``, a positive number of steps or "epoch"."""
    if isinstance(every, str):
        if every != "epoch":
            raise ValueError(f'every must be a number of steps or "epoch", got {every!r}')
        return every
    return _checks.positive_int("every", every)


class _Saved(NamedTuple):
    """The content of a checkpoint file."""

    training: dict[str, Any]
    state: dict[str, Any]
    history: _History

    def restore(
        self,
        path: files.Path,
        trainer: _core.Trainer,
        training: Mapping[str, Any],
        history: _History,
    ) -> None:
        """Set the state of the trainer of ``training``, and the lists of ``history``."""
        with errors_of(path):
            if difference := _difference("", self.training, training):
                raise ValueError(
                    f"a checkpoint of another training: {difference}; continue that one, or "
                    "delete the file to start anew"
                )
            if self.history.keys() != history.keys():
                raise ValueError(
                    f"its history has {sorted(self.history)}, expected {sorted(history)}"
                )
            trainer.restore(self.state)
        for key, numbers in self.history.items():
            history[key][:] = numbers


# ---- files ----


def _write(path: files.Path, saved: _Saved) -> None:
    arrays = {k: v for k, v in saved.state.items() if isinstance(v, np.ndarray)}
    numbers = {k: v for k, v in saved.state.items() if k not in arrays}
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "ocrdigit_version": _core.__version__,
        "training": json.dumps(saved.training),
        "state": json.dumps(numbers),
        "history": json.dumps(saved.history),
    }
    metadata["crc32"] = str(checksum(arrays, metadata))
    write_atomically(path, files.to_safetensors(arrays, metadata))


def _read(path: files.Path) -> _Saved | None:
    """Return the content of a checkpoint file; None if there is no file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = read_file(path, MAX_SIZE)
    except FileNotFoundError:
        return None
    with errors_of(path):
        try:
            arrays = load(data)
        except (SafetensorError, KeyError) as error:  # KeyError: an unknown number type
            raise ValueError(f"damaged, or not a checkpoint of ocrdigit: {error}") from error
        metadata = files.read_metadata(data, MAX_HEADER_SIZE)
        _check_format(metadata)
        if metadata.get("crc32") != str(checksum(arrays, metadata)):
            raise ValueError("damaged or edited: its checksum does not match its content")
        training, state, history = _parsed(metadata)
    return _Saved(training, {**state, **arrays}, history)


def checksum(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> int:
    """Return the CRC-32 of the arrays of a checkpoint, and of its metadata but "crc32"."""
    described = {key: value for key, value in metadata.items() if key != "crc32"}
    crc = zlib.crc32(json.dumps(described, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(np.ascontiguousarray(array).data, crc)
    return crc


def _check_format(metadata: Mapping[str, Any]) -> None:
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"not a checkpoint of ocrdigit: format {metadata.get('format')!r}, expected {FORMAT!r}"
        )
    if metadata.get("format_version") != str(FORMAT_VERSION):
        raise ValueError(
            f"checkpoint version {metadata.get('format_version')!r}, written by ocrdigit "
            f"{metadata.get('ocrdigit_version')}; ocrdigit {_core.__version__} reads version "
            f"{FORMAT_VERSION}"
        )


def _parsed(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return training, state and history in the metadata of a checkpoint."""
    parsed = []
    for key in ("training", "state", "history"):
        try:
            value = json.loads(metadata[key])
        except (KeyError, TypeError, ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise ValueError(f"its metadata have no readable {key!r}")
        parsed.append(value)
    for numbers in parsed[-1].values():
        if not (isinstance(numbers, list) and all(isinstance(n, (int, float)) for n in numbers)):
            raise ValueError("its history has something else than lists of numbers")
    return parsed


# ---- the description of a training ----


def _describe(
    network: _core.Network,
    settings: Mapping[str, Any],
    data: Sequence[Any],
    targets: NDArray[np.float32] | None,
) -> dict[str, Any]:
    """Return what must be the same for a training to resume, as JSON has it."""
    images, labels, scale, *validation = data
    named = {"images": images, "labels": labels}
    named |= dict(zip(("validation_images", "validation_labels"), validation, strict=False))
    if targets is not None:
        named["targets"] = targets
    training = {
        "architecture": network.layers,
        "input_shape": network.input_shape,
        "settings": dict(settings),
        "data": {"scale": scale} | {name: _fingerprint(array) for name, array in named.items()},
    }
    described: dict[str, Any] = json.loads(json.dumps(training))
    return described


def _fingerprint(array: Any) -> dict[str, Any]:
    return {
        "shape": array.shape,
        "dtype": str(array.dtype),
        "crc32": zlib.crc32(np.ascontiguousarray(array).data),
    }


def _difference(name: str, saved: Any, given: Any) -> str | None:
    """Describe the first difference between two JSON values; None if they are equal."""
    pairs: Iterable[tuple[str, Any, Any]] = ()
    if isinstance(saved, dict) and isinstance(given, dict):
        prefix = f"{name}." if name else ""
        keys = [*given, *(key for key in saved if key not in given)]
        pairs = ((prefix + key, saved.get(key), given.get(key)) for key in keys)
    elif isinstance(saved, list) and isinstance(given, list) and len(saved) == len(given):
        pairs = ((f"{name}[{i}]", saved[i], given[i]) for i in range(len(given)))
    elif saved != given:
        return f"{name} is {saved!r:.100} in the checkpoint, and {given!r:.100} in this training"
    return next(filter(None, (_difference(*pair) for pair in pairs)), None)


# ---- callbacks ----


def _after(first: _Callback | None, then: _Callback) -> _Callback:
    """Return a callback that calls both, with the result of ``first``."""

    def call(progress: Any) -> object:
        result = first(progress) if first else None
        then(progress)
        return result

    return call


def _periodic(save: Callable[[], None], every: int) -> _Callback:
    """Return a callback that saves after each ``every`` steps of the training."""

    def call(progress: Any) -> None:
        if (progress["epoch"] * progress["steps"] + progress["step"]) % every == 0:
            save()

    return call


def _limited(on_step: _Callback | None, interval: float) -> _Callback | None:
    """Return a callback that calls ``on_step`` at most every ``interval`` seconds."""
    if on_step is None or interval == 0:
        return on_step
    due = 0.0

    def call(progress: Any) -> object:
        nonlocal due
        if time.monotonic() < due:
            return None
        result = on_step(progress)
        due = time.monotonic() + interval
        return result

    return call
