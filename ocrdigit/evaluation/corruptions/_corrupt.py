"""The table of corruptions, and the functions that apply them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ... import _checks
from . import _blur, _edges, _geometry, _light, _marks, _noise
from ._resampling import SIDE, Floats

#: The severities of a corruption, from the weakest.
SEVERITIES = (1, 2, 3, 4, 5)

_BLOCK = 1000  # images processed at a time


class Corruption(NamedTuple):
    """An image corruption with five severities.

    Attributes
    ----------
    apply : callable
        Takes images (n, 28, 28) of float32 in 0..1, a level, and a random generator.
    levels : tuple
        The levels of severities 1 to 5, in the unit that ``meaning`` gives.
    meaning : str
        Description of the effect; and of the levels.
    """

    apply: Callable[[Floats, Any, np.random.Generator], Floats]
    levels: tuple[Any, Any, Any, Any, Any]
    meaning: str


#: Each corruption by name.
CORRUPTIONS: dict[str, Corruption] = {
    "shot_noise": Corruption(
        _noise.shot_noise, (24, 12, 6, 3, 1.5), "photon noise; photons at full white"
    ),
    "impulse_noise": Corruption(
        _noise.impulse_noise,
        (0.05, 0.1, 0.17, 0.27, 0.4),
        "pixels set to black or white; fraction of all pixels",
    ),
    "glass_blur": Corruption(
        _blur.glass_blur,
        ((1, 0.6), (1.5, 0.8), (2, 1), (2.5, 1.2), (3, 1.4)),
        "displaced pixels and blur; displacement and sigma in pixels",
    ),
    "motion_blur": Corruption(
        _blur.motion_blur,
        (3, 5, 7, 10, 13),
        "blurred along a line at up to 45 degrees; length in pixels",
    ),
    "shear": Corruption(
        _geometry.shear, (0.2, 0.3, 0.45, 0.6, 0.8), "sheared to either side; pixels per row"
    ),
    "scale": Corruption(_geometry.scale, (0.85, 0.7, 0.6, 0.5, 0.4), "made smaller; factor"),
    "rotate": Corruption(_geometry.rotate, (10, 20, 30, 40, 50), "rotated to either side; degrees"),
    "brightness": Corruption(
        _light.brightness,
        (0.2, 0.35, 0.5, 0.6, 0.7),
        "all pixels brightened; offset, of full white",
    ),
    "translate": Corruption(
        _geometry.translate, (2, 3, 4.5, 6, 8), "shifted in any direction; pixels"
    ),
    "stripe": Corruption(
        _light.stripe, (3, 5, 7, 8, 9), "a stripe inverted on each side; width in pixels"
    ),
    "fog": Corruption(
        _light.fog, (0.4, 0.7, 1, 1.4, 1.8), "blended with light clouds; density of the clouds"
    ),
    "spatter": Corruption(
        _marks.spatter, (0.04, 0.08, 0.12, 0.17, 0.23), "covered by splashes; fraction of the area"
    ),
    "dotted_line": Corruption(
        _marks.dotted_line,
        (6, 5, 4, 3, 2),
        "crossed by a line of dots; distance of the dots in pixels",
    ),
    "zigzag": Corruption(
        _marks.zigzag,
        ((1, 12), (2, 10), (3, 9), (4, 8), (5, 7)),
        "crossed by a zigzag; amplitude and period in pixels",
    ),
    "canny_edges": Corruption(
        _edges.canny_edges, (0.5, 0.75, 1, 1.4, 1.8), "replaced by its edges; blur sigma in pixels"
    ),
}

#: The names of the corruptions.
NAMES = tuple(CORRUPTIONS)


def corrupt(
    images: NDArray[np.uint8], name: str, severity: int = 3, random_state: object = None
) -> NDArray[np.uint8]:
    """Return corrupted images of digits.

    Parameters
    ----------
    images : ndarray (n, 28, 28) or (28, 28) of uint8
        Light digits on black, as in MNIST.
    name : str
        One of ``NAMES``.
    severity : {1, 2, 3, 4, 5}
        From barely visible to barely legible; ``CORRUPTIONS[name].levels`` holds the level of
        each. Up to 3, the severity of tables of results, people read nearly all images.
    random_state : int or numpy Generator, optional
        Seed. The same seed gives the same images; None gives different ones at each call.

    Returns
    -------
    ndarray of uint8
        New images of the same shape, without any preprocessing.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

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
    """Return images rotated counter-clockwise about their centres.

    Parameters
    ----------
    images : ndarray (n, 28, 28) or (28, 28) of uint8
        Images of digits.
    degrees : float
        The angle.

    Returns
    -------
    ndarray of uint8
        Of the shape of ``images``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit.evaluation import corruptions
    >>> sample = ocrdigit.datasets.load_sample()
    >>> corruptions.rotated(sample.X_test, 90).shape
    (1000, 28, 28)
    """
    angle = _checks.finite_number("degrees", degrees)
    return _in_blocks(images, lambda block: _geometry.rotate_by(block, angle))


def scaled(images: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Return images scaled about their centres.

    Parameters
    ----------
    images : ndarray (n, 28, 28) or (28, 28) of uint8
        Images of digits.
    factor : float
        Above 1 enlarges; what leaves the image is cut.

    Returns
    -------
    ndarray of uint8
        Of the shape of ``images``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit.evaluation import corruptions
    >>> sample = ocrdigit.datasets.load_sample()
    >>> corruptions.scaled(sample.X_test, 0.5).shape
    (1000, 28, 28)
    """
    checked = _checks.positive_number("factor", factor)
    return _in_blocks(images, lambda block: _geometry.resize(block, checked))


def checked_severity(severity: object) -> int:
    """Return ``severity``; raise TypeError or ValueError unless it is 1 to 5."""
    value = _checks.positive_int("severity", severity)
    if value not in SEVERITIES:
        raise ValueError(f"severity must be 1 to 5, got {value}")
    return value


def _in_blocks(images: NDArray[np.uint8], apply: Callable[[Floats], Floats]) -> NDArray[np.uint8]:
    """Return ``apply`` of blocks of images in 0..1, clipped and rounded to uint8."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"images must be an array of uint8, got {kind}")
    if images.ndim not in (2, 3) or images.shape[-2:] != (SIDE, SIDE):
        raise ValueError(f"images must have shape (n, 28, 28) or (28, 28), got {images.shape}")
    batch = images.reshape(-1, SIDE, SIDE)
    result = np.empty_like(batch, order="C")
    for start in range(0, len(batch), _BLOCK):
        block = slice(start, start + _BLOCK)
        applied = apply(batch[block] / np.float32(255))
        result[block] = np.rint(np.clip(applied, 0, 1) * 255)
    return result.reshape(images.shape)
