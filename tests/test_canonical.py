"""The fast path for canonical images must agree with the general path."""

from __future__ import annotations

import collections
import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import ocrdigit
from ocrdigit import DigitClassifier, _core, _inputs, _predict
from ocrdigit.datasets import Dataset


class Subclass(np.ndarray):
    pass


@pytest.fixture(scope="module", autouse=True)
def without_tta() -> Iterator[None]:
    """Disable test-time augmentation, which test_tta.py covers."""
    model = _predict.shipped_model()
    before, model.tta = model.tta, False
    yield
    model.tta = before


@pytest.fixture(scope="module")
def digit(sample: Dataset) -> NDArray[np.uint8]:
    """A 7: 28x28 bytes, light on black."""
    return sample.X_test[7].copy()


@pytest.fixture(scope="module")
def classifier() -> _core.Classifier:
    return _core.Classifier(_predict.shipped_model().network_)


def outcome(function: Callable[[object], Any], X: object) -> object:
    """Return the result of a function, or its error, in a comparable form."""
    try:
        answer = function(X)
    except (TypeError, ValueError) as error:
        return type(error), str(error)
    if isinstance(answer, np.ndarray):
        return answer.dtype, answer.shape, answer.tobytes()
    return type(answer), answer


def assert_paths_agree(X: object) -> None:
    classifier = _core.Classifier(_predict.shipped_model().network_)

    def general_preprocess(X: object) -> NDArray[np.float32]:
        images, scale, single = _inputs.preprocess_images(X)
        pixels: NDArray[np.float32] = np.multiply(images, np.float32(scale), dtype=np.float32)
        return pixels[0] if single else pixels

    def general_proba(X: object) -> NDArray[np.float32]:
        images, scale, single = _inputs.preprocess_images(X)
        probabilities = classifier.predict_proba(images, scale)
        return probabilities[0] if single else probabilities

    def general_predict(X: object) -> int | NDArray[np.int64]:
        images, scale, single = _inputs.preprocess_images(X)
        digits = classifier.predict(images, scale)
        return int(digits[0]) if single else digits

    model = _predict.shipped_model()
    with np.errstate(over="ignore"):
        assert outcome(ocrdigit.preprocess, X) == outcome(general_preprocess, X)
        expected = outcome(general_proba, X)
        assert outcome(ocrdigit.predict_proba, X) == expected
        assert outcome(model.predict_proba, X) == expected
        expected = outcome(general_predict, X)
        assert outcome(ocrdigit.predict, X) == expected
        assert outcome(model.predict, X) == expected


# -- canonical input --

CANONICAL: dict[str, tuple[Callable[[NDArray[np.uint8]], NDArray[Any]], float]] = {
    "uint8": (lambda x: x, 1 / 255),
    "float32 0..1": (lambda x: (x / 255).astype(np.float32), 1.0),
    "float32 0..255": (lambda x: x.astype(np.float32), 1 / 255),
    "read-only": (lambda x: np.frombuffer(x.tobytes(), np.uint8).reshape(28, 28), 1 / 255),
    "a batch of one": (lambda x: x[None], 1 / 255),
    "(n, 28, 28)": (lambda x: np.stack([x] * 40), 1 / 255),
    "(n, 28, 28, 1)": (lambda x: np.stack([x] * 3)[..., None], 1 / 255),
    "(n, 784)": (lambda x: np.stack([x] * 3).reshape(3, 784), 1 / 255),
    "floats (n, 784)": (lambda x: np.stack([(x / 255).astype(np.float32)] * 3), 1.0),
    "one in ten is dark": (lambda x: np.stack([x] * 9 + [255 - x]), 1 / 255),
}

