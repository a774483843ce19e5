"""The command line interface: output, files and exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import ocrdigit
from ocrdigit import _demo
from ocrdigit.cli import main
from ocrdigit.datasets import Dataset

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def data(tmp_path: Path, sample: Dataset) -> Path:
    """An .npz file with 300 training images and 100 test images."""
    path = tmp_path / "data.npz"
    np.savez(
        path,
        X_train=sample.X_train[:300],
        y_train=sample.y_train[:300],
        X_test=sample.X_test[:100],
        y_test=sample.y_test[:100],
    )
    return path


@pytest.fixture
def pictures(tmp_path: Path, sample: Dataset) -> list[Path]:
    paths = [tmp_path / f"digit {i}.png" for i in (3, 4)]
    for i, path in zip((3, 4), paths, strict=True):
        Image.fromarray(255 - sample.X_test[i]).resize((99, 99)).save(path)
    return paths


def failed(result: Result, *parts: str) -> None:
    """Check for exit code 1 and one sentence on standard error."""
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    for part in parts:
        assert part in result.stderr


# -- all commands --


def test_version(run: Run) -> None:
    assert run("--version").output == f"ocrdigit {ocrdigit.__version__}\n"


@pytest.mark.parametrize("command", ["", "train", "evaluate", "predict", "demo", "show-config"])
def test_help(run: Run, command: str) -> None:
    for option in ("--help", "-h"):
        result = run(*command.split(), option)
        assert result.exit_code == 0
        assert result.output.startswith("Usage: ")
        assert max(map(len, result.output.splitlines())) <= 96
        assert not any(line.endswith("...") for line in result.output.splitlines()[1:])
    if command in ("", "train", "evaluate", "predict"):
        assert f"  ocrdigit {command}".rstrip() in result.output.partition("Examples:")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        "nonsense",
        "predict",
        "predict --nonsense x.png",
        "train --recipe sead",
        "train --epochs 0",
        "train --epochs many",
        "train --batch-size -1",
        "train --augment heavy",
        "train --out model.pkl",
        "train --seed -1",
        "train --jobs 0",
        "train --recipe fine-tune",
        "evaluate --severity 6",
        "demo --seed x",
        "show-config more",
    ],
)
def test_wrong_usage(run: Run, arguments: str) -> None:
    result = run(*arguments.split())
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert "Usage: " in result.stderr
    assert not list(Path.cwd().iterdir())


def test_as_a_process(tmp_path: Path, pictures: list[Path]) -> None:
    def process(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ocrdigit", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    good = process("predict", pictures[0])
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.split("png")[1].split()[0] == "3"
    bad = process("predict", tmp_path / "gone.png")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == f"Error: {tmp_path / 'gone.png'}: No such file or directory\n"
    assert process("predict").returncode == 2


# -- predict --


def test_predict(run: Run, pictures: list[Path]) -> None:
    result = run("predict", *pictures)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [re.fullmatch(r".*png +(\d) +\d+\.\d\d%", line)[1] for line in lines] == ["3", "4"]


def test_predict_json(run: Run, pictures: list[Path]) -> None:
    result = run("predict", *pictures, "--json")
    answers = json.loads(result.output)
    assert [answer["digit"] for answer in answers] == [3, 4]
    for answer, path in zip(answers, pictures, strict=True):
        assert answer["file"] == str(path)
        assert len(answer["probabilities"]) == 10
        assert answer["confidence"] == max(answer["probabilities"])
        assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-4)


def test_predict_continues_after_a_bad_file(run: Run, pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(pictures[0].read_bytes()[:50])
    files = [pictures[0], tmp_path / "bad.png", tmp_path / "gone.png", pictures[1]]
    result = run("predict", *files)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2
    errors = result.stderr.splitlines()
    assert len(errors) == 2
    assert "bad.png is not an image that can be read" in errors[0]
    assert errors[1].endswith("gone.png: No such file or directory")
    answers = json.loads(run("predict", *files, "--json").stdout)
    assert ["error" in answer for answer in answers] == [False, True, True, False]


def test_predict_with_a_model(run: Run, pictures: list[Path], model_file: Path) -> None:
    assert run("predict", pictures[0], "--model", model_file).exit_code == 0
    model_file.write_bytes(model_file.read_bytes()[:-9])
    failed(run("predict", pictures[0], "--model", model_file), "model.safetensors", "damaged")
    failed(run("predict", pictures[0], "--model", "gone.safetensors"), "gone.safetensors: No such")


# -- train and evaluate --


def test_train_then_evaluate(run: Run, data: Path, pictures: list[Path]) -> None:
    result = run(
        "train", "--data", data, "--recipe", "seed", "--epochs", 2, "--batch-size", 16,
        "--augment", "none", "--learning-rate", 0.002, "--seed", 1, "--jobs", 2,
        "--out", "m.safetensors",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert re.search(r"test accuracy \d+\.\d\d% \(\d+ of 100\)", result.stdout)
    assert "saved m.safetensors (434 KB)" in result.stdout
    assert [line[:9] for line in result.stderr.splitlines()] == ["epoch 1/2", "epoch 2/2"]
    accuracy = re.search(r"(\d+) of 100", result.stdout)[1]

    result = run("evaluate", "--data", data, "--model", "m.safetensors")
    assert result.exit_code == 0
    assert f"({accuracy} of 100 images right; 95% interval" in result.output
    matrix = np.array(
        [
            [0 if cell == "." else int(cell) for cell in line.split()[1:]]
            for line in result.output.split("confusion matrix")[1].splitlines()[2:12]
        ]
    )
    assert matrix.shape == (10, 10)
    assert matrix.sum(axis=1).tolist() == [10] * 10
    assert matrix.trace() == int(accuracy)
    assert "precision" in result.output

    answer = json.loads(
        run("evaluate", "--data", data, "--model", "m.safetensors", "--json").output
    )
    assert answer["accuracy"] == int(accuracy) / 100
    assert answer["confusion"] == matrix.tolist()

    result = run("train", "--data", data, "--recipe", "fast", "--out", "fast.safetensors")
    assert result.exit_code == 0, result.output
    assert ocrdigit.load("fast.safetensors").architecture == "fast"

    result = run(
        "train", "--data", data, "--from", "m.safetensors", "--epochs", 1, "--quiet",
        "--out", "finer.safetensors",
    )  # fmt: skip
    assert result.exit_code == 0
    assert result.stderr == ""
    assert Path("finer.safetensors").exists()


def test_evaluate_the_default_model_on_data_without_a_split(
    run: Run, tmp_path: Path, sample: Dataset
) -> None:
    np.savez(tmp_path / "own.npz", X=sample.X_test[:50], y=sample.y_test[:50])
    result = run("evaluate", "--data", "own.npz")
    assert result.exit_code == 0
    assert "of 50 images right" in result.output


def test_evaluate_writes_a_report(run: Run, data: Path, model_file: Path) -> None:
    arguments = ("evaluate", "--data", data, "--model", model_file, "--report", "report.html")
    result = run(*arguments, "--severity", 2, "--seed", 3)
    assert result.exit_code == 0, result.output
    assert "corrupted images (severity 2)" in result.stdout
    assert re.search(r"wrote report.html \([\d,]+ KB\)", result.stdout)
    page = Path("report.html").read_text(encoding="utf-8")
    assert "<h1>model.safetensors</h1>" in page
    assert "data.npz, test part" in page

    answer = json.loads(run(*arguments, "--severity", 2, "--seed", 3, "--json").stdout)
    assert f"{answer['robustness']['corruptions']['fog']:.2%}" in result.stdout
    assert Path("report.html").read_text(encoding="utf-8") == page
    answer = json.loads(run(*arguments[:-2], "--robustness", "--json").stdout)
    assert answer["robustness"]["severity"] == 3
    assert "robustness" not in json.loads(run(*arguments[:-2], "--json").stdout)


def test_failures(run: Run, data: Path, tmp_path: Path, model_file: Path) -> None:
    failed(run("evaluate", "--data", "gone"), "gone: No such file")
    failed(run("evaluate", "--data", data, "--report", "no/where.html"), "no/where.html")
    failed(run("train", "--data", "gone"), "gone: No such file")
    failed(run("train", "--data", data, "--out", "no/where.safetensors"), "no/where.safetensors")
    failed(run("train", "--data", data, "--learning-rate", "-1"), "learning_rate must be above 0")
    failed(run("train", "--data", data, "--from", "gone.safetensors"), "gone.safetensors")
    failed(run("demo", "--out", "no/where.png"), "no/where.png")
    (tmp_path / "digits.csv").write_text("rubbish")
    failed(run("evaluate", "--data", "digits.csv"), "digits.csv: ")
    assert not list(tmp_path.glob(".ocrdigit*"))
    assert not Path("model.safetensors").is_dir()


# -- demo and show-config --


def test_demo(run: Run, tmp_path: Path) -> None:
    result = run("demo", "--out", "sheet.png")
    assert result.exit_code == 0, result.output
    right = int(re.search(r"(\d+) of 1,000 test images right", result.stdout)[1])
    assert right > 900
    assert "\u2588" in result.stdout
    assert "Wrote sheet.png" in result.stdout
    assert result.stderr.count("epoch ") >= 3
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 800
        assert len(sheet.convert("RGB").getcolors(1 << 24)) > 100


def test_demo_prints_without_unicode(sample: Dataset) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with contextlib.redirect_stdout(terminal):
        confidence = np.full(10, 0.875)
        images, digits = sample.X_test[:10], sample.y_test[:10]
        _demo.print_digits(images, np.arange(10), confidence, [7, 3], digits)
    terminal.seek(0)
    drawing = terminal.read()
    assert "##" in drawing
    assert "7, 87.5%" in drawing


def test_show_config(run: Run) -> None:
    result = run("show-config")
    assert result.exit_code == 0
    assert "instruction set" in result.output


# -- Ctrl-C in a terminal --


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")
def test_ctrl_c_in_a_terminal(tmp_path: Path, data: Path) -> None:
    import pty
    import termios

    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [sys.executable, "-m", "ocrdigit", "train", "--data", str(data), "--epochs", "99999"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=tmp_path,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(slave), os.O_RDWR)),
    )
    shown = b""
    deadline = time.monotonic() + 60
    while b"epoch     3/99999" not in shown and time.monotonic() < deadline:
        if select.select([master], [], [], 1)[0]:
            shown += os.read(master, 65536)
    os.write(master, b"\x03")
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            shown += os.read(master, 65536)
    while select.select([master], [], [], 0.2)[0]:
        shown += os.read(master, 65536)
    text = shown.decode()
    assert process.returncode == 1, text
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
    last = text.rstrip("\r\n").rpartition("\n")[2].rpartition("\r")[2]
    assert last == "Error: interrupted; the last step's model is in model.interrupted.safetensors"
    assert text.endswith("\r\n")
    assert "Traceback" not in text
    assert not (tmp_path / "model.safetensors").exists()
    ocrdigit.load(tmp_path / "model.interrupted.safetensors")
