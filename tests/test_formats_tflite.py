"""TensorFlow Lite files: LiteRT, with XNNPACK, returns our probabilities."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from networks import NETWORKS, make_images, make_network, shipped_models

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.cli import main
from ocrdigit.datasets import Dataset
from ocrdigit.models import files
from ocrdigit.models._classes import digits_only
from ocrdigit.models.formats import _quantize
from ocrdigit.models.formats._tflite import to_tflite

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def tflite():
    pytest.importorskip("flatbuffers")
    return pytest.importorskip("tflite")


@pytest.fixture(scope="module")
def litert(tflite):
    return pytest.importorskip("ai_edge_litert.interpreter")


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS.keys())
def network(request):
    return make_network(request.param)


def run(litert, model: bytes, images: np.ndarray, **options) -> np.ndarray:
    """Return probabilities (n, classes) of images (n, 28, 28), bytes or 0..1, in either dtype."""
    interpreter = litert.Interpreter(model_content=model, **options)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert taken["shape_signature"].tolist() == [-1, 28, 28, 1]
    interpreter.resize_tensor_input(taken["index"], (len(images), 28, 28, 1))
    interpreter.allocate_tensors()
    values = images[..., None] * np.float32(1 / 255 if images.dtype == np.uint8 else 1)
    if taken["dtype"] == np.int8:
        scale, zero = taken["quantization"]
        values = np.clip(np.rint(values / scale) + zero, -128, 127)
    interpreter.set_tensor(taken["index"], values.astype(taken["dtype"]))
    interpreter.invoke()
    output = interpreter.get_tensor(given["index"])
    if given["dtype"] == np.int8:
        scale, zero = given["quantization"]
        return (output.astype(np.float32) - zero) * scale
    return output


def test_litert_agrees(litert, network):
    images = make_images(33)
    model = to_tflite(network, files.metadata_of(network))
    ours = network.predict_proba(images, 1.0)
    assert np.abs(run(litert, model, images) - ours).max() <= TOLERANCE
    assert np.abs(run(litert, model, images[:1]) - ours[:1]).max() <= TOLERANCE


def test_litert_agrees_without_xnnpack(litert, network):
    images = make_images(3)
    model = to_tflite(network, files.metadata_of(network))
    resolver = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    theirs = run(litert, model, images, experimental_op_resolver_type=resolver)
    assert np.abs(theirs - network.predict_proba(images, 1.0)).max() <= TOLERANCE


def test_int8_is_close(litert, network, sample: Dataset):
    """The scores of untrained networks are close together, so quantization errors are visible."""
    model = to_tflite(network, files.metadata_of(network), sample.X_train[:500])
    theirs = run(litert, model, sample.X_test[:200])
    assert np.abs(theirs - network.predict_proba(sample.X_test[:200], 1 / 255)).max() <= 0.02


@pytest.mark.parametrize("path", shipped_models())
def test_shipped_models(litert, path, sample: Dataset):
    model = ocrdigit.load(path)
    ours = digits_only(model.network_).predict_proba(sample.X_test, 1 / 255)
    assert len(ours) == 1000
    model.save("model.tflite")
    theirs = run(litert, Path("model.tflite").read_bytes(), sample.X_test)
    assert np.abs(theirs - ours).max() <= TOLERANCE
    model.save("model.tflite", int8=True)
    int8 = run(litert, Path("model.tflite").read_bytes(), sample.X_test)
    right = (ours.argmax(1) == sample.y_test).sum(), (int8.argmax(1) == sample.y_test).sum()
    assert abs(int(right[0]) - int(right[1])) <= 1  # of 1,000: 0.1 points


XNNPACK = """
import sys
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1])
interpreter.allocate_tensors()
print([detail["op_name"] for detail in interpreter._get_ops_details()])
"""


@pytest.mark.parametrize("int8", [False, True])
def test_xnnpack_takes_the_whole_model(litert, fitted: DigitClassifier, int8: bool):
    fitted.save("model.tflite", int8=int8)
    command = [sys.executable, "-c", XNNPACK, "model.tflite"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "XNNPACK delegate" in done.stderr + done.stdout
    assert "DELEGATE" in done.stdout


def test_content_of_the_file(tflite, fitted: DigitClassifier):
    fitted.save("model.tflite")
    data = Path("model.tflite").read_bytes()
    assert data[4:8] == b"TFL3"
    model = tflite.Model.GetRootAsModel(data, 0)
    assert model.Version() == 3
    signature = model.SignatureDefs(0)
    assert signature.Inputs(0).Name() == b"image"
    assert signature.Outputs(0).Name() == b"probabilities"
    assert model.Metadata(0).Name() == b"ocrdigit"
    kept = json.loads(model.Buffers(model.Metadata(0).Buffer()).DataAsNumpy().tobytes())
    assert json.loads(kept["preprocessing"]) == files.PREPROCESSING
    assert json.loads(kept["architecture"]) == fitted.network_.layers
    start = np.frombuffer(data, np.uint8).ctypes.data
    for number in range(1, model.BuffersLength()):
        numbers = model.Buffers(number).DataAsNumpy()
        assert (numbers.ctypes.data - start) % 16 == 0  # runtimes map buffers in place


def test_command_line(litert, model_file: Path, fitted: DigitClassifier, sample: Dataset):
    for options in ([], ["--int8"]):
        answer = CliRunner().invoke(main, ["export", str(model_file), "model.tflite", *options])
        assert answer.exit_code == 0
        theirs = run(litert, Path("model.tflite").read_bytes(), sample.X_test)
        ours = fitted.predict(sample.X_test)
        assert (theirs.argmax(1) == ours).mean() >= (0.99 if options else 1)


def test_int8_is_for_tflite(model_file: Path, fitted: DigitClassifier):
    with pytest.raises(ValueError, match=r"int8 is for \.tflite files, got 'model\.safetensors'"):
        fitted.save("model.safetensors", int8=True)
    answer = CliRunner().invoke(main, ["export", str(model_file), "m.safetensors", "--int8"])
    assert answer.exit_code == 1
    assert "int8 is for .tflite files" in answer.output


def test_without_the_package(monkeypatch, fitted: DigitClassifier):
    monkeypatch.setitem(sys.modules, "tflite", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'ocrdigit\[tflite\]'"):
        fitted.save("model.tflite")
    assert not Path("model.tflite").exists()


# ---- quantization ----


@pytest.mark.parametrize(("low", "high"), [(0, 6), (-3, 5), (-2, -1), (1, 2), (0, 0), (-1e-9, 0)])
def test_quantization_covers_its_range_and_zero(low, high):
    quantization = _quantize.from_range(low, high)
    scale = quantization.scale[0]
    ends = (np.array([-128, 127]) - quantization.zero_point) * scale
    assert -128 <= quantization.zero_point <= 127
    assert ends[0] <= low + scale
    assert ends[1] >= high - scale


def test_rounding_errors_are_at_most_half_the_scale():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 3, 3, 4)).astype(np.float32)
    values[2] = 0
    for axis in (0, None):
        rounded, quantization = _quantize.quantize_kernel(values, axis)
        scale = quantization.scale.reshape(-1, 1, 1, 1)
        assert np.abs(rounded * scale - values).max() <= 0.5001 * scale.max()
        assert len(quantization.scale) == (1 if axis is None else 5)
    bias = rng.normal(size=5).astype(np.float32)
    _, of_kernel = _quantize.quantize_kernel(values, 0)
    rounded, quantization = _quantize.quantize_bias(bias, _quantize.PIXELS, of_kernel)
    scale = quantization.scale
    assert np.abs(rounded * scale - bias).max() <= 0.5001 * scale.max()
