"""The synthesizer: ground truth, determinism, styles and errors."""

from __future__ import annotations

import doctest
import json
from dataclasses import fields

import numpy as np
import pytest

import ocrdigit
from ocrdigit import synth
from ocrdigit.datasets import Dataset
from ocrdigit.synth import _digits, _non_digits, _patterns, _strokes

CLEAN = synth.Style(
    darkness=(0.9, 0.9),
    darkness_jitter=0.0,
    texture=(0.0, 0.0),
    background=(1.0, 1.0),
    grain=(0.0, 0.0),
    mottle=(0.0, 0.0),
    light=(0.0, 0.0),
    blur=(0.0, 0.0),
    noise=(0.0, 0.0),
)


@pytest.fixture(scope="module")
def digits(sample: Dataset) -> synth.Digits:
    return synth.Digits(sample.X_train[:1000], sample.y_train[:1000])


def same(a: synth.Picture, b: synth.Picture) -> bool:
    arrays = ("image", "values", "boxes")
    return a.text == b.text and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays
    )


@pytest.mark.parametrize("module", ["_digits", "_strings", "_page", "_non_digits"])
def test_examples_in_docstrings(module: str) -> None:
    failed, tried = doctest.testmod(getattr(synth, module))
    assert tried
    assert not failed


# -- strings --


@pytest.mark.parametrize("style", synth.STYLES)
def test_truth_is_consistent(style: str, digits: synth.Digits) -> None:
    for picture in synth.strings(60, style=style, digits=digits, random_state=3):
        height, width = picture.image.shape
        assert picture.image.dtype == np.uint8
        assert height == 32
        assert [int(c) for c in picture.text if c.isdigit()] == picture.values.tolist()
        assert picture.boxes.shape == (len(picture.values), 4)
        x, y, w, h = picture.boxes.T
        assert (x >= 0).all()
        assert (y >= 0).all()
        assert (w > 0).all()
        assert (h > 0).all()
        assert (x + w <= width).all()
        assert (y + h <= height).all()
        assert (np.diff(x + w / 2) > -0.5 * h[:-1]).all()  # in reading order


def test_boxes_contain_the_foreground(digits: synth.Digits) -> None:
    """On a clean background, the boxes contain all strokes and are tight on all sides."""
    for picture in synth.strings(40, style=CLEAN, height=48, digits=digits, random_state=4):
        outside = np.ones(picture.image.shape, bool)
        for x, y, w, h in picture.boxes:
            outside[max(0, y - 1) : y + h + 1, max(0, x - 1) : x + w + 1] = False
            inside = picture.image[y : y + h, x : x + w] < 200
            for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
                assert side.any()
        assert picture.image[outside].min(initial=255) > 150


def test_digits_are_legible(digits: synth.Digits) -> None:
    """The shipped classifier recognizes the crops of the boxes."""
    style = CLEAN.with_(gap=(0.3, 0.5), source_strokes=1.0, slope=(0.0, 0.0))
    pictures = synth.strings(60, length=5, style=style, height=40, digits=digits, random_state=5)
    crops = [
        255 - picture.image[max(0, y - 3) : y + h + 3, max(0, x - 3) : x + w + 3]
        for picture in pictures
        for x, y, w, h in picture.boxes
    ]
    truth = np.concatenate([picture.values for picture in pictures])
    assert (ocrdigit.predict(crops) == truth).mean() > 0.97


def test_gaps_are_kept(digits: synth.Digits) -> None:
    style = CLEAN.with_(kerning=0.0, gap_jitter=0.0, size=(0.5, 0.5), gap=(0.25, 0.25))
    for picture in synth.strings(
        20, length=6, style=style, height=80, digits=digits, random_state=6
    ):
        x, _, w, _ = picture.boxes.T
        assert (np.abs(x[1:] - (x + w)[:-1] - 10) <= 1).all()


def test_touching_digits_touch(digits: synth.Digits) -> None:
    style = CLEAN.with_(kerning=0.0, gap_jitter=0.0, size=(0.5, 0.5), gap=(-0.1, -0.1))
    for picture in synth.strings(
        20, length=6, style=style, height=80, digits=digits, random_state=6
    ):
        x, _, w, _ = picture.boxes.T
        assert (np.abs(x[1:] - (x + w)[:-1] + 4) <= 1).all()


