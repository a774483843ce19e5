"""The loaders: MNIST from folders, cache and mirrors; the sample; your own data."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrdigit import datasets
from ocrdigit.datasets import Dataset, _mnist


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def small_mnist(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The bytes of four small IDX files, whose checksums are registered as MNIST's."""
    arrays = (
        sample.X_train[:60],
        sample.y_train[:60].astype(np.uint8),
        sample.X_test[:10],
        sample.y_test[:10].astype(np.uint8),
    )
    files = dict(zip(_mnist.FILES, map(idx_bytes, arrays), strict=True))
    for name, data in files.items():
        monkeypatch.setitem(_mnist.FILES, name, hashlib.sha256(data).hexdigest())
    return files


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the tests away from real mirrors and from the user's cache."""
    monkeypatch.setattr(_mnist, "MIRRORS", ())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OCRDIGIT_DATA", raising=False)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


# -- MNIST --


def test_real_mnist(mnist: Dataset) -> None:
    assert mnist.X_train.shape == (60000, 28, 28)
    assert mnist.X_test.shape == (10000, 28, 28)
    assert mnist.X_train.dtype == mnist.X_test.dtype == np.uint8
    assert mnist.y_train.dtype == np.int64
    assert mnist.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert "60,000" in repr(mnist)
    mnist.X_train[0, 0, 0] = 0  # the arrays are writable


