"""Files of Keras: exported ones run and train there, those of Keras run here."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from networks import NETWORKS, make_images, make_network, shipped_models

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset
from ocrdigit.models import files
from ocrdigit.models._classes import digits_only

h5py = pytest.importorskip("h5py")

from ocrdigit.models.formats._keras import to_keras  # noqa: E402
from ocrdigit.models.formats._keras_layers import from_keras  # noqa: E402

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS.keys())
def network(request):
    return make_network(request.param)


def exported(network) -> bytes:
    return to_keras(network, files.metadata_of(network))


# ---- export ----


def test_round_trip(network):
    if network.classes != 10:
        with pytest.raises(ValueError, match=r"11 outputs, of layer .*; expected 10 classes"):
            from_keras(exported(network))
        return
    again = from_keras(exported(network))
    assert again.weights().keys() == network.weights().keys()
    images = make_images(7)
    assert (again.predict_proba(images, 1.0) == network.predict_proba(images, 1.0)).all()


def test_keras_returns_our_probabilities(keras, network):
    Path("model.keras").write_bytes(exported(network))
    images = make_images(33)
    theirs = keras.saving.load_model("model.keras").predict(images[..., None], verbose=0)
    assert np.abs(theirs - network.predict_proba(images, 1.0)).max() <= TOLERANCE


@pytest.mark.parametrize("path", shipped_models())
def test_shipped_models(keras, path, sample: Dataset):
    model = ocrdigit.load(path)
    model.save("model.keras")
    ours = digits_only(model.network_).predict_proba(sample.X_test, 1 / 255)
    images = sample.X_test[..., None] / np.float32(255)
    theirs = keras.saving.load_model("model.keras").predict(images, verbose=0)
    assert len(theirs) == 1000
    assert np.abs(theirs - ours).max() <= TOLERANCE


def test_keras_trains_further_and_it_comes_back(keras, fitted: DigitClassifier, sample: Dataset):
    fitted.save("model.keras")
    model = keras.saving.load_model("model.keras")
    images, labels = sample.X_train[:2000, :, :, None] / np.float32(255), sample.y_train[:2000]
    model.compile("adam", "sparse_categorical_crossentropy")
    before = model.evaluate(images, labels, verbose=0)
    model.fit(images, labels, epochs=2, verbose=0)
    assert model.evaluate(images, labels, verbose=0) < 0.9 * before
    model.save("further.keras")
    again = ocrdigit.load("further.keras")
    theirs = model.predict(sample.X_test[..., None] / np.float32(255), verbose=0)
    assert np.abs(again.predict_proba(sample.X_test) - theirs).max() <= TOLERANCE
    again.set_params(epochs=1, verbose=0, random_state=0).fit(sample.X_train, sample.y_train)


def test_metadata_are_stored(fitted: DigitClassifier):
    fitted.save("model.keras")
    with zipfile.ZipFile("model.keras") as archive:
        kept = json.loads(archive.read("metadata.json"))["ocrdigit"]
    assert json.loads(kept["preprocessing"]) == files.PREPROCESSING
    assert json.loads(kept["architecture"]) == fitted.network_.layers


# ---- import ----


def seed_app(keras):
    """Return a model as the seed's app.keras: with augmentation and rescaling of pixels 0..255."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.RandomRotation(0.1, seed=0),
            layers.RandomTranslation(0.1, 0.1, seed=0),
            layers.RandomZoom(0.1, seed=0),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def every_layer(keras):
    layers = keras.layers
    augmentation = keras.Sequential([layers.RandomRotation(0.1), layers.GaussianNoise(0.1)])
    stem = keras.Sequential(
        [
            layers.Conv2D(6, 3, use_bias=False),
            layers.BatchNormalization(scale=False, momentum=0.9),
            layers.Activation("relu"),
            layers.Conv2D(9, (5, 5), strides=2, padding="same"),
            layers.BatchNormalization(center=False, epsilon=1e-2),
        ]
    )
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            augmentation,
            layers.Rescaling(1 / 127.5, offset=-1),
            stem,
            layers.ReLU(),
            layers.Dropout(0.2),
            layers.Conv2D(8, 1, activation="relu"),
            layers.Conv2D(8, 3, padding="same", dilation_rate=2, activation="relu"),
            layers.MaxPooling2D((2, 2), strides=(2, 2)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(20, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(10),
            layers.Softmax(),
        ]
    )


