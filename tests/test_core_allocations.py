"""Failing allocations: the extension raises MemoryError, and its objects work on."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from core_cases import ENVIRONMENT, SANITIZED

TESTS = Path(__file__).resolve().parent


def run_calls(*arguments: str, **environment: str) -> int:
    """Run failing_calls.py and return how many allocations failed."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(TESTS / "failing_calls.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        env=ENVIRONMENT | environment,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return int(done.stdout.split()[-1])


def test_allocations_of_python_fail():
    pytest.importorskip("_testcapi", reason="this Python has no hooks of its allocator")
    assert run_calls("python") > 300


@pytest.mark.skipif(SANITIZED, reason="a sanitizer replaces the allocator")
def test_allocations_of_the_core_fail(tmp_path):
    compiler = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]) or shutil.which(
        "cc"
    )
    if not compiler or sys.platform != "linux":
        pytest.skip("needs a C compiler and LD_PRELOAD")
    library = tmp_path / "failing_allocations.so"
    source = str(TESTS / "failing_allocations.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", library, "-ldl"], check=True)
    assert run_calls("core", str(library), LD_PRELOAD=str(library)) > 300
