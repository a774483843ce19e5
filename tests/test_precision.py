"""Numeric precisions from Python: accuracy, persistence and errors."""

import copy
import pickle

import numpy as np
import pytest

import ocrdigit
from ocrdigit import DigitClassifier, _core
from ocrdigit._predict import MODEL_PATH
from ocrdigit.recipes import PRECISIONS

LOW_PRECISIONS = PRECISIONS[1:]


@pytest.fixture(scope="module")
def sample():
    return ocrdigit.datasets.load_sample()


@pytest.fixture(scope="module")
def trained(sample):
    model = DigitClassifier(recipe="seed", epochs=3, random_state=0, verbose=0)
    return model.fit(sample.X_train, sample.y_train)


@pytest.fixture
def model(trained):
    return copy.deepcopy(trained)


@pytest.mark.parametrize("precision", LOW_PRECISIONS)
def test_predictions_stay_close(model, sample, precision):
    exact = model.predict_proba(sample.X_test)
    model.precision = precision
    rounded = model.predict_proba(sample.X_test)
    assert not np.array_equal(rounded, exact)
    assert np.mean(rounded.argmax(1) == exact.argmax(1)) >= 0.99
    assert np.abs(rounded - exact).mean() < 0.01
    model.precision = "float32"
    np.testing.assert_array_equal(model.predict_proba(sample.X_test), exact)


@pytest.mark.parametrize("precision", LOW_PRECISIONS)
def test_single_images_match_batches(model, sample, precision):
    model.precision = precision
    batch = model.predict_proba(sample.X_test[:20])
    alone = np.stack([model.predict_proba(image) for image in sample.X_test[:20]])
    # The arithmetic is the same except for the order of rounding in float32.
    np.testing.assert_allclose(alone, batch, atol=1e-6)


@pytest.mark.parametrize("precision", LOW_PRECISIONS)
def test_thread_count_does_not_change_the_bits(sample, precision):
    def bits(threads):
        ocrdigit.set_num_threads(threads)
        model = DigitClassifier(
            recipe="seed", epochs=1, random_state=1, verbose=0, precision=precision
        )
        model.fit(sample.X_train[:1000], sample.y_train[:1000])
        return model.predict_proba(sample.X_test[:100]).tobytes(), model.network_.ranges

    before = ocrdigit.get_num_threads()
    try:
        assert bits(1) == bits(2) == bits(3)
    finally:
        ocrdigit.set_num_threads(before)


def test_training_in_bfloat16(sample):
    model = DigitClassifier(
        recipe="seed", epochs=3, random_state=0, verbose=0, precision="bfloat16"
    )
    model.fit(sample.X_train, sample.y_train)
    assert model.score(sample.X_test, sample.y_test) > 0.93
    exact = DigitClassifier(recipe="seed", epochs=3, random_state=0, verbose=0)
    exact.fit(sample.X_train, sample.y_train)
    kernels = [fit.network_.weights()["conv2d_2.kernel"] for fit in (model, exact)]
    assert not np.array_equal(*kernels)
    assert all(kernel.dtype == np.float32 for kernel in kernels)


def test_int8_trains_in_float32(sample):
    kernels = []
    for precision in ("float32", "int8"):
        model = DigitClassifier(epochs=1, random_state=0, verbose=0, precision=precision)
        model.fit(sample.X_train[:500], sample.y_train[:500])
        kernels.append(model.network_.weights()["dense_1.kernel"])
        assert model.network_.precision == precision
    np.testing.assert_array_equal(*kernels)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_keep_the_precision(model, sample, duplicate):
    model.precision = "int8"
    twin = duplicate(model)
    assert twin.precision == twin.network_.precision == "int8"
    np.testing.assert_array_equal(
        twin.predict_proba(sample.X_test[:50]), model.predict_proba(sample.X_test[:50])
    )


def test_files_keep_the_ranges(model, sample, tmp_path):
    model.save(tmp_path / "m.safetensors")
    model.precision = "int8"
    loaded = ocrdigit.load(tmp_path / "m.safetensors", precision="int8")
    assert loaded.network_.ranges == model.network_.ranges
    np.testing.assert_array_equal(
        loaded.predict_proba(sample.X_test[:50]), model.predict_proba(sample.X_test[:50])
    )
    assert ocrdigit.load(tmp_path / "m.safetensors").precision == "float32"


def test_the_shipped_model_is_calibrated(sample):
    model = ocrdigit.load(MODEL_PATH, precision="int8")
    exact = ocrdigit.predict(sample.X_test)
    assert np.mean(model.predict(sample.X_test) == exact) >= 0.998