def test_separators_are_in_the_text_without_other_marks(digits: synth.Digits) -> None:
    picture = synth.string("$1.874,50-#", digits=digits, random_state=0)
    assert picture.text == "1.874,50-"
    assert len(picture.boxes) == 6


@pytest.mark.parametrize("mark", synth._strokes.MARKS)
def test_every_mark_is_drawn(mark: str, digits: synth.Digits) -> None:
    picture = synth.string(mark, style=CLEAN, height=64, digits=digits, random_state=1)
    assert picture.text == (mark if mark in ".,-+/:" else "")
    assert picture.image.min() < 100


def test_same_seed_same_bits(digits: synth.Digits) -> None:
    styles = list(synth.STYLES)
    first = synth.strings(40, style=styles, digits=digits, random_state=7)
    again = synth.strings(40, style=styles, digits=digits, random_state=7)
    other = synth.strings(40, style=styles, digits=digits, random_state=8)
    assert all(map(same, first, again))
    assert not any(map(same, first, other))


def test_a_generator_advances(digits: synth.Digits) -> None:
    rng = np.random.default_rng(1)
    assert not same(synth.string(digits=digits, random_state=rng), synth.string(random_state=rng))


def test_earlier_calls_do_not_change_the_bits(sample: Dataset, digits: synth.Digits) -> None:
    """Cached distance fields do not depend on when they are computed."""
    fresh = synth.Digits(sample.X_train[:1000], sample.y_train[:1000])
    assert same(
        synth.string(digits=fresh, random_state=9), synth.string(digits=digits, random_state=9)
    )


def test_tall_and_long_pictures(digits: synth.Digits) -> None:
    """Large pictures are rendered in small batches; a maximum width is enforced."""
    pictures = synth.strings(3, length=20, height=400, digits=digits, random_state=0)
    assert [len(picture.values) for picture in pictures] == [20, 20, 20]
    with pytest.raises(ValueError, match="65,535 pixels wide"):
        synth.string("1" * 100, height=1024, style=CLEAN.with_(gap=(5, 5)), digits=digits)


def test_texts_and_colour(digits: synth.Digits) -> None:
    pictures = synth.strings(2, texts=["12", "345"], color=True, digits=digits, random_state=0)
    assert [picture.text for picture in pictures] == ["12", "345"]
    assert pictures[0].image.ndim == 3
    assert pictures[0].image.shape[2] == 3


def test_inverted_is_light_on_dark(digits: synth.Digits) -> None:
    style = CLEAN.with_(inverted=1.0)
    picture = synth.string("888", style=style, digits=digits, random_state=0)
    assert np.median(picture.image) < 50
    assert picture.image.max() > 180


@pytest.mark.parametrize(
    "element",
    ["ruling_lines", "grid", "boxes", "guilloche", "dots", "band", "stains", "underline"],
)
def test_printed_elements_darken_the_picture(element: str, digits: synth.Digits) -> None:
    plain = CLEAN.with_(print=(0.5, 0.5))
    assert mean_tone(plain.with_(**{element: 1.0}), digits) < mean_tone(plain, digits) - 1


def mean_tone(style: synth.Style, digits: synth.Digits) -> float:
    pictures = synth.strings(
        40, texts=["1"] * 40, style=style, height=64, digits=digits, random_state=0
    )
    return float(np.mean([picture.image.mean() for picture in pictures]))


def test_to_dict_is_json(digits: synth.Digits) -> None:
    picture = synth.string("305", digits=digits, random_state=0)
    truth = json.loads(json.dumps(picture.to_dict()))
    assert truth["text"] == "305"
    assert [digit["value"] for digit in truth["digits"]] == [3, 0, 5]
    assert truth["digits"][0]["box"] == picture.boxes[0].tolist()
    assert picture.draw().size == (truth["width"], truth["height"])


# -- lines and pages --


