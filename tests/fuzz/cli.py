"""Fuzz target: the command line. Errors are messages and exit statuses, never a traceback."""

from __future__ import annotations

import os
import tempfile

import numpy as np
from click.testing import CliRunner
from PIL import Image

from ocrdigit.cli import main

_COMMANDS = ("read", "predict", "table", "explain", "export", "evaluate", "form", "show-config")
_OPTIONS = (
    "--json", "--csv", "--pages", "--length", "--pattern", "--symbols", "--decimal", "--lexicon",
    "--recognizer", "--out", "--rows", "--columns", "--min-confidence", "--resume", "--overwrite",
    "--jobs", "--quiet", "--digit", "--layer", "--int8", "--precision", "--severity", "--seed",
    "--model", "--reading", "--error-rate", "--folder", "--draw", "--nothing", "-h",
)  # fmt: skip
_VALUES = (
    "digit.png", "page.png", "text.txt", "missing.png", "folder", "numbers", "1", "0", "-1", "1-2",
    "99999999999999999999", "nan", "inf", "1e400", r"\d+", "(", "", "all", "digits", ".", "fast",
    "out.csv", "out.parquet", "out.png", "out.h", "symbols", "bfloat16", "é", "a\0b", "=1+1", "--",
)  # fmt: skip
_RUNNER = CliRunner()
_FOLDER = tempfile.TemporaryDirectory(prefix="ocrdigit-fuzz-")


def seeds() -> list[bytes]:
    """Return lines of a command with options and values, by numbers: see :func:`_arguments`."""
    _write_files(_FOLDER.name)
    commands = range(len(_COMMANDS))
    found = [bytes([c, 128, 0]) for c in commands] + [bytes([c, 128 + 2, 0]) for c in commands]
    found += [bytes([c, 0, 128, 0]) for c in commands]
    return found + [bytes([0, 128, 1, o, 128 + 6]) for o in range(len(_OPTIONS))]


def _write_files(folder: str) -> None:
    pixels = np.full((28, 28), 255, np.uint8)
    pixels[4:24, 13:16] = 0
    Image.fromarray(pixels).save(os.path.join(folder, "digit.png"))
    Image.fromarray(np.tile(pixels, (1, 3))).save(os.path.join(folder, "page.png"))
    os.mkdir(os.path.join(folder, "folder"))
    with open(os.path.join(folder, "text.txt"), "w", encoding="utf-8") as file:
        file.write("12\n345\n")


def _arguments(data: bytes) -> list[str]:
    """Return the command of the first byte; of the others, each is an option or a value."""
    arguments = [_COMMANDS[data[0] % len(_COMMANDS)]]
    for byte in data[1:12]:
        if byte >= 128:
            arguments.append(_VALUES[byte % len(_VALUES)])
        else:
            arguments.append(_OPTIONS[byte % len(_OPTIONS)])
    return arguments


def run(data: bytes) -> None:
    if not data:
        return
    arguments, before = _arguments(data), os.getcwd()
    os.chdir(_FOLDER.name)
    try:
        result = _RUNNER.invoke(main, arguments)
    finally:
        os.chdir(before)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{arguments} raised {result.exception!r}") from result.exception
    assert result.exit_code in (0, 1, 2), (arguments, result.exit_code)
    if result.exit_code:
        assert result.output.strip(), (arguments, "no message")
