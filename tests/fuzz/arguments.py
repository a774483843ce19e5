"""Fuzz target: public functions with arguments of any type, shape, dtype, stride and value."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable
from typing import Any

import numpy as np

import ocrdigit
from ocrdigit import DigitClassifier, _core, image

_INTEGERS = (0, 1, 2, 3, 5, 9, 28, -1, 255, 256, 2**15, 2**31 - 1, -(2**31), 2**31, 2**63, -(2**70))
_FLOATS = (0.0, 0.5, 1.0, -1.0, 255.0, float("nan"), float("inf"), -float("inf"), 1e308, 5e-324)
_TEXTS = (
    "", "mnist", "seed", "linear", "area", "otsu", "binary", "rect", "ellipse", "reflect_101",
    "constant", "rgb", "bgr", "default", "digits", r"\d+", "missing.png", "\0", "é",
    "data:,", "x" * 99,
)  # fmt: skip
_DTYPES = (
    "u1", "?", "i1", "u2", "f4", "f8", "i8", ">u2", ">f4", "f2", "c8", "O", "U3", "S2",
    "M8[s]", "u8",
)  # fmt: skip
_SIDES = (28, 0, 1, 2, 3, 7, 28, 33, 64, 100)


class Reader:
    """Values from the bytes of an input; 0 after its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def choice(self, values: Any) -> Any:
        return values[self.byte() % len(values)]


