"""``_core.Network``: layers, weights, predictions, gradients, and errors for bad arguments."""

from __future__ import annotations

import numpy as np
import pytest
from core_cases import DENSE, LAYERS, SIDE, make_network, make_trainer, same

from ocrdigit import _core

# ---- layers ----


def test_layers_are_returned_with_every_key():
    layers = [
        {"type": "conv2d", "filters": np.int64(4), "kernel_size": 5, "padding": "valid"},
        {"type": "conv2d", "filters": 4, "strides": 2, "activation": "relu", "use_bias": False},
        {"type": "batch_norm", "momentum": np.float32(0.5)},
        {"type": "relu"},
        {"type": "global_average_pool2d"},
        {"type": "dropout", "rate": 0},
        {"type": "dense", "units": 6, "use_bias": np.False_, "activation": "relu"},
        {"type": "dense", "units": 2, "activation": "softmax"},
    ]
    network = make_network(layers=layers)
    conv = {
        "type": "conv2d",
        "filters": 4,
        "strides": 1,
        "kernel_size": 3,
        "dilation_rate": 1,
        "groups": 1,
    }
    assert network.layers == [
        conv | {"kernel_size": 5, "padding": "valid", "use_bias": True, "activation": None},
        conv | {"strides": 2, "padding": "same", "use_bias": False, "activation": "relu"},
        {"type": "batch_norm", "momentum": 0.5, "epsilon": 0.001},
        {"type": "relu"},
        {"type": "global_average_pool2d"},
        {"type": "dropout", "rate": 0.0},
        {"type": "dense", "units": 6, "use_bias": False, "activation": "relu"},
        {"type": "dense", "units": 2, "use_bias": True, "activation": None},
    ]
    assert make_network(layers=network.layers).layers == network.layers


def test_pools_activations_and_padding_are_returned_with_every_key():
    layers = [
        {"type": "zero_padding2d"},
        {"type": "zero_padding2d", "padding": (0, 1, 2, 3)},
        {"type": "max_pool2d", "pool_size": (3, 2)},
        {"type": "average_pool2d", "pool_size": 2, "strides": 1, "padding": "same"},
        {"type": "activation", "function": "tanh"},
        {"type": "layer_norm"},
        {"type": "global_max_pool2d"},
        {"type": "dense", "units": 2},
    ]
    network = make_network(layers=layers)
    assert network.layers == [
        {"type": "zero_padding2d", "padding": 1},
        {"type": "zero_padding2d", "padding": [0, 1, 2, 3]},
        {"type": "max_pool2d", "pool_size": [3, 2], "strides": [3, 2], "padding": "valid"},
        {"type": "average_pool2d", "pool_size": 2, "strides": 1, "padding": "same"},
        {"type": "activation", "function": "tanh", "alpha": 1.0},
        {"type": "layer_norm", "epsilon": 0.001},
        {"type": "global_max_pool2d"},
        {"type": "dense", "units": 2, "use_bias": True, "activation": None},
    ]
    assert make_network(layers=network.layers).layers == network.layers
    shapes = [part["output_shape"] for part in network.describe()]
    rows, columns, channels = network.input_shape
    assert shapes[1] == (rows + 3, columns + 7, channels)
    assert shapes[6:] == [(channels,), (2,)]


def test_layers_may_be_any_mapping():
    from types import MappingProxyType

    layers = tuple(MappingProxyType(layer) for layer in LAYERS)
    assert make_network(layers=layers).layers == make_network().layers


