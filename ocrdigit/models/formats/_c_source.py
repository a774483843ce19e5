"""Export to C99: a header and a source file without dependencies but the C library.

The code is for microcontrollers: the weights are constants, the caller provides all memory, and a
max-pool is fused with the convolution before it, so that the full feature maps are never stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ._c_functions import FUNCTIONS, NEEDED
from ._c_preprocessing import DECLARATION, FUNCTION, INPUT, WORK
from ._layers import Layer, folded_layers

_HEADER = """\
/* A classifier of handwritten digits, exported by ocrdigit {version}.
 *
 * An image is ({h}, {w}, {c}) with values 0 to 1, light foreground on black, as
 * `ocrdigit.preprocess` returns it. One image takes {work:,} multiplications. The constants take
 * {constants:,} bytes. The caller provides {bytes:,} bytes of scratch memory, which need no
 * initialization. All functions are thread-safe if each thread has its own scratch memory. Link
 * with the C library's mathematics (-lm). */
#ifndef {macro}_H
#define {macro}_H

enum {{
  {macro}_HEIGHT = {h},
  {macro}_WIDTH = {w},
  {macro}_CHANNELS = {c},
  {macro}_CLASSES = {classes},
{work_size}  {macro}_SCRATCH = {scratch} /* floats */
}};

/* The model's metadata, such as its architecture and its preprocessing, as JSON. */
#define {macro}_METADATA \\
{metadata}

{preprocess}/* Return the class with the largest score. */
int {name}_predict(const float *image, float *scratch);

/* Write the probability of each class. */
void {name}_probabilities(const float *image, float *scratch, float *probabilities);

/* Write the score of each class, the input of the softmax. */
void {name}_scores(const float *image, float *scratch, float *scores);

#endif
"""

_SOURCE = """\
#include "{name}.h"

#include <math.h>

{preprocessing}{functions}
{constants}
void {name}_scores(const float *image, float *scratch, float *scores) {{
  float *const ping = scratch{pong};
{steps}
  for (int i = 0; i < {macro}_CLASSES; i++) scores[i] = {last}[i];
}}

int {name}_predict(const float *image, float *scratch) {{
  float scores[{macro}_CLASSES];
  int best = 0;
  {name}_scores(image, scratch, scores);
  for (int i = 1; i < {macro}_CLASSES; i++)
    if (scores[i] > scores[best]) best = i;
  return best;
}}

