"""The binding: what ``ocrdigit._core`` takes, refuses, shares, locks and lets go of."""

from __future__ import annotations

import ast
import copy
import ctypes
import gc
import inspect
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ocrdigit import _core

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "ocrdigit" / "_core.pyi"

LAYERS = [
    {"type": "conv2d", "filters": 5, "use_bias": False},
    {"type": "batch_norm"},
    {"type": "relu"},
    {"type": "max_pool2d"},
    {"type": "flatten"},
    {"type": "dropout", "rate": 0.25},
    {"type": "dense", "units": 3},
]
DENSE_ONLY = [{"type": "flatten"}, {"type": "dense", "units": 3}]
SIDE = 8


def make_network(seed=0, layers=LAYERS, shape=(SIDE, SIDE, 1)):
    return _core.Network(layers, shape, seed=seed)


def make_trainer(network, **changes):
    settings = {
        "epochs": 1,
        "batch_size": 16,
        "seed": 0,
        "optimizer": "adam",
        "learning_rate": 1e-3,
    }
    return _core.Trainer(network, **(settings | changes))


@pytest.fixture
def network():
    return make_network()


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return SimpleNamespace(
        images=rng.random((70, SIDE, SIDE), dtype=np.float32),
        labels=rng.integers(0, 3, 70).astype(np.uint8),
    )


@pytest.fixture
def threads():
    """Lets a test change the number of threads."""
    before = _core.get_num_threads()
    yield _core.set_num_threads
    _core.set_num_threads(before)


# Python processes find the very package that is tested here.
HOME = str(Path(_core.__file__).resolve().parents[1])
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(filter(None, [HOME, os.environ.get("PYTHONPATH")]))
}


def run_script(script, timeout=60, **environment):
    """Run Python code in a process of its own; its output, and no crash."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=tempfile.gettempdir(),  # where no folder is called ocrdigit
        env=ENVIRONMENT | environment,
    )
    assert done.returncode >= 0, f"killed by signal {-done.returncode}: {done.stderr}"
    return done


SCRIPT_START = f"""
import os, signal, sys, threading, time
import numpy as np
from ocrdigit import _core
network = _core.Network({LAYERS!r}, ({SIDE}, {SIDE}, 1))
rng = np.random.default_rng(0)
images = rng.random((70, {SIDE}, {SIDE}), dtype=np.float32)
labels = rng.integers(0, 3, 70).astype(np.uint8)
def trainer(network, epochs):
    return _core.Trainer(network, epochs=epochs, batch_size=16, seed=0, optimizer="sgd",
                         learning_rate=1e-3)
