"""TensorFlow Lite files, in float32 or wholly in int8: what LiteRT runs on phones and boards.

The input "image" is (n, h, w, channels) with values 0..1, light ink on black, or in int8 a
byte less 128, and the output "probabilities" (n, classes); n is 1, and free by resizing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from . import _quantize
from ._extras import require
from ._flatbuffer import Writer
from ._parts import Part, folded_parts
from ._quantize import Steps

_SCHEMA_VERSION, _IDENTIFIER = 3, b"TFL3"

# The version of each operator, in float32 and in int8.
_VERSIONS = {
    "CONV_2D": (1, 3),
    "DEPTHWISE_CONV_2D": (1, 3),
    "FULLY_CONNECTED": (1, 4),
    "MAX_POOL_2D": (1, 2),
    "MEAN": (1, 2),
    "RELU": (1, 2),
    "RESHAPE": (1, 1),
    "SOFTMAX": (1, 2),
}


def to_tflite(
    network: _core.Network,
    metadata: Mapping[str, str],
    calibration: NDArray[np.uint8] | None = None,
) -> bytes:
    """Return a network as a TensorFlow Lite model with these metadata.

    Parameters
    ----------
    network : Network
        What to write.
    metadata : mapping of str
        Kept as JSON under the name "ocrdigit".
    calibration : ndarray (n, 28, 28) of uint8, optional
        Some hundreds of images like those to come; with them the model is in int8.

    Raises
    ------
    ModuleNotFoundError
        There is no package tflite, or no flatbuffers.
    """
    schema = require("tflite", "tflite")
    writer = Writer(schema, require("flatbuffers", "tflite"))
    parts = folded_parts(network)
    steps = None
    if calibration is not None:
        steps = _quantize.output_steps(network, parts, calibration)
    graph = _Graph(writer, network.input_shape, steps)
    for part in parts:
        graph.add(part)
    graph.end()
    return graph.finish(json.dumps(dict(metadata)).encode())


class _Graph:
    """Operators in a row, each fed by the one before it; tensors are known by their numbers."""

    def __init__(
        self, writer: Writer, shape: tuple[int, int, int], steps: Mapping[str, Steps] | None
    ) -> None:
        self.writer = writer
        self.schema = writer.schema
        self.steps = steps
        self.buffers = [writer.table("Buffer")]  # number 0 is that of tensors without data
        self.tensors: list[int] = []
        self.operators: list[int] = []
        self.codes: dict[str, int] = {}
        self.last_steps = _quantize.PIXELS if steps else None
        self.last_shape: tuple[int, ...] = shape
        self.last = self.activation("image", shape, self.last_steps)

    @property
    def is_vector(self) -> bool:
        """Whether what came last is (n, c), not a picture."""
        return len(self.last_shape) == 1

    # ---- tensors ----

    def tensor(
        self,
        name: str,
        dtype: type[np.generic],
        shape: Sequence[int],
        steps: Steps | None = None,
        **more: int,
    ) -> int:
        writer = self.writer
        kinds = self.schema.TensorType
        kind = {np.float32: kinds.FLOAT32, np.int8: kinds.INT8, np.int32: kinds.INT32}[dtype]
        if steps:
            zeros = np.full(len(steps.scale), steps.zero)
            more["Quantization"] = writer.table(
                "QuantizationParameters",
                Scale=writer.numbers(steps.scale, np.float32),
                ZeroPoint=writer.numbers(zeros, np.int64),
                QuantizedDimension=steps.axis,
            )
        texts = {"Name": writer.text(name), "Shape": writer.numbers(shape)}
        self.tensors.append(writer.table("Tensor", Type=kind, **texts, **more))
        return len(self.tensors) - 1

    def constant(self, name: str, values: NDArray[Any], steps: Steps | None = None) -> int:
        self.buffers.append(self.writer.table("Buffer", Data=self.writer.data(values)))
        buffer = len(self.buffers) - 1
        return self.tensor(name, values.dtype.type, values.shape, steps, Buffer=buffer)

    def activation(self, name: str, shape: tuple[int, ...], steps: Steps | None) -> int:
        dtype = np.int8 if self.steps else np.float32
        free = self.writer.numbers([-1, *shape])
        return self.tensor(name, dtype, [1, *shape], steps, ShapeSignature=free)

    # ---- operators ----

    def operator(
        self,
        kind: str,
        name: str,
        shape: tuple[int, ...],
        constants: Sequence[int] = (),
        options: tuple[str, Mapping[str, int]] | None = None,
        steps: Steps | None = None,
    ) -> None:
        """Append an operator whose output has this shape and, in int8, these steps."""
        writer = self.writer
        output = self.activation(name, shape, steps)
        more = {}
        if options:
            about, fields = options
            more["BuiltinOptionsType"] = getattr(self.schema.BuiltinOptions, about)
            more["BuiltinOptions"] = writer.table(about, **fields)
        self.operators.append(
            writer.table(
                "Operator",
                OpcodeIndex=self.codes.setdefault(kind, len(self.codes)),
                Inputs=writer.numbers([self.last, *constants]),
                Outputs=writer.numbers([output]),
                **more,
            )
        )
        self.last, self.last_shape, self.last_steps = output, shape, steps

    def output_steps(self, part: Part) -> Steps | None:
        return self.steps[part.name] if self.steps else None

    def add(self, part: Part) -> None:
        """Append the operators of a part."""
        getattr(self, part.type)(part)

    def numbers(self, part: Part, kernel: NDArray[np.float32], axis: int | None) -> list[int]:
        """Keep a kernel, with steps along ``axis``, and the bias; return their tensors."""
        role = "shift" if part.type == "scale" else "bias"
        channels = np.zeros(part.output[2], np.float32)
        bias = part.tensors.get(role, channels).astype(np.float32)
        names = f"{part.name}.kernel", f"{part.name}.bias"
        if self.last_steps is None:
            return [self.constant(names[0], kernel), self.constant(names[1], bias)]
        rounded, kernel_steps = _quantize.kernel(kernel, axis)
        whole, bias_steps = _quantize.bias(bias, self.last_steps, kernel_steps)
        return [
            self.constant(names[0], rounded, kernel_steps),
            self.constant(names[1], whole, bias_steps),
        ]

    def activation_of(self, part: Part) -> int:
        kinds = self.schema.ActivationFunctionType
        kind: int = kinds.RELU if part.relu else kinds.NONE
        return kind

    def padding_of(self, part: Part) -> int:
        kinds = self.schema.Padding
        kind: int = kinds.SAME if part.layer["padding"] == "same" else kinds.VALID
        return kind

    def conv2d(self, part: Part) -> None:
        kernel = part.tensors["kernel"].transpose(3, 0, 1, 2)
        constants = self.numbers(part, kernel, 0)
        down, right = part.strides
        options = {
            "Padding": self.padding_of(part),
            "StrideH": down,
            "StrideW": right,
            "FusedActivationFunction": self.activation_of(part),
        }
        self.operator(
            "CONV_2D",
            part.name,
            part.output,
            constants,
            ("Conv2DOptions", options),
            self.output_steps(part),
        )

    def dense(self, part: Part) -> None:
        self.as_vector(part.name)
        constants = self.numbers(part, part.tensors["kernel"].T, None)
        options = {"FusedActivationFunction": self.activation_of(part)}
        self.operator(
            "FULLY_CONNECTED",
            part.name,
            part.output[2:],
            constants,
            ("FullyConnectedOptions", options),
            self.output_steps(part),
        )

    def scale(self, part: Part) -> None:
        """Append y = scale x + shift by channel: a convolution of each channel by itself."""
        shape = self.last_shape
        if self.is_vector:
            self.reshape(f"{part.name}.picture", (1, 1, *shape))
        constants = self.numbers(part, part.tensors["scale"].reshape(1, 1, 1, -1), 3)
        options = {
            "Padding": self.schema.Padding.VALID,
            "StrideH": 1,
            "StrideW": 1,
            "DepthMultiplier": 1,
            "FusedActivationFunction": self.activation_of(part),
        }
        self.operator(
            "DEPTHWISE_CONV_2D",
            part.name,
            self.last_shape,
            constants,
            ("DepthwiseConv2DOptions", options),
            self.output_steps(part),
        )
        if len(shape) == 1:
            self.reshape(f"{part.name}.vector", shape)

    def relu(self, part: Part) -> None:
        self.operator("RELU", part.name, self.last_shape, steps=self.output_steps(part))

    def max_pool2d(self, part: Part) -> None:
        (down, right), (height, width) = part.strides, part.pool_size
        options = {
            "Padding": self.schema.Padding.VALID,
            "StrideH": down,
            "StrideW": right,
            "FilterHeight": height,
            "FilterWidth": width,
        }
        about = ("Pool2DOptions", options)
        self.operator("MAX_POOL_2D", part.name, part.output, (), about, self.last_steps)

    def global_average_pool2d(self, part: Part) -> None:
        if self.is_vector:
            return  # the mean of one pixel
        axes = self.constant(f"{part.name}.axes", np.array([1, 2], np.int32))
        options = ("ReducerOptions", {"KeepDims": False})
        steps = self.output_steps(part)
        self.operator("MEAN", part.name, part.output[2:], [axes], options, steps)

    def flatten(self, part: Part) -> None:
        self.as_vector(part.name)

    def as_vector(self, name: str) -> None:
        if not self.is_vector:
            self.reshape(f"{name}.flat", (int(np.prod(self.last_shape)),))

    def reshape(self, name: str, shape: tuple[int, ...]) -> None:
        wanted = self.constant(f"{name}.shape", np.array([-1, *shape], np.int32))
        self.operator("RESHAPE", name, shape, [wanted], steps=self.last_steps)

    def end(self) -> None:
        """Append what makes class scores probabilities."""
        self.as_vector("scores")
        steps = _quantize.PROBABILITIES if self.steps else None
        options = ("SoftmaxOptions", {"Beta": 1.0})
        self.operator("SOFTMAX", "probabilities", self.last_shape, (), options, steps)  # type: ignore[arg-type]

    # ---- the file ----

    def finish(self, metadata: bytes) -> bytes:
        """Return the model."""
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
            DeprecatedBuiltinCode=number,  # all of ours are below 127
            BuiltinCode=number,
            Version=_VERSIONS[kind][bool(self.steps)],
        )
