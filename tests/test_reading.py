"""Reading numbers in images: results, kinds of input, errors, the command."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from test_image import draw

import ocrdigit
from ocrdigit import _core, _patterns, synth
from ocrdigit.cli import main
from ocrdigit.models.recognizer import (
    read_fusion,
    read_recognizer,
    shipped_fusion,
    shipped_recognizer,
    write_fusion,
)

TEXT = "1874"


@pytest.fixture(scope="module")
def picture() -> synth.Picture:
    return synth.string(TEXT, height=64, random_state=3)


def letters(text: str, size: int = 40) -> NDArray[np.uint8]:
    page = Image.new("L", (60 + size * len(text), 3 * size), 245)
    ImageDraw.Draw(page).text((30, size), text, 20, ImageFont.load_default(size))
    return np.asarray(page)


def overlap(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    tall = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(tall, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


class TestReading:
    def test_text_and_boxes(self, picture: synth.Picture) -> None:
        reading = ocrdigit.read(picture.image)
        assert reading.text == str(reading) == TEXT
        assert [digit.value for digit in reading.digits] == [1, 8, 7, 4]
        for digit, box in zip(reading.digits, picture.boxes, strict=True):
            assert overlap(digit.box, box) > 0.7
            assert 0 <= digit.confidence <= digit.is_digit <= 1
            assert digit.probabilities.shape == (10,)
            assert digit.probabilities.sum() == pytest.approx(1, abs=1e-4)
        left, top, width, height = reading.numbers[0].box
        assert left <= picture.boxes[0][0] + 2
        assert left + width >= picture.boxes[-1][0] + picture.boxes[-1][2] - 2
        assert 0 <= top < top + height <= 64

    def test_rows_in_reading_order(self) -> None:
        rows = [["1874", "350"], ["926"], ["40", "5512"]]
        page = synth.page(rows, size=(700, 400), style="plain", color=False, random_state=4)
        reading = ocrdigit.read(page.image)
        assert reading.text == "\n".join(" ".join(row) for row in rows)
        assert [[number.text for number in row] for row in reading.rows] == rows
        assert [number.text for number in reading.numbers] == reading.text.split()

    def test_digit_in_two_parts(self) -> None:
        """A five with a detached bar is joined to the line, which is not split there."""
        sevens = [draw(7, (240, 100), (x, 20, x + 30, 75), 6) for x in (20, 180)]
        page = Image.fromarray(np.minimum(*sevens))
        assert [number.text for number in ocrdigit.read(page).numbers] == ["7", "7"]
        canvas = ImageDraw.Draw(page)
        level = int(sevens[0].min())
        canvas.line((104, 22, 128, 22), level, 6)
        canvas.line((104, 22, 102, 40), level, 6)
        canvas.arc((92, 48, 128, 76), -90, 160, level, 6)
        assert [number.text for number in ocrdigit.read(page).numbers] == ["757"]

    @pytest.mark.xfail(strict=True, reason="the detector erases only the middle of the bracket")
    def test_bracket_beside_two_lines(self) -> None:
        """Digits of two lines are not joined to a digit as high as the bracket."""
        page = np.full((170, 420), 245, np.uint8)
        style = synth.Style(background=(0.96, 0.96), light=(0, 0))
        for row, text in enumerate(("174", "717")):
            line = synth.string(text, height=48, style=style, random_state=row).image
            page[10 + 60 * row : 58 + 60 * row, 20 : 20 + line.shape[1]] = line
        bracketed = Image.fromarray(page)
        ImageDraw.Draw(bracketed).arc((155, 20, 245, 126), -70, 70, 20, 4)
        assert ocrdigit.read(bracketed).text == ocrdigit.read(page).text == "174\n717"

    def test_slanted_line(self) -> None:
        flat = synth.string("50312", height=64, random_state=8).image
        rotated = Image.fromarray(flat).rotate(8, expand=True, fillcolor=int(np.median(flat)))
        assert ocrdigit.read(rotated).text == ocrdigit.read(flat).text == "50312"

    def test_page_of_the_package(self) -> None:
        page = ocrdigit.datasets.load_page()
        digits = ocrdigit.read(page.image).digits
        correct = 0
        for value, box in zip(page.values, page.boxes, strict=True):
            correct += any(d.value == value and overlap(d.box, box) > 0.6 for d in digits)
        assert correct >= 0.9 * len(page.values)
        assert len(digits) <= len(page.values) + 1

    def test_length(self) -> None:
        picture = synth.string("1111", height=48, style="touching", random_state=0)
        for length in (2, 3, 4):
            reading = ocrdigit.read(picture.image, length=length)
            assert {len(number.digits) for number in reading.numbers} <= {length}
        assert ocrdigit.read(picture.image, length=900).text == ""

    def test_lexicon(self, picture: synth.Picture) -> None:
        assert ocrdigit.read(picture.image, lexicon=["1574", "1874", "18"]).text == TEXT
        assert ocrdigit.read(picture.image, lexicon=["1574", "99"]).text == "1574"
        assert ocrdigit.read(picture.image, lexicon=["1574", "18"], length=2).text == "18"

    def test_model(self, picture: synth.Picture) -> None:
        """The classifier counts, with or without a non-digit class."""
        alone, *_ = _core.read_symbols(shipped_recognizer(), picture.image)
        assert "".join(map(str, alone[:, 1])) == TEXT
        readings = [ocrdigit.read(picture.image)]
        for name in ("tiny", "seed"):
            readings.append(ocrdigit.read(picture.image, model=ocrdigit.load(name)))
        assert [reading.text for reading in readings] == [TEXT] * 3
        confidences = [[digit.confidence for digit in reading.digits] for reading in readings]
        assert confidences[0] != confidences[1] != confidences[2] != confidences[0]

    def test_classifier_that_outweighs(self, picture: synth.Picture) -> None:
        """Values are the classifier's, within the constraints; probabilities are fused."""
        model = ocrdigit.load("seed")
        weights = model.network_.weights()
        for name, values in weights.items():
            if values.shape[-1] == 10:  # classes in reverse order
                weights[name] = np.ascontiguousarray(values[..., ::-1])
        model.network_.set_weights(weights)
        heavy = dataclasses.replace(
            shipped_fusion(),
            isolated_recognizer=0.1,
            isolated_classifier=1.0,
            touching_recognizer=0.1,
            touching_classifier=1.0,
        )
        read = partial(
            _core.read_symbols,
            shipped_recognizer(),
            picture.image,
            classifier=_core.Classifier(model.network_),
            fusion=heavy.to_dict(),
        )
        digits, numbers, _ = read()
        assert digits[:, 1].tolist() == [8, 1, 2, 5]
        assert numbers[:, 2:].argmax(axis=1).tolist() == [8, 1, 2, 5]
        assert read(automaton=_core.Automaton.from_words(("1874", "8125")))[0][:, 1].tolist() == [
            8,
            1,
            2,
            5,
        ]
        digits, numbers, _ = read(automaton=_core.Automaton.from_words(("1874",)))
        assert digits[:, 1].tolist() == [1, 8, 7, 4]
        assert numbers[:, 0].min() < 0.01
        assert read(automaton=_patterns.constraint(None, 4, None).automaton)[0][:, 1].tolist() == [
            8,
            1,
            2,
            5,
        ]
        three = read(automaton=_patterns.constraint(None, 3, None).automaton)[0]
        assert (three[:, 1] < 10).sum() == 3

    def test_low_confidence_symbols_need_a_non_digit_class(self) -> None:
        """A classifier of ten classes adds no symbols to the recognizer's."""
        classifier = _core.Classifier(ocrdigit.load("seed").network_)
        for picture in synth.strings(40, style="cheque", random_state=3):
            image = np.ascontiguousarray(picture.image)
            alone, *_ = _core.read_symbols(shipped_recognizer(), image)
            fused, *_ = _core.read_symbols(
                shipped_recognizer(),
                image,
                classifier=classifier,
                fusion=shipped_fusion().to_dict(),
            )
            alone, fused = alone[alone[:, 1] < 10], fused[fused[:, 1] < 10]
            assert fused[:, 0].tolist() == alone[:, 0].tolist()
            first, size = alone[:, 2:4], alone[:, 4:]
            assert (fused[:, 2:4] <= first).all()
            assert (fused[:, 2:4] + fused[:, 4:] >= first + size).all()

    def test_crops(self, picture: synth.Picture) -> None:
        table, crops = _core.crop_digits(shipped_recognizer(), picture.image)
        assert table[:, 1].tolist() == [int(digit) for digit in TEXT]
        assert crops.shape == (len(table), 28, 28)
        assert ocrdigit.predict(crops).tolist() == table[:, 1].tolist()
        for (_, _, x, y, width, height), crop in zip(table, crops, strict=True):
            margin = round(0.15 * max(width, height))
            top, left = max(0, y - margin), max(0, x - margin)
            part = picture.image[top : y + height + margin, left : x + width + margin]
            assert np.array_equal(_core.preprocess_digit(np.ascontiguousarray(part)), crop)
        with pytest.raises(TypeError, match="recognizer"):
            _core.crop_digits(None, picture.image)

    def test_crops_of_a_full_page(self) -> None:
        """More symbols than the classifier takes in a batch."""
        page = np.full((20 * 60, 700), 245, np.uint8)
        style = synth.Style(background=(0.96, 0.96), light=(0, 0))
        for row in range(20):
            line = synth.string("3141592", height=40, style=style, random_state=row).image
            page[60 * row + 10 : 60 * row + 50, 20 : 20 + line.shape[1]] = line
        table, crops = _core.crop_digits(shipped_recognizer(), page)
        assert len(table) == len(crops) >= 140
        assert np.unique(table[:, 0]).size >= 20

    def test_model_is_checked(self, picture: synth.Picture) -> None:
        with pytest.raises(TypeError, match="model must be a DigitClassifier"):
            ocrdigit.read(picture.image, model="tiny")
        with pytest.raises(ValueError, match="fit"):
            ocrdigit.read(picture.image, model=ocrdigit.DigitClassifier())

    def test_threads_share_networks(self) -> None:
        pictures = [synth.string(str(100 + i), random_state=i).image for i in range(24)]
        with ThreadPoolExecutor(4) as workers:
            together = list(workers.map(ocrdigit.read, pictures))
        assert [r.to_dict() for r in together] == [ocrdigit.read(p).to_dict() for p in pictures]

    def test_threads_read_side_by_side(self, picture: synth.Picture) -> None:
        """No lock is held while an image is read: many short readings end during a long one.

        With a lock, which is fair, one or two end before the long one gets it, and none until its
        end.
        """
        rng = np.random.default_rng(3)
        noise = (255 * (rng.random((1500, 1500)) < 0.3)).astype(np.uint8)
        classifier = _core.Classifier(ocrdigit.load("seed").network_)
        read = partial(
            _core.read_symbols,
            shipped_recognizer(),
            classifier=classifier,
            fusion=shipped_fusion().to_dict(),
        )
        read(picture.image)
        started = threading.Event()

        def read_noise() -> None:
            started.set()
            read(noise)

        threads = ocrdigit.get_num_threads()
        ocrdigit.set_num_threads(1)
        counts: list[int] = []
        try:
            with ThreadPoolExecutor(1) as workers:
                while max(counts, default=0) < 10 and len(counts) < 5:
                    started.clear()
                    long_reading = workers.submit(read_noise)
                    started.wait()
                    counts.append(0)
                    while not long_reading.done():
                        read(picture.image)
                        counts[-1] += 1
        finally:
            ocrdigit.set_num_threads(threads)
        assert max(counts) >= 10

    def test_same_picture_same_reading(self, picture: synth.Picture) -> None:
        before = ocrdigit.get_num_threads()
        readings = []
        for threads in (1, 2):
            ocrdigit.set_num_threads(threads)
            readings.append(ocrdigit.read(picture.image).to_dict())
        ocrdigit.set_num_threads(before)
        assert readings[0] == readings[1]


