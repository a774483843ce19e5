"""The Streamlit page: digits from uploads, a drawing pad, a camera or the clipboard.

``ocrdigit app`` starts it, as does ``streamlit run`` with this file. It needs
``pip install 'ocrdigit[app]'``.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.components.v1 import declare_component

import ocrdigit
from ocrdigit import _html, limits, models
from ocrdigit._form_editor import edit_form
from ocrdigit._inputs import gray_page
from ocrdigit._warm_up import warm_up as load_everything
from ocrdigit.reading import Digit, Reading, rows_to_csv

MAX_MEGABYTES = 20
SOURCES = ("Upload", "Draw", "Camera", "Paste", "Examples")
NUMBERS, ONE_DIGIT = "Numbers", "A single digit"
READ, MAKE_FORM = "Read images", "Make a form template"
OWN_FILE = "your own file"
SUFFIXES = [suffix[1:] for suffix in limits.PICTURE_SUFFIXES]

_FOLDER = os.path.dirname(os.path.abspath(ocrdigit.__file__))
_pad = declare_component("ocrdigit_pad", path=os.path.join(_FOLDER, "_pad"))

# The name and the bytes of an image file.
Upload = tuple[str, bytes]


def main() -> None:
    """Run the page."""
    st.set_page_config("ocrdigit", ":material/draw:", initial_sidebar_state="collapsed")
    st.title("Read handwritten digits")
    if st.sidebar.radio("Task", (READ, MAKE_FORM), key="task") == MAKE_FORM:
        edit_form(SUFFIXES)
        return
    model = choose_model()
    source = str(st.radio("Image source", SOURCES, horizontal=True, key="source"))
    contents, default = (NUMBERS, ONE_DIGIT), int(source == "Draw")
    key = f"content {source}"
    content = str(st.radio("Content", contents, default, horizontal=True, key=key))
    uploads = [each for each in get_uploads(source, content) if check_size(each)]
    show = show_numbers if content == NUMBERS else show_digit
    rows: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for index, (name, data) in enumerate(uploads):
        with st.container(border=len(uploads) > 1):
            if len(uploads) > 1:
                st.subheader(name)
            result = or_error(lambda name=name, data=data, i=index: show(name, data, model, i))  # type: ignore[misc]
        if result:
            rows += result[0]
            results.append({"file": name, **result[1]})
    if results:
        offer_downloads(rows, results)
    show_corrections(model)
    warm_up()


# -- models --


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Load everything that predictions need, once, after the page is shown."""
    load_everything()


@st.cache_resource(show_spinner=False)
def load_model(name: str) -> ocrdigit.DigitClassifier:
    """Return a model of the package; all visitors share it."""
    return ocrdigit.load(name)


def choose_model() -> ocrdigit.DigitClassifier:
    """Return the selected model: of the package, of an uploaded file, or a fine-tuned one."""
    tuned: ocrdigit.DigitClassifier | None = st.session_state.get("tuned")
    names = [*models.NAMES, OWN_FILE]
    with st.sidebar:
        st.header("Model")
        name = str(st.selectbox("Model to use", names, key="model name"))
        model: ocrdigit.DigitClassifier = load_model(names[0])
        if name == OWN_FILE:
            label = "A model saved by ocrdigit"
            file = st.file_uploader(label, ["safetensors"], key="model file")
            own = or_error(lambda: own_model(file.getvalue())) if file else None
            model = own or model
        elif name != names[0]:
            model = load_model(name)
        if tuned is not None and st.toggle("Use the model trained on my corrections", value=True):
            model = tuned
        st.html(model._repr_html_())
    return model


def own_model(data: bytes) -> ocrdigit.DigitClassifier:
    """Return the model in the bytes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "uploaded.safetensors")
        with open(path, "wb") as file:
            file.write(data)
        try:
            return ocrdigit.load(path)
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"{path}: ")) from error


# -- images --


def get_uploads(source: str, content: str) -> list[Upload]:
    """Return the visitor's images."""
    if source == "Upload":
        label = f"Images, up to {MAX_MEGABYTES} MB each"
        files = st.file_uploader(label, SUFFIXES, accept_multiple_files=True, key="files")
        return [(file.name, file.getvalue()) for file in files]
    if source == "Camera":
        photo = st.camera_input("Take a photo of the digits")
        return [] if photo is None else [("photo.jpg", photo.getvalue())]
    if source == "Examples":
        names = ("page", "cheque", "number", "digit")
        return [load_example(str(st.selectbox("Example", names, key="example")))]
    mode = source.lower()
    value = _pad(mode=mode, wide=content == NUMBERS, key=f"{mode} {content}", default=None)
    if not value:
        return []
    name = "drawing.png" if mode == "draw" else "pasted.png"
    return [(name, base64.b64decode(value["png"].partition(",")[2]))]


