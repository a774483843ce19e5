"""ONNX files: what ONNX Runtime, OpenCV's dnn and many others run.

The input "image" is (n, channels, h, w) with values 0..1, light ink on black, and the output
"probabilities" (n, classes); n is free. Dense kernels after a flatten have their rows reordered
from our (h, w, c) to ONNX's (c, h, w), so that no node has to move numbers about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ._extras import require
from ._parts import Part, folded_parts

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

# Old enough for the runtimes of many years, new enough for a softmax over one axis.
_OPSET, _IR_VERSION = 13, 8


def to_onnx(network: _core.Network, metadata: Mapping[str, str]) -> bytes:
    """Return a network as an ONNX model with these metadata.

    Raises
    ------
    ModuleNotFoundError
        There is no package onnx.
    """
    onnx = require("onnx", "onnx")
    graph = _Graph(onnx)
    h, w, c = network.input_shape
    for part in folded_parts(network):
        graph.add(part)
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
    """Nodes in a row, each fed by the one before it."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []
        self.last = "image"
        self.is_vector = False  # what came last: (n, c), or a picture (n, c, h, w)
        # Which of our numbers stands where in a vector that comes from a picture.
        self.order: NDArray[np.intp] | None = None

    def node(self, kind: str, tensors: list[str], name: str, **options: Any) -> None:
        """Append a node that takes what came last and some tensors."""
        make = self.onnx.helper.make_node
        self.nodes.append(make(kind, [self.last, *tensors], [name], name=name, **options))
        self.last = name

    def tensor(self, part: Part, role: str, values: NDArray[np.float32]) -> str:
        """Keep some numbers, and return their name."""
        name = f"{part.name}.{role}"
        self.tensors.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, part: Part) -> None:
        """Append the nodes of a part."""
        getattr(self, part.type)(part)
        if part.relu:
            self.node("Relu", [], f"{part.name}.relu")

    def end(self) -> None:
        """Append what makes class scores probabilities."""
        self.as_vector("scores")
        if self.order is not None:
            places = self.onnx.numpy_helper.from_array(np.argsort(self.order), "places")
            self.tensors.append(places)
            self.node("Gather", ["places"], "ordered", axis=1)
        self.node("Softmax", [], "probabilities", axis=1)

    def as_vector(self, name: str) -> None:
        if not self.is_vector:
            self.node("Flatten", [], f"{name}.flat")
        self.is_vector = True

    def conv2d(self, part: Part) -> None:
        kernel = self.tensor(part, "kernel", part.tensors["kernel"].transpose(3, 2, 0, 1))
        sizes = {"kernel_shape": part.kernel_size, "strides": part.strides, "pads": part.padding}
        self.node("Conv", [kernel, *self.bias(part)], part.name, **sizes)

    def dense(self, part: Part) -> None:
        self.as_vector(part.name)
        rows = part.tensors["kernel"]
        kernel = self.tensor(part, "kernel", rows if self.order is None else rows[self.order])
        self.order = None
        self.node("Gemm", [kernel, *self.bias(part)], part.name)

    def bias(self, part: Part) -> list[str]:
        bias = part.tensors.get("bias")
        return [] if bias is None else [self.tensor(part, "bias", bias)]

    def scale(self, part: Part) -> None:
        """Append y = scale x + shift by channel; both as they broadcast, (c, 1, 1) in a picture."""
        for kind, role in (("Mul", "scale"), ("Add", "shift")):
            values = part.tensors[role]
            if self.order is not None:
                values = values[self.order]
            shaped = values if self.is_vector else values[:, None, None]
            self.node(kind, [self.tensor(part, role, shaped)], f"{part.name}.{kind.lower()}")

    def relu(self, part: Part) -> None:
        self.node("Relu", [], part.name)

    def max_pool2d(self, part: Part) -> None:
        self.node("MaxPool", [], part.name, kernel_shape=part.pool_size, strides=part.strides)

    def global_average_pool2d(self, part: Part) -> None:
        if self.is_vector:
            return  # the mean of one pixel
        self.node("GlobalAveragePool", [], part.name)
        self.as_vector(part.name)

    def flatten(self, part: Part) -> None:
        h, w, c = part.input
        self.as_vector(part.name)
        if h * w > 1:
            self.order = np.arange(h * w * c).reshape(h, w, c).transpose(2, 0, 1).ravel()
