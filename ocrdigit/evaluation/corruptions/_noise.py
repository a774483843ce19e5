"""Noise of the sensor and of the line: single pixels go wrong."""

from __future__ import annotations

import numpy as np

from ._arrays import Floats


def shot_noise(images: Floats, photons: float, rng: np.random.Generator) -> Floats:
    """Count light in quanta, ``photons`` of them at full white."""
    return (rng.poisson(images * photons) / photons).astype(np.float32)


def impulse_noise(images: Floats, share: float, rng: np.random.Generator) -> Floats:
    """Turn a share of all pixels black or white."""
    draws = rng.random(images.shape, np.float32)
    salted = np.where(draws < share, np.float32(1), images)
    return np.where(draws < share / 2, np.float32(0), salted)