def load_example(name: str) -> Upload:
    """Return an image of the package."""
    datasets = ocrdigit.datasets
    loaders: dict[str, Callable[[], NDArray[np.uint8]]] = {
        "page": lambda: datasets.load_page().image,
        "cheque": lambda: datasets.load_cheque().image,
        "number": lambda: datasets.load_string().image,
        "digit": lambda: datasets.load_sample().X_test[8],
    }
    data = io.BytesIO()
    Image.fromarray(loaders[name]()).save(data, "png")
    return f"{name}.png", data.getvalue()


def check_size(upload: Upload) -> bool:
    """Return whether an image is small enough, and show an error otherwise."""
    name, data = upload
    if len(data) <= MAX_MEGABYTES * 1_000_000:
        return True
    st.error(f"{name} is too large: {len(data) / 1e6:.1f} MB; the limit is {MAX_MEGABYTES} MB.")
    return False


def or_error(function: Callable[[], Any]) -> Any:
    """Return the result of ``function``, or show its error and return None."""
    try:
        return function()
    except (OSError, TypeError, ValueError, MemoryError, ModuleNotFoundError) as error:
        st.error(str(error) or "There is not enough memory.", icon=":material/error:")
        return None


# -- numbers --


def fingerprint(model: ocrdigit.DigitClassifier) -> str:
    """Return a hash of a model's weights, for Streamlit's cache."""
    digest = hashlib.sha256()
    for tensor in model.network_.weights().values():
        digest.update(tensor.tobytes())
    return digest.hexdigest()


@st.cache_data(
    max_entries=32,
    show_spinner=False,
    hash_funcs={ocrdigit.DigitClassifier: fingerprint},
)
def read(name: str, data: bytes, model: ocrdigit.DigitClassifier) -> tuple[Reading, float]:
    """Return the reading of a file, and its time in seconds."""
    start = time.perf_counter()
    try:
        reading = ocrdigit.read(data, model=model)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return reading, time.perf_counter() - start


