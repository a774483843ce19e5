"""The result of :func:`evaluate`: predictions, and the metrics derived from them."""

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
    """The accuracy of a model on one set of corrupted or transformed images.

    Attributes
    ----------
    accuracy : float
        Fraction of images classified correctly, 0 to 1.
    examples : ndarray (k, 28, 28) of uint8
        A few of the images.
    truth, predicted : ndarray (k,) of int64
        Their true and predicted digits.
    """

    accuracy: float
    examples: NDArray[np.uint8]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Robustness:
    """The accuracy of a model on corrupted, rotated and scaled images.

    Attributes
    ----------
    severity : int
        Severity of the corruptions, 1 to 5.
    images : int
        Number of images to which each corruption was applied.
    corruptions : dict of str to Trial
        One for each of :data:`ocrdigit.evaluation.corruptions.NAMES`.
    transformed_images : int
        Number of images that were rotated and scaled.
    rotation : dict of float to Trial
        By angle in degrees, counter-clockwise.
    scale : dict of float to Trial
        By factor.
    """

    severity: int
    images: int
    corruptions: Mapping[str, Trial]
    transformed_images: int
    rotation: Mapping[float, Trial]
    scale: Mapping[float, Trial]

    @property
    def mean_accuracy(self) -> float:
        """The mean accuracy over the corruptions."""
        return float(np.mean([trial.accuracy for trial in self.corruptions.values()]))


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """The results of a model on labelled images.

    ``print`` shows it as text; :meth:`save_report` writes an HTML report.

    Attributes
    ----------
    model, data : str
        Names of the model and of the data.
    images : ndarray (n, 28, 28) of uint8
        The model's input.
    truth : ndarray (n,) of int64
        The true digits.
    probabilities : ndarray (n, 10) of float32
        The model's output.
    robustness : Robustness or None
        Results on corrupted and transformed images, if requested.
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
        """The most probable digits, (n,)."""
        digits: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return digits

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """The probabilities of the predicted digits, (n,)."""
        highest: NDArray[np.float32] = self.probabilities.max(axis=1)
        return highest

    @property
    def right(self) -> int:
        """The number of images classified correctly."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """The fraction of images classified correctly, 0 to 1."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the accuracy (Wilson's score interval)."""
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
        """Accuracy by confidence; its ``error`` is the expected calibration error."""
        return metrics.reliability(self.probabilities, self.truth)

    @cached_property
    def rejection(self) -> metrics.RejectCurve:
        """Error rate by the fraction of least confident images rejected."""
        return metrics.reject_curve(self.probabilities, self.truth)

    @cached_property
    def misread(self) -> NDArray[np.int64]:
        """The indices of the misclassified images, most confident first."""
        wrong: NDArray[np.int64] = np.flatnonzero(self.predicted != self.truth)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]

    def to_dict(self) -> dict[str, Any]:
        """Return all metrics as plain numbers, lists and dicts; NaN becomes None."""
        digits = self.per_digit
        curve = self.reliability
        result: dict[str, Any] = {
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
                str(rejected): self.rejection.error_at(rejected)
                for rejected in (0.0, 0.005, 0.01, 0.02)
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
            result["robustness"] = _robustness(self.robustness)
        return result

    def to_html(self) -> str:
        """Return the report as one self-contained HTML page without scripts."""
        from ._html_report import html_report

        return html_report(self)

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_html` to a file atomically.

        Parameters
        ----------
        path : path
            The HTML file; an existing one is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        write_atomically(path, self.to_html().encode())

    def __str__(self) -> str:
        from ._text_report import text_report

        return text_report(self)

    def __repr__(self) -> str:
        return f"Evaluation({self.model}, {self.data}: {self.right:,} of {self.count:,} right)"


def _robustness(robustness: Robustness) -> dict[str, Any]:
    return {
        "severity": robustness.severity,
        "images": robustness.images,
        "mean_accuracy": robustness.mean_accuracy,
        "corruptions": {name: trial.accuracy for name, trial in robustness.corruptions.items()},
        "transformed_images": robustness.transformed_images,
        "rotation": [[degrees, trial.accuracy] for degrees, trial in robustness.rotation.items()],
        "scale": [[factor, trial.accuracy] for factor, trial in robustness.scale.items()],
    }


def _number(value: Any) -> float | int | None:
    """Return a plain number, or None for NaN, which JSON cannot represent."""
    plain: float | int = value.item()
    return None if math.isnan(plain) else plain
