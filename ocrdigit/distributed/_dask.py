"""What predictions and readings over Dask's collections share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._shipped import Shipped

if TYPE_CHECKING:
    from dask.delayed import Delayed


def is_collection(X: object, kind: str) -> bool:
    """Return whether ``X`` is a dask "array", "dataframe", "series" or "bag".

    Raises
    ------
    ModuleNotFoundError
        If Dask is not installed.
    """
    try:
        from dask.bag import Bag
        from dask.base import is_dask_collection
        from dask.utils import is_arraylike, is_dataframe_like, is_series_like
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "ocrdigit.distributed needs Dask: pip install 'ocrdigit[dask]'", name="dask"
        ) from error
    if kind == "bag" or not is_dask_collection(X):
        return kind == "bag" and isinstance(X, Bag)
    tests = {"array": is_arraylike, "dataframe": is_dataframe_like, "series": is_series_like}
    return bool(tests[kind](X))


def ship(shipped: Shipped) -> Delayed:
    """Return an object as a task of its own, so that each worker gets it once.

    As an argument, or in the function of tasks, it would be sent with each of them.
    """
    from dask.base import tokenize
    from dask.delayed import delayed

    name = f"ocrdigit-{type(shipped).__name__.lower()}-{tokenize(shipped)}"
    return delayed(shipped, name=name, traverse=False)


def kind_of(X: Any) -> str:
    """Return the type of an object, for messages."""
    return f"{type(X).__module__.split('.')[0]}'s {type(X).__name__}"
