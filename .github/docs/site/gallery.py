"""The gallery: a card for each notebook, with its title, its purpose and its first picture."""

from __future__ import annotations

import base64
import json
import re
import struct
from pathlib import Path
from typing import Any

HEAD = """# Examples

Notebooks, with their outputs. They run from top to bottom on the images in the package; the files
are in `notebooks/` of the repository.

::::{grid} 1 2 2 3
:gutter: 3

"""


def gallery_of(folder: Path) -> str:
    """Return the page of a folder's notebooks, and write their pictures beside them."""
    names, cards = [], []
    for path in sorted(folder.glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        title, purpose = heading_of(cells)
        path.with_suffix(".png").write_bytes(picture_of(cells))
        names.append(path.stem)
        cards.append(
            f":::{{grid-item-card}} {title}\n:link: {path.stem}\n:link-type: doc\n"
            f":img-top: {path.stem}.png\n:img-alt: {title}\n\n{purpose}\n:::\n"
        )
    toctree = "```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"
    return HEAD + "\n".join(cards) + "::::\n\n" + toctree


def heading_of(cells: list[dict[str, Any]]) -> tuple[str, str]:
    """Return the title of a notebook, and its first paragraph without links."""
    title, purpose = "".join(cells[0]["source"]).split("\n\n")[:2]
    return title.lstrip("# "), re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", purpose).replace("\n", " ")


def picture_of(cells: list[dict[str, Any]]) -> bytes:
    """Return the first PNG among the outputs of a notebook; rather one that is no narrow strip."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    found = [output.get("data", {}).get("image/png") for output in outputs]
    pictures = [base64.b64decode("".join(each)) for each in found if each]
    if not pictures:
        raise ValueError(f"the notebook that begins with {cells[0]['source']!r} shows no picture")
    return next((each for each in pictures if is_high_enough(each)), pictures[0])


def is_high_enough(picture: bytes) -> bool:
    """Whether a PNG is at least a third as high as wide."""
    width, height = struct.unpack(">II", picture[16:24])
    return 3 * height >= width
