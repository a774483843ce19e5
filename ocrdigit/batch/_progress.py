"""The progress bar of a batch: rate, errors and time left."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from ..progress import in_notebook
from ._summary import Summary


class Progress:
    """A bar on standard error, in terminals and notebooks only, not in log files."""

    def __init__(self, total: int | None, *, shown: bool) -> None:
        self._bar: Any = None
        notebook = in_notebook()
        if shown and (notebook or sys.stderr.isatty()):
            widgets = notebook and importlib.util.find_spec("ipywidgets")
            module = importlib.import_module("tqdm.auto" if widgets else "tqdm")
            self._bar = module.tqdm(total=total, desc="reading", unit="file", dynamic_ncols=True)

    def skip(self, count: int) -> None:
        """Begin after sources that were read before, which do not count for the rate."""
        if self._bar is not None:
            self._bar.initial = self._bar.n = count
            self._bar.refresh()

    def update(self, summary: Summary) -> None:
        """Show that another source was read."""
        if self._bar is not None:
            if summary.failed:
                self._bar.set_postfix_str(f"{summary.failed:,} failed", refresh=False)
            self._bar.update()

    def close(self) -> None:
        """End the line of the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
