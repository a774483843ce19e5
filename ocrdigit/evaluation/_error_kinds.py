"""Kinds of errors in the reading of a field."""

from __future__ import annotations

from collections.abc import Sequence

from ._alignment import Pair

NOTHING, MISSING, EXTRA = "nothing read", "missing digit", "extra digit"
SUBSTITUTED, SEPARATORS, SEVERAL = "substituted digit", "separators only", "several errors"

KINDS = (NOTHING, MISSING, EXTRA, SUBSTITUTED, SEPARATORS, SEVERAL)

_DIGITS = frozenset("0123456789")


def kind_of_error(pairs: Sequence[Pair]) -> str | None:
    """Return the kind of error of an aligned reading, one of KINDS; None if it is right.

    If all digits are right, separators and spaces are wrong. A single error is a digit that is
    missing (also if a separator was read for it), an extra one (also if it was read for a
    separator), or one that was read as another. More are several errors.

    Examples
    --------
    >>> from ocrdigit.evaluation._alignment import align
    >>> kind_of_error(align("12.50", "1250"))
    'separators only'
    >>> kind_of_error(align("12/03", "12103"))
    'extra digit'
    """
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    if not wrong:
        return None
    if not any(read for _, read in pairs):
        return NOTHING
    if _digits(pairs, 0) == _digits(pairs, 1):
        return SEPARATORS
    if len(wrong) > 1:
        return SEVERAL
    true, read = wrong[0]
    if read not in _DIGITS:
        return MISSING
    return SUBSTITUTED if true in _DIGITS else EXTRA


def _digits(pairs: Sequence[Pair], side: int) -> list[str]:
    return [pair[side] for pair in pairs if pair[side] in _DIGITS]
