"""What was read on a form."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._drawing import draw_numbers
from .._numbers import Number
from ..table import Table
from ._alignment import Alignment, Floats
from ._field import Box

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FieldReading", "FormReading", "draw_fields"]

_COLORS = {"read": (26, 127, 75), "empty": (130, 130, 130), "unreadable": (200, 50, 31)}


@dataclass(frozen=True)
class FieldReading:
    """What was read in a field of a form.

    Attributes
    ----------
    name : str
        The name of the field.
    status : str
        "read"; "empty" if nothing is written in the field; or "unreadable" if something is, but
        no number that may be in the field.
    corners : ndarray (4, 2) of float64
        Of the field in the image, x and y, clockwise from the upper left one of the form.
    rows : tuple of tuples of Number
        The numbers, as in a :class:`ocrdigit.Reading`; of a table, those of its rows.
    table : Table or None
        Of a table, its cells.
    """

    name: str
    status: str
    corners: Floats = field(repr=False, compare=False)
    rows: tuple[tuple[Number, ...], ...] = field(default=(), repr=False)
    table: Table | None = field(default=None, repr=False)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """All numbers in reading order."""
        return tuple(number for row in self.rows for number in row)

    @property
    def text(self) -> str:
        """The numbers as they are written, joined by spaces; rows joined by newlines.

        The cells of a table are joined by tabs.
        """
        if self.table is not None:
            return str(self.table)
        return "\n".join(" ".join(number.text for number in row) for row in self.rows)

    @property
    def value(self) -> Decimal | None:
        """The value, if one number was read, see :attr:`ocrdigit.Number.value`."""
        return self.numbers[0].value if self.table is None and len(self.numbers) == 1 else None

    @property
    def confidence(self) -> float:
        """Probability that all numbers are right: the product of theirs; 0 if unreadable."""
        if self.status == "unreadable":
            return 0.0
        return float(np.prod([number.confidence for number in self.numbers]))

    @property
    def box(self) -> Box:
        """Bounding box (x, y, w, h) of the field, in pixels of the image."""
        left, top = np.floor(self.corners.min(0)).astype(int).tolist()
        right, bottom = np.ceil(self.corners.max(0)).astype(int).tolist()
        return left, top, right - left, bottom - top

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return the field as a dict that can be written as JSON; its value is a str or None."""
        value = self.value
        found = {
            "name": self.name,
            "status": self.status,
            "text": self.text,
            "value": None if value is None else str(value),
            "confidence": self.confidence,
            "box": list(self.box),
            "corners": self.corners.tolist(),
        }
        if self.table is not None:
            return {**found, "table": self.table.to_dict()}
        return {**found, "rows": [[number.to_dict() for number in row] for row in self.rows]}


class FieldsByName(Mapping[str, FieldReading]):
    """A mapping of names to fields, in the form's order."""

    fields: dict[str, FieldReading]

    def __getitem__(self, name: str) -> FieldReading:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)


@dataclass(frozen=True)
class FormReading(FieldsByName):
    """The fields of a form in an image: a mapping of names to fields, in the form's order.

    Displayed as a picture in notebooks.

    Attributes
    ----------
    fields : dict of str to FieldReading
        The fields by name.
    alignment : Alignment
        Where the form lies in the image.
    page : ndarray (h, w) of uint8
        The image in gray.
    picture : ndarray (h, w, 3) or (h, w) of uint8
        The same in colour, if it has colours.
    """

    fields: dict[str, FieldReading]
    alignment: Alignment
    page: NDArray[np.uint8] = field(repr=False, compare=False)
    picture: NDArray[np.uint8] = field(repr=False, compare=False)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the fields that are empty or unreadable."""
        return tuple(name for name, each in self.fields.items() if each.status != "read")

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as a dict that can be written as JSON."""
        return {
            "width": self.page.shape[1],
            "height": self.page.shape[0],
            "alignment": self.alignment.to_dict(),
            "missing": list(self.missing),
            "fields": [each.to_dict() for each in self.fields.values()],
        }

    def draw(self) -> Image:
        """Return the image with the fields, and what was read, drawn on it.

        The outlines of fields that were read are green, of empty ones gray, of unreadable ones red.
        """
        numbers = [number for each in self.fields.values() for number in each.numbers]
        picture = np.asarray(draw_numbers(self.picture, numbers))
        return draw_fields(
            picture,
            {name: each.corners for name, each in self.fields.items()},
            {name: _COLORS[each.status] for name, each in self.fields.items()},
        )

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        self.draw().save(data, "png")
        return data.getvalue()


def draw_fields(
    picture: NDArray[np.uint8],
    corners: Mapping[str, Floats],
    colors: Mapping[str, tuple[int, int, int]] | None = None,
) -> Image:
    """Return a picture with the outlines and names of fields drawn on it."""
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.fromarray(picture).convert("RGB")
    canvas = ImageDraw.Draw(drawn)
    width = 1 + max(drawn.size) // 800
    size = max(9, max(drawn.size) // 110)
    font = ImageFont.load_default(size)
    for name, outline in corners.items():
        color = colors[name] if colors else _COLORS["read"]
        points = [(float(x), float(y)) for x, y in outline]
        canvas.line([*points, points[0]], color, width)
        x, y = points[0]
        canvas.text(
            (x, y - 1.3 * size), name, color, font, stroke_width=2, stroke_fill=(255, 255, 255)
        )
    return drawn
