"""The number detector: its files, and pages on which it separates numbers from all else."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import ocrdigit
from ocrdigit import _core
from ocrdigit.models import detector as models
from ocrdigit.models._network_file import read_once
from ocrdigit.models.recognizer import RECOGNIZER_PATH, shipped_recognizer
from ocrdigit.training import (
    field_crops,
    grid_crops,
    line_images,
    marks,
    page_crops,
    registers,
)

Gray = NDArray[np.uint8]

NUMBERS = ["1874", "3560", "90417", "22", "633165", "48"]


def write(numbers: list[str], seed: int = 0, size: tuple[int, int] = (640, 420)) -> Gray:
    """Return a page (h, w) with two numbers on each of its rows, dark on light."""
    rng = np.random.default_rng(seed)
    page = np.full(size[::-1], 235, np.uint8)
    digits = ocrdigit.datasets.load_sample()
    for index, number in enumerate(numbers):
        x, y = 70 + 270 * (index % 2), 60 + 110 * (index // 2)
        for value in map(int, number):
            chosen = rng.choice(np.flatnonzero(digits.y_train == value))
            digit = ocrdigit.image.resize(digits.X_train[chosen], (40, 40))
            columns = np.flatnonzero(digit.max(axis=0) > 60)
            digit = digit[:, columns[0] : columns[-1] + 1]
            window = page[y : y + 40, x : x + digit.shape[1]]
            np.minimum(window, 235 - (digit * 0.8).astype(np.uint8), out=window)
            x += digit.shape[1] + 5
    return page


def framed(page: Gray) -> Gray:
    page[3:-3, [3, -4]] = 40
    page[[3, -4], 3:-3] = 40
    return page


def ruled_table(page: Gray) -> Gray:
    for x in (30, 320, 610):
        page[35:380, x : x + 3] = 60
    for y in (35, 150, 265, 378):
        page[y : y + 3, 30:613] = 60
    return page


def squared(page: Gray) -> Gray:
    page[::24] = np.minimum(page[::24], 190)
    page[:, ::24] = np.minimum(page[:, ::24], 190)
    return page


def scanner_border(page: Gray) -> Gray:
    return np.pad(page, ((12, 40), (25, 9)), constant_values=8)


def dark_desk(page: Gray) -> Gray:
    return np.pad(page, 120, constant_values=50)


def hard_shadow(page: Gray) -> Gray:
    page[:, 250:] = (page[:, 250:] * 0.5).astype(np.uint8)
    return page


def light_on_dark(page: Gray) -> Gray:
    return 255 - page


PAGES: list[Callable[[Gray], Gray]] = [
    np.copy,
    framed,
    ruled_table,
    squared,
    scanner_border,
    dark_desk,
    hard_shadow,
    light_on_dark,
]


@pytest.mark.parametrize("change", PAGES, ids=lambda change: change.__name__)
def test_numbers_are_found_on_any_page(change: Callable[[Gray], Gray]) -> None:
    reading = ocrdigit.read(change(write(NUMBERS)))
    found = reading.text.split()
    right = sum(number in found for number in NUMBERS)
    assert right >= len(NUMBERS) - 1
    assert len(found) <= len(NUMBERS) + 1


def test_print_beside_numbers_is_left_out() -> None:
    page = write(NUMBERS)
    picture = Image.fromarray(page)
    draw = ImageDraw.Draw(picture)
    for y in (20, 120, 230, 340):
        draw.text((40, y), "Name and address of the owner, street, town", 30, _font(18))
    found = ocrdigit.read(picture).text.split()
    assert sum(number in found for number in NUMBERS) >= len(NUMBERS) - 1
    assert len(found) <= len(NUMBERS) + 1


def test_a_page_of_print_has_no_numbers() -> None:
    picture = Image.new("L", (700, 500), 240)
    draw = ImageDraw.Draw(picture)
    for y in range(20, 480, 34):
        draw.text(
            (20, y), "the reader of this page finds words and no more than words", 20, _font(20)
        )
    assert len(ocrdigit.read(picture).text) <= 2


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def test_only_foreground_of_numbers_is_read() -> None:
    page = ruled_table(write(NUMBERS))
    without, *_ = _core.read_symbols(shipped_recognizer(), page)
    found, *_ = _core.read_symbols(shipped_recognizer(), page, detector=models.shipped_detector())
    assert len(found) > len(without)


def test_any_size() -> None:
    for size in ((1, 1), (1, 300), (3, 5), (63, 65), (300, 2)):
        assert ocrdigit.read(np.full(size, 200, np.uint8)).text == ""


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "detector.safetensors"
    network = models.shipped_detector()
    models.write_detector(path, network)
    again = models.read_detector(path)
    again.precision = network.precision
    again.precision = network.precision
    picture = write(["35"], size=(201, 121))
    assert np.array_equal(
        again.predict_map(picture, 1 / 255), network.predict_map(picture, 1 / 255)
    )
    with pytest.raises(ValueError, match="not a detector of ocrdigit"):
        models.read_detector(RECOGNIZER_PATH)
    with pytest.raises(FileNotFoundError):
        models.read_detector(tmp_path / "missing.safetensors")


def test_networks_are_read_once_by_threads() -> None:
    calls = []

    def read() -> _core.Network:
        calls.append(1)
        time.sleep(0.05)
        return models.read_detector(models.DETECTOR_PATH)

    shipped = read_once(read)
    with ThreadPoolExecutor(4) as threads:
        networks = list(threads.map(lambda _: shipped(), range(4)))
    assert len(calls) == 1
    assert all(network is networks[0] for network in networks)


def test_bad_detector() -> None:
    page = write(["35"])
    with pytest.raises(ValueError, match="detector: got a network from"):
        _core.read_symbols(shipped_recognizer(), page, detector=shipped_recognizer())
    layers = [{"type": "conv2d", "filters": 2}, {"type": "flatten"}, {"type": "dense", "units": 4}]
    dense = _core.Network(layers, (4, 4, 1))
    with pytest.raises(ValueError, match=r"detector: got a network from \(4, 4, 1\)"):
        _core.read_symbols(shipped_recognizer(), page, detector=dense)
    with pytest.raises(TypeError, match="detector"):
        _core.read_symbols(shipped_recognizer(), page, detector=3)  # type: ignore[arg-type]


# -- training images --


def test_label_map_keeps_the_most_important_label() -> None:
    labels = np.zeros((8, 12), np.uint8)
    labels[0, 0] = models.RULING_LINE
    labels[1, 1] = models.NUMBER
    labels[2, 5] = models.WRITING
    labels[3, 6] = models.RULING_LINE
    labels[5, 9] = models.IGNORED
    assert page_crops.label_map(labels).tolist() == [
        [models.NUMBER, models.WRITING, models.BACKGROUND],
        [models.BACKGROUND, models.BACKGROUND, models.IGNORED],
    ]


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.3])
def test_crops_move_foreground_and_labels_alike(scale: float) -> None:
    foreground = np.zeros((400, 500), np.uint8)
    foreground[180:220, 230:240] = 255
    labels = np.where(foreground > 0, np.uint8(models.NUMBER), np.uint8(0))
    pixels, marks = page_crops.crop((foreground, labels), (250.0, 200.0), scale, 90.0)
    assert pixels.shape == marks.shape == (models.SIDE, models.SIDE)
    inside = marks == models.NUMBER
    assert abs(inside.sum() - 400 * scale**2) < 0.2 * 400 * scale**2 + 60
    assert pixels[inside].mean() > 190
    rows, columns = np.nonzero(inside)
    assert np.ptp(columns) > 2 * np.ptp(rows)  # upright before


def test_register_labels() -> None:
    foreground = np.zeros((300, 300), np.uint8)
    foreground[:, 100] = 255  # a rule
    foreground[50:80, 60:70] = 255  # a number
    foreground[50:80, 150:200:4] = 255  # a word
    foreground[200:210, 20:30] = 255  # not marked
    lines = [
        {"text": "35", "box": [40, 40, 70, 50], "number": True},
        {"text": "Vente", "box": [140, 40, 80, 50], "number": False},
    ]
    labels = registers.label_register(foreground, lines)
    assert (labels[60, 65], labels[60, 100]) == (models.NUMBER, models.RULING_LINE)
    assert (labels[60, 154], labels[205, 25]) == (models.WRITING, models.IGNORED)
    assert labels[0, 0] == models.BACKGROUND


@pytest.fixture
def few_drawn_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer digits in rare styles, which take most of the time of loading handwriting."""
    monkeypatch.setattr(line_images, "_DRAWN", 200)


