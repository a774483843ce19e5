"""Models of Keras as other people write them: they load, and agree with Keras."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset

h5py = pytest.importorskip("h5py")

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


# ---- ten models in the style of tutorials and of public projects ----


def lenet5(layers):
    """As in LeCun's paper: 32x32 images, tanh, average pools, convolutions to a vector."""
    return (32, 32, 1), [
        layers.Conv2D(6, kernel_size=(5, 5), strides=1, activation="tanh"),
        layers.AveragePooling2D(pool_size=(2, 2), strides=2),
        layers.Conv2D(16, kernel_size=(5, 5), activation="tanh"),
        layers.AveragePooling2D(pool_size=(2, 2), strides=2),
        layers.Conv2D(120, kernel_size=(5, 5), activation="tanh"),
        layers.Flatten(),
        layers.Dense(84, activation="tanh"),
        layers.Dense(10, activation="softmax"),
    ]


def simple_convnet(layers):
    """As the first example of Keras's documentation."""
    return (28, 28, 1), [
        layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]


def competition(layers):
    """As the best single models of Kaggle: 5x5 convolutions of stride 2, 4x4 ones, batch norms."""
    return (28, 28, 1), [
        layers.Conv2D(8, kernel_size=3, activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(8, kernel_size=3, activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(8, kernel_size=5, strides=2, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.4),
        layers.Conv2D(16, kernel_size=3, activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(16, kernel_size=5, strides=2, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.4),
        layers.Conv2D(32, kernel_size=4, activation="relu"),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ]


def perceptron(layers):
    """784-512-512-10 with dropout."""
    return (784,), [
        layers.Dense(512, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(512, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ]


def mobile(layers):
    """Blocks of a MobileNet: depthwise and separable convolutions, ReLU6, padding by a layer."""
    return (28, 28, 1), [
        layers.ZeroPadding2D(((0, 1), (0, 1))),
        layers.Conv2D(16, 3, strides=2, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.Conv2D(24, 1, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.SeparableConv2D(32, 3, strides=2, depth_multiplier=2, activation="relu"),
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Conv2D(10, 1),
        layers.Flatten(),
        layers.Softmax(),
    ]


def augmented(layers):
    """Bytes as input, with rescaling and augmentation in the model."""
    return (28, 28), [
        layers.Reshape((28, 28, 1)),
        layers.RandomRotation(0.05),
        layers.RandomZoom(0.1),
        layers.Rescaling(1.0 / 127.5, offset=-1),
        layers.Conv2D(16, 3, padding="same"),
        layers.LeakyReLU(),
        layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.Conv2D(24, 2, padding="same"),
        layers.ELU(),
        layers.MaxPooling2D(3, strides=2),
        layers.SpatialDropout2D(0.1),
        layers.Flatten(),
        layers.Dense(32),
        layers.LayerNormalization(),
        layers.Activation("sigmoid"),
        layers.Dense(10),
    ]


def all_convolutional(layers):
    """No dense layer: strides instead of pools, and the average of ten maps."""
    return (28, 28, 1), [
        layers.Conv2D(16, 3, activation="elu"),
        layers.Conv2D(16, 3, strides=2, activation="selu"),
        layers.Conv2D(24, 7, strides=3, padding="same", activation="swish"),
        layers.GaussianNoise(0.1),
        layers.Conv2D(10, 1),
        layers.GlobalAveragePooling2D(),
        layers.Activation("softmax"),
    ]


def normalized(layers):
    """A layer that has the statistics of the training images, and a global maximum."""
    norm = layers.Normalization(axis=None)
    norm.adapt(np.random.default_rng(0).integers(0, 255, (50, 28, 28, 1)).astype(np.float32))
    return (28, 28, 1), [
        norm,
        layers.Conv2D(12, 3, padding="same", use_bias=False),
        layers.LayerNormalization(epsilon=1e-6),
        layers.Activation("relu"),
        layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.Conv2D(20, (3, 5), dilation_rate=2, activation="relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(10, activation="softmax"),
    ]


SEQUENTIAL = {
    "LeNet-5": (lenet5, 1 / 255, {"pad": 2}),
    "the convnet of the documentation": (simple_convnet, 1 / 255, {}),
    "a competition's": (competition, 1 / 255, {}),
    "a perceptron": (perceptron, 1 / 255, {}),
    "a MobileNet": (mobile, 1 / 255, {}),
    "augmentation in the model": (augmented, 1, {}),
    "all convolutional": (all_convolutional, 1 / 255, {}),
    "normalization": (normalized, 1, {}),
}


def functional(keras):
    layers = keras.layers
    inputs = keras.Input((28, 28, 1), name="digits")
    x = layers.Rescaling(1 / 255, name="scaled")(inputs)
    features = keras.Sequential(
        [layers.Conv2D(8, 3), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()],
        name="features",
    )
    x = features(x)
    x = layers.Conv2D(16, 3, activation="relu", name="last_maps")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(24, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax", name="digit")(x))


def train(model, images: np.ndarray, labels: np.ndarray) -> None:
    """Train some steps, after which no weight is what it was initialized to."""
    last = model.layers[-1]
    logits = getattr(getattr(last, "activation", None), "__name__", "softmax") == "linear"
    logits = logits and type(last).__name__ == "Dense"
    loss = "sparse_categorical_crossentropy"
    if logits:
        import keras

        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(images, labels, batch_size=64, epochs=1, verbose=0)
    rng = np.random.default_rng(0)
    for layer in model.layers:  # statistics that a few steps do not reach
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            variance = rng.uniform(0.2, 0.5, variance.shape)
            layer.set_weights([gamma, beta, mean, variance])


def inputs_of(images: np.ndarray, shape: tuple[int, ...], scale: float) -> np.ndarray:
    """Return pictures (n, 28, 28) of bytes as a model's input."""
    side = 28 if len(shape) == 1 else max(shape)
    around = (side - 28) // 2
    padded = np.pad(images, [(0, 0), (around, around), (around, around)])
    return (padded.astype(np.float32) * np.float32(scale)).reshape(-1, *shape)


def agree(model, ours: DigitClassifier, pixels: np.ndarray, sample: Dataset) -> None:
    theirs = model.predict(pixels, verbose=0)
    if not np.allclose(theirs.sum(1), 1, atol=1e-4):  # scores
        shifted = np.exp(theirs - theirs.max(1, keepdims=True))
        theirs = shifted / shifted.sum(1, keepdims=True)
    probabilities = ours.network_.predict_proba(sample.X_test, 1 / 255)
    assert len(theirs) == 1000
    assert np.ptp(theirs, axis=0).max() > 1e-3  # it is no constant
    assert np.abs(probabilities - theirs).max() <= TOLERANCE


@pytest.mark.parametrize(("make", "scale", "options"), SEQUENTIAL.values(), ids=SEQUENTIAL.keys())
def test_sequential(keras, sample: Dataset, make, scale, options):
    keras.utils.set_random_seed(1)
    shape, layers = make(keras.layers)
    model = keras.Sequential([keras.Input(shape), *layers])
    images = inputs_of(sample.X_train[:320], shape, scale)
    train(model, images, sample.y_train[:320])
    model.save("model.keras")
    ours = DigitClassifier.from_keras("model.keras", **options)
    agree(model, ours, inputs_of(sample.X_test, shape, scale), sample)
    model.save("model.h5")
    again = DigitClassifier.from_keras("model.h5", **options)
    weights = again.network_.weights()
    assert all((weights[name] == w).all() for name, w in ours.network_.weights().items())
    for suffix in (".safetensors", ".keras"):
        ours.save(f"saved{suffix}")
        probabilities = ocrdigit.load(f"saved{suffix}").network_.predict_proba(
            sample.X_test, 1 / 255
        )
        assert (
            np.abs(probabilities - ours.network_.predict_proba(sample.X_test, 1 / 255)).max() < 1e-6
        )


def test_functional(keras, sample: Dataset):
    keras.utils.set_random_seed(1)
    model = functional(keras)
    train(model, sample.X_train[:320, ..., None].astype(np.float32), sample.y_train[:320])
    pixels = sample.X_test[..., None].astype(np.float32)
    model.save("model.keras")
    model.save("model.h5")
    for ours in (ocrdigit.load("model.keras"), ocrdigit.load("model.h5")):
        agree(model, ours, pixels, sample)
    agree(model, DigitClassifier.from_keras(model), pixels, sample)


# ---- an .h5 file as Keras 2 wrote it ----


def write_keras2(path: str, trainable: bool = True) -> list[np.ndarray]:
    """Write Conv2D, BatchNormalization in an inner model, and a Dense, in Keras 2's layout."""
    rng = np.random.default_rng(5)
    shapes = {
        "conv2d": {"conv2d/kernel:0": (3, 3, 1, 4), "conv2d/bias:0": (4,)},
        "inner": {
            "bn/gamma:0": (4,),
            "bn/beta:0": (4,),
            "conv2d_1/kernel:0": (3, 3, 4, 5),
            "bn/moving_mean:0": (4,),
            "bn/moving_variance:0": (4,),
        },
        "dense": {"dense/kernel:0": (5, 10), "dense/bias:0": (10,)},
    }
    if not trainable:  # then the weights of the batch norm come last
        inner = shapes["inner"]
        shapes["inner"] = {"conv2d_1/kernel:0": inner.pop("conv2d_1/kernel:0"), **inner}
    same = {"dtype": "float32", "data_format": "channels_last"}
    norm = {"name": "bn", "axis": [3], "epsilon": 0.01, "trainable": trainable}
    inner_layers = [
        {"class_name": "BatchNormalization", "config": norm},
        {"class_name": "LeakyReLU", "config": {"name": "leaky", "alpha": 0.1}},
        {"class_name": "Conv2D", "config": {"name": "conv2d_1", "filters": 5, "kernel_size": [3, 3],
         "strides": [1, 1], "padding": "valid", "use_bias": False, "activation": "relu", **same}},
    ]  # fmt: skip
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 28, 28, 1]}},
        {"class_name": "Conv2D", "config": {"name": "conv2d", "filters": 4, "kernel_size": [3, 3],
         "strides": [2, 2], "padding": "same", "use_bias": True, "activation": "linear", **same}},
        {"class_name": "Sequential", "config": {"name": "inner", "layers": inner_layers}},
        {"class_name": "GlobalAveragePooling2D", "config": {"name": "average", **same}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 10, "use_bias": True,
         "activation": "softmax"}},
    ]  # fmt: skip
    numbers = []
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": {"name": "old", "layers": layers}}
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = b"2.4.0"
        root = file.create_group("model_weights")
        for layer, tensors in shapes.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in tensors]
            for name, shape in tensors.items():
                values = rng.uniform(0.1, 0.5, shape).astype(np.float32)
                group.create_dataset(name, data=values)
                numbers.append(values)
    return numbers


@pytest.mark.parametrize("trainable", [True, False])
def test_keras_2(trainable):
    conv, bias, *inner, kernel, scores = write_keras2("old.h5", trainable)
    if trainable:
        gamma, beta, second, mean, variance = inner
    else:
        second, gamma, beta, mean, variance = inner
    weights = ocrdigit.load("old.h5").network_.weights()
    expected = {
        "conv2d_1.kernel": conv,
        "conv2d_1.bias": bias,
        "batch_norm_1.gamma": gamma,
        "batch_norm_1.beta": beta,
        "batch_norm_1.moving_mean": mean,
        "batch_norm_1.moving_variance": variance,
        "conv2d_2.kernel": second,
        "dense_1.kernel": kernel,
        "dense_1.bias": scores,
    }
    assert weights.keys() == expected.keys()
    assert all((weights[name] == values).all() for name, values in expected.items())


def test_links_within_the_name_of_a_layer():
    write_keras2("old.h5")
    expected = ocrdigit.load("old.h5").network_.weights()
    with h5py.File("old.h5", "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace(
            '"name": "dense"', '"name": "head/dense"'
        )
        file.create_group("model_weights/head")
        file.move("model_weights/dense", "model_weights/head/dense")
    weights = ocrdigit.load("old.h5").network_.weights()
    assert all((weights[name] == values).all() for name, values in expected.items())
    with h5py.File("old.h5", "r+") as file, h5py.File("other.h5", "w") as other:
        file.copy("model_weights/head", other)
        file.move("model_weights/head", "head")
    for link in (h5py.SoftLink("/head"), h5py.ExternalLink("other.h5", "head")):
        with h5py.File("old.h5", "r+") as file:
            file["model_weights/head"] = link
        with pytest.raises(ValueError, match=r"no /model_weights/head, or it is a link"):
            ocrdigit.load("old.h5")
        with h5py.File("old.h5", "r+") as file:
            del file["model_weights/head"]


# ---- a .keras file as Keras 2.12 to 2.14 wrote it ----

# The groups of the layers, in the layout of Keras 3 and in that of Keras 2.12 and 2.13, which
# counted layers with weights twice. Keras 2.14 had the root of these and the numbers of Keras 3.
OLD_GROUPS = {
    "layers/conv2d": "{0}/conv2d",
    "layers/conv2d_1": "{0}/conv2d_2",
    "layers/dropout": "{0}/dropout",
    "layers/dropout_1": "{0}/dropout_1",
    "layers/dense": "{0}/dense",
    "layers/sequential": "{0}/sequential",
    "layers/sequential_1": "{0}/sequential_1",
    "layers/sequential_2": "{0}/sequential_3",
    "layers/sequential/layers/random_flip": "{0}/sequential/{0}/random_flip",
    "layers/sequential_1/layers/batch_normalization": "{0}/sequential_1/{0}/batch_normalization",
    "layers/sequential_1/layers/conv2d": "{0}/sequential_1/{0}/conv2d",
    "layers/sequential_1/layers/conv2d_1": "{0}/sequential_1/{0}/conv2d_2",
    "layers/sequential_2/layers/conv2d": "{0}/sequential_3/{0}/conv2d",
}


def in_old_layout(source: str, target: str, separator: str, twice: bool) -> None:
    """Copy a .keras file, with other names of the groups in its weights file."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO()
    with (
        h5py.File(io.BytesIO(parts["model.weights.h5"])) as ours,
        h5py.File(weights, "w") as theirs,
    ):
        for group, old in OLD_GROUPS.items():
            root = "_layer_checkpoint_dependencies"
            name = old.format(root) if twice else group.replace("layers/", f"{root}/")
            name = name.replace("/", separator)
            theirs.require_group(name)
            ours.copy(f"{group}/vars", theirs[name])
    parts["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("twice", [True, False])
@pytest.mark.parametrize("separator", ["/", "\\"], ids=["posix", "windows"])
def test_first_keras_format(keras, separator, twice):
    layers = keras.layers
    keras.utils.set_random_seed(6)
    inner = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Conv2D(4, 3)]
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.Sequential([keras.Input((28, 28, 1)), layers.RandomFlip()]),
            layers.Conv2D(4, 3),
            layers.Dropout(0.1),
            keras.Sequential([keras.Input((26, 26, 4)), *inner]),
            keras.Sequential([keras.Input((22, 22, 4)), layers.Conv2D(4, 3)]),
            layers.Conv2D(6, 3),
            layers.Dropout(0.1),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.save("model.keras")
    in_old_layout("model.keras", "old.keras", separator, twice)
    expected = ocrdigit.load("model.keras").network_.weights()
    weights = ocrdigit.load("old.keras").network_.weights()
    assert weights.keys() == expected.keys()
    assert all((weights[name] == values).all() for name, values in expected.items())


def test_keras_file_without_layers(keras):
    keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)]).save("model.keras")
    with zipfile.ZipFile("model.keras") as archive:
        config = archive.read("config.json")
    weights = io.BytesIO()
    h5py.File(weights, "w").close()
    with zipfile.ZipFile("empty.keras", "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", weights.getvalue())
    with pytest.raises(ValueError, match=r"its weights have no /layers, or it is a link"):
        ocrdigit.load("empty.keras")


def test_numbers_of_numpy(keras):
    """Keras 2.12 wrote some options of a layer as numbers of NumPy."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 3),
            layers.ReLU(6.0),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    model.save("model.keras")
    with zipfile.ZipFile("model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    (relu,) = (one for one in config["config"]["layers"] if one["class_name"] == "ReLU")
    for key, value in (("max_value", 6.0), ("negative_slope", 0.0), ("threshold", 0.0)):
        number = {"value": value, "dtype": "float32"}
        relu["config"][key] = {"class_name": "__numpy__", "config": number}
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile("numpy.keras", "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    expected, network = (ocrdigit.load(f"{name}.keras").network_ for name in ("model", "numpy"))
    assert network.layers == expected.layers


# ---- channels first ----


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (1, 28, 28), (26, 26, 4)])
def test_flatten_of_channels_first(keras, sample: Dataset, shape):
    """It moves the axis after the batch to the end, whatever that axis is."""
    layers = keras.layers
    keras.utils.set_random_seed(4)
    first = [layers.Conv2D(4, 3)] if shape == (26, 26, 4) else []
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1) if first else shape),
            *first,
            layers.Flatten(data_format="channels_first"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.save("model.keras")
    pixels = (sample.X_test / np.float32(255)).reshape(-1, *model.input_shape[1:])
    agree(model, ocrdigit.load("model.keras"), pixels, sample)


def test_channels_first(keras, sample: Dataset):
    """The same weights, with a flatten of channels, rows and columns in this order."""
    layers = keras.layers

    def make(data_format):
        shape = (1, 28, 28) if data_format == "channels_first" else (28, 28, 1)
        axis = 1 if data_format == "channels_first" else -1
        same = {"data_format": data_format}
        return keras.Sequential(
            [
                keras.Input(shape),
                layers.Conv2D(4, 3, **same),
                layers.BatchNormalization(axis=axis),
                layers.MaxPooling2D(3, **same),
                layers.Flatten(),
                layers.Dense(10, activation="softmax"),
            ]
        )

    keras.utils.set_random_seed(2)
    first, last = make("channels_first"), make("channels_last")
    weights = [w + np.float32(0.1) for w in first.get_weights()]
    first.set_weights(weights)
    kernel = weights[-2].reshape(4, 8, 8, 10).transpose(1, 2, 0, 3).reshape(256, 10)
    last.set_weights([*weights[:-2], kernel, weights[-1]])
    first.save("first.keras")
    pixels = sample.X_test[..., None] / np.float32(255)
    agree(last, ocrdigit.load("first.keras"), pixels, sample)


# ---- what a model was trained on ----


@pytest.mark.parametrize(
    ("options", "function"),
    [
        ({"input_range": (0, 255)}, lambda x: 255 * x),
        ({"input_range": (-1, 1)}, lambda x: 2 * x - 1),
        ({"input_range": (1, 0)}, lambda x: 1 - x),
        ({"normalize": (0.1307, 0.3081)}, lambda x: (x - 0.1307) / 0.3081),
        ({"input_range": (0, 255), "normalize": (33.3, 78.6)}, lambda x: (255 * x - 33.3) / 78.6),
    ],
)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_input_values(keras, sample: Dataset, options, function, padding):
    layers = keras.layers
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 5, strides=2, padding=padding, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.set_weights([w * np.float32(0.1) + np.float32(0.001) for w in model.get_weights()])
    pixels = function(sample.X_test[..., None] / np.float32(255)).astype(np.float32)
    ours = DigitClassifier.from_keras(model, **options)
    theirs = model.predict(pixels, verbose=0)
    probabilities = ours.network_.predict_proba(sample.X_test, 1 / 255)
    assert np.abs(probabilities - theirs).max() <= TOLERANCE


def test_bad_arguments(keras):
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])
    for options, kind, words in (
        ({"input_range": 255}, TypeError, "input_range must be a pair"),
        ({"input_range": (0, 1, 2)}, ValueError, "input_range must be a pair"),
        ({"input_range": (1, 1)}, ValueError, "two different numbers"),
        ({"input_range": (0, np.inf)}, ValueError, "must be finite"),
        ({"normalize": (0, 0)}, ValueError, "deviation above 0"),
        ({"pad": -1}, ValueError, "pad must be an integer in 0..64"),
        ({"precision": "float8"}, ValueError, "precision"),
    ):
        with pytest.raises(kind, match=words):
            DigitClassifier.from_keras(model, **options)
    with pytest.raises(TypeError, match="source must be a path or a model of Keras, got int"):
        DigitClassifier.from_keras(3)
    Path("folder").mkdir()
    with pytest.raises(ValueError, match="folder: a folder, as of TensorFlow's SavedModel"):
        DigitClassifier.from_keras("folder")


