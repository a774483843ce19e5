"""Predictions and preprocessing: every form of an image gives the same result."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import ocrdigit
from ocrdigit import _inputs, _predict
from ocrdigit.datasets import Dataset
from ocrdigit.evaluation import corruptions


def png(array: NDArray[np.uint8] | Image.Image, **options: object) -> bytes:
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    data = io.BytesIO()
    image.save(data, "png", **options)
    return data.getvalue()


@pytest.fixture(scope="module")
def digit(sample: Dataset) -> NDArray[np.uint8]:
    """A canonical input, 28x28 bytes: a seven."""
    return sample.X_test[7]


@pytest.fixture(scope="module")
def page(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same digit, large and dark on a light background: (150, 110)."""
    large = np.asarray(Image.fromarray(digit).resize((84, 84), Image.Resampling.BICUBIC))
    foreground = np.pad(large.astype(np.float32) / 255, ((40, 26), (10, 16)))
    return np.rint(240 - 200 * foreground).astype(np.uint8)


# -- one canonical input --

SAME_DIGIT: dict[str, Callable[[NDArray[np.uint8]], object]] = {
    "uint8": lambda x: x,
    "float32 0..1": lambda x: (x / 255).astype(np.float32),
    "float64 0..1": lambda x: x / 255,
    "float32 0..255": lambda x: x.astype(np.float32),
    "float64 0..255": lambda x: x.astype(np.float64),
    "float16 0..255": lambda x: x.astype(np.float16),
    "longdouble": lambda x: x.astype(np.longdouble) / 255,
    "uint16 0..255": lambda x: x.astype(np.uint16),
    "uint16 0..65535": lambda x: x.astype(np.uint16) * 257,
    "int64": lambda x: x.astype(np.int64),
    "(28, 28, 1)": lambda x: x[:, :, None],
    "Fortran order": np.asfortranarray,
    "negative strides": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "part of a larger array": lambda x: np.pad(x, 9)[9:-9, 9:-9],
    "every other pixel": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "read-only": lambda x: np.frombuffer(x.tobytes(), np.uint8).reshape(28, 28),
    "byte-swapped float": lambda x: (x / 255).astype(np.dtype(np.float32).newbyteorder()),
    "byte-swapped uint16": lambda x: x.astype(np.dtype(np.uint16).newbyteorder()),
    "float32 Fortran": lambda x: np.asfortranarray((x / 255).astype(np.float32)),
    "RGB": lambda x: np.stack([x] * 3, axis=2),
    "RGBA, opaque": lambda x: np.stack([x, x, x, np.full_like(x, 255)], axis=2),
    "white on transparent": lambda x: np.stack([np.full_like(x, 255)] * 3 + [x], axis=2),
    "PIL": Image.fromarray,
    "PIL RGB": lambda x: Image.fromarray(x).convert("RGB"),
    "PIL float": lambda x: Image.fromarray(x.astype(np.float32)),
    "PIL 16 bits": lambda x: Image.fromarray(x.astype(np.uint16) * 257),
    "PIL 32 bits": lambda x: Image.fromarray(x.astype(np.int32) * 257),
    "PNG bytes": png,
    "PNG bytearray": lambda x: bytearray(png(x)),
    "16-bit PNG bytes": lambda x: png(Image.fromarray(x.astype(np.uint16) * 257)),
    "nested lists": lambda x: x.tolist(),
    "memory of another library": lambda x: type("T", (), {"__array__": lambda s, *a, **k: x})(),
}


@pytest.mark.parametrize("form", SAME_DIGIT)
def test_every_form_of_a_canonical_input(digit: NDArray[np.uint8], form: str) -> None:
    value = SAME_DIGIT[form](digit)
    canonical = ocrdigit.preprocess(value)
    assert canonical.shape == (28, 28)
    assert canonical.dtype == np.float32
    assert canonical.flags.c_contiguous
    assert np.abs(canonical - digit / 255).max() < 1e-3
    assert ocrdigit.predict(value) == 7
    assert type(ocrdigit.predict(value)) is int
    assert ocrdigit.predict_proba(value).shape == (10,)


