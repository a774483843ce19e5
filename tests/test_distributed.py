"""Predictions and readings over Dask's collections, without a cluster; objects that are sent."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import small_model
from PIL import Image

import ocrdigit
from ocrdigit import DigitClassifier, _core, distributed, synth
from ocrdigit.batch import Source
from ocrdigit.datasets import Dataset
from ocrdigit.distributed import Reader, Scorer

FIELDS = synth.strings(5, length=6, random_state=0)
BLANK = np.full((60, 200), 255, np.uint8)


@pytest.fixture(scope="module")
def dask() -> Any:
    dask = pytest.importorskip("dask")
    for module in ("dask.array", "dask.bag", "dask.dataframe"):
        pytest.importorskip(module)
    with dask.config.set(scheduler="threads"):
        yield dask


@pytest.fixture(scope="module")
def da(dask: Any) -> Any:
    return dask.array


@pytest.fixture(scope="module")
def db(dask: Any) -> Any:
    return dask.bag


@pytest.fixture(scope="module")
def dd(dask: Any) -> Any:
    return dask.dataframe


@pytest.fixture(scope="module")
def pd(dask: Any) -> Any:
    import pandas

    return pandas


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / f"{i}.png") for i in range(len(FIELDS))]
    for path, field in zip(paths, FIELDS, strict=True):
        Image.fromarray(field.image).save(path)
    return paths


def never(*arguments: object) -> Any:
    raise AssertionError("this was computed")


# ---- predictions ----


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (1, 28, 28), (784,)])
def test_arrays(da: Any, sample: Dataset, shape: tuple[int, ...]) -> None:
    X = sample.X_test[:200].reshape(200, *shape)
    split = da.from_array(X, chunks=(70, *(-(-length // 2) for length in shape)))
    digits, probabilities = distributed.predict(split), distributed.predict_proba(split)
    assert (digits.chunks, digits.dtype) == (((70, 70, 60),), np.int64)
    assert (probabilities.chunks, probabilities.dtype) == (((70, 70, 60), (10,)), np.float32)
    for lazy, function in ((digits, ocrdigit.predict), (probabilities, ocrdigit.predict_proba)):
        computed = lazy.compute()
        assert (computed == function(X)).all()
        assert computed.dtype == lazy._meta.dtype == lazy.dtype
        assert lazy._meta.ndim == computed.ndim == lazy.ndim


def test_nothing_is_computed_at_construction(da: Any, db: Any, dd: Any, pd: Any) -> None:
    array = da.map_blocks(never, chunks=((5, 5), (784,)), dtype=np.uint8, meta=np.empty((0, 0)))
    frame = dd.from_map(never, [0, 1], meta=pd.DataFrame(np.empty((0, 784), np.uint8)))
    bag = db.from_sequence([0, 1]).map(never)
    series = dd.from_map(never, [0, 1], meta=pd.Series(dtype="string"))
    for lazy in (array, frame, bag, series):
        for function in (distributed.predict, distributed.predict_proba):
            with pytest.raises(AssertionError, match="this was computed"):
                function(lazy).compute()
    for lazy in (bag, series):
        for into in ("frame", "bag"):
            with pytest.raises(AssertionError, match="this was computed"):
                distributed.read(lazy, into=into).compute()


def test_unknown_and_empty_chunks(da: Any, sample: Dataset) -> None:
    X = sample.X_test[:200]
    kept = np.arange(200) >= 100
    images = da.from_array(X, chunks=(50, 28, 28))[da.from_array(kept, chunks=50)]
    digits, probabilities = distributed.predict(images), distributed.predict_proba(images)
    assert np.isnan(digits.chunks[0]).all()
    assert (digits.compute() == ocrdigit.predict(X[kept])).all()
    assert probabilities.compute().shape == (100, 10)
    none = da.empty((0, 28, 28), dtype=np.uint8)
    assert distributed.predict(none).compute().shape == (0,)


def test_parameters_of_predictions(da: Any, sample: Dataset, fitted: DigitClassifier) -> None:
    X = np.concatenate([sample.X_test[:50], np.zeros((1, 28, 28), np.uint8)])
    images = da.from_array(X, chunks=(30, 28, 28))
    rejecting = distributed.predict(images, reject=0.5).compute()
    assert (rejecting == ocrdigit.predict(X, reject=0.5)).all()
    assert rejecting[-1] == -1
    own = distributed.predict_proba(images, model=fitted).compute()
    assert (own == fitted.predict_proba(X)).all()
    assert (own != ocrdigit.predict_proba(X)).any()


def test_labels_of_str(da: Any, dd: Any, pd: Any, sample: Dataset) -> None:
    model = small_model(epochs=1).fit(sample.X_train[:200], sample.y_train[:200].astype(str))
    X = sample.X_test[:50]
    digits = distributed.predict(da.from_array(X, chunks=(25, 28, 28)), model=model)
    assert digits.dtype == object
    assert (digits.compute() == model.predict(X)).all()
    frame = dd.from_pandas(pd.DataFrame(X.reshape(50, 784)), npartitions=2)
    assert list(distributed.predict(frame, model=model).compute()) == list(model.predict(X))
    scorer = Scorer(model, on_error="reject")
    assert scorer.predict([X[0], b"no picture"]).tolist() == [model.predict(X[0]), "-1"]


def test_columns_of_pixels(dd: Any, pd: Any, sample: Dataset) -> None:
    X = sample.X_test[:90]
    table = pd.DataFrame(X.reshape(90, 784), index=range(10, 100))
    frame = dd.from_pandas(table, npartitions=3)
    digits, probabilities = distributed.predict(frame), distributed.predict_proba(frame)
    assert (digits.name, digits.dtype, digits.divisions) == ("digit", np.int64, frame.divisions)
    assert probabilities.divisions == frame.divisions
    assert list(probabilities.columns) == [str(digit) for digit in range(10)]
    assert set(probabilities.dtypes) == {np.dtype(np.float32)}
    expected = pd.Series(ocrdigit.predict(X), table.index, name="digit")
    pd.testing.assert_series_equal(digits.compute(), expected)
    assert (probabilities.compute() == ocrdigit.predict_proba(X)).all(axis=None)
    joined = frame.assign(digit=digits)[["digit"]]
    assert (joined.compute()["digit"] == expected).all()
    some = frame.map_partitions(lambda part: part[part.index >= 70], meta=frame._meta)
    assert (distributed.predict(some).compute() == expected[60:]).all()  # with empty partitions
    assert distributed.predict_proba(some).compute().shape == (30, 10)


def test_columns_of_images(dask: Any, dd: Any, pd: Any, sample: Dataset, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"digit{i}.png") for i in range(6)]
    for path, image in zip(paths, sample.X_test, strict=False):
        Image.fromarray(image).save(path)
    expected = ocrdigit.predict(paths)
    with dask.config.set({"dataframe.convert-string": False}):
        data = [Path(path).read_bytes() for path in paths]
        table = dd.from_pandas(pd.DataFrame({"path": paths, "data": data}), npartitions=2)
    for column in (table["path"], table["data"], table[["path"]]):
        digits = distributed.predict(column)
        assert digits.divisions == table.divisions
        assert (digits.compute() == expected).all()
    assert distributed.predict_proba(table["data"]).compute().shape == (6, 10)


def test_bags_of_images(db: Any, sample: Dataset) -> None:
    images = list(sample.X_test[:7])
    bag = db.from_sequence(images, npartitions=3)
    digits = distributed.predict(bag)
    assert digits.npartitions == 3
    assert digits.compute() == ocrdigit.predict(images).tolist()
    probabilities = distributed.predict_proba(bag).compute()
    assert (np.array(probabilities) == ocrdigit.predict_proba(images)).all()
    assert distributed.predict(bag.filter(lambda image: False)).compute() == []


def test_images_that_cannot_be_read(
    db: Any, sample: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    images = [sample.X_test[3], b"no picture", None, "nowhere.png", sample.X_test[4]]
    bag = db.from_sequence(images, npartitions=2)
    for function in (distributed.predict, distributed.predict_proba):
        with pytest.raises((ValueError, OSError), match=r"not an image that can|No such file"):
            function(bag).compute()
    with caplog.at_level(logging.ERROR, "ocrdigit"):
        assert distributed.predict(bag, on_error="reject").compute() == [3, -1, -1, -1, 4]
    assert len(caplog.messages) == 3
    assert any("nowhere.png: No such file" in message for message in caplog.messages)
    probabilities = np.array(distributed.predict_proba(bag, on_error="reject").compute())
    assert (np.isnan(probabilities).all(axis=1) == [False, True, True, True, False]).all()
    assert np.argmax(probabilities[[0, 4]], axis=1).tolist() == [3, 4]


def test_what_cannot_be_predicted(da: Any, db: Any, dd: Any, pd: Any, sample: Dataset) -> None:
    predict = distributed.predict
    with pytest.raises(TypeError, match=r"got numpy's ndarray; ocrdigit\.predict takes those"):
        predict(sample.X_test)
    for shape in ((28, 28), (5, 30, 30), (5, 785), (5,)):
        with pytest.raises(ValueError, match=r"X has shape \(.*; expected \(n, 28, 28\)"):
            predict(da.zeros(shape, dtype=np.uint8))
    with pytest.raises(TypeError, match="must hold numbers or booleans, got dtype complex128"):
        predict(da.zeros((5, 784), dtype=complex))
    labelled = dd.from_pandas(pd.DataFrame(np.zeros((4, 785))), npartitions=1)
    with pytest.raises(ValueError, match="X has 785 columns; expected the 784 of the pixels"):
        predict(labelled)
    images = da.zeros((5, 28, 28), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"reject must be in 0\.\.1"):
        predict(images, reject=2)
    with pytest.raises(ValueError, match="on_error must be one of 'raise', 'reject', got 'return'"):
        predict(images, on_error="return")
    with pytest.raises(TypeError, match="model must be a DigitClassifier or None, got 'tiny'"):
        predict(images, model="tiny")
    with pytest.raises(ValueError, match="has no model yet"):
        distributed.predict_proba(images, model=DigitClassifier())


# ---- readings ----


def test_bags_of_sources(db: Any, files: list[str]) -> None:
    broken = files[0][:-5] + "broken.png"
    Path(broken).write_bytes(b"")
    sources = [*files[:3], Path(files[3]).read_bytes(), broken, BLANK]
    bag = db.from_sequence(sources, npartitions=3)
    frame = distributed.read(bag, pattern=r"\d{6}", min_confidence=0.97)
    rows = distributed.read(bag, into="bag", pattern=r"\d{6}", min_confidence=0.97).compute()
    batch = ocrdigit.read_many(
        sources, pattern=r"\d{6}", min_confidence=0.97, on_error="return", progress=False
    )
    expected = [row for result in batch for row in result.to_rows()]
    assert {row["status"] for row in rows} >= {"read", "failed", "empty"}
    for row, other in zip(rows, expected, strict=True):
        value = None if other["value"] is None else str(other["value"])
        assert {**row, "source": ""} == {**other, "source": "", "value": value}
    names = [*files[:3], "sources[1][1]", broken, "sources[2][1]"]
    assert [row["source"] for row in rows] == names
    assert frame.npartitions == 3
    computed = frame.compute()
    assert (computed.dtypes == frame.dtypes).all()
    assert computed.astype(object).where(computed.notna(), None).to_dict("records") == rows


def test_folders_globs_and_named_sources(db: Any, files: list[str]) -> None:
    folder = os.path.dirname(files[0])
    text = FIELDS[0].text
    for source in (folder, f"{folder}/*.png"):
        rows = distributed.read(db.from_sequence([source]), into="bag").compute()
        assert [row["source"] for row in rows] == files
    (row,) = Reader(length=6).rows([Source("cheque 17", FIELDS[0].image)])
    assert (row["source"], row["text"]) == ("cheque 17", text)
    rows = Reader(length=6).rows([[FIELDS[0].image, FIELDS[0].image], FIELDS[0].image])
    assert [row["source"] for row in rows] == ["sources[0]", "sources[0]", "sources[1]"]
    (row,) = Reader().rows([f"{folder}/*.tiff"])
    assert row["error"] == f"{folder}/*.tiff: no file matches this pattern"


def test_series_of_sources(dd: Any, pd: Any, files: list[str]) -> None:
    paths = [*files[:3], "nowhere.png", *files[3:]]
    table = pd.DataFrame({"path": paths, "customer": range(6)}, index=range(10, 16))
    lazy = dd.from_pandas(table, npartitions=2)
    rows = distributed.read(lazy["path"], length=6)
    assert rows.divisions == lazy.divisions
    joined = rows.join(lazy[["customer"]]).compute()
    assert (joined["source"] == table["path"]).all()
    assert (joined["customer"] == table["customer"]).all()
    assert joined.loc[13, "status"] == "failed"
    assert pd.isna(joined.loc[13, "page"])
    assert list(joined["text"].dropna()) == [ocrdigit.read(file, length=6).text for file in files]
    bag = distributed.read(lazy["path"], length=6, into="bag").compute()
    assert [row["source"] for row in bag] == paths


def test_rows_of_pictures_in_a_series(pd: Any) -> None:
    pictures = pd.Series([FIELDS[0].image, FIELDS[1].image], index=["a", "b"])
    frame = Reader(table="symbols").frame(pictures)
    assert frame.index.tolist() == ["a"] * 6 + ["b"] * 6
    assert set(frame["source"]) == {"sources[a]", "sources[b]"}
    assert "".join(frame["value"][:6]) == ocrdigit.read(FIELDS[0].image).text
    assert frame.dtypes.astype(str).to_dict() == Reader(table="symbols").dtypes


def test_parquet_has_one_schema(db: Any, files: list[str], tmp_path: Path) -> None:
    """A partition without errors, and one without texts, do not change the columns' types."""
    pq = pytest.importorskip("pyarrow.parquet")
    bag = db.from_sequence([files[0], files[1], b"", b""], npartitions=2)
    distributed.read(bag).to_parquet(tmp_path / "rows", write_index=False)
    parts = sorted((tmp_path / "rows").glob("*.parquet"))
    schemas = [pq.read_schema(part).remove_metadata() for part in parts]
    assert len(parts) == 2
    assert schemas[0] == schemas[1]
    read = pq.read_table(tmp_path / "rows").to_pylist()
    assert [row["status"] for row in read] == ["read", "read", "failed", "failed"]


