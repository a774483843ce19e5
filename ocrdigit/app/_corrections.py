"""What a person corrected or checked; it is kept by the content of files and the place on a page.

So it outlives other settings, other files and other tabs: a correction is found again where its box
is, whatever was read there; and in a box within or around it, such as that of the cell with a
number, if the text is as long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ocrdigit.app._sheets import WHOLE_PAGE, Box, Field, Sheet

Status = Literal["read", "review", "checked", "corrected", "empty", "failed"]

_MIN_OVERLAP = 0.5  # intersection over union of the boxes of a field and of its correction
_MIN_COVERED = 0.5  # the share of the smaller box, from which on one lies within the other


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
    is_part : bool
        Whether it is the correction of a part of a field, or of several, with other settings: it is
        shown, but not exported besides the fields, which are to be reviewed.
    """

    field: Field
    text: str
    status: Status
    is_part: bool = False


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
        read = str(edit["read"])
        place = _at_place(of_sheet, box)
        if place is None and edit["checked"]:  # by the correction of a box within or around it
            place = _as_long(of_sheet, box, read)
        if place is not None:
            del of_sheet[place]
        if edit["text"] is not None:
            text = " ".join(str(edit["text"]).split())
            of_sheet[box] = Correction(box, text, read, str(edit["label"]))
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

    def fields_of(self, sheet: Sheet, threshold: float) -> list[Checked]:
        """Return the fields of a sheet with their corrections.

        Corrections of places where nothing is read now are fields of their own, at the end; so are
        those of a part of a field, or of several. A page with an error has no fields.

        Parameters
        ----------
        sheet : Sheet
        threshold : float
            Fields of a lower confidence, 0 to 1, are to be reviewed.
        """
        if sheet.error is not None:
            return []
        left = dict(self._of_sheet.get(sheet.id, {}))
        matched = _take_same_places(left, sheet.fields)
        if sheet.status != "empty":
            others = [field for field in sheet.fields if field.key not in matched]
            matched |= _take_as_long(left, others)
        found = [
            _checked(field, matched.get(field.key), threshold, is_near=_is_near(field.box, left))
            for field in (() if left and sheet.status == "empty" else sheet.fields)
        ]
        texts = [each.field.box for each in found if each.field.text or each.text]
        kept = (_corrected(_kept(each), each, _is_near(each.box, texts)) for each in left.values())
        return [*found, *kept]

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
    common = _intersection(a, b)
    return common / (a[2] * a[3] + b[2] * b[3] - common) if common else 0.0


def covered(a: Box, b: Box) -> float:
    """Return the share of the smaller one of two boxes that the other one covers."""
    common = _intersection(a, b)
    return common / min(a[2] * a[3], b[2] * b[3]) if common else 0.0


def _intersection(a: Box, b: Box) -> int:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def _is_near(box: Box, others: Iterable[Box]) -> bool:
    """Return whether a box lies within or around one of the others."""
    return any(covered(box, each) >= _MIN_COVERED for each in others)


def _take_same_places(
    left: dict[Box, Correction], fields: Iterable[Field]
) -> dict[str, Correction]:
    """Remove the corrections of fields at the same places; return them by the fields' keys."""
    found = {}
    for field in fields:
        place = _at_place(left, field.box)
        if place is not None:
            found[field.key] = left.pop(place)
    return found


def _take_as_long(left: dict[Box, Correction], fields: Iterable[Field]) -> dict[str, Correction]:
    """Remove the corrections within or around fields, each of one only; return them by keys."""
    places = {field.key: _as_long(left, field.box, field.text) for field in fields}
    count = Counter(places.values())
    return {
        key: left.pop(place)
        for key, place in places.items()
        if place is not None and count[place] == 1
    }


def _at_place(known: Iterable[Box], box: Box) -> Box | None:
    """Return which of the boxes of corrections is that of a box, or None."""
    best = max(known, key=lambda each: overlap(each, box), default=None)
    return best if best is not None and overlap(best, box) >= _MIN_OVERLAP else None


def _as_long(known: Mapping[Box, Correction], box: Box, text: str) -> Box | None:
    """Return the box of the only correction within or around a box, if its text is as long.

    Otherwise it is one of a part of the text, or of more than it. In a box without text it is all.
    """
    near = [each for each in known.values() if covered(each.box, box) >= _MIN_COVERED]
    if len(near) != 1:
        return None
    lengths = (_digit_count(near[0].read), _digit_count(near[0].text))
    return near[0].box if not text or _digit_count(text) in lengths else None


def _digit_count(text: str) -> int:
    return sum(map(str.isdigit, text))


def _checked(
    field: Field, correction: Correction | None, threshold: float, *, is_near: bool
) -> Checked:
    """Return a field with its correction; ``is_near`` says that there is one of a part of it."""
    if correction is not None:
        return _corrected(field, correction)
    if field.key == WHOLE_PAGE:
        return Checked(field, "", "empty")
    is_sure = field.confidence >= threshold and not is_near
    return Checked(field, field.text, "read" if is_sure else "review")


def _corrected(field: Field, correction: Correction, is_part: bool = False) -> Checked:
    status: Status = "checked" if correction.text == field.text else "corrected"
    return Checked(field, correction.text, status, is_part)


def _kept(correction: Correction) -> Field:
    """Return a field for a correction of a place where nothing is read with other settings."""
    key = "kept " + ",".join(map(str, correction.box))
    label = correction.label or "Corrected before"
    return Field(key, label, "", 0.0, correction.box)


def _box(values: Iterable[Any]) -> Box:
    x, y, w, h = map(int, values)
    return x, y, w, h