def test_describe(network):
    assert network.describe() == [
        {"name": n, "type": t, "output_shape": s, "parameters": p}
        for n, t, s, p in [
            ("conv2d_1", "conv2d", (8, 8, 5), 45),
            ("batch_norm_1", "batch_norm", (8, 8, 5), 20),
            ("relu_1", "relu", (8, 8, 5), 0),
            ("max_pool2d_1", "max_pool2d", (4, 4, 5), 0),
            ("flatten_1", "flatten", (80,), 0),
            ("dropout_1", "dropout", (80,), 0),
            ("dense_1", "dense", (3,), 243),
        ]
    ]
    assert network.input_shape == (SIDE, SIDE, 1)
    assert network.classes == 3
    assert network.parameter_count == 45 + 10 + 243  # without the moving statistics


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        (None, TypeError, r"layers: got None, expected a list of dicts"),
        ("dense", TypeError, r"layers: got 'dense', expected a list"),
        (memoryview(np.zeros((2, 2))), TypeError, r"layers: got <memory .*, expected a list"),
        ([], ValueError, r"layers: got 0 of them, expected 1 to 256"),
        ([{"type": "relu"}] * 257, ValueError, r"layers: got 257 of them"),
        (["relu"], TypeError, r"layer 0: got 'relu', expected a dict"),
        ([{}], ValueError, r"layer 0: type: missing"),
        ([{"type": 3}], TypeError, r"layer 0: type: got 3, expected conv2d, dense"),
        (
            [{"type": "lstm"}],
            ValueError,
            r"layer 0: type: got 'lstm', expected .* or zero_padding2d",
        ),
        ([{"type": "conv2d"}], ValueError, r"layer 0 \(conv2d\): filters: missing"),
        (
            [{"type": "flatten"}, DENSE | {"unit": 2}],
            ValueError,
            r"layer 1 \(dense\): unknown 'unit', expected only: units, use_bias, activation",
        ),
        ([{"type": "relu", 5: 1}], ValueError, r"layer 0 \(relu\): unknown 5, expected only: none"),
        (
            [{"type": "conv2d", "filters": 2.0}],
            TypeError,
            r"layer 0 \(conv2d\): filters: got 2\.0, expected an integer",
        ),
        ([{"type": "conv2d", "filters": True}], TypeError, r"filters: got True"),
        ([{"type": "conv2d", "filters": 2**40}], ValueError, r"filters: got 1099511627776"),
        ([{"type": "conv2d", "filters": 0}], ValueError, r"layer 0 \(conv2d\).*filters is 0"),
        (
            [{"type": "conv2d", "filters": 2, "padding": "full"}],
            ValueError,
            r"layer 0 \(conv2d\): padding: got 'full', expected valid or same",
        ),
        (
            [{"type": "conv2d", "filters": 2, "use_bias": 1}],
            TypeError,
            r"use_bias: got 1, expected True or False",
        ),
        (
            [{"type": "flatten"}, DENSE | {"activation": "softmax"}, DENSE],
            ValueError,
            r"layer 1 \(dense\): activation: got 'softmax', expected None or relu",
        ),
        ([{"type": "dropout", "rate": "x"}], TypeError, r"rate: got 'x', expected a number"),
        ([{"type": "dropout", "rate": 1j}], TypeError, r"rate: got complex, expected a number"),
        ([{"type": "dropout", "rate": np.nan}], ValueError, r"rate: got nan, expected a finite"),
        ([{"type": "dropout", "rate": 10**400}], ValueError, r"rate: got 1000.*expected a finite"),
        ([{"type": "max_pool2d", "strides": 0}], ValueError, r"strides is 0 x 0, expected 1 to"),
        (
            [{"type": "zero_padding2d", "padding": [1, 2]}],
            ValueError,
            r"padding: got \[1, 2\], expected an int or four",
        ),
        (
            [{"type": "activation", "function": "gelu"}],
            ValueError,
            r"function: got 'gelu', expected leaky_relu, .* or swish",
        ),
        (
            [{"type": "activation", "function": "leaky_relu"}],
            ValueError,
            r"alpha is 1, expected 0 <= alpha < 1",
        ),
        ([{"type": "dropout", "rate": 1}], ValueError, r"layer 0 \(dropout\).*rate is 1"),
        ([DENSE], ValueError, r"layer 0 \(dense\), input \(8, 8, 1\)"),
        ([{"type": "flatten"}, DENSE | {"units": 1}], ValueError, r"class scores"),
    ],
)
def test_bad_layers(layers, error, message):
    with pytest.raises(error, match=message):
        make_network(layers=layers)


