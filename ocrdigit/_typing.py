"""Types of what the public functions accept as images."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image


class SupportsArray(Protocol):
    """An array or a column of any library that NumPy converts (PyTorch, pandas, polars)."""

    def __array__(self) -> NDArray[Any]: ...


class SupportsDLPack(Protocol):
    """An array of any library that exports DLPack (JAX)."""

    def __dlpack__(self) -> object: ...


class SupportsRead(Protocol):
    """A file object that gives bytes (``open(path, "rb")``, BytesIO, uploads of frameworks)."""

    def read(self, size: int = -1, /) -> bytes: ...


Array: TypeAlias = "NDArray[Any] | SupportsArray | SupportsDLPack"
# A str is a path, or a data URL of an image.
ImageFile: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | SupportsRead"
EditorImage: TypeAlias = "Mapping[str, Any]"  # of Gradio
# One image for certain. An array may also be a batch.
OneImage: TypeAlias = "ImageFile | Image | EditorImage | Sequence[Sequence[float]]"
ImageLike: TypeAlias = "OneImage | Array"
Images: TypeAlias = "Sequence[ImageLike]"

# The indices and the pixels of the pages of a file, lazily.
Pixels: TypeAlias = "Generator[tuple[int, NDArray[Any]], None, None]"

Digits: TypeAlias = "NDArray[np.int64]"
