"""Loaders of two data sets of the UCI Machine Learning Repository, by other writers than MNIST."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .._bounded import errors_of
from ._dataset import Dataset
from ._npz import NpzFile

# SHA-256 of each array's bytes, which do not depend on how the .npz file is compressed.
OPTDIGITS = {
    "train_images": "6e05382c8553c34400de1b61f9d662853f31c3c00ade1d7fc90a3f30c9ee9d48",
    "train_labels": "de5943b50ffdecffad15a14a80b940496d298196a003426232a5065cfe4c3cb6",
    "writer_dependent_test_images": (
        "ca30b1be150a7de0f0890a9ae3ef73cc3c3b95dab154e97d21f52f9bd2db1b31"
    ),
    "writer_dependent_test_labels": (
        "32c7619d192ebf3eba8ac82589230f6e7ab96e26bbc6c7d72c45f888d627e1b8"
    ),
    "writer_independent_test_images": (
        "7973c6edb882fa7b25a9354c1b4af11aadd7ddc807eb876b51b249c9c4b546a6"
    ),
    "writer_independent_test_labels": (
        "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"
    ),
}
SEMEION = {
    "images": "c9f7a1af935f9ed19215d98eb4b50d3dc72b28c1450262b7478d195b6af03c96",
    "labels": "3470d461c03002120895ee801dd2655cf6e93216d570527a0770d9007f4ce261",
}


def load_optdigits(data_home: str | os.PathLike[str] | None = None) -> Dataset:
    """Load Optical Recognition of Handwritten Digits, by 43 writers from Turkey, as bitmaps.

    The file ``optdigits.npz`` is read from ``data_home`` or, without it, from the folder in the
    environment variable ``OCRDIGIT_DATA``, or from the subfolder ``uci`` of either. It has the
    original bitmaps as arrays ``train_images`` (n, 32, 32) and ``train_labels`` (n,), and the
    same for ``writer_dependent_test`` and ``writer_independent_test``. Every array is checked by
    SHA-256.

    Parameters
    ----------
    data_home : path, optional
        A folder with the file.

    Returns
    -------
    Dataset
        2,880 training images by 30 writers, of the training set and then of the writer-dependent
        test set; 1,797 test images by 13 other writers. uint8 (n, 32, 32), foreground 255 on 0.

    Raises
    ------
    FileNotFoundError
        If the folder does not have the file, or there is no folder.
    OSError
        If the file cannot be read.
    ValueError
        If the file is damaged, or its content differs.

    Examples
    --------
    >>> import ocrdigit
    >>> digits = ocrdigit.datasets.load_optdigits("data/")  # doctest: +SKIP
    >>> ocrdigit.predict(digits.X_test[:3])  # doctest: +SKIP
    array([0, 1, 2])
    """
    arrays = _load("optdigits.npz", OPTDIGITS, data_home)
    X = [arrays[f"{part}_images"] for part in ("train", "writer_dependent_test")]
    y = [arrays[f"{part}_labels"] for part in ("train", "writer_dependent_test")]
    return Dataset(
        np.concatenate(X),
        np.concatenate(y).astype(np.int64),
        arrays["writer_independent_test_images"],
        arrays["writer_independent_test_labels"].astype(np.int64),
        "optdigits",
    )


def load_semeion(data_home: str | os.PathLike[str] | None = None) -> Dataset:
    """Load the Semeion Handwritten Digit data set, by about 80 writers from Italy, as bitmaps.

    Each digit is stretched to fill its square, so that a one may be as wide as it is high. The
    file ``semeion.npz``, with the arrays ``images`` (n, 16, 16) and ``labels`` (n,), is found and
    checked as by :func:`load_optdigits`.

    Parameters
    ----------
    data_home : path, optional
        A folder with the file.

    Returns
    -------
    Dataset
        796 training images, those of even index in the file; 796 test images, those of odd
        index. uint8 (n, 16, 16), foreground 255 on 0.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As :func:`load_optdigits`.

    Examples
    --------
    >>> import ocrdigit
    >>> ocrdigit.datasets.load_semeion("data/").X_train.shape  # doctest: +SKIP
    (796, 16, 16)
    """
    arrays = _load("semeion.npz", SEMEION, data_home)
    X, y = arrays["images"], arrays["labels"].astype(np.int64)
    return Dataset(X[::2], y[::2], X[1::2], y[1::2], "semeion")


def _load(
    name: str, sums: Mapping[str, str], data_home: str | os.PathLike[str] | None
) -> dict[str, NDArray[np.uint8]]:
    """Return the checked arrays of an .npz file."""
    path = _find(name, data_home)
    with errors_of(path, f"damaged, or not {name}"), NpzFile(path) as file:
        arrays = {key: np.ascontiguousarray(file.array(key)) for key in sums}
    for key, expected in sums.items():
        if hashlib.sha256(arrays[key].tobytes()).hexdigest() != expected:
            raise ValueError(f"{path}: the SHA-256 of {key!r} differs from that of {name}")
    return arrays


def _find(name: str, data_home: str | os.PathLike[str] | None) -> str:
    folder = os.environ.get("OCRDIGIT_DATA") if data_home is None else data_home
    if not folder:
        raise FileNotFoundError(2, "pass its folder as data_home or set OCRDIGIT_DATA", name)
    for each in (os.fspath(folder), os.path.join(folder, "uci")):
        path = os.path.join(each, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(2, f"no {name} in it or in its subfolder uci", os.fspath(folder))
