"""The first tab: files in, a table of readings to review, downloads."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ocrdigit import DigitClassifier, Form
from ocrdigit.app import _settings
from ocrdigit.app._components import show_pad
from ocrdigit.app._markdown import literal
from ocrdigit.app._reading import check_format
from ocrdigit.app._review import show_review
from ocrdigit.app._settings import ANY_FORMAT, FORMAT_LABELS, MODES, OWN_PATTERN, Settings
from ocrdigit.app._uploads import EXAMPLES, Upload, load_form, missing_extras, too_large

SOURCES = ("Files", "Draw", "Camera", "Clipboard")
FILES, DRAW, CAMERA, CLIPBOARD = SOURCES

# Options that are kept while another mode, which does not show them, is chosen.
_KEPT_OPTIONS = ("format", "pattern", "length", "separators", "decimal", "rows", "columns")


def show_read_tab(model: DigitClassifier | None) -> None:
    """Show the choice of what to read, the uploads, and their review."""
    for key in _KEPT_OPTIONS:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]
    # Containers keep their places when messages come and go above the review.
    with st.container():
        settings, source, threshold = _choose_settings(model)
    with st.container():
        uploads = _choose_uploads(source)
    problem = _problem(settings)
    if problem:
        st.error(literal(problem), icon=":material/error:")
    elif uploads:
        show_review(uploads, settings, threshold)


# -- settings --


def _choose(label: str, options: Sequence[str], key: str) -> str:
    """Return the option that the visitor chose, the first one at the beginning."""
    st.session_state.setdefault(key, options[0])
    return str(st.segmented_control(label, options, key=key, required=True))


def _choose_settings(model: DigitClassifier | None) -> tuple[Settings, str, float]:
    """Return what to read, where it comes from, and from which confidence on it is sure."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        mode = _choose("What to read", MODES, "mode")
        source = _choose("Where from", SOURCES, "source")
        with st.popover("Format and options", icon=":material/tune:"):
            options = _options(mode)
            threshold = st.slider(
                "To check: less sure than",
                *(0, 100, 90),
                format="%d%%",
                key="threshold",
                help="Numbers of lower confidence come first and are marked “To check”.",
            )
    if mode == _settings.FORM:
        options["form"] = _choose_form()
    return Settings(mode=mode, model=model, **options), source, threshold / 100


def _options(mode: str) -> dict[str, Any]:
    """Return the format of numbers, or the size of tables, in a panel."""
    if mode in (_settings.FORM, _settings.DIGITS):
        what = "each field of the template" if mode == _settings.FORM else "a single digit"
        st.markdown(f"The format is that of {what}.")
        return {}
    decimals = {"auto": "Found by itself", ".": "Point: 1,250.60", ",": "Comma: 1.250,60"}
    chosen: dict[str, Any] = {}
    if mode == _settings.TABLE:
        left, right = st.columns(2)
        for name, column in (("rows", left), ("columns", right)):
            label, hint = name.capitalize(), "Leave it empty if you do not know it."
            chosen[name] = column.number_input(
                label, 1, 1000, None, key=name, placeholder="Any", help=hint
            )
    else:
        chosen |= _format()
    chosen["decimal"] = st.selectbox(
        "Decimal separator", list(decimals), format_func=decimals.__getitem__, key="decimal"
    )
    return chosen


def _format() -> dict[str, Any]:
    name = st.selectbox(
        "Numbers look like",
        list(FORMAT_LABELS),
        format_func=FORMAT_LABELS.__getitem__,
        key="format",
    )
    pattern = None if name == ANY_FORMAT else name
    if name == OWN_PATTERN:
        pattern = st.text_input(
            "Pattern", key="pattern", placeholder=r"(07|08)\d{8}", help="A regular expression."
        )
    length = st.number_input("Number of digits", 1, 1000, None, key="length", placeholder="Any")
    st.session_state.setdefault("separators", True)
    separators = st.toggle("Read separators and signs", key="separators")
    symbols = "all" if separators else "digits"
    return {"pattern": pattern or None, "length": length, "symbols": symbols}


