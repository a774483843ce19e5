"""What frameworks hand over: file objects, uploads, data URLs, dicts of image editors."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from document_files import number, saved
from PIL import Image

import ocrdigit
from ocrdigit.datasets import Dataset
from ocrdigit.evaluation import evaluate_reading


@pytest.fixture(scope="module")
def seven(sample: Dataset) -> np.ndarray:
    """A digit, dark on white, as a visitor draws it on a canvas."""
    return 255 - np.pad(np.kron(sample.X_test[7], np.ones((4, 4), np.uint8)), 8)


@pytest.fixture(scope="module")
def png(seven: np.ndarray) -> bytes:
    return saved([seven], "PNG")


def on_transparent(gray: np.ndarray) -> np.ndarray:
    """Return dark writing as a layer (H, W, 4)."""
    return np.dstack([*[np.zeros_like(gray)] * 3, 255 - gray])


class FileStorage:
    """As that of Flask: its methods are those of a stream within."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def in_spooled_file(data: bytes) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115  # closed when it is collected
    file.write(data)
    return file


def streamlit_upload(data: bytes) -> Any:
    manager = pytest.importorskip("streamlit.runtime.uploaded_file_manager")
    record = manager.UploadedFileRec(file_id="1", name="seven.png", type="image/png", data=data)
    return manager.UploadedFile(record, None)


def starlette_upload(data: bytes) -> Any:
    datastructures = pytest.importorskip("starlette.datastructures")
    return datastructures.UploadFile(in_spooled_file(data), filename="seven.png")


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


