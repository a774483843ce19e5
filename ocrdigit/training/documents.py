"""Training of the classifier "default" on digits of documents, which follows its distillation.

::

    pip install Hershey-Fonts
    python -m ocrdigit.training.documents --data DIR --fonts DIR --out default.safetensors

``DIR`` of ``--data`` holds what :mod:`ocrdigit.training.classifier` needs, and ``registers/`` and
``grids/``, of which the training parts are used; ``--fonts`` is a folder of TrueType fonts.

The network learns, from labels, the digits of registers and of photos of tables, printed digits,
and digits in boxes and on squared paper; and as non-digits ticks, crosses, letters, signs, several
digits side by side and parts of boxes. The other examples are a replay of the last distillation
stage, with the mean probabilities of the initial network and of "large" as targets. The weights
before and after training are averaged.

With ``--checkpoint FILE`` the training resumes from the file, if it exists, and saves its state to
it every ``N`` steps with ``--every N``, or at the end of each epoch. Examples and targets are made
again, and the file is deleted when the model is written.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _checkpoint, models
from ..models import files
from ..synth import NON_DIGIT
from ._augmentation import GEOMETRIC, moderate
from ._checkpoints import add_checkpoint_arguments, print_progress
from ._data import Data, Mixture, cleaned, make_data
from ._distillation import DistillationSet, Stage, augment_images, average, make_distillation_set
from ._document_examples import (
    document_non_digits,
    drawn_examples,
    grid_examples,
    register_examples,
)
from ._ensemble import TeacherEnsemble
from ._examples import Examples
from ._supervised import trainer_settings
from .classifier import fit_temperature

_CHUNK = 10_000  # examples drawn by one task
_DRAWN_CHUNKS, _NON_DIGIT_CHUNKS = 2, 2
_REGISTER_REPEATS = 2  # of the registers' digits, in an epoch
_MIN_PROBABILITY = 0.005  # examples whose label the initial network finds less probable are removed
REPLAY = Stage(
    3, Mixture(2, 20_000, 12_000), moderate(0.5), {"default": 1e-3}, augment_mnist=GEOMETRIC
)
_AUGMENT_DOCUMENTS = moderate(0.3)
_EPOCHS = 2
_NON_DIGIT_BIAS = 0.9  # added to the score of non-digits: noise is none of the new examples
_FINAL_WEIGHT = 0.6  # of the weights after training in the average with those before


class DocumentParts(NamedTuple):
    """Examples of documents by origin."""

    registers: Examples
    grids: Examples
    drawn: Examples
    non_digits: Examples


def make_documents(folder: str, fonts: str, jobs: int | None = None) -> DocumentParts:
    """Cut and draw all examples of documents in ``jobs`` processes; the result is deterministic."""
    with ProcessPoolExecutor(jobs) as workers:
        registers = workers.submit(register_examples, folder, "train", 0)
        grids = workers.submit(grid_examples, folder, "train", 0)
        drawn = [
            workers.submit(drawn_examples, folder, fonts, seed, _CHUNK)
            for seed in range(_DRAWN_CHUNKS)
        ]
        others = [
            workers.submit(document_non_digits, folder, fonts, seed, _CHUNK)
            for seed in range(_NON_DIGIT_CHUNKS)
        ]
        images = np.concatenate([task.result() for task in others])
        return DocumentParts(
            registers.result(),
            grids.result(),
            _joined([task.result() for task in drawn]),
            Examples(images, np.full(len(images), NON_DIGIT, np.uint8)),
        )


def _joined(parts: list[Examples]) -> Examples:
    images, labels = zip(*parts, strict=True)
    return Examples(np.concatenate(images), np.concatenate(labels))


def document_set(examples: Examples, versions: int, seed: int) -> DistillationSet:
    """Return augmented versions of examples, with their labels as targets."""
    images = np.empty((versions, *examples.images.shape), np.uint8)
    for version in range(versions):
        augment_images(examples.images, _AUGMENT_DOCUMENTS, (seed, version), images[version])
    labels = np.tile(examples.labels, versions)
    targets: NDArray[np.float32] = np.eye(NON_DIGIT + 1, dtype=np.float32)[labels]
    return DistillationSet(images.reshape(-1, *images.shape[2:]), labels, targets)


def train(
    data: Data,
    documents: DocumentParts,
    seed: int,
    log: Callable[[str], None],
    checkpoint: str | None = None,
    every: int | str = "epoch",
) -> files.Stored:
    """Return the shipped "default" trained further, averaged and calibrated.

    The checkpoint is kept.
    """
    network = files.read_stored(models.path_of("default")).network
    large = files.read_stored(models.path_of("large")).network
    registers = [cleaned(network, documents.registers, _MIN_PROBABILITY)] * _REGISTER_REPEATS
    others = [cleaned(network, part, _MIN_PROBABILITY) for part in documents[1:3]]
    examples = _joined([*registers, *others, documents.non_digits])
    log(f"targets of {len(examples.labels)} examples of documents, and of the replay")
    ensemble = TeacherEnsemble([network, large], [])
    replay = make_distillation_set(REPLAY, ensemble, data, (seed, 0))
    added = document_set(examples, REPLAY.versions, seed)
    images = np.concatenate([replay.images, added.images])
    labels = np.concatenate([replay.labels, added.labels])
    targets = np.concatenate([replay.targets, added.targets])
    log(f"training on {len(labels)} images")
    initial = network.weights()
    settings = trainer_settings(_EPOCHS, REPLAY.rates["default"], (), seed)
    _checkpoint.run(
        network,
        settings,
        (images, labels, 1 / 255, *data.validation),
        checkpoint,
        every,
        keep=True,
        targets=targets,
        on_epoch=print_progress,
    )
    final = network.weights()
    for weights in (initial, final):
        weights[_output_bias(weights)][NON_DIGIT] += _NON_DIGIT_BIAS
    average(network, [(1 - _FINAL_WEIGHT, initial), (_FINAL_WEIGHT, final)], data)
    return files.Stored(network, fit_temperature(network, data.validation), tta=True)


def _output_bias(weights: dict[str, NDArray[np.float32]]) -> str:
    """Return the name of the biases of the output layer."""
    (name,) = (name for name, values in weights.items() if values.shape == (NON_DIGIT + 1,))
    return name


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ocrdigit.training.documents",
        description='Train the shipped classifier "default" on digits of documents.',
    )
    parser.add_argument(
        "--data", required=True, help="folder of MNIST, the UCI sets, registers and grids"
    )
    parser.add_argument("--fonts", required=True, help="folder of TrueType fonts")
    parser.add_argument("--out", default="default.safetensors", help="the model file")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument(
        "--jobs", type=int, help="processes for data synthesis (default: all cores)"
    )
    add_checkpoint_arguments(parser)
    options = parser.parse_args()
    start = time.perf_counter()

    def log(step: str) -> None:
        print(f"{time.perf_counter() - start:.0f} s: {step}", flush=True)

    log("examples")
    data = make_data(options.data, options.jobs)
    documents = make_documents(options.data, options.fonts, options.jobs)
    stored = train(data, documents, options.seed, log, options.checkpoint, options.every)
    notes = {"training": f"python -m ocrdigit.training.documents --seed {options.seed}"}
    files.write_stored(options.out, stored, half=True, notes=notes)
    if options.checkpoint:
        _checkpoint.delete(options.checkpoint)


if __name__ == "__main__":
    main()
