"""Grad-CAM: the numbers, where the heat lies in the picture, and how it is shown."""

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

CASES = [
    pytest.param(layers, place, id=f"{name}, layer {place}")
    for name, layers in NETWORKS.items()
    for place, layer in enumerate(layers)
    if layer["type"] in ("conv2d", "batch_norm", "relu", "max_pool2d")
]


def reference_map(network: _core.Network, image: np.ndarray, layer: int, digit: int) -> np.ndarray:
    """By central differences: all places of one map are moved together, so that the score's
    change is the sum of their gradients. Networks are linear in pieces, so a small step is
    exact to rounding."""
    numpy = NumpyNetwork(network)
    maps = numpy.run(image[None, :, :, None], 0, layer + 1)
    step = 1e-7
    weights = []
    for channel in range(maps.shape[3]):
        scores = []
        for sign in (1, -1):
            moved = maps.copy()
            moved[..., channel] += sign * step
            scores.append(numpy.run(moved, layer + 1)[0, digit])
        weights.append((scores[0] - scores[1]) / (2 * step) / maps[0, :, :, 0].size)
    return np.maximum(maps[0] @ np.array(weights), 0)


@pytest.mark.parametrize(("layers", "place"), CASES)
def test_maps_are_those_of_central_differences(layers, place):
    network = make_network(layers)
    images = make_images()
    for digit in (0, 7):
        digits, scores, maps, heats, looked_at = network.explain(
            images, 1.0, digit=digit, layer=place
        )
        assert (digits == digit).all()
        assert looked_at == place
        np.testing.assert_allclose(scores, network.scores(images, 1.0), rtol=1e-4, atol=1e-4)
        for image, ours, heat in zip(images, maps, heats, strict=True):
            theirs = reference_map(network, image, place, digit)
            assert np.abs(ours - theirs).max() <= 1e-5 * max(1, np.abs(theirs).max())
            assert heat.min() >= 0
            assert heat.max() <= 1 + 1e-6
            assert (heat.max() > 0) == (ours.max() > 0)


def test_the_digit_is_the_likeliest_unless_named(fitted: DigitClassifier, sample: Dataset):
    images = sample.X_test[:30]
    digits = fitted.network_.explain(images, 1 / 255)[0]
    assert (digits == fitted.predict(images)).all()
    why = fitted.explain(images[3], digit=5)
    assert why.digit == 5
    assert why.probabilities == pytest.approx(fitted.predict_proba(images[3]), abs=1e-6)


def test_the_layer_is_the_last_convolution_unless_named(sample: Dataset):
    layers = (CONV, NORM, RELU, POOL, CONV, NORM, RELU, POOL, FLATTEN, SCORES)
    model = small_model(architecture=layers).fit(sample.X_train[:200], sample.y_train[:200])
    image = sample.X_test[4]
    why = model.explain(image)
    assert why.layer == "relu_2"
    assert (why.heatmap == model.explain(image, layer="relu_2").heatmap).all()
    assert (why.heatmap == model.explain(image, layer=6).heatmap).all()
    assert (why.heatmap != model.explain(image, layer="conv2d_1").heatmap).any()


def test_new_weights_give_new_maps(sample: Dataset):
    """An explanation must not go by the numbers of before, whatever else has run since."""
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


def test_heat_lies_where_the_layer_looked():
    """A map's place lies where the middle of what it sees does, with any padding."""
    layers = (
        {**WIDE, "filters": 1, "activation": "relu"},
        POOL,
        {"type": "global_average_pool2d"},
        {"type": "dense", "units": 2},
    )
    network = _core.Network(layers)
    weights = {name: np.zeros_like(tensor) for name, tensor in network.weights().items()}
    weights["conv2d_1.kernel"][2, 2] = 1  # the map is the image without its rim of 2
    weights["dense_1.kernel"][0, 1] = 1
    network.set_weights(weights)
    for y, x in [(4, 4), (13, 20), (23, 23), (10, 5)]:
        image = np.zeros((1, 28, 28), np.float32)
        image[0, y, x] = 1
        heat = network.explain(image, 1.0, digit=1, layer=0)[3][0]
        assert np.unravel_index(heat.argmax(), heat.shape) == (y, x)
        assert heat[y, x] == 1
        pooled = network.explain(image, 1.0, digit=1, layer=1)[3][0]
        top, left = y // 2 * 2, x // 2 * 2
        window = pooled[top : top + 2, left : left + 2]
        assert window.min() == pytest.approx(window.max())
        assert window.max() == pooled.max()


