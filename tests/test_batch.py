"""The engine of batches, with a job that reads nothing: order, window, errors, sources."""

from __future__ import annotations

import errno
import gc
import io
import logging
import os
import pickle
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ocrdigit import batch
from ocrdigit.batch import Batch, Job, Source, Status
from ocrdigit.batch._progress import Progress
from ocrdigit.batch._sources import iterate_sources
from ocrdigit.batch._workers import ordered_map


@dataclass(frozen=True)
class Length:
    """The result of the job below."""

    source: str
    length: int = 0
    error: Exception | None = None

    @property
    def status(self) -> Status:
        if self.error:
            return "failed"
        return "read" if self.length else "empty"

    def to_rows(self, table: str = "lengths") -> list[dict[str, Any]]:
        error = None if self.error is None else batch.describe(self.error)
        return [{"source": self.source, "length": self.length, "error": error}]


class Lengths(Job[Length]):
    """Finds the lengths of bytes; the time that it takes is in the first byte, in milliseconds."""

    def __init__(self, unit: str = "byte") -> None:
        self.unit = unit
        self.running = 0
        self.most = 0

    @property
    def tables(self) -> dict[str, dict[str, type]]:
        return {"lengths": {"source": str, "length": int, "error": str}}

    @property
    def settings(self) -> dict[str, Any]:
        return {"unit": self.unit}

    def read(self, source: Source) -> list[Length]:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if not isinstance(source.image, bytes):
                raise TypeError(f"{source.name} is no bytes")
            if source.image:
                time.sleep(source.image[0] / 1000)
            return [Length(source.name, len(source.image))]
        finally:
            self.running -= 1

    def failed(self, source: Source, error: Exception) -> Length:
        return Length(source.name, error=error)


def run(sources: object, **options: Any) -> Batch[Length]:
    return Batch(Lengths(), sources, **{"progress": False, "n_jobs": 2, **options})


def names(sources: object) -> list[str]:
    return [source.name for source in iterate_sources(sources)]


