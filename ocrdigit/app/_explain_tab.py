"""The second tab: why a digit was recognized, its preprocessing, the model, and fine-tuning."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterable, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

import ocrdigit
from ocrdigit import DigitClassifier, _html
from ocrdigit._inputs import gray_page
from ocrdigit.app import _models
from ocrdigit.app._components import show_pad
from ocrdigit.app._export import crop_of, digit_crops
from ocrdigit.app._markdown import literal
from ocrdigit.app._reading import digit_score, page_picture
from ocrdigit.app._review import OpenSheet, corrections
from ocrdigit.app._sheets import Mark, Sheet

_OPEN, _DRAW, _SAMPLE = "The open page", "Draw one", "MNIST"
_SHOWN_CORRECTIONS = 40
_LIKELY = 0.5  # the digit score from which on a picture is more probably a digit than not

SENTENCE = (
    "What the network sees of a digit, and which of its strokes support the answer. Correct a "
    "wrong answer, and train the model on it."
)


def show_explain_tab(model: DigitClassifier | None, *, is_open: bool) -> None:
    """Show a digit as the network sees it, and what the visitor's corrections teach."""
    st.session_state.setdefault("digit source", _OPEN)
    sources = (_OPEN, _DRAW, _SAMPLE)
    source = st.segmented_control("Digit", sources, key="digit source", required=True)
    found = {_OPEN: _of_open_page, _DRAW: _drawn, _SAMPLE: _of_sample}[source]()
    fitted = model or _models.default_model()
    if is_open and found is not None:
        # A digit of a page was found to be one, with its surroundings.
        is_cut = source == _OPEN and bool(digits_of(st.session_state["open sheet"].sheet))
        score = 1.0 if is_cut else digit_score(model, found)
        _show_digit(found, fitted, score)
    if is_open:
        _show_teaching(fitted)
        with st.expander("Layers of the model"):
            st.html(fitted._repr_html_())


# -- where a digit comes from --


def _of_open_page() -> NDArray[np.uint8] | None:
    """Return a digit of the page that is open in the tab “Read”."""
    opened: OpenSheet | None = st.session_state.get("open sheet")
    if opened is None or opened.sheet.page is None:
        st.info("Open a page in the tab “Read”, or draw a digit here.")
        return None
    picture = gray_page(page_picture(opened.upload, opened.sheet), opened.upload.name)
    marks = digits_of(opened.sheet)
    if not marks:
        return picture
    index = st.selectbox(
        f"Digit of {literal(opened.upload.name)}",
        range(len(marks)),
        format_func=lambda i: f"{marks[i][1].value} of {marks[i][0]}, {marks[i][1].confidence:.0%}",
        key=f"digit of {opened.sheet.id}",
    )
    return crop_of(picture, marks[index or 0][1].box)


def digits_of(sheet: Sheet) -> list[tuple[str, Mark]]:
    """Return the digits on a page, each with the text that it is in."""
    return [
        (field.text, mark) for field in sheet.fields for mark in field.marks if mark.value.isdigit()
    ]


def _drawn() -> NDArray[np.uint8] | None:
    drawn = show_pad(
        key="digit drawing", data={"mode": "draw", "wide": False}, on_picture_change=lambda: None
    )
    url = drawn.get("picture")
    return gray_page(base64.b64decode(url.partition(",")[2]), "drawing") if url else None


def _of_sample() -> NDArray[np.uint8]:
    images = ocrdigit.datasets.load_sample().X_test
    index = st.slider("Image of the test set", 0, len(images) - 1, 8, key="sample index")
    return np.asarray(images[index])


# -- what is shown of it --


def _show_digit(gray: NDArray[np.uint8], model: DigitClassifier, score: float) -> None:
    start = time.perf_counter()
    explanation = model.explain(gray)
    milliseconds = 1000 * (time.perf_counter() - start)
    digit, probabilities = explanation.digit, explanation.probabilities
    st.html(f'<div class="od-answer" role="status">{answer(digit, probabilities, score)}</div>')
    left, right = st.columns(2)
    overlay = np.asarray(explanation.overlay())
    left.html(figures([("The picture", gray), ("Grad-CAM: red supports it", overlay)], 224))
    with right:
        st.html(_html.bars(probabilities, digit))
        st.markdown(f"Recognized and explained in {milliseconds:.1f} ms")
    st.subheader("Preprocessing, step by step", anchor=False)
    _, steps = ocrdigit.preprocess(gray, steps=True)
    steps["result"] = np.rint(255 * steps["result"]).astype(np.uint8)
    st.html(figures(steps.items(), 112))
    _offer_correction(explanation.input, digit)


