"""Evaluating a model: the numbers are right, and the page holds what it should."""

from __future__ import annotations

import doctest
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import small_model

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset
from ocrdigit.evaluation import (
    Evaluation,
    _evaluate,
    _figures,
    corruptions,
    evaluate,
    metrics,
)


class Oracle:
    """Answers from a list, whatever it is shown: as sure of each as told."""

    def __init__(self, answers: np.ndarray, sure: float = 0.91) -> None:
        self.table = np.full((len(answers), 10), (1 - sure) / 9, np.float32)
        self.table[np.arange(len(answers)), answers] = sure

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        assert X.dtype == np.uint8
        return self.table


@pytest.fixture(scope="module")
def seen(fitted: DigitClassifier, sample: Dataset) -> Evaluation:
    return evaluate(fitted, sample.X_test[:300], sample.y_test[:300], random_state=1)


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(_evaluate)
    assert tried
    assert not failed


# -- numbers --


def test_numbers_agree(seen: Evaluation, fitted: DigitClassifier, sample: Dataset) -> None:
    X, y = sample.X_test[:300], sample.y_test[:300]
    assert seen.accuracy == fitted.score(X, y)
    assert seen.count == 300
    assert 240 < seen.right < 300
    low, high = seen.interval
    assert low < seen.accuracy < high
    assert len(seen.misread) == 300 - seen.right
    assert (seen.predicted[seen.misread] != y[seen.misread]).all()
    assert (np.diff(seen.confidence[seen.misread]) <= 0).all()
    answer = seen.to_dict()
    assert json.loads(json.dumps(answer)) == answer
    assert answer["accuracy"] == seen.accuracy
    assert answer["error_at_rejected"]["0.0"] == pytest.approx(1 - seen.accuracy)
    assert answer["calibration_error"] == pytest.approx(
        metrics.reliability(fitted.predict_proba(X), y).error
    )
    assert sum(row["images"] for row in answer["reliability"]) == 300
    assert sum(row["right"] for row in answer["digits"]) == seen.right
    assert [row["image"] for row in answer["misread"]] == seen.misread.tolist()
    assert repr(seen) == f"Evaluation(model, data: {seen.right} of 300 right)"


def test_robustness_is_measured_as_it_says(
    seen: Evaluation, fitted: DigitClassifier, sample: Dataset
) -> None:
    X, y = sample.X_test[:300], sample.y_test[:300]
    robust = seen.robustness
    assert tuple(robust.corruptions) == corruptions.NAMES
    for name in ("zigzag", "rotate", "fog"):
        foggy = corruptions.corrupt(X, name, 3, random_state=1)
        assert robust.corruptions[name].accuracy == fitted.score(foggy, y)
    assert robust.mean_accuracy == pytest.approx(
        np.mean([fitted.score(corruptions.corrupt(X, name, 3, 1), y) for name in corruptions.NAMES])
    )
    assert robust.rotation[0.0].accuracy == robust.scale[1.0].accuracy == seen.accuracy
    assert robust.rotation[30.0].accuracy == fitted.score(corruptions.rotated(X, 30), y)
    assert robust.scale[0.5].accuracy < robust.scale[0.9].accuracy
    for trial in robust.corruptions.values():
        assert np.array_equal(trial.predicted, fitted.predict(trial.examples))
    answer = seen.to_dict()["robustness"]
    assert answer["corruptions"]["fog"] == robust.corruptions["fog"].accuracy
    assert answer["rotation"][6] == [0.0, seen.accuracy]


def test_many_images_are_thinned(monkeypatch: pytest.MonkeyPatch, seen: Evaluation) -> None:
    monkeypatch.setattr(_evaluate, "_MOST_CORRUPTED", 100)
    monkeypatch.setattr(_evaluate, "_MOST_TURNED", 40)
    model = small_model().fit(seen.images, seen.truth)
    robust = evaluate(model, seen.images, seen.truth, severity=1).robustness
    assert robust.images == 100
    assert robust.turned_images == 38
    assert robust.severity == 1


