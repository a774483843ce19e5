"""The recognizers of ``read`` by name: what "fast" leaves out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image
from test_table import TEXTS, filled, right_cells

import ocrdigit
from ocrdigit import DigitClassifier, _core, synth
from ocrdigit._recognizers import RECOGNIZERS
from ocrdigit.cli import main
from ocrdigit.evaluation import evaluate_reading
from ocrdigit.models.recognizer import shipped_fusion, shipped_recognizer

TEXT = "1874"


@pytest.fixture(scope="module")
def field() -> NDArray[np.uint8]:
    return synth.string(TEXT, height=64, random_state=3).image


@pytest.fixture(scope="module")
def touching() -> list[NDArray[np.uint8]]:
    """Fields that are hard to read, so that scales disagree on some."""
    return [p.image for p in synth.strings(12, length=(4, 6), style="touching", random_state=5)]


def tables(
    page: NDArray[np.uint8], classifier: _core.Classifier, **options: bool
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float64]]:
    return _core.read_symbols(
        shipped_recognizer(),
        page,
        classifier=classifier,
        fusion=shipped_fusion().to_dict(),
        shortcuts=options,
    )


@pytest.fixture(scope="module")
def classifier() -> _core.Classifier:
    return DigitClassifier.load(ocrdigit.models.path_of("default"))._fitted_classifier()


def test_fast_reads(field: NDArray[np.uint8]) -> None:
    for form in (field, 255 - field):
        assert ocrdigit.read(form, recognizer="fast").text == TEXT
    assert ocrdigit.read(field, recognizer="fast", pattern=r"\d\d:\d\d").text == "18:74"
    found = ocrdigit.read(field, recognizer="fast", length=4, alternatives=3)
    assert found.alternatives[0][0].text == TEXT
    assert ocrdigit.read(field).to_dict() == ocrdigit.read(field, recognizer="default").to_dict()


def test_one_scale(touching: list[NDArray[np.uint8]], classifier: _core.Classifier) -> None:
    voted = [tables(page, classifier) for page in touching]
    alone = [tables(page, classifier, one_scale=True) for page in touching]
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(voted, alone, strict=True))
    assert not any(qualities[:, 2].any() for _, _, qualities in alone)  # it agrees with itself


def test_one_reading() -> None:
    page = ocrdigit.datasets.load_page().image
    turned = np.rot90(page, 2)
    assert ocrdigit.read(turned).text == ocrdigit.read(page).text
    fast = [ocrdigit.read(each, recognizer="fast").text for each in (page, turned)]
    assert fast[0] != fast[1]


def test_fast_verifies_in_int8(field: NDArray[np.uint8]) -> None:
    int8 = ocrdigit.load("default", precision="int8")
    expected = ocrdigit.read(field, recognizer="fast", model=int8).to_dict()
    assert ocrdigit.read(field, recognizer="fast").to_dict() == expected
    precise = ocrdigit.read(field, recognizer="fast", model=ocrdigit.load("default"))
    assert precise.to_dict() != expected
    assert ocrdigit.load("default").precision == "float32"


def test_explain(field: NDArray[np.uint8]) -> None:
    digits = ocrdigit.read(field, recognizer="fast", explain=True).digits
    assert all(d.explanation is not None and d.explanation.digit == d.value for d in digits)


def test_read_many(field: NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(field).save(tmp_path / "a.png")
    (found,) = ocrdigit.read_many([tmp_path / "a.png"], recognizer="fast", progress=False)
    assert found.to_dict()["rows"] == ocrdigit.read(field, recognizer="fast").to_dict()["rows"]


def test_read_table() -> None:
    page = filled(TEXTS)
    found = [ocrdigit.read_table(page, recognizer=recognizer) for recognizer in RECOGNIZERS]
    assert [right_cells(table, TEXTS) for table in found] == [1, 1]
    assert found[0].to_dict() != found[1].to_dict()  # confidences, at least


def test_evaluate_reading(field: NDArray[np.uint8]) -> None:
    turned = np.rot90(field, 2)
    result = evaluate_reading([(field, TEXT), (turned, TEXT)], recognizer="fast")
    assert [each.text == TEXT for each in result.fields] == [True, False]
    assert result.settings == "recognizer fast"
    assert evaluate_reading([(field, TEXT)], recognizer="default").settings == ""


def test_commands(field: NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(field).save(tmp_path / "a.png")
    run = CliRunner().invoke
    found = run(main, ["read", "a.png", "--recognizer", "fast", "--json"])
    assert found.exit_code == 0, found.output
    expected = ocrdigit.read(field, recognizer="fast").to_dict()
    assert json.loads(found.output) == json.loads(json.dumps([{"file": "a.png", **expected}]))
    with open(tmp_path / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "text"), ("a.png", TEXT)])
    found = run(main, ["evaluate", "--reading", "labels.csv", "--recognizer", "fast", "--json"])
    assert json.loads(found.output)["settings"] == "recognizer fast"
    assert run(main, ["evaluate", "--recognizer", "fast"]).exit_code == 2  # without --reading
    assert run(main, ["table", "a.png", "--recognizer", "fast"]).exit_code == 0
    assert run(main, ["read", "a.png", "--recognizer", "quick"]).exit_code == 2


class TestBadInput:
    def test_names(self, field: NDArray[np.uint8]) -> None:
        for function in (ocrdigit.read, ocrdigit.read_table):
            with pytest.raises(ValueError, match=r"recognizer must be .*default.*fast.*'quick'"):
                function(field, recognizer="quick")
            with pytest.raises((TypeError, ValueError), match="recognizer must be"):
                function(field, recognizer=None)  # type: ignore[arg-type]

    def test_shortcuts(self, field: NDArray[np.uint8], classifier: _core.Classifier) -> None:
        with pytest.raises(ValueError, match="shortcuts: unknown 'speed', expected only"):
            tables(field, classifier, speed=True)
        with pytest.raises(TypeError, match="one_scale"):
            tables(field, classifier, one_scale=1)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="shortcuts"):
            _core.read_symbols(shipped_recognizer(), field, shortcuts=3)  # type: ignore[arg-type]
