"""``ocrdigit._core.Classifier``: its attributes and confidences; and limits of networks."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ocrdigit import _core

LAYERS = [{"type": "flatten"}, {"type": "dense", "units": 11}]


@pytest.fixture
def network() -> _core.Network:
    return _core.Network(LAYERS, seed=1)


def test_attributes_are_those_given(network: _core.Network) -> None:
    classifier = _core.Classifier(network, temperature=2.5, tta_threshold=0.75)
    assert classifier.network is network
    assert classifier.temperature == 2.5
    assert classifier.tta_threshold == 0.75
    plain = _core.Classifier(network)
    assert (plain.temperature, plain.tta_threshold) == (1.0, 0.0)


def test_confidence_is_the_largest_probability_times_the_digit_score(
    network: _core.Network,
) -> None:
    images = np.random.default_rng(0).random((40, 28, 28), np.float32)
    classifier = _core.Classifier(network, temperature=1.5)
    scores = network.scores(images, 1.0).astype(np.float64) / 1.5
    digits = np.exp(scores[:, :10]) / np.exp(scores[:, :10]).sum(axis=1, keepdims=True)
    is_digit = np.exp(scores[:, :10]).sum(axis=1) / np.exp(scores).sum(axis=1)
    confidence = classifier.confidence(images, 1.0)
    assert confidence.dtype == np.float64
    assert confidence.shape == (40,)
    np.testing.assert_allclose(confidence, digits.max(axis=1) * is_digit, rtol=1e-5)
    with pytest.raises(ValueError, match="images"):
        classifier.confidence(images[:, :9], 1.0)


def test_networks_may_be_limited() -> None:
    assert _core.Network(LAYERS, max_weights=784 * 11 + 11).classes == 11
    with pytest.raises(ValueError, match=r"layers: they have 8635 weights, expected at most 8634"):
        _core.Network(LAYERS, max_weights=8634)
    with pytest.raises(ValueError, match="layer 1"):
        _core.Network([LAYERS[0], {"type": "dense", "units": 0}], max_weights=10)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"dense_9": (0.0, 1.0)}, "ranges: got a range for 'dense_9', expected names of layers"),
        ({1: (0.0, 1.0)}, "ranges: got a range for 1, expected names of layers"),
        ({"dense_1": (0.5, 1.0)}, "ranges: got (0.5, 1.0) for 'dense_1', expected (low, high)"),
        ({"dense_1": (0.0, 1.0, 2.0)}, "expected (low, high), low <= 0 <= high"),
        ({"dense_1": "01"}, "ranges: got '01' for 'dense_1', expected (low, high)"),
    ],
)
def test_invalid_ranges(network: _core.Network, ranges: object, message: str) -> None:
    before = network.ranges
    with pytest.raises(ValueError, match=re.escape(message)):
        network.ranges = ranges  # type: ignore[assignment]
    assert network.ranges == before


def test_ends_of_ranges_are_numbers(network: _core.Network) -> None:
    with pytest.raises(TypeError, match="ranges: got 'a'"):
        network.ranges = {"dense_1": ("a", 1.0)}  # type: ignore[dict-item]
    network.ranges = {"dense_1": [-1, 2.5]}  # type: ignore[dict-item]
    assert network.ranges == {"dense_1": (-1.0, 2.5)}
