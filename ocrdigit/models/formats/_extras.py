"""Packages that only some formats want, and what to say where one is missing."""

from __future__ import annotations

import importlib
from typing import Any


def require(package: str, extra: str) -> Any:
    """Import a package of an optional extra.

    Raises
    ------
    ModuleNotFoundError
        It is not installed; the sentence says how to get it.
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