void {name}_probabilities(const float *image, float *scratch, float *probabilities) {{
  float largest, sum = 0;
  {name}_scores(image, scratch, probabilities);
  largest = probabilities[0];
  for (int i = 1; i < {macro}_CLASSES; i++)
    if (probabilities[i] > largest) largest = probabilities[i];
  for (int i = 0; i < {macro}_CLASSES; i++) {{
    probabilities[i] = expf(probabilities[i] - largest);
    sum += probabilities[i];
  }}
  for (int i = 0; i < {macro}_CLASSES; i++) probabilities[i] /= sum;
}}
"""


def to_c(network: _core.Network, metadata: Mapping[str, str], stem: str) -> tuple[str, str]:
    """Return a network as a header and a source file.

    Parameters
    ----------
    network : Network
        The network to export.
    metadata : mapping of str
        A string constant of the header.
    stem : str
        The name of both files without the suffix; as a C identifier, the prefix of all functions.

    Returns
    -------
    header, source : str

    Raises
    ------
    ValueError
        If a layer cannot be exported.
    """
    name = _identifier(stem)
    layers = _with_pools(folded_layers(network))
    writer = _Writer()
    for layer in layers:
        writer.add(layer)
    h, w, c = network.input_shape
    ping, pong = writer.sizes
    prepares = network.input_shape == INPUT
    names = {"name": name, "macro": name.upper()}
    facts = {
        **names,
        "version": _core.__version__,
        "h": h,
        "w": w,
        "c": c,
        "classes": network.classes,
        "work": sum(_multiplications(layer) for layer in layers),
        "constants": 4 * writer.count,
        "scratch": ping + pong or 1,
        "bytes": 4 * (ping + pong or 1),
        "metadata": _literal(json.dumps(dict(metadata), indent=1)),
    }
    used = writer.used.union(*(NEEDED.get(name, ()) for name in writer.used))
    facts["work_size"] = f"  {name.upper()}_WORK = {WORK}, /* bytes */\n" if prepares else ""
    facts["preprocess"] = DECLARATION.substitute(names) if prepares else ""
    facts["preprocessing"] = FUNCTION.substitute(names) + "\n" if prepares else ""
    functions = [text for function, text in FUNCTIONS.items() if function in used]
    source = _SOURCE.format(
        **{**facts, "constants": "\n".join(writer.constants)},
        functions="\n".join(functions),
        pong=f", *const pong = scratch + {ping}" if pong else "",
        steps="\n".join(f"  {step}" for step in writer.steps),
        last=writer.last,
    )
    return _HEADER.format(**facts), source.replace(f'"{name}.h"', f'"{stem}.h"', 1)


def _identifier(stem: str) -> str:
    name = re.sub(r"\W", "_", stem, flags=re.ASCII).lower()
    return name if name and not name[0].isdigit() else f"m_{name}"


def _with_pools(layers: list[Layer]) -> list[Layer]:
    """Return the layers with each max-pool fused with the convolution before it, as "pool"."""
    fused: list[Layer] = []
    for layer in layers:
        before = fused[-1] if fused else None
        fusible = (
            layer.type == "max_pool2d"
            and layer.strides == layer.pool_size
            and layer.config["padding"] == "valid"
            and before is not None
            and before.type == "conv2d"
            and before.groups == 1
            and "pool" not in before.config
        )
        if fusible and before is not None:
            config = {**before.config, "pool": layer.pool_size}
            fused[-1] = replace(before, config=config, output=layer.output)
        else:
            fused.append(layer)
    return fused


def _pool_of(layer: Layer) -> tuple[int, int]:
    """Return the window (height, width) of the max-pool that is fused with a convolution."""
    height, width = layer.config.get("pool", (1, 1))
    return int(height), int(width)


def _multiplications(layer: Layer) -> int:
    """Return the number of multiplications of a layer for one image."""
    h, w, c = layer.output
    if layer.type == "conv2d":
        height, width = _pool_of(layer)
        return h * w * height * width * int(layer.tensors["kernel"].size)
    if layer.type == "dense":
        return int(layer.tensors["kernel"].size)
    return h * w * c if layer.type == "scale" else 0


class _Writer:
    """A sequence of calls whose outputs alternate between two buffers of the scratch memory."""

    def __init__(self) -> None:
        self.constants: list[str] = []
        self.steps: list[str] = []
        self.sizes = [0, 0]  # of the buffers "ping" and "pong", in floats
        self.count = 0  # of the constants' elements
        self.used: set[str] = set()  # names of FUNCTIONS
        self.last = "image"

    def constant(self, layer: Layer, role: str, values: NDArray[np.float32]) -> str:
        name = f"{layer.name}_{role}"
        self.count += values.size
        self.constants.append(f"static const float {name}[{values.size}] = {{")
        texts = [_number(value) for value in values.ravel().tolist()]
        lines = [", ".join(texts[at : at + 8]) for at in range(0, len(texts), 8)]
        self.constants += [f"  {line}," for line in lines]
        self.constants.append("};")
        return name

    def bias(self, layer: Layer, role: str = "bias") -> str:
        zeros = np.zeros(layer.output[2], np.float32)
        return self.constant(layer, role, layer.tensors.get(role, zeros))

    def call(self, layer: Layer, start: str, function: str | None = None) -> None:
        """Append a call; its last two arguments are the input and the output.

        ``function`` is its name in ``FUNCTIONS``, or else the type of the layer.
        """
        self.used.add(function or layer.type)
        buffer = 0 if self.last != "ping" else 1
        target = ("ping", "pong")[buffer]
        self.sizes[buffer] = max(self.sizes[buffer], int(np.prod(layer.output)))
        self.steps.append(f"{start}, {self.last}, {target});")
        self.last = target

    def add(self, layer: Layer) -> None:
        """Append the calls of a layer."""
        getattr(self, layer.type)(layer)

    def conv2d(self, layer: Layer) -> None:
        function, axes = "conv2d", (3, 0, 1, 2)
        if layer.groups > 1:
            function, axes = "depthwise_conv2d", (0, 1, 2, 3)
        kernel = self.constant(layer, "kernel", layer.tensors["kernel"].transpose(axes))
        bias = self.bias(layer)
        top, left, _, _ = layer.padding
        numbers = [*layer.input, *layer.output, *layer.kernel_size, *layer.strides]
        numbers += [layer.dilation, top, left, *_pool_of(layer), int(layer.relu)]
        values = ", ".join(map(str, numbers))
        self.constants.append(f"static const conv2d_layer {layer.name} = {{")
        self.constants.append(f"  {values}, {kernel}, {bias}}};")
        self.call(layer, f"{function}(&{layer.name}", function)

    def dense(self, layer: Layer) -> None:
        kernel = self.constant(layer, "kernel", layer.tensors["kernel"].T)
        sizes = f"{layer.input[2]}, {layer.output[2]}, {int(layer.relu)}"
        self.call(layer, f"dense({sizes}, {kernel}, {self.bias(layer)}")

    def scale(self, layer: Layer) -> None:
        h, w, c = layer.output
        factor = self.constant(layer, "scale", layer.tensors["scale"])
        shift = self.bias(layer, "shift")
        self.call(layer, f"scale({h * w}, {c}, {int(layer.relu)}, {factor}, {shift}")

    def max_pool2d(self, layer: Layer) -> None:
        self.pool(layer)

    def average_pool2d(self, layer: Layer) -> None:
        self.pool(layer)

    def pool(self, layer: Layer) -> None:
        numbers = [*layer.input, *layer.output[:2], *layer.pool_size, *layer.strides]
        values = ", ".join(map(str, [*numbers, *layer.padding[:2]]))
        self.constants.append(f"static const pool2d_layer {layer.name} = {{{values}}};")
        self.call(layer, f"{layer.type}(&{layer.name}")

    def global_average_pool2d(self, layer: Layer) -> None:
        h, w, c = layer.input
        self.call(layer, f"global_average_pool2d({h * w}, {c}")

    def global_max_pool2d(self, layer: Layer) -> None:
        h, w, c = layer.input
        self.call(layer, f"global_max_pool2d({h * w}, {c}")

    def activation(self, layer: Layer) -> None:
        function, alpha = layer.config["function"], _number(layer.config["alpha"])
        name = "hyperbolic_tangent" if function == "tanh" else function
        self.call(layer, f"{name}({int(np.prod(layer.output))}, {alpha}", function)

    def layer_norm(self, layer: Layer) -> None:
        h, w, c = layer.output
        gamma = self.constant(layer, "gamma", layer.tensors["gamma"])
        beta = self.constant(layer, "beta", layer.tensors["beta"])
        epsilon = _number(layer.config["epsilon"])
        self.call(layer, f"layer_norm({h * w}, {c}, {epsilon}, {gamma}, {beta}")

    def zero_padding2d(self, layer: Layer) -> None:
        top, _, left, _ = layer.sides
        numbers = [*layer.input, *layer.output[:2], top, left]
        self.call(layer, f"zero_padding2d({', '.join(map(str, numbers))}")

    def relu(self, layer: Layer) -> None:
        self.call(layer, f"relu({int(np.prod(layer.output))}")

    def flatten(self, layer: Layer) -> None:
        """Append nothing: a flatten does not change the memory."""


def _number(value: float) -> str:
    text = f"{value:.9g}"  # enough digits for exactly the same float
    return f"{text}f" if re.search(r"[.e]", text) else f"{text}.0f"


def _literal(text: str) -> str:
    """Return a text as C string literals, one for each of its lines."""
    lines = [json.dumps(line.strip()) for line in text.splitlines()]
    return " \\\n".join(f"  {line}" for line in lines)
