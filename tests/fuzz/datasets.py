"""Fuzz target: files of data sets: IDX, gzip, CSV, npz."""

from __future__ import annotations

import gzip
import io
import lzma

import numpy as np
from files import file_of

from ocrdigit import datasets
from ocrdigit.datasets._idx import read_idx

# The first byte of an input chooses the name, and so the format.
_NAMES = ("a.csv", "b.npz", "c.csv.gz", "d-idx3-ubyte", "e-idx3-ubyte.gz", "f.csv.xz", "g.npz")


def seeds() -> list[bytes]:
    """Return small files of each kind."""
    X = (np.arange(12 * 784) % 251).astype(np.uint8).reshape(12, 28, 28)
    y = np.arange(12) % 10
    rows = [
        ",".join(map(str, (label, *image.ravel()[:784]))) for label, image in zip(y, X, strict=True)
    ]
    header = "label," + ",".join(f"pixel{i}" for i in range(784))
    csv = "\n".join([header, *rows[:3]]).encode()
    one, split = io.BytesIO(), io.BytesIO()
    np.savez(one, X=X[:2], y=y[:2])
    np.savez(split, x_train=X[:2], y_train=y[:2], x_test=X[:1], y_test=y[:1])
    idx = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2, 28, 28)) + X[:2].tobytes()
    files = (csv, one.getvalue(), gzip.compress(csv), idx, gzip.compress(idx), lzma.compress(csv))
    return [bytes([i]) + data for i, data in enumerate((*files, split.getvalue()))]


def run(data: bytes) -> None:
    kind = data[0] % len(_NAMES) if data else 0
    path = file_of(_NAMES[kind], data[1:])
    if "idx" in path:
        read_idx(path)
    else:
        datasets.load_data(path)
