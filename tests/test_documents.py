"""Documents: pages of PDF, TIFF and HEIC, which are decoded one at a time."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from core_cases import SANITIZED
from document_files import heic, number, page, pdf, saved
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

import ocrdigit
from ocrdigit import _pdf_pages
from ocrdigit._inputs import iterate_pages
from ocrdigit.cli import main

TEXTS = ("1874", "350", "27")


def black_and_white(text: str) -> np.ndarray:
    """Return a page of two levels, which a one-bit scan keeps as it is."""
    return np.where(page(text) > 128, 255, 0).astype(np.uint8)


@pytest.fixture(scope="module")
def scan() -> bytes:
    """A PDF of three one-bit scans."""
    return pdf([black_and_white(text) for text in TEXTS])


# -- PDF --


def test_scans_have_their_own_resolution(scan: bytes) -> None:
    """Their pixels are those of the embedded images."""
    found = list(iterate_pages(scan, "X"))
    assert [each.index for each in found] == [0, 1, 2]
    for each, text in zip(found, TEXTS, strict=True):
        assert np.array_equal(each.gray, black_and_white(text))
        assert each.color is each.gray


def test_all_pages_of_a_pdf_are_read(scan: bytes, tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    path.write_bytes(scan)
    for source in (scan, path, io.BytesIO(scan)):
        reading = ocrdigit.read(source)
        assert reading.text.split("\n") == list(TEXTS)
        assert [number.page for number in reading.numbers] == [0, 1, 2]
        assert reading.page_indices == (0, 1, 2)


@pytest.mark.skipif(SANITIZED or not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_the_lock_of_pdfium_free() -> None:
    """Another thread may render a page at the time of the fork: the fork waits for it."""
    held, forked = threading.Event(), threading.Event()

    def render() -> None:
        with _pdf_pages._lock:
            held.set()
            forked.wait(0.3)  # the fork cannot come before the lock is released

    thread = threading.Thread(target=render)
    thread.start()
    assert held.wait(60)
    child = os.fork()
    if child == 0:
        os._exit(0 if _pdf_pages._lock.acquire(blocking=False) else 1)
    forked.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _pdf_pages._lock.acquire(blocking=False)
    _pdf_pages._lock.release()


def test_a_digit_in_a_pdf_is_predicted(sample: Any) -> None:
    seven = np.pad(np.kron(255 - sample.X_test[7], np.ones((4, 4), np.uint8)), 9, mode="edge")
    assert ocrdigit.predict(pdf([seven, 255 - seven], "L")) == 7


def test_colours_of_a_scan_are_kept() -> None:
    red = np.full((300, 300, 3), 255, np.uint8)
    red[100:200, 100:120] = (204, 51, 0)  # of the web palette, which is not dithered
    (found,) = iterate_pages(pdf([red], "P"), "X")
    assert found.color.shape == (300, 300, 3)
    assert np.array_equal(found.color, red)
    assert found.gray.shape == (300, 300)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_pages(degrees: int) -> None:
    """Both turned scans, which are found turned, and pages with a rotation, which is applied."""
    pdfium = pytest.importorskip("pypdfium2", reason="install ocrdigit[pdf]")
    photo = ocrdigit.image.to_gray(ocrdigit.datasets.load_page().image)
    upright = ocrdigit.read(photo).text
    document = pdfium.PdfDocument(pdf([np.rot90(photo, degrees // 90)], "L", resolution=100))
    turned = ocrdigit.read(in_bytes(document))
    document[0].set_rotation(degrees)
    rotated = ocrdigit.read(in_bytes(document))
    assert rotated.pages[0].shape == photo.shape
    for text in (turned.text, rotated.text):  # a scan in a PDF is compressed with loss
        assert len(text) == len(upright)
        assert sum(a != b for a, b in zip(text, upright, strict=True)) <= 1


def in_bytes(document: Any) -> bytes:
    """Return a document of PDFium as a file."""
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def drawn(width: float, height: float) -> bytes:
    """Return a PDF without images: a page of that size in points with a square of an inch."""
    pdfium = pytest.importorskip("pypdfium2", reason="install ocrdigit[pdf]")
    raw = pdfium.raw
    document = pdfium.PdfDocument.new()
    sheet = document.new_page(width, height)
    square = raw.FPDFPageObj_CreateNewRect(72, 72, 72, 72)
    raw.FPDFPath_SetDrawMode(square, raw.FPDF_FILLMODE_WINDING, False)
    raw.FPDFPageObj_SetFillColor(square, 0, 0, 0, 255)
    raw.FPDFPage_InsertObject(sheet, square)
    sheet.gen_content()
    return in_bytes(document)


def test_pages_without_images_are_rendered_at_300_dpi() -> None:
    (found,) = iterate_pages(drawn(216, 288), "X")
    assert found.gray.shape == (1200, 900)
    assert (found.gray < 128).sum() == pytest.approx(300**2, rel=0.02)
    assert ocrdigit.read(drawn(216, 288)).text == ""


def test_large_pages_are_rendered_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocrdigit.limits, "MAX_RENDERED", 500_000)
    (found,) = iterate_pages(drawn(2160, 2880), "X")
    assert found.gray.size == pytest.approx(500_000, rel=0.01)


def test_five_thousand_pages() -> None:
    """The pages of a range, without work for the others."""
    pdfium = pytest.importorskip("pypdfium2", reason="install ocrdigit[pdf]")
    document = pdfium.PdfDocument.new()
    for _ in range(5000):
        document.new_page(144, 144)
    data = in_bytes(document)
    pages = [each.index for each in iterate_pages(data, "X", "4998-")]
    assert pages == [4997, 4998, 4999]
    assert next(iterate_pages(data, "X")).index == 0


def test_pdf_with_a_password(scan: bytes) -> None:
    """The file's encryption dictionary is enough: no key of it fits."""
    locked = saved_with_password(scan)
    for call in (ocrdigit.read, ocrdigit.predict, ocrdigit.read_table):
        with pytest.raises(ValueError, match="is a PDF with a password; save it without one"):
            call(locked)