def compose(
    size: tuple[int, int], numbers: Iterable[tuple[str, int, tuple[int, int]]]
) -> NDArray[np.uint8]:
    """Return a page with numbers (text, height, (x, y)) on it."""
    page = np.full(size, 245, np.uint8)
    style = synth.Style(background=(0.96, 0.96), light=(0, 0))
    for seed, (text, height, (x, y)) in enumerate(numbers):
        line = synth.string(text, height=height, style=style, random_state=seed).image
        part = page[y : y + line.shape[0], x : x + line.shape[1]]
        np.minimum(part, line, out=part)
    return page


class TestLayout:
    ROWS = (("5072", "934"), ("186", "2753"), ("29374", "65"))

    @pytest.fixture
    def page(self) -> NDArray[np.uint8]:
        """Three rows of two numbers each, in two columns."""
        return compose(
            (320, 560),
            [
                (text, 56, (20 + 280 * column, 30 + 90 * row))
                for row, texts in enumerate(self.ROWS)
                for column, text in enumerate(texts)
            ],
        )

    @property
    def text(self) -> str:
        return "\n".join(" ".join(row) for row in self.ROWS)

    def test_columns(self, page: NDArray[np.uint8]) -> None:
        assert ocrdigit.read(page).text == self.text

    @pytest.mark.parametrize("turns", [1, 2, 3])
    def test_turned_page(self, page: NDArray[np.uint8], turns: int) -> None:
        expected = ocrdigit.read(page)
        reading = ocrdigit.read(np.rot90(page, turns))
        assert reading.text == expected.text == self.text
        for digit, turned in zip(expected.digits, reading.digits, strict=True):
            x, y, w, h = digit.box
            mask = np.zeros(page.shape, bool)
            mask[y : y + h, x : x + w] = True
            rows, columns = np.nonzero(np.rot90(mask, turns))
            left, top = columns.min(), rows.min()
            box = (left, top, columns.max() + 1 - left, rows.max() + 1 - top)
            assert overlap(turned.box, box) > 0.7

    def test_touching_wide_digit(self) -> None:
        style = synth.Style(background=(0.96, 0.96), light=(0, 0))
        picture = synth.string("42753", height=56, style=style, random_state=3)
        assert ocrdigit.read(picture.image).text == "42753"

    @pytest.mark.xfail(
        strict=True, reason="the detector misses digits of 28 pixels beside ones of 140"
    )
    def test_numbers_of_different_sizes(self) -> None:
        sizes = {"186": 28, "934": 140, "5072": 52}
        tops = {"186": 20, "934": 70, "5072": 230}
        page = compose((320, 520), [(text, sizes[text], (30, tops[text])) for text in sizes])
        assert ocrdigit.read(page).text == "186\n934\n5072"

    @pytest.mark.xfail(strict=True, reason="the detector takes an open four for other writing")
    def test_clear_digit_is_not_dropped(self) -> None:
        """4431 in thin strokes, whose first digit one scale of the line lacks."""
        page = Image.new("L", (340, 170), 255)
        canvas = ImageDraw.Draw(page)
        strokes = (
            ((28, 26), (27, 77), (64, 74), (69, 83)),
            ((45, 50), (46, 88), (42, 112)),
            ((101, 22), (98, 70), (130, 66), (146, 78)),
            ((123, 45), (119, 111)),
            (
                (183, 28),
                (212, 28),
                (216, 36),
                (198, 62),
                (179, 58),
                (204, 62),
                (215, 84),
                (211, 102),
                (181, 98),
            ),
            ((257, 54), (290, 23), (284, 100)),
        )
        for stroke in strokes:
            canvas.line(stroke, 0, 3)
        assert ocrdigit.read(page).text == "4431"

    @pytest.mark.parametrize("degrees", [-18, -9, 9, 18])
    def test_skewed_page(self, page: NDArray[np.uint8], degrees: int) -> None:
        skewed = Image.fromarray(page).rotate(degrees, expand=True, fillcolor=245)
        reading = ocrdigit.read(skewed)
        assert reading.text == self.text
        dark = np.asarray(skewed) < 128
        for digit in reading.digits:
            x, y, w, h = digit.box
            assert dark[y : y + h, x : x + w].any()

    @pytest.mark.parametrize("text", ["69", "8", "96", "0"])
    def test_short_numbers_stay_upright(self, text: str) -> None:
        assert ocrdigit.read(compose((90, 160), [(text, 56, (20, 15))])).text == text

    def test_large_digit_beside_small_ones(self) -> None:
        page = compose((330, 560), [("7", 240, (10, 40)), ("5072", 48, (260, 60))])
        assert sorted(ocrdigit.read(page).text.split()) == ["5072", "7"]


