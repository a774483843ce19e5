"""Scores, loss, gradients and optimizer steps against PyTorch and Keras.

Every comparison is by tensor: the relative error is max |ours - theirs| / max |theirs|,
and at most 1e-5. PyTorch computes in float64, as its float32 sums alone are up to 1.4e-5
off (the biases before a global average); Keras computes in float32.
"""

from __future__ import annotations

import numpy as np
import pytest

from ocrdigit import _core
from ocrdigit.architectures import ARCHITECTURES

TOLERANCE = 1e-5
STEPS = 10
FEW = 2  # images; with more, some number is so close to 0 that a ReLU differs

DENSE = {"type": "dense", "units": 10}
FLAT = ({"type": "flatten"}, DENSE)
# The gradient of a bias before a batch norm is only rounding errors.
UNBIASED = {"type": "dense", "units": 24, "use_bias": False}


def conv(filters, size, **options):
    return {"type": "conv2d", "filters": filters, "kernel_size": size, **options}


RELU = {"type": "relu"}
POOL = {"type": "max_pool2d"}
NORM = {"type": "batch_norm", "momentum": 0.9}
AVERAGE = {"type": "global_average_pool2d"}
SEED = ARCHITECTURES["seed"]

# Layers and the shape of their images.
VARIANTS = {
    "seed": (SEED, (28, 28, 1)),
    "seed, odd sizes": (SEED, (27, 29, 1)),
    "seed, three channels": (SEED, (20, 23, 3)),
    "5x5 valid": ((conv(12, 5, padding="valid", activation="relu"), POOL, *FLAT), (28, 28, 1)),
    "5x5 same": ((conv(12, 5), POOL, RELU, conv(7, 5), *FLAT), (15, 17, 1)),
    "stride 2 same": (
        (conv(16, 3, strides=2, activation="relu"), conv(24, 3, strides=2), *FLAT),
        (28, 28, 1),
    ),
    "stride 2 same, odd sizes": (
        (conv(8, 5, strides=2, activation="relu"), conv(9, 3, strides=2), *FLAT),
        (27, 19, 1),
    ),
    "stride 2 valid": (
        (conv(8, 3, strides=2, padding="valid"), RELU, conv(8, 1, strides=2), *FLAT),
        (28, 21, 2),
    ),
    "1x1": ((conv(8, 1, activation="relu"), conv(16, 3), conv(5, 1), *FLAT), (13, 11, 1)),
    "dilations": (
        (
            conv(8, 3, activation="relu"),
            conv(9, 3, dilation_rate=2, activation="relu"),
            conv(8, 5, dilation_rate=3),
            conv(12, 3, dilation_rate=8, activation="relu"),
            conv(8, 3, dilation_rate=4, padding="valid"),
            *FLAT,
        ),
        (17, 21, 1),
    ),
    "batch norm": (
        (conv(16, 3, use_bias=False), NORM, RELU, POOL, conv(12, 3, use_bias=False), NORM, *FLAT),
        (28, 28, 1),
    ),
    "batch norm of a vector": (
        (
            conv(8, 3, strides=2, activation="relu"),
            {"type": "flatten"},
            UNBIASED,
            NORM,
            RELU,
            DENSE,
        ),
        (17, 17, 1),
    ),
    "global average": (
        (conv(16, 3, activation="relu"), POOL, conv(20, 3), AVERAGE, DENSE),
        # A bias before the average sums as many equal numbers as there are pixels, in float32:
        # the rounding errors have the same sign, and on 29x23 pixels they add up to 1.2e-5.
        (15, 13, 1),
    ),
}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def variant(request):
    layers, shape = request.param
    return make_network(layers, shape), *make_images(shape)


def make_network(layers, shape):
    """Return a network without a tensor of zeros or ones, as after some training."""
    network = _core.Network(layers, shape, seed=3)
    rng = np.random.default_rng(5)
    weights = network.weights()
    for name, tensor in weights.items():
        if not name.endswith(".kernel"):
            tensor += rng.uniform(0.02, 0.2, tensor.shape).astype(np.float32)
    network.set_weights(weights)
    return network


def make_images(shape, count=32):
    """Return noise, in which no numbers tie in a max-pool or are 0 at a ReLU."""
    rng = np.random.default_rng(7)
    images = rng.uniform(0.05, 1, (count, *shape)).astype(np.float32)
    return images, rng.integers(0, 10, count).astype(np.uint8)


