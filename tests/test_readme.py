"""What the README says is had: each line of its table names the test that shows it."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
README = TESTS.parent / "README.md"


def feature_table() -> list[list[str]]:
    section = README.read_text(encoding="utf-8").partition("## What it does, beside others")[2]
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_feature_has_its_test() -> None:
    table = feature_table()
    assert len(table) > 15
    for feature, ours, *_, shown in table:
        assert ours, f"{feature}: no answer of our own"
        file, name = re.fullmatch(r"`(test_\w+\.py)::(test_\w+)`", shown).groups()
        source = (TESTS / file).read_text(encoding="utf-8")
        assert re.search(rf"^ *def {name}\(", source, re.MULTILINE), f"{feature}: no {shown}"


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", README.read_text(encoding="utf-8"))
    assert "csrc/README.md" in links
    for link in links:
        assert (README.parent / link).exists(), link
