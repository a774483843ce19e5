"""Reading files that may be hostile: in bounded memory, with errors that name the file.

A file of 1 MB may unpack to a gigabyte, claim arrays of any size, or be a sparse file of 20 GB.
Readers compare what a file claims with these limits before they allocate or decompress it.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

Path = str | os.PathLike[str]

# What a compressed file may unpack to: so many bytes if it has SMALL_FILE bytes or fewer, and so
# many more for each further one. 10,000 images have 8 MiB, and take 2 s if all must be
# preprocessed; MNIST is packed by a factor of 5, and of 15 if its images are black and white.
SMALL_FILE = 1_000_000
UNPACKED_SMALL = 8 << 20
UNPACKED_PER_BYTE = 64

_CHUNK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # LZMA's own memory has no bound
_MAX_MESSAGE = 500


def max_unpacked(size: int) -> int:
    """Return the bytes that a compressed file of ``size`` bytes may unpack to."""
    return UNPACKED_SMALL + UNPACKED_PER_BYTE * max(0, size - SMALL_FILE)


def read_file(path: Path, max_size: int) -> bytes:
    """Return the content of a file of at most ``max_size`` bytes.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is larger; no more than ``max_size`` bytes of it have been read.
    """
    parts, left = [], max_size
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > max_size:
            left = -1
        while left >= 0 and (part := file.read(_CHUNK)):
            parts.append(part)
            left -= len(part)
    if left < 0:
        raise ValueError(f"{os.fspath(path)}: larger than {max_size:,} bytes, the maximum")
    return b"".join(parts)


@contextmanager
def errors_of(path: Path, what: str = "") -> Iterator[None]:
    """Run a block that decodes a file, whose errors then are one sentence with the file's name.

    Decoders raise many types: all become ValueError but errors of the system (an OSError with a
    number), a MemoryError, and a package that is not installed.

    Parameters
    ----------
    path : path
        The file.
    what : str, optional
        What the errors begin with, after the file's name: "damaged", for example.
    """
    name = os.fspath(path)
    try:
        yield
    except ModuleNotFoundError:
        raise
    except MemoryError as error:
        raise MemoryError(f"{name}: not enough memory to load it") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, name) from error
        start = f"{name}: {what}: " if what else f"{name}: "
        raise ValueError(start + sentence(error)) from error


def sentence(error: Exception) -> str:
    """Return the message of any error in one line, of bounded length."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        return f"it has no {text}"
    if isinstance(error, RecursionError):
        return "its values are nested too deeply"
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "..."


def bounded_lines(file: IO[str], max_line: int, max_size: int) -> Iterator[str]:
    """Yield the lines of a text file, whose characters are bounded, of each and altogether.

    Raises
    ------
    ValueError
        At the first line that is longer than ``max_line``, or ends after ``max_size``.
    """
    while line := file.readline(max_line + 1):
        max_size -= len(line)
        if len(line) > max_line:
            raise ValueError(f"a line has more than {max_line:,} characters, the maximum")
        if max_size < 0:
            raise ValueError("it has more characters than max_bytes, or than it may unpack to")
        yield line


def open_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Open a member of a zip archive; the stream ends after the size that the archive declares.

    Raises
    ------
    KeyError
        There is no such member.
    ValueError
        It is compressed by another method than deflate.
    """
    info = archive.getinfo(name)
    if info.compress_type not in _METHODS:
        raise ValueError(f"{name} is compressed by method {info.compress_type}, expected deflate")
    return archive.open(info)


def read_member(archive: zipfile.ZipFile, name: str, max_size: int) -> bytes:
    """Return the content of a member of a zip archive.

    Raises
    ------
    KeyError
        There is no such member.
    ValueError
        It has more than ``max_size`` bytes, or is compressed by another method than deflate.
    """
    size = archive.getinfo(name).file_size
    if size > max_size:
        raise ValueError(f"{name} unpacks to {size:,} bytes, expected at most {max_size:,}")
    with open_member(archive, name) as file:
        return file.read(size)  # read() would unpack more than it returns
