"""Grad-CAM: its values, its position in the image, and its display."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import small_model
from networks import (
    CONV,
    FLATTEN,
    NETWORKS,
    NORM,
    POOL,
    RELU,
    SCORES,
    WIDE,
    make_images,
    make_network,
)
from numpy_network import NumpyNetwork
from PIL import Image

import ocrdigit
from ocrdigit import DigitClassifier, _core
from ocrdigit._predict import shipped_model
from ocrdigit.architectures import ARCHITECTURES
from ocrdigit.cli import main
from ocrdigit.datasets import Dataset
from ocrdigit.explaining import explain_box


def layers_with_maps(layers) -> list[int]:
    """Return the layers from the first convolution to the first that gives a vector."""
    types = [layer["type"] for layer in layers]
    vectors = ("flatten", "dense", "global_average_pool2d", "global_max_pool2d")
    end = min(types.index(vector) for vector in vectors if vector in types)
    return [i for i in range(types.index("conv2d"), end) if types[i] != "dropout"]


CASES = [
    pytest.param(layers, index, id=f"{name}, layer {index}")
    for name, layers in NETWORKS.items()
    for index in layers_with_maps(layers)
]


def reference_map(network: _core.Network, image: np.ndarray, layer: int, digit: int) -> np.ndarray:
    """Return a Grad-CAM map by central differences.

    All pixels of a feature map are changed together, so that the change of the score is the sum
    of their gradients. Networks are smooth but for kinks, so a small step is exact up to rounding.
    """
    numpy = NumpyNetwork(network)
    maps = numpy.run(image[None, :, :, None], 0, layer + 1)
    step = 1e-7
    weights = []
    for channel in range(maps.shape[3]):
        scores = []
        for sign in (1, -1):
            changed = maps.copy()
            changed[..., channel] += sign * step
            scores.append(numpy.run(changed, layer + 1)[0, digit])
        weights.append((scores[0] - scores[1]) / (2 * step) / maps[0, :, :, 0].size)
    return np.maximum(maps[0] @ np.array(weights), 0)


@pytest.mark.parametrize(("layers", "index"), CASES)
def test_maps_are_those_of_central_differences(layers, index):
    network = make_network(layers)
    images = make_images()
    for digit in (0, 7):
        digits, scores, maps, heatmaps, used = network.explain(
            images, 1.0, digit=digit, layer=index
        )
        assert (digits == digit).all()
        assert used == index
        np.testing.assert_allclose(scores, network.scores(images, 1.0), rtol=1e-4, atol=1e-4)
        for image, ours, heatmap in zip(images, maps, heatmaps, strict=True):
            theirs = reference_map(network, image, index, digit)
            assert np.abs(ours - theirs).max() <= 1e-5 * max(1, np.abs(theirs).max())
            assert heatmap.min() >= 0
            assert heatmap.max() <= 1 + 1e-6
            assert (heatmap.max() > 0) == (ours.max() > 0)


def test_default_digit_is_the_most_probable_one(fitted: DigitClassifier, sample: Dataset):
    images = sample.X_test[:30]
    digits = fitted.network_.explain(images, 1 / 255)[0]
    assert (digits == fitted.predict(images)).all()
    explanation = fitted.explain(images[3], digit=5)
    assert explanation.digit == 5
    assert explanation.probabilities == pytest.approx(fitted.predict_proba(images[3]), abs=1e-6)


def test_default_layer_is_the_last_convolution(sample: Dataset):
    layers = (CONV, NORM, RELU, POOL, CONV, NORM, RELU, POOL, FLATTEN, SCORES)
    model = small_model(architecture=layers).fit(sample.X_train[:200], sample.y_train[:200])
    image = sample.X_test[4]
    explanation = model.explain(image)
    assert explanation.layer == "relu_2"
    assert (explanation.heatmap == model.explain(image, layer="relu_2").heatmap).all()
    assert (explanation.heatmap == model.explain(image, layer=6).heatmap).all()
    assert (explanation.heatmap != model.explain(image, layer="conv2d_1").heatmap).any()


def test_new_weights_give_new_maps(sample: Dataset):
    """New weights invalidate the packed ones, whatever else has run in between."""
    image = sample.X_test[:1]
    for between in ("nothing", "predict"):
        network = make_network(ARCHITECTURES["fast"])
        before = network.explain(image, 1 / 255)
        network.set_weights({name: 0.5 * w for name, w in network.weights().items()})
        if between == "predict":
            network.predict(image, 1 / 255)
        after = network.explain(image, 1 / 255)
        fresh = _core.Network(network.layers)
        fresh.set_weights(network.weights())
        expected = fresh.explain(image, 1 / 255)
        for ours, theirs in zip(after[:4], expected[:4], strict=True):
            assert (ours == theirs).all()
        assert (before[1] != after[1]).any()
        network.initialize(1)
        assert (network.explain(image, 1 / 255)[1] != after[1]).any()


def test_heatmap_is_aligned_with_the_receptive_fields():
    """A map's pixel is drawn at the centre of its receptive field, with any padding."""
    layers = (
        {**WIDE, "filters": 1, "activation": "relu"},
        POOL,
        {"type": "global_average_pool2d"},
        {"type": "dense", "units": 2},
    )
    network = _core.Network(layers)
    weights = {name: np.zeros_like(tensor) for name, tensor in network.weights().items()}
    weights["conv2d_1.kernel"][2, 2] = 1  # the map is the image without a border of 2
    weights["dense_1.kernel"][0, 1] = 1
    network.set_weights(weights)
    for y, x in [(4, 4), (13, 20), (23, 23), (10, 5)]:
        image = np.zeros((1, 28, 28), np.float32)
        image[0, y, x] = 1
        heatmap = network.explain(image, 1.0, digit=1, layer=0)[3][0]
        assert np.unravel_index(heatmap.argmax(), heatmap.shape) == (y, x)
        assert heatmap[y, x] == 1
        pooled = network.explain(image, 1.0, digit=1, layer=1)[3][0]
        top, left = y // 2 * 2, x // 2 * 2
        window = pooled[top : top + 2, left : left + 2]
        assert window.min() == pytest.approx(window.max())
        assert window.max() == pooled.max()


