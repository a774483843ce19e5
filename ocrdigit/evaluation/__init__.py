"""How good a model is: measures, and tests of what it withstands.

===================  =====================================================================
:mod:`metrics`       accuracy with its interval, by digit, calibration, rejection, AUROC
:mod:`corruptions`   fifteen ways in which pictures go wrong, and turning and resizing
===================  =====================================================================
"""

from . import corruptions, metrics

__all__ = ["corruptions", "metrics"]
