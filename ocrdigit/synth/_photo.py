"""From a flat sheet to its picture: inks, paper, distortion, surroundings, light and camera."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ._sheet import FIRST_NUMBER, OUTSIDE, Sheet
from ._style import Style
from ._writing import Floats

Gray = NDArray[np.uint8]

Mesh = list[tuple[tuple[int, int, int, int], tuple[float, ...]]]

_MESH = 8  # boxes of a warp in each direction
_INKS = ("pattern", "dark_ruling", "ruling", "stamp", "print", "label", "pen", "pen2")

# Colours of inks: the fraction of red, green and blue that they leave.
_PEN_COLORS = (
    (0.05, 0.05, 0.08), (0.1, 0.12, 0.55), (0.05, 0.1, 0.35), (0.25, 0.25, 0.28),
    (0.75, 0.1, 0.12), (0.1, 0.4, 0.2), (0.35, 0.2, 0.12), (0.4, 0.15, 0.45),
)  # fmt: skip
_RULING_COLORS = (
    (0.1, 0.1, 0.1), (0.45, 0.6, 0.85), (0.85, 0.45, 0.45), (0.5, 0.75, 0.6), (0.8, 0.6, 0.35),
    (0.5, 0.5, 0.5), (0.65, 0.5, 0.75),
)  # fmt: skip
_PAPER_TINTS = (
    (1.0, 1.0, 1.0), (1.0, 0.98, 0.93), (1.0, 0.94, 0.8), (0.95, 1.0, 0.9), (1.0, 0.88, 0.86),
    (0.86, 0.93, 1.0), (0.78, 0.9, 0.76), (0.85, 0.75, 0.6),
)  # fmt: skip


@dataclass
class Geometry:
    """The map from a picture to its sheet.

    Attributes
    ----------
    sheet : tuple of int
        Width and height of the sheet.
    mesh : list or None
        Boxes of the picture with quadrilaterals of the sheet; None if they are the same.
    matrix : ndarray (3, 3)
        The homography from the sheet to the picture, without the curl of the sheet. Points are
        in pixels from the corner of the first one.
    """

    sheet: tuple[int, int]
    mesh: Mesh | None
    matrix: NDArray[np.float64]


def sample_geometry(
    size: tuple[int, int], whole: bool, strength: float, rng: np.random.Generator
) -> Geometry:
    """Sample a geometry for a picture of ``size``.

    With ``whole`` the entire sheet is in the picture, otherwise the sheet is larger than it.
    """
    if strength == 0 or rng.random() > 0.7:
        return Geometry(size, None, np.eye(3))
    width, height = size
    spread = float(rng.choice([1.5, 4.0, 12.0])) * strength
    angle = np.deg2rad(float(np.clip(rng.normal(0, spread), -20, 20)))
    tilt = rng.normal(0, 0.05 * strength, 2) * (rng.random() < 0.5)
    cosine, sine = abs(np.cos(angle)), abs(np.sin(angle))
    if whole:
        margin = rng.uniform(0.0, 0.12) * strength
        aspect = float(np.exp(rng.normal(0, 0.12)))
        scale = (1 - margin) / max(
            aspect * cosine + height / width / aspect * sine,
            cosine / aspect + width / height * aspect * sine,
        )
        sheet = (int(scale * width * aspect), int(scale * height / aspect))
    else:
        zoom = 1.03 + 1.5 * float(np.abs(tilt).max())
        sheet = (
            int(zoom * (width * cosine + height * sine)),
            int(zoom * (height * cosine + width * sine)),
        )
    sheet = (max(16, sheet[0]), max(16, sheet[1]))
    matrix = _forward(size, sheet, angle, tilt, whole)
    curl = float(np.abs(rng.normal(0, 0.012))) * strength * (rng.random() < 0.4)
    return geometry_of(size, sheet, matrix, curl, rng)


def geometry_of(
    size: tuple[int, int],
    sheet: tuple[int, int],
    matrix: NDArray[np.float64],
    curl: float,
    rng: np.random.Generator,
    divisions: int = _MESH,
) -> Geometry:
    """Return the geometry of a picture of ``size`` that ``matrix`` maps the sheet to.

    ``curl`` is how far the sheet is bent, relative to its sides. The map is bilinear in boxes, so
    many ``divisions`` of the picture's sides approximate a perspective more closely.
    """
    inverse = np.linalg.inv(matrix).astype(np.float64)
    return Geometry(sheet, _mesh(size, sheet, inverse, curl, divisions, rng), matrix)


def _forward(
    size: tuple[int, int],
    sheet: tuple[int, int],
    angle: float,
    tilt: NDArray[np.float64],
    whole: bool,
) -> NDArray[np.float64]:
    """Return the homography from the sheet to the picture."""
    cosine, sine = np.cos(angle), np.sin(angle)
    centred = np.array([[1, 0, -sheet[0] / 2], [0, 1, -sheet[1] / 2], [0, 0, 1.0]])
    rotated = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])
    tilted = np.array([[1, 0, 0], [0, 1, 0], [2 * tilt[0] / size[0], 2 * tilt[1] / size[1], 1.0]])
    matrix = tilted @ rotated @ centred
    if whole:
        corners = np.array([(0, 0, 1), (sheet[0], 0, 1), (0, sheet[1], 1), (*sheet, 1)], float)
        x, y, w = matrix @ corners.T
        x, y = x / w, y / w
        zoom = min(1.0, size[0] / float(np.ptp(x)), size[1] / float(np.ptp(y)))
        shift = (-(x.min() + x.max()) / 2 * zoom, -(y.min() + y.max()) / 2 * zoom)
    else:
        zoom, shift = 1.0, (0.0, 0.0)
    placed = np.array(
        [[zoom, 0, size[0] / 2 + shift[0]], [0, zoom, size[1] / 2 + shift[1]], [0, 0, 1.0]]
    )
    forward: NDArray[np.float64] = placed @ matrix
    return forward


def _mesh(
    size: tuple[int, int],
    sheet: tuple[int, int],
    inverse: NDArray[np.float64],
    curl: float,
    divisions: int,
    rng: np.random.Generator,
) -> Mesh:
    """Return the boxes of a picture and the quadrilaterals of the sheet that they show."""
    x = np.rint(np.linspace(0, size[0], divisions + 1))
    y = np.rint(np.linspace(0, size[1], divisions + 1))
    points = np.stack([*np.meshgrid(x, y), np.ones((divisions + 1, divisions + 1))])
    u, v, w = np.tensordot(inverse, points, 1)
    u, v = u / w, v / w
    if curl:
        phase, waves = rng.uniform(0, 6.3, 2), rng.uniform(0.3, 1.5, 2)
        bend_u = sheet[0] * curl * np.sin(phase[0] + 6.3 * waves[0] * v / sheet[1])
        bend_v = sheet[1] * curl * np.sin(phase[1] + 6.3 * waves[1] * u / sheet[0])
        u, v = u + 0.5 * bend_u, v + bend_v
    mesh = []
    for row in range(divisions):
        for column in range(divisions):
            box = (int(x[column]), int(y[row]), int(x[column + 1]), int(y[row + 1]))
            corners = ((row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1))
            quad = tuple(float(z[corner]) for corner in corners for z in (u, v))
            mesh.append((box, quad))
    return mesh


def photograph(
    sheet: Sheet,
    size: tuple[int, int],
    geometry: Geometry,
    style: Style,
    color: bool,
    strength: float,
    rng: np.random.Generator,
) -> tuple[Gray, NDArray[np.int32]]:
    """Return the picture (h, w[, 3]) of a sheet, and its map of owners (h, w)."""
    tones = _inked(sheet, style, color, strength, rng)
    owner = sheet.owner
    desk = float(rng.uniform(0, 0.45) if rng.random() < 0.8 else rng.uniform(0.45, 1.0))
    page = np.clip(tones, 0, 1)
    if geometry.mesh is not None:
        page, owner = _warped(page, owner, size, geometry.mesh, desk)
        _texture_desk(page, owner, rng)
    _light(page, style, strength, rng)
    if strength and rng.random() < 0.15:
        owner = _scanner_edges(page, owner, sheet.cells is not None, rng)
    pixels = _captured(page, style, rng)
    if strength and rng.random() < 0.12:
        pixels = _binarized(pixels, rng) if rng.random() < 0.4 else _coarse(pixels, rng)
    return pixels, np.maximum(owner, 0)


def _inked(
    sheet: Sheet, style: Style, color: bool, strength: float, rng: np.random.Generator
) -> Floats:
    """Return tones (h, w[, 3]) in 0..1 of the paper with all inks."""
    shape = (sheet.height, sheet.width)
    paper = _paper(shape, float(rng.uniform(*style.background)), style, rng)
    if strength and rng.random() < 0.12 and "pen" in sheet.planes:
        paper *= _bleed(sheet, rng)
    tints = _PAPER_TINTS[rng.integers(len(_PAPER_TINTS))] if color else (1.0,)
    channels = [(paper * np.float32(tint)).ravel() for tint in tints]
    contrast = _sample_contrast(style, rng)
    steps = np.arange(256, dtype=np.float32) / 255
    for ink in _INKS:
        if ink not in sheet.planes:
            continue
        leaves = _ink_color(ink, color, rng)
        if color and ink == "pen" and rng.random() < 0.06:  # of the paper's lightness
            leaves = np.array([1.45, 0.8, 0.8])
        plane = sheet.planes[ink].ravel()
        covered = np.flatnonzero(plane)
        coverage = plane[covered]
        for channel, left in zip(channels, leaves.tolist(), strict=False):
            table = 1 - steps * np.float32(contrast[ink] * (1 - left))
            channel[covered] *= table[coverage]
    tones: Floats = np.stack(channels, axis=-1).reshape(*shape, len(channels))
    return tones if color else tones[..., 0]


def _sample_contrast(style: Style, rng: np.random.Generator) -> dict[str, float]:
    """Sample the fraction of the light that each ink absorbs, of that of its colour."""
    pen = float(rng.uniform(*style.darkness))
    return {
        "ruling": float(rng.choice([rng.uniform(0.12, 0.4), rng.uniform(0.3, 1.0)])),
        "pattern": float(rng.uniform(0.06, 0.3)),
        "dark_ruling": float(rng.uniform(0.5, 1.0)),
        "print": float(rng.uniform(0.5, 1.0)),
        "label": float(rng.uniform(0.4, 1.0)),
        "stamp": float(rng.uniform(0.3, 0.8)),
        "pen": pen,
        "pen2": float(np.clip(pen * rng.uniform(0.7, 1.3), 0.3, 1.0)),
    }


def _ink_color(ink: str, color: bool, rng: np.random.Generator) -> NDArray[np.float64]:
    if not color:
        return np.zeros(3)
    if ink in ("print", "dark_ruling", "label") and rng.random() < 0.8:
        return np.full(3, 0.06)
    palette = _RULING_COLORS if ink == "ruling" else _PEN_COLORS
    leaves = np.array(palette[rng.integers(len(palette))]) + rng.normal(0, 0.03, 3)
    return np.clip(leaves, 0, 1)


def _paper(shape: tuple[int, int], base: float, style: Style, rng: np.random.Generator) -> Floats:
    """Return the tones (h, w) of paper with mottle and grain."""
    paper = np.full(shape, base, np.float32)
    mottle, grain = float(rng.uniform(*style.mottle)), float(rng.uniform(*style.grain))
    if mottle > 0.002:
        paper += _smooth(shape, int(rng.integers(6, 60)), rng) * np.float32(mottle)
    if grain > 0.002:
        paper += _noise(shape, grain, rng)
    if rng.random() < style.stains:
        paper *= 1 - np.float32(0.2) * np.clip(_smooth(shape, 40, rng) - 1, 0, 1)
    return paper


def _noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Floats:
    """Return noise of about normal distribution: the sum of two random bytes for each pixel."""
    count = int(np.prod(shape))
    words = np.frombuffer(rng.bytes(2 * count), np.uint8).reshape(2, *shape)
    noise: Floats = words[0].astype(np.float32)
    noise += words[1]
    noise -= 255
    noise *= np.float32(sigma / 104.5)
    return noise


def _smooth(shape: tuple[int, int], grain: int, rng: np.random.Generator) -> Floats:
    """Return smooth noise (h, w) of about unit variance and structures of ``grain`` pixels."""
    small = (max(2, shape[0] // grain + 2), max(2, shape[1] // grain + 2))
    field = Image.fromarray(rng.standard_normal(small, np.float32))
    return np.asarray(field.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def _bleed(sheet: Sheet, rng: np.random.Generator) -> Floats:
    """Return what the back's writing leaves of the light: mirrored, blurred and faint."""
    plane = Image.fromarray(np.ascontiguousarray(sheet.planes["pen"][:, ::-1]))
    plane = plane.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.8, 2.5))))
    shift = (int(rng.integers(sheet.height)), int(rng.integers(sheet.width)))
    mirrored = np.roll(np.asarray(plane, np.float32), shift, axis=(0, 1))
    left: Floats = 1 - mirrored * np.float32(rng.uniform(0.05, 0.25) / 255)
    return left


