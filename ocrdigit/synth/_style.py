"""How pictures look: ranges and probabilities that each picture draws its own numbers from."""

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
    "own_pen": (-0.2, 0.4),
    "pen": (0.01, 0.4),
    "slant_jitter": (0.0, 20.0),
    "softness": (0.5, 20.0),
    "blur": (0.0, 20.0),
    "quality": (1.0, 100.0),
}


@dataclass(frozen=True)
class Style:
    """What pictures may look like.

    A pair (low, high) is a range that every picture, or every digit, draws a number from; a
    single number is a probability unless said otherwise. Lengths are shares of the digits'
    height, tones lie between 0 (black) and 1 (white).

    Attributes
    ----------
    size : pair
        Height of the digits, as a share of the picture's height.
    size_jitter, baseline_jitter : float
        Standard deviation of a digit's height and of its place above the line.
    aspect : pair
        Width to height, relative to the source's digits.
    level : float
        How far wide digits are brought to the height of the others: 0 not at all, 1 wholly.
    gap : pair
        Clear space between neighbours; negative ones overlap.
    gap_jitter : float
        Standard deviation of the space within a picture.
    kerning : float
        How often the space is measured between strokes; otherwise between upright boxes.
    slant : pair
        How a picture's writing leans, in degrees; positive is to the right.
    slant_jitter : float
        Standard deviation of a digit's lean, in degrees.
    upright : pair
        How much of the lean that the source's digits have is taken away before; 0 to 1.
    rotation, slope : pair
        Turn of single digits and of whole lines, in degrees, clockwise.
    own_strokes : float
        How often digits keep the strokes of their source; otherwise they are drawn with a pen.
    pen : pair
        Width of the pen's stroke.
    own_pen : pair
        What is added to the strokes of the source.
    softness : pair
        Width of the strokes' edges, in pixels.
    ligatures : float
        How often a stroke joins a digit to the next.
    separators, signs, underline : float
        How often marks stand between groups of digits; before and after them; a line below.
    ink : pair
        How much light the ink takes away, 0 to 1.
    ink_jitter : float
        Standard deviation of that from digit to digit.
    texture : pair
        How unevenly the ink covers, as a pencil does, 0 to 1.
    paper : pair
        Tone of the paper.
    grain, mottle : pair
        Standard deviation of the paper's tone, fine and coarse.
    light : pair
        How much darker the darkest side of the picture is.
    shadow, stains, rules, grid, boxes, guilloche, dots, band : float
        How often there are an edge of a shadow, stains, ruled lines, squared paper, a printed box
        for each digit or around all, waves as on cheques, a raster of dots, a lighter band.
    print : pair
        How much light those printed things take away.
    blur : pair
        Standard deviation in pixels.
    noise : pair
        Standard deviation of the camera's noise.
    jpeg : float
        How often the picture is compressed.
    quality : pair
        Quality of that compression, 1 to 100.
    inverted : float
        How often the picture is light on dark.
    """

    size: Range = (0.55, 0.85)
    size_jitter: float = 0.05
    baseline_jitter: float = 0.03
    aspect: Range = (0.85, 1.15)
    level: float = 0.6
    gap: Range = (0.02, 0.35)
    gap_jitter: float = 0.05
    kerning: float = 0.8
    slant: Range = (-5.0, 20.0)
    slant_jitter: float = 3.0
    upright: Range = (0.0, 1.0)
    rotation: Range = (-3.0, 3.0)
    slope: Range = (-1.0, 1.0)
    own_strokes: float = 0.5
    pen: Range = (0.06, 0.16)
    own_pen: Range = (-0.04, 0.04)
    softness: Range = (1.0, 2.0)
    ligatures: float = 0.0
    separators: float = 0.0
    signs: float = 0.0
    underline: float = 0.0
    ink: Range = (0.6, 1.0)
    ink_jitter: float = 0.03
    texture: Range = (0.0, 0.2)
    paper: Range = (0.8, 1.0)
    grain: Range = (0.0, 0.03)
    mottle: Range = (0.0, 0.02)
    light: Range = (0.0, 0.1)
    shadow: float = 0.0
    stains: float = 0.0
    rules: float = 0.0
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

    def with_(self, **changes: Any) -> Style:
        """Return a copy with other values.

        Examples
        --------
        >>> from ocrdigit import synth
        >>> synth.STYLES["plain"].with_(gap=(-0.2, 0.0)).gap
        (-0.2, 0.0)
        """
        names = [field.name for field in fields(self)]
        for name in changes:
            _checks.known("style", name, names)
        return replace(self, **changes)


def _checked_range(name: str, value: object) -> Range:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (low, high), got {value!r}")
    low, high = (_checks.finite_number(name, number) for number in value)
    if low > high:
        raise ValueError(f"{name} must be a pair (low, high) in rising order, got {value!r}")
    return low, high


def _check_bounds(name: str, value: float | Range) -> None:
    low, high = value if isinstance(value, tuple) else (value, value)
    least, most = _BOUNDS.get(name, (0.0, 1.0))
    if low < least or high > most:
        raise ValueError(f"{name} must lie in {least:g}..{most:g}, got {value!r}")


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
    own_strokes=0.2,
    pen=(0.05, 0.14),
    own_pen=(-0.06, 0.0),
    softness=(1.0, 2.2),
    ligatures=0.06,
    separators=0.5,
    signs=0.3,
    underline=0.05,
    ink=(0.45, 0.95),
    texture=(0.0, 0.35),
    paper=(0.55, 0.95),
    grain=(0.005, 0.04),
    mottle=(0.0, 0.03),
    light=(0.0, 0.12),
    shadow=0.05,
    rules=0.3,
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
    own_strokes=0.25,
    pen=(0.05, 0.13),
    ligatures=0.02,
    separators=0.1,
    underline=0.05,
    ink=(0.45, 0.9),
    texture=(0.1, 0.5),
    paper=(0.6, 0.95),
    grain=(0.005, 0.03),
    mottle=(0.0, 0.03),
    light=(0.05, 0.45),
    shadow=0.25,
    stains=0.05,
    rules=0.3,
    grid=0.2,
    blur=(0.3, 1.0),
    noise=(0.005, 0.03),
    jpeg=0.5,
)
_FORM = Style(
    size=(0.45, 0.7),
    gap=(0.1, 0.6),
    own_strokes=0.3,
    pen=(0.06, 0.15),
    boxes=0.8,
    rules=0.1,
    paper=(0.75, 1.0),
    print=(0.15, 0.7),
    jpeg=0.3,
)
_TOUCHING = _PLAIN.with_(gap=(-0.12, 0.03), gap_jitter=0.03, ligatures=0.1)

STYLES: Mapping[str, Style] = {
    "plain": _PLAIN,
    "touching": _TOUCHING,
    "cheque": _CHEQUE,
    "note": _NOTE,
    "form": _FORM,
}


def resolve(style: object) -> Style:
    """Return the style of that name, or the Style itself."""
    if isinstance(style, Style):
        return style
    if not isinstance(style, str):
        names = ", ".join(map(repr, STYLES))
        raise TypeError(f"style must be a Style or one of {names}, got {type(style).__name__}")
    return STYLES[_checks.known("style", style, STYLES)]
