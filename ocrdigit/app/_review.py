"""The review of uploads: progress, the component with the table and the page, and downloads."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ocrdigit.app import _components, _export, _settings
from ocrdigit.app._background import Background
from ocrdigit.app._corrections import Checked, Corrections, doubt, status_of_sheet
from ocrdigit.app._export import Reviewed
from ocrdigit.app._reading import page_picture
from ocrdigit.app._settings import Settings
from ocrdigit.app._sheets import Sheet, data_url
from ocrdigit.app._uploads import Upload

_WAIT = 0.25  # seconds in which small files are answered without a progress bar
_POLL = 0.4  # seconds between two looks at the progress
_KEPT_SETTINGS = 6  # whose readings are kept
_AHEAD = 3  # pages that are sent before a person asks for them
_MAX_SIZE = (1800, 2400)  # of pictures of pages, in pixels
_SHOWN_TEXTS = 6  # of a page, in the table
_CSV_HELP = (
    "Texts that a spreadsheet would change, such as 0612, begin with an apostrophe. A value is "
    "empty if its decimal separator is not clear; choose that in “Format and options”."
)


@dataclass(frozen=True)
class OpenSheet:
    """A page with the file that it is of."""

    upload: Upload
    sheet: Sheet


def show_review(uploads: Sequence[Upload], settings: Settings, threshold: float) -> None:
    """Show uploads as a table to review, as they are read, and offer the results as files."""
    background = _background(settings)
    background.request(uploads)
    background.wait(_WAIT)
    done, total = background.progress()
    every = _POLL if done < total else None
    st.fragment(_show, run_every=every)(uploads, settings, threshold, background)


def corrections() -> Corrections:
    """Return the corrections of the visitor."""
    found: Corrections = st.session_state.setdefault("corrections", Corrections())
    return found


def reviewed_pages(
    uploads: Sequence[Upload], background: Background, threshold: float
) -> list[Reviewed]:
    """Return the pages that are read, in the order of the uploads, as a person left them."""
    return [
        Reviewed(upload.name, sheet, corrections().fields_of(sheet, threshold))
        for upload in uploads
        for sheet in background.sheets_of(upload)
    ]


def _background(settings: Settings) -> Background:
    """Return what reads with these settings; what was read with others before is kept a while."""
    known: dict[str, Background] = st.session_state.setdefault("backgrounds", {})
    found = known.pop(settings.key, None) or Background(settings)
    for other in known.values():
        other.request(())
    known[settings.key] = found  # the last one is the most recent
    while len(known) > _KEPT_SETTINGS:
        del known[next(iter(known))]
    return found


def _show(
    uploads: Sequence[Upload], settings: Settings, threshold: float, background: Background
) -> None:
    done, total = background.progress()
    slot = st.empty()  # the component below keeps its place, and the keyboard, without a bar too
    if done < total:
        slot.progress(done / total, f"Reading: {done} of {total} files")
    elif st.session_state.get("was reading"):
        st.session_state["was reading"] = False
        st.rerun()  # so that the progress is no longer asked for
    st.session_state["was reading"] = done < total
    pages = reviewed_pages(uploads, background, threshold)
    if not pages:
        return
    _show_component(uploads, pages, settings, threshold)
    _offer_downloads(uploads, pages, settings)


def _show_component(
    uploads: Sequence[Upload], pages: list[Reviewed], settings: Settings, threshold: float
) -> None:
    ordered = sorted(pages, key=lambda page: doubt(page.sheet, page.fields))
    by_id = {page.sheet.id: page for page in ordered}  # a file that is there twice is shown once
    state = st.session_state.get("review") or {}
    chosen = state.get("open")
    wanted = [chosen] if chosen in by_id else []
    wanted += [id_ for id_ in by_id if id_ != chosen][:_AHEAD]
    of_digest = {upload.digest: upload for upload in uploads}
    single = settings.mode == _settings.DIGITS
    history = [edit for edit in corrections().history if edit["id"] in by_id]
    sheets = {
        id_: OpenSheet(of_digest[page.sheet.digest], page.sheet) for id_, page in by_id.items()
    }
    st.session_state["open sheet"] = sheets[wanted[0]]
    st.session_state["corrected sheets"] = [
        each for each in sheets.values() if any(corrections().pairs([each.sheet]))
    ]
    _components.show_review(
        key="review",
        data={
            "token": settings.key,
            "threshold": threshold,
            "acknowledged": corrections().acknowledged,
            "history": history,
            "files": [_file(page) for page in by_id.values()],
            "pages": {
                id_: _page(by_id[id_], of_digest[by_id[id_].sheet.digest], single)
                for id_ in wanted
                if by_id[id_].sheet.error is None
            },
        },
        on_edits_change=_apply_edits,
        on_open_change=lambda: None,
    )


def _apply_edits() -> None:
    corrections().apply(st.session_state["review"].get("edits") or ())


def _file(page: Reviewed) -> dict[str, Any]:
    """Return the row of the table for a page."""
    sheet = page.sheet
    status = status_of_sheet(sheet, page.fields)
    texts = [each.text for each in page.fields if each.text and not each.is_part]
    more = len(texts) - _SHOWN_TEXTS
    text = "   ".join(texts[:_SHOWN_TEXTS]) + (f"   and {more} more" if more > 0 else "")
    message = _message(page)
    return {
        "id": sheet.id,
        "name": _name(page),
        "thumbnail": sheet.thumbnail,
        "text": text or message or "Nothing was read",
        "isMessage": not text,
        "message": message,
        "confidence": min((each.field.confidence for each in page.fields), default=0.0),
        "status": status,
    }


def _name(page: Reviewed) -> str:
    return page.name if not page.sheet.page else f"{page.name}, page {page.sheet.page + 1}"


def _message(page: Reviewed) -> str | None:
    if page.sheet.error is not None:
        return _export.error_message(page)
    return page.sheet.note or None


def _page(page: Reviewed, upload: Upload, single: bool) -> dict[str, Any]:
    """Return a page with its picture and fields for the component."""
    width, height = page.sheet.size
    return {
        "width": width,
        "height": height,
        "picture": _picture(page.sheet.id, page.sheet, upload),
        "fields": [_field(each, single) for each in page.fields],
    }


def _field(each: Checked, single: bool) -> dict[str, Any]:
    field = each.field
    return {
        "key": field.key,
        "label": field.label,
        "read": field.text,
        "text": each.text,
        "checked": each.status in ("checked", "corrected"),
        "confidence": field.confidence,
        "doubtful": each.status == "review",
        "box": list(field.box),
        "single": single,
        "marks": [
            {
                "value": mark.value,
                "confidence": mark.confidence,
                "box": list(mark.box),
                "candidates": [list(candidate) for candidate in mark.candidates],
            }
            for mark in field.marks
        ],
    }


@st.cache_data(max_entries=64, show_spinner=False)
def _picture(sheet_id: str, _sheet: Sheet, _upload: Upload) -> str:
    """Return the picture of a page as a data URL, for all visitors with the same file."""
    return data_url(page_picture(_upload, _sheet), _MAX_SIZE, quality=85)


# -- downloads --


def _offer_downloads(uploads: Sequence[Upload], pages: list[Reviewed], settings: Settings) -> None:
    """Offer what is read and corrected, in the order of the uploads; files are made on a click."""
    with st.container(horizontal=True, vertical_alignment="center"):
        _download(
            "Download CSV",
            *("numbers.csv", "text/csv", _export.to_table, pages, settings, ".csv"),
            help=_CSV_HELP,
        )
        if settings.mode == _settings.TABLE:
            _download("Download CSV, as tables", "tables.csv", "text/csv", _export.to_grid, pages)
        _download(
            "Download JSON", "numbers.json", "application/json", _export.to_json, pages, settings
        )
        if _export.can_write_parquet():
            kind = "application/vnd.apache.parquet"
            _download(
                "Download Parquet",
                "numbers.parquet",
                kind,
                _export.to_table,
                pages,
                settings,
                ".parquet",
            )
        else:
            st.markdown("Parquet needs pyarrow: `pip install 'ocrdigit[parquet]'`", width="content")
        found = list(corrections().pairs({page.sheet.id: page.sheet for page in pages}.values()))
        if found:
            of_digest = {upload.digest: upload for upload in uploads}
            label = f"Download training data ({len(found)})"
            _download(label, "training.zip", "application/zip", _training_data, found, of_digest)


def _download(
    label: str, name: str, kind: str, make: Any, *arguments: Any, help: str | None = None
) -> None:
    st.download_button(
        label,
        functools.partial(make, *arguments),
        name,
        kind,
        help=help,
        icon=":material/download:",
        on_click="ignore",
    )


def _training_data(found: Sequence[Any], uploads: dict[str, Upload]) -> bytes:
    return _export.to_training_data(
        (_export.crop_of(page_picture(uploads[sheet.digest], sheet), each.box), each.text)
        for sheet, each in found
        if each.text
    )