def test_what_cannot_be_read(db: Any, dd: Any, pd: Any, files: list[str]) -> None:
    bag = db.from_sequence(files)
    with pytest.raises(TypeError, match=r"got builtins's list; ocrdigit\.read_many takes those"):
        distributed.read(files)
    with pytest.raises(TypeError, match="got dask's DataFrame"):
        distributed.read(dd.from_pandas(pd.DataFrame({"path": files}), npartitions=1))
    with pytest.raises(ValueError, match="into must be one of 'frame', 'bag', got 'table'"):
        distributed.read(bag, into="table")
    with pytest.raises(ValueError, match="table must be one of"):
        distributed.read(bag, table="digits")
    with pytest.raises(TypeError, match="unexpected keyword argument 'patterns'"):
        distributed.read(bag, patterns="date")
    with pytest.raises(ValueError, match="pattern"):
        distributed.read(bag, pattern="(")
    with pytest.raises(TypeError, match="model must be"):
        distributed.read(bag, model="tiny")


def test_dask_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.bag", None)
    for function in (distributed.predict, distributed.predict_proba, distributed.read):
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'ocrdigit\[dask\]'"):
            function([])


# ---- objects that are sent ----

REPORT = """
import pickle, sys
import ocrdigit
ocrdigit.set_num_threads(2)
scorer = pickle.load(sys.stdin.buffer)
print(ocrdigit.get_num_threads(), *scorer.predict(ocrdigit.datasets.load_sample().X_test[:4]))
"""


