"""TensorFlow Lite files: LiteRT, with XNNPACK, returns our probabilities."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from damaged_files import check_damaged_copies
from networks import NETWORKS, make_images, make_network, shipped_models

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.cli import main
from ocrdigit.datasets import Dataset
from ocrdigit.models import files
from ocrdigit.models._classes import digits_only
from ocrdigit.models.formats import _quantize
from ocrdigit.models.formats._tflite import to_tflite
from ocrdigit.models.formats._tflite_files import from_tflite

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


# TFLite has no one operator for these.
NOT_IN_INT8 = {
    "depthwise and large kernels": r"layer activation_2 \(swish\)",
    "pools with padding": r"layer activation_2 \(elu\)",
    "layer norms": r"layer layer_norm_1 \(layer_norm\)",
}
POOL = {"pool_size": 3, "strides": 2, "padding": "same"}
OTHERS = (
    {"type": "zero_padding2d", "padding": [0, 1, 2, 0]},
    {"type": "conv2d", "filters": 8, "kernel_size": 4},
    {"type": "activation", "function": "leaky_relu", "alpha": 0.2},
    {"type": "conv2d", "filters": 16, "kernel_size": 3, "groups": 8, "strides": 2},
    {"type": "activation", "function": "relu6"},
    {"type": "max_pool2d", **POOL},
    {"type": "average_pool2d", **POOL},
    {"type": "conv2d", "filters": 12, "kernel_size": 2, "padding": "valid"},
    {"type": "activation", "function": "elu"},
    {"type": "global_max_pool2d"},
    {"type": "dense", "units": 10},
)
INT8 = {**{name: NETWORKS[name] for name in NETWORKS.keys() - NOT_IN_INT8.keys()}, "others": OTHERS}


@pytest.mark.parametrize("name", sorted(INT8))
def test_int8_is_close(litert, name, sample: Dataset):
    """The scores of untrained networks are close together, so quantization errors are visible."""
    network = make_network(INT8[name])
    model = to_tflite(network, files.metadata_of(network), sample.X_train[:500])
    theirs = run(litert, model, sample.X_test[:200])
    assert np.abs(theirs - network.predict_proba(sample.X_test[:200], 1 / 255)).max() <= 0.02


@pytest.mark.parametrize(("name", "words"), NOT_IN_INT8.items())
def test_layers_without_int8_are_named(tflite, name, words, sample: Dataset):
    network = make_network(NETWORKS[name])
    with pytest.raises(ValueError, match=f"{words} cannot be quantized to int8"):
        to_tflite(network, files.metadata_of(network), sample.X_train[:9])


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


def test_it_loads_back(tflite, network):
    """The weights of inference are the same to the bit, and the results to rounding."""
    again = from_tflite(to_tflite(network, files.metadata_of(network)))
    weights = again.weights()
    third = from_tflite(to_tflite(again, files.metadata_of(again))).weights()
    assert weights.keys() == third.keys()
    assert all((third[name] == values).all() for name, values in weights.items())
    ours = network.weights()
    if not any(layer["type"] == "batch_norm" for layer in network.layers):  # nothing is folded
        assert all((weights[name] == values).all() for name, values in ours.items())
    images = make_images(9)
    assert (
        np.abs(again.predict_proba(images, 1.0) - network.predict_proba(images, 1.0)).max() < 1e-6
    )


def test_other_files(tflite, fitted: DigitClassifier):
    fitted.save("good.tflite")
    assert ocrdigit.load("good.tflite").network_.layers == fitted.network_.layers
    fitted.save("int8.tflite", int8=True)
    with pytest.raises(ValueError, match=r"int8\.tflite: quantized to int8"):
        ocrdigit.load("int8.tflite")
    fitted.save("model.tflite")
    Path("other.tflite").write_bytes(
        Path("model.tflite").read_bytes().replace(b"ocrdigit", b"otherapp")
    )
    with pytest.raises(ValueError, match=r"other\.tflite: not a file of ocrdigit"):
        ocrdigit.load("other.tflite")
    check_damaged_copies("model.tflite", ocrdigit.load)


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
