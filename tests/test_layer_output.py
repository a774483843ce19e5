"""The outputs of single layers, compared with layers in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from ocrdigit import DigitClassifier, _core
from ocrdigit.datasets import Dataset

LAYERS = (
    {"type": "conv2d", "filters": 5, "kernel_size": 3, "use_bias": False},
    {"type": "batch_norm"},
    {"type": "relu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 6, "kernel_size": 3, "padding": "valid", "activation": "relu"},
    {"type": "dropout", "rate": 0.5},
    {"type": "conv2d", "filters": 20, "kernel_size": 1, "activation": "relu"},
    {"type": "flatten"},
    {"type": "dense", "units": 7, "activation": "relu"},
    {"type": "dense", "units": 10},
)
IMAGES = np.random.default_rng(0).random((4, 28, 28), np.float32)


@pytest.fixture(scope="module")
def network() -> _core.Network:
    network = _core.Network(LAYERS, seed=3)
    random = np.random.default_rng(1)
    weights = {
        name: values if name.endswith("kernel") else random.random(values.shape, np.float32)
        for name, values in network.weights().items()
    }
    network.set_weights(weights)
    return network


def convolution(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float, pad: int) -> object:
    side = len(kernel)
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), (1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel) + bias


def outputs(weights: dict[str, np.ndarray]) -> list[np.ndarray]:
    x = [convolution(IMAGES[..., None].astype(float), weights["conv2d_1.kernel"], 0, 1)]
    gamma, beta, mean, variance = (
        weights[f"batch_norm_1.{name}"]
        for name in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    x.append((x[-1] - mean) / np.sqrt(variance + 1e-3) * gamma + beta)
    x.append(np.maximum(x[-1], 0))
    x.append(x[-1].reshape(4, 14, 2, 14, 2, 5).max(axis=(2, 4)))
    kernel, bias = weights["conv2d_2.kernel"], weights["conv2d_2.bias"]
    x.append(np.maximum(convolution(x[-1], kernel, bias, 0), 0))
    x.append(x[-1])
    kernel, bias = weights["conv2d_3.kernel"], weights["conv2d_3.bias"]
    x.append(np.maximum(convolution(x[-1], kernel, bias, 0), 0))
    x.append(x[-1].reshape(4, 1, 1, -1))
    x.append(np.maximum(x[-1] @ weights["dense_1.kernel"] + weights["dense_1.bias"], 0))
    x.append(x[-1] @ weights["dense_2.kernel"] + weights["dense_2.bias"])
    return x


@pytest.mark.parametrize("layer", range(len(LAYERS)))
def test_each_layer(network: _core.Network, layer: int) -> None:
    expected = outputs(network.weights())[layer]
    given = network.layer_output(IMAGES, 1.0, layer)
    assert given.dtype == np.float32
    assert given.shape == expected.shape
    assert np.allclose(given, expected, atol=1e-4, rtol=1e-4)


def test_last_output_is_the_scores(network: _core.Network, sample: Dataset) -> None:
    scores = network.scores(sample.X_test[:20], 1 / 255)
    last = network.layer_output(sample.X_test[:20], 1 / 255, len(LAYERS) - 1)
    assert (last.reshape(20, 10) == scores).all()


def test_network_of_a_flatten_only() -> None:
    network = _core.Network([{"type": "flatten"}], (4, 4, 3))
    picture = np.arange(48, dtype=np.float32).reshape(1, 4, 4, 3)
    assert (network.layer_output(picture, 2.0, 0).ravel() == 2 * np.arange(48)).all()


def test_layer_output_does_not_change_the_network(fitted: DigitClassifier, sample: Dataset) -> None:
    before = fitted.predict_proba(sample.X_test)
    fitted.network_.layer_output(sample.X_test, 1 / 255, 1)
    assert (fitted.predict_proba(sample.X_test) == before).all()


@pytest.mark.parametrize(
    ("layer", "kind"), [(-1, ValueError), (10, ValueError), (1.0, TypeError), ("conv", TypeError)]
)
def test_bad_layers(network: _core.Network, layer: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="layer"):
        network.layer_output(IMAGES, 1.0, layer)
