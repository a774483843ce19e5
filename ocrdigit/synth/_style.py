"""Styles: the ranges and probabilities that the appearance of each picture is sampled from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .. import _checks

Range = tuple[float, float]


_BOUNDS = {
    "slant": (-60.0, 60.0),
    "rotation": (-60.0, 60.0),
    "slope": (-60.0, 60.0),
    "size": (0.1, 1.0),
    "aspect": (0.2, 5.0),
    "gap": (-0.5, 10.0),
    "stroke_width": (0.01, 0.4),
    "stroke_offset": (-0.2, 0.4),
    "slant_jitter": (0.0, 20.0),
    "softness": (0.5, 20.0),
    "blur": (0.0, 20.0),
    "quality": (1.0, 100.0),
}


@dataclass(frozen=True)
class Style:
    """The appearance of pictures.

    A pair (low, high) is a range that each picture, or each digit, samples uniformly. A single
    number is a probability unless stated otherwise. Lengths are fractions of the digit height;
    tones are 0 (black) to 1 (white).

    Attributes
    ----------
    size : pair
        Digit height as a fraction of the picture height.
    size_jitter, baseline_jitter : float
        Standard deviation, per digit, of the height and of the offset from the baseline.
    aspect : pair
        Factor on the width-to-height ratio of the source digits.
    height_normalization : float
        0 draws all digits at the scale of their source images, 1 at equal height.
    gap : pair
        Space between neighbouring digits; negative values overlap them.
    gap_jitter : float
        Standard deviation of the gap within a picture.
    kerning : float
        Probability that gaps are measured between the strokes instead of the bounding boxes.
    slant : pair
        Slant of the writing in degrees; positive leans to the right.
    slant_jitter : float
        Standard deviation of the slant per digit, in degrees.
    deslant : pair
        Fraction of the source digits' own slant that is removed first, 0 to 1.
    rotation, slope : pair
        Rotation of single digits and slope of the baseline, in degrees, clockwise.
    source_strokes : float
        Probability that digits keep the strokes of their source image; otherwise their centre
        lines are drawn with a pen.
    stroke_width : pair
        Stroke width of that pen.
    stroke_offset : pair
        Added to the stroke width of source strokes.
    softness : pair
        Width of the stroke edges, in pixels.
    ligatures : float
        Probability that a stroke joins a digit to the next.
    separators, affixes, underline : float
        Probability of marks between groups of digits, of marks before or after the number, and
        of a line below it.
    darkness : pair
        Fraction of the light that the ink absorbs, 0 to 1.
    darkness_jitter : float
        Standard deviation of the darkness per digit.
    texture : pair
        Unevenness of the ink coverage, as of a pencil, 0 to 1.
    background : pair
        Tone of the paper.
    grain, mottle : pair
        Standard deviation of the paper tone: fine and coarse noise.
    light : pair
        Relative darkening from the brightest to the darkest side of the picture.
    shadow, stains, ruling_lines, grid, boxes, guilloche, dots, band : float
        Probability of a shadow edge, stains, ruling lines, squared paper, printed boxes around
        each digit or all of them, guilloche waves as on cheques, a raster of dots, and a band of
        another tone along one side.
    print : pair
        Fraction of the light that these printed elements absorb.
    blur : pair
        Standard deviation of the Gaussian blur, in pixels.
    noise : pair
        Standard deviation of the camera noise.
    jpeg : float
        Probability of JPEG compression.
    quality : pair
        JPEG quality, 1 to 100.
    inverted : float
        Probability that the picture is light on dark.
    """

    size: Range = (0.55, 0.85)
    size_jitter: float = 0.05
    baseline_jitter: float = 0.03
    aspect: Range = (0.85, 1.15)
    height_normalization: float = 0.6
    gap: Range = (0.02, 0.35)
    gap_jitter: float = 0.05
    kerning: float = 0.8
    slant: Range = (-5.0, 20.0)
    slant_jitter: float = 3.0
    deslant: Range = (0.0, 1.0)
    rotation: Range = (-3.0, 3.0)
    slope: Range = (-1.0, 1.0)
    source_strokes: float = 0.5
    stroke_width: Range = (0.06, 0.16)
    stroke_offset: Range = (-0.04, 0.04)
    softness: Range = (1.0, 2.0)
    ligatures: float = 0.0
    separators: float = 0.0
    affixes: float = 0.0
    underline: float = 0.0
    darkness: Range = (0.6, 1.0)
    darkness_jitter: float = 0.03
    texture: Range = (0.0, 0.2)
    background: Range = (0.8, 1.0)
    grain: Range = (0.0, 0.03)
    mottle: Range = (0.0, 0.02)
    light: Range = (0.0, 0.1)
    shadow: float = 0.0
    stains: float = 0.0
    ruling_lines: float = 0.0
    grid: float = 0.0
    boxes: float = 0.0
    guilloche: float = 0.0
    dots: float = 0.0
    band: float = 0.0
    print: Range = (0.1, 0.4)
    blur: Range = (0.0, 0.6)
    noise: Range = (0.0, 0.02)
    jpeg: float = 0.0
    quality: Range = (30.0, 95.0)
    inverted: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, tuple):
                value = _checked_range(field.name, value)
            else:
                value = _checks.finite_number(field.name, value)
            _check_bounds(field.name, value)
            object.__setattr__(self, field.name, value)

    def with_(self, **values: Any) -> Style:
        """Return a copy with some values replaced.

        Parameters
        ----------
        **values
            New values by name.

        Returns
        -------
        Style
            The copy.

        Raises
        ------
        ValueError
            If a style has no value of that name.

        Examples
        --------
        >>> from ocrdigit import synth
        >>> synth.STYLES["plain"].with_(gap=(-0.2, 0.0)).gap
        (-0.2, 0.0)
        """
        names = [field.name for field in fields(self)]
        for name in values:
            _checks.known("style", name, names)
        return replace(self, **values)


def _checked_range(name: str, value: object) -> Range:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (low, high), got {value!r}")
    low, high = (_checks.finite_number(name, number) for number in value)
    if low > high:
        raise ValueError(f"{name} must be a pair (low, high) in rising order, got {value!r}")
    return low, high


def _check_bounds(name: str, value: float | Range) -> None:
    low, high = value if isinstance(value, tuple) else (value, value)
    lower, upper = _BOUNDS.get(name, (0.0, 1.0))
    if low < lower or high > upper:
        raise ValueError(f"{name} must lie in {lower:g}..{upper:g}, got {value!r}")


_PLAIN = Style()
_CHEQUE = Style(
    size=(0.45, 0.85),
    size_jitter=0.1,
    baseline_jitter=0.05,
    aspect=(0.75, 1.35),
    gap=(-0.06, 0.3),
    gap_jitter=0.07,
    slant=(-8.0, 30.0),
    slant_jitter=4.0,
    slope=(-3.0, 2.0),
    source_strokes=0.2,
    stroke_width=(0.05, 0.14),
    stroke_offset=(-0.06, 0.0),
    softness=(1.0, 2.2),
    ligatures=0.06,
    separators=0.5,
    affixes=0.3,
    underline=0.05,
    darkness=(0.45, 0.95),
    texture=(0.0, 0.35),
    background=(0.55, 0.95),
    grain=(0.005, 0.04),
    mottle=(0.0, 0.03),
    light=(0.0, 0.12),
    shadow=0.05,
    ruling_lines=0.3,
    boxes=0.1,
    guilloche=0.6,
    dots=0.15,
    band=0.12,
    print=(0.06, 0.3),
    blur=(0.3, 0.9),
    jpeg=0.5,
)
_NOTE = Style(
    size=(0.45, 0.8),
    size_jitter=0.07,
    baseline_jitter=0.05,
    aspect=(0.8, 1.2),
    gap=(0.05, 0.8),
    gap_jitter=0.1,
    slope=(-2.0, 2.0),
    source_strokes=0.25,
    stroke_width=(0.05, 0.13),
    ligatures=0.02,
    separators=0.1,
    underline=0.05,
    darkness=(0.45, 0.9),
    texture=(0.1, 0.5),
    background=(0.6, 0.95),
    grain=(0.005, 0.03),
    mottle=(0.0, 0.03),
    light=(0.05, 0.45),
    shadow=0.25,
    stains=0.05,
    ruling_lines=0.3,
    grid=0.2,
    blur=(0.3, 1.0),
    noise=(0.005, 0.03),
    jpeg=0.5,
)
_FORM = Style(
    size=(0.45, 0.7),
    gap=(0.1, 0.6),
    source_strokes=0.3,
    stroke_width=(0.06, 0.15),
    boxes=0.8,
    ruling_lines=0.1,
    background=(0.75, 1.0),
    print=(0.15, 0.7),
    jpeg=0.3,
)
_TOUCHING = _PLAIN.with_(gap=(-0.12, 0.03), gap_jitter=0.03, ligatures=0.1)

#: The named styles.
STYLES: Mapping[str, Style] = {
    "plain": _PLAIN,
    "touching": _TOUCHING,
    "cheque": _CHEQUE,
    "note": _NOTE,
    "form": _FORM,
}


def resolve(style: object) -> Style:
    """Return ``style`` if it is a Style, or the style of that name."""
    if isinstance(style, Style):
        return style
    if not isinstance(style, str):
        names = ", ".join(map(repr, STYLES))
        raise TypeError(f"style must be a Style or one of {names}, got {type(style).__name__}")
    return STYLES[_checks.known("style", style, STYLES)]
