"""Images that the sketchpad and the image editor of Gradio hand over: dicts of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

_KEYS = ("background", "layers", "composite")


def editor_pixels(
    X: Mapping[object, object], name: str, pixels_of: Callable[[object, str], NDArray[Any]]
) -> NDArray[Any]:
    """Return the pixels of the dict of an image editor: its composite, or its layers composed.

    Parameters
    ----------
    X : mapping
        With the keys background, layers (a list) and composite; values may be None.
    name : str
        That of the argument, for messages.
    pixels_of : callable
        Returns the pixels of a value, an image of any kind, and takes its name.
    """
    if not set(_KEYS) & set(X):
        raise TypeError(
            f"{name} is a dict with the keys {', '.join(map(repr, X)) or '(none)'}; of dicts, only "
            f"that of Gradio's image editor is an image, with the keys {', '.join(_KEYS)}"
        )
    if X.get("composite") is not None:
        return pixels_of(X["composite"], f"{name}['composite']")
    layers = X.get("layers")
    if layers is not None and not isinstance(layers, (list, tuple)):
        raise TypeError(f"{name}['layers'] must be a list, got {type(layers).__name__}")
    parts = {f"{name}['background']": X.get("background")}
    parts.update({f"{name}['layers'][{i}]": layer for i, layer in enumerate(layers or ())})
    pictures = [pixels_of(part, label) for label, part in parts.items() if part is not None]
    if not pictures:
        raise ValueError(
            f"{name} is the dict of an image editor without an image: it has no composite, no "
            "background and no layers"
        )
    return pictures[0] if len(pictures) == 1 else _composed(pictures, name)


def _composed(pictures: list[NDArray[Any]], name: str) -> NDArray[Any]:
    """Return pictures (H, W) or (H, W, 1|3|4) of uint8, the first at the back, as (H, W, 4)."""
    from PIL import Image

    if len({picture.shape[:2] for picture in pictures}) > 1 or any(
        picture.dtype != np.uint8 for picture in pictures
    ):
        found = ", ".join(f"{picture.shape} of {picture.dtype}" for picture in pictures)
        raise ValueError(f"{name} has layers {found}; expected uint8 of one size")
    canvas = _rgba(pictures[0])
    for picture in pictures[1:]:
        canvas = Image.alpha_composite(canvas, _rgba(picture))
    return np.asarray(canvas)


def _rgba(picture: NDArray[Any]) -> Image:
    from PIL import Image

    is_single = picture.ndim == 3 and picture.shape[2] == 1
    return Image.fromarray(picture[..., 0] if is_single else picture).convert("RGBA")
