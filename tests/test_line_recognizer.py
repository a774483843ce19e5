"""Line recognizers: shapes, labels, training, and parity with PyTorch's CTC loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrdigit import _core
from ocrdigit.models.recognizer import LAYERS, read_recognizer, shipped_recognizer, write_recognizer

BLANK = 4
LINE_LAYERS: list[dict[str, Any]] = [
    {"type": "conv2d", "filters": 8, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 8, "kernel_size": 3, "use_bias": False},
    {"type": "batch_norm", "momentum": 0.9},
    {"type": "relu"},
    {"type": "max_pool2d", "pool_size": (2, 1)},
    {"type": "map_to_sequence"},
    {"type": "conv2d", "filters": 12, "kernel_size": (1, 3), "activation": "relu"},
    {"type": "conv2d", "filters": BLANK + 1, "kernel_size": 1},
]


def make_lines(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (n, 8, 32) of bars and labels (n, 5): the class of a bar is given by its height."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 40, (count, 8, 32), dtype=np.uint8)
    labels = np.full((count, 5), BLANK, np.uint8)
    for image, label in zip(images, labels, strict=True):
        columns = np.arange(3, 30, 6)[: rng.integers(0, 6)]
        for i, column in enumerate(columns):
            label[i] = rng.integers(BLANK)
            image[: 2 * label[i] + 2, column : column + 2] = 230
    return images, labels


@pytest.fixture
def network() -> _core.Network:
    return _core.Network(LINE_LAYERS, (8, 32, 1), seed=1)


def test_shapes(network: _core.Network) -> None:
    images, _ = make_lines(3, 0)
    assert network.sequence_length == 16
    assert network.classes == BLANK + 1
    assert network.scores(images, 1 / 255).shape == (3, 16, BLANK + 1)
    probabilities = network.predict_proba(images, 1 / 255)
    np.testing.assert_allclose(probabilities.sum(axis=2), 1, rtol=1e-6)
    assert np.array_equal(network.predict(images, 1 / 255), probabilities.argmax(axis=2))
    assert network.layers[5]["pool_size"] == [2, 1]
    assert network.layers[7]["kernel_size"] == [1, 3]
    again = _core.Network(network.layers, (8, 32, 1), seed=1)
    assert np.array_equal(again.scores(images, 1 / 255), network.scores(images, 1 / 255))


def test_training(network: _core.Network) -> None:
    images, labels = make_lines(1200, 1)
    trainer = _core.Trainer(
        network, epochs=6, batch_size=32, seed=0, optimizer="adam", learning_rate=3e-3
    )
    epochs: list[dict[str, Any]] = []
    trainer.run(
        images[:1000], labels[:1000], 1 / 255, images[1000:], labels[1000:], on_epoch=epochs.append
    )
    assert epochs[-1]["val_accuracy"] > 0.95
    assert epochs[-1]["val_loss"] < 0.2 < epochs[0]["val_loss"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(2, np.uint8), r"labels: got shape \(2,\), expected \(2, length\)"),
        (np.zeros((2, 17), np.uint8), "labels"),
        (np.zeros((2, 0), np.uint8), "labels"),
        (np.full((2, 3), 5, np.uint8), "expected 0 to 4"),
        (np.zeros((2, 9), np.uint8), "need 17 time steps, the network gives 16"),
    ],
)
def test_invalid_labels(network: _core.Network, labels: NDArray[np.uint8], message: str) -> None:
    images, _ = make_lines(2, 0)
    with pytest.raises(ValueError, match=message):
        network.gradient(images, labels, 1 / 255)
    trainer = _core.Trainer(
        network, epochs=1, batch_size=2, seed=0, optimizer="adam", learning_rate=1e-3
    )
    with pytest.raises(ValueError, match=message):
        trainer.run(images, labels, 1 / 255)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"type": "conv2d", "filters": 2, "kernel_size": (2, 17)}, "kernel_size is 2 x 17"),
        ({"type": "conv2d", "filters": 2, "kernel_size": (1, 2, 3)}, "an int or two"),
        ({"type": "max_pool2d", "pool_size": (0, 2)}, "pool_size is 0 x 2"),
        ({"type": "max_pool2d", "pool_size": 9}, "smaller than the 9 x 9 window"),
    ],
)
def test_invalid_layers(layer: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.Network([layer, {"type": "flatten"}, {"type": "dense", "units": 2}], (8, 8, 1))


def test_layers_of_the_shipped_recognizer() -> None:
    recognizer = shipped_recognizer()
    assert recognizer.layers == _core.Network(LAYERS, (32, 1024, 1)).layers
    assert recognizer.parameter_count < 600_000


def test_recognizer_file_round_trip(tmp_path: Path) -> None:
    network = _core.Network(LAYERS, (32, 1024, 1), seed=4)
    write_recognizer(tmp_path / "recognizer.safetensors", network)
    loaded = read_recognizer(tmp_path / "recognizer.safetensors").weights()
    for name, tensor in network.weights().items():
        np.testing.assert_allclose(loaded[name], tensor, rtol=2**-11, atol=2**-25, err_msg=name)


def test_normalize_line_image() -> None:
    image = np.full((4, 50), 200, np.uint8)
    image[:, :8] = 40
    levels = _core.normalize_line_image(image)
    assert (levels[:, 8:] == 0).all()
    assert (levels[:, :8] == 160).all()


def test_parity_with_pytorch(network: _core.Network) -> None:
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    images, labels = make_lines(7, 3)
    labels[2] = BLANK  # no symbols
    labels[3] = [1, 1, 1, 2, BLANK]
    loss, _, gradient = network.gradient(images, labels, 1 / 255)
    w = {
        name: torch.tensor(value.astype(np.float64), requires_grad=True)
        for name, value in network.weights().items()
    }

    def kernel(name: str) -> Any:
        return w[f"{name}.kernel"].permute(3, 2, 0, 1)

    x = torch.tensor(images.astype(np.float64) / 255)[:, None]
    x = f.max_pool2d(f.relu(f.conv2d(x, kernel("conv2d_1"), w["conv2d_1.bias"], padding=1)), 2)
    x = f.conv2d(x, kernel("conv2d_2"), padding=1)
    gamma, beta = w["batch_norm_1.gamma"], w["batch_norm_1.beta"]
    x = f.relu(f.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3))
    x = f.max_pool2d(x, (2, 1))
    x = x.permute(0, 2, 1, 3).reshape(len(x), -1, 1, x.shape[3])
    x = f.relu(f.conv2d(x, kernel("conv2d_3"), w["conv2d_3.bias"], padding=(0, 1)))
    x = f.conv2d(x, kernel("conv2d_4"), w["conv2d_4.bias"])[:, :, 0]
    targets = torch.tensor(labels[labels != BLANK].astype(np.int64))
    lengths = torch.tensor((labels != BLANK).sum(axis=1))
    columns = torch.full((len(x),), x.shape[2])
    expected = f.ctc_loss(
        x.permute(2, 0, 1).log_softmax(2), targets, columns, lengths, blank=BLANK, reduction="sum"
    ) / len(x)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for name, value in gradient.items():
        reference = w[name].grad.numpy()
        assert np.abs(value - reference).max() <= 1e-5 * max(1, np.abs(reference).max()), name
