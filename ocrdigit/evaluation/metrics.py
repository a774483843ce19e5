"""Measures of how well digits are told, from labels, answers and probabilities.

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

DIGITS = 10
REJECTED = 0.01  # the proportion of rejected answers that reports show

Doubles = NDArray[np.float64]


class PerDigit(NamedTuple):
    """Measures for each digit, (10,) each; NaN where there is nothing to divide by.

    Attributes
    ----------
    images, right : ndarray (10,) of int64
        Images that show the digit, and those of them that are told right.
    recall, precision, f1 : ndarray (10,) of float64
        The share told right of the images that show the digit; of those said to show it; and
        their harmonic mean.
    """

    images: NDArray[np.int64]
    right: NDArray[np.int64]
    recall: Doubles
    precision: Doubles
    f1: Doubles


class Reliability(NamedTuple):
    """How often answers are right, by how sure the model was; only bins with images in them.

    Attributes
    ----------
    low, high : ndarray (k,) of float64
        The bin's limits of confidence.
    images : ndarray (k,) of int64
        How many images are in it.
    confidence, accuracy : ndarray (k,) of float64
        The mean confidence of its images, and the share of them told right.
    """

    low: Doubles
    high: Doubles
    images: NDArray[np.int64]
    confidence: Doubles
    accuracy: Doubles

    @property
    def error(self) -> float:
        """The expected calibration error (ECE): the mean of how far the two are apart."""
        return float(np.average(np.abs(self.confidence - self.accuracy), weights=self.images))


class RejectCurve(NamedTuple):
    """What is left wrong when the images that the model was least sure of are put aside.

    Attributes
    ----------
    rejected : ndarray (n,) of float64
        The share put aside: 0, 1/n, ... (n - 1)/n.
    error : ndarray (n,) of float64
        The share of wrong answers among the others.
    threshold : ndarray (n,) of float64
        The lowest confidence among the others: answers below it are put aside.
    """

    rejected: Doubles
    error: Doubles
    threshold: Doubles

    def error_at(self, rejected: float) -> float:
        """Return the error left when at most the share ``rejected``, 0 to 1, is put aside."""
        share = _share("rejected", rejected)
        return float(self.error[np.searchsorted(self.rejected, share + 1e-12, "right") - 1])


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the limits between which the true accuracy lies, by Wilson's score interval.

    Parameters
    ----------
    right, count : int
        How many answers are right, of how many.
    confidence : float, default 0.95
        How sure that is to be, above 0 and below 1.

    Returns
    -------
    low, high : float
        0 to 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    """
    count = _checks.positive_int("count", count)
    if not 0 <= right <= count:
        raise ValueError(f"right must be 0 to count, {count}, got {right!r}")
    if not 0 < _checks.finite_number("confidence", confidence) < 1:
        raise ValueError(f"confidence must be above 0 and below 1, got {confidence!r}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, weight = right / count, z * z / count
    centre = (share + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / 4 / count)
    # At the ends rounding must not exclude what was seen.
    return (
        0.0 if right == 0 else max(0.0, centre - reach),
        1.0 if right == count else min(1.0, centre + reach),
    )


def confusion_matrix(truth: ArrayLike, predicted: ArrayLike) -> NDArray[np.int64]:
    """Count (10, 10): rows are true digits, columns predicted ones.

    Raises
    ------
    TypeError, ValueError
        They are not arrays (n,) of digits 0 to 9 of the same length.
    """
    rows, columns = _digits("truth", truth), _digits("predicted", predicted)
    if len(rows) != len(columns):
        raise ValueError(f"truth and predicted differ in length: {len(rows)}, {len(columns)}")
    return np.bincount(DIGITS * rows + columns, minlength=DIGITS**2).reshape(DIGITS, DIGITS)


def per_digit(confusion: NDArray[np.int64]) -> PerDigit:
    """Return recall, precision and F1 of each digit from a confusion matrix (10, 10)."""
    count, said, right = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
    with np.errstate(invalid="ignore"):
        return PerDigit(count, right, right / count, right / said, 2 * right / (count + said))


def reliability(probabilities: ArrayLike, truth: ArrayLike, bins: int = 15) -> Reliability:
    """Sort answers into ``bins`` of equal width by confidence, and see how many are right.

    Parameters
    ----------
    probabilities : ndarray (n, 10)
        Of each digit, for each image; the answer is the likeliest.
    truth : ndarray (n,) of int
        The true digits.
    bins : int, default 15
        How many; the usual number for the expected calibration error.

    Returns
    -------
    Reliability
        Its ``error`` is the expected calibration error.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    """
    sure, right = _answers(probabilities, truth)
    bins = _checks.positive_int("bins", bins)
    place = np.minimum((sure * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = np.flatnonzero(count)
    return Reliability(
        filled / bins,
        (filled + 1) / bins,
        count[filled],
        np.bincount(place, sure, bins)[filled] / count[filled],
        np.bincount(place, right, bins)[filled] / count[filled],
    )


def reject_curve(probabilities: ArrayLike, truth: ArrayLike) -> RejectCurve:
    """See what is left wrong when ever more of the least certain answers are put aside.

    Parameters and errors are those of :func:`reliability`.

    Returns
    -------
    RejectCurve
        One point for each number of images put aside, but for all of them.
    """
    sure, right = _answers(probabilities, truth)
    order = np.argsort(sure, kind="stable")
    wrong_above = np.cumsum(~right[order][::-1])[::-1]
    count = len(order)
    return RejectCurve(np.arange(count) / count, wrong_above / np.arange(count, 0, -1), sure[order])


def auroc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Return how often a positive scores above a negative, 0 to 1; equal scores count half.

    That is the area under the receiver operating characteristic.

    Parameters
    ----------
    positives, negatives : ndarray (n,), (m,)
        Scores of what should score high, and of what should score low.

    Raises
    ------
    ValueError
        One of them is empty, not one-dimensional, or has NaN in it.
    """
    high, low = (
        _scores(name, scores)
        for name, scores in (("positives", positives), ("negatives", negatives))
    )
    order = np.sort(low)
    below = np.searchsorted(order, high, "left") + np.searchsorted(order, high, "right")
    return float(below.mean() / 2 / len(low))


def _share(name: str, value: object) -> float:
    share = _checks.finite_number(name, value)
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must be 0 to 1, got {value!r}")
    return share


def _digits(name: str, values: ArrayLike) -> NDArray[np.int64]:
    digits = np.asarray(values)
    if digits.ndim != 1 or len(digits) == 0:
        raise ValueError(f"{name} must be an array (n,) of digits, got shape {digits.shape}")
    if digits.dtype.kind not in "ui":
        raise TypeError(f"{name} must be integers 0..9, got {digits.dtype}")
    if digits.min() < 0 or digits.max() >= DIGITS:
        raise ValueError(f"{name} must be digits 0..9, got {digits.min()} to {digits.max()}")
    return digits.astype(np.int64)


def _answers(probabilities: ArrayLike, truth: ArrayLike) -> tuple[Doubles, NDArray[np.bool_]]:
    """Return the confidence of each answer, and whether it is right."""
    digits = _digits("truth", truth)
    table = np.asarray(probabilities, np.float64)
    if table.shape != (len(digits), DIGITS):
        raise ValueError(
            f"probabilities must have shape ({len(digits)}, 10), as there are {len(digits)} "
            f"labels, got {table.shape}"
        )
    sure = table.max(axis=1)
    if not ((table >= 0).all() and (sure <= 1 + 1e-5).all()):
        raise ValueError("probabilities must be 0 to 1")
    return sure, table.argmax(axis=1) == digits


def _scores(name: str, values: ArrayLike) -> Doubles:
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1 or len(scores) == 0 or np.isnan(scores).any():
        raise ValueError(f"{name} must be an array (n,) of numbers, got shape {scores.shape}")
    return scores