class Odd:
    """An object whose conversions give what they should not."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value

    def __float__(self) -> Any:
        return self.value

    def __len__(self) -> Any:
        return self.value

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        return self.value


def _array(reader: Reader) -> Any:
    dtype = np.dtype(reader.choice(_DTYPES))
    shape = [reader.choice(_SIDES) for _ in range(reader.choice((2, 2, 2, 3, 3, 4, 1, 0, 5)))]
    if len(shape) == 3 and reader.byte() % 2:
        shape[2] = reader.choice((3, 4, 1, 2))
    if np.prod(shape) > 200_000:
        shape = shape[:2]
    levels = np.random.default_rng(reader.byte()).integers(
        0, reader.choice((256, 2, 1, 10)) or 1, shape
    )
    with np.errstate(all="ignore"):
        array = levels.astype(dtype)
        if dtype.kind == "f" and array.size and reader.byte() % 4 == 1:
            array.flat[0] = reader.choice(_FLOATS)
    return _with_strides(array, reader)


def _with_strides(array: Any, reader: Reader) -> Any:
    kind = reader.byte() % 12
    if kind == 1:
        return array[..., ::-1] if array.ndim else array
    if kind == 2:
        return array.T
    if kind == 3:
        return array[::2] if array.ndim else array
    if kind == 4:
        return np.broadcast_to(array, (2, *array.shape))
    if kind == 5:
        return np.asfortranarray(array)
    if kind == 6:
        array.flags.writeable = False
    if kind == 7:
        return array.tolist()
    if kind == 8:
        return np.ma.masked_array(array)
    if kind == 9 and array.dtype.kind in "uif" and array.ndim:  # not aligned
        buffer = np.empty(array.nbytes + 1, np.uint8)
        moved = buffer[1:].view(array.dtype) if array.nbytes else array.ravel()
        moved[:] = array.ravel()
        return moved.reshape(array.shape)
    if kind == 10:
        return memoryview(np.ascontiguousarray(array)) if array.dtype.kind in "uif" else array
    return array


def _value(reader: Reader, depth: int = 0) -> Any:
    kind = reader.byte() % 16
    if kind < 6:
        return _array(reader)
    if kind < 8:
        return reader.choice(_INTEGERS)
    if kind == 8:
        return reader.choice(_FLOATS)
    if kind == 9:
        return reader.choice(_TEXTS)
    if kind == 10:
        return reader.choice((None, True, False, b"", b"abc", object(), int, 1j, ...))
    if kind == 11:
        return Odd(reader.choice((3, -1, "x", None, 2**70, 1.5)))
    if kind == 12:
        return np.dtype(reader.choice(_DTYPES[:7])).type(reader.choice((0, 1, 3)))
    if depth > 2:
        return None
    values = [_value(reader, depth + 1) for _ in range(reader.byte() % 5)]
    if kind == 13:
        return values
    if kind == 14:
        return tuple(values)
    return dict(zip(("type", "units", "left", "x", "factor"), values, strict=False))


@functools.cache
def _model() -> DigitClassifier:
    X, y = np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10
    layers = ({"type": "flatten"}, {"type": "dense", "units": 10})
    return DigitClassifier(layers, epochs=1, augment=False, verbose=0).fit(X, y)


def _fit(X: Any, y: Any, *more: Any) -> Any:
    layers = ({"type": "flatten"}, {"type": "dense", "units": 10})
    return DigitClassifier(layers, epochs=1, augment=False, verbose=0).fit(X, y)


def _construct(name: Any, value: Any) -> Any:
    names = sorted(DigitClassifier().get_params())
    chosen = names[name % len(names)] if isinstance(name, int) else "epochs"
    model = DigitClassifier(**{"epochs": 1, "verbose": 0, chosen: value})  # type: ignore[arg-type]
    if chosen in ("epochs", "architecture", "n_jobs", "verbose", "recipe"):
        return model  # some of their values take long to train
    return model.fit(np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10)


def _field(name: Any, box: Any, kind: Any, columns: Any) -> Any:
    return ocrdigit.FormField(name, box, kind, columns=columns)


# Functions, and how many arguments they may get.
_FUNCTIONS: tuple[tuple[Callable[..., Any], int], ...] = (
    (ocrdigit.predict, 1), (ocrdigit.predict_proba, 1), (ocrdigit.digit_score, 1),
    (ocrdigit.preprocess, 3), (ocrdigit.explain, 3), (ocrdigit.read, 1), (ocrdigit.read_table, 1),
    (image.to_gray, 1), (image.threshold, 2), (image.adaptive_threshold, 3),
    (image.connected_components, 2), (image.structuring_element, 2), (image.erode, 3),
    (image.dilate, 3), (image.open, 2), (image.close, 2), (image.gaussian_blur, 3),
    (image.resize, 3), (image.moments, 2), (image.warp_affine, 4), (image.deskew, 1),
    (image.normalize, 3), (_fit, 2), (_construct, 2), (_field, 4),
    (lambda *a: _model().predict(*a), 1), (lambda *a: _model().score(*a), 2),
    (lambda *a: _model().confidence(*a), 1), (lambda *a: _model().partial_fit(*a), 2),

    (_core.Network, 3), (_core.augment, 3), (_core.preprocess_digit, 1),
    (_core.preprocess_steps, 1),
    (_core.is_canonical, 1), (_core.canonical_scale, 1), (_core.image_gray, 3),
    (_core.image_resize, 3), (_core.image_threshold, 4), (_core.set_num_threads, 1),
    (_core.Classifier, 1), (_core.Automaton, 3), (_core.Automaton.from_words, 1),
    (ocrdigit.load, 1), (ocrdigit.checks.luhn, 1),
)  # fmt: skip


def seeds() -> list[bytes]:
    """Return inputs for each function: an array first, others then."""
    random = np.random.default_rng(0)
    plain = [bytes([i, 0, 0, 0, 0, 0, 0]) for i in range(len(_FUNCTIONS))]
    return plain + [
        bytes([i, *random.integers(0, 256, 40, np.uint8)])
        for i in range(len(_FUNCTIONS))
        for _ in range(2)
    ]


def run(data: bytes) -> None:
    reader = Reader(data)
    function, most = reader.choice(_FUNCTIONS)
    arguments = [_value(reader) for _ in range(1 + reader.byte() % most)]
    threads = _core.get_num_threads()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            function(*arguments)
    finally:
        _core.set_num_threads(threads)
