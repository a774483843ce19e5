"""The comparison of instruction counts, tests/bench/instructions.py."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "bench"))

import instructions

COUNTS = {"predict_one": 600_000, "table": 22_000_000}
ENVIRONMENT = {"compiler": "gcc 12", "libc": "glibc 2.36"}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of made-up counts, which are also those of the current version."""
    monkeypatch.setattr(instructions, "KEPT", tmp_path / "counts.json")
    monkeypatch.setattr(instructions, "build", lambda tree, folder: Path(folder, "program"))
    monkeypatch.setattr(instructions, "describe_environment", lambda: ENVIRONMENT)
    instructions.write(COUNTS, ENVIRONMENT, "the first counts")
    return tmp_path / "counts.json"


def run(monkeypatch: pytest.MonkeyPatch, counts: dict[str, int], *arguments: str) -> int:
    """Run the tool as if callgrind had counted these."""
    monkeypatch.setattr(instructions, "count_paths", lambda program: counts)
    monkeypatch.setattr(sys, "argv", ["instructions.py", *arguments])
    return instructions.main()


@pytest.mark.parametrize(
    ("factor", "code", "message"),
    [
        (1.03, 1, "table: 3.0 % more instructions"),
        (0.97, 1, "table: 3.0 % fewer instructions"),
        (1.021, 1, "table: 2.1 % more instructions"),
        (1.019, 0, None),
        (0.981, 0, None),
        (1.0, 0, None),
    ],
)
def test_changes_above_two_percent_are_flagged(
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    factor: float,
    code: int,
    message: str | None,
) -> None:
    counts = {**COUNTS, "table": round(COUNTS["table"] * factor)}
    assert run(monkeypatch, counts) == code
    output = capsys.readouterr().out
    assert re.findall(r"^\w+: .* instructions$", output, re.MULTILINE) == [message] * code
    assert ("--update" in output) == bool(code)
    marked = [line.split()[0] for line in output.splitlines() if line.endswith("<--")]
    assert marked == ["table"] * code


def test_update_keeps_the_counts_and_prints_the_reason(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slower = {**COUNTS, "table": 23_000_000}
    assert run(monkeypatch, slower) == 1
    assert run(monkeypatch, slower, "--update", "tables with merged cells") == 0
    output = capsys.readouterr().out
    assert "because: tables with merged cells" in output
    assert "22,000,000      23,000,000   +4.55 %" in output
    assert json.loads(kept.read_text()) == {
        "environment": ENVIRONMENT,
        "reason": "tables with merged cells",
        "counts": slower,
    }
    assert run(monkeypatch, slower) == 0


@pytest.mark.parametrize(("factor", "code"), [(1.03, 1), (1.01, 0)])
def test_other_compilers_are_compared_with_the_parent_commit(
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    factor: float,
    code: int,
) -> None:
    here = {**ENVIRONMENT, "compiler": "gcc 14"}
    parent = {name: 2 * count for name, count in COUNTS.items()}
    revisions = []

    def counts_of_version(revision: str, folder: Path) -> dict[str, int]:
        revisions.append(revision)
        return parent

    monkeypatch.setattr(instructions, "describe_environment", lambda: here)
    monkeypatch.setattr(instructions, "counts_of_version", counts_of_version)
    counts = {name: round(count * factor) for name, count in parent.items()}
    assert run(monkeypatch, counts) == code
    assert revisions == ["HEAD^"]
    assert "compiler: kept with 'gcc 12', here 'gcc 14'" in capsys.readouterr().out
    assert run(monkeypatch, counts, "--base", "v1") == code
    assert revisions == ["HEAD^", "v1"]


def test_new_and_removed_paths_are_listed(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, {"table": COUNTS["table"], "new": 5}) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert lines == [
        ["table", "22,000,000", "22,000,000", "+0.00", "%"],
        ["new", "none", "5"],
        ["predict_one", "600,000", "none"],
    ]


@pytest.mark.parametrize("output", ["", "Collected : ", "==1== Collected : 0\n"])
def test_output_without_a_count_is_an_error(output: str) -> None:
    assert instructions.collected("==7== Collected : 597689\n") == 597689
    with pytest.raises(ValueError, match=r"callgrind's output: expected a count above 0"):
        instructions.collected(output)


def test_unknown_versions_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failed = subprocess.CompletedProcess([], 128, b"", b"fatal: not a valid object name")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match="base: got 'nowhere', expected a version in this clone"):
        instructions.counts_of_version("nowhere", tmp_path)


def test_a_program_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "instructions: expected the table")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match=r"(?s)table avx2 failed:.*expected the table"):
        instructions.count(Path("program"), "table")


def test_every_path_has_a_kept_count() -> None:
    kept = json.loads(instructions.KEPT.read_text())
    folder = instructions.HERE / "instructions"
    sources = "".join(path.read_text() for path in sorted(folder.glob("*_paths.c")))
    assert sorted(kept["counts"]) == sorted(re.findall(r'\{"(\w+)", path_\w+\}', sources))
    assert len(kept["counts"]) >= 12
    assert min(kept["counts"].values()) > 100_000
    assert set(kept["environment"]) == {"compiler", "flags", "libc", "valgrind", "isa"}
    assert kept["reason"]
