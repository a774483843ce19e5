"""The corrections of the Streamlit page, and what is downloaded of it, without the page."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_files import damaged_tiff, field, png

import ocrdigit

pytest.importorskip("streamlit")

from ocrdigit.app import _export, _settings
from ocrdigit.app._background import Background
from ocrdigit.app._corrections import Corrections, covered, doubt, overlap, status_of_sheet
from ocrdigit.app._export import Reviewed
from ocrdigit.app._reading import read_sheets
from ocrdigit.app._settings import Settings
from ocrdigit.app._sheets import Field, Mark, Sheet
from ocrdigit.app._uploads import EXAMPLES, Upload

FIELDS = (
    Field("0/0", "Row 1, number 1", "1874", 0.99, (10, 10, 80, 20), place={"row": 0, "number": 0}),
    Field("1/0", "Row 2, number 1", "35.5", 0.4, (10, 60, 80, 20), place={"row": 1, "number": 1}),
)
SHEET = Sheet("abc", 0, (200, 100), "", FIELDS)
EMPTY = Sheet("abc", 0, (200, 100), "", (Field("page", "Whole picture", "", 0, (0, 0, 200, 100)),))


def edit(index: int, text: str | None, seq: int, **changes: Any) -> dict[str, Any]:
    each = FIELDS[index]
    known = {"seq": seq, "id": SHEET.id, "key": each.key, "label": each.label, "read": each.text}
    state = {"box": list(each.box), "before": each.text, "checked": False, "undone": False}
    return {**known, **state, "text": text, **changes}


def texts(corrections: Corrections, sheet: Sheet = SHEET) -> list[tuple[str, str]]:
    return [(each.text, each.status) for each in corrections.fields_of(sheet, 0.9)]


# -- corrections --


def test_edits_are_applied_once_and_in_order() -> None:
    corrections = Corrections()
    corrections.apply([edit(1, "36", 2), edit(1, "35", 1)])
    corrections.apply([edit(1, "35", 1), edit(0, "1874", 3)])
    assert texts(corrections) == [("1874", "checked"), ("36", "corrected")]
    assert corrections.acknowledged == 3
    assert len(corrections) == 2


def test_undo_takes_edits_back() -> None:
    corrections = Corrections()
    corrections.apply([edit(1, "36", 1), edit(1, "37", 2, before="36", checked=True)])
    corrections.apply([edit(1, "36", 3, undone=True)])
    assert texts(corrections)[1] == ("36", "corrected")
    corrections.apply([edit(1, None, 4, undone=True)])
    assert texts(corrections)[1] == ("35.5", "review")
    assert corrections.history == []


def test_a_correction_is_found_again_by_its_place() -> None:
    corrections = Corrections()
    corrections.apply([edit(1, "36", 1)])
    moved = Field("7/0", "Row 8", "38", 0.99, (12, 62, 78, 19))
    found = corrections.fields_of(Sheet("abc", 0, (200, 100), "", (moved,)), 0.9)
    assert [(each.text, each.status) for each in found] == [("36", "corrected")]


def test_a_correction_where_nothing_is_read_is_kept() -> None:
    corrections = Corrections()
    corrections.apply([edit(1, "36", 1)])
    assert texts(corrections, EMPTY) == [("36", "corrected")]
    other = Sheet("abc", 0, (200, 100), "", FIELDS[:1])
    assert texts(corrections, other) == [("1874", "read"), ("36", "corrected")]
    elsewhere = Sheet("abd", 0, (200, 100), "", FIELDS)
    assert texts(corrections, elsewhere) == [("1874", "read"), ("35.5", "review")]


# A cell with the second number; the same as a field of a form; and one with both numbers.
CELL = Field("1/0", "Row 2", "35.5", 0.99, (0, 45, 199, 50), place={"row": 1, "column": 0})
BOTH = replace(CELL, text="1874 35.5", box=(0, 0, 199, 99))
TABLE_SHEET = replace(SHEET, fields=(CELL,))
BOTH_SHEET = replace(SHEET, fields=(BOTH,))


def edit_of(field: Field, text: str, seq: int, **changes: Any) -> dict[str, Any]:
    known = {"key": field.key, "label": field.label, "read": field.text, "box": list(field.box)}
    return edit(0, text, seq, **{**known, **changes})


def exported(corrections: Corrections, sheet: Sheet, mode: str) -> list[str]:
    pages, settings = [reviewed(corrections, sheet)], Settings(mode=mode)
    listed = [row["text"] for row in _export.rows_of(pages, settings)]
    (plain,) = json.loads(_export.to_json(pages, settings))
    assert [each["text"] for each in plain["fields"]] == listed
    return listed


def test_the_correction_of_a_number_is_that_of_its_cell() -> None:
    corrections = Corrections()
    corrections.apply([edit(1, "36.5", 1)])
    assert overlap(CELL.box, FIELDS[1].box) < 0.5
    for mode in (_settings.TABLE, _settings.FORM):
        assert exported(corrections, TABLE_SHEET, mode) == ["36.5"]
    assert _export.to_grid([reviewed(corrections, TABLE_SHEET)]).decode().endswith(",36.5\n")
    blank = replace(TABLE_SHEET, fields=(replace(CELL, text=""),))
    assert exported(corrections, blank, _settings.TABLE) == ["36.5"]
    corrections.apply([edit_of(CELL, "37.5", 2, before="36.5", checked=True)])
    assert texts(corrections, TABLE_SHEET) == [("37.5", "corrected")]
    assert texts(corrections) == [("1874", "read"), ("37.5", "corrected")]


def test_the_correction_of_a_cell_is_that_of_its_number() -> None:
    corrections = Corrections()
    corrections.apply([edit_of(CELL, "36.5", 1)])
    assert exported(corrections, SHEET, _settings.NUMBERS) == ["1874", "36.5"]
    assert texts(corrections) == [("1874", "read"), ("36.5", "corrected")]


def test_the_correction_of_a_part_is_not_that_of_the_whole() -> None:
    corrections = Corrections()
    corrections.apply([edit(1, "36.5", 1)])
    assert texts(corrections, BOTH_SHEET) == [("1874 35.5", "review"), ("36.5", "corrected")]
    assert exported(corrections, BOTH_SHEET, _settings.TABLE) == ["1874 35.5"]
    corrections.apply([edit_of(BOTH, "1874 36.5", 2)])
    assert exported(corrections, BOTH_SHEET, _settings.TABLE) == ["1874 36.5"]
    assert exported(corrections, SHEET, _settings.NUMBERS) == ["1874", "36.5"]
    assert texts(corrections)[0] == ("1874", "review")
    corrections.apply([edit(0, "1874", 3)])
    assert texts(corrections)[:2] == [("1874", "checked"), ("36.5", "corrected")]


def test_a_correction_around_two_numbers_is_of_neither() -> None:
    twins = (FIELDS[0], replace(FIELDS[1], text="3550"))
    corrections = Corrections()
    corrections.apply([edit_of(replace(BOTH, text="1874"), "1879", 1)])
    sheet = replace(SHEET, fields=twins)
    assert texts(corrections, sheet)[:2] == [("1874", "review"), ("3550", "review")]
    assert exported(corrections, sheet, _settings.NUMBERS) == ["1874", "3550"]
    corrections.apply([edit(1, "3556", 2)])
    assert len(corrections) == 2


def test_corrections_in_a_cell_without_text_are_exported() -> None:
    blank = replace(BOTH_SHEET, fields=(replace(BOTH, text=""),))
    corrections = Corrections()
    corrections.apply([edit(0, "1879", 1), edit(1, "36.5", 2)])
    assert exported(corrections, blank, _settings.TABLE) == ["", "1879", "36.5"]


def test_a_page_with_an_error_has_no_fields() -> None:
    corrections = Corrections()
    corrections.apply([edit(1, "36", 1)])
    failed = Sheet("abc", 0, error=ValueError("abc does not show the form"))
    assert texts(corrections, failed) == []
    assert [correction.text for _, correction in corrections.pairs([failed])] == ["36"]
    (row,) = rows(_export.to_table([reviewed(corrections, failed)], Settings(), ".csv"))
    assert (row["status"], row["text"]) == ("failed", "")


def test_boxes_overlap() -> None:
    assert covered((0, 0, 10, 10), (5, 0, 90, 90)) == 0.5
    assert covered((5, 0, 90, 90), (0, 0, 10, 10)) == 0.5
    assert covered((0, 0, 10, 10), (20, 20, 10, 10)) == 0
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0


def test_the_most_doubtful_come_first() -> None:
    corrections = Corrections()
    failed = Sheet("x", 0, error=ValueError("no"))
    sure = Sheet("y", 0, (9, 9), "", FIELDS[:1])
    sheets = [sure, failed, EMPTY, SHEET]
    ordered = sorted(sheets, key=lambda sheet: doubt(sheet, corrections.fields_of(sheet, 0.9)))
    assert ordered == [SHEET, EMPTY, failed, sure]
    assert [status_of_sheet(s, corrections.fields_of(s, 0.9)) for s in ordered] == [
        "review",
        "empty",
        "failed",
        "read",
    ]
    corrections.apply([edit(1, "36", 1)])
    assert status_of_sheet(SHEET, corrections.fields_of(SHEET, 0.9)) == "corrected"


# -- reading --


def test_a_thread_reads_files_once_and_in_the_background() -> None:
    uploads = EXAMPLES["fields"].uploads[:4]
    background = Background(Settings())
    assert background.progress() == (0, 0)
    background.request(uploads[:2])
    background.request(uploads)
    background.wait(100)
    assert background.progress() == (4, 4)
    kept = background.sheets_of(uploads[0])
    assert [sheet.digest for sheet in kept] == [uploads[0].digest]
    background.request([uploads[0], Upload("copy.png", uploads[0].data)])
    assert background.progress() == (1, 1)  # the same content
    assert background.sheets_of(uploads[0])[0] is kept[0]


def test_errors_of_files_are_in_their_sheets_and_others_are_raised() -> None:
    uploads = [Upload("notes.txt", b"eggs"), Upload("row.png", png(field("1874")))]
    background = Background(Settings())
    background.request(uploads)
    background.wait(100)
    assert "not an image" in str(background.sheets_of(uploads[0])[0].error)
    assert background.sheets_of(uploads[1])[0].fields[0].text == "1874"
    broken = Background(Settings(pattern="("))
    broken.request(uploads)
    broken.wait(100)
    with pytest.raises(ValueError, match="pattern"):
        broken.progress()


def test_files_are_read_after_a_failure_of_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = [Upload("row.png", png(field("1874"))), Upload("other.png", png(field("350")))]
    background = Background(Settings())
    background.request(uploads[:1])
    background.wait(100)

    def broken(uploads: Any, settings: Any) -> Iterator[Sheet]:
        raise OSError("no memory for the thread")
        yield

    with monkeypatch.context() as patch:
        patch.setattr("ocrdigit.app._background.read_sheets", broken)
        background.request(uploads)
        background.wait(100)
        with pytest.raises(OSError, match="no memory"):
            background.progress()
    background.request(uploads[:1])
    assert background.progress() == (1, 1)  # it was read before the failure
    background.request(uploads)
    background.wait(100)
    assert background.progress() == (2, 2)
    assert background.sheets_of(uploads[1])[0].fields[0].text == "350"


def test_a_file_without_any_page_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocrdigit.app._background.read_sheets", lambda *_: (i for i in ()))
    upload = Upload("none.pdf", b"nothing")
    background = Background(Settings())
    background.request([upload])
    background.wait(100)
    assert background.progress() == (1, 1)
    (sheet,) = background.sheets_of(upload)
    assert _export.error_message(Reviewed(upload.name, sheet, [])) == "none.pdf has no page"


def test_the_error_of_a_damaged_file_is_beside_its_pages(tmp_path: Path) -> None:
    upload = Upload("scan.tif", damaged_tiff(tmp_path / "scan.tif", "1874", "350"))
    form = ocrdigit.Form([ocrdigit.FormField("all", (0, 0, 40, 20))], size=(200, 100))
    for settings in (Settings(), Settings(mode=_settings.FORM, form=form)):
        first, error = read_sheets([upload], settings)
        assert (first.id, first.page) == (f"{upload.digest}-0", 0)
        assert (error.id, error.page) == (f"{upload.digest}-error", None)
        assert error.status == "failed"


def test_corrections_of_a_damaged_file_are_exported_once(tmp_path: Path) -> None:
    upload = Upload("scan.tif", damaged_tiff(tmp_path / "scan.tif", "1874", "350"))
    sheets = list(read_sheets([upload], Settings()))
    (found,) = sheets[0].fields
    corrections = Corrections()
    corrections.apply([edit(0, "1879", 1, id=sheets[0].id, box=found.box, read=found.text)])
    pages = [reviewed(corrections, sheet, upload.name) for sheet in sheets]
    table = rows(_export.to_table(pages, Settings(), ".csv"))
    assert [(row["status"], row["page"], row["text"]) for row in table] == [
        ("corrected", "0", "1879"),
        ("failed", "", ""),
    ]
    assert table[1]["error"].startswith("page 2 of scan.tif")
    assert len(list(corrections.pairs(sheets))) == 1


def test_a_form_is_needed_to_read_forms() -> None:
    with pytest.raises(ValueError, match="template"):
        next(read_sheets([Upload("a.png", png(field("1")))], Settings(mode=_settings.FORM)))


def test_settings_with_the_same_results_have_the_same_key() -> None:
    assert Settings().key == Settings(model=None).key
    keys = {
        Settings().key,
        Settings(length=4).key,
        Settings(mode=_settings.TABLE).key,
        Settings(model=ocrdigit.load("tiny")).key,
        Settings(model=ocrdigit.load("large")).key,
    }
    assert len(keys) == 5


# -- downloads --


def reviewed(corrections: Corrections, sheet: Sheet = SHEET, name: str = "a.png") -> Reviewed:
    return Reviewed(name, sheet, corrections.fields_of(sheet, 0.9))


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_tables_have_what_a_person_left() -> None:
    corrections = Corrections()
    corrections.apply([edit(1, "+41 79", 1)])
    failed = Sheet("x", 0, error=ValueError("x is damaged"))
    pages = [reviewed(corrections, name="=a.png"), reviewed(corrections, failed, "b.png")]
    table = rows(_export.to_table(pages, Settings(), ".csv"))
    assert [row["text"] for row in table] == ["1874", "'+41 79", ""]
    assert [row["status"] for row in table] == ["read", "corrected", "failed"]
    assert [row["source"] for row in table] == ["'=a.png", "'=a.png", "b.png"]
    assert table[2]["error"] == "b.png is damaged"
    assert (table[0]["value"], table[0]["row"], table[1]["number"]) == ("1874", "0", "1")
    columns = list(ocrdigit.many.TABLES["numbers"])  # as of ocrdigit read --out
    assert list(table[0]) == columns


def test_cleared_fields_and_empty_pages() -> None:
    corrections = Corrections()
    corrections.apply([edit(0, "", 1), edit(1, "", 2)])
    (row,) = rows(_export.to_table([reviewed(corrections)], Settings(), ".csv"))
    assert (row["status"], row["text"]) == ("empty", "")
    plain = json.loads(_export.to_json([reviewed(corrections)], Settings()))
    assert [each["read"] for each in plain[0]["fields"]] == ["1874", "35.5"]
    assert [each["text"] for each in plain[0]["fields"]] == ["", ""]


def test_parquet() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    corrections = Corrections()
    corrections.apply([edit(1, "36.50", 1)])
    data = _export.to_table([reviewed(corrections)], Settings(), ".parquet")
    table = parquet.read_table(io.BytesIO(data)).to_pylist()
    assert [row["text"] for row in table] == ["1874", "36.50"]
    assert table[1]["value"] == "36.50"


def test_tables_as_grids() -> None:
    fields = tuple(
        Field(f"{r}/{c}", "", f"{r}{c}", 1.0, (c, r, 1, 1), place={"row": r, "column": c})
        for r, c in ((0, 0), (0, 1), (1, 1))
    )
    page = reviewed(Corrections(), Sheet("abc", 0, (9, 9), "", fields))
    narrow = reviewed(Corrections(), Sheet("abd", 0, (9, 9), "", fields[:1]), "b.png")
    assert _export.to_grid([page, narrow]).decode().splitlines() == [
        "source,page,column 1,column 2",
        "a.png,0,'00,'01",
        "a.png,0,,11",
        "b.png,0,'00,",
    ]


def test_training_data_can_be_evaluated(tmp_path: Path) -> None:
    from ocrdigit.evaluation import evaluate_reading

    pictures = [(field(text), text) for text in ("1874", "350")]
    data = _export.to_training_data(pictures)
    zipfile.ZipFile(io.BytesIO(data)).extractall(tmp_path)
    result = evaluate_reading(tmp_path / "labels.csv", verbose=False)
    assert (result.count, result.right) == (2, 2)


def test_digits_of_corrections_have_labels() -> None:
    marks = tuple(Mark(d, 0.9, (10 + 20 * i, 60, 18, 20)) for i, d in enumerate("35"))
    point = Mark(".", 0.9, (49, 75, 4, 4))
    one = Field("0", "", "3.5", 0.5, (10, 60, 40, 20), (marks[0], point, marks[1]))
    sheet = Sheet("abc", 0, (200, 100), "", (one,))
    corrections = Corrections()
    corrections.apply([edit(1, "8.6", 1, box=list(one.box))])
    picture = np.arange(20_000, dtype=np.uint8).reshape(100, 200)
    ((_, correction),) = corrections.pairs([sheet])
    crops = _export.digit_crops(picture, sheet, correction)
    assert [digit for _, digit in crops] == [8, 6]
    assert np.array_equal(crops[0][0], picture[57:83, 7:31])
    corrections.apply([edit(1, "866", 2, box=list(one.box))])
    ((_, correction),) = corrections.pairs([sheet])
    assert _export.digit_crops(picture, sheet, correction) == []  # which digit is where is unknown
