"""Copies of a file with bytes that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np


def check_damaged_copies(path: str, load: Callable[[str], object], count: int = 100) -> None:
    """Overwrite a file with copies that have up to 49 random bytes, and load each.

    A copy loads, or its ValueError begins with the file's name.
    """
    whole = Path(path).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(count):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), random.integers(1, 50)):
            damaged[place] = random.integers(256)
        Path(path).write_bytes(damaged)
        message = f"{path}: "
        try:
            load(path)
        except ValueError as error:
            message = str(error)
        assert message.startswith(f"{path}: ")