def _warped(
    tones: Floats, owner: NDArray[np.int32], size: tuple[int, int], mesh: Mesh, desk: float
) -> tuple[Floats, NDArray[np.int32]]:
    """Return a picture and its map of owners, both by the same inverse map."""
    page = Image.fromarray((tones * 255).astype(np.uint8))
    tone = round(255 * desk)
    picture = page.transform(
        size,
        Image.Transform.MESH,
        mesh,
        Image.Resampling.BILINEAR,
        fillcolor=(tone,) * 3 if tones.ndim == 3 else tone,
    )
    owners = Image.fromarray(owner).transform(
        size, Image.Transform.MESH, mesh, Image.Resampling.NEAREST, fillcolor=OUTSIDE
    )
    return np.asarray(picture, np.float32) / np.float32(255), np.array(owners)


def _texture_desk(page: Floats, owner: NDArray[np.int32], rng: np.random.Generator) -> None:
    """Add a texture of wood, cloth or noise to the pixels outside of the sheet, in place."""
    outside = owner == OUTSIDE
    if not outside.any() or rng.random() < 0.4:
        return
    shape = owner.shape
    grain = int(rng.integers(2, 20))
    field = _smooth(shape, grain, rng) if rng.random() < 0.6 else _smooth((shape[0], 2), 3, rng)
    texture = np.broadcast_to(field[:, :1] if field.shape != shape else field, shape)
    change = texture[outside] * np.float32(rng.uniform(0.02, 0.12))
    page[outside] += change[:, None] if page.ndim == 3 else change