def assert_close(ours, theirs):
    """Compare dicts of tensors, or one tensor, within the tolerance."""
    if not isinstance(ours, dict):
        ours, theirs = {"scores": ours}, {"scores": theirs}
    assert ours.keys() == theirs.keys()
    errors = {}
    for name, tensor in ours.items():
        assert tensor.shape == theirs[name].shape
        errors[name] = np.abs(tensor - theirs[name]).max() / np.abs(theirs[name]).max()
    assert max(errors.values()) <= TOLERANCE, errors


class Reference:
    """A network in PyTorch, in float64, whose parameters have our layouts and names."""

    def __init__(self, torch, network):
        self.torch = torch
        self.layers = network.layers
        self.names = [layer["name"] for layer in network.describe()]
        self.tensors = {
            name: torch.from_numpy(tensor).double().requires_grad_("moving" not in name)
            for name, tensor in network.weights().items()
        }

    def tensors_of(self, layer):
        split = [(*key.split("."), tensor) for key, tensor in self.tensors.items()]
        return {role: tensor for owner, role, tensor in split if owner == layer}

    def trainable(self):
        return {name: t for name, t in self.tensors.items() if t.requires_grad}

    def arrays(self):
        return {name: t.detach().numpy().copy() for name, t in self.tensors.items()}

    def scores(self, images, training=False, outputs=None):
        """Return class scores; a list ``outputs`` gets the output of each layer, (n, c, h, w)."""
        functional = self.torch.nn.functional
        x = self.torch.from_numpy(images).double().permute(0, 3, 1, 2)
        for layer, name in zip(self.layers, self.names, strict=True):
            own = self.tensors_of(name)
            match layer["type"]:
                case "conv2d":
                    if layer["padding"] == "same":
                        x = pad_as_tensorflow(functional, x, layer)
                    kernel = own["kernel"].permute(3, 2, 0, 1)
                    x = functional.conv2d(
                        x,
                        kernel,
                        own.get("bias"),
                        stride=layer["strides"],
                        dilation=layer["dilation_rate"],
                    )
                case "dense":
                    x = functional.linear(x, own["kernel"].T, own.get("bias"))
                case "relu":
                    x = functional.relu(x)
                case "max_pool2d":
                    x = functional.max_pool2d(x, 2)
                case "global_average_pool2d":
                    x = x.mean((2, 3))
                case "flatten":
                    x = x.permute(0, 2, 3, 1).flatten(1)
                case "batch_norm":
                    x = self.batch_norm(x, layer, own, training)
            if layer.get("activation") == "relu":
                x = functional.relu(x)
            if outputs is not None:
                outputs.append(x)
        return x

    def batch_norm(self, x, layer, own, training):
        """Normalize, and update the statistics with the variance over n, not n - 1."""
        if training:
            axes = [axis for axis in range(x.ndim) if axis != 1]
            momentum = layer["momentum"]
            with self.torch.no_grad():
                variance, mean = self.torch.var_mean(x, axes, correction=0)
                own["moving_mean"].mul_(momentum).add_((1 - momentum) * mean)
                own["moving_variance"].mul_(momentum).add_((1 - momentum) * variance)
        statistics = (None, None) if training else (own["moving_mean"], own["moving_variance"])
        return self.torch.nn.functional.batch_norm(
            x, *statistics, own["gamma"], own["beta"], training, eps=layer["epsilon"]
        )

    def loss(self, images, labels, label_smoothing=0.0):
        return self.torch.nn.functional.cross_entropy(
            self.scores(images, training=True),
            self.torch.from_numpy(labels.astype(np.int64)),
            label_smoothing=label_smoothing,
        )

    def gradient(self, images, labels, **options):
        loss = self.loss(images, labels, **options)
        tensors = self.trainable()
        gradients = self.torch.autograd.grad(loss, list(tensors.values()))
        return loss.item(), {
            name: gradient.numpy() for name, gradient in zip(tensors, gradients, strict=True)
        }


