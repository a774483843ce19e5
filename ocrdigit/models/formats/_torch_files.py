"""Tensors of PyTorch by name: of a ``state_dict``, and of files of one.

A .pt file is a zip archive of a pickle, which refers to the tensors' numbers in other members.
Unpickling runs what the pickle names; here that can only be the reconstruction of tensors and
OrderedDict. A file that names anything else is refused before it is unpickled.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._bounded import max_unpacked, read_member, sentence

Array = NDArray[np.float32]

_MAX_PICKLE = 1 << 20  # bytes
_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

# What torch.save writes for a state_dict. Others could take memory by their arguments alone.
_OPCODES = frozenset(
    [
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "EMPTY_DICT",
        "EMPTY_LIST",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "BINFLOAT",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "GLOBAL",
        "STACK_GLOBAL",
        "BINPERSID",
        "REDUCE",
        "BUILD",
        "SETITEM",
        "SETITEMS",
        "APPEND",
        "APPENDS",
        "BINPUT",
        "LONG_BINPUT",
        "BINGET",
        "LONG_BINGET",
        "MEMOIZE",
    ]
)

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
    except Exception as error:  # zipfile and pickle raise many types
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
            raise TypeError(f"state_dict must have names of tensors, got {name!r}")
        array = _as_array(value)
        if array is None:
            raise TypeError(f"state_dict[{name!r}] must be a tensor, got {type(value).__name__}")
        if array.dtype.kind in "fiub":
            found[name] = array.astype(np.float32)
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
        self.archive, self.left = archive, limit  # bytes that may still be unpacked
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
        _check_opcodes(data)
        return _Unpickler(io.BytesIO(data), self).load()

    def storage(self, kind: Any, key: Any, count: Any) -> NDArray[Any]:
        """Return the numbers of a storage."""
        if not (isinstance(kind, _Storage) and isinstance(key, str) and type(count) is int):
            raise ValueError("a tensor without numbers")
        if key not in self.storages:
            dtype = np.dtype(_STORAGES[kind.name])
            data = self.member(f"data/{key}")
            if len(data) != count * dtype.itemsize:
                raise ValueError(f"data/{key} has {len(data)} bytes, expected {count} numbers")
            numbers = np.frombuffer(data, dtype)
            if kind.name == "BFloat16Storage":
                numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
            self.storages[key] = numbers
        return self.storages[key]


def _check_opcodes(data: bytes) -> None:
    """Raise ValueError if a pickle has instructions that torch.save does not write."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if opcode.name == "GLOBAL":
            _check_name(*str(argument).split(" ", 1))
        if opcode.name not in _OPCODES:
            raise ValueError(f"its pickle has an instruction {opcode.name}, which is not executed")
        if opcode.name == "LONG_BINPUT" and int(argument or 0) > count:  # memory for so many
            raise ValueError("damaged: its pickle refers to an object that it does not have")


def _check_name(module: str, name: str) -> None:
    """Raise ValueError unless a pickle of a state_dict may name this."""
    if (module, name) not in _NAMES and not (module == "torch" and name in _STORAGES):
        raise ValueError(
            f"it holds an object of {module}.{name}"[:200] + ", whose code is not run; save the "
            "tensors alone, with torch.save(model.state_dict(), path)"
        )


class _Storage:
    """Stands for a class of storages, such as torch.FloatStorage."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class _Unpickler(pickle.Unpickler):
    """Knows tensors and OrderedDict only."""

    def __init__(self, file: io.BytesIO, archive: _Archive) -> None:
        super().__init__(file)
        self.archive = archive

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle of a state_dict may name; anything else raises ValueError."""
        _check_name(module, name)
        return _NAMES.get((module, name)) or _Storage(name)

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage that a pickle refers to."""
        if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage":
            raise ValueError("damaged: its pickle refers to something else than a tensor's numbers")
        return self.archive.storage(pid[1], pid[2], pid[4])


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> NDArray[Any]:
    """Return a tensor of a storage, as torch._utils._rebuild_tensor_v2 does; a copy."""
    numbers = [offset, *size, *stride]
    if (
        not isinstance(storage, np.ndarray)
        or len(size) != len(stride)
        or len(size) > 8
        or not all(type(n) is int and 0 <= n <= storage.size for n in numbers)
    ):
        raise ValueError("damaged: a tensor of impossible size")
    count, last = 1, offset
    for length, step in zip(size, stride, strict=True):
        count *= length
        last += (length - 1) * step
    if count > storage.size or (count and last >= storage.size):
        raise ValueError("damaged: a tensor has more numbers than its storage")
    if not count:
        return np.empty(size, storage.dtype)
    steps = [step * storage.itemsize for step in stride]
    tensor: NDArray[Any] = np.lib.stride_tricks.as_strided(storage[offset:], size, steps).copy()
    return tensor


def _rebuild_parameter(data: Any, *rest: Any) -> Any:
    return data


_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
}
