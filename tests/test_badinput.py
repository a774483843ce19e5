"""Invalid input: always a TypeError, ValueError or OSError that names the problem."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import small_model
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import ocrdigit
from ocrdigit import DigitClassifier, augmentations, recipes
from ocrdigit.datasets import Dataset

ZEROS = np.zeros((28, 28))
BATCH = np.zeros((4, 28, 28), np.uint8)
LABELS = np.arange(4)

# -- images --

BAD_IMAGES: dict[str, tuple[object, type[Exception], str]] = {
    "nothing": (None, TypeError, "NoneType"),
    "a number": (3, TypeError, "int"),
    "a NumPy number": (np.float32(3), ValueError, r"shape \(\)"),
    "a dict": ({"image": 1}, TypeError, "dict"),
    "a set": ({1, 2}, TypeError, "set"),
    "an open file": (io.BytesIO(b"x"), ValueError, r"X \(BytesIO\) is not an image"),
    "empty": (np.zeros((0, 28, 28)), ValueError, "empty"),
    "empty picture": (np.zeros((0, 10)), ValueError, "empty"),
    "empty list": ([], ValueError, "empty list"),
    "list of empty lists": ([[], []], ValueError, "empty|shape"),
    "rank 0": (np.array(3), ValueError, r"shape \(\)"),
    "rank 1": (np.zeros(784), ValueError, r"shape \(784,\)"),
    "rank 1 list": ([0, 1, 2], ValueError, r"shape \(3,\)"),
    "rank 5": (np.zeros((1, 1, 28, 28, 1)), ValueError, r"\(1, 1, 28, 28, 1\)"),
    "wrong size": (np.zeros((5, 28, 29)), ValueError, r"\(5, 28, 29\)"),
    "two channels": (np.zeros((28, 28, 2)), ValueError, r"\(28, 28, 2\)"),
    "colour batch": (np.zeros((5, 28, 28, 3)), ValueError, r"\(5, 28, 28, 3\)"),
    "object": (np.full((28, 28), "x", object), TypeError, "object"),
    "strings": (np.full((28, 28), "a"), TypeError, "<U1"),
    "byte strings": (np.full((28, 28), b"a"), TypeError, "S1"),
    "complex": (ZEROS.astype(complex), TypeError, "complex128"),
    "dates": (ZEROS.astype("M8[s]"), TypeError, "datetime64"),
    "records": (np.zeros((28, 28), [("r", "u1")]), TypeError, "r"),
    "NaN": (np.full((28, 28), np.nan), ValueError, "NaN or infinity"),
    "one NaN in float32": (np.eye(28, dtype=np.float32) * np.nan, ValueError, "NaN or infinity"),
    "infinity": (ZEROS + np.inf, ValueError, "NaN or infinity"),
    "minus infinity": (np.full((2, 784), -np.inf, np.float16), ValueError, "NaN or infinity"),
    "both infinities": (np.diag([np.inf, -np.inf]), ValueError, "NaN or infinity"),
    "above 255": (ZEROS + 256.0, ValueError, "256 to 256; expected 0..1 or 0..255"),
    "below 0": (ZEROS - 0.5, ValueError, "-0.5 to -0.5"),
    "standardised": (np.linspace(-1, 1, 784).reshape(28, 28), ValueError, "-1 to 1"),
    "negative zero point": (np.full((28, 28), -1, np.float32), ValueError, "-1"),
    "negative integers": (np.full((28, 28), -1), ValueError, "-1"),
    "large integers": (np.full((28, 28), 256), ValueError, "256"),
    "large uint32": (np.full((28, 28), 70000, np.uint32), ValueError, "70000"),
    "ragged": ([[0, 1], [2]], ValueError, "unequal"),
    "list with a bad item": ([ZEROS, None], TypeError, r"X\[1\] is of type NoneType"),
    "list with a bad shape": ([ZEROS, np.zeros(3)], ValueError, r"X\[1\] has shape \(3,\)"),
    "missing path": ("no/such/file.png", FileNotFoundError, "no/such/file.png"),
    "a folder": (os.curdir, OSError, r"\."),
    "not a path": ("a\0b", ValueError, "null"),
    "bytes that are not an image": (b"rubbish", ValueError, r"X \(7 bytes\) is not an image"),
    "no bytes": (b"", ValueError, r"X \(0 bytes\) is not an image"),
    "too long": (np.zeros((1, 20000), np.uint8), ValueError, "20000"),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_bad_images(case: str, fitted: DigitClassifier) -> None:
    value, kind, message = BAD_IMAGES[case]
    for call in (ocrdigit.predict, ocrdigit.predict_proba, ocrdigit.preprocess, fitted.predict):
        with pytest.raises(kind, match=message):
            call(value)
    with pytest.raises((TypeError, ValueError, OSError)):
        small_model().fit(value, LABELS)


def png(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(array).save(data, "png")
    return data.getvalue()


def test_truncated_and_corrupt_pngs(sample: Dataset, tmp_path: Path) -> None:
    whole = png(np.kron(sample.X_test[3], np.ones((3, 3), np.uint8)))
    path = tmp_path / "three.png"
    random = np.random.default_rng(0)
    damaged = [whole[:length] for length in (1, 8, 20, 33, 40, len(whole) // 2)]
    for place in random.integers(8, len(whole) - 12, 100):
        damaged.append(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
    message = f"{re.escape(str(path))} is not an image that can be read"
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=message):
            ocrdigit.predict(path)
    for data in damaged[:6]:
        with pytest.raises(ValueError, match="not an image that can be read"):
            ocrdigit.predict(data)


def test_other_truncated_formats(sample: Dataset) -> None:
    image = Image.fromarray(np.kron(sample.X_test[3], np.ones((3, 3), np.uint8)))
    for kind in ("jpeg", "gif", "bmp", "tiff", "webp"):
        data = io.BytesIO()
        image.save(data, kind)
        assert ocrdigit.predict(data.getvalue()) == 3
        with pytest.raises(ValueError, match="not an image"):
            ocrdigit.predict(data.getvalue()[: len(data.getvalue()) // 3])


def test_decompression_bombs() -> None:
    bomb = io.BytesIO()
    Image.new("1", (20000, 20000)).save(bomb, "png")
    with pytest.raises(ValueError, match="decompression bomb"):
        ocrdigit.predict(bomb.getvalue())


# -- labels --


@pytest.mark.parametrize(
    ("labels", "kind", "message"),
    [
        (LABELS.astype(float), TypeError, "y must be integers 0..9, got float64"),
        (LABELS.astype(np.float32), TypeError, "float32"),
        (LABELS > 1, TypeError, "bool"),
        (["0", "1", "2", "x"], ValueError, "digits 0..9, got 'x'"),
        (np.array([0, 1, 2, None]), TypeError, "y must hold numbers or booleans, got dtype object"),
        (LABELS.astype(complex), TypeError, "complex128"),
        (LABELS - 1, ValueError, "digits 0..9, got -1"),
        (LABELS + 7, ValueError, "digits 0..9, got 10"),
        (np.array([0, 1, 2, 2**63], np.uint64), ValueError, "digits 0..9, got 92233"),
        (np.array([0, 1, 2, 256 + 3]), ValueError, "got 259"),
        (LABELS[:3], ValueError, "differ in length: 4 images, 3 labels"),
        (np.arange(5), ValueError, "differ in length: 4 images, 5 labels"),
        ([], ValueError, "differ in length: 4 images, 0 labels"),
        (LABELS.reshape(2, 2), ValueError, r"shape \(2, 2\)"),
        (np.eye(10)[:4], ValueError, r"argmax"),
        (3, ValueError, r"shape \(\)"),
        (None, ValueError, "the target y is None"),
        ([[1], [2, 3], 1, 1], ValueError, "y is a list of lists"),
    ],
)
def test_bad_labels(
    labels: object, kind: type[Exception], message: str, fitted: DigitClassifier
) -> None:
    for call in (small_model().fit, small_model().partial_fit, fitted.score):
        with pytest.raises(kind, match=message):
            call(BATCH, labels)
    with pytest.raises(kind, match=message.replace("y ", r"validation_data\[1\] ")):
        small_model().fit(BATCH, LABELS, validation_data=(BATCH, labels))


def test_good_labels_of_every_kind(sample: Dataset) -> None:
    X, y = sample.X_train[:10], sample.y_train[:10]
    for dtype in ("u1", "i1", "u2", ">i4", "u8", "i8"):
        small_model(epochs=1).fit(X, y.astype(dtype))
    small_model(epochs=1).fit(list(X), y.tolist())
    small_model(epochs=1).fit(X[::-1], y[::-1])
    small_model(epochs=1).fit(X, y.astype(str))
    small_model(epochs=1).fit(X, y.astype(object)[:, None])


def test_bad_validation_data() -> None:
    model = small_model()
    for data in (BATCH, "xy", 3, (BATCH,), (BATCH, LABELS, 1)):
        with pytest.raises(TypeError, match="validation_data must be a pair"):
            model.fit(BATCH, LABELS, validation_data=data)
    with pytest.raises(ValueError, match=r"validation_data\[0\] has shape"):
        model.fit(BATCH, LABELS, validation_data=(np.zeros((4, 20, 20)), LABELS))


def test_training_on_a_single_image(sample: Dataset) -> None:
    for call in (small_model().fit, small_model().partial_fit):
        with pytest.raises(ValueError, match="X is one image"):
            call(sample.X_train[0], [0])


# -- parameters --

FLATTEN, DENSE = {"type": "flatten"}, {"type": "dense", "units": 10}

BAD_PARAMETERS: list[tuple[dict[str, object], type[Exception], str]] = [
    (
        {"recipe": "sead"},
        ValueError,
        "recipe must be one of 'seed', 'default', 'fast', 'fine-tune', got 'sead'",
    ),
    ({"recipe": 3}, TypeError, "recipe must be one of"),
    ({"recipe": {"epoch": 3}}, ValueError, "recipe has no setting 'epoch'"),
    ({"recipe": {"schedule": "linear"}}, ValueError, "schedule must be one of 'constant'"),
    ({"recipe": {"label_smoothing": 1}}, ValueError, "label_smoothing"),
    ({"recipe": {"label_smoothing": "much"}}, TypeError, "label_smoothing must be a number"),
    ({"recipe": {"optimizer": "rmsprop"}}, ValueError, "'rmsprop'"),
    (
        {"recipe": {"architecture": "resnet"}, "architecture": None},
        ValueError,
        "one of 'seed', 'fa",
    ),
    ({"recipe": {"warmup": 2}}, ValueError, "warmup"),
    ({"epochs": 0}, ValueError, "epochs must be a positive integer, got 0"),
    ({"epochs": -3}, ValueError, "epochs must be a positive integer, got -3"),
    ({"epochs": 2.0}, TypeError, "epochs must be a positive integer, got 2.0"),
    ({"epochs": True}, TypeError, "epochs must be a positive integer, got True"),
    ({"epochs": 2**70}, ValueError, "epochs"),
    ({"batch_size": 0}, ValueError, "batch_size must be a positive integer, got 0"),
    ({"batch_size": -1}, ValueError, "batch_size"),
    ({"batch_size": "32"}, TypeError, "batch_size must be a positive integer, got '32'"),
    ({"batch_size": 10**9}, ValueError, "batch_size"),
    ({"learning_rate": 0}, ValueError, "learning_rate must be above 0, got 0"),
    ({"learning_rate": -0.1}, ValueError, "learning_rate must be above 0, got -0.1"),
    ({"learning_rate": float("nan")}, ValueError, "learning_rate must be finite"),
    ({"learning_rate": float("inf")}, ValueError, "learning_rate must be finite"),
    ({"learning_rate": "fast"}, TypeError, "learning_rate must be a number, got 'fast'"),
    ({"optimizer": "adamm"}, ValueError, "optimizer must be one of 'sgd', 'adam', 'adamw'"),
    ({"optimizer": 1}, TypeError, "optimizer must be a name or a dict"),
    ({"optimizer": {"momentum": 0.9}}, TypeError, "optimizer must be a name or a dict"),
    ({"optimizer": {"type": "sgd", "nesterov": True}}, ValueError, "no key 'nesterov'"),
    ({"optimizer": {"type": "sgd", "momentum": 1}}, ValueError, "momentum"),
    ({"optimizer": {"type": "adam", "beta_1": -1}}, ValueError, "beta_1"),
    ({"optimizer": {"type": "adam", "ema": 1.0}}, ValueError, "ema"),
    ({"augment": True}, TypeError, "augment must be None, False"),
    ({"augment": "heavy"}, ValueError, "augment must be one of 'none', 'seed', 'default'"),
    ({"augment": [{"type": "flip"}]}, ValueError, r"augment\[0\]\['type'\] must be one of"),
    ({"augment": [{}]}, TypeError, r"augment\[0\] must be a dict with a 'type'"),
    ({"augment": {"type": "zoom"}}, TypeError, "augment must be None, False, a list of dicts"),
    ({"augment": [{"type": "zoom"}]}, ValueError, r"augment\[0\] \(zoom\) lacks 'factor'"),
    ({"augment": [{"type": "zoom", "faktor": 1}]}, ValueError, "has no key 'faktor'"),
    ({"augment": [{"type": "zoom", "factor": "1"}]}, ValueError, "a number or a pair"),
    ({"augment": [{"type": "zoom", "factor": (2, 1)}]}, ValueError, "rising order"),
    ({"augment": [{"type": "zoom", "factor": (1, 2, 3)}]}, ValueError, "pair"),
    ({"augment": [{"type": "zoom", "factor": float("nan")}]}, ValueError, "finite"),
    ({"augment": [{"type": "erase", "area": 0.1}]}, ValueError, "a pair"),
    ({"augment": [{"type": "noise", "sigma": 0.1, "probability": 2}]}, ValueError, "0..1"),
    ({"augment": [{"type": "noise", "sigma": 0.1, "fill": "reflect"}]}, ValueError, "'fill'"),
    ({"augment": [{"type": "shear", "factor": 1, "fill": "wrap"}]}, ValueError, "'wrap'"),
    ({"augment": [{"type": "noise", "sigma": 0.1}] * 33}, ValueError, "augment"),
    ({"patience": 0}, ValueError, "patience must be a positive integer"),
    ({"patience": 1.5}, TypeError, "patience must be a positive integer"),
    ({"random_state": -1}, ValueError, "random_state must be in 0..2"),
    ({"random_state": 2**64}, ValueError, "random_state must be in 0..2"),
    ({"random_state": "lucky"}, TypeError, "random_state must be None, an integer"),
    ({"random_state": 1.0}, TypeError, "random_state must be None, an integer"),
    ({"n_jobs": 0}, ValueError, "n_jobs must be a positive integer"),
    ({"n_jobs": -2}, ValueError, "n_jobs must be a positive integer"),
    ({"n_jobs": 1.0}, TypeError, "n_jobs must be a positive integer"),
    ({"n_jobs": 10**9}, ValueError, "threads"),
    ({"callbacks": 3}, TypeError, "callbacks must be functions"),
    ({"callbacks": ["print"]}, TypeError, "callbacks must be functions"),
    ({"callbacks": memoryview(np.zeros((2, 2)))}, TypeError, "callbacks must be functions"),
    ({"augment": memoryview(np.zeros((2, 2)))}, TypeError, "augment must be None"),
    (
        {"architecture": "resnet"},
        ValueError,
        "architecture must be one of 'seed', 'fast', 'default', 'tiny', 'large', got 'resnet'",
    ),
    ({"architecture": 5}, TypeError, "architecture must be a name or a list"),
    ({"architecture": ["dense"]}, TypeError, r"architecture\[0\] must be a dict"),
    ({"architecture": []}, ValueError, "layers"),
    ({"architecture": [{"units": 10}]}, ValueError, "type"),
    ({"architecture": [{"type": "dens", "units": 10}]}, ValueError, "dens"),
    ({"architecture": [FLATTEN, {"type": "dense"}]}, ValueError, "units"),
    ({"architecture": [FLATTEN, {**DENSE, "unit": 1}]}, ValueError, "unit"),
    ({"architecture": [FLATTEN, {"type": "dense", "units": 0}]}, ValueError, "units"),
    ({"architecture": [FLATTEN, {"type": "dense", "units": 5}]}, ValueError, "10 class scores"),
    ({"architecture": [FLATTEN, {**DENSE, "activation": "relu"}]}, ValueError, "ReLU|relu"),
    ({"architecture": [DENSE]}, ValueError, r"layer 0.*\(28, 28, 1\)"),
    ({"architecture": [FLATTEN, {"type": "max_pool2d"}, DENSE]}, ValueError, r"layer 1.*784"),
    ({"architecture": [{"type": "max_pool2d"}] * 6}, ValueError, r"layer 4.*\(1, 1, 1\)"),
    ({"architecture": [{"type": "conv2d", "filters": 4, "kernel_size": 17}]}, ValueError, "kernel"),
    ({"architecture": [{"type": "conv2d", "filters": 4, "strides": 9}]}, ValueError, "stride"),
    ({"architecture": [{"type": "conv2d", "filters": -4}]}, ValueError, "filters"),
    ({"architecture": [{"type": "dropout", "rate": 1}, FLATTEN, DENSE]}, ValueError, "rate"),
    ({"architecture": [{"type": "relu"}] * 300}, ValueError, "layers"),
]


@pytest.mark.parametrize(("parameters", "kind", "message"), BAD_PARAMETERS)
def test_bad_parameters(parameters: dict[str, object], kind: type[Exception], message: str) -> None:
    model = small_model(**parameters)
    with pytest.raises(kind, match=message):
        model.fit(BATCH, LABELS, validation_data=(BATCH, LABELS))
    assert not hasattr(model, "network_")
    assert not hasattr(model, "classes_")


def test_bad_numbers_of_threads() -> None:
    before = ocrdigit.get_num_threads()
    for value, kind in ((0, ValueError), (-1, ValueError), (10**9, ValueError), ("2", TypeError)):
        with pytest.raises(kind, match="threads"):
            ocrdigit.set_num_threads(value)
    assert ocrdigit.get_num_threads() == before


# -- arbitrary arguments --

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
names = st.sampled_from(sorted(DigitClassifier().get_params().keys() - {"verbose", "warm_start"}))


def accepts(call: Callable[[], object]) -> bool:
    """Return whether the call succeeds; an error of any other type fails the test."""
    try:
        call()
    except (TypeError, ValueError, OSError) as error:
        message = str(error)
    else:
        return True
    assert message
    return False


@settings(max_examples=150, deadline=None)
@given(value=anything)
def test_any_value_as_an_image(value: object) -> None:
    accepts(lambda: ocrdigit.predict(value))


@settings(max_examples=150, deadline=None)
@given(name=names, value=anything)
def test_any_value_as_a_parameter(name: str, value: object) -> None:
    large = name in ("epochs", "n_jobs") and isinstance(value, int) and value > 4
    if large:
        value = 4
    model = small_model(**{name: value})
    if not accepts(lambda: model.fit(BATCH, LABELS)):
        assert not hasattr(model, "network_")


@settings(max_examples=100, deadline=None)
@given(value=anything)
def test_any_value_as_labels(value: object) -> None:
    accepts(lambda: small_model(epochs=1).fit(BATCH, value))


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(sorted(augmentations._KINDS)),
    keys=st.dictionaries(
        st.sampled_from(["factor", "height", "degrees", "scale", "sigma", "amount", "area",
                         "fill", "value", "probability", "displacement", "translate", "shear"]),
        st.floats(-2, 2) | st.tuples(st.floats(-2, 2), st.floats(-2, 2)) | anything,
    ),
)  # fmt: skip
def test_any_augmentation(kind: str, keys: dict[str, object]) -> None:
    def augment() -> None:
        steps = augmentations.resolve([{"type": kind, **keys}])
        picture = np.random.default_rng(0).random((2, 28, 28), np.float32)
        assert np.isfinite(ocrdigit._core.augment(picture, steps, 0)).all()

    accepts(augment)


@settings(max_examples=150, deadline=None)
@given(
    recipe=st.sampled_from(["seed", "default", "fast"]) | st.dictionaries(
        st.sampled_from(sorted(recipes._RECIPE_KEYS)), anything | st.floats(0, 1)
    ),
    optimizer=anything | st.fixed_dictionaries(
        {"type": st.sampled_from(["sgd", "adam", "adamw"])},
        optional={"momentum": st.floats(), "ema": st.floats(), "clip_norm": st.floats()},
    ),
)  # fmt: skip
def test_any_recipe(recipe: object, optimizer: object) -> None:
    model = small_model(recipe=recipe, optimizer=optimizer, epochs=1, batch_size=4)
    accepts(lambda: model.fit(BATCH, LABELS))


# -- Ctrl-C --

INTERRUPTED = """
import sys, numpy as np, ocrdigit
sample = ocrdigit.datasets.load_sample()

