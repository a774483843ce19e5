"""Matplotlib figures in the package's style, and galleries of images.

Backgrounds are transparent and all colours are visible on white and on black, so that the figures
suit light and dark pages.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

try:
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "plots need matplotlib: pip install 'ocrdigit[plot]'", name=error.name
    ) from None

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Each has a contrast of at least 3 on white and on black, the gray of text 4.5.
TEXT, BLUE, ORANGE, GREEN, RED = "#767676", "#2f7de1", "#d9710b", "#1a9c5b", "#e0442e"

_STYLE: Any = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": TEXT,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.titlecolor": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.grid": False,
    "grid.color": TEXT,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "font.size": 10,
}

_PIXELS_PER_INCH = 96


class Chart(Figure):
    """A figure that displays itself in a notebook, at twice the resolution, without pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        data = io.BytesIO()
        self.savefig(data, format="png", dpi=2 * _PIXELS_PER_INCH)
        width, height = (round(side * _PIXELS_PER_INCH) for side in self.get_size_inches())
        return data.getvalue(), {"width": width, "height": height}


def style() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn in the package's style."""
    context: AbstractContextManager[None] = rc_context(_STYLE)
    return context


def new_chart(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Chart, list[Axes]]:
    """Return a new figure and its axes in row-major order; call it inside :func:`style`."""
    figure = Chart(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08))
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.ravel())


def gallery(
    images: Sequence[NDArray[Any]],
    titles: Sequence[str] | None,
    columns: int,
    title: str = "",
    side: float = 1.15,
    **options: Any,
) -> Chart:
    """Return a figure of images in rows, each under its title.

    Parameters
    ----------
    images : sequence of ndarray (H, W) or (H, W, 3)
        uint8 is drawn on a scale of 0 to 255, other dtypes from their minimum to their maximum.
    titles : sequence of str, optional
        One title for each image.
    columns : int
        The maximum number of images in a row.
    title : str
        The title of the figure.
    side : float
        The side of an image in inches.
    **options
        Passed to ``Axes.imshow``.
    """
    columns = max(1, min(columns, len(images)))
    rows = max(1, math.ceil(len(images) / columns))
    lines = 0 if titles is None else max((1 + each.count("\n") for each in titles), default=0)
    width = max(3.2, columns * (side + 0.1))
    height = rows * (side + 0.1 + 0.19 * lines) + (0.35 if title else 0)
    with style():
        figure, panels = new_chart(width, height, rows, columns)
        if title:
            figure.suptitle(title, fontsize=11)
        for axes in panels:
            axes.set_axis_off()
        for axes, image, name in zip(panels, images, _titles(titles), strict=False):
            limits = {"vmin": 0, "vmax": 255} if image.dtype == np.uint8 else {}
            axes.imshow(image, **{"cmap": "gray", **limits, **options})
            if name:
                axes.set_title(name, fontsize=9)
    return figure


def _titles(titles: Sequence[str] | None) -> Iterator[str]:
    while titles is None:
        yield ""
    yield from titles


def rgb(colour: str) -> NDArray[np.float64]:
    """Return a colour "#rrggbb" as (3,) of 0..1."""
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
