"""The core's functions on images and for augmentation: arguments and errors."""

from __future__ import annotations

import numpy as np
import pytest

from ocrdigit import _core

PICTURE_CALLS = {
    "is_canonical": (lambda x: _core.is_canonical(x), (5, 6)),
    "preprocess_digit": (lambda x: _core.preprocess_digit(x), (5, 6)),
    "preprocess_steps": (lambda x: _core.preprocess_steps(x), (5, 6)),
}


@pytest.mark.parametrize("name", PICTURE_CALLS)
def test_pictures_refused(name):
    call, shape = PICTURE_CALLS[name]
    good = np.zeros(shape, np.uint8)
    call(good)
    for bad, error in [
        (None, TypeError),
        (good.tolist(), TypeError),
        (good.astype(np.float32), TypeError),
        (good.astype(bool), TypeError),
        (good[::-1], ValueError),
        (good[:, ::2], ValueError),
        (np.asfortranarray(good), ValueError),
        (good[:0], ValueError),
        (good[:, :0], ValueError),
        (good[0], ValueError),
        (good[None], ValueError),
        (np.zeros((*shape[:2], 2), np.uint8), ValueError),
        (np.zeros((16385, 1, *shape[2:]), np.uint8), ValueError),
    ]:
        with pytest.raises(error, match=r"^image: got"):
            call(bad)


def test_pictures():
    digit = np.zeros((40, 30), np.uint8)
    digit[8:32, 14:17] = 255
    assert _core.is_canonical(digit) is True
    assert _core.is_canonical(255 - digit) is False
    prepared = _core.preprocess_digit(digit)
    assert prepared.shape == (28, 28)
    assert prepared.dtype == np.float32
    assert 0 < prepared.max() <= 1


def test_operations():
    rgb = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    r, g, b = (rgb[..., i].astype(int) for i in range(3))
    gray = (9798 * r + 19235 * g + 3735 * b + 16384) >> 15
    assert np.array_equal(_core.image_gray(image=rgb, bgr=False, background=0), gray)
    clear = np.dstack([rgb, np.zeros((5, 6), np.uint8)])
    assert np.array_equal(_core.image_gray(clear, False, 200), np.full((5, 6), 200))
    assert _core.image_threshold(np.array([[3, 9]], np.uint8), 0, 255, "otsu")[0] == 3
    halved = _core.image_resize(np.array([[0, 4], [8, 12]], np.uint8), (1, 1), "area")
    assert halved.dtype == np.uint8
    assert halved.tolist() == [[6]]


def test_operation_numbers_refused():
    rgba, gray = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2), np.uint8)
    for background in (-1, 256):
        with pytest.raises(ValueError, match=f"background: got {background}, .* 0 to 255"):
            _core.image_gray(rgba, False, background)
    with pytest.raises(TypeError, match=r"background: got 0\.5"):
        _core.image_gray(rgba, False, 0.5)
    for side in (0, -2, 16385, 10**30):
        for size in ((side, 4), (4, side)):
            with pytest.raises(ValueError, match=f"dsize: got {side}, .* 1 to 16384"):
                _core.image_resize(gray, size, "area")


STEPS = [{"type": "rotation", "factor": (-0.1, 0.1), "fill": "reflect"}]


def test_augmentation_is_of_seed_and_place(threads, batch):
    before = batch.images.copy()
    results = []
    for count in (1, 3):
        threads(count)
        results.append(_core.augment(batch.images, STEPS, 5))
    assert np.array_equal(batch.images, before)
    assert np.array_equal(*results)
    assert results[0].dtype == np.float32
    assert results[0].shape == before.shape
    assert np.array_equal(_core.augment(batch.images[:9], STEPS, 5), results[0][:9])
    assert not np.array_equal(_core.augment(batch.images, STEPS, 6), results[0])
    assert not np.array_equal(results[0], before)
    assert np.array_equal(_core.augment(batch.images, [], 5), before)


