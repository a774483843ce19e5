"""Files as they are handed over: paths, bytes, file objects, and data URLs of a web page."""

from __future__ import annotations

import base64
import binascii
import contextlib
import inspect
import io
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeGuard, cast

from . import limits

if TYPE_CHECKING:
    from ._typing import ImageFile

_DATA_URL = re.compile(r"data:(?:[\w.+-]+/[\w.+-]+)?[^,]{0,200};base64,", re.ASCII | re.IGNORECASE)
# Up to this size files are read at once: decoders seek and read many times, and each time leaves
# the GIL to another thread.
_SMALL = 1 << 20
_STARTS_OF_DATA_URLS = ("data:image/", "data:application/", "data:,")


def is_data_url(text: str) -> bool:
    """Return whether text is a data URL, not a path."""
    return text[:20].lower().startswith(_STARTS_OF_DATA_URLS)


@dataclass(frozen=True)
class Source:
    """A binary file that can seek.

    Attributes
    ----------
    file : binary file
        At its beginning.
    name : str
        Its name in messages.
    size : int
        Its size in bytes.
    """

    file: BinaryIO
    name: str
    size: int

    def read(self) -> bytes:
        """Return all of the file, for decoders that need it in memory.

        Raises
        ------
        ValueError
            If it is larger than ``limits.MAX_READ``.
        """
        self.file.seek(0)
        return _read_bounded(self.file, self.name)


def is_file(X: object) -> TypeGuard[ImageFile]:
    """Return whether an object is a file, not an image in memory."""
    if isinstance(X, (str, os.PathLike, bytes, bytearray)):
        return True
    if isinstance(X, memoryview):
        return X.ndim == 1 and X.itemsize == 1
    return callable(getattr(X, "read", None)) and not hasattr(X, "__array__")


@contextlib.contextmanager
def opened(X: ImageFile, name: str) -> Iterator[Source]:
    """Open a file of any kind; ``name`` is that of the argument, for messages.

    File objects are read from their beginning, are not closed, and are where they were in the end.
    """
    if isinstance(X, str) and is_data_url(X):
        data = _of_data_url(X, name)
        yield Source(io.BytesIO(data), f"{name} (a data URL of {len(data)} bytes)", len(data))
    elif isinstance(X, (str, os.PathLike)):
        with open(X, "rb") as file:
            yield _of_open_file(file, os.fspath(X))
    elif isinstance(X, (bytes, bytearray, memoryview)):
        yield _in_memory(bytes(X), name)
    else:
        yield from _of_file_object(X, name)


def _of_open_file(file: BinaryIO, name: str) -> Source:
    """Return a file of the file system, in memory if it is a small regular one."""
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size <= _SMALL:
        data = file.read(_SMALL + 1)
        if len(data) <= _SMALL:
            return Source(io.BytesIO(data), name, len(data))
        file.seek(0)  # it has grown
    return Source(file, name, status.st_size)


def _in_memory(data: bytes, name: str) -> Source:
    return Source(io.BytesIO(data), f"{name} ({len(data)} bytes)", len(data))


def _of_data_url(url: str, name: str) -> bytes:
    """Return the bytes of a data URL, as the canvas of a web page gives it."""
    start = _DATA_URL.match(url)
    if start is None:
        raise ValueError(
            f"{name} is a data URL that begins with {url[:40]!r}; expected "
            "'data:image/...;base64,' and the bytes of an image in base64"
        )
    try:
        return base64.b64decode("".join(url[start.end() :].split()), validate=True)
    except (binascii.Error, ValueError) as error:  # ValueError: not ASCII
        raise ValueError(f"{name} is a data URL whose base64 is invalid: {error}") from error


def _of_file_object(X: object, name: str) -> Iterator[Source]:
    file = _checked_file(X, name)
    try:
        start = file.tell()
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(0)
    except (OSError, AttributeError):  # a stream: a pipe, a socket, a response
        yield _in_memory(_read_bounded(file, name), name)
        return
    label = getattr(file, "name", None)
    kind = repr(label) if isinstance(label, str) else type(X).__name__
    try:
        yield Source(file, f"{name} ({kind})", size)
    finally:
        with contextlib.suppress(ValueError):  # it was closed meanwhile
            file.seek(start)


def _checked_file(X: object, name: str) -> BinaryIO:
    """Return a file object that gives bytes, or raise what is wrong with it."""
    kind = type(X).__name__
    file: Any = X
    if inspect.iscoroutinefunction(file.read):
        file = getattr(X, "file", None)  # of UploadFile in Starlette and FastAPI
        if not callable(getattr(file, "read", None)):
            raise TypeError(f"{name}, of type {kind}, is read asynchronously; pass the bytes read")
    if getattr(file, "closed", False):
        raise ValueError(f"{name}, of type {kind}, is a closed file; pass it open, or its bytes")
    try:
        nothing = file.read(0)
    except OSError as error:
        raise OSError(f"{name}, of type {kind}, cannot be read: {error}") from error
    except TypeError as error:  # a method of another meaning
        raise TypeError(f"{name}, of type {kind}, is not a file: {error}") from error
    if not isinstance(nothing, bytes):
        raise TypeError(f"{name}, of type {kind}, is a file in text mode; open it in mode 'rb'")
    return cast("BinaryIO", file)


def _read_bounded(file: BinaryIO, name: str) -> bytes:
    data = file.read(limits.MAX_READ + 1)
    if len(data) > limits.MAX_READ:
        raise ValueError(
            f"{name} has more than {limits.MAX_READ:,} bytes, see MAX_READ of ocrdigit.limits"
        )
    return data
