"""Tables: their grids, merged cells, the digits in their cells, and pictures without a table."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

import ocrdigit
from ocrdigit import Table, read_table
from ocrdigit.cli import main

Picture = NDArray[np.uint8]

SAMPLE = ocrdigit.datasets.load_sample()
DIGITS = {int(y): X for X, y in zip(SAMPLE.X_test[:200], SAMPLE.y_test[:200], strict=True)}


def edges(sizes: list[int], margin: int = 30) -> NDArray[np.int64]:
    return margin + np.cumsum([0, *sizes])


def ruled(heights: list[int], widths: list[int], rule: int = 2, level: int = 60) -> Picture:
    """A page with the lines of a table, with a margin of 30 pixels."""
    ys, xs = edges(heights), edges(widths)
    page = np.full((ys[-1] + 30, xs[-1] + 30), 235, np.uint8)
    first, end = -(rule // 2), rule - rule // 2
    for y in ys:
        page[y + first : y + end, xs[0] + first : xs[-1] + end] = level
    for x in xs:
        page[ys[0] + first : ys[-1] + end, x + first : x + end] = level
    return page


def write(page: Picture, text: str, left: int, top: int) -> None:
    """Write digits of 20 pixels at a place."""
    for digit in text:
        image = DIGITS[int(digit)]
        image = image[:, image.max(0) > 50]
        area = page[top : top + 28, left : left + image.shape[1]]
        area[:] = np.minimum(area, 255 - image)
        left += image.shape[1] + 3


def filled(texts: list[list[str]], rule: int = 2, height: int = 44, width: int = 100) -> Picture:
    page = ruled([height] * len(texts), [width] * len(texts[0]), rule)
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            write(page, text, 30 + j * width + 14, 30 + i * height + (height - 28) // 2)
    return page


def warped(page: Picture, shifts: list[tuple[float, float]]) -> Picture:
    """The page in perspective: its corners are moved by these proportions of its sides."""
    h, w = page.shape
    corners = [(0, 0), (0, h), (w, h), (w, 0)]
    quad = [
        v for (x, y), (a, b) in zip(corners, shifts, strict=True) for v in (x + a * w, y + b * h)
    ]
    picture = Image.fromarray(page)
    quad_transform = Image.Transform.QUAD
    return np.array(
        picture.transform(
            picture.size, quad_transform, quad, Image.Resampling.BICUBIC, fillcolor=235
        )
    )


def right_cells(table: Table, texts: list[list[str]]) -> float:
    """The proportion of cells with the right text; 0 if the shape is wrong."""
    if table.shape != (len(texts), len(texts[0])):
        return 0.0
    found = [cell for row in table.to_lists() for cell in row]
    expected = [text for row in texts for text in row]
    return float(np.mean([a == b for a, b in zip(found, expected, strict=True)]))


TEXTS = [["12", "3", ""], ["", "407", "5"], ["68", "", "90"], ["1", "22", "346"]]


# ---- grids ----


@pytest.mark.parametrize("rule", [1, 2, 4, 6])
def test_reads_cells_with_rules_of_any_thickness(rule: int) -> None:
    table = read_table(filled(TEXTS, rule))
    assert table.shape == (4, 3)
    assert right_cells(table, TEXTS) >= 11 / 12


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (6, 1), (20, 8), (3, 2)])
def test_counts_rows_and_columns(rows: int, columns: int) -> None:
    table = read_table(ruled([36] * rows, [70] * columns))
    assert table.shape == (rows, columns)
    assert table.to_lists() == [[""] * columns] * rows


def test_rows_and_columns_of_different_sizes() -> None:
    heights, widths = [60, 30, 30, 90], [40, 150, 80]
    table = read_table(ruled(heights, widths))
    assert table.shape == (4, 3)
    ys, xs = edges(heights), edges(widths)
    for i, row in enumerate(table):
        for j, cell in enumerate(row):
            expected = (xs[j], ys[i], widths[j], heights[i])
            np.testing.assert_allclose(cell.box, expected, atol=3)


@pytest.mark.parametrize("dark", [True, False])
def test_either_polarity(dark: bool) -> None:
    page = filled(TEXTS)
    assert right_cells(read_table(page if dark else 255 - page), TEXTS) >= 11 / 12


@pytest.mark.parametrize(
    "shifts",
    [
        [(-0.05, -0.03), (0.02, 0.0), (0.05, 0.04), (0.0, 0.06)],
        [(0.0, -0.1), (0.0, 0.0), (0.1, 0.0), (0.0, 0.0)],
        [(-0.04, 0.04), (-0.06, -0.05), (0.04, -0.04), (0.05, 0.05)],
    ],
)
def test_perspective(shifts: list[tuple[float, float]]) -> None:
    page = warped(np.pad(filled(TEXTS), 40, constant_values=235), shifts)
    assert right_cells(read_table(page), TEXTS) >= 10 / 12


def test_curled_page() -> None:
    page = np.pad(filled(TEXTS), 30, constant_values=235)
    shift = (12 * np.sin(np.linspace(0, 3, page.shape[1]))).astype(int)
    curled = np.stack([np.roll(page[:, x], shift[x]) for x in range(page.shape[1])], 1)
    assert right_cells(read_table(curled), TEXTS) >= 10 / 12


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_page_is_read_as_its_digits_stand(quarters: int) -> None:
    page = filled([["3", "4", "5"], ["7", "2", "3"], ["5", "4", "2"], ["4", "7", "5"]], width=60)
    upright = read_table(page)
    turned = read_table(np.rot90(page, quarters))
    assert turned.shape == (4, 3)
    assert turned.to_lists() == upright.to_lists()
    h, w = page.shape
    x, y = upright[0, 0].corners[0]
    expected = {1: (y, w - 1 - x), 2: (w - 1 - x, h - 1 - y), 3: (h - 1 - y, x)}[quarters]
    np.testing.assert_allclose(turned[0, 0].corners[0], expected, atol=3)


def test_broken_and_missing_lines() -> None:
    page = filled(TEXTS)
    page[:, 110:118] = 235  # a gap in all horizontal lines
    assert right_cells(read_table(page), TEXTS) >= 11 / 12


def test_given_numbers_complete_missing_lines() -> None:
    page = ruled([40] * 6, [50] * 6)
    page[148:153, 34:128] = page[148:153, 132:178] = 235
    page[34:268, 128:133] = 235
    assert read_table(page, rows=6, columns=6).shape == (6, 6)
    cell = read_table(page, rows=6, columns=6)[2, 1]
    np.testing.assert_allclose(cell.box, (80, 110, 50, 40), atol=4)


def test_given_numbers_leave_out_other_print() -> None:
    page = ruled([40] * 5, [50] * 5)
    page = np.pad(page, ((80, 80), (80, 80)), constant_values=235)
    page[95:97, 60:400] = 60  # above and beside the table
    page[60:420, 420:423] = 60
    table = read_table(page, rows=5, columns=5)
    np.testing.assert_allclose(table[0, 0].corners[0], (110, 110), atol=4)
    np.testing.assert_allclose(table[4, 4].corners[2], (360, 310), atol=4)


def test_largest_of_several_tables() -> None:
    small, large = ruled([40] * 2, [50] * 2), ruled([40] * 4, [50] * 5)
    small = np.pad(small, ((0, large.shape[0] - small.shape[0]), (0, 0)), constant_values=235)
    assert read_table(np.hstack([small, large])).shape == (4, 5)


def test_strokes_of_digits_are_not_lines() -> None:
    page = ruled([34] * 8, [80] * 4, rule=3)
    for i in range(8):
        for j in range(4):
            write(page, "11", 30 + 80 * j + 30, 30 + 34 * i + 3)
    assert read_table(page).shape == (8, 4)


# ---- merged cells ----


@pytest.mark.parametrize("seed", [1, 2])
def test_tinted_cells_with_a_texture_are_empty(seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = [["12", "3", "44"], ["407", "", ""], ["68", "5", ""]]
    page = filled(texts).astype(float)
    noise = np.clip(128 + 40 * rng.normal(size=page.shape), 0, 255).astype(np.uint8)
    blurred = ocrdigit.image.gaussian_blur(noise, (0, 0), 1.5).astype(float)
    texture = 4 * (blurred - blurred.mean()) / blurred.std()
    for i, j in ((1, 1), (1, 2), (2, 2)):
        inside = np.s_[34 + 44 * i : 70 + 44 * i, 34 + 100 * j : 126 + 100 * j]
        page[inside] += texture[inside] - 25
    assert read_table(np.rint(page).clip(0, 255).astype(np.uint8)).to_lists() == texts


def test_merged_cells() -> None:
    page = ruled([44] * 3, [90] * 3)
    page[32:73, 118:123] = 235  # between the first two cells of the first row
    page[116:121, 212:299] = 235  # and of the last column, second and third row
    write(page, "742", 90, 38)
    write(page, "5", 250, 105)
    table = read_table(page)
    assert table.shape == (3, 3)
    head, tall = table[0, 0], table[1, 2]
    assert (head.row_span, head.column_span) == (1, 2)
    assert (tall.row_span, tall.column_span) == (2, 1)
    assert table[0, 1] is head
    assert table[2, 2] is tall
    assert table.to_lists() == [["742", "", ""], ["", "", "5"], ["", "", ""]]
    assert len(table.to_dict()["cells"]) == 7
    page_html = table._repr_html_()
    assert page_html.count("<td") == 7
    assert 'colspan="2"' in page_html
    assert 'rowspan="2"' in page_html
    np.testing.assert_allclose(head.box, (30, 30, 180, 44), atol=4)


# ---- tables without ruling lines ----

ALIGNED = [["742", "18", "5"], ["36", "", "904"], ["157", "2068", "83"]]


def aligned(texts: list[list[str]], size: tuple[int, int] = (290, 460), top: int = 50) -> Picture:
    """Texts in rows and columns of 70 and 130 pixels."""
    page = np.full(size, 235, np.uint8)
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            write(page, text, 50 + 130 * j, top + 70 * i)
    return page


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("texts", [ALIGNED, [["74", "36"], ["27", "90"], ["43", "57"]]])
def test_numbers_in_rows_and_columns(texts: list[list[str]], quarters: int) -> None:
    """The cells are found by alignment; numbers of other lengths and empty cells do not matter."""
    table = read_table(np.rot90(aligned(texts), quarters))
    assert table.to_lists() == texts
    for row in table:
        for cell in row:
            for number in cell.numbers:
                x, y, w, h = cell.box
                left, top, width, height = number.box
                assert x - 1 <= left
                assert left + width <= x + w + 1
                assert y - 1 <= top
                assert top + height <= y + h + 1


@pytest.mark.parametrize("degrees", [-7, 4])
def test_aligned_numbers_on_a_skewed_page(degrees: int) -> None:
    picture = Image.fromarray(aligned(ALIGNED, (400, 600))).rotate(
        degrees, Image.Resampling.BICUBIC, fillcolor=235
    )
    table = read_table(picture)
    assert table.shape == (3, 3)
    assert right_cells(table, ALIGNED) >= 8 / 9


def test_title_and_page_number_are_no_rows() -> None:
    page = aligned(ALIGNED, (460, 460), top=110)
    write(page, "2024", 170, 30)
    write(page, "3", 210, 400)
    assert read_table(page).to_lists() == ALIGNED


def test_frame_around_aligned_numbers() -> None:
    page = aligned(ALIGNED)
    page[8:10, 8:-8] = page[-10:-8, 8:-8] = page[8:-8, 8:10] = page[8:-8, -10:-8] = 60
    assert read_table(page).to_lists() == ALIGNED


def test_given_columns_without_ruling_lines() -> None:
    """Two numbers that are close together are one cell of a table with so many columns."""
    page = np.full((200, 420), 235, np.uint8)
    for i, (first, second, third) in enumerate([("74", "18", "51"), ("36", "90", "27")]):
        write(page, first, 30, 30 + 70 * i)
        write(page, second, 110, 30 + 70 * i)
        write(page, third, 330, 30 + 70 * i)
    assert read_table(page).shape == (2, 3)
    table = read_table(page, columns=2)
    assert [[number.text for number in cell.numbers] for cell in table[0]] == [["74", "18"], ["51"]]
    assert table.to_lists() == [["74 18", "51"], ["36 90", "27"]]
    assert str(table) == "74 18\t51\n36 90\t27"
    for columns in (1, 4):
        with pytest.raises(ValueError, match=f"{columns} columns"):
            read_table(page, columns=columns, rows=3)


def test_few_numbers_are_no_table() -> None:
    page = np.full((200, 420), 235, np.uint8)
    write(page, "74", 30, 30)
    assert read_table(page).shape == (0, 0)
    write(page, "36", 230, 110)
    assert read_table(page).shape == (0, 0)
    assert read_table(page, rows=1, columns=1).to_lists() == [["74\n36"]]


# ---- results ----


def test_cells_have_digits_in_pixels_of_the_image() -> None:
    page = filled([["7", ""], ["", "3"]])
    table = read_table(page)
    digit = table[0, 0].digits[0]
    rows, columns = np.nonzero(page[36:68, 36:110] < 150)
    expected = (36 + columns.min(), 36 + rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    np.testing.assert_allclose(digit.box, expected, atol=4)
    assert 0 <= table[0, 0].confidence <= 1
    assert table[0, 1].confidence == 1
    assert table[0, 1].digits == ()
    assert [number.text for number in table[0, 0].numbers] == ["7"]
    assert table[0, 1].numbers == ()
    assert repr(table[0, 0]) == "Cell(row=0, column=0, text='7')"
    assert digit.probabilities.sum() == pytest.approx(1, abs=1e-3)


def test_indexing_iteration_and_length() -> None:
    table = read_table(filled(TEXTS))
    assert len(table) == 4
    assert [len(row) for row in table] == [3] * 4
    assert table[1] == table.cells[1]
    assert table[-1, -1] is table.cells[3][2]
    assert (table[2, 1].row, table[2, 1].column) == (2, 1)
    assert str(table) == "\n".join("\t".join(row) for row in table.to_lists())
    with pytest.raises(IndexError):
        table[4]


def test_exports(tmp_path: Any) -> None:
    table = read_table(filled([["7", ""], ["", "3"]]))
    assert table.to_csv() == "7,\n,3\n"
    assert table.to_csv(tmp_path / "table.csv") is None
    assert (tmp_path / "table.csv").read_text() == "7,\n,3\n"
    data = json.loads(json.dumps(table.to_dict()))
    assert (data["rows"], data["columns"], len(data["cells"])) == (2, 2, 4)
    assert data["cells"][0]["text"] == "7"
    picture = table.draw()
    assert picture.size == (260, 148)
    assert np.asarray(picture).std(axis=2).max() > 0  # outlines have a colour
    assert table._repr_png_().startswith(b"\x89PNG")


def test_to_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = read_table(filled([["7", ""], ["", "3"]])).to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.to_numpy().tolist() == [["7", ""], ["", "3"]]


def test_to_frame_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'ocrdigit\[frame\]'"):
        read_table(ruled([40], [40])).to_frame()


def test_files_and_colour(tmp_path: Any) -> None:
    page = filled([["7", ""], ["", "3"]])
    Image.fromarray(page).convert("RGB").save(tmp_path / "table.png")
    assert read_table(tmp_path / "table.png").to_lists() == [["7", ""], ["", "3"]]


def test_large_image_is_reduced() -> None:
    page = np.kron(filled([["7", ""], ["", "3"]]), np.ones((20, 20), np.uint8))
    table = read_table(page)
    assert table.to_lists() == [["7", ""], ["", "3"]]
    np.testing.assert_allclose(table[0, 0].box, (600, 600, 2000, 880), atol=60)


def test_command(tmp_path: Any) -> None:
    path, drawn = str(tmp_path / "table.png"), str(tmp_path / "cells.png")
    Image.fromarray(filled([["7", ""], ["", "3"]])).save(path)
    result = CliRunner().invoke(main, ["table", path, "--draw", drawn])
    assert (result.exit_code, result.output) == (0, "7\t\n\t3\n")
    assert Image.open(drawn).size == (260, 148)
    result = CliRunner().invoke(main, ["table", path, "--csv", "--rows", "2"])
    assert result.output == "7,\n,3\n"
    result = CliRunner().invoke(main, ["table", path, "--json"])
    assert json.loads(result.output)["cells"][0]["numbers"][0]["text"] == "7"
    assert CliRunner().invoke(main, ["table", path, "--csv", "--json"]).exit_code == 2
    Image.new("L", (50, 50), 255).save(path)
    assert CliRunner().invoke(main, ["table", path]).output == "(no table)\n"
    result = CliRunner().invoke(main, ["table", path, "--rows", "7"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "7 rows" in result.stderr


# ---- pictures without a table, and bad arguments ----


def bar_code() -> Picture:
    widths = np.random.default_rng(0).integers(2, 7, 80)
    bars = np.repeat(np.arange(80) % 2 * 255, widths).astype(np.uint8)
    return np.pad(np.tile(bars, (120, 1)), 30, constant_values=255)


def hatching(h: int, w: int, step: int) -> Picture:
    """Lines at 45 degrees, falling and rising."""
    y, x = np.mgrid[:h, :w]
    return np.where(((x + y) % step < 3) | ((x - y) % step < 3), 0, 255).astype(np.uint8)


def page_of_print() -> Picture:
    from PIL import ImageDraw, ImageFont

    picture = Image.new("L", (600, 400), 255)
    text = "the quick brown fox jumps over\nthe lazy dog and runs away from it\n" * 6
    ImageDraw.Draw(picture).multiline_text((20, 20), text, 0, ImageFont.load_default(20))
    return np.array(picture)


def frame() -> Picture:
    page = np.full((200, 300), 255, np.uint8)
    page[:2] = page[-2:] = 0
    return page


NOTHING = {
    "empty": np.full((200, 300), 255, np.uint8),
    "black": np.zeros((200, 300), np.uint8),
    "one pixel": np.zeros((1, 1), np.uint8),
    "one row": np.zeros((1, 400), np.uint8),
    "bar code": bar_code(),
    "horizontal lines": np.tile(np.repeat([255, 0], [10, 2]).astype(np.uint8)[:, None], (20, 300)),
    "two lines": frame(),
    "noise": np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8),
    "print": page_of_print(),
    "hatching": hatching(700, 250, 90),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_nothing_is_invented_without_a_table(kind: str) -> None:
    table = read_table(NOTHING[kind])
    assert not any(text for row in table.to_lists() for text in row)
    if kind not in ("noise", "print"):
        assert table.shape == (0, 0)
        assert len(table) == 0
        assert table.to_lists() == []
        assert table.to_csv() == ""
        assert "no table" in table._repr_html_()
        assert table.draw().size == NOTHING[kind].shape[::-1]


@pytest.mark.parametrize("kind", ["empty", "black", "one pixel", "bar code", "hatching"])
def test_given_numbers_without_a_table(kind: str) -> None:
    with pytest.raises(ValueError, match="no table with 9 rows and 9 columns"):
        read_table(NOTHING[kind], rows=9, columns=9)


def test_all_rules() -> None:
    page = np.full((400, 400), 255, np.uint8)
    page[::8] = page[:, ::8] = 0
    table = read_table(page)
    assert not any(text for row in table.to_lists() for text in row)


def test_squared_paper_of_200_rows_and_columns() -> None:
    page = np.full((1611, 1611), 255, np.uint8)
    page[5::8, 5:1606] = page[5:1606, 5::8] = 0
    assert read_table(page, rows=200, columns=200).shape == (200, 200)


@pytest.mark.parametrize("name", ["rows", "columns"])
@pytest.mark.parametrize("value", [0, -1, 1001, 10**9])
def test_numbers_out_of_range(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be an integer in 1..1000, got {value}"):
        read_table(frame(), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, "9", 9.0, [9]])
def test_numbers_of_other_types(value: Any) -> None:
    with pytest.raises(TypeError, match="rows must be an integer"):
        read_table(frame(), rows=value)


def test_too_many_cells() -> None:
    with pytest.raises(ValueError, match="at most 40,000 cells, got 201 x 200"):
        read_table(frame(), rows=201, columns=200)


def test_numbers_that_the_table_cannot_have() -> None:
    with pytest.raises(ValueError, match="no table with 900 rows and any number of columns"):
        read_table(ruled([40] * 3, [40] * 3), rows=900)


def test_bad_model() -> None:
    with pytest.raises(TypeError, match="model must be"):
        read_table(frame(), model="tiny")  # type: ignore[arg-type]


@pytest.mark.parametrize("image", [np.zeros((0, 5)), np.zeros((2, 3, 7)), np.full((4, 4), np.nan)])
def test_bad_images(image: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="image"):
        read_table(image)