@pytest.mark.parametrize("layout", ["plain", "gzip", "mixed", "dots", "subfolder"])
def test_folder(small_mnist: dict[str, bytes], tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "data"
    files = dict(small_mnist)
    if layout in ("gzip", "mixed"):
        gzipped = list(files)[: 4 if layout == "gzip" else 1]
        files = {
            name + ".gz" * (name in gzipped): gzip.compress(data) if name in gzipped else data
            for name, data in files.items()
        }
    if layout == "dots":
        files = {name.replace("-idx", ".idx"): data for name, data in files.items()}
    write(folder / "mnist" if layout == "subfolder" else folder, files)
    data = datasets.load_mnist(folder)
    assert data.X_train.shape == (60, 28, 28)
    assert data.y_test.tolist() == list(range(10))


def test_environment_variable(
    small_mnist: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCRDIGIT_DATA", str(write(tmp_path / "a", small_mnist)))
    assert len(datasets.load_mnist().y_train) == 60
    with pytest.raises(FileNotFoundError, match="nothing here"):
        datasets.load_mnist(tmp_path / "nothing here")
    monkeypatch.setenv("OCRDIGIT_DATA", str(tmp_path / "b"))
    with pytest.raises(OSError, match=r"train-images.* could not be downloaded"):
        datasets.load_mnist()


def test_other_files_of_the_same_names(small_mnist: dict[str, bytes], tmp_path: Path) -> None:
    folder = write(tmp_path / "data", small_mnist)
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.zeros(10, np.uint8)))
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte: .*SHA-256"):
        datasets.load_mnist(folder)
    assert datasets.load_data(folder).y_test.tolist() == [0] * 10


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[str]:
    """The address of a local web server for tmp_path/www."""
    (tmp_path / "www").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_download_tries_the_mirrors_in_order(
    small_mnist: dict[str, bytes], tmp_path: Path, serve: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    www = tmp_path / "www"
    (www / "empty").mkdir()
    wrong = {name + ".gz": gzip.compress(data[:-1] + b"\x07") for name, data in small_mnist.items()}
    write(www / "wrong", wrong)
    write(www / "broken", {name: data[:-20] for name, data in wrong.items()})
    mirrors = [f"{serve}{name}/" for name in ("empty", "wrong", "broken")]
    monkeypatch.setattr(_mnist, "MIRRORS", tuple(mirrors))
    with pytest.raises(OSError, match="could not be downloaded") as caught:
        datasets.load_mnist()
    for part in (*mirrors, "404", "SHA-256", "data_home"):
        assert part in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*ubyte*"))

    right = {name + ".gz": gzip.compress(data) for name, data in small_mnist.items()}
    write(www / "right", right)
    monkeypatch.setattr(_mnist, "MIRRORS", (*mirrors, f"{serve}right/"))
    assert len(datasets.load_mnist().y_train) == 60
    monkeypatch.setattr(_mnist, "MIRRORS", ())
    assert len(datasets.load_mnist().y_train) == 60  # from the cache
    cached = sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert cached == sorted(right)


# -- UCI's sets --


@pytest.fixture
def small_uci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small sets in the format of UCI's, whose checksums are registered."""
    rng = np.random.default_rng(0)
    sets = {
        "OPTDIGITS": ("optdigits.npz", {"train": 7, "writer_dependent_test": 3,
                                        "writer_independent_test": 4}, 32),
        "SEMEION": ("semeion.npz", {"": 5}, 16),
    }  # fmt: skip
    (tmp_path / "uci").mkdir()
    for table, (name, parts, side) in sets.items():
        arrays = {}
        for part, count in parts.items():
            before = part and part + "_"
            foreground = rng.random((count, side, side)) < 0.3
            arrays[before + "images"] = np.where(foreground, 255, 0).astype(np.uint8)
            arrays[before + "labels"] = rng.integers(0, 10, count).astype(np.uint8)
        np.savez_compressed(tmp_path / "uci" / name, **arrays)
        sums = {key: hashlib.sha256(a.tobytes()).hexdigest() for key, a in arrays.items()}
        monkeypatch.setattr(f"ocrdigit.datasets._uci.{table}", sums)
    return tmp_path


def test_uci_sets(small_uci: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with np.load(small_uci / "uci" / "optdigits.npz") as file:
        train, before_test = file["train_images"], file["writer_dependent_test_images"]
        test_labels = file["writer_independent_test_labels"]
    digits = datasets.load_optdigits(small_uci)
    assert np.array_equal(digits.X_train, np.concatenate([train, before_test]))
    assert digits.X_test.shape == (4, 32, 32)
    assert digits.y_train.dtype == np.int64
    assert np.array_equal(digits.y_test, test_labels)
    with np.load(small_uci / "uci" / "semeion.npz") as file:
        images, labels = file["images"], file["labels"]
    monkeypatch.setenv("OCRDIGIT_DATA", str(small_uci / "uci"))
    digits = datasets.load_semeion()
    assert np.array_equal(digits.X_train, images[::2])
    assert np.array_equal(digits.X_test, images[1::2])
    assert np.array_equal(digits.y_test, labels[1::2])


@pytest.mark.parametrize("load", [datasets.load_optdigits, datasets.load_semeion])
def test_bad_uci_sets(
    load: Callable[..., Dataset], small_uci: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OCRDIGIT_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="data_home"):
        load()
    with pytest.raises(FileNotFoundError, match="subfolder uci"):
        load(small_uci / "uci" / "nowhere")
    path = small_uci / "uci" / ("optdigits.npz" if "opt" in load.__name__ else "semeion.npz")
    with np.load(path) as file:
        arrays = {key: file[key].copy() for key in file.files}
    key = next(iter(arrays))
    arrays[key][0, 0, 0] ^= 255
    np.savez_compressed(path, **arrays)
    with pytest.raises(ValueError, match=f"SHA-256 of '{key}'"):
        load(small_uci)
    del arrays[key]
    np.savez_compressed(path, **arrays)
    with pytest.raises(ValueError, match=f"damaged, or not {path.name}"):
        load(small_uci)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"damaged, or not {path.name}"):
        load(small_uci)


def test_real_uci_sets(data_folder: Path) -> None:
    digits, others = datasets.load_optdigits(data_folder), datasets.load_semeion(data_folder)
    assert len(digits.X_train) == 2880
    assert len(digits.X_test) == 1797
    assert len(others.X_train) == len(others.X_test) == 796


# -- the IDX format --


def test_idx_arrays_of_any_rank(tmp_path: Path) -> None:
    for shape in [(5,), (2, 3), (2, 3, 4), (0,), (2, 1, 1, 2)]:
        array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        path = tmp_path / "array"
        for data in (idx_bytes(array), gzip.compress(idx_bytes(array))):
            path.write_bytes(data)
            assert (datasets.read_idx(path) == array).all()
            assert datasets.read_idx(path).shape == shape


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "not an IDX file"),
        (lambda data: data[:3], "not an IDX file"),
        (lambda data: b"\1" + data[1:], "not an IDX file"),
        (lambda data: data[:2] + b"\x0d" + data[3:], "not an IDX file"),
        (lambda data: data[:3] + b"\0" + data[4:], "not an IDX file"),
        (lambda data: data[:3] + b"\xff" + data[4:], "not an IDX file"),
        (lambda data: data[:9], "truncated in its header"),
        (lambda data: data[:-1], "truncated: 1,567 bytes of data, expected 1,568"),
        (lambda data: data + b"\0", "more data"),
        (lambda data: data[:4] + b"\xff" * 12 + data[16:], "bytes, the maximum"),
        (lambda data: data[:4] + b"\0\0\x1f\xff" + data[8:], "truncated"),
        (lambda data: b"\x89PNG\r\n", "not an IDX file"),
    ],
)
@pytest.mark.parametrize("gzipped", [False, True])
def test_damaged_idx(tmp_path: Path, damage: object, message: str, gzipped: bool) -> None:
    data = damage(idx_bytes(np.zeros((2, 28, 28), np.uint8)))
    path = tmp_path / "damaged"
    path.write_bytes(gzip.compress(data) if gzipped else data)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.read_idx(path)
    assert str(caught.value).startswith(str(path))


