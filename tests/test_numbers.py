"""Numbers from the tables of the core: symbols, texts, spaces and rows; drawing."""

from __future__ import annotations

import doctest
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import ocrdigit
from ocrdigit import _core, _patterns, _symbol_tables, reading, synth
from ocrdigit._drawing import BOX_COLOR, draw_numbers
from ocrdigit._numbers import Digit, Number, Separator, Symbol
from ocrdigit._page_reader import PageReader
from ocrdigit._rows import find_rows
from ocrdigit._spaces import find_spaces
from ocrdigit._symbol_tables import symbols_of
from ocrdigit._symbols import SEPARATORS, SYMBOLS
from ocrdigit._upright import rotation
from ocrdigit.models.field_confidence import shipped_confidence

Tables = tuple[NDArray[np.int32], NDArray[np.float32]]


def tables(lines: Iterable[str], gap: int = 4) -> Tables:
    """Return the core's tables of texts, one below the other; a space is a wide gap."""
    rows, scores = [], []
    for line, text in enumerate(lines):
        x = 10
        for symbol in text:
            if symbol != " ":
                value = SYMBOLS.index(symbol)
                small = value >= 10
                box = (x, 50 * line + 30 * small, 6 if small else 20, 10 if small else 40)
                rows.append((line, value, *box))
                classes = np.full(16, 0.01)
                classes[value] = 0.85
                scores.append([0.8, 0.9, *classes])
            x += 40 if symbol == " " else rows[-1][4] + gap
    return np.array(rows, np.int32).reshape(-1, 6), np.array(scores, np.float32)


def number(
    text: str, x: int, y: int, height: int = 40, slope: float = 0.0, page: int = 0
) -> Number:
    width = height // 2
    digits = []
    for value in text:
        box = (x, round(y + slope * x), width, height)
        digits.append(Digit(int(value), 0.9, box, np.full(10, 0.1, np.float32), 1.0))
        x += width + 4
    return Number(tuple(digits), page)


def texts(rows: Iterable[Iterable[Number]]) -> list[str]:
    return [" ".join(number.text for number in row) for row in rows]


class TestSymbols:
    def test_digits_and_separators(self) -> None:
        symbols = list(symbols_of(*tables(["-1.5"]), factor=2))
        assert [symbol.value for symbol in symbols] == ["-", 1, ".", 5]
        assert symbols[1].box == (40, 0, 40, 80)
        separator, digit = symbols[:2]
        assert isinstance(separator, Separator)
        assert isinstance(digit, Digit)
        assert separator.probabilities.shape == (6,)
        assert SEPARATORS[separator.probabilities.argmax()] == "-"
        assert digit.probabilities.shape == (10,)
        assert digit.probabilities.argmax() == 1
        for symbol in symbols:
            assert symbol.confidence == pytest.approx(0.8)
            assert symbol.probabilities.sum() == pytest.approx(1)
            assert symbol.probabilities.dtype == np.float32
            json.dumps(symbol.to_dict())
        assert digit.is_digit == pytest.approx(0.9 * 0.94)

    def test_improbable_kind(self) -> None:
        """A constraint may give a separator where none is probable."""
        table, scores = tables(["/"])
        scores[:, 12:] = 0
        (slash,) = symbols_of(table, scores)
        assert slash.probabilities.tolist() == pytest.approx([1 / 6] * 6)


def read_tables(
    monkeypatch: pytest.MonkeyPatch, lines: Iterable[str], logs: Any = None, **options: Any
) -> ocrdigit.Reading:
    """Read a page for which the core returns the tables of some lines, or of one's texts."""
    table, scores = tables(lines)
    if logs is None:
        monkeypatch.setattr(
            _core, "read_symbols", lambda *a, **k: (table, scores, np.zeros((9, 4)))
        )
    else:
        lengths = np.bincount(table[:, 0]).tolist()
        found = [(0, length, log) for length, log in zip(lengths, logs, strict=True)]
        monkeypatch.setattr(
            _core, "read_alternatives", lambda *a, **k: (table, scores, np.zeros((9, 4)), found)
        )
    return ocrdigit.read(np.full((50 * len(list(lines)) + 50, 600), 255, np.uint8), **options)


