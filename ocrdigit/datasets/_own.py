"""Loaders of your own data: a folder of images by class, a CSV file, an .npz file."""

from __future__ import annotations

import gzip
import os
import zlib
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .._inputs import as_images
from .._labels import as_labels
from ._dataset import Dataset
from ._idx import read_all
from ._mnist import dataset_of, find_files

Path = str | os.PathLike[str]
_Pair = tuple[NDArray[Any], NDArray[np.int64]]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
_NPZ_NAMES = (("X", "y"), ("x", "y"), ("images", "labels"), ("data", "target"))
_SPLIT_NAMES = tuple((f"{x}_train", "y_train", f"{x}_test", "y_test") for x in ("X", "x"))
_LABEL_NAMES = ("label", "class", "digit", "target", "y")


def load_data(path: Path) -> Dataset:
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
        with _open_npz(path) as file:
            for names in _SPLIT_NAMES:
                if set(names) <= set(file.files):
                    x, y, x_test, y_test = names
                    return Dataset(*_pair(file, x, y), *_pair(file, x_test, y_test), name)
        return _without_split(load_npz(path), name)
    if name.endswith((".csv", ".csv.gz")):
        return _without_split(load_csv(path), name)
    raise ValueError(f"{name}: expected a folder, a .csv or an .npz file")


def load_folder(path: Path) -> _Pair:
    """Load images from subfolders that are named by their digit: ``path/7/anything.png``.

    Parameters
    ----------
    path : path
        The folder. Hidden files, and files without the suffix of an image format, are skipped.

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
        If the name of a subfolder is not a digit, there are no images, or an image cannot be
        decoded.

    Examples
    --------
    >>> import ocrdigit
    >>> X, y = ocrdigit.datasets.load_folder("my_digits/")  # doctest: +SKIP
    """
    images, labels = [], []
    for name in sorted(os.listdir(path)):
        folder = os.path.join(path, name)
        if name.startswith(".") or not os.path.isdir(folder):
            continue
        if name not in {*"0123456789"}:
            raise ValueError(f"{folder}: expected subfolders named 0 to 9")
        for file in sorted(os.listdir(folder)):
            if not file.startswith(".") and file.lower().endswith(_SUFFIXES):
                pixels, scale, _ = as_images(os.path.join(folder, file))
                images.append(np.rint(pixels[0] * (scale * 255)).astype(np.uint8))
                labels.append(int(name))
    if not images:
        raise ValueError(
            f"{os.fspath(path)}: no images in subfolders named 0 to 9, and no IDX files of MNIST"
        )
    return np.stack(images), np.array(labels, np.int64)


def load_csv(path: Path, label: str | int | None = None) -> _Pair:
    """Load a CSV file with one image in each row: a label and 784 pixels.

    Parameters
    ----------
    path : path
        The file; a name that ends in ``.gz`` is decompressed. A first line with anything but
        numbers is a header.
    label : str or int, optional
        The column of the labels, by name or by index from 0 (-1 is the last). None: the column
        with the name label, class, digit, target or y; without a header the first.

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
        If a row or a value is not as described above.

    Examples
    --------
    >>> import ocrdigit
    >>> X, y = ocrdigit.datasets.load_csv("train.csv", label="label")  # doctest: +SKIP
    """
    import csv
    import warnings

    name = os.fspath(path)
    try:
        with _open_text(path) as file:
            header = next(csv.reader([file.readline()]), [])
            names = [] if all(map(_is_number, header)) else [field.strip() for field in header]
            if not names:
                file.seek(0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about no rows: checked below
                table = np.loadtxt(file, np.float32, comments=None, delimiter=",", ndmin=2)
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{name}: {error}") from error
    if table.shape[0] == 0 or table.shape[1] != 785:
        raise ValueError(
            f"{name}: {table.shape[0]} rows of {table.shape[1]} numbers; "
            "expected a label and 784 pixels in each row"
        )
    column = _label_column(names, label, name)
    labels = table[:, column]
    pixels = np.delete(table, column, axis=1)
    del table
    if not (labels == np.rint(labels)).all():
        raise ValueError(f"{name}: column {column} has numbers that are not labels 0 to 9")
    if pixels.max() > 1 and (pixels == np.rint(pixels)).all() and pixels.min() >= 0:
        pixels = pixels.astype(np.uint8 if pixels.max() <= 255 else np.float32)
    return _checked(pixels, labels.astype(np.int64), name)


def load_npz(path: Path, images: str | None = None, labels: str | None = None) -> _Pair:
    """Load images and labels from an ``.npz`` file.

    Parameters
    ----------
    path : path
        The file.
    images, labels : str, optional
        The names of the arrays. None: X and y, x and y, images and labels, or data and target.

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
        If the file is damaged, lacks the arrays, or they are not images and labels.

    Examples
    --------
    >>> import ocrdigit
    >>> X, y = ocrdigit.datasets.load_npz("digits.npz", "images", "labels")  # doctest: +SKIP
    """
    with _open_npz(path) as file:
        pairs = [(images, labels)] if images and labels else _NPZ_NAMES
        for x, y in pairs:
            if x in file.files and y in file.files:
                return _pair(file, x, y)
        raise ValueError(
            f"{os.fspath(path)}: has arrays {', '.join(file.files) or '(none)'}; expected "
            + " or ".join(f"{x} and {y}" for x, y in pairs)
        )


def _without_split(pair: _Pair, name: str) -> Dataset:
    X, y = pair
    return Dataset(X, y, X[:0], y[:0], name)


def _checked(X: object, y: object, name: str) -> _Pair:
    """Return checked images and labels; errors name the file."""
    try:
        pixels, scale, single = as_images(X)
        if single:
            raise ValueError("expected a batch of images, got one")
        labels, _ = as_labels(y, len(pixels))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    if pixels.dtype != np.uint8 and scale != 1:
        pixels = pixels * np.float32(scale)
    return pixels, labels.astype(np.int64)


def _pair(file: Any, x: str, y: str) -> _Pair:
    import zipfile

    name = file.fid.name if file.fid else "npz"
    try:
        arrays = file[x], file[y]
    except (
        ValueError,
        EOFError,
        NotImplementedError,
        OSError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(f"{name}: {error}") from error
    return _checked(*arrays, name)


def _open_npz(path: Path) -> Any:
    """Open an .npz file; nothing in it is unpickled."""
    import zipfile

    with open(path, "rb") as file:  # an OSError of np.load may also be a damaged file
        if file.read(2) != b"PK":
            raise ValueError(f"{os.fspath(path)}: not an .npz file")
    try:
        return np.load(path)
    except (ValueError, EOFError, NotImplementedError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error


def _open_text(path: Path) -> IO[str]:
    if os.fspath(path).endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return open(path, encoding="utf-8", newline="")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _label_column(names: list[str], label: str | int | None, path: str) -> int:
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
    raise ValueError(f"{path}: its header has no column {' or '.join(map(repr, wanted))}")
