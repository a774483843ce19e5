"""Model files: their content, round trips, and atomic writing."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import small_model, weights_of
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit._atomic import check_writable, write_atomically
from ocrdigit.datasets import Dataset


def test_round_trip(fitted: DigitClassifier, model_file: Path, sample: Dataset) -> None:
    again = ocrdigit.load(model_file)
    assert (weights_of(again) == weights_of(fitted)).all()
    assert (again.predict_proba(sample.X_test) == fitted.predict_proba(sample.X_test)).all()
    assert again.network_.layers == fitted.network_.layers
    assert again.classes_.tolist() == list(range(10))
    again.save(model_file)
    assert (weights_of(DigitClassifier.load(str(model_file))) == weights_of(fitted)).all()


def test_batch_norm_statistics_are_saved(tmp_path: Path, sample: Dataset) -> None:
    layers = [
        {"type": "conv2d", "filters": 4, "strides": 2, "use_bias": False},
        {"type": "batch_norm", "momentum": 0.5},
        {"type": "relu"},
        {"type": "dropout", "rate": 0.1},
        {"type": "global_average_pool2d"},
        {"type": "dense", "units": 10},
    ]
    model = small_model(architecture=layers).fit(sample.X_train[:300], sample.y_train[:300])
    model.save(tmp_path / "m.safetensors")
    again = ocrdigit.load(tmp_path / "m.safetensors")
    assert again.network_.layers == model.network_.layers
    assert (again.predict_proba(sample.X_test) == model.predict_proba(sample.X_test)).all()


def test_other_programs_can_read_it(model_file: Path, fitted: DigitClassifier) -> None:
    tensors = load_file(model_file)
    for name, tensor in fitted.network_.weights().items():
        assert (tensors[name] == tensor).all()
    with safe_open(model_file, "numpy") as file:
        metadata = file.metadata()
    assert metadata["format"] == "ocrdigit"
    assert metadata["format_version"] == "1"
    assert metadata["ocrdigit_version"] == ocrdigit.__version__
    assert json.loads(metadata["architecture"]) == fitted.network_.layers
    assert json.loads(metadata["input_shape"]) == [28, 28, 1]
    assert json.loads(metadata["classes"]) == list(range(10))
    assert json.loads(metadata["preprocessing"])["size"] == [28, 28]


def test_saving_replaces_and_leaves_nothing_behind(fitted: DigitClassifier, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")
    path.chmod(0o640)
    fitted.save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    link = tmp_path / "link.safetensors"
    link.symlink_to(path)
    fitted.save(link)
    assert link.is_symlink()
    ocrdigit.load(path)


def test_saving_needs_the_right_name(fitted: DigitClassifier, tmp_path: Path) -> None:
    for name in ("model", "model.pkl", "model.h5"):
        with pytest.raises(ValueError, match=r"\.safetensors, .* file, got .*model"):
            fitted.save(tmp_path / name)


def test_unwritable_places(fitted: DigitClassifier, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fitted.save(tmp_path / "nowhere" / "m.safetensors")
    (tmp_path / "d.safetensors").mkdir()
    with pytest.raises(OSError, match=r"d\.safetensors"):
        fitted.save(tmp_path / "d.safetensors")
    assert not list((tmp_path / "d.safetensors").iterdir())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="file"):
        fitted.save(tmp_path / "file" / "m.safetensors")
    for path in ("nowhere/m.safetensors", "d.safetensors", "file/m.safetensors"):
        with pytest.raises(OSError, match="cannot write"):
            check_writable(tmp_path / path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["d.safetensors", "file"]


READ_ONLY = """
import os, sys, ocrdigit
model = ocrdigit.load(sys.argv[1])
import safetensors.numpy
if os.geteuid() == 0:
    os.seteuid(65534)  # root may write anywhere
try:
    model.save(sys.argv[1])
except PermissionError as error:
    print(error.filename)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_read_only_folder(model_file: Path) -> None:
    before = model_file.read_bytes()
    model_file.parent.chmod(0o500)
    result = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(model_file)],
        capture_output=True,
        text=True,
        check=True,
    )
    model_file.parent.chmod(0o700)
    assert result.stdout.strip() == str(model_file)
    assert model_file.read_bytes() == before


