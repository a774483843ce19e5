"""Augmentations as plain data, and their checked form for the core.

An augmentation is a list of dicts that each image goes through in order, on images of
0 (black) to 1. Every dict has a ``"type"`` and that type's numbers:

===============  ============================================================================
``rotation``     factor: share of a full turn, 0.1 is 36 degrees either way
``translation``  height, width: share of the side
``zoom``         factor: 0.1 shows up to 10 % more or less of the picture
``contrast``     factor: 0.1 stretches the values about their mean by 0.9 to 1.1,
                 (0, 0.1) by 1 to 1.1
``shear``        factor: horizontal shift in pixels a pixel
``affine``       degrees, translate (share of the side), scale (low, high), shear (degrees):
                 all in one resampling
``elastic``      displacement: root mean square in pixels; sigma: smoothness in pixels
``stroke``       amount: from -1 (one pixel thinner) to 1 (one pixel thicker)
``brightness``   amount: number added
``noise``        sigma: of Gaussian noise; one number s stands for (0, s)
``erase``        area: (low, high) share of the picture to overwrite with ``value``
``blur``         sigma: of a Gaussian, in pixels; s stands for (0, s)
``paper``        tone: of paper that is not black, t stands for (0, t); uneven: the share of
                 it that varies smoothly over the picture, 0 to 1 (1)
``texture``      amount: of the ink that is left out at places, a stands for (0, a); spacing
                 of such places in pixels (1.5)
``ink``          a stroke of other ink along an edge. width: (low, high) in pixels; reach: how
                 far from the edge, share of the side; ``value``: its brightness at most (1)
``negative``     nothing: ink becomes paper and paper ink
===============  ============================================================================

One number x stands for (-x, x) where nothing else is said; a pair is (low, high).
Each dict may say ``probability`` (1), the share of images it is done to; those that move
pixels may say ``fill`` ("constant", "reflect", "nearest") and, as ``erase``, ``value`` (0).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from . import _checks

if TYPE_CHECKING:
    from ._core import AugmentStep

Augmentation = Sequence[Mapping[str, Any]]

AUGMENTATIONS: dict[str, Augmentation] = {
    "none": (),
    "seed": (
        {"type": "rotation", "factor": 0.1, "fill": "reflect"},
        {"type": "translation", "height": 0.1, "width": 0.1, "fill": "reflect"},
        {"type": "zoom", "factor": 0.1, "fill": "reflect"},
        {"type": "contrast", "factor": (0, 0.1)},  # so Keras reads RandomContrast(0.1)
    ),
    "default": (
        {"type": "affine", "degrees": 8, "translate": 0.06, "scale": (0.92, 1.08), "shear": 4},
    ),
}

FILLS = ("constant", "reflect", "nearest")


class _Key(NamedTuple):
    """A key of an augmentation and how its value becomes numbers for the core."""

    name: str
    form: Literal["number", "spread", "up_to", "pair"] = "spread"
    default: float | tuple[float, float] | None = None


class _Kind(NamedTuple):
    keys: tuple[_Key, ...]
    extras: tuple[str, ...] = ()


_MOVES = ("fill", "value")
_KINDS = {
    "rotation": _Kind((_Key("factor"),), _MOVES),
    "translation": _Kind((_Key("height"), _Key("width")), _MOVES),
    "zoom": _Kind((_Key("factor"),), _MOVES),
    "contrast": _Kind((_Key("factor"),)),
    "shear": _Kind((_Key("factor"),), _MOVES),
    "affine": _Kind(
        (
            _Key("degrees", "number", 0.0),
            _Key("translate", "number", 0.0),
            _Key("scale", "pair", (1.0, 1.0)),
            _Key("shear", "number", 0.0),
        ),
        _MOVES,
    ),
    "elastic": _Kind((_Key("displacement", "number"), _Key("sigma", "number")), _MOVES),
    "stroke": _Kind((_Key("amount"),)),
    "brightness": _Kind((_Key("amount"),)),
    "noise": _Kind((_Key("sigma", "up_to"),)),
    "erase": _Kind((_Key("area", "pair"),), ("value",)),
    "blur": _Kind((_Key("sigma", "up_to"),)),
    "paper": _Kind((_Key("tone", "up_to"), _Key("uneven", "number", 1.0))),
    "texture": _Kind((_Key("amount", "up_to"), _Key("spacing", "number", 1.5))),
    "ink": _Kind((_Key("width", "pair"), _Key("reach", "number")), ("value",)),
    "negative": _Kind(()),
}


def resolve(augment: object) -> tuple[AugmentStep, ...]:
    """Return the core's form of a named augmentation, a list of dicts, or False for none."""
    if augment is False:
        return ()
    if isinstance(augment, str):
        augment = AUGMENTATIONS[_checks.known("augment", augment, AUGMENTATIONS)]
    if not isinstance(augment, Sequence):
        raise TypeError(
            f"augment must be None, False, a list of dicts, or one of "
            f"{', '.join(map(repr, AUGMENTATIONS))}, got {type(augment).__name__}"
        )
    return tuple(_step(f"augment[{index}]", step) for index, step in enumerate(augment))


def _step(place: str, step: object) -> AugmentStep:
    if not isinstance(step, Mapping) or "type" not in step:
        raise TypeError(f"{place} must be a dict with a 'type', got {step!r}")
    name = _checks.known(f"{place}['type']", step["type"], _KINDS)
    kind = _KINDS[name]
    known = {"type", "probability", *kind.extras, *(key.name for key in kind.keys)}
    for key in step:
        if key not in known:
            raise ValueError(
                f"{place} ({name}) has no key {key!r}; it takes {', '.join(sorted(known))}"
            )
    numbers_ = [number for key in kind.keys for number in _numbers(place, name, key, step)]
    a, b, c, d, e = numbers_ + [0.0] * (5 - len(numbers_))
    probability = _checks.finite_number(f"{place}['probability']", step.get("probability", 1.0))
    if not 0 <= probability <= 1:
        raise ValueError(f"{place}['probability'] must be in 0..1, got {probability!r}")
    fill = _checks.known(f"{place}['fill']", step.get("fill", "constant"), FILLS)
    usual = 1.0 if name == "ink" else 0.0
    value = _checks.finite_number(f"{place}['value']", step.get("value", usual))
    return (name, (a, b, c, d, e), probability, fill, value)


def _numbers(place: str, kind: str, key: _Key, step: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the core's one or two numbers for ``key``."""
    name = f"{place}[{key.name!r}]"
    value = step.get(key.name, key.default)
    if value is None:
        raise ValueError(f"{place} ({kind}) lacks {key.name!r}")
    if key.form == "number":
        return (_checks.finite_number(name, value),)
    if isinstance(value, numbers.Real) and key.form != "pair":
        high = _checks.finite_number(name, value)
        return (-high, high) if key.form == "spread" else (0.0, high)
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        one = "" if key.form == "pair" else "a number or "
        raise ValueError(f"{name} must be {one}a pair (low, high), got {value!r}")
    low, high = (_checks.finite_number(name, number) for number in value)
    if not low <= high or math.isinf(high - low):
        raise ValueError(f"{name} must be a pair (low, high) in rising order, got {value!r}")
    return low, high
