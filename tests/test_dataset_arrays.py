"""Arrays of well-known data sets: scikit-learn's small digits, Kaggle's table with labels."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import small_model

import ocrdigit
from ocrdigit.datasets import Dataset


def test_small_digits_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    for X in (digits.images, digits.data, digits.data.astype(np.uint8)):
        assert (ocrdigit.predict(X) == digits.target).mean() > 0.99
    assert ocrdigit.predict(digits.images[3]) == 3
    assert ocrdigit.predict_proba(digits.data[:5]).shape == (5, 10)
    assert ocrdigit.preprocess(digits.images[:5]).shape == (5, 28, 28)
    assert ocrdigit.explain(digits.images[3]).digit == 3
    model = small_model(epochs=4).fit(digits.data[:900], digits.target[:900])
    assert model.score(digits.data[900:], digits.target[900:]) > 0.5


def test_images_as_wide_as_small_digits(sample: Dataset) -> None:
    """Of other values than 0 to 16 they are images, not tables."""
    seven = np.pad(np.kron(sample.X_test[7], np.ones((2, 2), np.uint8)), ((9, 9), (4, 4)))
    assert seven.shape[1] == 64
    for image in (seven, 255 - seven, seven / 255, seven > 100):
        assert ocrdigit.predict(image) == 7
    with pytest.raises(ValueError, match=r"X has shape \(2, 8, 8\)"):
        ocrdigit.predict(np.full((2, 8, 8), 200))


def kaggle(sample: Dataset) -> np.ndarray:
    return np.column_stack([sample.y_test[:50], sample.X_test[:50].reshape(50, 784)])


def test_tables_with_labels_are_refused_with_the_remedy(sample: Dataset) -> None:
    table = kaggle(sample)
    message = r"X has shape \(50, 785\): 784 pixels and a column of labels; pass X\[:, 1:\]"
    for X in (table, table.astype(float), table.astype(np.uint8), table[:, :].tolist()):
        with pytest.raises(ValueError, match=message):
            ocrdigit.predict(X)
    with pytest.raises(ValueError, match=r"pass X\[:, :-1\], and X\[:, -1\] as labels"):
        ocrdigit.predict(np.roll(table, -1, axis=1))
    assert (ocrdigit.predict(table[:, 1:]) == table[:, 0]).mean() > 0.95


def test_frames_with_labels_are_refused_with_the_remedy(sample: Dataset) -> None:
    pandas = pytest.importorskip("pandas")
    datasets = pytest.importorskip("sklearn.datasets")
    names = ["label", *(f"pixel{i}" for i in range(784))]
    frame = pandas.DataFrame(kaggle(sample), columns=names)
    for X in (frame, frame[[*names[1:], "label"]]):
        with pytest.raises(ValueError, match="leave out the column 'label'"):
            ocrdigit.predict(X)
    assert len(ocrdigit.predict(frame.drop(columns="label"))) == 50
    with pytest.raises(ValueError, match=r"64 pixels and .* leave out the column 'target'"):
        ocrdigit.predict(datasets.load_digits(as_frame=True).frame)


def test_images_as_wide_as_a_table_with_labels(sample: Dataset) -> None:
    seven = np.full((400, 785), 255, np.uint8)
    seven[60:340, 200:480] = 255 - np.kron(sample.X_test[7], np.ones((10, 10), np.uint8))
    assert ocrdigit.predict(seven) == 7
    seven[:, 0] = 3  # a dark border
    assert ocrdigit.predict(seven) == 7
