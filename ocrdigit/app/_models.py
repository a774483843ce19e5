"""The classifier that the visitor chooses: of the package, of a file, or fine-tuned."""

from __future__ import annotations

import copy
import os
import tempfile
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

import ocrdigit
from ocrdigit import DigitClassifier, models
from ocrdigit.app._markdown import literal

OWN_FILE = "A file of my own"
_WORDS = {
    "default": "default: 99.70% on MNIST",
    "tiny": "tiny: for small devices",
    "large": "large: 99.76% on MNIST",
    "seed": "seed: the first network",
}


def choose_model() -> DigitClassifier | None:
    """Return the selected model; None for the default one."""
    tuned: DigitClassifier | None = st.session_state.get("tuned")
    left, right = st.columns(2)
    name = left.selectbox(
        "Model that recognizes the digits",
        [*models.NAMES, OWN_FILE],
        format_func=lambda each: _WORDS.get(each, each),
        key="model name",
        help="It also verifies the digits of the tab “Read”.",
    )
    model: DigitClassifier | None = None
    if name == OWN_FILE:
        file = right.file_uploader("A model saved by ocrdigit", ["safetensors"], key="model file")
        model = _uploaded(file) if file else None
    elif name != models.NAMES[0]:
        model = _shipped(name)
    label = "Use the model that was trained on my corrections"
    if tuned is not None and st.toggle(label, value=True, key="use tuned"):
        model = tuned
    return model


@st.cache_resource(show_spinner=False)
def _shipped(name: str) -> DigitClassifier:
    """Return a model of the package; all visitors share it."""
    return ocrdigit.load(name)


def default_model() -> DigitClassifier:
    """Return the model that is used if none is chosen."""
    model: DigitClassifier = _shipped(models.NAMES[0])
    return model


def _uploaded(file: Any) -> DigitClassifier | None:
    try:
        return load_bytes(file.getvalue())
    except (OSError, TypeError, ValueError) as error:
        st.error(literal(f"{file.name}: {error}"), icon=":material/error:")
        return None


def load_bytes(data: bytes) -> DigitClassifier:
    """Return the model in the bytes of a file.

    Raises
    ------
    ValueError
        They are no model.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "uploaded.safetensors")
        with open(path, "wb") as file:
            file.write(data)
        try:
            return ocrdigit.load(path)
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"{path}: ")) from error


def save_bytes(model: DigitClassifier) -> bytes:
    """Return the bytes of a model's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mine.safetensors")
        model.save(path)
        with open(path, "rb") as file:
            return file.read()


def fine_tuned(
    model: DigitClassifier, images: NDArray[np.uint8], digits: NDArray[np.int64]
) -> DigitClassifier:
    """Return a copy of a model, fine-tuned on images (n, 28, 28) of digits (n,)."""
    tuned = copy.deepcopy(model)
    tuned.set_params(recipe="fine-tune", warm_start=True, epochs=2, verbose=0, random_state=0)
    return tuned.fit(images, digits)
