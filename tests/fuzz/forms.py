"""Fuzz target: templates of forms, and a page that is read with them."""

from __future__ import annotations

import numpy as np
from files import contents, file_of, path_of

from ocrdigit import Form, FormField

_PAGE = np.full((120, 160), 240, np.uint8)


def seeds() -> list[bytes]:
    """Return templates with and without a picture."""
    picture = _PAGE.copy()
    picture[20:22, 10:150] = picture[60:62, 10:150] = 0
    fields = [
        FormField("amount", (12, 24, 60, 30), pattern=r"\d+\.\d\d"),
        FormField("code", (80, 24, 60, 30), "comb", columns=3),
        FormField("year", (12, 64, 60, 30), length=4),
    ]
    forms = [Form(fields, size=(160, 120)), Form(fields, picture=picture)]
    found = []
    for i, form in enumerate(forms):
        form.save(path_of(f"{i}.json"))
        found.append(contents(f"{i}.json"))
    return found


def run(data: bytes) -> None:
    form = Form.load(file_of("form.json", data))
    form.save(path_of("again.json"))
    assert [field.name for field in Form.load(path_of("again.json")).fields] == [
        field.name for field in form.fields
    ]
    if max(form.size) < 400:
        form.read(_PAGE)
