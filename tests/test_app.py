"""The Streamlit page without a browser; test_browser.py has the tests that need one."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ocrdigit
from ocrdigit.cli import main
from ocrdigit.datasets import Dataset

testing = pytest.importorskip("streamlit.testing.v1")

APP = Path(ocrdigit.__file__).with_name("app.py")
ROW = ocrdigit.synth.string("1874", random_state=3).image


# Panels.
CONFIDENCE, INSPECT = "Confidence of each number", "Inspect or correct a digit"
STEPS, TABLE = "Preprocessing, step by step", "All symbols as a table"


def png(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(array).save(data, "png")
    return data.getvalue()


@pytest.fixture
def page() -> Any:
    page = testing.AppTest.from_file(str(APP), default_timeout=120).run()
    assert not page.exception
    return page


def upload(page: Any, *files: tuple[str, bytes]) -> Any:
    page.file_uploader(key="files").set_value([(name, data, "image/png") for name, data in files])
    page.run()
    assert not page.exception
    return page


def choose(page: Any, source: str, content: str | None = None) -> Any:
    page.radio(key="source").set_value(source).run()
    if content:
        page.radio(key=f"content {source}").set_value(content).run()
    assert not page.exception
    return page


def opened(page: Any, label: str, key: str = "") -> Any:
    """Open a panel, which computes its content."""
    page.session_state[f"{label} {key}"] = True
    page.run()
    assert not page.exception
    return page


def pictures(page: Any) -> int:
    """Count the images, or rows of images; Streamlit's versions name them differently."""
    return len(page.get("imgs")) + len(page.get("image"))


def announced(page: Any) -> list[str]:
    """Return the texts that screen readers announce."""
    bodies = [each.proto.body for each in page.get("html")]
    return [text for body in bodies for text in re.findall(r'role="status"[^>]*>(.*)</div>', body)]


