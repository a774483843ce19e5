"""Training images of the number detector: crops of pages with a label for every fourth pixel.

Crops are (SIDE, SIDE) foreground levels, their label maps (SIDE // STRIDE, SIDE // STRIDE).
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, image, synth
from .._inputs import gray_pages
from ..models.detector import BACKGROUND, IGNORED, NUMBER, RULING_LINE, SIDE, STRIDE, WRITING
from .line_images import handwriting

LabelledPage = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # foreground, labels: (h, w)
LabelledCrops = tuple[NDArray[np.uint8], NDArray[np.uint8]]

_DOCUMENTS, _REGISTERS = 1, 2  # streams of random numbers
_MIN_HEIGHT = 12.0  # of digits, in pixels
_CROPS = 3  # of a document
_TURNED = 0.12  # of the crops, by 90, 180 or 270 degrees
_PAGES = 8  # of the registers, in one chunk
_NEAR_NUMBER = 0.7  # of the crops of registers

_FOREGROUND = 96  # levels of at least this are foreground, as in digit/foreground.h


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
    best = marks[rows][:, columns]
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
    return (top * (1 - fy) + bottom * fy + 0.5).astype(np.uint8)


def _nearest(marks: NDArray[np.uint8], xs: NDArray[Any], ys: NDArray[Any]) -> NDArray[np.uint8]:
    x, y = np.rint(xs).astype(np.int32), np.rint(ys).astype(np.int32)
    inside = (x >= 0) & (x < marks.shape[1]) & (y >= 0) & (y < marks.shape[0])
    found = np.full(xs.shape, BACKGROUND, np.uint8)
    found[inside] = marks[y[inside], x[inside]]
    return found


def document_crops(folder: str, fonts: str, seed: int, count: int) -> LabelledCrops:
    """Return crops (count, 256, 256) of synthetic documents, and label maps (count, 64, 64)."""
    rng = np.random.default_rng([_DOCUMENTS, seed])
    digits = handwriting(folder, rng)
    X, y = np.empty((count, SIDE, SIDE), np.uint8), []
    while len(y) < count:
        height = float(np.exp(rng.uniform(np.log(12), np.log(60))))
        document = synth.document(
            size=tuple(rng.integers(330, 640, 2).tolist()),
            digit_height=(height, height * rng.uniform(1, 2)),
            digits=digits,
            fonts=fonts,
            random_state=rng,
        )
        (gray,) = gray_pages(document.image, "image")
        foreground, _ = _core.page_foreground(gray)
        smallest = min(1.0, max(0.4, _MIN_HEIGHT / height))
        crops = 1 if document.kind == "crop" else _CROPS
        for _ in range(min(crops, count - len(y))):
            scale = float(np.exp(rng.uniform(np.log(smallest), np.log(1.3))))
            reach = SIDE / 2 / scale
            center = tuple(
                rng.uniform(min(reach, side / 2), max(side - reach, side / 2))
                for side in gray.shape[::-1]
            )
            angle = float(rng.normal(0, 4)) if rng.random() < 0.5 else 0.0
            if rng.random() < _TURNED:
                angle += 90.0 * int(rng.integers(1, 4))
            X[len(y)], labels = crop((foreground, document.labels), center, scale, angle)
            y.append(label_map(labels))
    return X, np.stack(y)


def register_crops(folder: str, seed: int, count: int) -> LabelledCrops:
    """Return crops (count, 256, 256) of the registers' training pages, and their label maps.

    Most are near a number.
    """
    rng = np.random.default_rng([_REGISTERS, seed])
    X, y = np.empty((count, SIDE, SIDE), np.uint8), []
    pages = rng.permutation(len(read_register_labels(folder, "train")))[:_PAGES]
    for index in range(len(pages)):
        page, lines = register_page(folder, "train", int(pages[index]))
        numbers = [line["box"] for line in lines if is_number(line)]
        for _ in range(count * index // len(pages), count * (index + 1) // len(pages)):
            x, y_, w, h = numbers[rng.integers(len(numbers))]
            center = tuple(rng.uniform(0, side) for side in page[0].shape[::-1])
            if rng.random() < _NEAR_NUMBER:
                center = (x + w / 2 + rng.uniform(-90, 90), y_ + h / 2 + rng.uniform(-90, 90))
            scale = float(np.exp(rng.uniform(np.log(0.4), np.log(1.5))))
            X[len(y)], labels = crop(page, center, scale, float(rng.normal(0, 3)))
            y.append(label_map(labels))
    return X, np.stack(y)


def register_page(folder: str, part: str, index: int) -> tuple[LabelledPage, list[dict[str, Any]]]:
    """Return page ``index`` of a part of the registers, labelled, and its lines of text."""
    page = read_register_labels(folder, part)[index]
    (gray,) = gray_pages(os.path.join(folder, "registers", page["image"]), "path")
    foreground, _ = _core.page_foreground(gray)
    return (foreground, label_register(foreground, page["lines"])), page["lines"]


def read_register_labels(folder: str, part: str) -> list[dict[str, Any]]:
    """Return the labels of the registers' pages of a part: "train" or "validation"."""
    with open(os.path.join(folder, "registers", "labels.json"), encoding="utf-8") as file:
        return [page for page in json.load(file) if page["part"] == part]


def _long_lines(ink: NDArray[np.uint8], length: int) -> NDArray[np.bool_]:
    """Return pixels of horizontal and vertical lines of at least ``length`` pixels."""
    closed_h = image.close(ink, np.ones((1, 3), np.uint8))
    closed_v = image.close(ink, np.ones((3, 1), np.uint8))
    across = image.open(closed_h, np.ones((1, length), np.uint8))
    down = image.open(closed_v, np.ones((length, 1), np.uint8))
    lines = np.maximum(across, down)
    grown = image.dilate(lines, np.ones((3, 3), np.uint8))
    return (grown > 0) & (ink > 0)


def is_number(line: dict[str, Any]) -> bool:
    """Return whether a line of text is digits, and separators between them."""
    return bool(re.fullmatch(r"[\d\s.,:/-]*\d[\d\s.,:/-]*", line["text"]))


def label_register(foreground: NDArray[np.uint8], lines: list[dict[str, Any]]) -> NDArray[np.uint8]:
    """Return labels of a page whose lines of text, but not whose ruling lines, are marked."""
    ink = (foreground >= _FOREGROUND).astype(np.uint8)
    ruling = _long_lines(ink, 70)
    labels = np.where(ink > 0, np.uint8(IGNORED), np.uint8(BACKGROUND))
    labels[ruling] = RULING_LINE
    plain = (ink > 0) & ~ruling
    for line in sorted(lines, key=is_number):
        x, y, w, h = line["box"]
        if is_number(line):
            label, inset = NUMBER, 0
        elif any(map(str.isdigit, line["text"])):
            continue
        else:
            label, inset = WRITING, h // 8
        window = np.s_[max(y + inset, 0) : y + h - inset, max(x, 0) : x + w]
        own = plain[window]
        labels[window][_without_neighbours(own) if label == NUMBER else own] = label
    return labels


def _without_neighbours(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return foreground without parts of the rows above and below, which touch the sides."""
    h = len(ink)
    components = image.connected_components(ink)
    kept = ink.copy()
    for label, (_, top, _, height, _) in enumerate(components.stats.tolist()):
        at_side = top == 0 or top + height == h
        if label and at_side and height < 0.3 * h:
            kept &= components.labels != label
    return kept
