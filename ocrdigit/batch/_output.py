"""A table that grows with each source, and that an interrupted run can go on with."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, BinaryIO

from ._formats import Row, format_of
from ._job import Columns
from ._journal import Commit, Journal
from ._sources import Source
from ._summary import Summary

_INTERVAL = 0.1  # seconds between two commits
_BLOCK = 1 << 20


class Output:
    """The table and its journal. Rows are written at once, and committed some times a second."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        columns: Columns,
        settings: Mapping[str, Any],
        *,
        resume: bool,
        overwrite: bool,
    ) -> None:
        self._path = os.fsdecode(path)
        self._format = format_of(self._path, columns)
        self._working = self._format.working_path(self._path)
        self._settings = json.loads(json.dumps(settings, default=str))  # plain data
        self._journal_path = f"{self._path}.journal"
        self._check(resume=resume, overwrite=overwrite)
        self._fresh = overwrite or not Journal.is_begun(self._journal_path)
        self._state = Commit()
        self._committed = 0.0

    @property
    def sources(self) -> int:
        """The number of sources whose rows are in the table."""
        return self._state.sources

    @property
    def counts(self) -> Mapping[str, int]:
        """Their results by status."""
        return self._state.counts

    def __enter__(self) -> Output:
        with _naming(self._journal_path):
            self._journal = Journal(self._journal_path, self._settings, fresh=self._fresh)
        try:
            self._file = self._open()
        except BaseException:
            self._journal.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            # After an error of the disk the state may be ahead of the file.
            if kind is not None and not self._file.closed and not isinstance(error, OSError):
                self._commit()
        finally:
            self._file.close()
            self._journal.close()

    def check_sources(self, sources: Iterable[Source]) -> None:
        """Raise ValueError unless the sources in the table are these."""
        chain, count = "", 0
        for source in sources:
            chain, count = _chained(chain, source), count + 1
        if (count, chain) != (self._state.sources, self._state.chain):
            raise ValueError(
                f"resume: the interrupted run that wrote {self._path} has read "
                f"{self._state.sources:,} other sources, or they were changed since"
            )

    def append(self, source: Source, rows: Sequence[Row], summary: Summary) -> None:
        """Write the rows of a source."""
        self._write(
            self._format.encode(rows),
            sources=self._state.sources + 1,
            chain=_chained(self._state.chain, source),
            counts={**summary.counts},
        )
        if time.monotonic() - self._committed >= _INTERVAL:
            self._commit()

    def finish(self) -> None:
        """Complete the table and remove the journal."""
        self._commit()
        with _naming(self._path):
            os.fsync(self._file.fileno())
            self._file.close()
            self._format.finish(self._path)
        self._journal.remove()
        if self._working != self._path:
            os.unlink(self._working)

    def _check(self, *, resume: bool, overwrite: bool) -> None:
        if resume and overwrite:
            raise ValueError("resume and overwrite exclude each other")
        self._format.check(self._path)
        interrupted = Journal.is_begun(self._journal_path)
        if os.path.isdir(self._path):
            raise IsADirectoryError(errno.EISDIR, "is a folder", self._path)
        if overwrite or (resume and interrupted):
            return
        if interrupted:
            raise FileExistsError(
                errno.EEXIST, "exists, of an interrupted run: resume or overwrite it", self._path
            )
        if os.path.exists(self._path):
            reason = "exists, and is not of an interrupted run" if resume else "exists"
            raise FileExistsError(errno.EEXIST, f"{reason}; overwrite replaces it", self._path)

    def _open(self) -> BinaryIO:
        """Open the table where the last commit was, or begin it."""
        if self._journal.settings != self._settings:
            raise ValueError(self._difference(self._journal.settings))
        last = self._journal.last
        with _naming(self._working):
            flags = os.O_RDWR | os.O_CREAT | (os.O_TRUNC if last is None else 0)
            file = open(os.open(self._working, flags, 0o666), "r+b", buffering=0)  # noqa: SIM115
        if last is not None:
            if _checksum(file, last.size) != last.checksum:
                file.close()
                raise ValueError(f"resume: {self._working} was changed since the interrupted run")
            file.truncate(last.size)
            file.seek(last.size)
            self._state = last
            return file
        self._file = file
        self._write(self._format.header())
        self._commit()
        return file

    def _difference(self, before: Mapping[str, Any]) -> str:
        """Return the sentence about the first setting that is another one than before."""
        names = [*self._settings, *before]
        name = next(n for n in names if self._settings.get(n) != before.get(n))
        return (
            f"resume: the interrupted run that wrote {self._path} had {name}={before.get(name)!r}, "
            f"got {self._settings.get(name)!r}"
        )

    def _write(self, data: bytes, **changes: Any) -> None:
        with _naming(self._working):
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
        self._state = replace(
            self._state,
            size=self._state.size + len(data),
            checksum=zlib.crc32(data, self._state.checksum),
            **changes,
        )

    def _commit(self) -> None:
        with _naming(self._journal_path):
            self._journal.append(self._state)
        self._committed = time.monotonic()


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Name a file in the errors of its system calls."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"cannot write: {error.strerror}", path) from error


def _chained(chain: str, source: Source) -> str:
    return hashlib.sha256(f"{chain}\0{source.fingerprint}".encode()).hexdigest()


def _checksum(file: BinaryIO, size: int) -> int | None:
    """Return the CRC-32 of the first bytes of a file; None if it has fewer."""
    checksum = 0
    while size:
        block = file.read(min(size, _BLOCK))
        if not block:
            return None
        checksum = zlib.crc32(block, checksum)
        size -= len(block)
    return checksum
