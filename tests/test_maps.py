"""Networks that label pixels: training on label maps, and pictures of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrdigit import _core


def _conv(filters: int, **options: Any) -> dict[str, Any]:
    return {"type": "conv2d", "filters": filters, "activation": "relu", **options}


LAYERS = [
    _conv(8, strides=2),
    _conv(12, strides=2),
    _conv(12, dilation_rate=2),
    _conv(12, dilation_rate=4),
    {"type": "conv2d", "filters": 3, "kernel_size": 1},
]
ADAM: dict[str, Any] = {"batch_size": 4, "seed": 0, "optimizer": "adam", "learning_rate": 1e-2}


@pytest.fixture
def network() -> _core.Network:
    return _core.Network(LAYERS, (32, 40, 1), seed=2)


def make_pictures(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pictures (n, 32, 40, 1) of bars, horizontal ones of class 1, vertical ones of class 2, and
    the classes of every fourth pixel."""
    rng = np.random.default_rng(3)
    pictures = np.zeros((count, 32, 40, 1), np.uint8)
    labels = np.zeros((count, 8, 10), np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        y, x = rng.integers(0, 6), rng.integers(0, 4)
        if rng.integers(2):
            picture[4 * y : 4 * y + 4, 4 * x : 4 * x + 24] = 255
            label[y, x : x + 6] = 1
        else:
            y //= 3
            picture[4 * y : 4 * y + 24, 4 * x : 4 * x + 4] = 255
            label[y : y + 6, x] = 2
    labels[:, 7] = 255
    return pictures, labels


def test_shapes(network: _core.Network) -> None:
    pictures, _ = make_pictures(3)
    assert network.output_shape == (8, 10, 3)
    assert network.sequence_length == 1
    assert [layer.get("dilation_rate") for layer in network.layers] == [1, 1, 2, 4, 1]
    probabilities = network.predict_proba(pictures, 1 / 255)
    assert probabilities.shape == (3, 8, 10, 3)
    np.testing.assert_allclose(probabilities.sum(axis=3), 1, rtol=1e-6)
    assert network.scores(pictures, 1 / 255).shape == (3, 8, 10, 3)
    assert np.array_equal(network.predict(pictures, 1 / 255), probabilities.argmax(axis=3))
    again = _core.Network(network.layers, (32, 40, 1), seed=2)
    assert np.array_equal(again.predict_proba(pictures, 1 / 255), probabilities)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_fits_a_few_pictures(network: _core.Network, precision: str) -> None:
    pictures, labels = make_pictures(24)
    trainer = _core.Trainer(network, epochs=60, precision=precision, schedule="cosine", **ADAM)
    epochs: list[dict[str, Any]] = []
    trainer.run(pictures, labels, 1 / 255, pictures, labels, on_epoch=epochs.append)
    assert epochs[-1]["val_accuracy"] > 0.99
    assert epochs[-1]["val_loss"] < 0.05 < epochs[0]["loss"]
    counted = labels != 255
    found = network.predict(pictures, 1 / 255)
    assert (found == labels)[counted].mean() == pytest.approx(epochs[-1]["val_accuracy"], abs=1e-3)
    network.precision = "int8"  # the run has calibrated it
    quantized = network.predict(pictures, 1 / 255)
    assert (quantized == labels)[counted].mean() > 0.98


def test_ignored_pixels_do_not_matter(network: _core.Network) -> None:
    pictures, labels = make_pictures(4)
    loss, correct, gradient = network.gradient(pictures, labels, 1 / 255)
    scores = network.scores(pictures, 1 / 255).astype(np.float64)
    counted = labels != 255
    log = scores - np.log(np.exp(scores).sum(axis=3, keepdims=True))
    picked = np.take_along_axis(log, np.where(counted, labels, 0)[..., None].astype(int), 3)[..., 0]
    assert loss == pytest.approx(-picked[counted].mean(), rel=1e-5)
    assert correct == (scores.argmax(axis=3) == labels)[counted].sum()
    labels[:] = 255
    loss, correct, gradient = network.gradient(pictures, labels, 1 / 255)
    assert (loss, correct) == (0, 0)
    assert not any(tensor.any() for tensor in gradient.values())


def test_class_weights(network: _core.Network) -> None:
    pictures, labels = make_pictures(8)
    trainer = _core.Trainer(network, epochs=30, class_weights=[1, 0, 1], **ADAM)
    trainer.run(pictures, labels, 1 / 255)
    found = network.predict(pictures, 1 / 255)
    assert (found[labels == 2] == 2).mean() > 0.9
    assert (found[labels == 1] == 1).mean() < 0.5


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("size", [(32, 40), (3, 77), (611, 130), (150, 1201)])
def test_predict_map_is_that_of_the_whole_picture(precision: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, size, dtype=np.uint8)
    small = _core.Network(LAYERS, (32, 40, 1), seed=2)
    small.calibrate(rng.integers(0, 256, (2, 32, 40, 1), dtype=np.uint8), 1 / 255)
    small.precision = precision
    scores = small.predict_map(picture, 1 / 255, output="scores")
    assert scores.shape == (-(-size[0] // 4), -(-size[1] // 4), 3)
    if max(size) <= 1024 and size[0] > 4:
        whole = _core.Network(LAYERS, (*size, 1), seed=2)
        whole.ranges = small.ranges
        whole.precision = precision
        expected = whole.scores(picture[None, :, :, None], 1 / 255)[0]
        tolerance = 0.02 if precision == "bfloat16" else 1e-5
        np.testing.assert_allclose(scores, expected, atol=tolerance)
    p = small.predict_map(picture, 1 / 255)
    exponentials = np.exp(scores - scores.max(axis=2, keepdims=True))
    np.testing.assert_allclose(p, exponentials / exponentials.sum(axis=2, keepdims=True), rtol=1e-5)
    levels = small.predict_map(picture, 1 / 255, output="bytes")
    assert levels.dtype == np.uint8
    assert np.abs(levels - 255 * p).max() < 0.51
    labels = small.predict_map(picture, 1 / 255, output="labels")
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, scores.argmax(axis=2))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(2, np.uint8), r"got shape \(2,\), expected \(2, 8, 10\)"),
        (np.zeros((2, 8, 9), np.uint8), r"expected \(2, 8, 10\)"),
        (np.zeros((3, 8, 10), np.uint8), r"expected \(2, 8, 10\)"),
        (np.full((2, 8, 10), 3, np.uint8), "got 3 for a pixel of image 0, expected 0 to 2, or 255"),
        (np.full((2, 8, 10), 254, np.uint8), "got 254"),
    ],
)
def test_labels_that_do_not_fit(
    network: _core.Network, labels: NDArray[np.uint8], message: str
) -> None:
    pictures, _ = make_pictures(2)
    trainer = _core.Trainer(network, epochs=1, **ADAM)
    with pytest.raises(ValueError, match=message):
        trainer.run(pictures, labels, 1 / 255)
    with pytest.raises(ValueError, match=message):
        network.gradient(pictures, labels, 1 / 255)


