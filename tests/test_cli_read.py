"""``ocrdigit read`` with folders and tables."""

from __future__ import annotations

import csv
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

import ocrdigit
from ocrdigit import synth
from ocrdigit.batch import Batch
from ocrdigit.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "scans" / "more").mkdir(parents=True)
    for i, field in enumerate(synth.strings(6, length=(3, 6), random_state=4)):
        Image.fromarray(field.image).save(f"scans/{'more/' if i > 3 else ''}{i}.png")
    return lambda *arguments: CliRunner().invoke(main, ["read", *map(str, arguments)])


def rows_of(path: str) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_table(run: Run) -> None:
    result = run("scans", "--out", "table.csv", "--min-confidence", "0.99")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr.startswith("6 sources, in ")
    results = list(ocrdigit.read_many("scans", min_confidence=0.99, progress=False))
    rows = rows_of("table.csv")
    assert [row["text"].removeprefix("'") for row in rows] == [r.text for r in results]
    assert [row["status"] for row in rows] == [r.status for r in results]
    assert not logging.getLogger("ocrdigit").isEnabledFor(logging.INFO)


def test_formats(run: Run) -> None:
    assert run("scans", "--out", "table.jsonl", "--rows", "symbols", "--jobs", 1).exit_code == 0
    rows = [json.loads(line) for line in Path("table.jsonl").read_text().splitlines()]
    assert [row["place"] for row in rows[:3]] == [0, 1, 2]
    result = run("scans", "--out", "table.xlsx")
    assert result.exit_code == 1
    assert "Error: path must end in .csv" in result.stderr


def test_options_reach_the_reader(run: Run) -> None:
    Path("words.txt").write_text("1874\n35000")
    result = run("scans", "--out", "a.csv", "--lexicon", "words.txt", "--model", "tiny", "--quiet")
    assert result.exit_code == 0
    assert {row["text"] for row in rows_of("a.csv")} <= {"1874", "35000", ""}


def test_failed_files(run: Run) -> None:
    Path("scans/2.png").write_bytes(b"")
    result = run("scans", "gone.png", "--out", "table.csv")
    assert result.exit_code == 1
    errors = result.stderr.splitlines()
    assert errors[0] == "Error: scans/2.png is not an image that can be read"
    assert errors[1] == "Error: gone.png: No such file or directory"
    assert errors[2].endswith(": 5 read, 2 failed")
    assert [row["error"] for row in rows_of("table.csv") if row["error"]] == [
        error.removeprefix("Error: ") for error in errors[:2]
    ]


def test_existing_table(run: Run) -> None:
    Path("table.csv").write_text("precious")
    for options in ((), ("--resume",)):
        result = run("scans", "--out", "table.csv", *options)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: table.csv: exists")
    assert Path("table.csv").read_text() == "precious"
    assert run("scans", "--out", "table.csv", "--overwrite").exit_code == 0
    assert len(rows_of("table.csv")) == 6


def test_folder_without_pictures(run: Run) -> None:
    os.mkdir("empty")
    result = run("empty", "--out", "table.csv")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: empty is a folder without pictures")


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Batch, "write", interrupt)
    result = run("scans", "--out", "table.csv")
    assert result.exit_code == 1
    assert result.stderr == "Error: interrupted; --resume continues table.csv\n"


def test_killed_process_is_resumed(run: Run) -> None:
    often = ["scans"] * 60
    assert run("scans", "--out", "whole.csv").exit_code == 0
    command = [sys.executable, "-m", "ocrdigit", "read", *often, "--out", "table.csv"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        journal = Path("table.csv.journal")
        if journal.exists() and journal.read_text().count("\n") > 2:  # its header, an empty table
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert Path("table.csv.journal").exists()
    result = run(*often, "--out", "table.csv", "--resume")
    assert result.exit_code == 0
    assert "of them before" in result.stderr
    header, *lines = Path("whole.csv").read_text().splitlines()
    assert Path("table.csv").read_text().splitlines() == [header, *lines * 60]
    assert not Path("table.csv.journal").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        "--resume",
        "--overwrite",
        "--min-confidence 0.5",
        "--rows symbols",
        "--out t.csv --json",
        "--out t.csv --draw boxes",
        "--out t.csv --csv",
        "--out t.csv --min-confidence 2",
        "--out t.csv --jobs 0",
    ],
)
def test_wrong_usage(run: Run, arguments: str) -> None:
    assert run("scans", *arguments.split()).exit_code == 2
    assert sorted(os.listdir()) == ["scans"]


def test_printing_a_folder(run: Run) -> None:
    texts = [r.text for r in ocrdigit.read_many("scans", progress=False)]
    lines = run("scans").stdout.splitlines()
    assert [line.split(": ")[1] for line in lines] == texts
    assert lines[5].startswith("scans/more/5.png: ")
    assert run("scans/0.png").stdout == f"{texts[0]}\n"
    answers = json.loads(run("scans/*.png", "--json", "--draw", "boxes").stdout)
    assert [answer["text"] for answer in answers] == texts[:4]
    assert answers[0]["pages"][0].keys() == {"page", "width", "height"}
    assert sorted(os.listdir("boxes")) == ["0.png", "1.png", "2.png", "3.png"]
