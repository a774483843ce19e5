"""The alphabet of numbers: digits and separators."""

DIGITS = "0123456789"
SEPARATORS = ".,-+/:"
SYMBOLS = DIGITS + SEPARATORS


def only_symbols(text: str) -> str:
    """Return a text without other characters."""
    return "".join(character for character in text if character in SYMBOLS)


def only_digits(text: str) -> str:
    """Return the digits of a text."""
    return "".join(character for character in text if character in DIGITS)