"""


# ---- targets in the labels' place ----


def trained_weights(batch, targets, **changes):
    network = make_network()
    trainer = make_trainer(network, epochs=2, **changes)
    trainer.run(batch.images, batch.labels, 1.0, targets=targets)
    return network.weights()


def test_targets_of_one_class_are_labels(batch):
    plain = trained_weights(batch, None, label_smoothing=0.1)
    sure = trained_weights(batch, np.eye(3, dtype=np.float32)[batch.labels], label_smoothing=0.1)
    assert all(np.array_equal(plain[name], sure[name]) for name in plain)


def test_loss_of_targets(batch):
    rng = np.random.default_rng(1)
    targets = rng.dirichlet(np.ones(3), 70).astype(np.float32)
    losses = []
    network = make_network(layers=DENSE_ONLY)
    scores = network.scores(batch.images, 1.0).astype(np.float64)
    make_trainer(network, batch_size=70).run(
        batch.images, batch.labels, 1.0, targets=targets, on_step=lambda p: losses.append(p["loss"])
    )
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(losses, [-(targets * logs).sum(axis=1).mean()], rtol=1e-5)


def test_smoothing_is_a_target(batch):
    smooth = (0.7 * np.eye(3)[batch.labels] + 0.1).astype(np.float32)
    plain = trained_weights(batch, None, label_smoothing=0.3)
    soft = trained_weights(batch, smooth)
    for name in plain:
        np.testing.assert_allclose(soft[name], plain[name], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t[:-1], ValueError, r"targets: got shape \(69, 3\), expected \(70, 3\)"),
        (lambda t: t.astype(float), TypeError, "targets: got dtype float64"),
        (lambda t: t * 2, ValueError, "targets: row 0 has sum 2"),
        (lambda t: t - 1 / 3, ValueError, "targets: row 0 has sum"),
        (lambda t: t * np.nan, ValueError, "targets: got a number that is not finite"),
        (lambda t: t.tolist(), TypeError, "targets: got"),
    ],
)
def test_targets_refused(batch, change, error, message):
    targets = np.eye(3, dtype=np.float32)[batch.labels]
    with pytest.raises(error, match=message):
        trained_weights(batch, change(targets))


# ---- the module is what its stub says ----


def stub_functions(body):
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def stub_parameters(function):
    a = function.args
    rest = [argument for argument in (a.vararg, a.kwarg) if argument]
    names = [argument.arg for argument in a.posonlyargs + a.args + a.kwonlyargs + rest]
    return [name for name in names if name not in ("self", "cls")]


def public(names):
    return {name for name in names if not name.startswith("_")}


def test_names_and_parameters_are_those_of_the_stub():
    body = ast.parse(STUB.read_text(encoding="utf-8")).body
    functions = stub_functions(body)
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    types_only = {"LayerDescription", "Progress"}
    assert public(dir(_core)) == functions.keys() | (classes.keys() - types_only)
    for name, function in functions.items():
        signature = inspect.signature(getattr(_core, name))
        assert list(signature.parameters) == stub_parameters(function), name
    for name in classes.keys() - types_only:
        members = stub_functions(classes[name].body)
        assert public(dir(getattr(_core, name))) == public(members)
        for member, function in members.items():
            bound = getattr(getattr(_core, name), member)
            if member == "__new__":
                bound = getattr(_core, name)
            if callable(bound):
                given = [p for p in inspect.signature(bound).parameters if p != "self"]
                assert given == stub_parameters(function), (name, member)


def test_keyword_only_parameters_refuse_positions(network, batch):
    with pytest.raises(TypeError, match="at most 3 positional arguments, got 4"):
        network.gradient(batch.images, batch.labels, 1.0, 0.1)
    with pytest.raises(TypeError, match="positional"):
        _core.Network(LAYERS, (SIDE, SIDE, 1), 3)


def test_types_are_final_and_not_pickled(network):
    for type_ in (_core.Network, _core.Trainer, _core.Shortcut):
        with pytest.raises(TypeError):
            type("Sub", (type_,), {})
        with pytest.raises(TypeError):
            type_.extra = 1
    for thing in (network, make_trainer(network)):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
        with pytest.raises(TypeError):
            copy.copy(thing)


def test_core_knows_no_python():
    files = [p for p in (ROOT / "csrc").rglob("*.[ch]") if "python" not in p.parts]
    assert len(files) > 20
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"#\s*include\s*[<\"](Python\.h|numpy/|python/)", text), path
        assert not re.search(r"\b(PyObject|Py[A-Z]*[a-z]*_\w+)", text), path


def test_numpy_is_imported_in_one_file():
    users = [p.name for p in (ROOT / "csrc").rglob("*.[ch]") if "numpy/" in p.read_text("utf-8")]
    assert users == ["convert.c"]


# ---- layers ----


def test_layers_come_back_with_every_key():
    given = [
        {"type": "conv2d", "filters": np.int64(4), "kernel_size": 5, "padding": "valid"},
        {"type": "conv2d", "filters": 4, "strides": 2, "activation": "relu", "use_bias": False},
        {"type": "batch_norm", "momentum": np.float32(0.5)},
        {"type": "relu"},
        {"type": "global_average_pool2d"},
        {"type": "dropout", "rate": 0},
        {"type": "dense", "units": 6, "use_bias": np.False_, "activation": "relu"},
        {"type": "dense", "units": 2, "activation": "softmax"},
    ]
    network = make_network(layers=given)
    conv = {"type": "conv2d", "filters": 4, "strides": 1, "kernel_size": 3}
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


DENSE = {"type": "dense", "units": 3}


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        (None, TypeError, r"layers: got None, expected a list of dicts"),
        ("dense", TypeError, r"layers: got 'dense', expected a list"),
        ([], ValueError, r"layers: got 0 of them, expected 1 to 256"),
        ([{"type": "relu"}] * 257, ValueError, r"layers: got 257 of them"),
        (["relu"], TypeError, r"layer 0: got 'relu', expected a dict"),
        ([{}], ValueError, r"layer 0: type: missing"),
        ([{"type": 3}], TypeError, r"layer 0: type: got 3, expected conv2d, dense"),
        ([{"type": "lstm"}], ValueError, r"layer 0: type: got 'lstm', expected .* or columns"),
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
        ([{"type": "dropout", "rate": 1}], ValueError, r"layer 0 \(dropout\).*rate is 1"),
        ([DENSE], ValueError, r"layer 0 \(dense\), input \(8, 8, 1\)"),
        ([{"type": "flatten"}, DENSE | {"units": 1}], ValueError, r"class scores"),
    ],
)
def test_layers_refused(layers, error, message):
    with pytest.raises(error, match=message):
        make_network(layers=layers)


def test_a_mapping_that_fails_is_refused():
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
def test_input_shape_refused(shape, error):
    with pytest.raises(error, match="input_shape: got"):
        _core.Network(LAYERS, shape)


@pytest.mark.parametrize(
    ("seed", "error"),
    [(-1, ValueError), (2**64, ValueError), (0.0, TypeError), ("1", TypeError), (None, TypeError)],
)
def test_seed_refused(seed, error, network, batch):
    with pytest.raises(error, match="seed: got"):
        _core.Network(LAYERS, seed=seed)
    with pytest.raises(error, match="seed: got"):
        network.initialize(seed)
    with pytest.raises(error, match="seed: got"):
        network.gradient(batch.images, batch.labels, 1.0, seed=seed)
    with pytest.raises(error, match="seed: got"):
        make_trainer(network, seed=seed)


# ---- weights ----


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_seed_decides_the_weights():
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
    ("spoil", "error", "message"),
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
def test_set_weights_takes_all_or_nothing(network, spoil, error, message):
    before = network.weights()
    others = make_network(1).weights()
    assert not same(others, before)
    with pytest.raises(error, match=message):
        network.set_weights(spoil(others))
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
def test_images_refused(network, images, error, message):
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
def test_scale_refused(network, batch, scale, error):
    for call in (network.predict, network.predict_proba, network.scores):
        with pytest.raises(error, match="scale: got"):
            call(batch.images, scale)
    with pytest.raises(error, match="scale: got"):
        make_trainer(network).run(batch.images, batch.labels, scale)


def test_arguments_refused(network, batch):
    with pytest.raises(TypeError, match=r"predict\(\) missing argument 'scale'"):
        network.predict(batch.images)
    with pytest.raises(TypeError, match=r"predict_proba\(\) takes at most 2 positional"):
        network.predict_proba(batch.images, 1.0, 2)
    with pytest.raises(TypeError, match=r"scores\(\) got an unexpected keyword argument 'size'"):
        network.scores(batch.images, 1.0, size=3)
    with pytest.raises(TypeError, match=r"scores\(\) got 'images' twice"):
        network.scores(batch.images, images=batch.images)


# ---- gradient ----


def test_gradient_is_a_slope_and_changes_nothing(batch):
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


def test_gradient_seed_is_of_dropout(network, batch):
    def gradient(seed):
        return network.gradient(batch.images, batch.labels, 1.0, seed=seed)[2]

    assert same(gradient(1), gradient(1))
    assert not same(gradient(1), gradient(2))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, np.nan, "0"])
def test_label_smoothing_refused(network, batch, smoothing):
    with pytest.raises((ValueError, TypeError), match="label_smoothing: got"):
        network.gradient(batch.images, batch.labels, 1.0, label_smoothing=smoothing)


# ---- training ----


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0] * 70, TypeError, "labels: got list, expected a NumPy array of uint8"),
        (np.zeros(70, np.int64), TypeError, "labels: got dtype int64, expected uint8"),
        (np.zeros(69, np.uint8), ValueError, r"labels: got shape \(69,\), expected \(70,\)"),
        (np.zeros((70, 1), np.uint8), ValueError, r"labels: got shape \(70, 1\)"),
        (np.zeros(140, np.uint8)[::2], ValueError, "labels: .* C-contiguous"),
        (np.r_[np.zeros(69), 3].astype(np.uint8), ValueError, "labels: got 3 at index 69, .* 0 to"),
    ],
)
def test_labels_refused(network, batch, labels, error, message):
    trainer = make_trainer(network)
    before = network.weights()
    with pytest.raises(error, match=f"^{message}"):
        network.gradient(batch.images, labels, 1.0)
    with pytest.raises(error, match=f"^{message}"):
        trainer.run(batch.images, labels, 1.0)
    with pytest.raises(error, match=f"^validation_{message}"):
        trainer.run(batch.images, batch.labels, 1.0, batch.images, labels)
    assert same(network.weights(), before)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs: got 0"),
        ({"epochs": 1.5}, TypeError, r"epochs: got 1\.5, expected an integer"),
        ({"epochs": 2**40}, ValueError, "epochs: got"),
        ({"batch_size": 0}, ValueError, "batch_size: got 0"),
        ({"batch_size": -3}, ValueError, "batch_size: got -3"),
        ({"optimizer": "rmsprop"}, ValueError, "optimizer: got 'rmsprop', expected sgd, adam or a"),
        ({"optimizer": 3}, TypeError, "optimizer: got 3"),
        ({"learning_rate": 0}, ValueError, "learning_rate: got 0"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate: got nan"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate: got -1"),
        ({"schedule": "linear"}, ValueError, "schedule: got 'linear', expected constant, cosine"),
        ({"momentum": 1.0}, ValueError, "momentum: got 1"),
        ({"beta_1": -0.5}, ValueError, "beta_1: got -0.5"),
        ({"epsilon": 0.0}, ValueError, "epsilon: got 0"),
        ({"ema": 1.0}, ValueError, "ema: got 1"),
        ({"restore_best": "yes"}, TypeError, "restore_best: got 'yes', expected True or False"),
        ({"patience": -1}, ValueError, "patience: got -1"),
        ({"label_smoothing": 1}, ValueError, "label_smoothing: got 1"),
        ({"nesterov": True}, TypeError, "unknown 'nesterov', expected only: epochs, batch_size"),
        ({"augment": "rotation"}, TypeError, "augment: got 'rotation', expected a list of steps"),
        ({"augment": [1]}, TypeError, r"augment\[0\]: got 1, expected a tuple"),
        ({"augment": [()]}, ValueError, r"augment\[0\]: got \(\), expected a tuple"),
        (
            {"augment": [("twirl", (0, 0, 0, 0, 0), 1, "reflect", 0)]},
            ValueError,
            r"augment\[0\]: got 'twirl', expected rotation, .* or negative",
        ),
        (
            {"augment": [("zoom", (0, 0, 0, 0), 1, "reflect", 0)]},
            ValueError,
            r"augment\[0\]: got \(0, 0, 0, 0\), expected a tuple of five numbers",
        ),
        (
            {"augment": [("zoom", (0, 0, 0, 0, 0), 1, "wrap", 0)]},
            ValueError,
            r"augment\[0\]: got 'wrap', expected reflect, constant or nearest",
        ),
        (
            {"augment": [("zoom", (0, 0, 0, 0, 0), 2, "reflect", 0)]},
            ValueError,
            "probability",
        ),
        ({"augment": [("zoom", (0, 0, 0, 0, 0), 1, "reflect", 0)] * 33}, ValueError, "33 steps"),
    ],
)
def test_trainer_settings_refused(network, changes, error, message):
    with pytest.raises(error, match=message):
        make_trainer(network, **changes)


def test_trainer_arguments_refused(network):
    with pytest.raises(TypeError, match="takes a network"):
        _core.Trainer()
    with pytest.raises(TypeError, match="takes a network"):
        _core.Trainer(network, 3)
    with pytest.raises(TypeError, match="takes a network"):
        _core.Trainer(network, network=network)
    with pytest.raises(TypeError, match="network: got str, expected a Network"):
        make_trainer("network")
    with pytest.raises(TypeError, match="epochs: missing"):
        _core.Trainer(network=network)


def test_run_arguments_refused(network, batch):
    trainer = make_trainer(network)
    with pytest.raises(TypeError, match="on_step: got 3, expected a function or None"):
        trainer.run(batch.images, batch.labels, 1.0, on_step=3)
    with pytest.raises(TypeError, match="on_epoch: got 'x', expected a function"):
        trainer.run(batch.images, batch.labels, 1.0, on_epoch="x")
    for interval in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="interval: got"):
            trainer.run(batch.images, batch.labels, 1.0, interval=interval)
    with pytest.raises(ValueError, match="validation_labels: got None with validation_images"):
        trainer.run(batch.images, batch.labels, 1.0, batch.images)
    with pytest.raises(ValueError, match="validation_images: got None with validation_labels"):
        trainer.run(batch.images, batch.labels, 1.0, None, batch.labels)


def test_callbacks_see_progress(network, batch):
    steps, epochs = [], []
    trainer = make_trainer(network, epochs=2)
    assert trainer.run(
        batch.images,
        batch.labels,
        1.0,
        batch.images[:20],
        batch.labels[:20],
        on_step=steps.append,
        on_epoch=epochs.append,
    )
    assert [(p["epoch"], p["step"]) for p in steps] == [(e, s) for e in (0, 1) for s in range(1, 6)]
    assert all(p["val_loss"] is None and p["val_accuracy"] is None for p in steps)
    assert [p["epoch"] for p in epochs] == [0, 1]
    for progress in steps + epochs:
        assert (progress["epochs"], progress["steps"]) == (2, 5)
        assert progress["loss"] > 0
        assert 0 <= progress["accuracy"] <= 1
        assert progress["learning_rate"] == pytest.approx(1e-3)
        assert progress["seconds"] >= 0
    probabilities = network.predict_proba(batch.images[:20], 1.0)
    chosen = probabilities[np.arange(20), batch.labels[:20]]
    assert epochs[-1]["val_loss"] == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    hits = probabilities.argmax(axis=1) == batch.labels[:20]
    assert epochs[-1]["val_accuracy"] == pytest.approx(hits.mean())


def test_without_validation_there_is_none(network, batch):
    epochs = []
    make_trainer(network).run(batch.images, batch.labels, 1.0, on_epoch=epochs.append)
    assert (epochs[0]["val_loss"], epochs[0]["val_accuracy"]) == (None, None)


def test_interval_spaces_the_calls(network, batch):
    calls = []
    trainer = make_trainer(network, epochs=40)
    start = time.monotonic()
    trainer.run(batch.images, batch.labels, 1.0, on_step=calls.append, interval=0.05)
    assert 1 <= len(calls) <= 1 + (time.monotonic() - start) / 0.05
    assert len(calls) < 200


@pytest.mark.parametrize("answer", [False, np.False_])
@pytest.mark.parametrize("callback", ["on_step", "on_epoch"])
def test_false_stops_after_the_step(network, batch, callback, answer):
    seen = []

    def stop(progress):
        seen.append((progress, network.weights()))
        return answer

    trainer = make_trainer(network, epochs=5)
    assert trainer.run(batch.images, batch.labels, 1.0, **{callback: stop}) is False
    assert len(seen) == 1
    assert same(network.weights(), seen[0][1])


@pytest.mark.parametrize("answer", [None, 0, "", [], np.zeros(3), True])
def test_other_answers_go_on(network, batch, answer):
    trainer = make_trainer(network)
    run = trainer.run(batch.images, batch.labels, 1.0, on_step=lambda p: answer)
    assert run is True


@pytest.mark.parametrize("callback", ["on_step", "on_epoch"])
def test_an_exception_ends_the_run_and_comes_out(network, batch, callback):
    class CallbackError(Exception):
        pass

    seen = []

    def fail(progress):
        seen.append(network.weights())
        raise CallbackError("in the callback")

    trainer = make_trainer(network, epochs=5)
    with pytest.raises(CallbackError, match="in the callback"):
        trainer.run(batch.images, batch.labels, 1.0, **{callback: fail})
    assert len(seen) == 1
    assert same(network.weights(), seen[0])
    assert trainer.run(batch.images, batch.labels, 1.0)  # and it can go on


def test_callbacks_may_use_the_network(network, batch):
    seen = []

    def look(progress):
        seen.append(network.predict_proba(batch.images, 1.0))
        assert np.array_equal(seen[-1], network.copy().predict_proba(batch.images, 1.0))
        network.gradient(batch.images, batch.labels, 1.0)
        worker = threading.Thread(target=network.predict, args=(batch.images, 1.0))
        worker.start()
        worker.join(30)
        assert not worker.is_alive()

    trained = make_network()
    make_trainer(trained).run(batch.images, batch.labels, 1.0)
    make_trainer(network).run(batch.images, batch.labels, 1.0, on_step=look, on_epoch=look)
    assert len(seen) == 6
    assert not np.array_equal(seen[0], seen[-1])
    assert same(network.weights(), trained.weights())  # looking changed nothing


def test_weights_cannot_change_and_runs_cannot_nest(network, batch):
    trainer, other = make_trainer(network), make_trainer(network)
    refused = []

    def interfere(progress):
        for change in (
            lambda: network.initialize(1),
            lambda: network.set_weights(network.weights()),
            lambda: trainer.run(batch.images, batch.labels, 1.0),
            lambda: other.run(batch.images, batch.labels, 1.0),
        ):
            with pytest.raises(RuntimeError, match="the network is being trained"):
                change()
            refused.append(change)
        return False

    assert trainer.run(batch.images, batch.labels, 1.0, on_step=interfere) is False
    assert len(refused) == 4
    network.initialize(1)
    assert other.run(batch.images, batch.labels, 1.0)


def test_data_may_change_under_a_run(network, batch):
    labels = batch.labels.copy()

    def spoil(progress):
        labels[:] = 255
        batch.images[:] = 0.5

    assert make_trainer(network, epochs=3).run(batch.images, labels, 1.0, on_step=spoil)
    assert all(np.isfinite(w).all() for w in network.weights().values())


def test_a_second_run_goes_on_with_the_optimizer(network, batch):
    def weights_after(renew):
        network = make_network()
        trainer = make_trainer(network)
        trainer.run(batch.images, batch.labels, 1.0)
        if renew:
            trainer = make_trainer(network)
        trainer.run(batch.images, batch.labels, 1.0)
        return network.weights()

    assert same(weights_after(False), weights_after(False))
    assert not same(weights_after(False), weights_after(True))


def test_a_trainer_keeps_its_network(batch):
    trainer = make_trainer(make_network())
    gc.collect()
    assert trainer.run(batch.images, batch.labels, 1.0)
    assert gc.is_tracked(trainer)
    assert any(isinstance(r, _core.Network) for r in gc.get_referents(trainer))


def test_divergence_is_a_value_error(network, batch):
    trainer = make_trainer(network, optimizer="sgd", learning_rate=1000.0, epochs=200)
    with pytest.raises(ValueError, match="diverged"):
        trainer.run(batch.images * np.float32(1e30), batch.labels, 1e8)
    assert all(np.isfinite(w).all() for w in network.weights().values())


# ---- signals ----


@pytest.mark.parametrize("callbacks", ["", "on_step=lambda p: None, on_epoch=lambda p: None"])
def test_ctrl_c_ends_a_run_between_steps(callbacks):
    script = SCRIPT_START + textwrap.dedent(
        f"""
        run = trainer(network, 10**9)
        print("ready", flush=True)
        try:
            run.run(images, labels, 1.0, {callbacks})
        except KeyboardInterrupt:
            assert all(np.isfinite(w).all() for w in network.weights().values())
            assert network.predict(images, 1.0).shape == (70,)
            print("interrupted", flush=True)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tempfile.gettempdir(),
        env=ENVIRONMENT,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.3)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n", process.stderr.read()
            assert time.monotonic() - start < 5  # 0.05 on a machine with nothing else to do
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_signal_handlers_run_within_50_ms(network, batch):
    """A timer's handler sees the clock go on; it may use the network as well."""
    calls = []

    def handler(number, frame):
        calls.append((time.monotonic(), network.predict(batch.images[:1], 1.0)))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        start = time.monotonic()
        trainer = make_trainer(network, epochs=10**9)
        stop = threading.Event()
        threading.Timer(1.0, stop.set).start()
        assert not trainer.run(
            batch.images, batch.labels, 1.0, on_step=lambda p: not stop.is_set(), interval=1.0
        )
        seconds = time.monotonic() - start
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(calls) >= seconds / 0.1 / 3  # with room for a busy machine