@pytest.mark.parametrize("form", ["float", "float32", "flat", "channel", "list"])
def test_forms_of_images(form: str, seen: Evaluation, fitted: DigitClassifier) -> None:
    X = {
        "float": seen.images.astype(float),
        "float32": seen.images.astype(np.float32) / 255,
        "flat": seen.images.reshape(-1, 784),
        "channel": seen.images[..., None],
        "list": list(seen.images),
    }[form]
    again = evaluate(fitted, X, seen.truth.tolist(), robustness=False)
    assert np.array_equal(again.images, seen.images)
    assert np.array_equal(again.predicted, seen.predicted)
    assert again.robustness is None


def test_any_model_will_do(sample: Dataset) -> None:
    y = sample.y_test[:100]
    wrong = np.where(np.arange(100) < 9, (y + 1) % 10, y)
    seen = evaluate(Oracle(wrong), sample.X_test[:100], y, model_name="oracle")
    assert seen.right == 91
    assert seen.reliability.error == pytest.approx(0, abs=1e-6)
    assert {trial.accuracy for trial in seen.robustness.corruptions.values()} == {0.91}
    assert seen.misread.tolist() == list(range(9))


# -- the page --


class Page(HTMLParser):
    """Reads a page: its tags must match; keeps elements with their attributes, and its text."""

    EMPTY = frozenset(["meta", "img", "br", "path", "circle", "image"])

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_page_is_whole_and_self_contained(seen: Evaluation) -> None:
    html = seen.to_html()
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert not page.all("script")
    assert not page.all("link")
    for _, attributes in page.elements:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    assert not re.search(r"https?:|url\(|@import", html)
    assert "prefers-color-scheme: dark" in html
    assert html == seen.to_html()
    assert len(html) < 400_000


def test_page_shows_everything(seen: Evaluation) -> None:
    page = Page(seen.to_html())
    assert f"{seen.accuracy:.2%}" in page.text
    for name in corruptions.NAMES:
        assert name.replace("_", " ") in page.text
    assert len(page.all("img")) == len(seen.misread) + 3 * 15
    assert all(image["alt"].startswith("a ") for image in page.all("img"))
    assert len(page.all("image")) == len(_evaluate.ANGLES) + len(_evaluate.FACTORS)
    assert [drawing["role"] for drawing in page.all("svg")] == ["img"] * 4
    assert all(drawing["aria-label"] for drawing in page.all("svg"))
    widths = [float(bar["style"][6:-1]) for bar in page.all("i")]
    shares = [100 * trial.accuracy for trial in seen.robustness.corruptions.values()]
    assert widths == pytest.approx(sorted(shares, reverse=True), abs=0.051)
    first = seen.misread[0]
    assert f"says {seen.predicted[first]}" in page.text


def test_pictures_are_the_images(seen: Evaluation) -> None:
    import base64
    import io

    from PIL import Image

    image = seen.images[7]
    uri = _figures.picture(image)
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), image)


def test_charts_are_right(seen: Evaluation) -> None:
    for drawing in (
        _figures.reliability_chart(seen.reliability),
        _figures.reject_chart(seen.rejection),
        _figures.sweep_chart(list(seen.robustness.scale.items()), "size", "{:g}".format),
    ):
        root = ElementTree.fromstring(drawing)
        _, _, width, height = map(float, root.get("viewBox").split())
        places = [(dot.get("cx"), dot.get("cy")) for dot in root.iter("circle")]
        assert places
        assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in places)
    dots = list(root.iter("circle"))
    accuracy = [trial.accuracy for trial in seen.robustness.scale.values()]
    heights = [float(dot.get("cy")) for dot in dots]
    # In a straight relation: height falls as accuracy grows.
    assert np.corrcoef(accuracy, heights)[0, 1] == pytest.approx(-1, abs=1e-4)
    assert "size 1: " in dots[6].find("title").text


