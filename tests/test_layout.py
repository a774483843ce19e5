"""The shape of the repository: what lies where, and who may include whom."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CSRC = ROOT / "csrc"
FOLDERS = ("base", "kernels", "image", "nn", "train", "digit", "page", "python")
TOP_LEVEL = {
    "csrc",
    "ocrdigit",
    "tests",
    "notebooks",
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
    "MANIFEST.in",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def core_files():
    files = [path for path in CSRC.rglob("*") if path.suffix in (".c", ".h")]
    assert files
    return files


def included(path, mark):
    """What a file includes in quotes (mark '"') or in angle brackets ("<")."""
    return [name for found, name in INCLUDE.findall(path.read_text()) if found == mark]


def folder_of(path):
    """The folder of csrc that a file lies in; "" for csrc itself."""
    parts = path.relative_to(CSRC).parts
    return parts[0] if len(parts) > 1 else ""


def test_core_lies_in_known_folders():
    assert {folder_of(path) for path in core_files()} <= {*FOLDERS, ""}
    assert [path.name for path in core_files() if folder_of(path) == ""] == ["ocrdigit.h"]


def test_core_knows_no_python():
    files = [path for path in core_files() if folder_of(path) != "python"]
    assert len(files) > 20
    for path in files:
        for name in included(path, "<") + included(path, '"'):
            assert "python" not in name.lower(), f"{path} includes {name}"
            assert "numpy" not in name.lower(), f"{path} includes {name}"
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(PyObject|Py[A-Z]*[a-z]*_\w+)", text), path


def test_numpy_is_imported_in_one_file():
    users = [p.name for p in core_files() if "numpy/" in p.read_text("utf-8")]
    assert users == ["convert.c"]


def test_includes_point_upward():
    """To the file's own folder or one before it in the order; what includes is found in csrc."""
    for path in core_files():
        own = folder_of(path)
        for name in included(path, '"'):
            beside = path.parent / name
            target = beside if beside.is_file() else CSRC / name
            assert target.is_file(), f"{path} includes {name}, which is not in csrc"
            if target == CSRC / "ocrdigit.h":
                assert own == "python", f"{path} includes ocrdigit.h"
            elif own:
                upward = FOLDERS.index(folder_of(target)) <= FOLDERS.index(own)
                assert upward, f"{path} includes {name}, of a later folder"


def test_top_level_is_tidy():
    try:
        listing = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine has no checkout with git here")
    names = {line.split("/")[0] for line in listing.stdout.splitlines()}
    if not names:
        pytest.skip("this machine has the sources inside another checkout")
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_every_kernel_is_tested():
    """A kernel that joins the table joins the tests that hold it against the reference."""
    table = (CSRC / "kernels" / "kernels.h").read_text()
    kernels = re.findall(r"\(\*(\w+)\)\(", table)
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "c").glob("test_kernels_*.c"))
    assert "gemm" in kernels
    assert [name for name in kernels if f"->{name}(" not in tests] == []
    table = (CSRC / "kernels" / "image_kernels.h").read_text()
    kernels = re.findall(r"\(\*(\w+)\)\(", table)
    assert "gray" in kernels
    assert [name for name in kernels if f"->image.{name}(" not in tests] == []


def test_nothing_is_left_to_do():
    unfinished = re.compile(r"\b(TODO|FIXME|XXX)\b")
    sources = [path for path in (ROOT / "ocrdigit").rglob("*") if path.suffix in (".py", ".pyi")]
    for path in core_files() + sources:
        assert not unfinished.search(path.read_text(encoding="utf-8")), path
