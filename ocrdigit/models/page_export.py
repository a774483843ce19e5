"""Export of the networks of :func:`ocrdigit.read` to ONNX.

``read`` is more than its networks: it finds the foreground, levels and scales lines, decodes and
verifies symbols. The files are for those who run, inspect or continue these networks elsewhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import NamedTuple

from .. import _core
from .._atomic import write_atomically
from .._symbols import SYMBOLS
from .detector import STRIDE, shipped_detector
from .recognizer import shipped_recognizer

Path = str | os.PathLike[str]


class _Network(NamedTuple):
    shipped: Callable[[], _core.Network]
    about: dict[str, object]  # the metadata, beside format and layers


PAGE_NETWORKS = {
    "detector": _Network(
        shipped_detector,
        {
            "input": "foreground levels 0 (background) to 1 (full contrast), (n, 1, height, width)",
            "output": f"class probabilities of every {STRIDE}th pixel, (n, 4, rows, columns)",
            "classes": ["background", "number", "other writing", "ruling line"],
        },
    ),
    "recognizer": _Network(
        shipped_recognizer,
        {
            "input": "lines of foreground levels 0..1, digits 22 rows high, (n, 1, 32, width)",
            "output": "symbol probabilities of every 4th column, for CTC decoding, (n, steps, 17)",
            "classes": [*SYMBOLS, "blank"],
        },
    ),
}


def export_page_network(name: str, path: Path) -> None:
    """Write a network of the page reader to an ONNX file, in float32.

    Parameters
    ----------
    name : {"detector", "recognizer"}
        The number detector, which labels the foreground of a page, or the line recognizer. Images
        of any size are its input; the metadata of the file state what they are.
    path : path
        A ``.onnx`` file; an existing one is replaced atomically.

    Raises
    ------
    ValueError
        If there is no network of this name, or the file is not ``.onnx``.
    ModuleNotFoundError
        If onnx is not installed.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from ocrdigit.models.page_export import export_page_network
    >>> export_page_network("detector", "detector.onnx")  # doctest: +SKIP
    """
    from .formats._onnx import page_network_to_onnx

    if name not in PAGE_NETWORKS:
        raise ValueError(f"name must be one of {', '.join(PAGE_NETWORKS)}, got {name!r}")
    if os.path.splitext(os.fspath(path))[1] != ".onnx":
        raise ValueError(f"the {name} is saved to a .onnx file, got {os.fspath(path)!r}")
    network = PAGE_NETWORKS[name].shipped()
    metadata = {"format": f"ocrdigit {name}", "ocrdigit_version": _core.__version__}
    about = {**PAGE_NETWORKS[name].about, "architecture": network.layers}
    metadata |= {key: json.dumps(value) for key, value in about.items()}
    write_atomically(path, page_network_to_onnx(network, metadata))