@pytest.mark.parametrize("highest", [0.01, 0.1, 0.17, 1, 3, 55, 100])
def test_ticks_are_round_and_reach_the_top(highest: float) -> None:
    ticks = _figures._ticks(highest)
    assert ticks[0] == 0
    assert ticks[-2] < highest <= ticks[-1]
    assert 3 <= len(ticks) <= 6
    assert np.allclose(np.diff(ticks), ticks[1])


def test_page_without_mistakes_and_with_digits_missing(sample: Dataset) -> None:
    some = sample.y_test < 3
    X, y = sample.X_test[some][:30], sample.y_test[some][:30]
    seen = evaluate(Oracle(y), X, y, robustness=False)
    page = Page(seen.to_html())
    assert "Not a single one." in page.text
    assert "Misread" not in page.text
    assert "100.00%" in page.text
    assert "nan" not in page.text.lower()
    assert seen.to_dict()["digits"][5]["recall"] is None
    assert not page.all("img")
    one = evaluate(Oracle(y[:1]), X[:1], y[:1])
    assert "of 1 images" in Page(one.to_html()).text


def test_page_of_a_model_that_is_always_wrong(sample: Dataset) -> None:
    y = sample.y_test[:200]
    page = Page(evaluate(Oracle(9 - y), sample.X_test[:200], y, robustness=False).to_html())
    assert len(page.all("img")) == 60
    assert "Shown are 60 of 200." in page.text


def test_names_are_escaped(sample: Dataset) -> None:
    y = sample.y_test[:10]
    seen = evaluate(
        Oracle(y),
        sample.X_test[:10],
        y,
        robustness=False,
        model_name="<script>alert(1)</script>",
        data_name='a & "b"',
    )
    page = Page(seen.to_html())
    assert not page.all("script")
    assert "<script>alert(1)</script>" in page.text
    assert 'a & "b"' in page.text


def test_save_report(seen: Evaluation, tmp_path: Path) -> None:
    seen.save_report(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == seen.to_html()
    with pytest.raises(OSError, match="No such"):
        seen.save_report(tmp_path / "no" / "report.html")


def test_text(seen: Evaluation) -> None:
    text = str(seen)
    assert f"({seen.right} of 300 images right; 95% interval" in text
    assert "confusion matrix" in text
    assert re.search(rf"mean +{seen.robustness.mean_accuracy:.2%}", text)
    assert "changed images" not in str(
        evaluate(Oracle(seen.truth), seen.images, seen.truth, robustness=False)
    )


# -- bad input --


def test_bad_arguments(sample: Dataset, fitted: DigitClassifier) -> None:
    X, y = sample.X_test[:20], sample.y_test[:20]
    for arguments, error, message in (
        (("model.safetensors", X, y), TypeError, "model must have predict_proba, got str"),
        ((fitted, X[0], 0), ValueError, "X is one image"),
        ((fitted, X, y[:5]), ValueError, "differ in length"),
        ((fitted, X, y + 5), ValueError, "digits 0..9"),
        ((fitted, [], []), ValueError, "X is an empty list"),
        ((Oracle(y[:5]), X, y), ValueError, r"must return \(20, 10\)"),
        ((DigitClassifier(), X, y), RuntimeError, "no model yet"),
    ):
        with pytest.raises(error, match=message):
            evaluate(*arguments)
    with pytest.raises(ValueError, match="severity must be 1 to 5"):
        evaluate(fitted, X, y, severity=9)
    with pytest.raises(ValueError, match="random_state must not be negative"):
        evaluate(fitted, X, y, random_state=-1)


def test_the_package_names_it() -> None:
    assert "evaluation" in dir(ocrdigit)
    assert ocrdigit.evaluation.evaluate is evaluate
