"""The peers, and the table of jobs that are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Peer:
    title: str
    worker: str
    module: str
    distributions: tuple[str, ...]  # alternatives; the first that is installed is used
    exporter: str  # the peer that exports the network in its format


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
    """One value of a worker's results, and a row of the table."""

    name: str
    title: str
    kind: str  # "time", "rate", "bytes" or "fraction"
    compared: bool = True
    summary: bool = False  # also a row of the README's table

    @property
    def more_is_better(self) -> bool:
        return self.kind in ("rate", "fraction")


@dataclass(frozen=True)
class Entrant:
    """A peer, and its variant if it does the job in several ways."""

    peer: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.peer}: {self.variant}" if self.variant else self.peer


@dataclass(frozen=True)
class Job:
    """One task for several entrants.

    The table shows the variant of each peer that is best in the first figure.
    """

    name: str
    task: str
    entrants: tuple[Entrant, ...]
    figures: tuple[Figure, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-4  # of probabilities, between entrants with the same weights
    threads: int = 2
    repeats: int = 7
    when: str = "always"  # "always"; "normal": not with --quick; "full": only with --full


OURS = Entrant("ocrdigit")
KERAS_TRAINING = (Entrant("keras", "layers"), Entrant("keras", "map"))
KERAS_PREDICTION = (Entrant("keras", "function"), Entrant("keras", "predict"))
TORCH = Entrant("torch")
RUNTIMES = (Entrant("onnxruntime"), Entrant("litert"))


def _training(
    name: str,
    title: str,
    batch: int,
    augment: bool,
    when: str,
    ours: Entrant = OURS,
) -> Job:
    summary = name == "train-augment-32"
    return Job(
        name,
        "train",
        (ours, *KERAS_TRAINING, TORCH),
        (
            Figure("images_per_second", f"Training, {title}, images/s", "rate", summary=summary),
            Figure("peak_memory", f"Training, {title}, peak memory", "bytes", summary=summary),
        ),
        {"batch": batch, "augment": augment},
        repeats=3,
        when=when,
    )


def _predicting(variant: str, when: str) -> tuple[Job, Job]:
    """Return the jobs that predict with a variant of ocrdigit and the peers in float32."""
    entrants = (Entrant("ocrdigit", variant), *RUNTIMES)
    summary = variant == "int8"
    one, batch = f"One image, 1 thread, {variant}", f"Batch of 1000, {variant}"
    figures = (
        Figure("p50", f"{one}, p50", "time", summary=summary),
        Figure("p99", f"{one}, p99", "time"),
    )
    rate = Figure("images_per_second", f"{batch}, images/s", "rate", summary=summary)
    tolerance = 1e-4 if variant == "avx2" else 0.05
    return (
        Job(
            f"latency-{variant}",
            "latency",
            entrants,
            figures,
            threads=1,
            tolerance=tolerance,
            when=when,
        ),
        Job(f"batch-1000-{variant}", "batch", entrants, (rate,), tolerance=tolerance, when=when),
    )


def _recipe(name: str, recipe: str, epochs: int, entrants: tuple[Entrant, ...]) -> Job:
    title = f"{recipe.capitalize()} recipe, {epochs} epochs"
    return Job(
        name,
        "recipe",
        entrants,
        (
            Figure("seconds", f"{title}, process start to saved model", "time"),
            Figure("accuracy", f"{title}, test accuracy", "fraction"),
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
            Figure("p50", "One image, 1 thread, p50", "time", summary=True),
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
        (Figure("images_per_second", "Batch of 1000, images/s", "rate", summary=True),),
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
        "augmented, batch 32, ours limited to AVX2",
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
            Figure("beyond_numpy", "Import, beyond NumPy's", "time", summary=True),
            Figure("numpy", "Import of NumPy itself", "time", compared=False),
        ),
    ),
    Job(
        "first",
        "first",
        (OURS, KERAS_PREDICTION[0], TORCH, *RUNTIMES),
        (Figure("seconds", "Process start to first prediction", "time", summary=True),),
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
            Figure("seconds", "Process start to 99.0 % on MNIST, saved", "time", summary=True),
            Figure("accuracy", "Process start to 99.0 % on MNIST, test accuracy then", "fraction"),
        ),
        {"recipe": "fast", "batch": 128, "augment": False, "target": 0.99, "max_epochs": 30},
        when="full",
    ),
    _recipe("recipe-default", "default", 20, (OURS,)),
)