def show_numbers(
    name: str, data: bytes, model: ocrdigit.DigitClassifier, index: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Show the numbers of an image with their boxes; return them as rows, and as plain data."""
    reading, seconds = read(name, data, model)
    count = f"{len(reading.digits)} digit{'' if len(reading.digits) == 1 else 's'}"
    if len(reading.numbers) == 1:
        announce(reading.text)
    elif reading.numbers:
        announce(f"{count} in {len(reading.numbers)} numbers")
        st.code(reading.text, language=None)
    else:
        announce("No digits found")
        st.info("For an image of one digit, choose “A single digit” above.")
    for page in reading.page_indices:
        st.image(reading.draw(page), f"{count}, read in {1000 * seconds:.0f} ms", width="stretch")
    if reading.digits:
        key = f"{name} {index}"
        panel("Confidence of each number", key, lambda: show_confidence(reading))
        panel("Inspect or correct a digit", key, lambda: inspect_digit(reading, model, key))
    return reading.to_rows(name), reading.to_dict()


def show_confidence(reading: Reading) -> None:
    """Show the value and the confidence of each number of a reading, by row."""
    st.table(
        [
            {
                "row": index + 1,
                "number": number.text,
                "value": "" if number.value is None else f"{number.value:f}",
                "confidence": f"{number.confidence:.1%}",
            }
            for index, row in enumerate(reading.rows)
            for number in row
        ]
    )


def inspect_digit(reading: Reading, model: ocrdigit.DigitClassifier, key: str) -> None:
    """Show a selected digit of a reading in the same way as an image of a single digit."""
    digits = [(number, digit) for number in reading.numbers for digit in number.digits]

    def title(index: int) -> str:
        number, digit = digits[index]
        return f"{index + 1}: {digit.value} in {number.text}, confidence {digit.confidence:.0%}"

    indices = range(len(digits))
    selected = st.selectbox("Digit", indices, format_func=title, key=f"digit {key}") or 0
    number, digit = digits[selected]
    show_prediction(crop(reading.pages[number.page], digit), model, f"{key} {selected}")


def crop(page: NDArray[np.uint8], digit: Digit) -> NDArray[np.uint8]:
    """Return the part of a page around a digit."""
    x, y, w, h = digit.box
    margin = max(3, h // 6)
    return page[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]


# -- single digits --


def show_digit(
    name: str, data: bytes, model: ocrdigit.DigitClassifier, index: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Show the prediction for an image of one digit; return it as rows, and as plain data."""
    gray = gray_page(data, name)
    probabilities = show_prediction(gray, model, f"{name} {index}")
    digit = int(probabilities.argmax())
    row = {"file": name, "value": digit, "confidence": float(probabilities[digit])}
    return [row], {**row, "probabilities": [float(p) for p in probabilities]}


def show_prediction(
    gray: NDArray[np.uint8], model: ocrdigit.DigitClassifier, key: str
) -> NDArray[np.float32]:
    """Show a predicted digit, its explanation and preprocessing, and a form to correct it."""
    start = time.perf_counter()
    explanation = model.explain(gray)
    seconds = time.perf_counter() - start
    digit, probabilities = explanation.digit, explanation.probabilities
    announce(f"{digit}, confidence {probabilities[digit]:.1%}")
    left, right = st.columns(2)
    with left:
        caption = f"Evidence for {digit} (Grad-CAM): dark red is the strongest"
        st.image(enlarged(np.asarray(explanation.overlay())), caption, width="stretch")
    with right:
        st.html(_html.bars(probabilities, digit))
        st.caption(f"Predicted and explained in {1000 * seconds:.1f} ms")
    panel("Preprocessing, step by step", key, lambda: show_steps(gray))
    correct(explanation.input, digit, key)
    return probabilities


def show_steps(gray: NDArray[np.uint8]) -> None:
    """Show the stages of an image's preprocessing."""
    _, steps = ocrdigit.preprocess(gray, steps=True)
    steps["result"] = np.rint(255 * steps["result"]).astype(np.uint8)
    st.image([enlarged(stage) for stage in steps.values()], list(steps), width=110)


def correct(canonical: NDArray[np.float32], digit: int, key: str) -> None:
    """Show a form to correct a predicted digit; ``canonical`` is the network's input."""
    with st.form(f"correct {key}", border=False):
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        truth = left.selectbox("Correct digit", range(10), digit, key=f"truth {key}")
        if right.form_submit_button("Save correction", width="stretch"):
            image = np.rint(255 * canonical).astype(np.uint8)
            st.session_state.setdefault("corrections", []).append((image, truth))
            st.toast(f"Saved as {truth}.")


# -- corrections --


def show_corrections(model: ocrdigit.DigitClassifier) -> None:
    """Show the visitor's corrections, and offer to fine-tune the model on them."""
    corrections: list[tuple[NDArray[np.uint8], int]] = st.session_state.get("corrections", [])
    if not corrections:
        return
    st.divider()
    st.subheader("Your corrections")
    images = np.stack([image for image, _ in corrections])
    digits = np.array([digit for _, digit in corrections])
    st.image([enlarged(image, 56) for image in images], [str(digit) for digit in digits], 56)
    left, right = st.columns(2)
    if left.button("Train on the corrections", type="primary", width="stretch"):
        with st.spinner("Training"):
            start = time.perf_counter()
            st.session_state["tuned"] = tuned = tune(model, images, digits)
        before = int((model.predict(images) == digits).sum())
        after = int((tuned.predict(images) == digits).sum())
        st.session_state["message"] = (
            f"Trained in {time.perf_counter() - start:.1f} s. The model now reads {after} of your "
            f"{len(digits)} corrected digits right, up from {before}."
        )
        st.rerun()
    if right.button("Delete the corrections", width="stretch"):
        for name in ("corrections", "tuned", "message"):
            st.session_state.pop(name, None)
        st.rerun()
    if "message" in st.session_state:
        st.success(st.session_state["message"])
        st.download_button(
            "Download the model", saved(st.session_state["tuned"]), "mine.safetensors"
        )


def tune(
    model: ocrdigit.DigitClassifier, images: NDArray[np.uint8], digits: NDArray[np.int64]
) -> ocrdigit.DigitClassifier:
    """Return a copy of a model, fine-tuned on some digits."""
    tuned = copy.deepcopy(model)
    tuned.set_params(recipe="fine-tune", warm_start=True, epochs=2, verbose=0, random_state=0)
    return tuned.fit(images, digits)


def saved(model: ocrdigit.DigitClassifier) -> bytes:
    """Return the bytes of a model's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mine.safetensors")
        model.save(path)
        with open(path, "rb") as file:
            return file.read()


# -- common parts --


def panel(label: str, key: str, fill: Callable[[], object]) -> None:
    """Show a closed panel; its content is computed only when it is opened."""
    expander = st.expander(label, key=f"{label} {key}", on_change="rerun")
    if expander.open:
        with expander:
            fill()


def announce(sentence: str) -> None:
    """Show a result in large letters, and announce it to screen readers."""
    st.html(f'<div role="status" aria-live="polite" style="font-size:1.5rem">{sentence}</div>')


def enlarged(image: NDArray[np.uint8], min_side: int = 224) -> NDArray[np.uint8]:
    """Return a small image enlarged by a whole factor, by nearest-neighbour interpolation."""
    factor = max(1, -(-min_side // max(image.shape[:2])))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def offer_downloads(rows: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
    """Show all symbols as a table, and offer them as CSV and JSON."""
    shown = [{**row, "value": str(row["value"])} for row in rows]
    panel("All symbols as a table", "", lambda: st.dataframe(shown, width="stretch"))
    left, right = st.columns(2)
    table = rows_to_csv(rows)
    left.download_button("Download CSV", table, "digits.csv", "text/csv", width="stretch")
    text = json.dumps(results, indent=1)
    right.download_button("Download JSON", text, "digits.json", "application/json", width="stretch")


if __name__ == "__main__":
    main()
