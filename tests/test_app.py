"""The Streamlit page without a browser; test_browser.py has the tests that need one."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_files import damaged_tiff, field, png, written_form
from click.testing import CliRunner

import ocrdigit
from ocrdigit import Form, FormField
from ocrdigit.app import PAGE
from ocrdigit.cli import main
from ocrdigit.datasets import Dataset

testing = pytest.importorskip("streamlit.testing.v1")

ROW = field("1874")


@pytest.fixture
def page() -> Any:
    page = testing.AppTest.from_file(PAGE, default_timeout=120).run()
    assert not page.exception
    return page


def upload(page: Any, *files: tuple[str, bytes]) -> Any:
    page.file_uploader(key="files").set_value([(name, data, "image/png") for name, data in files])
    return finished(page)


def finished(page: Any) -> Any:
    """Run the page until everything is read."""
    end = time.monotonic() + 100
    page.run()
    while page.get("progress"):
        assert time.monotonic() < end
        time.sleep(0.05)
        page.run()
    assert not page.exception
    return page


def choose(page: Any, key: str, option: str) -> Any:
    next(group for group in page.get("button_group") if group.key == key).set_value(option)
    return finished(page)


def shown(page: Any, name: str = "review") -> dict[str, Any]:
    """Return the data of a component."""
    found = [each.proto for each in page.get("bidi_component")]
    (proto,) = [each for each in found if each.component_name == f"ocrdigit.{name}"]
    return json.loads(proto.json)


def texts(page: Any) -> dict[str, str]:
    return {file["name"]: file["text"] for file in shown(page)["files"]}


def fields(page: Any, name: str) -> list[dict[str, Any]]:
    """Return the fields of a file that are sent to the browser."""
    data = shown(page)
    (identity,) = [file["id"] for file in data["files"] if file["name"] == name]
    return data["pages"][identity]["fields"]


def errors(page: Any) -> list[str]:
    """Return the errors as a person sees them: their Markdown has escapes."""
    return [re.sub(r"\\(\W)", r"\1", each.value) for each in page.error]


def downloads(page: Any) -> list[str]:
    return [button.label for button in page.get("download_button")]


def press(page: Any, label: str) -> Any:
    next(button for button in page.button if button.label == label).click()
    return finished(page)


def test_start_page(page: Any) -> None:
    assert [tab.label for tab in page.tabs] == ["Read", "Look inside", "Form templates"]
    assert page.title[0].value == "Read handwritten numbers"
    labels = [button.label for button in page.button]
    assert labels[:4] == ["Page of numbers", "Thirty fields", "Ruled table", "Nine digits"]
    assert not page.error
    assert not downloads(page)


def test_numbers_in_an_upload(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    (file,) = shown(page)["files"]
    number = ocrdigit.read(ROW).numbers[0]
    assert (file["text"], file["status"]) == ("1874", "read")
    assert file["confidence"] == pytest.approx(number.confidence)
    (shown_field,) = fields(page, "row.png")
    assert shown_field["text"] == "1874"
    assert shown_field["box"] == list(number.box)
    assert [mark["value"] for mark in shown_field["marks"]] == list("1874")
    first = shown_field["marks"][0]["candidates"][0]
    assert first == ["1", pytest.approx(float(number.digits[0].probabilities[1]))]
    assert downloads(page) == ["Download CSV", "Download JSON", "Download Parquet"]


def test_many_files_come_with_the_doubtful_first(page: Any) -> None:
    blank = np.full((60, 90), 255, np.uint8)
    upload(
        page,
        ("sure.png", png(ROW)),
        ("blank.png", png(blank)),
        ("notes.png", b"eggs, milk"),
        ("page.png", png(ocrdigit.datasets.load_page().image)),
    )
    files = shown(page)["files"]
    assert [file["name"] for file in files] == ["page.png", "blank.png", "notes.png", "sure.png"]
    assert [file["status"] for file in files] == ["review", "empty", "failed", "read"]
    assert files[1]["text"] == "Nothing was read"
    assert files[2]["message"].startswith("notes.png")
    assert "not an image that can be read" in files[2]["message"]
    assert len(shown(page)["pages"]) <= 3  # pictures are sent when they are asked for, or next


def test_a_damaged_page_does_not_hide_another(page: Any, tmp_path: Path) -> None:
    upload(page, ("scan.tif", damaged_tiff(tmp_path / "scan.tif", "1874", "350")))
    failed, first = shown(page)["files"]
    assert (first["text"], first["status"]) == ("1874", "read")
    assert (failed["name"], failed["status"]) == ("scan.tif", "failed")
    page.session_state["tab"] = "Look inside"
    assert "Open a page" in finished(page).info[0].value  # the error, which comes first, has none


def test_the_threshold_decides_what_is_to_be_checked(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    page.slider(key="threshold").set_value(100).run()
    assert shown(page)["files"][0]["status"] == "review"
    page.slider(key="threshold").set_value(0).run()
    assert shown(page)["files"][0]["status"] == "read"


def test_formats(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    page.selectbox(key="format").set_value("time")
    assert texts(finished(page)) == {"row.png": ocrdigit.read(ROW, pattern="time").text}
    page.selectbox(key="format").set_value("A pattern of my own").run()
    page.text_input(key="pattern").set_value(r"\d{2}:\d{2}")
    assert texts(finished(page)) == {"row.png": "18:74"}
    page.text_input(key="pattern").set_value("(")
    assert "pattern" in finished(page).error[0].value
    page.text_input(key="pattern").set_value("")
    page.number_input(key="length").set_value(3)
    assert texts(finished(page)) == {
        "row.png": ocrdigit.read(ROW, length=3).text or "Nothing was read"
    }


def test_pages_of_a_document(page: Any, tmp_path: Path) -> None:
    from PIL import Image

    first, second = (Image.fromarray(field(text)) for text in ("1874", "350"))
    first.save(tmp_path / "scan.tif", save_all=True, append_images=[second])
    upload(page, ("scan.tif", (tmp_path / "scan.tif").read_bytes()))
    assert texts(page) == {"scan.tif": "1874", "scan.tif, page 2": "350"}


def test_tables(page: Any) -> None:
    choose(page, "mode", "A table")
    upload(page, ("page.png", png(ROW)))
    assert "No table was found" in shown(page)["files"][0]["message"]
    upload(page)
    page.button(key="example table").click()
    finished(page)
    picture = ocrdigit.synth.document("table", distortion=0, random_state=4).image
    table = ocrdigit.read_table(picture)
    found = fields(page, "table.png")
    assert [each["text"] for each in found] == [
        " ".join(text.split()) for row in table.to_lists() for text in row
    ]
    assert found[0]["label"] == "Row 1, column 1"
    assert "Download CSV, as tables" in downloads(page)


def test_single_digits(page: Any, sample: Dataset) -> None:
    choose(page, "mode", "Single digits")
    blank = np.full((60, 90), 255, np.uint8)
    upload(page, ("eight.png", png(sample.X_test[8])), ("blank.png", png(blank)), ("a", b"eggs"))
    files = {file["name"]: file for file in shown(page)["files"]}
    assert (files["eight.png"]["text"], files["eight.png"]["status"]) == ("8", "read")
    assert files["blank.png"]["text"].startswith("Probably not a digit.")
    assert files["blank.png"]["status"] == "review"
    assert "not an image" in files["a"]["message"]


@pytest.mark.parametrize("letter", "AKW")
def test_letters_are_probably_no_digits(page: Any, letter: str) -> None:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", (80, 80), 255)
    ImageDraw.Draw(picture).text((20, 5), letter, 0, ImageFont.load_default(60))
    choose(page, "mode", "Single digits")
    upload(page, ("letter.png", png(np.asarray(picture))))
    assert texts(page)["letter.png"].startswith("Probably not a digit.")


def test_forms(page: Any) -> None:
    choose(page, "mode", "A form")
    assert "Draw a template" in page.error[0].value
    from ocrdigit.app._form_tab import example_form

    form = Form([FormField("quantity", (300, 230, 320, 54), length=3)], picture=example_form())
    data = json.dumps(form.to_dict()).encode()
    page.file_uploader(key="form file").set_value([("form.json", data, "application/json")])
    upload(page, ("order.png", png(written_form({1: "274"}))), ("row.png", png(ROW)))
    (found,) = fields(page, "order.png")
    assert (found["label"], found["text"]) == ("quantity", "274")
    failed = next(file for file in shown(page)["files"] if file["name"] == "row.png")
    assert failed["status"] == "failed"
    page.file_uploader(key="form file").set_value([("form.json", b"{}", "application/json")])
    assert errors(finished(page))[0].startswith("form.json")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "form.json is not JSON"),
        (b"{", "form.json is not JSON"),
        (b"[" * 100_000, "form.json is nested too deeply"),
        (b'{"fields": []}', "form.json: "),
        (b"[]", "form.json: "),
    ],
)
def test_templates_are_refused_in_both_tabs_alike(page: Any, data: bytes, message: str) -> None:
    choose(page, "mode", "A form")
    for key in ("form file", "form template"):
        page.file_uploader(key=key).set_value([("form.json", data, "application/json")])
    finished(page)
    said = [each for each in errors(page) if each.startswith(message)]
    assert len(said) == 2
    assert said[0] == said[1]


def test_a_template_that_is_no_longer_valid_is_not_read_with(page: Any) -> None:
    from ocrdigit.app._form_tab import example_form

    def offered() -> bool:
        finished(page)
        return any("The template of the tab" in each.value for each in finished(page).markdown)

    choose(page, "mode", "A form")
    form = Form([FormField("quantity", (300, 230, 320, 54))], picture=example_form())
    data = json.dumps(form.to_dict()).encode()
    template = page.file_uploader(key="form template")
    template.set_value([("form.json", data, "application/json")])
    assert offered()
    token = shown(page, "form_canvas")["token"]
    twice = [{"name": "quantity", "box": [9, 9, 90, 40]}] * 2
    for fields in ([], twice):
        page.session_state["drawn fields"] = {token: fields}
        assert not offered()
        page.session_state["drawn fields"] = {}
        assert offered()
    page.file_uploader(key="form picture").set_value([("notes.png", b"eggs", "image/png")])
    assert not offered()
    page.file_uploader(key="form picture").set_value([])
    assert offered()
    page.file_uploader(key="form template").set_value([])
    assert not offered()
    assert "Draw a template" in page.error[0].value


IMAGE = "![a](https://example.org/p.png) :red[b] $c$ `d` <i> 1_000"


def messages(page: Any) -> list[str]:
    """Return the Markdown of the page that has the words of ``IMAGE``."""
    shown = [*page.markdown, *page.error, *page.info]
    listed = [each.value for each in shown] + [each.label for each in page.selectbox]
    return [each for each in listed if "p.png" in each.replace("\\", "")]


def test_names_of_files_and_fields_are_no_markdown(page: Any) -> None:
    from ocrdigit.app._form_tab import example_form

    form = Form([FormField(IMAGE, (300, 230, 320, 54))], picture=example_form())
    template = json.dumps(form.to_dict()).encode()
    choose(page, "mode", "A form")
    kind = "application/json"
    page.file_uploader(key="form template").set_value([("f.json", template, kind)])
    finished(page)  # the tab “Read” runs before the template is known
    assert len(messages(finished(page))) == 1
    check_that_they_are_literal(messages(page))
    page.file_uploader(key="form template").set_value([(f"{IMAGE}.json", b"[", kind)])
    page.file_uploader(key="form file").set_value([(f"{IMAGE}.json", b"[", kind)])
    page.selectbox(key="model name").set_value("A file of my own").run()
    page.file_uploader(key="model file").set_value((f"{IMAGE}.safetensors", b"nothing", "a/b"))
    assert len(messages(finished(page))) == 3
    check_that_they_are_literal(messages(page))
    page.session_state["tab"] = "Look inside"
    choose(page, "mode", "Numbers")
    upload(page, (IMAGE, bytes(20_000_001)), (IMAGE, png(ROW)))
    assert len(messages(page)) == 4  # of the template, the model, the large file, the digit's label
    check_that_they_are_literal(messages(page))
    page.selectbox(key="format").set_value("A pattern of my own").run()
    page.text_input(key="pattern").set_value(f"({IMAGE}")
    finished(page)
    check_that_they_are_literal(messages(page))


def check_that_they_are_literal(messages: list[str]) -> None:
    for message in messages:
        assert r"\!\[a\]\(https\://example\.org/p\.png\) \:red\[b\] \$c\$ \`d\` \<i\>" in message
        assert not re.search(r"(?<!\\)[!\[\]<>$`]", message)


def test_too_large_files(page: Any) -> None:
    upload(page, ("large.png", bytes(20_000_001)), ("row.png", png(ROW)))
    assert errors(page)[0] == "large.png is too large: 20.0 MB; the limit is 20 MB."
    assert texts(page) == {"row.png": "1874"}


@pytest.mark.parametrize("name", ["page", "fields", "digits"])
def test_examples(page: Any, name: str) -> None:
    page.button(key=f"example {name}").click()
    files = shown(finished(page))["files"]
    assert len(files) == {"page": 1, "fields": 30, "digits": 9}[name]
    assert any(file["status"] == "review" for file in files)
    assert any(file["status"] == "read" for file in files) or name == "page"


def test_a_missing_extra_is_named(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    missing = ("pypdfium2", "pillow_heif", "pyarrow")
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name in missing else find_spec(name, *rest),
    )
    page.run()
    said = " ".join(each.value for each in page.markdown)
    for extra in ("pdf", "heic"):  # before files are chosen
        assert f"pip install 'ocrdigit[{extra}]'" in said
    upload(page, ("row.png", png(ROW)))
    said = " ".join(each.value for each in page.markdown)
    assert "pip install 'ocrdigit[parquet]'" in said
    assert "ocrdigit[pdf]" not in said
    assert downloads(page) == ["Download CSV", "Download JSON"]


# -- corrections --


def edit(page: Any, name: str, text: str | None, seq: int = 1, index: int = 0) -> dict[str, Any]:
    """Return what the browser sends for a correction of a field of a file."""
    data = shown(page)
    (identity,) = [file["id"] for file in data["files"] if file["name"] == name]
    each = data["pages"][identity]["fields"][index]
    return {
        **{key: each[key] for key in ("key", "label", "read", "box", "checked")},
        "seq": seq,
        "id": identity,
        "text": text,
        "before": each["text"],
        "undone": False,
    }


def corrected(page: Any, *edits: dict[str, Any]) -> Any:
    from ocrdigit.app._corrections import Corrections

    if "corrections" not in page.session_state:
        page.session_state["corrections"] = Corrections()
    page.session_state["corrections"].apply(edits)
    return finished(page)


def test_corrections_outlive_files_and_options(page: Any) -> None:
    upload(page, ("row.png", png(ROW)), ("other.png", png(field("350"))))
    corrected(page, edit(page, "row.png", "1879"))
    assert texts(page)["row.png"] == "1879"
    assert shown(page)["acknowledged"] == 1
    upload(page, ("other.png", png(field("350"))))
    upload(page, ("renamed.png", png(ROW)))
    assert texts(page) == {"renamed.png": "1879"}
    page.selectbox(key="format").set_value("time")
    assert texts(finished(page)) == {"renamed.png": "1879"}
    page.slider(key="threshold").set_value(100)
    assert shown(finished(page))["files"][0]["status"] == "corrected"
    choose(page, "mode", "A table")  # nothing is read there, and the correction is still shown
    assert texts(page) == {"renamed.png": "1879"}
    assert "Download training data (1)" in downloads(page)


def test_the_correction_of_a_number_is_found_in_its_cell(page: Any) -> None:
    page.button(key="example table").click()
    finished(page)
    count = len(fields(page, "table.png"))
    choose(page, "mode", "Numbers")
    number = fields(page, "table.png")[0]
    corrected(page, edit(page, "table.png", f"{number['read'][:-1]}x"))
    choose(page, "mode", "A table")
    cells = fields(page, "table.png")
    assert len(cells) == count  # no field besides the cells
    (cell,) = [each for each in cells if each["text"].endswith("x")]
    assert (cell["read"], cell["checked"]) == (number["read"], True)
    assert not cell["doubtful"]


def test_a_cell_of_which_a_part_was_corrected_is_to_be_checked(page: Any) -> None:
    page.button(key="example table").click()
    finished(page)
    choose(page, "mode", "Numbers")
    index = [each["read"] for each in fields(page, "table.png")].index("6.47")
    corrected(page, edit(page, "table.png", "6.41", index=index))
    choose(page, "mode", "A table")
    *cells, part = fields(page, "table.png")
    (cell,) = [each for each in cells if "6.47" in each["read"].split()]
    assert len(cell["read"].split()) > 1
    assert cell["text"] == cell["read"]
    assert cell["doubtful"]
    assert part["text"] == "6.41"
    assert "6.41" not in texts(page)["table.png"]


def test_the_correction_of_a_number_is_found_in_its_field(page: Any) -> None:
    from ocrdigit.app._form_tab import example_form

    upload(page, ("order.png", png(written_form({1: "274"}))))
    index = [each["read"] for each in fields(page, "order.png")].index("274")
    corrected(page, edit(page, "order.png", "279", index=index))
    form = Form([FormField("quantity", (300, 230, 320, 54), length=3)], picture=example_form())
    data = json.dumps(form.to_dict()).encode()
    choose(page, "mode", "A form")
    page.file_uploader(key="form file").set_value([("form.json", data, "application/json")])
    finished(page)
    (found,) = fields(page, "order.png")
    assert (found["label"], found["read"], found["text"]) == ("quantity", "274", "279")


def test_files_and_options_outlive_other_sources_and_modes(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    page.selectbox(key="format").set_value("time")
    finished(page)
    choose(page, "source", "Draw")
    choose(page, "mode", "A table")
    choose(page, "source", "Files")
    assert list(texts(choose(page, "mode", "Numbers"))) == ["row.png"]
    assert page.selectbox(key="format").value == "time"
    press(page, "Close them")
    assert "Page of numbers" in [button.label for button in page.button]
    assert not downloads(page)


def test_corrections_teach(page: Any, sample: Dataset) -> None:
    ones = np.full((60, 60), 255, np.uint8)
    ones[10:50, 28:33] = 0  # a 1, to be corrected to 4
    choose(page, "mode", "Single digits")
    upload(page, ("one.png", png(ones)))
    assert texts(page) == {"one.png": "1"}
    corrected(page, edit(page, "one.png", "4"))
    page.session_state["tab"] = "Look inside"
    finished(page)
    assert "Your corrections" in [heading.value for heading in page.subheader]
    press(page, "Train on the corrections")
    assert "now recognizes 1 of your 1 corrected digits" in page.success[0].value
    tuned = page.session_state["tuned"]
    assert tuned.score(sample.X_test, sample.y_test) > 0.95  # no catastrophic forgetting
    (found,) = fields(page, "one.png")
    assert (found["read"], found["text"]) == ("4", "4")  # the tuned model reads, too


# -- the tab for learners --


def answers(page: Any) -> list[str]:
    """Return what screen readers announce."""
    bodies = [each.proto.body for each in page.get("html")]
    return [text for body in bodies for text in re.findall(r'role="status"[^>]*>(.*)</div>', body)]


def test_explanations(page: Any, sample: Dataset) -> None:
    assert answers(page) == []  # computed only when the tab is open
    page.session_state["tab"] = "Look inside"
    choose(page, "digit source", "MNIST")
    probability = ocrdigit.predict_proba(sample.X_test[8])[8]
    assert answers(page) == [f"8, {probability:.1%} sure"]
    assert "Preprocessing, step by step" in [heading.value for heading in page.subheader]
    page.selectbox(key="model name").set_value("tiny")
    probability = ocrdigit.load("tiny").predict_proba(sample.X_test[8])[8]
    assert answers(finished(page)) == [f"8, {probability:.1%} sure"]


def test_digits_of_the_open_page_are_explained(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    page.session_state["tab"] = "Look inside"
    finished(page)
    selector = next(each for each in page.selectbox if each.label == r"Digit of row\.png")
    assert [option[:9] for option in selector.options] == [f"{d} of 1874" for d in "1874"]
    assert answers(page)[0].startswith("1, ")
    blank = np.full((60, 90), 255, np.uint8)
    upload(page, ("blank.png", png(blank)))
    assert answers(page)[0].startswith("Probably not a digit")


def test_an_answer_to_the_explained_digit_is_a_correction(page: Any) -> None:
    page.session_state["tab"] = "Look inside"
    choose(page, "digit source", "MNIST")
    page.selectbox(key="truth 8").set_value(3)
    press(page, "Save as a correction")
    ((image, truth),) = page.session_state["taught"]
    assert image.shape == (28, 28)
    assert truth == 3


def test_uploaded_model(page: Any, model_file: Path, fitted: Any, sample: Dataset) -> None:
    page.session_state["tab"] = "Look inside"
    choose(page, "digit source", "MNIST")
    page.selectbox(key="model name").set_value("A file of my own").run()
    file = (model_file.name, model_file.read_bytes(), "application/octet-stream")
    page.file_uploader(key="model file").set_value(file)
    probabilities = fitted.predict_proba(sample.X_test[8])
    expected = f"{probabilities.argmax()}, {probabilities.max():.1%} sure"
    assert answers(finished(page)) == [expected]
    page.file_uploader(key="model file").set_value(("m.safetensors", b"nothing", "a/b"))
    assert "not a safetensors file of ocrdigit" in finished(page).error[0].value


def test_the_selected_model_verifies_numbers(page: Any) -> None:
    upload(page, ("row.png", png(ROW)))
    page.selectbox(key="model name").set_value("tiny")
    finished(page)
    number = ocrdigit.read(ROW, model=ocrdigit.load("tiny")).numbers[0]
    (found,) = fields(page, "row.png")
    assert [mark["confidence"] for mark in found["marks"]] == pytest.approx(
        [digit.confidence for digit in number.digits]
    )


def test_script_of_the_reading_guide() -> None:
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
