"""Pixels of PIL images as arrays, upright; converted in strips, to take little memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112  # EXIF's tag

# Bytes of a pixel in Pillow's memory, by mode; 4 in all other modes.
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}

_STRIP = 1 << 20  # pixels that are converted at a time


def is_pil(X: object) -> TypeGuard[Image]:
    """Return whether an object is a PIL image."""
    pil = sys.modules.get("PIL.Image")  # imported if there is a PIL image
    return pil is not None and isinstance(X, pil.Image)


def pixels_of(image: Image) -> NDArray[Any]:
    """Return the pixels of a PIL image, upright: (H, W), (H, W, 3) or (H, W, 4).

    Their dtype is uint8; uint16, int32 or float32 for images of more depth.
    """
    orientation = image.getexif().get(_ORIENTATION, 1)
    return _upright(_converted(image, _target(image)), orientation)


def bytes_to_decode(image: Image) -> tuple[int, int]:
    """Return how many bytes Pillow's image takes, before it is decoded, and its array.

    An array of more than 8 bits is also converted to float32.
    """
    pixels = image.width * image.height
    target = _target(image)
    stored = _STORED.get(image.mode, 4)
    return pixels * stored, pixels * (stored + 4 if target is None else _CHANNELS[target])


def _target(image: Image) -> str | None:
    """Return the mode to which an image is converted; None if its values are kept."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return None
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"


def _converted(image: Image, mode: str | None) -> NDArray[Any]:
    rows = max(1, _STRIP // max(1, image.width))
    pixels: NDArray[Any] | None = None
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = image if rows >= image.height else image.crop((0, top, image.width, bottom))
        values = np.asarray(strip if mode in (None, strip.mode) else strip.convert(mode))
        if pixels is None:
            pixels = np.empty((image.height, *values.shape[1:]), values.dtype)
        pixels[top:bottom] = values
    if pixels is None:
        return np.empty((image.height, image.width), np.uint8)
    return _as_uint16(pixels) if image.mode == "I" else pixels


def _as_uint16(values: NDArray[Any]) -> NDArray[Any]:
    """Return the 32-bit integers of mode I as 16-bit ones, if they are those of a 16-bit file."""
    fits = values.size and values.min() >= 0 and values.max() <= 65535
    return values.astype(np.uint16) if fits else values


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return pixels that are stored in an orientation of EXIF, 1 to 8, upright."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
