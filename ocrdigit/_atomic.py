"""Writing files atomically: a reader finds the old file or the new one, never a part of one."""

from __future__ import annotations

import os
import stat
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


def _temporary_beside(target: str) -> str:
    return os.path.join(os.path.dirname(target), f".ocrdigit-{os.urandom(6).hex()}.tmp")