def test_line_separates_numbers(digits: synth.Digits) -> None:
    picture = synth.line("1859 22 05", digits=digits, random_state=1)
    assert picture.text == "1859 22 05"
    x, _, w, h = picture.boxes.T
    gaps = x[1:] - (x + w)[:-1]
    assert (gaps[[3, 5]] > 0.5 * np.median(h)).all()


@pytest.mark.parametrize("seed", range(4))
def test_page(seed: int, digits: synth.Digits) -> None:
    picture = synth.page(size=(500, 400), digits=digits, random_state=seed)
    assert picture.image.shape == (400, 500, 3)
    assert picture.text.replace(" ", "").replace("\n", "") == "".join(map(str, picture.values))
    x, y, w, h = picture.boxes.T
    assert (x >= 0).all()
    assert (y >= 0).all()
    assert (x + w <= 500).all()
    assert (y + h <= 400).all()
    assert same(picture, synth.page(size=(500, 400), digits=digits, random_state=seed))


def test_page_of_given_numbers(digits: synth.Digits) -> None:
    rows = [["1874", "35.000"], ["9"]]
    picture = synth.page(rows, size=(500, 300), color=False, digits=digits, random_state=0)
    assert picture.text == "1874 35.000\n9"
    assert picture.image.shape == (300, 500)


def test_numbers_that_do_not_fit_on_a_page(digits: synth.Digits) -> None:
    with pytest.raises(ValueError, match="do not fit on a page"):
        synth.page([["123456789"]] * 20, size=(200, 200), digits=digits, random_state=0)


# -- candidates and non-digits --


def test_candidates(digits: synth.Digits) -> None:
    images, labels = synth.candidates(400, negatives=0.3, digits=digits, random_state=0)
    assert images.shape == (400, 28, 28)
    assert images.dtype == np.uint8
    assert (labels == 10).sum() == 120
    assert set(labels.tolist()) == set(range(11))
    is_digit = labels < 10
    assert (ocrdigit.predict(images[is_digit]) == labels[is_digit]).mean() > 0.75
    again = synth.candidates(400, negatives=0.3, digits=digits, random_state=0)
    assert np.array_equal(images, again.images)


FULL_FRAME = ("textures", "noise", "grain", "patterns", "shades", "specks", "blank")


@pytest.mark.parametrize("kind", _non_digits._KINDS)
def test_non_digits(kind: str, digits: synth.Digits) -> None:
    images = synth.non_digits(30, kinds=[kind], digits=digits, random_state=0)
    assert images.shape == (30, 28, 28)
    assert images.dtype == np.uint8
    assert len({image.tobytes() for image in images}) > 20 or kind == "blank"
    if kind not in FULL_FRAME:
        for image in images:
            rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
            longer = max(np.ptp(rows), np.ptp(columns)) + 1
            assert 18 <= longer <= 20


def test_grain_has_every_density() -> None:
    images = synth.non_digits(400, kinds=["grain"], random_state=1)
    middle = (images.min(axis=(1, 2)) / 2.0 + images.max(axis=(1, 2)) / 2.0)[:, None, None]
    density = (images > middle).mean(axis=(1, 2))
    counts = np.histogram(density, bins=(0, 0.1, 0.3, 0.5, 0.7, 0.9, 1))[0]
    assert counts.min() > 10
    single_pixels = density[(images[:, ::2, 1::2] != images[:, ::2, ::2]).any(axis=(1, 2))]
    assert len(single_pixels) > 100  # neighbouring pixels differ


def test_patterns_fill_the_picture() -> None:
    """Each half shows the pattern, and every element occurs more than once."""
    images = synth.non_digits(200, kinds=["patterns"], random_state=2).astype(float)
    low, high = images.min(axis=(1, 2)), images.max(axis=(1, 2))
    light = images > ((low + high) / 2)[:, None, None]
    transitions = (light[:, 1:] != light[:, :-1]).any(axis=2).sum(axis=1)
    transitions += (light[:, :, 1:] != light[:, :, :-1]).any(axis=1).sum(axis=1)
    assert transitions.min() >= 3
    halves = (light[:, :14], light[:, 14:], light[:, :, :14], light[:, :, 14:])
    assert all(half.any(axis=(1, 2)).mean() > 0.98 for half in halves)


