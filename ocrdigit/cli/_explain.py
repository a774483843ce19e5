"""``ocrdigit explain``."""

from __future__ import annotations

import click

from ._options import MODEL_HELP, examples, load_model


@click.command(
    short_help="Explain the prediction for an image file by a heatmap.",
    epilog=examples(
        "ocrdigit explain digit.png", "ocrdigit explain digit.png --digit 7 --out seven.png"
    ),
)
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--model", "path", type=click.Path(), metavar="FILE", help=MODEL_HELP)
@click.option(
    "--digit", type=click.IntRange(0), help="The digit to explain.  [default: the predicted one]"
)
@click.option("--layer", metavar="NAME", help="The layer to use.  [default: the last convolution]")
@click.option(
    "--out",
    type=click.Path(),
    metavar="PNG",
    default="explained.png",
    show_default=True,
    help="The file to write.",
)
@click.option("--plot", is_flag=True, help="Plot image, network input and heatmap side by side.")
def explain(
    file: str, path: str | None, digit: int | None, layer: str | None, out: str, plot: bool
) -> None:
    """Explain the prediction for the image FILE by a Grad-CAM heatmap.

    Writes the image with the heatmap over it: dark red pixels support the digit most.
    """
    import io

    from .._atomic import check_writable, write_atomically

    check_writable(out)
    explanation = load_model(path).explain(file, digit, layer)
    data = io.BytesIO()
    if plot:
        explanation.plot().savefig(data, format="png")
    else:
        explanation.overlay().save(data, "png")
    write_atomically(out, data.getvalue())
    click.echo(f"{explanation.digit}  {explanation.probabilities[explanation.digit]:7.2%}  {out}")