def saved_with_password(data: bytes) -> bytes:
    """Return a PDF with the encryption of the standard security handler added to its trailer."""
    start = int(data.rsplit(b"startxref", 1)[1].split()[0])
    size = int(data.rsplit(b"/Size", 1)[1].split()[0])
    root = data.rsplit(b"/Root", 1)[1].split(b"R")[0].strip()
    key = b"<" + b"5a" * 32 + b">"
    encryption = b"<</Filter/Standard/V 1/R 2/O %s/U %s/P -44>>" % (key, key)
    place = len(data) + 1
    body = b"\n%d 0 obj%sendobj\n" % (size, encryption)
    table = b"xref\n%d 1\n%010d 00000 n \n" % (size, place)
    trailer = b"trailer<</Size %d/Root %s R/Encrypt %d 0 R/Prev %d/ID[<61><61>]>>\n" % (
        size + 1,
        root,
        size,
        start,
    )
    return b"".join((data, body, table, trailer, b"startxref\n%d\n%%%%EOF" % (place + len(body))))


@pytest.mark.parametrize("length", [9, 60, 0.5, 0.9])
def test_truncated_pdf(scan: bytes, length: float) -> None:
    cut = scan[: length if isinstance(length, int) else int(length * len(scan))]
    with pytest.raises(ValueError, match=r"image \(\d+ bytes\) is not a PDF that can be read"):
        ocrdigit.read(cut)


def with_page_tree(tree: bytes) -> bytes:
    """Return a PDF with a root of its tree of pages."""
    data, places = b"%PDF-1.4\n", []
    for index, item in enumerate((b"<</Type/Catalog/Pages 2 0 R>>", tree), 1):
        places.append(len(data))
        data += b"%d 0 obj%sendobj\n" % (index, item)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(data)
    return b"".join((data, b"xref\n0 3\n0000000000 65535 f \n", table, end))


def test_pdf_without_pages() -> None:
    pytest.importorskip("pypdfium2", reason="install ocrdigit[pdf]")
    for call in (ocrdigit.read, ocrdigit.predict):
        with pytest.raises(ValueError, match="is not a PDF that can be read, or has no pages"):
            call(with_page_tree(b"<</Type/Pages/Kids[]/Count 0>>"))


@pytest.mark.parametrize("kids", [b"", b"9 0 R", b"2 0 R"])
def test_pdf_with_pages_that_are_missing(kids: bytes) -> None:
    """However many the file says that it has."""
    pytest.importorskip("pypdfium2", reason="install ocrdigit[pdf]")
    data = with_page_tree(b"<</Type/Pages/Kids[%s]/Count 100000>>" % kids)
    for pages in (None, "1", slice(2), range(2)):
        with pytest.raises(ValueError, match=r"page 1 of .* cannot be rendered"):
            ocrdigit.read(data, pages=pages)
    with pytest.raises(ValueError, match=r"page 99999 of .* cannot be rendered"):
        ocrdigit.read(data, pages="99999-")
    many = with_page_tree(b"<</Type/Pages/Kids[%s]/Count 2000000000>>" % kids)
    with pytest.raises(ValueError, match="is not a PDF that can be read"):
        ocrdigit.read(many)