def test_mappings_that_raise():
    class Failing(dict):
        def keys(self):
            raise OSError("no keys")

    class Fleeting:
        def keys(self):
            layers.clear()
            return []

    with pytest.raises(OSError, match="no keys"):
        make_network(layers=[type("M", (), {"keys": Failing.keys})()])
    layers = [Fleeting(), {"type": "flatten"}, DENSE]  # changes the list while it is read
    with pytest.raises(ValueError, match="layer 0: type: missing"):
        make_network(layers=layers)


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        (28, TypeError),
        ("abc", TypeError),
        ((28, 28), ValueError),
        ((0, 28, 1), ValueError),
        ((-1, 28, 1), ValueError),
        ((2**70, 1, 1), ValueError),
        ((28, 28, 1.0), TypeError),
    ],
)
def test_bad_input_shape(shape, error):
    with pytest.raises(error, match="input_shape: got"):
        _core.Network(LAYERS, shape)


@pytest.mark.parametrize(
    ("seed", "error"),
    [(-1, ValueError), (2**64, ValueError), (0.0, TypeError), ("1", TypeError), (None, TypeError)],
)
def test_bad_seed(seed, error, network, batch):
    with pytest.raises(error, match="seed: got"):
        _core.Network(LAYERS, seed=seed)
    with pytest.raises(error, match="seed: got"):
        network.initialize(seed)
    with pytest.raises(error, match="seed: got"):
        network.gradient(batch.images, batch.labels, 1.0, seed=seed)
    with pytest.raises(error, match="seed: got"):
        make_trainer(network, seed=seed)


# ---- weights ----


def test_weights_follow_from_the_seed():
    assert same(make_network(7).weights(), make_network(7).weights())
    assert not same(make_network(7).weights(), make_network(8).weights())
    network = make_network(7)
    network.initialize(np.uint64(2**64 - 1))
    assert same(network.weights(), make_network(2**64 - 1).weights())


def test_weights_are_copies(network):
    before = network.weights()
    assert list(before) == [
        "conv2d_1.kernel",
        "batch_norm_1.gamma",
        "batch_norm_1.beta",
        "dense_1.kernel",
        "dense_1.bias",
        "batch_norm_1.moving_mean",
        "batch_norm_1.moving_variance",
    ]
    assert before["conv2d_1.kernel"].shape == (3, 3, 1, 5)
    assert before["dense_1.kernel"].shape == (80, 3)
    assert all(array.dtype == np.float32 and array.flags.owndata for array in before.values())
    for array in network.weights().values():
        array[:] = 9
    assert same(network.weights(), before)


def test_copies_are_independent(network, batch):
    twin = network.copy()
    assert twin.layers == network.layers
    assert same(twin.weights(), network.weights())
    expected = network.scores(batch.images, 1.0)
    twin.initialize(5)
    make_trainer(twin).run(batch.images, batch.labels, 1.0)
    assert np.array_equal(network.scores(batch.images, 1.0), expected)
    assert not np.array_equal(twin.scores(batch.images, 1.0), expected)


def test_predictions_follow_the_weights(network, batch):
    other = make_network(1)
    before = network.scores(batch.images, 1.0)
    network.set_weights(other.weights())
    assert np.array_equal(network.scores(batch.images, 1.0), other.scores(batch.images, 1.0))
    network.initialize(0)
    assert np.array_equal(network.scores(batch.images, 1.0), before)
    make_trainer(network).run(batch.images, batch.labels, 1.0)
    after = network.scores(batch.images, 1.0)
    assert not np.array_equal(after, before)
    assert np.array_equal(network.copy().scores(batch.images, 1.0), after)


