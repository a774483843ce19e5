"""The number detector: a fully convolutional network that labels the foreground of a page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .. import _core
from . import files
from ._network_file import WEIGHTS, read_network, read_once, write_network

DETECTOR_PATH = os.path.join(WEIGHTS, "detector.safetensors")

# Labels of pixels, the classes of the network; and that of pixels without a label.
BACKGROUND, NUMBER, WRITING, RULING_LINE = range(4)
IGNORED = 255

# The network labels every fourth pixel each way.
STRIDE = 4

# Height and width of the images it is trained on; it labels images of any size.
SIDE = 256


def _conv(filters: int, **options: Any) -> list[dict[str, Any]]:
    conv = {"type": "conv2d", "filters": filters, "kernel_size": 3, "padding": "same"}
    return [conv | options | {"use_bias": False}, {"type": "batch_norm"}, {"type": "relu"}]


# Dilated convolutions (Yu and Koltun, 2016) see 180 pixels each way without losing resolution.
LAYERS: tuple[Mapping[str, Any], ...] = (
    *_conv(16, strides=2),
    *_conv(32, strides=2),
    *_conv(32),
    *_conv(32, dilation_rate=2),
    *_conv(32, dilation_rate=4),
    *_conv(32, dilation_rate=8),
    *_conv(32, dilation_rate=4),
    *_conv(32),
    {"type": "conv2d", "filters": 4, "kernel_size": 1},
)

_FORMAT = "ocrdigit detector"


def write_detector(path: files.Path, network: _core.Network) -> None:
    """Write a detector to a .safetensors file, atomically. Kernels are rounded to float16."""
    write_network(path, network, _FORMAT)


def read_detector(path: files.Path) -> _core.Network:
    """Return the network in a file that :func:`write_detector` wrote.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file holds no detector.
    """
    return read_network(path, (SIDE, SIDE, 1), _FORMAT)


@read_once
def shipped_detector() -> _core.Network:
    """Return the detector of the package, in int8; the same network at each call."""
    network = read_detector(DETECTOR_PATH)
    network.precision = "int8"
    return network
