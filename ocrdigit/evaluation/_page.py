"""The parts that the HTML reports have in common: the page, its sections, figures and numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from .._core import __version__

_STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report.css")


def page(title: str, sections: Iterable[str], methods: str) -> str:
    """Return a self-contained page, with a note on methods at its end."""
    with open(_STYLE, encoding="utf-8") as file:
        style = file.read()
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(sections)
        + f"\n</main>\n<footer>Made by ocrdigit {escape(__version__)}. {methods}"
        "</footer>\n</body>\n</html>\n"
    )


def header(
    subject: str,
    title: str,
    data: str,
    hero: tuple[str, str],
    tiles: Sequence[tuple[str, str, str]],
) -> str:
    """Return the head of a page.

    Parameters
    ----------
    subject, title, data : str
        The lines at its top.
    hero : (str, str)
        The most important number, and what it is, as HTML.
    tiles : sequence of (name, value, note)
        Further numbers.
    """
    value, meaning = hero
    return (
        f'<header>\n<p class="eyebrow">{escape(subject)}</p>\n'
        f"<h1>{escape(title)}</h1>\n"
        f'<p class="on">on {escape(data)}</p>\n'
        f'<p class="hero"><strong>{value}</strong> <span>{meaning}</span></p>\n'
        '<dl class="tiles">'
        + "".join(
            f"<div><dt>{escape(name)}</dt><dd><b>{value}</b>{escape(note)}</dd></div>"
            for name, value, note in tiles
        )
        + "</dl>\n</header>"
    )


def section(title: str, lead: str, body: str) -> str:
    """Return a section with a sentence below its title."""
    return f"<section>\n<h2>{escape(title)}</h2>\n<p>{escape(lead)}</p>\n{body}\n</section>"


def figure(chart: str, caption: str) -> str:
    """Return a chart with its caption."""
    return f"<figure>{chart}<figcaption>{escape(caption)}</figcaption></figure>"


def percent(fraction: float) -> str:
    """Return a percentage with two decimals, "-" for NaN."""
    return "-" if np.isnan(fraction) else f"{fraction:.2%}"
