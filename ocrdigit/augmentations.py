"""Augmentations as plain data, and their checked form for the core.

An augmentation is a list of dicts, one per step, that each image passes through in order. Images
have values from 0 (black) to 1. Every dict has a ``"type"`` and that type's parameters:

================  ===========================================================================
``rotation``      factor: fraction of a full turn, 0.1 is up to 36 degrees either way
``translation``   height, width: fraction of the side
``zoom``          factor: 0.1 shows up to 10 % more or less of the image
``contrast``      factor: 0.1 scales the values about their mean by 0.9 to 1.1,
                  (0, 0.1) by 1 to 1.1
``shear``         factor: horizontal shift in pixels per pixel
``affine``        degrees, translate (fraction of the side), scale (low, high), shear (degrees):
                  all in one resampling
``elastic``       displacement: root mean square in pixels; sigma: smoothness in pixels
``stroke``        amount: from -1 (one pixel thinner) to 1 (one pixel thicker)
``brightness``    amount: number added
``noise``         sigma: of Gaussian noise; a number s means (0, s)
``erase``         area: (low, high) fraction of the image, overwritten with ``value``
``blur``          sigma: of a Gaussian, in pixels; a number s means (0, s)
``background``    tone: brightness of the background, a number t means (0, t); uneven: fraction
                  of it that varies smoothly over the image, 0 to 1 (1)
``texture``       amount: fraction of the strokes' brightness removed in places, a number a
                  means (0, a); spacing: of such places in pixels (1.5)
``stray_stroke``  a stroke of neighbouring writing along an edge. width: (low, high) in pixels;
                  reach: maximum distance from the edge, fraction of the side; ``value``: its
                  maximum brightness (1)
``invert``        no parameters: 1 - x
================  ===========================================================================

Unless stated otherwise a number x means (-x, x); a pair is (low, high). Defaults are in
parentheses. Each dict may have ``probability`` (1), the fraction of images that the step is
applied to. Geometric steps may have ``fill`` ("constant", "reflect" or "nearest"), and, like
``erase``, ``value`` (0).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from . import _checks

if TYPE_CHECKING:
    from ._core import AugmentStep

__all__ = ["AUGMENTATIONS"]

Augmentation = Sequence[Mapping[str, Any]]

#: The operations of each named augmentation policy.
AUGMENTATIONS: dict[str, Augmentation] = {
    "none": (),
    "seed": (
        {"type": "rotation", "factor": 0.1, "fill": "reflect"},
        {"type": "translation", "height": 0.1, "width": 0.1, "fill": "reflect"},
        {"type": "zoom", "factor": 0.1, "fill": "reflect"},
        {"type": "contrast", "factor": (0, 0.1)},  # the range of Keras' RandomContrast(0.1)
    ),
    "default": (
        {"type": "affine", "degrees": 8, "translate": 0.06, "scale": (0.92, 1.08), "shear": 4},
    ),
}

FILLS = ("constant", "reflect", "nearest")


class _Key(NamedTuple):
    """A parameter of an augmentation type, and the form of its value."""

    name: str
    form: Literal["number", "symmetric", "up_to", "pair"] = "symmetric"
    default: float | tuple[float, float] | None = None


class _Kind(NamedTuple):
    keys: tuple[_Key, ...]
    extras: tuple[str, ...] = ()  # of "fill" and "value"
    value: float = 0.0  # the default


_OUTSIDE = ("fill", "value")
_KINDS = {
    "rotation": _Kind((_Key("factor"),), _OUTSIDE),
    "translation": _Kind((_Key("height"), _Key("width")), _OUTSIDE),
    "zoom": _Kind((_Key("factor"),), _OUTSIDE),
    "contrast": _Kind((_Key("factor"),)),
    "shear": _Kind((_Key("factor"),), _OUTSIDE),
    "affine": _Kind(
        (
            _Key("degrees", "number", 0.0),
            _Key("translate", "number", 0.0),
            _Key("scale", "pair", (1.0, 1.0)),
            _Key("shear", "number", 0.0),
        ),
        _OUTSIDE,
    ),
    "elastic": _Kind((_Key("displacement", "number"), _Key("sigma", "number")), _OUTSIDE),
    "stroke": _Kind((_Key("amount"),)),
    "brightness": _Kind((_Key("amount"),)),
    "noise": _Kind((_Key("sigma", "up_to"),)),
    "erase": _Kind((_Key("area", "pair"),), ("value",)),
    "blur": _Kind((_Key("sigma", "up_to"),)),
    "background": _Kind((_Key("tone", "up_to"), _Key("uneven", "number", 1.0))),
    "texture": _Kind((_Key("amount", "up_to"), _Key("spacing", "number", 1.5))),
    "stray_stroke": _Kind((_Key("width", "pair"), _Key("reach", "number")), ("value",), 1.0),
    "invert": _Kind(()),
}


def resolve(augment: object) -> tuple[AugmentStep, ...]:
    """Return the core's form of a named augmentation, a list of dicts, or False for none."""
    if augment is False:
        return ()
    if isinstance(augment, str):
        augment = AUGMENTATIONS[_checks.known("augment", augment, AUGMENTATIONS)]
    if isinstance(augment, memoryview) or not isinstance(augment, Sequence):
        raise TypeError(
            f"augment must be None, False, a list of dicts, or one of "
            f"{', '.join(map(repr, AUGMENTATIONS))}, got {type(augment).__name__}"
        )
    return tuple(_step(f"augment[{index}]", step) for index, step in enumerate(augment))


