"""A network as C99 source: a header and one file that need nothing but the C library.

They are for microcontrollers: the numbers are constants, all memory is the caller's, and a
max-pool is taken while its convolution runs, so that what lies between never exists whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ._c_functions import DOT, FUNCTIONS
from ._parts import Part, folded_parts

_HEADER = """\
/* A network of ocrdigit {version}, written out as C: it tells handwritten digits apart.
 *
 * An image is ({h}, {w}, {c}), values 0 to 1, light ink on black, as `ocrdigit.preprocess` makes
 * them. It takes {work:,} multiplications; the constants are {constants:,} bytes, and the
 * scratch memory, which is yours and may hold anything, {bytes:,}. All functions may be called
 * from several threads with scratch memory of their own. Link with the C library's mathematics
 * (-lm). */
#ifndef {macro}_H
#define {macro}_H

enum {{
  {macro}_HEIGHT = {h},
  {macro}_WIDTH = {w},
  {macro}_CHANNELS = {c},
  {macro}_CLASSES = {classes},
  {macro}_SCRATCH = {scratch} /* floats */
}};

/* What it was trained on, and how images are to be prepared, as JSON. */
#define {macro}_METADATA \\
{metadata}

/* The class with the largest score. */
int {name}_predict(const float *image, float *scratch);

/* The probability of each class. */
void {name}_probabilities(const float *image, float *scratch, float *probabilities);

/* The scores that softmax makes probabilities of. */
void {name}_scores(const float *image, float *scratch, float *scores);

#endif
"""

_SOURCE = """\
#include "{name}.h"

#include <math.h>

