"""The shipped reader: the network that reads lines, and its file."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core, files

READER_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "weights/reader.safetensors")

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
    {"type": "columns"},
    *_conv(160, 1, 3),
    {"type": "dropout", "rate": 0.1},
    *_conv(128, 1, 3),
    *_conv(128, 1, 3),
    {"type": "conv2d", "filters": BLANK + 1, "kernel_size": 1},
)

_FORMAT = "ocrdigit reader"

_lock = threading.Lock()
_reader: _core.Network | None = None


def write_reader(path: files.Path, network: _core.Network) -> None:
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
    files.write_atomically(path, files.to_safetensors(tensors, metadata))


def read_reader(path: files.Path) -> _core.Network:
    """Return the network of a file that :func:`write_reader` wrote.

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


def shipped_reader() -> _core.Network:
    """Return the reader that comes with the package; one for the whole process."""
    global _reader
    if _reader is None:
        with _lock:
            if _reader is None:
                _reader = read_reader(READER_PATH)
    return _reader