def test_dark_integers(digit: NDArray[np.uint8]) -> None:
    assert ocrdigit.predict((digit // 2).astype(np.int8)) == 7


def test_bool_images(digit: NDArray[np.uint8]) -> None:
    mask = digit > 100
    assert (ocrdigit.preprocess(mask) == mask).all()
    assert (ocrdigit.preprocess(mask.astype(np.uint8)) == mask).all()
    assert ocrdigit.predict(mask) == ocrdigit.predict(mask.astype(np.uint8)) == 7


def test_fast_and_slow_path_agree(sample: Dataset) -> None:
    for image in sample.X_test[:50]:
        floats = (image / 255).astype(np.float32)
        slow = np.asfortranarray(floats)
        assert (ocrdigit.predict_proba(floats) == ocrdigit.predict_proba(slow)).all()
        assert (ocrdigit.preprocess(floats) == floats).all()


def test_preprocess_returns_a_copy(digit: NDArray[np.uint8]) -> None:
    floats = (digit / 255).astype(np.float32)
    ocrdigit.preprocess(floats)[:] = 0.5
    assert (floats == (digit / 255).astype(np.float32)).all()


# -- corrupted canonical inputs --


@pytest.mark.parametrize("name", ["stripe", "spatter", "zigzag"])
def test_black_along_two_sides_is_the_background(sample: Dataset, name: str) -> None:
    """Such images are canonical inputs, whatever else is light in them."""
    images = corruptions.corrupt(sample.X_test[:300], name, random_state=0)
    assert np.array_equal(np.rint(ocrdigit.preprocess(images) * 255), images)
    assert np.array_equal(np.rint(ocrdigit.preprocess(list(images)) * 255), images)
    assert (ocrdigit.predict(images) == sample.y_test[:300]).mean() > 0.85


@pytest.mark.parametrize("size", [10, 14, 18])
def test_small_digits_and_digits_in_a_corner_are_centred(sample: Dataset, size: int) -> None:
    """At the same accuracy light on black and dark on white."""
    images, digits = sample.X_test[::2], sample.y_test[::2]
    pictures = np.zeros_like(images)
    for i, (picture, image) in enumerate(zip(pictures, images, strict=True)):
        top, left = ((0, 1, 27 - size, 28 - size)[k] for k in (i % 4, i // 4 % 4))
        small = Image.fromarray(image[4:24, 4:24]).resize((size, size), Image.Resampling.BOX)
        picture[top : top + size, left : left + size] = small
    for batch in (pictures, 255 - pictures):
        assert (ocrdigit.predict(batch) == digits).mean() > 0.97
    masses = ocrdigit.preprocess(pictures).sum(axis=2)
    rows = (masses @ np.arange(28)) / masses.sum(axis=1)
    assert (np.abs(rows - 14) < 1.5).all()


def test_background_is_removed(sample: Dataset) -> None:
    """Inverted and shifted images on any background are predicted right."""
    images, digits = sample.X_test[:300], sample.y_test[:300]
    for black, white in ((255, 0), (200, 60), (60, 200)):
        moved = np.roll(images, (2, -3), (1, 2)) / 255
        pages = np.rint(black + (white - black) * moved).astype(np.uint8)
        assert (ocrdigit.predict(pages) == digits).mean() > 0.98
        canonical = ocrdigit.preprocess(pages)
        assert (canonical[:, 0] == 0).all()
        assert (canonical.max(axis=(1, 2)) > 0.9).all()


def test_contrast_of_a_dim_digit_is_normalized(digit: NDArray[np.uint8]) -> None:
    dim = digit // 3
    assert ocrdigit.preprocess(dim).max() > 0.9
    assert ocrdigit.predict(dim) == 7


# -- other images --

SAME_PAGE: dict[str, Callable[[NDArray[np.uint8]], object]] = {
    "uint8": lambda x: x,
    "float": lambda x: x / 255,
    "light on dark": lambda x: 255 - x,
    "Fortran order": np.asfortranarray,
    "negative strides": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "RGB": lambda x: np.stack([x] * 3, axis=2),
    "RGB floats": lambda x: np.stack([x] * 3, axis=2) / 255,
    "blue": lambda x: np.stack([x, x, np.maximum(x, 160)], axis=2),
    "PIL 1 bit": lambda x: Image.fromarray(x).convert("1", dither=Image.Dither.NONE),
    "PIL palette": lambda x: Image.fromarray(x).convert("P"),
    "PIL LA": lambda x: Image.fromarray(x).convert("LA"),
    "PIL CMYK": lambda x: Image.fromarray(x).convert("CMYK"),
    "PIL YCbCr": lambda x: Image.fromarray(x).convert("YCbCr"),
    "black on transparent": lambda x: Image.merge("LA", (Image.new("L", (110, 150)), alpha(x))),
    "white on transparent": lambda x: Image.merge(
        "LA", (Image.new("L", (110, 150), 255), alpha(x))
    ),
    "red on transparent": lambda x: Image.merge(
        "RGBA", [*Image.new("RGB", (110, 150), (220, 30, 30)).split(), alpha(x)]
    ),
    "transparent colour": lambda x: png(Image.fromarray(x).convert("P"), transparency=255),
}


def alpha(page: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(((240 - page.astype(np.float32)) * 255 / 200).clip(0, 255).astype("u1"))


@pytest.mark.parametrize("form", SAME_PAGE)
def test_every_form_of_a_picture(page: NDArray[np.uint8], form: str) -> None:
    plain = ocrdigit.preprocess(page)
    canonical = ocrdigit.preprocess(SAME_PAGE[form](page))
    assert canonical.min() >= 0
    assert canonical.max() <= 1
    assert np.abs(canonical - plain).mean() < (0.08 if form == "PIL 1 bit" else 0.04)
    assert ocrdigit.predict(SAME_PAGE[form](page)) == 7


def test_paths(page: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "seven.png"
    path.write_bytes(png(page))
    expected = ocrdigit.preprocess(page)
    for form in (path, str(path)):
        assert (ocrdigit.preprocess(form) == expected).all()
        assert ocrdigit.predict(form) == 7


def test_exif_orientation(page: NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the image is at the right
    sideways = Image.fromarray(page).transpose(Image.Transpose.ROTATE_90)
    assert (ocrdigit.preprocess(png(sideways, exif=exif)) == ocrdigit.preprocess(page)).all()


def test_opaque_card_with_transparent_corners(page: NDArray[np.uint8]) -> None:
    alpha = np.full(page.shape, 255, np.uint8)
    alpha[:12, :12] = alpha[-12:, -12:] = 0
    card = np.dstack([page, page, page, alpha])
    assert ocrdigit.predict(card) == 7


# -- kinds of pictures --


@pytest.fixture(scope="module")
def strokes(sample: Dataset) -> list[NDArray[np.uint8]]:
    """60 digits, 0 to 9 in turn: light strokes on black, three times MNIST's size, no margin."""
    pictures = []
    for image in sample.X_test[:60]:
        large = np.asarray(Image.fromarray(image).resize((84, 84), Image.Resampling.BICUBIC))
        rows, columns = np.flatnonzero(large.max(1) > 60), np.flatnonzero(large.max(0) > 60)
        pictures.append(large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return pictures


def accuracy(pictures: list[NDArray[np.uint8]], digits: NDArray[np.int64]) -> float:
    return float((ocrdigit.predict(pictures) == digits).mean())


def test_crops_without_a_margin(sample: Dataset, strokes: list[NDArray[np.uint8]]) -> None:
    for pictures in (strokes, [255 - x for x in strokes]):
        assert accuracy(pictures, sample.y_test[:60]) > 0.94


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("margin", [15, 60])
def test_margin_on_one_side(
    sample: Dataset, strokes: list[NDArray[np.uint8]], size: int, margin: int
) -> None:
    """The level of the margin is uniform, dark or light."""
    thickening = ImageFilter.MaxFilter(size)
    pictures = []
    for i, x in enumerate(strokes):
        sides = [[0, 0], [0, 0]]
        sides[i % 2][i // 2 % 2] = margin
        pictures.append(np.asarray(Image.fromarray(np.pad(x, sides)).filter(thickening)))
    right = accuracy(pictures, sample.y_test[:60])
    assert right > 0.96
    assert accuracy([255 - x for x in pictures], sample.y_test[:60]) == right


@pytest.mark.parametrize("size", [5, 7, 9])
def test_thick_strokes_without_a_margin(strokes: list[NDArray[np.uint8]], size: int) -> None:
    """Strokes that cover half of the crop and of its border."""
    thickening = ImageFilter.MaxFilter(size)
    large = [np.asarray(Image.fromarray(np.pad(x, size)).filter(thickening)) for x in strokes]
    margin = size - size // 2
    thick = [x[margin:-margin, margin:-margin] for x in large]
    digits = ocrdigit.predict([np.pad(x, 20) for x in thick])
    for pictures in (thick, [255 - x for x in thick]):
        assert accuracy(pictures, digits) > 0.97


def test_crops_without_a_margin_from_textured_paper(
    sample: Dataset, strokes: list[NDArray[np.uint8]]
) -> None:
    """Half of such a crop is stroke or blurred edge; the waves are not."""
    rng = np.random.default_rng(0)
    pictures = []
    for x in strokes:
        small = np.asarray(Image.fromarray(x).resize((x.shape[1] // 3 + 1, x.shape[0] // 3 + 1)))
        y, column = np.indices(small.shape)
        waves = 20 * np.sin(1.9 * y + 0.4 * column)
        paper = 170 + waves + rng.normal(0, 5, small.shape)
        pictures.append((paper - 90 * (small / 255)).clip(0, 255).astype(np.uint8))
    assert accuracy(pictures, sample.y_test[:60]) > 0.9


def test_stroke_as_wide_as_the_crop() -> None:
    """The bar of a 4 that fills the picture is not a ruling line."""
    page = np.full((60, 44), 240, np.uint8)
    page[36:42] = 30  # the bar
    page[1:60, 28:34] = 30
    for y in range(36):
        left = 2 + round((36 - y) / 36 * 24)
        page[y + 1, left : left + 7] = 30
    assert ocrdigit.predict(page) == 4
    assert ocrdigit.predict(255 - page) == 4


@pytest.mark.parametrize("thickness", [1, 4, 9])
@pytest.mark.parametrize("sides", [(0,), (1, 2), (0, 1, 3), (0, 1, 2, 3)])
def test_walls_of_a_box(
    sample: Dataset, strokes: list[NDArray[np.uint8]], thickness: int, sides: tuple[int, ...]
) -> None:
    """Walls at the top, the bottom, the left and the right, some pixels from the border."""
    pictures = []
    for i, x in enumerate(strokes):
        page = np.pad(x, 30)
        for side in sides:
            at = i % 5
            np.rot90(page, (0, 2, 1, 3)[side])[at : at + thickness] = 230
        pictures.append(255 - page if i % 2 else page)
    assert accuracy(pictures, sample.y_test[:60]) > 0.96


def test_box_inside_a_picture(sample: Dataset, strokes: list[NDArray[np.uint8]]) -> None:
    pictures = [np.pad(np.pad(np.pad(x, 14), 3, constant_values=255), 12) for x in strokes]
    assert accuracy(pictures, sample.y_test[:60]) > 0.96


@pytest.mark.parametrize("kind", ["shadow", "vignette"])
def test_uneven_light(sample: Dataset, strokes: list[NDArray[np.uint8]], kind: str) -> None:
    pictures = []
    for i, x in enumerate(strokes):
        small = np.asarray(Image.fromarray(x).resize((x.shape[1] // 2 + 1, x.shape[0] // 2 + 1)))
        page = np.pad(small, 30).astype(float)
        y, column = np.mgrid[-1 : 1 : page.shape[0] * 1j, -1 : 1 : page.shape[1] * 1j]
        shadow = np.where(y + (i % 5 - 2) / 2 * column > 0.3, 0.6, 1.0)
        light = shadow if kind == "shadow" else 1 - 0.35 * (y**2 + column**2)
        pictures.append((220 * light * (1 - 0.75 * page / 255)).clip(0, 255).astype(np.uint8))
    assert accuracy(pictures, sample.y_test[:60]) > 0.85


@pytest.mark.parametrize(
    "colours",
    [((0, 118, 0), (232, 0, 0)), ((255, 255, 255), (255, 248, 90)), ((0, 0, 0), (0, 0, 90))],
)
def test_colours_of_equal_lightness(
    sample: Dataset,
    strokes: list[NDArray[np.uint8]],
    colours: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    background, ink = np.array(colours, float)
    pictures = []
    for x in strokes:
        page = np.pad(x, 8)[..., None] / 255
        pictures.append(np.rint(background + (ink - background) * page).astype(np.uint8))
    assert accuracy(pictures, sample.y_test[:60]) > 0.96
    opaque = [np.dstack([x, np.full(x.shape[:2], 255, np.uint8)]) for x in pictures]
    assert accuracy(opaque, sample.y_test[:60]) > 0.96


def test_gray_levels_are_the_luminance(page: NDArray[np.uint8]) -> None:
    """Of colours that differ in it."""
    for ink in ((200, 20, 30), (20, 30, 180), (0, 0, 0), (230, 240, 20)):
        part = (240 - page[..., None].astype(int)).clip(0, 200) / 200
        rgb = np.rint(245 + (np.array(ink) - 245) * part).astype("u1")
        r, g, b = (rgb[..., i].astype(int) for i in range(3))
        luminance = (9798 * r + 19235 * g + 3735 * b + 16384) >> 15
        is_luminance = np.array_equal(_inputs.gray_page(rgb, "X"), luminance)
        assert is_luminance == (ink != (230, 240, 20))


def test_two_digits_are_kept(strokes: list[NDArray[np.uint8]]) -> None:
    """Both are in the network's input, side by side."""
    for left, right in itertools.pairwise(strokes[2:10]):
        height = max(left.shape[0], right.shape[0])
        pair = [np.pad(x, ((0, height - x.shape[0]), (4, 4))) for x in (left, right)]
        canonical = ocrdigit.preprocess(255 - np.pad(np.hstack(pair), 9))
        columns = np.flatnonzero(canonical.max(axis=0) > 0.3)
        rows = np.flatnonzero(canonical.max(axis=1) > 0.3)
        assert np.ptp(columns) > 1.2 * np.ptp(rows)


# -- batches --


@pytest.mark.parametrize("shape", [(-1, 28, 28), (-1, 28, 28, 1), (-1, 784)])
def test_batches(sample: Dataset, shape: tuple[int, ...]) -> None:
    images = sample.X_test[:40]
    expected = ocrdigit.predict_proba(images)
    assert expected.shape == (40, 10)
    for batch in (images, images / 255, np.asfortranarray(images), images.astype(np.uint16)):
        same = ocrdigit.predict_proba(batch.reshape(shape))
        assert np.allclose(same, expected, atol=1e-5)
    digits = ocrdigit.predict(images.reshape(shape))
    assert digits.dtype == np.int64
    assert (digits == expected.argmax(axis=1)).all()


def test_a_batch_of_one_is_a_batch(digit: NDArray[np.uint8]) -> None:
    assert ocrdigit.predict(digit[None]).tolist() == [7]
    assert ocrdigit.predict([digit]).tolist() == [7]
    assert ocrdigit.preprocess(digit.reshape(1, 784)).shape == (1, 28, 28)


def test_lists_of_all_kinds(
    digit: NDArray[np.uint8], page: NDArray[np.uint8], tmp_path: Path
) -> None:
    (tmp_path / "7.png").write_bytes(png(page))
    batch = [digit, page, tmp_path / "7.png", png(digit), Image.fromarray(page), digit / 255]
    assert ocrdigit.predict(batch).tolist() == [7] * 6
    assert ocrdigit.predict(tuple(batch)).tolist() == [7] * 6
    wide = np.full((150, 784), 240, np.uint8)  # as an array it would be a batch
    wide[:, 300:410] = page
    assert ocrdigit.predict([wide]).tolist() == [7]


def test_inverted_batches(sample: Dataset) -> None:
    images = sample.X_test[:100]
    expected = ocrdigit.predict(images)
    assert (ocrdigit.predict(255 - images) == expected).mean() > 0.95
    mixed = images.copy()
    mixed[::2] = 255 - mixed[::2]
    assert (ocrdigit.predict(mixed) == expected).mean() > 0.95


def test_mnist_is_not_preprocessed(sample: Dataset) -> None:
    canonical = ocrdigit.preprocess(sample.X_test)
    assert np.allclose(canonical, sample.X_test / 255, rtol=0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    dtype=st.sampled_from(["u1", "?", "u2", "i4", "f2", "f4", "f8", ">f4", ">u2"]),
    channels=st.sampled_from([0, 1, 3, 4]),
    flip=st.booleans(),
    order=st.sampled_from("CF"),
)
def test_any_image_has_probabilities(
    seed: int, height: int, width: int, dtype: str, channels: int, flip: bool, order: str
) -> None:
    shape = (height, width, channels) if channels else (height, width)
    top = {"?": 1, "u2": 65535, "i4": 255}.get(dtype.lstrip(">"), 255)
    random = np.random.default_rng(seed).random(shape) * top
    picture = np.asarray(random.astype(dtype), order=order)
    if flip:
        picture = picture[::-1]
    canonical = ocrdigit.preprocess(picture)
    assert canonical.shape == (28, 28)
    assert 0 <= canonical.min() <= canonical.max() <= 1.001
    same = ocrdigit.preprocess(np.ascontiguousarray(picture))
    assert (canonical == same).all()
    probabilities = ocrdigit.predict_proba(picture)
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)


# -- the default model --


@pytest.fixture
def not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_predict, "_models", {})


def test_shipped_model_reads_mnist(mnist: Dataset) -> None:
    assert np.mean(ocrdigit.predict(mnist.X_test) == mnist.y_test) > 0.985
    pictures = [
        np.asarray(Image.fromarray(255 - image).resize((70, 70))) for image in mnist.X_test[:500]
    ]
    assert np.mean(ocrdigit.predict(pictures) == mnist.y_test[:500]) > 0.95


@pytest.mark.usefixtures("not_loaded")
def test_threads_load_the_shipped_model_once(
    monkeypatch: pytest.MonkeyPatch, sample: Dataset
) -> None:
    loads: list[str] = []
    real = ocrdigit.load

    def slow_load(path: str, *, precision: str) -> object:
        loads.append(path)
        return real(path, precision=precision)

    monkeypatch.setattr(_predict.estimator, "load", slow_load)
    barrier = threading.Barrier(6)
    answers: list[int] = []

    def ask() -> None:
        barrier.wait()
        answers.append(ocrdigit.predict(sample.X_test[7]))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [7] * 6
    assert len(loads) == 1


@pytest.mark.usefixtures("not_loaded")
def test_missing_default_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sample: Dataset
) -> None:
    monkeypatch.setattr(_predict, "MODEL_PATH", str(tmp_path / "gone.safetensors"))
    with pytest.raises(FileNotFoundError, match=r"ships with ocrdigit is missing.*gone"):
        ocrdigit.predict(sample.X_test[0])


# -- the package --


def test_import_is_light() -> None:
    code = (
        "import sys, ocrdigit;"
        "print(*{'PIL', 'tqdm', 'click', 'pooch', 'safetensors', 'ocrdigit.estimator',"
        "'ocrdigit.datasets', 'sklearn'} & {*sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


SUBMODULES = (
    "architectures",
    "augmentations",
    "datasets",
    "distributed",
    "evaluation",
    "image",
    "models",
    "recipes",
    "synth",
)


@pytest.mark.parametrize("name", SUBMODULES)
def test_submodules_are_imported_on_first_use(name: str) -> None:
    code = (
        "import sys, ocrdigit;"
        f"print('ocrdigit.{name}' in sys.modules, ocrdigit.{name}.__name__,"
        f"'ocrdigit.{name}' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", f"ocrdigit.{name}", "True"]


def test_plotting_is_imported_on_first_use() -> None:
    pytest.importorskip("matplotlib")
    code = (
        "import sys, ocrdigit; print('matplotlib' in sys.modules);"
        "print(ocrdigit.plotting.__name__, 'matplotlib' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "ocrdigit.plotting", "True"]


def test_public_names() -> None:
    for name in ocrdigit.__all__:
        assert getattr(ocrdigit, name) is not None
    assert set(SUBMODULES) <= set(ocrdigit.__all__)
    assert dir(ocrdigit) == sorted([*ocrdigit.__all__, "plotting"])
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ocrdigit.nonsense


def test_docstring_examples() -> None:
    import doctest
    import importlib

    for name in (
        "_predict",
        "architectures",
        "datasets._own",
        "datasets._picture",
        "datasets._sample",
        "estimator",
        "models",
        "recipes",
    ):
        results = doctest.testmod(importlib.import_module(f"ocrdigit.{name}"))
        assert results.failed == 0
        assert results.attempted > 0
    assert doctest.testmod(ocrdigit).failed == 0


def test_show_config(capsys: pytest.CaptureFixture[str]) -> None:
    ocrdigit.show_config()
    text = capsys.readouterr().out
    for part in (ocrdigit.__version__, "instruction set", "threads", "default.safetensors"):
        assert part in text
    assert "missing" not in text
    assert os.path.exists(_predict.MODEL_PATH)


def test_batch_of_16_bits(sample: Dataset) -> None:
    """A batch of 16-bit images that is preprocessed image by image."""
    images = 255 - sample.X_test[::40]
    found = ocrdigit.preprocess(images.astype(np.uint16) * 257)
    np.testing.assert_allclose(found, ocrdigit.preprocess(images), atol=1e-6)