def changed(weights, **changes):
    return weights | {name.replace("__", "."): value for name, value in changes.items()}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda w: None, TypeError, "weights: got None, expected a dict"),
        (lambda w: list(w.values()), TypeError, "weights: got list, expected a dict"),
        (lambda w: {}, ValueError, "weights: 'conv2d_1.kernel' is missing"),
        (lambda w: {k: w[k] for k in list(w)[:-1]}, ValueError, "moving_variance' is missing"),
        (lambda w: w | {"dense_2.bias": w["dense_1.bias"]}, ValueError, "got 'dense_2.bias'"),
        (lambda w: w | {3: w["dense_1.bias"]}, ValueError, "weights: got 3"),
        (
            lambda w: changed(w, dense_1__bias=np.zeros(4, np.float32)),
            ValueError,
            r"dense_1.bias: got shape \(4,\), expected \(3,\)",
        ),
        (
            lambda w: changed(w, dense_1__kernel=np.zeros((3, 80), np.float32)),
            ValueError,
            r"dense_1.kernel: got shape \(3, 80\), expected \(80, 3\)",
        ),
        (
            lambda w: changed(w, dense_1__bias=np.zeros(3)),
            TypeError,
            "dense_1.bias: got dtype float64, expected float32",
        ),
        (
            lambda w: changed(w, dense_1__bias=np.zeros(3, ">f4")),
            TypeError,
            "dense_1.bias: got dtype >f4, expected float32",
        ),
        (
            lambda w: changed(w, dense_1__bias=[0.0] * 3),
            TypeError,
            "dense_1.bias: got list, expected a NumPy array of float32",
        ),
        (
            lambda w: changed(w, dense_1__bias=np.zeros(6, np.float32)[::2]),
            ValueError,
            "dense_1.bias: .*C-contiguous",
        ),
        (
            lambda w: changed(w, dense_1__bias=np.array([0, np.nan, 0], np.float32)),
            ValueError,
            "dense_1.bias: .* finite",
        ),
        (
            lambda w: changed(w, batch_norm_1__moving_variance=np.full(5, np.inf, np.float32)),
            ValueError,
            "moving_variance: .* finite",
        ),
    ],
)
def test_set_weights_sets_all_or_none(network, change, error, message):
    before = network.weights()
    others = make_network(1).weights()
    assert not same(others, before)
    with pytest.raises(error, match=message):
        network.set_weights(change(others))
    assert same(network.weights(), before)


# ---- predictions ----


def softmax(scores):
    e = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 70])
def test_predictions_agree(network, batch, count):
    images = batch.images[:count]
    scores = network.scores(images, 1.0)
    probabilities = network.predict_proba(images, scale=1.0)
    digits = network.predict(images=images, scale=1)
    assert scores.shape == probabilities.shape == (count, 3)
    assert scores.dtype == probabilities.dtype == np.float32
    assert digits.shape == (count,)
    assert digits.dtype == np.int64
    np.testing.assert_allclose(probabilities, softmax(scores), rtol=1e-5)
    assert np.array_equal(digits, scores.argmax(axis=1))


def test_many_classes_and_large_batches(batch):
    network = make_network(layers=[{"type": "flatten"}, {"type": "dense", "units": 256}])
    images = np.tile(batch.images, (30, 1, 1))  # more scores than fit on the stack
    digits = network.predict(images, 1.0)
    assert np.array_equal(digits, network.scores(images, 1.0).argmax(axis=1))


def test_bytes_and_any_shape_are_read_in_place(network):
    pixels = np.random.default_rng(1).integers(0, 256, (9, SIDE, SIDE), dtype=np.uint8)
    expected = network.scores((pixels / np.float32(255)).astype(np.float32), 1.0)
    pixels.flags.writeable = False
    for shape in [(9, SIDE, SIDE), (9, SIDE * SIDE), (9, SIDE, SIDE, 1), (9, 2, 2, 4, 4)]:
        scores = network.scores(pixels.reshape(shape), 1 / 255)
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


