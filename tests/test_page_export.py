"""The networks of the page reader as ONNX files: ONNX Runtime gives our results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ocrdigit import _core
from ocrdigit.cli import main
from ocrdigit.models.detector import shipped_detector
from ocrdigit.models.page_export import export_page_network
from ocrdigit.models.recognizer import shipped_recognizer

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def softmax(scores: np.ndarray) -> np.ndarray:
    shifted = np.exp(scores - scores.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def run(path: str, pixels: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path)
    image = pixels[None, None].astype(np.float32) / np.float32(255)
    return session.run(None, {"image": image})[0][0]


@pytest.mark.parametrize("shape", [(64, 64), (96, 130), (61, 87), (33, 30)])
def test_detector(shape):
    export_page_network("detector", "detector.onnx")
    network = shipped_detector().copy()
    network.precision = "float32"
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ours = network.predict_map(pixels, 1 / 255)
    theirs = run("detector.onnx", pixels).transpose(1, 2, 0)
    assert theirs.shape == ours.shape
    assert np.abs(theirs - ours).max() <= 1e-5


@pytest.mark.parametrize("width", [40, 101, 1024])
def test_recognizer(width):
    export_page_network("recognizer", "recognizer.onnx")
    network = shipped_recognizer().copy()
    network.precision = "float32"
    pixels = np.random.default_rng(0).integers(0, 256, (32, width), np.uint8)
    layers = _core.Network(network.layers, (32, width, 1))  # its weights fit lines of any width
    layers.set_weights(network.weights())
    scores = layers.scores(pixels[None], 1 / 255)[0]
    theirs = run("recognizer.onnx", pixels)
    assert theirs.shape == scores.shape
    assert np.abs(theirs - softmax(scores)).max() <= 1e-5


def test_metadata():
    export_page_network("recognizer", "recognizer.onnx")
    model = onnx.load("recognizer.onnx")
    onnx.checker.check_model(model, full_check=True)
    kept = {entry.key: entry.value for entry in model.metadata_props}
    assert kept["format"] == "ocrdigit recognizer"
    assert json.loads(kept["classes"])[-2:] == [":", "blank"]


def test_command_line():
    answer = CliRunner().invoke(main, ["export", "detector", "pages.onnx"])
    assert answer.exit_code == 0, answer.output
    assert answer.output == f"pages.onnx: {Path('pages.onnx').stat().st_size:,} bytes\n"
    answer = CliRunner().invoke(main, ["export", "detector", "pages.onnx", "--int8"])
    assert answer.exit_code == 2
    assert "--int8 is for .tflite files" in answer.output


def test_bad_arguments():
    with pytest.raises(ValueError, match="name must be one of detector, recognizer, got 'reader'"):
        export_page_network("reader", "x.onnx")
    with pytest.raises(ValueError, match=r"saved to a \.onnx file, got 'detector\.tflite'"):
        export_page_network("detector", "detector.tflite")
