"""The command line interface; a command is a module.

Exit codes are 0 for success, 1 for an error (with one sentence on standard error), and 2 for wrong
usage.
"""

from __future__ import annotations

import errno
from typing import Any

import click

from .._core import __version__
from ..batch import describe
from ._app import app
from ._demo import demo
from ._evaluate import evaluate
from ._explain import explain
from ._export import export
from ._form import form
from ._options import examples
from ._predict import predict
from ._read import read
from ._show_config import show_config
from ._table import table
from ._train import train


class _Group(click.Group):
    """A group that reports errors of files and data in one sentence, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OSError, ValueError, MemoryError, ModuleNotFoundError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of a pipe has closed it: click exits silently
            raise click.ClickException(describe(error)) from error


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog=examples(
        "ocrdigit demo",
        "ocrdigit predict digit.png",
        "ocrdigit read note.jpg",
        "ocrdigit train --data mnist/ --epochs 7 --out model.safetensors",
    ),
)
@click.version_option(
    __version__, "--version", prog_name="ocrdigit", message="%(prog)s %(version)s"
)
def main() -> None:
    """Recognize handwritten digits, and train models for it."""


for command in (
    *(train, evaluate, predict, explain, read, table, form),
    *(export, demo, app, show_config),
):
    main.add_command(command)
