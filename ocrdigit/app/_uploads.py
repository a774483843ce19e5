"""Files of the visitor, and examples that are part of the package."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import ocrdigit
from ocrdigit import Form
from ocrdigit.app._settings import DIGITS, NUMBERS, TABLE

MAX_MEGABYTES = 20


@dataclass(frozen=True)
class Upload:
    """A file.

    Attributes
    ----------
    name : str
        For people; two files may have the same.
    data : bytes
    """

    name: str
    data: bytes = field(repr=False)

    @functools.cached_property
    def digest(self) -> str:
        """The same for files with the same bytes."""
        return hashlib.sha256(self.data).hexdigest()[:20]


def too_large(upload: Upload) -> str | None:
    """Return why a file is too large, as a sentence, or None."""
    size = len(upload.data) / 1e6
    if size <= MAX_MEGABYTES:
        return None
    return f"{upload.name} is too large: {size:.1f} MB; the limit is {MAX_MEGABYTES} MB."


def load_form(name: str, data: bytes) -> Form:
    """Return the template of a form in the bytes of a file.

    Raises
    ------
    ValueError
        They are no template; the message begins with the name of the file.
    """
    try:
        return Form.from_dict(json.loads(data))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{name} is not JSON: {error}") from None
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply to be a template") from None
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def missing_extras() -> list[str]:
    """Return a sentence for each kind of file that needs a package that is not installed."""
    needs = {"PDF files need": ("pypdfium2", "pdf"), "HEIC photos need": ("pillow_heif", "heic")}
    return [
        f"{kind} {module.replace('_', '-')}: `pip install 'ocrdigit[{extra}]'`"
        for kind, (module, extra) in needs.items()
        if importlib.util.find_spec(module) is None
    ]


# -- examples --

_THIRTY = 30


@dataclass(frozen=True)
class Example:
    """Pictures to try the page with."""

    label: str
    mode: str
    make: Callable[[], list[tuple[str, NDArray[np.uint8]]]]

    @functools.cached_property
    def uploads(self) -> list[Upload]:
        """The pictures as files."""
        return [Upload(name, _png(picture)) for name, picture in self.make()]


def _page() -> list[tuple[str, NDArray[np.uint8]]]:
    return [("page.png", ocrdigit.datasets.load_page().image)]


def _fields() -> list[tuple[str, NDArray[np.uint8]]]:
    """Return fields with numbers, some of which are hard to read."""
    pictures = ocrdigit.synth.strings(
        _THIRTY, length=(3, 6), style=["plain", "cheque", "form"], height=48, random_state=7
    )
    return [(f"field {index:02}.png", each.image) for index, each in enumerate(pictures, 1)]


def _table() -> list[tuple[str, NDArray[np.uint8]]]:
    return [("table.png", ocrdigit.synth.document("table", distortion=0, random_state=4).image)]


def _digits() -> list[tuple[str, NDArray[np.uint8]]]:
    images = ocrdigit.datasets.load_sample().X_test[:8]
    blank = np.full((60, 60), 255, np.uint8)
    digits = [(f"digit {index}.png", 255 - image) for index, image in enumerate(images, 1)]
    return [*digits, ("blank.png", blank)]


EXAMPLES = {
    "page": Example("Page of numbers", NUMBERS, _page),
    "fields": Example("Thirty fields", NUMBERS, _fields),
    "table": Example("Ruled table", TABLE, _table),
    "digits": Example("Nine digits", DIGITS, _digits),
}


def _png(picture: NDArray[np.uint8]) -> bytes:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "png")
    return data.getvalue()