def test_shades_have_one_extremum_at_most() -> None:
    """Along rows and columns they rise and then fall, or fall and then rise."""
    images = synth.non_digits(100, kinds=["shades"], random_state=3).astype(int)
    for axis in (1, 2):
        slope = np.sign(np.diff(images, axis=axis))
        rising, falling = slope > 0, slope < 0
        last_rise = np.cumsum(rising, axis=axis) == rising.sum(axis=axis, keepdims=True)
        last_fall = np.cumsum(falling, axis=axis) == falling.sum(axis=axis, keepdims=True)
        one_hill = ~(falling & ~last_rise).any(axis=axis)
        one_dale = ~(rising & ~last_fall).any(axis=axis)
        assert (one_hill | one_dale).all()
    assert len({image.tobytes() for image in images}) == 100


HOLES = {"triangle": 1, "star": 6, "heart": 1, "house": 2}  # other symbols have no holes


@pytest.mark.parametrize("name", _strokes.SYMBOLS)
def test_symbols_are_connected_and_closed(name: str) -> None:
    foreground = np.zeros((160, 160), np.float32)
    lines = [
        _strokes.curve(100 * np.array(stroke, np.float32) + 20) for stroke in _strokes.SYMBOLS[name]
    ]
    _strokes.draw(foreground, lines, radius=2.0)
    mask = (255 * (foreground > 0.5)).astype(np.uint8)
    components = ocrdigit.image.connected_components(mask)[0] - 1
    holes = ocrdigit.image.connected_components(255 - mask)[0] - 2
    assert (components, holes) == (1, HOLES.get(name, 0))


def test_stripes_are_horizontal_vertical_and_diagonal() -> None:
    rng = np.random.default_rng(5)
    stripes = np.stack([_patterns._stripes(rng) for _ in range(200)])
    along_y, along_x = (np.diff(stripes, axis=axis).any(axis=(1, 2)) for axis in (1, 2))
    assert (along_y & along_x).sum() > 60
    assert (~along_y).sum() > 20
    assert (~along_x).sum() > 20


def test_noise_is_soft_or_thresholded(digits: synth.Digits) -> None:
    images = synth.non_digits(300, kinds=["noise"], digits=digits, random_state=6)
    filled = (images > 0).any(axis=(1, 2))
    gray = ((images > 0) & (images < 255)).sum(axis=(1, 2))[filled]
    assert (gray < 40).sum() > 50  # of 784 pixels
    assert (gray > 300).sum() > 20


def test_specks_are_few_and_small() -> None:
    images = synth.non_digits(100, kinds=["specks"], random_state=4)
    pixels = (images > 0).sum(axis=(1, 2))
    assert pixels.min() >= 1
    assert pixels.max() <= 6 * 21
    assert (pixels == 1).any()


# -- distance fields --


def test_digits_with_blots_keep_their_strokes() -> None:
    """A digit with a blot is not drawn with a pen, unless there is no other image of it."""
    images = np.zeros((2, 28, 28), np.uint8)
    images[:, 6:22, 13:15] = 255
    images[1, 16:22, 11:17] = 255
    ones = synth.Digits(images, [1, 1])
    assert ones.blot_free_by_digit[1].tolist() == [0]
    assert ones.by_digit[1].tolist() == [0, 1]
    assert synth.Digits(images[1:], [1]).blot_free_by_digit[1].tolist() == [0]


def test_fields_hold_distances() -> None:
    """The centre line of a bar 4 pixels wide is 2 pixels (4 field pixels) inside its outline."""
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 6:22, 12:16] = 255
    bar = synth.Digits(image, [1])
    outline, centre = (
        (field[0].astype(float) - _digits.DISTANCE_ZERO) / _digits.DISTANCE_STEP
        for field in bar.fields(np.array([0]))
    )
    middle = bar.side // 2
    assert outline[middle, middle - 1 : middle + 1] == pytest.approx(-3.5, abs=0.7)
    assert outline[middle, middle + 5] == pytest.approx(1.5, abs=0.5)
    assert centre[middle, middle - 2 : middle + 2].min() < 0.8
    assert centre[middle, middle + 6] == pytest.approx(6.5, abs=1.0)