def scaled_dense(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(10, use_bias=False, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    ("make", "scale"), [(seed_app, 1), (every_layer, 1), (scaled_dense, 1 / 255)]
)
def test_models_of_keras_run_here(keras, sample: Dataset, make, scale):
    keras.utils.set_random_seed(1)
    model = make(keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    images = sample.X_train[:256].astype(np.float32) * scale
    shape = (28, 28, 1)[: len(model.input_shape) - 1]
    model.fit(images.reshape(-1, *shape), sample.y_train[:256], epochs=2, verbose=0)
    model.save("app.keras")
    ours = ocrdigit.load("app.keras")
    pixels = (sample.X_test * np.float32(scale)).reshape(-1, *shape)
    theirs = model.predict(pixels, verbose=0)
    assert len(theirs) == 1000
    assert np.abs(ours.network_.predict_proba(sample.X_test, 1 / 255) - theirs).max() <= TOLERANCE
    ours.save("app.safetensors")
    assert (ocrdigit.load("app.safetensors").predict(sample.X_test) == theirs.argmax(1)).all()


# ---- other files ----


def test_damaged_files(fitted: DigitClassifier):
    fitted.save("model.keras")
    path = Path("model.keras")
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.keras: not a \.keras file"):
            ocrdigit.load(path)
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), random.integers(1, 50)):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        message = str(path)
        try:
            ocrdigit.load(path)
        except ValueError as error:
            message = str(error)
        assert message.startswith(str(path))


def changed(network, change) -> bytes:
    """Return an exported file whose weights file was modified by ``change``."""
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(exported(network))) as old, zipfile.ZipFile(data, "w") as new:
        for name in ("metadata.json", "config.json"):
            new.writestr(name, old.read(name))
        weights = io.BytesIO(old.read("model.weights.h5"))
        with h5py.File(weights, "r+") as file:
            change(file)
        new.writestr("model.weights.h5", weights.getvalue())
    return data.getvalue()


def test_weights_that_do_not_fit():
    network = make_network(NETWORKS["fast"])

    def lose(file):
        del file["layers/dense/vars/1"]

    def reshape(file):
        del file["layers/dense/vars/1"]
        file["layers/dense/vars/1"] = np.zeros(65, np.float32)

    def claim(file):
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = np.zeros((800, 3), np.float32)

    def poison(file):
        file["layers/dense/vars/1"][0] = np.nan

    def outside(file):
        with h5py.File("other.h5", "w") as other:
            other["numbers"] = np.zeros(64, np.float32)
        del file["layers/dense/vars/1"]
        file["layers/dense/vars/1"] = h5py.ExternalLink("other.h5", "numbers")

    for change, words in (
        (lose, "layers/dense has 1 tensors, expected 2"),
        (reshape, r"dense_1\.bias"),
        (claim, r"layer 'dense_2' has a kernel \(64, 10\) for an input \(3,\)"),
        (poison, r"dense_1\.bias"),
        (outside, "its weights have no /layers/dense/vars/1, or it is a link"),
    ):
        with pytest.raises(ValueError, match=words):
            from_keras(changed(network, change))


def test_without_the_package(monkeypatch, fitted: DigitClassifier):
    fitted.save("model.keras")
    monkeypatch.setitem(sys.modules, "h5py", None)
    for use in (fitted.save, ocrdigit.load):
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'ocrdigit\[keras\]'"):
            use("model.keras")
