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
    return _model(onnx, graph, ["n", c, h, w], ["n", network.classes], metadata)


def _model(
    onnx: Any, graph: _Graph, shape: list[Any], ends: list[Any], metadata: Mapping[str, str]
) -> bytes:
    """Return a file of a graph whose input and output have these shapes."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "ocrdigit",
            [helper.make_tensor_value_info("image", kind, shape)],
            [helper.make_tensor_value_info("probabilities", kind, ends)],
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


def page_network_to_onnx(network: _core.Network, metadata: Mapping[str, str]) -> bytes:
    """Return a network that labels pixels, or recognizes lines, as an ONNX model.

    The input "image" is (n, channels, height, width), a line image of a fixed height; height and
    width are dynamic. The output "probabilities" is (n, classes, height', width') of a map, and (n,
    steps, classes) of lines. Parameters and errors are those of :func:`to_onnx`.
    """
    onnx = require("onnx", "onnx")
    is_map = network.output_shape[0] > 1
    h, _, c = network.input_shape
    graph = _Graph(onnx, dynamic=True)
    for layer in folded_layers(network, of_pages=True):
        graph.add(layer)
    graph.end_map() if is_map else graph.end_sequence()
    shape = ["n", c, "height" if is_map else h, "width"]
    ends = ["n", network.classes, "rows", "columns"] if is_map else ["n", "steps", network.classes]
    return _model(onnx, graph, shape, ends, metadata)


class _Graph:
    """A chain of nodes, each with the output of the one before it as input."""

    def __init__(self, onnx: Any, dynamic: bool = False) -> None:
        self.onnx = onnx
        self.dynamic = dynamic  # whether images have any size
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []
        self.last = "image"
        self.is_vector = False  # whether the last output is (n, c), not (n, c, h, w)
        # After a flatten: our index of each element of the vector.
        self.order: NDArray[np.intp] | None = None

    def node(self, kind: str, tensors: list[str], name: str, **options: Any) -> str:
        """Append a node whose inputs are the last output and some tensors; return its output."""
        return self.node_of(kind, [self.last, *tensors], name, **options)

    def node_of(self, kind: str, inputs: list[str], name: str, **options: Any) -> str:
        """Append a node of any inputs, and return its output, which is the last one then."""
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], name=name, **options))
        self.last = name
        return name

    def tensor(self, layer: Layer, role: str, values: NDArray[Any]) -> str:
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
            **self.padding(layer),
            "group": layer.groups,
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
        """Append y = scale x + shift per channel."""
        self.affine(layer, "scale", "shift")

    def affine(self, layer: Layer, scale: str, shift: str) -> None:
        """Append a scale and a shift per channel, with shapes (c, 1, 1) for feature maps."""
        for kind, role in (("Mul", scale), ("Add", shift)):
            values = layer.tensors[role]
            if self.order is not None:
                values = values[self.order]
            shaped = values if self.is_vector else values[:, None, None]
            self.node(kind, [self.tensor(layer, role, shaped)], f"{layer.name}.{kind.lower()}")

    def layer_norm(self, layer: Layer) -> None:
        """Append a layer norm in operators that all runtimes have."""
        name, x = layer.name, self.last
        mean = self.node("ReduceMean", [], f"{name}.mean", axes=[1], keepdims=1)
        centred = self.node_of("Sub", [x, mean], f"{name}.centred")
        self.node_of("Mul", [centred, centred], f"{name}.squares")
        self.node("ReduceMean", [], f"{name}.variance", axes=[1], keepdims=1)
        epsilon = np.array(layer.config["epsilon"], np.float32)
        self.node("Add", [self.tensor(layer, "epsilon", epsilon)], f"{name}.shifted")
        deviation = self.node("Sqrt", [], f"{name}.deviation")
        self.node_of("Div", [centred, deviation], f"{name}.normal")
        self.affine(layer, "gamma", "beta")

    def activation(self, layer: Layer) -> None:
        name, alpha, x = layer.name, layer.config["alpha"], self.last
        match layer.config["function"]:
            case "leaky_relu":
                self.node("LeakyRelu", [], name, alpha=alpha)
            case "relu6":
                limits = [("minimum", np.float32(0)), ("maximum", np.float32(6))]
                self.node("Clip", [self.tensor(layer, *limit) for limit in limits], name)
            case "elu":
                self.node("Elu", [], name, alpha=alpha)
            case "swish":
                self.node("Sigmoid", [], f"{name}.sigmoid")
                self.node("Mul", [x], name)
            case function:
                self.node(function.capitalize(), [], name)

    def relu(self, layer: Layer) -> None:
        self.node("Relu", [], layer.name)

    def max_pool2d(self, layer: Layer) -> None:
        self.pool("MaxPool", layer)

    def average_pool2d(self, layer: Layer) -> None:
        self.pool("AveragePool", layer, count_include_pad=0)

    def pool(self, kind: str, layer: Layer, **options: Any) -> None:
        sizes = {"kernel_shape": layer.pool_size, "strides": layer.strides}
        self.node(kind, [], layer.name, **sizes, **self.padding(layer), **options)

    def padding(self, layer: Layer) -> dict[str, Any]:
        """Return the padding of a layer, which with strides depends on the size of the image."""
        if self.dynamic and layer.config["padding"] == "same" and layer.strides != (1, 1):
            return {"auto_pad": "SAME_UPPER"}
        return {"pads": layer.padding}

    def map_to_sequence(self, layer: Layer) -> None:
        """Append (n, c, h, w) -> (n, h c, 1, w)."""
        h, _, c = layer.input
        self.node("Transpose", [], f"{layer.name}.rows", perm=[0, 2, 1, 3])
        shape = np.array([0, h * c, 1, -1], np.int64)
        self.node("Reshape", [self.tensor(layer, "shape", shape)], layer.name)

    def end_map(self) -> None:
        """Append the softmax of each pixel."""
        self.node("Softmax", [], "probabilities", axis=1)

    def end_sequence(self) -> None:
        """Append (n, classes, 1, steps) -> (n, steps, classes), and the softmax of each step."""
        axes = self.onnx.numpy_helper.from_array(np.array([2], np.int64), "axes")
        self.tensors.append(axes)
        self.node("Squeeze", ["axes"], "columns")
        self.node("Transpose", [], "scores", perm=[0, 2, 1])
        self.node("Softmax", [], "probabilities", axis=2)

    def zero_padding2d(self, layer: Layer) -> None:
        top, bottom, left, right = layer.sides
        pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
        self.node("Pad", [self.tensor(layer, "pads", pads)], layer.name)

    def global_average_pool2d(self, layer: Layer) -> None:
        self.global_pool("GlobalAveragePool", layer)

    def global_max_pool2d(self, layer: Layer) -> None:
        self.global_pool("GlobalMaxPool", layer)

    def global_pool(self, kind: str, layer: Layer) -> None:
        if self.is_vector:
            return  # of one pixel
        self.node(kind, [], layer.name)
        self.as_vector(layer.name)

    def flatten(self, layer: Layer) -> None:
        h, w, c = layer.input
        self.as_vector(layer.name)
        if h * w > 1:
            self.order = np.arange(h * w * c).reshape(h, w, c).transpose(2, 0, 1).ravel()
