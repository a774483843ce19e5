"""Fuzz target: the compiler of patterns, with lengths and lexicons, and ranges of pages."""

from __future__ import annotations

import re

from ocrdigit._page_ranges import checked_pages, page_indices
from ocrdigit._patterns import compile_pattern, constraint

_PATTERNS = (
    r"\d+", r"\d{1,3}(\.\d{3})*,\d\d", r"[1-9]\d{3}-(0[1-9]|1[0-2])", r"(?:1|23?)+", r"^[^0]+$",
    r"\d\d?[:/]\d{2}", r"(?P<a>\d)+?", r"(a|b)", r"(?=1)", r"(\d)\1", r"[\d.,]{2,}", r"\d{999}",
    r"((((\d?)?)*)+){3}", r"(?i)\d", r"[+-]?\d{,4}",
)  # fmt: skip
_PAGES = ("1-3,5", "-2", "1,1", "99999999999999999999-", "0", "3-1", "")


def seeds() -> list[bytes]:
    """Return patterns with lengths and words, separated by lines, and ranges of pages."""
    found = [f"p\n{pattern}" for pattern in _PATTERNS]
    found += [f"p\n{pattern}\n2-4" for pattern in _PATTERNS[:3]]
    found += [f"p\n{pattern}\n\n123\n4.5\n" for pattern in _PATTERNS[:3]]
    return [text.encode() for text in found + [f"r\n{pages}" for pages in _PAGES]]


def run(data: bytes) -> None:
    kind, _, text = data.decode("utf-8", "replace").partition("\n")
    if kind == "r":
        pages = checked_pages(text)
        assert pages is not None
        page_indices(pages, 7, "a document")
        return
    pattern, _, rest = text.partition("\n")
    length, _, words = rest.partition("\n")
    numbers = [int(n[:30]) for n in re.findall(r"[0-9]+", length)]
    if pattern:
        automaton = compile_pattern(pattern)
        automaton.accepts("123")
    constraint(
        pattern or None,
        (tuple(numbers[:2]) if len(numbers) > 1 else numbers[0]) if numbers else None,  # type: ignore[arg-type]
        words.split("\n") if words else None,
    )
