"""A picture of digits with its ground truth: what the page loaders and the generators return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, repr=False, eq=False)
class Picture:
    """A picture of digits and its ground truth.

    Attributes
    ----------
    image : ndarray (h, w) or (h, w, 3) of uint8
        Gray or RGB.
    text : str
        The numbers as written: digits and the separators ``. , - + / :``, without other marks. On a
        page, the numbers of a row are separated by a space and the rows by a newline.
    values : ndarray (k,) of int64
        The digits of ``text``, one by one, without separators.
    boxes : ndarray (k, 4) of int64
        The bounding box of each digit's foreground: x, y, width and height in pixels.
    """

    image: NDArray[np.uint8]
    text: str
    values: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Picture({self.text!r}, {width} x {height})"

    def to_dict(self) -> dict[str, Any]:
        """Return the ground truth as JSON-serializable data: size, text, digits and boxes.

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

    def draw(self) -> Image:
        """Return a copy of the image with the digits' boxes drawn on it."""
        from PIL import Image, ImageDraw

        picture = Image.fromarray(self.image).convert("RGB")
        draw = ImageDraw.Draw(picture)
        for x, y, w, h in self.boxes.tolist():
            draw.rectangle((x - 1, y - 1, x + w, y + h), outline=(220, 40, 40))
        return picture
