"""The text report of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .metrics import REJECTED

if TYPE_CHECKING:
    from ._result import Evaluation, Robustness


def text_report(result: Evaluation) -> str:
    """Return the accuracy, a table by digit, the confusion matrix and more as aligned text."""
    parts = [
        _summary(result),
        _by_digit(result.confusion),
        _matrix(result.confusion),
        _confusions(result.confusion),
        _robustness(result.robustness) if result.robustness else "",
    ]
    return "\n\n".join(part for part in parts if part)


def confusions(confusion: NDArray[np.int64], count: int) -> list[tuple[int, int, int]]:
    """Return the most frequent confusions: true digit, predicted digit, number of images."""
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    return [(i // 10, i % 10, int(wrong.flat[i])) for i in order.tolist() if wrong.flat[i]]


def _summary(result: Evaluation) -> str:
    low, high = result.interval
    return "\n".join(
        [
            f"accuracy {result.accuracy:.2%}  ({result.right:,} of {result.count:,} images right; "
            f"95% interval {low:.2%} to {high:.2%})",
            f"calibration error {result.reliability.error:.2%}; "
            f"error rate with {REJECTED:.0%} rejected: {result.rejection.error_at(REJECTED):.2%}",
        ]
    )


def _by_digit(confusion: NDArray[np.int64]) -> str:
    lines = ["digit   images    right   recall  precision       F1"]
    for digit in range(10):
        correct = int(confusion[digit, digit])
        true, predicted = int(confusion[digit].sum()), int(confusion[:, digit].sum())
        lines.append(
            f"{digit:5}  {true:7,}  {correct:7,}  {_percent(correct, true)}"
            f"    {_percent(correct, predicted)}  {_percent(2 * correct, true + predicted)}"
        )
    return "\n".join(lines)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:7.2%}" if whole else f"{'-':>7}"


def _matrix(confusion: NDArray[np.int64]) -> str:
    width = max(5, len(f"{confusion.max():,}") + 2)
    lines = [
        "confusion matrix (rows: true digit; columns: predicted digit)",
        "     " + "".join(f"{digit:{width}}" for digit in range(10)),
    ]
    for digit, row in enumerate(confusion.tolist()):
        cells = "".join(f"{format(n, ',') if n else '.':>{width}}" for n in row)
        lines.append(f"{digit:5}{cells}")
    return "\n".join(lines)


def _confusions(confusion: NDArray[np.int64]) -> str:
    """Return a line with the five most frequent confusions."""
    pairs = [f"{true} as {predicted} ({n:,})" for true, predicted, n in confusions(confusion, 5)]
    return f"most frequent confusions: {', '.join(pairs)}" if pairs else ""


def _robustness(robustness: Robustness) -> str:
    lines = [f"corrupted images (severity {robustness.severity})  accuracy"]
    rows = {
        name.replace("_", " "): trial.accuracy for name, trial in robustness.corruptions.items()
    }
    rows["mean"] = robustness.mean_accuracy
    lines += [f"  {name:27}  {accuracy:8.2%}" for name, accuracy in rows.items()]
    return "\n".join(lines)
