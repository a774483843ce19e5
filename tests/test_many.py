"""Reading many sources: results, statuses, pages, timings."""

from __future__ import annotations

import gc
import io
import json
import pickle
import weakref
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ocrdigit
from ocrdigit import _core, synth
from ocrdigit.batch import Source
from ocrdigit.many import ReadingJob
from ocrdigit.models.recognizer import shipped_recognizer

FIELDS = synth.strings(6, length=(3, 6), random_state=4)
BLANK = np.full((60, 200), 255, np.uint8)


def read_many(sources: object, **options: Any) -> list[ocrdigit.PageResult]:
    return list(ocrdigit.read_many(sources, progress=False, **options))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for i, field in enumerate(FIELDS):
        Image.fromarray(field.image).save(folder / f"{i}.png")
    pages = [Image.fromarray(page) for page in (FIELDS[0].image, BLANK, FIELDS[1].image)]
    pages[0].save(folder / "pages.tiff", save_all=True, append_images=pages[1:])
    return folder


def test_results_equal_those_of_read(folder: Path) -> None:
    results = read_many(folder)
    readings = [ocrdigit.read(folder / f"{i}.png") for i in range(len(FIELDS))]
    assert [r.source for r in results] == [
        *(str(folder / f"{i}.png") for i in range(6)), *[str(folder / "pages.tiff")] * 3
    ]  # fmt: skip
    for result, reading in zip(results, readings, strict=False):
        assert (result.page, result.text) == (0, reading.text)
        assert result.numbers == reading.numbers
        assert result.rows == reading.rows
        assert result.confidence == pytest.approx(reading.numbers[0].confidence)
        assert result.value == Decimal(reading.text)


def test_pages_of_a_file(folder: Path) -> None:
    results = read_many(folder / "pages.tiff")
    assert [(r.page, r.status) for r in results] == [(0, "read"), (1, "empty"), (2, "read")]
    reading = ocrdigit.read(folder / "pages.tiff")
    assert "\n".join(r.text for r in results if r.text) == reading.text
    assert results[1].confidence == 0
    assert results[1].value is None
    assert [row["page"] for r in results for row in r.to_rows()] == [0, 1, 2]


def test_sources_of_all_kinds(folder: Path) -> None:
    path = folder / "0.png"
    with Image.open(path) as image:
        image.load()
    for source in (path, str(path), path.read_bytes(), image, FIELDS[0].image, [path], f"{path}*"):
        (result,) = read_many(source)
        assert result.text == ocrdigit.read(path).text
    assert len(read_many(folder)) == len(read_many(iter([folder]))) == 9


def test_review(folder: Path) -> None:
    results = read_many(folder, min_confidence=0.95)
    for result in results:
        low = any(number.confidence < 0.95 for number in result.numbers)
        assert result.status == ("review" if low else "read" if result.numbers else "empty")
        statuses = [row["status"] for row in result.to_rows()]
        if result.numbers:
            assert statuses == ["review" if n.confidence < 0.95 else "read" for n in result.numbers]
    assert {r.status for r in read_many(folder, min_confidence=1)} == {"review", "empty"}
    for wrong, error in ((1.5, ValueError), ("high", TypeError)):
        with pytest.raises(error, match="min_confidence must be"):
            ocrdigit.read_many(folder, min_confidence=wrong)


def test_check() -> None:
    (result,) = read_many(FIELDS[0].image, check=lambda text: False)
    assert result.status == "review"
    assert result.numbers == ()
    assert len(result.rejected) == 1
    (row,) = result.to_rows()
    assert (row["status"], row["row"], row["text"]) == ("review", None, result.rejected[0].text)