def test_new_weights_need_a_calibration(model, sample):
    network = model.network_
    network.set_weights(network.weights())
    assert network.ranges == {}
    model.precision = "int8"
    with pytest.raises(ValueError, match=r"layer 0 \(conv2d\).*calibrate"):
        model.predict(sample.X_test[:10])
    with pytest.raises(ValueError, match="calibrate"):
        model.predict(sample.X_test[0])
    assert model.calibrate(sample.X_train[:200]) is model
    assert model.score(sample.X_test, sample.y_test) > 0.9
    low, high = network.ranges["conv2d_1"]
    assert (low, high) == (0, 1)


def test_a_failed_step_keeps_the_ranges(model, sample):
    before = model.network_.ranges
    model.set_params(learning_rate=1000.0, optimizer="sgd")
    with pytest.raises(ValueError, match="diverged"):
        model.partial_fit(sample.X_train, sample.y_train)
    assert model.network_.ranges == before


def test_partial_fit_calibrates(sample):
    model = DigitClassifier(verbose=0, precision="int8", random_state=0)
    for _ in range(3):
        model.partial_fit(sample.X_train[:1000], sample.y_train[:1000])
    assert set(model.network_.ranges) == {"conv2d_1", "conv2d_2", "dense_1", "dense_2"}
    assert model.score(sample.X_test, sample.y_test) > 0.3


@pytest.mark.parametrize("precision", ["int4", "", "FLOAT32", None, 8])
def test_unknown_precision(trained, sample, precision):
    model = copy.deepcopy(trained)
    with pytest.raises((ValueError, TypeError), match="precision: got"):
        model.precision = precision
    assert model.precision == model.network_.precision == "float32"
    with pytest.raises((ValueError, TypeError), match="precision"):
        DigitClassifier(precision=precision).fit(sample.X_train[:10], sample.y_train[:10])
    with pytest.raises((ValueError, TypeError), match="precision"):
        ocrdigit.load(MODEL_PATH, precision=precision)


def test_int8_has_no_gradient():
    network = _core.Network([{"type": "flatten"}, {"type": "dense", "units": 10}])
    with pytest.raises(ValueError, match="int8 is for prediction"):
        _core.Trainer(
            network,
            epochs=1,
            batch_size=8,
            seed=0,
            optimizer="sgd",
            learning_rate=0.1,
            precision="int8",
        )


@pytest.mark.parametrize(
    ("ranges", "error"),
    [
        ({"conv2d_9": (0, 1)}, "conv2d_9"),
        ({3: (0, 1)}, "names of layers"),
        ({"dense_1": (1, 2)}, "low <= 0 <= high"),
        ({"dense_1": (0, float("nan"))}, "finite"),
        ({"dense_1": 5}, "low <= 0 <= high"),
        ({"dense_1": ("a", 1)}, "number"),
        ([1, 2], "dict"),
        (None, "dict"),
    ],
)
def test_bad_ranges(trained, ranges, error):
    network = copy.deepcopy(trained).network_
    before = network.ranges
    with pytest.raises((TypeError, ValueError), match=error):
        network.ranges = ranges
    assert network.ranges == before
    with pytest.raises((TypeError, ValueError)):
        del network.ranges
    with pytest.raises((TypeError, ValueError)):
        del network.precision


@pytest.mark.parametrize("ranges", ["[", "3", '{"conv2d_1": [1, 0]}', '{"nothing": [0, 1]}'])
def test_a_file_with_bad_ranges(trained, tmp_path, ranges):
    path = tmp_path / "m.safetensors"
    trained.save(path)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    import json

    header = json.loads(data[8 : 8 + size])
    header["__metadata__"]["input_ranges"] = ranges
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
    with pytest.raises(ValueError, match=r"m\.safetensors"):
        ocrdigit.load(path)


def test_command_line(trained, sample, tmp_path):
    from click.testing import CliRunner

    from ocrdigit.cli import main

    data = tmp_path / "d.npz"
    np.savez(data, X=sample.X_test[:200], y=sample.y_test[:200])
    out = tmp_path / "m.safetensors"
    result = CliRunner().invoke(
        main,
        f"train --data {data} --precision bfloat16 --epochs 1 --quiet --out {out}".split(),
    )
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(
        main, ["evaluate", "--data", str(data), "--model", str(out), "--precision", "int8"]
    )
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(main, ["evaluate", "--data", str(data), "--precision", "int3"])
    assert result.exit_code == 2