{functions}
{constants}
void {name}_scores(const float *image, float *scratch, float *scores) {{
  float *const even = scratch{odd};
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
    """Return a header and a source; their functions begin with ``stem``, as a C name.

    Parameters
    ----------
    network : Network
        What to write.
    metadata : mapping of str
        Kept as a text in the header.
    stem : str
        The name of both files, without ".h" and ".c".
    """
    name = _identifier(stem)
    parts = _with_pools(folded_parts(network))
    writer = _Writer()
    for part in parts:
        writer.add(part)
    h, w, c = network.input_shape
    even, odd = writer.sizes
    facts = {
        "name": name,
        "macro": name.upper(),
        "version": _core.__version__,
        "h": h,
        "w": w,
        "c": c,
        "classes": network.classes,
        "work": sum(_work(part) for part in parts),
        "constants": 4 * writer.numbers,
        "scratch": even + odd or 1,
        "bytes": 4 * (even + odd or 1),
        "metadata": _literal(json.dumps(dict(metadata), indent=1)),
    }
    kinds = {part.type for part in parts}
    functions = [text for kind, text in FUNCTIONS.items() if kind in kinds]
    if kinds & {"conv2d", "dense"}:
        functions.insert(0, DOT)
    source = _SOURCE.format(
        **{**facts, "constants": "\n".join(writer.constants)},
        functions="\n".join(functions),
        odd=f", *const odd = scratch + {even}" if odd else "",
        steps="\n".join(f"  {step}" for step in writer.steps),
        last=writer.last,
    )
    return _HEADER.format(**facts), source.replace(f'"{name}.h"', f'"{stem}.h"', 1)


def _identifier(stem: str) -> str:
    name = re.sub(r"\W", "_", stem, flags=re.ASCII).lower()
    return name if name and not name[0].isdigit() else f"m_{name}"


def _with_pools(parts: list[Part]) -> list[Part]:
    """Return the parts with each max-pool after a convolution joined to it, as "pool"."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        joins = (
            part.type == "max_pool2d"
            and part.strides == part.pool_size
            and before is not None
            and before.type == "conv2d"
            and "pool" not in before.layer
        )
        if joins and before is not None:
            layer = {**before.layer, "pool": part.pool_size}
            joined[-1] = replace(before, layer=layer, output=part.output)
        else:
            joined.append(part)
    return joined


def _pool_of(part: Part) -> tuple[int, int]:
    """Return the window (height, width) of the max-pool that is joined to a convolution."""
    down, right = part.layer.get("pool", (1, 1))
    return int(down), int(right)


def _work(part: Part) -> int:
    """Return how often a part multiplies for one image."""
    h, w, c = part.output
    if part.type == "conv2d":
        down, right = _pool_of(part)
        return h * w * down * right * int(part.tensors["kernel"].size)
    if part.type == "dense":
        return int(part.tensors["kernel"].size)
    return h * w * c if part.type == "scale" else 0


class _Writer:
    """Calls one after the other, from the image to one half of the scratch and to the other."""

    def __init__(self) -> None:
        self.constants: list[str] = []
        self.steps: list[str] = []
        self.sizes = [0, 0]  # floats of the halves "even" and "odd"
        self.numbers = 0
        self.last = "image"

    def constant(self, part: Part, role: str, values: NDArray[np.float32]) -> str:
        name = f"{part.name}_{role}"
        self.numbers += values.size
        self.constants.append(f"static const float {name}[{values.size}] = {{")
        texts = [_number(value) for value in values.ravel().tolist()]
        lines = [", ".join(texts[at : at + 8]) for at in range(0, len(texts), 8)]
        self.constants += [f"  {line}," for line in lines]
        self.constants.append("};")
        return name

    def bias(self, part: Part, role: str = "bias") -> str:
        zeros = np.zeros(part.output[2], np.float32)
        return self.constant(part, role, part.tensors.get(role, zeros))

    def call(self, part: Part, start: str) -> None:
        """Append a call that ends with what came last and with where its output goes."""
        half = 0 if self.last != "even" else 1
        target = ("even", "odd")[half]
        self.sizes[half] = max(self.sizes[half], int(np.prod(part.output)))
        self.steps.append(f"{start}, {self.last}, {target});")
        self.last = target

    def add(self, part: Part) -> None:
        """Append the calls of a part."""
        getattr(self, part.type)(part)

    def conv2d(self, part: Part) -> None:
        kernel = self.constant(part, "kernel", part.tensors["kernel"].transpose(3, 0, 1, 2))
        bias = self.bias(part)
        top, left, _, _ = part.padding
        numbers = [*part.input, *part.output, *part.kernel_size, *part.strides, top, left]
        numbers += [*_pool_of(part), int(part.relu)]
        values = ", ".join(map(str, numbers))
        self.constants.append(f"static const conv2d_layer {part.name} = {{")
        self.constants.append(f"  {values}, {kernel}, {bias}}};")
        self.call(part, f"conv2d(&{part.name}")

    def dense(self, part: Part) -> None:
        kernel = self.constant(part, "kernel", part.tensors["kernel"].T)
        sizes = f"{part.input[2]}, {part.output[2]}, {int(part.relu)}"
        self.call(part, f"dense({sizes}, {kernel}, {self.bias(part)}")

    def scale(self, part: Part) -> None:
        h, w, c = part.output
        by = self.constant(part, "scale", part.tensors["scale"])
        shift = self.bias(part, "shift")
        self.call(part, f"scale({h * w}, {c}, {int(part.relu)}, {by}, {shift}")

    def max_pool2d(self, part: Part) -> None:
        sizes = [*part.output, part.input[1], *part.pool_size]
        self.call(part, f"max_pool2d({', '.join(map(str, sizes))}")

    def global_average_pool2d(self, part: Part) -> None:
        h, w, c = part.input
        self.call(part, f"global_average_pool2d({h * w}, {c}")

    def relu(self, part: Part) -> None:
        self.call(part, f"relu({int(np.prod(part.output))}")

    def flatten(self, part: Part) -> None:
        """Nothing: numbers lie in memory as a flatten wants them."""


def _number(value: float) -> str:
    text = f"{value:.9g}"  # enough for the very same float
    return f"{text}f" if re.search(r"[.e]", text) else f"{text}.0f"


def _literal(text: str) -> str:
    """Return a text as C string literals, one a line of it."""
    lines = [json.dumps(line.strip()) for line in text.splitlines()]
    return " \\\n".join(f"  {line}" for line in lines)
