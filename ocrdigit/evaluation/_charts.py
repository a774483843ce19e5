"""SVG charts and PNG images for the HTML report; its style sheet sets the colours."""

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
    from ._risk_coverage import RiskCoverage, Threshold

Point = tuple[float, float]

_WIDTH, _HEIGHT = 400, 272
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 12, 44


def picture(image: NDArray[np.uint8]) -> str:
    """Return a gray image (h, w) as a PNG data URI."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(image).save(data, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


def reliability_chart(curve: metrics.Reliability, unit: str = "images") -> str:
    """Return a chart of accuracy over confidence; ``unit`` names what is answered."""
    percents = [0, 25, 50, 75, 100]
    chart = _Chart("confidence", "accuracy", (0, 100), (0, 100), percents, percents)
    chart.line([(0, 0), (100, 100)], "ideal")
    maximum = math.sqrt(curve.images.max())
    for images, confidence, accuracy in zip(
        curve.images, curve.confidence, curve.accuracy, strict=True
    ):
        low, high = metrics.wilson_interval(round(accuracy * images), int(images))
        chart.line([(100 * confidence, 100 * low), (100 * confidence, 100 * high)], "whisker")
        chart.dot(
            (100 * confidence, 100 * accuracy),
            3 + 6 * math.sqrt(images) / maximum,
            f"{images:,} {unit}, mean confidence {confidence:.1%}, accuracy {accuracy:.1%}",
        )
    return chart.svg("Accuracy by confidence")


def reject_chart(curve: metrics.RejectCurve, max_rejected: float = 0.05) -> str:
    """Return a chart of the error rate over the fraction rejected, up to ``max_rejected``."""
    shown = curve.rejected <= max_rejected + 1e-9
    points = _subsampled(
        list(zip(100 * curve.rejected[shown], 100 * curve.error[shown], strict=True))
    )
    ticks = _ticks(max(100 * float(curve.error[0]), 0.01))
    chart = _Chart(
        "rejected", "error rate", (0, 100 * max_rejected), (0, ticks[-1]), range(6), ticks
    )
    chart.area(points)
    chart.line(points, "line")
    error = curve.error_at(REJECTED)
    text = f"{REJECTED:.0%} rejected: {error:.2%} errors"
    chart.dot((100 * REJECTED, 100 * error), 5, text)
    chart.note((100 * REJECTED, 100 * error), text)
    return chart.svg("Error rate of the remaining images by the fraction rejected")


def risk_coverage_chart(curve: RiskCoverage, threshold: Threshold | None) -> str:
    """Return a chart of the error rate over the fraction kept, with the threshold marked.

    A few answers give any error rate: the scale fits the curve where 5 % or more are kept.
    """
    fitted = curve.error[curve.coverage >= min(0.05, curve.coverage[-1])]
    ticks = _ticks(max(100 * float(fitted.max()), 0.01))
    errors = np.minimum(100 * curve.error, ticks[-1])
    points = _subsampled(list(zip(100 * curve.coverage, errors, strict=True)))
    percents = [0, 25, 50, 75, 100]
    chart = _Chart("coverage", "error rate", (0, 100), (0, ticks[-1]), percents, ticks)
    chart.area(points)
    chart.line(points, "line")
    if threshold is not None:
        point = 100 * threshold.coverage, 100 * threshold.error_rate
        text = f"{threshold.coverage:.1%} kept: {threshold.error_rate:.2%} errors"
        top = point[0], 0.85 * ticks[-1]  # above the curve, which is low on the left
        chart.line([point, top], "ideal")
        chart.dot(point, 5, text)
        chart.note(top, text, "end" if point[0] > 50 else "start")
    return chart.svg("Error rate of the fields kept by the fraction kept")


def sweep_chart(
    trials: Sequence[tuple[float, Trial]], label: str, x_format: Callable[[float], str]
) -> str:
    """Return a chart of the accuracy over a parameter, with an example image of each value."""
    values = [value for value, _ in trials]
    margin = (values[-1] - values[0]) / (2 * len(values) - 2)
    chart = _Chart(
        label,
        "accuracy",
        (values[0] - margin, values[-1] + margin),
        (0, 100),
        values[:: 1 if len(values) < 12 else 2],
        [0, 25, 50, 75, 100],
        x_format=x_format,
    )
    size = chart.x(values[1]) - chart.x(values[0]) - 2
    for value, trial in trials:
        chart.image(value, size, trial.examples[0])
    points = [(value, 100 * trial.accuracy) for value, trial in trials]
    chart.line(points, "line")
    for value, accuracy in points:
        chart.dot((value, accuracy), 4, f"{label} {x_format(value)}: accuracy {accuracy:.1f}%")
    return chart.svg(f"Accuracy by {label}")


class _Chart:
    """Axes and the elements between them; y is in percent."""

    def __init__(
        self,
        x_label: str,
        y_label: str,
        x_range: Point,
        y_range: Point,
        x_ticks: Iterable[float],
        y_ticks: Iterable[float],
        x_format: Callable[[float], str] = "{:g}%".format,
    ) -> None:
        self._x_range, self._y_range = x_range, y_range
        self._parts: list[str] = []
        base, end = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        for tick in y_ticks:
            y = self.y(tick)
            self._add(f'<path class="grid" d="M{_LEFT} {y:.1f}H{end}"/>')
            self._text(_LEFT - 6, y + 4, f"{tick:g}%", "end")
        for tick in x_ticks:
            self._text(self.x(tick), base + 17, x_format(tick), "middle")
        self._text((_LEFT + end) / 2, _HEIGHT - 7, x_label, "middle", "label")
        self._text(_LEFT + 4, _TOP + 11, y_label, "start", "label")

    def x(self, value: float) -> float:
        """Return the horizontal position of a value in the chart."""
        low, high = self._x_range
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Return the vertical position of a value in the chart."""
        low, high = self._y_range
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    def line(self, points: Sequence[Point], kind: str) -> None:
        """Add a polyline."""
        self._add(f'<path class="{kind}" d="M{self._path(points)}"/>')

    def area(self, points: Sequence[Point]) -> None:
        """Add the area below a polyline."""
        base = self.y(self._y_range[0])
        first, last = self.x(points[0][0]), self.x(points[-1][0])
        outline = f"M{first:.1f} {base:.1f}L{self._path(points)}L{last:.1f} {base:.1f}Z"
        self._add(f'<path class="area" d="{outline}"/>')

    def dot(self, point: Point, radius: float, title: str) -> None:
        """Add a dot with the tooltip ``title``."""
        x, y = self.x(point[0]), self.y(point[1])
        self._add(
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">'
            f"<title>{escape(title)}</title></circle>"
        )

    def note(self, point: Point, text: str, anchor: str = "start") -> None:
        """Add text above a point, to its right or, with the anchor "end", to its left."""
        offset = 9 if anchor == "start" else -9
        self._text(self.x(point[0]) + offset, self.y(point[1]) - 9, text, anchor, "note")

    def image(self, x: float, size: float, image: NDArray[np.uint8]) -> None:
        """Add an image above the x axis."""
        left, top = self.x(x) - size / 2, _HEIGHT - _BOTTOM - size - 2
        self._add(
            f'<image x="{left:.1f}" y="{top:.1f}" width="{size:.1f}" height="{size:.1f}" '
            f'href="{picture(image)}"/>'
        )

    def svg(self, title: str) -> str:
        """Return the chart as SVG with the accessible name ``title``."""
        elements = "".join(self._parts)
        return (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
            f"{elements}</svg>"
        )

    def _path(self, points: Sequence[Point]) -> str:
        return "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)

    def _text(self, x: float, y: float, text: str, anchor: str, kind: str = "tick") -> None:
        self._add(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def _add(self, part: str) -> None:
        self._parts.append(part)


def _subsampled(points: list[Point], max_count: int = 400) -> list[Point]:
    """Return at most about ``max_count`` evenly spaced points, and the last one."""
    if len(points) <= max_count:
        return points
    return [*points[:: -(-len(points) // max_count)], points[-1]]


def _ticks(maximum: float) -> list[float]:
    """Return round numbers from 0 to at least ``maximum``."""
    rough = maximum / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * digit for digit in (1, 2, 2.5, 5, 10) if unit * digit >= rough)
    return [round(step * i, 10) for i in range(math.ceil(maximum / step - 1e-9) + 1)]
