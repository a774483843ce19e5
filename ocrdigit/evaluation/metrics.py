"""Classification metrics from labels, predictions and probabilities.

>>> import numpy as np
>>> from ocrdigit.evaluation import metrics
>>> low, high = metrics.wilson_interval(9955, 10000)
>>> print(f"{low:.4f} to {high:.4f}")
0.9940 to 0.9966
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _checks

__all__ = [
    "PerDigit",
    "RejectCurve",
    "Reliability",
    "auroc",
    "confusion_matrix",
    "per_digit",
    "reject_curve",
    "reliability",
    "reliability_of",
    "wilson_interval",
]

DIGITS = 10
REJECTED = 0.01  # the proportion of rejected answers that reports show

Doubles = NDArray[np.float64]


class PerDigit(NamedTuple):
    """Metrics for each digit, (10,) each; NaN where they are undefined.

    Attributes
    ----------
    images, right : ndarray (10,) of int64
        Number of images of the digit, and of those classified correctly.
    recall, precision, f1 : ndarray (10,) of float64
        Fraction classified correctly of the images of the digit; of the images predicted as the
        digit; and their harmonic mean.
    """

    images: NDArray[np.int64]
    right: NDArray[np.int64]
    recall: Doubles
    precision: Doubles
    f1: Doubles


class Reliability(NamedTuple):
    """Accuracy by confidence, for all bins that contain images.

    Attributes
    ----------
    low, high : ndarray (k,) of float64
        Bounds of the bin.
    images : ndarray (k,) of int64
        Number of images in the bin.
    confidence, accuracy : ndarray (k,) of float64
        Mean confidence of its images, and the fraction classified correctly.
    """

    low: Doubles
    high: Doubles
    images: NDArray[np.int64]
    confidence: Doubles
    accuracy: Doubles

    @property
    def error(self) -> float:
        """The expected calibration error (ECE): mean difference of confidence and accuracy."""
        return float(np.average(np.abs(self.confidence - self.accuracy), weights=self.images))


class RejectCurve(NamedTuple):
    """Error rate when the least confident images are rejected.

    Attributes
    ----------
    rejected : ndarray (n,) of float64
        Fraction of rejected images: 0, 1/n, ... (n - 1)/n.
    error : ndarray (n,) of float64
        Error rate of the remaining images.
    threshold : ndarray (n,) of float64
        Lowest confidence of the remaining images; images below it are rejected.
    """

    rejected: Doubles
    error: Doubles
    threshold: Doubles

    def error_at(self, rejected: float) -> float:
        """Return the error rate of the images that are left after a rejection.

        Parameters
        ----------
        rejected : float
            At most this fraction, 0 to 1, is rejected: the least confident images.

        Returns
        -------
        float
            0 to 1.

        Raises
        ------
        TypeError, ValueError
            If ``rejected`` is not a number in 0..1.
        """
        fraction = _fraction("rejected", rejected)
        return float(self.error[np.searchsorted(self.rejected, fraction + 1e-12, "right") - 1])


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the confidence interval of an accuracy (Wilson's score interval).

    Parameters
    ----------
    right, count : int
        Number of images classified correctly, and number of images.
    confidence : float, default 0.95
        Confidence level, above 0 and below 1.

    Returns
    -------
    tuple of float
        The lower and the upper bound of the accuracy, 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit.evaluation import metrics
    >>> low, high = metrics.wilson_interval(990, 1000)
    >>> f"{low:.2%} to {high:.2%}"
    '98.17% to 99.46%'
    """
    count = _checks.positive_int("count", count)
    if not 0 <= right <= count:
        raise ValueError(f"right must be 0 to count, {count}, got {right!r}")
    if not 0 < _checks.finite_number("confidence", confidence) < 1:
        raise ValueError(f"confidence must be above 0 and below 1, got {confidence!r}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p, weight = right / count, z * z / count
    centre = (p + weight / 2) / (1 + weight)
    radius = z / (1 + weight) * math.sqrt(p * (1 - p) / count + weight / 4 / count)
    # Rounding must not exclude the observed accuracies 0 and 1.
    return (
        0.0 if right == 0 else max(0.0, centre - radius),
        1.0 if right == count else min(1.0, centre + radius),
    )


def confusion_matrix(truth: ArrayLike, predicted: ArrayLike) -> NDArray[np.int64]:
    """Count how often each digit is predicted for each true digit.

    Parameters
    ----------
    truth, predicted : array-like (n,) of int
        Digits 0 to 9.

    Returns
    -------
    ndarray (10, 10) of int64
        Rows are true digits, columns predicted digits.

    Raises
    ------
    TypeError, ValueError
        If they are not arrays (n,) of digits 0 to 9 of the same length.

    Examples
    --------
    >>> from ocrdigit.evaluation import metrics
    >>> matrix = metrics.confusion_matrix([7, 7, 7], [7, 7, 1])
    >>> matrix[7, [7, 1]].tolist()
    [2, 1]
    """
    rows, columns = _digits("truth", truth), _digits("predicted", predicted)
    if len(rows) != len(columns):
        raise ValueError(f"truth and predicted differ in length: {len(rows)}, {len(columns)}")
    return np.bincount(DIGITS * rows + columns, minlength=DIGITS**2).reshape(DIGITS, DIGITS)


def per_digit(confusion: NDArray[np.int64]) -> PerDigit:
    """Return recall, precision and F1 of each digit.

    Parameters
    ----------
    confusion : ndarray (10, 10) of int64
        From :func:`confusion_matrix`.

    Returns
    -------
    PerDigit
        Arrays (10,); NaN for digits that do not occur.

    Examples
    --------
    >>> from ocrdigit.evaluation import metrics
    >>> result = metrics.per_digit(metrics.confusion_matrix([7, 7, 7, 1], [7, 7, 1, 1]))
    >>> float(result.precision[1]), float(result.precision[7])
    (0.5, 1.0)
    """
    count, predicted, right = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
    with np.errstate(invalid="ignore"):
        f1 = 2 * right / (count + predicted)
        return PerDigit(count, right, right / count, right / predicted, f1)


def reliability(probabilities: ArrayLike, truth: ArrayLike, bins: int = 15) -> Reliability:
    """Return the accuracy in ``bins`` of equal width by confidence.

    Parameters
    ----------
    probabilities : ndarray (n, 10)
        Probabilities of each digit; the prediction is the most probable one.
    truth : ndarray (n,) of int
        The true digits.
    bins : int, default 15
        Number of bins; 15 is common for the expected calibration error.

    Returns
    -------
    Reliability
        Its ``error`` is the expected calibration error.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from ocrdigit.evaluation import metrics
    >>> probabilities = np.full((4, 10), 0.04)
    >>> probabilities[:, 7] = 0.64  # 64 % sure that they are 7; three of four are
    >>> round(metrics.reliability(probabilities, [7, 7, 7, 1]).error, 2)
    0.11
    """
    return reliability_of(*_predictions(probabilities, truth), bins)


def reliability_of(confidence: ArrayLike, right: ArrayLike, bins: int = 15) -> Reliability:
    """Return the accuracy by confidence, as :func:`reliability`, for any kind of answers.

    Parameters
    ----------
    confidence : ndarray (n,)
        The confidence of each answer, 0 to 1.
    right : ndarray (n,) of bool
        Whether each answer is right.
    bins : int, default 15
        As for :func:`reliability`.

    Returns
    -------
    Reliability
        Its ``images`` are the numbers of answers.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit.evaluation import metrics
    >>> metrics.reliability_of([0.9, 0.9], [True, True]).accuracy.tolist()
    [1.0]
    """
    scores, correct = checked_answers(confidence, right)
    bins = _checks.positive_int("bins", bins)
    index = np.minimum((scores * bins).astype(np.int64), bins - 1)
    count = np.bincount(index, minlength=bins)
    filled = np.flatnonzero(count)
    return Reliability(
        filled / bins,
        (filled + 1) / bins,
        count[filled],
        np.bincount(index, scores, bins)[filled] / count[filled],
        np.bincount(index, correct, bins)[filled] / count[filled],
    )


def reject_curve(probabilities: ArrayLike, truth: ArrayLike) -> RejectCurve:
    """Return the error rate by the fraction of least confident images rejected.

    Parameters
    ----------
    probabilities : ndarray (n, 10)
        Probabilities of each digit; the prediction is the most probable one.
    truth : ndarray (n,) of int
        The true digits.

    Returns
    -------
    RejectCurve
        One point for each number of rejected images, 0 to n - 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from ocrdigit.evaluation import metrics
    >>> probabilities = np.eye(10)[[7, 7]] * [[0.9], [0.6]]  # the second is wrong
    >>> metrics.reject_curve(probabilities, [7, 1]).error.tolist()
    [0.5, 0.0]
    """
    confidence, right = _predictions(probabilities, truth)
    order = np.argsort(confidence, kind="stable")
    wrong_above = np.cumsum(~right[order][::-1])[::-1]
    count = len(order)
    rejected, error = np.arange(count) / count, wrong_above / np.arange(count, 0, -1)
    return RejectCurve(rejected, error, confidence[order])


def auroc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Return the area under the receiver operating characteristic.

    This is the probability that a positive scores above a negative; ties count half.

    Parameters
    ----------
    positives, negatives : ndarray (n,), (m,)
        Scores of the positive and of the negative examples.

    Returns
    -------
    float
        0 to 1; 0.5 if the scores say nothing.

    Raises
    ------
    ValueError
        If one of them is empty, not one-dimensional or contains NaN.

    Examples
    --------
    >>> from ocrdigit.evaluation import metrics
    >>> metrics.auroc([0.9, 0.8, 0.3], [0.1, 0.5])
    0.8333333333333334
    """
    high, low = (
        _scores(name, scores)
        for name, scores in (("positives", positives), ("negatives", negatives))
    )
    order = np.sort(low)
    below = np.searchsorted(order, high, "left") + np.searchsorted(order, high, "right")
    return float(below.mean() / 2 / len(low))


def _fraction(name: str, value: object) -> float:
    fraction = _checks.finite_number(name, value)
    if not 0 <= fraction <= 1:
        raise ValueError(f"{name} must be 0 to 1, got {value!r}")
    return fraction


def checked_answers(confidence: ArrayLike, right: ArrayLike) -> tuple[Doubles, NDArray[np.bool_]]:
    """Return the confidence of each answer, and whether it is right; raise if they are invalid."""
    scores, correct = _scores("confidence", confidence), np.asarray(right)
    if scores.min() < 0 or scores.max() > 1 + 1e-5:
        raise ValueError(f"confidence must be 0 to 1, got {scores.min()} to {scores.max()}")
    if correct.dtype != np.bool_:
        raise TypeError(f"right must be bool, got {correct.dtype}")
    if correct.shape != scores.shape:
        raise ValueError(
            f"right must have shape {scores.shape}, as confidence has, got {correct.shape}"
        )
    return scores, correct


def _digits(name: str, values: ArrayLike) -> NDArray[np.int64]:
    digits = np.asarray(values)
    if digits.ndim != 1 or len(digits) == 0:
        raise ValueError(f"{name} must be an array (n,) of digits, got shape {digits.shape}")
    if digits.dtype.kind not in "ui":
        raise TypeError(f"{name} must be integers 0..9, got {digits.dtype}")
    if digits.min() < 0 or digits.max() >= DIGITS:
        raise ValueError(f"{name} must be digits 0..9, got {digits.min()} to {digits.max()}")
    return digits.astype(np.int64)


def _predictions(probabilities: ArrayLike, truth: ArrayLike) -> tuple[Doubles, NDArray[np.bool_]]:
    """Return the confidence of each prediction, and whether it is right."""
    digits = _digits("truth", truth)
    table = np.asarray(probabilities, np.float64)
    if table.shape != (len(digits), DIGITS):
        raise ValueError(
            f"probabilities must have shape ({len(digits)}, 10), as there are {len(digits)} "
            f"labels, got {table.shape}"
        )
    confidence = table.max(axis=1)
    if not ((table >= 0).all() and (confidence <= 1 + 1e-5).all()):
        raise ValueError("probabilities must be 0 to 1")
    return confidence, table.argmax(axis=1) == digits


def _scores(name: str, values: ArrayLike) -> Doubles:
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1 or len(scores) == 0 or np.isnan(scores).any():
        raise ValueError(f"{name} must be an array (n,) of numbers, got shape {scores.shape}")
    return scores
