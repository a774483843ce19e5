"""Tensors of PyTorch by name: of a ``state_dict``, and of files of one.

A .pt file is a zip archive of a pickle, which refers to the tensors' numbers in other members.
Unpickling would run what the pickle names, so that :mod:`._torch_pickle` reads it.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._bounded import max_unpacked, read_member, sentence
from ._torch_pickle import Arguments, Machine, Storage

Array = NDArray[np.float32]

_MAX_PICKLE = 1 << 20  # bytes
_TENSOR = 256  # bytes of a tensor beside its numbers
_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}

# Where checkpoints keep the state_dict beside the state of their optimizer.
_CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model")


def tensors_of_file(data: bytes) -> dict[str, Array]:
    """Return the tensors of a .pt or .pth file, or of a .safetensors file.

    Raises
    ------
    ValueError
        If it is neither, is damaged, or has more than tensors in it.
    """
    if data.startswith(_LEGACY_MAGIC):
        raise ValueError(
            "a file of PyTorch before 1.6; load it there and save it again with "
            "torch.save(model.state_dict(), path)"
        )
    if not data.startswith(b"PK"):
        return _of_safetensors(data)
    limit = max_unpacked(len(data))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = _Archive(archive, limit).load()
    except (MemoryError, ValueError):
        raise
    except Exception as error:  # zipfile and pickletools raise many types
        raise ValueError(f"not a file of PyTorch that can be read: {sentence(error)}") from error
    return tensors_of(found)


def _of_safetensors(data: bytes) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return tensors_of(load(data))
    except (SafetensorError, KeyError) as error:  # KeyError: an unknown number type
        raise ValueError(
            "neither a zip archive by torch.save nor a .safetensors file with numbers that NumPy "
            f"has: {sentence(error)}"
        ) from error


def tensors_of(state: Any) -> dict[str, Array]:
    """Return the tensors of a ``state_dict`` by name, as float32.

    Its values are tensors of PyTorch or arrays; it may be in a checkpoint, a dict that has it under
    "state_dict", "model_state_dict" or "model".

    Raises
    ------
    TypeError
        If it is not a dict of tensors.
    ValueError
        If it is empty.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"state_dict must be a dict of tensors, got {type(state).__name__}")
    for key in _CHECKPOINT_KEYS:
        if isinstance(state.get(key), Mapping):
            state = state[key]
    found = {}
    for name, value in state.items():
        if not isinstance(name, str):
            raise TypeError(f"state_dict must have names of tensors, got {name!r:.100}")
        array = _as_array(value)
        if array is None:
            raise TypeError(
                f"state_dict[{name!r:.100}] must be a tensor, got {type(value).__name__}"
            )
        if array.dtype.kind in "fiub":
            found[name] = array.astype(np.float32, copy=False)
    if not found:
        raise ValueError("state_dict has no tensors")
    return found


def _as_array(value: Any) -> NDArray[Any] | None:
    """Return a tensor of PyTorch, or an array, as an array; None for anything else."""
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "detach"):
        return None
    value = value.detach().cpu()
    if value.is_floating_point():
        value = value.float()  # NumPy has no bfloat16
    array: NDArray[Any] = value.numpy()
    return array


class _Archive:
    """A zip archive by torch.save."""

    def __init__(self, archive: zipfile.ZipFile, limit: int) -> None:
        # The bytes that its members, and the tensors made of these, may still have.
        self.archive, self.left = archive, limit
        names = [name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"]]
        if len(names) != 1:
            raise ValueError("a zip archive without data.pkl, which torch.save writes")
        self.root = names[0].split("/")[0]
        if any(name.startswith(f"{self.root}/code/") for name in archive.namelist()):
            raise ValueError(
                "a TorchScript archive, which holds code; save model.state_dict() instead"
            )
        self.storages: dict[str, NDArray[Any]] = {}

    def member(self, name: str) -> bytes:
        data = read_member(self.archive, f"{self.root}/{name}", self.left)
        self.left -= len(data)
        return data

    def load(self) -> Any:
        """Return the unpickled object."""
        if f"{self.root}/byteorder" in self.archive.namelist():
            order = read_member(self.archive, f"{self.root}/byteorder", 64)
            if order != b"little":
                raise ValueError(f"numbers in the byte order {order!r}, expected little-endian")
        data = read_member(self.archive, f"{self.root}/data.pkl", min(self.left, _MAX_PICKLE))
        return Machine(_STORAGES, self.tensor).run(data)

    def storage(self, storage: Storage) -> NDArray[Any]:
        """Return the numbers of a storage."""
        kind, key, length = storage
        if key not in self.storages:
            dtype = np.dtype(_STORAGES[kind])
            data = self.member(f"data/{key}")
            if len(data) != length * dtype.itemsize:
                raise ValueError(f"data/{key} has {len(data)} bytes, expected {length} numbers")
            numbers = np.frombuffer(data, dtype)
            if kind == "BFloat16Storage":
                numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
            self.storages[key] = numbers
        return self.storages[key]

    def tensor(self, arguments: Arguments) -> Array:
        """Return a tensor of a storage, as torch._utils._rebuild_tensor_v2 does, in float32."""
        match arguments:
            case (Storage() as storage, int(offset), tuple(size), tuple(stride), *_):
                numbers = self.storage(storage)
            case _:
                raise ValueError("damaged: a tensor without numbers")
        integers = (offset, *size, *stride)
        largest = 1 << 31 if 0 in size else numbers.size  # strides of an empty tensor are free
        if (
            len(size) != len(stride)
            or len(size) > 8
            or not all(type(n) is int and 0 <= n <= largest for n in integers)
        ):
            raise ValueError("damaged: a tensor of impossible size")
        count = math.prod(size)
        self.left -= _TENSOR + 4 * count
        if self.left < 0:
            raise ValueError("its tensors have far more numbers altogether than the file")
        if not count:
            return np.empty(size, np.float32)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if count > numbers.size or last >= numbers.size:
            raise ValueError("damaged: a tensor has more numbers than its storage")
        steps = [step * numbers.itemsize for step in stride]
        view = np.lib.stride_tricks.as_strided(numbers[offset:], size, steps)
        return view.astype(np.float32, order="C")
