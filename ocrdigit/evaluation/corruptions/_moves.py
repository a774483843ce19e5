"""Digits aslant, turned, small, or off the centre."""

from __future__ import annotations

import math

import numpy as np

from ._arrays import COLUMNS, ROWS, Floats, per_image, resize_matrix, sample, signs


def shear(images: Floats, amount: float, rng: np.random.Generator) -> Floats:
    """Slant each picture to one side, by ``amount`` pixels a row."""
    slant = per_image(signs(rng, len(images)) * amount)
    return sample(images, np.broadcast_to(ROWS, images.shape), COLUMNS + slant * ROWS)


def scale(images: Floats, factor: float, rng: np.random.Generator) -> Floats:
    """Resize each picture about its centre."""
    return resize(images, factor)


def resize(images: Floats, factor: float) -> Floats:
    """Resize all pictures about their centres."""
    matrix = resize_matrix(factor)
    resized: Floats = matrix @ images @ matrix.T
    return resized


def turn(images: Floats, degrees: float) -> Floats:
    """Turn all pictures counter-clockwise about their centres."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows = (cosine * ROWS + sine * COLUMNS).astype(np.float32)
    columns = (cosine * COLUMNS - sine * ROWS).astype(np.float32)
    return sample(
        images, np.broadcast_to(rows, images.shape), np.broadcast_to(columns, images.shape)
    )


def rotate(images: Floats, degrees: float, rng: np.random.Generator) -> Floats:
    """Turn each picture to one side or the other."""
    left = signs(rng, len(images)) > 0
    return np.where(left.reshape(-1, 1, 1), turn(images, degrees), turn(images, -degrees))


def translate(images: Floats, pixels: float, rng: np.random.Generator) -> Floats:
    """Shift each picture by so many pixels, in any direction."""
    angles = rng.uniform(0, 2 * math.pi, len(images))
    down, right = per_image(pixels * np.sin(angles)), per_image(pixels * np.cos(angles))
    return sample(images, ROWS - down, COLUMNS - right)
