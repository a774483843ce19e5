"""Shear, scale, rotation and translation."""

from __future__ import annotations

import math

import numpy as np

from ._resampling import COLUMNS, ROWS, Floats, per_image, resize_matrix, sample, signs


def shear(images: Floats, amount: float, rng: np.random.Generator) -> Floats:
    """Shear each image to a random side by ``amount`` pixels per row."""
    factor = per_image(signs(rng, len(images)) * amount)
    return sample(images, np.broadcast_to(ROWS, images.shape), COLUMNS + factor * ROWS)


def scale(images: Floats, factor: float, rng: np.random.Generator) -> Floats:
    """Resize each image about its centre."""
    return resize(images, factor)


def resize(images: Floats, factor: float) -> Floats:
    """Resize all images about their centres."""
    matrix = resize_matrix(factor)
    resized: Floats = matrix @ images @ matrix.T
    return resized


def rotate_by(images: Floats, degrees: float) -> Floats:
    """Rotate all images counter-clockwise about their centres."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows = (cosine * ROWS + sine * COLUMNS).astype(np.float32)
    columns = (cosine * COLUMNS - sine * ROWS).astype(np.float32)
    return sample(
        images, np.broadcast_to(rows, images.shape), np.broadcast_to(columns, images.shape)
    )


def rotate(images: Floats, degrees: float, rng: np.random.Generator) -> Floats:
    """Rotate each image by ``degrees`` to a random side."""
    left = signs(rng, len(images)) > 0
    return np.where(left.reshape(-1, 1, 1), rotate_by(images, degrees), rotate_by(images, -degrees))


def translate(images: Floats, pixels: float, rng: np.random.Generator) -> Floats:
    """Shift each image by ``pixels`` in a random direction."""
    angles = rng.uniform(0, 2 * math.pi, len(images))
    dy, dx = per_image(pixels * np.sin(angles)), per_image(pixels * np.cos(angles))
    return sample(images, ROWS - dy, COLUMNS - dx)
