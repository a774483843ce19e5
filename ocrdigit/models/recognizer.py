"""The line recognizer and the weights of score fusion: layers, files, and those shipped."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Mapping
from typing import Any

from .. import _core
from .._atomic import write_atomically
from .._bounded import errors_of, read_file
from .._symbols import SYMBOLS
from . import files
from ._limits import MAX_HEADER_SIZE
from ._network_file import WEIGHTS, read_network, read_once, write_network

RECOGNIZER_PATH = os.path.join(WEIGHTS, "recognizer.safetensors")
FUSION_PATH = os.path.join(WEIGHTS, "fusion.json")

# Size of line images; the class of CTC's blank, after those of the symbols.
HEIGHT, MAX_WIDTH = 32, 1024
BLANK = len(SYMBOLS)


def _conv(filters: int, *kernel: int) -> list[dict[str, Any]]:
    conv = {"type": "conv2d", "filters": filters, "kernel_size": kernel, "use_bias": False}
    return [conv, {"type": "batch_norm"}, {"type": "relu"}]


# A convolutional network in the manner of CRNN (Shi, Bai and Yao, 2015), with convolutions along
# the sequence instead of recurrence: class scores for every fourth column of a line image.
LAYERS: tuple[Mapping[str, Any], ...] = (
    {"type": "conv2d", "filters": 16, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 48, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    *_conv(96, 3, 3),
    {"type": "max_pool2d", "pool_size": (2, 1)},
    *_conv(96, 3, 3),
    *_conv(96, 3, 3),
    {"type": "max_pool2d", "pool_size": (2, 1)},
    {"type": "map_to_sequence"},
    *_conv(160, 1, 3),
    {"type": "dropout", "rate": 0.1},
    *_conv(128, 1, 3),
    *_conv(128, 1, 3),
    *_conv(128, 1, 3),
    *_conv(128, 1, 3),
    {"type": "conv2d", "filters": BLANK + 1, "kernel_size": 1},
)

_FORMAT = "ocrdigit recognizer"


@dataclasses.dataclass(frozen=True)
class FusionWeights:
    """Weights of the log-linear fusion of recognizer's, classifier's and detector's scores.

    Fitted by :mod:`ocrdigit.training.fusion` and kept in ``weights/fusion.json``.

    Attributes
    ----------
    isolated_recognizer, isolated_classifier : float
        Exponents of the probabilities of each digit, for symbols that no neighbour in the line
        overlaps.
    isolated_bias : float
        Log odds that a symbol is a digit, if all of the following terms are 0.
    isolated_recognizer_odds, isolated_classifier_odds : float
        Weights of the log odds that it is a digit.
    isolated_foreground : float
        Weight of the logarithm of the proportion of the line's foreground that is in symbols.
    isolated_detector_odds, isolated_surroundings_odds : float
        Weights of the detector's log odds of number against other writing, in the symbol's box, and
        in it and around it.
    touching_recognizer, ..., touching_surroundings_odds : float
        The same for symbols that a neighbour overlaps or touches.
    prior_mean, prior_strength : float
        Mean of the Beta prior of the proportion of digits among the symbols of a page, and the
        number of symbols it counts as much as.
    min_probability : float
        Symbols whose probability of being a digit is lower are dropped.
    """

    isolated_recognizer: float
    isolated_classifier: float
    isolated_bias: float
    isolated_recognizer_odds: float
    isolated_classifier_odds: float
    isolated_foreground: float
    isolated_detector_odds: float
    isolated_surroundings_odds: float
    touching_recognizer: float
    touching_classifier: float
    touching_bias: float
    touching_recognizer_odds: float
    touching_classifier_odds: float
    touching_foreground: float
    touching_detector_odds: float
    touching_surroundings_odds: float
    prior_mean: float
    prior_strength: float
    min_probability: float

    def to_dict(self) -> dict[str, float]:
        """Return the weights by name."""
        return dict(vars(self))


def write_recognizer(path: files.Path, network: _core.Network) -> None:
    """Write a recognizer to a .safetensors file, atomically.

    Kernels are rounded to float16.
    """
    write_network(path, network, _FORMAT)


def read_recognizer(path: files.Path) -> _core.Network:
    """Return the network in a file that :func:`write_recognizer` wrote.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file holds no recognizer.
    """
    return read_network(path, (HEIGHT, MAX_WIDTH, 1), _FORMAT)


def write_fusion(path: files.Path, weights: FusionWeights) -> None:
    """Write fusion weights to a .json file, atomically."""
    write_atomically(path, (json.dumps(weights.to_dict(), indent=1) + "\n").encode())


def read_fusion(path: files.Path) -> FusionWeights:
    """Return the weights in a file that :func:`write_fusion` wrote.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file holds no fusion weights.
    """
    data = read_file(path, MAX_HEADER_SIZE)
    with errors_of(path, "not a file of fusion weights"):
        return FusionWeights(**{name: float(value) for name, value in json.loads(data).items()})


@read_once
def shipped_recognizer() -> _core.Network:
    """Return the recognizer of the package, in int8; the same network at each call."""
    network = read_recognizer(RECOGNIZER_PATH)
    network.precision = "int8"
    return network


@functools.cache
def shipped_fusion() -> FusionWeights:
    """Return the fusion weights of the package."""
    return read_fusion(FUSION_PATH)
