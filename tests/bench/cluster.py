"""Throughput of ``ocrdigit.distributed`` on two local workers, beside the same work without Dask.

    python tests/bench/cluster.py [--images 1000000] [--fields 4000] [--rounds 3]

Two processes of one thread each predict images, made chunk by chunk of the embedded sample, and
write numbers and digits of each chunk to a Parquet file: the workers of a Dask cluster, and a
``multiprocessing`` pool without Dask. A second job reads PNG files of generated fields to Parquet.
They take turns. A line has the rates, and their ratio: as it was, and by processor time, which
other processes on the machine disturb less; that with Dask includes the scheduler's and client's.

At last the images are predicted once more, and one worker is killed (SIGKILL) when a third of the
files are written. Each table is checked: every row once, with the digit of a plain prediction.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dask.bag as db
import dask.dataframe as dd
import numpy as np
import pandas as pd
import psutil
from dask.distributed import Client, LocalCluster
from PIL import Image

import ocrdigit
from ocrdigit.distributed import Reader, Scorer, predict, read

WORKERS = 2
CHUNK = 10_000  # images
FILES = 100  # of fields, in a partition
DISTINCT = 500  # fields; others are copies
READING = {"length": (3, 8), "min_confidence": 0.98}

_state: dict[str, Any] = {}  # of a process of the pool


# ---- the work of a chunk ----


def make_images(chunk: int, size: int = CHUNK) -> pd.DataFrame:
    """Return the images of a chunk, in 784 columns; the index has their numbers."""
    images = ocrdigit.datasets.load_sample().X_test.reshape(-1, 784)
    numbers = np.arange(chunk * CHUNK, chunk * CHUNK + size)
    return pd.DataFrame(images[numbers % len(images)], pd.Index(numbers, name="number"))


def start_process() -> None:
    ocrdigit.set_num_threads(1)
    _state.update(scorer=Scorer(), reader=Reader(**READING))


def predict_chunk(job: tuple[int, str]) -> None:
    chunk, folder = job
    frame = make_images(chunk)
    digits = pd.Series(_state["scorer"].predict(frame.to_numpy()), frame.index, name="digit")
    digits.to_frame().to_parquet(f"{folder}/part.{chunk}.parquet")


def read_files(job: tuple[int, str, list[str]]) -> None:
    part, folder, files = job
    frame = _state["reader"].frame(pd.Series(files))
    frame.to_parquet(f"{folder}/part.{part}.parquet", index=False)


# ---- the jobs ----


def predict_by_pool(pool: Any, folder: str, chunks: int) -> None:
    for _ in pool.imap_unordered(predict_chunk, [(chunk, folder) for chunk in range(chunks)]):
        pass


def predict_by_dask(folder: str, chunks: int) -> None:
    meta = make_images(0, size=0)
    images = dd.from_map(make_images, range(chunks), meta=meta, label="images")
    predict(images).to_frame().to_parquet(folder)


def read_by_pool(pool: Any, folder: str, files: list[str]) -> None:
    parts = range(0, len(files), FILES)
    jobs = [(i, folder, files[start : start + FILES]) for i, start in enumerate(parts)]
    for _ in pool.imap_unordered(read_files, jobs):
        pass


def read_by_dask(folder: str, files: list[str]) -> None:
    bag = db.from_sequence(files, partition_size=FILES)
    read(bag, **READING).to_parquet(folder, write_index=False)


# ---- measurements ----


@contextmanager
def killer(client: Client, folder: str, files: int) -> Iterator[None]:
    """Kill one worker when a folder has a number of files."""
    (pid, *_) = client.run(os.getpid).values()
    code = (
        "import os, signal, sys, time\n"
        "folder, files, pid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n"
        "while not os.path.isdir(folder) or len(os.listdir(folder)) < files: time.sleep(0.005)\n"
        "os.kill(pid, signal.SIGKILL)\n"
    )
    process = psutil.Popen([sys.executable, "-c", code, folder, str(files), str(pid)])
    try:
        yield
    finally:
        assert process.wait(timeout=10) == 0, "no worker was killed"


def processor_seconds() -> float:
    """Return the seconds of this process and of those that it started and that still run."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure(work: Callable[[str], None]) -> tuple[float, float, pd.DataFrame]:
    """Return wall and processor seconds, and the table that was written."""
    with tempfile.TemporaryDirectory() as folder:
        before, start = processor_seconds(), time.perf_counter()
        work(folder)
        seconds = time.perf_counter() - start
        return seconds, processor_seconds() - before, pd.read_parquet(folder)


def check_digits(table: pd.DataFrame, chunks: int, expected: np.ndarray) -> None:
    table = table.reset_index()
    assert (np.sort(table["number"]) == np.arange(chunks * CHUNK)).all()
    assert (table["digit"] == expected[table["number"] % len(expected)]).all()


def check_rows(table: pd.DataFrame, files: list[str]) -> None:
    assert sorted(set(table["source"])) == files
    assert len(table) >= len(files)


def compare(name: str, count: int, by_pool: Any, by_dask: Any, check: Any, rounds: int) -> None:
    """Print a line for each round."""
    for _ in range(rounds):
        plain, plain_processor, table = measure(by_pool)
        check(table)
        dask, dask_processor, table = measure(by_dask)
        check(table)
        print(
            f"{name:7} {count:9,}: {count / plain:9,.0f}/s without Dask, "
            f"{count / dask:9,.0f}/s with: {plain / dask:.2f}   by processor time "
            f"{count / plain_processor:9,.0f}, {count / dask_processor:9,.0f} a core second: "
            f"{plain_processor / dask_processor:.2f}   load average "
            f"{os.getloadavg()[0]:.1f}",
            flush=True,
        )


def write_fields(folder: str, count: int) -> list[str]:
    fields = ocrdigit.synth.strings(
        min(count, DISTINCT), length=(3, 8), style=["plain", "cheque"], random_state=0
    )
    files = [f"{folder}/{i:07}.png" for i in range(count)]
    for i, file in enumerate(files):
        Image.fromarray(fields[i % len(fields)].image).save(file)
    return files


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--fields", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    chunks = arguments.images // CHUNK
    expected = ocrdigit.predict(ocrdigit.datasets.load_sample().X_test)
    cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None)
    spawning = multiprocessing.get_context("spawn")
    with (
        spawning.Pool(WORKERS, start_process) as pool,
        cluster,
        Client(cluster) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        files = write_fields(folder, arguments.fields)
        for work in (  # imports, and loads the networks
            lambda out: predict_by_pool(pool, out, WORKERS * 2),
            lambda out: predict_by_dask(out, WORKERS * 2),
            lambda out: read_by_pool(pool, out, files[: FILES * 4]),
            lambda out: read_by_dask(out, files[: FILES * 4]),
        ):
            measure(work)
        compare(
            "fields",
            len(files),
            lambda out: read_by_pool(pool, out, files),
            lambda out: read_by_dask(out, files),
            lambda table: check_rows(table, files),
            arguments.rounds,
        )
        compare(
            "images",
            chunks * CHUNK,
            lambda out: predict_by_pool(pool, out, chunks),
            lambda out: predict_by_dask(out, chunks),
            lambda table: check_digits(table, chunks, expected),
            arguments.rounds,
        )

        def with_a_worker_killed(out: str) -> None:
            with killer(client, out, chunks // 3):
                predict_by_dask(out, chunks)

        seconds, _, table = measure(with_a_worker_killed)
        check_digits(table, chunks, expected)
        print(f"one worker killed: {len(table):,} rows, each once, {len(table) / seconds:,.0f}/s")


if __name__ == "__main__":
    main()
