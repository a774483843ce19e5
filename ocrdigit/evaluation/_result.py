"""What :func:`evaluate` returns: everything that was seen, and what follows from it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._atomic import write_atomically
from . import metrics


@dataclass(frozen=True, eq=False, repr=False)
class Trial:
    """One set of changed images, and how a model did on it.

    Attributes
    ----------
    accuracy : float
        The share told right, 0 to 1.
    examples : ndarray (k, 28, 28) of uint8
        A few of the images.
    truth, predicted : ndarray (k,) of int64
        Their digits, and the model's answers.
    """

    accuracy: float
    examples: NDArray[np.uint8]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Robustness:
    """How a model did on changed images.

    Attributes
    ----------
    severity : int
        Of the corruptions, 1 to 5.
    images : int
        How many were corrupted, each in all ways.
    corruptions : dict of str to Trial
        One for each of :data:`ocrdigit.evaluation.corruptions.NAMES`.
    turned_images : int
        How many were turned and resized.
    rotation : dict of float to Trial
        By the angle in degrees, counter-clockwise.
    scale : dict of float to Trial
        By the factor.
    """

    severity: int
    images: int
    corruptions: Mapping[str, Trial]
    turned_images: int
    rotation: Mapping[float, Trial]
    scale: Mapping[float, Trial]

    @property
    def mean_accuracy(self) -> float:
        """The mean over the corruptions."""
        return float(np.mean([trial.accuracy for trial in self.corruptions.values()]))


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """How a model did on images whose digits are known.

    ``print`` shows it as text, :meth:`save_report` writes it as a page.

    Attributes
    ----------
    model, data : str
        What was measured, on what.
    images : ndarray (n, 28, 28) of uint8
        The images as the model saw them.
    truth : ndarray (n,) of int64
        Their digits.
    probabilities : ndarray (n, 10) of float32
        The model's.
    robustness : Robustness or None
        What became of changed images, where that was asked for.
    """

    model: str
    data: str
    images: NDArray[np.uint8]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    robustness: Robustness | None = None

    @property
    def count(self) -> int:
        """The number of images."""
        return len(self.truth)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The likeliest digits, (n,)."""
        digits: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return digits

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """Their probabilities, (n,)."""
        highest: NDArray[np.float32] = self.probabilities.max(axis=1)
        return highest

    @property
    def right(self) -> int:
        """How many were told right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """The share told right, 0 to 1."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95 % interval, by Wilson."""
        return metrics.wilson_interval(self.right, self.count)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """The confusion matrix (10, 10): rows are true digits, columns predicted ones."""
        return metrics.confusion_matrix(self.truth, self.predicted)

    @property
    def per_digit(self) -> metrics.PerDigit:
        """Recall, precision and F1 of each digit."""
        return metrics.per_digit(self.confusion)

    @cached_property
    def reliability(self) -> metrics.Reliability:
        """How often answers are right, by confidence; its ``error`` is the ECE."""
        return metrics.reliability(self.probabilities, self.truth)

    @cached_property
    def rejection(self) -> metrics.RejectCurve:
        """What is left wrong when the least certain answers are put aside."""
        return metrics.reject_curve(self.probabilities, self.truth)

    @cached_property
    def misread(self) -> NDArray[np.int64]:
        """The images told wrong, by number, those of which the model was surest first."""
        wrong: NDArray[np.int64] = np.flatnonzero(self.predicted != self.truth)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]

    def to_dict(self) -> dict[str, Any]:
        """Return all measures as plain numbers, lists and dicts; NaN is None."""
        digits = self.per_digit
        curve = self.reliability
        answer: dict[str, Any] = {
            "model": self.model,
            "data": self.data,
            "images": self.count,
            "right": self.right,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "confusion": self.confusion.tolist(),
            "digits": [
                {
                    "digit": digit,
                    "images": int(digits.images[digit]),
                    "right": int(digits.right[digit]),
                    "recall": _number(digits.recall[digit]),
                    "precision": _number(digits.precision[digit]),
                    "f1": _number(digits.f1[digit]),
                }
                for digit in range(10)
            ],
            "calibration_error": curve.error,
            "reliability": [
                dict(zip(curve._fields, map(_number, row), strict=True))
                for row in zip(*curve, strict=True)
            ],
            "error_at_rejected": {
                str(share): self.rejection.error_at(share) for share in (0.0, 0.005, 0.01, 0.02)
            },
            "misread": [
                {
                    "image": int(i),
                    "digit": int(self.truth[i]),
                    "predicted": int(self.predicted[i]),
                    "confidence": float(self.confidence[i]),
                }
                for i in self.misread
            ],
        }
        if self.robustness:
            answer["robustness"] = _robustness(self.robustness)
        return answer

    def to_html(self) -> str:
        """Return one self-contained page: no script, nothing that it fetches."""
        from ._page import page

        return page(self)

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_html` to a file, whole or not at all.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        write_atomically(path, self.to_html().encode())

    def __str__(self) -> str:
        from ._text import report

        return report(self)

    def __repr__(self) -> str:
        return f"Evaluation({self.model}, {self.data}: {self.right:,} of {self.count:,} right)"


def _robustness(seen: Robustness) -> dict[str, Any]:
    return {
        "severity": seen.severity,
        "images": seen.images,
        "mean_accuracy": seen.mean_accuracy,
        "corruptions": {name: trial.accuracy for name, trial in seen.corruptions.items()},
        "turned_images": seen.turned_images,
        "rotation": [[degrees, trial.accuracy] for degrees, trial in seen.rotation.items()],
        "scale": [[factor, trial.accuracy] for factor, trial in seen.scale.items()],
    }


def _number(value: Any) -> float | int | None:
    """Return a plain number, or None for NaN, which JSON has no word for."""
    plain: float | int = value.item()
    return None if math.isnan(plain) else plain