@pytest.mark.usefixtures("few_drawn_digits")
def test_document_crops(data_folder: Path) -> None:
    crops, maps = page_crops.document_crops(str(data_folder), None, 0, 4)
    again, _ = page_crops.document_crops(str(data_folder), None, 0, 4)
    assert crops.shape == (4, models.SIDE, models.SIDE)
    assert maps.shape == (4, models.SIDE // models.STRIDE, models.SIDE // models.STRIDE)
    assert np.array_equal(crops, again)
    assert set(np.unique(maps)) <= {0, 1, 2, 3}


def test_digits_out_of_range_are_background() -> None:
    rng = np.random.default_rng(0)
    scales = [page_crops._random_scale((20.0, 30.0), rng) for _ in range(300)]
    for scale, in_range in scales:
        assert in_range == (30 * scale > 9.1 and 20 * scale < 129)
    assert 180 < sum(in_range for _, in_range in scales) < 260


def test_grid_crops(data_folder: Path) -> None:
    """Cells hold numbers, between ruling lines; what is around the table is not learnt."""
    if not (data_folder / "grids").is_dir():
        pytest.skip("no photos of sudokus: set OCRDIGIT_DATA to a folder with them")
    crops, maps = grid_crops.grid_crops(str(data_folder), 0, 12)
    assert crops.shape == (12, models.SIDE, models.SIDE)
    assert set(np.unique(maps)) <= {0, 1, 3, models.IGNORED}
    assert (maps == models.NUMBER).mean() > 0.03
    assert (maps == models.RULING_LINE).mean() > 0.03
    levels = np.kron(maps == models.NUMBER, np.ones((models.STRIDE, models.STRIDE))) > 0
    assert crops[levels].mean() > 3 * crops[~levels].mean()


def test_marks_are_not_numbers() -> None:
    pytest.importorskip("HersheyFonts")
    rng = np.random.default_rng(0)
    for foreground, labels in field_crops._marks(rng):
        assert foreground.shape == labels.shape
        found = set(np.unique(labels).tolist())
        assert found <= {models.BACKGROUND, models.WRITING, models.RULING_LINE}
        assert len(found) > 1
    boxes = [marks.tick_box(rng) for _ in range(40)]
    empty = sum(not mark.any() for _, mark in boxes)
    assert 4 <= empty <= 20
    assert all(box.any() for box, _ in boxes)


@pytest.mark.usefixtures("few_drawn_digits")
def test_field_crops(data_folder: Path) -> None:
    if not (data_folder / "registers").is_dir():
        pytest.skip("this machine has no registers: set OCRDIGIT_DATA to a folder with them")
    crops, maps = field_crops.field_crops(str(data_folder), None, 1, 3)
    again, _ = field_crops.field_crops(str(data_folder), None, 1, 3)
    assert crops.shape == (3, models.SIDE, models.SIDE)
    assert np.array_equal(crops, again)
    assert set(np.unique(maps)) <= {0, 1, 2, 3, models.IGNORED}
    number = np.kron(maps == models.NUMBER, np.ones((models.STRIDE, models.STRIDE))) > 0
    assert crops[number].mean() > 3 * crops[~number].mean()
