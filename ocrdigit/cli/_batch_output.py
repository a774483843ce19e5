"""Tables that commands write as results come, with a progress bar and log messages."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from ..batch import Batch

RESUME = click.option("--resume", is_flag=True, help="Continue the run that was writing --out.")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace --out if it exists.")
JOBS = click.option(
    "--jobs", type=click.IntRange(1), help="Number of threads.  [default: all processors]"
)
QUIET = click.option("--quiet", is_flag=True, help="Do not show progress.")

F = TypeVar("F", bound=Callable[..., Any])


def out_option(row: str) -> Callable[[F], F]:
    """Return the option --out of a command that writes a row for each ``row``."""
    return click.option(
        "--out",
        type=click.Path(),
        metavar="TABLE",
        help=f"Write a row for each {row} to this .csv, .jsonl or .parquet file instead of "
        "printing.",
    )


def write_table(batch: Batch[Any], out: str, **options: Any) -> bool:
    """Write the table and return whether a file could not be read."""
    with _logging_to_stderr():
        try:
            return batch.write(out, **options).failed > 0
        except KeyboardInterrupt:
            raise click.ClickException(f"interrupted; --resume continues {out}") from None


class _Echo(logging.Handler):
    """Writes messages to standard error, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        prefix = "Error: " if record.levelno >= logging.ERROR else ""
        tqdm.write(f"{prefix}{record.getMessage()}", file=sys.stderr)


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    logger, handler = logging.getLogger("ocrdigit"), _Echo()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
