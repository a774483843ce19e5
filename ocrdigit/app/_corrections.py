"""What a person corrected or checked; it is kept by the content of files and the place on a page.

So it outlives other settings, other files and other tabs: a correction is found again where its box
is, whatever was read there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ocrdigit.app._sheets import WHOLE_PAGE, Box, Field, Sheet

Status = Literal["read", "review", "checked", "corrected", "empty", "failed"]

_MIN_OVERLAP = 0.5  # intersection over union of the boxes of a field and of its correction


@dataclass(frozen=True)
class Correction:
    """The text that a person typed or accepted for a box.

    Attributes
    ----------
    box : (x, y, w, h)
    text : str
        What is written there; "" if nothing is.
    read : str
        What was read there.
    label : str
        The name of the field.
    """

    box: Box
    text: str
    read: str
    label: str = ""


@dataclass(frozen=True)
class Checked:
    """A field with what a person made of it.

    Attributes
    ----------
    field : Field
    text : str
        The text that counts.
    status : str
        "corrected" or "checked" by a person; "review" if a person should look; "read"; or "empty"
        if nothing was read on the page.
    """

    field: Field
    text: str
    status: Status


class Corrections:
    """The corrections of a visitor, changed by the edits of the page in JavaScript.

    An edit is a dict with ``seq``, a number that grows; ``id`` of a sheet; ``key``, ``label``,
    ``box`` and ``read`` of a field; ``text``, or None to take a correction back; ``before`` and
    ``checked``, the state of the field before; and whether it is ``undone``. Edits are repeated
    until they are acknowledged; an edit is applied once.
    """

    def __init__(self) -> None:
        self._of_sheet: dict[str, dict[Box, Correction]] = {}
        self.acknowledged = 0
        self.history: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return sum(map(len, self._of_sheet.values()))

    def apply(self, edits: Iterable[Mapping[str, Any]]) -> None:
        """Apply the edits that are new."""
        for edit in sorted(edits, key=lambda each: int(each["seq"])):
            if int(edit["seq"]) > self.acknowledged:
                self.acknowledged = int(edit["seq"])
                self._apply(edit)

    def _apply(self, edit: Mapping[str, Any]) -> None:
        box = _box(edit["box"])
        of_sheet = self._of_sheet.setdefault(str(edit["id"]), {})
        of_sheet.pop(self._place(str(edit["id"]), box), None)
        if edit["text"] is not None:
            text = " ".join(str(edit["text"]).split())
            of_sheet[box] = Correction(box, text, str(edit["read"]), str(edit["label"]))
        if edit["undone"]:
            self._forget(edit)
        else:
            self.history.append({name: edit[name] for name in ("id", "key", "before", "checked")})

    def _forget(self, edit: Mapping[str, Any]) -> None:
        """Remove the last edit of the same field from the history."""
        for index in reversed(range(len(self.history))):
            if all(self.history[index][name] == edit[name] for name in ("id", "key")):
                del self.history[index]
                return

    def _place(self, sheet_id: str, box: Box) -> Box:
        """Return the box of the correction of a box, or the box itself without one."""
        known = self._of_sheet.get(sheet_id, {})
        best = max(known, key=lambda each: overlap(each, box), default=box)
        return best if overlap(best, box) >= _MIN_OVERLAP else box

    def fields_of(self, sheet: Sheet, threshold: float) -> list[Checked]:
        """Return the fields of a sheet with their corrections.

        Corrections of places where nothing is read now are fields of their own, at the end. A page
        with an error has no fields.

        Parameters
        ----------
        sheet : Sheet
        threshold : float
            Fields of a lower confidence, 0 to 1, are to be reviewed.
        """
        if sheet.error is not None:
            return []
        left = dict(self._of_sheet.get(sheet.id, {}))
        found = []
        for field in sheet.fields:
            place = max(left, key=lambda each: overlap(each, field.box), default=None)
            if place is not None and overlap(place, field.box) >= _MIN_OVERLAP:
                found.append(_checked(field, left.pop(place), threshold))
            else:
                found.append(_checked(field, None, threshold))
        if left and sheet.status == "empty":
            found = []
        return [*found, *(_checked(_kept(each), each, threshold) for each in left.values())]

    def pairs(self, sheets: Iterable[Sheet]) -> Iterator[tuple[Sheet, Correction]]:
        """Yield the corrections of sheets, each with its sheet."""
        for sheet in sheets:
            for correction in self._of_sheet.get(sheet.id, {}).values():
                yield sheet, correction


def status_of_sheet(sheet: Sheet, fields: Iterable[Checked]) -> Status:
    """Return the status of a sheet by that of its fields."""
    if sheet.status == "failed":
        return "failed"
    found = {each.status for each in fields}
    for status in ("review", "empty", "corrected", "checked"):
        if status in found:
            return status
    return "read"


def doubt(sheet: Sheet, fields: Iterable[Checked]) -> tuple[int, float]:
    """Return a key that sorts sheets: what a person should look at first comes first."""
    listed = list(fields)
    rank = ("review", "empty", "failed", "read", "checked", "corrected")
    open_fields = [each for each in listed if each.status == "review"] or listed
    lowest = min((each.field.confidence for each in open_fields), default=0.0)
    return rank.index(status_of_sheet(sheet, listed)), lowest


def overlap(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def _checked(field: Field, correction: Correction | None, threshold: float) -> Checked:
    if correction is not None:
        same = correction.text == field.text
        return Checked(field, correction.text, "checked" if same else "corrected")
    if field.key == WHOLE_PAGE:
        return Checked(field, "", "empty")
    return Checked(field, field.text, "read" if field.confidence >= threshold else "review")


def _kept(correction: Correction) -> Field:
    """Return a field for a correction of a place where nothing is read with other settings."""
    key = "kept " + ",".join(map(str, correction.box))
    label = correction.label or "Corrected before"
    return Field(key, label, "", 0.0, correction.box)


def _box(values: Iterable[Any]) -> Box:
    x, y, w, h = map(int, values)
    return x, y, w, h