class TestResults:
    def test_to_dict_is_json(self, picture: synth.Picture) -> None:
        plain = json.loads(json.dumps(ocrdigit.read(picture.image).to_dict()))
        assert plain["text"] == TEXT
        size = {"width": picture.image.shape[1], "height": 64}
        assert plain["pages"] == [{"page": 0, **size}]
        assert [symbol["value"] for symbol in plain["rows"][0][0]["symbols"]] == [1, 8, 7, 4]

    def test_csv(self, picture: synth.Picture) -> None:
        rows = list(csv.DictReader(io.StringIO(ocrdigit.read(picture.image).to_csv("a,b.png"))))
        assert [row["value"] for row in rows] == list(TEXT)
        assert {row["file"] for row in rows} == {"a,b.png"}

    def test_csv_has_no_formulas(self, picture: synth.Picture) -> None:
        reading = ocrdigit.read(picture.image)
        for name in ("=1+1.png", "+a.png", "-a.png", "@a.png"):
            rows = list(csv.DictReader(io.StringIO(reading.to_csv(name))))
            assert {row["file"] for row in rows} == {f"'{name}"}

    def test_draw(self, picture: synth.Picture) -> None:
        reading = ocrdigit.read(picture.image)
        drawn = np.asarray(reading.draw())
        assert drawn.shape == (*picture.image.shape, 3)
        x, y, w, h = reading.digits[1].box
        assert (drawn[y + h, x : x + w] == (26, 127, 75)).all()
        assert Image.open(io.BytesIO(reading._repr_png_())).size == reading.draw().size
        assert TEXT in reading._repr_html_()
        with pytest.raises(IndexError, match="page"):
            reading.draw(1)


