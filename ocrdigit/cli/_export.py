"""``ocrdigit export``."""

from __future__ import annotations

import os

import click

from ..models.page_export import PAGE_NETWORKS, export_page_network
from ._options import examples, load_model


@click.command(
    short_help="Convert a model to Keras, ONNX, TensorFlow Lite or C.",
    epilog=examples(
        "ocrdigit export model.safetensors model.onnx",
        "ocrdigit export model.safetensors model.tflite --int8",
        "ocrdigit export app.keras model.safetensors",
        "ocrdigit export recognizer lines.onnx",
    ),
)
@click.argument("model", type=click.Path(), metavar="MODEL")
@click.argument("out", type=click.Path(), metavar="OUT")
@click.option("--int8", is_flag=True, help="Quantize a .tflite file to 8-bit integers.")
def export(model: str, out: str, int8: bool) -> None:
    """Convert the file MODEL to the file OUT, in the format of its suffix.

    OUT is a .safetensors, .keras, .onnx or .tflite file, or a .h file for C99, with a .c file
    beside it. MODEL is a .safetensors, .keras, .h5, .onnx or .tflite file, the name of a model in
    the package, or "detector" or "recognizer": the networks that read pages, to a .onnx file.
    """
    if model in PAGE_NETWORKS:
        if int8:
            raise click.UsageError(
                f"--int8 is for .tflite files, and the {model} is saved as .onnx"
            )
        export_page_network(model, out)
    else:
        load_model(model).save(out, int8=int8)
    click.echo(f"{out}: {os.path.getsize(out):,} bytes")
