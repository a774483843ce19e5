"""How long the stages of a reading took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Timings"]


@dataclass(frozen=True)
class Timings:
    """Seconds that reading an image took, by stage.

    Attributes
    ----------
    decode : float
        Reading and decoding the file, conversion to gray.
    segment : float
        Layout analysis: foreground, number detector, text lines, segments.
    recognize : float
        Line images, the line recognizer and CTC decoding.
    classify : float
        Crops of digits, the digit classifier and score fusion.
    total : float
        All of it, and what is left: results as Python objects, rows.
    """

    decode: float
    segment: float
    recognize: float
    classify: float
    total: float

    @classmethod
    def of_page(cls, decode: float, stages: Mapping[str, float], rest: float) -> Timings:
        """Return the timings of a page from its stages in the core and the seconds around them.

        Parameters
        ----------
        decode : float
            Seconds of decoding.
        stages : dict of str to float
            Seconds of "segment", "recognize" and "classify"; 0 for those that are not in it.
        rest : float
            Seconds of everything but decoding.

        Returns
        -------
        Timings
            Those of the page.
        """
        segment, recognize, classify = (
            stages.get(name, 0.0) for name in ("segment", "recognize", "classify")
        )
        return cls(decode, segment, recognize, classify, decode + rest)

    @classmethod
    def sum(cls, pages: Iterable[Timings]) -> Timings:
        """Return the timings of several pages together.

        Parameters
        ----------
        pages : iterable of Timings
            One for each page.

        Returns
        -------
        Timings
            Their sums.
        """
        columns = zip(
            *((p.decode, p.segment, p.recognize, p.classify, p.total) for p in pages), strict=True
        )
        return cls(*map(sum, columns))
