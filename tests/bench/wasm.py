"""Compare WebAssembly with the native core: the same digit and page, and the time of each.

    pip install ziglang==0.15.2 wasmtime
    python tests/bench/wasm.py

Builds the program in wasm/ natively and for WebAssembly (``make wasm-read`` of tests/c), gives both
the shipped networks, a digit and the page of the datasets, and prints a table in Markdown. It fails
if digits or texts differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
C_TESTS = HERE.parent / "c"
RUNNER = [sys.executable, str(C_TESTS / "wasm.py")]
PRECISIONS = {"float32": 0, "bfloat16": 1, "int8": 2}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tests/bench/wasm.py", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement (3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build = Path(os.environ.get("BUILD") or folder)
        make = ["make", "-s", "-C", str(C_TESTS), f"BUILD={build}", f"PYTHON={sys.executable}"]
        subprocess.run([*make, "read", "wasm-read"], check=True, stdout=sys.stderr)
        job = Path(folder, "job")
        with job.open("wb") as file:
            for part in job_parts():
                file.write(part if isinstance(part, bytes) else f"{part}\n".encode())
        programs = {
            "native": ([str(build / "read")], [*native_sets(), "scalar"]),
            "WebAssembly": ([*RUNNER, str(build / "wasm/read")], ["simd128", "scalar"]),
        }
        runs = {
            f"{name}, {isa}": ask([*command, str(job), isa, str(options.seconds)])
            for name, (command, sets) in programs.items()
            for isa in sets
        }
    print(table(runs))
    if len({(run["digit"], run["text"]) for run in runs.values()}) > 1:
        sys.exit("the programs read different digits or texts")


def native_sets() -> list[str]:
    from ocrdigit import _core

    return list(_core.cpu_features())


def ask(command: list[str]) -> dict[str, str]:
    """Return what a program prints, by name."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(line.split("\t") for line in done.stdout.splitlines())


def table(runs: dict[str, dict[str, str]]) -> str:
    """Return times, those relative to the native scalar kernels, and what was read."""
    reference = runs["native, scalar"]
    lines = ["| program | one digit | one page | of native, scalar | reads |", "| --- " * 5 + "|"]
    for name, run in runs.items():
        digit, page = (float(run[f"{what} seconds"]) for what in ("prediction", "page"))
        ratios = (
            digit / float(reference["prediction seconds"]),
            page / float(reference["page seconds"]),
        )
        same = all(run[key] == reference[key] for key in ("probabilities", "symbols"))
        lines.append(
            f"| {name} | {1e6 * digit:.0f} us | {1e3 * page:.1f} ms "
            f"| {ratios[0]:.2f}, {ratios[1]:.2f} | {run['digit']}; {run['text']}"
            f"{'; the same probabilities and symbols' if same else ''} |"
        )
    return "\n".join(lines)


# Input.


def job_parts() -> Iterator[str | bytes]:
    """Yield the lines and the bytes of a job's file, as wasm/read.c describes it."""
    from ocrdigit import datasets, image
    from ocrdigit._predict import shipped_model
    from ocrdigit.models.detector import shipped_detector
    from ocrdigit.models.recognizer import shipped_fusion, shipped_recognizer

    yield from network_parts(shipped_detector())
    yield from network_parts(shipped_recognizer())
    yield from network_parts(shipped_model("float32").network_)
    yield f"fusion {' '.join(map(str, shipped_fusion().to_dict().values()))}"
    digit, page = datasets.load_sample().X_test[7], image.to_gray(datasets.load_page().image)
    for name, pixels in (("digit", digit), ("page", page)):
        yield f"{name} {pixels.shape[0]} {pixels.shape[1]}"
        yield pixels.tobytes()


def network_parts(network: Any) -> Iterator[str | bytes]:
    layers = network.layers
    precision = PRECISIONS[network.precision]
    yield f"network {' '.join(map(str, network.input_shape))} {len(layers)} {precision}"
    yield from map(layer_line, layers)
    weights = network.weights().values()
    yield f"values {sum(values.size for values in weights)}"
    yield b"".join(values.tobytes() for values in weights)
    ranges = network.ranges
    yield f"ranges {len(ranges)}"
    for name, (low, high) in ranges.items():
        yield f"{name} {low!r} {high!r}"


def layer_line(layer: dict[str, Any]) -> str:
    numbers = (
        layer.get("filters", layer.get("units", 0)),
        *pair(layer.get("kernel_size", 0)),
        layer.get("strides", 0) if layer["type"] == "conv2d" else 0,
        layer.get("dilation_rate", 1),
        *pair(layer.get("pool_size", 0)),
        int(layer.get("padding") == "same"),
        int(layer.get("use_bias", False)),
        int(layer.get("activation") == "relu"),
        layer.get("rate", 0),
        layer.get("momentum", 0),
        layer.get("epsilon", 0),
    )
    return f"{layer['type']} {' '.join(map(str, numbers))}"


def pair(value: Any) -> tuple[int, int]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)


if __name__ == "__main__":
    main()