NOT_CANONICAL: dict[str, Callable[[NDArray[np.uint8]], object]] = {
    "None": lambda x: None,
    "list": lambda x: x.tolist(),
    "light background": lambda x: 255 - x,
    "blank": np.zeros_like,
    "float64": lambda x: x / 255,
    "bool": lambda x: x > 127,
    "int8": lambda x: x.astype(np.int8),
    "subclass": lambda x: x.view(Subclass),
    "matrix": lambda x: x.view(np.matrix),
    "masked": np.ma.masked_array,
    "Fortran order": np.asfortranarray,
    "negative strides": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "every other row": lambda x: np.repeat(x, 2, 0)[::2],
    "byte-swapped": lambda x: (x / 255).astype(np.dtype(np.float32).newbyteorder()),
    "not aligned": lambda x: np.frombuffer(
        b"." + x.astype(np.float32).tobytes(), np.float32, 784, 1
    ).reshape(28, 28),
    "(27, 28)": lambda x: x[1:],
    "(28, 28, 1)": lambda x: x[:, :, None],
    "(784,)": np.ravel,
    "an empty batch": lambda x: x[None][:0],
    "two in ten are dark": lambda x: np.stack([x] * 8 + [255 - x] * 2),
    "the last is above 1": lambda x: np.stack([x / 255] * 39 + [x / 254.9]).astype(np.float32),
}


@pytest.mark.parametrize("form", CANONICAL)
def test_canonical(digit: NDArray[np.uint8], classifier: _core.Classifier, form: str) -> None:
    make, scale = CANONICAL[form]
    images = make(digit)
    assert _core.canonical_scale(images) == scale
    assert classifier.predict_canonical(images) is not None
    assert np.shares_memory(_inputs.as_images(images)[0], images)
    assert_paths_agree(images)


@pytest.mark.parametrize("form", NOT_CANONICAL)
def test_not_canonical(digit: NDArray[np.uint8], classifier: _core.Classifier, form: str) -> None:
    images = NOT_CANONICAL[form](digit)
    assert _core.canonical_scale(images) is None
    assert classifier.predict_canonical(images) is None
    assert classifier.predict_proba_canonical(images) is None
    assert_paths_agree(images)


SPECIAL = [
    *(np.nan, np.inf, -np.inf, -0.0, 1e-45, -1e-45, -1e-3, -1e-4, 1.0, 1.0005, 1.002, 1e30),
    *np.nextafter(np.float32(1), np.float32([0, 2])),
    *(254.5, 255.0, 255.1, 256.0, 0.5, 128.0, 33.0, 300.0, -1.0, -0.2),
]
# The byte thresholds of black and of foreground pixels, and the adjacent floats.
for level in np.float32([32, 32.5, 33, 127, 127.5, 128]):
    for edge in (level, level / np.float32(255), level * np.float32(1 / 255)):
        SPECIAL += [edge, *np.nextafter(edge, np.float32([0, 256]))]


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([None, None, 1, 2, 9, 10, 33, 70]),
    dtype=st.sampled_from(["u1", "f4", "f4", "f4", ">f4", "f8"]),
    top=st.sampled_from([1, 255]),
    level=st.sampled_from([0, 0.5, 1]),
    specials=st.sampled_from([0, 0, 1, 3]),
    dark=st.sampled_from([0, 0.1, 0.3, 1]),
    layout=st.sampled_from(["C", "C", "C", "F", "rows", "subclass", "read-only"]),
)
def test_paths_agree_on_random_arrays(
    seed: int,
    count: int | None,
    dtype: str,
    top: int,
    level: float,
    specials: int,
    dark: float,
    layout: str,
) -> None:
    """Noise near the thresholds of the canonical test, with special values."""
    rng = np.random.default_rng(seed)
    images = rng.random((count or 1, 28, 28)) ** (2 - level) * (rng.random((28, 28)) < 0.6)
    ring = np.ones((28, 28), bool)
    ring[1:-1, 1:-1] = False
    images[:, ring] = rng.random(108) * (rng.random(108) < rng.choice([0.3, 0.85, 1]))
    inverted = rng.random(len(images)) < dark
    images[inverted] = 1 - images[inverted]
    values = (images * (255 if dtype == "u1" else top)).astype(dtype)
    if dtype != "u1" and specials:
        positions = rng.integers(0, values.size, specials)
        with np.errstate(over="ignore"):
            values.flat[positions] = rng.choice(np.array(SPECIAL), specials)
    if count is None:
        values = values[0]
    if layout == "F":
        values = np.asfortranarray(values)
    elif layout == "rows":
        values = np.repeat(values, 2, axis=-2)[..., ::2, :]
    elif layout == "subclass":
        values = values.view(Subclass)
    values.flags.writeable = layout != "read-only"
    assert_paths_agree(values)


