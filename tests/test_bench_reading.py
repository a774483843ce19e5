"""The sets and scores of the reading benchmark, tests/bench/reading.py."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "bench"))

import digit_sets
import drawing
import fault_sets
import reading
from scoring import Number, Sample, Score, Summary, iou, overlap, score

IMAGE = np.zeros((1, 1), np.uint8)
NUMBERS = (Number("12", (10, 10, 40, 20)), Number("12", (10, 50, 40, 20)))


def page(*numbers: Number, **options: object) -> Sample:
    return Sample(IMAGE, "kind", "page", numbers, **options)


def test_page_counts_numbers_with_equal_digits_in_their_place() -> None:
    found = [("12", (12, 8, 38, 24)), ("12.", (10, 52, 35, 20))]
    assert score(page(*NUMBERS), found) == Score(2, 2, 0)
    assert score(page(*NUMBERS), []) == Score(0, 2, 0)
    assert score(page(*NUMBERS), [("13", NUMBERS[0].box)]) == Score(0, 2, 0)


def test_page_counts_each_found_number_once() -> None:
    box = (10, 10, 40, 60)  # around both numbers
    assert score(page(*NUMBERS), [("12", box)]).right == 1


def test_page_counts_numbers_elsewhere_as_false() -> None:
    found = [("12", (200, 200, 40, 20)), ("abc", (300, 300, 40, 20))]
    assert score(page(*NUMBERS), found) == Score(0, 2, 1)
    assert score(page(*NUMBERS, ignored=((190, 190, 100, 50),)), found) == Score(0, 2, 0)
    assert score(page(), found) == Score(0, 0, 1)


def test_page_takes_the_words_of_a_found_line_as_numbers() -> None:
    row = (Number("12", (0, 0, 40, 20)), Number("345", (80, 0, 60, 20)))
    assert score(page(*row), [("12  345", (0, 0, 140, 20))]) == Score(2, 2, 0)
    assert score(page(*row), [("12345", (0, 0, 140, 20))]) == Score(0, 2, 0)
    assert score(page(Number("12345", (0, 0, 140, 20))), [("12 345", (0, 0, 140, 20))]).right == 1


def test_page_joins_parts_only_if_numbers_may_have_parts() -> None:
    number = Number("12 50", (0, 0, 100, 20))
    found = [("50", (60, 2, 30, 20)), ("12", (5, 0, 30, 18))]
    assert score(page(number), found) == Score(0, 1, 0)
    assert score(page(number, parts=True), found) == Score(1, 1, 0)
    assert score(page(number, parts=True), [*found, ("7", (40, 0, 10, 20))]) == Score(0, 1, 0)


@pytest.mark.parametrize(
    ("truth", "answer", "right"),
    [("12 50", "1 2.50", 1), ("1250", "125", 0), ("", "abc", 1), ("", "a1", 0), ("7", "", 0)],
)
def test_field_is_its_digits(truth: str, answer: str, right: int) -> None:
    sample = Sample(IMAGE, "kind", "field", (Number(truth),) if truth else ())
    assert score(sample, answer) == Score(right, 1)


def test_text_is_the_numbers_in_any_order() -> None:
    sample = Sample(IMAGE, "kind", "text", NUMBERS)
    box = (0, 0, 1, 1)
    assert score(sample, [("12", box), ("12", box)]).perfect
    assert score(sample, [("12 12 x", box)]).perfect
    assert not score(sample, [("12", box)]).perfect
    assert not score(sample, [("1212", box)]).perfect
    assert score(Sample(IMAGE, "kind", "text"), []).perfect
    assert not score(Sample(IMAGE, "kind", "text"), [("1", box)]).perfect


def test_non_digit_has_a_score_below_a_half() -> None:
    sample = Sample(IMAGE, "kind", "non-digit")
    assert score(sample, 0.49).perfect
    assert not score(sample, 0.5).perfect


def test_grid_counts_cells() -> None:
    sample = Sample(IMAGE, "kind", "grid", grid=(("1", ""), ("", "4")))
    assert score(sample, [["1", ""], ["", "4"]]) == Score(4, 4)
    assert score(sample, [["1", "2"], ["", "4"]]) == Score(3, 4)
    assert score(sample, [["1"]]) == Score(1, 4)
    assert score(sample, []) == Score(0, 4)


def test_overlaps() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == 0.5
    assert overlap((0, 0, 100, 100), (5, 5, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 10, 10)) == 0
    assert iou((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)


def test_summary() -> None:
    summary = Summary([Score(3, 4, 1), Score(1, 1, 0)], [0.1, 0.3])
    assert summary.right == 4 / 5
    assert summary.whole == 1 / 2
    assert summary.false == 1 / 4
    assert summary.time[0] == pytest.approx(0.2)
    assert Summary([Score(0, 4, 3)], [0.1]).false == 3


def test_table_has_engines_side_by_side_and_a_total() -> None:
    ours = Summary([Score(1, 2)], [0.001])
    results = {("s", "a"): {"x": ours, "y": ours}, ("s", "b"): {"x": Summary([Score(2, 2)], [0.1])}}
    lines = reading.table(results, {"x": "1.0", "y": "2.0"}).splitlines()
    assert {line.count("|") for line in lines} == {11}
    assert [line.split(" | ")[1] for line in lines[2:]] == ["a", "b", "all"]
    assert "| 75.0% of 4 | 50.0% of 2 |" in lines[-1]
    assert "| 50.0% of 2 | 0.0% of 1 |" in lines[-1]


def test_peers_read_the_first_of_each_kind() -> None:
    samples = [Sample(IMAGE, kind, "field") for kind in "aabbbc"]
    assert [sample.kind for sample in reading.first_of_kinds(samples, 2)] == list("aabbc")
    assert reading.first_of_kinds(samples, None) == samples


@pytest.mark.parametrize("degrees", [-20, 0, 5, 17.5])
def test_rotation_moves_the_boxes_with_the_pixels(degrees: float) -> None:
    sheet = drawing.Page(np.random.default_rng(0), 200, 300)
    sheet.rectangle((40, 60, 90, 30), 0)
    sheet.numbers = [Number("1", (40, 60, 90, 30))]
    sheet.rotate(degrees, sheet.background, margin=7)
    rows, columns = np.nonzero(sheet.gray < sheet.background / 2)
    found = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    np.testing.assert_allclose(sheet.numbers[0].box, found, atol=1.5)


KINDS = fault_sets.PAGES | fault_sets.EMPTY_PAGES | fault_sets.COMBS
KINDS |= digit_sets.CELLS | digit_sets.CORNERS | digit_sets.CROPS | digit_sets.NON_DIGITS


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_reproducible_and_hold_their_numbers(kind: str, mnist_folder: Path) -> None:
    if kind in ("printed words", "letter"):
        pytest.importorskip("HersheyFonts")
    first, second = (KINDS[kind](drawing.Writer(mnist_folder, 3)) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    assert first.numbers == second.numbers
    assert first.kind == kind
    assert first.image.dtype == np.uint8
    other = KINDS[kind](drawing.Writer(mnist_folder, 4))
    assert not np.array_equal(first.image, other.image)
    if first.task == "page":
        assert first.numbers
        for number in first.numbers:
            x, y, w, h = (round(side) for side in number.box)
            assert 0 <= x < x + w <= first.image.shape[1] + 1
            assert 0 <= y < y + h <= first.image.shape[0] + 1
            assert np.ptp(first.image[y : y + h, x : x + w]) > 40


def test_a_run_measures_an_engine(tmp_path: Path, mnist_folder: Path) -> None:
    options = argparse.Namespace(engines=["ocrdigit"], peer_count=None, threads=1)
    options.failures = tmp_path
    writer = drawing.Writer(mnist_folder, 0)
    samples = [digit_sets.CROPS["MNIST, 3 px"](writer) for _ in range(2)]
    samples.append(Sample(IMAGE, "wrong", "field", (Number("123"),)))
    versions: dict[str, str] = {}
    results = reading.measure("set", samples, options, versions)
    assert results["MNIST, 3 px"]["ocrdigit"].scores == [Score(1, 1)] * 2
    assert results["wrong"]["ocrdigit"].scores == [Score(0, 1)]
    assert [path.name for path in tmp_path.glob("*wrong*.png")] == [
        "ocrdigit-set-wrong-0002_123_got_.png"
    ]
    rows = reading.as_rows({("set", kind): value for kind, value in results.items()}, versions)
    assert sum(row["pictures"] for row in rows if row["kind"] != "all") == 3
    assert json.loads(json.dumps(rows)) == rows
