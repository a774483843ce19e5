"""A second look at images whose digit the first one leaves in doubt.

The network looks at them turned, scaled and sheared by a little, too, and what it finds is
averaged, as logarithms of probabilities. Few images are in doubt, so that it costs next to nothing.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._inputs import SIDE

_SURE = 0.99  # probabilities from which on one look is enough
_AS_IT_IS = 2.0  # versions that the unchanged image counts for
_LEAST = 1e-7  # of a probability, before its logarithm is taken
_AT_A_TIME = 1000  # images

# What turns, scales and shears about the middle: a place (row, column) is looked up at these
# times it.
_TURN, _SHEAR = math.radians(8), 0.15
_CHANGES = (
    *(((math.cos(a), -math.sin(a)), (math.sin(a), math.cos(a))) for a in (_TURN, -_TURN)),
    *(((1 / scale, 0.0), (0.0, 1 / scale)) for scale in (0.9, 1.1)),
    *(((1.0, 0.0), (shear, 1.0)) for shear in (_SHEAR, -_SHEAR)),
)


def least_sure(tta: object) -> float:
    """Return what a network's ``sure`` is to be, with or without a second look."""
    return _SURE if tta else 0.0


def digits(network: _core.Network, images: NDArray[np.generic], scale: float) -> NDArray[np.int64]:
    """Return the digits (n,) of images (n, 28, 28), looked at again where not sure."""
    if network.sure == 0:
        return network.predict(images, scale)
    found: NDArray[np.int64] = probabilities(network, images, scale).argmax(axis=1)
    return found


def probabilities(
    network: _core.Network, images: NDArray[np.generic], scale: float
) -> NDArray[np.float32]:
    """Return the probabilities (n, 10) of images (n, 28, 28), looked at again where not sure."""
    found = network.predict_proba(images, scale)
    if network.sure == 0:
        return found
    doubtful = np.flatnonzero(found.max(axis=1) < network.sure)
    for start in range(0, len(doubtful), _AT_A_TIME):
        some = doubtful[start : start + _AT_A_TIME]
        found[some] = _averaged(network, images[some], scale, found[some])
    return found


def _averaged(
    network: _core.Network,
    images: NDArray[np.generic],
    scale: float,
    first: NDArray[np.float32],
) -> NDArray[np.float64]:
    changed = network.predict_proba(_versions(images), scale).reshape(
        len(_CHANGES), len(images), -1
    )
    logs = _AS_IT_IS * _logarithms(first) + _logarithms(changed).sum(axis=0)
    logs /= _AS_IT_IS + len(_CHANGES)
    averaged: NDArray[np.float64] = np.exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None])
    return averaged


def _logarithms(found: NDArray[np.float32]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(found.astype(np.float64), _LEAST))
    return logs


def _versions(images: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return all versions (versions * n, 28, 28) of images, those of the first change first."""
    places, shares = _tables()
    pixels = images.reshape(len(images), -1).astype(np.float32).T
    versions = np.stack(
        [
            np.einsum("cpn,cp->np", pixels[place], share)
            for place, share in zip(places, shares, strict=True)
        ]
    )
    return np.ascontiguousarray(versions.reshape(-1, SIDE, SIDE))


@lru_cache(maxsize=1)
def _tables() -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return, of every change, the four pixels (4, 784) that each comes from, and their shares."""
    middle = (SIDE - 1) / 2
    grid = np.indices((SIDE, SIDE)).reshape(2, -1) - middle
    places, shares = [], []
    for change in _CHANGES:
        source = np.array(change) @ grid + middle
        corner = np.floor(source).astype(np.intp)
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            row, column = corner[0] + down, corner[1] + right
            share = (1 - np.abs(source[0] - row)) * (1 - np.abs(source[1] - column))
            inside = (row >= 0) & (row < SIDE) & (column >= 0) & (column < SIDE)
            places.append(np.where(inside, row * SIDE + column, 0))
            shares.append(np.where(inside, share, 0))
    shape = (len(_CHANGES), 4, SIDE * SIDE)
    return np.reshape(places, shape), np.reshape(shares, shape).astype(np.float32)