def test_signal_handlers_run_during_validation(network, batch):
    """A handler need not wait for the end of it, and ends the run by raising."""

    class InterruptError(Exception):
        pass

    calls, epochs = [], []

    def handler(number, frame):
        calls.append(network.weights())
        if len(calls) == 3:
            raise InterruptError

    def start_timer(progress):
        if progress["step"] == progress["steps"]:  # validation comes next
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)

    blank = np.zeros((2_000_000, 64), np.uint8)  # seconds
    labels = np.zeros(len(blank), np.uint8)
    before = signal.signal(signal.SIGALRM, handler)
    trainer = make_trainer(network, epochs=1)
    try:
        with pytest.raises(InterruptError):
            trainer.run(
                *(batch.images, batch.labels, 1.0, blank, labels),
                on_step=start_timer,
                on_epoch=epochs.append,
            )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not epochs
    assert same(network.weights(), calls[-1])
    assert trainer.run(batch.images, batch.labels, 1.0)  # and it can go on


# ---- threads ----


def in_threads(count, work):
    """Run work(i) in `count` threads; raise what any of them raised."""
    failures = []

    def guarded(i):
        try:
            work(i)
        except BaseException as failure:
            failures.append(failure)

    workers = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert not worker.is_alive(), "a thread hangs"
    if failures:
        raise failures[0]