def pad_as_tensorflow(functional, x, layer):
    """Pad; if the sum is odd, the larger half is at the end."""
    sides = []
    for length in (x.shape[3], x.shape[2]):
        outputs = -(-length // layer["strides"])
        extent = (layer["kernel_size"] - 1) * layer["dilation_rate"] + 1
        total = max((outputs - 1) * layer["strides"] + extent - length, 0)
        sides += [total // 2, total - total // 2]
    return functional.pad(x, sides)


class TorchOptimizer:
    """Our optimizer built from PyTorch's, for a reference's tensors."""

    def __init__(self, torch, reference, *, optimizer, learning_rate, **options):
        self.torch = torch
        tensors = reference.trainable()
        self.kernels = [t for name, t in tensors.items() if name.endswith(".kernel")]
        self.decay = 1 - learning_rate * options.get("weight_decay", 0)
        self.epsilon = options.get("epsilon")
        if optimizer == "sgd":
            self.optimizer = torch.optim.SGD(
                tensors.values(), lr=learning_rate, momentum=options["momentum"]
            )
        else:
            self.optimizer = torch.optim.Adam(tensors.values(), lr=learning_rate)
        self.steps = 0

    def step(self):
        """Decay only the kernels; add epsilon before Adam's bias correction."""
        self.steps += 1
        with self.torch.no_grad():
            for kernel in self.kernels:
                kernel *= self.decay
        for group in self.optimizer.param_groups:
            if self.epsilon:
                group["eps"] = self.epsilon / np.sqrt(1 - group["betas"][1] ** self.steps)
        self.optimizer.step()


SGD = {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.9}
ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "epsilon": 1e-7}
OPTIMIZERS = {
    "SGD": SGD,
    "SGD with decay": {**SGD, "weight_decay": 0.05},
    "Adam": ADAM,
    "AdamW": {**ADAM, "optimizer": "adamw", "weight_decay": 0.05},
}
# If a gradient is no larger than its rounding error, Adam with a small epsilon makes a full step of
# random sign. Networks that compute their own gradients can only be compared with an epsilon well
# above that error.
LARGE_EPSILON = {"epsilon": 1e-3}


@pytest.fixture(params=OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def optimizer(request):
    return request.param


def train(network, images, labels, **settings):
    """Return our weights after each step; an epoch is one step over all images."""
    trainer = _core.Trainer(network, epochs=STEPS, batch_size=len(images), seed=0, **settings)
    history = []
    trainer.run(images, labels, 1.0, on_epoch=lambda _: history.append(network.weights()))
    assert len(history) == STEPS
    return history


# Against PyTorch


def test_scores_are_those_of_torch(torch, variant):
    network, images, _ = variant
    with torch.no_grad():
        theirs = Reference(torch, network).scores(images).numpy()
    assert_close(network.scores(images, 1.0), theirs)
    probabilities = torch.from_numpy(theirs).softmax(1).numpy()
    assert_close(network.predict_proba(images, 1.0), probabilities)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradients_are_those_of_torch(torch, variant, smoothing):
    network, images, labels = variant
    reference = Reference(torch, network)
    their_loss, theirs = reference.gradient(images, labels, label_smoothing=smoothing)
    loss, _, ours = network.gradient(images, labels, 1.0, label_smoothing=smoothing)
    assert loss == pytest.approx(their_loss, rel=TOLERANCE)
    assert_close(ours, theirs)


def test_loss_of_pixels_is_that_of_torch(torch):
    layers = (
        conv(8, 3, strides=2, activation="relu"),
        conv(12, 3, strides=2, activation="relu"),
        conv(12, 3, dilation_rate=2, activation="relu"),
        conv(5, 1),
    )
    network = make_network(layers, (25, 30, 1))
    images, _ = make_images((25, 30, 1), FEW)
    labels = np.random.default_rng(2).integers(0, 6, (FEW, 7, 8)).astype(np.uint8)
    labels[labels == 5] = 255
    reference = Reference(torch, network)
    scores = reference.scores(images, training=True)
    their_loss = torch.nn.functional.cross_entropy(
        scores, torch.from_numpy(labels.astype(np.int64)), ignore_index=255
    )
    tensors = reference.trainable()
    gradients = torch.autograd.grad(their_loss, list(tensors.values()))
    loss, correct, ours = network.gradient(images, labels, 1.0)
    assert loss == pytest.approx(their_loss.item(), rel=1e-6)
    assert correct == (scores.argmax(1).numpy() == labels).sum()
    assert_close(ours, {n: g.numpy() for n, g in zip(tensors, gradients, strict=True)})
    assert_close(
        network.scores(images, 1.0), scores.detach().permute(0, 2, 3, 1).contiguous().numpy()
    )


def test_activation_maps_are_those_of_torch(torch, variant):
    """Grad-CAM of every layer that has maps, against autograd."""
    network, images, _ = variant
    outputs = []
    scores = Reference(torch, network).scores(images, outputs=outputs)
    for index, maps in enumerate(outputs):
        kinds = [layer["type"] for layer in network.layers[: index + 1]]
        if maps.ndim != 4 or "conv2d" not in kinds:
            continue
        for digit in (0, 3):
            (gradients,) = torch.autograd.grad(scores[:, digit].sum(), maps, retain_graph=True)
            weights = gradients.mean((2, 3), keepdim=True)
            theirs = (weights * maps).sum(1).detach().numpy()
            found, _, ours, heatmaps, _ = network.explain(images, 1.0, digit=digit, layer=index)
            assert (found == digit).all()
            error = np.abs(ours - np.maximum(theirs, 0)).max() / np.abs(theirs).max()
            assert error <= TOLERANCE, (index, digit, error)
            assert heatmaps.shape == images.shape[:3]


def test_gradients_on_digits_are_those_of_torch(torch, sample):
    """In the zeros around digits numbers tie, but only in neighbourhoods that are equal."""
    network = make_network(SEED, (28, 28, 1))
    pixels, labels = sample.X_train[:64], sample.y_train[:64].astype(np.uint8)
    images = pixels.reshape(-1, 28, 28, 1) / 255
    their_loss, theirs = Reference(torch, network).gradient(images, labels)
    loss, _, ours = network.gradient(pixels, labels, 1 / 255)
    assert loss == pytest.approx(their_loss, rel=TOLERANCE)
    assert_close(ours, theirs)


def test_steps_are_those_of_torch_on_the_same_gradients(torch, optimizer):
    """With one image per step, the trainer's gradient has the bits of gradient()."""
    network = make_network(SEED, (28, 28, 1))
    reference = Reference(torch, network)
    theirs = TorchOptimizer(torch, reference, **optimizer)
    trainer = _core.Trainer(network, epochs=1, batch_size=1, seed=0, **optimizer)
    images, labels = make_images((28, 28, 1), STEPS)
    for step in range(STEPS):
        image, label = images[step : step + 1], labels[step : step + 1]
        gradients = network.gradient(image, label, 1.0)[2]
        for name, tensor in reference.trainable().items():
            tensor.grad = torch.from_numpy(gradients[name]).double()
        trainer.run(image, label, 1.0)
        theirs.step()
        assert_close(network.weights(), reference.arrays())


@pytest.mark.parametrize("name", ["batch norm", "batch norm of a vector"])
def test_moving_statistics_are_those_of_torch(torch, name):
    layers, shape = VARIANTS[name]
    network = make_network(layers, shape)
    reference = Reference(torch, network)
    images, labels = make_images(shape)
    before = network.weights()
    _core.Trainer(network, epochs=1, batch_size=len(images), seed=0, **SGD).run(images, labels, 1.0)
    reference.loss(images, labels)
    ours, theirs = (
        {name: tensor for name, tensor in tensors.items() if "moving" in name}
        for tensors in (network.weights(), reference.arrays())
    )
    assert_close(ours, theirs)
    assert all(not np.array_equal(tensor, before[name]) for name, tensor in ours.items())


def test_training_is_that_of_torch(torch, optimizer):
    if "epsilon" in optimizer:
        optimizer = {**optimizer, **LARGE_EPSILON}
    network = make_network(SEED, (28, 28, 1))
    reference = Reference(torch, network)
    theirs = TorchOptimizer(torch, reference, **optimizer)
    images, labels = make_images((28, 28, 1), FEW)
    for weights in train(network, images, labels, **optimizer):
        gradients = reference.gradient(images, labels)[1]
        for name, tensor in reference.trainable().items():
            tensor.grad = torch.from_numpy(gradients[name])
        theirs.step()
        assert_close(weights, reference.arrays())


# Against Keras


def keras_model(keras, network):
    """The seed network in Keras, with this network's weights."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.set_weights(list(network.weights().values()))
    return model


def test_scores_are_those_of_keras(keras):
    network = make_network(SEED, (28, 28, 1))
    images, _ = make_images((28, 28, 1))
    theirs = keras_model(keras, network).predict(images, verbose=0)
    assert_close(network.scores(images, 1.0), theirs)


def test_training_is_that_of_keras(keras):
    network = make_network(SEED, (28, 28, 1))
    images, labels = make_images((28, 28, 1), FEW)
    settings = {**ADAM, **LARGE_EPSILON}
    model = keras_model(keras, network)
    model.compile(
        optimizer=keras.optimizers.Adam(settings["learning_rate"], epsilon=settings["epsilon"]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    names = list(network.weights())
    for weights in train(network, images, labels, **settings):
        model.train_on_batch(images, labels)
        assert_close(weights, dict(zip(names, model.get_weights(), strict=True)))