def downloads(page: Any) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Return the content of the CSV and JSON downloads."""
    table, plain = (button.value_or_data for button in page.get("download_button"))
    return list(csv.DictReader(io.StringIO(table))), json.loads(plain)


def test_start_page(page: Any) -> None:
    assert [radio.label for radio in page.main.radio] == ["Image source", "Content"]
    assert [radio.label for radio in page.sidebar.radio] == ["Task"]
    assert announced(page) == []
    assert not page.error


def test_numbers_in_an_upload(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    assert announced(page)[0] == "1874"
    assert len(page.get("download_button")) == 2
    assert [expander.label for expander in page.expander] == [CONFIDENCE, INSPECT, TABLE]
    table = opened(page, TABLE).dataframe[0].value
    assert table["value"].tolist() == ["1", "8", "7", "4"]
    assert set(table["file"]) == {"row.png"}


def test_panels_are_computed_when_opened(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    assert not any(len(kind) for kind in (page.table, page.dataframe, page.selectbox[1:]))
    shown = pictures(page)
    opened(page, CONFIDENCE, "row.png 0")
    assert page.table[0].value["number"].tolist() == ["1874"]
    assert page.table[0].value["value"].tolist() == ["1874"]
    opened(page, INSPECT, "row.png 0")
    assert announced(page)[1].startswith("1, ")
    assert pictures(page) == shown + 1
    opened(page, STEPS, "row.png 0 0")
    assert pictures(page) == shown + 2


def test_selected_model_verifies_numbers(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    confidences = {}
    for name in ("default", "tiny"):
        page.selectbox(key="model name").set_value(name).run()
        confidences[name] = opened(page, TABLE).dataframe[0].value["confidence"].tolist()
        reading = ocrdigit.read(ROW, model=ocrdigit.load(name))
        expected = [digit.confidence for digit in reading.digits]
        np.testing.assert_allclose(confidences[name], expected)
    assert confidences["default"] != confidences["tiny"]


def test_several_files_and_a_page(page: Any) -> None:
    picture = ocrdigit.datasets.load_page().image
    upload(page, ("row.png", png(ROW)), ("page.png", png(picture)))
    assert [heading.value for heading in page.subheader] == ["row.png", "page.png"]
    reading = ocrdigit.read(picture)
    assert reading.text in [code.value for code in page.code]
    opened(page, TABLE)
    assert set(page.dataframe[0].value["file"]) == {"row.png", "page.png"}
    symbols = [str(symbol.value) for number in reading.numbers for symbol in number.symbols]
    assert page.dataframe[0].value["value"].tolist() == ["1", "8", "7", "4", *symbols]


def test_numbers_of_a_row(page: Any) -> None:
    picture = ocrdigit.datasets.load_page().image
    reading = ocrdigit.read(picture)
    upload(page, ("page.png", png(picture)))
    assert announced(page)[0] == f"{len(reading.digits)} digits in {len(reading.numbers)} numbers"
    table = opened(page, CONFIDENCE, "page.png 0").table[0].value
    expected = [(index + 1, n.text) for index, row in enumerate(reading.rows) for n in row]
    assert list(zip(table["row"], table["number"], strict=True)) == expected
    assert len({index for index, _ in expected}) < len(expected)
    opened(page, INSPECT, "page.png 0")
    selector = next(each for each in page.selectbox if each.label == "Digit")
    assert selector.options[0].startswith(f"1: 0 in {reading.numbers[0].text}, confidence")


def test_a_single_digit(page: Any, sample: Dataset) -> None:
    page.radio(key="content Upload").set_value("A single digit")
    upload(page, ("eight.png", png(sample.X_test[8])))
    probability = ocrdigit.predict_proba(sample.X_test[8])[8]
    assert announced(page) == [f"8, confidence {probability:.1%}"]
    assert opened(page, TABLE).dataframe[0].value["value"].tolist() == ["8"]


def test_files_that_are_not_images(page: Any) -> None:
    upload(page, ("notes.png", b"eggs, milk"), ("row.png", png(ROW)), ("half.png", png(ROW)[:99]))
    assert [error.value.split(":")[0] for error in page.error] == ["notes.png", "half.png"]
    assert "not an image that can be read" in page.error[0].value
    assert announced(page)[0] == "1874"
    blank = np.full((60, 90), 255, np.uint8)
    upload(page, ("blank.png", png(blank)))
    assert announced(page) == ["No digits found"]
    page.radio(key="content Upload").set_value("A single digit")
    upload(page, ("notes.png", b"eggs, milk"))
    assert "notes.png" in page.error[0].value


def test_too_large_files(page: Any) -> None:
    upload(page, ("large.png", bytes(20_000_001)))
    assert page.error[0].value == "large.png is too large: 20.0 MB; the limit is 20 MB."


@pytest.mark.parametrize("name", ["page", "cheque", "number", "digit"])
def test_examples(page: Any, name: str) -> None:
    choose(page, "Examples", "A single digit" if name == "digit" else None)
    page.selectbox(key="example").set_value(name).run()
    assert not page.exception
    assert announced(page)[0] != "No digits found"


def test_corrections_teach(page: Any, sample: Dataset) -> None:
    ones = np.full((60, 60), 255, np.uint8)
    ones[10:50, 28:33] = 0  # a 1, to be corrected to 4
    page.radio(key="content Upload").set_value("A single digit")
    upload(page, ("one.png", png(ones)))
    assert announced(page)[0].startswith("1")
    page.selectbox(key="truth one.png 0").set_value(4)
    page.button[0].click().run()
    assert page.subheader[0].value == "Your corrections"
    next(
        button for button in page.button if button.label == "Train on the corrections"
    ).click().run()
    assert not page.exception
    assert "now reads 1 of your 1 corrected digits right" in page.success[0].value
    assert announced(page)[0].startswith("4")
    tuned = page.session_state["tuned"]
    assert tuned.score(sample.X_test, sample.y_test) > 0.95  # no catastrophic forgetting
    label = "Delete the corrections"
    next(button for button in page.button if button.label == label).click().run()
    assert announced(page)[0].startswith("1")


def test_uploaded_model(page: Any, model_file: Path, fitted: Any, sample: Dataset) -> None:
    page.radio(key="content Upload").set_value("A single digit")
    page.selectbox(key="model name").set_value("your own file").run()
    file = (model_file.name, model_file.read_bytes(), "application/octet-stream")
    page.file_uploader(key="model file").set_value(file)
    upload(page, ("eight.png", png(sample.X_test[8])))
    probabilities = fitted.predict_proba(sample.X_test[8])
    expected = f"{probabilities.argmax()}, confidence {probabilities.max():.1%}"
    assert announced(page) == [expected]
    page.file_uploader(key="model file").set_value(("m.safetensors", b"nothing", "a/b")).run()
    assert not page.exception
    assert "not a safetensors file of ocrdigit" in page.error[0].value


def test_script_of_the_reading_guide(tmp_path: Path) -> None:
    guide = Path(__file__).parents[1] / ".github" / "docs" / "reading.md"
    (script,) = re.findall(r"```python\n(import streamlit.*?)```", guide.read_text(), re.DOTALL)
    assert len(script.splitlines()) <= 10
    page = testing.AppTest.from_string(script, default_timeout=120).run()
    files = [("row.png", png(ROW), "image/png"), ("notes.png", b"eggs", "image/png")]
    page.file_uploader[0].set_value(files).run()
    assert not page.exception
    assert page.subheader[0].value == "1874"
    assert "not an image" in page.error[0].value


def test_command_without_streamlit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "streamlit", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    answer = CliRunner().invoke(main, ["app"])
    assert answer.exit_code == 1
    assert "pip install 'ocrdigit[app]'" in answer.output
