"""Reading of TensorFlow Lite files that :mod:`._tflite` wrote, in float32."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ... import _core
from ..._bounded import sentence
from ._refolded import Array, Folded, folded_of, network_of
from ._require import require

_MAX_TENSORS = 4096


def from_tflite(data: bytes) -> _core.Network:
    """Return the network of a .tflite file that ``DigitClassifier.save`` wrote.

    Its weights are those in the file, to the bit.

    Parameters
    ----------
    data : bytes
        The content of the file.

    Raises
    ------
    ModuleNotFoundError
        If tflite is not installed.
    ValueError
        If the file is damaged, quantized to int8, or another program wrote it.
    """
    schema = require("tflite", "tflite")
    try:
        found = _File(schema, data)
        folded = folded_of(found.metadata, len(data))
    except ValueError:
        raise
    except Exception as error:  # flatbuffers raises types from struct.error to TypeError
        raise ValueError(f"not a TFLite file that can be read: {sentence(error)}") from error
    tensors = []
    for part in folded:
        own = {role: found.array(part, role) for role in part.roles}
        tensors.append({role: array for role, array in own.items() if array is not None})
    return network_of(folded, tensors)


class _File:
    """The metadata and the constants of a file."""

    def __init__(self, schema: Any, data: bytes) -> None:
        self.schema = schema
        if data[4:8] != b"TFL3":
            raise ValueError("not a TFLite file")
        self.model = schema.Model.GetRootAs(data, 0)
        if self.model.SubgraphsLength() != 1:
            raise ValueError("not a TFLite file of ocrdigit: it has not one graph")
        self.metadata = self.read_metadata()
        graph = self.model.Subgraphs(0)
        count = graph.TensorsLength()
        if count > _MAX_TENSORS:
            raise ValueError(f"it has {count:,} tensors, expected at most {_MAX_TENSORS:,}")
        listed = [graph.Tensors(index) for index in range(count)]
        self.tensors = {(tensor.Name() or b"").decode(): tensor for tensor in listed}

    def buffer(self, index: int) -> bytes:
        """Return the bytes of a buffer, which are in the file."""
        values = self.model.Buffers(index).DataAsNumpy()
        return values.tobytes() if isinstance(values, np.ndarray) else b""

    def read_metadata(self) -> dict[str, Any]:
        """Return our metadata, {} if there are none."""
        for index in range(min(self.model.MetadataLength(), 16)):
            entry = self.model.Metadata(index)
            if entry.Name() == b"ocrdigit":
                metadata = json.loads(self.buffer(entry.Buffer()))
                return metadata if isinstance(metadata, dict) else {}
        return {}

    def array(self, part: Folded, role: str) -> Array | None:
        """Return a tensor of a layer in our arrangement."""
        layer, name = part.layer, f"{part.layer.name}.{role}"
        if layer.type == "scale":  # a depthwise convolution of one pixel
            name = f"{layer.name}.{'kernel' if role == 'scale' else 'bias'}"
        if name not in self.tensors:
            raise ValueError(f"it has no tensor {name}")
        tensor = self.tensors[name]
        if tensor.Type() != self.schema.TensorType.FLOAT32:
            raise ValueError(
                "quantized to int8; load the model that it was made of, or save that in float32"
            )
        shape = tensor.ShapeAsNumpy()
        numbers = np.frombuffer(self.buffer(tensor.Buffer()), np.float32)
        if not isinstance(shape, np.ndarray) or numbers.size != layer_size(layer, role, shape):
            raise ValueError(f"tensor {name} has not the numbers of its shape")
        array: Array = numbers.reshape(shape)
        if role != "kernel":
            return array.ravel()
        axes = (1, 2, 0, 3) if layer.type == "conv2d" and layer.groups > 1 else (1, 2, 3, 0)
        ours: Array = array.T if layer.type == "dense" else array.transpose(axes)
        return ours


def layer_size(layer: Any, role: str, shape: Any) -> int:
    """Return the numbers of a tensor of a shape; -1 if its role has another rank."""
    rank = {"conv2d": 4, "dense": 2}.get(layer.type, 1) if role == "kernel" else None
    if rank is not None and len(shape) != rank:
        return -1
    size = 1
    for length in shape.tolist():
        size *= max(length, 0)
    return size
