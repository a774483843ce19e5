"""Objects that are made in one process and used by others, on this machine or another."""

from __future__ import annotations

import copy
import os
import uuid
from typing import Any, TypeVar

from .. import _core
from ..estimator import DigitClassifier

S = TypeVar("S", bound="Shipped")

_module_id = uuid.uuid4().hex  # processes in different containers may have the same number


class Shipped:
    """An object that sets the number of threads in the processes that receive it.

    Pickled, it is the parameters that it was made with.
    """

    def __init__(self, **parameters: Any) -> None:
        self._parameters = parameters
        self._prepare(**parameters)

    def _prepare(self, **parameters: Any) -> None:
        """Make what the methods use; in the process that receives the object, too."""
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        return _receive, (type(self), self._parameters, _core.__version__, _process_id())

    def __dask_tokenize__(self) -> Any:
        from dask.base import normalize_token

        parameters = {
            name: value.__getstate__() if isinstance(value, DigitClassifier) else value
            for name, value in self._parameters.items()
        }
        return normalize_token((type(self), _core.__version__, parameters))


def _process_id() -> tuple[str, int]:
    return _module_id, os.getpid()


def _receive(kind: type[S], parameters: dict[str, Any], version: str, sender: tuple[str, int]) -> S:
    """Return an object that was sent; called by pickle."""
    if version != _core.__version__:
        raise RuntimeError(
            f"this process has ocrdigit {_core.__version__}, and got a {kind.__name__} of ocrdigit "
            f"{version}: install the same version on all machines"
        )
    # The engine runs as many tasks as there are cores.
    if sender != _process_id() and "OCRDIGIT_NUM_THREADS" not in os.environ:
        _core.set_num_threads(1)
    shipped = kind.__new__(kind)
    Shipped.__init__(shipped, **parameters)
    return shipped


def model_to_ship(model: DigitClassifier | None) -> DigitClassifier | None:
    """Return a copy of a fitted model, without what predictions do not need.

    Training the model afterwards does not change the copy.
    """
    if model is None:
        return None
    if not isinstance(model, DigitClassifier):
        raise TypeError(f"model must be a DigitClassifier or None, got {model!r}")
    model._fitted()
    shipped = copy.copy(model)
    shipped.callbacks = shipped.n_jobs = None
    shipped._steady = None
    return shipped
