"""The parts of the page in JavaScript: plain files in the folder ``components``.

A component is the concatenation of its scripts, of which the last exports the function that
Streamlit calls with the data at each run of the page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "components")


def _component(name: str, scripts: Sequence[str]) -> Callable[..., Any]:
    """Return the function that shows a component of the folder, in the style of ``name.css``."""
    script = "\n".join(_text(f"{each}.js") for each in scripts)
    mount: Callable[..., Any] = st.components.v2.component(
        f"ocrdigit.{name}",
        css=_text("base.css") + _text(f"{name}.css"),
        js=script,
        isolate_styles=False,
    )
    return mount


def style() -> str:
    """Return the style of the page around the components."""
    return _text("page.css")


def _text(name: str) -> str:
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        return file.read()


show_review = _component("review", ("dom", "edits", "review_list", "review_page", "review"))
show_form_canvas = _component("form_canvas", ("dom", "form_canvas"))
show_pad = _component("pad", ("dom", "pad"))
