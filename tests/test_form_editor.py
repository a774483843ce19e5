"""The tab of the Streamlit page that makes templates of forms, without a browser."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from app_files import png

from ocrdigit import Form, FormField
from ocrdigit.app import PAGE
from ocrdigit.app._markdown import literal

testing = pytest.importorskip("streamlit.testing.v1")

from ocrdigit.app import _form_tab  # noqa: E402

FIELDS = [
    FormField("amount", (20, 20, 100, 30), pattern="integer"),
    FormField("code", (20, 80, 100, 30), "comb", columns=4),
    FormField("hours", (20, 120, 100, 60), "table", rows=2, columns=3),
]


def picture() -> np.ndarray:
    page = np.full((200, 150), 255, np.uint8)
    page[20:50:29, 20:120] = 0
    return page


def template(**options: Any) -> bytes:
    return json.dumps(Form(FIELDS, **options).to_dict()).encode()


@pytest.fixture
def page() -> Any:
    page = testing.AppTest.from_file(PAGE, default_timeout=120).run()
    assert not page.exception
    return page


def upload(page: Any, key: str, name: str, data: bytes, kind: str) -> Any:
    page.file_uploader(key=key).set_value([(name, data, kind)])
    page.run()
    assert not page.exception
    return page


def canvas(page: Any) -> dict[str, Any] | None:
    """Return the data of the canvas, or None without one."""
    protos = [each.proto for each in page.get("bidi_component")]
    found = [each for each in protos if each.component_name == "ocrdigit.form_canvas"]
    return json.loads(found[0].json) if found else None


def saves(page: Any) -> bool:
    return "Save the template" in [button.label for button in page.get("download_button")]


def test_it_offers_an_example(page: Any) -> None:
    assert canvas(page) is None
    next(each for each in page.button if each.label == "Try an example form").click().run()
    assert canvas(page)["size"] == [840, 560]
    assert canvas(page)["fields"] == []
    assert not saves(page)


def test_a_picture_has_no_field_at_first(page: Any) -> None:
    upload(page, "form picture", "form.png", png(picture()), "image/png")
    assert not page.error
    data = canvas(page)
    assert (data["size"], data["fields"], data["error"]) == ([150, 200], [], None)


def test_a_template_is_gone_on_with(page: Any) -> None:
    upload(page, "form template", "form.json", template(picture=picture()), "application/json")
    assert [each["name"] for each in canvas(page)["fields"]] == ["amount", "code", "hours"]
    assert saves(page)
    form = page.session_state["form"]
    assert list(form.fields) == FIELDS
    assert np.array_equal(form.picture, picture())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00", "form.json is not JSON"),
        (b"{}", 'must have the "format"'),
        (template(size=(150, 200)).replace(b'"version": 1', b'"version": 9'), "version 9"),
        (template(size=(150, 200)), "has no picture"),
    ],
)
def test_bad_templates_are_errors(page: Any, data: bytes, message: str) -> None:
    upload(page, "form template", "form.json", data, "application/json")
    assert literal(message) in page.error[0].value
    assert canvas(page) is None


def test_a_bad_picture_is_an_error(page: Any) -> None:
    upload(page, "form picture", "form.png", b"nothing", "image/png")
    assert literal("form.png") in page.error[0].value


def test_fields_outside_of_another_picture_are_errors(page: Any) -> None:
    upload(page, "form template", "form.json", template(picture=picture()), "application/json")
    upload(page, "form picture", "small.png", png(np.full((60, 90), 255, np.uint8)), "image/png")
    assert "leaves the page" in canvas(page)["error"]
    assert not saves(page)


def test_fields_of_the_canvas_are_fields_of_the_form() -> None:
    drawn = [_form_tab.properties(field) for field in FIELDS]
    form, error = _form_tab.make_form(drawn, picture())
    assert error is None
    assert list(form.fields) == FIELDS
    assert _form_tab.make_form([], picture()) == (None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name"),
        ({"box": [20, 20, 4, 30]}, "at least 8 pixels"),
        ({"pattern": "("}, "field 'amount'"),
        ({"box": [20, 70, 100, 30]}, "overlap"),
    ],
)
def test_wrong_fields_say_why(change: dict[str, Any], message: str) -> None:
    drawn = [_form_tab.properties(field) for field in FIELDS]
    form, error = _form_tab.make_form([{**drawn[0], **change}, *drawn[1:]], picture())
    assert form is None
    assert message in error
