"""Instruction sets agree within rounding; OCRDIGIT_ISA selects one for a process."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from ocrdigit import _core

NAMES = ("scalar", "avx2", "avx512", "neon", "simd128")
AVAILABLE = ("scalar", *_core.cpu_features())

WORK = """
import sys
import numpy as np
import ocrdigit
from ocrdigit import _core, architectures

sample = ocrdigit.datasets.load_sample()
images, labels = sample.X_train[:96], sample.y_train[:96].astype(np.uint8)
network = _core.Network(architectures.resolve("seed"), seed=1)
loss, _, gradients = network.gradient(images, labels, 1 / 255)
np.savez(
    sys.argv[1],
    name=_core.instruction_set(),
    probabilities=ocrdigit.predict_proba(sample.X_test),
    loss=loss,
    **gradients,
)
"""


def run(name, folder, *command):
    """Run a process under an instruction set, in a folder without a source tree."""
    return subprocess.run(
        [sys.executable, "-c", *command],
        cwd=folder,
        env={**os.environ, "OCRDIGIT_ISA": name},
        capture_output=True,
        text=True,
        timeout=100,
    )


def results_under(name, folder):
    file = folder / f"{name}.npz"
    process = run(name, folder, WORK, str(file))
    assert process.returncode == 0, process.stderr
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def scalar(tmp_path_factory):
    return results_under("scalar", tmp_path_factory.mktemp("scalar"))


def test_scalar_is_scalar(scalar):
    assert scalar["name"] == "scalar"


@pytest.mark.parametrize("name", NAMES[1:])
def test_agrees_with_scalar(name, scalar, tmp_path):
    if name not in AVAILABLE:
        pytest.skip(f"this machine has no {name}")
    results = results_under(name, tmp_path)
    assert results.pop("name") == name
    assert results.keys() == scalar.keys() - {"name"}
    for tensor, values in results.items():
        expected = scalar[tensor]
        absolute = 1e-5 * np.abs(expected).max()  # for sums that cancel
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=absolute, err_msg=tensor)


@pytest.mark.parametrize("name", NAMES[1:])
def test_unavailable_one_fails(name, tmp_path):
    if name in AVAILABLE:
        pytest.skip(f"this machine has {name}")
    process = run(name, tmp_path, "import ocrdigit")
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1] == (
        "ImportError: environment variable OCRDIGIT_ISA: "
        f"instruction set '{name}' is not available on this machine"
    )


@pytest.mark.parametrize("name", ["sse9", "AVX2", "scalar ", "x" * 5000])
def test_unknown_one_fails(name, tmp_path):
    process = run(name, tmp_path, "import ocrdigit")
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1] == (
        "ImportError: environment variable OCRDIGIT_ISA: "
        f"instruction set: got '{name[:40]}', expected scalar, avx2, avx512, neon or simd128"
    )


def test_empty_name_selects_an_available_one(tmp_path):
    process = run("", tmp_path, "from ocrdigit import _core; print(_core.instruction_set())")
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() in AVAILABLE
