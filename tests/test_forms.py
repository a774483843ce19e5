"""Templates of forms, their files, alignment and reading."""

from __future__ import annotations

import json
import pickle
import re
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ocrdigit
from ocrdigit import Form, FormField, _core
from ocrdigit.forms import Alignment, FormReading

sys.path.append(str(Path(__file__).parent / "bench"))

import forms as bench
from form_pages import CAPTURES, KINDS, MadeUpForm, MadeUpPage, make_form, make_page

SIZE = (620, 877)
FIELDS = (
    FormField("amount", (150, 160, 200, 44), decimal="."),
    FormField("code", (150, 260, 264, 44), "comb", columns=6),
    FormField("hours", (100, 360, 420, 132), "table", rows=3, columns=4),
)


def draw_form() -> np.ndarray:
    """Return an empty form: labels, a box, a comb and a table."""
    from PIL import ImageDraw, ImageFont

    picture = Image.new("L", SIZE, 255)
    canvas = ImageDraw.Draw(picture)
    font = ImageFont.load_default(22)
    for text, at in (
        ("Claim of expenses 7041", (60, 40)),
        ("Amount", (50, 170)),
        ("Code", (60, 270)),
    ):
        canvas.text(at, text, 0, font)
    for line in range(8):
        canvas.text((60, 560 + 30 * line), f"{line}. Terms and conditions of use apply", 0, font)
    for field in FIELDS:
        x, y, w, h = field.box
        for k in range((field.rows or 1) + 1):
            top = y + k * h // (field.rows or 1)
            canvas.line([(x, top), (x + w, top)], 0, 2)
        for k in range((field.columns or 1) + 1):
            left = x + k * w // (field.columns or 1)
            canvas.line([(left, y), (left, y + h)], 0, 2)
    return np.asarray(picture)


def write(page: np.ndarray, text: str, box: tuple[int, int, int, int], seed: int) -> None:
    """Write digits of the sample in the middle of a box, in place."""
    sample = ocrdigit.datasets.load_sample()
    x, y, w, h = box
    side = int(0.8 * h)
    step = 0.62 * side
    left = x + (w - step * len(text)) / 2
    for k, digit in enumerate(text):
        found = np.flatnonzero(sample.y_test == int(digit))
        ink = ocrdigit.image.resize(sample.X_test[found[seed % len(found)]], (side, side))
        top, start = y + (h - side) // 2, int(left + k * step - 0.19 * side)
        window = page[top : top + side, start : start + side]
        np.minimum(window, 255 - ink, out=window)


