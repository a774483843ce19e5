"""Throughput and memory of ``ocrdigit.read_many`` on one thread and on several.

    python tests/bench/batch.py [--fields 10000] [--pages 500] [--threads 2] [--rounds 3]

Writes generated fields as PNG files and A4 pages at 200 dpi as JPEG files, one in a hundred of them
cut off, to a folder that is removed at the end. Each round reads them on one thread and on
``--threads``, in processes of their own. A line has the files a second, the peak
resident memory and the speed-up: as it was; and without the time in which the threads were ready
but waited for a processor, as the system counts it (/proc/self/task/*/schedstat, Linux only). On an
idle machine both are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import Disturbance
from PIL import Image

import ocrdigit

A4 = (1654, 2339)  # at 200 dpi
DISTINCT_PAGES = 20  # others are copies
CORRUPT = 100  # of so many files one is cut off


def write_fields(folder: Path, count: int) -> None:
    options = {"length": (3, 8), "style": ["plain", "cheque"]}
    for i in range(0, count, 500):
        fields = ocrdigit.synth.strings(min(500, count - i), random_state=i, **options)
        for k, field in enumerate(fields, i):
            Image.fromarray(field.image).save(folder / f"{k:06}.png")


def write_pages(folder: Path, count: int) -> None:
    files = []
    for i in range(min(count, DISTINCT_PAGES)):
        page = ocrdigit.synth.page(size=A4, digit_height=(40, 60), random_state=i, color=False)
        path = folder / f"{i:06}.jpg"
        Image.fromarray(page.image).save(path, quality=85)
        files.append(path.read_bytes())
    for i in range(len(files), count):
        (folder / f"{i:06}.jpg").write_bytes(files[i % len(files)])


def cut_off(folder: Path) -> int:
    """Cut one in a hundred files, and return how many."""
    paths = sorted(folder.iterdir())[CORRUPT // 2 :: CORRUPT]
    for path in paths:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    return len(paths)


def thread_seconds() -> tuple[float, float]:
    """Return the seconds that the threads of the batch ran, and waited for a processor."""
    times = [0.0, 0.0]
    for path in Path("/proc/self/task").glob("*/schedstat"):
        if path.parent.name == str(os.getpid()):  # the main thread
            continue
        running, waiting = path.read_text().split()[:2]
        times[0] += int(running) / 1e9
        times[1] += int(waiting) / 1e9
    return times[0], times[1]


def measure(folder: str, threads: int) -> dict[str, float]:
    """Read a folder in this process."""
    ocrdigit.set_num_threads(1)  # no threads but those of the batch
    ocrdigit.read(ocrdigit.synth.string("1874", random_state=0).image)  # loads the networks
    last = max(str(path) for path in Path(folder).iterdir())
    rows = 0
    start = time.perf_counter()
    results = ocrdigit.read_many(folder, n_jobs=threads, on_error="return", progress=False)
    for result in results:
        rows += len(result.to_rows())
        if result.source == last:  # the threads are there until the next result is asked for
            running, waiting = thread_seconds()
    seconds = time.perf_counter() - start
    return {
        "files": results.summary.sources,
        "rows": rows,
        "failed": results.summary.failed,
        "seconds": seconds,
        "running": running,
        "waiting": waiting,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_process(folder: Path, threads: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", str(folder), "--threads", str(threads)]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def compare(name: str, folder: Path, corrupt: int, threads: int, rounds: int) -> None:
    """Print a line for each round."""
    for _ in range(rounds):
        load = Disturbance()
        one, several = (in_process(folder, n) for n in (1, threads))
        assert one["failed"] == several["failed"] == corrupt, (one, several, corrupt)
        assert one["rows"] == several["rows"] >= one["files"]
        undisturbed = [
            run["seconds"] - run["waiting"] / n for run, n in ((one, 1), (several, threads))
        ]
        print(
            f"{name:7} {one['files']:6,.0f} files, {corrupt} corrupt   "
            f"{one['files'] / one['seconds']:6.1f}/s on 1, "
            f"{one['files'] / several['seconds']:6.1f}/s on {threads}: "
            f"x {one['seconds'] / several['seconds']:.2f}   undisturbed "
            f"{one['files'] / undisturbed[0]:6.1f}/s, {one['files'] / undisturbed[1]:6.1f}/s: "
            f"x {undisturbed[0] / undisturbed[1]:.2f}   processor time a file "
            f"{1000 * one['running'] / one['files']:.2f}, "
            f"{1000 * several['running'] / one['files']:.2f} ms   peak {one['memory']:.0f}, "
            f"{several['memory']:.0f} MB   others took {load.share():.0%} of the processors",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fields", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.threads)))
        return
    kinds = (("fields", arguments.fields, write_fields), ("pages", arguments.pages, write_pages))
    for name, count, write in kinds:
        if not count:
            continue
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), count)
            corrupt = cut_off(Path(folder))
            compare(name, Path(folder), corrupt, arguments.threads, arguments.rounds)


if __name__ == "__main__":
    main()