def _light(page: Floats, style: Style, strength: float, rng: np.random.Generator) -> None:
    """Multiply ``page`` in place by a gradient, a vignette, hard shadows and folds."""
    height, width = page.shape[:2]
    strength_of_light = float(rng.uniform(*style.light))
    y, x = np.linspace(-1, 1, 24)[:, None], np.linspace(-1, 1, 24)[None, :]
    angle = rng.uniform(0, 6.3)
    field = 1 - strength_of_light * (1 + np.cos(angle) * x + np.sin(angle) * y) / 2.8
    if strength and rng.random() < 0.15:  # a vignette, or the reflection of a flash
        cx, cy = rng.uniform(-0.6, 0.6, 2)
        spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / rng.uniform(0.2, 1.5))
        field *= 1 - rng.uniform(0.1, 0.6) * (1 - spot)
    small = Image.fromarray(field.astype(np.float32))
    light = np.array(small.resize((width, height), Image.Resampling.BILINEAR))
    if strength and rng.random() < 0.05 + style.shadow:
        light *= _shadow(width, height, rng)
    if strength and rng.random() < 0.12:
        _fold(light, rng)
    page *= light[..., None] if page.ndim == 3 else light


def _shadow(width: int, height: int, rng: np.random.Generator) -> Floats:
    """Return the light (h, w) that a shadow of a polygon with a hard or soft edge leaves."""
    canvas = Image.new("L", (width, height))
    count = int(rng.integers(3, 7))
    spread = rng.uniform(0.3, 1.2)
    x = (rng.uniform(0, 1) + rng.normal(0, spread, count)) * width
    y = (rng.uniform(0, 1) + rng.normal(0, spread, count)) * height
    order = np.argsort(np.arctan2(y - y.mean(), x - x.mean()))
    ImageDraw.Draw(canvas).polygon(np.stack([x[order], y[order]], 1).ravel().tolist(), 255)
    soft = float(rng.choice([0.0, 1.0, rng.uniform(2, 20)]))
    if soft:
        canvas = canvas.filter(ImageFilter.BoxBlur(soft))
    light: Floats = 1 - np.asarray(canvas, np.float32) * np.float32(rng.uniform(0.15, 0.7) / 255)
    return light


