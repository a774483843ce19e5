"""Alignment of a scan or photo with a form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, image
from ._field import Box

__all__ = ["Alignment", "Floats", "Foreground", "Gray", "align", "find_foreground", "map_points"]

Gray = NDArray[np.uint8]
Floats = NDArray[np.float64]

# The longer side of what is aligned, in pixels: A4 at 150 dpi.
_LONGER_SIDE = 1754


@dataclass(frozen=True)
class Alignment:
    """Where a form lies in an image.

    Attributes
    ----------
    matrix : ndarray (3, 3) of float64
        The homography from pixels of the form to those of the image, with [2, 2] 1.
    found : float
        The proportion of the form's print that is in the image at its place, 0 to 1.
    residual : float
        Root mean square of the distance of that print from its place, in pixels of the form.
    """

    matrix: Floats = field(repr=False, compare=False)
    found: float
    residual: float

    def map(self, points: object) -> Floats:
        """Return where points of the form are in the image.

        Parameters
        ----------
        points : array-like (n, 2)
            Pairs of x and y, in pixels of the form.

        Returns
        -------
        ndarray (n, 2) of float64
            Pairs of x and y, in pixels of the image.

        Examples
        --------
        >>> import numpy as np
        >>> from ocrdigit.forms import Alignment
        >>> Alignment(np.diag([2.0, 2.0, 1.0]), 1.0, 0.0).map([(10, 20)]).tolist()
        [[20.0, 40.0]]
        """
        return map_points(self.matrix, np.asarray(points, float))

    def corners(self, box: Box) -> Floats:
        """Return where the corners of a box of the form are in the image.

        Parameters
        ----------
        box : tuple of int
            (x, y, width, height), in pixels of the form.

        Returns
        -------
        ndarray (4, 2) of float64
            Pairs of x and y, clockwise from upper left.
        """
        x, y, w, h = box
        return self.map([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])

    def to_dict(self) -> dict[str, Any]:
        """Return the alignment as a dict that can be written as JSON."""
        return {"matrix": self.matrix.tolist(), "found": self.found, "residual": self.residual}


def map_points(matrix: Floats, points: Floats) -> Floats:
    """Return the points (n, 2) that a homography maps points to."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    found: Floats = mapped[:, :2] / mapped[:, 2:]
    return found


def _resampled(picture: Gray) -> tuple[Gray, Floats]:
    """Return a picture at the scale of alignment, and the map from its pixels to the picture's."""
    height, width = picture.shape
    scale = _LONGER_SIDE / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    small = image.resize(picture, size, "area" if scale < 1 else "linear")
    x, y = width / size[0], height / size[1]
    return small, np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


@dataclass(frozen=True)
class Foreground:
    """The foreground of a picture at the scale of alignment.

    Attributes
    ----------
    levels : ndarray (h, w) of uint8
        The foreground levels.
    to_picture : ndarray (3, 3) of float64
        The map from their pixels to those of the picture.
    dark : bool
        Whether the foreground is darker than the background.
    """

    levels: Gray
    to_picture: Floats
    dark: bool


def find_foreground(picture: Gray, dark: bool | None = None) -> Foreground:
    """Return the foreground of a picture; it is found whether it is ``dark``, unless that says."""
    small, to_picture = _resampled(picture)
    levels, dark = _core.page_foreground(small, dark=dark)
    return Foreground(levels, to_picture, dark)


def align(form: Foreground, page: Foreground) -> Alignment:
    """Find a form in a page."""
    matrix, found, residual = _core.register_page(form.levels, page.levels)
    matrix = page.to_picture @ matrix @ np.linalg.inv(form.to_picture)
    scale = float(np.sqrt(form.to_picture[0, 0] * form.to_picture[1, 1]))
    return Alignment(matrix / matrix[2, 2], found, scale * residual)
