"""Fixtures of the Python tests: data, and small models trained on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from core_cases import SIDE, make_network

import ocrdigit
from ocrdigit import DigitClassifier, _core
from ocrdigit.datasets import Dataset

# A network that learns digits in a fraction of a second.
SMALL = (
    {"type": "conv2d", "filters": 8, "kernel_size": 3, "strides": 2, "activation": "relu"},
    {"type": "conv2d", "filters": 16, "kernel_size": 3, "strides": 2, "activation": "relu"},
    {"type": "flatten"},
    {"type": "dense", "units": 10},
)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test outside the checkout, so that its processes import the installed package."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def sample() -> Dataset:
    return ocrdigit.datasets.load_sample()


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """A folder with MNIST's files: OCRDIGIT_DATA, or one beside the repository."""
    from ocrdigit.datasets._mnist import find_files

    beside = Path(__file__).parents[2] / "shared" / "data"
    for folder in (os.environ.get("OCRDIGIT_DATA"), beside):
        if folder and find_files(folder):
            return Path(folder)
    pytest.skip("MNIST is missing: set OCRDIGIT_DATA to a folder with its four files")


@pytest.fixture(scope="session")
def mnist(mnist_folder: Path) -> Dataset:
    return ocrdigit.datasets.load_mnist(mnist_folder)


@pytest.fixture(scope="session")
def data_folder(mnist_folder: Path) -> Path:
    """A folder with MNIST, in it or in ``mnist/``, and the UCI sets in ``uci/``."""
    for folder in (mnist_folder, mnist_folder.parent):
        if (folder / "uci").is_dir():
            return folder
    pytest.skip("UCI's sets are missing: set OCRDIGIT_DATA to a folder with them in uci/")


def small_model(**parameters: object) -> DigitClassifier:
    """Return an unfitted classifier that trains quickly, silently and reproducibly."""
    return DigitClassifier(
        **{
            "architecture": SMALL,
            "epochs": 2,
            "augment": False,
            "random_state": 0,
            "verbose": 0,
            **parameters,
        }
    )


def weights_of(model: DigitClassifier) -> np.ndarray:
    """Return all weights of a model, concatenated."""
    return np.concatenate([w.ravel() for w in model.network_.weights().values()])


@pytest.fixture(scope="session")
def fitted(sample: Dataset) -> DigitClassifier:
    """A small trained model, which tests must not modify."""
    return small_model(epochs=4).fit(sample.X_train[:1000], sample.y_train[:1000])


@pytest.fixture
def model_file(fitted: DigitClassifier, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    return path


@pytest.fixture
def network() -> _core.Network:
    """A small network, for the tests of ``ocrdigit._core``."""
    return make_network()


@pytest.fixture
def batch() -> SimpleNamespace:
    """A batch of examples for ``network``."""
    rng = np.random.default_rng(0)
    return SimpleNamespace(
        images=rng.random((70, SIDE, SIDE), dtype=np.float32),
        labels=rng.integers(0, 3, 70).astype(np.uint8),
    )


@pytest.fixture
def threads() -> Generator[Callable[[int], None], None, None]:
    """The function that sets the number of threads, which is restored after the test."""
    before = _core.get_num_threads()
    yield _core.set_num_threads
    _core.set_num_threads(before)


# With OCRDIGIT_REQUIRE set, a skipped test fails unless the machine cannot run it.


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("OCRDIGIT_REQUIRE") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith("this machine"):
            report.outcome = "failed"
            report.longrepr = f"OCRDIGIT_REQUIRE is set, but this was skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report)
    return report