SOURCES: dict[str, Callable[[bytes], Any]] = {
    "bytearray": bytearray,
    "memoryview": memoryview,
    "part of a memoryview": lambda data: memoryview(b"--" + data)[2:],
    "BytesIO": io.BytesIO,
    "BufferedReader": lambda data: io.BufferedReader(io.BytesIO(data)),
    "SpooledTemporaryFile": in_spooled_file,
    "FileStorage of Flask": lambda data: FileStorage(io.BytesIO(data)),
    "UploadedFile of Streamlit": streamlit_upload,
    "UploadFile of Starlette": starlette_upload,
    "file of an UploadFile": lambda data: starlette_upload(data).file,
    "data URL": data_url,
    "data URL in lines": lambda data: "\n".join(
        data_url(data)[i:][:76] for i in range(0, 9**4, 76)
    ),
    "data URL with a parameter": lambda data: data_url(data).replace("png;", "png;name=a.png;"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_of_a_file(seven: np.ndarray, png: bytes, kind: str) -> None:
    """By every function that takes an image, as often as it is passed."""
    source = SOURCES[kind](png)
    assert ocrdigit.predict(source) == 7
    assert ocrdigit.predict([source, seven]).tolist() == [7, 7]
    assert np.array_equal(ocrdigit.predict_proba(source), ocrdigit.predict_proba(seven))
    assert ocrdigit.digit_score(source) > 0.9
    assert np.array_equal(ocrdigit.preprocess(source), ocrdigit.preprocess(seven))
    assert ocrdigit.preprocess(source, method="seed").shape == (28, 28)
    assert ocrdigit.explain(source).digit == 7
    assert ocrdigit.read(source).text == "7"
    assert np.array_equal(ocrdigit.read(source).pages[0], seven)
    assert ocrdigit.read_table(source).shape == (0, 0)
    assert evaluate_reading([(source, "7")]).accuracy == 1


def test_open_files(seven: np.ndarray, png: bytes, tmp_path: Path) -> None:
    path = tmp_path / "seven.png"
    path.write_bytes(png)
    with open(path, "rb") as file:
        assert ocrdigit.predict(file) == 7
        file.seek(5)
        assert ocrdigit.predict(file) == 7
        assert file.tell() == 5
        assert not file.closed
    with tempfile.NamedTemporaryFile() as file:
        file.write(png)
        assert ocrdigit.predict(file) == 7


@pytest.mark.parametrize("side", [40, 1100])
def test_files_of_any_size(tmp_path: Path, side: int) -> None:
    """Small ones are read at once."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    path = tmp_path / "page.bmp"
    Image.fromarray(pixels).save(path)
    assert (path.stat().st_size > 1 << 20) == (side > 1000)
    assert np.array_equal(ocrdigit.read(path).pages[0], pixels)


def test_file_that_grows_while_it_is_read(
    seven: np.ndarray, png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size was asked for before."""
    path = tmp_path / "seven.png"
    path.write_bytes(png[:50])
    size = os.stat(path)
    path.write_bytes(png)
    monkeypatch.setattr(os, "fstat", lambda descriptor: size)
    assert ocrdigit.predict(path) == 7


@pytest.mark.parametrize("shape", [(3,), (4,), ()])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_gray_of_small_and_large_pictures(shape: tuple[int, ...], dtype: type) -> None:
    """Small ones are converted with the GIL held."""
    gray = np.random.default_rng(0).integers(0, 256, (40, 60)).astype(dtype)
    picture = (
        np.stack([gray, gray, gray, np.full_like(gray, 255)][: shape[0]], 2) if shape else gray
    )
    small = ocrdigit.read(picture).pages[0]
    large = ocrdigit.read(np.tile(picture, (20, 20, 1)[: picture.ndim])).pages[0]
    assert np.array_equal(np.tile(small, (20, 20, 1)[: small.ndim]), large)


def test_streams_that_cannot_seek(png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def piped() -> Any:
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as file:
            threading.Thread(target=file.write, args=(png,)).run()
        return os.fdopen(reading, "rb")

    with piped() as stream:
        assert ocrdigit.predict(stream) == 7
    monkeypatch.setattr(ocrdigit.limits, "MAX_READ", 100)
    with piped() as stream, pytest.raises(ValueError, match="X has more than 100 bytes"):
        ocrdigit.predict(stream)


def test_memoryview_of_pixels(seven: np.ndarray) -> None:
    assert ocrdigit.predict(memoryview(seven)) == 7


def test_opencv_frames(seven: np.ndarray) -> None:
    """Blue, green and red; encoded images are bytes."""
    cv2 = pytest.importorskip("cv2")
    frame = cv2.cvtColor(seven, cv2.COLOR_GRAY2BGR)
    frame[..., 0] = np.maximum(frame[..., 0], 90)
    assert ocrdigit.predict(frame) == 7
    assert ocrdigit.predict(frame[:, ::-1][:, ::-1]) == 7
    assert ocrdigit.read(frame).text == "7"
    assert ocrdigit.predict(cv2.imencode(".png", frame)[1].tobytes()) == 7


def test_dicts_of_gradio(seven: np.ndarray, png: bytes, tmp_path: Path) -> None:
    layer = on_transparent(seven)
    path = tmp_path / "layer.png"
    Image.fromarray(layer).save(path)
    white = np.full((*seven.shape, 3), 255, np.uint8)
    for value in (
        {"background": None, "layers": [layer], "composite": layer},
        {"background": white, "layers": [np.zeros_like(layer), layer], "composite": None},
        {"background": white[..., :1], "layers": [str(path)], "composite": None},
        {"background": None, "layers": [Image.fromarray(layer)], "composite": None},
        {"background": seven, "layers": [], "composite": None},
        {"background": None, "layers": None, "composite": io.BytesIO(png)},
    ):
        assert ocrdigit.predict(value) == 7
        assert ocrdigit.predict([value]).tolist() == [7]
        assert ocrdigit.explain(value).digit == 7
        assert ocrdigit.read(value).text == "7"


class TextOnly:
    """With a method ``read`` of another meaning."""

    def read(self) -> str:
        return "7"


class Asynchronous:
    async def read(self, size: int = -1) -> bytes:
        return b""


class Unreadable(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("the disk is gone")


def closed_file() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


BAD_SOURCES: dict[str, tuple[object, type[Exception], str]] = {
    "closed file": (closed_file(), ValueError, "X, of type BytesIO, is a closed file"),
    "text mode": (io.StringIO("x"), TypeError, "X, of type StringIO, is a file in text mode"),
    "asynchronous": (Asynchronous(), TypeError, "Asynchronous, is read asynchronously"),
    "read() without a size": (TextOnly(), TypeError, "TextOnly, is not a file"),
    "unreadable": (Unreadable(b"x"), OSError, "Unreadable, cannot be read: the disk is gone"),
    "empty file": (io.BytesIO(), ValueError, r"X \(BytesIO\) is not an image"),
    "base64 of other letters": ("data:image/png;base64,a*b=", ValueError, "base64 is invalid"),
    "base64 of another length": ("data:image/png;base64,abcde", ValueError, "base64 is invalid"),
    "base64 beyond ASCII": ("data:image/png;base64,é", ValueError, "base64 is invalid"),
    "data URL without base64": ("data:image/svg+xml,<svg/>", ValueError, "begins with 'data:image"),
    "data URL without data": ("data:,", ValueError, "begins with 'data:,'"),
    "data URL of rubbish": ("data:image/png;base64,abcd", ValueError, r"\(a data URL of 3 bytes\)"),
    "another dict": ({"image": 1}, TypeError, "X is a dict with the keys 'image'"),
    "empty dict": ({}, TypeError, r"the keys \(none\)"),
    "nothing drawn": (
        {"background": None, "layers": [], "composite": None},
        ValueError,
        "an image editor without an image",
    ),
    "layers of another type": ({"layers": 3}, TypeError, r"X\['layers'\] must be a list, got int"),
    "a layer of another type": (
        {"layers": [3]},
        TypeError,
        r"X\['layers'\]\[0\] is of type int",
    ),
    "layers of two sizes": (
        {"layers": [np.zeros((9, 9, 4), np.uint8), np.zeros((9, 8, 4), np.uint8)]},
        ValueError,
        "expected uint8 of one size",
    ),
    "composite of another shape": (
        {"composite": np.zeros((9, 9, 2), np.uint8)},
        ValueError,
        r"shape \(9, 9, 2\)",
    ),
}


@pytest.mark.parametrize("case", BAD_SOURCES)
def test_bad_sources(case: str) -> None:
    value, kind, message = BAD_SOURCES[case]
    for call in (ocrdigit.predict, ocrdigit.predict_proba, ocrdigit.preprocess):
        with pytest.raises(kind, match=message):
            call(value)
    for call, name in ((ocrdigit.explain, "x"), (ocrdigit.read, "image")):
        with pytest.raises(kind, match=message.replace("X", name)):
            call(value)


def test_uploads_are_read_where_they_are(png: bytes) -> None:
    """An UploadFile whose file is at its end, as after ``await upload.read()``."""
    upload = starlette_upload(png)
    assert asyncio.run(upload.read()) == b""  # it was written, and is at its end
    assert ocrdigit.predict(upload) == 7


def test_numbers_of_an_upload() -> None:
    assert ocrdigit.read(io.BytesIO(saved([number("1874")], "JPEG"))).text == "1874"
