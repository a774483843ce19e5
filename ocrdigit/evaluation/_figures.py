"""Figures of a page as SVG and PNG texts; colours come from the page's style sheet."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import metrics
from .metrics import REJECTED

if TYPE_CHECKING:
    from ._result import Trial

Point = tuple[float, float]

_WIDTH, _HEIGHT = 400, 272
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 12, 44


def picture(image: NDArray[np.uint8]) -> str:
    """Return a gray picture (h, w) as a data URI."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(image).save(data, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


def reliability_chart(curve: metrics.Reliability) -> str:
    """Draw how often answers are right over how sure the model was."""
    percents = [0, 25, 50, 75, 100]
    chart = _Chart("confidence", "right", (0, 100), (0, 100), percents, percents)
    chart.line([(0, 0), (100, 100)], "ideal")
    most = math.sqrt(curve.images.max())
    for images, sure, right in zip(curve.images, curve.confidence, curve.accuracy, strict=True):
        low, high = metrics.wilson_interval(round(right * images), int(images))
        chart.line([(100 * sure, 100 * low), (100 * sure, 100 * high)], "whisker")
        chart.dot(
            (100 * sure, 100 * right),
            3 + 6 * math.sqrt(images) / most,
            f"{images:,} images, {sure:.1%} sure on average: {right:.1%} right",
        )
    return chart.svg("Of the answers of each confidence, the share that is right")


def reject_chart(curve: metrics.RejectCurve, most: float = 0.05) -> str:
    """Draw what is left wrong over the share put aside, up to ``most``."""
    shown = curve.rejected <= most + 1e-9
    points = _thinned(list(zip(100 * curve.rejected[shown], 100 * curve.error[shown], strict=True)))
    ticks = _ticks(max(100 * float(curve.error[0]), 0.01))
    chart = _Chart(
        "put aside", "wrong among the rest", (0, 100 * most), (0, ticks[-1]), range(6), ticks
    )
    chart.area(points)
    chart.line(points, "line")
    left = curve.error_at(REJECTED)
    text = f"{REJECTED:.0%} put aside: {left:.2%} wrong"
    chart.dot((100 * REJECTED, 100 * left), 5, text)
    chart.note((100 * REJECTED, 100 * left), text)
    return chart.svg("The share of wrong answers left, by the share of images put aside")


def sweep_chart(
    trials: Sequence[tuple[float, Trial]], label: str, form: Callable[[float], str]
) -> str:
    """Draw the accuracy over a setting, and an image of each above the axis."""
    settings = [setting for setting, _ in trials]
    edge = (settings[-1] - settings[0]) / (2 * len(settings) - 2)
    chart = _Chart(
        label,
        "right",
        (settings[0] - edge, settings[-1] + edge),
        (0, 100),
        settings[:: 1 if len(settings) < 12 else 2],
        [0, 25, 50, 75, 100],
        x_form=form,
    )
    size = chart.across(settings[1]) - chart.across(settings[0]) - 2
    for setting, trial in trials:
        chart.image(setting, size, trial.examples[0])
    points = [(setting, 100 * trial.accuracy) for setting, trial in trials]
    chart.line(points, "line")
    for (setting, right), point in zip(points, points, strict=True):
        chart.dot(point, 4, f"{label} {form(setting)}: {right:.1f}% right")
    return chart.svg(f"Accuracy by {label}")


class _Chart:
    """Axes, and what is drawn between them; y is in percent."""

    def __init__(
        self,
        x_label: str,
        y_label: str,
        x_range: Point,
        y_range: Point,
        x_ticks: Iterable[float],
        y_ticks: Iterable[float],
        x_form: Callable[[float], str] = "{:g}%".format,
    ) -> None:
        self._x, self._y = x_range, y_range
        self._parts: list[str] = []
        base, end = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        for tick in y_ticks:
            y = self.up(tick)
            self._add(f'<path class="grid" d="M{_LEFT} {y:.1f}H{end}"/>')
            self._text(_LEFT - 6, y + 4, f"{tick:g}%", "end")
        for tick in x_ticks:
            self._text(self.across(tick), base + 17, x_form(tick), "middle")
        self._text((_LEFT + end) / 2, _HEIGHT - 7, x_label, "middle", "label")
        self._text(_LEFT + 4, _TOP + 11, y_label, "start", "label")

    def across(self, x: float) -> float:
        """Return the place of a value in the drawing's units."""
        low, high = self._x
        return _LEFT + (x - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def up(self, y: float) -> float:
        """Return the same, of a value of the y axis."""
        low, high = self._y
        return _HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    def line(self, points: Sequence[Point], kind: str) -> None:
        """Draw a line through points."""
        self._add(f'<path class="{kind}" d="M{self._path(points)}"/>')

    def area(self, points: Sequence[Point]) -> None:
        """Tint what is under a line."""
        base = self.up(self._y[0])
        first, last = self.across(points[0][0]), self.across(points[-1][0])
        outline = f"M{first:.1f} {base:.1f}L{self._path(points)}L{last:.1f} {base:.1f}Z"
        self._add(f'<path class="area" d="{outline}"/>')

    def dot(self, point: Point, radius: float, title: str) -> None:
        """Draw a dot that says ``title`` when pointed at."""
        x, y = self.across(point[0]), self.up(point[1])
        self._add(
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">'
            f"<title>{escape(title)}</title></circle>"
        )

    def note(self, point: Point, text: str) -> None:
        """Write beside a point."""
        self._text(self.across(point[0]) + 9, self.up(point[1]) - 9, text, "start", "note")

    def image(self, x: float, size: float, image: NDArray[np.uint8]) -> None:
        """Show an image above the axis."""
        left, top = self.across(x) - size / 2, _HEIGHT - _BOTTOM - size - 2
        self._add(
            f'<image x="{left:.1f}" y="{top:.1f}" width="{size:.1f}" height="{size:.1f}" '
            f'href="{picture(image)}"/>'
        )

    def svg(self, title: str) -> str:
        """Return the drawing; ``title`` is what a screen reader says."""
        inside = "".join(self._parts)
        return (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
            f"{inside}</svg>"
        )

    def _path(self, points: Sequence[Point]) -> str:
        return "L".join(f"{self.across(x):.1f} {self.up(y):.1f}" for x, y in points)

    def _text(self, x: float, y: float, text: str, anchor: str, kind: str = "tick") -> None:
        self._add(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def _add(self, part: str) -> None:
        self._parts.append(part)


def _thinned(points: list[Point], most: int = 400) -> list[Point]:
    """Return the points, or some of them from all over with the last one."""
    if len(points) <= most:
        return points
    return [*points[:: -(-len(points) // most)], points[-1]]


def _ticks(highest: float) -> list[float]:
    """Return round numbers from 0 to at least ``highest``."""
    rough = highest / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * digit for digit in (1, 2, 2.5, 5, 10) if unit * digit >= rough)
    return [round(step * i, 10) for i in range(math.ceil(highest / step - 1e-9) + 1)]
