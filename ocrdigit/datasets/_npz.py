"""Reader of .npz files, zip archives of arrays, that trusts no size and unpickles nothing."""

from __future__ import annotations

import math
import os
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .._bounded import max_unpacked, open_member

MAX_BYTES = 1 << 32
_MAX_HEADER = 1 << 16


class NpzFile:
    """An open .npz file; what :func:`errors_of` turns into an error of the file gets out of it.

    The arrays that are read have at most ``max_bytes`` bytes altogether; None: as many as
    :func:`max_unpacked` allows, but at most ``MAX_BYTES``.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int | None = None) -> None:
        self._archive = zipfile.ZipFile(path)
        size = os.stat(path).st_size
        self._left = min(MAX_BYTES, max_unpacked(size)) if max_bytes is None else max_bytes
        self.names = [name.removesuffix(".npy") for name in self._archive.namelist()]

    def __enter__(self) -> NpzFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def array(self, name: str) -> NDArray[Any]:
        """Return an array of numbers; its shape and dtype are checked before its data are read."""
        member = name if name in self._archive.NameToInfo else f"{name}.npy"
        size = self._archive.getinfo(member).file_size
        if size > self._left + _MAX_HEADER:
            raise ValueError(
                f"array {name!r} unpacks to {size:,} bytes, expected at most {self._left:,}; see "
                "max_bytes"
            )
        with open_member(self._archive, member) as stream:
            array = _array(stream, name, self._left)
        self._left -= array.nbytes
        return array


def _array(stream: IO[bytes], name: str, max_bytes: int) -> NDArray[Any]:
    shape, fortran_order, dtype = _header(stream)
    if dtype.kind not in "buif":
        raise ValueError(f"array {name!r} is of dtype {dtype}, expected numbers; no pickle is read")
    size = math.prod(shape) * dtype.itemsize
    if size > max_bytes or min(shape, default=0) < 0:
        raise ValueError(
            f"array {name!r} of shape {shape} and dtype {dtype} has {size:,} bytes, expected at "
            f"most {max_bytes:,}; see max_bytes"
        )
    data = stream.read(size + 1)
    if len(data) != size:
        raise ValueError(f"array {name!r} does not have the {size:,} bytes of its shape {shape}")
    flat = np.frombuffer(bytearray(data), dtype)
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"of version {version} of the .npy format, expected (1, 0) or (2, 0)")
