"""The README and the guides: their Python blocks run, and their links and tables are valid."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

import ocrdigit
from ocrdigit import limits

TESTS = Path(__file__).parent
ROOT = TESTS.parent
README = ROOT / "README.md"
GUIDES = ROOT / ".github" / "docs"
DOCUMENTS = [README, *sorted(GUIDES.glob("*.md")), *sorted((ROOT / ".github").glob("*.md"))]
DOCUMENTS += [ROOT / "csrc" / "README.md", TESTS / "bench" / "README.md"]
# What the blocks of a document import beyond the package's own dependencies.
REQUIRED = {
    "distributed.md": ("dask.array", "dask.dataframe"),
    "models.md": ("h5py", "onnx", "tflite", "flatbuffers"),
    "student.md": ("matplotlib",),
    "training.md": ("matplotlib",),
}


# First lines of blocks that are not run here: a page, and those of test_distributed_recipes.py.
ELSEWHERE = ("import streamlit", "from dask.distributed", "import ray", "from pyspark")


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def python_blocks(document: Path) -> list[tuple[int, str]]:
    """Return the first line's number and the source of each block that runs in this process."""
    text = text_of(document)
    blocks = re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    numbered = [(text.count("\n", 0, block.start(1)), block[1]) for block in blocks]
    return [block for block in numbered if not block[1].startswith(ELSEWHERE)]


def with_blocks() -> list[str]:
    return [str(path.relative_to(ROOT)) for path in DOCUMENTS if python_blocks(path)]


@pytest.mark.parametrize("name", with_blocks())
def test_python_blocks_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From top to bottom in one namespace, in an empty folder, without data and network."""
    for module in REQUIRED.get(Path(name).name, ()):
        pytest.importorskip(module)

    def refuse(*arguments: object) -> None:
        raise AssertionError(f"{name} connects to {arguments[-1]}")

    monkeypatch.delenv("OCRDIGIT_DATA", raising=False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for setting in limits.__all__:  # blocks may set them
        monkeypatch.setattr(limits, setting, getattr(limits, setting))
    threads = ocrdigit.get_num_threads()
    namespace: dict[str, object] = {}
    try:
        for line, source in python_blocks(ROOT / name):
            exec(compile("\n" * line + source, ROOT / name, "exec"), namespace)
    finally:
        ocrdigit.set_num_threads(threads)


def test_values_in_readmes_comments() -> None:
    """A comment that begins with a value shows what the expression before it gives."""
    namespace: dict[str, object] = {}
    shown = r"^((?:ocrdigit|reading)\.\S.*?)  # (\d+|\".*?\")(?=$|[,:])"
    count = 0
    for _, source in python_blocks(README):
        exec(source, namespace)
        for expression, value in re.findall(shown, source, re.MULTILINE):
            assert eval(expression, namespace) == eval(value), expression
            count += 1
    assert count >= 3


def test_readme_is_short_and_has_its_two_lines() -> None:
    lines = text_of(README).splitlines()
    assert len(lines) <= 200
    assert "pip install . && ocrdigit demo" in lines
    assert "pip install '.[test]' && pytest" in lines


def test_pictures_are_small() -> None:
    pictures = re.findall(r"!\[[^]]+\]\((\S+)\)|<img src=\"(\S+?)\"", text_of(README))
    assert len(pictures) >= 3
    for path in (ROOT / (markdown or html) for markdown, html in pictures):
        assert path.read_bytes().startswith(b"\x89PNG"), path
        assert path.stat().st_size < 150_000, path


def feature_table() -> list[list[str]]:
    lines = [line for line in text_of(GUIDES / "features.md").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_feature_has_its_test() -> None:
    table = feature_table()
    assert len(table) > 15
    for feature, ours, *_, shown in table:
        assert ours, f"{feature}: the column of ocrdigit is empty"
        file, name = re.fullmatch(r"`(test_\w+\.py)::(test_\w+)`", shown).groups()
        source = (TESTS / file).read_text(encoding="utf-8")
        assert re.search(rf"^ *def {name}\(", source, re.MULTILINE), f"{feature}: no {shown}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_have_targets(document: Path) -> None:
    text = text_of(document)
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE)
    }
    links = re.findall(r"\]\((?!https?://|mailto:)([^)]+)\)", text)
    for path, _, anchor in (link.partition("#") for link in links):
        assert (document.parent / path).exists(), path
        assert path or anchor in headings, anchor


def test_readme_links_to_every_guide() -> None:
    links = set(re.findall(r"\]\(([^)#]+)", text_of(README)))
    assert links >= {str(path.relative_to(ROOT)) for path in GUIDES.glob("*.md")}
    assert "csrc/README.md" in links


@pytest.mark.parametrize("name", [".github/CONTRIBUTING.md", "csrc/README.md"])
def test_files_that_the_maps_name_exist(name: str) -> None:
    """A map's paths start at the top folder, or are those of the folder that it describes."""
    starts = [ROOT, (ROOT / name).parent]
    paths = re.findall(r"`((?:[\w.]+/)+[\w.*]+\.(?:c|h|md|py))`", text_of(ROOT / name))
    assert len(paths) > 10
    for path in paths:
        assert any(True for start in starts for _ in start.glob(path)), path
