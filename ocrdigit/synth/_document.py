"""Whole documents with the class of every pixel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from . import _fonts, _style
from ._digits import Digits, as_digits
from ._layouts import LAYOUTS, WHOLE
from ._photo import photograph, sample_geometry
from ._sheet import Gray, Sheet, labels_of, number_boxes
from ._style import Style

Box = tuple[int, int, int, int]

#: The kinds of documents that :func:`document` draws.
DOCUMENT_KINDS = (*LAYOUTS, "crop")

_MAX_SIDE = 8192
_DOCUMENT = Style(
    size_jitter=0.06,
    baseline_jitter=0.04,
    aspect=(0.75, 1.3),
    gap=(-0.03, 0.35),
    gap_jitter=0.06,
    slant=(-10.0, 30.0),
    source_strokes=0.35,
    stroke_width=(0.05, 0.15),
    ligatures=0.03,
    darkness=(0.4, 1.0),
    texture=(0.0, 0.4),
    background=(0.6, 1.0),
    grain=(0.0, 0.03),
    mottle=(0.0, 0.03),
    light=(0.0, 0.4),
    shadow=0.12,
    stains=0.08,
    blur=(0.0, 1.2),
    noise=(0.0, 0.03),
    jpeg=0.4,
    quality=(30.0, 95.0),
    inverted=0.1,
)


@dataclass(frozen=True, eq=False)
class Document:
    """A picture of a document and its ground truth.

    Attributes
    ----------
    kind : str
        One of ``DOCUMENT_KINDS``.
    image : ndarray (h, w) or (h, w, 3) of uint8
        Gray or RGB.
    labels : ndarray (h, w) of uint8
        The class of each pixel: 0 background, 1 number (digits and the marks between them),
        2 other writing and print, 3 ruling line. Where inks cross, the lowest class above 0.
    numbers : list of (str, box)
        Each number that is entirely in the picture, and the bounding box (x, y, w, h) of its
        pixels. Each digit in a comb or in a square of squared paper is a number of its own.
    cells : list of rows of (str, box) or None, or None
        For tables, sudokus and tally sheets, the number in each cell, None where there is none;
        None for other kinds.
    """

    kind: str
    image: Gray
    labels: Gray
    numbers: list[tuple[str, Box]]
    cells: list[list[tuple[str, Box] | None]] | None

    def __repr__(self) -> str:
        height, width = self.labels.shape
        return f"Document({self.kind!r}, {width} x {height}, {len(self.numbers)} numbers)"


def document(
    kind: str | None = None,
    *,
    size: tuple[int, int] | None = None,
    digit_height: tuple[float, float] = (14, 48),
    style: str | Style | None = None,
    distortion: float = 1.0,
    color: bool = True,
    digits: Any = None,
    fonts: str | os.PathLike[str] | None = None,
    random_state: object = None,
) -> Document:
    """Return a picture of a document with the class of every pixel.

    Parameters
    ----------
    kind : str, optional
        One of ``DOCUMENT_KINDS``: a "page" of numbers, "ruled" or "squared" paper, a "table", a
        "form", a page of a "register", a "cheque", a "sudoku", an "envelope", a tally sheet of
        "votes", "clutter" without numbers, or a "crop" around one number or line of any of the
        others. By default, a random one.
    size : (width, height), optional
        Size of the picture in pixels, 64 to 8,192 each. By default, random. A crop is at most
        of this size.
    digit_height : (low, high)
        Range of the digit height in pixels, 8 to 1,000. In a sudoku it follows from the size; one
        that is too small for digits of this height shows a part of the grid, without cells.
    style : str or Style, optional
        The handwriting, paper, light and camera. By default, a wide range of each.
    distortion : float
        Strength, 0 to 1, of skew, perspective, curl, shadows, folds and what surrounds the paper.
        0 gives flat scans.
    color : bool
        Return RGB instead of gray.
    digits : None, Digits, Dataset or (images, labels)
        The handwriting. By default, the embedded sample of MNIST.
    fonts : path, optional
        Folder of TrueType or OpenType fonts for printed digits and words, searched with its
        subfolders. By default, those that matplotlib contains if it is installed.
    random_state : None, int or numpy.random.Generator
        Seed. The same seed and the same fonts give the same document.

    Returns
    -------
    Document
        The picture, its label map, numbers and cells.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    If the package ``Hershey-Fonts`` is installed, some cursive is written in its fonts.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> table = synth.document("table", size=(320, 240), random_state=0)
    >>> table.image.shape, table.labels.shape
    ((240, 320, 3), (240, 320))
    >>> set(table.labels.ravel().tolist()) <= {0, 1, 2, 3}
    True
    """
    if kind is not None:
        _checks.known("kind", kind, DOCUMENT_KINDS)
    checked_size = None if size is None else _checked_size(size)
    heights = _checked_digit_height(digit_height)
    chosen = _DOCUMENT if style is None else _style.resolve(style)
    strength = _checks.fraction("distortion", distortion)
    source = as_digits(digits)
    found = _fonts.find_fonts(None if fonts is None else _checked_folder(fonts))
    rng = _checks.generator(random_state)
    if kind is None:
        kind = DOCUMENT_KINDS[rng.integers(len(DOCUMENT_KINDS))]
    make = _Maker(chosen, source, found, heights, strength, color, rng)
    return make.crop(checked_size) if kind == "crop" else make.whole(kind, checked_size)


class _Maker:
    """Makes documents of one setting."""

    def __init__(
        self,
        style: Style,
        digits: Digits,
        fonts: _fonts.Fonts,
        digit_height: tuple[float, float],
        distortion: float,
        color: bool,
        rng: np.random.Generator,
    ) -> None:
        self.style, self.digits, self.fonts, self.rng = style, digits, fonts, rng
        self.digit_height, self.distortion, self.color = digit_height, distortion, color

    def whole(self, kind: str, size: tuple[int, int] | None) -> Document:
        """Return a document of a kind other than "crop"."""
        rng = self.rng
        if size is None:
            scale = float(np.clip(np.sqrt(np.prod(self.digit_height)) / 26, 0.6, 4))
            width, height = (scale * rng.uniform(320, 900, 2)).astype(int).tolist()
            size = (width, height)
        geometry = sample_geometry(size, kind in WHOLE, self.distortion, rng)
        sheet = Sheet(geometry.sheet, self.digit_height, self.style, self.digits, self.fonts, rng)
        LAYOUTS[kind](sheet)
        if self.distortion and rng.random() < 0.12:
            _page_frame(sheet, rng)
        sheet.finish()
        _, before = number_boxes(sheet.owner, len(sheet.texts))
        image, owner = photograph(
            sheet, size, geometry, self.style, self.color, self.distortion, rng
        )
        boxes, after = number_boxes(owner, len(sheet.texts))
        complete = _complete(boxes, before, after, size, geometry.mesh is None)
        return _document(kind, image, owner, sheet, boxes, complete)

    def crop(self, size: tuple[int, int] | None) -> Document:
        """Return a part of a document: the surroundings of a number, or a random part."""
        rng = self.rng
        kinds = [kind for kind in LAYOUTS if kind != "clutter" or rng.random() < 0.3]
        side = int(np.clip(10 * self.digit_height[1], 160, 480))
        whole = self.whole(kinds[rng.integers(len(kinds))], (side, side))
        x, y, w, h = _crop_box(whole, size, rng)
        inside = [
            (text, (bx - x, by - y, bw, bh))
            for text, (bx, by, bw, bh) in whole.numbers
            if x <= bx and y <= by and bx + bw <= x + w and by + bh <= y + h
        ]
        image, labels = whole.image[y : y + h, x : x + w], whole.labels[y : y + h, x : x + w]
        return Document("crop", image.copy(), labels.copy(), inside, None)


def _crop_box(whole: Document, size: tuple[int, int] | None, rng: np.random.Generator) -> Box:
    """Return the box of a crop, with margins that may be tight or cut neighbours."""
    height, width = whole.labels.shape
    if whole.numbers:
        x, y, w, h = whole.numbers[rng.integers(len(whole.numbers))][1]
    else:
        w, h = (int(rng.uniform(0.1, 0.6) * side) for side in (width, height))
        x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
    spread = float(rng.choice([0.0, 0.15, 0.5])) * h
    near = np.rint(rng.uniform(0, 1, 4) * spread).astype(int)
    if rng.random() < 0.4:  # a line
        near[:2] += int(rng.uniform(0, 6) * h)
    left, right = max(0, x - int(near[0])), min(width, x + w + int(near[1]))
    top, bottom = max(0, y - int(near[2])), min(height, y + h + int(near[3]))
    if size is not None:
        right, bottom = min(right, left + size[0]), min(bottom, top + size[1])
    return left, top, max(1, right - left), max(1, bottom - top)


def _page_frame(sheet: Sheet, rng: np.random.Generator) -> None:
    """Draw a frame around the sheet, at its edge or a little inside."""
    inset = float(rng.choice([0.0, rng.uniform(0, 0.06) * min(sheet.width, sheet.height)]))
    thickness = float(rng.choice([1, 1, 2, 3, 5, 8]))
    inset += thickness / 2
    box = (inset, inset, sheet.width - inset, sheet.height - inset)
    sheet.frame(box, thickness, "dark_ruling")


def _complete(
    boxes: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    size: tuple[int, int],
    flat: bool,
) -> NDArray[np.bool_]:
    """Return which numbers are entirely in the picture: none of their pixels was lost."""
    complete: NDArray[np.bool_] = after > 0
    if flat:
        complete &= after == before
        return complete
    x, y, w, h = boxes.T
    complete &= (x > 0) & (y > 0) & (x + w < size[0]) & (y + h < size[1])
    # The area changes with perspective; a number that lost a part differs from its neighbours.
    ratio = after / np.maximum(before, 1)
    typical = np.median(ratio[complete]) if complete.any() else 1.0
    complete &= ratio > 0.6 * typical
    return complete


def _document(
    kind: str,
    image: Gray,
    owner: NDArray[np.int32],
    sheet: Sheet,
    boxes: NDArray[np.int64],
    complete: NDArray[np.bool_],
) -> Document:
    found: list[tuple[str, Box] | None] = [
        (text, (int(box[0]), int(box[1]), int(box[2]), int(box[3]))) if whole else None
        for text, box, whole in zip(sheet.texts, boxes.tolist(), complete.tolist(), strict=True)
    ]
    cells = None
    if sheet.cells is not None:
        cells = [[None if index is None else found[index] for index in row] for row in sheet.cells]
    numbers = [each for each in found if each is not None]
    return Document(kind, image, labels_of(owner), numbers, cells)


def _checked_size(size: object) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"size must be a pair (width, height), got {size!r}")
    width, height = (_checks.positive_int("size", side) for side in size)
    if not (64 <= width <= _MAX_SIDE and 64 <= height <= _MAX_SIDE):
        raise ValueError(f"size must be 64 to 8,192 pixels each way, got {size!r}")
    return width, height


def _checked_digit_height(digit_height: object) -> tuple[float, float]:
    if not isinstance(digit_height, (tuple, list)) or len(digit_height) != 2:
        raise ValueError(f"digit_height must be a pair (low, high), got {digit_height!r}")
    low, high = (_checks.finite_number("digit_height", each) for each in digit_height)
    if not 8 <= low <= high <= 1000:
        raise ValueError(
            f"digit_height must be (low, high) in rising order, 8 to 1,000, got {digit_height!r}"
        )
    return low, high


def _checked_folder(fonts: object) -> str:
    if not isinstance(fonts, (str, os.PathLike)):
        raise TypeError(f"fonts must be a folder, got {type(fonts).__name__}")
    folder = os.fspath(fonts)
    if not os.path.isdir(folder):
        raise ValueError(f"fonts must be a folder, got {folder!r}")
    return folder
