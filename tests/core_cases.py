"""Shared by the tests of ``ocrdigit._core``: a small network, and Python in subprocesses."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from ocrdigit import _core

LAYERS = [
    {"type": "conv2d", "filters": 5, "use_bias": False},
    {"type": "batch_norm"},
    {"type": "relu"},
    {"type": "max_pool2d"},
    {"type": "flatten"},
    {"type": "dropout", "rate": 0.25},
    {"type": "dense", "units": 3},
]
DENSE = {"type": "dense", "units": 3}
DENSE_ONLY = [{"type": "flatten"}, {"type": "dense", "units": 3}]
SIDE = 8


def make_network(seed=0, layers=LAYERS, shape=(SIDE, SIDE, 1)):
    return _core.Network(layers, shape, seed=seed)


def make_trainer(network, **changes):
    settings = {
        "epochs": 1,
        "batch_size": 16,
        "seed": 0,
        "optimizer": "adam",
        "learning_rate": 1e-3,
    }
    return _core.Trainer(network, **(settings | changes))


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


# Subprocesses import the package under test.
HOME = str(Path(_core.__file__).resolve().parents[1])
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(filter(None, [HOME, os.environ.get("PYTHONPATH")]))
}


def run_script(script, timeout=60, **environment):
    """Run Python code in a subprocess and return it; fail if a signal killed it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=tempfile.gettempdir(),  # without a folder named ocrdigit
        env=ENVIRONMENT | environment,
    )
    assert done.returncode >= 0, f"killed by signal {-done.returncode}: {done.stderr}"
    return done


SCRIPT_START = f"""
import os, signal, sys, threading, time
import numpy as np
from ocrdigit import _core
network = _core.Network({LAYERS!r}, ({SIDE}, {SIDE}, 1))
rng = np.random.default_rng(0)
images = rng.random((70, {SIDE}, {SIDE}), dtype=np.float32)
labels = rng.integers(0, 3, 70).astype(np.uint8)
def trainer(network, epochs):
    return _core.Trainer(network, epochs=epochs, batch_size=16, seed=0, optimizer="sgd",
                         learning_rate=1e-3)
"""

# Whether a sanitizer replaces the allocator.
SANITIZED = "san.so" in os.environ.get("LD_PRELOAD", "")
