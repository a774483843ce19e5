"""Drawing of symbols' boxes and values on a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._numbers import Box, Number, digit_boxes

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["draw_numbers"]

BOX_COLOR, LABEL_COLOR = (26, 127, 75), (200, 50, 31)
_HALO_COLOR = (255, 255, 255)

# In heights of a number's digits: the stroke width of boxes, and the size of labels, of at least
# _MIN_LABEL pixels.
_STROKE, _LABEL, _MIN_LABEL = 1 / 40, 0.35, 9


def draw_numbers(picture: NDArray[np.uint8], numbers: Sequence[Number]) -> Image:
    """Return a picture, in gray or in colour, with the box and the value of each symbol on it.

    Boxes are drawn around the symbols, with strokes and labels that scale with the digits of each
    number. A label stands above its box; where there is no place, below it or inside.
    """
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.fromarray(picture).convert("RGB")
    canvas = ImageDraw.Draw(drawn)
    for number, boxes in zip(numbers, digit_boxes(numbers), strict=True):
        height = float(np.median([box[3] for box in boxes]))
        width = max(1, round(_STROKE * height))
        font = ImageFont.load_default(max(_MIN_LABEL, round(_LABEL * height)))
        for symbol in number.symbols:
            frame = _outline(symbol.box, width, drawn.size)
            canvas.rectangle(frame, outline=BOX_COLOR, width=width)
            _label(canvas, str(symbol.value), frame, font, drawn.size)
    return drawn


def _outline(box: Box, width: int, size: tuple[int, int]) -> Box:
    """Return left, top, right and bottom of the rectangle around a box, inside the picture."""
    x, y, w, h = box
    right, bottom = min(x + w - 1 + width, size[0] - 1), min(y + h - 1 + width, size[1] - 1)
    return min(max(x - width, 0), right), min(max(y - width, 0), bottom), right, bottom


def _label(canvas: ImageDraw, text: str, frame: Box, font: Any, size: tuple[int, int]) -> None:
    """Draw a label at a rectangle, inside the picture."""
    halo = max(1, round(font.size / 12))
    left, top, right, bottom = canvas.textbbox((0, 0), text, font=font, stroke_width=halo)
    w, h = right - left, bottom - top
    x = max(0, min(frame[0], size[0] - w))
    y = frame[1] - h
    if y < 0:
        y = frame[3] + 1
    if y + h > size[1]:
        y = max(0, min(frame[1], size[1] - h))
    canvas.text(
        (x - left, y - top),
        text,
        LABEL_COLOR,
        font,
        stroke_width=halo,
        stroke_fill=_HALO_COLOR,
    )