def test_errors_name_layers_and_options(keras):
    layers = keras.layers
    cases = [
        ([layers.Conv2DTranspose(4, 3, name="up")], "'up' is of class Conv2DTranspose"),
        ([layers.Conv2D(4, 3, activation="gelu", name="new")], "'new' has activation 'gelu'"),
        ([layers.Conv2D(4, 17, name="big")], "kernel_size is 17 x 17"),
        ([layers.Conv2D(4, 3), layers.Conv2D(4, 3, groups=2, name="two")], "'two' has groups 2"),
        ([layers.Conv2D(4, (3, 3), dilation_rate=(1, 2), name="d")], r"dilations \(1, 2\)"),
        ([layers.ReLU(4.0, name="four")], "'four' has max_value 4.0"),
        (
            [layers.Conv2D(4, 3), layers.MaxPooling2D(data_format="channels_first", name="pool")],
            "'pool' has data_format 'channels_first', expected 'channels_last'",
        ),
        (
            [layers.Flatten(data_format="channels_first"), layers.Reshape((28, 28, 1), name="r")],
            "'r' has target_shape",
        ),
        ([layers.Conv2D(3, 3), layers.Softmax(axis=2, name="s")], "'s' has axis 2"),
        ([layers.Reshape((14, 56), name="odd")], r"'odd' has target_shape"),
        ([layers.BatchNormalization(axis=1, name="rows")], "'rows' has axis 1"),
        ([layers.Dense(10, "softmax"), layers.Dense(10, name="more")], "after the softmax"),
    ]
    ends = [layers.Flatten, lambda: layers.Dense(10, "softmax")]
    whole = [(kept + [make() for make in ends], (28, 28, 1), words) for kept, words in cases]
    dense = layers.Dense
    whole += [
        ([layers.Flatten(), dense(10)], (32, 32, 1), r"input shape \(32, 32, 1\).*pass pad=2"),
        ([layers.Flatten(), dense(10)], (28, 28, 3), "colour images"),
        ([layers.Flatten(), dense(26, name="az")], (28, 28, 1), "26 outputs, of layer 'az'"),
        ([layers.Flatten(), dense(10, "sigmoid", name="e")], (28, 28, 1), "'e', the last, is the"),
        ([layers.Flatten()], (28, 28, 1), "without weights"),
    ]
    for model, shape, words in whole:
        keras.Sequential([keras.Input(shape), *model]).save("model.keras")
        with pytest.raises(ValueError, match=rf"model\.keras: .*{words}"):
            ocrdigit.load("model.keras")


