"""Loaders of your own data: a folder of images by class, a CSV file, an .npz file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .._bounded import bounded_lines, errors_of, max_unpacked
from .._inputs import as_images
from .._labels import as_labels
from ..limits import PICTURE_SUFFIXES
from ._dataset import Dataset
from ._idx import read_all
from ._mnist import dataset_of, find_files
from ._npz import NpzFile

Path = str | os.PathLike[str]
_Pair = tuple[NDArray[Any], NDArray[np.int64]]

_NPZ_NAMES = (("X", "y"), ("x", "y"), ("images", "labels"), ("data", "target"))
_SPLIT_NAMES = tuple((f"{x}_train", "y_train", f"{x}_test", "y_test") for x in ("X", "x"))
_LABEL_NAMES = ("label", "class", "digit", "target", "y")
_COLUMNS = 785

MAX_BYTES = 1 << 32  # of a CSV file, uncompressed
MAX_LINE = 1 << 16  # characters of a line in it
MAX_IMAGES = 2_000_000  # in a folder


def load_data(path: Path, *, max_bytes: int | None = None) -> Dataset:
    """Load data of any supported format, which is recognized from ``path``.

    Parameters
    ----------
    path : path
        One of these:

        - a folder with the four IDX files of MNIST, or of a data set with the same file names;
        - a folder of images by class (see :func:`load_folder`), or a folder with two of them
          that are named ``train`` and ``test``;
        - a ``.csv`` or ``.csv.gz`` file, see :func:`load_csv`;
        - an ``.npz`` file, see :func:`load_npz`, or one with the arrays X_train, y_train, X_test
          and y_test.
    max_bytes : int, optional
        As for :func:`load_csv` and :func:`load_npz`.

    Returns
    -------
    Dataset
        Data without a split have an empty test part.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If the data are damaged, or of no supported format.

    Examples
    --------
    >>> import ocrdigit
    >>> data = ocrdigit.datasets.load_data("my_digits/")  # doctest: +SKIP
    """
    name = os.fspath(path)
    if os.path.isdir(path):
        idx = find_files(path)
        if idx is not None:
            return dataset_of(read_all(idx), name)
        train, test = (os.path.join(path, part) for part in ("train", "test"))
        if os.path.isdir(train) and os.path.isdir(test):
            return Dataset(*load_folder(train), *load_folder(test), name)
        return _without_split(load_folder(path), name)
    if not os.path.exists(path):
        raise FileNotFoundError(2, "No such file or folder", name)
    if name.endswith(".npz"):
        with errors_of(path), NpzFile(path, max_bytes) as file:
            for names in _SPLIT_NAMES:
                if set(names) <= set(file.names):
                    x, y, x_test, y_test = names
                    return Dataset(*_pair(file, x, y), *_pair(file, x_test, y_test), name)
        return _without_split(load_npz(path, max_bytes=max_bytes), name)
    if name.endswith((".csv", ".csv.gz")):
        return _without_split(load_csv(path, max_bytes=max_bytes), name)
    raise ValueError(f"{name}: expected a folder, a .csv or an .npz file")


def load_folder(path: Path) -> _Pair:
    """Load images from subfolders that are named by their digit: ``path/7/anything.png``.

    Parameters
    ----------
    path : path
        The folder, of at most 2,000,000 images. Hidden files, and files without the suffix of an
        image format, are skipped.

    Returns
    -------
    X : ndarray (n, 28, 28) of uint8
        The images, preprocessed as by :func:`ocrdigit.preprocess`.
    y : ndarray (n,) of int64
        Their digits.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If the name of a subfolder is not a digit, there are no images or too many, or one of them
        is no file or cannot be decoded.

    Examples
    --------
    >>> import ocrdigit
    >>> X, y = ocrdigit.datasets.load_folder("my_digits/")  # doctest: +SKIP
    """
    images: list[NDArray[np.uint8]] = []
    labels = []
    for name in sorted(os.listdir(path)):
        folder = os.path.join(path, name)
        if name.startswith(".") or not os.path.isdir(folder):
            continue
        if name not in {*"0123456789"}:
            raise ValueError(f"{folder}: expected subfolders named 0 to 9")
        for file in _images_in(folder, MAX_IMAGES - len(images)):
            pixels, scale, _ = as_images(file)
            images.append(np.rint(pixels[0] * (scale * 255)).astype(np.uint8))
            labels.append(int(name))
    if not images:
        raise ValueError(
            f"{os.fspath(path)}: no images in subfolders named 0 to 9, and no IDX files of MNIST"
        )
    return np.stack(images), np.array(labels, np.int64)


def _images_in(folder: str, max_count: int) -> list[str]:
    """Return the paths of the image files in a folder, sorted."""
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.lower().endswith(PICTURE_SUFFIXES):
                continue
            if not stat.S_ISREG(os.stat(entry.path).st_mode):  # to open a pipe would wait for ever
                raise ValueError(f"{entry.path}: neither a file nor a link to one")
            names.append(entry.path)
            if len(names) > max_count:
                raise ValueError(f"{folder}: with it there are more than {MAX_IMAGES:,} images")
    return sorted(names)


def load_csv(path: Path, label: str | int | None = None, *, max_bytes: int | None = None) -> _Pair:
    """Load a CSV file with one image in each row: a label and 784 pixels.

    Parameters
    ----------
    path : path
        The file; a name that ends in ``.gz`` is decompressed. A first line with anything but
        numbers is a header.
    label : str or int, optional
        The column of the labels, by name or by index from 0 (-1 is the last). None: the column
        with the name label, class, digit, target or y; without a header the first.
    max_bytes : int, optional
        The maximum size of the uncompressed file. None: 4 GiB; for a gzipped file also 8 MiB, and
        64 more for each of its bytes beyond 1 MB.

    Returns
    -------
    X : ndarray (n, 28, 28) of uint8 or float32
        The images; uint8 if all pixels are whole numbers in 0..255.
    y : ndarray (n,) of int64
        Their digits.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If a row or a value is not as described above, or the file is too large.

    Examples
    --------
    >>> import ocrdigit
    >>> X, y = ocrdigit.datasets.load_csv("train.csv", label="label")  # doctest: +SKIP
    """
    with errors_of(path):
        with _open_text(path) as file:
            lines = bounded_lines(file, MAX_LINE, _max_text(path, max_bytes))
            names, table = _read_table(lines)
        column = _label_column(names, label)
        labels = table[:, column]
        pixels = np.delete(table, column, axis=1)
        del table
        if not (labels == np.rint(labels)).all() or np.isinf(labels).any():
            raise ValueError(f"column {column} has numbers that are not labels 0 to 9")
        if pixels.max() > 1 and (pixels == np.rint(pixels)).all() and pixels.min() >= 0:
            pixels = pixels.astype(np.uint8 if pixels.max() <= 255 else np.float32)
        return _checked(pixels, labels.astype(np.int64))


def _open_text(path: Path) -> IO[str]:
    if os.fspath(path).endswith(".gz"):
        import gzip

        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return open(path, encoding="utf-8", newline="")


def _max_text(path: Path, max_bytes: int | None) -> int:
    """Return how many characters may be read of a CSV file."""
    if max_bytes is not None:
        return max_bytes
    if not os.fspath(path).endswith(".gz"):
        return MAX_BYTES
    return min(MAX_BYTES, max_unpacked(os.stat(path).st_size))


def _read_table(lines: Iterator[str]) -> tuple[list[str], NDArray[np.float32]]:
    """Return the names of the columns, if there is a header, and the numbers of all rows."""
    import csv
    import itertools
    import warnings

    first = next(lines, "")
    header = next(csv.reader([first]), [])
    names = [] if all(map(_is_number, header)) else [field.strip() for field in header]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about no rows: checked below
        rows = lines if names else itertools.chain([first] if first else [], lines)
        table = np.loadtxt(rows, np.float32, comments=None, delimiter=",", ndmin=2)
    if table.shape[0] == 0 or table.shape[1] != _COLUMNS:
        raise ValueError(
            f"{table.shape[0]} rows of {table.shape[1]} numbers; "
            "expected a label and 784 pixels in each row"
        )
    return names, table


def load_npz(
    path: Path,
    images: str | None = None,
    labels: str | None = None,
    *,
    max_bytes: int | None = None,
) -> _Pair:
    """Load images and labels from an ``.npz`` file.

    Parameters
    ----------
    path : path
        The file.
    images, labels : str, optional
        The names of the arrays. None: X and y, x and y, images and labels, or data and target.
    max_bytes : int, optional
        The maximum size of the arrays that are read, together. None: 8 MiB, and 64 more for each
        byte of the file beyond 1 MB, but at most 4 GiB.

    Returns
    -------
    X : ndarray (n, 28, 28) of uint8 or float32
        The images.
    y : ndarray (n,) of int64
        Their digits.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is damaged, lacks the arrays, or they are too large or not images and labels.

    Examples
    --------
    >>> import ocrdigit
    >>> X, y = ocrdigit.datasets.load_npz("digits.npz", "images", "labels")  # doctest: +SKIP
    """
    with errors_of(path), NpzFile(path, max_bytes) as file:
        pairs = [(images, labels)] if images and labels else _NPZ_NAMES
        for x, y in pairs:
            if x in file.names and y in file.names:
                return _pair(file, x, y)
        raise ValueError(
            f"has arrays {', '.join(file.names) or '(none)'}; expected "
            + " or ".join(f"{x} and {y}" for x, y in pairs)
        )


def _without_split(pair: _Pair, name: str) -> Dataset:
    X, y = pair
    return Dataset(X, y, X[:0], y[:0], name)


def _checked(X: object, y: object) -> _Pair:
    """Return checked images and labels."""
    pixels, scale, single = as_images(X)
    if single:
        raise ValueError("expected a batch of images, got one")
    labels, _ = as_labels(y, len(pixels))
    if pixels.dtype != np.uint8 and scale != 1:
        pixels = pixels * np.float32(scale)
    return pixels, labels.astype(np.int64)


def _pair(file: NpzFile, x: str, y: str) -> _Pair:
    return _checked(file.array(x), file.array(y))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _label_column(names: list[str], label: str | int | None) -> int:
    if isinstance(label, int):
        if not -785 <= label < 785:
            raise ValueError(f"label must be a column of -785 to 784, got {label}")
        return label % 785
    if label is None and not names:
        return 0
    wanted = _LABEL_NAMES if label is None else (label,)
    for name in wanted:
        if name in names:
            return names.index(name)
    raise ValueError(f"its header has no column {' or '.join(map(repr, wanted))}")