def test_heatmap_is_aligned_with_the_image(sample: Dataset):
    picture = np.full((300, 200), 240, np.uint8)
    digit = np.asarray(Image.fromarray(255 - sample.X_test[8]).resize((84, 84)))
    picture[150:234, 60:144] = np.minimum(picture[150:234, 60:144], digit)
    explanation = ocrdigit.explain(picture)
    assert explanation.digit == 8
    left, top, side = explanation.window
    ys, xs = np.nonzero(picture < 120)
    input_ys, input_xs = np.nonzero(explanation.input > 0.5)
    for picture_end, input_end, start in (
        (xs.min(), input_xs.min(), left),
        (xs.max() + 1, input_xs.max() + 1, left),
        (ys.min(), input_ys.min(), top),
        (ys.max() + 1, input_ys.max() + 1, top),
    ):
        assert start + side * input_end == pytest.approx(picture_end, abs=side)
    heatmap = explanation.picture_heatmap()
    assert heatmap.shape == picture.shape
    around = np.zeros_like(picture, bool)
    around[round(top) : round(top + 28 * side), round(left) : round(left + 28 * side)] = True
    assert not heatmap[~around].any()
    assert heatmap.max() == pytest.approx(explanation.heatmap.max(), abs=0.05)
    overlay = np.asarray(explanation.overlay())
    assert overlay.shape == (300, 200, 3)
    assert (overlay[~around] == picture[~around][:, None]).all()
    assert (overlay != picture[:, :, None]).any()
    assert (np.asarray(explanation.overlay(alpha=0)) == picture[:, :, None]).all()


def test_box_of_a_page(sample: Dataset):
    page = np.full((120, 200), 230, np.uint8)
    for left, index in ((10, 3), (60, 8), (150, 1)):
        digit = 255 - sample.X_test[index]
        page[40:68, left : left + 28] = np.minimum(page[40:68, left : left + 28], digit)
    rows, columns = np.nonzero(page[:, 55:95] < 120)
    y, x = int(rows.min()), 55 + int(columns.min())
    box = x, y, int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
    network = shipped_model().network_
    explanation = explain_box(network, page, box)
    assert explanation.digit == 8
    assert explanation.picture_heatmap().any()
    assert explanation.picture.shape[0] < 50
    assert explain_box(network, page, box, digit=3).digit == 3
    edge = explain_box(network, page[y:, x:], (0, 0, *box[2:]))
    assert edge.digit == 8


def test_reading_explains_every_digit():
    picture = ocrdigit.synth.string("1874", random_state=3)
    plain, explained = ocrdigit.read(picture.image), ocrdigit.read(picture.image, explain=True)
    assert explained == plain
    assert all(digit.explanation is None for digit in plain.digits)
    assert [digit.explanation.digit for digit in explained.digits] == [1, 8, 7, 4]
    for digit in explained.digits:
        assert digit.explanation.overlay().size[0] >= digit.box[2]
        assert digit.explanation.picture_heatmap().any()