def answer(digit: int, probabilities: NDArray[np.float32], score: float) -> str:
    """Return what is recognized as a sentence."""
    if score < _LIKELY:
        return f"Probably not a digit. If it is one, a {digit}."
    return f"{digit}, {probabilities[digit]:.1%} sure"


def figures(pictures: Iterable[tuple[str, NDArray[np.uint8]]], side: int) -> str:
    """Return pictures with captions as HTML, the longer side of each ``side`` pixels."""
    parts = []
    for caption, picture in pictures:
        image = Image.fromarray(picture)
        scale = side / max(image.size)
        width, height = (max(1, round(scale * each)) for each in image.size)
        image = image.resize((width, height), Image.Resampling.NEAREST)
        data = io.BytesIO()
        image.save(data, "png")
        source = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
        parts.append(
            f'<figure style="max-width:{side}px"><img alt="" src="{source}" width="{width}" '
            f'height="{height}"><figcaption>{caption}</figcaption></figure>'
        )
    return f'<div class="od-figures">{"".join(parts)}</div>'


# -- teaching --


def _offer_correction(canonical: NDArray[np.float32], digit: int) -> None:
    """Show a form to correct a digit; ``canonical`` is the network's input."""
    with st.form("teach", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        truth = st.selectbox("What it is", range(10), digit, key=f"truth {digit}", width=120)
        if st.form_submit_button("Save as a correction"):
            image = np.rint(255 * canonical).astype(np.uint8)
            st.session_state.setdefault("taught", []).append((image, truth))
            st.toast(f"Saved as {truth}.")


def taught_digits() -> list[tuple[NDArray[np.uint8], int]]:
    """Return images (28, 28) of digits with their labels: those of this tab and of the review."""
    taught = list(st.session_state.get("taught", ()))
    opened: Sequence[OpenSheet] = st.session_state.get("corrected sheets", ())
    for each in opened:
        picture = gray_page(page_picture(each.upload, each.sheet), each.upload.name)
        for _, correction in corrections().pairs([each.sheet]):
            if correction.text == correction.read:
                continue
            for crop, digit in digit_crops(picture, each.sheet, correction):
                canonical = ocrdigit.preprocess(crop)
                taught.append((np.rint(255 * canonical).astype(np.uint8), digit))
    return taught


def _show_teaching(model: DigitClassifier) -> None:
    """Show the digits of the corrections, and offer to fine-tune the model on them."""
    taught = taught_digits()
    if not taught:
        return
    st.subheader("Your corrections", anchor=False)
    images = np.stack([image for image, _ in taught])
    digits = np.array([digit for _, digit in taught])
    shown = [(str(digit), image) for image, digit in taught[:_SHOWN_CORRECTIONS]]
    st.html(figures(shown, 56))
    with st.container(horizontal=True):
        if st.button("Train on the corrections", type="primary"):
            _train(model, images, digits)
        if "tuned" in st.session_state:
            data = _models.save_bytes(st.session_state["tuned"])
            st.download_button("Download the model", data, "mine.safetensors", on_click="ignore")
    if "trained" in st.session_state:
        st.success(st.session_state["trained"])


def _train(model: DigitClassifier, images: NDArray[np.uint8], digits: NDArray[np.int64]) -> None:
    with st.spinner("Training"):
        start = time.perf_counter()
        tuned = _models.fine_tuned(model, images, digits)
        seconds = time.perf_counter() - start
    before, after = (int((each.predict(images) == digits).sum()) for each in (model, tuned))
    st.session_state["tuned"] = tuned
    st.session_state["trained"] = (
        f"Trained in {seconds:.1f} s. The model now recognizes {after} of your {len(digits)} "
        f"corrected digits, up from {before}. The tab “Read” uses it."
    )
    st.rerun()