FULL_DISK = """
import resource, sys, ocrdigit
model = ocrdigit.load(sys.argv[1])
# No file of this process may grow beyond 5,000 bytes: to save is to run out of space.
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    model.save(sys.argv[1])
except OSError as error:
    print(error.filename, error.errno)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_full_disk_leaves_the_old_file_whole(model_file: Path) -> None:
    before = model_file.read_bytes()
    assert len(before) > 5000
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(model_file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split()[0] == str(model_file)
    assert model_file.read_bytes() == before
    assert [entry.name for entry in model_file.parent.iterdir()] == [model_file.name]


def test_folder_is_synced_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "file", []

    def fsync(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").resolve(), path.exists()))

    if not Path("/proc/self/fd").exists():
        pytest.skip("this machine has no /proc")
    monkeypatch.setattr("os.fsync", fsync)
    write_atomically(path, b"new")
    temporary, folder = synced
    assert temporary[0].parent == tmp_path
    assert not temporary[1]
    assert folder == (tmp_path, True)


# -- other files --


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        ocrdigit.load(tmp_path / "gone.safetensors")
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        ocrdigit.load(tmp_path)


def test_truncated_files(model_file: Path) -> None:
    whole = model_file.read_bytes()
    for length in (0, 1, 7, 8, 9, 100, 1000, len(whole) // 2, len(whole) - 1):
        model_file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.safetensors: "):
            ocrdigit.load(model_file)


def test_damaged_files(model_file: Path) -> None:
    whole = model_file.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(0, 8 + header, random.integers(1, 5)):
            damaged[place] = random.integers(256)
        model_file.write_bytes(damaged)
        message = str(model_file)
        try:
            ocrdigit.load(model_file)
        except ValueError as error:
            message = str(error)
        assert message.startswith(str(model_file))
    model_file.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match=r"model\.safetensors: "):
        ocrdigit.load(model_file)
    model_file.write_bytes(b"\xff" * 8 + whole[8:])
    with pytest.raises(ValueError, match="not a safetensors file"):
        ocrdigit.load(model_file)


def changed(path: Path, tensors: dict[str, object] | None = None, **metadata: str | None) -> Path:
    """Replace tensors or metadata of a model file, and return its path."""
    with safe_open(path, "numpy") as file:
        old = file.metadata()
    new = {key: value for key, value in {**old, **metadata}.items() if value is not None}
    save_file({**load_file(path), **(tensors or {})}, path, new)
    return path


def test_files_of_other_programs(model_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros((3, 3), np.float32)}, other)
    with pytest.raises(ValueError, match=r"other\.safetensors: not a safetensors file of ocrdigit"):
        ocrdigit.load(other)
    save_file({"weight": np.zeros((3, 3), np.float32)}, other, {"format": "pt"})
    with pytest.raises(ValueError, match="of ocrdigit"):
        ocrdigit.load(other)
    for content in (b"\x93NUMPY\x01\x00" + b"\0" * 300, b"PK\x03\x04" + b"\0" * 300, b"{}"):
        other.write_bytes(content)
        with pytest.raises(ValueError, match=r"other\.safetensors"):
            ocrdigit.load(other)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"format_version": "2"}, "format version '2'"),
        ({"format_version": None}, "format version None"),
        ({"architecture": None}, "have no readable 'architecture'"),
        ({"architecture": "[{"}, "have no readable 'architecture'"),
        ({"architecture": "{}"}, "layers"),
        ({"architecture": '[{"type": "transformer"}]'}, "transformer"),
        ({"architecture": '[{"type": "flatten"}, {"type": "dense", "units": 10}]'}, "weights: got"),
        (
            {
                "architecture": json.dumps(
                    [
                        {"type": "flatten"},
                        *[{"type": "dense", "units": n} for n in (4096, 4096, 10)],
                    ]
                )
            },
            "layers: .* weights, expected at most",
        ),
        ({"input_shape": "[32, 32, 3]"}, r"input_shape \[32, 32, 3\]"),
        ({"classes": "[0, 1]"}, r"classes \[0, 1\]"),
        ({"preprocessing": '{"range": [-1, 1]}'}, "preprocessing"),
    ],
)
def test_models_of_another_network(
    model_file: Path, metadata: dict[str, str | None], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ocrdigit.load(changed(model_file, **metadata))
    assert str(caught.value).startswith(str(model_file))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (np.zeros((3, 3, 1, 8), np.float64), "float64"),
        (np.zeros((3, 3, 1, 9), np.float32), "conv2d_1.kernel"),
        (np.full((3, 3, 1, 8), np.nan, np.float32), "conv2d_1.kernel"),
    ],
)
def test_tensors_that_do_not_fit(model_file: Path, tensor: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ocrdigit.load(changed(model_file, {"conv2d_1.kernel": tensor}))


def test_tensors_too_many_or_few(model_file: Path) -> None:
    tensors = load_file(model_file)
    with safe_open(model_file, "numpy") as file:
        metadata = file.metadata()
    save_file({**tensors, "more": np.zeros(1, np.float32)}, model_file, metadata)
    with pytest.raises(ValueError, match="more"):
        ocrdigit.load(model_file)
    del tensors["dense_1.bias"]
    save_file(tensors, model_file, metadata)
    with pytest.raises(ValueError, match=r"dense_1\.bias"):
        ocrdigit.load(model_file)
