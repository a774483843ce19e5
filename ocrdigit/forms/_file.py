"""Files of templates: JSON, with the picture of the form as PNG in base64."""

from __future__ import annotations

import base64
import binascii
import io
import json
from typing import TYPE_CHECKING, Any

from PIL import Image

from .. import _checks
from .._inputs import gray_page
from ._alignment import Gray
from ._field import FormField

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT, VERSION = "ocrdigit form", 1

_KEYS = {"format", "version", "width", "height", "fields"}
_OPTIONAL_KEYS = {"picture", "empty"}
_FIELD_KEYS = set(FormField.__dataclass_fields__)


def parse(data: bytes) -> Any:
    """Return what the bytes of a JSON file hold."""
    try:
        return json.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"a template must be JSON, got {data[:20]!r} ({error})") from None


def to_json(values: dict[str, Any]) -> bytes:
    """Return values as JSON, one field a line."""
    lines = []
    for key, value in values.items():
        if key == "fields":
            fields = ",\n".join(f"  {json.dumps(each, ensure_ascii=False)}" for each in value)
            lines.append(f'"fields": [\n{fields}\n]')
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def checked(values: object) -> dict[str, Any]:
    """Return the values of a template of this version."""
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f'a template must have the "format" {FORMAT!r}')
    if values.get("version") != VERSION:
        raise ValueError(
            f"the template has version {values.get('version')!r}, expected version {VERSION}"
        )
    _check_keys("the template", values, _KEYS, _KEYS | _OPTIONAL_KEYS)
    if not isinstance(values["fields"], list):
        raise TypeError(f'"fields" must be a list, got {values["fields"]!r}')
    for name in ("width", "height"):
        _checks.positive_int(name, values[name])
    return values


def field_of(index: int, values: object) -> FormField:
    """Return a field of a template."""
    if not isinstance(values, dict):
        raise TypeError(f"fields[{index}] must be an object, got {values!r}")
    _check_keys(f"fields[{index}]", values, {"name", "box"}, _FIELD_KEYS)
    return FormField(**values)


def _check_keys(what: str, values: dict[str, Any], required: set[str], known: set[str]) -> None:
    def names(keys: Iterable[str]) -> str:
        return ", ".join(map(repr, sorted(keys)))

    if missing := required - set(values):
        raise ValueError(f"{what} has no {names(missing)}")
    if unknown := set(values) - known:
        raise ValueError(f"{what} has the unknown {names(unknown)}; known are {names(known)}")


def png_of(picture: Image.Image) -> bytes:
    """Return a picture as PNG."""
    data = io.BytesIO()
    picture.save(data, "png", optimize=True)
    return data.getvalue()


def encode_picture(picture: Gray) -> str:
    """Return a gray picture as PNG in base64."""
    return base64.b64encode(png_of(Image.fromarray(picture))).decode("ascii")


def decode_picture(text: object) -> Gray:
    """Return the gray picture of an image file in base64."""
    if not isinstance(text, str):
        raise TypeError(f'"picture" must be base64, got {text!r}')
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f'"picture" must be base64, got {text[:20]!r} ({error})') from None
    return gray_page(data, "picture")
