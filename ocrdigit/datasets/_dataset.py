"""Images with their labels: what the loaders of data sets return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, repr=False, eq=False)
class Dataset:
    """Training and test images with their labels.

    Attributes
    ----------
    X_train, X_test : ndarray (n, 28, 28) of uint8 or float32
        Images, light foreground on black; of another size if the loader's documentation says so.
        A set without a split has all images in ``X_train``, and n = 0 in ``X_test``.
    y_train, y_test : ndarray (n,) of int64
        Their digits.
    name : str
        The name of the data set, or its path.
    """

    X_train: NDArray[Any]
    y_train: NDArray[np.int64]
    X_test: NDArray[Any]
    y_test: NDArray[np.int64]
    name: str

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name}: {len(self.y_train):,} training images, "
            f"{len(self.y_test):,} test images)"
        )
