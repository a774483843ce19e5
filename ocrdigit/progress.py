"""The display of training: a progress bar, and one line for each epoch."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._core import Progress

# Fits into 80 columns, with a few of them for the bar.
_BAR = "{desc} {percentage:3.0f}%|{bar}| {remaining}{postfix}"


class TrainingDisplay:
    """The display of training on ``images`` images; its methods are callbacks of the trainer.

    The bar is drawn in terminals and notebooks only, not in log files. Output is written to
    standard error, or to standard output in a notebook.
    """

    def __init__(self, images: int, batch_size: int) -> None:
        self._images = images
        self._batch_size = batch_size
        self._notebook = in_notebook()
        self._animated = self._notebook or sys.stderr.isatty()
        self._bar: Any = None
        self._rate = 0.0

    def on_step(self, progress: Progress) -> None:
        """Update the bar."""
        done = min(progress["step"] * self._batch_size, self._images)
        self._rate = done / max(progress["seconds"], 1e-9)
        if not self._animated:
            return
        if self._bar is None:
            self._bar = self._new_bar(progress)
        self._bar.set_postfix_str(
            f"{self._rate:,.0f} images/s  {_figures(progress)}", refresh=False
        )
        self._bar.update(done - self._bar.n)

    def on_epoch(self, progress: Progress) -> None:
        """Replace the bar by the epoch's line."""
        rate = self._rate or self._images / max(progress["seconds"], 1e-9)
        line = (
            f"{_title(progress)}  {progress['seconds']:6.1f} s  {rate:7,.0f} images/s  "
            f"{_figures(progress)}"
        )
        self.close()
        stream = sys.stdout if self._notebook else sys.stderr
        stream.write(line + "\n")  # in one call, so that Ctrl-C cannot split it
        stream.flush()

    def close(self) -> None:
        """Remove the bar and leave the cursor at the start of an empty line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._rate = 0.0

    def _new_bar(self, progress: Progress) -> Any:
        widgets = self._notebook and importlib.util.find_spec("ipywidgets")
        module = importlib.import_module("tqdm.auto" if widgets else "tqdm")
        return module.tqdm(
            total=self._images,
            desc=_title(progress),
            bar_format=_BAR,
            # Room for the terminal's ^C, which would otherwise wrap the line.
            ncols=None if widgets else shutil.get_terminal_size().columns - 4,
            miniters=1,
            leave=False,
        )


def in_notebook() -> bool:
    """Return whether this process is a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _title(progress: Progress) -> str:
    width = len(str(progress["epochs"]))
    return f"epoch {progress['epoch'] + 1:{width}}/{progress['epochs']}"


def _figures(progress: Progress) -> str:
    figures = f"loss {progress['loss']:.4f}, accuracy {progress['accuracy']:.4f}"
    if progress["val_loss"] is not None:
        figures += (
            f", val_loss {progress['val_loss']:.4f}, val_accuracy {progress['val_accuracy']:.4f}"
        )
    return figures
