"""The scripts that train the shipped networks, on little data that the tests draw.

Processes are replaced by threads, so that the scripts use the digits and sizes set here.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import ocrdigit
from ocrdigit import synth
from ocrdigit.datasets import Dataset
from ocrdigit.models import detector as detector_files
from ocrdigit.models import files, path_of
from ocrdigit.models import recognizer as recognizer_files
from ocrdigit.synth import NON_DIGIT
from ocrdigit.training import (
    _checkpoints,
    _data,
    _document_examples,
    _examples,
    _reading_networks,
    classifier,
    clutter,
    confidence,
    detector,
    documents,
    field_crops,
    field_lines,
    fusion,
    grids,
    line_images,
    page_crops,
    recognizer,
)
from ocrdigit.training._augmentation import moderate
from ocrdigit.training._examples import Examples

pytest.importorskip("HersheyFonts")

Gray = NDArray[np.uint8]

NUMBERS = ("1874", "3560", "90417", "22", "633165", "48")
WORDS = ("Moreau", "vente", "Dubois", "bail")


@pytest.fixture
def written(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> synth.Digits:
    """The digits that all pictures are written with: the sample's, not MNIST's and UCI's."""
    digits = synth.Digits(sample.X_train[:400], sample.y_train[:400])
    for module in (line_images, _examples, _document_examples, page_crops, field_crops):
        monkeypatch.setattr(module, "handwriting", lambda folder, rng: digits)
    return digits


def shrink(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **sizes: object) -> None:
    """Set constants of a script, and let it work in threads."""
    for name, size in sizes.items():
        monkeypatch.setattr(module, f"_{name}", size)
    if hasattr(module, "ProcessPoolExecutor"):
        monkeypatch.setattr(module, "ProcessPoolExecutor", ThreadPoolExecutor)


def run(monkeypatch: pytest.MonkeyPatch, script: ModuleType, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [script.__name__, *map(str, arguments)])
    script.main()


def assert_equal_networks(first: Any, second: Any) -> None:
    a, b = first.weights(), second.weights()
    assert list(a) == list(b)
    assert all(np.array_equal(a[name], b[name]) for name in a)


# -- data --


def place(page: Gray, picture: Gray, x: int, y: int) -> list[int]:
    """Darken a page by a light picture at (x, y); return the box."""
    h, w = picture.shape
    window = page[y : y + h, x : x + w]
    np.minimum(window, 235 - (picture * 0.8).astype(np.uint8), out=window)
    return [x, y, w, h]


def written_number(digits: Dataset, number: str, rng: np.random.Generator) -> Gray:
    parts = []
    for value in map(int, number):
        digit = digits.X_train[rng.choice(np.flatnonzero(digits.y_train == value))]
        digit = ocrdigit.image.resize(digit, (40, 40))
        columns = np.flatnonzero(digit.max(axis=0) > 60)
        parts.append(np.pad(digit[6:34, columns[0] : columns[-1] + 1], ((0, 0), (0, 5))))
    return np.hstack(parts)


def printed(text: str, size: int) -> Gray:
    font = ImageFont.load_default(size)
    left, top, right, bottom = map(int, font.getbbox(text))
    canvas = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), text, 255, font)
    return np.asarray(canvas)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sample: Dataset) -> Path:
    """A folder with three pages of registers and two photos of sudokus."""
    folder = tmp_path_factory.mktemp("training")
    write_registers(folder / "registers", sample)
    write_grids(folder / "grids")
    return folder