class TestInputs:
    def test_arrays(self, picture: synth.Picture) -> None:
        gray = picture.image
        for form in (
            gray,
            gray[:, :, None],
            np.stack([gray] * 3, axis=2),
            gray / 255,
            gray.astype(np.uint16) * 257,
            255 - gray,
            gray[::-1][::-1],
            gray.tolist(),
        ):
            assert ocrdigit.read(form).text == TEXT

    def test_files(self, picture: synth.Picture, tmp_path: Path) -> None:
        image = Image.fromarray(picture.image)
        forms = {
            "plain.png": image,
            "palette.png": image.convert("P"),
            "sixteen.png": Image.fromarray(picture.image.astype(np.uint16) * 257),
            "cmyk.tiff": image.convert("RGB").convert("CMYK"),
            "photo.jpg": image,
            "web.webp": image,
        }
        for name, form in forms.items():
            form.save(tmp_path / name)
            assert ocrdigit.read(tmp_path / name).text == TEXT, name
            assert ocrdigit.read((tmp_path / name).read_bytes()).text == TEXT, name

    def test_transparent_background(self, picture: synth.Picture) -> None:
        for level in (0, 255):
            rgba = np.full((*picture.image.shape, 4), level, np.uint8)
            rgba[..., 3] = (np.median(picture.image) - picture.image.astype(int)).clip(0, 255)
            assert ocrdigit.read(rgba).text == TEXT

    def test_exif_orientation(self, picture: synth.Picture, tmp_path: Path) -> None:
        rotated = Image.fromarray(picture.image).rotate(90, expand=True)
        exif = rotated.getexif()
        exif[0x0112] = 6
        rotated.save(tmp_path / "rotated.jpg", exif=exif, quality=95)
        reading = ocrdigit.read(tmp_path / "rotated.jpg")
        assert reading.text == TEXT
        assert reading.pages[0].shape == picture.image.shape

    def test_pages_of_a_tiff(self, tmp_path: Path) -> None:
        texts = ["12", "345", "67"]
        pages = [
            Image.fromarray(synth.string(text, height=64, random_state=5).image) for text in texts
        ]
        path = tmp_path / "pages.tiff"
        pages[0].save(path, save_all=True, append_images=pages[1:])
        reading = ocrdigit.read(path)
        assert reading.text == "\n".join(texts)
        assert [number.page for number in reading.numbers] == [0, 1, 2]
        assert reading.draw(2).size == pages[2].size

    def test_first_frame_of_an_animation(self, picture: synth.Picture, tmp_path: Path) -> None:
        frames = [Image.fromarray(picture.image), Image.new("L", (300, 64), 255)]
        frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
        assert ocrdigit.read(tmp_path / "moving.gif").text == TEXT

    def test_boxes_of_a_downscaled_page(self, picture: synth.Picture) -> None:
        large = Image.fromarray(picture.image).resize(
            (picture.image.shape[1] * 12, 64 * 12), Image.Resampling.BICUBIC
        )
        page = np.full((2400, 4000), int(np.median(picture.image)), np.uint8)
        pixels = np.asarray(large)[:, :3600]
        page[900 : 900 + pixels.shape[0], 200 : 200 + pixels.shape[1]] = pixels
        reading = ocrdigit.read(page)
        assert reading.text == TEXT
        expected = np.array(picture.boxes[2]) * 12 + (200, 900, 0, 0)
        assert overlap(reading.digits[2].box, tuple(expected)) > 0.7