@pytest.mark.parametrize("top", [1, 255])
def test_thresholds(digit: NDArray[np.uint8], top: int) -> None:
    """At most two sides may have 21 pixels that are not black; here one pixel decides."""
    image = digit.copy()
    image[[0, -1], :] = image[:, [0, -1]] = 0
    image[:21, [0, -1]] = 40
    image[27, 1:21] = 40
    image = image.astype(np.float32) / np.float32(255 / top)
    answers = set()
    for byte in (32, 32.5, 33):
        edge = np.float32(byte) / np.float32(255 / top)
        for value in (edge, *np.nextafter(edge, np.float32([0, 256]))):
            image[27, 21] = value
            answers.add(_core.canonical_scale(image))
            assert_paths_agree(image)
    assert answers == {None, 1 / top}
    # The level of the one foreground pixel, and of the last pixel of a stroke of 17 pixels.
    for brightest, row, levels in ((100, 14, (127, 127.5, 128)), (200, 22, (63, 63.5, 64))):
        stroke = np.zeros((28, 28), np.float32)
        stroke[6:23, 14] = np.float32(brightest) / np.float32(255 / top)
        answers = set()
        for byte in levels:
            edge = np.float32(byte) / np.float32(255 / top)
            for value in (edge, *np.nextafter(edge, np.float32([0, 256]))):
                stroke[row, 14] = value
                answers.add(_core.canonical_scale(stroke))
                assert_paths_agree(stroke)
        assert answers == {None, 1 / top}


def test_size_and_place() -> None:
    """A digit that is shorter than 17 pixels or more than 2 off the centre is not canonical."""
    for height, top, left, canonical in (
        *((17, 6, 14, True), (16, 6, 14, False), (20, 4, 16, True), (20, 4, 17, False)),
        *((20, 4, 11, False), (20, 1, 14, False), (20, 3, 14, True), (22, 0, 14, True)),
    ):
        image = np.zeros((28, 28), np.uint8)
        image[top : top + height, left] = 255
        assert _core.is_canonical(image) is canonical
        assert_paths_agree(image)


# -- threads, signals --


def test_paths_agree_in_threads(sample: Dataset) -> None:
    images = sample.X_test[:24]
    forms: list[Callable[[NDArray[np.uint8]], object]] = [
        lambda x: x,
        lambda x: (x / 255).astype(np.float32),
        lambda x: x / 255,
        np.asfortranarray,
        lambda x: x[None],
    ]
    expected = [ocrdigit.predict_proba(image) for image in images]
    failures: list[object] = []

    def work(i: int) -> None:
        for k in range(150):
            index, form = (i * 5 + k) % len(images), forms[(i + k) % len(forms)]
            found = ocrdigit.predict_proba(form(images[index])).ravel()
            if not np.allclose(found, expected[index], rtol=0, atol=1e-6):
                failures.append((i, k, found))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert failures == []


def test_map_lets_other_threads_run(digit: NDArray[np.uint8]) -> None:
    """No Python code runs between the calls, so only the core can release the GIL."""
    ocrdigit.predict(digit)
    done, ticks = threading.Event(), []

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    answers = list(map(ocrdigit.predict, itertools.repeat(digit, 20_000)))
    done.set()
    ticker.join()
    assert answers == [7] * 20_000
    assert len(ticks) > 10


def test_map_can_be_interrupted(digit: NDArray[np.uint8]) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def handler(number: int, frame: object) -> None:
        raise Enough

    ocrdigit.predict(digit)
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Enough):
            collections.deque(map(ocrdigit.predict, itertools.repeat(digit, 10**6)), maxlen=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert ocrdigit.predict(digit) == 7


def test_n_jobs_and_unfitted_models(digit: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="no model yet"):
        DigitClassifier().predict(digit)
    model = ocrdigit.load(_predict.MODEL_PATH)
    expected = model.predict_proba(digit)
    model.set_params(n_jobs=1)
    assert model.predict(digit) == 7
    assert model.predict_proba(digit).tobytes() == expected.tobytes()
    model.set_params(n_jobs=-2)
    for method in (model.predict, model.predict_proba):
        with pytest.raises(ValueError, match="n_jobs must be a positive integer"):
            method(digit)
