"""Training images of the number detector: crops of pages with a label for every fourth pixel.

Crops are (SIDE, SIDE) foreground levels, their label maps (SIDE // STRIDE, SIDE // STRIDE).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, image, synth
from .._inputs import gray_page
from ..models.detector import BACKGROUND, IGNORED, NUMBER, RULING_LINE, SIDE, STRIDE, WRITING
from .line_images import handwriting
from .registers import LabelledPage, is_number, read_register_labels, read_register_page

LabelledCrops = tuple[NDArray[np.uint8], NDArray[np.uint8]]

_DOCUMENTS, _REGISTERS = 1, 2  # streams of random numbers
_MIN_HEIGHT = 12.0  # of digits, in pixels
_CROPS = 4  # of a document
_TURNED = 0.25  # of the crops, by 90, 180 or 270 degrees
# Crops on which digits are too small or too large for the scale, and thus background.
_TOO_SMALL, _TOO_LARGE = 0.2, 0.06
# Kinds that are rarer in the registers than elsewhere, or harder, occur more often.
_KINDS = (
    *synth.DOCUMENT_KINDS,
    *["squared"] * 3,
    *["clutter"] * 2,
    "form",
    "votes",
    "page",
    "table",
)
_PAGES = 8  # of the registers, in one chunk
_NEAR_NUMBER = 0.7  # of the crops of registers


def label_map(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the labels (h // 4, w // 4) of blocks of 4x4 pixels of ``labels`` (h, w).

    A block has the label of its most important pixel: number, then writing, then ruling line.
    """
    h, w = (side // STRIDE * STRIDE for side in labels.shape)
    blocks = labels[:h, :w].reshape(h // STRIDE, STRIDE, w // STRIDE, STRIDE)
    found = np.full(blocks.shape[::2], BACKGROUND, np.uint8)
    for label in (RULING_LINE, WRITING, IGNORED, NUMBER):
        found[(blocks == label).any((1, 3))] = label
    return found


def crop(
    page: LabelledPage, center: tuple[float, float], scale: float, angle: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a crop around ``center`` (x, y), scaled and rotated by ``angle`` in degrees."""
    foreground, labels = page
    reach = int(SIDE / scale * 0.75) + 2
    x, y = int(center[0]), int(center[1])
    top, left = max(y - reach, 0), max(x - reach, 0)
    window = foreground[top : y + reach, left : x + reach]
    marks = labels[top : y + reach, left : x + reach]
    if scale < 1:  # warp_affine samples single pixels: average them first
        size = tuple(max(1, round(side * scale)) for side in window.shape[::-1])
        window = image.resize(window, size, interpolation="area")
        rows = np.minimum(((np.arange(size[1]) + 0.5) / scale).astype(int), len(marks) - 1)
        columns = np.minimum(((np.arange(size[0]) + 0.5) / scale).astype(int), marks.shape[1] - 1)
        marks = _thinned(marks, rows, columns, scale)
        cx, cy, rest = (x - left) * scale, (y - top) * scale, 1.0
    else:
        cx, cy, rest = float(x - left), float(y - top), scale
    turn = np.deg2rad(angle)
    cos, sin = np.cos(turn) / rest, np.sin(turn) / rest
    steps = np.arange(SIDE) - SIDE / 2 + 0.5
    xs = cx + cos * steps[None, :] - sin * steps[:, None]
    ys = cy + sin * steps[None, :] + cos * steps[:, None]
    return _sample(window, xs, ys), _nearest(marks, xs, ys)


def _thinned(
    marks: NDArray[np.uint8], rows: NDArray[Any], columns: NDArray[Any], scale: float
) -> NDArray[np.uint8]:
    """Return ``marks`` at rows and columns; labels of thin strokes between them are kept."""
    step = int(np.ceil(1 / scale))
    best: NDArray[np.uint8] = marks[rows][:, columns]
    for dy in range(-(step // 2), step - step // 2):
        for dx in range(-(step // 2), step - step // 2):
            near = marks[np.clip(rows + dy, 0, len(marks) - 1)][
                :, np.clip(columns + dx, 0, marks.shape[1] - 1)
            ]
            np.copyto(best, near, where=(best == BACKGROUND) | (near == NUMBER))
    return best


def _sample(pixels: NDArray[np.uint8], xs: NDArray[Any], ys: NDArray[Any]) -> NDArray[np.uint8]:
    """Return pixels at fractional places, bilinear; 0 outside."""
    padded = np.pad(pixels, 1)
    x = np.clip(xs + 1, 0, padded.shape[1] - 1.001)
    y = np.clip(ys + 1, 0, padded.shape[0] - 1.001)
    x0, y0 = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    top = padded[y0, x0] * (1 - fx) + padded[y0, x0 + 1] * fx
    bottom = padded[y0 + 1, x0] * (1 - fx) + padded[y0 + 1, x0 + 1] * fx
    result: NDArray[np.uint8] = (top * (1 - fy) + bottom * fy + 0.5).astype(np.uint8)
    return result


def _nearest(marks: NDArray[np.uint8], xs: NDArray[Any], ys: NDArray[Any]) -> NDArray[np.uint8]:
    x, y = np.rint(xs).astype(np.int32), np.rint(ys).astype(np.int32)
    inside = (x >= 0) & (x < marks.shape[1]) & (y >= 0) & (y < marks.shape[0])
    found = np.full(xs.shape, BACKGROUND, np.uint8)
    found[inside] = marks[y[inside], x[inside]]
    return found


def document_crops(folder: str, fonts: str | None, seed: int, count: int) -> LabelledCrops:
    """Return crops (count, 256, 256) of synthetic documents, and label maps (count, 64, 64)."""
    rng = np.random.default_rng([_DOCUMENTS, seed])
    digits = handwriting(folder, rng)
    X = np.empty((count, SIDE, SIDE), np.uint8)
    y: list[NDArray[np.uint8]] = []
    while len(y) < count:
        height = float(np.exp(rng.uniform(np.log(12), np.log(60))))
        heights = height, height * float(rng.uniform(1, 2))
        document = synth.document(
            str(rng.choice(_KINDS)),
            size=tuple(rng.integers(330, 640, 2).tolist()),
            digit_height=heights,
            digits=digits,
            fonts=fonts,
            random_state=rng,
        )
        gray = gray_page(document.image, "image")
        foreground, _ = _core.page_foreground(gray)
        crops = 1 if document.kind == "crop" else _CROPS
        for _ in range(min(crops, count - len(y))):
            scale, in_range = _random_scale(heights, rng)
            center = _random_center(gray.shape, SIDE / 2 / scale, rng)
            angle = float(rng.normal(0, 4)) if rng.random() < 0.5 else 0.0
            if rng.random() < _TURNED:
                angle += 90.0 * int(rng.integers(1, 4))
            X[len(y)], labels = crop((foreground, document.labels), center, scale, angle)
            if not in_range:
                labels[(labels == NUMBER) | (labels == WRITING)] = BACKGROUND
            y.append(label_map(labels))
    return X, np.stack(y)


def _random_scale(heights: tuple[float, float], rng: np.random.Generator) -> tuple[float, bool]:
    """Return a scale for digits of these heights, and whether they are in range at it."""
    kind = rng.random()
    if kind < _TOO_SMALL:
        return float(rng.uniform(3, 9)) / heights[1], False
    if kind < _TOO_SMALL + _TOO_LARGE:
        return float(rng.uniform(130, 260)) / heights[0], False
    smallest = min(1.0, max(0.3, _MIN_HEIGHT / heights[0]))
    return float(np.exp(rng.uniform(np.log(smallest), np.log(1.3)))), True


def _random_center(
    shape: tuple[int, ...], reach: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return a place (x, y) at least ``reach`` from the sides of a page, or in its middle."""
    y, x = (float(rng.uniform(min(reach, side / 2), max(side - reach, side / 2))) for side in shape)
    return x, y


def register_crops(folder: str, seed: int, count: int) -> LabelledCrops:
    """Return crops (count, 256, 256) of the registers' training pages, and their label maps.

    Most are near a number.
    """
    rng = np.random.default_rng([_REGISTERS, seed])
    X = np.empty((count, SIDE, SIDE), np.uint8)
    y: list[NDArray[np.uint8]] = []
    every = read_register_labels(folder, "train")
    chosen = rng.permutation(len(every))[:_PAGES].tolist()
    for index, number in enumerate(chosen):
        _, foreground, marks = read_register_page(folder, every[number])
        page = foreground, marks
        numbers = [line["box"] for line in every[number]["lines"] if is_number(line["text"])]
        for _ in range(count * index // len(chosen), count * (index + 1) // len(chosen)):
            left, top, w, h = numbers[rng.integers(len(numbers))]
            center = _random_center(foreground.shape, 0, rng)
            if rng.random() < _NEAR_NUMBER:
                center = (left + w / 2 + rng.uniform(-90, 90), top + h / 2 + rng.uniform(-90, 90))
            scale = float(np.exp(rng.uniform(np.log(0.4), np.log(1.5))))
            X[len(y)], labels = crop(page, center, scale, float(rng.normal(0, 3)))
            y.append(label_map(labels))
    return X, np.stack(y)