class Started:
    def on_step(self, progress):
        if (progress["epoch"], progress["step"]) == (1, 1):
            print("started", flush=True)

model = ocrdigit.DigitClassifier(epochs=1000, verbose=int(sys.argv[1]), callbacks=Started())
try:
    model.fit(sample.X_train, sample.y_train)
except KeyboardInterrupt:
    print(len(model.history_["loss"]), model.score(sample.X_test, sample.y_test), flush=True)
    before = model.predict_proba(sample.X_test)
    model.save(sys.argv[2])
    assert (ocrdigit.load(sys.argv[2]).predict_proba(sample.X_test) == before).all()
    model.set_params(epochs=1, callbacks=None, warm_start=True)
    model.fit(sample.X_train[:64], sample.y_train[:64])
    print("trained again")
"""


class Endless:
    """An object whose truth raises OverflowError."""

    def __len__(self) -> int:
        return 2**70


@pytest.mark.parametrize("name", ["warm_start", "restore_best", "verbose", "tta"])
@pytest.mark.parametrize("value", [Endless(), np.zeros(2)], ids=["endless", "array"])
def test_options_without_a_truth(name: str, value: object) -> None:
    model = ocrdigit.DigitClassifier(epochs=1).set_params(verbose=0).set_params(**{name: value})
    images, labels = np.zeros((2, 28, 28), np.uint8), [0, 1]
    with pytest.raises(TypeError, match=f"{name} must be True or False, got"):
        model.fit(images, labels, validation_data=(images, labels)).predict(images)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("verbose", ["0", "1"])
def test_ctrl_c_keeps_the_last_finished_step(tmp_path: Path, verbose: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, verbose, str(tmp_path / "m.safetensors")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    output, errors = process.communicate(timeout=60)
    assert time.monotonic() - begin < 30
    assert process.returncode == 0, errors
    epochs, accuracy = output.splitlines()[0].split()
    assert int(epochs) >= 1
    assert 0.05 < float(accuracy) <= 1
    assert output.splitlines()[1] == "trained again"