def write_registers(folder: Path, sample: Dataset) -> None:
    """Write pages of two columns of numbers, and one of words."""
    folder.mkdir()
    labels = []
    for index, part in enumerate(("train", "train", "validation")):
        rng = np.random.default_rng(index)
        page = np.full((420, 760), 235, np.uint8)
        lines: list[dict[str, Any]] = []
        for k, number in enumerate(NUMBERS):
            x, y = 60 + 250 * (k % 2), 50 + 120 * (k // 2)
            box = place(page, written_number(sample, number, rng), x, y)
            lines.append({"text": number, "box": box})
        for k, word in enumerate(WORDS):
            lines.append({"text": word, "box": place(page, printed(word, 34), 560, 50 + 90 * k)})
        Image.fromarray(page).save(folder / f"{index}.png")
        labels.append({"image": f"{index}.png", "part": part, "lines": lines})
    (folder / "labels.json").write_text(json.dumps(labels))


SUDOKU = np.array([[(3 * (i % 3) + i // 3 + j) % 9 + 1 for j in range(9)] for i in range(9)])


def write_grids(folder: Path) -> None:
    """Write two photos of printed sudokus; one of them is labelled with another one's digits."""
    folder.mkdir()
    labels = []
    for index, truth in enumerate((SUDOKU, SUDOKU % 9 + 1)):
        page = np.full((500, 500), 235, np.uint8)
        for k in range(10):
            at = 34 + 48 * k
            page[at : at + 2, 34:468] = page[34:468, at : at + 2] = 60
        for (i, j), value in np.ndenumerate(SUDOKU):
            place(page, printed(str(value), 30), 50 + 48 * j, 46 + 48 * i)
        Image.fromarray(page).save(folder / f"{index}.png")
        labels.append({"image": f"{index}.png", "part": "train", "grid": truth.tolist()})
    (folder / "labels.json").write_text(json.dumps(labels))


def accuracy(examples: Examples) -> float:
    """Return the proportion of the digits among examples that the shipped model reads."""
    digits = examples.labels < NON_DIGIT
    return float((ocrdigit.predict(examples.images[digits]) == examples.labels[digits]).mean())


# -- line images --


def test_clutter_is_dark_on_light() -> None:
    rng = np.random.default_rng(0)
    pictures = [clutter.clutter(32, 240, rng) for _ in range(60)]
    assert {picture.shape[0] for picture in pictures} == {32}
    widths = [picture.shape[1] for picture in pictures]
    assert 4 <= min(widths) < 60
    assert 180 < max(widths) <= 240
    assert all(picture.dtype == np.uint8 for picture in pictures)
    assert np.mean([np.percentile(picture, 90) > 150 for picture in pictures]) > 0.9
    assert np.mean([picture.min() < 100 for picture in pictures]) > 0.5


def test_register_fields_are_the_numbers_of_a_part(folder: Path) -> None:
    fields = field_lines.register_fields(str(folder), "validation")
    assert [text for _, _, text in fields] == list(NUMBERS)
    for pixels, number, _ in fields:
        assert pixels.shape == number.shape
        assert pixels[number].mean() < 160 < np.median(pixels)


def test_varied_fields_have_the_height_of_line_images(folder: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = field_lines.register_pictures(str(folder), 40, rng)
    assert {picture.text for picture in pictures} <= set(NUMBERS)
    assert len({picture.text for picture in pictures}) > 3
    for picture in pictures:
        assert picture.image.shape[0] == recognizer_files.HEIGHT
        assert 10 <= picture.image.shape[1] <= 240
        assert "".join(map(str, picture.values)) == picture.text
        assert picture.image.min() < 150 < np.median(picture.image)


def test_line_images_and_labels(folder: Path, written: synth.Digits) -> None:
    images, labels = line_images.make_line_images(str(folder), None, 3, 16)
    again, labels_again = line_images.make_line_images(str(folder), None, 3, 16)
    assert np.array_equal(images, again)
    assert np.array_equal(labels, labels_again)
    other, _ = line_images.make_line_images(str(folder), None, 4, 16)
    assert not np.array_equal(images[:5], other[:5])
    assert images.shape == (len(labels), recognizer_files.HEIGHT, line_images.WIDTH)
    assert labels.shape[1] == line_images.MAX_SYMBOLS
    is_symbol = labels < recognizer_files.BLANK
    assert labels.max() == recognizer_files.BLANK
    assert (is_symbol[:, :-1] >= is_symbol[:, 1:]).all()  # padded at the end
    assert is_symbol.any(axis=1).mean() > 0.8


# -- examples of digits --


def test_examples_of_registers(folder: Path) -> None:
    found = _document_examples.register_examples(str(folder), "train", 0)
    again = _document_examples.register_examples(str(folder), "train", 0)
    assert np.array_equal(found.images, again.images)
    assert np.array_equal(found.labels, again.labels)
    digits = found.labels[found.labels < NON_DIGIT]
    counts = np.bincount(digits, minlength=10)
    written = np.bincount([int(c) for c in "".join(NUMBERS)], minlength=10)
    assert (counts <= 2 * 3 * written).all()  # three crops of each digit of both pages
    assert len(digits) > 0.7 * 2 * 3 * written.sum()
    assert (found.labels == NON_DIGIT).any()
    assert accuracy(found) > 0.9


def test_examples_of_grids_are_of_photos_with_right_labels(folder: Path) -> None:
    photos = [
        grids.read_grid_photo(str(folder), labels)
        for labels in grids.read_grid_labels(str(folder), "train")
    ]
    assert photos[0] is not None
    assert len(photos[0].cells) > 70
    assert photos[1] is None  # the labels are not those of its digits
    assert grids.read_grid_labels(str(folder), "validation") == []
    found = _document_examples.grid_examples(str(folder), "train", 0)
    assert 81 < len(found.labels) <= 162
    assert set(found.labels.tolist()) == set(range(1, 10))
    assert accuracy(found) > 0.8
    empty = _document_examples.grid_examples(str(folder), "validation", 0)
    assert empty.images.shape == (0, 28, 28)
    assert empty.labels.shape == (0,)


def test_drawn_examples(folder: Path, written: synth.Digits) -> None:
    found = _document_examples.drawn_examples(str(folder), str(folder), 0, 80)
    again = _document_examples.drawn_examples(str(folder), str(folder), 0, 80)
    assert np.array_equal(found.images, again.images)
    assert 60 < len(found.labels) <= 80
    assert set(found.labels.tolist()) == set(range(10))
    assert accuracy(found) > 0.7


def test_document_non_digits(folder: Path, written: synth.Digits) -> None:
    images = _document_examples.document_non_digits(str(folder), str(folder), 0, 60)
    again = _document_examples.document_non_digits(str(folder), str(folder), 0, 60)
    assert images.shape == (60, 28, 28)
    assert np.array_equal(images, again)
    assert np.mean(np.asarray(ocrdigit.digit_score(images)) < 0.5) > 0.8


# -- the detector --


def test_detector(
    folder: Path,
    written: synth.Digits,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shrink(monkeypatch, detector, CHUNK=12, VALIDATION=4)
    X, y = detector.make_crops(str(folder), str(folder), 12, 0, 1)
    assert X.shape == (12, detector_files.SIDE, detector_files.SIDE)
    assert y.shape == (12, detector_files.SIDE // 4, detector_files.SIDE // 4)
    assert set(np.unique(y)) <= {0, 1, 2, 3, detector_files.IGNORED}
    again = detector.make_crops(str(folder), str(folder), 12, 0, 2)
    assert np.array_equal(X, again[0])
    assert np.array_equal(y, again[1])

    out, checkpoint = tmp_path / "detector.safetensors", tmp_path / "checkpoint"
    arguments = ("--data", folder, "--fonts", folder, "--out", out, "--epochs", 2, "--crops", 12)

    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    arguments = (*arguments, "--checkpoint", checkpoint, "--every", 1)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(_reading_networks, "print_progress", stop)
        with pytest.raises(KeyboardInterrupt):
            run(interrupted, detector, *arguments)
    assert checkpoint.exists()
    assert not out.exists()
    run(monkeypatch, detector, *arguments)
    assert capsys.readouterr().out.startswith("12 crops in ")
    assert not checkpoint.exists()
    straight = tmp_path / "straight"
    detector_files.write_detector(str(straight), detector.train(X, y, 2))
    assert_equal_networks(
        detector_files.read_detector(str(out)), detector_files.read_detector(str(straight))
    )


def test_grids_without_a_table_have_no_crops(tmp_path: Path) -> None:
    (tmp_path / "grids").mkdir()
    Image.new("L", (300, 300), 200).save(tmp_path / "grids" / "0.png")
    labels = [{"image": "0.png", "part": "train", "grid": SUDOKU.tolist()}]
    (tmp_path / "grids" / "labels.json").write_text(json.dumps(labels))
    with pytest.raises(ValueError, match="has no photo for training whose table is found"):
        detector.grid_crops(str(tmp_path), 0, 3)


# -- the line recognizer --


def test_recognizer(
    folder: Path,
    written: synth.Digits,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shrink(monkeypatch, recognizer, CHUNK=10, VALIDATION=4)
    out = tmp_path / "recognizer.safetensors"
    run(monkeypatch, recognizer, "--data", folder, "--out", out, "--epochs", 1, "--pictures", 20)
    parts = [line_images.make_line_images(str(folder), None, seed, 10) for seed in (1, 2)]
    count = sum(len(labels) for _, labels in parts)
    assert f"{count:,} line images in " in capsys.readouterr().out
    again = recognizer.train(str(folder), None, 20, 1, jobs=1)
    recognizer_files.write_recognizer(str(tmp_path / "again"), again)
    assert_equal_networks(
        recognizer_files.read_recognizer(str(out)),
        recognizer_files.read_recognizer(str(tmp_path / "again")),
    )


def test_steps_between_savings() -> None:
    parser = argparse.ArgumentParser()
    _checkpoints.add_checkpoint_arguments(parser)
    assert vars(parser.parse_args([])) == {"checkpoint": None, "every": "epoch"}
    assert parser.parse_args(["--every", "20"]).every == 20
    assert parser.parse_args(["--every", "epoch"]).every == "epoch"
    with pytest.raises(SystemExit):
        parser.parse_args(["--every", "often"])


# -- score fusion --


def test_lines_of_registers(folder: Path) -> None:
    lines = fusion.register_lines(str(folder), "train")
    assert [line.text for line in lines] == [*NUMBERS, *WORDS] * 2
    for line in lines:
        x, y, w, h = line.box
        assert (x, y) == (6, 6)
        assert line.image.shape == (h + 12, w + 12)
        assert line.image[y : y + h, x : x + w].min() < 120


@pytest.fixture
def held_out(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Digits that no network was trained on: the sample's last 300 and 50 as bitmaps."""
    small = Dataset(sample.X_train, sample.y_train, sample.X_test[:50], sample.y_test[:50], "")
    bitmaps = small.X_test[:, ::2, ::2] // 128 * 255
    other = Dataset(small.X_train, small.y_train, bitmaps, small.y_test, "")
    monkeypatch.setattr(fusion, "load_mnist", lambda folder: small)
    monkeypatch.setattr(fusion, "load_optdigits", lambda folder: other)
    monkeypatch.setattr(fusion, "TRAINING_DIGITS", len(small.X_train) - 300)
    return small


def test_fusion(
    folder: Path,
    held_out: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    digits = fusion.held_out_digits(str(folder))
    assert len(digits.images) == 350
    assert np.array_equal(digits.images[:300], held_out.X_train[-300:])
    assert digits.labels[-50:].tolist() == held_out.y_test.tolist()

    shrink(monkeypatch, fusion, STRINGS=60, SPACED=30, WORDS=24, CLUTTER=24, DOCUMENTS=6)
    out = tmp_path / "fusion.json"
    run(monkeypatch, fusion, "--data", folder, "--out", out)
    weights = recognizer_files.read_fusion(str(out)).to_dict()
    assert all(np.isfinite(value) for value in weights.values())
    assert weights["prior_mean"] == fusion.PRIOR_MEAN
    output = capsys.readouterr().out
    for kind, count in (("numbers", 30), ("spaced", 15), ("words", 12), ("clutter", 12)):
        assert f"{kind}: {count} pictures, " in output


def test_confidence(
    folder: Path,
    held_out: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shrink(monkeypatch, confidence, STRINGS=80, CUT=0.5)
    drawn = confidence.fields(str(folder), 0)
    assert [digits for _, digits in drawn[80:]] == list(NUMBERS)
    widths = np.array([image.shape[1] for image, _ in drawn[:80]])
    shrink(monkeypatch, confidence, CUT=0.0)
    whole = np.array([image.shape[1] for image, _ in confidence.fields(str(folder), 0)[:80]])
    assert (widths <= whole).all()
    assert 0.3 < (widths < whole).mean() < 0.7

    out = tmp_path / "confidence.json"
    run(monkeypatch, confidence, "--data", folder, "--out", out)
    count, right = re.match(r"(\d+) fields, ([\d.]+)% right: ", capsys.readouterr().out).groups()
    assert 60 < int(count) <= 86
    assert float(right) > 50
    weights = json.loads(out.read_text())
    assert all(np.isfinite(value) for value in weights.values())


# -- classifiers --


@pytest.fixture
def examples(sample: Dataset) -> _data.Data:
    """Some of everything that classifiers are trained on."""
    labels = sample.y_train.astype(np.uint8)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    return _data.Data(
        mnist=Examples(sample.X_train[:200], labels[:200]),
        crops=Examples(sample.X_train[200:260], labels[200:260]),
        non_digits=noise,
        other_writers=Examples(sample.X_train[260:300], labels[260:300]),
        validation=Examples(sample.X_train[300:500], labels[300:500]),
    )


def test_data_of_classifiers(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch, _data, CHUNK=5, CROP_CHUNKS=2, NON_DIGIT_CHUNKS=2)

    def numbered(first: int) -> Any:
        def make(folder: str, seed: int, count: int) -> Examples:
            assert count == 5
            return Examples(
                np.full((count, 28, 28), first + seed, np.uint8), np.full(count, seed % 10, "u1")
            )

        return make

    monkeypatch.setattr(_data, "crops", numbered(100))
    monkeypatch.setattr(_data, "recognizer_crops", numbered(150))
    monkeypatch.setattr(_data, "non_digits", lambda *a: numbered(0)(*a).images)
    monkeypatch.setattr(_data, "load_mnist", lambda folder: sample)
    monkeypatch.setattr(_data, "other_writers", lambda folder: numbered(7)(folder, 0, 5))
    monkeypatch.setattr(_data, "TRAINING_DIGITS", 100)
    data = _data.make_data("folder", 1)
    assert np.array_equal(data.mnist.images, sample.X_train[:100])
    assert np.array_equal(data.validation.images, sample.X_train[100:])
    levels = data.crops.images[:, 0, 0]
    assert sorted(levels.tolist()) == [100] * 5 + [101] * 5 + [200] * 5 + [201] * 5
    assert data.crops.labels.tolist() == (levels % 10).tolist()  # shuffled together
    assert data.non_digits[:, 0, 0].tolist() == [100] * 5 + [101] * 5
    assert np.array_equal(levels, _data.make_data("folder", 2).crops.images[:, 0, 0])


def test_classifier_command(
    examples: _data.Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[tuple[str, int | None]] = []

    def make_data(folder: str, jobs: int | None) -> _data.Data:
        made.append((folder, jobs))
        return examples

    trained = files.read_stored(path_of("tiny")).network
    monkeypatch.setattr(classifier, "make_data", make_data)
    monkeypatch.setattr(classifier, "train_supervised", lambda name, data, seed, trainings: trained)
    out = tmp_path / "new" / "folder"
    run(monkeypatch, classifier, "--data", "d", "--out", out, "--model", "tiny", "--jobs", 3)
    assert made == [("d", 3)]
    assert [path.name for path in out.iterdir()] == ["tiny.safetensors"]
    model = ocrdigit.load(out / "tiny.safetensors")
    assert model.score(examples.validation.images, examples.validation.labels) > 0.9
    with pytest.raises(SystemExit):
        run(monkeypatch, classifier, "--data", "d", "--model", "unknown")


def test_documents(
    folder: Path,
    written: synth.Digits,
    examples: _data.Data,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shrink(monkeypatch, documents, CHUNK=40, EPOCHS=1)
    replay = documents.Stage(
        1, _data.Mixture(1, 60, 60), moderate(0.5), {"default": 1e-3}, augment_mnist=moderate(0.2)
    )
    monkeypatch.setattr(documents, "REPLAY", replay)
    monkeypatch.setattr(documents, "make_data", lambda folder, jobs: examples)
    out = tmp_path / "default.safetensors"
    run(monkeypatch, documents, "--data", folder, "--fonts", folder, "--out", out, "--seed", 3)
    assert "training on " in capsys.readouterr().out
    model = ocrdigit.load(out)
    assert model.score(examples.validation.images, examples.validation.labels) > 0.95
    parts = documents.make_documents(str(folder), str(folder), 2)
    assert accuracy(parts.registers) > 0.9
    assert (parts.non_digits.labels == NON_DIGIT).all()
    again = documents.train(examples, parts, 3, lambda step: None)
    files.write_stored(str(tmp_path / "again"), again, half=True, notes={})
    assert_equal_networks(
        files.read_stored(str(out)).network, files.read_stored(str(tmp_path / "again")).network
    )