def test_gzip_of_several_members(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (200, 28, 28)).astype(np.uint8)
    data = idx_bytes(array)
    path = tmp_path / "members.gz"
    parts = [gzip.compress(part) for part in (data[:3], b"", data[3:90_000], data[90_000:])]
    path.write_bytes(b"".join(parts[:2]) + bytes(70_000) + b"".join(parts[2:]) + bytes(5))
    assert (datasets.read_idx(path) == array).all()
    path.write_bytes(b"".join(parts) + b"no gzip")
    with pytest.raises(ValueError, match=r"members\.gz: "):
        datasets.read_idx(path)


def test_damaged_gzip(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    whole = gzip.compress(idx_bytes(random.integers(0, 256, (20, 28, 28)).astype(np.uint8)))
    path = tmp_path / "damaged.gz"
    middle = len(whole) // 2
    for data in (
        whole[:2],
        whole[:12],
        whole[:middle],
        whole[:-1],
        whole[:-8] + bytes(8),
        whole[:middle] + b"\x55\xaa\x55" + whole[middle + 3 :],
        b"\x1f\x8b" + b"garbage" * 9,
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"damaged\.gz: "):
            datasets.read_idx(path)


# -- the sample --


@pytest.mark.parametrize(
    ("load", "text", "shape"),
    [
        (datasets.load_page, "05221859 27\n1874 35060\n90417\n6 33165 72", (420, 600, 3)),
        (datasets.load_cheque, "35000", (56, 245)),
        (datasets.load_string, "6170283945", (48, 228)),
    ],
)
def test_pictures(load, text: str, shape: tuple[int, ...]) -> None:
    picture = load()
    assert picture.text == text
    assert picture.image.shape == shape
    assert picture.image.dtype == np.uint8
    assert "".join(map(str, picture.values)) == "".join(text.split())
    gray = picture.image.mean(axis=2) if picture.image.ndim == 3 else picture.image
    for x, y, w, h in picture.boxes:
        around = gray[max(0, y - 3) : y + h + 3, max(0, x - 3) : x + w + 3]
        assert gray[y : y + h, x : x + w].min() < np.median(around) - 40


def test_pictures_are_small() -> None:
    folder = Path(datasets.__file__).parent
    sizes = [path.stat().st_size for path in folder.glob("*.png")]
    assert len(sizes) == 3
    assert max(sizes) < 100_000


def test_sample(sample: Dataset) -> None:
    assert sample.X_train.shape == (4000, 28, 28)
    assert sample.X_test.shape == (1000, 28, 28)
    assert sample.X_train.dtype == np.uint8
    assert np.bincount(sample.y_train).tolist() == [400] * 10
    assert np.bincount(sample.y_test).tolist() == [100] * 10
    folder = Path(datasets.__file__).parent
    assert (folder / "sample.npz").stat().st_size < 1e6
    assert "CC" in (text := (folder / "SAMPLE.txt").read_text()) or "ShareAlike" in text


def test_sample_is_of_mnists_training_images(sample: Dataset, mnist: Dataset) -> None:
    train = {
        image.tobytes(): label for image, label in zip(mnist.X_train, mnist.y_train, strict=True)
    }
    for images, labels in ((sample.X_train, sample.y_train), (sample.X_test, sample.y_test)):
        for image, label in zip(images, labels, strict=True):
            assert train[image.tobytes()] == label


# -- your own data --


@pytest.fixture
def class_folder(sample: Dataset, tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    for i in range(20):
        place = folder / str(sample.y_test[i])
        place.mkdir(parents=True, exist_ok=True)
        scan = Image.fromarray(255 - sample.X_test[i]).resize((56, 56)).convert("RGB")
        scan.save(place / f"scan {i}.png")
    (folder / "3" / "notes.txt").write_text("not an image")
    (folder / "3" / ".hidden.png").write_text("not an image")
    (folder / ".cache").mkdir()
    (folder / "readme.md").write_text("mine")
    return folder


def test_class_folder(class_folder: Path, sample: Dataset) -> None:
    X, y = datasets.load_folder(class_folder)
    assert X.shape == (20, 28, 28)
    assert X.dtype == np.uint8
    assert y.tolist() == sorted(sample.y_test[:20].tolist())
    assert (X.max(axis=(1, 2)) > 200).all()
    assert (X[:, 0].max(axis=1) < 50).all()
    data = datasets.load_data(class_folder)
    assert (data.X_train == X).all()
    assert len(data.X_test) == len(data.y_test) == 0


def test_folder_with_train_and_test(class_folder: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    class_folder.rename(both / "train")
    (both / "test" / "7").mkdir(parents=True)
    next((both / "train" / "7").iterdir()).rename(both / "test" / "7" / "x.png")
    data = datasets.load_data(both)
    assert (len(data.y_train), data.y_test.tolist()) == (19, [7])


def test_bad_class_folders(class_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        datasets.load_folder(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    for load in (datasets.load_folder, datasets.load_data):
        with pytest.raises(ValueError, match="empty: no images in subfolders named 0 to 9"):
            load(tmp_path / "empty")
    (class_folder / "ten").mkdir()
    with pytest.raises(ValueError, match=r"ten: expected subfolders named 0 to 9"):
        datasets.load_folder(class_folder)
    (class_folder / "ten").rmdir()
    (class_folder / "4" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(ValueError, match=r"bad\.png is not an image"):
        datasets.load_folder(class_folder)


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")
def test_folders_of_links(class_folder: Path) -> None:
    """Links in a cycle end; a pipe, which would wait for ever, is refused."""
    (class_folder / "0" / "again").symlink_to(class_folder)
    (class_folder / "1" / "self.png").symlink_to("self.png")
    with pytest.raises(OSError, match=r"self\.png"):
        datasets.load_folder(class_folder)
    (class_folder / "1" / "self.png").unlink()
    assert len(datasets.load_folder(class_folder)[0]) == 20
    os.mkfifo(class_folder / "3" / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png: neither a file nor a link to one"):
        datasets.load_folder(class_folder)


def test_folders_of_too_many_images(class_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocrdigit.datasets._own.MAX_IMAGES", 1)
    with pytest.raises(ValueError, match=f"{class_folder}.*more than 1 images"):
        datasets.load_folder(class_folder)


def test_sizes_of_packed_files_are_bounded(sample: Dataset, tmp_path: Path) -> None:
    """Files of 1 MB may unpack to 8 MiB, or to what the caller allows."""
    images, labels = np.zeros((12_000, 28, 28), np.uint8), np.zeros(12_000, np.uint8)
    npz, idx, table = tmp_path / "a.npz", tmp_path / "a-idx3.gz", tmp_path / "a.csv.gz"
    np.savez_compressed(npz, X=images, y=labels)
    idx.write_bytes(gzip.compress(idx_bytes(images)))
    table.write_bytes(gzip.compress((",".join(["0"] * 785) + "\n").encode() * 6000))
    for load, path in (
        (datasets.load_npz, npz),
        (datasets.load_data, npz),
        (datasets.read_idx, idx),
        (datasets.load_csv, table),
        (datasets.load_data, table),
    ):
        with pytest.raises(ValueError, match=rf"{path.name}: .*max_bytes"):
            load(path)
    assert datasets.read_idx(idx, max_bytes=10_000_000).shape == images.shape
    assert len(datasets.load_npz(npz, max_bytes=10_000_000)[0]) == 12_000
    assert len(datasets.load_data(table, max_bytes=10_000_000).X_train) == 6000


def csv_text(sample: Dataset, header: str = "", label_at: int = 0, count: int = 12) -> str:
    lines = [header] if header else []
    for image, label in zip(sample.X_test[:count], sample.y_test, strict=False):
        fields = [*map(str, image.ravel())]
        fields.insert(label_at % 785, str(label))
        lines.append(",".join(fields))
    return "\n".join(lines) + "\n"


PIXELS = [f"pixel{i}" for i in range(784)]


def test_csv(sample: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    forms = [
        ("", 0, None),
        ("", -1, -1),
        (",".join(["label", *PIXELS]), 0, None),
        (",".join([*PIXELS, "class"]), -1, None),
        (",".join([*PIXELS, "my digit"]), -1, "my digit"),
    ]
    for header, at, label in forms:
        path.write_text(csv_text(sample, header, at))
        X, y = datasets.load_csv(path, label)
        assert X.dtype == np.uint8
        assert (sample.X_test[:12] == X).all()
        assert (y == sample.y_test[:12]).all()
    with pytest.raises(ValueError, match="header has no column 'label' or 'class'"):
        datasets.load_csv(path)
    gzipped = tmp_path / "digits.csv.gz"
    gzipped.write_bytes(gzip.compress(csv_text(sample).encode()))
    assert (datasets.load_data(gzipped).X_train == sample.X_test[:12]).all()


def test_csv_of_floats(sample: Dataset, tmp_path: Path) -> None:
    table = np.column_stack([sample.y_test[:9], sample.X_test[:9].reshape(9, 784) / 255])
    np.savetxt(tmp_path / "f.csv", table, delimiter=",")
    X, _ = datasets.load_csv(tmp_path / "f.csv")
    assert X.dtype == np.float32
    assert np.allclose(X, sample.X_test[:9] / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "label", "message"),
    [
        (lambda text: "", None, "0 rows"),
        (lambda text: text.replace(",", ";"), None, "digits.csv: "),
        (lambda text: text[:-500], None, "digits.csv: "),
        (lambda text: text[:2000] + "x" + text[2000:], None, "digits.csv: "),
        (lambda text: "11" + text[1:], None, "digits 0..9, got 11"),
        (lambda text: "0.5" + text[1:], None, "not labels 0 to 9"),
        (lambda text: text[:2] + "999" + text[3:], None, "values of 0 to 999"),
        (lambda text: text[:2] + "nan" + text[3:], None, "NaN"),
        (lambda text: text, "label", "header has no column 'label'"),
        (lambda text: text, 785, "label must be a column"),
    ],
)
def test_bad_csv(
    sample: Dataset, tmp_path: Path, change: object, label: object, message: str
) -> None:
    path = tmp_path / "digits.csv"
    path.write_text(change(csv_text(sample)))
    with pytest.raises(ValueError, match=message):
        datasets.load_csv(path, label)


def test_npz(sample: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    X, y = sample.X_test[:12], sample.y_test[:12]
    for names in (("X", "y"), ("images", "labels"), ("x", "y")):
        np.savez(path, **dict(zip(names, (X.reshape(12, 784) / 255, y), strict=True)))
        loaded, labels = datasets.load_npz(path)
        assert np.allclose(loaded, X / 255, atol=1e-6)
        assert (labels == y).all()
    np.savez_compressed(path, mine=X, theirs=y)
    assert (datasets.load_npz(path, "mine", "theirs")[0] == X).all()
    with pytest.raises(ValueError, match=r"has arrays mine, theirs; expected X and y"):
        datasets.load_npz(path)
    np.savez(path, x_train=X, y_train=y, x_test=X[:3], y_test=y[:3])
    data = datasets.load_data(path)
    assert (len(data.y_train), len(data.y_test)) == (12, 3)


def test_bad_npz(sample: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    np.savez_compressed(path, X=sample.X_test[:12], y=sample.y_test[:12])
    whole = path.read_bytes()
    middle = len(whole) // 2
    for data in (b"", b"PK", whole[:100], whole[:middle], b"rubbish" * 99,
                 whole[:middle] + b"\x55\xaa" * 9 + whole[middle + 18 :]):  # fmt: skip
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"digits\.npz: "):
            datasets.load_npz(path)
    np.savez(path, X=np.array([{}], object), y=np.zeros(1, int))
    with pytest.raises(ValueError, match=r"digits\.npz: .*pickle"):
        datasets.load_npz(path)
    np.savez(path, X=sample.X_test[:12], y=sample.y_test[:11])
    with pytest.raises(ValueError, match=r"digits\.npz: .*differ in length"):
        datasets.load_data(path)
    with pytest.raises(FileNotFoundError, match="gone"):
        datasets.load_npz(tmp_path / "gone.npz")


def test_data_of_an_unknown_format(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(ValueError, match=r"x\.txt: expected a folder"):
        datasets.load_data(tmp_path / "x.txt")
    with pytest.raises(FileNotFoundError, match="gone"):
        datasets.load_data(tmp_path / "gone")
