"""Predictions and readings on a Dask cluster of two processes."""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ocrdigit
from ocrdigit import DigitClassifier, distributed, synth
from ocrdigit.datasets import Dataset

MEMORY_LIMIT = 500 * 2**20  # bytes, of each worker; libraries alone take half of it


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


FIELDS = [png(field.image) for field in synth.strings(8, length=6, random_state=0)]


class CountedClassifier(DigitClassifier):
    """A classifier that notes, in the file NOTES, which processes unpickle it."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        with open(os.environ["NOTES"], "a") as file:
            file.write(f"{os.getpid()}\n")


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes") / "unpickled"


@pytest.fixture(scope="module")
def client(notes: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Any, None, None]:
    distributed = pytest.importorskip("distributed")
    for module in ("dask.array", "dask.bag", "dask.dataframe"):
        pytest.importorskip(module)
    with (
        pytest.MonkeyPatch.context() as patch,
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit=MEMORY_LIMIT,
            dashboard_address=None,
            local_directory=str(tmp_path_factory.mktemp("workers")),
            env={"NOTES": str(notes)},
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        patch.setenv("NOTES", str(notes))
        yield client


def pids(client: Any) -> set[int]:
    return set(client.run(os.getpid).values())


def ids_and_images(part: int, *, size: int, images: np.ndarray) -> Any:
    """Return a partition: numbers of rows, and the pixels of images in 784 columns."""
    import pandas as pd

    index = np.arange(part * size, (part + 1) * size)
    pixels = images[index % len(images)].reshape(size, 784)
    return pd.DataFrame(pixels, index=pd.Index(index, name="id"))


def die_once(frame: Any, marker: str, part: int) -> Any:
    """Return the frame; kill the worker the first time that the partition ``part`` passes."""
    if frame.index[0] == part * len(frame) and not os.path.exists(marker):
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return frame


def test_a_model_is_sent_to_each_worker_once(client: Any, notes: Path, sample: Dataset) -> None:
    import dask.array as da
    import dask.bag as db
    import dask.dataframe as dd
    import pandas as pd

    model = CountedClassifier.load("tiny")
    images = sample.X_test[:200]
    array = da.from_array(images, chunks=(5, 28, 28))
    frame = dd.from_pandas(pd.DataFrame(images.reshape(200, 784)), npartitions=40)
    bag = db.from_sequence(list(images), npartitions=40)
    for collection in (array, frame, bag):
        lazy = distributed.predict(collection, model=model)
        notes.unlink()  # of the copy that was made
        assert (np.asarray(lazy.compute()) == model.predict(images)).all()
        check_notes(client, notes)
    lazy = distributed.read(bag, model=model)
    notes.unlink()
    assert len(lazy.compute()) >= len(images)
    check_notes(client, notes)


def check_notes(client: Any, notes: Path) -> None:
    """The scheduler, which is in this process, gets the model once, too."""
    counts = Counter(int(pid) for pid in notes.read_text().split())
    assert set(counts) <= {*pids(client), os.getpid()}
    assert set(counts.values()) == {1}
    assert len(counts) > 1


def test_workers_use_one_thread_for_each_task(client: Any, sample: Dataset) -> None:
    import dask.array as da

    before = ocrdigit.get_num_threads()
    client.run(ocrdigit.set_num_threads, 2)
    distributed.predict(da.from_array(sample.X_test[:40], chunks=(4, 28, 28))).compute()
    assert 1 in client.run(ocrdigit.get_num_threads).values()
    assert ocrdigit.get_num_threads() == before


def peak_memory() -> int:
    """Return the bytes of memory of this process at most; getrusage counts its parent's, too."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def test_memory_is_bounded(client: Any, sample: Dataset, fitted: DigitClassifier) -> None:
    """On more data than fits into the memory of all workers."""
    import dask.array as da

    images, size, parts = sample.X_test, 2500, 72

    def make(block_info: Any = None) -> np.ndarray:
        start = block_info[None]["array-location"][0][0]
        return images[np.arange(start, start + size) % len(images)] / 255  # of float64

    chunks = ((size,) * parts, (28,), (28,))
    lazy = da.map_blocks(make, chunks=chunks, dtype=np.float64, meta=np.empty((0, 0, 0)))
    assert lazy.nbytes > 2 * MEMORY_LIMIT
    workers = pids(client)
    digits = distributed.predict(lazy, model=fitted).compute()
    assert (digits.reshape(-1, len(images)) == fitted.predict(images / 255)).all()
    assert pids(client) == workers
    assert max(client.run(peak_memory).values()) < MEMORY_LIMIT


def test_fields_to_parquet_with_a_worker_killed(client: Any, tmp_path: Path) -> None:
    import dask.bag as db
    import pandas as pd

    def kill_once(item: Any) -> Any:
        marker = tmp_path / "killed"
        if item == b"kill" and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    sources = [FIELDS[i % len(FIELDS)] for i in range(60)]
    sources[31] = b"kill"  # not a picture either
    bag = db.from_sequence(sources, npartitions=20).map(kill_once)
    workers = pids(client)
    distributed.read(bag, length=6).to_parquet(tmp_path / "rows", write_index=False)
    assert (tmp_path / "killed").exists()
    table = pd.read_parquet(tmp_path / "rows")
    batch = ocrdigit.read_many(sources, length=6, on_error="return", progress=False)
    expected = [row for result in batch for row in result.to_rows()]
    assert sorted(table["source"]) == sorted(f"sources[{i // 3}][{i % 3}]" for i in range(60))
    rows = table.set_index("source")
    for i, row in enumerate(expected):
        written = rows.loc[f"sources[{i // 3}][{i % 3}]"].fillna("")
        assert (written["status"], written["text"]) == (row["status"], row["text"] or "")
    wait_for_workers(client)
    assert len(pids(client) - workers) == 1


def test_images_to_parquet_with_a_worker_killed(
    client: Any, sample: Dataset, tmp_path: Path
) -> None:
    """Every row is there once, though partitions that were written are lost and written again."""
    import dask.dataframe as dd
    import pandas as pd

    images, size, parts = sample.X_test, 500, 40
    wait_for_workers(client)
    frame = dd.from_map(
        ids_and_images,
        range(parts),
        size=size,
        images=images,
        meta=ids_and_images(0, size=1, images=images),
        divisions=[*range(0, parts * size, size), parts * size - 1],
    )
    marker = str(tmp_path / "killed")
    frame = frame.map_partitions(die_once, marker, parts // 2, meta=frame._meta)
    digits = distributed.predict(frame)
    digits.to_frame().to_parquet(tmp_path / "digits")
    assert os.path.exists(marker)
    table = pd.read_parquet(tmp_path / "digits").reset_index()
    assert (np.sort(table["id"]) == np.arange(parts * size)).all()
    expected = ocrdigit.predict(images)
    assert (table["digit"] == expected[table["id"] % len(images)]).all()


def wait_for_workers(client: Any) -> None:
    """Wait until the nannies have restarted workers that were killed."""
    deadline = time.monotonic() + 60
    while len(client.scheduler_info()["workers"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    client.wait_for_workers(2, timeout=60)
