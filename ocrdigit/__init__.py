"""Handwritten digit recognition and training; the heavy work is done in C.

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
        "ocrdigit was imported from its source folder, where the C extension is not built: start "
        "Python in another folder to use the installed package, or run `pip install -e .`",
        name=error.name,
    ) from None

if TYPE_CHECKING:
    from . import (
        architectures,
        augmentations,
        batch,
        checks,
        datasets,
        distributed,
        evaluation,
        forms,
        image,
        limits,
        models,
        recipes,
        synth,
    )
    from . import plotting as plotting
    from ._config import show_config
    from ._predict import digit_score, explain, predict, predict_proba, preprocess
    from .estimator import DigitClassifier, load
    from .explaining import Explanation
    from .forms import Form, FormField, FormReading
    from .many import PageResult, read_many
    from .reading import Alternative, Digit, Number, Reading, Separator, read
    from .table import Cell, Table, read_table

__all__ = [
    "Alternative",
    "Cell",
    "Digit",
    "DigitClassifier",
    "Explanation",
    "Form",
    "FormField",
    "FormReading",
    "Number",
    "PageResult",
    "Reading",
    "Separator",
    "Table",
    "__version__",
    "architectures",
    "augmentations",
    "batch",
    "checks",
    "datasets",
    "digit_score",
    "distributed",
    "evaluation",
    "explain",
    "forms",
    "get_num_threads",
    "image",
    "limits",
    "load",
    "models",
    "predict",
    "predict_proba",
    "preprocess",
    "read",
    "read_many",
    "read_table",
    "recipes",
    "set_num_threads",
    "show_config",
    "synth",
]  # plotting is public as well, but `from ocrdigit import *` must not need matplotlib

# The public submodules, and the module of each public name. They are imported on first use, so
# that `import ocrdigit` takes about a millisecond more than `import numpy`.
_SUBMODULES = frozenset(
    [
        "architectures",
        "augmentations",
        "batch",
        "checks",
        "datasets",
        "distributed",
        "evaluation",
        "forms",
        "image",
        "limits",
        "models",
        "plotting",
        "recipes",
        "synth",
    ]
)
_MODULE_OF = {
    "Alternative": "reading",
    "Cell": "table",
    "Digit": "reading",
    "DigitClassifier": "estimator",
    "Explanation": "explaining",
    "Form": "forms",
    "FormField": "forms",
    "FormReading": "forms",
    "Number": "reading",
    "PageResult": "many",
    "Reading": "reading",
    "Separator": "reading",
    "Table": "table",
    "digit_score": "_predict",
    "explain": "_predict",
    "load": "estimator",
    "predict": "_predict",
    "predict_proba": "_predict",
    "preprocess": "_predict",
    "read": "reading",
    "read_many": "many",
    "read_table": "table",
    "show_config": "_config",
}


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES})
