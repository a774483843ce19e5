"""The journal of a table that grows: how far it is, for a run that goes on.

Its first line holds the settings of the run; each other line is a commit. A run that is killed
leaves the journal, and perhaps rows after the last commit, or a commit that is cut.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


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
            lines = _complete_lines(self._file.read())
            if fresh or not lines:
                lines = [_line({"settings": settings})]
                self._file.truncate(0)
                self._file.seek(0)
                self._file.write(lines[0])
            self.settings, self.last = _parsed(lines, path)
            end = sum(map(len, lines))
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
                return file.readline().endswith(b"\n")
        except FileNotFoundError:
            return False

    def append(self, commit: Commit) -> None:
        """Add a commit."""
        self._file.write(_line(asdict(commit)))

    def remove(self) -> None:
        """Remove the journal, as the table is complete."""
        os.unlink(self._path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            reason = "another process is writing this table"
            raise BlockingIOError(error.errno, reason, self._path) from None


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _complete_lines(data: bytes) -> list[bytes]:
    return data[: data.rfind(b"\n") + 1].splitlines(keepends=True)


def _parsed(lines: list[bytes], path: str) -> tuple[dict[str, Any], Commit | None]:
    """Return the settings and the last commit."""
    try:
        settings = dict(json.loads(lines[0])["settings"])
        return settings, Commit(**json.loads(lines[-1])) if len(lines) > 1 else None
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not the journal of an interrupted run") from error
