"""Build the documentation: ``python .github/docs/site/build.py [FOLDER]``.

Needs ``pip install '.[plot]' --group docs``, or ocrdigit built in place. The guides, the
notebooks and other documents of the repository are copied to the places that they have in the
site, with links between them rewritten; Sphinx does the rest. Every warning is an error.

OCRDIGIT_REPOSITORY   address of the repository, for links to files that are not in the site; they
                      are text without it
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from c_headers import write_c_reference
from gallery import gallery_of
from sphinx.cmd.build import build_main

SITE = Path(__file__).resolve().parent
ROOT = SITE.parents[2]
# Documents outside .github/docs, and their places in the site.
PLACES = {
    ".github/CHANGELOG.md": "project/changelog.md",
    ".github/CONTRIBUTING.md": "project/contributing.md",
    ".github/SECURITY.md": "project/security.md",
    "README.md": "index.md",
    "csrc/README.md": "project/c_library.md",
    "ocrdigit/weights/MODEL_CARD.md": "project/model_card.md",
    "tests/bench/README.md": "project/benchmarks.md",
}
LINK = re.compile(r"(!?\[[^]]*\])\(([^)\s]+)\)")
CODE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)


def places() -> dict[str, str]:
    """Return the path in the site of each file of the repository that is copied."""
    found = dict(PLACES)
    for path in files_of(ROOT / ".github" / "docs", "*.md"):
        found[path] = posixpath.basename(path)
    for path in files_of(ROOT / ".github" / "images", "*.png"):
        found[path] = f"images/{posixpath.basename(path)}"
    for path in files_of(ROOT / "notebooks", "*.ipynb"):
        found[path] = f"examples/{posixpath.basename(path)}"
    for path in files_of(SITE, "**/*.rst", "*.md"):
        found[path] = posixpath.relpath(path, ".github/docs/site")
    return found


def files_of(folder: Path, *patterns: str) -> Iterator[str]:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            yield path.relative_to(ROOT).as_posix()


class Links:
    """Rewrites the links of a document, which are relative to its place in the repository."""

    def __init__(self, source: str, places: dict[str, str], repository: str) -> None:
        self._source = source
        self._places = places
        self._repository = repository

    def in_text(self, markdown: str) -> str:
        """Return Markdown with its links rewritten; blocks of code stay as they are."""
        parts = CODE.split(markdown)
        parts[::2] = [LINK.sub(self._rewrite, part) for part in parts[::2]]
        return "".join(parts)

    def _rewrite(self, match: re.Match[str]) -> str:
        label, link = match.groups()
        if re.match(r"[a-z]+:|#|/", link):
            return match.group()
        path, mark, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(self._source), path))
        if target in self._places:
            folder = posixpath.dirname(self._places[self._source])
            return f"{label}({posixpath.relpath(self._places[target], folder)}{mark}{anchor})"
        if not (ROOT / target).exists():
            raise FileNotFoundError(f"{self._source} links to {link}, which does not exist")
        if self._repository:
            return f"{label}({self._repository.rstrip('/')}/blob/main/{target}{mark}{anchor})"
        return label[1:-1]


def copy(source: str, target: Path, links: Links) -> None:
    """Copy a file; a document with the links that it has in the site."""
    target.parent.mkdir(parents=True, exist_ok=True)
    text = (ROOT / source).read_text("utf-8") if source.endswith((".md", ".ipynb")) else ""
    if source.endswith(".md"):
        target.write_text(links.in_text(text), "utf-8")
    elif source.endswith(".ipynb"):
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = links.in_text("".join(cell["source"]))
        target.write_text(json.dumps(notebook), "utf-8")
    else:
        shutil.copyfile(ROOT / source, target)


def assemble(folder: Path, repository: str) -> None:
    """Write the sources of the site to an empty folder."""
    found = places()
    for source, place in found.items():
        if source != "README.md":  # the front page of the site has its place
            copy(source, folder / place, Links(source, found, repository))
    (folder / "examples" / "index.md").write_text(gallery_of(folder / "examples"), "utf-8")
    write_c_reference(ROOT / "csrc", folder / "reference" / "c")


def build(out: Path, repository: str = "") -> int:
    """Build the site in a folder; return 0, or another number if there was a warning."""
    with tempfile.TemporaryDirectory() as folder:
        sources, site = Path(folder, "sources"), Path(folder, "site")
        assemble(sources, repository)
        strict = ["-q", "-W", "--keep-going", "-j", "2"]
        folders = ["-c", str(SITE), "-d", f"{folder}/cache", str(sources), str(site)]
        failed = build_main([*strict, *folders])
        if not failed:
            shutil.copytree(site, out, dirs_exist_ok=True)
    return failed


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    failed = build(out, os.environ.get("OCRDIGIT_REPOSITORY", ""))
    print(f"{out / 'index.html'}" if not failed else "the documentation has warnings, see above")
    sys.exit(failed)