def test_threads_share_a_network(network, batch):
    expected = network.predict_proba(batch.images, 1.0)

    def work(i):
        for k in range(200):
            begin = (i * 7 + k) % 60
            count = 1 if k % 2 else 9
            part = network.predict_proba(batch.images[begin : begin + count], 1.0)
            assert np.array_equal(part, expected[begin : begin + count])

    in_threads(4, work)


def test_threads_set_and_read_weights(network, batch):
    choices = [make_network(seed).weights() for seed in range(3)]
    scores = []
    for weights in choices:
        network.set_weights(weights)
        scores.append(network.scores(batch.images[:9], 1.0))

    def work(i):
        for k in range(100):
            if i == 0:
                network.set_weights(choices[k % 3])
            elif i == 1:
                assert any(same(network.weights(), weights) for weights in choices)
            else:
                found = network.scores(batch.images[:9], 1.0)
                assert any(np.array_equal(found, s) for s in scores)

    in_threads(4, work)


def test_predictions_go_on_while_training(network, batch):
    """Waiting threads get the network between steps, not only after the run."""
    stop, served = threading.Event(), []

    def work(i):
        if i == 0:
            trainer = make_trainer(network, epochs=10**9)
            trainer.run(
                batch.images, batch.labels, 1.0, on_step=lambda p: not stop.is_set(), interval=0.2
            )
            return
        try:
            time.sleep(0.1)
            for _ in range(5):
                assert np.isfinite(network.predict_proba(batch.images, 1.0)).all()
                served.append(time.monotonic())
            with pytest.raises(RuntimeError, match="being trained"):
                network.initialize(0)
        finally:
            stop.set()

    in_threads(2, work)
    assert len(served) == 5


