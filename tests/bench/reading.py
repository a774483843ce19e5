"""Measure the accuracy and speed of OCR engines on numbers: ocrdigit, RapidOCR and Tesseract.

    pip install . rapidocr-onnxruntime && apt install tesseract-ocr
    python tests/bench/reading.py
    python tests/bench/reading.py --sets cheques,touching --engines ocrdigit --count 100

All engines read the same images, each in its own process on the same processors:

cheques    200 amounts from Chilean bank cheques, in the project's data (``car_dev``)
separated  strings of 2 to 10 digits on noisy paper: see reading_sets.py
touching   the same, touching and overlapping by up to 4 pixels
note       one phone photo of pencilled digits, in the project's data (``photos``)
pages      synthetic pages of several numbers

The accuracy of lines is the proportion whose digits are all correct, without any others;
separators and spaces are ignored. That of pages is the proportion of the numbers that were found,
where a spurious number counts as a missed one. Engines get the images at their original size and
enlarged, and the table has the more accurate of the two. RapidOCR runs its recognizer alone on
lines and in full on pages; Tesseract has a whitelist of digits. Times are medians per image;
Tesseract's are means, over one process that reads all images.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any

import machine
import numpy as np
import reading_sets
from PIL import Image

from ocrdigit import datasets, synth

HERE = Path(__file__).resolve().parent
ENGINES = {"ocrdigit": (1.0,), "rapidocr": (1.0, 2.0), "tesseract": (1.0, 3.0)}
TIMEOUT = 1800
PAGES = 20


@dataclass
class Truth:
    """A set of image files with their texts and boxes."""

    name: str
    layout: str  # "line" or "page"
    texts: list[str] = field(default_factory=list)
    boxes: list[list[list[int]]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def add(self, file: Path, text: str, boxes: Any = ()) -> None:
        self.files.append(str(file))
        self.texts.append(text)
        self.boxes.append([list(map(int, box)) for box in boxes])


class EngineError(Exception):
    """An engine is not installed, or failed."""


def main() -> None:
    options = parse_arguments()
    load = machine.Disturbance().load_at_start
    if load > machine.IDLE_LOAD:
        log(f"warning: load average {load:.2f}: times are unreliable")
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets:
            truth = MAKERS[name](name, options, Path(folder))
            for engine in options.engines:
                results.append(measure(truth, engine, options))
                log(row(results[-1]))
    print(table(results))
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench/reading.py")
    parser.description = __doc__.splitlines()[0]
    default = HERE.parents[2] / "shared" / "data"
    folder = Path(os.environ.get("OCRDIGIT_DATA") or default)
    parser.add_argument("--sets", default=",".join(MAKERS), help="only these sets")
    parser.add_argument("--engines", default=",".join(ENGINES), help="only these engines")
    parser.add_argument("--count", type=int, default=reading_sets.COUNT, help="images per set")
    parser.add_argument("--part", choices=("validation", "test"), default="validation")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=folder, help="mnist/, car_dev/, photos/")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args()
    for option, known in (("sets", list(MAKERS)), ("engines", list(ENGINES))):
        chosen = getattr(options, option).split(",")
        for name in chosen:
            if name not in known:
                parser.error(f"--{option}: {name!r} is none of {', '.join(known)}")
        setattr(options, option, chosen)
    return options


# -- the sets --


def make_strings(name: str, options: argparse.Namespace, folder: Path) -> Truth:
    truth = Truth(name, "line")
    mnist = options.data / "mnist"
    pictures = reading_sets.make_set(name, options.part, count=options.count, folder=mnist)
    for index, picture in enumerate(pictures):
        save(truth, folder / f"{name}{index}.png", picture)
    return truth


def make_pages(name: str, options: argparse.Namespace, folder: Path) -> Truth:
    truth = Truth(name, "page")
    digits = reading_sets.digits_of(options.part, options.data / "mnist")
    for index in range(min(PAGES, options.count)):
        page = synth.page(size=(1000, 1000), digits=digits, random_state=2000 + index)
        save(truth, folder / f"{name}{index}.png", page)
    save(truth, folder / f"{name}.png", datasets.load_page())
    return truth


def save(truth: Truth, path: Path, picture: synth.Picture) -> None:
    Image.fromarray(picture.image).save(path)
    truth.add(path, picture.text, picture.boxes)


def make_cheques(name: str, options: argparse.Namespace, folder: Path) -> Truth:
    truth = Truth(name, "line")
    source = options.data / "car_dev"
    for label in json.loads((source / "labels.json").read_text())[: options.count]:
        boxes = [digit["box"] for digit in label["digits"]]
        truth.add(source / "images" / label["image"], label["text"], boxes)
    return truth


def make_note(name: str, options: argparse.Namespace, folder: Path) -> Truth:
    truth = Truth(name, "page")
    truth.add(options.data / "photos" / "phone_note.jpg", "05221859")
    return truth


MAKERS: dict[str, Callable[[str, argparse.Namespace, Path], Truth]] = {
    "cheques": make_cheques,
    "separated": make_strings,
    "touching": make_strings,
    "note": make_note,
    "pages": make_pages,
}

# -- measuring --


def measure(truth: Truth, engine: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of an engine on a set, at the most accurate of its scales."""
    best: dict[str, Any] = {"set": truth.name, "engine": engine, "count": len(truth.files)}
    for scale in ENGINES[engine]:
        try:
            answer = run_worker(truth, engine, scale, options.threads)
        except EngineError as error:
            return best | {"error": str(error)}
        scores = [
            score(truth.layout, *pair) for pair in zip(truth.texts, answer["texts"], strict=True)
        ]
        figures = {
            "accuracy": mean(scores),
            "seconds": median(answer["seconds"]),
            "scale": scale,
            "version": answer["version"],
            "texts": answer["texts"],
        }
        if "digits" in answer and truth.layout == "line":
            figures["iou"] = mean_iou(truth, answer["digits"])
        if "accuracy" not in best or figures["accuracy"] > best["accuracy"]:
            best |= figures
    return best


