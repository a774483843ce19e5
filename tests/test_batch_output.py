"""The tables of batches: formats, interrupted runs, full disks, files that exist."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ocrdigit
from ocrdigit import _core, synth
from ocrdigit.batch import Batch, _formats, encode_table
from ocrdigit.batch._formats import FORMATS, cell
from ocrdigit.batch._journal import Journal
from ocrdigit.batch._output import Output
from ocrdigit.many import PageResult

SUFFIXES = [".csv", ".jsonl", ".parquet"]
COUNT = 24


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with fields, one of them a broken file."""
    folder = tmp_path_factory.mktemp("scans")
    for i, field in enumerate(synth.strings(COUNT - 1, length=(3, 6), random_state=0)):
        Image.fromarray(field.image).save(folder / f"{i:03}.png")
    (folder / "007b.png").write_bytes(b"\x89PNG\r\n")
    return folder


def batch(scans: Path, **options: Any) -> Batch[PageResult]:
    known = {"on_error": "return", "progress": False, "min_confidence": 0.9, "n_jobs": 2}
    return ocrdigit.read_many(scans, **{**known, **options})


def write(
    scans: Path, path: str, *, resume: bool = False, **options: Any
) -> ocrdigit.batch.Summary:
    return batch(scans, **options).write(path, resume=resume)


@pytest.fixture(scope="module", params=SUFFIXES)
def complete(request: pytest.FixtureRequest, scans: Path) -> tuple[str, bytes]:
    """The suffix and the bytes of an uninterrupted run's table."""
    if request.param == ".parquet":
        pytest.importorskip("pyarrow")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/table{request.param}"
        assert write(scans, path).sources == COUNT
        assert os.listdir(folder) == [f"table{request.param}"]
        return request.param, Path(path).read_bytes()


def stop_after(count: int, scans: Path, path: str, **options: Any) -> None:
    """Begin a table, and stop after the rows of so many sources."""

    class StopError(Exception):
        pass

    running = batch(scans, **options)
    append = Output.append

    def counted(self: Any, *arguments: Any) -> None:
        append(self, *arguments)
        if self.sources == count:
            raise StopError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Output, "append", counted)
        with pytest.raises(StopError):
            running.write(path)


def start_child(function: Callable[[], object]) -> int:
    """Call a function in a child process, whose exit status is 0, or 1 after an error."""
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            function()
            status = 0
        os._exit(status)
    return child


def in_child(function: Callable[[], object]) -> int:
    """Call a function in a child process and return its exit status."""
    return os.waitstatus_to_exitcode(os.waitpid(start_child(function), 0)[1])


