"""A report of the installation and the machine."""

from __future__ import annotations

import os
import platform

import numpy as np

from . import _core
from ._predict import MODEL_PATH


def show_config() -> None:
    """Print the version, the active instruction set, the number of threads and the model.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.show_config()  # doctest: +SKIP
    """
    size = (
        f"{os.path.getsize(MODEL_PATH) / 1024:,.0f} KB" if os.path.exists(MODEL_PATH) else "missing"
    )
    features = ", ".join(_core.cpu_features()) or "no supported extensions"
    rows = {
        "ocrdigit": _core.__version__,
        "python": f"{platform.python_version()}, numpy {np.__version__}",
        "system": f"{platform.system()} {platform.machine()}",
        "instruction set": f"{_core.instruction_set()} (the processor has {features})",
        "threads": str(_core.get_num_threads()),
        "model": f"{MODEL_PATH} ({size})",
    }
    for name, value in rows.items():
        print(f"{name:16} {value}")
