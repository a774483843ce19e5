"""What differs between operating systems; the other modules work on any."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Windows locks bytes against reading, too: this one is behind every file.
_LOCKED_BYTE = 2**31 - 2


def available_processors() -> int:
    """Return the number of processors that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def register_at_fork(**functions: Callable[[], object]) -> None:
    """Have functions called at each fork, as ``os.register_at_fork`` has; Windows has no fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(**functions)


def lock_file(file: BinaryIO) -> None:
    """Lock an open file against other processes, until it is closed or this process ends.

    Raises
    ------
    BlockingIOError
        Another process has it locked.
    """
    if sys.platform == "win32":
        position = file.seek(0, os.SEEK_CUR)
        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from None
        finally:
            file.seek(position)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_locked(file: BinaryIO, path: str) -> None:
    """Remove an open file that :func:`lock_file` locked, before another process can lock it.

    Windows cannot remove open files; there another process may be first, which is an OSError.
    """
    if sys.platform == "win32":
        file.close()
    os.unlink(path)


def sync_folder(path: str) -> None:
    """Write a folder's names to the disk, so that a rename outlasts a power failure.

    Not all file systems sync folders, and the files are in place: errors are ignored. Windows
    cannot open folders; NTFS has a journal of its names.
    """
    if sys.platform == "win32":
        return
    with suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
