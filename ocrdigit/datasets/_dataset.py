"""What the loaders return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, repr=False, eq=False)
class Dataset:
    """Images and labels, to train on and to test on.

    Attributes
    ----------
    X_train, X_test : ndarray (n, 28, 28) of uint8 or float32
        Images, light ink on black; of another size where a loader says so. A set that is not
        divided has all in ``X_train``, and ``X_test`` has n = 0.
    y_train, y_test : ndarray (n,) of int64
        Their digits.
    name : str
        Where they come from.
    """

    X_train: NDArray[Any]
    y_train: NDArray[np.int64]
    X_test: NDArray[Any]
    y_test: NDArray[np.int64]
    name: str

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name}: {len(self.y_train):,} images to train on, "
            f"{len(self.y_test):,} to test on)"
        )
