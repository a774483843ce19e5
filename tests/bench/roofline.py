"""Measure the time of each part of a step, and compare each kernel with the machine's peaks.

See README.md in this folder. Builds the C program in roofline/, gives it the network of a model
file, images and the recipes, runs it for each instruction set, times the calls from Python,
and prints a page in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import machine
import numpy as np
import roofline_page

HERE = Path(__file__).resolve().parent
C_TESTS = HERE.parent / "c"
INSTRUCTION_SETS = ("avx512", "avx2", "neon", "scalar")
PRECISIONS = ("float32", "bfloat16", "int8")
RECIPES = ("seed", "default")
IMAGES = 8192


def main() -> None:
    options = parse_arguments()
    if options.time_python:
        print(json.dumps(time_python(options)))
        return
    disturbance = machine.Disturbance()
    recipes = {name: recipe_in_words(name) for name in RECIPES}
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        jobs = write_jobs(Path(folder), options.model)
        runs = [
            roofline_page.read(
                isa,
                title,
                ask(program, job, isa, options),
                ask_python(isa, options) if job is jobs[-1][1] else None,
                recipes,
            )
            for isa in options.isa or (available()[:1] if options.quick else available())
            for title, job in jobs
        ]
    text = roofline_page.markdown(runs, machine.describe(), disturbance.share())
    if options.out:
        options.out.write_text(text)
    else:
        print(text, end="")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench/roofline.py", description=__doc__)
    parser.add_argument("--isa", action="append", choices=INSTRUCTION_SETS, help="only this one")
    parser.add_argument(
        "--precision", action="append", choices=PRECISIONS, help="only this one, beside float32"
    )
    parser.add_argument("--model", type=Path, help="a .safetensors file (the shipped one)")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement (1)")
    parser.add_argument("--quick", action="store_true", help="a smoke run; figures mean little")
    parser.add_argument("--out", type=Path, help="write the page here")
    parser.add_argument("--time-python", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.seconds = 0.02
    wanted = options.precision or PRECISIONS
    options.precision = [p for p in PRECISIONS if p == "float32" or p in wanted]
    return options


def available() -> list[str]:
    """Return the instruction sets of this machine, the fastest first."""
    from ocrdigit import _core

    return [isa for isa in INSTRUCTION_SETS if isa in (*_core.cpu_features(), "scalar")]


def build(folder: Path) -> Path:
    build_folder = os.environ.get("BUILD") or str(folder)
    command = ["make", "-s", "-C", str(C_TESTS), "roofline", f"BUILD={build_folder}"]
    subprocess.run([*command, f"-j{os.cpu_count()}"], check=True, stdout=sys.stderr)
    return Path(build_folder, "roofline")


def ask(program: Path, job: Path, isa: str, options: argparse.Namespace) -> list[list[str]]:
    """Run the C program; return its lines as lists of words."""
    command = [str(program), str(job), isa, str(options.seconds), *options.precision]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


# Input.


def write_jobs(folder: Path, model: Path | None) -> list[tuple[str, Path]]:
    """Write a job for each network, by title: the shipped one, and the seed if it differs."""
    from ocrdigit import DigitClassifier, architectures

    images, labels = real_images()
    shipped = open_model(model)
    networks = [("the shipped model" if model is None else model.name, shipped.network_)]
    if architectures.name_of(shipped.network_.layers) != "seed":
        seed = DigitClassifier("seed", recipe="seed", epochs=1, random_state=0, verbose=0)
        networks.insert(0, ("the seed network", seed.fit(images, labels).network_))
    jobs: list[tuple[str, Path]] = []
    for title, network in networks:
        jobs.append((title, folder / f"job{len(jobs)}"))
        with jobs[-1][1].open("wb") as file:
            for part in job_parts(network, images, labels):
                file.write(part if isinstance(part, bytes) else f"{part}\n".encode())
    return jobs


def open_model(model: Path | None) -> Any:
    import ocrdigit
    from ocrdigit._predict import MODEL_PATH

    return ocrdigit.load(model or MODEL_PATH)


def real_images() -> tuple[Any, Any]:
    """Return training images and labels: MNIST's if available, else the sample's."""
    from ocrdigit import datasets

    folder = os.environ.get("OCRDIGIT_DATA")
    data = datasets.load_mnist(folder) if folder else datasets.load_sample()
    return data.X_train[:IMAGES], data.y_train[:IMAGES].astype(np.uint8)


def job_parts(network: Any, images: Any, labels: Any) -> Iterator[str | bytes]:
    """Yield the lines and the bytes of a job's file, as roofline/job.h describes it."""
    yield f"network {' '.join(map(str, network.input_shape))} {len(network.layers)}"
    yield from map(layer_line, network.layers)
    weights = network.weights()
    yield f"tensors {len(weights)}"
    for name, values in weights.items():
        yield f"{name} {values.size}"
        yield values.tobytes()
    yield f"recipes {len(RECIPES)}"
    yield from map(recipe_lines, RECIPES)
    yield f"images {len(images)} {images[0].size}"
    yield images.tobytes()
    yield "labels"
    yield labels.tobytes()


