"""The sources of a batch: files, folders, globs and pictures in memory, one after another."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from .._sources import is_data_url, is_file, opened
from ..limits import PICTURE_SUFFIXES
from ._digest import digest

__all__ = ["Source", "count_sources", "iterate_sources"]

_ANY_FOLDERS = "**"


@dataclass(frozen=True)
class Source:
    """A file, or a picture in memory.

    Attributes
    ----------
    name : str
        The path as it was given or found; of a picture in memory ``sources[i]``, with its index
        among all sources. Bytes of a path that are not UTF-8 are escaped.
    image : object
        The path, or the picture.
    error : Exception or None
        Why there is no image, as of a folder without pictures.
    """

    name: str
    image: Any = field(repr=False)
    error: Exception | None = None

    @property
    def size(self) -> int:
        """The bytes of memory that it holds: 0 for a file."""
        if isinstance(self.image, (str, os.PathLike)):
            return 0
        if isinstance(self.image, (bytes, bytearray)):
            return len(self.image)
        if isinstance(getattr(self.image, "nbytes", None), int):
            return int(self.image.nbytes)
        try:
            width, height = self.image.size  # of a PIL image
            return int(width * height * len(self.image.getbands()))
        except (AttributeError, TypeError, ValueError):
            return 0

    def loaded(self) -> Source:
        """Return the source with the bytes of its file object, as threads may share the file.

        One that cannot be read has the error.
        """
        if not is_file(self.image) or not hasattr(self.image, "read"):
            return self
        try:
            with opened(self.image, self.name) as file:
                return replace(self, image=file.read())
        except Exception as error:  # file objects raise many types
            return replace(self, error=error)

    @property
    def fingerprint(self) -> str:
        """What tells it from others: its name and, of a file, its size and time of change.

        Of bytes, arrays and PIL images it is their content.
        """
        if isinstance(self.image, (str, os.PathLike)):
            try:
                status = os.stat(self.image)
                return f"{self.name}\0{status.st_size}\0{status.st_mtime_ns}"
            except (OSError, ValueError):  # such as a data URL
                pass
        content = self.image
        if hasattr(content, "tobytes"):  # arrays, PIL images, memoryview
            content = content.tobytes()
        if isinstance(content, (bytes, bytearray)):
            return f"{self.name}\0{digest(content)}"
        return self.name


def iterate_sources(sources: object) -> Iterator[Source]:
    """Yield each source of ``sources``: one source, or any iterable of sources.

    A folder yields the pictures in it and in its folders, in alphabetical order; a glob, such as
    ``"scans/**/*.png"``, what it matches; a batch of images (n, h, w) or (n, h, w, c) each image.
    """
    index = count()
    for item in _flatten(sources):
        if _is_path(item):
            for source in _of_path(item):
                next(index)
                yield source
        else:
            name = getattr(item, "name", None) if hasattr(item, "read") else None
            place = f"sources[{next(index)}]"
            yield Source(_printable(name) if isinstance(name, str) else place, item)


def count_sources(sources: object) -> tuple[Iterator[Source], int | None]:
    """Return the sources and their number; None if that takes running a generator."""
    found = iterate_sources(sources)
    if not _is_listed(sources):
        return found, None
    listed = list(found)
    return iter(listed), len(listed)


def _is_listed(sources: object) -> bool:
    if isinstance(sources, (list, tuple)):
        return all(map(_is_listed, sources))
    return _is_path(sources) or _is_picture(sources) or not isinstance(sources, Iterable)


def _flatten(sources: object) -> Iterator[Any]:
    if _is_path(sources) or _is_picture(sources):
        yield sources
    elif isinstance(sources, Iterable):
        for item in sources:
            yield from _flatten(item)
    else:
        yield sources  # reading it raises


def _is_path(item: object) -> bool:
    return isinstance(item, os.PathLike) or (isinstance(item, str) and not is_data_url(item))


def _is_picture(item: object) -> bool:
    """Return whether something is one picture, not an iterable of them."""
    if isinstance(item, (str, bytes, bytearray, memoryview, Mapping)) or hasattr(item, "read"):
        return True
    if isinstance(item, (list, tuple)):  # nested lists of numbers
        first = item[0][0] if item and isinstance(item[0], (list, tuple)) and item[0] else None
        return isinstance(item[0] if item and first is None else first, (int, float))
    shape = getattr(item, "shape", None)
    if not isinstance(shape, tuple):
        return hasattr(item, "__array_interface__")  # a PIL image
    if len(shape) == 1:  # a column of a table, unless of numbers
        return getattr(getattr(item, "dtype", None), "kind", "O") in "biufc"
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _of_path(path: str | os.PathLike[str]) -> Iterator[Source]:
    """Yield the files of a path, a folder or a glob."""
    text = os.fsdecode(path)
    try:
        if os.path.isdir(text):
            yield from _of_folder(text)
        elif glob.has_magic(text) and not os.path.lexists(text):
            yield from _of_glob(text)
        else:
            yield Source(_printable(text), path)
    except OSError as error:
        yield Source(_printable(text), path, error)


def _of_glob(pattern: str) -> Iterator[Source]:
    recursive = _ANY_FOLDERS in pattern.split(os.sep)  # which matches the files of folders, too
    matches = [m for m in sorted(_matches(pattern)) if not (recursive and os.path.isdir(m))]
    if not matches:
        raise FileNotFoundError(errno.ENOENT, "no file matches this pattern", pattern)
    for match in matches:
        yield from _of_path(match)


def _matches(pattern: str) -> set[str]:
    """Return what :func:`glob.glob` does, which is lost in cycles of links to folders."""
    parts = pattern.split(os.sep)
    if _ANY_FOLDERS not in parts:
        return set(glob.glob(pattern))
    index = parts.index(_ANY_FOLDERS)
    head, tail = os.sep.join(parts[:index]), os.sep.join(parts[index + 1 :]) or "*"
    if index and not head:
        head = os.sep  # the root
    found: set[str] = set()
    for root in glob.glob(head) if head else [""]:
        for folder in _folders(root, set()):
            found |= _matches(os.path.join(glob.escape(folder), tail))
    return found


def _folders(folder: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Yield a folder and those in it, at any depth; links to folders seen are not followed."""
    if not _is_new(folder, seen):
        return
    yield folder
    for name in _visible_names(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            yield from _folders(path, seen)


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    """Note a folder as seen, and return whether it was not before."""
    status = os.stat(folder or os.curdir)
    key = (status.st_dev, status.st_ino)
    is_new = key not in seen
    seen.add(key)
    return is_new


def _visible_names(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder or os.curdir) if not name.startswith("."))


def _of_folder(folder: str) -> Iterator[Source]:
    found = False
    for source in _walk(folder, set()):
        found = True
        yield source
    if not found:
        suffixes = ", ".join(PICTURE_SUFFIXES)
        error = ValueError(f"{folder} is a folder without pictures: files that end in {suffixes}")
        yield Source(_printable(folder), folder, error)


def _walk(folder: str, seen: set[tuple[int, int]]) -> Iterator[Source]:
    """Yield the pictures of a folder and of those in it; links to folders seen are not followed."""
    try:
        names = _visible_names(folder) if _is_new(folder, seen) else []
    except OSError as error:
        yield Source(_printable(folder), folder, error)
        return
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            yield from _walk(path, seen)
        elif name.lower().endswith(PICTURE_SUFFIXES):
            yield Source(_printable(path), path)
