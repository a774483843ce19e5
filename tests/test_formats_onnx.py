"""ONNX files: ONNX Runtime and OpenCV's dnn return our probabilities."""

from __future__ import annotations

import json
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
from ocrdigit.models.formats._onnx import to_onnx
from ocrdigit.models.formats._onnx_files import from_onnx

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def onnx():
    return pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def onnxruntime(onnx):
    return pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def cv2(onnx):
    return pytest.importorskip("cv2")


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS.keys())
def network(request):
    return make_network(request.param)


def as_input(images: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28), bytes or 0..1, as the input (n, 1, 28, 28) of ONNX."""
    scale = np.float32(1 / 255 if images.dtype == np.uint8 else 1)
    return images[:, None] * scale


def run(onnxruntime, model: bytes | str, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model)
    assert [(i.name, i.shape[1:]) for i in session.get_inputs()] == [("image", [1, 28, 28])]
    assert [i.name for i in session.get_outputs()] == ["probabilities"]
    return session.run(None, {"image": as_input(images)})[0]


def test_onnx_runtime_agrees(onnxruntime, network):
    images = make_images(33)
    model = to_onnx(network, files.metadata_of(network))
    ours = network.predict_proba(images, 1.0)
    assert np.abs(run(onnxruntime, model, images) - ours).max() <= TOLERANCE
    assert np.abs(run(onnxruntime, model, images[:1]) - ours[:1]).max() <= TOLERANCE


def test_opencv_agrees(cv2, network):
    images = make_images(5)
    model = to_onnx(network, files.metadata_of(network))
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    for batch in (images, images[:1]):
        net.setInput(as_input(batch))
        ours = network.predict_proba(batch, 1.0)
        assert np.abs(net.forward().reshape(ours.shape) - ours).max() <= TOLERANCE


@pytest.mark.parametrize("path", shipped_models())
def test_shipped_models(onnxruntime, cv2, path, sample: Dataset):
    model = ocrdigit.load(path)
    model.save("model.onnx")
    ours = digits_only(model.network_).predict_proba(sample.X_test, 1 / 255)
    assert len(ours) == 1000
    assert np.abs(run(onnxruntime, "model.onnx", sample.X_test) - ours).max() <= TOLERANCE
    net = cv2.dnn.readNetFromONNX("model.onnx")
    net.setInput(as_input(sample.X_test))
    assert np.abs(net.forward() - ours).max() <= TOLERANCE


def test_the_checker_passes_and_metadata_are_stored(onnx, fitted: DigitClassifier):
    fitted.save("model.onnx")
    model = onnx.load("model.onnx")
    onnx.checker.check_model(model, full_check=True)
    kept = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(kept["preprocessing"]) == files.PREPROCESSING
    assert json.loads(kept["architecture"]) == fitted.network_.layers
    assert json.loads(kept["classes"]) == list(range(10))


def test_command_line(onnxruntime, model_file: Path, fitted: DigitClassifier, sample: Dataset):
    answer = CliRunner().invoke(main, ["export", str(model_file), "model.onnx"])
    assert answer.exit_code == 0
    assert answer.output == f"model.onnx: {Path('model.onnx').stat().st_size:,} bytes\n"
    theirs = run(onnxruntime, "model.onnx", sample.X_test)
    assert np.abs(theirs - fitted.network_.predict_proba(sample.X_test, 1 / 255)).max() <= TOLERANCE


def test_it_loads_back(onnx, network):
    """The weights of inference are the same to the bit, and so are the file and the results."""
    model = to_onnx(network, files.metadata_of(network))
    again = from_onnx(model)
    stored = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load_from_string(model).graph.initializer
    }
    saved = onnx.load_from_string(to_onnx(again, files.metadata_of(again)))
    for tensor, old in zip(saved.graph.initializer, stored.values(), strict=True):
        assert (onnx.numpy_helper.to_array(tensor) == old).all()
    images = make_images(9)
    assert (
        np.abs(again.predict_proba(images, 1.0) - network.predict_proba(images, 1.0)).max() < 1e-6
    )


def test_other_files(onnx, fitted: DigitClassifier):
    fitted.save("model.onnx")
    model = onnx.load("model.onnx")
    del model.metadata_props[:]
    Path("other.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(
        ValueError, match=r"other\.onnx: not a file of ocrdigit .*DigitClassifier\.save"
    ):
        ocrdigit.load("other.onnx")
    check_damaged_copies("model.onnx", ocrdigit.load)


def test_without_the_package(monkeypatch, fitted: DigitClassifier, model_file: Path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'ocrdigit\[onnx\]'"):
        fitted.save("model.onnx")
    answer = CliRunner().invoke(main, ["export", str(model_file), "model.onnx"])
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: this format needs the package onnx")
    assert not Path("model.onnx").exists()
