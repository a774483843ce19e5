"""Prediction of batches in any process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._predict import shipped_model
from ..batch import describe
from ..estimator import DigitClassifier
from ..models._classes import DIGITS
from ._shipped import Shipped, model_to_ship

_log = logging.getLogger("ocrdigit")

_ON_ERROR = ("raise", "reject")


class Scorer(Shipped):
    """A classifier that can be pickled and sent to the workers of a cluster.

    Parameters
    ----------
    model : DigitClassifier, optional
        The classifier, which is copied; by default that of :func:`ocrdigit.predict`, which each
        process loads from its own package. Its ``n_jobs`` and ``callbacks`` are not used.
    reject : float, optional
        0..1. Images of lower confidence are -1, as for :func:`ocrdigit.predict`.
    on_error : {"raise", "reject"}
        Whether an image that cannot be read raises, or is rejected: its digit is -1, its
        probabilities are NaN, and the error is logged by the logger "ocrdigit".

    Raises
    ------
    TypeError, ValueError
        A parameter is invalid.
    NotFittedError
        The model is not fitted.

    Examples
    --------
    >>> import pickle
    >>> import ocrdigit
    >>> from ocrdigit.distributed import Scorer
    >>> sample = ocrdigit.datasets.load_sample()
    >>> scorer = pickle.loads(pickle.dumps(Scorer()))
    >>> scorer.predict(sample.X_test[:4])
    array([0, 1, 2, 3])
    """

    def __init__(
        self,
        model: DigitClassifier | None = None,
        *,
        reject: float | None = None,
        on_error: str = "raise",
    ) -> None:
        super().__init__(model=model_to_ship(model), reject=reject, on_error=on_error)

    def _prepare(  # type: ignore[override]
        self, model: DigitClassifier | None, reject: float | None, on_error: str
    ) -> None:
        self._model = model
        self._reject = None if reject is None else _checks.fraction("reject", reject)
        self._raises = _checks.known("on_error", on_error, _ON_ERROR) == "raise"

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the digits: int64, or object if the model was trained on labels of str."""
        return np.dtype(np.int64) if self._model is None else self._model.classes_.dtype

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the digit of each image.

        Parameters
        ----------
        X : batch
            As for :func:`ocrdigit.predict`, which lists the errors; it may be empty.

        Returns
        -------
        ndarray (n,) of int64
            Of str if the model was trained on labels of str.
        """
        empty = np.empty(0, self.dtype)
        rejected = "-1" if self.dtype == object else -1
        return self._map(partial(self._used.predict, reject=self._reject), X, empty, rejected)

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Predict the probabilities of the ten digits for each image.

        Parameters
        ----------
        X : batch
            As for :meth:`predict`.

        Returns
        -------
        ndarray (n, 10) of float32
            NaN for images that cannot be read, with ``on_error="reject"``.
        """
        empty = np.empty((0, DIGITS), np.float32)
        return self._map(self._used.predict_proba, X, empty, np.nan)

    @property
    def _used(self) -> DigitClassifier:
        return shipped_model() if self._model is None else self._model

    def _map(
        self,
        function: Callable[[Any], NDArray[Any]],
        X: Sequence[Any],
        empty: NDArray[Any],
        rejected: object,
    ) -> NDArray[Any]:
        if len(X) == 0:
            return empty
        if self._raises:
            return function(X)
        try:
            return function(X)
        except (TypeError, ValueError, OSError):
            return self._map_each(function, X, empty, rejected)

    def _map_each(
        self,
        function: Callable[[Any], NDArray[Any]],
        X: Sequence[Any],
        empty: NDArray[Any],
        rejected: object,
    ) -> NDArray[Any]:
        results = np.full((len(X), *empty.shape[1:]), rejected, empty.dtype)
        for i in range(len(X)):
            try:
                results[i : i + 1] = function(X[i : i + 1])
            except (TypeError, ValueError, OSError) as error:
                _log.error("%s", describe(error))
        return results
