"""The IDX format of MNIST's files, plain or gzipped."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import zlib
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

_UBYTE = 0x08
_MAX_BYTES = 1 << 32


def read_idx(path: str | os.PathLike[str], sha256: str | None = None) -> NDArray[np.uint8]:
    """Read the array of an IDX file of unsigned bytes, plain or gzipped.

    Parameters
    ----------
    path : path
        The file; whether it is gzipped is seen from its bytes, not its name.
    sha256 : str, optional
        What the SHA-256 of the uncompressed bytes must be.

    Returns
    -------
    ndarray of uint8
        Of the shape that the file says.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is truncated, damaged, of another format, or not the one expected.

    Examples
    --------
    >>> import ocrdigit
    >>> images = ocrdigit.datasets.read_idx("train-images-idx3-ubyte.gz")  # doctest: +SKIP
    """
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if zipped else file
        try:
            return _parse(stream, sha256)
        except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from error


def _parse(stream: IO[bytes], sha256: str | None) -> NDArray[np.uint8]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UBYTE or not 1 <= magic[3] <= 8:
        raise ValueError(f"not an IDX file of bytes (it begins with {magic.hex() or 'nothing'})")
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError("truncated in its header")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    count = math.prod(shape)
    if count > _MAX_BYTES:
        raise ValueError(f"its header claims shape {shape}, more than 4 GiB")
    data = _read(stream, count)
    if len(data) < count:
        raise ValueError(f"truncated: {len(data):,} bytes of data, expected {count:,}")
    if stream.read(1):
        raise ValueError(f"damaged: more data than its shape {shape} says")
    if sha256 is not None:
        digest = hashlib.sha256(magic + sizes)
        digest.update(data)
        if digest.hexdigest() != sha256:
            raise ValueError("not the expected file: the SHA-256 of its bytes differs")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read(stream: IO[bytes], count: int) -> bytearray:
    """Read up to ``count`` bytes, in one buffer that grows with what really comes."""
    data = bytearray()
    while len(data) < count:
        part = stream.read(min(count - len(data), io.DEFAULT_BUFFER_SIZE * 128))
        if not part:
            break
        data += part
    return data
