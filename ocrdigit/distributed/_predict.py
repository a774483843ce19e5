"""Predictions over Dask's arrays, dataframes, series and bags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..estimator import DigitClassifier
from ..models._classes import DIGITS
from ._dask import is_collection, kind_of, ship
from ._scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd

_PIXELS = 784
_SHAPES = ((28, 28), (28, 28, 1), (1, 28, 28), (_PIXELS,))
_COLUMNS = [str(digit) for digit in range(DIGITS)]

_Method = Callable[[Scorer, Any], Any]


def predict(
    X: Any,
    *,
    reject: float | None = None,
    model: DigitClassifier | None = None,
    on_error: str = "raise",
) -> Any:
    """Predict the digit in each image of a dask collection; lazily, nothing is computed.

    Parameters
    ----------
    X : dask array, dataframe, series or bag
        An array (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or (n, 784), whose chunks may have any
        sizes and n be unknown; a dataframe with the 784 columns of the pixels, or with one column
        of images; or a series or bag of images, such as paths or bytes of files. Each chunk or
        partition is a batch as for :func:`ocrdigit.predict`, and may be empty.
    reject : float, optional
        0..1. Images of lower confidence are -1, as for :func:`ocrdigit.predict`.
    model : DigitClassifier, optional
        The classifier, which is copied to each worker once; by default that of
        :func:`ocrdigit.predict`, which each worker loads from its own package.
    on_error : {"raise", "reject"}
        Whether the task of an image that cannot be read fails, or its digit is -1. The error is
        logged by the logger "ocrdigit" of the worker then.

    Returns
    -------
    dask array (n,) of int64, series "digit" of int64, or bag of int
        With the chunks, or with the partitions, divisions and index, of ``X``. Of str if the model
        was trained on labels of str.

    Raises
    ------
    TypeError
        ``X`` is no dask collection, or does not hold numbers; or a parameter is of a wrong type.
    ValueError
        ``X`` has another shape or number of columns, or a parameter is invalid.
    NotFittedError
        The model is not fitted.
    ModuleNotFoundError
        If Dask is not installed.

    Examples
    --------
    >>> import dask.array as da
    >>> import ocrdigit
    >>> from ocrdigit import distributed
    >>> sample = ocrdigit.datasets.load_sample()
    >>> digits = distributed.predict(da.from_array(sample.X_test[:100], chunks=(50, 28, 28)))
    >>> digits.chunks, digits.dtype
    (((50, 50),), dtype('int64'))
    >>> digits.compute()[:4]
    array([0, 1, 2, 3])
    """
    scorer = Scorer(model, reject=reject, on_error=on_error)
    if is_collection(X, "array"):
        return _map_array(Scorer.predict, X, scorer, np.empty(0, scorer.dtype))
    if is_collection(X, "bag"):
        return X.map_partitions(_digits_of_list, ship(scorer), token="predict")
    return _map_frame(_digits_of_frame, X, scorer)


def predict_proba(X: Any, *, model: DigitClassifier | None = None, on_error: str = "raise") -> Any:
    """Predict the probabilities of the ten digits for each image of a dask collection; lazily.

    Parameters
    ----------
    X : dask array, dataframe, series or bag
        As for :func:`predict`, which lists the errors.
    model : DigitClassifier, optional
        As for :func:`predict`.
    on_error : {"raise", "reject"}
        Whether the task of an image that cannot be read fails, or its probabilities are NaN.

    Returns
    -------
    dask array (n, 10), dataframe with the columns "0" to "9", or bag of arrays (10,); of float32
        0..1, each row with sum 1.

    Examples
    --------
    >>> import dask.array as da
    >>> import ocrdigit
    >>> from ocrdigit import distributed
    >>> sample = ocrdigit.datasets.load_sample()
    >>> images = da.from_array(sample.X_test[:100].reshape(100, 784), chunks=(50, 784))
    >>> distributed.predict_proba(images).compute().argmax(axis=1)[:4]
    array([0, 1, 2, 3])
    """
    scorer = Scorer(model, on_error=on_error)
    if is_collection(X, "array"):
        return _map_array(Scorer.predict_proba, X, scorer, np.empty((0, DIGITS), np.float32))
    if is_collection(X, "bag"):
        return X.map_partitions(_probabilities_of_list, ship(scorer), token="predict-proba")
    return _map_frame(_probabilities_of_frame, X, scorer)


def _map_array(method: _Method, X: Any, scorer: Scorer, meta: Any) -> Any:
    import dask.array as da

    if X.shape[1:] not in _SHAPES:
        raise ValueError(
            f"X has shape {X.shape}; expected (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or "
            "(n, 784)"
        )
    if X.dtype.kind not in "buif":
        raise TypeError(f"X must hold numbers or booleans, got dtype {X.dtype}")
    within = range(1, X.ndim)
    return da.map_blocks(
        method,
        ship(scorer),
        X.rechunk(dict.fromkeys(within, -1)),  # whole images
        drop_axis=list(within),
        new_axis=list(range(1, meta.ndim)),
        chunks=(X.chunks[0], *((length,) for length in meta.shape[1:])),
        dtype=meta.dtype,
        meta=meta,
        name=None,
        token=method.__name__.replace("_", "-"),
    )


def _map_frame(function: Callable[[Any, Scorer], Any], X: Any, scorer: Scorer) -> Any:
    if not is_collection(X, "series"):
        if not is_collection(X, "dataframe"):
            raise TypeError(
                f"X must be a dask array, dataframe, series or bag, got {kind_of(X)}; "
                "ocrdigit.predict takes those of other libraries"
            )
        if len(X.columns) not in (1, _PIXELS):
            raise ValueError(
                f"X has {len(X.columns)} columns; expected the 784 of the pixels, without labels, "
                "or one of images, such as paths"
            )
    meta = function(X._meta, scorer)
    return X.map_partitions(function, ship(scorer), meta=meta)


def _digits_of_list(images: Iterable[Any], scorer: Scorer) -> list[Any]:
    return list(scorer.predict(list(images)).tolist())


def _probabilities_of_list(images: Iterable[Any], scorer: Scorer) -> list[Any]:
    return list(scorer.predict_proba(list(images)))


def _digits_of_frame(frame: Any, scorer: Scorer) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(scorer.predict(_images_of(frame)), frame.index, name="digit")


def _probabilities_of_frame(frame: Any, scorer: Scorer) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(scorer.predict_proba(_images_of(frame)), frame.index, _COLUMNS)


def _images_of(frame: Any) -> Any:
    """Return a dataframe of pixels as an array (n, 784), a series or column as a list."""
    if frame.ndim == 2 and frame.shape[1] == _PIXELS:
        return np.ascontiguousarray(frame.to_numpy())
    return list(frame if frame.ndim == 1 else frame.iloc[:, 0])
