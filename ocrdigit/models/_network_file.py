"""Files of the networks that ``read`` uses: .safetensors with the layers in the metadata."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._atomic import write_atomically
from .._bounded import errors_of, read_file
from .._fork_lock import ForkLock
from . import files
from ._limits import MAX_MODEL_SIZE

WEIGHTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "weights")


def write_network(path: files.Path, network: _core.Network, file_format: str) -> None:
    """Write a network and its int8 ranges to a .safetensors file, atomically.

    Kernels are rounded to float16.
    """
    metadata = {
        "format": file_format,
        "ocrdigit_version": _core.__version__,
        "architecture": json.dumps(network.layers),
        "input_ranges": json.dumps(network.ranges),
    }
    tensors: dict[str, NDArray[Any]] = {
        name: tensor.astype(np.float16) if tensor.ndim > 1 else tensor
        for name, tensor in network.weights().items()
    }
    write_atomically(path, files.to_safetensors(tensors, metadata))


def read_network(
    path: files.Path, input_shape: tuple[int, int, int], file_format: str
) -> _core.Network:
    """Return the network in a file of this format.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is of another format, damaged or too large, or its network gives other than finite
        scores.
    MemoryError
        There is not enough memory for the network.
    """
    data = read_file(path, MAX_MODEL_SIZE)
    with errors_of(path):
        metadata = files.read_metadata(data)
        if metadata.get("format") != file_format:
            raise ValueError(f"not a {file_format.removeprefix('ocrdigit ')} of ocrdigit")
        layers = json.loads(metadata["architecture"])
        network = files.network_with(layers, input_shape, files.read_tensors(data))
        files.check_scores(network)
        files.set_ranges(network, json.loads(metadata["input_ranges"]))
    return network


def read_once(read: Callable[[], _core.Network]) -> Callable[[], _core.Network]:
    """Return a function that calls ``read`` once, on any threads, and keeps the network."""
    lock = ForkLock()
    network: _core.Network | None = None

    @functools.wraps(read)
    def shipped() -> _core.Network:
        nonlocal network
        if network is None:
            with lock.held():
                if network is None:
                    network = read()
        return network

    return shipped
