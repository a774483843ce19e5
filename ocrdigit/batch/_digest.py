"""Digests of what decides the rows of a table, so that a resumed run can compare them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..estimator import DigitClassifier


def digest(data: bytes | bytearray) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of some bytes.

    Parameters
    ----------
    data : bytes or bytearray
        The bytes.

    Returns
    -------
    str
        16 characters, for the ``settings`` of a :class:`Job`.

    Examples
    --------
    >>> from ocrdigit import batch
    >>> batch.digest(b"abc")
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(data).hexdigest()[:16]


def digest_of_model(model: DigitClassifier) -> str:
    """Return the digest of what decides the answers of a fitted model.

    Parameters
    ----------
    model : DigitClassifier
        A fitted classifier.

    Returns
    -------
    str
        16 hexadecimal digits: of its layers, parameters, temperature and weights.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.batch.digest_of_model(ocrdigit.load("tiny")) == (
    ...     ocrdigit.batch.digest_of_model(ocrdigit.load("seed"))
    ... )
    False
    """
    network = model.network_
    described = repr((network.layers, model.get_params(), model._temperature))
    weights = b"".join(values.tobytes() for values in network.weights().values())
    return digest(described.encode() + weights)


def name_of(check: Callable[..., Any]) -> str:
    """Return the name of a function, with the digest of its code if it is written in Python.

    Parameters
    ----------
    check : callable
        A function, a method or an object that can be called.

    Returns
    -------
    str
        Another one if the code is another one.

    Examples
    --------
    >>> from ocrdigit import batch
    >>> batch.name_of(len)
    'builtins.len'
    """
    name = f"{check.__module__}.{getattr(check, '__qualname__', type(check).__qualname__)}"
    code = getattr(check, "__code__", None)
    if code is None:
        return name
    constants = [value for value in code.co_consts if isinstance(value, (int, float, str, bytes))]
    return f"{name} {digest(code.co_code + repr((code.co_names, constants)).encode())}"