def test_pdf_bombs_are_refused_before_they_are_rendered() -> None:
    bomb = pdf([np.full((9, 9), 255, np.uint8)])  # checks for the extra
    data = io.BytesIO()
    Image.new("1", (20000, 20000), 1).save(data, "PDF")
    assert len(data.getvalue()) < 20 * len(bomb)
    with pytest.raises(ValueError, match=r"page 1 of .* is an image of 20000 x 20000 pixels"):
        ocrdigit.read(data)
    data = io.BytesIO()
    Image.new("RGB", (7000, 7000), (9, 99, 9)).save(data, "PDF")
    with pytest.raises(ValueError, match=r"page 1 of .* is too large: it would take \d+ MB"):
        ocrdigit.read(data)


def test_pdf_in_threads(scan: bytes) -> None:
    """PDFium is not thread-safe; pages of several documents are decoded in several threads."""
    texts: list[list[int]] = []

    def decode() -> None:
        for _ in range(5):
            texts.append([int(each.gray.sum()) for each in iterate_pages(scan, "X")])

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 20
    assert len({tuple(each) for each in texts}) == 1


@pytest.mark.parametrize(("library", "extra"), [("pypdfium2", "pdf"), ("pillow_heif", "heic")])
def test_missing_extras_are_named(tmp_path: Path, library: str, extra: str) -> None:
    starts = {"pdf": b"%PDF-1.4\n", "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"}
    path = tmp_path / f"file.{extra}"
    path.write_bytes(starts[extra])
    program = f"""
import sys
sys.modules[{library!r}] = None
import ocrdigit
try:
    ocrdigit.read({str(path)!r})
except ModuleNotFoundError as error:
    print(error)
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert f"pip install 'ocrdigit[{extra}]'" in output
    assert str(path) in output


# -- TIFF --


def test_pages_of_a_tiff_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved([page(text) for text in TEXTS], "TIFF")
    loaded: list[int] = []
    load = TiffImageFile.load
    monkeypatch.setattr(
        TiffImageFile, "load", lambda image: (loaded.append(image.tell()), load(image))[1]
    )
    pages = iterate_pages(io.BytesIO(data), "X")
    assert next(pages).index == 0
    assert set(loaded) == {0}
    assert next(pages).index == 1
    assert set(loaded) == {0, 1}
    pages.close()


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw", "packbits"])
def test_one_bit_tiff(compression: str) -> None:
    sheets = [black_and_white(text) for text in TEXTS]
    data = saved(sheets, "TIFF", "1", compression=compression)
    assert ocrdigit.read(data).text.split("\n") == list(TEXTS)
    for found, sheet in zip(iterate_pages(data, "X"), sheets, strict=True):
        assert np.array_equal(found.gray, sheet)


def test_truncated_tiff() -> None:
    data = saved([page(text) for text in TEXTS], "TIFF")
    pages = iterate_pages(data[: len(data) // 2], "X")
    assert next(pages).gray.shape == (400, 300)
    with pytest.raises(ValueError, match=r"page 2 of X \(\d+ bytes\) is not an image"):
        next(pages)


def test_pages_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the caller that keeps them; a stream of pages goes on."""
    data = saved([page("27", 1000, 1000)] * 8, "TIFF", compression="tiff_lzw")
    monkeypatch.setattr(ocrdigit.limits, "MAX_BYTES", 5_000_000)
    monkeypatch.setattr(ocrdigit.limits, "EXPANSION", 0)
    assert len(list(iterate_pages(data, "X"))) == 8
    message = r"page 4 of .* would take 3 MB to decode, beside 3 MB of pages .* pages= selects"
    with pytest.raises(ValueError, match=message):
        ocrdigit.read(data)
    assert ocrdigit.read(data, pages="4-5").text == "27\n27"


def test_kept_pages_are_limited_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved([page("27", 200, 200)] * 5, "TIFF")
    monkeypatch.setattr(ocrdigit.limits, "MAX_PAGES", 4)
    with pytest.raises(ValueError, match=r"more than 4 pages, .*; pages= selects some"):
        ocrdigit.read(data)
    assert ocrdigit.read(data, pages="2-5").page_indices == (1, 2, 3, 4)
    assert len(list(iterate_pages(data, "X"))) == 5


# -- HEIC --


def test_heic() -> None:
    for data in (heic(page("1874")), heic(np.dstack([page("1874")] * 3))):
        reading = ocrdigit.read(data)
        assert reading.text == "1874"
        assert reading.pages[0].shape == (400, 300)
    with pytest.raises(ValueError, match=r"which has 1 page$"):
        ocrdigit.read(heic(page("1874")), pages="2")


def test_heic_is_turned_once() -> None:
    """Its decoder turns it, so that EXIF's orientation no longer holds."""
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = page("1874")
    data = heic(np.ascontiguousarray(np.rot90(upright)), exif=exif.tobytes())
    (found,) = iterate_pages(data, "X")
    assert found.gray.shape in (upright.shape, upright.shape[::-1])
    assert ocrdigit.read(data).text == "1874"


