"""Read images with one OCR engine, in a process of its own that ``reading.py`` starts.

    python workers/reading_worker.py job.json

The job has the name of the engine, the number of threads, and the path and task of each image. The
last line of output is a JSON object with the answer to each image (see ``scoring.py``; null if
the engine has no function for the task), the seconds that each took, and for ``ocrdigit`` the boxes
of digits. Images are decoded before timing starts, except for Tesseract, which runs as a program.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

WARM_UP = 0.1  # seconds for each task
TESSERACT_SCALE = 3  # more accurate than 1 and 2 on fields

Read = Callable[..., Any]


def load(path: str) -> Image.Image:
    with Image.open(path) as file:
        image: Image.Image = file.convert("RGB" if file.mode not in ("L", "RGB") else file.mode)
    return image


def timed(job: dict[str, Any], tasks: dict[str, Read], decode: Read) -> dict[str, Any]:
    """Return the answers and times of an engine that has a function for each of ``tasks``."""
    answers: list[Any] = []
    seconds: list[float] = []
    warmed: set[str] = set()
    for path, task, pattern in zip(job["images"], job["tasks"], job["patterns"], strict=True):
        if task not in tasks:
            answers.append(None)
            seconds.append(0.0)
            continue
        arguments = (decode(load(path)), *([pattern] if pattern else []))
        if task not in warmed:
            warmed.add(task)
            start = perf_counter()
            while perf_counter() - start < WARM_UP:
                tasks[task](*arguments)
        start = perf_counter()
        answers.append(tasks[task](*arguments))
        seconds.append(perf_counter() - start)
    return {"answers": answers, "seconds": seconds}


def ocrdigit(job: dict[str, Any]) -> dict[str, Any]:
    import ocrdigit

    ocrdigit.set_num_threads(job["threads"])
    digits: list[Any] = []

    def numbers(reading: Any) -> list[Any]:
        return [(number.text, number.box) for number in reading.numbers]

    def page(picture: Any) -> Any:
        return numbers(ocrdigit.read(picture))

    def field(picture: Any) -> Any:
        return ocrdigit.read(picture)

    def grid(picture: Any) -> Any:
        if not hasattr(ocrdigit, "read_table"):
            return []
        try:
            return ocrdigit.read_table(picture, rows=9, columns=9).to_lists()
        except ValueError:  # no table found
            return []

    def exact(picture: Any, pattern: str | None = None) -> str:
        return " ".join(ocrdigit.read(picture, pattern=pattern).text.split("\n"))

    tasks: dict[str, Read] = {
        "page": page,
        "text": page,
        "field": field,
        "exact": exact,
        "pattern": exact,
        "digit": lambda picture: str(ocrdigit.predict(picture)),
        "non-digit": lambda picture: float(ocrdigit.digit_score(picture)),
        "grid": grid,
    }
    result = timed(job, tasks, np.asarray)
    for index, task in enumerate(job["tasks"]):
        answer = result["answers"][index]
        digits.append([digit.box for digit in answer.digits] if task == "field" else [])
        if task == "field":
            result["answers"][index] = " ".join(text for text, _ in numbers(answer))
    return result | {"digits": digits, "version": ocrdigit.__version__}


def rapidocr(job: dict[str, Any]) -> dict[str, Any]:
    import logging

    from rapidocr import RapidOCR

    logging.disable(logging.INFO)
    threads = job["threads"]
    engine = RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def line(picture: Any) -> str:
        result = engine(picture, use_det=False, use_cls=False, use_rec=True)
        return " ".join(result.txts or ())

    def page(picture: Any) -> Any:
        result = engine(picture)
        if result.boxes is None or result.txts is None:
            return []
        return [
            (text, bounding_box(corners))
            for text, corners in zip(result.txts, result.boxes, strict=True)
        ]

    def bgr(image: Image.Image) -> Any:
        return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])

    tasks: dict[str, Read] = {
        "page": page,
        "text": page,
        "field": line,
        "exact": line,
        "digit": line,
    }
    return timed(job, tasks, bgr) | {"version": version("rapidocr")}


def bounding_box(corners: Any) -> list[float]:
    low, high = np.min(corners, 0), np.max(corners, 0)
    return [float(v) for v in (*low, *(high - low))]


def tesseract(job: dict[str, Any]) -> dict[str, Any]:
    """Read all images of a task in one process, so that each bears a part of its start."""
    environment = os.environ | {"OMP_THREAD_LIMIT": str(job["threads"])}
    answers: list[Any] = [None] * len(job["images"])
    seconds = [0.0] * len(answers)
    # A single line, or sparse text.
    for mode, tasks in (("7", ("field", "digit")), ("11", ("page", "text"))):
        indices = [index for index, task in enumerate(job["tasks"]) if task in tasks]
        if not indices:
            continue
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for index in indices:
                image = load(job["images"][index])
                size = image.width * TESSERACT_SCALE, image.height * TESSERACT_SCALE
                paths.append(str(Path(folder, f"{index}.png")))
                image.resize(size, Image.Resampling.BICUBIC).save(paths[-1])
            listing = Path(folder, "list.txt")
            listing.write_text("\n".join(paths) + "\n")
            command = ["tesseract", str(listing), "stdout", "--psm", mode, "--dpi", "150"]
            command += ["-c", "tessedit_char_whitelist=0123456789", "tsv"]
            start = perf_counter()
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, check=True
            )
            mean = (perf_counter() - start) / len(paths)
        found: list[list[Any]] = [[] for _ in indices]
        lines = done.stdout.splitlines()
        for word in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if word["level"] == "5":
                sides = (word[side] for side in ("left", "top", "width", "height"))
                box = [int(side) / TESSERACT_SCALE for side in sides]
                found[int(word["page_num"]) - 1].append((word["text"], box))
        for index, words in zip(indices, found, strict=True):
            answers[index] = words if mode == "11" else " ".join(text for text, _ in words)
            seconds[index] = mean
    first = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    name = (first.stdout or first.stderr).split()[1]
    return {"answers": answers, "seconds": seconds, "version": name}


ENGINES = {"ocrdigit": ocrdigit, "rapidocr": rapidocr, "tesseract": tesseract}

if __name__ == "__main__":
    request = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(ENGINES[request["engine"]](request)))
