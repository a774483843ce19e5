"""Operating systems: what differs is in one module, and its Windows side works with stand-ins."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ocrdigit import _system
from ocrdigit._atomic import write_atomically

PACKAGE = Path(_system.__file__).parent
# Modules and functions that Windows does not have.
POSIX_MODULES = {"fcntl", "grp", "posix", "pwd", "resource", "select", "syslog", "termios", "tty"}
POSIX_FUNCTIONS = {"fork", "getuid", "geteuid", "mkfifo", "sched_getaffinity", "register_at_fork"}


def posix_names(source: str) -> set[str]:
    """Return what a module's source imports of POSIX_MODULES or uses of POSIX_FUNCTIONS."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & POSIX_MODULES
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} & POSIX_MODULES
        elif isinstance(node, ast.Attribute):
            found |= {node.attr} & POSIX_FUNCTIONS
    return found


def test_only_one_module_needs_posix():
    sources = {p.name: posix_names(p.read_text("utf-8")) for p in PACKAGE.rglob("*.py")}
    assert {name: found for name, found in sources.items() if found} == {
        "_system.py": {"fcntl", "register_at_fork", "sched_getaffinity"}
    }


class LockedBytes:
    """Stands in for msvcrt: its locks belong to open files."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.position: list[int] = []
        self.taken = False

    def locking(self, file: int, mode: int, count: int) -> None:
        assert (mode, count) == (self.LK_NBLCK, 1)
        self.position.append(os.lseek(file, 0, os.SEEK_CUR))
        if self.taken:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.taken = True


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> LockedBytes:
    stand_in = LockedBytes()
    monkeypatch.setattr(_system, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(_system, "msvcrt", stand_in, raising=False)
    return stand_in


def test_windows_locks_a_byte_behind_the_file(windows: LockedBytes, tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("r+b") as file:
        file.seek(4)
        _system.lock_file(file)
        assert file.read() == b"456789"
        with pytest.raises(BlockingIOError):
            _system.lock_file(file)
    assert min(windows.position) > 2**30
    assert path.stat().st_size == 10


def test_windows_closes_a_file_before_it_is_removed(windows: LockedBytes, tmp_path: Path):
    path = tmp_path / "file"
    file = path.open("w+b")
    _system.remove_locked(file, str(path))
    assert file.closed
    assert not path.exists()


def test_windows_writes_files_without_syncing_folders(windows: LockedBytes, tmp_path: Path):
    _system.sync_folder(str(tmp_path / "missing"))
    write_atomically(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


def test_a_second_process_cannot_lock(tmp_path: Path):
    path = tmp_path / "file"
    code = f"""
import ocrdigit._system
with open({str(path)!r}, "r+b") as file:
    try:
        ocrdigit._system.lock_file(file)
    except BlockingIOError:
        print("locked")
"""
    with path.open("w+b") as file:
        _system.lock_file(file)
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "locked\n", run.stderr


def test_available_processors():
    assert _system.available_processors() >= 1


def test_core_is_imported_on_a_system_without_forks():
    code = """
import os
if hasattr(os, "register_at_fork"):
    del os.register_at_fork
from ocrdigit import _core
print(_core.get_num_threads() >= 1)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "True\n", run.stderr
