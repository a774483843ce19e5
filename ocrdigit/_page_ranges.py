"""Selection of the pages of a document: ``pages=`` of the functions and ``--pages``.

Text is for people and counts from 1, as a print dialog does: "1-3,7", "5-". Integers, ranges and
slices count from 0, as Python's sequences and ``Number.page`` do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

Pages: TypeAlias = "str | int | range | slice | Sequence[int]"

_RANGE = re.compile(r"\s*([0-9]{1,9})\s*(-\s*([0-9]{0,9})\s*)?", re.ASCII)
_ACCEPTED = (
    'pages must be text that counts from 1, such as "1-3,7" or "5-", or an int, a range, a slice '
    "or a list of int that count from 0"
)


def checked_pages(pages: Pages | None) -> Pages | None:
    """Return a selection of pages, or None, if it could be one of some document.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if pages is not None:
        _indices(pages, 1)
    return pages


def page_indices(pages: Pages, count: int, what: str) -> list[int]:
    """Return the indices of the selected pages of a document, from 0, in the document's order.

    Ranges and slices may reach beyond the last page; single pages must exist.

    Raises
    ------
    TypeError, ValueError
        If ``pages`` is no such selection, selects a page that does not exist, or none.
    """
    indices = sorted(set(_indices(pages, count)))
    wrong = [index for index in indices if not 0 <= index < count]
    if wrong:
        raise ValueError(f"pages={pages!r} selects page {wrong[-1] + 1} of {_pages(count, what)}")
    if not indices:
        raise ValueError(f"pages={pages!r} selects no page of {_pages(count, what)}")
    return indices


def _pages(count: int, what: str) -> str:
    return f"{what}, which has {count} page{'' if count == 1 else 's'}"


def _indices(pages: object, count: int) -> Sequence[int]:
    if isinstance(pages, str):
        return [index for part in pages.split(",") for index in _of_text(part, pages, count)]
    if isinstance(pages, (range, slice)):
        return _of_range(pages, count)
    numbers = [pages] if isinstance(pages, int) else pages
    if not isinstance(numbers, (list, tuple)) or not all(map(_is_index, numbers)):
        raise TypeError(f"{_ACCEPTED}; got {pages!r}")
    return [index + count if index < 0 else index for index in numbers]


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _of_text(part: str, pages: str, count: int) -> Sequence[int]:
    """Return the indices of a page or a range, such as 7, 1-3 or 5-."""
    match = _RANGE.fullmatch(part)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{_ACCEPTED}; got {pages!r}")
    first = int(match[1]) - 1
    if match[2] is None:
        return [first]
    last = int(match[3]) if match[3] else max(count, first + 1)
    if last <= first:
        raise ValueError(f"{_ACCEPTED}; got {pages!r}, whose range {part.strip()!r} is empty")
    return range(first, min(last, count))


def _of_range(pages: range | slice, count: int) -> Sequence[int]:
    if isinstance(pages, slice):
        try:
            return range(count)[pages]
        except (TypeError, ValueError) as error:
            raise TypeError(f"{_ACCEPTED}; got {pages!r}: {error}") from error
    first, last = (pages[0], pages[-1]) if pages else (0, 0)
    if min(first, last) < 0:
        raise ValueError(f"{_ACCEPTED}; got {pages!r}, with an index below 0")
    return [index for index in range(count) if index in pages]