def test_training_gives_up_the_gil(network, batch):
    done, ticks = threading.Event(), []

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.monotonic()
    make_trainer(network, epochs=10**9).run(
        batch.images, batch.labels, 1.0, on_step=lambda p: time.monotonic() < start + 0.5
    )
    done.set()
    ticker.join()
    assert len(ticks) > 20


def test_threads_replace_the_pool_others_use(threads, batch):
    networks = [make_network(i) for i in range(2)]
    threads(1)
    expected = [n.scores(batch.images, 1.0) for n in networks]

    def work(i):
        for k in range(60):
            if i == 2:
                threads(1 + k % 4)
                assert 1 <= _core.get_num_threads() <= 4
            else:
                assert np.array_equal(networks[i].scores(batch.images, 1.0), expected[i])

    in_threads(3, work)


def test_a_trainer_survives_a_new_pool(threads, network, batch):
    threads(2)
    trainer = make_trainer(network)
    threads(4)
    assert trainer.run(batch.images, batch.labels, 1.0)
    threads(1)
    assert trainer.run(batch.images, batch.labels, 1.0)
    assert _core.get_num_threads() == 1


@pytest.mark.parametrize("count", [0, -1, 1025, 2**40])
def test_thread_counts_refused(count):
    before = _core.get_num_threads()
    with pytest.raises(ValueError, match=f"threads: got {count}, expected"):
        _core.set_num_threads(count)
    for other in (1.0, "2", None, True):
        with pytest.raises(TypeError, match=r"threads: got .*, expected an integer"):
            _core.set_num_threads(other)
    assert _core.get_num_threads() == before


