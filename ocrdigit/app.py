"""The Streamlit page: digits from uploads, a drawing pad, a camera or the clipboard.

``ocrdigit app`` starts it, and so does ``streamlit run`` on this file. It needs
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
from ocrdigit import _html, models
from ocrdigit._inputs import gray_pages
from ocrdigit._warm_up import warm_up as prepare_for_pictures
from ocrdigit.reading import Digit, Reading, rows_to_csv

MOST_MEGABYTES = 20
SOURCES = ("Upload", "Draw", "Camera", "Paste", "Examples")
NUMBERS, ONE_DIGIT = "Numbers, anywhere", "A single digit"
KINDS = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif"]

_HOME = os.path.dirname(os.path.abspath(ocrdigit.__file__))
_pad = declare_component("ocrdigit_pad", path=os.path.join(_HOME, "_pad"))

# A name, and the bytes of an image file. (Streamlit shows a text that stands alone.)
Picture = tuple[str, bytes]


def main() -> None:
    """Draw the page."""
    st.set_page_config("ocrdigit", ":material/draw:", initial_sidebar_state="collapsed")
    st.title("Read handwritten digits")
    model = choose_model()
    source = str(st.radio("Picture from", SOURCES, horizontal=True, key="source"))
    kinds, likely = (NUMBERS, ONE_DIGIT), int(source == "Draw")
    what = str(st.radio("What is on it", kinds, likely, horizontal=True, key=f"what {source}"))
    pictures = [each for each in take_pictures(source, what) if fits(each)]
    show = show_numbers if what == NUMBERS else show_digit
    rows: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for number, (name, data) in enumerate(pictures):
        with st.container(border=len(pictures) > 1):
            if len(pictures) > 1:
                st.subheader(name)
            found = refused(lambda name=name, data=data, at=number: show(name, data, model, at))  # type: ignore[misc]
        if found:
            rows += found[0]
            answers.append({"file": name, **found[1]})
    if answers:
        offer_downloads(rows, answers)
    show_corrections(model)
    warm_up()


# -- models --


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Load what the first answer wants while the first visitor looks at the page."""
    prepare_for_pictures()


@st.cache_resource(show_spinner=False)
def load_model(name: str) -> ocrdigit.DigitClassifier:
    """Return a model of the package; one for all who visit."""
    return ocrdigit.load(name)


def choose_model() -> ocrdigit.DigitClassifier:
    """Return the model that the visitor wants: one of the package, their own, or a tuned one."""
    tuned: ocrdigit.DigitClassifier | None = st.session_state.get("tuned")
    names = [*models.NAMES, "a file of mine"]
    with st.sidebar:
        st.header("Model")
        name = str(st.selectbox("Which one reads", names, key="model name"))
        model: ocrdigit.DigitClassifier = load_model(names[0])
        if name == names[-1]:
            file = st.file_uploader("Saved by ocrdigit", ["safetensors"], key="model file")
            own = refused(lambda: own_model(file.getvalue())) if file else None
            model = own or model
        elif name != names[0]:
            model = load_model(name)
        if tuned is not None and st.toggle("Use what my corrections have taught it", value=True):
            model = tuned
        st.html(model._repr_html_())
    return model


def own_model(data: bytes) -> ocrdigit.DigitClassifier:
    """Return the model of an uploaded file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "uploaded.safetensors")
        with open(path, "wb") as file:
            file.write(data)
        try:
            return ocrdigit.load(path)
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"{path}: ")) from error


# -- pictures --


def take_pictures(source: str, what: str) -> list[Picture]:
    """Return what the visitor has given."""
    if source == "Upload":
        label = f"Pictures, up to {MOST_MEGABYTES} MB each"
        files = st.file_uploader(label, KINDS, accept_multiple_files=True, key="files")
        return [(file.name, file.getvalue()) for file in files]
    if source == "Camera":
        photo = st.camera_input("A photo of the digits")
        return [] if photo is None else [("photo.jpg", photo.getvalue())]
    if source == "Examples":
        names = ("a page", "a cheque", "a row", "one digit")
        return [example(str(st.selectbox("Which", names, key="example")))]
    mode = source.lower()
    value = _pad(mode=mode, wide=what == NUMBERS, key=f"{mode} {what}", default=None)
    if not value:
        return []
    name = "drawing.png" if mode == "draw" else "pasted.png"
    return [(name, base64.b64decode(value["png"].partition(",")[2]))]


def example(which: str) -> Picture:
    """Return a picture that comes with the package."""
    datasets = ocrdigit.datasets
    pictures: dict[str, Callable[[], NDArray[np.uint8]]] = {
        "a page": lambda: datasets.load_page().image,
        "a cheque": lambda: datasets.load_cheque().image,
        "a row": lambda: datasets.load_string().image,
        "one digit": lambda: datasets.load_sample().X_test[8],
    }
    data = io.BytesIO()
    Image.fromarray(pictures[which]()).save(data, "png")
    return f"{which.split()[-1]}.png", data.getvalue()


def fits(picture: Picture) -> bool:
    """Tell whether a picture is of a size that is taken; say so where it is not."""
    name, data = picture
    if len(data) <= MOST_MEGABYTES * 1_000_000:
        return True
    st.error(f"{name} has {len(data) / 1e6:.0f} MB; up to {MOST_MEGABYTES} MB are taken.")
    return False


def refused(work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns, or say in a sentence why it cannot."""
    try:
        return work()
    except (OSError, TypeError, ValueError, MemoryError) as error:
        st.error(str(error) or "There is not enough memory for that.", icon=":material/error:")
        return None


