"""``ocrdigit table``."""

from __future__ import annotations

import json

import click

from ._options import (
    CLASSIFIER,
    RECOGNIZER,
    check_one_format,
    examples,
    load_model,
    write_png,
)


@click.command(
    short_help="Read the cells of a table in an image file.",
    epilog=examples(
        "ocrdigit table register.jpg --csv > register.csv",
        "ocrdigit table sudoku.jpg --rows 9 --columns 9 --draw cells.png",
    ),
)
@click.argument("file", type=click.Path())
@CLASSIFIER
@RECOGNIZER
@click.option("--rows", type=click.IntRange(1, 1000), help="Number of rows, if known.")
@click.option("--columns", type=click.IntRange(1, 1000), help="Number of columns, if known.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: cells, numbers, boxes.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of columns with tabs.")
@click.option(
    "--draw",
    "out",
    type=click.Path(),
    metavar="FILE",
    help="Write the image with the outlines of the cells to this PNG file.",
)
def table(
    file: str,
    path: str | None,
    recognizer: str,
    rows: int | None,
    columns: int | None,
    as_json: bool,
    as_csv: bool,
    out: str | None,
) -> None:
    """Read the table with most cells in an image FILE, one line for each row."""
    from ..table import read_table

    check_one_format(as_json, as_csv)
    model = load_model(path) if path else None
    found = read_table(file, rows=rows, columns=columns, model=model, recognizer=recognizer)
    if out:
        write_png(found.draw(), out)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    elif as_csv:
        click.echo(found.to_csv(), nl=False)
    else:
        click.echo(str(found) if found.cells else "(no table)")
