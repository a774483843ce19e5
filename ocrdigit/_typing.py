"""Types of what the public functions accept as images."""

from __future__ import annotations

import os
from collections.abc import Sequence
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


Array: TypeAlias = "NDArray[Any] | SupportsArray | SupportsDLPack"
ImageFile: TypeAlias = "str | os.PathLike[str] | bytes | bytearray"
# One image for certain. An array may also be a batch.
OneImage: TypeAlias = "ImageFile | Image | Sequence[Sequence[float]]"
ImageLike: TypeAlias = "OneImage | Array"
Images: TypeAlias = "Sequence[ImageLike]"

Digits: TypeAlias = "NDArray[np.int64]"
