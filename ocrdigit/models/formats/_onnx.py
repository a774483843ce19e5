"""Export to ONNX, for ONNX Runtime, OpenCV's dnn and others.

The input "image" is (n, channels, h, w) with values 0..1, light foreground on black, and the output
"probabilities" (n, classes); n is dynamic. The rows of dense kernels after a flatten are reordered
from our (h, w, c) to ONNX's (c, h, w), so that the graph needs no transpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ._layers import Layer, folded_layers
from ._require import require

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

# Supported by runtimes of many years; softmax over one axis needs opset 13.
_OPSET, _IR_VERSION = 13, 8


def to_onnx(network: _core.Network, metadata: Mapping[str, str]) -> bytes:
    """Return a network as an ONNX model.

    Parameters
    ----------
    network : Network
        The network to export.
    metadata : mapping of str
        The model's metadata properties.

    Raises
    ------
    ModuleNotFoundError
        If onnx is not installed.
    ValueError
        If a layer cannot be exported.
    """
    onnx = require("onnx", "onnx")
    graph = _Graph(onnx)
    h, w, c = network.input_shape
    for layer in folded_layers(network):
        graph.add(layer)
    graph.end()
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "ocrdigit",
            [helper.make_tensor_value_info("image", kind, ["n", c, h, w])],
            [helper.make_tensor_value_info("probabilities", kind, ["n", network.classes])],
            graph.tensors,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="ocrdigit",
        producer_version=_core.__version__,
    )
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data


class _Graph:
    """A chain of nodes, each with the output of the one before it as input."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []
        self.last = "image"
        self.is_vector = False  # whether the last output is (n, c), not (n, c, h, w)
        # After a flatten: our index of each element of the vector.
        self.order: NDArray[np.intp] | None = None

    def node(self, kind: str, tensors: list[str], name: str, **options: Any) -> None:
        """Append a node whose inputs are the last output and some tensors."""
        make = self.onnx.helper.make_node
        self.nodes.append(make(kind, [self.last, *tensors], [name], name=name, **options))
        self.last = name

    def tensor(self, layer: Layer, role: str, values: NDArray[np.float32]) -> str:
        """Add an initializer and return its name."""
        name = f"{layer.name}.{role}"
        self.tensors.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, layer: Layer) -> None:
        """Append the nodes of a layer."""
        getattr(self, layer.type)(layer)
        if layer.relu:
            self.node("Relu", [], f"{layer.name}.relu")

    def end(self) -> None:
        """Append the softmax."""
        self.as_vector("scores")
        if self.order is not None:
            indices = self.onnx.numpy_helper.from_array(np.argsort(self.order), "indices")
            self.tensors.append(indices)
            self.node("Gather", ["indices"], "ordered", axis=1)
        self.node("Softmax", [], "probabilities", axis=1)

    def as_vector(self, name: str) -> None:
        if not self.is_vector:
            self.node("Flatten", [], f"{name}.flat")
        self.is_vector = True

    def conv2d(self, layer: Layer) -> None:
        kernel = self.tensor(layer, "kernel", layer.tensors["kernel"].transpose(3, 2, 0, 1))
        sizes = {
            "kernel_shape": layer.kernel_size,
            "strides": layer.strides,
            "dilations": (layer.dilation, layer.dilation),
            "pads": layer.padding,
        }
        self.node("Conv", [kernel, *self.bias(layer)], layer.name, **sizes)

    def dense(self, layer: Layer) -> None:
        self.as_vector(layer.name)
        rows = layer.tensors["kernel"]
        kernel = self.tensor(layer, "kernel", rows if self.order is None else rows[self.order])
        self.order = None
        self.node("Gemm", [kernel, *self.bias(layer)], layer.name)

    def bias(self, layer: Layer) -> list[str]:
        bias = layer.tensors.get("bias")
        return [] if bias is None else [self.tensor(layer, "bias", bias)]

    def scale(self, layer: Layer) -> None:
        """Append y = scale x + shift per channel, with shapes (c, 1, 1) for feature maps."""
        for kind, role in (("Mul", "scale"), ("Add", "shift")):
            values = layer.tensors[role]
            if self.order is not None:
                values = values[self.order]
            shaped = values if self.is_vector else values[:, None, None]
            self.node(kind, [self.tensor(layer, role, shaped)], f"{layer.name}.{kind.lower()}")

    def relu(self, layer: Layer) -> None:
        self.node("Relu", [], layer.name)

    def max_pool2d(self, layer: Layer) -> None:
        self.node("MaxPool", [], layer.name, kernel_shape=layer.pool_size, strides=layer.strides)

    def global_average_pool2d(self, layer: Layer) -> None:
        if self.is_vector:
            return  # the mean of one pixel
        self.node("GlobalAveragePool", [], layer.name)
        self.as_vector(layer.name)

    def flatten(self, layer: Layer) -> None:
        h, w, c = layer.input
        self.as_vector(layer.name)
        if h * w > 1:
            self.order = np.arange(h * w * c).reshape(h, w, c).transpose(2, 0, 1).ravel()
