"""Measures how well and how fast numbers are read: ours beside RapidOCR and Tesseract.

    pip install . rapidocr-onnxruntime && apt install tesseract-ocr
    python tests/bench/reading.py
    python tests/bench/reading.py --sets cheques,touching --readers ocrdigit --count 100

All read the same pictures, each reader in a process of its own on the same processors:

cheques    200 amounts from Chilean bank cheques, in the project's data (``car_dev``)
separated  strings of 2 to 10 digits on noisy paper: see reading_sets.py
touching   the same, touching and overlapping by up to 4 pixels
note       one phone photo of pencilled digits, in the project's data (``photos``)
pages      pages of several numbers, drawn by the synthesiser

A single line counts when all its digits are right and there are no others; what else a reader
says (points, spaces) is left out. On pages it is the share of the numbers that were found, and
numbers that are not there cost as much. Every reader gets the pictures as they are and enlarged,
and the table shows the size that it reads best: RapidOCR with its recogniser alone on lines and
in full on pages, Tesseract with a whitelist of digits. Times are medians; Tesseract's is the mean
over one process that reads them all.
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
READERS = {"ocrdigit": (1.0,), "rapidocr": (1.0, 2.0), "tesseract": (1.0, 3.0)}
TIMEOUT = 1800
PAGES = 20


@dataclass
class Truth:
    """A set of pictures as files, and what stands in them."""

    name: str
    layout: str  # "line" or "page"
    texts: list[str] = field(default_factory=list)
    boxes: list[list[list[int]]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def add(self, file: Path, text: str, boxes: Any = ()) -> None:
        self.files.append(str(file))
        self.texts.append(text)
        self.boxes.append([list(map(int, box)) for box in boxes])


class ReaderError(Exception):
    """A reader is not installed, or failed."""


def main() -> None:
    options = parse_arguments()
    load = machine.Disturbance().load_at_start
    if load > machine.IDLE_LOAD:
        say(f"warning: the machine is not idle, load average {load:.2f}: times mean little")
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets:
            truth = MAKERS[name](name, options, Path(folder))
            for reader in options.readers:
                results.append(measure(truth, reader, options))
                say(row(results[-1]))
    print(table(results))
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench/reading.py")
    parser.description = __doc__.splitlines()[0]
    beside = HERE.parents[2] / "shared" / "data"
    folder = Path(os.environ.get("OCRDIGIT_DATA") or beside)
    parser.add_argument("--sets", default=",".join(MAKERS), help="only these sets")
    parser.add_argument("--readers", default=",".join(READERS), help="only these readers")
    parser.add_argument("--count", type=int, default=reading_sets.COUNT, help="pictures a set")
    parser.add_argument("--part", choices=("validation", "test"), default="validation")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=folder, help="mnist/, car_dev/, photos/")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args()
    for option, known in (("sets", list(MAKERS)), ("readers", list(READERS))):
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


def measure(truth: Truth, reader: str, options: argparse.Namespace) -> dict[str, Any]:
    """Have ``reader`` read the set at each of its sizes; the figures of the best."""
    best: dict[str, Any] = {"set": truth.name, "reader": reader, "count": len(truth.files)}
    for scale in READERS[reader]:
        try:
            answer = ask(truth, reader, scale, options.threads)
        except ReaderError as error:
            return best | {"error": str(error)}
        right = [
            score(truth.layout, *pair) for pair in zip(truth.texts, answer["texts"], strict=True)
        ]
        figures = {
            "right": mean(right),
            "seconds": median(answer["seconds"]),
            "scale": scale,
            "version": answer["version"],
            "texts": answer["texts"],
        }
        if "digits" in answer and truth.layout == "line":
            figures["iou"] = mean_iou(truth, answer["digits"])
        if "right" not in best or figures["right"] > best["right"]:
            best |= figures
    return best


def ask(truth: Truth, reader: str, scale: float, threads: int) -> dict[str, Any]:
    request = {"reader": reader, "scale": scale, "threads": threads}
    request |= {"layout": truth.layout, "images": truth.files}
    command = [sys.executable, str(HERE / "workers" / "reading_worker.py"), json.dumps(request)]
    cpus = machine.available_cpus()
    machine.pin(cpus[-threads:])
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ReaderError(f"no answer within {TIMEOUT} s") from error
    finally:
        machine.pin(cpus)
    if done.returncode != 0:
        raise ReaderError((done.stderr.strip().splitlines() or ["no message"])[-1])
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def score(layout: str, truth: str, text: str) -> float:
    """Return 1 for a line whose digits are all right; a page's share of numbers right."""
    if layout == "line" or truth.isdigit():
        return float(truth == "".join(filter(str.isdigit, text)))
    expected, found = Counter(truth.split()), Counter(numbers(text))
    right = (expected & found).total()
    return right / max(expected.total(), found.total())


def numbers(text: str) -> list[str]:
    """Return the digits of each word that has any."""
    words = ("".join(filter(str.isdigit, word)) for word in text.split())
    return [word for word in words if word]


def mean_iou(truth: Truth, answers: list[list[dict[str, Any]]]) -> float:
    """Return the boxes' mean overlap, over lines of which all digits are right."""
    overlaps = []
    for text, boxes, digits in zip(truth.texts, truth.boxes, answers, strict=True):
        if truth.layout == "line" and text == "".join(str(digit["value"]) for digit in digits):
            pairs = zip(boxes, digits, strict=True)
            overlaps += [iou(box, digit["box"]) for box, digit in pairs]
    return mean(overlaps) if overlaps else 0.0


def iou(a: list[float], b: list[float]) -> float:
    """Return intersection over union of two boxes (x, y, w, h)."""
    low = np.maximum(a[:2], b[:2])
    high = np.minimum(np.add(a[:2], a[2:]), np.add(b[:2], b[2:]))
    common = float(np.prod(np.clip(high - low, 0, None)))
    return common / (a[2] * a[3] + b[2] * b[3] - common)


# -- the table --


def table(results: list[dict[str, Any]]) -> str:
    head = "| set | pictures | reader | right | time a picture | enlarged | boxes' IoU |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- | --- |", *map(row, results)])


def row(result: dict[str, Any]) -> str:
    start = f"| {result['set']} | {result['count']} | {result['reader']}"
    if "error" in result:
        return f"{start} | failed: {result['error']} | | | |"
    overlap = f"{result['iou']:.3f}" if "iou" in result else ""
    return (
        f"{start} {result['version']} | {result['right']:.1%} | {1e3 * result['seconds']:.2f} ms "
        f"| {result['scale']:g}x | {overlap} |"
    )


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