class TestEngine:
    def test_results_are_in_order(self) -> None:
        times = np.random.default_rng(0).integers(0, 8, 60).astype(np.uint8)
        results = list(run(bytes([t]) * n for n, t in enumerate(times)))
        assert [result.length for result in results] == list(range(60))
        assert [result.source for result in results] == [f"sources[{i}]" for i in range(60)]

    @pytest.mark.parametrize("threads", [1, 3])
    def test_threads(self, threads: int) -> None:
        job = Lengths()
        list(Batch(job, [bytes([20])] * 12, n_jobs=threads, progress=False))
        assert job.most == threads

    def test_only_a_window_is_in_flight(self) -> None:
        taken = 0

        def images() -> Iterator[bytes]:
            nonlocal taken
            while True:
                taken += 1
                yield b"\0"

        for count, _ in enumerate(run(images(), ahead=4), 1):
            assert taken <= count + 8
            if count == 200:
                break

    def test_memory_of_pictures_bounds_the_window(self) -> None:
        taken = 0
        large = np.zeros((5000, 5000), np.uint8)

        def images() -> Iterator[np.ndarray]:
            nonlocal taken
            for _ in range(20):
                taken += 1
                yield large

        results = run(images(), ahead=16, on_error="return")
        next(results)
        assert taken <= 4  # of 25 MB each
        assert len(list(results)) == 19

    def test_results_do_not_wait_for_a_slow_generator(self) -> None:
        def slow() -> Iterator[bytes]:
            for _ in range(3):
                yield b"\0"
                time.sleep(0.05)
            pytest.fail("the first result should have come")

        assert next(run(slow())).length == 1

    def test_nothing_is_read_before_the_first_result_is_asked_for(self) -> None:
        def images() -> Iterator[bytes]:
            pytest.fail("not asked for")
            yield b""

        run(images()).close()

    def test_close_stops_the_threads(self) -> None:
        before = set(threading.enumerate())
        with run([bytes([5])] * 100) as results:
            next(results)
        assert set(threading.enumerate()) <= before
        assert list(results) == []
        assert results.summary.sources == 1

    def test_a_batch_that_is_dropped_stops(self) -> None:
        before = set(threading.enumerate())
        gc.disable()
        try:
            for _ in run([bytes([5])] * 100):
                break
            assert set(threading.enumerate()) <= before
        finally:
            gc.enable()

    def test_it_may_be_closed_in_one_of_its_threads(self) -> None:
        """As by the garbage collector, which runs in any thread."""
        begun, suspended, closed = (threading.Event() for _ in range(3))

        def work(source: Source) -> None:
            if source.name == "sources[0]":
                begun.wait(60)
                return
            begun.set()
            suspended.wait(60)
            groups.close()
            closed.set()

        groups = ordered_map(work, iterate_sources([b"a", b"b"]), threads=2, window=2)
        next(groups)
        suspended.set()
        assert closed.wait(60)

    def test_empty(self) -> None:
        results = run([])
        assert list(results) == []
        assert str(results.summary).endswith("no results")

    def test_exception_of_a_generator_comes_after_the_results_before(self) -> None:
        def images() -> Iterator[bytes]:
            yield bytes([30])
            yield b"12"
            raise KeyError("database")

        results = run(images())
        assert [next(results).length for _ in range(2)] == [1, 2]
        with pytest.raises(KeyError, match="database"):
            next(results)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"n_jobs": 0}, ValueError, "n_jobs must be a positive integer, got 0"),
            ({"n_jobs": "two"}, TypeError, "n_jobs must be a positive integer, got 'two'"),
            ({"ahead": 0}, ValueError, "ahead must be a positive integer"),
            ({"on_error": "skip"}, ValueError, "on_error must be one of 'raise', 'return'"),
        ],
    )
    def test_bad_options(self, options: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            run([], **options)

    def test_a_job_can_be_pickled_and_run_elsewhere(self) -> None:
        job = pickle.loads(pickle.dumps(Lengths("bit")))
        assert job.settings == {"unit": "bit"}
        (result,) = job.run(Source("a", b"\0\0"))
        assert result.length == 2
        assert isinstance(job.run(Source("b", 3))[0].error, TypeError)


class TestErrors:
    def test_raise(self) -> None:
        results = run([b"\0", 3.5, b"\0"])
        assert next(results).length == 1
        with pytest.raises(TypeError, match=r"sources\[1\] is no bytes"):
            next(results)

    def test_return(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "ocrdigit"):
            results = run([b"\0", 3.5, b"", b"\0\0"], on_error="return")
            statuses = [result.status for result in results]
        assert statuses == ["read", "failed", "empty", "read"]
        assert results.summary.counts == {"read": 2, "empty": 1, "review": 0, "failed": 1}
        assert results.summary.failed == 1
        error, summary = caplog.records
        assert (error.levelname, error.getMessage()) == ("ERROR", "sources[1] is no bytes")
        assert summary.levelname == "INFO"
        assert summary.getMessage().startswith("4 sources, in ")
        assert summary.getMessage().endswith(": 2 read, 1 empty, 1 failed")

    def test_library_is_silent_without_logging(self, capfd: pytest.CaptureFixture[str]) -> None:
        list(run([1], on_error="return"))
        assert capfd.readouterr() == ("", "")

    def test_errors_do_not_hold_pictures(self) -> None:
        (result,) = run([np.zeros(9)], on_error="return")
        frames = []
        trace = result.error.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
        assert not any("source" in frame.f_locals for frame in frames if not frame.f_back)
        assert all(not frame.f_locals for frame in frames[1:])

    def test_describe(self) -> None:
        missing = FileNotFoundError(errno.ENOENT, "No such file", "a.png")
        assert batch.describe(missing) == "a.png: No such file"
        assert batch.describe(MemoryError()) == "not enough memory"
        assert batch.describe(ValueError()) == "ValueError"


class TestSources:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("b.PNG", "a.jpg", "notes.txt", ".hidden.png", "sub/c.tiff", "sub/deep/d.png"):
            path = tmp_path / "scans" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        return Path("scans")

    def test_folder_is_walked_in_order(self, folder: Path) -> None:
        wanted = ["scans/a.jpg", "scans/b.PNG", "scans/sub/c.tiff", "scans/sub/deep/d.png"]
        assert names(folder) == names("scans") == names([folder]) == wanted

    def test_cycles_of_links(self, folder: Path) -> None:
        wanted = names(folder)
        (folder / "sub" / "up").symlink_to("..")
        (folder / "twice").symlink_to("sub")
        (folder / "itself").symlink_to("itself")
        (folder / "sub" / "again").symlink_to("../..", target_is_directory=True)
        assert [name for name in names(folder) if "again" not in name] == wanted
        assert names("scans/**/?.*") == wanted  # glob.glob has thousands

    def test_link_that_leads_nowhere_is_a_source(self, folder: Path) -> None:
        (folder / "gone.png").symlink_to("nowhere.png")
        assert "scans/gone.png" in names(folder)

    def test_glob(self, folder: Path) -> None:
        assert names("scans/*.jpg") == ["scans/a.jpg"]
        assert names("scans/**/*.png") == ["scans/sub/deep/d.png"]
        assert names("scans/s*") == ["scans/sub/c.tiff", "scans/sub/deep/d.png"]
        assert names("**/*.png") == ["scans/sub/deep/d.png"]
        assert names("scans/**/**") == sorted([*names(folder), "scans/notes.txt"])
        assert names(f"{os.getcwd()}/**/d.png") == [f"{os.getcwd()}/scans/sub/deep/d.png"]
        Path("scans/[1].png").write_bytes(b"")
        assert names("scans/[1].png") == ["scans/[1].png"]
        (source,) = iterate_sources("scans/*.webp")
        assert isinstance(source.error, FileNotFoundError)
        assert batch.describe(source.error) == "scans/*.webp: no file matches this pattern"

    def test_folder_without_pictures(self, tmp_path: Path) -> None:
        (tmp_path / "empty" / "inner").mkdir(parents=True)
        (tmp_path / "empty" / "readme.txt").write_text("none")
        (source,) = iterate_sources("empty")
        assert str(source.error).startswith("empty is a folder without pictures: files that end in")
        with pytest.raises(ValueError, match="empty is a folder without pictures"):
            next(run("empty"))

    def test_folder_that_cannot_be_listed(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listed = os.listdir

        def refuse(path: str) -> list[str]:
            if path.endswith("deep"):
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return listed(path)

        monkeypatch.setattr(os, "listdir", refuse)
        found = list(iterate_sources(folder))
        assert [source.name for source in found] == [*names("scans/?.*"), "scans/sub/c.tiff",
                                                     "scans/sub/deep"]  # fmt: skip
        assert isinstance(found[-1].error, PermissionError)

    def test_pictures_in_memory(self) -> None:
        page = np.zeros((4, 5), np.uint8)
        for one in (
            page,
            page[:, :, None],
            page.tolist(),
            tuple(map(tuple, page.tolist())),
            Image.fromarray(page),
            b"png",
            bytearray(b"png"),
            memoryview(b"png"),
            {"composite": page},
            "data:image/png;base64,AAAA",
        ):
            (source,) = iterate_sources(one)
            assert source.name == "sources[0]"
            assert source.image is one
            assert names([one, one]) == ["sources[0]", "sources[1]"]

    def test_batches_of_arrays(self) -> None:
        for many in (np.zeros((7, 4, 5)), np.zeros((7, 4, 5, 3)), list(np.zeros((7, 4, 5)))):
            assert [s.image.shape[:2] for s in iterate_sources(many)] == [(4, 5)] * 7

    def test_file_objects(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"")
        with open(tmp_path / "a.png", "rb") as file:
            assert names([io.BytesIO(), file]) == ["sources[0]", str(tmp_path / "a.png")]

    def test_nested_iterables(self, folder: Path) -> None:
        mixed = (item for item in ("x.png", [Path("y.png"), b"z"], iter([folder]), {"w.png": 1}))
        assert names(mixed)[:3] == ["x.png", "y.png", "sources[2]"]
        assert names(mixed) == []  # a generator is taken once
        assert names([np.array(["x.png", "y.png"]), "z.png"]) == ["x.png", "y.png", "z.png"]

    def test_columns_of_tables(self) -> None:
        pandas = pytest.importorskip("pandas")
        assert names(pandas.Series(["x.png", "y.png"])) == ["x.png", "y.png"]

    def test_names_that_are_not_utf_8(self) -> None:
        (source,) = iterate_sources(os.fsdecode(b"\xe9.png"))
        assert source.name == r"\udce9.png"

    def test_sizes(self) -> None:
        assert Source("a", np.zeros((3, 4), np.float32)).size == 48
        assert Source("a", b"12345").size == 5
        assert Source("a", Image.new("RGB", (10, 20))).size == 600
        assert Source("a", "a.png").size == Source("a", object()).size == 0

    def test_fingerprints(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"1")
        before = Source("a.png", path).fingerprint
        assert Source("b.png", path).fingerprint != before
        path.write_bytes(b"12")
        assert Source("a.png", path).fingerprint != before
        assert Source("gone", "gone").fingerprint == "gone"


class TestProgress:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def test_bar_shows_rate_errors_and_time_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = self.Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        list(run([bytes([60])] * 4 + [3] + [bytes([60])] * 4, progress=True, on_error="return"))
        shown = terminal.getvalue()
        assert "9/9" in shown
        assert "1 failed" in shown
        assert "file/s" in shown
        assert "<00:00" in shown

    def test_generators_have_no_total(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = self.Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        list(run(iter([b"\0"] * 3), progress=True))
        assert "3file" in terminal.getvalue()

    def test_log_files_get_no_bar(self, capfd: pytest.CaptureFixture[str]) -> None:
        list(run([b"\0"] * 3, progress=True))
        assert capfd.readouterr().err == ""

    def test_resumed_runs_start_where_they_were(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = self.Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        bar = Progress(10, shown=True)
        bar.skip(7)
        bar.close()
        assert "7/10" in terminal.getvalue()


def read_slowly(source: Source) -> bytes:
    """Return the bytes of a file object, or of bytes, a few at a time."""
    file = source.image if hasattr(source.image, "read") else io.BytesIO(source.image)
    file.seek(0)
    parts = []
    while part := file.read(1):
        parts.append(part)
        time.sleep(0.001)
    return b"".join(parts)


def test_threads_do_not_share_the_position_of_a_file() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(3)
    found = ordered_map(read_slowly, iterate_sources([file] * 4), threads=4, window=4)
    assert [data for _, data in found] == [b"0123456789"] * 4
    assert file.tell() == 3


def test_bytes_of_file_objects_count() -> None:
    (source,) = iterate_sources([io.BytesIO(bytes(1000))])
    assert source.size == 0
    assert source.loaded().size == 1000


def test_file_objects_that_cannot_be_read_fail_in_their_place() -> None:
    closed, text = io.BytesIO(), io.StringIO("a")
    closed.close()
    for file in (closed, text):
        (source,) = iterate_sources([file])
        assert isinstance(source.loaded().error, (TypeError, ValueError))


def test_streams_over_the_limit_fail_in_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not read on from where the limit was noticed."""

    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *place: int) -> int:
            raise io.UnsupportedOperation("seek")

    monkeypatch.setattr("ocrdigit.limits.MAX_READ", 100)
    (source,) = iterate_sources([Stream(bytes(1000))])
    assert "100" in str(source.loaded().error)


def _interrupt_inside(groups: Generator[Any, Any, Any]) -> None:
    groups.throw(KeyboardInterrupt)


def _interrupt_loop(groups: Generator[Any, Any, Any]) -> None:
    with closing(groups):
        raise KeyboardInterrupt


@pytest.mark.parametrize("interrupt", [_interrupt_inside, _interrupt_loop])
def test_ctrl_c_does_not_wait_for_what_is_being_read(
    interrupt: Callable[[Generator[Any, Any, Any]], None],
) -> None:
    """Neither inside of the generator, nor when it is closed by the end of the caller's loop."""
    end, begun = threading.Event(), threading.Event()

    def work(source: Source) -> bytes:
        if source.image == b"slow":
            begun.set()
            end.wait(60)
        else:
            begun.wait(60)
        return source.image

    groups = ordered_map(work, iterate_sources([b"fast", b"slow"]), threads=2, window=2)
    try:
        assert next(groups)[1] == b"fast"
        with pytest.raises(KeyboardInterrupt):
            interrupt(groups)
        assert not end.is_set()  # the loop ended while a source was being read
    finally:
        end.set()


@pytest.mark.parametrize("window", [1, 2, 40])
def test_results_in_order_and_sources_within_the_window(window: int) -> None:
    taken = 0

    def sources() -> Iterator[bytes]:
        nonlocal taken
        for i in range(120):
            taken += 1
            yield bytes([i])

    found = ordered_map(
        lambda source: source.image, iterate_sources(sources()), threads=2, window=window
    )
    for count, (_, result) in enumerate(found):
        assert result == bytes([count])
        assert taken - count <= window + 1
    assert count == 119


def test_close_waits_for_what_is_being_read() -> None:
    begun, done = threading.Event(), threading.Event()

    def work(source: Source) -> bytes:
        if source.image == b"slow":
            begun.set()
            time.sleep(0.1)
            done.set()
        else:
            begun.wait(60)
        return source.image

    groups = ordered_map(work, iterate_sources([b"fast", b"slow"]), threads=2, window=2)
    next(groups)
    groups.close()
    assert done.is_set()
