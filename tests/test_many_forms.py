"""Reading many scans of a form: results, tables, and the command."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from test_forms import FIELDS, TEXTS, draw_form, fill, moved

import ocrdigit
from ocrdigit import Form
from ocrdigit.batch import Source
from ocrdigit.cli import main
from ocrdigit.forms import FormResult
from ocrdigit.forms._many import FormJob


@pytest.fixture(scope="module")
def form() -> Form:
    return Form(FIELDS, picture=draw_form())


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled, a turned and an empty form; one of two pages; another picture; no picture."""
    folder = tmp_path_factory.mktemp("scans")
    filled = fill(TEXTS)
    pages = {
        "a.png": filled,
        "b.png": moved(filled, 2, (8, -6), 1.02),
        "c.png": draw_form(),
        "e.png": np.full((400, 300), 255, np.uint8),
    }
    for name, page in pages.items():
        Image.fromarray(page).save(folder / name)
    first, second = Image.fromarray(filled), Image.fromarray(fill({"amount": "83"}))
    first.save(folder / "d.tif", save_all=True, append_images=[second])
    (folder / "f.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def results(form: Form, scans: Path) -> list[FormResult]:
    return list(form.read_many(scans, on_error="return", progress=False))


def test_results_equal_those_of_read(form: Form, scans: Path, results: list[FormResult]) -> None:
    assert [Path(result.source).name for result in results] == [
        *("a.png", "b.png", "c.png", "d.tif", "d.tif", "e.png", "f.png")
    ]
    assert [result.page for result in results] == [0, 0, 0, 0, 1, 0, None]
    for result, name in zip(results[:3], ("a.png", "b.png", "c.png"), strict=True):
        assert result.fields == form.read(scans / name).fields
    for page in (0, 1):
        assert results[3 + page].fields == form.read(scans / "d.tif", page=page).fields
    assert results[0]["amount"].text == TEXTS["amount"]
    assert results[4]["amount"].text == "83"
    assert [*results[0]] == [field.name for field in FIELDS]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"page": 2}, ValueError, "selects page 3 of .*which has 2 pages"),
        ({"page": -1}, ValueError, "page must be an integer in 0"),
        ({"page": "1"}, TypeError, "page must be an integer in 0"),
        ({"recognizer": "quick"}, ValueError, "recognizer must be"),
    ],
)
def test_invalid_arguments_of_read(
    form: Form, scans: Path, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        form.read(scans / "d.tif", **arguments)  # type: ignore[arg-type]


def test_fast_recognizer(form: Form, scans: Path) -> None:
    (result,) = form.read_many(scans / "a.png", recognizer="fast", progress=False)
    reading = form.read(scans / "a.png", recognizer="fast")
    assert result.fields == reading.fields
    assert reading["amount"].text == TEXTS["amount"]
    # One scale instead of a vote of several: other confidences.
    assert reading["amount"].confidence != form.read(scans / "a.png")["amount"].confidence


def test_numbers_have_the_page(results: list[FormResult]) -> None:
    pages = [{n.page for found in result.values() for n in found.numbers} for result in results]
    assert pages[:5] == [{0}, {0}, set(), {0}, {1}]


def test_unfitted_model(form: Form, scans: Path) -> None:
    with pytest.raises(ValueError, match="no model yet"):
        form.read(scans / "a.png", model=ocrdigit.DigitClassifier())
    with pytest.raises(ValueError, match="no model yet"):
        form.read_many([], model=ocrdigit.DigitClassifier())


def test_statuses(form: Form, scans: Path, results: list[FormResult]) -> None:
    assert [result.status for result in results[2:]] == [
        *("empty", "read", "read", "failed", "failed")
    ]
    assert "does not show this form" in str(results[5].error)
    strict = next(form.read_many(scans / "a.png", min_confidence=1.0, progress=False))
    assert strict.status == strict.status_of("amount") == "review"
    with pytest.raises(ValueError, match=r"e\.png|does not show"):
        list(form.read_many([scans / "e.png"], progress=False))


def test_pages_are_kept_on_request_only(form: Form, scans: Path) -> None:
    assert next(form.read_many(scans / "a.png", progress=False)).reading is None
    kept = next(form.read_many(scans / "a.png", keep_pages=True, progress=False))
    assert kept.reading.page.shape == draw_form().shape


def test_job_can_be_pickled(form: Form, scans: Path) -> None:
    job = FormJob(form, min_confidence=0.9, model=ocrdigit.load("tiny"))
    copy = pickle.loads(pickle.dumps(job))
    assert copy.settings == job.settings
    assert copy.settings != FormJob(form).settings
    source = Source("a", str(scans / "a.png"))
    assert copy.run(source)[0].fields == job.run(source)[0].fields


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"min_found": 2}, ValueError, "min_found"),
        ({"min_confidence": "high"}, TypeError, "min_confidence"),
        ({"on_error": "skip"}, ValueError, "on_error"),
        ({"n_jobs": 0}, ValueError, "n_jobs"),
        ({"model": "tiny"}, TypeError, "model"),
    ],
)
def test_wrong_parameters(
    form: Form, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        form.read_many([], **options)


# -- the command --


@pytest.fixture
def template(form: Form, tmp_path: Path) -> str:
    form.save(tmp_path / "form.json")
    return str(tmp_path / "form.json")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["form", *map(str, arguments)])


def test_printing(template: str, scans: Path) -> None:
    result = run(template, scans / "a.png", scans / "c.png")
    assert result.exit_code == 0
    assert f"{scans}/a.png: amount: {TEXTS['amount']}" in result.stdout
    assert f"{scans}/c.png: amount: (empty)" in result.stdout
    answers = json.loads(run(template, scans / "a.png", "--json").stdout)
    assert answers[0]["status"] == "read"
    assert [field["name"] for field in answers[0]["fields"]] == ["amount", "code", "hours"]


def test_table(template: str, scans: Path, results: list[FormResult]) -> None:
    result = run(template, scans, "--out", "fields.csv", "--quiet")
    assert result.exit_code == 1
    assert "f.png" in result.stderr
    with open("fields.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(result.to_rows()) for result in results) == 5 * 3 + 2
    assert rows[0]["field"] == "amount"
    assert rows[-1]["status"] == "failed"
    again = run(template, scans, "--out", "fields.csv")
    assert again.exit_code == 1
    assert "exists" in again.stderr


@pytest.mark.parametrize("options", ["--resume", "--overwrite", "--out t.csv --json"])
def test_wrong_usage(template: str, scans: Path, options: str) -> None:
    assert run(template, scans, *options.split()).exit_code == 2
