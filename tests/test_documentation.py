"""The site of the documentation: it builds without a warning, and has every public name."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest
from public_names import methods_of, public_names

from ocrdigit.cli import main

sphinx_inventory = pytest.importorskip("sphinx.util.inventory")
for module in (
    "furo",
    "matplotlib",
    "myst_nb",
    "numpydoc",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
):
    pytest.importorskip(module)

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / ".github" / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by its one command; a warning is an error."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(SOURCES / "site" / "build.py"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def entries(site: Path) -> dict[str, set[str]]:
    """The names in the site's inventory by role, such as "py:function"."""
    with (site / "objects.inv").open("rb") as file:
        inventory = sphinx_inventory.InventoryFile.loads(file.read(), uri="")
    return {role: set(names) for role, names in inventory.data.items()}


class Page(HTMLParser):
    """The links, pictures, identifiers and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.names |= {found[key] for key in ("id", "name") if found.get(key)}
        self.links += [found[key] for key in ("href", "src") if found.get(key)]


def test_every_public_name_is_in_the_reference(entries: dict[str, set[str]]) -> None:
    documented = set().union(*(names for role, names in entries.items() if role[:3] == "py:"))
    expected = []
    for name, member in public_names():
        expected += [name, *(method for method, _ in methods_of(name, member))]
    assert len(expected) > 250
    assert sorted(set(expected) - documented) == []


def test_every_command_is_in_the_reference(site: Path) -> None:
    text = (site / "reference" / "cli.html").read_text("utf-8")
    names = Page(site / "reference" / "cli.html").names
    for name, command in main.commands.items():
        assert f"ocrdigit-{name}" in names
        options = [each for each in command.params if isinstance(each, click.Option)]
        for option in (option for option in options if not option.hidden):
            assert option.opts[0] in text, f"{name} {option.opts[0]}"


def test_every_public_function_of_c_is_in_the_reference(entries: dict[str, set[str]]) -> None:
    header = (ROOT / "csrc" / "ocrdigit.h").read_text("utf-8")
    expected: set[str] = set()
    for name in re.findall(r'^#include "(.+)"$', header, re.MULTILINE):
        code = re.sub(r"/\*.*?\*/", "", (ROOT / "csrc" / name).read_text("utf-8"), flags=re.DOTALL)
        expected |= set(re.findall(r"^(?!typedef|static|extern)\w[\w *]*?(od_\w+)\(", code, re.M))
    assert len(expected) > 100
    assert sorted(expected - entries["c:function"]) == []


def test_guides_notebooks_and_documents_are_pages(site: Path) -> None:
    expected = [f"{path.stem}.html" for path in SOURCES.glob("*.md")]
    expected += [f"examples/{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")]
    expected += ["project/changelog.html", "project/model_card.html", "examples/index.html"]
    assert [path for path in expected if not (site / path).is_file()] == []


def test_links_of_the_site_have_targets(site: Path) -> None:
    """Files and anchors; links to other hosts are not followed."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 60
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            known = pages.get(target)
            if not target.exists() or (known and parts.fragment not in {"", *known.names}):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_names_in_guides_are_links(site: Path) -> None:
    text = (site / "reading.html").read_text("utf-8")
    assert re.search(r'<a [^>]*href="reference/read\.html#ocrdigit\.read_many"[^>]*>', text)


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    """Fonts, scripts and styles are in the site."""
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img)[^>]* src="(https?:[^"]+)"', text)
        loaded += re.findall(r'<link[^>]* rel="stylesheet"[^>]* href="(https?:[^"]+)"', text)
        assert loaded == [], path
