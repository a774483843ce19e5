"""Evaluation of a model: the metrics, the HTML report and the text report."""

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
    _charts,
    _evaluate,
    corruptions,
    evaluate,
    metrics,
)


class Oracle:
    """A model that returns given answers, each with the same confidence."""

    def __init__(self, answers: np.ndarray, confidence: float = 0.91) -> None:
        self.table = np.full((len(answers), 10), (1 - confidence) / 9, np.float32)
        self.table[np.arange(len(answers)), answers] = confidence

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        assert X.dtype == np.uint8
        return self.table


@pytest.fixture(scope="module")
def result(fitted: DigitClassifier, sample: Dataset) -> Evaluation:
    return evaluate(fitted, sample.X_test[:300], sample.y_test[:300], random_state=1)


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(_evaluate)
    assert tried
    assert not failed


# -- metrics --


def test_metrics_agree(result: Evaluation, fitted: DigitClassifier, sample: Dataset) -> None:
    X, y = sample.X_test[:300], sample.y_test[:300]
    assert result.accuracy == fitted.score(X, y)
    assert result.count == 300
    assert 240 < result.right < 300
    low, high = result.interval
    assert low < result.accuracy < high
    assert len(result.misread) == 300 - result.right
    assert (result.predicted[result.misread] != y[result.misread]).all()
    assert (np.diff(result.confidence[result.misread]) <= 0).all()
    answer = result.to_dict()
    assert json.loads(json.dumps(answer)) == answer
    assert answer["accuracy"] == result.accuracy
    assert answer["error_at_rejected"]["0.0"] == pytest.approx(1 - result.accuracy)
    assert answer["calibration_error"] == pytest.approx(
        metrics.reliability(fitted.predict_proba(X), y).error
    )
    assert sum(row["images"] for row in answer["reliability"]) == 300
    assert sum(row["right"] for row in answer["digits"]) == result.right
    assert [row["image"] for row in answer["misread"]] == result.misread.tolist()
    assert repr(result) == f"Evaluation(model, data: {result.right} of 300 right)"


def test_robustness(result: Evaluation, fitted: DigitClassifier, sample: Dataset) -> None:
    X, y = sample.X_test[:300], sample.y_test[:300]
    robust = result.robustness
    assert tuple(robust.corruptions) == corruptions.NAMES
    for name in ("zigzag", "rotate", "fog"):
        foggy = corruptions.corrupt(X, name, 3, random_state=1)
        assert robust.corruptions[name].accuracy == fitted.score(foggy, y)
    assert robust.mean_accuracy == pytest.approx(
        np.mean([fitted.score(corruptions.corrupt(X, name, 3, 1), y) for name in corruptions.NAMES])
    )
    assert robust.rotation[0.0].accuracy == robust.scale[1.0].accuracy == result.accuracy
    assert robust.rotation[30.0].accuracy == fitted.score(corruptions.rotated(X, 30), y)
    assert robust.scale[0.5].accuracy < robust.scale[0.9].accuracy
    for trial in robust.corruptions.values():
        assert np.array_equal(trial.predicted, fitted.predict(trial.examples))
    answer = result.to_dict()["robustness"]
    assert answer["corruptions"]["fog"] == robust.corruptions["fog"].accuracy
    assert answer["rotation"][6] == [0.0, result.accuracy]


def test_many_images_are_subsampled(monkeypatch: pytest.MonkeyPatch, result: Evaluation) -> None:
    monkeypatch.setattr(_evaluate, "_MAX_CORRUPTED", 100)
    monkeypatch.setattr(_evaluate, "_MAX_TRANSFORMED", 40)
    model = small_model().fit(result.images, result.truth)
    robust = evaluate(model, result.images, result.truth, severity=1).robustness
    assert robust.images == 100
    assert robust.transformed_images == 38
    assert robust.severity == 1


@pytest.mark.parametrize("form", ["float", "float32", "flat", "channel", "list"])
def test_image_formats(form: str, result: Evaluation, fitted: DigitClassifier) -> None:
    X = {
        "float": result.images.astype(float),
        "float32": result.images.astype(np.float32) / 255,
        "flat": result.images.reshape(-1, 784),
        "channel": result.images[..., None],
        "list": list(result.images),
    }[form]
    again = evaluate(fitted, X, result.truth.tolist(), robustness=False)
    assert np.array_equal(again.images, result.images)
    assert np.array_equal(again.predicted, result.predicted)
    assert again.robustness is None


def test_any_model_with_predict_proba(sample: Dataset) -> None:
    y = sample.y_test[:100]
    wrong = np.where(np.arange(100) < 9, (y + 1) % 10, y)
    result = evaluate(Oracle(wrong), sample.X_test[:100], y, model_name="oracle")
    assert result.right == 91
    assert result.reliability.error == pytest.approx(0, abs=1e-6)
    assert {trial.accuracy for trial in result.robustness.corruptions.values()} == {0.91}
    assert result.misread.tolist() == list(range(9))


# -- the HTML report --


class Page(HTMLParser):
    """Parses a page with matching tags; stores its elements, attributes and text."""

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


def test_page_is_valid_and_self_contained(result: Evaluation) -> None:
    html = result.to_html()
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert not page.all("script")
    assert not page.all("link")
    for _, attributes in page.elements:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    assert not re.search(r"https?:|url\(|@import", html)
    assert "prefers-color-scheme: dark" in html
    assert html == result.to_html()
    assert len(html) < 400_000


