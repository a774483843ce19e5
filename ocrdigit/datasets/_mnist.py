"""Loader of MNIST: from a folder, from the cache, or from a public mirror."""

from __future__ import annotations

import os
import sys

import numpy as np

from .._atomic import write_atomically
from ._dataset import Dataset
from ._idx import read_all, read_idx

# Training images and labels, test images and labels; SHA-256 of the uncompressed bytes.
FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

# Each serves the four files gzipped, with ".gz" after their names.
MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)


def load_mnist(data_home: str | os.PathLike[str] | None = None) -> Dataset:
    """Load the MNIST database of handwritten digits.

    The four files, plain or gzipped, are read from ``data_home`` if it is given. Otherwise they
    are read from the folder in the environment variable ``OCRDIGIT_DATA`` if it has them, else
    from the user's cache, else downloaded from a public mirror (11 MB) into the cache. In a
    folder they may also be in a subfolder ``mnist``. Every file is checked by SHA-256.

    Parameters
    ----------
    data_home : path, optional
        A folder with the files.

    Returns
    -------
    Dataset
        60,000 training images and 10,000 test images, uint8 (n, 28, 28), in their original
        order.

    Raises
    ------
    FileNotFoundError
        If ``data_home`` lacks a file.
    OSError
        If a file cannot be read, or no mirror can be reached.
    ValueError
        If a file is damaged, or not MNIST's.

    Examples
    --------
    >>> import ocrdigit
    >>> mnist = ocrdigit.datasets.load_mnist()  # doctest: +SKIP
    >>> mnist.X_train.shape  # doctest: +SKIP
    (60000, 28, 28)
    """
    paths = _paths(data_home)
    return dataset_of(read_all(paths, list(FILES.values())), "MNIST")


def find_files(folder: str | os.PathLike[str]) -> list[str] | None:
    """Return the paths of the four files in ``folder`` or its subfolder ``mnist``, or None."""
    for each in (os.fspath(folder), os.path.join(folder, "mnist")):
        found = [_find(each, name) for name in FILES]
        paths = [path for path in found if path is not None]
        if len(paths) == len(FILES):
            return paths
    return None


def dataset_of(arrays: list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]], name: str) -> Dataset:
    """Return the four arrays as a data set, after checking that their lengths agree."""
    for images, labels in (arrays[:2], arrays[2:]):
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"{name}: images of shape {images.shape} do not match labels of shape "
                f"{labels.shape}"
            )
    X_train, y_train, X_test, y_test = arrays
    return Dataset(X_train, y_train.astype(np.int64), X_test, y_test.astype(np.int64), name)


def _paths(data_home: str | os.PathLike[str] | None) -> list[str]:
    if data_home is not None:
        paths = find_files(data_home)
        if paths is None:
            raise FileNotFoundError(
                2, f"no MNIST files in it ({', '.join(FILES)}; plain or .gz)", str(data_home)
            )
        return paths
    environment = os.environ.get("OCRDIGIT_DATA")
    return (environment and find_files(environment)) or [
        _cached(name, sha256) for name, sha256 in FILES.items()
    ]


def _find(folder: str, name: str) -> str | None:
    """Return a file's path in ``folder``, under any of its common names, or None."""
    for base in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            path = os.path.join(folder, base + suffix)
            if os.path.isfile(path):
                return path
    return None


def _cached(name: str, sha256: str) -> str:
    """Return the path of a file in the cache; download it if it is missing."""
    import pooch

    folder = os.path.join(pooch.os_cache("ocrdigit"), "mnist")
    path = os.path.join(folder, name + ".gz")
    if not os.path.isfile(path):
        os.makedirs(folder, exist_ok=True)
        write_atomically(path, _download(name + ".gz", sha256))
    return path


def _download(name: str, sha256: str) -> bytes:
    """Return a file's bytes from the first mirror that serves it with the right SHA-256."""
    import tempfile

    import pooch

    fetch = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    failures = []
    for mirror in MIRRORS:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, name)
            try:
                fetch(mirror + name, path, None)
                read_idx(path, sha256)
                with open(path, "rb") as file:
                    return file.read()
            except (OSError, ValueError) as error:
                failures.append(f"{mirror}: {error}")
    raise OSError(
        f"{name} could not be downloaded from any mirror; put MNIST's files into a folder and pass "
        "it as data_home or set OCRDIGIT_DATA. " + "; ".join(failures)
    )
