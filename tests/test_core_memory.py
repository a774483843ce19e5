"""References and memory that the core must release."""

from __future__ import annotations

import ctypes
import gc
import sys

import numpy as np
import pytest
from core_cases import DENSE, LAYERS, SANITIZED, make_network, make_trainer

from ocrdigit import _core


def repeat_calls(network, batch):
    """Call every function of the core once or more, errors included."""
    wrong = np.full(70, 9, np.uint8)

    def fail(progress):
        raise KeyError(progress["step"])

    for call in (network.predict, network.predict_proba, network.scores):
        call(batch.images, 1.0)
        call(batch.images[:1], 1.0)
        for images, scale in ((batch.images, np.nan), (batch.images[0], 1.0), (None, 1.0)):
            with pytest.raises((TypeError, ValueError)):
                call(images, scale)
    layers = [{"type": "flatten"}, {"type": "dense", "units": 11}]
    digits = make_network(layers=layers, shape=(28, 28, 1))
    classifier = _core.Classifier(digits, tta_threshold=1.0)
    digit = np.pad(np.full((20, 6), 255, np.uint8), ((4, 4), (11, 11)))
    for images in (digit, digit.astype(np.float32), np.stack([digit] * 3), 255 - digit, None):
        _core.canonical_scale(images)
        classifier.predict_canonical(images)
        classifier.predict_proba_canonical(images)
    for call in (classifier.predict, classifier.predict_proba, classifier.digit_score):
        call(digit[None], 1 / 255)
        call(np.stack([digit] * 3), 1 / 255)
        with pytest.raises((TypeError, ValueError)):
            call(None, 1.0)
    assert classifier.predict_canonical(digit) == classifier.predict(digit[None], 1 / 255)
    with pytest.raises(TypeError):
        _core.Classifier(None)
    with pytest.raises(ValueError, match="temperature"):
        _core.Classifier(digits, temperature=0.0)
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
    steps = [{"type": "zoom", "factor": (0.1, 0.2), "value": 0.5}]
    trainer = make_trainer(network, augment=steps)
    arguments = (batch.images, batch.labels, 1.0, batch.images, batch.labels)
    trainer.run(*arguments, on_step=lambda p: None, on_epoch=lambda p: None)
    with pytest.raises(KeyError):
        trainer.run(*arguments, on_step=fail)
    with pytest.raises(ValueError, match="validation_labels"):
        trainer.run(*arguments[:4], wrong)
    state = trainer.state()
    trainer.restore(state)
    for changes in ({"epoch": -1}, {"weights": None}, {"steps": None}):
        with pytest.raises((TypeError, ValueError)):
            trainer.restore(state | changes)
    with pytest.raises(ValueError, match="missing"):
        trainer.restore({})
    with pytest.raises(ValueError, match="epochs"):
        make_trainer(network, epochs=0)
    _core.set_num_threads(_core.get_num_threads())
    _core.augment(batch.images, steps, 1)
    picture = np.zeros((9, 7), np.uint8)
    picture[2:6, 3] = 255
    _core.preprocess_digit(picture)
    _core.is_canonical(picture)
    _core.preprocess_steps(picture)
    _core.image_gray(np.zeros((4, 5, 4), np.uint8), False, 255)
    _core.image_resize(picture, (5, 6), "area")
    _core.image_threshold(picture, 0, 255, "otsu")
    with pytest.raises(ValueError, match="image"):
        _core.preprocess_digit(picture[:0])


class Mallinfo(ctypes.Structure):
    """The result of glibc's mallinfo2."""

    names = ("arena", "ordblks", "smblks", "hblks", "hblkhd")
    more_names = ("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_ = [(name, ctypes.c_size_t) for name in (*names, *more_names)]


def allocated_bytes():
    """Return the bytes that are allocated by malloc."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Mallinfo
    info = mallinfo()
    return info.uordblks + info.hblkhd


def test_references_are_released(network, batch):
    weights = network.weights()
    layers = [dict(layer) for layer in LAYERS]
    objects = [network, batch.images, batch.labels, layers, *weights.values()]
    objects += [_core, _core.Network, _core.Trainer, _core.Classifier]

    def use():
        repeat_calls(network, batch)
        network.set_weights(weights)
        make_network(layers=layers)
        with pytest.raises(ValueError, match="missing"):
            network.set_weights({"dense_1.bias": weights["dense_1.bias"]})

    use()
    gc.collect()
    before = [sys.getrefcount(thing) for thing in objects]
    for _ in range(5):
        use()
    gc.collect()
    assert [sys.getrefcount(thing) for thing in objects] == before


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
    assert min(grow(20) for _ in range(3)) < 20 * 64  # no leak in each round is below 64


@pytest.mark.skipif(
    SANITIZED or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="needs glibc's own malloc",
)
def test_memory_of_training_follows_the_data(network, batch):
    trainer = make_trainer(network, batch_size=65536)
    sizes = []

    def measure(progress):
        sizes.append(allocated_bytes() - before)

    before = allocated_bytes()
    for count in (7, 70):
        trainer.run(batch.images[:count], batch.labels[:count], 1.0, on_step=measure)
    assert sizes[0] < sizes[1] < 5e6  # 65,536 images would take 400 times as much


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
