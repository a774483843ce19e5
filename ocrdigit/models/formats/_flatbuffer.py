"""A writer of FlatBuffers by the names of a schema: tables, vectors and aligned bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT = 16  # of a buffer's bytes, which TensorFlow Lite maps in place


class Writer:
    """A builder of one file; ``schema`` is the module that flatc generated from the schema.

    All methods but :meth:`finish` return offsets, by which later tables refer to what was written.
    """

    def __init__(self, schema: Any, flatbuffers: Any) -> None:
        self.schema = schema
        self.builder = flatbuffers.Builder(1 << 16)

    def table(self, kind: str, **fields: Any) -> int:
        """Write a table; the names of fields are those of the schema's generated functions."""
        getattr(self.schema, f"{kind}Start")(self.builder)
        for name, value in fields.items():
            getattr(self.schema, f"{kind}Add{name}")(self.builder, value)
        offset: int = getattr(self.schema, f"{kind}End")(self.builder)
        return offset

    def tables(self, offsets: Sequence[int]) -> int:
        """Write a vector of tables."""
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        end: int = self.builder.EndVector()
        return end

    def numbers(self, values: Any, dtype: type[np.generic] = np.int32) -> int:
        """Write a vector of numbers."""
        offset: int = self.builder.CreateNumpyVector(np.asarray(values, dtype))
        return offset

    def text(self, text: str) -> int:
        """Write a string."""
        offset: int = self.builder.CreateString(text)
        return offset

    def data(self, values: bytes | NDArray[Any]) -> int:
        """Write the bytes of an array, aligned for numbers of any dtype."""
        data = values if isinstance(values, bytes) else np.ascontiguousarray(values).tobytes()
        builder = self.builder
        builder.StartVector(1, len(data), _ALIGNMENT)
        builder.head -= len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        end: int = builder.EndVector()
        return end

    def finish(self, root: int, identifier: bytes) -> bytes:
        """Return the file, with ``root`` as its root table."""
        self.builder.Finish(root, identifier)
        return bytes(self.builder.Output())
