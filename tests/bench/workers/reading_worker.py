"""Read images with one OCR engine, in a process of its own that ``reading.py`` starts.

    python workers/reading_worker.py '{"engine": "rapidocr", "scale": 2, "threads": 2,
      "layout": "line", "images": ["a.png", ...]}'

The last line of output is a JSON object with the text of each image, the seconds that each took
and, for engines that return them, the values and boxes of digits. Images are decoded and enlarged
before timing starts, except for Tesseract, which runs as a program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

WARM_UP = 3


def images_of(job: SimpleNamespace) -> list[Image.Image]:
    """Return the images at the scale of the job."""
    pictures = []
    for path in job.images:
        with Image.open(path) as file:
            image = file.convert("RGB" if file.mode not in ("L", "RGB") else file.mode)
        if job.scale != 1:
            size = (round(image.width * job.scale), round(image.height * job.scale))
            image = image.resize(size, Image.Resampling.BICUBIC)
        pictures.append(image)
    return pictures


def timed(read: Callable[[Any], Any], pictures: list[Any]) -> tuple[list[Any], list[float]]:
    """Return the results and times of reading all images, after a warm-up."""
    for picture in pictures[:WARM_UP]:
        read(picture)
    found, seconds = [], []
    for picture in pictures:
        start = perf_counter()
        found.append(read(picture))
        seconds.append(perf_counter() - start)
    return found, seconds


def ocrdigit(job: SimpleNamespace) -> dict[str, Any]:
    import ocrdigit

    ocrdigit.set_num_threads(job.threads)
    pictures = [np.asarray(image) for image in images_of(job)]
    readings, seconds = timed(ocrdigit.read, pictures)
    digits = [
        [{"value": digit.value, "box": [side / job.scale for side in digit.box]} for digit in found]
        for found in (reading.digits for reading in readings)
    ]
    return {
        "texts": [reading.text for reading in readings],
        "seconds": seconds,
        "digits": digits,
        "version": ocrdigit.__version__,
    }


def rapidocr(job: SimpleNamespace) -> dict[str, Any]:
    from importlib.metadata import version

    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR(intra_op_num_threads=job.threads, inter_op_num_threads=1)
    line = job.layout == "line"

    def read(picture: Any) -> str:
        if line:
            result, _ = engine(picture, use_det=False, use_cls=False, use_rec=True)
            return " ".join(text for text, *_ in result or ())
        result, _ = engine(picture)
        return "\n".join(text for _, text, _ in result or ())

    pictures = [np.asarray(image.convert("RGB"))[:, :, ::-1] for image in images_of(job)]
    texts, seconds = timed(read, pictures)
    return {"texts": texts, "seconds": seconds, "version": version("rapidocr-onnxruntime")}


def tesseract(job: SimpleNamespace) -> dict[str, Any]:
    """Read all images in one process, so that each bears a part of its start."""
    environment = os.environ | {"OMP_THREAD_LIMIT": str(job.threads)}
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for index, image in enumerate(images_of(job)):
            paths.append(str(Path(folder, f"{index}.png")))
            image.save(paths[-1])
        listing = Path(folder, "list.txt")
        listing.write_text("\n".join(paths) + "\n")
        mode = "7" if job.layout == "line" else "11"  # a single line; sparse text
        command = ["tesseract", str(listing), "stdout", "--psm", mode, "--dpi", "150"]
        command += ["-c", "tessedit_char_whitelist=0123456789"]
        start = perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        seconds = (perf_counter() - start) / len(paths)
    texts = done.stdout.split("\f")[: len(paths)]
    first = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    version = (first.stdout or first.stderr).split()[1]
    return {"texts": texts, "seconds": [seconds] * len(paths), "version": version}


ENGINES = {"ocrdigit": ocrdigit, "rapidocr": rapidocr, "tesseract": tesseract}

if __name__ == "__main__":
    request = SimpleNamespace(**json.loads(sys.argv[1]))
    print(json.dumps(ENGINES[request.engine](request)))