def layer_line(layer: dict[str, Any]) -> str:
    numbers = (
        layer.get("filters", layer.get("units", 0)),
        layer.get("kernel_size", 0),
        layer.get("strides", 0),
        layer.get("dilation_rate", 1),
        int(layer.get("padding") == "same"),
        int(layer.get("use_bias", False)),
        int(layer.get("activation") == "relu"),
        layer.get("rate", 0),
        layer.get("momentum", 0),
        layer.get("epsilon", 0),
    )
    return f"{layer['type']} {' '.join(map(str, numbers))}"


def recipe_in_words(name: str) -> roofline_page.Recipe:
    from ocrdigit import recipes

    settings = recipes.resolve(name)
    return roofline_page.Recipe(
        settings["batch_size"], [step["type"] for step in settings["augment"]]
    )


def recipe_lines(name: str) -> str:
    from ocrdigit import recipes

    settings = recipes.resolve(name)
    numbers = (
        settings.get("beta_1", 0.9),
        settings.get("beta_2", 0.999),
        settings.get("epsilon", 1e-7),
        settings.get("momentum", 0),
        settings.get("weight_decay", 0),
        settings.get("clip_norm", 0),
        settings.get("ema", 0),
        settings.get("label_smoothing", 0),
        len(settings["augment"]),
    )
    lines = [f"{name} {settings['batch_size']} {settings['optimizer']}", *map(str, numbers)]
    lines += map(augmentation_line, settings["augment"])
    return "\n".join(lines)


def augmentation_line(step: dict[str, Any]) -> str:
    common = (step["probability"], step.get("fill", "reflect"), step.get("value", 0))
    keys = [key for key in step if key not in ("type", "probability", "fill", "value")]
    return " ".join(map(str, (step["type"], *common, *np.hstack([[], *(step[k] for k in keys)]))))


# Calls from Python, in a separate process for each instruction set.


def ask_python(isa: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--time-python", "--seconds", str(options.seconds)]
    for precision in options.precision:
        command += ["--precision", precision]
    if options.model:
        command += ["--model", str(options.model)]
    environment = os.environ | {"OCRDIGIT_ISA": isa}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def time_python(options: argparse.Namespace) -> dict[str, float]:
    """Return the seconds of a call on one image, by "precision dtype call"."""
    classifier = open_model(options.model)
    network = classifier.network_
    images = real_images()[0]
    classifier.calibrate(images)
    images = images[:1000]
    inputs = {"float32": images.astype(np.float32) / np.float32(255), "uint8": images}
    figures = {}
    for precision in options.precision:
        classifier.precision = precision
        for dtype, X in inputs.items():
            name, scale = f"{precision} {dtype}", 1.0 if dtype == "float32" else 1 / 255
            figures[f"{name} call"] = call_time(classifier.predict_proba, list(X), options.seconds)
            inputs_with_scale = [(image[None], scale) for image in X]
            figures[f"{name} core"] = call_time(
                lambda x, run=network.predict_proba: run(*x), inputs_with_scale, options.seconds
            )
    figures["empty call"] = call_time(lambda x, run=len: run(x), inputs_with_scale, options.seconds)
    return figures


def call_time(function: Any, arguments: list[Any], seconds: float) -> float:
    """Return the mean of the fastest tenth of groups of 50 calls."""
    groups = [arguments[i : i + 50] for i in range(0, len(arguments), 50)]
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        for group in groups:
            start = time.perf_counter()
            for argument in group:
                function(argument)
            times.append((time.perf_counter() - start) / len(group))
    return float(np.mean(sorted(times)[: len(times) // 10 + 1]))


if __name__ == "__main__":
    main()
