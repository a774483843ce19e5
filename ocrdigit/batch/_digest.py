"""Digests of what decides the rows of a table, so that a resumed run can compare them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..estimator import DigitClassifier


def digest(data: bytes) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def digest_of_model(model: DigitClassifier) -> str:
    """Return the digest of the weights of a fitted model."""
    return digest(b"".join(values.tobytes() for values in model.network_.weights().values()))