class TestNumbers:
    def test_text_and_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = read_tables(monkeypatch, ["-12.50", "12/03/2024", "44001 234"])
        assert result.text == "-12.50\n12/03/2024\n44001 234"
        amount, date, groups = result.numbers
        assert amount.value == Decimal("-12.50")
        assert date.value is groups.value is None
        assert groups.gaps == ("",) * 5 + (" ",) + ("",) * 3
        assert [digit.value for digit in amount.digits] == [1, 2, 5, 0]
        assert len(amount.symbols) == 6
        expected = shipped_confidence().confidence([0.8] * 6, (0, 0, 0, 0))
        assert amount.confidence == pytest.approx(expected)
        uncalibrated = replace(amount, calibrated=None)
        assert uncalibrated.confidence == pytest.approx(0.8**6)
        plain = json.loads(json.dumps(result.to_dict()))
        assert plain["rows"][0][0]["value"] == "-12.50"
        assert plain["rows"][1][0]["value"] is None
        assert [symbol["value"] for symbol in plain["rows"][0][0]["symbols"]][:2] == ["-", 1]

    def test_decimal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for decimal, value in (("auto", None), (".", "1.250"), (",", "1250")):
            (found,) = read_tables(monkeypatch, ["1.250"], decimal=decimal).numbers
            assert found.value == (None if value is None else Decimal(value))

    def test_digits_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = ["-12.50", "--", "44001 234"]
        result = read_tables(monkeypatch, lines, symbols="digits")
        assert result.text == "1250\n44001234"
        assert all(isinstance(symbol, Digit) for n in result.numbers for symbol in n.symbols)

    def test_alternatives_of_digits_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        logs = np.log([0.4, 0.35, 0.25])
        options = {"alternatives": 3, "symbols": "digits"}
        result = read_tables(monkeypatch, ["17", "15", "1.5"], logs, **options)
        found = [(each.text, round(each.probability, 6)) for each in result.alternatives[0]]
        assert found == [("15", 0.6), ("17", 0.4)]
        assert result.text == "15"

    def test_check_gets_no_spaces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = read_tables(monkeypatch, ["44001 234"], [0.0], check=lambda text: int(text) > 0)
        assert result.text == "44001 234"

    def test_csv(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = read_tables(monkeypatch, ["1.5", "7"])
        rows = result.to_csv("a.png").splitlines()
        assert rows[0] == "file,page,row,number,place,value,confidence,x,y,width,height"
        assert [row.split(",")[1:6] for row in rows[1:]] == [
            ["0", "0", "0", "0", "1"],
            ["0", "0", "0", "1", "."],
            ["0", "0", "0", "2", "5"],
            ["0", "1", "1", "0", "7"],
        ]

    def test_frame(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("pandas")
        frame = read_tables(monkeypatch, ["1.5", "12:30"]).to_frame()
        columns = ["page", "row", "text", "value", "confidence", "x", "y", "width", "height"]
        assert frame.columns.tolist() == columns
        assert frame["value"].tolist() == [Decimal("1.5"), None]
        assert frame["text"].tolist() == ["1.5", "12:30"]
        empty = read_tables(monkeypatch, []).to_frame()
        assert empty.columns.tolist() == columns
        assert len(empty) == 0

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"symbols": "letters"}, ValueError, "symbols must be one of 'all', 'digits', got 'l"),
            ({"symbols": None}, TypeError, "symbols must be one of"),
            ({"decimal": ";"}, ValueError, "decimal must be one of 'auto', '.', ',', got ';'"),
        ],
    )
    def test_parameters(self, options: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            ocrdigit.read(np.full((50, 50), 255, np.uint8), **options)
        with pytest.raises(error, match=message):
            ocrdigit.read_many([], progress=False, **options)

    def test_length_counts_digits(self) -> None:
        automaton = _patterns.of_length(2, 3)
        accepted = ["12", "1.2", "-1,2-", "123", "12/3", "12:34", "1", "1.-", ""]
        assert [automaton.accepts(text) for text in accepted] == [True] * 5 + [False] * 4

    @pytest.mark.parametrize("read", ["-18.50", "1850", "18.50"])
    def test_optional_separators_of_a_pattern(
        self, monkeypatch: pytest.MonkeyPatch, read: str
    ) -> None:
        """They are in the text whether they are read or not, and symbols if they are."""
        pattern = r"-\d\d\.\d\d"
        (found,) = read_tables(monkeypatch, [read], pattern=pattern).numbers
        assert found.text == "-18.50"
        assert found.value == Decimal("-18.50")
        assert "".join(str(symbol.value) for symbol in found.symbols) == read
        (found,) = read_tables(monkeypatch, [read], pattern=pattern, symbols="digits").numbers
        assert found.text == "-18.50"
        assert found.gaps == ("-", "", ".", "", "")
        assert found.symbols == found.digits

    def test_separators_that_must_be_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for symbols, count in (("all", 4), ("digits", 3)):
            options = {"pattern": r"\d+[./]\d+", "symbols": symbols}
            (found,) = read_tables(monkeypatch, ["1/25"], **options).numbers
            assert (found.text, len(found.symbols)) == ("1/25", count)

    def test_alternatives_of_optional_separators(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Texts that are read with and without them are one, and do not use up the count."""
        logs = np.log([0.5, 0.2, 0.2, 0.1])
        options = {"pattern": r"\d:\d", "alternatives": 2}
        result = read_tables(monkeypatch, ["1:2", "12", "1:7", "17"], logs, **options)
        found = [(each.text, round(each.probability, 6)) for each in result.alternatives[0]]
        assert found == [("1:2", 0.7), ("1:7", 0.3)]

    def test_docstring_examples(self) -> None:
        for module in (_symbol_tables, reading, ocrdigit._numbers):  # type: ignore[attr-defined]
            assert not doctest.testmod(module).failed


class TestSpaces:
    @pytest.mark.parametrize(
        ("text", "gap", "found"),
        [
            ("3 75", 4, "3 75"),
            ("1 234 567", 2, "1 234 567"),
            ("4400 1234 5678", 6, "4400 1234 5678"),
            ("1234567", 16, "1234567"),  # apart, but evenly
            ("1 2", 4, "12"),  # no gap to compare with
            ("12. 50", 4, "12.50"),  # beside a separator
            ("12 .50", 4, "12.50"),
        ],
    )
    def test_spaces(self, text: str, gap: int, found: str) -> None:
        symbols = tuple(symbols_of(*tables([text], gap)))
        assert Number(symbols, 0, find_spaces(symbols)).text == found

    @pytest.mark.parametrize("turn", [1, 2, 3])
    def test_turned(self, turn: int) -> None:
        symbols: list[Symbol] = []
        for symbol in symbols_of(*tables(["12 345"])):
            x, y, w, h = symbol.box
            box = {1: (-y - h, x, h, w), 2: (-x - w, -y - h, w, h), 3: (y, -x - w, h, w)}[turn]
            symbols.append(Digit(symbol.value, 1.0, box, symbol.probabilities, 1.0))
        assert Number(tuple(symbols), 0, find_spaces(symbols)).text == "12 345"

    def test_few_false_spaces_in_strings(self) -> None:
        style = synth.STYLES["plain"].with_(gap=(0.0, 0.5))
        pictures = synth.strings(500, length=(3, 8), style=style, random_state=2)
        found = [ocrdigit.read(picture.image).numbers for picture in pictures]
        count = sum(any(" " in number.text for number in numbers) for numbers in found)
        assert count < 0.01 * len(pictures)


class TestRows:
    def test_two_columns(self) -> None:
        page = [number(text, x, y) for text, x, y in (("12", 0, 0), ("345", 300, 8), ("6", 5, 60))]
        assert texts(find_rows(page)) == ["12 345", "6"]

    def test_columns_that_are_read_one_after_the_other(self) -> None:
        page = [
            number("12", 0, 0),
            number("34", 0, 60),
            number("56", 300, 0),
            number("78", 300, 60),
        ]
        assert texts(find_rows(page)) == ["12", "34", "56", "78"]

    def test_large_number_beside_small_ones(self) -> None:
        small = [number("12", 400, 0), number("345", 400, 80)]
        large = number("7", 100, 0, height=130)
        assert texts(find_rows([large, *small])) == ["7 12", "345"]
        last = number("7", 600, 0, height=130)
        assert texts(find_rows([small[0], last, small[1]])) == ["12 7", "345"]
        beside = number("345", 800, 80)
        assert texts(find_rows([small[0], last, beside])) == ["12 7", "345"]

    def test_half_of_the_smaller_height(self) -> None:
        for y, rows in ((18, ["12 34"]), (20, ["12", "34"]), (22, ["12", "34"])):
            assert texts(find_rows([number("12", 0, 0), number("34", 300, y)])) == rows

    @pytest.mark.parametrize("slope", [-0.3, -0.04, 0.02, 0.04, 0.3])
    def test_skewed_rows(self, slope: float) -> None:
        page = [
            number("123", 0 + 300 * column, 60 * row, slope=slope)
            for row in range(3)
            for column in range(3)
        ]
        assert texts(find_rows(page)) == ["123 123 123"] * 3

    def test_slope_of_one_number_does_not_part_a_row(self) -> None:
        page = [number("123", 0, 0, slope=0.15), number("45", 700, 5)]
        assert texts(find_rows(page)) == ["123 45"]

    @pytest.mark.parametrize("turns", [1, 2, 3])
    def test_turned_page(self, turns: int) -> None:
        page = []
        for text, x, y in (("123", 0, 0), ("45", 300, 5), ("6789", 0, 60)):
            digits = []
            for digit in number(text, x, y).digits:
                left, top, w, h = digit.box
                corners = (
                    np.array([(left, top), (left + w, top + h)]) @ rotation(turns * np.pi / 2).T
                )
                low, high = corners.min(axis=0).round(), corners.max(axis=0).round()
                box = (int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
                digits.append(Digit(digit.value, 0.9, box, digit.probabilities, 1.0))
            page.append(Number(tuple(digits)))
        assert texts(find_rows(page)) == ["123 45", "6789"]

    def test_pages(self) -> None:
        assert texts(find_rows([number("12", 0, 0), number("34", 300, 0, page=1)])) == ["12", "34"]
        assert find_rows([]) == ()


class TestDrawing:
    def test_colour_and_thin_strokes(self) -> None:
        for height in (12, 40, 400):
            picture = np.full((3 * height, 6 * height, 3), (240, 230, 140), np.uint8)
            found = number("125", 2 * height, height, height)
            drawn = np.asarray(draw_numbers(picture, [found]))
            assert drawn.shape == picture.shape
            assert tuple(drawn[-1, -1]) == (240, 230, 140)
            for digit in found.digits:
                x, y, w, h = digit.box
                inside = drawn[y : y + h, x + w // 4 : x + w - w // 4]
                assert (inside == (240, 230, 140)).all()  # the strokes are outside of the box
            frame = (drawn == BOX_COLOR).all(axis=2)
            assert 1 <= frame[:, 2 * height + height // 4].sum() / 2 <= max(1, height / 30)

    @pytest.mark.parametrize("place", [(0, 0), (40, 0), (0, 60), (40, 60), (20, 30)])
    def test_labels_are_not_cut_off(self, place: tuple[int, int]) -> None:
        """The same number of label pixels wherever the digit is, at borders and corners too."""

        def label(x: int, y: int, size: tuple[int, int]) -> int:
            drawn = np.asarray(draw_numbers(np.full(size, 255, np.uint8), [number("8", x, y)]))
            return int((drawn[..., 0] > drawn[..., 1] + 40.0).sum())

        assert label(*place, (100, 60)) == label(100, 100, (300, 300)) > 20

    def test_tight_field(self) -> None:
        drawn = draw_numbers(np.full((40, 20), 255, np.uint8), [number("8", 0, 0)])
        assert (np.asarray(drawn)[..., 0] > np.asarray(drawn)[..., 1] + 40.0).sum() > 20

    def test_pictures_keep_their_colours(self) -> None:
        gray = synth.string("1874", height=64, random_state=3).image
        color = np.stack([gray, gray // 2, gray], axis=2)
        data = io.BytesIO()
        Image.fromarray(color).save(data, "png")
        for source in (color, Image.fromarray(color), data.getvalue(), color / 255):
            result = ocrdigit.read(source)
            assert np.array_equal(result.pictures[0], color)
            assert result.pages[0].shape == gray.shape
            assert tuple(np.asarray(result.draw())[-1, -1]) == tuple(color[-1, -1])
        opaque = np.dstack([color, np.full_like(gray, 255)])
        assert np.array_equal(ocrdigit.read(opaque).pictures[0], color)
        clear = opaque.copy()
        clear[0, 0, 3] = 0
        for source in (gray, gray[:, :, None], clear):
            result = ocrdigit.read(source)
            assert result.pictures[0] is result.pages[0]

    def test_pictures_are_copies(self) -> None:
        color = np.full((40, 60, 3), 200, np.uint8)
        result = ocrdigit.read(color)
        color[:] = 0
        assert result.pictures[0].min() == 200


def test_model_of_the_reader_is_checked() -> None:
    with pytest.raises(TypeError, match="model must be a DigitClassifier"):
        PageReader(model="tiny")  # type: ignore[arg-type]
