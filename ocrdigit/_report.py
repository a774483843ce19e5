"""How well a model did, as text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count (10, 10): rows are true digits, columns predicted ones."""
    return np.bincount(10 * truth + predicted, minlength=100).reshape(10, 10)


def report(confusion: NDArray[np.int64]) -> str:
    """Return accuracy, a table by digit, and the confusion matrix, aligned."""
    count, right = int(confusion.sum()), int(confusion.trace())
    parts = [
        f"accuracy {right / count:.2%}  ({right:,} of {count:,} images right)",
        _by_digit(confusion),
        _matrix(confusion),
    ]
    mistakes = _mistakes(confusion)
    return "\n\n".join([*parts, mistakes] if mistakes else parts)


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
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:5]
    said = [
        f"{i // 10} taken for {i % 10} ({wrong.flat[i]:,})" for i in order.tolist() if wrong.flat[i]
    ]
    return f"most frequent mistakes: {', '.join(said)}" if said else ""