def in_other_process(data: bytes, **environment: str) -> list[str]:
    return (
        subprocess.run(
            [sys.executable, "-c", REPORT],
            input=data,
            stdout=subprocess.PIPE,
            check=True,
            env={**os.environ, **environment},
        )
        .stdout.decode()
        .split()
    )


def test_processes_that_receive_a_scorer_use_one_thread(threads: Any, sample: Dataset) -> None:
    threads(2)
    data = pickle.dumps(Scorer(ocrdigit.load("tiny")))
    expected = [str(digit) for digit in ocrdigit.load("tiny").predict(sample.X_test[:4])]
    assert in_other_process(data) == ["1", *expected]
    assert in_other_process(data, OCRDIGIT_NUM_THREADS="2") == ["2", *expected]
    pickle.loads(data)
    assert ocrdigit.get_num_threads() == 2


def test_the_model_is_copied_without_what_is_not_needed(sample: Dataset) -> None:
    X = sample.X_test[:50]
    model = small_model(n_jobs=2, callbacks=lambda epoch: None, precision="bfloat16")
    model.fit(sample.X_train[:200], sample.y_train[:200])
    expected = model.predict_proba(X)
    scorer = pickle.loads(pickle.dumps(Scorer(model)))
    model.partial_fit(sample.X_train[:200], sample.y_train[:200])
    assert (scorer.predict_proba(X) == expected).all()
    assert (model.predict_proba(X) != expected).any()
    assert model.callbacks is not None
    assert model.n_jobs == 2


