"""How the images that classifiers learn from are changed."""

from __future__ import annotations

from typing import NamedTuple

from .. import augmentations


class Shares(NamedTuple):
    """How often images are changed in each of the stronger ways."""

    affine: float
    texture: float
    edge: float  # ink of a neighbour along an edge
    across: float  # ink across the digit
    gap: float
    spot: float
    blur: float
    contrast: float
    paper: float
    noise: float


_ELASTIC = {"type": "elastic", "displacement": 1.0, "sigma": 4}
_AFFINE = {"type": "affine", "degrees": 10, "translate": 0.06, "scale": (0.85, 1.15), "shear": 9}


def _changes(elastic: float, blur: float, shares: Shares) -> augmentations.Augmentation:
    """Return what is done to images: how often they are warped, how far blurred, and the rest."""
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
            "probability": shares.affine,
        },
        {"type": "texture", "amount": 0.8, "spacing": 1.5, "probability": shares.texture},
        {"type": "stray_stroke", "width": (0.8, 3), "reach": 0.22, "probability": shares.edge},
        {"type": "stray_stroke", "width": (0.6, 1.8), "reach": 1.0, "probability": shares.across},
        {"type": "erase", "area": (0.005, 0.06), "value": 0, "probability": shares.gap},
        {"type": "erase", "area": (0.005, 0.04), "value": 1, "probability": shares.spot},
        {"type": "blur", "sigma": (0.3, blur), "probability": shares.blur},
        {"type": "contrast", "factor": (-0.6, 0), "probability": shares.contrast},
        {"type": "background", "tone": 0.5, "probability": shares.paper},
        {"type": "noise", "sigma": 0.25, "probability": shares.noise},
    )


# What is seen at first, to tell what can be read at all.
STRONG = _changes(0.5, 1.2, Shares(0.3, 0.12, 0.15, 0.07, 0.05, 0.04, 0.15, 0.1, 0.15, 0.15))

_HANDLED = Shares(0.16, 0.08, 0.12, 0.05, 0.04, 0.03, 0.1, 0.06, 0.1, 0.1)


def handled(share: float) -> augmentations.Augmentation:
    """Return what comes later: the stronger changes less often, times ``share``."""
    shares = Shares(*(each * share for each in _HANDLED))
    return (*_changes(0.4, 1.8, shares), {"type": "invert", "probability": 0.05})


GEOMETRIC: augmentations.Augmentation = (
    {"type": "stroke", "amount": (-0.5, 0.6), "probability": 0.3},
    {**_ELASTIC, "probability": 0.5},
    _AFFINE,
)
