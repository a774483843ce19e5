"""The page of the Streamlit app that makes templates of forms, without a browser."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ocrdigit
from ocrdigit import Form, FormField

testing = pytest.importorskip("streamlit.testing.v1")

from ocrdigit import _form_editor  # noqa: E402

APP = Path(ocrdigit.__file__).with_name("app.py")
FIELDS = [
    FormField("amount", (20, 20, 100, 30), pattern="integer"),
    FormField("code", (20, 80, 100, 30), "comb", columns=4),
    FormField("hours", (20, 120, 100, 60), "table", rows=2, columns=3),
]


def picture() -> np.ndarray:
    page = np.full((200, 150), 255, np.uint8)
    page[20:50:29, 20:120] = 0
    return page


def png(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(array).save(data, "png")
    return data.getvalue()


def pictures(page: Any) -> int:
    """Count the images; Streamlit's versions name them differently."""
    return len(page.get("imgs")) + len(page.get("image"))


@pytest.fixture
def page() -> Any:
    page = testing.AppTest.from_file(str(APP), default_timeout=120).run()
    page.radio(key="task").set_value("Make a form template").run()
    assert not page.exception
    return page


def upload(page: Any, key: str, name: str, data: bytes, kind: str) -> Any:
    page.file_uploader(key=key).set_value([(name, data, kind)])
    page.run()
    assert not page.exception
    return page


def test_it_asks_for_a_picture(page: Any) -> None:
    assert "Upload a scan or picture of the empty form" in page.info[0].value


def test_a_picture_gets_a_first_field(page: Any) -> None:
    upload(page, "form picture", "form.png", png(picture()), "image/png")
    assert not page.error
    assert pictures(page) == 1
    assert len(page.get("download_button")) == 1


def test_a_template_is_gone_on_with(page: Any) -> None:
    data = json.dumps(Form(FIELDS, picture=picture()).to_dict()).encode()
    upload(page, "form template", "form.json", data, "application/json")
    assert not page.error
    assert pictures(page) == 1
    assert len(page.get("download_button")) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00", "The template is not JSON"),
        (b"{}", 'must have the "format"'),
        (
            json.dumps({**Form(FIELDS, size=(150, 200)).to_dict(), "version": 9}).encode(),
            "version 9",
        ),
    ],
)
def test_bad_templates_are_errors(page: Any, data: bytes, message: str) -> None:
    upload(page, "form template", "form.json", data, "application/json")
    assert message in page.error[0].value
    assert not page.get("download_button")


def test_a_bad_picture_is_an_error(page: Any) -> None:
    upload(page, "form picture", "form.png", b"nothing", "image/png")
    assert "form.png" in page.error[0].value


def test_fields_outside_of_another_picture_are_errors(page: Any) -> None:
    data = json.dumps(Form(FIELDS, picture=picture()).to_dict()).encode()
    upload(page, "form template", "form.json", data, "application/json")
    upload(page, "form picture", "small.png", png(np.full((60, 90), 255, np.uint8)), "image/png")
    assert "leaves the page" in page.error[0].value
    assert not page.get("download_button")


def test_rows_are_fields() -> None:
    for field in FIELDS:
        row = {
            name: float("nan") if v is None else v
            for name, v in _form_editor._row_of(field).items()
        }
        row["x"] = float(row["x"])  # as a table of pandas has it
        assert _form_editor._field_of(row) == field


def test_rows_that_are_not_complete_are_refused() -> None:
    row = _form_editor._row_of(FIELDS[0])
    with pytest.raises(ValueError, match="field 'amount' has no width"):
        _form_editor._field_of({**row, "width": None})
    with pytest.raises(ValueError, match="field '' has no name"):
        _form_editor._field_of({**row, "name": ""})