def test_errors(folder: Path) -> None:
    (folder / "3.png").write_bytes(b"")
    (folder / "4.png").write_bytes((folder / "4.png").read_bytes()[:80])
    (folder / "5.png").unlink()
    (folder / "5.png").symlink_to("5.png")
    sources = [folder, np.zeros((0, 3)), object(), np.full((4, 4), np.nan)]
    results = read_many(sources, on_error="return")
    failed = {r.source.rpartition("/")[2]: str(r.error) for r in results if r.status == "failed"}
    assert [name for name in failed if name.endswith(".png")] == ["3.png", "4.png", "5.png"]
    assert len(failed) == 6
    assert "3.png is not an image that can be read" in failed["3.png"]
    assert "Too many levels of symbolic links" in failed["5.png"]
    messages = [text for name, text in failed.items() if name.startswith("sources")]
    assert "is empty: shape (0, 3)" in messages[0]
    assert "is of type object; an image is" in messages[1]
    assert all(text.startswith("sources[") for text in messages)
    assert [r.page for r in results if r.error] == [None] * 6
    with pytest.raises(ValueError, match=r"3\.png is not an image"):
        read_many(folder)


def test_one_corrupt_file_in_100_is_isolated(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(FIELDS[0].image).save(data, "png")
    good = data.getvalue()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 0xFF  # a checksum tells
    results = read_many([good] * 70 + [bytes(flipped)] + [good] * 29, on_error="return")
    assert [i for i, result in enumerate(results) if result.error] == [70]
    assert len({result.text for result in results if not result.error}) == 1


def test_pages_are_kept_on_request_only() -> None:
    images = [np.array(field.image) for field in FIELDS]
    kept = read_many(images, keep_pages=True)
    assert [r.gray.tolist() for r in kept] == [image.tolist() for image in images]
    assert kept[0].picture.shape[:2] == kept[0].gray.shape
    results = read_many(images)
    assert all(r.gray is None and r.picture is None for r in results)
    references = [weakref.ref(image) for image in images]
    del images, kept
    gc.collect()
    assert [reference() for reference in references] == [None] * len(FIELDS)
    assert len(results) == len(FIELDS)


def test_timings() -> None:
    page = ocrdigit.datasets.load_page().image
    (result,) = read_many(page, timings=True)
    assert read_many(page)[0].timings is None
    assert ocrdigit.read(page).timings is None
    reading = ocrdigit.read(page, timings=True)
    for timings in (result.timings, reading.timings):
        stages = (timings.decode, timings.segment, timings.recognize, timings.classify)
        assert min(stages) > 0
        assert sum(stages) <= timings.total
    assert reading.to_dict()["timings"]["total"] == reading.timings.total
    assert "timings" not in ocrdigit.read(page).to_dict()


def test_timings_of_pages_add_up(folder: Path) -> None:
    results = read_many(folder / "pages.tiff", timings=True)
    reading = ocrdigit.read(folder / "pages.tiff", timings=True)
    assert min(result.timings.decode for result in results) > 0
    assert results[1].timings.recognize < results[0].timings.recognize
    stages = reading.timings
    assert stages.decode + stages.segment + stages.recognize + stages.classify <= stages.total


def test_a_job_can_be_pickled(folder: Path) -> None:
    model = ocrdigit.load("tiny")
    job = ReadingJob(pattern=r"\d{3,6}", min_confidence=0.9, model=model, lexicon=None)
    copy = pickle.loads(pickle.dumps(job))
    assert copy.settings == job.settings
    assert copy.run(Source("a", FIELDS[0].image)) == job.run(Source("a", FIELDS[0].image))


def test_words_of_a_generator() -> None:
    job = ReadingJob(lexicon=(word for word in ("12", "34")))
    assert job.settings == ReadingJob(lexicon=["34", "12"]).settings
    assert job.settings != ReadingJob(lexicon=["12"]).settings
    pickle.loads(pickle.dumps(job))


def test_threads_change_nothing(folder: Path) -> None:
    assert read_many(folder, n_jobs=1) == read_many(folder, n_jobs=3)


def test_options_are_checked_at_once() -> None:
    with pytest.raises(ValueError, match="pattern"):
        ocrdigit.read_many([], pattern="(")
    with pytest.raises(ValueError, match="table must be one of"):
        read_many(BLANK)[0].to_rows("digits")


def test_rows_of_symbols() -> None:
    (result,) = read_many(FIELDS[0].image)
    rows = result.to_rows("symbols")
    symbols = result.numbers[0].symbols
    assert [row["value"] for row in rows] == [str(symbol.value) for symbol in symbols]
    assert [(row["x"], row["y"], row["width"], row["height"]) for row in rows] == [
        symbol.box for symbol in symbols
    ]
    (row,) = read_many(BLANK)[0].to_rows("symbols")
    assert (row["status"], row["value"]) == ("empty", None)


def test_selected_pages(folder: Path) -> None:
    """The pages of each source are counted as those of read; they decide the rows."""
    chosen = read_many(folder / "pages.tiff", pages="2")
    assert [result.page for result in chosen] == [1]
    assert ReadingJob(pages="2").settings != ReadingJob().settings


def test_to_dict(folder: Path) -> None:
    (folder / "zero.png").write_bytes(b"")
    found, *_, failed = [result.to_dict() for result in read_many(folder, on_error="return")]
    assert found["rows"][0][0]["text"] == found["text"]
    assert json.loads(json.dumps(found)) == found
    assert failed.keys() == {"source", "page", "status", "error"}


def test_damaged_page_after_others(folder: Path) -> None:
    """The pages before it are kept."""
    data = (folder / "pages.tiff").read_bytes()
    (folder / "pages.tiff").write_bytes(data[: len(data) // 2])
    with Image.open(io.BytesIO(data)) as image:
        image.seek(1)
    results = read_many(folder / "pages.tiff", on_error="return")
    assert [r.page for r in results] in ([0, None], [0, 1, None])
    assert results[0].text == FIELDS[0].text
    assert results[-1].status == "failed"


def test_wrong_pages_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="pages must be text"):
        ocrdigit.read_many([], pages="abc")
    with pytest.raises(TypeError, match="pages must be text"):
        ocrdigit.read_many([], pages=1.5)


def test_kept_pages_are_limited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocrdigit.limits, "MAX_PAGES", 1)
    assert [r.error for r in read_many(folder / "pages.tiff")] == [None] * 3
    kept = read_many(folder / "pages.tiff", keep_pages=True, on_error="return")
    assert kept[-1].status == "failed"


def test_settings_tell_models_and_checks_apart() -> None:
    def settings(**parameters: Any) -> object:
        return ReadingJob(**parameters).settings

    model = ocrdigit.load("tiny")
    assert settings(model=model) == settings(model=ocrdigit.load("tiny"))
    assert settings(model=model) != settings(model=ocrdigit.load("tiny", precision="int8"))
    assert settings(check=lambda text: len(text) > 3) != settings(check=lambda text: len(text) > 4)
    assert settings(check=ocrdigit.checks.luhn) == settings(check=ocrdigit.checks.luhn)


def test_folders_have_all_formats_that_are_opened() -> None:
    Image.init()
    known = {
        suffix
        for suffix, name in Image.registered_extensions().items()
        if name in ocrdigit.limits.FORMATS
    }
    assert known <= {*ocrdigit.limits.PICTURE_SUFFIXES, ".pfm"}


def test_one_thread_reads_the_same() -> None:
    page = ocrdigit.datasets.load_page().image
    gray = ocrdigit.image.to_gray(page)
    for index in (0, 1):
        several = _core.read_symbols(shipped_recognizer(), gray)[index]
        one = _core.read_symbols(shipped_recognizer(), gray, parallel=False)[index]
        assert several.tolist() == one.tolist()


def test_seconds_of_the_core() -> None:
    seconds: dict[str, float] = {"other": 1.0}
    _core.read_symbols(shipped_recognizer(), FIELDS[0].image, seconds=seconds)
    assert list(seconds) == ["other", "segment", "recognize", "classify"]
    assert seconds["classify"] == 0  # without a classifier
    with pytest.raises(TypeError, match=r"seconds: got \[\], expected a dict"):
        _core.read_symbols(shipped_recognizer(), BLANK, seconds=[])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="parallel"):
        _core.read_symbols(shipped_recognizer(), BLANK, parallel="no")  # type: ignore[arg-type]
