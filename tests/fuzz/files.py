"""Files of inputs, for loaders that take a path."""

from __future__ import annotations

import os
import tempfile

_FOLDER = tempfile.TemporaryDirectory(prefix="ocrdigit-fuzz-")


def file_of(name: str, data: bytes) -> str:
    """Write the only file of this name, and return its path."""
    path = os.path.join(_FOLDER.name, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def contents(name: str) -> bytes:
    """Return what a file of the folder contains, which something else wrote."""
    with open(os.path.join(_FOLDER.name, name), "rb") as file:
        return file.read()


def path_of(name: str) -> str:
    """Return the path of a file in the folder."""
    return os.path.join(_FOLDER.name, name)
