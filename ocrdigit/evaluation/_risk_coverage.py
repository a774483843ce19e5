"""Risk and coverage: how many errors remain if answers of low confidence are not accepted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _checks
from . import metrics
from .metrics import Doubles


class Threshold(NamedTuple):
    """The fields kept at a confidence threshold.

    Attributes
    ----------
    confidence : float
        The threshold: fields with at least this confidence are kept.
    kept, wrong : int
        Number of fields kept, and of those that are wrong.
    coverage : float
        Fraction of all fields that are kept.
    """

    confidence: float
    kept: int
    wrong: int
    coverage: float

    @property
    def error_rate(self) -> float:
        """The fraction of the kept fields that are wrong."""
        return self.wrong / self.kept

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the error rate (Wilson's score interval)."""
        return metrics.wilson_interval(self.wrong, self.kept)


class RiskCoverage(NamedTuple):
    """Error rate by the fraction of answers kept, those of highest confidence first.

    Answers of equal confidence are kept together, so there is one point for each confidence.

    Attributes
    ----------
    threshold : ndarray (k,) of float64
        The confidences in descending order; answers with at least this confidence are kept.
    coverage : ndarray (k,) of float64
        Fraction of the answers that are kept, up to 1.
    error : ndarray (k,) of float64
        Fraction of the kept answers that are wrong: the risk.
    kept, wrong : ndarray (k,) of int64
        Number of answers kept, and of those that are wrong.
    """

    threshold: Doubles
    coverage: Doubles
    error: Doubles
    kept: NDArray[np.int64]
    wrong: NDArray[np.int64]

    @property
    def area(self) -> float:
        """The area under the curve: the mean error rate over all coverages, 0 to 1."""
        return float(np.sum(np.diff(self.coverage, prepend=0) * self.error))

    def at_error_rate(self, error_rate: float) -> Threshold | None:
        """Return the lowest threshold at which errors are rare enough.

        Parameters
        ----------
        error_rate : float
            The proportion of wrong fields among those that are kept, 0 to 1.

        Returns
        -------
        Threshold or None
            None if no threshold has so low an error rate.

        Raises
        ------
        TypeError, ValueError
            If ``error_rate`` is not a number in 0..1.
        """
        limit = _checks.fraction("error_rate", error_rate)
        met = np.flatnonzero(self.error <= limit)
        if not len(met):
            return None
        last = met[-1]
        kept, wrong = int(self.kept[last]), int(self.wrong[last])
        return Threshold(float(self.threshold[last]), kept, wrong, float(self.coverage[last]))


def risk_coverage(confidence: ArrayLike, right: ArrayLike) -> RiskCoverage:
    """Return the error rate by the fraction of answers kept.

    Parameters
    ----------
    confidence : ndarray (n,)
        The confidence of each answer, 0 to 1.
    right : ndarray (n,) of bool
        Whether each answer is right.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> curve = risk_coverage([0.9, 0.8, 0.8, 0.4], [True, True, False, True])
    >>> curve.coverage.tolist(), curve.wrong.tolist()
    ([0.25, 0.75, 1.0], [0, 1, 1])
    >>> curve.at_error_rate(0.3).confidence
    0.4
    """
    scores, correct = metrics.checked_answers(confidence, right)
    order = np.argsort(-scores, kind="stable")
    scores, wrong = scores[order], np.cumsum(~correct[order], dtype=np.int64)
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    kept = last + 1
    return RiskCoverage(scores[last], kept / len(scores), wrong[last] / kept, kept, wrong[last])
