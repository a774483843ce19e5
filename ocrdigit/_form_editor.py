"""The page of the Streamlit app that makes templates of forms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ._inputs import gray_page
from .forms import FIELD_KINDS, Form, FormField
from .reading import PATTERNS

__all__ = ["edit_form"]

_PLACE = ("x", "y", "width", "height")
_OPTIONS = ("pattern", "length", "rows", "columns")
_EXAMPLE = {"name": "amount", "kind": "field", **dict.fromkeys(_PLACE + _OPTIONS)}


def edit_form(suffixes: Sequence[str]) -> None:
    """Show a picture of a form with a table of its fields, and offer the template as a file."""
    st.header("Make a form template")
    left, right = st.columns(2)
    picture_file = left.file_uploader(
        "Picture of the empty form", list(suffixes), key="form picture"
    )
    template_file = right.file_uploader(
        "A template to go on with (optional)", ["json"], key="form template"
    )
    try:
        saved = _loaded(template_file.getvalue()) if template_file else None
        picture = gray_page(picture_file, picture_file.name) if picture_file else None
    except (TypeError, ValueError) as error:
        st.error(str(error), icon=":material/error:")
        return
    if picture is None and saved is not None:
        picture = saved.picture
    if picture is None:
        st.info("Upload a scan or picture of the empty form, upright and flat; 150 dpi are enough.")
        return
    rows = _edited(saved, picture)
    try:
        form = Form(map(_field_of, rows), picture=picture)
    except (TypeError, ValueError) as error:
        st.error(str(error), icon=":material/error:")
        st.image(picture, width="stretch")
        return
    st.image(form.draw(), f"{len(form.fields)} fields", width="stretch")
    data = json.dumps(form.to_dict(), ensure_ascii=False, indent=1)
    st.download_button("Save the template", data, "form.json", "application/json", type="primary")


def _loaded(data: bytes) -> Form:
    """Return the template in the bytes of a file."""
    try:
        values = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"The template is not JSON: {error}") from None
    return Form.from_dict(values)


def _edited(saved: Form | None, picture: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Return the rows of a table of fields that the visitor edits, without empty ones."""
    height, width = picture.shape
    start = [_row_of(field) for field in saved.fields] if saved else [_first_row(width, height)]
    limits = {"x": width, "y": height, "width": width, "height": height}
    number = st.column_config.NumberColumn
    options = {
        **{name: number(min_value=0, max_value=most, step=1) for name, most in limits.items()},
        "kind": st.column_config.SelectboxColumn(options=list(FIELD_KINDS), default="field"),
        "pattern": st.column_config.TextColumn(help=f"A regular expression or {list(PATTERNS)}"),
        "length": number(help="How many digits", min_value=1, step=1),
        "rows": number(help="Of a table", min_value=1, step=1),
        "columns": number(help="Of a table or comb", min_value=1, step=1),
    }
    digest = hashlib.sha256(picture.tobytes() + json.dumps(start).encode()).hexdigest()
    edited = st.data_editor(
        start, num_rows="dynamic", column_config=options, key=f"form fields {digest[:16]}"
    )
    return [row for row in edited if any(_given(value) is not None for value in row.values())]


def _first_row(width: int, height: int) -> dict[str, Any]:
    """Return a field in the middle of a page, to be moved."""
    box = (width // 4, height // 3, width // 2, max(8, height // 25))
    return {**_EXAMPLE, **dict(zip(_PLACE, box, strict=True))}


def _row_of(field: FormField) -> dict[str, Any]:
    row: dict[str, Any] = {"name": field.name, "kind": field.kind}
    row.update(zip(_PLACE, field.box, strict=True))
    return row | {name: getattr(field, name) for name in _OPTIONS}


def _field_of(row: dict[str, Any]) -> FormField:
    """Return the field of a row of the table."""
    given = {name: _given(value) for name, value in row.items()}
    missing = [name for name in ("name", *_PLACE) if given.get(name) is None]
    if missing:
        raise ValueError(f"field {given.get('name') or ''!r} has no {missing[0]}")
    box = tuple(given.pop(name) for name in _PLACE)
    return FormField(box=box, **{name: value for name, value in given.items() if value is not None})


def _given(value: Any) -> Any:
    """Return a value of a cell, whole numbers as int; None for an empty one."""
    if value is None or value != value or value == "":
        return None
    return int(value) if isinstance(value, float) else value