def run_worker(truth: Truth, engine: str, scale: float, threads: int) -> dict[str, Any]:
    request = {"engine": engine, "scale": scale, "threads": threads}
    request |= {"layout": truth.layout, "images": truth.files}
    command = [sys.executable, str(HERE / "workers" / "reading_worker.py"), json.dumps(request)]
    cpus = machine.available_cpus()
    machine.pin(cpus[-threads:])
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"no answer within {TIMEOUT} s") from error
    finally:
        machine.pin(cpus)
    if done.returncode != 0:
        raise EngineError((done.stderr.strip().splitlines() or ["no message"])[-1])
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def score(layout: str, truth: str, text: str) -> float:
    """Return 1 or 0 for a line, the proportion of correct numbers for a page."""
    if layout == "line" or truth.isdigit():
        return float(truth == "".join(filter(str.isdigit, text)))
    expected, found = Counter(truth.split()), Counter(numbers(text))
    correct = (expected & found).total()
    return correct / max(expected.total(), found.total())


def numbers(text: str) -> list[str]:
    """Return the digits of each word that contains some."""
    words = ("".join(filter(str.isdigit, word)) for word in text.split())
    return [word for word in words if word]


def mean_iou(truth: Truth, answers: list[list[dict[str, Any]]]) -> float:
    """Return the mean IoU of the boxes of lines whose digits are all correct."""
    overlaps = []
    for text, boxes, digits in zip(truth.texts, truth.boxes, answers, strict=True):
        if truth.layout == "line" and text == "".join(str(digit["value"]) for digit in digits):
            pairs = zip(boxes, digits, strict=True)
            overlaps += [iou(box, digit["box"]) for box, digit in pairs]
    return mean(overlaps) if overlaps else 0.0


def iou(a: list[float], b: list[float]) -> float:
    """Return the intersection over union of two boxes (x, y, w, h)."""
    low = np.maximum(a[:2], b[:2])
    high = np.minimum(np.add(a[:2], a[2:]), np.add(b[:2], b[2:]))
    common = float(np.prod(np.clip(high - low, 0, None)))
    return common / (a[2] * a[3] + b[2] * b[3] - common)


# -- the table --


def table(results: list[dict[str, Any]]) -> str:
    head = "| set | images | engine | accuracy | time per image | scale | IoU of boxes |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- | --- |", *map(row, results)])


def row(result: dict[str, Any]) -> str:
    start = f"| {result['set']} | {result['count']} | {result['engine']}"
    if "error" in result:
        return f"{start} | failed: {result['error']} | | | |"
    overlap = f"{result['iou']:.3f}" if "iou" in result else ""
    milliseconds = 1e3 * result["seconds"]
    return (
        f"{start} {result['version']} | {result['accuracy']:.1%} | {milliseconds:.2f} ms "
        f"| {result['scale']:g}x | {overlap} |"
    )


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
