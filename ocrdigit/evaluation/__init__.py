"""How good a model is: one function that measures all, and its parts.

===================  =====================================================================
:func:`evaluate`     runs a model on images, as they are and changed: :class:`Evaluation`
:mod:`metrics`       accuracy with its interval, by digit, calibration, rejection, AUROC
:mod:`corruptions`   fifteen ways in which pictures go wrong, and turning and resizing
===================  =====================================================================

``evaluate(model, X, y).save_report("report.html")`` writes a page of it.
"""

from . import corruptions, metrics
from ._evaluate import evaluate
from ._result import Evaluation, Robustness, Trial

__all__ = ["Evaluation", "Robustness", "Trial", "corruptions", "evaluate", "metrics"]