# ---- fork ----


# A child must find the allocator unlocked, whoever of the parent's threads was inside it: the C
# library sees to that, a sanitizer's allocator does not.
SANITIZED = "san.so" in os.environ.get("LD_PRELOAD", "")
needs_fork = pytest.mark.skipif(
    SANITIZED or not hasattr(os, "fork"), reason="needs fork, and an allocator that survives it"
)

FORK = """
def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)  # a child that hangs dies
            work()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, "the child failed or hung"
"""


@needs_fork
def test_fork_after_use():
    done = run_script(
        SCRIPT_START
        + FORK
        + """
_core.set_num_threads(3)
expected = network.scores(images, 1.0)
trainer(network.copy(), 1).run(images, labels, 1.0)
def work():
    assert np.array_equal(network.scores(images, 1.0), expected)
    assert trainer(network, 2).run(images, labels, 1.0)
    assert not np.array_equal(network.scores(images, 1.0), expected)
    _core.set_num_threads(2)
    in_child(lambda: network.scores(images, 1.0))  # a child of the child
for _ in range(3):
    in_child(work)
assert np.array_equal(network.scores(images, 1.0), expected)
"""
    )
    assert done.returncode == 0, done.stderr


@needs_fork
def test_fork_while_another_thread_holds_the_locks():
    """The child finds every lock free, whoever held it in the parent."""
    done = run_script(
        SCRIPT_START
        + FORK
        + """
_core.set_num_threads(2)
busy = network.copy()
stop = threading.Event()
def train():
    trainer(busy, 10**9).run(images, labels, 1.0, on_step=lambda p: not stop.is_set(),
                             interval=0.3)
def predict():
    while not stop.is_set():
        network.scores(images, 1.0)
        _core.get_num_threads()
helpers = [threading.Thread(target=train), threading.Thread(target=predict)]
for helper in helpers:
    helper.start()
def work():
    assert busy.scores(images, 1.0).shape == (70, 3)
    assert network.scores(images, 1.0).shape == (70, 3)
    network.weights(), busy.weights()
    _core.set_num_threads(3)
for _ in range(20):
    time.sleep(0.01)
    in_child(work)
stop.set()
for helper in helpers:
    helper.join()
"""
    )
    assert done.returncode == 0, done.stderr


@needs_fork
def test_fork_in_a_callback():
    done = run_script(
        SCRIPT_START
        + FORK
        + """
def look(progress):
    if progress["step"] == 2:
        in_child(lambda: network.scores(images, 1.0))
assert trainer(network, 1).run(images, labels, 1.0, on_step=look)
"""
    )
    assert done.returncode == 0, done.stderr


@needs_fork
def test_multiprocessing_by_fork():
    done = run_script(
        SCRIPT_START
        + """
import multiprocessing
def work(i):
    return network.predict(images[i:i + 20], 1.0).tolist()
expected = network.predict(images, 1.0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    for i, digits in enumerate(pool.map_async(work, range(40)).get(50)):
        assert digits == expected[i:i + 20].tolist()
"""
    )
    assert done.returncode == 0, done.stderr


# ---- what is let go of ----


