"""The third tab: templates of forms, drawn on a picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

import ocrdigit
from ocrdigit import Form, FormField
from ocrdigit._inputs import gray_page
from ocrdigit.app._components import show_form_canvas
from ocrdigit.app._markdown import literal
from ocrdigit.app._sheets import data_url
from ocrdigit.app._uploads import load_form
from ocrdigit.reading import PATTERNS

_FORMAT = ("kind", "pattern", "length", "rows", "columns")
_MAX_SIZE = (1600, 2400)  # of the picture that is shown, in pixels


def show_form_tab() -> None:
    """Show a picture of a form to draw fields on, and offer the template as a file."""
    st.markdown(
        "Draw the fields of a form once; then the tab “Read” reads each of them by name on scans "
        "and photos of it."
    )
    form = _draw_form()
    if form is None:
        st.session_state.pop("form", None)  # the tab “Read” does not read with an older one
        return
    st.session_state["form"] = form
    with st.container(horizontal=True, vertical_alignment="center"):
        data = json.dumps(form.to_dict(), ensure_ascii=False, indent=1)
        st.download_button(
            "Save the template",
            data,
            "form.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.markdown("To read with it, choose “A form” in the tab “Read”.", width="content")


def _draw_form() -> Form | None:
    """Show the picture of a form with its fields; return the template that they are, if valid."""
    try:
        start = _start()
    except (OSError, TypeError, ValueError) as error:
        st.error(literal(str(error)), icon=":material/error:")
        return None
    if start is None:
        st.button("Try an example form", on_click=_open_example)
        return None
    picture, fields = start
    token = _token(picture, fields)
    drawn = _drawn(token, fields)
    form, message = make_form(drawn, picture)
    show_form_canvas(
        key="form canvas",
        data={
            "token": token,
            "picture": data_url(picture, _MAX_SIZE, quality=85),
            "size": [picture.shape[1], picture.shape[0]],
            "fields": [dict(field) for field in drawn],
            "patterns": list(PATTERNS),
            "error": message,
        },
        on_drawn_change=lambda: None,
    )
    return form


def _start() -> tuple[NDArray[np.uint8], list[dict[str, Any]]] | None:
    """Return the picture and the fields of the visitor's files, or of the example."""
    left, right = st.columns(2)
    file = left.file_uploader("Picture of the empty form", key="form picture")
    saved_file = right.file_uploader("A template to go on with", ["json"], key="form template")
    saved = load_form(saved_file.name, saved_file.getvalue()) if saved_file else None
    fields = [properties(field) for field in saved.fields] if saved else []
    if file is not None:
        return gray_page(file, file.name), fields
    if saved is not None:
        if saved.picture is None:
            raise ValueError("The template has no picture: open one of the empty form, too.")
        return saved.picture, fields
    return (example_form(), []) if st.session_state.get("example form") else None


def _open_example() -> None:
    st.session_state["example form"] = True


def example_form() -> NDArray[np.uint8]:
    """Return the picture of an empty form."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (840, 560), 255)
    canvas = ImageDraw.Draw(page)
    canvas.text((60, 40), "Order", 0, ImageFont.load_default(34))
    for index, label in enumerate(("Order number", "Quantity", "Amount", "Date")):
        y = 130 + 100 * index
        canvas.text((60, y + 12), label, 0, ImageFont.load_default(24))
        canvas.rectangle((300, y, 620, y + 54), outline=0, width=2)
    return np.asarray(page)


def properties(field: FormField) -> dict[str, Any]:
    """Return a field as the canvas has it; what is not given is left out."""
    values = {name: getattr(field, name) for name in _FORMAT}
    given = {name: value for name, value in values.items() if value is not None}
    return {"name": field.name, "box": list(field.box), **given}


def make_form(
    drawn: Iterable[Mapping[str, Any]], picture: NDArray[np.uint8]
) -> tuple[Form | None, str | None]:
    """Return the template of fields of the canvas, or None and why there is none, if it is wrong.

    Without any field both are None.
    """
    listed = list(drawn)
    if not listed:
        return None, None
    try:
        fields = [
            FormField(
                each["name"], tuple(each["box"]), **{n: each[n] for n in _FORMAT if each.get(n)}
            )
            for each in listed
        ]
        return ocrdigit.Form(fields, picture=picture), None
    except (TypeError, ValueError) as error:
        return None, str(error)


def _token(picture: NDArray[np.uint8], fields: list[dict[str, Any]]) -> str:
    """Return what names the picture and the fields that the canvas begins with."""
    digest = hashlib.sha256(picture.tobytes() + json.dumps(fields).encode())
    return digest.hexdigest()[:20]


def _drawn(token: str, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the fields as they are drawn, of this picture also after another one was open."""
    known: dict[str, list[dict[str, Any]]] = st.session_state.setdefault("drawn fields", {})
    drawn = (st.session_state.get("form canvas") or {}).get("drawn")
    if drawn:
        known[drawn["token"]] = drawn["fields"]
    return known.get(token, fields)