def test_no_label_at_all(network: _core.Network) -> None:
    pictures, labels = make_pictures(2)
    with pytest.raises(ValueError, match="no pixel has a label"):
        _core.Trainer(network, epochs=1, **ADAM).run(pictures, labels * 0 + 255, 1 / 255)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": [{"type": "invert", "probability": 0.5}]}, "labels pixels"),
        ({"class_weights": [1, 2]}, "class_weights: got 2 numbers, expected 3"),
        ({"class_weights": [1, -1, 1]}, "class_weights: got -1"),
        ({"class_weights": [0, 0, 0]}, "sum above 0"),
        ({"class_weights": []}, "class_weights"),
        ({"class_weights": [1] * 257}, "class_weights"),
    ],
)
def test_options_that_do_not_fit(
    network: _core.Network, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _core.Trainer(network, epochs=1, **ADAM, **options)


def test_class_weights_are_for_pixels() -> None:
    network = _core.Network([{"type": "flatten"}, {"type": "dense", "units": 2}], (3, 3, 1))
    with pytest.raises(ValueError, match="class_weights"):
        _core.Trainer(network, epochs=1, class_weights=[1, 2], **ADAM)


def test_targets_are_for_images(network: _core.Network) -> None:
    pictures, labels = make_pictures(2)
    targets = np.full((2, 3), 1 / 3, np.float32)
    with pytest.raises(ValueError, match="targets: the network has label maps"):
        _core.Trainer(network, epochs=1, **ADAM).run(pictures, labels, 1 / 255, targets=targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dilation_rate": 0}, "dilation_rate is 0, expected 1 to 16"),
        ({"dilation_rate": -1}, "dilation_rate is -1"),
        ({"dilation_rate": 17}, "dilation_rate is 17"),
        ({"dilation_rate": 10**9}, "dilation_rate is 1000000000"),
        ({"dilation_rate": 10**30}, "dilation_rate"),
        ({"dilation_rate": 2, "strides": 2}, "expected one of them to be 1"),
        ({"dilation_rate": (1, 2)}, "two equal ints"),
        ({"dilation_rate": (2,)}, "an int or two"),
        ({"dilation_rate": 16, "padding": "valid"}, r"smaller than the kernel \(33 x 33\)"),
    ],
)
def test_dilations_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.Network([_conv(4, **options), *LAYERS], (32, 40, 1))


def test_a_dilation_may_be_a_pair() -> None:
    network = _core.Network([_conv(4, dilation_rate=(3, 3)), *LAYERS], (32, 40, 1))
    assert network.layers[0]["dilation_rate"] == 3


def test_pictures_that_do_not_fit(network: _core.Network) -> None:
    picture = np.zeros((40, 50), np.uint8)
    with pytest.raises(ValueError, match=r"picture: got shape \(40, 50, 3\), expected \(h, w\)"):
        network.predict_map(np.zeros((40, 50, 3), np.uint8), 1 / 255)
    with pytest.raises(ValueError, match="picture"):
        network.predict_map(np.zeros((0, 50), np.uint8), 1 / 255)
    with pytest.raises(ValueError, match="up to 16384"):
        network.predict_map(np.zeros((1, 16385), np.uint8), 1 / 255)
    with pytest.raises(TypeError, match="float32"):
        network.predict_map(picture.astype(np.float32), 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="output"):
        network.predict_map(picture, 1 / 255, output="colours")
    valid = _core.Network([_conv(4, padding="valid", dilation_rate=4), *LAYERS], (32, 40, 1))
    with pytest.raises(ValueError, match=r"picture: got \(8, 40\), too small"):
        valid.predict_map(np.zeros((8, 40), np.uint8), 1 / 255)


def test_networks_without_a_map() -> None:
    network = _core.Network([{"type": "flatten"}, {"type": "dense", "units": 2}], (3, 3, 1))
    with pytest.raises(ValueError, match="predict_map: the network has no map"):
        network.predict_map(np.zeros((3, 3), np.uint8), 1 / 255)


def test_maps_have_no_explanation(network: _core.Network) -> None:
    pictures, _ = make_pictures(1)
    with pytest.raises(ValueError, match="map of class scores"):
        network.explain(pictures, 1 / 255)
