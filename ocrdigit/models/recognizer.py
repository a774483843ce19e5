"""The shipped reader: the network that reads lines, and its file."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._atomic import write_atomically
from . import files

_WEIGHTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "weights")
RECOGNIZER_PATH = os.path.join(_WEIGHTS, "recognizer.safetensors")
FUSION_PATH = os.path.join(_WEIGHTS, "fusion.json")

# Of lines, straightened to this height: for every fourth column of pixels, which of ten digits
# is there, or none (the blank).
HEIGHT, WIDEST = 32, 1024
BLANK = 10


def _conv(filters: int, *kernel: int) -> list[dict[str, Any]]:
    bare = {"type": "conv2d", "filters": filters, "kernel_size": kernel, "use_bias": False}
    return [bare, {"type": "batch_norm"}, {"type": "relu"}]


LAYERS: tuple[Mapping[str, Any], ...] = (
    {"type": "conv2d", "filters": 16, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 48, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    *_conv(96, 3, 3),
    {"type": "max_pool2d", "pool_size": (2, 1)},
    *_conv(96, 3, 3),
    {"type": "max_pool2d", "pool_size": (2, 1)},
    {"type": "map_to_sequence"},
    *_conv(160, 1, 3),
    {"type": "dropout", "rate": 0.1},
    *_conv(128, 1, 3),
    *_conv(128, 1, 3),
    {"type": "conv2d", "filters": BLANK + 1, "kernel_size": 1},
)

_FORMAT = "ocrdigit recognizer"


class FusionWeights(NamedTuple):
    """How the reader's opinion on a digit and a classifier's are put together.

    ``apart_...`` where no other digit of its line reaches over it, ``close_...`` where one does.
    Fitted by :mod:`ocrdigit.training.fusion`, which says what the numbers mean, and kept in
    ``weights/fusion.json``.
    """

    apart_reader: float
    apart_judge: float
    apart_constant: float
    apart_read: float
    apart_judged: float
    apart_share: float
    close_reader: float
    close_judge: float
    close_constant: float
    close_read: float
    close_judged: float
    close_share: float
    usual: float
    known: float
    least: float


_lock = threading.Lock()
_reader: _core.Network | None = None


def write_recognizer(path: files.Path, network: _core.Network) -> None:
    """Write a reader's network to a .safetensors file, whole or not at all.

    Its kernels' numbers are rounded to 16 bits.
    """
    metadata = {
        "format": _FORMAT,
        "ocrdigit_version": _core.__version__,
        "architecture": json.dumps(network.layers),
    }
    tensors: dict[str, NDArray[Any]] = {
        name: tensor.astype(np.float16) if tensor.ndim > 1 else tensor
        for name, tensor in network.weights().items()
    }
    write_atomically(path, files.to_safetensors(tensors, metadata))


def read_recognizer(path: files.Path) -> _core.Network:
    """Return the network of a file that :func:`write_recognizer` wrote.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no reader's file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), "numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError("not a reader of ocrdigit")
            weights = {
                name: file.get_tensor(name).astype(np.float32)
                for name in file.keys()  # noqa: SIM118
            }
        network = _core.Network(json.loads(metadata["architecture"]), (HEIGHT, WIDEST, 1))
        network.set_weights(weights)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error
    return network


def write_fusion(path: files.Path, opinions: FusionWeights) -> None:
    """Write them to a .json file, whole or not at all."""
    write_atomically(path, (json.dumps(opinions._asdict(), indent=1) + "\n").encode())


def read_fusion(path: files.Path) -> FusionWeights:
    """Return what :func:`write_fusion` wrote.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It holds something else.
    """
    with open(path, encoding="utf-8") as file:
        try:
            return FusionWeights(**{name: float(value) for name, value in json.load(file).items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{os.fspath(path)}: not an opinions file: {error}") from error


def shipped_recognizer() -> _core.Network:
    """Return the reader that comes with the package; one for the whole process."""
    global _reader
    if _reader is None:
        with _lock:
            if _reader is None:
                _reader = read_recognizer(RECOGNIZER_PATH)
    return _reader


@functools.cache
def shipped_fusion() -> FusionWeights:
    """Return how a classifier's opinion counts beside that of the shipped reader."""
    return read_fusion(FUSION_PATH)
