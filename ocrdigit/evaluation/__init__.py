"""Evaluation of classifiers: accuracy, calibration, rejection and robustness.

===================  ==========================================================================
:func:`evaluate`     runs a model on clean and corrupted images; returns an :class:`Evaluation`
:mod:`metrics`       accuracy with its interval, by digit, calibration, rejection, AUROC
:mod:`corruptions`   fifteen image corruptions, and rotation and scaling
===================  ==========================================================================

``evaluate(model, X, y).save_report("report.html")`` writes an HTML report.
"""

from . import corruptions, metrics
from ._evaluate import evaluate
from ._result import Evaluation, Robustness, Trial

__all__ = ["Evaluation", "Robustness", "Trial", "corruptions", "evaluate", "metrics"]