def _choose_form() -> Form | None:
    """Return the template that was drawn in the other tab, or one of a file."""
    drawn: Form | None = st.session_state.get("form")
    label = "Form template" if drawn is None else "Form template (instead of the drawn one)"
    file = st.file_uploader(label, ["json"], key="form file")
    if file is None:
        if drawn is not None:
            names = ", ".join(field.name for field in drawn.fields)
            st.markdown(f"The template of the tab “Form templates”: {literal(names)}.")
        return drawn
    try:
        return load_form(file.name, file.getvalue())
    except ValueError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return None


def _problem(settings: Settings) -> str | None:
    """Return why nothing can be read with these settings, as a sentence."""
    if settings.mode == _settings.FORM and settings.form is None:
        return "Draw a template in the tab “Form templates”, or open the file of one above."
    try:
        check_format(settings)
    except (TypeError, ValueError) as error:
        return str(error)
    return None


# -- uploads --


def _choose_uploads(source: str) -> list[Upload]:
    """Return the visitor's files, or those of an example."""
    found = _SHOWN_SOURCES[source]()
    for upload in found:
        if message := too_large(upload):
            st.error(literal(message), icon=":material/error:")
    found = [upload for upload in found if not too_large(upload)]
    if found:
        return found
    return _example() if source == FILES else []


def _files() -> list[Upload]:
    label = "Scans and photos" if missing_extras() else "Scans, photos, PDF and HEIC files"
    files = st.file_uploader(
        label, accept_multiple_files=True, key="files", on_change=_forget_uploads
    )
    if not files:
        for message in missing_extras():
            st.markdown(message)
    if files:
        st.session_state["uploads"] = [Upload(file.name, file.getvalue()) for file in files]
    kept: list[Upload] = st.session_state.get("uploads", [])
    if kept and not files:  # the uploader was away while another source was chosen
        with st.container(horizontal=True, vertical_alignment="center"):
            count = f"{len(kept)} file{'' if len(kept) == 1 else 's'}"
            st.markdown(f"{count} that you opened before.", width="content")
            st.button("Close them", on_click=_forget_uploads)
    return kept


def _forget_uploads() -> None:
    st.session_state.pop("uploads", None)


def _drawing() -> list[Upload]:
    wide = st.session_state.get("mode") != _settings.DIGITS
    drawn = show_pad(
        key="drawing", data={"mode": "draw", "wide": wide}, on_picture_change=lambda: None
    )
    return _from_data_url("drawing.png", drawn.get("picture"))


def _pasted() -> list[Upload]:
    pasted = show_pad(key="pasted", data={"mode": "paste"}, on_picture_change=lambda: None)
    return _from_data_url("pasted.png", pasted.get("picture"))


def _from_data_url(name: str, url: str | None) -> list[Upload]:
    return [Upload(name, base64.b64decode(url.partition(",")[2]))] if url else []


def _photo() -> list[Upload]:
    photo = st.camera_input("Take a photo of the numbers", key="photo")
    return [] if photo is None else [Upload("photo.jpg", photo.getvalue())]


_SHOWN_SOURCES: dict[str, Callable[[], Sequence[Upload]]] = {
    FILES: _files,
    DRAW: _drawing,
    CAMERA: _photo,
    CLIPBOARD: _pasted,
}


def _example() -> list[Upload]:
    """Return the files of the example that was clicked, of those that are offered."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Or try an example:", width="content")
        for key, example in EXAMPLES.items():
            st.button(example.label, key=f"example {key}", on_click=_open_example, args=(key,))
    chosen = st.session_state.get("example")
    return EXAMPLES[chosen].uploads if chosen else []


def _open_example(key: str) -> None:
    st.session_state["example"] = key
    st.session_state["mode"] = EXAMPLES[key].mode
