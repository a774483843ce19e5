"""The memory that decoding a file may take, see :mod:`ocrdigit.limits`."""

from __future__ import annotations

from . import limits

MEGABYTE = 1_000_000


class TooLargeError(ValueError):
    """An image or a document is beyond a limit of :mod:`ocrdigit.limits`."""


class Budget:
    """The memory that one file may take, and how much of it the pages that are kept take.

    Parameters
    ----------
    size : int
        The size of the file in bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.allowed = limits.MAX_BYTES + limits.EXPANSION * size
        self.kept = 0
        self.pages = 0

    def keep(self, need: int, what: str) -> None:
        """Note a page that is kept and takes so many bytes; raise TooLargeError after the last."""
        self.kept += need
        self.pages += 1
        if self.pages > limits.MAX_PAGES:
            raise TooLargeError(
                f"{what} has more than {limits.MAX_PAGES:,} pages, see ocrdigit.limits; pages= "
                "selects some"
            )

    def fits(self, need: float) -> bool:
        """Return whether so many bytes may be taken beside the pages that are kept."""
        return self.kept + need <= self.allowed

    def check(self, need: float, what: str) -> None:
        """Raise TooLargeError if so many bytes may not be taken to decode ``what``."""
        if self.fits(need):
            return
        kept = f", beside {self.kept / MEGABYTE:,.0f} MB of pages before it" if self.kept else ""
        raise TooLargeError(
            f"{what} is too large: it would take {need / MEGABYTE:,.0f} MB to decode{kept}; a file "
            f"of {self.size:,} bytes may take {self.allowed / MEGABYTE:,.0f} MB, see "
            "ocrdigit.limits" + ("; pages= selects some pages" if self.kept else "")
        )


def check_pixels(width: int, height: int, what: str) -> None:
    """Raise TooLargeError if an image has too many pixels."""
    if width * height > limits.MAX_PIXELS:
        raise TooLargeError(
            f"{what} is an image of {width} x {height} pixels; expected at most "
            f"{limits.MAX_PIXELS:,}, see ocrdigit.limits"
        )
