"""The blocks of the page on distributed work that start a cluster: Dask, Ray and Spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import ocrdigit

PAGE = Path(__file__).parents[1] / ".github" / "docs" / "distributed.md"


def blocks() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(*sources: str, home: Path) -> None:
    """Run blocks in a process of their own; Ray keeps a token in the home directory."""
    # Engines start slowly on a busy machine.
    environment = {
        **os.environ,
        "HOME": str(home),
        "RAY_raylet_start_wait_time_s": "180",
        "PYSPARK_PYTHON": sys.executable,
    }
    command = [sys.executable, "-c", "\n".join(sources)]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=400
    )
    assert result.returncode == 0, result.stderr[-3000:]


def check_table(folder: Path, scans: Path) -> None:
    """The table must have each scan once, with the text that is read without a cluster."""
    pq = pytest.importorskip("pyarrow.parquet")
    rows = pq.read_table(folder).to_pylist()
    batch = ocrdigit.read_many(
        scans, pattern=r"\d{6}", min_confidence=0.98, on_error="return", progress=False
    )
    expected = {os.path.basename(result.source): result for result in batch}
    assert len(rows) == len(expected) == 21
    assert Counter(row["status"] for row in rows)["failed"] == 1
    for row in rows:
        result = expected.pop(os.path.basename(row["source"]))
        assert (row["status"], row["text"] or "") == (result.status, result.text)


def starting_with(start: str) -> str:
    (block,) = (block for block in blocks() if block.startswith(start))
    return block


def test_dask(tmp_path: Path) -> None:
    for module in ("dask.bag", "dask.dataframe", "distributed"):
        pytest.importorskip(module)
    run(*blocks()[:2], starting_with("from dask.distributed"), home=tmp_path)
    check_table(tmp_path / "table", tmp_path / "scans")


@pytest.mark.parametrize("engine", ["ray", "pyspark"])
def test_recipes_have_ten_lines(engine: str) -> None:
    block = starting_with({"ray": "import ray", "pyspark": "from pyspark"}[engine])
    assert sum(bool(line.strip()) for line in block.splitlines()) <= 10


def test_ray(tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    run(blocks()[0], starting_with("import ray"), home=tmp_path)
    check_table(tmp_path / "by-ray", tmp_path / "scans")


def test_spark(tmp_path: Path) -> None:
    pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("this machine has no Java")
    run(blocks()[0], starting_with("from pyspark"), home=tmp_path)
    check_table(tmp_path / "by-spark", tmp_path / "scans")
