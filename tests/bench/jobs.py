"""What is measured: the peers, and the table of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Peer:
    title: str
    worker: str
    module: str
    distributions: tuple[str, ...]  # the first one that is installed counts
    exporter: str  # the peer that writes the network in its format


PEERS = {
    "ocrdigit": Peer("ocrdigit", "ocrdigit_worker.py", "ocrdigit", ("ocrdigit",), "ocrdigit"),
    "keras": Peer(
        "Keras / TensorFlow",
        "keras_worker.py",
        "keras",
        ("tensorflow-cpu", "tensorflow"),
        "keras",
    ),
    "torch": Peer("PyTorch", "torch_worker.py", "torch", ("torch",), "torch"),
    "onnxruntime": Peer(
        "ONNX Runtime", "onnxruntime_worker.py", "onnxruntime", ("onnxruntime",), "torch"
    ),
    "litert": Peer(
        "LiteRT", "litert_worker.py", "ai_edge_litert.interpreter", ("ai-edge-litert",), "keras"
    ),
}


@dataclass(frozen=True)
class Figure:
    """One number in a worker's answer, and a row of the table."""

    name: str
    title: str
    kind: str  # "time", "rate", "bytes" or "share"
    compared: bool = True

    @property
    def more_is_better(self) -> bool:
        return self.kind in ("rate", "share")


@dataclass(frozen=True)
class Entrant:
    """A peer, and the way in which it does the job where it has several."""

    peer: str
    way: str = ""

    def __str__(self) -> str:
        return f"{self.peer}: {self.way}" if self.way else self.peer


@dataclass(frozen=True)
class Job:
    """One piece of work for several entrants; of a peer's ways the table shows the best.

    The best way is the one that does best in the first figure.
    """

    name: str
    task: str
    entrants: tuple[Entrant, ...]
    figures: tuple[Figure, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-4  # between the probabilities of two entrants with the same weights
    threads: int = 2
    repeats: int = 7
    when: str = "always"  # "always"; "normal": not with --quick; "full": only with --full


OURS = Entrant("ocrdigit")
KERAS_TRAINING = (Entrant("keras", "layers"), Entrant("keras", "map"))
KERAS_PREDICTION = (Entrant("keras", "function"), Entrant("keras", "predict"))
TORCH = Entrant("torch")
RUNTIMES = (Entrant("onnxruntime"), Entrant("litert"))


def _training(
    name: str, title: str, batch: int, augment: bool, when: str, ours: Entrant = OURS
) -> Job:
    return Job(
        name,
        "train",
        (ours, *KERAS_TRAINING, TORCH),
        (
            Figure("images_per_second", f"Training, {title}, images/s", "rate"),
            Figure("peak_memory", f"Training, {title}, peak memory", "bytes"),
        ),
        {"batch": batch, "augment": augment},
        repeats=3,
        when=when,
    )


def _predicting(way: str, when: str) -> tuple[Job, Job]:
    """Return the jobs of predicting with ours in another way, the peers as before."""
    entrants = (Entrant("ocrdigit", way), *RUNTIMES)
    one, batch = f"One image, 1 thread, {way}", f"Batch of 1000, {way}"
    figures = (Figure("p50", f"{one}, p50", "time"), Figure("p99", f"{one}, p99", "time"))
    rate = Figure("images_per_second", f"{batch}, images/s", "rate")
    tolerance = 1e-4 if way == "avx2" else 0.05
    return (
        Job(
            f"latency-{way}",
            "latency",
            entrants,
            figures,
            threads=1,
            tolerance=tolerance,
            when=when,
        ),
        Job(f"batch-1000-{way}", "batch", entrants, (rate,), tolerance=tolerance, when=when),
    )


def _recipe(name: str, recipe: str, epochs: int, entrants: tuple[Entrant, ...]) -> Job:
    title = f"{recipe.capitalize()} recipe, {epochs} epochs"
    return Job(
        name,
        "recipe",
        entrants,
        (
            Figure("seconds", f"{title}, process start to saved model", "time"),
            Figure("accuracy", f"{title}, test accuracy", "share"),
        ),
        {"recipe": recipe, "epochs": epochs, "batch": 32, "augment": True},
        when="full",
    )


JOBS = (
    _training("train-augment-32", "augmented, batch 32", 32, True, "always"),
    _training("train-augment-128", "augmented, batch 128", 128, True, "normal"),
    _training("train-plain-32", "plain, batch 32", 32, False, "normal"),
    _training("train-plain-128", "plain, batch 128", 128, False, "normal"),
    Job(
        "latency",
        "latency",
        (OURS, *KERAS_PREDICTION, TORCH, *RUNTIMES),
        (
            Figure("p50", "One image, 1 thread, p50", "time"),
            Figure("p99", "One image, 1 thread, p99", "time"),
        ),
        threads=1,
    ),
    Job(
        "latency-shipped",
        "latency",
        (Entrant("ocrdigit", "shipped model"),),
        (Figure("p50", "One image, 1 thread, p50, the model in the package", "time"),),
        threads=1,
    ),
    Job(
        "batch-1000",
        "batch",
        (OURS, *KERAS_PREDICTION, TORCH, *RUNTIMES),
        (Figure("images_per_second", "Batch of 1000, images/s", "rate"),),
    ),
    *_predicting("int8", "always"),
    *_predicting("bfloat16", "normal"),
    *_predicting("avx2", "normal"),
    _training(
        "train-bfloat16",
        "augmented, batch 32, ours in bfloat16",
        32,
        True,
        "normal",
        Entrant("ocrdigit", "bfloat16"),
    ),
    _training(
        "train-avx2",
        "augmented, batch 32, ours held to AVX2",
        32,
        True,
        "normal",
        Entrant("ocrdigit", "avx2"),
    ),
    Job(
        "import",
        "import",
        tuple(map(Entrant, PEERS)),
        (
            Figure("beyond_numpy", "Import, beyond NumPy's", "time"),
            Figure("numpy", "Import of NumPy itself", "time", compared=False),
        ),
    ),
    Job(
        "first",
        "first",
        (OURS, KERAS_PREDICTION[0], TORCH, *RUNTIMES),
        (Figure("seconds", "Process start to first prediction", "time"),),
        when="normal",
    ),
    Job(
        "command",
        "command",
        (OURS,),
        (Figure("seconds", "`ocrdigit predict x.png`, whole process", "time"),),
    ),
    Job(
        "growth",
        "growth",
        (OURS,),
        (Figure("growth", "Memory that a million predictions add", "bytes"),),
        threads=1,
        repeats=1,
        when="normal",
    ),
    _recipe("recipe-seed", "seed", 7, (OURS, *KERAS_TRAINING, TORCH)),
    Job(
        "to-99",
        "to_accuracy",
        (OURS, *KERAS_TRAINING),
        (
            Figure("seconds", "Process start to 99.0 % on MNIST, saved", "time"),
            Figure("accuracy", "Process start to 99.0 % on MNIST, test accuracy then", "share"),
        ),
        {"recipe": "fast", "batch": 128, "augment": False, "target": 0.99, "most_epochs": 30},
        when="full",
    ),
    _recipe("recipe-default", "default", 20, (OURS,)),
)
