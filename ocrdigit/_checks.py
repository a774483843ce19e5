"""Checks of single arguments; the errors name the argument and the value that was passed."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Iterable
from typing import Any

import numpy as np


def positive_int(name: str, value: object) -> int:
    """Return ``value`` as an int of at least 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a positive integer, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


def int_in_range(name: str, value: object, low: int, high: int) -> int:
    """Return ``value`` as an int in ``low``..``high``, both included."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer in {low}..{high}, got {value!r}")
    number = int(value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be an integer in {low}..{high}, got {value!r}")
    return number


def truth(name: str, value: object) -> bool:
    """Return the truth of ``value``, of any kind that has one: a bool, a number, None."""
    try:
        return bool(value)
    except Exception as error:  # of an array, or of what the object's own code raises
        raise TypeError(f"{name} must be True or False, got {type(value).__name__}") from error


def finite_number(name: str, value: object) -> float:
    """Return ``value`` as a finite float."""
    if isinstance(value, bool) or not isinstance(value, (float, int, numbers.Real)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def fraction(name: str, value: object) -> float:
    """``value`` as a float in 0..1."""
    number = finite_number(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be in 0..1, got {value!r}")
    return number


def number_pair(name: str, value: object) -> tuple[float, float]:
    """Return ``value`` as two finite floats."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{name} must be a pair of numbers, got {value!r}")
    if len(value) != 2:
        raise ValueError(f"{name} must be a pair of numbers, got {value!r}")
    return finite_number(name, value[0]), finite_number(name, value[1])


def positive_number(name: str, value: object) -> float:
    """Return ``value`` as a finite float above 0."""
    number = finite_number(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be above 0, got {value!r}")
    return number


def known(name: str, value: object, choices: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``choices``."""
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def generator(random_state: object, *stream: int) -> np.random.Generator:
    """Return the generator for a ``random_state``; a seed gives independent streams."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is None:
        return np.random.default_rng()
    if isinstance(random_state, bool) or not isinstance(random_state, numbers.Integral):
        raise TypeError(
            f"random_state must be None, an int or a numpy.random.Generator, got {random_state!r}"
        )
    if random_state < 0:
        raise ValueError(f"random_state must not be negative, got {random_state!r}")
    return np.random.default_rng([int(random_state), *stream])


def seed(random_state: Any) -> int:
    """Return a seed in 0..2**64 - 1 for the core's generators."""
    if random_state is None:
        return int.from_bytes(os.urandom(8), "little")
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, bool) or not isinstance(random_state, (int, np.integer)):
        raise TypeError(
            "random_state must be None, an integer, or a numpy Generator or RandomState, "
            f"got {random_state!r}"
        )
    if not 0 <= random_state < 2**64:
        raise ValueError(f"random_state must be in 0..2**64 - 1, got {random_state!r}")
    return int(random_state)
