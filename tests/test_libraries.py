"""Images and labels of other libraries: tensors, and columns of tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import small_model, weights_of
from PIL import Image

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset


class OnlyDLPack:
    """An array with the DLPack protocol only."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> object:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()


class OnlyInterface:
    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.__array_interface__ = array.__array_interface__


class OfAnotherDevice:
    def __array__(self, *args: object, **options: object) -> np.ndarray:
        raise RuntimeError("copy it to the host first")


@pytest.fixture
def files(sample: Dataset, tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / f"{i}.png") for i in range(6)]
    for path, image in zip(paths, sample.X_test, strict=False):
        Image.fromarray(image).save(path)
    return paths


@pytest.mark.parametrize("wrap", [OnlyDLPack, OnlyInterface])
def test_arrays_by_protocol(fitted: DigitClassifier, sample: Dataset, wrap: type) -> None:
    X = sample.X_test[:50]
    expected = fitted.predict_proba(X)
    assert (fitted.predict_proba(wrap(X)) == expected).all()
    assert fitted.predict(wrap(X[0])) == expected[0].argmax()
    assert (ocrdigit.preprocess(wrap(X)) == ocrdigit.preprocess(X)).all()
    assert fitted.score(wrap(X), wrap(sample.y_test[:50])) == fitted.score(X, sample.y_test[:50])


def test_objects_that_do_not_convert_to_arrays() -> None:
    with pytest.raises(TypeError, match="OfAnotherDevice, does not become an array: copy it to"):
        ocrdigit.predict(OfAnotherDevice())
    with pytest.raises(TypeError, match="y, of type OfAnotherDevice"):
        small_model().fit(np.zeros((2, 784)), OfAnotherDevice())


def test_channels_may_come_first(fitted: DigitClassifier, sample: Dataset) -> None:
    X = sample.X_test[:50]
    assert (fitted.predict_proba(X[:, None]) == fitted.predict_proba(X)).all()


def test_sparse_matrices() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="X is sparse"):
        ocrdigit.predict(sparse.csr_array(np.eye(28)))


def test_torch_tensors(fitted: DigitClassifier, sample: Dataset) -> None:
    torch = pytest.importorskip("torch")
    X, y = torch.from_numpy(sample.X_test), torch.from_numpy(sample.y_test)
    expected = fitted.predict_proba(sample.X_test)
    assert (fitted.predict_proba(X) == expected).all()
    channels_first = (X / 255)[:, None].requires_grad_()
    assert np.allclose(fitted.predict_proba(channels_first), expected, atol=1e-5)
    assert np.allclose(fitted.predict_proba(channels_first.half()), expected, atol=0.02)
    assert fitted.predict(X[0]) == fitted.predict(sample.X_test[0])
    assert fitted.score(X, y) == fitted.score(sample.X_test, sample.y_test)
    trained, same = small_model().fit(X, y), small_model().fit(sample.X_test, sample.y_test)
    assert (weights_of(trained) == weights_of(same)).all()
    with pytest.raises(TypeError, match="Tensor, does not become an array"):
        fitted.predict(torch.zeros((1, 28, 28), device="meta"))


def test_jax_arrays(fitted: DigitClassifier, sample: Dataset) -> None:
    jnp = pytest.importorskip("jax.numpy")
    X, y = jnp.asarray(sample.X_test), jnp.asarray(sample.y_test)
    assert (fitted.predict_proba(X) == fitted.predict_proba(sample.X_test)).all()
    assert fitted.score(X / 255, y) == pytest.approx(fitted.score(sample.X_test, sample.y_test))


def test_pandas(fitted: DigitClassifier, sample: Dataset, files: list[str]) -> None:
    pandas = pytest.importorskip("pandas")
    X, y = sample.X_test[:100], sample.y_test[:100]
    expected = fitted.predict(X)
    pixels = pandas.DataFrame(X.reshape(-1, 784))
    assert (fitted.predict(pixels) == expected).all()
    table = pandas.DataFrame({"file": files, "picture": list(X[:6]), "digit": y[:6].astype(str)})
    for column in (table["file"], table["picture"], table[["file"]], table["picture"][::-1]):
        order = slice(None, None, -1) if column.index[0] else slice(None)
        assert (fitted.predict(column) == expected[:6][order]).all()
    named = small_model().fit(table["picture"], table["digit"].astype("category"))
    assert named.score(table["file"], table["digit"]) == named.score(X[:6], y[:6])
    assert (small_model().fit(pixels, pandas.Series(y)).classes_ == range(10)).all()
    with pytest.raises(TypeError, match=r"X\[1\] is of type (NoneType|float)"):
        fitted.predict(pandas.Series([files[0], None]))
    with pytest.raises(FileNotFoundError):
        fitted.predict(pandas.Series(["nowhere.png"]))


def test_polars(fitted: DigitClassifier, sample: Dataset, files: list[str]) -> None:
    polars = pytest.importorskip("polars")
    X, y = sample.X_test[:100], sample.y_test[:100]
    expected = fitted.predict(X)
    rows = X.reshape(-1, 784)
    assert (fitted.predict(polars.DataFrame(rows)) == expected).all()
    arrays = polars.Series(rows.tolist(), dtype=polars.Array(polars.UInt8, 784))
    assert (fitted.predict(arrays) == expected).all()
    table = polars.DataFrame({"file": files, "digit": y[:6].astype(str)})
    assert (fitted.predict(table["file"]) == expected[:6]).all()
    assert (fitted.predict(table[["file"]]) == expected[:6]).all()
    named = small_model().fit(table["file"], table["digit"])
    assert set(named.predict(table["file"])) <= set("0123456789")
    assert small_model().fit(X, polars.Series(y)).score(X, polars.Series(y)) > 0


def test_paths_in_a_pipeline(sample: Dataset, files: list[str]) -> None:
    """Columns of files and digits work in cross-validation."""
    pandas = pytest.importorskip("pandas")
    selection = pytest.importorskip("sklearn.model_selection")
    table = pandas.DataFrame({"file": files * 4, "digit": [0, 1] * 12})
    scores = selection.cross_val_score(small_model(), table["file"], table["digit"], cv=2)
    assert scores.shape == (2,)