def repeat_calls(network, batch):
    """One of everything, refusals included."""
    wrong = np.full(70, 9, np.uint8)

    def fail(progress):
        raise KeyError(progress["step"])

    for call in (network.predict, network.predict_proba, network.scores):
        call(batch.images, 1.0)
        call(batch.images[:1], 1.0)
        for images, scale in ((batch.images, np.nan), (batch.images[0], 1.0), (None, 1.0)):
            with pytest.raises((TypeError, ValueError)):
                call(images, scale)
    reader = make_network(layers=DENSE_ONLY, shape=(28, 28, 1))
    digit = np.pad(np.full((20, 6), 255, np.uint8), ((4, 4), (11, 11)))
    for images in (digit, digit.astype(np.float32), np.stack([digit] * 3), 255 - digit, None):
        _core.ready_scale(images)
        reader.predict_ready(images)
        reader.predict_proba_ready(images)
    shortcut = _core.Shortcut(len)
    shortcut.first = reader.predict_ready
    assert shortcut(digit) == reader.predict(digit[None], 1 / 255)
    assert shortcut((1, 2)) == 2
    network.set_weights(network.weights())
    with pytest.raises(ValueError, match="missing"):
        network.set_weights({})
    twin = network.copy()
    twin.predict(batch.images, 1.0)
    twin.initialize(3)
    network.gradient(batch.images, batch.labels, 1.0)
    with pytest.raises(ValueError, match="labels"):
        network.gradient(batch.images, wrong, 1.0)
    make_network(layers=network.layers).describe()
    with pytest.raises(ValueError, match="unknown"):
        make_network(layers=[{"type": "relu", "x": 1}])
    with pytest.raises(ValueError, match="layer 0"):
        make_network(layers=[DENSE])
    steps = [("zoom", (0.1, 0.2, 0, 0, 0), 1.0, "constant", 0.5)]
    trainer = make_trainer(network, augment=steps)
    arguments = (batch.images, batch.labels, 1.0, batch.images, batch.labels)
    trainer.run(*arguments, on_step=lambda p: None, on_epoch=lambda p: None)
    with pytest.raises(KeyError):
        trainer.run(*arguments, on_step=fail)
    with pytest.raises(ValueError, match="validation_labels"):
        trainer.run(*arguments[:4], wrong)
    with pytest.raises(ValueError, match="epochs"):
        make_trainer(network, epochs=0)
    _core.set_num_threads(_core.get_num_threads())
    _core.augment(batch.images, steps, 1)
    picture = np.zeros((9, 7), np.uint8)
    picture[2:6, 3] = 255
    _core.prepare_digit(picture)
    _core.resize_gray(picture, 5, 6)
    _core.otsu_threshold(picture)
    _core.is_mnist_like(picture)
    _core.rgb_to_gray(np.zeros((4, 5, 3), np.uint8))
    _core.rgba_to_gray(np.zeros((4, 5, 4), np.uint8), 255)
    with pytest.raises(ValueError, match="image"):
        _core.prepare_digit(picture[:0])


