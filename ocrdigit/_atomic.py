"""Writing files atomically: a reader finds the old file or the new one, never a part of one."""

from __future__ import annotations

import os
import stat
import zlib
from contextlib import suppress


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to a temporary file beside ``path`` and rename it to ``path``.

    An existing file keeps its permissions; a symbolic link is followed.

    Raises
    ------
    OSError
        The file cannot be written; the error names ``path``, and an existing file is unchanged.
    """
    target = os.path.realpath(path)
    temporary = _temporary_beside(target)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except OSError as error:
        raise OSError(error.errno, f"cannot write: {error.strerror}", os.fspath(path)) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def check_writable(path: str | os.PathLike[str]) -> None:
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


def remove_temporaries(path: str | os.PathLike[str]) -> None:
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
