"""Networks exported to C: they compile without warnings and return our probabilities."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from networks import NETWORKS, make_images, make_network, shipped_models

import ocrdigit
from ocrdigit import DigitClassifier, _core
from ocrdigit.cli import main
from ocrdigit.datasets import Dataset
from ocrdigit.models import files
from ocrdigit.models._classes import digits_only

TOLERANCE = 1e-5
STRICT = "-std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Werror"

# Reads images of floats, and writes the class and the probabilities of each.
MAIN = """
#include <stdio.h>
#include <string.h>
#include "digits.h"
int main(void) {
  static float image[DIGITS_HEIGHT * DIGITS_WIDTH * DIGITS_CHANNELS], scratch[DIGITS_SCRATCH];
  static float answer[1 + DIGITS_CLASSES];
  while (fread(image, sizeof image, 1, stdin) == 1) {
    memset(scratch, 0x7f, sizeof scratch); /* huge numbers: the code must not rely on zeros */
    answer[0] = (float)digits_predict(image, scratch);
    digits_probabilities(image, scratch, answer + 1);
    fwrite(answer, sizeof answer, 1, stdout);
  }
  return 0;
}
"""


@pytest.fixture(scope="module", params=["gcc", "clang"])
def compiler(request) -> str:
    if not shutil.which(request.param):
        pytest.skip(f"this machine has no {request.param}")
    return request.param


def run(compiler: str, images: np.ndarray, options: str = "-O2") -> tuple[np.ndarray, np.ndarray]:
    """Return classes and probabilities of digits.c in the current folder."""
    Path("main.c").write_text(MAIN)
    command = [
        compiler,
        *STRICT.split(),
        *options.split(),
        "digits.c",
        "main.c",
        "-lm",
        "-o",
        "run",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pixels = images.astype(np.float32) / np.float32(255 if images.dtype == np.uint8 else 1)
    done = subprocess.run(["./run"], input=pixels.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    answers = np.frombuffer(done.stdout, np.float32).reshape(len(images), -1)
    return answers[:, 0].astype(int), answers[:, 1:]


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS.keys())
def test_it_agrees(compiler, layers):
    network = make_network(layers)
    files.write_model("digits.h", files.Stored(network))
    images = make_images(9)
    classes, probabilities = run(compiler, images)
    assert np.abs(probabilities - network.predict_proba(images, 1.0)).max() <= TOLERANCE
    assert (classes == network.predict(images, 1.0)).all()


def test_odd_sizes_under_the_sanitizers():
    """Images and pools of odd sides, and several channels."""
    if not shutil.which("gcc"):
        pytest.skip("this machine has no gcc")
    pool, flatten = {"type": "max_pool2d"}, {"type": "flatten"}
    conv = {"type": "conv2d", "filters": 5, "kernel_size": 5, "strides": 2}
    layers = [
        {"type": "batch_norm"},
        {"type": "relu"},
        pool,
        conv,
        pool,
        {**conv, "kernel_size": 3, "strides": 1, "padding": "same"},
        pool,
        flatten,
        {"type": "batch_norm"},
        {"type": "dense", "units": 6, "use_bias": False},
    ]
    network = _core.Network(layers, (27, 29, 3), seed=1)
    network.set_weights({name: tensor + 0.1 for name, tensor in network.weights().items()})
    files.write_model("digits.c", files.Stored(network))
    images = np.random.default_rng(0).normal(size=(4, 27, 29, 3)).astype(np.float32)
    sanitizers = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    _, probabilities = run("gcc", images, sanitizers)
    assert np.abs(probabilities - network.predict_proba(images, 1.0)).max() <= TOLERANCE


@pytest.mark.parametrize("path", shipped_models())
def test_shipped_models(compiler, path, sample: Dataset):
    model = ocrdigit.load(path)
    model.save("digits.h")
    classes, probabilities = run(compiler, sample.X_test)
    ours = digits_only(model.network_).predict_proba(sample.X_test, 1 / 255)
    assert len(ours) == 1000
    assert np.abs(probabilities - ours).max() <= TOLERANCE
    assert (classes == ours.argmax(1)).all()


def test_the_files(fitted: DigitClassifier):
    fitted.save("my-2 digits.h")
    header, source = Path("my-2 digits.h").read_text(), Path("my-2 digits.c").read_text()
    assert "int my_2_digits_predict(const float *image, float *scratch);" in header
    assert source.startswith('#include "my-2 digits.h"')
    included = set(re.findall(r"#include (\S+)", source))
    assert included == {'"my-2', "<math.h>"}
    start = header.index("METADATA \\\n") + len("METADATA \\\n")
    literals = re.findall(r'"(?:[^"\\]|\\.)*"', header[start : header.index("/* Return the class")])
    kept = json.loads("".join(json.loads(literal) for literal in literals))
    assert json.loads(kept["preprocessing"]) == files.PREPROCESSING
    assert sorted(path.suffix for path in Path().iterdir()) == [".c", ".h"]


def test_both_files_or_none(fitted: DigitClassifier):
    Path("digits.h").write_text("old header")
    Path("digits.c").mkdir()
    with pytest.raises(OSError, match=r"digits\.c"):
        fitted.save("digits.h")
    assert Path("digits.h").read_text() == "old header"
    assert sorted(path.name for path in Path().iterdir()) == ["digits.c", "digits.h"]
    Path("digits.h").unlink()
    with pytest.raises(OSError, match=r"digits\.c"):
        fitted.save("digits.c")
    assert [path.name for path in Path().iterdir()] == ["digits.c"]
    Path("digits.c").rmdir()
    fitted.save("digits.c")
    assert sorted(path.name for path in Path().iterdir()) == ["digits.c", "digits.h"]


def test_command_line(model_file: Path):
    answer = CliRunner().invoke(main, ["export", str(model_file), "digits.h"])
    assert answer.exit_code == 0
    assert Path("digits.c").exists()
    answer = CliRunner().invoke(main, ["export", str(model_file), "digits.h", "--int8"])
    assert answer.exit_code == 1
    assert "int8 is for .tflite files" in answer.output
