"""Evaluation of classifiers and readings: accuracy, calibration, rejection and robustness.

=========================  ====================================================================
:func:`evaluate`           runs a classifier on clean and corrupted images of digits; returns an
                           :class:`Evaluation`
:func:`evaluate_reading`   reads labelled fields; returns a :class:`ReadingEvaluation`
:mod:`metrics`             accuracy with its interval, by digit, calibration, rejection, AUROC
:mod:`corruptions`         fifteen image corruptions, and rotation and scaling
=========================  ====================================================================

``evaluate(model, X, y).save_report("report.html")`` writes an HTML report.
"""

from . import corruptions, metrics
from ._evaluate import evaluate
from ._evaluate_reading import evaluate_reading
from ._reading_result import FieldReading, ReadingEvaluation
from ._result import Evaluation, Robustness, Trial
from ._risk_coverage import RiskCoverage, Threshold

__all__ = [
    "Evaluation",
    "FieldReading",
    "ReadingEvaluation",
    "RiskCoverage",
    "Robustness",
    "Threshold",
    "Trial",
    "corruptions",
    "evaluate",
    "evaluate_reading",
    "metrics",
]