@pytest.mark.parametrize(
    ("images", "steps", "seed", "error", "message"),
    [
        (np.zeros((2, 8, 8), np.uint8), STEPS, 0, TypeError, "images: got dtype uint8"),
        (np.zeros((8, 8), np.float32), STEPS, 0, ValueError, r"images: got shape \(8, 8\)"),
        (np.zeros((0, 8, 8), np.float32), STEPS, 0, ValueError, r"images: got shape \(0,"),
        (np.zeros((1, 513, 8), np.float32), STEPS, 0, ValueError, "sides up to 512"),
        (np.zeros((1, 8, 8), np.float32), 3, 0, TypeError, "steps: got 3"),
        (np.zeros((1, 8, 8), np.float32), [STEPS], 0, TypeError, r"steps\[0\]: got"),
        (np.zeros((1, 8, 8), np.float32), STEPS, -1, ValueError, "seed: got -1"),
    ],
)
def test_augmentation_refused(images, steps, seed, error, message):
    with pytest.raises(error, match=message):
        _core.augment(images, steps, seed)


class Clearing:
    """An integer that empties the list it is in when it is converted."""

    def __init__(self, numbers: list[object]) -> None:
        self.numbers = numbers

    def __index__(self) -> int:
        self.numbers.clear()
        return 3


class ClearingFloat(np.float32):
    """A number that empties the list it is in when it is converted."""

    numbers: list[object]

    def __float__(self) -> float:
        self.numbers.clear()
        return 1.0


def cleared_by(first, *rest):
    """Return a list whose first item empties it, and whose other items are freed then."""
    numbers = [first, *rest]
    first.numbers = numbers
    return numbers


def integers(*rest):
    return cleared_by(Clearing([]), *rest)


def floats(*rest):
    return cleared_by(ClearingFloat(1), *rest)


PICTURE = np.zeros((4, 4), np.uint8)


def morphology(image, anchor):
    return _core.image_morphology(image, "erode", None, anchor, 1, "constant", None)


@pytest.mark.parametrize(
    "call",
    [
        lambda: _core.image_resize(PICTURE, integers(object()), "linear"),
        lambda: morphology(PICTURE, integers(object())),
        lambda: _core.image_warp_affine(
            PICTURE, floats(*[object() for _ in range(5)]), True, 4, 4, "constant", 0
        ),
        lambda: _core.warp_perspective(PICTURE, floats(*[object() for _ in range(8)]), 4, 4),
        lambda: _core.Network(
            [{"type": "conv2d", "filters": 2, "kernel_size": integers(object())}]
        ),
        lambda: _core.Network([{"type": "dense", "units": 10}], integers(object(), object())),
        lambda: _core.augment(
            np.zeros((1, 4, 4), np.float32), [{"type": "noise", "sigma": floats(object())}], 0
        ),
    ],
    ids=["size", "anchor", "matrix", "homography", "kernel", "input_shape", "range"],
)
def test_list_that_changes_while_it_is_converted(call):
    """The converters own the items they read: they find the object after the first number."""
    with pytest.raises((TypeError, ValueError), match=r"expected (an integer|a number)"):
        call()


class Longer(list):
    """A list that says that it is longer than it is."""

    def __len__(self) -> int:
        return 2

    def __iter__(self):
        return iter([1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: _core.image_resize(PICTURE, Longer(), "linear"),
        lambda: morphology(PICTURE, Longer()),
        lambda: _core.Network([{"type": "conv2d", "filters": 2, "kernel_size": Longer()}]),
        lambda: _core.augment(
            np.zeros((1, 4, 4), np.float32), [{"type": "noise", "sigma": Longer()}], 0
        ),
    ],
    ids=["size", "anchor", "kernel", "range"],
)
def test_list_of_another_length_than_it_says(call):
    with pytest.raises((TypeError, ValueError), match="expected"):
        call()


class Shrinking(np.float32):
    """A number that frees the pixels of an array when it is converted."""

    array: np.ndarray

    def __float__(self) -> float:
        self.array.resize((1, 1), refcheck=False)
        return 1.0


def test_array_that_shrinks_while_other_arguments_are_converted():
    """Arrays are looked at after all that may run Python code."""
    number = Shrinking(1)
    number.array = np.zeros((3000, 3000), np.uint8)
    inputs = _core.preprocess_images((number.array,), (number,))
    assert inputs.shape == (1, 28, 28)
    assert number.array.shape == (1, 1)
