"""Image corruptions: seeds, severities and effects."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from ocrdigit.datasets import Dataset
from ocrdigit.evaluation import corruptions
from ocrdigit.evaluation.corruptions import _corrupt

NAMES = corruptions.NAMES


@pytest.fixture(scope="module")
def digits(sample: Dataset) -> np.ndarray:
    return sample.X_test[:200]


def mean_difference(digits: np.ndarray, name: str, severity: int) -> float:
    corrupted = corruptions.corrupt(digits, name, severity, 0)
    return float(np.abs(corrupted - digits.astype(float)).mean())


def test_examples_in_docstrings() -> None:
    for module in (corruptions, _corrupt):
        failed, tried = doctest.testmod(module)
        assert tried
        assert not failed


def test_the_table_lists_all_fifteen() -> None:
    lines = corruptions.__doc__.splitlines()
    assert len(NAMES) == 15
    assert [line.split()[0] for line in lines if line.startswith(NAMES)] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_seeds(digits: np.ndarray, name: str) -> None:
    before = digits.copy()
    first, again = (corruptions.corrupt(digits, name, random_state=7) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.shape == digits.shape
    assert np.array_equal(first, again)
    assert np.array_equal(digits, before)
    other = corruptions.corrupt(digits, name, random_state=8)
    not_random = {"scale", "brightness", "canny_edges"}
    assert np.array_equal(first, other) == (name in not_random)
    generator = np.random.default_rng(7)
    assert corruptions.corrupt(digits, name, random_state=generator).shape == digits.shape


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"canny_edges"}))
def test_severity_increases_the_effect(digits: np.ndarray, name: str) -> None:
    differences = [mean_difference(digits, name, severity) for severity in corruptions.SEVERITIES]
    assert differences == sorted(differences)
    assert differences[0] > 0.5
    assert differences[4] > 1.2 * differences[0]


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_strides(name: str, digits: np.ndarray) -> None:
    one = corruptions.corrupt(digits[3], name, random_state=1)
    assert one.shape == (28, 28)
    assert np.array_equal(one, corruptions.corrupt(digits[3:4], name, random_state=1)[0])
    assert corruptions.corrupt(digits[:0], name, random_state=1).shape == (0, 28, 28)
    for level in (0, 255):
        flat = np.full((2, 28, 28), level, np.uint8)
        assert corruptions.corrupt(flat, name, 5, random_state=1).shape == flat.shape
    strided = np.repeat(digits[:4], 2, axis=2)[:, :, ::2]
    assert np.array_equal(
        corruptions.corrupt(strided, name, random_state=1),
        corruptions.corrupt(digits[:4], name, random_state=1),
    )


def test_more_images_than_a_block(sample: Dataset) -> None:
    many = np.concatenate([sample.X_test, sample.X_test[:100]])
    rotated = corruptions.rotated(many, 20)
    assert np.array_equal(rotated[1000:], rotated[:100])
    noisy = corruptions.corrupt(many, "impulse_noise", random_state=0)
    assert not np.array_equal(noisy[1000:], noisy[:100])


# -- effects --


def test_shot_noise_keeps_black_pixels(digits: np.ndarray) -> None:
    noisy = corruptions.corrupt(digits, "shot_noise", random_state=0)
    assert not noisy[digits == 0].any()
    bright = noisy[digits > 250]
    assert 180 < bright.mean() < 250
    assert bright.std() > 30


def test_impulse_noise_is_half_black_and_half_white(digits: np.ndarray) -> None:
    gray = np.full((100, 28, 28), 128, np.uint8)
    noisy = corruptions.corrupt(gray, "impulse_noise", 3, random_state=0)
    assert np.unique(noisy).tolist() == [0, 128, 255]
    assert (noisy == 0).mean() == pytest.approx(0.085, abs=0.005)
    assert (noisy == 255).mean() == pytest.approx(0.085, abs=0.005)


def moments(image: np.ndarray) -> tuple[float, float, float, float]:
    """Mass, mean row, mean column, and difference of the variances in x and y."""
    mass = image.astype(float)
    rows, columns = np.mgrid[:28, :28]
    total = mass.sum()
    row, column = (rows * mass).sum() / total, (columns * mass).sum() / total
    variance_y = ((rows - row) ** 2 * mass).sum() / total
    variance_x = ((columns - column) ** 2 * mass).sum() / total
    return total, row, column, variance_x - variance_y


def test_blurs_preserve_mass_and_centre() -> None:
    dot = np.zeros((200, 28, 28), np.uint8)
    dot[:, 12:16, 12:16] = 255
    for blurred in corruptions.corrupt(dot, "motion_blur", random_state=0):
        total, row, column, difference = moments(blurred)
        assert total == pytest.approx(16 * 255, rel=0.01)
        assert (row, column) == pytest.approx((13.5, 13.5), abs=0.01)
        assert difference > -0.1  # at up to 45 degrees, wider than tall
    glass = np.array([moments(b) for b in corruptions.corrupt(dot, "glass_blur", random_state=0)])
    assert glass.mean(axis=0)[:3] == pytest.approx((16 * 255, 13.5, 13.5), rel=0.02)
    assert (glass.std(axis=0)[:3] > 0.1).all()  # displacements differ between images


def test_geometry() -> None:
    bar = np.zeros((60, 28, 28), np.uint8)
    bar[:, 6:22, 12:16] = 255
    for shifted in corruptions.corrupt(bar, "translate", 3, random_state=0):
        total, row, column, _ = moments(shifted)
        assert total == pytest.approx(bar[0].sum(dtype=float), rel=0.02)
        assert np.hypot(row - 13.5, column - 13.5) == pytest.approx(4.5, abs=0.05)
    for sheared in corruptions.corrupt(bar, "shear", 3, random_state=0):
        assert sheared.sum(dtype=float) == pytest.approx(bar[0].sum(dtype=float), rel=0.02)
        columns = [np.average(np.arange(28), weights=row) for row in sheared[7:21].astype(float)]
        assert np.allclose(np.abs(np.diff(columns)), 0.45, atol=0.02)
    small = corruptions.corrupt(bar, "scale", 3)
    assert small.sum(dtype=float) == pytest.approx(0.36 * bar.sum(dtype=float), rel=0.03)
    assert np.flatnonzero(small[0].any(axis=1)).tolist() == list(range(9, 19))
    sides = [moments(rotated) for rotated in corruptions.corrupt(bar, "rotate", random_state=0)]
    assert all(total == pytest.approx(bar[0].sum(dtype=float), rel=0.03) for total, *_ in sides)


def test_rotated_is_exact_and_counter_clockwise(digits: np.ndarray) -> None:
    assert np.array_equal(corruptions.rotated(digits, 0), digits)
    quarter = corruptions.rotated(digits, 90).astype(int)
    assert np.abs(quarter - np.rot90(digits, axes=(1, 2))).max() <= 1
    assert corruptions.rotated(digits[0], 10).shape == (28, 28)


def test_scaled(digits: np.ndarray) -> None:
    assert np.array_equal(corruptions.scaled(digits, 1), digits)
    for factor in (0.4, 0.7, 1.3):
        mass = corruptions.scaled(digits, factor).sum(dtype=float)
        assert mass == pytest.approx(factor**2 * digits.sum(dtype=float), rel=0.06)


def test_light(digits: np.ndarray) -> None:
    bright = corruptions.corrupt(digits, "brightness", 3)
    assert np.abs(bright - np.minimum(digits + 127.5, 255)).max() <= 0.5
    striped = corruptions.corrupt(digits, "stripe", 3, random_state=0)
    assert np.array_equal(striped[:, :, 8:20], digits[:, :, 8:20])
    for edge in (slice(0, 6), slice(22, 28)):
        assert np.array_equal(striped[:, :, edge], 255 - digits[:, :, edge])
    fog = corruptions.corrupt(np.zeros_like(digits), "fog", 3, random_state=0).astype(float)
    assert fog.max() == 128
    assert 40 < fog.mean() < 90
    assert (
        np.abs(np.diff(fog, axis=2)).mean() < 0.4 * fog.std()
    )  # smooth clouds instead of pixel noise


def test_marks_only_brighten(digits: np.ndarray) -> None:
    black = np.zeros((100, 28, 28), np.uint8)
    for name in ("spatter", "dotted_line", "zigzag"):
        assert (corruptions.corrupt(digits, name, random_state=0) >= digits).all()
    drops = corruptions.corrupt(black, "spatter", 3, random_state=0) > 0
    assert drops.mean(axis=(1, 2)) == pytest.approx(0.12, abs=0.005)
    dots = corruptions.corrupt(black, "dotted_line", random_state=0) > 0
    lines = corruptions.corrupt(black, "zigzag", random_state=0) > 0
    assert 0.01 < dots.mean() < 0.06
    assert 0.05 < lines.mean() < 0.2
    # A line of dots is straight: its second singular value is small.
    for picture in dots:
        values = np.linalg.svd(np.argwhere(picture) - np.argwhere(picture).mean(axis=0))[1]
        assert values[1] < 0.25 * values[0]


def test_edges_of_a_square() -> None:
    square = np.zeros((28, 28), np.uint8)
    square[8:20, 8:20] = 255
    edges = corruptions.corrupt(square, "canny_edges")
    assert set(np.unique(edges)) == {0, 255}
    assert not edges[10:18, 10:18].any()
    assert not edges[:6].any()
    for line in (edges[13], edges[:, 13]):
        assert np.count_nonzero(line) == 2  # one pixel on each side
        left, right = np.flatnonzero(line)
        assert left in (7, 8)
        assert right in (19, 20)


def test_weak_edges_must_be_connected_to_strong_ones() -> None:
    picture = np.zeros((28, 28), np.uint8)
    picture[2:14, 3:14] = 255
    picture[14:26, 3:14] = np.linspace(255, 36, 12)[:, None]  # fades to a low contrast
    picture[4:24, 20:25] = 36  # low contrast, not connected
    edges = corruptions.corrupt(picture, "canny_edges")
    assert edges[23:26, 2:15].any()
    assert not edges[:, 17:].any()


# -- bad input --


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"images": [[0]]}, TypeError, "images must be an array of uint8, got list"),
        ({"images": np.zeros((1, 28, 28))}, TypeError, "of uint8, got float64"),
        ({"images": np.zeros((28, 27), np.uint8)}, ValueError, r"got \(28, 27\)"),
        ({"images": np.zeros((1, 28, 28, 1), np.uint8)}, ValueError, "must have shape"),
        ({"name": "rain"}, ValueError, "name must be one of 'shot_noise'"),
        ({"name": 3}, TypeError, "name must be one of"),
        ({"severity": 0}, ValueError, "severity must be a positive integer"),
        ({"severity": 6}, ValueError, "severity must be 1 to 5, got 6"),
        ({"severity": 2.0}, TypeError, "severity must be"),
        ({"random_state": -1}, ValueError, "random_state must not be negative"),
        ({"random_state": "x"}, TypeError, "random_state must be None, an int"),
    ],
)
def test_bad_arguments(arguments: dict, error: type, message: str) -> None:
    good = {"images": np.zeros((1, 28, 28), np.uint8), "name": "fog"}
    with pytest.raises(error, match=message):
        corruptions.corrupt(**{**good, **arguments})


def test_bad_angles_and_factors(digits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="degrees must be finite"):
        corruptions.rotated(digits, float("nan"))
    with pytest.raises(ValueError, match="factor must be above 0"):
        corruptions.scaled(digits, 0)
    with pytest.raises(TypeError, match="images must be an array"):
        corruptions.scaled(digits.astype(float), 1)