def test_heat_lies_on_the_digit_in_the_picture(sample: Dataset):
    picture = np.full((300, 200), 240, np.uint8)
    digit = np.asarray(Image.fromarray(255 - sample.X_test[8]).resize((84, 84)))
    picture[150:234, 60:144] = np.minimum(picture[150:234, 60:144], digit)
    why = ocrdigit.explain(picture)
    assert why.digit == 8
    left, top, side = why.window
    ys, xs = np.nonzero(picture < 120)
    seen_ys, seen_xs = np.nonzero(why.seen > 0.5)
    for picture_end, seen_end, start in (
        (xs.min(), seen_xs.min(), left),
        (xs.max() + 1, seen_xs.max() + 1, left),
        (ys.min(), seen_ys.min(), top),
        (ys.max() + 1, seen_ys.max() + 1, top),
    ):
        assert start + side * seen_end == pytest.approx(picture_end, abs=side)
    heat = why.picture_heatmap()
    assert heat.shape == picture.shape
    around = np.zeros_like(picture, bool)
    around[round(top) : round(top + 28 * side), round(left) : round(left + 28 * side)] = True
    assert not heat[~around].any()
    assert heat.max() == pytest.approx(why.heatmap.max(), abs=0.05)
    overlay = np.asarray(why.overlay())
    assert overlay.shape == (300, 200, 3)
    assert (overlay[~around] == picture[~around][:, None]).all()
    assert (overlay != picture[:, :, None]).any()
    assert (np.asarray(why.overlay(alpha=0)) == picture[:, :, None]).all()


def test_a_digit_of_a_page_is_explained_by_its_box(sample: Dataset):
    page = np.full((120, 200), 230, np.uint8)
    for left, place in ((10, 3), (60, 8), (150, 1)):
        digit = 255 - sample.X_test[place]
        page[40:68, left : left + 28] = np.minimum(page[40:68, left : left + 28], digit)
    rows, columns = np.nonzero(page[:, 55:95] < 120)
    y, x = int(rows.min()), 55 + int(columns.min())
    box = x, y, int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
    why = explain_box(shipped_model(), page, box)
    assert why.digit == 8
    assert why.picture_heatmap().any()
    assert why.picture.shape[0] < 50
    assert explain_box(shipped_model(), page, box, digit=3).digit == 3
    edge = explain_box(shipped_model(), page[y:, x:], (0, 0, *box[2:]))
    assert edge.digit == 8


def test_reading_explains_every_digit():
    picture = ocrdigit.synth.string("1874", random_state=3)
    plain, why = ocrdigit.read(picture.image), ocrdigit.read(picture.image, explain=True)
    assert why == plain
    assert all(digit.explanation is None for digit in plain.digits)
    assert [digit.explanation.digit for digit in why.digits] == [1, 8, 7, 4]
    for digit in why.digits:
        assert digit.explanation.overlay().size[0] >= digit.box[2]
        assert digit.explanation.picture_heatmap().any()


def test_an_mnist_image_is_its_own_picture(sample: Dataset):
    why = ocrdigit.explain(sample.X_test[3])
    assert why.window == (0, 0, 1)
    assert (why.picture == sample.X_test[3]).all()
    np.testing.assert_allclose(why.picture_heatmap(), why.heatmap, atol=1e-6)


def test_a_blank_page_has_no_heat():
    why = ocrdigit.explain(np.full((50, 70), 255, np.uint8))
    assert why.picture_heatmap().shape == (50, 70)
    assert not why.picture_heatmap().any()
    assert (np.asarray(why.overlay()) == 255).all()


def test_it_shows_itself(sample: Dataset):
    why = ocrdigit.explain(sample.X_test[3])
    with Image.open(io.BytesIO(why._repr_png_())) as picture:
        assert picture.size == (224, 224)
    pytest.importorskip("matplotlib")
    panels = why.plot().axes
    assert [panel.get_title() for panel in panels[:2]] == ["picture", "what the network sees"]
    assert panels[2].get_title().startswith("what speaks for 3")


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
        ({"digit": 10}, ValueError, "digit must be an integer of 0 to 9, got 10"),
        ({"digit": -1}, ValueError, "digit must be .* got -1"),
        ({"digit": 2.0}, TypeError, "digit must be .* got 2.0"),
        ({"digit": True}, TypeError, "digit must be .* got True"),
        ({"layer": 16}, ValueError, "layer must be an integer of 0 to 15, got 16"),
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
    why = ocrdigit.explain(sample.X_test[0])
    with pytest.raises(ValueError, match="alpha must be 0 to 1"):
        why.overlay(alpha=1.5)
    with pytest.raises(TypeError, match="alpha must be a number"):
        why.overlay(alpha="half")


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
    with pytest.raises(RuntimeError, match="no model yet"):
        small_model().explain(sample.X_test[0])