class Mallinfo(ctypes.Structure):
    """What glibc's mallinfo2 gives."""

    names = ("arena", "ordblks", "smblks", "hblks", "hblkhd")
    more_names = ("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_ = [(name, ctypes.c_size_t) for name in (*names, *more_names)]


def allocated_bytes():
    """Bytes that C code holds from malloc now."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Mallinfo
    info = mallinfo()
    return info.uordblks + info.hblkhd


def test_references_are_let_go(network, batch):
    weights = network.weights()
    layers = [dict(layer) for layer in LAYERS]
    held = [network, batch.images, batch.labels, layers, *weights.values()]
    held += [_core, _core.Network, _core.Trainer, _core.Shortcut]

    def use():
        repeat_calls(network, batch)
        network.set_weights(weights)
        make_network(layers=layers)
        with pytest.raises(ValueError, match="missing"):
            network.set_weights({"dense_1.bias": weights["dense_1.bias"]})

    use()
    gc.collect()
    before = [sys.getrefcount(thing) for thing in held]
    for _ in range(5):
        use()
    gc.collect()
    assert [sys.getrefcount(thing) for thing in held] == before


@pytest.mark.skipif(
    SANITIZED or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="needs glibc's own malloc",
)
def test_c_memory_does_not_grow(network, batch):
    def grow(rounds):
        before = allocated_bytes()
        for _ in range(rounds):
            repeat_calls(network, batch)
        gc.collect()
        return allocated_bytes() - before

    grow(10)
    assert min(grow(20) for _ in range(3)) < 20 * 64  # the smallest leak of every round is 64


def test_python_memory_does_not_grow(network, batch):
    import tracemalloc

    def grow(rounds):
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(rounds):
            repeat_calls(network, batch)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    grow(2)
    tracemalloc.start()
    try:
        assert min(grow(10) for _ in range(3)) < 10 * 32
    finally:
        tracemalloc.stop()


def test_one_prediction_allocates_its_result_only(network, batch):
    import tracemalloc

    image = batch.images[:1]
    network.predict_proba(image, 1.0)
    tracemalloc.start()
    try:
        network.predict_proba(image, 1.0)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        result = network.predict_proba(image, 1.0)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert result.shape == (1, 3)
    assert peak < 400  # an array and its twelve bytes


# ---- pictures and augmentation ----


PICTURE_CALLS = {
    "rgb_to_gray": (lambda x: _core.rgb_to_gray(x), (5, 6, 3)),
    "rgba_to_gray": (lambda x: _core.rgba_to_gray(x, 0), (5, 6, 4)),
    "otsu_threshold": (lambda x: _core.otsu_threshold(x), (5, 6)),
    "resize_gray": (lambda x: _core.resize_gray(x, 3, 2), (5, 6)),
    "is_mnist_like": (lambda x: _core.is_mnist_like(x), (5, 6)),
    "prepare_digit": (lambda x: _core.prepare_digit(x), (5, 6)),
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
    rgb = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    r, g, b = (rgb[..., i].astype(int) for i in range(3))
    gray = (9798 * r + 19235 * g + 3735 * b + 16384) >> 15
    assert np.array_equal(_core.rgb_to_gray(image=rgb), gray)
    clear = np.dstack([rgb, np.zeros((5, 6), np.uint8)])
    assert np.array_equal(_core.rgba_to_gray(clear, background=200), np.full((5, 6), 200))
    assert _core.otsu_threshold(np.array([[3, 9]], np.uint8)) == 3
    halved = _core.resize_gray(np.array([[0, 4], [8, 12]], np.uint8), height=1, width=1)
    assert halved.dtype == np.float32
    assert halved.tolist() == [[6.0]]
    digit = np.zeros((40, 30), np.uint8)
    digit[8:32, 14:17] = 255
    assert _core.is_mnist_like(digit) is True
    assert _core.is_mnist_like(255 - digit) is False
    prepared = _core.prepare_digit(digit)
    assert prepared.shape == (28, 28)
    assert prepared.dtype == np.float32
    assert 0 < prepared.max() <= 1


def test_picture_numbers_refused():
    rgba, gray = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2), np.uint8)
    for background in (-1, 256):
        with pytest.raises(ValueError, match=f"background: got {background}, .* 0 to 255"):
            _core.rgba_to_gray(rgba, background)
    with pytest.raises(TypeError, match=r"background: got 0\.5"):
        _core.rgba_to_gray(rgba, 0.5)
    for side in (0, -2, 16385, 10**30):
        with pytest.raises(ValueError, match="height: got"):
            _core.resize_gray(gray, side, 4)
        with pytest.raises(ValueError, match="width: got"):
            _core.resize_gray(gray, 4, side)


STEPS = [("rotation", (-0.1, 0.1, 0.0, 0.0, 0.0), 1.0, "reflect", 0.0)]


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
        (np.zeros((1, 8, 8), np.float32), [STEPS], 0, ValueError, r"steps\[0\]: got"),
        (np.zeros((1, 8, 8), np.float32), STEPS, -1, ValueError, "seed: got -1"),
    ],
)
def test_augmentation_refused(images, steps, seed, error, message):
    with pytest.raises(error, match=message):
        _core.augment(images, steps, seed)


# ---- import ----


def import_core(**environment):
    return run_script(
        """
        try:
            from ocrdigit import _core
            print(_core.instruction_set(), _core.get_num_threads())
        except ImportError as error:
            print("refused:", error)
        """,
        **environment,
    ).stdout.strip()


def test_version_and_features():
    assert re.fullmatch(r"\d+\.\d+\.\d+", _core.__version__)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{_core.__version__}"' in project
    assert _core.instruction_set() in ("scalar", *_core.cpu_features())


def test_the_instruction_set_can_be_forced():
    for name in ("scalar", *_core.cpu_features()):
        assert import_core(OCRDIGIT_ISA=name).split()[0] == name
    missing = {"avx2", "avx512", "neon"} - set(_core.cpu_features())
    for name in missing:
        answer = import_core(OCRDIGIT_ISA=name)
        assert answer.startswith("refused: environment variable OCRDIGIT_ISA: ")
        assert f"'{name}' is not available" in answer
    answer = import_core(OCRDIGIT_ISA="sse9")
    assert answer.startswith("refused: environment variable OCRDIGIT_ISA: ")
    assert "got 'sse9', expected scalar, avx2" in answer


def test_the_number_of_threads_can_be_given():
    assert import_core(OCRDIGIT_NUM_THREADS="3").split()[1] == "3"
    assert int(import_core(OCRDIGIT_NUM_THREADS="").split()[1]) >= 1
    for text in ("0", "-2", "two", "2.5", "1025", "9" * 30):
        answer = import_core(OCRDIGIT_NUM_THREADS=text)
        assert answer.startswith("refused: environment variable OCRDIGIT_NUM_THREADS: "), text
        assert f"got {text}" in answer or f"got '{text}'" in answer


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_affinity_is_respected():
    done = run_script(
        """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        from ocrdigit import _core
        print(_core.get_num_threads())
        """,
        OCRDIGIT_NUM_THREADS="",
    )
    assert done.stdout.strip() == "1", done.stderr


def test_a_second_import_is_a_module_of_its_own():
    done = run_script(
        SCRIPT_START
        + """
first = _core
del sys.modules["ocrdigit._core"]
import importlib
second = importlib.import_module("ocrdigit._core")
assert second is not first and second.Network is not first.Network
second.set_num_threads(3)
first.set_num_threads(2)
assert (first.get_num_threads(), second.get_num_threads()) == (2, 3)
try:
    second.Trainer(network, epochs=1, batch_size=1, seed=0, optimizer="sgd", learning_rate=1)
except TypeError:
    print("fine")
network.predict(images, 1.0)
"""
    )
    assert done.stdout.strip() == "fine", done.stderr


def test_a_subinterpreter_works_or_refuses():
    """NumPy is one a process: importing there fails with ImportError, and nothing worse."""
    names = ("_interpreters", "_xxsubinterpreters")
    done = run_script(
        SCRIPT_START
        + f"""
import importlib
for name in {names!r}:
    try:
        interpreters = importlib.import_module(name)
        break
    except ImportError:
        interpreters = None
if interpreters is None:
    print("done")
    sys.exit()
code = "try:\\n from ocrdigit import _core\\n _core.set_num_threads(2)\\nexcept ImportError: pass"
for _ in range(2):
    there = interpreters.create()
    failure = interpreters.run_string(there, code)
    assert failure is None, failure
    interpreters.destroy(there)
assert network.predict(images, 1.0).shape == (70,)
print("done")
"""
    )
    assert done.stdout.strip() == "done", done.stderr


def test_ending_while_daemon_threads_work():
    done = run_script(
        SCRIPT_START
        + """
def work():
    while True:
        network.predict(images, 1.0)
def train():
    trainer(network.copy(), 10**9).run(images, labels, 1.0)
for target in (work, work, train):
    threading.Thread(target=target, daemon=True).start()
time.sleep(0.2)
print("done")
"""
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr
