"""``ocrdigit show-config``."""

from __future__ import annotations

import click


@click.command("show-config", short_help="Print the version, instruction set, threads and model.")
def show_config() -> None:
    """Print the version, the active instruction set, the number of threads and the model."""
    from .._config import show_config

    show_config()
