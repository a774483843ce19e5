"""ocrdigit.preprocess: both methods, and their intermediate images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from test_image import draw

import ocrdigit
from ocrdigit import image

METHODS = {
    "mnist": ["gray", "background", "foreground", "digit", "result"],
    "seed": ["gray", "resized", "blurred", "binary", "result"],
}


@pytest.mark.parametrize("method", METHODS)
def test_stages(method: str) -> None:
    picture = draw(5)
    result, stages = ocrdigit.preprocess(picture, method, steps=True)
    assert list(stages) == METHODS[method]
    assert np.array_equal(result, ocrdigit.preprocess(picture, method))
    assert np.array_equal(result, stages["result"])
    assert result.dtype == np.float32
    assert all(stages[name].dtype == np.uint8 for name in METHODS[method][:-1])


def test_stages_are_what_they_are_named() -> None:
    picture = draw(5, background=180, foreground=40).copy()
    picture[150:153] = 90  # a ruling line from side to side
    _, stages = ocrdigit.preprocess(picture, steps=True)
    assert abs(int(np.median(stages["background"])) - 180) < 5
    foreground = stages["foreground"] > 128
    assert 0.02 < foreground.mean() < 0.2
    assert not foreground[-10:].any()
    assert ((stages["digit"] > 128) <= (stages["foreground"] > 0)).all()


def test_seed_is_its_definition() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (61, 47)).astype(np.uint8)
    small = image.gaussian_blur(image.resize(picture, (28, 28)), (5, 5))
    _, inverted = image.threshold(small, type="otsu_inv")
    assert np.array_equal(ocrdigit.preprocess(picture, "seed") * 255, inverted)


@pytest.mark.parametrize("method", METHODS)
def test_batches(method: str, sample: ocrdigit.datasets.Dataset) -> None:
    pictures = [draw(3), Image.fromarray(draw(4)), draw(5)[:, :, None]]
    batch = ocrdigit.preprocess(pictures, method)
    assert batch.shape == (3, 28, 28)
    assert np.array_equal(batch[0], ocrdigit.preprocess(pictures[0], method))
    flat = ocrdigit.preprocess(sample.X_test[:4].reshape(4, 784), method)
    assert flat.shape == (4, 28, 28)


def test_canonical_input_stays(sample: ocrdigit.datasets.Dataset) -> None:
    digit = sample.X_test[0]
    result, stages = ocrdigit.preprocess(digit, steps=True)
    assert list(stages) == ["gray", "result"]
    assert np.array_equal(result * 255, digit)


def test_invalid_arguments() -> None:
    with pytest.raises(ValueError, match="method"):
        ocrdigit.preprocess(draw(1), "other")
    with pytest.raises(ValueError, match="steps"):
        ocrdigit.preprocess([draw(1), draw(2)], steps=True)
    with pytest.raises(TypeError, match="X is of type object"):
        ocrdigit.preprocess(object(), "seed")


def test_neighbour_and_ruling_line_are_dropped() -> None:
    """A digit cropped from a text line, with parts of its neighbours and a ruling line."""
    want = ocrdigit.preprocess(draw(3, (120, 120), (35, 20, 85, 95), 8))
    crop = np.minimum(draw(3, (120, 120), (35, 20, 85, 95), 8), 255)
    crop = np.minimum(crop, draw(0, (120, 120), (98, 25, 150, 90), 8))
    crop[110:112] = 60
    got = ocrdigit.preprocess(crop)
    near = [np.roll(got, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert max(np.corrcoef(one.ravel(), want.ravel())[0, 1] for one in near) > 0.95


def test_base_of_a_narrow_two_stays() -> None:
    """A horizontal stroke that touches both sides is a ruling line; a shorter one is not."""
    crop = np.full((60, 44), 220, np.uint8)
    crop[8:48, 20:24] = 50
    crop[48:51, 1:43] = 50
    assert (ocrdigit.preprocess(crop, steps=True)[1]["digit"][48:51, 1:43] > 128).all()
    crop[48:51] = 50
    assert not ocrdigit.preprocess(crop, steps=True)[1]["digit"][49, :10].any()
