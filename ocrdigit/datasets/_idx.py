"""The IDX format of MNIST's files, plain or gzipped."""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Sequence
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

_UBYTE = 0x08
_MAX_BYTES = 1 << 32
_PIECE = 1 << 20
_ZIPPED_PIECE = 1 << 16
_GZIP = 31  # zlib's name for a gzip header and its checksum


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
        try:
            return _parse(_Unzipped(file) if zipped else file, sha256)
        except (ValueError, zlib.error) as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from error


def read_all(
    paths: Sequence[str], sha256: Sequence[str | None] | None = None
) -> list[NDArray[np.uint8]]:
    """Read several files as :func:`read_idx` does, at the same time.

    Unzipping and checksums, which take most of it, leave other threads to run.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(read_idx, paths, sha256 or [None] * len(paths)))


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unzipped:
    """What a gzip file holds; unlike gzip.GzipFile it unzips large pieces at a time.

    Between pieces, threads that unzip wait for each other.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._member = zlib.decompressobj(_GZIP)

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, and none only at the end."""
        zipped = self._member.unconsumed_tail
        while True:
            if self._member.eof:
                zipped = self._next_member()
                if not zipped:
                    return b""
                self._member = zlib.decompressobj(_GZIP)
            zipped = zipped or self._file.read(_ZIPPED_PIECE)
            if not zipped:
                raise ValueError("truncated: its compressed data have no end")
            data = self._member.decompress(zipped, size)
            if data:
                return data
            zipped = self._member.unconsumed_tail

    def _next_member(self) -> bytes:
        """Return the first bytes of what follows a member behind zeros, or none."""
        zipped = self._member.unused_data
        while not zipped.lstrip(b"\0"):
            zipped = self._file.read(_ZIPPED_PIECE)
            if not zipped:
                break
        return zipped.lstrip(b"\0")


def _parse(stream: _Stream, sha256: str | None) -> NDArray[np.uint8]:
    magic = bytes(_read(stream, 4))
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UBYTE or not 1 <= magic[3] <= 8:
        raise ValueError(f"not an IDX file of bytes (it begins with {magic.hex() or 'nothing'})")
    sizes = bytes(_read(stream, 4 * magic[3]))
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
        import hashlib

        digest = hashlib.sha256(magic + sizes)
        digest.update(data)
        if digest.hexdigest() != sha256:
            raise ValueError("not the expected file: the SHA-256 of its bytes differs")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read(stream: _Stream, count: int) -> bytearray:
    """Read up to ``count`` bytes, in one buffer that grows with what really comes."""
    data = bytearray()
    while len(data) < count:
        part = stream.read(min(count - len(data), _PIECE))
        if not part:
            break
        data += part
    return data