def test_truncated_heic() -> None:
    data = heic(page("1874"))
    for length in (32, 200, len(data) // 2):
        with pytest.raises(ValueError, match="is not a HEIC image that can be read"):
            ocrdigit.read(data[:length])


def test_large_heic(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(page("1874"))
    monkeypatch.setattr(ocrdigit.limits, "MAX_BYTES", 100_000)
    monkeypatch.setattr(ocrdigit.limits, "EXPANSION", 0)
    with pytest.raises(ValueError, match=r"\(300 x 400 pixels\) is too large"):
        ocrdigit.read(data)


# -- selection of pages --


@pytest.mark.parametrize(
    ("pages", "indices"),
    [
        ("1", [0]),
        ("2-3", [1, 2]),
        (" 3 , 1 ", [0, 2]),
        ("1-2,2-9", [0, 1, 2]),
        ("2-", [1, 2]),
        (0, [0]),
        (-1, [2]),
        (range(1, 9), [1, 2]),
        (range(2, 0, -1), [1, 2]),
        (slice(None, 2), [0, 1]),
        (slice(None, None, 2), [0, 2]),
        ([2, 0], [0, 2]),
    ],
)
def test_selected_pages(pages: Any, indices: list[int]) -> None:
    data = saved([page(text) for text in TEXTS], "TIFF")
    reading = ocrdigit.read(data, pages=pages)
    assert reading.page_indices == tuple(indices)
    assert reading.text.split("\n") == [TEXTS[index] for index in indices]
    assert [number.page for number in reading.numbers] == indices
    assert [each["page"] for each in reading.to_dict()["pages"]] == indices
    assert {row["page"] for row in reading.to_rows()} == set(indices)
    for index in indices:
        assert reading.draw(index).size == (300, 400)
    assert reading.draw().tobytes() == reading.draw(indices[0]).tobytes()


def test_pages_that_were_not_read_are_not_drawn() -> None:
    reading = ocrdigit.read(saved([page(text) for text in TEXTS], "TIFF"), pages="2-3")
    for index in (0, 3, -1):
        with pytest.raises(IndexError, match="page must be one that was read, 1, 2; got"):
            reading.draw(index)


@pytest.mark.parametrize(
    ("pages", "kind", "message"),
    [
        ("", ValueError, "got ''"),
        ("0", ValueError, "counts from 1"),
        ("3-2", ValueError, "range '3-2' is empty"),
        ("a", ValueError, "got 'a'"),
        ("1,,2", ValueError, "got '1,,2'"),
        ("-2", ValueError, "got '-2'"),
        ("9", ValueError, "pages='9' selects page 9 of image .*, which has 3 pages"),
        ("4-", ValueError, "selects no page of .* 3 pages"),
        (3, ValueError, "pages=3 selects page 4"),
        (-4, ValueError, "pages=-4 selects page 0"),
        ([], ValueError, "selects no page"),
        (range(3, 9), ValueError, "selects no page"),
        (range(-1, 2), ValueError, "index below 0"),
        (slice("a"), TypeError, "slice"),
        (True, TypeError, "got True"),
        (1.0, TypeError, "got 1.0"),
        ([True], TypeError, r"got \[True\]"),
    ],
)
def test_bad_pages(pages: Any, kind: type[Exception], message: str) -> None:
    data = saved([page(text) for text in TEXTS], "TIFF")
    with pytest.raises(kind, match=message):
        ocrdigit.read(data, pages=pages)


def test_images_in_memory_have_one_page() -> None:
    assert ocrdigit.read(number("1874"), pages="1").text == "1874"
    with pytest.raises(ValueError, match="pages='2' selects page 2 of image, which has 1 page"):
        ocrdigit.read(number("1874"), pages="2")


def test_command_line(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    path.write_bytes(saved([page(text) for text in TEXTS], "TIFF"))
    command = ["read", str(path), "--pages", "2-3"]
    assert CliRunner().invoke(main, command).output.split() == list(TEXTS[1:])
    (answer,) = json.loads(CliRunner().invoke(main, [*command, "--json"]).output)
    assert [each["page"] for each in answer["pages"]] == [1, 2]
    CliRunner().invoke(main, [*command, "--draw", str(tmp_path / "boxes")])
    drawn = sorted(each.name for each in (tmp_path / "boxes").iterdir())
    assert drawn == ["pages-2.png", "pages-3.png"]
    result = CliRunner().invoke(main, ["read", str(path), "--pages", "x"])
    assert result.exit_code == 1
    assert "counts from 1" in result.output
