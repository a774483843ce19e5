"""Training images of the number detector: crops of photos of tables, with their labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .. import _core
from ..models.detector import BACKGROUND, IGNORED, NUMBER, RULING_LINE, SIDE
from .grids import SUDOKU, GridPhoto, read_grid_labels, read_grid_photo
from .page_crops import LabelledCrops, crop, label_map
from .registers import FOREGROUND, LabelledPage

_STREAM = 4  # of random numbers
_INSET = 0.14  # of a cell, on each side, where its ruling lines are
_PHOTOS = 12  # in one chunk
_TURNED = 0.1  # of the crops, by 90, 180 or 270 degrees


def grid_crops(folder: str, seed: int, count: int) -> LabelledCrops:
    """Return crops (count, 256, 256) of the training photos of sudokus, and their label maps."""
    rng = np.random.default_rng([_STREAM, seed])
    photos = read_grid_labels(folder, "train")
    pages = []
    for index in rng.permutation(len(photos)).tolist():
        photo = read_grid_photo(folder, photos[index])
        if photo is not None:
            pages.append(_labelled(photo))
        if len(pages) == _PHOTOS:
            break
    if not pages:
        raise ValueError(f"{folder}/grids has no photo for training whose table is found")
    X = np.empty((count, SIDE, SIDE), np.uint8)
    y = []
    for index in range(count):
        page, nodes, height = pages[index % len(pages)]
        center = nodes[rng.integers(len(nodes))] + rng.uniform(-1, 1, 2) * height
        scale = float(np.exp(rng.uniform(np.log(14), np.log(60)))) / height
        angle = float(rng.normal(0, 3))
        if rng.random() < _TURNED:
            angle += 90.0 * int(rng.integers(1, 4))
        X[index], labels = crop(page, (center[0], center[1]), min(scale, 1.5), angle)
        y.append(label_map(labels))
    return X, np.stack(y)


def _labelled(photo: GridPhoto) -> tuple[LabelledPage, NDArray[np.float64], float]:
    """Return a photo with labels, the nodes of its table and a height of digits.

    Foreground outside the table, and in cells whose digit is not known, is ignored.
    """
    corners = photo.nodes
    nodes = corners.reshape(-1, 2)
    foreground, _ = _core.page_foreground(photo.gray)
    regions = Image.new("L", photo.gray.shape[::-1], IGNORED)
    draw = ImageDraw.Draw(regions)
    outline = [*corners[0], *corners[:, -1], *corners[-1, ::-1], *corners[::-1, 0]]
    draw.polygon([(float(x), float(y)) for x, y in outline], RULING_LINE)
    for (row, column), value in np.ndenumerate(photo.truth):
        quad = corners[[row, row, row + 1, row + 1], [column, column + 1, column + 1, column]]
        inner = quad + _INSET * (quad[[2, 3, 0, 1]] - quad)
        draw.polygon([(float(x), float(y)) for x, y in inner], NUMBER if value else IGNORED)
    labels = np.array(regions)
    labels[foreground < FOREGROUND] = BACKGROUND
    cell = float(np.ptp(nodes[:, 1])) / SUDOKU
    return (foreground, labels), nodes, 0.6 * cell
