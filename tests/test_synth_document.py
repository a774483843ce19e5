"""Documents with the class of every pixel: truth, tables, determinism and errors."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from ocrdigit import synth
from ocrdigit.datasets import Dataset
from ocrdigit.synth import _document, _fonts, _photo, _sheet

SIZE = (260, 220)
CLEAN = synth.Style(
    darkness=(1.0, 1.0),
    texture=(0.0, 0.0),
    background=(1.0, 1.0),
    grain=(0.0, 0.0),
    mottle=(0.0, 0.0),
    light=(0.0, 0.0),
    blur=(0.0, 0.0),
    noise=(0.0, 0.0),
)
BACKGROUND, NUMBER, WRITING, RULING_LINE = range(4)


@pytest.fixture(scope="module")
def digits(sample: Dataset) -> synth.Digits:
    return synth.Digits(sample.X_train[:600], sample.y_train[:600])


def make(kind: str | None, digits: synth.Digits, seed: int, **options: object) -> synth.Document:
    settings = {"size": SIZE, "digit_height": (14, 24), "digits": digits} | options
    return synth.document(kind, random_state=seed, **settings)


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(_document)
    assert tried
    assert not failed


@pytest.mark.parametrize("kind", synth.DOCUMENT_KINDS)
def test_truth_is_consistent(kind: str, digits: synth.Digits) -> None:
    for seed in range(4):
        made = make(kind, digits, seed, color=seed % 2 == 0)
        shape = made.image.shape[:2]
        assert made.kind == kind
        assert made.image.dtype == made.labels.dtype == np.uint8
        assert made.image.ndim == (3 if seed % 2 == 0 else 2)
        assert made.labels.shape == shape
        assert made.labels.max(initial=0) <= RULING_LINE
        if kind != "crop":
            assert shape == SIZE[::-1]
        for text, (x, y, w, h) in made.numbers:
            assert any(character.isdigit() for character in text)
            assert 0 <= x < x + w <= shape[1]
            assert 0 <= y < y + h <= shape[0]
            box = made.labels[y : y + h, x : x + w] == NUMBER
            assert box.any(axis=0)[[0, -1]].all()  # the box is tight
            assert box.any(axis=1)[[0, -1]].all()


def test_pixels_of_numbers_lie_in_boxes(digits: synth.Digits) -> None:
    """Without distortion nothing is cut off, so that every number has a box."""
    for kind in ("table", "sudoku", "votes"):
        made = make(kind, digits, 4, distortion=0)
        inside = np.zeros(made.labels.shape, bool)
        for _, (x, y, w, h) in made.numbers:
            inside[y : y + h, x : x + w] = True
        assert made.numbers
        assert inside[made.labels == NUMBER].all()


def test_labelled_pixels_are_dark_and_others_light(digits: synth.Digits) -> None:
    for kind in ("page", "table", "form", "register", "sudoku"):
        seeds = range(2, 6)  # what a document holds also depends on the fonts of the machine
        all_made = [
            make(kind, digits, seed, distortion=0, style=CLEAN, color=False) for seed in seeds
        ]
        levels = np.concatenate([made.image.ravel() for made in all_made])
        labels = np.concatenate([made.labels.ravel() for made in all_made])
        assert np.median(levels[labels == NUMBER]) < 130
        assert (levels[labels == BACKGROUND] > 130).mean() > 0.98


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("page", {NUMBER}),
        ("ruled", {NUMBER, RULING_LINE}),
        ("squared", {NUMBER, RULING_LINE}),
        ("table", {NUMBER, RULING_LINE}),
        ("form", {NUMBER, WRITING, RULING_LINE}),
        ("register", {NUMBER, WRITING, RULING_LINE}),
        ("cheque", {NUMBER, WRITING, RULING_LINE}),
        ("sudoku", {NUMBER, RULING_LINE}),
        ("envelope", {NUMBER, WRITING, RULING_LINE}),
        ("votes", {NUMBER, WRITING, RULING_LINE}),
        ("clutter", {WRITING}),
        ("crop", {NUMBER}),
    ],
)
def test_kinds_have_their_classes(kind: str, expected: set[int], digits: synth.Digits) -> None:
    found: set[int] = set()
    for seed in range(5):
        found |= set(make(kind, digits, seed).labels.ravel().tolist())
    assert expected <= found


def test_clutter_has_no_number(digits: synth.Digits) -> None:
    for seed in range(6):
        made = make("clutter", digits, seed)
        assert not made.numbers
        assert not (made.labels == NUMBER).any()


def test_cells_are_in_reading_order(digits: synth.Digits) -> None:
    for kind in ("table", "sudoku", "votes"):
        for seed in range(4):
            made = make(kind, digits, seed, distortion=0, digit_height=(10, 20))
            assert made.cells
            assert len({len(row) for row in made.cells}) == 1
            numbers = [cell for row in made.cells for cell in row if cell is not None]
            assert all(number in made.numbers for number in numbers)
            for row in made.cells:
                lefts = [cell[1][0] for cell in row if cell is not None]
                assert lefts == sorted(lefts)
            for column in zip(*made.cells, strict=True):
                tops = [cell[1][1] for cell in column if cell is not None]
                assert tops == sorted(tops)


def test_sudoku_has_9_x_9_cells(digits: synth.Digits) -> None:
    made = make("sudoku", digits, 1, size=(300, 300), distortion=0)
    assert made.cells is not None
    assert [len(row) for row in made.cells] == [9] * 9
    texts = [cell[0] for row in made.cells for cell in row if cell is not None]
    assert texts
    assert set("".join(texts)) <= set("123456789")


def test_pages_have_no_cells(digits: synth.Digits) -> None:
    assert make("page", digits, 0).cells is None


def test_same_seed_gives_the_same_document(digits: synth.Digits) -> None:
    for kind in (None, *synth.DOCUMENT_KINDS):
        first, second = make(kind, digits, 7), make(kind, digits, 7)
        assert first.kind == second.kind
        assert np.array_equal(first.image, second.image)
        assert np.array_equal(first.labels, second.labels)
        assert first.numbers == second.numbers
        assert first.cells == second.cells


def test_other_seed_gives_another_document(digits: synth.Digits) -> None:
    assert not np.array_equal(make("page", digits, 1).image, make("page", digits, 2).image)


def test_every_kind_is_drawn_at_random(digits: synth.Digits) -> None:
    rng = np.random.default_rng(0)
    kinds = {
        synth.document(size=(64, 64), digits=digits, color=False, random_state=rng).kind
        for _ in range(90)
    }
    assert kinds == set(synth.DOCUMENT_KINDS)


def test_only_digits_of_the_handwriting_are_used(sample: Dataset) -> None:
    ones = np.flatnonzero(sample.y_train == 1)[:20]
    made = make("page", synth.Digits(sample.X_train[ones], sample.y_train[ones]), 0)
    texts = "".join(text for text, _ in made.numbers)
    assert texts
    assert set(filter(str.isdigit, texts)) == {"1"}


def test_digits_have_the_height_that_was_asked_for(digits: synth.Digits) -> None:
    made = make("page", digits, 3, size=(600, 500), digit_height=(40, 40), distortion=0)
    heights = [box[3] for text, box in made.numbers if text.isdigit()]
    assert 32 <= np.median(heights) <= 56


def test_crop_is_small_and_holds_a_number(digits: synth.Digits) -> None:
    rng = np.random.default_rng(1)
    made = [
        synth.document("crop", size=(90, 70), digits=digits, random_state=rng) for _ in range(12)
    ]
    assert all(each.labels.shape[0] <= 70 and each.labels.shape[1] <= 90 for each in made)
    assert sum((each.labels == NUMBER).any() for each in made) >= 8


def test_without_distortion_all_of_the_page_is_paper(digits: synth.Digits) -> None:
    made = make("page", digits, 5, distortion=0, style=CLEAN, color=False)
    assert made.image[made.labels == BACKGROUND].min() > 100
    assert made.image[0].min() == made.image[-1].max() == 255 or made.image[0].max() == 255


# -- sheets --


def blank_sheet(digits: synth.Digits, size: tuple[int, int] = (120, 80)) -> _sheet.Sheet:
    rng = np.random.default_rng(0)
    fonts = _fonts.find_fonts(None)
    return _sheet.Sheet(size, (20, 20), CLEAN, digits, fonts, rng)


@pytest.mark.parametrize("ruled_first", [True, False])
def test_digit_keeps_its_pixels_where_a_ruling_line_crosses_it(
    ruled_first: bool, digits: synth.Digits
) -> None:
    crossed, alone = blank_sheet(digits), blank_sheet(digits)
    for sheet in (crossed, alone):
        if sheet is crossed and ruled_first:
            sheet.ruling_line(40, 0, 120, 4)
        sheet.number("8", 60, 40, (0.5, 0.5), size=30, printed=True)
        if sheet is crossed and not ruled_first:
            sheet.ruling_line(40, 0, 120, 4)
        sheet.finish()
    expected = _sheet.labels_of(alone.owner) == NUMBER
    labels = _sheet.labels_of(crossed.owner)
    assert np.array_equal(labels == NUMBER, expected)
    assert (labels[38:42, :30] == RULING_LINE).all()


@pytest.mark.parametrize("vertical", [False, True])
def test_thickness_and_slope_of_ruling_lines(vertical: bool, digits: synth.Digits) -> None:
    sheet = blank_sheet(digits, (100, 100))
    sheet.ruling_line(50, 0, 100, 3, vertical=vertical, slope=0.2)
    labels = _sheet.labels_of(sheet.owner)
    labels = labels.T if vertical else labels
    assert ((labels == RULING_LINE).sum(axis=0) >= 3).all()
    assert ((labels == RULING_LINE).sum(axis=0) <= 4).all()
    middle = [np.flatnonzero(labels[:, x]).mean() for x in (10, 50, 90)]
    assert middle == pytest.approx([42, 50, 58], abs=1)


def test_dashes_leave_gaps(digits: synth.Digits) -> None:
    sheet = blank_sheet(digits)
    sheet.ruling_line(40, 0, 120, 2, dashes=(10, 0.5))
    ruled = (_sheet.labels_of(sheet.owner) == RULING_LINE).any(axis=0)
    assert ruled.mean() == pytest.approx(0.5, abs=0.1)


def test_image_and_labels_are_warped_alike(digits: synth.Digits) -> None:
    """A black square on white stays where its labels are, whatever the geometry."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        geometry = _photo.sample_geometry((200, 160), True, 1.0, rng)
        if geometry.mesh is None:
            continue
        owner = np.zeros(geometry.sheet[::-1], np.int32)
        height, width = owner.shape
        owner[height // 4 : height // 2, width // 3 : 2 * width // 3] = _sheet.FIRST_NUMBER
        tones = (owner == 0).astype(np.float32)
        picture, warped = _photo._warped(tones, owner, (200, 160), geometry.mesh, 1.0)
        dark, labelled = picture < 0.5, warped == _sheet.FIRST_NUMBER
        assert (dark & labelled).sum() > 0.97 * (dark | labelled).sum()


# -- fonts --


def test_fonts_of_an_empty_folder_are_those_of_pillow(tmp_path) -> None:
    fonts = _fonts.find_fonts(str(tmp_path))
    rng = np.random.default_rng(0)
    assert fonts.printed(rng) == ""
    assert fonts.script(rng) is None
    assert _fonts.text_mask("8", _fonts.load("", 30)).max() == 255


def test_broken_font_files_are_left_out(tmp_path, digits: synth.Digits) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert make("form", digits, 0, fonts=tmp_path).numbers


# -- errors --


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "poem"}, ValueError, "kind must be one of"),
        ({"kind": 3}, TypeError, "kind must be one of"),
        ({"size": (10, 300)}, ValueError, "size must be 64 to 8,192"),
        ({"size": 300}, ValueError, "size must be a pair"),
        ({"size": (300.5, 300)}, TypeError, "size must be a positive integer"),
        ({"digit_height": (30, 20)}, ValueError, "digit_height must be"),
        ({"digit_height": (2, 20)}, ValueError, "digit_height must be"),
        ({"digit_height": 20}, ValueError, "digit_height must be a pair"),
        ({"style": "baroque"}, ValueError, "style must be one of"),
        ({"distortion": 2}, ValueError, "distortion must be in 0..1"),
        ({"digits": 5}, TypeError, "digits must be"),
        ({"fonts": 5}, TypeError, "fonts must be a folder"),
        ({"fonts": "/no/such/folder"}, ValueError, "fonts must be a folder"),
        ({"random_state": -1}, ValueError, "random_state"),
    ],
)
def test_bad_arguments(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        synth.document(**options)
