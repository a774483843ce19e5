"""Distillation: students learn the soft targets of the teacher ensemble on augmented images.

Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core, augmentations
from ..synth import NON_DIGIT
from ._augmentation import GEOMETRIC, moderate
from ._checkpoints import Trainings
from ._data import Data, Mixture
from ._ensemble import TeacherEnsemble
from ._supervised import FULL, MOSTLY_MNIST, trainer_settings, training_layers

STUDENTS = ("large", "default")  # the other models are trained on labels only

_AUGMENT_BATCH = 10_000  # images

_Weights = dict[str, NDArray[np.float32]]


class Stage(NamedTuple):
    """A distillation stage: a data mixture, its augmented versions, and each student's rate."""

    versions: int
    mixture: Mixture
    augment: augmentations.Augmentation
    rates: dict[str, float]
    augment_mnist: augmentations.Augmentation | None = None  # for MNIST's images, if different


STAGES = (
    Stage(6, FULL, moderate(1.0), {"large": 4e-3, "default": 5e-3}),
    Stage(6, FULL, moderate(0.5), {"large": 3e-3, "default": 4e-3}),
    Stage(5, MOSTLY_MNIST, moderate(0.3), {"large": 2e-3, "default": 2e-3}),
    Stage(4, Mixture(2, 80_000, 20_000, 3), moderate(0.7), dict.fromkeys(STUDENTS, 1e-3)),
)
LAST_STAGE = Stage(4, MOSTLY_MNIST, moderate(0.3), {"large": 1e-3}, augment_mnist=GEOMETRIC)
_RUNS = 2  # of the last stage, from the same weights but with different seeds
_INITIAL_WEIGHT = 0.3  # of the weights before the last stage in the average with its runs
_EPOCHS = 2  # of each stage
_LABEL_WEIGHT = 0.2  # of a digit's label in its target; 1 for the non-digit class


class DistillationSet(NamedTuple):
    """Augmented images (n, 28, 28), labels (n,) and target probabilities (n, 11)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    targets: NDArray[np.float32]


def make_distillation_set(
    stage: Stage, ensemble: TeacherEnsemble, data: Data, seeds: tuple[int, int]
) -> DistillationSet:
    """Return a stage's examples, augmented anew in each version, with their targets."""
    examples = data.epoch(stage.mixture)
    mnist = slice(stage.mixture.mnist * len(data.mnist.labels))
    others = slice(mnist.stop, len(examples.labels))
    augment_mnist = stage.augment if stage.augment_mnist is None else stage.augment_mnist
    images = np.empty((stage.versions, *examples.images.shape), np.uint8)
    targets = np.zeros((*images.shape[:2], NON_DIGIT + 1), np.float32)
    targets[..., NON_DIGIT] = 1
    is_digit = examples.labels != NON_DIGIT
    for version in range(stage.versions):
        for part, augment in ((mnist, augment_mnist), (others, stage.augment)):
            augmented = images[version, part]
            augment_images(examples.images[part], augment, (*seeds, version, part.stop), augmented)
            digits = is_digit[part]
            targets[version, part][digits] = ensemble.predict_proba(
                augmented[digits], part is mnist
            )
    targets *= 1 - _LABEL_WEIGHT
    targets[:, np.arange(len(examples.labels)), examples.labels] += _LABEL_WEIGHT
    labels = np.tile(examples.labels, stage.versions)
    return DistillationSet(
        images.reshape(-1, *images.shape[2:]), labels, targets.reshape(len(labels), -1)
    )


def augment_images(
    images: NDArray[np.uint8],
    augment: augmentations.Augmentation,
    seeds: tuple[int, ...],
    augmented: NDArray[np.uint8],
) -> None:
    """Write ``images`` (n, 28, 28) after augmentation into ``augmented``."""
    steps = augmentations.resolve(augment)
    for begin in range(0, len(images), _AUGMENT_BATCH):
        batch = slice(begin, begin + _AUGMENT_BATCH)
        pixels = images[batch].astype(np.float32) / np.float32(255)
        seed = np.random.SeedSequence((*seeds, begin)).generate_state(1, np.uint64)
        pixels = _core.augment(pixels, steps, int(seed[0]))
        augmented[batch] = np.rint(pixels.clip(0, 1) * 255)


def distill(
    ensemble: TeacherEnsemble,
    data: Data,
    seed: int,
    log: Callable[[str], None],
    trainings: Trainings,
) -> dict[str, _core.Network]:
    """Return the trained students by name; the last stage uses them as general teachers."""
    log("distillation stages")
    sets = [
        make_distillation_set(stage, ensemble, data, (seed, number))
        for number, stage in enumerate(STAGES)
    ]
    networks = {}
    for name in STUDENTS:
        log(name)
        networks[name] = _train_student(name, sets, data, seed, trainings)
    del sets  # gigabytes
    log("last distillation stage")
    ensemble = TeacherEnsemble(list(networks.values()), ensemble.domain)
    last_set = make_distillation_set(LAST_STAGE, ensemble, data, (seed, len(STAGES)))
    for name, rate in LAST_STAGE.rates.items():
        student = _StudentTrainer(f"student-{name}", networks[name], data, trainings)
        _train_last_stage(student, last_set, rate, seed)
    return networks


class _StudentTrainer(NamedTuple):
    """The trainings of a student, whose names begin with ``name``."""

    name: str
    network: _core.Network
    data: Data
    trainings: Trainings

    def run(self, part: str, stage_set: DistillationSet, rate: float, seed: int) -> None:
        self.trainings.run(
            f"{self.name}-{part}",
            self.network,
            trainer_settings(_EPOCHS, rate, (), seed),
            (stage_set.images, stage_set.labels, 1 / 255, *self.data.validation),
            stage_set.targets,
        )


def _train_student(
    name: str, sets: Sequence[DistillationSet], data: Data, seed: int, trainings: Trainings
) -> _core.Network:
    """Return a student trained on all stages but the last.

    Its weights are the average of those before the final one of these stages, which are best on
    MNIST, and those after it, which are best on other data.
    """
    network = _core.Network(training_layers(name), seed=seed)
    student = _StudentTrainer(f"student-{name}", network, data, trainings)
    for number, (stage, stage_set) in enumerate(zip(STAGES, sets, strict=True)):
        before = network.weights()
        student.run(f"stage-{number}", stage_set, stage.rates[name], seed)
    average(network, [(0.5, before), (0.5, network.weights())], data)
    return network


def _train_last_stage(
    student: _StudentTrainer, stage_set: DistillationSet, rate: float, seed: int
) -> None:
    """Train several runs of the last stage from the same weights, and average all weights."""
    network = student.network
    initial = network.weights()
    weighted = [(_INITIAL_WEIGHT, initial)]
    for run in range(_RUNS):
        network.set_weights(initial)
        student.run(f"last-stage-{run}", stage_set, rate, seed + run)
        weighted.append(((1 - _INITIAL_WEIGHT) / _RUNS, network.weights()))
    average(network, weighted, student.data)


def average(network: _core.Network, weighted: Sequence[tuple[float, _Weights]], data: Data) -> None:
    """Set the weighted average of several weights, and calibrate it for int8."""
    averaged = {
        name: sum(np.float32(weight) * weights[name] for weight, weights in weighted)
        for name in network.weights()
    }
    network.set_weights(averaged)
    network.calibrate(data.validation.images, 1 / 255)
