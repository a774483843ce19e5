"""Checks of numbers by their check digits, for ``ocrdigit.read(image, check=...)``."""

from __future__ import annotations

__all__ = ["luhn"]


def luhn(text: str) -> bool:
    """Whether the last digit is that of the Luhn algorithm (ISO/IEC 7812), as of payment cards.

    Parameters
    ----------
    text : str
        A number. Characters other than digits, such as spaces between groups, are skipped.

    Returns
    -------
    bool
        Whether the check digit is right; False for fewer than two digits.

    Raises
    ------
    TypeError
        If ``text`` is not a str.

    Examples
    --------
    >>> from ocrdigit import checks
    >>> checks.luhn("4539 1488 0343 6467"), checks.luhn("4539 1488 0343 6468")
    (True, False)
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {type(text).__name__}")
    digits = [int(character) for character in text if character in "0123456789"]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(digits) > 1 and (sum(digits[::-2]) + sum(doubled)) % 10 == 0
