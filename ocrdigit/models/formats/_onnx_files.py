"""Reading of ONNX files that :mod:`._onnx` wrote."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ..._bounded import sentence
from ._refolded import Array, Folded, folded_of, network_of
from ._require import require


def from_onnx(data: bytes) -> _core.Network:
    """Return the network of a .onnx file that ``DigitClassifier.save`` wrote.

    Its weights are those in the file, to the bit.

    Parameters
    ----------
    data : bytes
        The content of the file.

    Raises
    ------
    ModuleNotFoundError
        If onnx is not installed.
    ValueError
        If the file is damaged, or another program wrote it.
    """
    onnx = require("onnx", "onnx")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf raises a type of its own
        raise ValueError(f"not an ONNX file that can be read: {sentence(error)}") from error
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    order: NDArray[np.intp] | None = None
    folded, tensors = folded_of(metadata, len(data)), []
    for part in folded:
        layer = part.layer
        h, w, c = layer.input
        own = {role: _array(onnx, stored, f"{layer.name}.{role}", part) for role in part.roles}
        found = {role: array for role, array in own.items() if array is not None}
        tensors.append({role: _arranged(part, array, order) for role, array in found.items()})
        if layer.type == "flatten" and h * w > 1:
            order = np.arange(h * w * c).reshape(h, w, c).transpose(2, 0, 1).ravel()
        if layer.type == "dense":
            order = None
    return network_of(folded, tensors)


def _array(onnx: Any, stored: dict[str, Any], name: str, part: Folded) -> Array | None:
    """Return a tensor of a file; None for a bias that a layer has not."""
    if name not in stored and name.endswith(".bias"):
        return None
    if name not in stored:
        raise ValueError(f"it has no tensor {name}")
    tensor = stored[name]
    if tensor.data_type != onnx.TensorProto.FLOAT or tensor.data_location or tensor.external_data:
        raise ValueError(f"tensor {name} is not of float32 numbers in the file")
    array: Array = onnx.numpy_helper.to_array(tensor)
    rank = {"conv2d": 4, "dense": 2}.get(part.layer.type, 0) if name.endswith(".kernel") else 0
    if rank and array.ndim != rank:
        raise ValueError(f"tensor {name} has shape {array.shape}, expected {rank} dimensions")
    return array


def _arranged(part: Folded, array: Array, order: NDArray[np.intp] | None) -> Array:
    """Return a tensor in our arrangement: (h, w, in, out), or rows in the order (h, w, c)."""
    if part.layer.type == "conv2d":
        return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    if part.layer.type != "dense":
        array = array.ravel()
    if order is None or len(array) != len(order) or (part.layer.type == "dense" and array.ndim < 2):
        return array
    ours = np.empty_like(array)
    ours[order] = array
    return ours
