"""How a batch went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ._job import STATUSES, Status


@dataclass
class Summary:
    """How many sources a batch has read, and how many results have which status.

    Attributes
    ----------
    sources : int
        Files, or pictures in memory, those of an interrupted run that was resumed included.
    counts : dict of str to int
        Results, such as pages, by status.
    seconds : float
        Duration of this run.
    resumed : int
        Sources that an interrupted run has read.
    """

    sources: int = 0
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(STATUSES, 0))
    seconds: float = 0.0
    resumed: int = 0

    @property
    def failed(self) -> int:
        """The number of results with an error."""
        return self.counts["failed"]

    def add(self, statuses: Iterable[Status]) -> None:
        """Count a source.

        Parameters
        ----------
        statuses : iterable of str
            Those of its results.
        """
        self.sources += 1
        for status in statuses:
            self.counts[status] += 1

    def resume(self, sources: int, counts: Mapping[str, int]) -> None:
        """Count what an interrupted run has read.

        Parameters
        ----------
        sources : int
            Number of sources.
        counts : dict of str to int
            Number of their results by status.
        """
        self.sources = self.resumed = sources
        self.counts = {status: counts.get(status, 0) for status in STATUSES}

    def __str__(self) -> str:
        new = self.sources - self.resumed
        rate = f" ({new / self.seconds:,.0f}/s)" if self.seconds > 0 and new else ""
        before = f", {self.resumed:,} of them before" if self.resumed else ""
        counts = ", ".join(f"{count:,} {status}" for status, count in self.counts.items() if count)
        return (
            f"{self.sources:,} sources{before}, in {self.seconds:,.1f} s{rate}: "
            f"{counts or 'no results'}"
        )
