"""Export to TensorFlow Lite (LiteRT), in float32 or fully quantized to int8.

The input "image" is (n, h, w, channels) with values 0..1, light foreground on black; in int8 it is
the byte minus 128. The output "probabilities" is (n, classes). n is 1, and dynamic by resizing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from . import _quantize
from ._flatbuffer import Writer
from ._layers import Layer, folded_layers
from ._quantize import Quantization
from ._require import require

_SCHEMA_VERSION, _IDENTIFIER = 3, b"TFL3"

# The version of each operator in float32 and in int8.
_VERSIONS = {
    "ADD": (1, 2),
    "AVERAGE_POOL_2D": (1, 2),
    "CONV_2D": (1, 3),
    "DEPTHWISE_CONV_2D": (1, 3),
    "ELU": (1, 1),
    "FULLY_CONNECTED": (1, 4),
    "LEAKY_RELU": (1, 2),
    "LOGISTIC": (1, 2),
    "MAX_POOL_2D": (1, 2),
    "MEAN": (1, 2),
    "MUL": (1, 2),
    "PAD": (1, 2),
    "REDUCE_MAX": (1, 2),
    "RELU": (1, 2),
    "RELU6": (1, 2),
    "RESHAPE": (1, 1),
    "RSQRT": (1, 2),
    "SOFTMAX": (1, 2),
    "SQUARED_DIFFERENCE": (1, 2),
    "SUB": (1, 2),
    "TANH": (1, 2),
}

# exp(x) - 1 below 0 is TFLite's ELU; other factors of it are sums with ReLU.
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def to_tflite(
    network: _core.Network,
    metadata: Mapping[str, str],
    calibration: NDArray[np.uint8] | None = None,
) -> bytes:
    """Return a network as a TensorFlow Lite model.

    Parameters
    ----------
    network : Network
        The network to export.
    metadata : mapping of str
        Stored as JSON under the name "ocrdigit".
    calibration : ndarray (n, 28, 28) of uint8, optional
        Some hundreds of typical images, for the quantization to int8; None: float32.

    Raises
    ------
    ModuleNotFoundError
        If tflite or flatbuffers is not installed.
    ValueError
        If a layer cannot be exported.
    """
    schema = require("tflite", "tflite")
    writer = Writer(schema, require("flatbuffers", "tflite"))
    layers = folded_layers(network)
    quantizations = None
    if calibration is not None:
        quantizations = _quantize.calibrate_outputs(network, layers, calibration)
    graph = _Graph(writer, network.input_shape, quantizations)
    for layer in layers:
        graph.add(layer)
    graph.end()
    return graph.finish(json.dumps(dict(metadata)).encode())


class _Graph:
    """A chain of operators, each with the output of the one before it as input.

    Tensors are referred to by their index.
    """

    def __init__(
        self,
        writer: Writer,
        shape: tuple[int, int, int],
        quantizations: Mapping[str, Quantization] | None,
    ) -> None:
        self.writer = writer
        self.schema = writer.schema
        self.quantizations = quantizations  # of the layers' outputs, for int8
        self.buffers = [writer.table("Buffer")]  # buffer 0 is that of tensors without data
        self.tensors: list[int] = []
        self.operators: list[int] = []
        self.codes: dict[str, int] = {}
        self.last_quantization = _quantize.PIXELS if quantizations else None
        self.last_shape: tuple[int, ...] = shape
        self.last = self.output_tensor("image", shape, self.last_quantization)

    @property
    def is_vector(self) -> bool:
        """Whether the last output is (n, c), not (n, h, w, c)."""
        return len(self.last_shape) == 1

    # ---- tensors ----

    def tensor(
        self,
        name: str,
        dtype: type[np.generic],
        shape: Sequence[int],
        quantization: Quantization | None = None,
        **more: int,
    ) -> int:
        writer = self.writer
        kinds = self.schema.TensorType
        kind = {np.float32: kinds.FLOAT32, np.int8: kinds.INT8, np.int32: kinds.INT32}[dtype]
        if quantization:
            zero_points = np.full(len(quantization.scale), quantization.zero_point)
            more["Quantization"] = writer.table(
                "QuantizationParameters",
                Scale=writer.numbers(quantization.scale, np.float32),
                ZeroPoint=writer.numbers(zero_points, np.int64),
                QuantizedDimension=quantization.axis,
            )
        texts = {"Name": writer.text(name), "Shape": writer.numbers(shape)}
        self.tensors.append(writer.table("Tensor", Type=kind, **texts, **more))
        return len(self.tensors) - 1

    def constant(
        self, name: str, values: NDArray[Any], quantization: Quantization | None = None
    ) -> int:
        self.buffers.append(self.writer.table("Buffer", Data=self.writer.data(values)))
        buffer = len(self.buffers) - 1
        return self.tensor(name, values.dtype.type, values.shape, quantization, Buffer=buffer)

    def output_tensor(
        self, name: str, shape: tuple[int, ...], quantization: Quantization | None
    ) -> int:
        dtype = np.int8 if self.quantizations else np.float32
        signature = self.writer.numbers([-1, *shape])
        return self.tensor(name, dtype, [1, *shape], quantization, ShapeSignature=signature)

    # ---- operators ----

    def operator(
        self,
        kind: str,
        name: str,
        shape: tuple[int, ...],
        constants: Sequence[int] = (),
        options: tuple[str, Mapping[str, Any]] | None = None,
        quantization: Quantization | None = None,
        first: int | None = None,
    ) -> int:
        """Append an operator with the shape and, in int8, the quantization of its output.

        Its first input is ``first``, or else the last output. Return its output.
        """
        writer = self.writer
        first = self.last if first is None else first
        output = self.output_tensor(name, shape, quantization)
        more = {}
        if options:
            about, fields = options
            more["BuiltinOptionsType"] = getattr(self.schema.BuiltinOptions, about)
            more["BuiltinOptions"] = writer.table(about, **fields)
        self.operators.append(
            writer.table(
                "Operator",
                OpcodeIndex=self.codes.setdefault(kind, len(self.codes)),
                Inputs=writer.numbers([first, *constants]),
                Outputs=writer.numbers([output]),
                **more,
            )
        )
        self.last, self.last_shape, self.last_quantization = output, shape, quantization
        return output

    def output_quantization(self, layer: Layer) -> Quantization | None:
        return self.quantizations[layer.name] if self.quantizations else None

    def add(self, layer: Layer) -> None:
        """Append the operators of a layer."""
        getattr(self, layer.type)(layer)

    def weights(self, layer: Layer, kernel: NDArray[np.float32], axis: int | None) -> list[int]:
        """Add a kernel, with a scale for each index of ``axis``, and a bias as constants."""
        role = "shift" if layer.type == "scale" else "bias"
        zeros = np.zeros(layer.output[2], np.float32)
        bias = layer.tensors.get(role, zeros).astype(np.float32)
        names = f"{layer.name}.kernel", f"{layer.name}.bias"
        if self.last_quantization is None:
            return [self.constant(names[0], kernel), self.constant(names[1], bias)]
        kernel8, of_kernel = _quantize.quantize_kernel(kernel, axis)
        bias32, of_bias = _quantize.quantize_bias(bias, self.last_quantization, of_kernel)
        return [
            self.constant(names[0], kernel8, of_kernel),
            self.constant(names[1], bias32, of_bias),
        ]

    def activation_of(self, layer: Layer) -> int:
        kinds = self.schema.ActivationFunctionType
        kind: int = kinds.RELU if layer.relu else kinds.NONE
        return kind

    def padding_of(self, layer: Layer) -> int:
        kinds = self.schema.Padding
        kind: int = kinds.SAME if layer.config["padding"] == "same" else kinds.VALID
        return kind

    def conv2d(self, layer: Layer) -> None:
        if layer.groups > 1:
            self.depthwise_conv2d(layer)
            return
        kernel = layer.tensors["kernel"].transpose(3, 0, 1, 2)
        constants = self.weights(layer, kernel, 0)
        vertical, horizontal = layer.strides
        options = {
            "Padding": self.padding_of(layer),
            "StrideH": vertical,
            "StrideW": horizontal,
            "DilationHFactor": layer.dilation,
            "DilationWFactor": layer.dilation,
            "FusedActivationFunction": self.activation_of(layer),
        }
        self.operator(
            "CONV_2D",
            layer.name,
            layer.output,
            constants,
            ("Conv2DOptions", options),
            self.output_quantization(layer),
        )

    def depthwise_conv2d(self, layer: Layer) -> None:
        constants = self.weights(layer, layer.tensors["kernel"].transpose(2, 0, 1, 3), 3)
        vertical, horizontal = layer.strides
        options = {
            "Padding": self.padding_of(layer),
            "StrideH": vertical,
            "StrideW": horizontal,
            "DepthMultiplier": layer.output[2] // layer.groups,
            "DilationHFactor": layer.dilation,
            "DilationWFactor": layer.dilation,
            "FusedActivationFunction": self.activation_of(layer),
        }
        about = ("DepthwiseConv2DOptions", options)
        quantization = self.output_quantization(layer)
        self.operator("DEPTHWISE_CONV_2D", layer.name, layer.output, constants, about, quantization)

    def dense(self, layer: Layer) -> None:
        self.as_vector(layer.name)
        constants = self.weights(layer, layer.tensors["kernel"].T, None)
        options = {"FusedActivationFunction": self.activation_of(layer)}
        self.operator(
            "FULLY_CONNECTED",
            layer.name,
            layer.output[2:],
            constants,
            ("FullyConnectedOptions", options),
            self.output_quantization(layer),
        )

    def scale(self, layer: Layer) -> None:
        """Append y = scale x + shift per channel, as a depthwise 1x1 convolution."""
        shape = self.last_shape
        if self.is_vector:
            self.reshape(f"{layer.name}.map", (1, 1, *shape))
        constants = self.weights(layer, layer.tensors["scale"].reshape(1, 1, 1, -1), 3)
        options = {
            "Padding": self.schema.Padding.VALID,
            "StrideH": 1,
            "StrideW": 1,
            "DepthMultiplier": 1,
            "FusedActivationFunction": self.activation_of(layer),
        }
        self.operator(
            "DEPTHWISE_CONV_2D",
            layer.name,
            self.last_shape,
            constants,
            ("DepthwiseConv2DOptions", options),
            self.output_quantization(layer),
        )
        if len(shape) == 1:
            self.reshape(f"{layer.name}.vector", shape)

    def relu(self, layer: Layer) -> None:
        quantization = self.output_quantization(layer)
        self.operator("RELU", layer.name, self.last_shape, quantization=quantization)

    def max_pool2d(self, layer: Layer) -> None:
        self.pool("MAX_POOL_2D", layer)

    def average_pool2d(self, layer: Layer) -> None:
        self.pool("AVERAGE_POOL_2D", layer)

    def pool(self, kind: str, layer: Layer) -> None:
        (vertical, horizontal), (height, width) = layer.strides, layer.pool_size
        options = {
            "Padding": self.padding_of(layer),
            "StrideH": vertical,
            "StrideW": horizontal,
            "FilterHeight": height,
            "FilterWidth": width,
        }
        about = ("Pool2DOptions", options)
        quantization = self.last_quantization
        self.operator(kind, layer.name, layer.output, (), about, quantization)

    def global_average_pool2d(self, layer: Layer) -> None:
        self.global_pool("MEAN", layer, self.output_quantization(layer))

    def global_max_pool2d(self, layer: Layer) -> None:
        self.global_pool("REDUCE_MAX", layer, self.last_quantization)

    def global_pool(self, kind: str, layer: Layer, quantization: Quantization | None) -> None:
        if self.is_vector:
            return  # of one pixel
        axes = self.constant(f"{layer.name}.axes", np.array([1, 2], np.int32))
        options = ("ReducerOptions", {"KeepDims": False})
        self.operator(kind, layer.name, layer.output[2:], [axes], options, quantization)

    def zero_padding2d(self, layer: Layer) -> None:
        top, bottom, left, right = layer.sides
        sides = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
        constants = [self.constant(f"{layer.name}.padding", sides)]
        quantization = self.last_quantization
        self.operator("PAD", layer.name, layer.output, constants, ("PadOptions", {}), quantization)

    def activation(self, layer: Layer) -> None:
        name, function, alpha = layer.name, layer.config["function"], layer.config["alpha"]
        shape, quantization = self.last_shape, self.output_quantization(layer)
        match function:
            case "leaky_relu":
                about = ("LeakyReluOptions", {"Alpha": alpha})
                self.operator("LEAKY_RELU", name, shape, (), about, quantization)
            case "relu6":
                self.operator("RELU6", name, shape, quantization=quantization)
            case "sigmoid":  # in int8 their outputs have these scales
                of_output = _quantize.PROBABILITIES if quantization else None
                self.operator("LOGISTIC", name, shape, quantization=of_output)
            case "tanh":
                of_output = _quantize.TANH if quantization else None
                self.operator("TANH", name, shape, quantization=of_output)
            case "elu" if alpha == 1:
                self.operator("ELU", name, shape, quantization=quantization)
            case "elu":
                self.sum_of_elu_and_relu(layer, alpha, 1.0)
            case "selu":
                self.sum_of_elu_and_relu(layer, _SELU_SCALE * _SELU_ALPHA, _SELU_SCALE)
            case "swish":
                self.check_float(layer)
                x = self.last
                gate = self.operator("LOGISTIC", f"{name}.sigmoid", shape)
                self.operator("MUL", name, shape, [gate], ("MulOptions", {}), first=x)

    def sum_of_elu_and_relu(self, layer: Layer, below: float, above: float) -> None:
        """Append y = above x for x > 0, else below (exp(x) - 1)."""
        self.check_float(layer)
        name, shape, x = layer.name, self.last_shape, self.last
        self.operator("ELU", f"{name}.elu", shape, first=x)
        first = self.times(f"{name}.below", below)
        self.operator("RELU", f"{name}.relu", shape, first=x)
        second = self.times(f"{name}.above", above - below)
        self.operator("ADD", name, shape, [second], ("AddOptions", {}), first=first)

    def times(self, name: str, factor: float) -> int:
        constant = self.constant(f"{name}.factor", np.array([factor], np.float32))
        return self.operator("MUL", name, self.last_shape, [constant], ("MulOptions", {}))

    def layer_norm(self, layer: Layer) -> None:
        self.check_float(layer)
        name, shape, x = layer.name, self.last_shape, self.last
        about = ("ReducerOptions", {"KeepDims": True})
        axes = [self.constant(f"{name}.axes", np.array([len(shape)], np.int32))]
        one = (*shape[:-1], 1)
        mean = self.operator("MEAN", f"{name}.mean", one, axes, about)
        squares: tuple[str, Mapping[str, Any]] = ("SquaredDifferenceOptions", {})
        self.operator("SQUARED_DIFFERENCE", f"{name}.squares", shape, [mean], squares, first=x)
        self.operator("MEAN", f"{name}.variance", one, axes, about)
        epsilon = self.constant(f"{name}.epsilon", np.array([layer.config["epsilon"]], np.float32))
        self.operator("ADD", f"{name}.shifted", one, [epsilon], ("AddOptions", {}))
        inverse = self.operator("RSQRT", f"{name}.inverse", one)
        self.operator("SUB", f"{name}.centred", shape, [mean], ("SubOptions", {}), first=x)
        self.operator("MUL", f"{name}.normal", shape, [inverse], ("MulOptions", {}))
        gamma = self.constant(f"{name}.gamma", layer.tensors["gamma"])
        self.operator("MUL", f"{name}.scaled", shape, [gamma], ("MulOptions", {}))
        beta = self.constant(f"{name}.beta", layer.tensors["beta"])
        self.operator("ADD", name, shape, [beta], ("AddOptions", {}))

    def check_float(self, layer: Layer) -> None:
        """Raise ValueError if a layer is to be quantized that TFLite has no one operator for."""
        if self.quantizations:
            kind = layer.config.get("function", layer.type)
            raise ValueError(
                f"layer {layer.name} ({kind}) cannot be quantized to int8; save it in float32"
            )

    def flatten(self, layer: Layer) -> None:
        self.as_vector(layer.name)

    def as_vector(self, name: str) -> None:
        if not self.is_vector:
            self.reshape(f"{name}.flat", (int(np.prod(self.last_shape)),))

    def reshape(self, name: str, shape: tuple[int, ...]) -> None:
        new = self.constant(f"{name}.shape", np.array([-1, *shape], np.int32))
        self.operator("RESHAPE", name, shape, [new], quantization=self.last_quantization)

    def end(self) -> None:
        """Append the softmax."""
        self.as_vector("scores")
        quantization = _quantize.PROBABILITIES if self.quantizations else None
        options = ("SoftmaxOptions", {"Beta": 1.0})
        self.operator("SOFTMAX", "probabilities", self.last_shape, (), options, quantization)

    # ---- the file ----

    def finish(self, metadata: bytes) -> bytes:
        """Return the file."""
        writer = self.writer
        self.buffers.append(writer.table("Buffer", Data=writer.data(metadata)))
        about = writer.table("Metadata", Name=writer.text("ocrdigit"), Buffer=len(self.buffers) - 1)
        graph = writer.table(
            "SubGraph",
            Tensors=writer.tables(self.tensors),
            Inputs=writer.numbers([0]),
            Outputs=writer.numbers([self.last]),
            Operators=writer.tables(self.operators),
            Name=writer.text("main"),
        )
        ends = {}
        for field, name, tensor in (
            ("Inputs", "image", 0),
            ("Outputs", "probabilities", self.last),
        ):
            end = writer.table("TensorMap", Name=writer.text(name), TensorIndex=tensor)
            ends[field] = writer.tables([end])
        key = writer.text("serving_default")
        signature = writer.table("SignatureDef", SignatureKey=key, SubgraphIndex=0, **ends)
        model = writer.table(
            "Model",
            Version=_SCHEMA_VERSION,
            OperatorCodes=writer.tables([self.code(kind) for kind in self.codes]),
            Subgraphs=writer.tables([graph]),
            Description=writer.text(f"ocrdigit {_core.__version__}"),
            Buffers=writer.tables(self.buffers),
            Metadata=writer.tables([about]),
            SignatureDefs=writer.tables([signature]),
        )
        return writer.finish(model, _IDENTIFIER)

    def code(self, kind: str) -> int:
        number = getattr(self.schema.BuiltinOperator, kind)
        return self.writer.table(
            "OperatorCode",
            DeprecatedBuiltinCode=number,  # valid for operators below 127, as all of these
            BuiltinCode=number,
            Version=_VERSIONS[kind][bool(self.quantizations)],
        )
