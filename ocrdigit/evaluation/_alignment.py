"""Alignment of a text with its reading, for the character error rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pair = tuple[str, str]


class Edits(NamedTuple):
    """The differences between true texts and their readings, counted over all texts.

    Attributes
    ----------
    characters : int
        Number of characters of the true texts.
    substitutions, insertions, deletions : int
        Number of characters that were read as others, that were read but are not in the true
        texts, and that are in the true texts but were not read.
    """

    characters: int
    substitutions: int
    insertions: int
    deletions: int

    @property
    def distance(self) -> int:
        """The sum of substitutions, insertions and deletions: the Levenshtein distance."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """The character error rate: the distance by the number of characters; NaN without any."""
        return self.distance / self.characters if self.characters else float("nan")


def align(truth: str, text: str) -> list[Pair]:
    """Return the characters of a true text with those that were read for them.

    Parameters
    ----------
    truth, text : str
        The true text and the reading.

    Returns
    -------
    list of (str, str)
        Each true character and the one read for it, in order; the first is "" for an insertion,
        the second "" for a deletion. Of the alignments with the fewest edits it is one with the
        most substitutions.

    Examples
    --------
    >>> align("1874", "184")
    [('1', '1'), ('8', '8'), ('7', ''), ('4', '4')]
    """
    if truth == text:
        return list(zip(truth, text, strict=True))
    return list(_backtrace(truth, text, _costs(truth, text)))[::-1]


def count_edits(pairs: Iterable[Pair]) -> Edits:
    """Return the edits of aligned texts, of one or of several in a row."""
    characters = substitutions = insertions = deletions = 0
    for true, read in pairs:
        characters += true != ""
        insertions += true == ""
        deletions += read == ""
        substitutions += "" != true != read != ""
    return Edits(characters, substitutions, insertions, deletions)


def _weights(truth: str, text: str) -> tuple[int, int]:
    """Return the costs of a substitution, and of an insertion or a deletion.

    An edit costs more than what all insertions and deletions cost more than substitutions, so that
    the lowest cost is that of the fewest edits, and among them of the fewest insertions.
    """
    edit = len(truth) + len(text) + 1
    return edit, edit + 1


def _costs(truth: str, text: str) -> NDArray[np.int64]:
    """Return the lowest cost (m + 1, n + 1) of aligning each prefix with each prefix."""
    substitution, gap = _weights(truth, text)
    read = np.array([*text], dtype="U1")
    steps = gap * np.arange(len(text) + 1)
    costs = np.empty((len(truth) + 1, len(text) + 1), np.int64)
    costs[0] = steps
    for row, true in enumerate(truth, 1):
        above = costs[row - 1]
        best = above + gap
        best[1:] = np.minimum(best[1:], above[:-1] + substitution * (read != true))
        # Insertions: the minimum over all places to the left of the cost there and the steps since.
        costs[row] = np.minimum.accumulate(best - steps) + steps
    return costs


def _backtrace(truth: str, text: str, costs: NDArray[np.int64]) -> Iterator[Pair]:
    """Yield the pairs of an alignment with the lowest cost from the last to the first."""
    substitution, gap = _weights(truth, text)
    row, column = len(truth), len(text)
    while row or column:
        cost = costs[row, column]
        if row and column:
            pair = truth[row - 1], text[column - 1]
            if cost == costs[row - 1, column - 1] + substitution * (pair[0] != pair[1]):
                yield pair
                row, column = row - 1, column - 1
                continue
        if row and cost == costs[row - 1, column] + gap:
            yield truth[row - 1], ""
            row -= 1
        else:
            yield "", text[column - 1]
            column -= 1
