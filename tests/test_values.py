"""Values of numbers as they are written."""

from __future__ import annotations

import doctest
import itertools
from decimal import Decimal

import pytest

from ocrdigit import _values
from ocrdigit._values import value_of


def decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@pytest.mark.parametrize(
    ("text", "auto", "point", "comma"),
    [
        ("7", "7", "7", "7"),
        ("007", "7", "7", "7"),
        ("-350", "-350", "-350", "-350"),
        ("+5", "5", "5", "5"),
        ("- 5", "-5", "-5", "-5"),
        ("12.50", "12.50", "12.50", None),
        ("3,75", "3.75", None, "3.75"),
        ("-0,5", "-0.5", None, "-0.5"),
        (".5", "0.5", "0.5", None),
        ("5.", "5", "5", None),
        ("1.2345", "1.2345", "1.2345", None),
        # Groups of three, by one kind of separator.
        ("1,250.50", "1250.50", "1250.50", None),
        ("1.250,50", "1250.50", None, "1250.50"),
        ("1,234,567", "1234567", "1234567", None),
        ("12.345.678", "12345678", None, "12345678"),
        ("1.234.567,8", "1234567.8", None, "1234567.8"),
        ("1 250", "1250", "1250", "1250"),
        ("1 250 000,5", "1250000.5", None, "1250000.5"),
        ("1 250.500", "1250.500", "1250.500", None),
        ("1,234 567", None, None, None),
        ("1,23,456", None, None, None),
        ("1234,567.8", None, None, None),
        ("3 75", None, None, None),
        ("4400 1234 5678", None, None, None),
        # Three digits after one separator, and one to three before.
        ("1.250", None, "1.250", "1250"),
        ("1,250", None, "1250", "1.250"),
        ("-999,000", None, "-999000", "-999.000"),
        ("0.125", "0.125", "0.125", "125"),
        (".125", "0.125", "0.125", None),
        ("1234.567", "1234.567", "1234.567", None),
        ("1,25", "1.25", None, "1.25"),
        # A dash for the decimals.
        ("12.-", "12", "12", "12"),
        ("12,-", "12", "12", "12"),
        ("12-", "12", "12", "12"),
        ("-12 -", "-12", "-12", "-12"),
        ("1.250,-", "1250", None, "1250"),
        ("1,250.-", "1250", "1250", None),
        ("1,250-", "1250", "1250", None),
        ("12.50-", None, None, None),
    ],
)
def test_numbers(text: str, auto: str | None, point: str | None, comma: str | None) -> None:
    found = [value_of(text, separator) for separator in ("auto", ".", ",")]
    assert found == [decimal(auto), decimal(point), decimal(comma)]


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", ",", "-", "+", "--", ".-", "+-5", "5+", "1-2", "-5--", "5.-.", ".,", ",.5"),
        *("12/03/2024", "12.03.2024", "2024-03-12", "12:30", "0712-345-678", "1/2", "1..2"),
        *("1.2,3.4", "x", "1e5", "Infinity", "NaN", "1_000", "\u0663", "1\n2", "1  250", "1'250"),
    ],
)  # fmt: skip
def test_other_texts(text: str) -> None:
    assert [value_of(text, separator) for separator in ("auto", ".", ",")] == [None] * 3


def test_plain_decimals_keep_their_digits() -> None:
    assert str(value_of("12.50")) == "12.50"
    long = "9" * 5000
    assert value_of(long) == Decimal(long)


def test_any_text_of_the_alphabet() -> None:
    """No text raises, and values agree with those of the texts without groups."""
    for length in range(1, 6):
        for symbols in itertools.product("05.,-+ /", repeat=length):
            text = "".join(symbols)
            for separator, group in (".,", ",."):
                value = value_of(text, separator)
                if value is not None and not text.strip().endswith("-"):
                    plain = text.replace(" ", "").replace(group, "").replace(separator, ".")
                    assert value == Decimal(plain), text
            auto = value_of(text)
            assert auto in (None, value_of(text, "."), value_of(text, ",")), text


@pytest.mark.parametrize(
    ("wrong", "error"), [("", ValueError), (";", ValueError), (None, TypeError)]
)
def test_decimal_is_checked(wrong: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"decimal must be one of 'auto', '\.', ',', got"):
        _values.checked_decimal(wrong)  # type: ignore[arg-type]


def test_docstring_examples() -> None:
    results = doctest.testmod(_values)
    assert results.attempted
    assert not results.failed