class TestFormats:
    def test_csv(self, scans: Path) -> None:
        write(scans, "table.csv")
        text = Path("table.csv").read_text()
        rows = list(csv.DictReader(io.StringIO(text)))
        assert list(rows[0]) == [
            "source", "page", "status", "row", "number", "text", "value", "confidence",
            "x", "y", "width", "height", "error",
        ]  # fmt: skip
        results = list(batch(scans))
        assert [row["text"].removeprefix("'") for row in rows] == [r.text for r in results]
        assert {row["source"] for row in rows} == {str(path) for path in scans.iterdir()}
        failed = rows[8]
        assert failed["source"] == str(scans / "007b.png")
        assert (failed["status"], failed["text"], failed["page"]) == ("failed", "", "")
        assert "007b.png is not an image that can be read" in failed["error"]
        assert {row["status"] for row in rows} == {"read", "review", "failed"}
        for row, result in zip(rows, results, strict=True):
            assert row["value"] == ("" if result.value is None else str(result.value))

    def test_json_lines(self, scans: Path) -> None:
        write(scans, "table.jsonl")
        rows = [json.loads(line) for line in Path("table.jsonl").read_text().splitlines()]
        results = list(batch(scans))
        assert [row["text"] for row in rows] == [r.text or None for r in results]
        assert rows[0]["value"] == str(results[0].value)
        assert rows[0]["confidence"] == pytest.approx(results[0].confidence, abs=1e-6)
        assert [rows[0][name] for name in ("x", "y", "width", "height")] == list(
            results[0].numbers[0].box
        )
        assert rows[8]["row"] is None

    def test_parquet(self, scans: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")
        write(scans, "table.parquet")
        write(scans, "table.jsonl")
        table = parquet.read_table("table.parquet")
        assert table.to_pylist() == [
            json.loads(line) for line in Path("table.jsonl").read_text().splitlines()
        ]
        assert str(table.schema.field("page").type) == "int64"
        assert str(table.schema.field("error").type) == "string"

    def test_parquet_has_row_groups(self, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")
        monkeypatch.setattr(_formats, "_ROW_GROUP", 10)
        write(scans, "table.parquet")
        assert parquet.ParquetFile("table.parquet").num_row_groups == 3

    def test_parquet_without_pyarrow(self, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'ocrdigit\[parquet\]'"):
            write(scans, "table.parquet")
        assert os.listdir() == []

    def test_symbols(self, scans: Path) -> None:
        batch(scans).write("table.csv", table="symbols")
        rows = list(csv.DictReader(open("table.csv")))  # noqa: SIM115
        results = list(batch(scans))
        symbols = [str(s.value) for r in results for n in r.numbers for s in n.symbols]
        assert [row["value"].removeprefix("'") for row in rows if row["value"]] == symbols
        assert [row["place"] for row in rows[:3]] == ["0", "1", "2"]
        with pytest.raises(ValueError, match="table must be one of 'numbers', 'symbols', got 'x'"):
            batch(scans).write("other.csv", table="x")

    def test_to_frame(self, scans: Path) -> None:
        pandas = pytest.importorskip("pandas")
        frame = batch(scans).to_frame()
        results = list(batch(scans))
        assert len(frame) == COUNT
        assert frame["text"].fillna("").tolist() == [r.text for r in results]
        assert isinstance(frame["value"][0], Decimal)
        assert frame["page"].dtype == "Int64"
        assert frame["page"][8] is pandas.NA
        assert frame["confidence"].dtype == float
        assert "place" in batch(scans).to_frame("symbols").columns

    def test_unknown_suffix(self, scans: Path) -> None:
        message = r"path must end in \.csv, \.jsonl, \.ndjson, \.parquet, got 'table\.xlsx'"
        with pytest.raises(ValueError, match=message):
            write(scans, "table.xlsx")
        assert FORMATS[".ndjson"] is FORMATS[".jsonl"]

    def test_begun_batch(self, scans: Path) -> None:
        begun = batch(scans)
        next(begun)
        with pytest.raises(ValueError, match="nothing was read yet"):
            begun.write("table.csv")
        begun.close()


class TestSpreadsheets:
    @pytest.mark.parametrize("text", ["-350", "0", "12.5", "123456789012345", "scan 7.png", "٣"])
    def test_data_stay_as_they_are(self, text: str) -> None:
        assert cell(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            "007", "0042.5", "+350", "-007", "1234567890123456", "31/12/2024", "12:30", "1,250",
            "12 50", "031-555-1234", "-3-4", "-1+1", ".5", "12.-", "=1+1", "=cmd|' /C calc'!A0",
            "@SUM(A1)", "+1+1", "-scan.png", "\t=1", "\r=1", "\n=1", "'quoted",
        ],
    )  # fmt: skip
    def test_others_become_texts(self, text: str) -> None:
        assert cell(text) == f"'{text}"
        assert cell(text).removeprefix("'") == text

    def test_values_that_are_no_texts(self) -> None:
        assert cell(None) is None
        assert cell(-3) == -3
        assert cell(-0.5) == -0.5
        assert cell(Decimal("-350.10")) == "-350.10"
        assert cell(Decimal("1E+3")) == "1000"

    def test_name_of_a_file(self, tmp_path: Path) -> None:
        Image.fromarray(synth.string("0042", random_state=0).image).save("=1+1.png")
        ocrdigit.read_many("=1+1.png", progress=False, length=4).write("table.csv")
        (row,) = csv.DictReader(open("table.csv"))  # noqa: SIM115
        assert row["source"] == "'=1+1.png"
        assert row["text"][:2] == "'0"


class TestResume:
    def test_killed_at_any_moment(self, complete: tuple[str, bytes], scans: Path) -> None:
        """After 20 kills at random moments the table is that of an uninterrupted run."""
        suffix, expected = complete
        path, journal = Path(f"table{suffix}"), Path(f"table{suffix}.journal")
        random = np.random.default_rng(len(suffix))
        start = time.perf_counter()
        assert in_child(lambda: write(scans, f"whole{suffix}")) == 0
        duration = time.perf_counter() - start
        kills = 0
        while kills < 20:
            child = start_child(lambda: write(scans, str(path), resume=True))
            time.sleep(random.uniform(0, duration / 2))
            os.kill(child, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert status in (0, -signal.SIGKILL)
            kills += status != 0
            if path.exists() and not journal.exists():  # it is complete
                assert path.read_bytes() == expected
                path.unlink()
        write(scans, str(path), resume=True)
        assert path.read_bytes() == expected

    def test_other_pictures_in_memory(self) -> None:
        pictures = [np.full((40, 60), level, np.uint8) for level in (200, 210, 220)]
        begun = ocrdigit.read_many([*pictures[:2], b"?"], progress=False)
        with pytest.raises(ValueError, match="not an image"):
            begun.write("table.csv")
        other = ocrdigit.read_many(pictures[::-1], progress=False)
        with pytest.raises(ValueError, match="other sources"):
            other.write("table.csv", resume=True)
        ocrdigit.read_many(pictures, length=np.int64(4), progress=False).write("other.csv")

    @pytest.mark.parametrize("count", [1, 8, 9, COUNT])
    def test_stopped_after(self, complete: tuple[str, bytes], scans: Path, count: int) -> None:
        suffix, expected = complete
        path = f"table{suffix}"
        stop_after(count, scans, path)
        summary = write(scans, path, resume=True)
        assert Path(path).read_bytes() == expected
        assert os.listdir() == [path]
        assert (summary.sources, summary.resumed) == (COUNT, count)
        assert sum(summary.counts.values()) == COUNT
        assert summary.failed == 1
        assert f"{count:,} of them before" in str(summary)

    def test_rows_after_the_last_commit_are_dropped(
        self, complete: tuple[str, bytes], scans: Path
    ) -> None:
        suffix, expected = complete
        path = f"table{suffix}"
        stop_after(12, scans, path)
        for name in (path if suffix != ".parquet" else f"{path}.rows", f"{path}.journal"):
            with open(name, "ab") as file:
                file.write(b'{"source": "hal')
        write(scans, path, resume=True)
        assert Path(path).read_bytes() == expected

    def test_killed_while_the_table_is_completed(
        self, complete: tuple[str, bytes], scans: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        suffix, expected = complete

        def fail(*arguments: object) -> None:
            raise KeyboardInterrupt

        for owner, name in ((os, "fsync"), (os, "replace"), (Journal, "remove")):
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, fail)
                with contextlib.suppress(KeyboardInterrupt):
                    write(scans, f"table{suffix}", resume=True)
            if name != "replace" or suffix == ".parquet":
                assert Path(f"table{suffix}.journal").exists()
                assert write(scans, f"table{suffix}", resume=True).resumed == COUNT
            assert Path(f"table{suffix}").read_bytes() == expected
            assert os.listdir() == [f"table{suffix}"]
            os.unlink(f"table{suffix}")

    def test_nothing_to_resume_begins(self, complete: tuple[str, bytes], scans: Path) -> None:
        suffix, expected = complete
        Path(f"table{suffix}.journal").write_text('{"settings"')  # of a run killed at its start
        assert write(scans, f"table{suffix}", resume=True).resumed == 0
        assert Path(f"table{suffix}").read_bytes() == expected

    def test_raised_error_can_be_resumed(self, scans: Path, tmp_path: Path) -> None:
        shutil.copytree(scans, "own")
        with pytest.raises(ValueError, match=r"007b\.png is not an image"):
            write(Path("own"), "table.csv", on_error="raise")
        summary = write(Path("own"), "table.csv", resume=True)
        assert (summary.resumed, summary.failed) == (8, 1)

    def test_parameters_of_numpy(self, scans: Path) -> None:
        options = {"length": (np.int64(3), np.int64(6)), "min_confidence": np.float32(0.5)}
        stop_after(12, scans, "table.csv", **options)
        assert write(scans, "table.csv", resume=True, **options).resumed == 12

    def test_number_of_threads_may_change(self, scans: Path) -> None:
        stop_after(12, scans, "table.csv", n_jobs=1)
        write(scans, "table.csv", resume=True, n_jobs=3)
        write(scans, "whole.csv")
        assert Path("table.csv").read_bytes() == Path("whole.csv").read_bytes()


class TestOtherJobs:
    """A journal of another job is refused, and can be resumed by the right one afterwards."""

    @pytest.fixture(autouse=True)
    def begun(self, scans: Path) -> Iterator[None]:
        stop_after(12, scans, "table.csv")
        yield
        assert write(scans, "table.csv", resume=True).resumed == 12

    def refused(self, message: str, scans: Path, **options: Any) -> None:
        before = Path("table.csv").read_bytes()
        with pytest.raises(ValueError, match=message):
            write(scans, "table.csv", resume=True, **options)
        assert Path("table.csv").read_bytes() == before

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"min_confidence": 0.5}, r"had min_confidence=0\.9, got 0\.5"),
            ({"length": 4}, "had length=None, got 4"),
            ({"pattern": "date"}, "had pattern=None, got 'date'"),
            ({"lexicon": ["12"]}, "had lexicon=None, got '"),
            ({"check": ocrdigit.checks.luhn}, "had check=None, got 'ocrdigit.checks.luhn "),
        ],
    )
    def test_other_parameters(self, scans: Path, options: Any, message: str) -> None:
        self.refused(message, scans, **options)

    def test_other_model(self, scans: Path) -> None:
        self.refused("had model=None, got '", scans, model=ocrdigit.load("tiny"))

    def test_other_table(self, scans: Path) -> None:
        with pytest.raises(ValueError, match="had table='numbers', got 'symbols'"):
            batch(scans).write("table.csv", table="symbols", resume=True)

    def test_other_version(self, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(_core, "__version__", "0.0.9")
            self.refused("had version='.*', got '0.0.9'", scans)

    def test_other_sources(self, scans: Path, tmp_path: Path) -> None:
        message = "has read 12 other sources, or they were changed since"
        self.refused(message, sorted(scans.iterdir())[1:])  # type: ignore[arg-type]
        self.refused(message, sorted(scans.iterdir())[:5])  # type: ignore[arg-type]
        self.refused(message, [])  # type: ignore[arg-type]

    def test_changed_source(self, scans: Path) -> None:
        path = scans / "003.png"
        times = path.stat()
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
        self.refused("other sources, or they were changed", scans)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def test_changed_table(self, scans: Path) -> None:
        data = Path("table.csv").read_bytes()
        Path("table.csv").write_bytes(data.replace(b"read", b"seen", 1))
        self.refused(r"table\.csv was changed since the interrupted run", scans)
        Path("table.csv").write_bytes(data[:100])
        self.refused(r"table\.csv was changed since the interrupted run", scans)
        Path("table.csv").write_bytes(data)

    def test_foreign_journal(self, scans: Path) -> None:
        data = Path("table.csv.journal").read_bytes()
        first, last = data[: data.index(b"\n") + 1], json.loads(data.splitlines()[-1])
        for line in (
            b"[]\n",
            b"[" * 100_000 + b"\n",
            b'{"settings": 3}\n',
            first + b"3\n",
            first + json.dumps(last | {"size": -1}).encode() + b"\n",
            first + json.dumps(last | {"sources": "3"}).encode() + b"\n",
            first + json.dumps(last | {"chain": 3}).encode() + b"\n",
            first + json.dumps(last | {"counts": [1]}).encode() + b"\n",
        ):
            Path("table.csv.journal").write_bytes(line)
            self.refused("is not the journal of an interrupted run", scans)
        with open("table.csv.journal", "wb") as file:
            file.write(first)
            file.truncate(20 << 30)
        self.refused("lines of more than", scans)
        Path("table.csv.journal").write_bytes(data)

    def test_without_resume(self, scans: Path) -> None:
        with pytest.raises(FileExistsError, match="of an interrupted run: resume or overwrite it"):
            write(scans, "table.csv")
        with pytest.raises(ValueError, match="resume and overwrite exclude each other"):
            batch(scans).write("table.csv", resume=True, overwrite=True)


class TestFiles:
    def test_existing_file(self, complete: tuple[str, bytes], scans: Path) -> None:
        suffix, expected = complete
        path = Path(f"table{suffix}")
        path.write_bytes(b"precious")
        for resume, message in ((False, "exists; overwrite"), (True, "not of an interrupted run")):
            with pytest.raises(FileExistsError, match=message):
                write(scans, str(path), resume=resume)
        assert path.read_bytes() == b"precious"
        batch(scans).write(path, overwrite=True)
        assert path.read_bytes() == expected

    def test_overwriting_an_interrupted_run(self, scans: Path) -> None:
        stop_after(12, scans, "table.csv")
        assert batch(scans).write("table.csv", overwrite=True).resumed == 0
        assert os.listdir() == ["table.csv"]

    def test_folders(self, scans: Path) -> None:
        os.mkdir("table.csv")
        with pytest.raises(IsADirectoryError, match="is a folder"):
            write(scans, "table.csv")
        with pytest.raises(FileNotFoundError, match="cannot write"):
            write(scans, "no/table.csv")

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_read_only_file(self, scans: Path, suffix: str) -> None:
        if suffix == ".parquet":
            pytest.importorskip("pyarrow")
        with tempfile.TemporaryDirectory() as folder:  # which another user may enter
            os.chmod(folder, 0o777)
            path = Path(folder) / f"table{suffix}"
            path.write_bytes(b"precious")
            path.chmod(0o444)

            def refused() -> None:
                if os.getuid() == 0:
                    os.setuid(65534)  # root may write all files
                with pytest.raises(PermissionError, match="cannot write"):
                    Output(path, {"a": str}, {}, resume=False, overwrite=True).__enter__()

            assert in_child(refused) == 0
            assert path.read_bytes() == b"precious"

    def test_two_processes(self, scans: Path) -> None:
        columns = {"a": str}
        with Output("table.csv", columns, {}, resume=False, overwrite=False) as output:
            other = Output("table.csv", columns, {}, resume=True, overwrite=False)
            with pytest.raises(BlockingIOError, match="another process is writing this table"):
                other.__enter__()
            output.finish()

    @pytest.mark.parametrize("suffix", SUFFIXES)
    @pytest.mark.parametrize("limit", [50, 1500])
    def test_full_disk(self, scans: Path, suffix: str, limit: int) -> None:
        """A limit of the size of files stands for the disk; then there is space, and it goes on."""
        if suffix == ".parquet":
            pytest.importorskip("pyarrow")
        path = f"table{suffix}"

        def fill() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            with pytest.raises(OSError, match=r"cannot write: File too large: 'table"):
                write(scans, path)

        assert in_child(fill) == 0
        write(scans, path, resume=True)
        write(scans, f"whole{suffix}")
        assert Path(path).read_bytes() == Path(f"whole{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_encoded_tables_are_written_ones(scans: Path, tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"table{suffix}"
    ocrdigit.read_many(scans, on_error="return", progress=False).write(path)
    results = ocrdigit.read_many(scans, on_error="return", progress=False)
    rows = [row for result in results for row in result.to_rows()]
    columns = ocrdigit.many.TABLES["numbers"]
    assert encode_table(rows, columns, suffix) == path.read_bytes()


def test_encoded_tables_of_other_formats_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\.xlsx"):
        encode_table([], {"text": str}, ".xlsx")