def test_branches_are_named(keras):
    layers = keras.layers
    x = keras.Input((28, 28, 1))
    a = layers.Conv2D(4, 3, name="stem")(x)
    b = layers.Conv2D(4, 1, name="branch")(a)
    sum_ = layers.Add(name="sum")([a, b])
    y = layers.Dense(10, "softmax")(layers.Flatten()(sum_))
    keras.Model(x, y).save("model.keras")
    with pytest.raises(ValueError, match=r"layer 'sum' \(Add\) joins 2 branches"):
        ocrdigit.load("model.keras")
    keras.Model(x, [y, layers.Flatten(name="side")(a)]).save("model.keras")
    with pytest.raises(ValueError, match=r"joins 2 branches|feeds|2 outputs"):
        ocrdigit.load("model.keras")


def test_code_is_not_run(keras):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Lambda(lambda x: x * 2, name="twice"),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
    )
    model.save("model.keras")
    with pytest.raises(ValueError, match="'twice' is of class Lambda, which is not supported"):
        ocrdigit.load("model.keras")
    with zipfile.ZipFile("model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["class_name"] = "MyNetwork"
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile("own.keras", "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match="class 'MyNetwork', whose code is not in the file"):
        ocrdigit.load("own.keras")


def test_weights_alone(keras):
    keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)]).save_weights("w.weights.h5")
    with pytest.raises(ValueError, match=r"w\.weights\.h5: a file of weights alone"):
        ocrdigit.load("w.weights.h5")
