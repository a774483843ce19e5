"""Shot noise and impulse noise."""

from __future__ import annotations

import numpy as np

from ._resampling import Floats


def shot_noise(images: Floats, photons: float, rng: np.random.Generator) -> Floats:
    """Replace pixels by Poisson counts with a mean of ``photons`` at full white."""
    return (rng.poisson(images * photons) / photons).astype(np.float32)


def impulse_noise(images: Floats, fraction: float, rng: np.random.Generator) -> Floats:
    """Set a fraction of all pixels to black or white (salt and pepper)."""
    draws = rng.random(images.shape, np.float32)
    salted = np.where(draws < fraction, np.float32(1), images)
    return np.where(draws < fraction / 2, np.float32(0), salted)
