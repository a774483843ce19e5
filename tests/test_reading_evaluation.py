"""Evaluation of readings: alignment, kinds of errors, risk and coverage, labels files, reports."""

from __future__ import annotations

import csv
import doctest
import io
import itertools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from test_evaluation import Page

import ocrdigit
from ocrdigit import synth
from ocrdigit.cli import main
from ocrdigit.datasets import Picture
from ocrdigit.evaluation import (
    FieldReading,
    ReadingEvaluation,
    _alignment,
    _charts,
    _error_kinds,
    _evaluate_reading,
    _risk_coverage,
    evaluate_reading,
    metrics,
)
from ocrdigit.evaluation._alignment import align, count_edits
from ocrdigit.evaluation._error_kinds import KINDS, kind_of_error
from ocrdigit.evaluation._risk_coverage import risk_coverage


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return synth.strings(24, length=(2, 5), style=["plain", "cheque"], random_state=5)


@pytest.fixture(scope="module")
def labels(pictures: Sequence[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labels file with its pictures in a folder beside it; the first label is wrong."""
    folder = tmp_path_factory.mktemp("fields")
    (folder / "crops").mkdir()
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "writer", "text"])
        for index, picture in enumerate(pictures):
            Image.fromarray(picture.image).save(folder / "crops" / f"{index}.png")
            text = picture.text if index else f"{picture.text}7"
            rows.writerow([f"crops/{index}.png", "A", text])
    return folder / "labels.csv"


@pytest.fixture(scope="module")
def result(labels: Path) -> ReadingEvaluation:
    return evaluate_reading(labels)


def field(truth: str, text: str, confidence: float, name: str = "a.png") -> FieldReading:
    wrong = truth != text
    return FieldReading(
        name, truth, text, confidence, np.full((20, 60), 200, np.uint8) if wrong else None
    )


@pytest.fixture
def made() -> ReadingEvaluation:
    """Ten fields with every kind of error."""
    return ReadingEvaluation(
        (
            field("12.50", "12.50", 0.99),
            field("1874", "1874", 0.98),
            field("35000", "35008", 0.95, "b & <i>.png"),
            field("27", "27", 0.95),
            field("12/03", "12103", 0.9),
            field("4400 1234", "44001234", 0.8),
            field("90417", "9047", 0.7),
            field("33165", "83185", 0.4),
            field("72", "72", 0.3),
            field("6", "", 0.0),
        ),
        error_rate=0.2,
    )


@pytest.mark.parametrize(
    "module",
    [_alignment, _error_kinds, _risk_coverage, _evaluate_reading],
    ids=lambda m: m.__name__,
)
def test_examples_in_docstrings(module: object) -> None:
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed


# -- alignment --


def all_alignments(truth: str, text: str) -> list[list[tuple[str, str]]]:
    """Return every alignment without a pair of gaps."""
    if not truth and not text:
        return [[]]
    found = []
    if truth and text:
        found += [[(truth[0], text[0]), *rest] for rest in all_alignments(truth[1:], text[1:])]
    if truth:
        found += [[(truth[0], ""), *rest] for rest in all_alignments(truth[1:], text)]
    if text:
        found += [[("", text[0]), *rest] for rest in all_alignments(truth, text[1:])]
    return found


def test_alignment_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    texts = ["", "1", *("".join(rng.choice([*"127."], rng.integers(1, 6))) for _ in range(14))]
    for truth, text in itertools.product(texts, texts):
        pairs = align(truth, text)
        assert "".join(true for true, _ in pairs) == truth
        assert "".join(read for _, read in pairs) == text
        edits = count_edits(pairs)
        every = [count_edits(each) for each in all_alignments(truth, text)]
        fewest = min(each.distance for each in every)
        assert edits.distance == fewest
        assert edits.substitutions == max(
            each.substitutions for each in every if each.distance == fewest
        )
        assert edits.characters == len(truth)


@pytest.mark.parametrize(
    ("truth", "text", "edits"),
    [
        ("1874", "1874", (4, 0, 0, 0)),
        ("1874", "1374", (4, 1, 0, 0)),
        ("1874", "18744", (4, 0, 1, 0)),
        ("1874", "174", (4, 0, 0, 1)),
        ("1874", "", (4, 0, 0, 4)),
        ("", "18", (0, 0, 2, 0)),
        ("12.50", "1250", (5, 0, 0, 1)),
        ("1234", "2345", (4, 0, 1, 1)),
        ("", "", (0, 0, 0, 0)),
    ],
)
def test_edits(truth: str, text: str, edits: tuple[int, ...]) -> None:
    found = count_edits(align(truth, text))
    assert found == edits
    if truth:
        assert found.rate == sum(edits[1:]) / len(truth)
    else:
        assert math.isnan(found.rate)


def test_long_texts_are_aligned() -> None:
    text = "".join(np.random.default_rng(1).choice([*"0123456789.,-+/: "], 3000))
    changed = text[:700] + "7" + text[701:1500] + text[1502:] + "55"
    edits = count_edits(align(text, changed))
    assert edits.distance <= 5
    assert edits.insertions - edits.deletions == len(changed) - len(text)


@pytest.mark.parametrize(
    ("truth", "text", "kind"),
    [
        ("1874", "1874", None),
        ("", "", None),
        ("1874", "", "nothing read"),
        ("1874", "184", "missing digit"),
        ("1874", "18.4", "missing digit"),
        ("1874", "18774", "extra digit"),
        ("12/03", "12103", "extra digit"),
        ("", "7", "extra digit"),
        ("1874", "1314", "several errors"),
        ("1874", "1374", "substituted digit"),
        ("12.50", "1250", "separators only"),
        ("12.50", "12,5-0", "separators only"),
        ("1 250", "1250", "separators only"),
        ("12.50", "1350", "several errors"),
        ("1874", "74", "several errors"),
    ],
)
def test_kinds_of_errors(truth: str, text: str, kind: str | None) -> None:
    assert kind_of_error(align(truth, text)) == kind


# -- risk and coverage --


def test_risk_coverage_agrees_with_its_definition() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.integers(0, 12, 60) / 12  # with ties
    right = rng.random(60) < confidence
    curve = risk_coverage(confidence, right)
    assert curve.threshold.tolist() == sorted(set(confidence.tolist()), reverse=True)
    area, before = 0.0, 0.0
    for threshold, coverage, error in zip(*curve[:3], strict=True):
        kept = confidence >= threshold
        assert coverage == kept.mean()
        assert error == pytest.approx(1 - right[kept].mean())
        area, before = area + (coverage - before) * error, coverage
    assert curve.area == pytest.approx(area)
    for limit in (0, 0.05, 0.2, 0.5, 1):
        met = [t for t in set(confidence) if 1 - right[confidence >= t].mean() <= limit]
        found = curve.at_error_rate(limit)
        assert (found.confidence if found else None) == (min(met) if met else None)
        if found:
            assert found.coverage == (confidence >= found.confidence).mean()
            assert found.error_rate <= limit


def test_area_without_ties_is_the_mean_of_the_error_rates() -> None:
    right = np.array([True, True, False, True, False])
    curve = risk_coverage([0.9, 0.8, 0.7, 0.6, 0.5], right)
    assert curve.area == pytest.approx(np.mean([0, 0, 1 / 3, 1 / 4, 2 / 5]))
    assert risk_coverage([0.5, 0.5], [True, True]).area == 0
    assert risk_coverage([0.5, 0.5], [False, False]).area == 1


def test_threshold_is_none_where_the_best_answers_are_wrong() -> None:
    curve = risk_coverage([0.9, 0.8], [False, False])
    assert curve.at_error_rate(0.5) is None
    assert curve.at_error_rate(1).confidence == 0.8


@pytest.mark.parametrize(
    ("confidence", "right", "error", "message"),
    [
        ([], [], ValueError, "confidence must be an array"),
        ([0.5, 1.5], [True, True], ValueError, "confidence must be 0 to 1, got 0.5 to 1.5"),
        ([0.5], [1], TypeError, "right must be bool, got int64"),
        ([0.5], [True, True], ValueError, r"right must have shape \(1,\)"),
    ],
)
def test_bad_answers(
    confidence: list[float], right: list[object], error: type[Exception], message: str
) -> None:
    for function in (risk_coverage, metrics.reliability_of):
        with pytest.raises(error, match=message):
            function(confidence, right)


def test_reliability_of_answers_is_that_of_probabilities() -> None:
    rng = np.random.default_rng(3)
    table = rng.dirichlet(np.ones(10) / 4, 200)
    truth = rng.integers(0, 10, 200)
    ours = metrics.reliability_of(table.max(axis=1), table.argmax(axis=1) == truth)
    for one, other in zip(ours, metrics.reliability(table, truth), strict=True):
        assert np.array_equal(one, other)


# -- the result --


def test_result(made: ReadingEvaluation) -> None:
    assert (made.count, made.right, made.accuracy) == (10, 4, 0.4)
    assert made.interval == metrics.wilson_interval(4, 10)
    # 5 + 4 + 5 + 2 + 5 + 9 + 5 + 5 + 2 + 1 characters; 0 as 8, / as 1, 3 as 8, 6 as 8;
    # a space, a 1 and a 6 are missing.
    assert made.edits == (43, 4, 0, 3)
    assert made.cer == 7 / 43
    assert made.errors == {
        "nothing read": 1,
        "missing digit": 1,
        "extra digit": 1,
        "substituted digit": 1,
        "separators only": 1,
        "several errors": 1,
    }
    assert tuple(made.errors) == KINDS
    assert made.substitutions == [("/", "1", 1), ("0", "8", 1), ("3", "8", 1), ("6", "8", 1)]
    assert [each.text for each in made.misread[:2]] == ["35008", "12103"]
    assert made.reliability.images.sum() == 10
    found = made.threshold(0.25)
    assert (found.confidence, found.kept, found.wrong, found.coverage) == (0.95, 4, 1, 0.4)
    assert made.threshold().confidence == 0.98
    assert made.threshold(0) == made.threshold()
    assert made.threshold(1).coverage == 1
    assert repr(made) == "ReadingEvaluation(fields: 4 of 10 fields right)"


def test_result_as_a_dict(made: ReadingEvaluation) -> None:
    answer = made.to_dict()
    assert json.loads(json.dumps(answer)) == answer
    assert answer["cer"] == made.cer
    assert answer["errors"] == made.errors
    assert answer["threshold"]["confidence"] == 0.98
    assert answer["risk_coverage"]["area"] == made.risk_coverage.area
    assert answer["misread"][0] == {
        "file": "b & <i>.png",
        "text": "35000",
        "read": "35008",
        "confidence": 0.95,
        "error": "substituted digit",
    }
    nothing = ReadingEvaluation((field("", "", 0),))
    assert nothing.to_dict()["cer"] is None
    assert ReadingEvaluation((field("1", "7", 0.5),)).to_dict()["threshold"] is None


def test_text_report(made: ReadingEvaluation) -> None:
    text = str(made)
    assert "accuracy by field 40.00%  (4 of 10 fields right; 95% interval" in text
    assert "character error rate 16.28%  (7 of 43 characters: 4 substituted" in text
    assert "error rate of at most 20.00%: fields with a confidence of at least 0.98 are" in text
    assert "/ as 1 (1)" in text
    worst = text.partition("worst misreadings\n")[2].splitlines()
    assert worst[1].split() == ["95.00%", "35000", "35008", "b", "&", "<i>.png"]
    assert worst[-1].split() == ["0.00%", "6", "nothing", "a.png"]
    perfect = str(ReadingEvaluation((field("1", "1", 0.5),)))
    assert "kind of error" not in perfect
    assert "worst" not in perfect
    assert "no threshold" in str(ReadingEvaluation((field("1", "7", 0.5),)))


def test_summary_in_notebooks(made: ReadingEvaluation) -> None:
    page = Page(made._repr_html_())
    assert "40.00%" in page.text
    assert "16.28%" in page.text
    assert "separators only" in page.text


# -- the HTML report --


def test_page(made: ReadingEvaluation) -> None:
    html = made.to_html()
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert not page.all("script")
    assert not page.all("link")
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert [image["alt"] for image in page.all("img")] == [
        f"{each.truth}, read as {each.text or 'nothing'}" for each in made.misread
    ]
    assert "b & <i>.png" in page.text
    assert "<i>.png" not in html
    for kind in KINDS:
        assert kind in page.text
    assert len(page.all("svg")) == 2
    assert "nan" not in page.text.lower()


def test_page_without_errors() -> None:
    page = Page(ReadingEvaluation((field("12", "12", 0.9), field("", "", 0))).to_html())
    assert "No errors." in page.text
    assert "Worst" not in page.text
    page = Page(ReadingEvaluation((field("", "", 0),)).to_html())
    assert "nan" not in page.text.lower()


def test_page_of_readings_that_are_all_wrong() -> None:
    fields = tuple(field("12", "72", i / 200) for i in range(100))
    page = Page(ReadingEvaluation(fields).to_html())
    assert len(page.all("img")) == 60
    assert "60 of 100 are shown." in page.text
    assert "any confidence, more are wrong" in page.text


def test_chart_of_risk_and_coverage_fits_its_frame() -> None:
    confidence = np.linspace(1, 0.5, 100)
    right = np.ones(100, bool)
    right[[0, 98]] = False  # the first makes the error rate 1 at a coverage of 1 %
    curve = risk_coverage(confidence, right)
    chart = _charts.risk_coverage_chart(curve, curve.at_error_rate(0.02))
    assert "25%" in chart
    assert "100.0% kept: 2.00% errors" in chart
    heights = [
        float(point.split()[1])
        for point in chart.split('class="line" d="M')[1].split('"')[0].split("L")
    ]
    assert min(heights) >= 12 - 0.1


# -- labelled fields --


def test_labels_file(result: ReadingEvaluation, labels: Path, pictures: list[Picture]) -> None:
    assert result.data == str(labels)
    assert [each.name for each in result.fields] == [f"crops/{i}.png" for i in range(24)]
    assert result.fields[0].truth == f"{pictures[0].text}7"
    for each, picture in zip(result.fields, pictures, strict=True):
        reading = ocrdigit.read(picture.image)
        assert each.text == " ".join(reading.text.split())
        assert each.confidence == pytest.approx(
            np.prod([number.confidence for number in reading.numbers]) if each.text else 0
        )
        assert (each.image is None) == each.is_right
    assert not result.fields[0].is_right
    assert np.array_equal(result.fields[0].image, pictures[0].image)
    assert 15 < result.right < 24


def test_pairs_give_the_same(
    result: ReadingEvaluation, pictures: list[Picture], labels: Path
) -> None:
    texts = [each.truth for each in result.fields]
    pairs = [(picture.image, text) for picture, text in zip(pictures, texts, strict=True)]
    again = evaluate_reading(pairs, data_name="pairs")
    assert [each.text for each in again.fields] == [each.text for each in result.fields]
    assert [each.name for each in again.fields] == [str(i) for i in range(24)]
    assert np.array_equal(again.confidence, result.confidence)
    assert again.data == "pairs"
    data = io.BytesIO()
    Image.fromarray(pictures[1].image).save(data, "png")
    mixed = evaluate_reading([(data.getvalue(), texts[1]), [pictures[2].image / 255.0, "7"]])
    assert mixed.fields[0].text == again.fields[1].text
    path = labels.parent / result.fields[0].name
    first = evaluate_reading([(path, "7")]).fields[0]
    assert (first.name, first.text) == (str(path), result.fields[0].text)


def test_folder(labels: Path, tmp_path: Path, result: ReadingEvaluation) -> None:
    moved = tmp_path / "moved.csv"
    first = labels.read_text(encoding="utf-8").splitlines()[:4]
    moved.write_text("\ufeff" + "\r\n".join(first), encoding="utf-8")
    found = evaluate_reading(moved, folder=labels.parent)
    assert found.fields == result.fields[:3]
    with pytest.raises(FileNotFoundError):
        evaluate_reading(moved)


def test_options_are_those_of_read(pictures: list[Picture]) -> None:
    picture = next(each for each in pictures if len(each.text) == 4)
    pattern = r"\d\d\.\d\d"
    result = evaluate_reading(
        [(picture.image, "00.00")], pattern=pattern, model=ocrdigit.load("tiny")
    )
    expected = ocrdigit.read(picture.image, pattern=pattern, model=ocrdigit.load("tiny"))
    assert result.fields[0].text == expected.text
    assert result.settings == rf"pattern {pattern}"
    words = iter(["1234", "99"])
    result = evaluate_reading([(picture.image, "1234")] * 2, lexicon=words, length=4)
    assert [each.text for each in result.fields] == ["1234", "1234"]
    assert result.settings == "length 4, lexicon 2 texts"


def test_symbols(pictures: list[Picture]) -> None:
    picture = next(each for each in pictures if len(each.text) == 4)
    pair = picture.image, f"{picture.text[:2]}.{picture.text[2:]}"
    digits = evaluate_reading([pair], symbols="digits")
    assert digits.fields[0].truth == picture.text
    assert digits.settings == "symbols digits"
    assert evaluate_reading([pair], symbols="digits", length=4).edits.characters == 4


def test_nothing_is_read_from_a_blank_field() -> None:
    blank = np.full((40, 120), 240, np.uint8)
    result = evaluate_reading([(blank, "12"), (blank, " ")])
    assert [each.text for each in result.fields] == ["", ""]
    assert result.confidence.tolist() == [0, 0]
    assert result.errors["nothing read"] == 1
    assert result.right == 1


def test_large_pictures_are_kept_small() -> None:
    page = synth.page([["1874", "35"]], size=(900, 700), random_state=0)
    result = evaluate_reading([(page.image, "0")])
    h, w = result.fields[0].image.shape
    assert h <= 160
    assert w <= 480


# -- numbers to look at --


def test_review() -> None:
    page = synth.page([["1874", "35"], ["90417"]], size=(600, 400), random_state=0)
    reading = ocrdigit.read(page.image)
    confidences = sorted(number.confidence for number in reading.numbers)
    assert len(confidences) >= 3
    assert reading.review(0) == ()
    assert len(reading.review(1)) == sum(confidence < 1 for confidence in confidences)
    found = reading.review(confidences[2])
    assert found == tuple(n for n in reading.numbers if n.confidence < confidences[2])
    assert len(found) == 2


def test_fields_below_the_threshold_are_for_review(result: ReadingEvaluation, labels: Path) -> None:
    threshold = result.threshold(0.05)
    for each in result.fields:
        reading = ocrdigit.read(labels.parent / each.name)
        if len(reading.numbers) == 1:
            assert bool(reading.review(threshold.confidence)) == (
                each.confidence < threshold.confidence
            )


@pytest.mark.parametrize("threshold", [-0.1, 1.01, math.nan, math.inf])
def test_bad_threshold_of_a_review(threshold: float) -> None:
    reading = ocrdigit.read(np.full((40, 40), 255, np.uint8))
    with pytest.raises(ValueError, match="threshold must be"):
        reading.review(threshold)
    with pytest.raises(TypeError, match="threshold must be a number, got 'low'"):
        reading.review("low")


# -- bad input --


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no column 'file' and no column 'text'.*got an empty file"),
        ("name,value\na.png,12\n", "no column 'file' and no column 'text'.*got 'name', 'value'"),
        ("file,label\na.png,12\n", "has no column 'text'; expected the columns.*'file', 'label'"),
        ("file,text\n", "has no fields; expected a row with file and text"),
        ("file,text\n0.png\n", r"line 2: expected a file and a text, got \['0.png', None\]"),
        ("file,text\n,12\n", r"line 2: expected a file and a text, got \['', '12'\]"),
        ("file,text\n0.png,12,13\n", "line 2: expected a file and a text"),
        ("file,text\n0.png,12\n0.png,12.5€\n", "line 3: the text must be of .*got '€' in '12.5€'"),
        ('file,text\n"0.png,12\n', "unexpected end of data"),
        (b"file,text\n0.png,1\xff2\n", "labels.csv: .*decode"),
    ],
)
def test_bad_labels_file(content: str | bytes, message: str, tmp_path: Path) -> None:
    Image.new("L", (60, 30), 255).save(tmp_path / "0.png")
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as raised:
        evaluate_reading(path)
    assert "labels.csv" in str(raised.value)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.csv"):
        evaluate_reading(tmp_path / "gone.csv")
    path = tmp_path / "labels.csv"
    path.write_text("file,text\ngone.png,12\n")
    with pytest.raises(FileNotFoundError, match=r"labels\.csv, line 2 names it.*gone\.png"):
        evaluate_reading(path)
    path.write_text("file,text\nlabels.csv,12\n")
    with pytest.raises(ValueError, match=r"labels\.csv is not an image"):
        evaluate_reading(path)


@pytest.mark.parametrize(
    ("truth", "error", "message"),
    [
        (None, TypeError, "truth must be the path of a labels file or .* got NoneType"),
        (b"labels.csv", TypeError, "truth must be the path .* got bytes"),
        ([], ValueError, "truth has no fields; expected one or more"),
        (["12"], TypeError, r"truth\[0\] must be \(image, text\), got str"),
        ([(np.zeros((9, 9)), 12)], TypeError, r"truth\[0\]: the text must be a str, got 12"),
        ([(np.zeros((9, 9)), "1\n2")], ValueError, r"truth\[0\]: the text must be of the char"),
        ([(np.zeros((9, 9)), "1x")], ValueError, "got 'x' in '1x'"),
        ([(None, "12")], TypeError, r"truth\[0\]"),
        ([(np.zeros(3), "12")], ValueError, r"truth\[0\]"),
        ([("gone.png", "12")], FileNotFoundError, "gone.png"),
    ],
)
def test_bad_truth(truth: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate_reading(truth)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"error_rate": 1.5}, ValueError, r"error_rate must be in 0\.\.1, got 1\.5"),
        ({"error_rate": -0.1}, ValueError, r"error_rate must be in 0\.\.1, got -0\.1"),
        ({"error_rate": math.nan}, ValueError, "error_rate must be finite, got nan"),
        ({"error_rate": "0.1"}, TypeError, "error_rate must be a number, got '0.1'"),
        ({"symbols": "letters"}, ValueError, "symbols must be one of 'all', 'digits'"),
        ({"folder": "somewhere"}, ValueError, "folder is for a labels file, but truth is a list"),
        ({"pattern": "("}, ValueError, "pattern"),
        ({"lexicon": []}, ValueError, "lexicon"),
        ({"lexicon": "12"}, TypeError, "lexicon must be an iterable of str, got '12'"),
        ({"lexicon": 12}, TypeError, "lexicon must be an iterable of str, got 12"),
        ({"length": 0}, ValueError, "length"),
        ({"check": 7}, TypeError, "check must be callable, got 7"),
        ({"model": "tiny"}, TypeError, "model must be a DigitClassifier or None"),
    ],
)
def test_bad_options(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate_reading([(np.full((20, 20), 255, np.uint8), "1")], **options)


def test_bad_error_rate_of_a_threshold(made: ReadingEvaluation) -> None:
    with pytest.raises(ValueError, match=r"error_rate must be in 0\.\.1, got 2"):
        made.threshold(2)
    with pytest.raises(TypeError, match="error_rate must be a number, got 'low'"):
        made.threshold("low")
    with pytest.raises(TypeError, match="folder must be a path or None, got int"):
        evaluate_reading("labels.csv", folder=3)


# -- the command line --


@pytest.fixture
def run() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(main, [*map(str, arguments)])


def test_command(run: Callable[..., Result], labels: Path, result: ReadingEvaluation) -> None:
    arguments = ("evaluate", "--reading", labels)
    found = run(*arguments, "--report", "report.html")
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith(str(result))
    assert "wrote report.html (" in found.stdout
    assert Path("report.html").read_text(encoding="utf-8") == result.to_html()
    answer = json.loads(run(*arguments, "--json", "--error-rate", 0.25).stdout)
    assert answer == {
        **result.to_dict(),
        "error_rate": 0.25,
        "threshold": answer["threshold"],
    }
    assert answer["threshold"]["confidence"] == result.threshold(0.25).confidence


def test_command_with_options(run: Callable[..., Result], labels: Path) -> None:
    Path("words.txt").write_text("12345\n54321\n")
    found = run(
        "evaluate", "--reading", labels, "--lexicon", "words.txt", "--pattern", r"\d+",
        "--symbols", "digits", "--model", "tiny", "--folder", labels.parent, "--json",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    assert answer["model"] == "tiny"
    assert answer["settings"] == r"symbols digits, pattern \d+, lexicon 2 texts"
    assert {row["read"] for row in answer["misread"]} <= {"12345", "54321", ""}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--reading labels.csv --error-rate 2", "--error-rate"),
        ("--reading labels.csv --data mnist", "--data is not for --reading"),
        ("--reading labels.csv --severity 3", "--severity is not for --reading"),
        ("--error-rate 0.1", "--error-rate is for --reading"),
        ("--length 3", "--length is for --reading"),
    ],
)
def test_wrong_usage(run: Callable[..., Result], arguments: str, message: str) -> None:
    found = run("evaluate", *arguments.split())
    assert found.exit_code == 2
    assert message in found.stderr


def test_failures_of_the_command(run: Callable[..., Result], labels: Path) -> None:
    found = run("evaluate", "--reading", "gone.csv")
    assert (found.exit_code, found.stderr) == (1, "Error: gone.csv: No such file or directory\n")
    found = run("evaluate", "--reading", labels, "--report", "no/where.html")
    assert found.exit_code == 1
    assert "no/where.html" in found.stderr
    Path("bad.csv").write_text("a,b\n1,2\n")
    found = run("evaluate", "--reading", "bad.csv")
    assert found.exit_code == 1
    assert found.stderr.startswith("Error: bad.csv has no column 'file'")
    assert len(found.stderr.splitlines()) == 1
