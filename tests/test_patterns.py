"""Patterns against ``re``, their bounds and errors; reading under them; checks."""

from __future__ import annotations

import itertools
import random
import re
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ocrdigit
from ocrdigit import _patterns, checks, synth
from ocrdigit.cli import main
from ocrdigit.reading import PATTERNS


def random_pattern(rng: random.Random, depth: int = 3) -> str:
    """A random regular expression over 0, 1 and 2."""
    kind = rng.randrange(7) if depth else 0
    inner = [random_pattern(rng, depth - 1) for _ in range(2)] if kind else []
    if kind == 0:
        return rng.choice(["0", "1", "2", "[01]", "[^1]", ".", r"\d", "[0-2]", "(?:12)?"])
    if kind == 1:
        return f"(?:{inner[0]}|{inner[1]})"
    if kind in (2, 3):
        return inner[0] + inner[1]
    if kind == 4:
        return f"({inner[0]}){rng.choice(['*', '+', '?', '*?', '{2}', '{1,2}', '{,2}', '{1,}'])}"
    return inner[0] + rng.choice(["", "0", "1?"])


class TestCompilation:
    def test_accepts_what_re_matches(self) -> None:
        rng = random.Random(1)
        texts = ["".join(t) for n in range(5) for t in itertools.product("012", repeat=n)]
        compiled = 0
        for _ in range(300):
            pattern = random_pattern(rng)
            try:
                automaton = _patterns.compile_pattern(pattern)
            except ValueError:
                assert not any(re.fullmatch(pattern, text) for text in texts if text), pattern
                continue
            compiled += 1
            accepted = [text for text in texts if automaton.accepts(text)]
            assert accepted == [text for text in texts if re.fullmatch(pattern, text)], pattern
        assert compiled > 250

    @pytest.mark.parametrize("pattern", [r"^\d{2}$", r"\A\d{2}\Z", r"(?P<a>\d)\d", r"\w\S"])
    def test_syntax(self, pattern: str) -> None:
        automaton = _patterns.compile_pattern(pattern)
        assert [automaton.accepts(text) for text in ("1", "12", "123")] == [False, True, False]

    def test_named_patterns(self) -> None:
        cases = {
            "integer": (["0", "120"], ["", "012"]),
            "decimal": (
                ["-1", "12.50", "0,5", "1.250", "+1,250.75", "12.345.678,9"],
                ["", "-", "1.", ".5", "1,25.50", "1.250.50", "--1"],
            ),
            "date-us": (["12/31/2024", "02/29/2025"], ["31/12/2024", "02/30/2024"]),
            "date-iso": (["2024-12-31", "2024-01-01"], ["2024-04-31", "2024-13-01"]),
            "date": (["31/12/2024", "29/02/2025"], ["31/04/2024", "30/02/2024", "00/01/2024"]),
            "time": (["00:00", "23:59"], ["24:00", "12:60"]),
            "phone": (["0712345678"], ["123456", "1" * 16]),
        }
        assert cases.keys() == PATTERNS.keys()
        for name, (right, wrong) in cases.items():
            automaton = _patterns.compile_pattern(PATTERNS[name])
            assert all(automaton.accepts(text) for text in right), name
            assert not any(automaton.accepts(text) for text in wrong), name

    def test_separators_are_symbols(self) -> None:
        automaton = _patterns.compile_pattern(r"\d/.")
        assert automaton.accepts("1/2")
        assert automaton.accepts("1//")
        assert not automaton.accepts("12")

    @pytest.mark.parametrize(
        ("pattern", "message"),
        [
            ("(", "must be a regular expression"),
            ("1{3,2}", "must be a regular expression"),
            ("(" * 5000 + "1" + ")" * 5000, "must be a regular expression|at most 10000 states"),
            (r"(\d)\1", "no back-references"),
            (r"(?P<a>\d)(?P=a)", "no back-references"),
            (r"(\d)?(?(1)2|3)", "no conditional groups"),
            (r"(?=1)\d", "no look-ahead or look-behind"),
            (r"(?<!1)2", "no look-ahead or look-behind"),
            (r"\b1", "no anchors"),
            ("1$2", "no anchors"),
            ("(?i)1", "no flags"),
            ("(?s:1)", "no flags"),
            ("[a-z]", "must be of the characters .* got 'a'"),
            ("[0-9x]", "must be of the characters .* got 'x'"),
            ("٣", "must be of the characters"),
            ("telephone", "names of patterns are integer, decimal, date"),
            (r"[^\d\D]", "class without symbols"),
            ("", "must match some number"),
            ("1{0}", "must match some number"),
            ("/", "must match some number"),
            ("[-/]*", "must match some number"),
            (r"\d+ ?\d+", "places of spaces"),
            (r"\d +\d", "places of spaces"),
            (r"\d+( -\d+)* ?\d", "places of spaces"),
            (r"\d{3,5}|\d\d \d", r"places of spaces, .* with both '\d\d \d' and '\d{3}'"),
        ],
    )
    def test_bad_patterns(self, pattern: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            _patterns.constraint(pattern, None, None)

    @pytest.mark.parametrize(
        "pattern",
        [
            r"(\d{1,999}){1,999}",
            r"((\d{1,99}){1,99}){1,99}",
            r"\d{1,99999999}",
            r"(0|1)*1(0|1){30}",
            r"(.*1){20}.{20}",
            r"(1?){4999}",
            r"\+{3000}9",
        ],
    )
    def test_explosions(self, pattern: str) -> None:
        start = time.process_time()
        with pytest.raises(ValueError, match="at most 10000 states"):
            _patterns.constraint(pattern, None, None)
        assert time.process_time() - start < 20

    def test_intersections(self) -> None:
        assert _patterns.constraint(r"/\d\d|\d/:/\d", 2, ["/12", "1/:/2"]) is not None
        both = _patterns.constraint(r"1\d*", (2, 3), ["12", "21", "1", "1234"])
        assert both is not None
        assert both.automaton.states == 3
        for arguments in (
            ("1", 2, None),
            ("12", None, ["21"]),
            (None, 3, ["21"]),
            ("12", 2, ["2"]),
        ):
            with pytest.raises(ValueError, match="contradict each other"):
                _patterns.constraint(*arguments)

    @pytest.mark.parametrize(
        ("pattern", "number", "text"),
        [
            ("date", "31122024", "31/12/2024"),
            (r"\d{1,2}:\d{2}", "123", "1:23"),
            (r"\d{1,2}:\d{2}", "1234", "12:34"),
            (r"\d{1,3}(,\d{3})*", "1234567", "1,234,567"),
            (r"-\d\.", "5", "-5."),
        ],
    )
    def test_optional_separators(self, pattern: str, number: str, text: str) -> None:
        """Those that follow from the digits may be read, but are part of the text in any case."""
        constraint = _patterns.constraint(pattern, None, None)
        assert constraint is not None
        assert constraint.separators is not None
        readable = constraint.separators.readable()
        for kept in itertools.product([False, True], repeat=len(text)):
            read = "".join(c for c, keep in zip(text, kept, strict=True) if keep or c.isdigit())
            assert readable.accepts(read)
            assert constraint.separators.complete(read) == text

    @pytest.mark.parametrize(
        ("pattern", "accepted", "refused"),
        [
            (r"-?\d+\.\d{2}", ["-1.25", "1.25"], ["125", "-125", "1-25"]),
            (r"\d+/?\d+", ["1/2", "12"], ["1//2"]),
            (r"\d+([.,]\d+)*", ["1.250,00"], ["1..2", ".1"]),
        ],
    )
    def test_separators_to_read(
        self, pattern: str, accepted: list[str], refused: list[str]
    ) -> None:
        """Those that the digits do not tell must be read."""
        constraint = _patterns.constraint(pattern, None, None)
        assert constraint is not None
        assert constraint.separators is None
        automaton = _patterns.compile_pattern(pattern)
        assert all(map(automaton.accepts, accepted))
        assert not any(map(automaton.accepts, refused))

    def test_spaces_with_separators_to_read(self) -> None:
        constraint = _patterns.constraint(r"[+-]\d{2} \d{3}", None, None)
        assert constraint is not None
        assert constraint.separators is not None
        assert constraint.separators.complete("-12345") == "-12 345"
        assert not constraint.separators.readable().accepts("12345")

    def test_length_counts_digits(self) -> None:
        automaton = _patterns.of_length(2, 3)
        accepted = ["12", "1-2", "-1.2-", "1/2/3", "+12", ".12", "-.12", "12.-"]
        refused = ["", "1", "1.-", "1234", "--", "/12", "1//2", "12/,"]
        assert all(map(automaton.accepts, accepted))
        assert not any(map(automaton.accepts, refused))


@pytest.fixture(scope="module")
def picture() -> synth.Picture:
    return synth.string("1874", height=64, random_state=3)


class TestReading:
    def test_pattern(self, picture: synth.Picture) -> None:
        read = ocrdigit.read
        assert read(picture.image, pattern=r"\d{4}").text == "1874"
        assert read(picture.image, pattern=r"[0-7]+").text != "1874"
        assert set(read(picture.image, pattern=r"[0-7]+").text) <= set("01234567")
        assert read(picture.image, pattern=r"\d+", length=3).text in ("184", "174", "187", "874")
        assert read(picture.image, pattern=r"1\d*", lexicon=["2874", "1574"]).text == "1574"
        assert read(picture.image, pattern=r"\d{300}").rows == ()

    def test_patterns_of_strings(self) -> None:
        """The pattern of a text does not change a right reading, and corrects others.

        What is dropped as improbable without a pattern may be a line of its own with it.
        """
        source = ocrdigit.datasets.load_sample()
        free = right = 0
        pictures = synth.strings(
            40,
            length=6,
            style="cheque",
            digits=(source.X_test, source.y_test),
            random_state=5,
        )
        for picture in pictures:
            digits = "".join(map(str, picture.values))
            pattern = rf"{digits[:2]}\d{{4}}"
            without = ocrdigit.read(picture.image, symbols="digits").text
            reading = ocrdigit.read(picture.image, pattern=pattern)
            texts = [number.text for number in reading.numbers]
            assert all(re.fullmatch(pattern, text) for text in texts)
            assert digits in texts or without != digits
            free += without == digits
            right += digits in texts
        assert right >= free

    def test_separators(self, picture: synth.Picture) -> None:
        (number,) = ocrdigit.read(picture.image, pattern=r"\d\d:\d\d").numbers
        assert number.text == str(number) == "18:74"
        assert number.gaps == ("", "", ":", "", "")
        assert number.to_dict()["text"] == "18:74"
        assert [digit.value for digit in number.digits] == [1, 8, 7, 4]

    def test_alternatives(self, picture: synth.Picture) -> None:
        reading = ocrdigit.read(picture.image, pattern=r"\d\d-\d\d", alternatives=5)
        (alternatives,) = reading.alternatives
        assert alternatives[0].text == reading.text == "18-74"
        probabilities = [alternative.probability for alternative in alternatives]
        assert len({alternative.text for alternative in alternatives}) == 5
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1)
        assert len(reading.to_dict()["rows"][0][0]["alternatives"]) == 5
        assert ocrdigit.read(picture.image).alternatives == ((),)

    def test_alternatives_on_a_rotated_page(self, picture: synth.Picture) -> None:
        """Digits of all alternatives have their boxes in the image."""
        turned = np.ascontiguousarray(np.rot90(picture.image))
        wanted = ocrdigit.read(turned)
        found = ocrdigit.read(turned, alternatives=4)
        assert found.text == wanted.text == "1874"
        assert [digit.box for digit in found.digits] == [digit.box for digit in wanted.digits]

    def test_check(self, picture: synth.Picture) -> None:
        called: list[str] = []

        def check(text: str) -> bool:
            called.append(text)
            return checks.luhn(text)

        reading = ocrdigit.read(picture.image, length=4, check=check)
        assert reading.text == called[-1] != "1874"
        assert called[0] == "1874"
        assert checks.luhn(reading.text)
        assert not any(map(checks.luhn, called[:-1]))
        assert [a.text for a in reading.numbers[0].alternatives][: len(called)] == called
        assert ocrdigit.read(picture.image, check=lambda text: True).text == "1874"

    def test_no_text_passes(self, picture: synth.Picture) -> None:
        reading = ocrdigit.read(picture.image, check=lambda text: False)
        assert reading.text == ""
        assert reading.rows == ()
        (rejected,) = reading.rejected
        assert rejected.text == "1874"
        assert len(rejected.alternatives) == 32

    def test_check_that_raises(self, picture: synth.Picture) -> None:
        def check(text: str) -> bool:
            raise KeyError(text)

        with pytest.raises(KeyError, match="1874"):
            ocrdigit.read(picture.image, check=check)

    def test_many(self, picture: synth.Picture, tmp_path: Path) -> None:
        Image.fromarray(picture.image).save(tmp_path / "a.png")
        (reading,) = ocrdigit.read_many([tmp_path / "a.png"], pattern=r"\d\d/\d\d", progress=False)
        assert reading.text == "18/74"

    def test_command(
        self, picture: synth.Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Image.fromarray(picture.image).save(tmp_path / "a.png")
        result = CliRunner().invoke(main, ["read", "a.png", "--pattern", r"\d\d:\d\d"])
        assert (result.exit_code, result.output) == (0, "18:74\n")
        result = CliRunner().invoke(main, ["read", "a.png", "--pattern", r"(\d)\1"])
        assert result.exit_code == 1
        assert "back-references" in result.output


def test_luhn() -> None:
    assert checks.luhn("79927398713")
    assert not any(checks.luhn(f"7992739871{digit}") for digit in range(10) if digit != 3)
    assert checks.luhn("0000")
    assert not checks.luhn("0")
    for text in (79927398713, ["7"], memoryview(np.zeros((2, 2), np.uint8)), None):
        with pytest.raises(TypeError, match="text must be a str, got "):
            checks.luhn(text)  # type: ignore[arg-type]
    assert not checks.luhn("")
