"""The journal of a table that grows: how far it is, for a run that goes on.

Its first line holds the settings of the run; each other line is a commit. A run that is killed
leaves the journal, and perhaps rows after the last commit, or a commit that is cut.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .._system import lock_file, remove_locked

_MAX_LINE = 1 << 26  # bytes


@dataclass(frozen=True)
class Commit:
    """A state of the table.

    Attributes
    ----------
    size, checksum : int
        Bytes of the table, and their CRC-32.
    sources : int
        Sources whose rows are in it.
    chain : str
        A digest of the fingerprints of these sources.
    counts : dict of str to int
        Their results by status.
    """

    size: int = 0
    checksum: int = 0
    sources: int = 0
    chain: str = ""
    counts: dict[str, int] = field(default_factory=dict)


class Journal:
    """The journal that this process writes; no other can at the same time.

    Attributes
    ----------
    settings : dict
        Those of the run that began it.
    last : Commit or None
        The last commit; None before the first.
    """

    def __init__(self, path: str, settings: Mapping[str, Any], *, fresh: bool) -> None:
        self._path = path
        self._file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)  # noqa: SIM115
        try:
            self._lock()
            first, last, end = (b"", b"", 0) if fresh else self._lines(path)
            if not first:
                first = _line({"settings": settings})
                end = len(first)
                self._file.truncate(0)
                self._file.seek(0)
                self._file.write(first)
            self.settings, self.last = _parsed(first, last, path)
            self._file.truncate(end)
            self._file.seek(end)
        except BaseException:
            self._file.close()
            raise

    @staticmethod
    def is_begun(path: str) -> bool:
        """Return whether there is a journal with the settings of a run."""
        try:
            with open(path, "rb") as file:
                return file.readline(_MAX_LINE).endswith(b"\n")
        except FileNotFoundError:
            return False

    def append(self, commit: Commit) -> None:
        """Add a commit."""
        self._file.write(_line(asdict(commit)))

    def remove(self) -> None:
        """Remove the journal, as the table is complete."""
        remove_locked(self._file, self._path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _lines(self, path: str) -> tuple[bytes, bytes, int]:
        """Return the first line, the last complete one of the others, and where that ends.

        They are empty if there are none.
        """
        first = _first_line(self._file.read(_MAX_LINE))
        start = max(len(first), os.fstat(self._file.fileno()).st_size - _MAX_LINE)
        self._file.seek(start)
        end_of_file = self._file.read(_MAX_LINE)
        last = _last_line(end_of_file)
        if start > len(first) and not (first and last):
            raise ValueError(f"{path} is no journal: it has lines of more than {_MAX_LINE} bytes")
        return first, last, start + end_of_file.rfind(b"\n") + 1

    def _lock(self) -> None:
        try:
            lock_file(self._file)
        except BlockingIOError as error:
            reason = "another process is writing this table"
            raise BlockingIOError(error.errno, reason, self._path) from None


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _first_line(data: bytes) -> bytes:
    return data[: data.find(b"\n") + 1]


def _last_line(data: bytes) -> bytes:
    end = data.rfind(b"\n") + 1
    return data[data.rfind(b"\n", 0, max(0, end - 1)) + 1 : end]


def _commit(record: Any) -> Commit:
    """Return a commit; raise TypeError or ValueError if the record is none."""
    commit = Commit(**record)
    numbers = (commit.size, commit.checksum, commit.sources, *dict(commit.counts).values())
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a commit has whole numbers")
    if not isinstance(commit.chain, str):
        raise TypeError("a commit has a chain of digests")
    return commit


def _parsed(first: bytes, last: bytes, path: str) -> tuple[dict[str, Any], Commit | None]:
    """Return the settings and the last commit."""
    try:
        settings = dict(json.loads(first)["settings"])
        return settings, _commit(json.loads(last)) if last else None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} is not the journal of an interrupted run") from error