def test_a_reader_is_the_same_after_pickle() -> None:
    reader = Reader(pattern=r"\d{6}", model=ocrdigit.load("tiny"), min_confidence=0.9)
    images = [field.image for field in FIELDS]
    assert pickle.loads(pickle.dumps(reader)).rows(images) == reader.rows(images)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(Scorer())
    monkeypatch.setattr(_core, "__version__", "9.9.9")
    with pytest.raises(RuntimeError, match=r"has ocrdigit 9\.9\.9, and got a Scorer of ocrdigit "):
        pickle.loads(data)


def test_tokens(dask: Any, sample: Dataset, fitted: DigitClassifier) -> None:
    """Names of tasks are the same for the same model and parameters only."""
    from dask.base import tokenize

    other = copy.deepcopy(fitted).partial_fit(sample.X_train[:50], sample.y_train[:50])
    models = [None, fitted, other, ocrdigit.load("tiny")]
    parameters = [{"model": model, "reject": reject} for model in models for reject in (None, 0.5)]
    tokens = [tokenize(Scorer(**some)) for some in parameters]
    assert len(set(tokens)) == len(parameters)
    assert tokens == [tokenize(pickle.loads(pickle.dumps(Scorer(**some)))) for some in parameters]
    checks = (lambda text: True), (lambda text: False)
    options = [{}, {"length": 4}, {"check": checks[0]}, {"check": checks[1]}, {"model": other}]
    tokens = [tokenize(Reader(**some)) for some in options]
    assert len(set(tokens)) == len(options)
    assert tokens == [tokenize(Reader(**some)) for some in options]


def test_words_of_a_generator_are_sent() -> None:
    reader = pickle.loads(pickle.dumps(Reader(lexicon=iter(["865230", "111111"]))))
    assert [row["text"] for row in reader.rows([FIELDS[0].image])] == ["865230"]