# -- numbers --


def fingerprint(model: ocrdigit.DigitClassifier) -> str:
    """Return what tells a model from others, those that it has been before too."""
    numbers = hashlib.sha256()
    for tensor in model.network_.weights().values():
        numbers.update(tensor.tobytes())
    return numbers.hexdigest()


@st.cache_data(
    max_entries=100,
    show_spinner=False,
    hash_funcs={ocrdigit.DigitClassifier: fingerprint},
)
def read(name: str, data: bytes, model: ocrdigit.DigitClassifier) -> tuple[Reading, float]:
    """Return the reading of a file, and how many seconds it took."""
    start = time.perf_counter()
    try:
        reading = ocrdigit.read(data, model=model)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return reading, time.perf_counter() - start


def show_numbers(
    name: str, data: bytes, model: ocrdigit.DigitClassifier, at: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Show a picture's numbers and their boxes; return them as rows, and as plain data."""
    reading, seconds = read(name, data, model)
    found = f"{len(reading.digits)} digit{'' if len(reading.digits) == 1 else 's'}"
    if len(reading.lines) == 1:
        announce(reading.text)
    elif reading.lines:
        announce(f"{found} in {len(reading.lines)} numbers")
        st.code(reading.text, language=None)
    else:
        announce("No digits found")
        st.info("If there is one, try “A single digit”.")
    for page in range(len(reading.pages)):
        st.image(reading.draw(page), f"{found}, read in {1000 * seconds:.0f} ms", width="stretch")
    if reading.lines:
        key = f"{name} {at}"
        panel("How sure it is of each number", key, lambda: show_confidence(reading))
        look = "Look into a digit, or correct it"
        panel(look, key, lambda: look_into(reading, model, key))
    return reading.to_rows(name), reading.to_dict()


def show_confidence(reading: Reading) -> None:
    """Show how sure each number of a reading is."""
    st.table([{"number": line.text, "sure": f"{line.confidence:.1%}"} for line in reading.lines])


def look_into(reading: Reading, model: ocrdigit.DigitClassifier, key: str) -> None:
    """Show one digit of a reading, cut out, as a single one is shown."""
    places = [(line, digit) for line in reading.lines for digit in line.digits]

    def title(place: int) -> str:
        line, digit = places[place]
        return f"{place + 1}: the {digit.value} in {line.text}, {digit.confidence:.0%} sure"

    every = range(len(places))
    chosen = st.selectbox("Digit", every, format_func=title, key=f"digit {key}") or 0
    line, digit = places[chosen]
    show_one(cut_out(reading.pages[line.page], digit), model, f"{key} {chosen}")


def cut_out(page: NDArray[np.uint8], digit: Digit) -> NDArray[np.uint8]:
    """Return the part of a page around a digit."""
    x, y, w, h = digit.box
    margin = max(3, h // 6)
    return page[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]


# -- single digits --


def show_digit(
    name: str, data: bytes, model: ocrdigit.DigitClassifier, at: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Show what a picture of one digit is taken for; return that as rows, and as plain data."""
    gray = gray_pages(data, name)[0]
    probabilities = show_one(gray, model, f"{name} {at}")
    digit = int(probabilities.argmax())
    row = {"file": name, "value": digit, "confidence": float(probabilities[digit])}
    return [row], {**row, "probabilities": [float(share) for share in probabilities]}


def show_one(
    gray: NDArray[np.uint8], model: ocrdigit.DigitClassifier, key: str
) -> NDArray[np.float32]:
    """Show a digit's answer, why, what the network sees, and how to correct it."""
    start = time.perf_counter()
    why = model.explain(gray)
    seconds = time.perf_counter() - start
    announce(f"{why.digit}, {why.probabilities[why.digit]:.1%} sure")
    left, right = st.columns(2)
    with left:
        caption = f"What speaks for {why.digit}: the warmer, the more"
        st.image(enlarged(np.asarray(why.overlay())), caption, width="stretch")
    with right:
        st.html(_html.bars(why.probabilities, why.digit))
        st.caption(f"Answered and explained in {1000 * seconds:.1f} ms")
    panel("What the network sees, step by step", key, lambda: show_steps(gray))
    correct(why.seen, why.digit, key)
    return why.probabilities


def show_steps(gray: NDArray[np.uint8]) -> None:
    """Show how a picture becomes what the network sees."""
    _, steps = ocrdigit.preprocess(gray, steps=True)
    steps["result"] = np.rint(255 * steps["result"]).astype(np.uint8)
    st.image([enlarged(stage) for stage in steps.values()], list(steps), width=110)


def correct(seen: NDArray[np.float32], digit: int, key: str) -> None:
    """Let the visitor say what a digit really is."""
    with st.form(f"correct {key}", border=False):
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        really = left.selectbox("It really is", range(10), digit, key=f"really {key}")
        if right.form_submit_button("Remember that", width="stretch"):
            image = np.rint(255 * seen).astype(np.uint8)
            st.session_state.setdefault("corrections", []).append((image, really))
            st.toast(f"Remembered as a {really}.")


# -- corrections --


def show_corrections(model: ocrdigit.DigitClassifier) -> None:
    """Show what the visitor has corrected, and offer to train on it."""
    corrections: list[tuple[NDArray[np.uint8], int]] = st.session_state.get("corrections", [])
    if not corrections:
        return
    st.divider()
    st.subheader("Your corrections")
    images = np.stack([image for image, _ in corrections])
    digits = np.array([digit for _, digit in corrections])
    st.image([enlarged(image, 56) for image in images], [str(digit) for digit in digits], 56)
    left, right = st.columns(2)
    if left.button("Train on them", type="primary", width="stretch"):
        with st.spinner("Training"):
            start = time.perf_counter()
            st.session_state["tuned"] = tuned = tune(model, images, digits)
        right_before = int((model.predict(images) == digits).sum())
        right_after = int((tuned.predict(images) == digits).sum())
        st.session_state["told"] = (
            f"Trained in {time.perf_counter() - start:.1f} s. Of your {len(digits)} digits it read "
            f"{right_before} right before, and reads {right_after} right now."
        )
        st.rerun()
    if right.button("Forget them", width="stretch"):
        for name in ("corrections", "tuned", "told"):
            st.session_state.pop(name, None)
        st.rerun()
    if "told" in st.session_state:
        st.success(st.session_state["told"])
        st.download_button(
            "Download the model", saved(st.session_state["tuned"]), "mine.safetensors"
        )


def tune(
    model: ocrdigit.DigitClassifier, images: NDArray[np.uint8], digits: NDArray[np.int64]
) -> ocrdigit.DigitClassifier:
    """Return a copy of a model that has been trained on a few more digits."""
    tuned = copy.deepcopy(model)
    tuned.set_params(recipe="fine-tune", warm_start=True, epochs=2, verbose=0, random_state=0)
    return tuned.fit(images, digits)


def saved(model: ocrdigit.DigitClassifier) -> bytes:
    """Return a model as the bytes of its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mine.safetensors")
        model.save(path)
        with open(path, "rb") as file:
            return file.read()


# -- what all use --


def panel(label: str, key: str, fill: Callable[[], object]) -> None:
    """Show a closed panel, whose inside is made when a visitor opens it: answers come first."""
    inside = st.expander(label, key=f"{label} {key}", on_change="rerun")
    if inside.open:
        with inside:
            fill()


def announce(sentence: str) -> None:
    """Say an answer in large letters, and to screen readers."""
    st.html(f'<div role="status" aria-live="polite" style="font-size:1.5rem">{sentence}</div>')


def enlarged(picture: NDArray[np.uint8], least: int = 224) -> NDArray[np.uint8]:
    """Return a small picture with each pixel made a square."""
    times = max(1, -(-least // max(picture.shape[:2])))
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def offer_downloads(rows: list[dict[str, Any]], answers: list[dict[str, Any]]) -> None:
    """Offer all answers as a table and as plain data."""
    panel("All digits as a table", "", lambda: st.dataframe(rows, width="stretch"))
    left, right = st.columns(2)
    table = rows_to_csv(rows)
    left.download_button("Download CSV", table, "digits.csv", "text/csv", width="stretch")
    plain = json.dumps(answers, indent=1)
    right.download_button(
        "Download JSON", plain, "digits.json", "application/json", width="stretch"
    )


if __name__ == "__main__":
    main()