def test_canonical_input_is_explained_as_it_is(sample: Dataset):
    explanation = ocrdigit.explain(sample.X_test[3])
    assert explanation.window == (0, 0, 1)
    assert (explanation.picture == sample.X_test[3]).all()
    np.testing.assert_allclose(explanation.picture_heatmap(), explanation.heatmap, atol=1e-6)


def test_blank_image_has_an_empty_heatmap():
    explanation = ocrdigit.explain(np.full((50, 70), 255, np.uint8))
    assert explanation.picture_heatmap().shape == (50, 70)
    assert not explanation.picture_heatmap().any()
    assert (np.asarray(explanation.overlay()) == 255).all()


def test_display(sample: Dataset):
    explanation = ocrdigit.explain(sample.X_test[3])
    with Image.open(io.BytesIO(explanation._repr_png_())) as picture:
        assert picture.size == (224, 224)
    pytest.importorskip("matplotlib")
    panels = explanation.plot().axes
    assert [panel.get_title() for panel in panels[:2]] == ["image", "network input"]
    assert panels[2].get_title().startswith("evidence for 3")


def test_command_line(tmp_path: Path, sample: Dataset):
    Image.fromarray(sample.X_test[3]).save("three.png")
    answer = CliRunner().invoke(main, ["explain", "three.png", "--out", "why.png"])
    assert answer.exit_code == 0
    assert answer.output.startswith("3  ")
    with Image.open("why.png") as picture:
        assert (np.asarray(picture) == np.asarray(ocrdigit.explain("three.png").overlay())).all()
    options = ["--digit", "8", "--layer", "conv2d_1", "--out", "why.png"]
    answer = CliRunner().invoke(main, ["explain", "three.png", *options])
    assert answer.exit_code == 0
    assert answer.output.startswith("8  ")
    answer = CliRunner().invoke(main, ["explain", "three.png", "--layer", "dense_1"])
    assert answer.exit_code == 1
    assert "no maps" in answer.output
    answer = CliRunner().invoke(main, ["explain", "nothing.png"])
    assert answer.exit_code == 1
    assert "nothing.png" in answer.output


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"digit": 10}, ValueError, "digit must be an integer in 0..9, got 10"),
        ({"digit": -1}, ValueError, "digit must be .* got -1"),
        ({"digit": 2.0}, TypeError, "digit must be .* got 2.0"),
        ({"digit": True}, TypeError, "digit must be .* got True"),
        ({"layer": 16}, ValueError, "layer must be an integer in 0..15, got 16"),
        ({"layer": "conv2d_9"}, ValueError, "layer must be one of 'conv2d_1', .* got 'conv2d_9'"),
        ({"layer": "dense_1"}, ValueError, "layer: dense_1 has no maps"),
        ({"layer": 13}, ValueError, "layer: flatten_1 has no maps"),
        ({"layer": 1.5}, TypeError, r"layer must be .* got 1\.5"),
    ],
)
def test_wrong_arguments(sample: Dataset, arguments, error, words):
    with pytest.raises(error, match=words):
        ocrdigit.explain(sample.X_test[0], **arguments)


def test_wrong_images(sample: Dataset):
    with pytest.raises(ValueError, match="x must be one image, got 3"):
        ocrdigit.explain(sample.X_test[:3])
    with pytest.raises(TypeError, match="x is of type"):
        ocrdigit.explain(object())
    with pytest.raises(FileNotFoundError):
        ocrdigit.explain("nothing.png")
    explanation = ocrdigit.explain(sample.X_test[0])
    with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1"):
        explanation.overlay(alpha=1.5)
    with pytest.raises(TypeError, match="alpha must be a number"):
        explanation.overlay(alpha="half")


def test_networks_without_maps():
    network = _core.Network([FLATTEN, SCORES])
    image = make_images(1)
    with pytest.raises(ValueError, match="the network has no convolution"):
        network.explain(image, 1.0)
    pooled_first = _core.Network([POOL, CONV, FLATTEN, SCORES])
    with pytest.raises(ValueError, match="max_pool2d_1 has no maps"):
        pooled_first.explain(image, 1.0, layer=0)
    with pytest.raises(ValueError, match="digit"):
        pooled_first.explain(image, 1.0, digit=10)
    with pytest.raises(ValueError, match="layer"):
        pooled_first.explain(image, 1.0, layer=4)


def test_before_fit(sample: Dataset):
    with pytest.raises(ValueError, match="no model yet"):
        small_model().explain(sample.X_test[0])
