"""What the workers share: the protocol, the data, the network's weights and the clocks.

A worker is a script for one framework. The runner starts it for each measurement:

    python workers/torch_worker.py '{"task": "latency", "threads": 1, "seconds": 1, ...}'

and reads the last line of its standard output, a JSON object of the figures. All times are
in seconds, all sizes in bytes. Modules that take long to import are imported where they are
used, as the time from process start to the first prediction is one of the figures.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, perf_counter, perf_counter_ns
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Figures = dict[str, Any]
Task = Callable[[SimpleNamespace], Figures]
Network = Callable[["NDArray[np.float32]"], Any]

CONVOLUTIONS = {"conv2d_1": (3, 3, 1, 32), "conv2d_2": (3, 3, 32, 32)}
DENSE_LAYERS = {"dense_1": (1568, 64), "dense_2": (64, 10)}
COMPARED_IMAGES = 8


def serve(open_network: Callable[[SimpleNamespace], Network], **tasks: Task) -> None:
    """Run the task that the command line names, and print its figures.

    ``open_network`` loads the exported network and returns a function from images
    (28, 28) or (n, 28, 28) in 0..1 to probabilities. Three tasks are defined here for all.
    """
    job = SimpleNamespace(**json.loads(sys.argv[1]))
    tasks |= {
        "latency": lambda job: _latency(open_network(job), job),
        "batch": lambda job: _batch(open_network(job), job),
        "first": lambda job: _first(open_network(job), job),
    }
    print(json.dumps(tasks[job.task](job)))


def images_of(job: SimpleNamespace, part: str, count: int) -> NDArray[np.uint8]:
    """Return the first images (count, 28, 28) of MNIST's "train" or "t10k"."""
    import numpy as np

    pixels = _read(job, f"{part}-images-idx3-ubyte", 16, count * 784)
    return np.frombuffer(pixels, np.uint8).reshape(count, 28, 28)


def labels_of(job: SimpleNamespace, part: str, count: int) -> NDArray[np.uint8]:
    """Return the first labels (count,) of MNIST's "train" or "t10k"."""
    import numpy as np

    return np.frombuffer(_read(job, f"{part}-labels-idx1-ubyte", 8, count), np.uint8)


def _read(job: SimpleNamespace, name: str, header: int, size: int) -> bytes:
    path = Path(job.data, name)
    if path.exists():
        with path.open("rb") as file:
            return file.read(header + size)[header:]
    import gzip

    with gzip.open(f"{path}.gz") as packed:
        return packed.read(header + size)[header:]


def as_floats(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return bytes 0..255 as floats 0..1."""
    import numpy as np

    floats: NDArray[np.float32] = images.astype(np.float32) / np.float32(255)
    return floats


def seed_weights() -> dict[str, NDArray[np.float32]]:
    """Return weights of the seed network, the same in each worker.

    Convolution kernels are (height, width, in, out), dense ones (in, out). The inputs
    (7, 7, 32) of the first dense layer are flattened channels-last.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    weights = {}
    for layer, shape in (CONVOLUTIONS | DENSE_LAYERS).items():
        receptive_field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6 / (receptive_field * (shape[-2] + shape[-1])))
        weights[f"{layer}.kernel"] = rng.uniform(-limit, limit, shape).astype(np.float32)
        weights[f"{layer}.bias"] = rng.uniform(-0.1, 0.1, shape[-1]).astype(np.float32)
    return weights


def exported(job: SimpleNamespace, suffix: str) -> str:
    """Return the path of the exported network in one format."""
    return os.path.join(job.folder, f"network.{suffix}")


def seconds_since_start(job: SimpleNamespace) -> float:
    """Return the time since the runner started this process."""
    return monotonic() - float(job.started)


def peak_memory() -> int:
    """Return the peak resident memory of this process, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory before exec
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_memory() -> int:
    """Return the current resident memory of this process, in bytes (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def training_figures(images: int, seconds: float) -> Figures:
    return {"images_per_second": images / seconds, "peak_memory": peak_memory()}


def recipe_figures(
    job: SimpleNamespace, save: Callable[[], Any], score: Callable[[], float]
) -> Figures:
    """Save the model, take the time since process start, and then measure the accuracy."""
    save()
    seconds = seconds_since_start(job)
    memory = peak_memory()
    return {"seconds": seconds, "peak_memory": memory, "accuracy": score()}


def _latency(network: Network, job: SimpleNamespace) -> Figures:
    import numpy as np

    images = list(as_floats(images_of(job, "t10k", 1000)))
    _call_times(network, images, job.seconds / 4)
    p50, p99 = np.percentile(_call_times(network, images, job.seconds), (50, 99)) / 1e9
    probabilities = [network(image) for image in images[:COMPARED_IMAGES]]
    return {"p50": p50, "p99": p99, "probabilities": _as_lists(probabilities)}


def _batch(network: Network, job: SimpleNamespace) -> Figures:
    import numpy as np

    images = as_floats(images_of(job, "t10k", 1000))
    _call_times(network, [images], job.seconds / 4)
    seconds = np.median(_call_times(network, [images], job.seconds)) / 1e9
    probabilities = network(images)[:COMPARED_IMAGES]
    return {"images_per_second": len(images) / seconds, "probabilities": _as_lists(probabilities)}


def _first(network: Network, job: SimpleNamespace) -> Figures:
    probabilities = network(as_floats(images_of(job, "t10k", 1))[0])
    seconds = seconds_since_start(job)
    return {"seconds": seconds, "probabilities": _as_lists([probabilities])}


def _call_times(network: Network, inputs: list[Any], seconds: float) -> list[int]:
    """Call the network with the inputs in turn; return at least three times in nanoseconds."""
    times: list[int] = []
    end = perf_counter() + seconds
    while len(times) < 3 or perf_counter() < end:
        images = inputs[len(times) % len(inputs)]
        start = perf_counter_ns()
        network(images)
        times.append(perf_counter_ns() - start)
    return times


def _as_lists(probabilities: Any) -> list[list[float]]:
    import numpy as np

    rows: list[list[float]] = np.asarray(probabilities, np.float64).reshape(-1, 10).tolist()
    return rows