BAD_IMAGES = [
    (None, TypeError, "images: got NoneType, expected a NumPy array of uint8 or float32"),
    ([[0.0] * 64], TypeError, "images: got list"),
    (np.zeros((2, 8, 8)), TypeError, "images: got dtype float64, expected uint8 or float32"),
    (np.zeros((2, 8, 8), np.float16), TypeError, "images: got dtype float16"),
    (np.zeros((2, 8, 8), np.int8), TypeError, "images: got dtype int8"),
    (np.zeros((2, 8, 8), bool), TypeError, "images: got dtype bool"),
    (np.zeros((2, 8, 8), ">f4"), TypeError, "images: got dtype >f4"),
    (np.zeros((2, 8, 8), complex), TypeError, "images: got dtype complex128"),
    (np.zeros((2, 8, 8), object), TypeError, "images: got dtype object"),
    (np.zeros((2, 8, 8), "U1"), TypeError, "images: got dtype <U1"),
    (np.zeros((4, 8, 8), np.uint8)[::2], ValueError, "images: .* C-contiguous"),
    (np.zeros((2, 8, 8), np.uint8)[:, ::-1], ValueError, "images: .* C-contiguous"),
    (np.zeros((2, 8, 8), np.float32, order="F"), ValueError, "images: .* C-contiguous"),
    (
        np.zeros(2 * 64 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(2, 8, 8),
        ValueError,
        "images: .* alignment",
    ),
    (np.zeros((0, 8, 8), np.uint8), ValueError, r"images: got shape \(0, 8, 8\), expected"),
    (np.zeros((), np.uint8), ValueError, r"images: got shape \(\), expected"),
    (np.zeros((8, 8), np.uint8), ValueError, r"images: got shape \(8, 8\), .* 64 numbers"),
    (np.zeros((2, 8, 9), np.uint8), ValueError, r"images: got shape \(2, 8, 9\)"),
    (np.zeros((2, 0), np.uint8), ValueError, r"images: got shape \(2, 0\)"),
]


@pytest.mark.parametrize(("images", "error", "message"), BAD_IMAGES)
def test_bad_images(network, images, error, message):
    trainer = make_trainer(network)
    labels = np.zeros(2, np.uint8)
    for call in (network.predict, network.predict_proba, network.scores):
        with pytest.raises(error, match=message):
            call(images, 1.0)
    with pytest.raises(error, match=message):
        network.gradient(images, labels, 1.0)
    with pytest.raises(error, match=message):
        trainer.run(images, labels, 1.0)
    if images is not None:
        good = np.zeros((2, 8, 8), np.uint8)
        with pytest.raises(error, match=f"validation_{message}"):
            trainer.run(good, labels, 1.0, images, labels)


@pytest.mark.parametrize(
    ("scale", "error"),
    [
        (np.nan, ValueError),
        (np.inf, ValueError),
        (10**400, ValueError),
        ("1", TypeError),
        (None, TypeError),
        (1j, TypeError),
        (True, TypeError),
        (np.ones(1), TypeError),
    ],
)
def test_bad_scale(network, batch, scale, error):
    for call in (network.predict, network.predict_proba, network.scores):
        with pytest.raises(error, match="scale: got"):
            call(batch.images, scale)
    with pytest.raises(error, match="scale: got"):
        make_trainer(network).run(batch.images, batch.labels, scale)


def test_bad_arguments(network, batch):
    with pytest.raises(TypeError, match=r"predict\(\) missing argument 'scale'"):
        network.predict(batch.images)
    with pytest.raises(TypeError, match=r"predict_proba\(\) takes at most 2 positional"):
        network.predict_proba(batch.images, 1.0, 2)
    with pytest.raises(TypeError, match=r"scores\(\) got an unexpected keyword argument 'size'"):
        network.scores(batch.images, 1.0, size=3)
    with pytest.raises(TypeError, match=r"scores\(\) got 'images' twice"):
        network.scores(batch.images, images=batch.images)


# ---- gradient ----


def test_gradient_is_the_slope_and_keeps_the_weights(batch):
    layers = [layer for layer in LAYERS if layer["type"] != "dropout"]
    network = make_network(layers=layers)
    before = network.weights()
    loss, right, gradient = network.gradient(batch.images, batch.labels, 1.0, label_smoothing=0.1)
    assert same(network.weights(), before)
    assert isinstance(loss, float)
    assert 0 <= right <= 70
    trainable = {name: w for name, w in before.items() if ".moving_" not in name}
    assert {k: v.shape for k, v in gradient.items()} == {k: v.shape for k, v in trainable.items()}

    def loss_at(step):
        moved = {name: w - step * gradient[name] for name, w in trainable.items()}
        network.set_weights(before | {k: v.astype(np.float32) for k, v in moved.items()})
        return network.gradient(batch.images, batch.labels, 1.0, label_smoothing=0.1)[0]

    slope = (loss_at(-0.01) - loss_at(0.01)) / 0.02
    assert slope == pytest.approx(sum(float((g**2).sum()) for g in gradient.values()), rel=0.02)


def test_gradient_seed_is_that_of_dropout(network, batch):
    def gradient(seed):
        return network.gradient(batch.images, batch.labels, 1.0, seed=seed)[2]

    assert same(gradient(1), gradient(1))
    assert not same(gradient(1), gradient(2))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, np.nan, "0"])
def test_bad_label_smoothing(network, batch, smoothing):
    with pytest.raises((ValueError, TypeError), match="label_smoothing: got"):
        network.gradient(batch.images, batch.labels, 1.0, label_smoothing=smoothing)
