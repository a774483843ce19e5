"""How well a model did, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .metrics import REJECTED

if TYPE_CHECKING:
    from ._result import Evaluation, Robustness


def report(seen: Evaluation) -> str:
    """Return accuracy, a table by digit, the confusion matrix and more, aligned."""
    parts = [
        _summary(seen),
        _by_digit(seen.confusion),
        _matrix(seen.confusion),
        _mistakes(seen.confusion),
        _robustness(seen.robustness) if seen.robustness else "",
    ]
    return "\n\n".join(part for part in parts if part)


def mistakes(confusion: NDArray[np.int64], most: int) -> list[tuple[int, int, int]]:
    """Return the most frequent mistakes: what it is, what the model says, how often."""
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    return [(i // 10, i % 10, int(wrong.flat[i])) for i in order.tolist() if wrong.flat[i]]


def _summary(seen: Evaluation) -> str:
    low, high = seen.interval
    return "\n".join(
        [
            f"accuracy {seen.accuracy:.2%}  ({seen.right:,} of {seen.count:,} images right; "
            f"95% interval {low:.2%} to {high:.2%})",
            f"calibration error {seen.reliability.error:.2%}; "
            f"errors left where {REJECTED:.0%} is rejected: "
            f"{seen.rejection.error_at(REJECTED):.2%}",
        ]
    )


def _by_digit(confusion: NDArray[np.int64]) -> str:
    lines = ["digit   images    right   recall  precision       F1"]
    for digit in range(10):
        right = int(confusion[digit, digit])
        true, said = int(confusion[digit].sum()), int(confusion[:, digit].sum())
        lines.append(
            f"{digit:5}  {true:7,}  {right:7,}  {_share(right, true)}    {_share(right, said)}"
            f"  {_share(2 * right, true + said)}"
        )
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:7.2%}" if whole else f"{'-':>7}"


def _matrix(confusion: NDArray[np.int64]) -> str:
    width = max(5, len(f"{confusion.max():,}") + 2)
    lines = [
        "confusion matrix (rows: what it is; columns: what the model says)",
        "     " + "".join(f"{digit:{width}}" for digit in range(10)),
    ]
    for digit, row in enumerate(confusion.tolist()):
        cells = "".join(f"{format(n, ',') if n else '.':>{width}}" for n in row)
        lines.append(f"{digit:5}{cells}")
    return "\n".join(lines)


def _mistakes(confusion: NDArray[np.int64]) -> str:
    """Name the five most frequent mistakes."""
    said = [f"{true} taken for {other} ({n:,})" for true, other, n in mistakes(confusion, 5)]
    return f"most frequent mistakes: {', '.join(said)}" if said else ""


def _robustness(seen: Robustness) -> str:
    lines = [f"changed images (severity {seen.severity})  accuracy"]
    rows = {name.replace("_", " "): trial.accuracy for name, trial in seen.corruptions.items()}
    rows["mean"] = seen.mean_accuracy
    lines += [f"  {name:27}  {accuracy:8.2%}" for name, accuracy in rows.items()]
    return "\n".join(lines)
