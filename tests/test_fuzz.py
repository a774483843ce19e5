"""The fuzz targets of Python on their seeds and some inputs more, and their engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from core_cases import ENVIRONMENT

FOLDER = Path(__file__).resolve().parent / "fuzz"
NO_TARGETS = {"engine.py", "files.py"}
TARGETS = sorted(path.stem for path in FOLDER.glob("*.py") if path.name not in NO_TARGETS)


def run_engine(target: str, *arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess:
    """Run the engine from the folder of tests' own, where it may write a failing input."""
    paths = f"{folder}:{ENVIRONMENT['PYTHONPATH']}"
    return subprocess.run(
        [sys.executable, str(FOLDER / "engine.py"), target, "--plain", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=ENVIRONMENT | {"PYTHONPATH": paths},
    )


@pytest.mark.parametrize("target", TARGETS)
def test_target(target: str) -> None:
    done = run_engine(target, "--count", "120", "--seed", "1")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "no unexpected exception" in done.stdout


def write_target(folder: Path, body: str) -> None:
    folder.joinpath("other.py").write_text(f"def seeds(): return [b'123']\ndef run(data):\n{body}")


def test_unexpected_exceptions_are_reported(tmp_path: Path) -> None:
    write_target(tmp_path, "    if data != b'123': raise KeyError(data)")
    done = run_engine("other", "--count", "50", folder=tmp_path)
    assert done.returncode != 0
    assert "UnexpectedError: KeyError" in done.stderr
    failing = Path("crash-other")
    assert failing.read_bytes() != b"123"
    done = run_engine("other", "--replay", str(failing.resolve()), folder=tmp_path)
    assert "UnexpectedError: KeyError" in done.stderr


@pytest.mark.parametrize("error", ["ValueError('a')", "OSError('a')", "MemoryError"])
def test_errors_of_bad_input_are_expected(tmp_path: Path, error: str) -> None:
    write_target(tmp_path, f"    raise {error}")
    assert run_engine("other", "--count", "9", folder=tmp_path).returncode == 0


def test_errors_have_a_message(tmp_path: Path) -> None:
    write_target(tmp_path, "    raise ValueError")
    assert "without a message" in run_engine("other", "--count", "9", folder=tmp_path).stderr


def test_same_seed_gives_same_inputs(tmp_path: Path) -> None:
    write_target(tmp_path, "    print(data.hex())")
    arguments = ("--count", "40", "--seed")
    outputs = [run_engine("other", *arguments, seed, folder=tmp_path).stdout for seed in "334"]
    assert outputs[0] == outputs[1] != outputs[2]
    assert len(outputs[0].splitlines()) == 41
