"""``ocrdigit demo``."""

from __future__ import annotations

import click


@click.command(short_help="Train on the embedded sample and show predictions.")
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    default="ocrdigit-demo.png",
    show_default=True,
    help="The image file to write.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed of the training.",
)
def demo(out: str, seed: int) -> None:
    """Train a model on the embedded sample and show predictions; takes about a second.

    Needs neither data nor an internet connection. Writes an image of test digits with their
    predictions, and one of a page of numbers with the digits' boxes.
    """
    from .._demo import run

    run(out, seed)
