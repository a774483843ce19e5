"""Reference implementations of the augmentations in NumPy and float64.

Images are (h, w); rows count downwards; a positive angle turns counter-clockwise as seen.
"""

import math

import numpy as np


def pixels(image, rows, columns, fill, value):
    """Return the image at integer positions (arrays), with `fill` outside."""
    h, w = image.shape
    if fill == "constant":
        inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
        return np.where(inside, image[rows.clip(0, h - 1), columns.clip(0, w - 1)], value)
    if fill == "nearest":
        return image[rows.clip(0, h - 1), columns.clip(0, w - 1)]
    rows, columns = rows % (2 * h), columns % (2 * w)  # d c b a | a b c d | d c b a
    return image[
        np.where(rows < h, rows, 2 * h - 1 - rows),
        np.where(columns < w, columns, 2 * w - 1 - columns),
    ]


def sample(image, y, x, fill="reflect", value=0.0):
    """Return the image at positions y, x (arrays), by bilinear interpolation."""
    image = np.asarray(image, dtype=np.float64)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    total = np.zeros(np.shape(y))
    for down in (0, 1):
        for right in (0, 1):
            weight = (1 - abs(y - (top + down))) * (1 - abs(x - (left + right)))
            total += weight * pixels(image, top + down, left + right, fill, value)
    return total


def warp(image, matrix, shift=(0.0, 0.0), fill="reflect", value=0.0):
    """Map x, y relative to the centre to matrix @ (x, y) + shift."""
    h, w = image.shape
    y, x = np.mgrid[:h, :w].astype(np.float64)
    centre = np.array([(w - 1) / 2, (h - 1) / 2])
    to = np.stack([x, y], axis=-1) - centre - np.asarray(shift)
    source = to @ np.linalg.inv(matrix).T + centre
    return sample(image, source[..., 1], source[..., 0], fill, value)


def rotation_matrix(radians):
    """Return the matrix of a counter-clockwise rotation with y pointing down."""
    c, s = np.cos(radians), np.sin(radians)
    return np.array([[c, s], [-s, c]])


def shear_matrix(shear):
    """Return the matrix that moves each pixel to the right by `shear` times its height."""
    return np.array([[1.0, -shear], [0.0, 1.0]])


def rotation(image, turns, **outside):
    return warp(image, rotation_matrix(2 * np.pi * turns), **outside)


def translation(image, down, right, **outside):
    h, w = image.shape
    return warp(image, np.eye(2), (right * w, down * h), **outside)


def zoom(image, factor, **outside):
    return warp(image, np.eye(2) / (1 + factor), **outside)


def shear(image, pixels_per_pixel, **outside):
    return warp(image, shear_matrix(pixels_per_pixel), **outside)


def contrast(image, change):
    mean = np.mean(image, dtype=np.float64)
    return np.clip((image - mean) * (1 + change) + mean, 0, 255)


def stroke(image, amount):
    h, w = image.shape
    padded = np.pad(np.asarray(image, dtype=np.float64), 1, constant_values=np.nan)
    cross = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    neighbours = np.stack([padded[r : r + h, c : c + w] for r, c in cross])
    extreme = np.nanmax(neighbours, axis=0) if amount > 0 else np.nanmin(neighbours, axis=0)
    return (1 - abs(amount)) * image + abs(amount) * extreme


def blur(image, sigma):
    """Blur rows, then columns, with weights up to three sigma; the edge repeats outside."""
    radius = math.ceil(3 * sigma)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2)) if radius else np.ones(1)
    weights /= weights.sum()
    h, w = image.shape
    rows = np.arange(h)[:, None] + offsets
    columns = np.arange(w)[:, None] + offsets
    blurred = np.einsum("rck,k->rc", image[:, columns.clip(0, w - 1)].astype(np.float64), weights)
    return np.einsum("rkc,k->rc", blurred[rows.clip(0, h - 1)], weights)


def brightness(image, amount):
    return np.clip(np.asarray(image, dtype=np.float64) + amount, 0, 1)