def fill(texts: dict[str, str]) -> np.ndarray:
    """Return the form with texts in its fields; a comb has a digit in each box."""
    page = draw_form().copy()
    for field in FIELDS:
        text = texts.get(field.name, "")
        x, y, w, h = field.box
        if field.kind == "field":
            write(page, text, field.box, 3)
        cells = text.split(" ") if field.kind == "table" else text
        rows, columns = field.rows or 1, field.columns or 1
        if field.kind != "field":
            for k, cell in enumerate(cells):
                i, j = divmod(k, columns)
                box = (x + j * w // columns, y + i * h // rows, w // columns, h // rows)
                write(page, cell, box, 3)
    return page


def moved(page: np.ndarray, degrees: float, shift: tuple[float, float], scale: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    h, w = page.shape
    x, y = w / 2, h / 2
    matrix = [[a, -b, x + shift[0] - a * x + b * y], [b, a, y + shift[1] - b * x - a * y]]
    return ocrdigit.image.warp_affine(
        page, np.array(matrix), (w, h), border="constant", border_value=235
    )


@pytest.fixture(scope="module")
def form() -> Form:
    return Form(FIELDS, picture=draw_form())


TEXTS = {"amount": "4719", "code": "204613", "hours": "1 20 3 45 6 7 81 9 10 2 3 40"}


@pytest.fixture(scope="module")
def reading(form: Form) -> FormReading:
    return form.read(moved(fill(TEXTS), 2, (12, -9), 0.98))


# -- reading --


def test_fields_are_read(reading: FormReading) -> None:
    assert list(reading) == ["amount", "code", "hours"]
    assert len(reading) == 3
    assert reading["amount"].text == "4719"
    assert reading["amount"].value == Decimal(4719)
    assert reading["code"].text == "204613"
    cells = [text for row in reading["hours"].table.to_lists() for text in row]
    assert sum(a == b for a, b in zip(cells, TEXTS["hours"].split(), strict=True)) >= 10
    assert reading["hours"].value is None
    assert reading.missing == ()
    assert all(0 < field.confidence <= 1 for field in reading.values())


def test_boxes_are_in_the_scan(reading: FormReading) -> None:
    for name in ("amount", "code"):
        x, y, w, h = reading[name].box
        for number in reading[name].numbers:
            left, top, width, height = number.box
            assert x - 3 <= left
            assert y - 3 <= top
            assert left + width <= x + w + 3
            assert top + height <= y + h + 3
    corners = reading.alignment.corners(FIELDS[0].box)
    np.testing.assert_allclose(reading["amount"].corners, corners)


def test_alignment_tells_the_motion(reading: FormReading) -> None:
    alignment = reading.alignment
    assert alignment.matrix.shape == (3, 3)
    assert alignment.matrix[2, 2] == 1
    assert alignment.found > 0.8
    assert 0 <= alignment.residual < 0.6
    angle = np.rad2deg(np.arctan2(alignment.matrix[1, 0], alignment.matrix[0, 0]))
    assert abs(angle - 2) < 0.1
    middle = alignment.map([(SIZE[0] / 2, SIZE[1] / 2)])[0]
    np.testing.assert_allclose(middle, [SIZE[0] / 2 + 12, SIZE[1] / 2 - 9], atol=0.5)


def test_empty_fields_are_missing(form: Form) -> None:
    reading = form.read(fill({"code": "2046"}))
    assert reading.missing == ("amount", "hours")
    assert reading["amount"].status == "empty"
    assert reading["amount"].text == ""
    assert reading["code"].text == "2046"
    assert reading["hours"].table.to_lists() == [[""] * 4] * 3
    assert reading["hours"].confidence == 1


def test_what_is_no_number_is_unreadable(form: Form) -> None:
    page = fill({})
    page[172:192:2, 180:330] = 0  # a hatched block
    reading = form.read(page)
    assert reading["amount"].status == "unreadable"
    assert reading["amount"].confidence == 0
    assert "amount" in reading.missing


def test_pattern_of_a_field() -> None:
    fields = [FormField("amount", FIELDS[0].box, pattern=r"\d\d\.\d\d"), *FIELDS[1:]]
    reading = Form(fields, picture=draw_form()).read(fill(TEXTS))
    assert reading["amount"].text == "47.19"
    assert reading["amount"].value == Decimal("47.19")


def test_length_of_a_comb() -> None:
    fields = [FIELDS[0], FormField("code", FIELDS[1].box, "comb", columns=6, length=6), FIELDS[2]]
    assert Form(fields, picture=draw_form()).read(fill(TEXTS))["code"].text == "204613"


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_page(form: Form, turns: int) -> None:
    reading = form.read(np.ascontiguousarray(np.rot90(fill(TEXTS), turns)))
    assert reading["amount"].text == "4719"
    assert reading["code"].text == "204613"


def test_negative_and_large_scans(form: Form) -> None:
    page = fill(TEXTS)
    assert form.read(255 - page)["amount"].text == "4719"
    large = ocrdigit.image.resize(page, (2 * SIZE[0], 2 * SIZE[1]))
    reading = form.read(np.stack([large] * 3, axis=2))
    assert reading["amount"].text == "4719"
    assert reading.alignment.matrix[0, 0] == pytest.approx(2, abs=0.01)


def test_without_picture_outlines_align() -> None:
    reading = Form(FIELDS, size=SIZE).read(moved(fill(TEXTS), -1, (5, 8), 1.0))
    assert reading["amount"].text == "4719"
    assert reading["code"].text == "204613"


def test_print_in_a_field_is_not_read() -> None:
    """A preprinted digit in the region is read only if the picture is not of the empty form."""
    empty = draw_form().copy()
    write(empty, "8", (150, 160, 50, 44), 0)
    page = np.minimum(empty, fill({"amount": "4719"}))
    assert Form(FIELDS, picture=empty).read(page)["amount"].text == "4719"
    kept = Form(FIELDS, picture=empty, empty=False).read(page)["amount"].text
    assert kept.replace(" ", "") == "84719"


def test_exports(reading: FormReading) -> None:
    found = json.loads(json.dumps(reading.to_dict()))
    assert found["missing"] == []
    assert [field["name"] for field in found["fields"]] == list(reading)
    assert found["fields"][0]["value"] == "4719"
    assert len(found["fields"][2]["table"]["cells"]) == 12
    assert np.array(found["alignment"]["matrix"]).shape == (3, 3)
    drawn = reading.draw()
    assert drawn.size == SIZE
    assert np.asarray(drawn).std(axis=2).max() > 50  # in colours
    assert reading._repr_png_().startswith(b"\x89PNG")


def test_forms_and_readings_are_picklable(form: Form, reading: FormReading) -> None:
    copy = pickle.loads(pickle.dumps(form))
    page = fill(TEXTS)
    assert copy.read(page).to_dict() == form.read(page).to_dict()
    assert pickle.loads(pickle.dumps(reading)).to_dict() == reading.to_dict()


# -- alignment on scans and photos --


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("capture", CAPTURES)
def test_fields_are_placed(kind: str, capture: str) -> None:
    """On pages that no threshold was chosen on; tests/bench/forms.py measures hundreds."""
    made_up = make_form(kind, 77)
    template = bench.template_of(made_up, "filled")
    page = make_page(made_up, capture, 5)
    reading = template.read(page.image)
    assert bench.placement_errors(page, reading.alignment.matrix).max() < 3


def test_bench_counts() -> None:
    made_up = MadeUpForm("marks", 0, draw_form(), ())
    page = MadeUpPage(made_up, draw_form(), np.eye(3), {})
    assert len(bench.placement_errors(page, np.eye(3))) == 0
    score = bench.Score()
    score._count("field", "12", "12")
    score._count("field", "", "1")
    assert score.right == {"field": [True], "empty field": [False]}


# -- files --


def test_file_round_trip(form: Form, tmp_path: Path) -> None:
    path = tmp_path / "form.json"
    form.save(path)
    loaded = Form.load(path)
    assert loaded.to_dict() == form.to_dict()
    assert loaded.fields == form.fields
    assert np.array_equal(loaded.picture, form.picture)
    filled = Form(FIELDS, picture=draw_form(), empty=False)
    assert Form.from_dict(filled.to_dict()).empty is False
    assert Form.from_dict(Form(FIELDS, size=SIZE).to_dict()).picture is None


def test_file_is_readable(tmp_path: Path) -> None:
    path = tmp_path / "form.json"
    field = FormField("größe", (10, 10, 50, 20), lexicon=("12", "13"), length=(1, 2))
    Form([field], size=(100, 50)).save(path)
    text = path.read_text("utf-8")
    assert '{"name": "größe", "box": [10, 10, 50, 20], "length": [1, 2]' in text
    assert Form.load(path).fields == (field,)


def spoiled(**changes: object) -> dict[str, object]:
    return {**Form(FIELDS, size=SIZE).to_dict(), **changes}


BAD_FILES = {
    "not JSON": (b"\x00\x01", "must be JSON"),
    "half of it": (b'{"format": ', "must be JSON"),
    "another file": (b"[1, 2]", "format"),
    "wrong version": (spoiled(version=2), "version 2, expected version 1"),
    "no fields": (spoiled(fields=[]), "fields must be 1 to 1,000, got 0"),
    "fields no list": (spoiled(fields={}), '"fields" must be a list'),
    "unknown key": (spoiled(colour=1), "unknown 'colour'"),
    "unknown field key": (
        spoiled(fields=[{"name": "a", "box": [0, 0, 9, 9], "ink": 1}]), "unknown 'ink'",
    ),
    "field without box": (spoiled(fields=[{"name": "a"}]), "has no 'box'"),
    "field no object": (spoiled(fields=[3]), "fields[0] must be an object"),
    "picture no base64": (spoiled(picture="%%"), "must be base64"),
    "picture no image": (spoiled(picture="AAAA"), "not an image"),
    "picture a number": (spoiled(picture=5), "must be base64"),
    "width 0": (spoiled(width=0), "width must be a positive integer"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(case: str, tmp_path: Path) -> None:
    content, message = BAD_FILES[case]
    path = tmp_path / "bad.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        Form.load(path)
    assert str(caught.value).startswith(str(path))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Form.load(tmp_path / "none.json")
    with pytest.raises(OSError, match="cannot write"):
        Form(FIELDS, size=SIZE).save(tmp_path / "none" / "form.json")


# -- arguments --

BOX = (10, 10, 50, 20)
BAD_FIELDS = {
    "name of another type": (lambda: FormField(3, BOX), TypeError, "name must be a str"),
    "empty name": (lambda: FormField(" ", BOX), ValueError, "name must not be empty"),
    "box of three": (lambda: FormField("a", (1, 2, 3)), TypeError, "box must be four integers"),
    "box of floats": (lambda: FormField("a", (1.5, 2, 30, 40)), TypeError, "four integers"),
    "small box": (lambda: FormField("a", (1, 2, 3, 40)), ValueError, "at least 8 pixels"),
    "unknown kind": (lambda: FormField("a", BOX, "grid"), ValueError, "'a': kind must be one of"),
    "unknown pattern": (
        lambda: FormField("a", BOX, pattern="postcode"), ValueError, "'a': pattern",
    ),
    "pattern no str": (lambda: FormField("a", BOX, pattern=3), TypeError, "pattern must be a str"),
    "unknown symbols": (lambda: FormField("a", BOX, symbols="letters"), ValueError, "symbols"),
    "bad length": (lambda: FormField("a", BOX, length=(3, 1)), ValueError, "length"),
    "lexicon a str": (lambda: FormField("a", BOX, lexicon="12"), TypeError, "lexicon"),
    "bad decimal": (lambda: FormField("a", BOX, decimal=";"), ValueError, "decimal"),
    "comb without columns": (lambda: FormField("a", BOX, "comb"), ValueError, "needs columns"),
    "comb with rows": (
        lambda: FormField("a", BOX, "comb", rows=1, columns=3), ValueError, "comb has no rows",
    ),
    "field with columns": (lambda: FormField("a", BOX, columns=3), ValueError, "has no columns"),
    "table without rows": (
        lambda: FormField("a", BOX, "table", columns=3), ValueError, "needs rows and columns",
    ),
    "table with pattern": (
        lambda: FormField("a", BOX, "table", rows=2, columns=3, pattern="integer"),
        ValueError, "table takes no pattern",
    ),
    "too many cells": (
        lambda: FormField("a", BOX, "table", rows=900, columns=900), ValueError, "40,000 cells",
    ),
    "columns 0": (lambda: FormField("a", BOX, "comb", columns=0), ValueError, "columns must be"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FIELDS)
def test_bad_fields(case: str) -> None:
    make, kind, message = BAD_FIELDS[case]
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value)


FIELD = FormField("a", BOX)
BAD_FORMS = {
    "no fields": (lambda: Form([], size=SIZE), ValueError, "fields must be 1 to 1,000, got 0"),
    "fields no iterable": (lambda: Form(3, size=SIZE), TypeError, "fields must be an iterable"),
    "a dict as field": (lambda: Form([{}], size=SIZE), TypeError, "must be FormField, got {}"),
    "no size": (lambda: Form([FIELD]), ValueError, "size is required"),
    "size a number": (lambda: Form([FIELD], size=3), TypeError, "size must be a pair"),
    "size too large": (lambda: Form([FIELD], size=(9, 99999)), ValueError, "in 16..16384"),
    "outside": (
        lambda: Form([FormField("a", (600, 10, 50, 20))], size=SIZE),
        ValueError, "field 'a' leaves the page: box (600, 10, 50, 20), page 620 x 877",
    ),
    "left of the page": (
        lambda: Form([FormField("a", (-1, 10, 50, 20))], size=SIZE), ValueError, "leaves the page",
    ),
    "overlap": (
        lambda: Form([FIELD, FormField("b", (40, 20, 50, 20))], size=SIZE),
        ValueError, "fields 'a' and 'b' overlap",
    ),
    "duplicate": (
        lambda: Form([FIELD, FormField("a", (200, 20, 50, 20))], size=SIZE),
        ValueError, "two fields have the name 'a'",
    ),
    "picture of another size": (
        lambda: Form([FIELD], size=SIZE, picture=np.zeros((90, 90), np.uint8)),
        ValueError, "picture has 90 x 90 pixels",
    ),
    "empty no bool": (lambda: Form([FIELD], size=SIZE, empty=1), TypeError, "empty must be a bool"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FORMS)
def test_bad_forms(case: str) -> None:
    make, kind, message = BAD_FORMS[case]
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value)


def test_fields_that_touch_are_accepted() -> None:
    assert len(Form([FIELD, FormField("b", (60, 10, 50, 20))], size=SIZE).fields) == 2


BAD_PAGES = {
    "blank": np.full((877, 620), 255, np.uint8),
    "one pixel": np.zeros((1, 1), np.uint8),
    "a line of pixels": np.zeros((1, 500), np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (877, 620), np.uint8),
    "another form": make_form("marks", 3).picture,
    "other numbers": ocrdigit.datasets.load_page().image,
}


@pytest.mark.parametrize("case", BAD_PAGES)
def test_other_images_are_refused(form: Form, case: str) -> None:
    with pytest.raises(ValueError, match=r"image does not show this form: .* of its print"):
        form.read(BAD_PAGES[case])


def test_a_form_without_print_finds_nothing() -> None:
    blank = Form([FIELD], picture=np.full((200, 200), 255, np.uint8))
    with pytest.raises(ValueError, match="does not show this form"):
        blank.read(draw_form(), min_found=0)


def test_bad_arguments_of_read(form: Form) -> None:
    page = fill(TEXTS)
    with pytest.raises(TypeError, match="model must be a DigitClassifier"):
        form.read(page, model="default")
    with pytest.raises(ValueError, match=r"min_found must be in 0\.\.1"):
        form.read(page, min_found=2)
    with pytest.raises(TypeError, match="image"):
        form.read(3)
    with pytest.raises(FileNotFoundError):
        form.read("missing.png")
    with pytest.raises(ValueError, match="expected at least 100%"):
        form.read(moved(page, 2, (40, 40), 0.98), min_found=1)


def test_another_classifier(form: Form) -> None:
    reading = form.read(fill(TEXTS), model=ocrdigit.load("large"))
    assert reading["code"].text == "204613"


# -- the core --


def test_core_refuses_bad_arguments() -> None:
    picture = np.zeros((40, 30), np.uint8)
    with pytest.raises(ValueError, match="expected 9 numbers"):
        _core.warp_perspective(picture, [1, 0, 0], 5, 5)
    with pytest.raises((TypeError, ValueError), match="h"):
        _core.warp_perspective(picture, np.eye(3).ravel().tolist(), 0, 5)
    with pytest.raises(ValueError, match=r"print has shape \(9, 30\), expected \(40, 30\)"):
        _core.erase_print(picture, picture, np.zeros((9, 30), np.uint8), 2)
    with pytest.raises(ValueError, match="slack"):
        _core.erase_print(picture, picture, picture, 99)
    with pytest.raises((TypeError, ValueError), match="page"):
        _core.register_page(picture, picture.astype(float))
    assert not _core.page_foreground(picture, dark=False)[1]


def test_warp_samples_the_image() -> None:
    picture = np.arange(200, dtype=np.uint8).reshape(10, 20)
    shifted = _core.warp_perspective(picture, [1, 0, 3, 0, 1, 2, 0, 0, 1], 8, 17)
    assert np.array_equal(shifted, picture[2:, 3:])


def test_drawing_of_a_template(form: Form) -> None:
    assert form.draw().size == SIZE
    assert form._repr_png_().startswith(b"\x89PNG")
    assert repr(form) == "Form(3 fields on 620 x 877 pixels)"
    assert Form(FIELDS, size=SIZE).draw().getpixel((150, 200)) == (26, 127, 75)


def test_alignment_maps_points() -> None:
    matrix = np.array([[1, 0, 5], [0, 1, 0], [0, 0.001, 1]])
    found = Alignment(matrix, 1.0, 0.0).map([(10, 100)])
    np.testing.assert_allclose(found, [[15 / 1.1, 100 / 1.1]])
