"""Values of numbers as they are written: signs, groups of digits, decimals."""

from __future__ import annotations

import re
from decimal import Decimal

from . import _checks

__all__ = ["DECIMALS", "checked_decimal", "value_of"]

DECIMALS = ("auto", ".", ",")

# Digits, alone or in groups of three, and decimals, with the separators {group} and {decimal}.
_NUMBER = r"([+-]?) ?(\d+|\d{{1,3}}(?:{group}\d{{3}})+|(?={decimal}\d))(?:{decimal}(\d*))?"
# What amounts without decimals end with: a dash, alone or after the decimal separator.
_NO_DECIMALS = re.compile(r"(?<=\d) ?([.,]?)-$")
_DIGITS = frozenset("0123456789")


def checked_decimal(decimal: str) -> str:
    """Return ``decimal`` if it is one of DECIMALS."""
    return _checks.known("decimal", decimal, DECIMALS)


def value_of(text: str, decimal: str = "auto") -> Decimal | None:
    """Return the value of a written number; None if the text is no number.

    A number is an optional sign, digits, and optional decimals. Its digits may be in groups of
    three, with a space or the separator that is not the decimal one between them. A dash at the
    end, as in ``12.-``, says that there are no decimals.

    With ``decimal="auto"`` the decimal separator is the last of the two if a text has both, and the
    only one if it occurs once; one that occurs several times separates groups. A text such as
    ``1.250`` is ambiguous, with one separator after one to three digits, the first of which is not
    0, and before exactly three: it is None, because a value that is wrong by a factor of a thousand
    is worse than none. ``decimal="."`` makes it 1.250, ``decimal=","`` makes it 1250.

    Examples
    --------
    >>> value_of("-1,250.5"), value_of("1.250"), value_of("1.250", ","), value_of("31/12/2024")
    (Decimal('-1250.5'), None, Decimal('1250'), None)
    """
    text = text.strip()
    if not set(text) <= _DIGITS | set("+-., "):
        return None
    ending = _NO_DECIMALS.search(text)
    if ending:
        text = text[: ending.start()]
    if decimal == "auto":
        found = _decimal_before_dash(text, ending[1]) if ending else _decimal_of(text)
        if found is None:
            return None
        decimal = found
    for group in (" ", "." if decimal == "," else ","):
        pattern = _NUMBER.format(group=re.escape(group), decimal=re.escape(decimal))
        match = re.fullmatch(pattern, text)
        if match:
            sign, whole, decimals = match.groups()
            if ending and decimals is not None:
                return None
            whole = whole.replace(group, "") or "0"
            return Decimal(f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}")
    return None


def _decimal_before_dash(text: str, separator: str) -> str:
    """Return the decimal separator of a text without decimals, whose others separate groups."""
    return separator or ("," if "." in text else ".")


def _decimal_of(text: str) -> str | None:
    """Return the decimal separator of a text; None if it is ambiguous."""
    counts = {separator: text.count(separator) for separator in ".,"}
    if all(counts.values()):
        return max(".,", key=text.rindex)
    for separator, other in (".,", ",."):
        if counts[separator] > 1:
            return other
        if counts[separator]:
            before, after = text.lstrip("+- ").split(separator)
            is_group = re.fullmatch(r"[1-9]\d{0,2}", before) and re.fullmatch(r"\d{3}", after)
            return None if is_group else separator
    return "."
