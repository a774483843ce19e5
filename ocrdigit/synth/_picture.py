"""The result of the synthesizer: a picture with its ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw


@dataclass(frozen=True, repr=False, eq=False)
class Picture:
    """A picture of digits with its ground truth.

    Attributes
    ----------
    image : ndarray (h, w) or (h, w, 3) of uint8
        Gray or RGB.
    text : str
        The digits in reading order, without punctuation. On a page, a space separates the
        numbers of a row and a newline separates rows.
    values : ndarray (k,) of int64
        The digits of ``text``, one by one.
    boxes : ndarray (k, 4) of int64
        The bounding box of each digit: x, y, width and height in pixels.
    """

    image: NDArray[np.uint8]
    text: str
    values: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Picture({self.text!r}, {width} x {height})"

    def to_dict(self) -> dict[str, Any]:
        """Return the ground truth as a dict for JSON: size, text, and digits with their boxes.

        Examples
        --------
        >>> from ocrdigit import synth
        >>> truth = synth.string("42", random_state=0).to_dict()
        >>> truth["text"], [digit["value"] for digit in truth["digits"]]
        ('42', [4, 2])
        """
        height, width = self.image.shape[:2]
        digits = [
            {"value": value, "box": box}
            for value, box in zip(self.values.tolist(), self.boxes.tolist(), strict=True)
        ]
        return {"width": width, "height": height, "text": self.text, "digits": digits}

    def draw(self) -> Image.Image:
        """Return a copy of the picture with the bounding boxes drawn on it."""
        picture = Image.fromarray(self.image).convert("RGB")
        canvas = ImageDraw.Draw(picture)
        for x, y, w, h in self.boxes.tolist():
            canvas.rectangle((x - 1, y - 1, x + w, y + h), outline=(220, 40, 40))
        return picture
