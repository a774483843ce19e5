"""HTML fragments for notebooks, in the colours of the page, light or dark."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

_CELL = "padding:0.15em 0.8em;border:0;background:none"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]], foot: str = "") -> str:
    """Return a table; all columns but the first are right-aligned."""
    lines = [_row("th", heading), *(_row("td", row) for row in rows)]
    text = f'<table style="border-collapse:collapse">{"".join(lines)}</table>'
    return f'{text}<div style="opacity:0.75">{html.escape(foot)}</div>' if foot else text


def _row(tag: str, cells: Sequence[str]) -> str:
    border = "border-bottom:1px solid currentColor;" if tag == "th" else ""
    sides = ["left", *["right"] * (len(cells) - 1)]
    texts = (
        f'<{tag} style="{border}text-align:{side};{_CELL}">{html.escape(cell)}</{tag}>'
        for side, cell in zip(sides, cells, strict=True)
    )
    return f"<tr>{''.join(texts)}</tr>"


def picture(image: Image, alt: str) -> str:
    """Return a picture that contains its pixels, as JPEG: notebooks store their output."""
    data = io.BytesIO()
    image.save(data, "jpeg", quality=85)
    pixels = base64.b64encode(data.getvalue()).decode()
    return f'<img alt="{alt}" style="max-width:100%" src="data:image/jpeg;base64,{pixels}">'


def bars(probabilities: NDArray[np.float32], digit: int) -> str:
    """Return a bar chart of the probabilities (10,), with the bar of ``digit`` highlighted."""
    lines = []
    for value, probability in enumerate(np.asarray(probabilities, float).tolist()):
        colour = "#1a9c5b" if value == digit else "#767676"
        bar = (
            f'<div style="width:{100 * probability:.1f}%;min-width:1px;height:0.8em;'
            f'background:{colour}"></div>'
        )
        lines.append(
            f'<div style="display:grid;grid-template-columns:1.2em 10em 4em;gap:0.5em;'
            f'align-items:center"><span>{value}</span>{bar}'
            f'<span style="text-align:right">{probability:.1%}</span></div>'
        )
    return f'<div style="font-variant-numeric:tabular-nums;line-height:1.25">{"".join(lines)}</div>'
