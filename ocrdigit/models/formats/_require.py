"""Import of the packages of optional extras."""

from __future__ import annotations

import importlib
from typing import Any


def require(package: str, extra: str) -> Any:
    """Import and return a package of an optional extra.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; the message has the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.split(".")[0]:
            raise
        raise ModuleNotFoundError(
            f"this format needs the package {package}: pip install 'ocrdigit[{extra}]'",
            name=error.name,
        ) from None