def test_thinning_preserves_connectivity(sample: Dataset) -> None:
    """Thinned digits are thin subsets of the foreground with as many components."""
    foreground = sample.X_train[:200] >= 100
    thin = _digits._thinned(foreground)
    assert not (thin & ~foreground).any()
    assert thin.any(axis=(1, 2)).all()
    squares = thin[:, 1:, 1:] & thin[:, 1:, :-1] & thin[:, :-1, 1:] & thin[:, :-1, :-1]
    assert squares.sum() < 10
    for before, after in zip(foreground, thin, strict=True):
        assert count_components(before) == count_components(after)


def count_components(mask: np.ndarray) -> int:
    """Return the number of 8-connected components."""
    remaining = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    count = 0
    while remaining:
        count += 1
        stack = [remaining.pop()]
        while stack:
            y, x = stack.pop()
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & remaining
            remaining -= near
            stack += near
    return count


# -- bad input --


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"text": ""}, ValueError, "text must have a digit"),
        ({"text": "12a"}, ValueError, "text must be digits"),
        ({"text": 12}, TypeError, "text"),
        ({"text": "1" * 101}, ValueError, "at most 100"),
        ({"style": "fancy"}, ValueError, "style must be one of"),
        ({"style": 3}, TypeError, "style must be"),
        ({"style": []}, ValueError, "at least one style"),
        ({"height": 5}, ValueError, "height must be 16 to 1024"),
        ({"height": "tall"}, TypeError, "height"),
        ({"random_state": "x"}, TypeError, "random_state"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"digits": 5}, TypeError, "digits must be"),
    ],
)
def test_bad_arguments(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        synth.string(**arguments)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: synth.strings(0), ValueError),
        (lambda: synth.strings(2, texts=["1"]), ValueError),
        (lambda: synth.strings(1, length=(3, 2)), ValueError),
        (lambda: synth.strings(1, length=0), ValueError),
        (lambda: synth.page("12"), TypeError),
        (lambda: synth.page([["1 2"]]), ValueError),
        (lambda: synth.page(size=(10, 10)), ValueError),
        (lambda: synth.page(digit_height=(50, 20)), ValueError),
        (lambda: synth.candidates(5, negatives=2), ValueError),
        (lambda: synth.non_digits(5, kinds=["cats"]), ValueError),
        (lambda: synth.non_digits(5, kinds="halves"), TypeError),
        (lambda: synth.Style(gap=(1, 0)), ValueError),
        (lambda: synth.Style(gap=1), ValueError),
        (lambda: synth.Style(ruling_lines=2.0), ValueError),
        (lambda: synth.Style(ruling_lines="often"), TypeError),
        (lambda: synth.Style().with_(colour=1), ValueError),
        (lambda: synth.Digits(np.zeros((2, 28, 28), np.uint8), [0, 1]), ValueError),
        (lambda: synth.Digits(np.ones((2, 28, 28)), [0, 10]), ValueError),
        (lambda: synth.Digits(np.ones((2, 28, 28)), [0]), ValueError),
        (lambda: synth.Digits(np.ones((2, 28, 28)), [0.0, 1.0]), TypeError),
        (lambda: synth.Digits(np.ones((2, 14, 14)), [0, 1]), ValueError),
        (lambda: synth.Digits(2 * np.ones((2, 28, 28)), [0, 1]), ValueError),
        (lambda: synth.Digits(np.ones((2, 28, 28), int), [0, 1]), TypeError),
    ],
)
def test_bad_calls(call, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_digit_without_an_image() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 6:22, 12:16] = 255
    ones = synth.Digits(image, [1])
    assert set(synth.string(digits=ones, random_state=0).text) == {"1"}
    with pytest.raises(ValueError, match="no image of a 2"):
        synth.string("12", digits=ones)


def test_named_styles_pass_the_checks() -> None:
    """The named styles satisfy the checks of custom styles."""
    names = {field.name for field in fields(synth.Style)}
    for style in synth.STYLES.values():
        assert style.with_(**{name: getattr(style, name) for name in names}) == style
