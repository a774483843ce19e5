"""Photos of sudokus in newspapers, with the digits in their cells.

Wicht and Hennebert (CC BY 4.0).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._inputs import gray_page
from .._page_reader import downscaled
from .._predict import shipped_model
from ..table import Box, _find_upright, _find_writing

Gray = NDArray[np.uint8]

SUDOKU = 9  # rows and columns
_MIN_LEGIBLE = 0.6  # of the digits of a photo: the network identifies fewer if the grid is wrong
_MIN_CELLS = 0.8  # that have writing, of those that have a digit


@dataclass(frozen=True)
class GridPhoto:
    """A photo whose grid is found.

    Attributes
    ----------
    gray : ndarray (h, w) of uint8
        The photo, downscaled as for reading.
    truth : ndarray (9, 9)
        The digits; 0 for an empty cell.
    nodes : ndarray (10, 10, 2)
        The corners of the cells, x and y, as the digits stand.
    rectified : ndarray of uint8
        The writing in the rectified cells, dark on white.
    cells : list of (box, crop, digit)
        Of each cell that has a digit, its box (left, top, right, bottom) in ``rectified``.
    """

    gray: Gray
    truth: NDArray[np.int64]
    nodes: NDArray[np.float64]
    rectified: Gray
    cells: list[tuple[Box, Gray, int]]


def read_grid_labels(folder: str, part: str) -> list[dict[str, Any]]:
    """Return the labels of the photos of a part: "train" or "validation"."""
    with open(os.path.join(folder, "grids", "labels.json"), encoding="utf-8") as file:
        return [photo for photo in json.load(file) if photo["part"] == part]


def read_grid_photo(folder: str, photo: dict[str, Any]) -> GridPhoto | None:
    """Return a photo of :func:`read_grid_labels`, None if its grid is not found, or not right."""
    page = gray_page(os.path.join(folder, "grids", photo["image"]), "path")
    gray, _ = downscaled(page)
    grid = _find_upright(gray, (SUDOKU, SUDOKU), shipped_model())
    if grid is None:
        return None
    truth = np.array(photo["grid"])
    writing = _find_writing(grid)
    found = zip(writing.boxes.items(), writing.crops(), strict=True)
    cells = [(box, crop, int(truth[place])) for (place, box), crop in found if truth[place]]
    if not cells or len(cells) < _MIN_CELLS * np.count_nonzero(truth):
        return None
    predicted = shipped_model().predict([crop for _, crop, _ in cells])
    if np.mean(predicted == np.array([value for _, _, value in cells])) < _MIN_LEGIBLE:
        return None
    nodes = np.array(grid.nodes, np.float64)
    return GridPhoto(gray, truth, nodes, writing.picture, cells)
