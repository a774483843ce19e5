"""Writing files atomically: a reader finds the old file or the new one, never a part of one."""

from __future__ import annotations

import os
import shutil
import stat
import zlib
from collections.abc import Mapping
from contextlib import suppress

from ._system import sync_folder

Path = str | os.PathLike[str]


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to a temporary file beside ``path`` and rename it to ``path``.

    An existing file keeps its permissions; a symbolic link is followed.

    Raises
    ------
    OSError
        The file cannot be written; the error names ``path``, and an existing file is unchanged.
    """
    write_together({path: data})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files, each as :func:`write_atomically` does: all of them or none.

    Raises
    ------
    OSError
        One of them cannot be written; the error names it, and all existing files are unchanged.
    """
    targets = {path: os.path.realpath(path) for path in contents}
    temporaries = {path: _temporary_beside(target) for path, target in targets.items()}
    backups: dict[str, str | None] = {}
    at: Path = ""
    try:
        for at, data in contents.items():
            _write_new(temporaries[at], data, targets[at])
        for at, target in targets.items():
            if len(contents) > 1:
                backups[target] = _back_up(target)
            os.replace(temporaries[at], target)
    except BaseException as error:
        for target, backup in backups.items():
            _undo(target, backup)
        if isinstance(error, OSError):
            reason = f"cannot write: {error.strerror}"
            raise OSError(error.errno, reason, os.fspath(at)) from error
        raise
    finally:
        for file in filter(None, (*temporaries.values(), *backups.values())):
            with suppress(OSError):
                os.unlink(file)
    for folder in {os.path.dirname(target) for target in targets.values()}:
        sync_folder(folder)


def _write_new(path: str, data: bytes, target: str) -> None:
    """Write a new file to the disk, with the permissions of ``target`` if that exists."""
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if os.path.exists(target):
        os.chmod(path, stat.S_IMODE(os.stat(target).st_mode))


def _back_up(target: str) -> str | None:
    """Return the path of a second link to a file, or of a copy; None if there is no such file."""
    backup = _temporary_beside(target)
    if not os.path.lexists(target):
        return None
    try:
        os.link(target, backup)
    except OSError:  # not all file systems have links
        shutil.copy2(target, backup)
    return backup


def _undo(target: str, backup: str | None) -> None:
    with suppress(OSError):
        if backup is None:
            os.unlink(target)
        else:
            os.replace(backup, target)


def check_writable(path: Path) -> None:
    """Check, before long work, that :func:`write_atomically` could write ``path``.

    Raises
    ------
    OSError
        The file cannot be written; the error names ``path``.
    """
    target = os.path.realpath(path)
    temporary = _temporary_beside(target)
    try:
        if os.path.isdir(target):
            raise IsADirectoryError(21, "it is a folder")
        open(temporary, "xb").close()
        os.unlink(temporary)
    except OSError as error:
        raise OSError(error.errno, f"cannot write: {error.strerror}", os.fspath(path)) from error


def remove_temporaries(path: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote ``path``.

    No other process may be writing it.
    """
    folder, prefix = os.path.split(_temporary_prefix(os.path.realpath(path)))
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(prefix) and name.endswith(".tmp"):
                os.unlink(os.path.join(folder, name))


def _temporary_beside(target: str) -> str:
    return f"{_temporary_prefix(target)}{os.urandom(6).hex()}.tmp"


def _temporary_prefix(target: str) -> str:
    """Return the start of the temporaries' paths; a checksum, as names have a maximum length."""
    folder, name = os.path.split(target)
    return os.path.join(folder, f".ocrdigit-{zlib.crc32(os.fsencode(name)):08x}-")