def test_page_shows_everything(result: Evaluation) -> None:
    page = Page(result.to_html())
    assert f"{result.accuracy:.2%}" in page.text
    for name in corruptions.NAMES:
        assert name.replace("_", " ") in page.text
    assert len(page.all("img")) == len(result.misread) + 3 * 15
    assert all(image["alt"].startswith("a ") for image in page.all("img"))
    assert len(page.all("image")) == len(_evaluate.ANGLES) + len(_evaluate.FACTORS)
    assert [chart["role"] for chart in page.all("svg")] == ["img"] * 4
    assert all(chart["aria-label"] for chart in page.all("svg"))
    widths = [float(bar["style"][6:-1]) for bar in page.all("i")]
    accuracies = [100 * trial.accuracy for trial in result.robustness.corruptions.values()]
    assert widths == pytest.approx(sorted(accuracies, reverse=True), abs=0.051)
    first = result.misread[0]
    assert f"pred. {result.predicted[first]}" in page.text


def test_embedded_pictures_are_the_images(result: Evaluation) -> None:
    import base64
    import io

    from PIL import Image

    image = result.images[7]
    uri = _charts.picture(image)
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), image)


def test_charts(result: Evaluation) -> None:
    for chart in (
        _charts.reliability_chart(result.reliability),
        _charts.reject_chart(result.rejection),
        _charts.sweep_chart(list(result.robustness.scale.items()), "scale", "{:g}".format),
    ):
        root = ElementTree.fromstring(chart)
        _, _, width, height = map(float, root.get("viewBox").split())
        centres = [(dot.get("cx"), dot.get("cy")) for dot in root.iter("circle")]
        assert centres
        assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in centres)
    dots = list(root.iter("circle"))
    accuracy = [trial.accuracy for trial in result.robustness.scale.values()]
    heights = [float(dot.get("cy")) for dot in dots]
    # The relation is linear: y falls as the accuracy grows.
    assert np.corrcoef(accuracy, heights)[0, 1] == pytest.approx(-1, abs=1e-4)
    assert "scale 1: " in dots[6].find("title").text


@pytest.mark.parametrize("maximum", [0.01, 0.1, 0.17, 1, 3, 55, 100])
def test_ticks_are_round_and_cover_the_range(maximum: float) -> None:
    ticks = _charts._ticks(maximum)
    assert ticks[0] == 0
    assert ticks[-2] < maximum <= ticks[-1]
    assert 3 <= len(ticks) <= 6
    assert np.allclose(np.diff(ticks), ticks[1])


def test_page_without_errors_and_with_missing_digits(sample: Dataset) -> None:
    chosen = sample.y_test < 3
    X, y = sample.X_test[chosen][:30], sample.y_test[chosen][:30]
    result = evaluate(Oracle(y), X, y, robustness=False)
    page = Page(result.to_html())
    assert "No errors." in page.text
    assert "Misclassified" not in page.text
    assert "100.00%" in page.text
    assert "nan" not in page.text.lower()
    assert result.to_dict()["digits"][5]["recall"] is None
    assert not page.all("img")
    one = evaluate(Oracle(y[:1]), X[:1], y[:1])
    assert "of 1 images" in Page(one.to_html()).text


def test_page_of_a_model_that_is_always_wrong(sample: Dataset) -> None:
    y = sample.y_test[:200]
    page = Page(evaluate(Oracle(9 - y), sample.X_test[:200], y, robustness=False).to_html())
    assert len(page.all("img")) == 60
    assert "60 of 200 are shown." in page.text


def test_names_are_escaped(sample: Dataset) -> None:
    y = sample.y_test[:10]
    result = evaluate(
        Oracle(y),
        sample.X_test[:10],
        y,
        robustness=False,
        model_name="<script>alert(1)</script>",
        data_name='a & "b"',
    )
    page = Page(result.to_html())
    assert not page.all("script")
    assert "<script>alert(1)</script>" in page.text
    assert 'a & "b"' in page.text


def test_save_report(result: Evaluation, tmp_path: Path) -> None:
    result.save_report(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == result.to_html()
    with pytest.raises(OSError, match="No such"):
        result.save_report(tmp_path / "no" / "report.html")


def test_text_report(result: Evaluation) -> None:
    text = str(result)
    assert f"({result.right} of 300 images right; 95% interval" in text
    assert "confusion matrix" in text
    assert re.search(rf"mean +{result.robustness.mean_accuracy:.2%}", text)
    assert "corrupted images" not in str(
        evaluate(Oracle(result.truth), result.images, result.truth, robustness=False)
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
        ((DigitClassifier(), X, y), ValueError, "no model yet"),
    ):
        with pytest.raises(error, match=message):
            evaluate(*arguments)
    with pytest.raises(ValueError, match="severity must be 1 to 5"):
        evaluate(fitted, X, y, severity=9)
    with pytest.raises(ValueError, match="random_state must not be negative"):
        evaluate(fitted, X, y, random_state=-1)


def test_import_from_the_package() -> None:
    assert "evaluation" in dir(ocrdigit)
    assert ocrdigit.evaluation.evaluate is evaluate