def _step(where: str, step: object) -> AugmentStep:
    """Return the core's form of a step, which begins with ``where`` in error messages."""
    if not isinstance(step, Mapping) or "type" not in step:
        raise TypeError(f"{where} must be a dict with a 'type', got {step!r}")
    name = _checks.known(f"{where}['type']", step["type"], _KINDS)
    kind = _KINDS[name]
    known = {"type", "probability", *kind.extras, *(key.name for key in kind.keys)}
    for key in step:
        if key not in known:
            raise ValueError(
                f"{where} ({name}) has no key {key!r}; it takes {', '.join(sorted(known))}"
            )
    resolved: dict[str, str | float | tuple[float, float]] = {"type": name}
    for key in kind.keys:
        resolved[key.name] = _parameter(where, name, key, step)
    probability = _checks.finite_number(f"{where}['probability']", step.get("probability", 1.0))
    if not 0 <= probability <= 1:
        raise ValueError(f"{where}['probability'] must be in 0..1, got {probability!r}")
    resolved["probability"] = probability
    if "fill" in kind.extras:
        resolved["fill"] = _checks.known(f"{where}['fill']", step.get("fill", "constant"), FILLS)
    if "value" in kind.extras:
        resolved["value"] = _checks.finite_number(
            f"{where}['value']", step.get("value", kind.value)
        )
    return resolved


def _parameter(
    where: str, kind: str, key: _Key, step: Mapping[str, Any]
) -> float | tuple[float, float]:
    """Return the number or the range of ``key``."""
    name = f"{where}[{key.name!r}]"
    value = step.get(key.name, key.default)
    if value is None:
        raise ValueError(f"{where} ({kind}) lacks {key.name!r}")
    if key.form == "number":
        return _checks.finite_number(name, value)
    if isinstance(value, numbers.Real) and key.form != "pair":
        high = _checks.finite_number(name, value)
        return (-high, high) if key.form == "symmetric" else (0.0, high)
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        one = "" if key.form == "pair" else "a number or "
        raise ValueError(f"{name} must be {one}a pair (low, high), got {value!r}")
    low, high = (_checks.finite_number(name, number) for number in value)
    if not low <= high or math.isinf(high - low):
        raise ValueError(f"{name} must be a pair (low, high) in rising order, got {value!r}")
    return low, high