class TestBadInput:
    @pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3, 3), (60, 200)])
    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_blank_image(self, size: tuple[int, int], level: int) -> None:
        reading = ocrdigit.read(np.full(size, level, np.uint8))
        assert reading.text == ""
        assert reading.rows == reading.numbers == reading.digits == ()

    def test_too_large(self) -> None:
        with pytest.raises(ValueError, match=r"20000 x 20000 pixels.*100,000,000"):
            ocrdigit.read(np.broadcast_to(np.uint8(255), (20000, 20000)))
        with pytest.raises(ValueError, match="16384"):
            ocrdigit.read(np.full((1, 20000), 255, np.uint8))

    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_decompression_bomb_is_not_decoded(self) -> None:
        for side, message in ((12_000, "12000 x 12000 pixels"), (30_000, "900000000 pixels")):
            data = io.BytesIO()
            Image.new("1", (side, side)).save(data, "png")
            start = time.process_time()
            with pytest.raises(ValueError, match=message):
                ocrdigit.read(data.getvalue())
            assert time.process_time() - start < 0.5

    def test_damaged_files(self, picture: synth.Picture, tmp_path: Path) -> None:
        for form in ("png", "jpeg", "tiff", "gif"):
            data = io.BytesIO()
            Image.fromarray(picture.image).save(data, form)
            whole = data.getvalue()
            for part in (0.0, 0.02, 0.5, 0.9):
                with pytest.raises(ValueError, match=r"image \(\d+ bytes\)|image is"):
                    ocrdigit.read(whole[: int(part * len(whole))])
        with pytest.raises(ValueError, match="not an image"):
            ocrdigit.read(b"05221859\n")

    def test_paths(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            ocrdigit.read(tmp_path / "none.png")
        with pytest.raises(IsADirectoryError):
            ocrdigit.read(tmp_path)

    @pytest.mark.parametrize(
        ("wrong", "error", "message"),
        [
            ({"length": 0}, ValueError, "length"),
            ({"length": 2.5}, TypeError, "length"),
            ({"length": 1001}, ValueError, "length"),
            ({"length": (3, 2)}, ValueError, "length"),
            ({"length": (1, 2, 3)}, ValueError, "length"),
            ({"length": (0, 2)}, ValueError, "length"),
            ({"pattern": 12}, TypeError, "pattern must be a str"),
            ({"pattern": "("}, ValueError, "pattern must be a regular expression"),
            ({"pattern": r"(\d)\1"}, ValueError, "pattern must have no back-references"),
            ({"pattern": r"\d{3}", "length": 4}, ValueError, "contradict"),
            ({"pattern": r"\d{3}", "lexicon": ["12"]}, ValueError, "contradict"),
            ({"lexicon": ["123"], "length": 4}, ValueError, "contradict"),
            ({"check": "luhn"}, TypeError, "check must be callable"),
            ({"alternatives": 33}, ValueError, "alternatives"),
            ({"alternatives": 1.5}, TypeError, "alternatives"),
            ({"lexicon": "12"}, TypeError, "lexicon"),
            ({"lexicon": [12]}, TypeError, "lexicon"),
            ({"lexicon": []}, ValueError, "lexicon"),
            ({"lexicon": ["1a"]}, ValueError, "lexicon"),
            ({"lexicon": [""]}, ValueError, "lexicon"),
        ],
    )
    def test_parameters(
        self, picture: synth.Picture, wrong: dict[str, object], error: type, message: str
    ) -> None:
        with pytest.raises(error, match=message):
            ocrdigit.read(picture.image, **wrong)

    @pytest.mark.parametrize("wrong", [object(), 5, None, np.zeros((2, 3, 4, 5))])
    def test_not_images(self, wrong: object) -> None:
        with pytest.raises((TypeError, ValueError), match="image"):
            ocrdigit.read(wrong)

    def test_recognizer_of_another_kind(self, picture: synth.Picture) -> None:
        other = _core.Network([{"type": "flatten"}, {"type": "dense", "units": 10}])
        with pytest.raises(ValueError, match="recognizer"):
            _core.read_symbols(other, picture.image)
        with pytest.raises(TypeError, match="recognizer"):
            _core.read_symbols(None, picture.image)

    def test_classifier_of_another_kind(self, picture: synth.Picture) -> None:
        recognizer, fusion = shipped_recognizer(), shipped_fusion().to_dict()
        for wrong in (recognizer, 1):
            with pytest.raises(TypeError, match=r"classifier: got .*, expected a Classifier"):
                _core.read_symbols(recognizer, picture.image, classifier=wrong, fusion=fusion)

    def test_fusion_is_checked(self, picture: synth.Picture) -> None:
        fusion = shipped_fusion().to_dict()
        read = partial(
            _core.read_symbols,
            shipped_recognizer(),
            picture.image,
            classifier=_core.Classifier(ocrdigit.load("seed").network_),
        )
        missing = {name: value for name, value in fusion.items() if name != "touching_bias"}
        for wrong, error in (
            (None, ValueError),
            (missing, ValueError),
            (fusion | {"bias": 1.0}, ValueError),
            (fusion | {"isolated_bias": float("nan")}, ValueError),
            (fusion | {"prior_strength": 2e9}, ValueError),
            (fusion | {"min_probability": "0.1"}, TypeError),
            (tuple(fusion.values()), TypeError),
        ):
            with pytest.raises(error, match="fusion"):
                read(fusion=wrong)

    def test_few_digits_in_noise(self) -> None:
        rng = np.random.default_rng(5)
        pages = [255 * (rng.random((800, 800)) < density) for density in (0.1, 0.2, 0.3)]
        alone = [
            len(_core.read_symbols(shipped_recognizer(), p.astype(np.uint8))[0]) for p in pages
        ]
        fused = [len(ocrdigit.read(page.astype(np.uint8)).digits) for page in pages]
        assert sum(alone) > 60
        assert sum(fused) < 0.25 * sum(alone)

    def test_noise_takes_bounded_time(self) -> None:
        rng = np.random.default_rng(0)
        pages = [
            rng.integers(0, 256, (700, 700)),
            255 * (rng.random((700, 700)) < 0.1),
            255 * (rng.random((700, 700)) < 0.5),
            np.kron(rng.integers(0, 2, (175, 175)), np.full((4, 4), 255)),
            255 * (np.indices((700, 700)).sum(0) % 2),
        ]
        for page in pages:
            start = time.process_time()
            ocrdigit.read(page.astype(np.uint8))
            assert time.process_time() - start < 5

    def test_any_picture_is_safe(self) -> None:
        rng = np.random.default_rng(1)
        for _ in range(60):
            size = tuple(rng.integers(1, 90, 2))
            for page in (rng.integers(0, 256, size), 255 * (rng.random(size) < rng.random())):
                for digit in ocrdigit.read(page.astype(np.uint8)).digits:
                    x, y, w, h = digit.box
                    assert 0 <= x < x + w <= size[1]
                    assert 0 <= y < y + h <= size[0]


class TestCommand:
    def test_text(self, picture: synth.Picture, tmp_path: Path) -> None:
        Image.fromarray(picture.image).save(tmp_path / "a.png")
        result = CliRunner().invoke(main, ["read", "a.png"])
        assert (result.exit_code, result.output) == (0, f"{TEXT}\n")
        Image.new("L", (50, 50), 255).save(tmp_path / "b.png")
        result = CliRunner().invoke(main, ["read", "a.png", "b.png"])
        assert result.output == f"a.png: {TEXT}\nb.png: (no digits)\n"

    def test_numbers_of_a_row(self, tmp_path: Path) -> None:
        page = ocrdigit.datasets.load_page().image
        Image.fromarray(page).save(tmp_path / "page.png")
        result = CliRunner().invoke(main, ["read", "page.png"])
        assert result.output == ocrdigit.read(page).text + "\n"
        assert result.output.splitlines()[0].split() == ["05221859", "27"]

    def test_symbols_and_decimal(self, picture: synth.Picture, tmp_path: Path) -> None:
        Image.fromarray(picture.image).save(tmp_path / "a.png")
        command = ["read", "a.png", "--pattern", r"\d\.\d{3}", "--symbols", "digits", "--json"]
        for decimal, value in (("auto", None), (".", "1.874"), (",", "1874")):
            result = CliRunner().invoke(main, [*command, "--decimal", decimal])
            (number,) = json.loads(result.output)[0]["rows"][0]
            assert (number["text"], number["value"]) == ("1.874", value)
        for wrong in (["--symbols", "letters"], ["--decimal", ";"]):
            assert CliRunner().invoke(main, ["read", "a.png", *wrong]).exit_code == 2

    def test_json_csv_and_drawing(self, picture: synth.Picture, tmp_path: Path) -> None:
        Image.fromarray(picture.image).save(tmp_path / "a.png")
        result = CliRunner().invoke(main, ["read", "a.png", "--json", "--draw", "drawn"])
        assert json.loads(result.output)[0]["text"] == TEXT
        assert Image.open(tmp_path / "drawn" / "a.png").size == picture.image.shape[::-1]
        result = CliRunner().invoke(main, ["read", "a.png", "--csv"])
        assert [row["value"] for row in csv.DictReader(io.StringIO(result.output))] == list(TEXT)
        assert CliRunner().invoke(main, ["read", "a.png", "--csv", "--json"]).exit_code == 2

    def test_model(self, picture: synth.Picture, tmp_path: Path) -> None:
        Image.fromarray(picture.image).save(tmp_path / "a.png")
        model = ocrdigit.load("tiny")
        model.save(tmp_path / "mine.safetensors")
        result = CliRunner().invoke(
            main, ["read", "a.png", "--model", "mine.safetensors", "--json"]
        )
        digits = [
            digit
            for row in json.loads(result.output)[0]["rows"]
            for number in row
            for digit in number["symbols"]
        ]
        expected = ocrdigit.read(picture.image, model=model).digits
        assert [digit["confidence"] for digit in digits] == [d.confidence for d in expected]
        result = CliRunner().invoke(main, ["read", "a.png", "--model", "none.safetensors"])
        assert result.exit_code == 1

    def test_constraints(self, picture: synth.Picture, tmp_path: Path) -> None:
        Image.fromarray(picture.image).save(tmp_path / "a.png")
        (tmp_path / "words.txt").write_text("1574\n99\n")
        result = CliRunner().invoke(main, ["read", "a.png", "--lexicon", "words.txt"])
        assert result.output == "1574\n"
        result = CliRunner().invoke(main, ["read", "a.png", "--length", "3"])
        assert sum(map(str.isdigit, result.output)) in (3, 0)

    def test_files_that_cannot_be_read(self, picture: synth.Picture, tmp_path: Path) -> None:
        Image.fromarray(picture.image).save(tmp_path / "a.png")
        (tmp_path / "bad.png").write_text("no picture")
        result = CliRunner().invoke(main, ["read", "bad.png", "a.png", "none.png"])
        assert result.exit_code == 1
        assert f"a.png: {TEXT}\n" in result.output
        assert "bad.png" in result.stderr
        assert "none.png" in result.stderr


def test_recognizer_file_is_checked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_recognizer(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"not one")
    with pytest.raises(ValueError, match=r"bad\.safetensors"):
        read_recognizer(tmp_path / "bad.safetensors")
    from ocrdigit._predict import MODEL_PATH

    with pytest.raises(ValueError, match="not a recognizer"):
        read_recognizer(MODEL_PATH)


def test_fusion_file_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "fusion.json"
    write_fusion(path, shipped_fusion())
    assert read_fusion(path) == shipped_fusion()
    for wrong in ("{", "[1]", '{"prior_mean": 1}', path.read_text().replace("0.", '"a"', 1)):
        path.write_text(wrong)
        with pytest.raises(ValueError, match=r"fusion\.json: not a file of fusion weights"):
            read_fusion(path)


def test_digit_alone() -> None:
    assert ocrdigit.read(draw(7, (200, 160), (50, 40, 110, 150), 10)).text == "7"


@pytest.mark.parametrize("word", ["NAME", "kxw", "RUM", "hey", "FAME", "world", "quick brown fox"])
def test_letters_are_left_out(word: str) -> None:
    assert ocrdigit.read(letters(word)).text == ""


def test_drawings_are_left_out() -> None:
    page = Image.new("L", (300, 200), 240)
    canvas = ImageDraw.Draw(page)
    canvas.rectangle((20, 20, 280, 180), outline=30, width=3)
    canvas.line((20, 100, 280, 100), 30, 3)
    canvas.ellipse((60, 30, 90, 45), fill=40)
    assert ocrdigit.read(page).text == ""


# -- tight crops --


@pytest.fixture(scope="module")
def written() -> list[ocrdigit.synth.Picture]:
    return ocrdigit.synth.strings(60, length=(3, 6), style="plain", height=48, random_state=2)


def share_right(pictures: list[np.ndarray], numbers: list[ocrdigit.synth.Picture]) -> float:
    texts = [ocrdigit.read(picture, symbols="digits").text for picture in pictures]
    return float(np.mean([a == b.text for a, b in zip(texts, numbers, strict=True)]))


@pytest.mark.parametrize("cut", [0.0, 0.06])
def test_digits_cut_by_the_edge(written: list[ocrdigit.synth.Picture], cut: float) -> None:
    """Strokes at the edge of a tight crop are not prolonged beyond it: 65 % were right, cut."""
    crops = []
    for picture in written:
        left, top = picture.boxes[:, :2].min(0)
        right, bottom = (picture.boxes[:, :2] + picture.boxes[:, 2:]).max(0)
        inside = round(cut * (bottom - top))
        crops.append(picture.image[top + inside : bottom - inside, left:right])
    assert share_right(crops, written) >= 0.85


def test_rests_of_neighbours_at_the_edge(written: list[ocrdigit.synth.Picture]) -> None:
    """A ruling line from edge to edge, and a stroke of the row below, are no digits."""
    ruled, touched = [], []
    for picture in written[:30]:
        ruled.append(np.pad(picture.image, ((0, 0), (30, 0)), mode="edge"))
        ruled[-1][:, 10:13] = 60
        touched.append(np.pad(picture.image, ((0, 14), (0, 0)), mode="edge"))
        touched[-1][-5:, 40:43] = 60
    assert share_right(ruled, written[:30]) >= 0.85
    assert share_right(touched, written[:30]) >= 0.83
