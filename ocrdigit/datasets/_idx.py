"""Reader of the IDX format of MNIST's files, plain or gzipped."""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Sequence
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from .._bounded import errors_of, max_unpacked

_UBYTE = 0x08
MAX_BYTES = 1 << 32
_CHUNK = 1 << 20
_GZIP_CHUNK = 1 << 16
_GZIP = 31  # zlib's wbits for a gzip header and its checksum


def read_idx(
    path: str | os.PathLike[str], sha256: str | None = None, *, max_bytes: int | None = None
) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzipped.

    Parameters
    ----------
    path : path
        The file; gzip is recognized by the file's first bytes, not by its name.
    sha256 : str, optional
        The expected SHA-256 of the uncompressed bytes.
    max_bytes : int, optional
        The maximum size of the uncompressed file. None: 4 GiB; for a gzipped file also 8 MiB, and
        64 more for each of its bytes beyond 1 MB.

    Returns
    -------
    ndarray of uint8
        An array of the shape in the file's header.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is truncated, damaged, of another format or too large, or its SHA-256 differs.

    Examples
    --------
    >>> import ocrdigit
    >>> images = ocrdigit.datasets.read_idx("train-images-idx3-ubyte.gz")  # doctest: +SKIP
    """
    with open(path, "rb") as file, errors_of(path):
        size = os.fstat(file.fileno()).st_size
        gzipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if max_bytes is None:
            max_bytes = min(MAX_BYTES, max_unpacked(size)) if gzipped else MAX_BYTES
        if not gzipped and size > max_bytes:
            raise ValueError(f"larger than {max_bytes:,} bytes, the maximum")
        return _parse(_Decompressor(file) if gzipped else file, sha256, max_bytes)


def read_all(
    paths: Sequence[str], sha256: Sequence[str | None] | None = None
) -> list[NDArray[np.uint8]]:
    """Read several files in parallel, each as :func:`read_idx` does.

    Most of the time is spent in decompression and checksums, which release the GIL.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(read_idx, paths, sha256 or [None] * len(paths)))


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Decompressor:
    """A stream of a gzip file's content that decompresses larger chunks than gzip.GzipFile.

    Threads need the GIL between chunks only, so that several files decompress in parallel.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._member = zlib.decompressobj(_GZIP)

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes, or no bytes at the end."""
        compressed = self._member.unconsumed_tail
        while True:
            if self._member.eof:
                compressed = self._next_member()
                if not compressed:
                    return b""
                self._member = zlib.decompressobj(_GZIP)
            compressed = compressed or self._file.read(_GZIP_CHUNK)
            if not compressed:
                raise ValueError("truncated: the compressed data end early")
            data = self._member.decompress(compressed, size)
            if data:
                return data
            compressed = self._member.unconsumed_tail

    def _next_member(self) -> bytes:
        """Return the first bytes of the next gzip member after any zero padding, or no bytes."""
        compressed = self._member.unused_data
        while not compressed.lstrip(b"\0"):
            compressed = self._file.read(_GZIP_CHUNK)
            if not compressed:
                break
        return compressed.lstrip(b"\0")


def _parse(stream: _Stream, sha256: str | None, max_bytes: int) -> NDArray[np.uint8]:
    magic = bytes(_read(stream, 4))
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UBYTE or not 1 <= magic[3] <= 8:
        raise ValueError(f"not an IDX file of bytes (it begins with {magic.hex() or 'nothing'})")
    sizes = bytes(_read(stream, 4 * magic[3]))
    if len(sizes) < 4 * magic[3]:
        raise ValueError("truncated in its header")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    count = math.prod(shape)
    if count > max_bytes:
        raise ValueError(
            f"its header's shape {shape} has more than {max_bytes:,} bytes, the maximum; see "
            "max_bytes"
        )
    data = _read(stream, count)
    if len(data) < count:
        raise ValueError(f"truncated: {len(data):,} bytes of data, expected {count:,}")
    if stream.read(1):
        raise ValueError(f"damaged: more data than its header's shape {shape}")
    if sha256 is not None:
        import hashlib

        digest = hashlib.sha256(magic + sizes)
        digest.update(data)
        if digest.hexdigest() != sha256:
            raise ValueError("not the expected file: the SHA-256 of its content differs")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read(stream: _Stream, count: int) -> bytearray:
    """Read up to ``count`` bytes into a buffer that grows with the data actually read."""
    data = bytearray()
    while len(data) < count:
        chunk = stream.read(min(count - len(data), _CHUNK))
        if not chunk:
            break
        data += chunk
    return data
