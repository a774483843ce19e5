"""The camera: blur, noise, inversion, quantization to uint8, JPEG compression."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ._style import Style
from ._writing import Floats, uniform


def capture(style: Style, tones: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return ``tones`` (n, h, w[, 3]) in 0..1 as pixels of the same shape; overwrites ``tones``."""
    count = len(tones)
    blur_each(tones, uniform(rng, style.blur, count))
    _add_noise(tones, uniform(rng, style.noise, count), rng)
    if style.inverted:
        inverted = rng.random(count) < style.inverted
        tones[inverted] = 1 - tones[inverted]
    tones *= 255
    tones += 0.5
    np.clip(tones, 0, 255, out=tones)
    pixels = tones.astype(np.uint8)
    if style.jpeg:
        for index in np.flatnonzero(rng.random(count) < style.jpeg):
            pixels[index] = _through_jpeg(pixels[index], int(rng.uniform(*style.quality)))
    return pixels


def blur_each(tones: Floats, sigma: Floats) -> None:
    """Blur pictures (n, h, w[, 3]) in place, each by its own ``sigma`` (n,) in pixels.

    Applies the kernel (b, 1 - 2 b, b) repeatedly. Its variance is 2 b, and b <= 1/4 keeps its
    frequency response non-negative.
    """
    variance = sigma.astype(np.float64) ** 2
    while (variance > 1e-4).any():
        chosen = np.flatnonzero(variance > 1e-4)
        b = np.minimum(variance[chosen] / 2, 0.25).astype(np.float32)
        b = b.reshape((-1,) + (1,) * (tones.ndim - 1))
        some = tones if len(chosen) == len(tones) else tones[chosen]
        for axis in (1, 2):
            _blur_axis(some, b, axis)
        if some is not tones:
            tones[chosen] = some
        variance[chosen] -= 2 * b.reshape(-1)


def _blur_axis(tones: Floats, b: Floats, axis: int) -> None:
    """Apply the kernel (b, 1 - 2 b, b) along ``axis`` in place; the border is replicated."""
    view = np.moveaxis(tones, axis, 1)
    if view.shape[1] < 2:
        return
    step = np.diff(view, axis=1)
    step *= np.moveaxis(b, axis, 1)
    view[:, :-1] += step
    view[:, 1:] -= step


def _add_noise(tones: Floats, sigma: Floats, rng: np.random.Generator) -> None:
    """Add noise of ``sigma`` (n,) to each picture, from random offsets of one shared tile."""
    if not sigma.any():
        return
    size = int(np.prod(tones.shape[1:]))
    tile = rng.standard_normal(size + 8191, np.float32)
    starts = rng.integers(8192, size=len(tones)).tolist()
    for picture, start, amount in zip(tones, starts, sigma.tolist(), strict=True):
        picture += np.float32(amount) * tile[start : start + size].reshape(picture.shape)


def _through_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return np.asarray(Image.open(buffer))
