"""Reads handwritten digits; trains networks that do. The heavy work is plain C.

>>> import ocrdigit
>>> sample = ocrdigit.datasets.load_sample()
>>> ocrdigit.predict(sample.X_test[0])
0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

try:
    from ._core import __version__, get_num_threads, set_num_threads
except ModuleNotFoundError as error:
    if error.name != "ocrdigit._core":
        raise
    raise ModuleNotFoundError(
        "ocrdigit is imported from its sources, which are not built: start Python in another "
        "folder to use the installed package, or build in place with `pip install -e .`",
        name=error.name,
    ) from None

if TYPE_CHECKING:
    from . import datasets, evaluation, image, synth
    from ._config import show_config
    from ._predict import digit_score, predict, predict_proba, preprocess
    from .estimator import DigitClassifier, load
    from .explaining import Explanation, explain
    from .reading import Digit, Line, Reading, read, read_many

__all__ = [
    "Digit",
    "DigitClassifier",
    "Explanation",
    "Line",
    "Reading",
    "__version__",
    "datasets",
    "digit_score",
    "evaluation",
    "explain",
    "get_num_threads",
    "image",
    "load",
    "predict",
    "predict_proba",
    "preprocess",
    "read",
    "read_many",
    "set_num_threads",
    "show_config",
    "synth",
]

# Where each name comes from: imported on first use, so that `import ocrdigit` is cheap.
_HOME = {
    "Digit": "reading",
    "DigitClassifier": "estimator",
    "Explanation": "explaining",
    "Line": "reading",
    "Reading": "reading",
    "explain": "explaining",
    "digit_score": "_predict",
    "load": "estimator",
    "predict": "_predict",
    "predict_proba": "_predict",
    "preprocess": "_predict",
    "read": "reading",
    "read_many": "reading",
    "show_config": "_config",
}


def __getattr__(name: str) -> Any:
    if name in ("datasets", "evaluation", "image", "synth"):
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
