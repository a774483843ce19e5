"""Augmentation policies for training the classifiers."""

from __future__ import annotations

from typing import NamedTuple

from .. import augmentations


class Probabilities(NamedTuple):
    """The probability of each stronger augmentation."""

    affine: float
    texture: float
    edge_stroke: float  # a neighbour's stroke along an edge
    crossing_stroke: float  # a stroke across the digit
    gap: float
    spot: float
    blur: float
    contrast: float
    background: float
    noise: float


_ELASTIC = {"type": "elastic", "displacement": 1.0, "sigma": 4}
_AFFINE = {"type": "affine", "degrees": 10, "translate": 0.06, "scale": (0.85, 1.15), "shear": 9}


def _policy(
    elastic: float, blur_sigma: float, probabilities: Probabilities
) -> augmentations.Augmentation:
    """Return the policy of these probabilities, ``elastic`` and the maximum ``blur_sigma``."""
    p = probabilities
    return (
        {"type": "stroke", "amount": (-0.7, 0.9), "probability": 0.3},
        {**_ELASTIC, "probability": elastic},
        _AFFINE,
        {
            "type": "affine",
            "degrees": 16,
            "translate": 0.12,
            "scale": (0.62, 1.2),
            "shear": 16,
            "probability": p.affine,
        },
        {"type": "texture", "amount": 0.8, "spacing": 1.5, "probability": p.texture},
        {"type": "stray_stroke", "width": (0.8, 3), "reach": 0.22, "probability": p.edge_stroke},
        {
            "type": "stray_stroke",
            "width": (0.6, 1.8),
            "reach": 1.0,
            "probability": p.crossing_stroke,
        },
        {"type": "erase", "area": (0.005, 0.06), "value": 0, "probability": p.gap},
        {"type": "erase", "area": (0.005, 0.04), "value": 1, "probability": p.spot},
        {"type": "blur", "sigma": (0.3, blur_sigma), "probability": p.blur},
        {"type": "contrast", "factor": (-0.6, 0), "probability": p.contrast},
        {"type": "background", "tone": 0.5, "probability": p.background},
        {"type": "noise", "sigma": 0.25, "probability": p.noise},
    )


# For the first phase of training, which decides which examples are legible.
STRONG = _policy(0.5, 1.2, Probabilities(0.3, 0.12, 0.15, 0.07, 0.05, 0.04, 0.15, 0.1, 0.15, 0.15))

_MODERATE = Probabilities(0.16, 0.08, 0.12, 0.05, 0.04, 0.03, 0.1, 0.06, 0.1, 0.1)


def moderate(scale: float) -> augmentations.Augmentation:
    """Return the policy of the later phases, with the stronger augmentations at ``scale``."""
    probabilities = Probabilities(*(scale * probability for probability in _MODERATE))
    return (*_policy(0.4, 1.8, probabilities), {"type": "invert", "probability": 0.05})


# Stroke width, elastic and affine augmentation only.
GEOMETRIC: augmentations.Augmentation = (
    {"type": "stroke", "amount": (-0.5, 0.6), "probability": 0.3},
    {**_ELASTIC, "probability": 0.5},
    _AFFINE,
)