def _fold(light: Floats, rng: np.random.Generator) -> None:
    """Darken one side of a fold, and draw its crease, in place."""
    field = light if rng.random() < 0.5 else light.T
    position = int(rng.uniform(0.1, 0.9) * len(field))
    reach = max(2, int(rng.uniform(0.02, 0.15) * len(field)))
    side = field[position : position + reach]
    fading = np.linspace(rng.uniform(0.05, 0.25), 0, reach, dtype=np.float32)[: len(side), None]
    side *= 1 - fading
    field[position : position + int(rng.integers(1, 3))] *= np.float32(rng.uniform(0.75, 1.15))


def _scanner_edges(
    page: Floats, owner: NDArray[np.int32], clear: bool, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Draw black edges on some sides in place; return the map of owners without what they hide.

    If ``clear`` is set, they hide no number.
    """
    owner = owner.copy()
    height, width = owner.shape
    tone = float(rng.choice([0.0, rng.uniform(0, 0.3)]))
    widest = max(3, min(60, int(0.12 * min(height, width))))
    sides = rng.random(4) < (1.0 if rng.random() < 0.4 else 0.5)
    for turn, chosen in enumerate(sides):
        if not chosen:
            continue
        thickness = int(rng.integers(2, widest))
        slope = float(rng.normal(0, 0.01)) * (rng.random() < 0.5)
        view = page if turn % 2 == 0 else page.swapaxes(0, 1)
        owners = owner if turn % 2 == 0 else owner.T
        if turn >= 2:
            view, owners = view[::-1], owners[::-1]
        if clear:
            thickness = min(thickness, _rows_without_number(owners) - 4)
            slope = 0.0
        edge = thickness + slope * (np.arange(view.shape[1]) - view.shape[1] / 2)
        reach = max(0, int(edge.max()) + 1)
        hidden = np.arange(reach)[:, None] < edge
        view[:reach][hidden] = tone
        owners[:reach][hidden] = OUTSIDE
    return owner


def _binarized(pixels: Gray, rng: np.random.Generator) -> Gray:
    """Return ``pixels`` in black and white, as of a fax or a scanner of that mode."""
    picture = Image.fromarray(pixels).convert("L")
    around = np.asarray(picture.filter(ImageFilter.BoxBlur(int(rng.integers(8, 25)))), np.float32)
    change = float(rng.uniform(0.05, 0.2)) * 255
    around += change if np.median(pixels) < 100 else -change
    white = np.where(np.asarray(picture) > around, np.uint8(255), np.uint8(0))
    return white if pixels.ndim == 2 else np.repeat(white[..., None], 3, axis=2)


def _coarse(pixels: Gray, rng: np.random.Generator) -> Gray:
    """Return ``pixels`` as of a picture that was enlarged from a lower resolution."""
    picture = Image.fromarray(pixels)
    scale = float(rng.uniform(0.5, 0.8))
    small = picture.resize(
        (max(8, int(picture.width * scale)), max(8, int(picture.height * scale))),
        Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.BILINEAR,
    )
    return np.asarray(small.resize(picture.size, Image.Resampling.BILINEAR))


def _rows_without_number(owners: NDArray[np.int32]) -> int:
    """Return the number of rows above the first number."""
    filled = (owners >= FIRST_NUMBER).any(axis=1)
    return int(filled.argmax()) if filled.any() else len(owners)


def _captured(page: Floats, style: Style, rng: np.random.Generator) -> Gray:
    """Return the pixels of ``page`` with blur, noise, inversion and JPEG compression."""
    height, width = page.shape[:2]
    sigma = float(rng.uniform(*style.noise))
    if sigma > 0.002:
        page += (
            _noise((height, width), sigma, rng)[..., None]
            if page.ndim == 3
            else _noise((height, width), sigma, rng)
        )
    if rng.random() < style.inverted:
        np.subtract(1, page, out=page)
    page *= 255
    page += 0.5
    np.clip(page, 0, 255, out=page)
    picture = Image.fromarray(page.astype(np.uint8))
    blur = float(rng.uniform(*style.blur))
    if blur > 0.75:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    elif blur > 0.2:  # 3 x 3 pixels suffice, and are faster
        side = float(np.exp(-0.5 / blur**2))
        kernel = [side * side, side, side * side, side, 1.0, side, side * side, side, side * side]
        picture = picture.filter(ImageFilter.Kernel((3, 3), kernel))
    if rng.random() < style.jpeg:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=int(rng.uniform(*style.quality)))
        picture = Image.open(buffer)
    return np.array(picture)
