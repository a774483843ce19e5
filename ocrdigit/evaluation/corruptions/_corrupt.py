"""The list of corruptions, and the function that applies them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ... import _checks
from . import _blur, _edges, _light, _marks, _moves, _noise
from ._arrays import SIDE, Floats

SEVERITIES = (1, 2, 3, 4, 5)

_BLOCK = 1000  # images that are worked on at a time


class Corruption(NamedTuple):
    """One way in which a picture of a digit goes wrong.

    Attributes
    ----------
    apply : callable
        Takes images (n, 28, 28) float32 of 0 to 1, a level, and a random generator.
    levels : tuple
        What severities 1 to 5 mean to it, in the unit that ``meaning`` says.
    meaning : str
        What is done, and what the levels are.
    """

    apply: Callable[[Floats, Any, np.random.Generator], Floats]
    levels: tuple[Any, Any, Any, Any, Any]
    meaning: str


CORRUPTIONS: dict[str, Corruption] = {
    "shot_noise": Corruption(
        _noise.shot_noise, (24, 12, 6, 3, 1.5), "light in quanta; how many at full white"
    ),
    "impulse_noise": Corruption(
        _noise.impulse_noise,
        (0.05, 0.1, 0.17, 0.27, 0.4),
        "pixels turned black or white; their share",
    ),
    "glass_blur": Corruption(
        _blur.glass_blur,
        ((1, 0.6), (1.5, 0.8), (2, 1), (2.5, 1.2), (3, 1.4)),
        "seen through rough glass, out of focus; reach and blur in pixels",
    ),
    "motion_blur": Corruption(
        _blur.motion_blur,
        (3, 5, 7, 10, 13),
        "moved while taken, at up to 45 degrees; length in pixels",
    ),
    "shear": Corruption(_moves.shear, (0.2, 0.3, 0.45, 0.6, 0.8), "slanted; pixels a row"),
    "scale": Corruption(_moves.scale, (0.85, 0.7, 0.6, 0.5, 0.4), "made smaller; factor"),
    "rotate": Corruption(
        _moves.rotate, (10, 20, 30, 40, 50), "turned to one side or the other; degrees"
    ),
    "brightness": Corruption(
        _light.brightness,
        (0.2, 0.35, 0.5, 0.6, 0.7),
        "background raised; how much, of full white",
    ),
    "translate": Corruption(
        _moves.translate, (2, 3, 4.5, 6, 8), "off the centre, in any direction; pixels"
    ),
    "stripe": Corruption(
        _light.stripe, (3, 5, 7, 8, 9), "a stripe inverted on each side; width in pixels"
    ),
    "fog": Corruption(_light.fog, (0.4, 0.7, 1, 1.4, 1.8), "behind light clouds; their density"),
    "spatter": Corruption(
        _marks.spatter, (0.04, 0.08, 0.12, 0.17, 0.23), "splashed; share of the picture"
    ),
    "dotted_line": Corruption(
        _marks.dotted_line, (6, 5, 4, 3, 2), "a line of dots across; pixels from dot to dot"
    ),
    "zigzag": Corruption(
        _marks.zigzag,
        ((1, 12), (2, 10), (3, 9), (4, 8), (5, 7)),
        "a zigzag across; its height either way and its length in pixels",
    ),
    "canny_edges": Corruption(
        _edges.canny_edges, (0.5, 0.75, 1, 1.4, 1.8), "only outlines left; blur in pixels"
    ),
}

NAMES = tuple(CORRUPTIONS)


def corrupt(
    images: NDArray[np.uint8], name: str, severity: int = 3, random_state: object = None
) -> NDArray[np.uint8]:
    """Corrupt images of digits.

    Parameters
    ----------
    images : ndarray (n, 28, 28) or (28, 28) of uint8
        Light ink on black, as MNIST's.
    name : str
        One of ``NAMES``.
    severity : {1, 2, 3, 4, 5}
        From hardly in the way to hardly readable; ``CORRUPTIONS[name].levels`` says what
        it means. People read nearly all images up to 3, the severity of tables of results.
    random_state : int or numpy Generator, optional
        The same seed gives the same images. None: other ones each time.

    Returns
    -------
    ndarray of uint8
        New images, of the same shape. They are raw: nothing centres or cleans them.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit.evaluation import corruptions
    >>> sample = ocrdigit.datasets.load_sample()
    >>> foggy = corruptions.corrupt(sample.X_test, "fog", random_state=0)
    >>> foggy.shape, foggy.dtype
    ((1000, 28, 28), dtype('uint8'))
    """
    _checks.known("name", name, NAMES)
    level = CORRUPTIONS[name].levels[checked_severity(severity) - 1]
    rng = _checks.generator(random_state, NAMES.index(name))
    return _in_blocks(images, lambda block: CORRUPTIONS[name].apply(block, level, rng))


def rotated(images: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Turn images (n, 28, 28) or (28, 28) of uint8 counter-clockwise about their centres.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    """
    angle = _checks.finite_number("degrees", degrees)
    return _in_blocks(images, lambda block: _moves.turn(block, angle))


def scaled(images: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Resize what is in images (n, 28, 28) or (28, 28) of uint8 about their centres.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    """
    size = _checks.positive_number("factor", factor)
    return _in_blocks(images, lambda block: _moves.resize(block, size))


def checked_severity(severity: object) -> int:
    """Return ``severity`` where it is one of 1 to 5."""
    value = _checks.positive_int("severity", severity)
    if value not in SEVERITIES:
        raise ValueError(f"severity must be 1 to 5, got {value}")
    return value


def _in_blocks(images: NDArray[np.uint8], change: Callable[[Floats], Floats]) -> NDArray[np.uint8]:
    """Put images through ``change``, as float32 of 0 to 1, and clip what comes out."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"images must be an array of uint8, got {kind}")
    if images.ndim not in (2, 3) or images.shape[-2:] != (SIDE, SIDE):
        raise ValueError(f"images must have shape (n, 28, 28) or (28, 28), got {images.shape}")
    batch = images.reshape(-1, SIDE, SIDE)
    result = np.empty_like(batch, order="C")
    for start in range(0, len(batch), _BLOCK):
        block = slice(start, start + _BLOCK)
        changed = change(batch[block] / np.float32(255))
        result[block] = np.rint(np.clip(changed, 0, 1) * 255)
    return result.reshape(images.shape)
