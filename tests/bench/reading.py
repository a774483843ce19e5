"""Measure the accuracy and speed of OCR engines on numbers: ocrdigit, RapidOCR and Tesseract.

    pip install . rapidocr onnxruntime Hershey-Fonts
    python tests/bench/reading.py
    python tests/bench/reading.py --set pages --kind table,frame --count 40 --failures wrong/
    python tests/bench/reading.py --set register-fields,cheques --no-peers

All engines read the same pictures, each in its own process on the same processors. The pictures
are those of :data:`SETS`, each of one or more kinds; ``scoring.py`` defines what is right. Peers
read the first ``--peer-count`` pictures of each kind. RapidOCR runs its recognizer alone on fields
and digits, and in full on pages. Tesseract (``--engines``) has a whitelist of digits; its times
are means over one process that reads all pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any
from zlib import crc32

import digit_sets
import document_sets
import fault_sets
import machine
import reading_sets
import separator_sets
from drawing import Writer
from PIL import Image
from scoring import Number, Sample, Summary, digits_of, iou, score

from ocrdigit import synth

HERE = Path(__file__).resolve().parent
ENGINES = ("ocrdigit", "rapidocr", "tesseract")
TIMEOUT = 7200

Answers = dict[str, Any]
Results = dict[str, Summary]  # by engine


def main() -> None:
    options = parse_arguments()
    load = machine.Disturbance().load_at_start
    if load > machine.IDLE_LOAD:
        log(f"warning: load average {load:.2f}: times are unreliable")
    results: dict[tuple[str, str], Results] = {}
    versions: dict[str, str] = {}
    for name in options.set:
        samples = SETS[name](options)
        if options.kind:
            samples = [sample for sample in samples if sample.kind in options.kind]
        if not samples:
            continue
        found = measure(name, samples, options, versions)
        results |= {(name, kind): engines for kind, engines in found.items()}
        log(table({key: value for key, value in results.items() if key[0] == name}, versions))
    if not results:
        sys.exit("nothing was measured")
    print(table(results, versions))
    if options.out:
        options.out.write_text(json.dumps(as_rows(results, versions), indent=1) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench/reading.py")
    parser.description = __doc__.splitlines()[0]
    default = HERE.parents[2] / "shared" / "data"
    folder = Path(os.environ.get("OCRDIGIT_DATA") or default)

    def names(text: str) -> list[str]:
        return text.split(",")

    parser.add_argument("--set", type=names, default=list(SETS), help=f"of {', '.join(SETS)}")
    parser.add_argument("--kind", type=names, help="only these kinds of the sets")
    parser.add_argument("--count", type=int, default=40, help="pictures of each kind")
    parser.add_argument("--peer-count", type=int, help="the same for peers; default: as --count")
    parser.add_argument("--engines", type=names, default=["ocrdigit", "rapidocr"])
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter with the peers")
    parser.add_argument("--part", choices=("validation", "train", "test"), default="validation")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures that are drawn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=folder, help="mnist/, registers/, ...")
    parser.add_argument("--failures", type=Path, help="write pictures that were read wrong here")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args()
    for option, known in (("set", tuple(SETS)), ("engines", ENGINES)):
        for name in getattr(options, option):
            if name not in known:
                parser.error(f"--{option}: {name!r} is none of {', '.join(known)}")
    if not options.peers:
        options.engines = ["ocrdigit"]
    if options.count < 1 or (options.peer_count is not None and options.peer_count < 1):
        parser.error("--count and --peer-count must be at least 1")
    return options


# -- the sets --


def draw(
    kinds: Mapping[str, Callable[[Writer], Sample]], options: argparse.Namespace
) -> list[Sample]:
    """Return ``options.count`` pictures of each kind; each has a seed of its own."""
    return [
        make(Writer(options.data / "mnist", crc32(f"{kind} {index} {options.seed}".encode())))
        for kind, make in kinds.items()
        if not options.kind or kind in options.kind
        for index in range(options.count)
    ]


def drawn(kinds: Mapping[str, Callable[[Writer], Sample]]) -> Maker:
    return lambda options: draw(kinds, options)


def document(samples: Callable[[Path, str, int], list[Sample]]) -> Maker:
    def make(options: argparse.Namespace) -> list[Sample]:
        part = "train" if options.part == "train" else "validation"
        return samples(options.data, part, options.count)

    return make


def make_crops(options: argparse.Namespace) -> list[Sample]:
    return draw(digit_sets.CROPS, options) + document(document_sets.real_crops)(options)


def pictures_of(name: str, options: argparse.Namespace) -> list[synth.Picture]:
    part, folder = "test" if options.part == "test" else "validation", options.data / "mnist"
    return reading_sets.make_set(name, part, count=options.count, folder=folder)


def tight_strings(options: argparse.Namespace) -> list[Sample]:
    return [
        Sample(
            reading_sets.cropped(picture, cut), f"{name}, {text}", "field", (Number(picture.text),)
        )
        for name in reading_sets.SETS
        for text, cut in (("to the digits", 0.0), ("6 % inside", 0.06))
        if not options.kind or f"{name}, {text}" in options.kind
        for picture in pictures_of(name, options)
    ]


def strings(name: str) -> Maker:
    def make(options: argparse.Namespace) -> list[Sample]:
        samples = []
        for picture in pictures_of(name, options):
            boxes = tuple((x, y, w, h) for x, y, w, h in picture.boxes)
            number = (Number(picture.text),)
            samples.append(Sample(picture.image, name, "field", number, digits=boxes))
        return samples

    return make


Maker = Callable[[argparse.Namespace], list[Sample]]
SETS: dict[str, Maker] = {
    "pages": drawn(fault_sets.PAGES),
    "empty-pages": drawn(fault_sets.EMPTY_PAGES),
    "combs": drawn(fault_sets.COMBS),
    "cells": drawn(digit_sets.CELLS),
    "corners": drawn(digit_sets.CORNERS),
    "crops": make_crops,
    "non-digits": drawn(digit_sets.NON_DIGITS),
    "register-fields": document(document_sets.register_fields),
    "register-lines": document(document_sets.register_words),
    "register-pages": document(document_sets.register_pages),
    "grids": document(document_sets.grids),
    "cases": document(document_sets.cases),
    "form": document(document_sets.form),
    "cheques": document(document_sets.cheques),
    "note": document(document_sets.note),
    "separators": drawn(separator_sets.FIELDS),
    "separated": strings("separated"),
    "touching": strings("touching"),
    "tight": tight_strings,
}

# -- measuring --


def measure(
    name: str, samples: list[Sample], options: argparse.Namespace, versions: dict[str, str]
) -> dict[str, Results]:
    """Return the results of all engines on a set, by kind."""
    results: dict[str, Results] = {}
    for engine in options.engines:
        chosen = samples if engine == "ocrdigit" else first_of_kinds(samples, options.peer_count)
        try:
            answers = run_worker(chosen, engine, options)
        except EngineError as error:
            log(f"{name}: {engine} failed: {error}")
            continue
        versions[engine] = answers["version"]
        for index, sample in enumerate(chosen):
            answer = answers["answers"][index]
            if answer is None:  # the engine has no function for the task
                continue
            summary = results.setdefault(sample.kind, {}).setdefault(engine, Summary())
            result = score(sample, answer)
            summary.scores.append(result)
            summary.seconds.append(answers["seconds"][index])
            if sample.digits and result.perfect and "digits" in answers:
                boxes = answers["digits"][index]
                summary.overlaps += map(iou, sample.digits, boxes)
            if options.failures and not result.perfect:
                write_failure(options.failures, f"{engine}-{name}", index, sample, answer)
    return results


def first_of_kinds(samples: list[Sample], count: int | None) -> list[Sample]:
    """Return the first ``count`` samples of each kind."""
    if count is None:
        return samples
    counts: dict[str, int] = {}
    chosen = []
    for sample in samples:
        counts[sample.kind] = counts.get(sample.kind, 0) + 1
        if counts[sample.kind] <= count:
            chosen.append(sample)
    return chosen


class EngineError(Exception):
    """An engine is not installed, or failed."""


def run_worker(samples: list[Sample], engine: str, options: argparse.Namespace) -> Answers:
    """Return the answers of an engine, from a process of its own."""
    python = sys.executable if engine == "ocrdigit" else options.peer_python
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for index, sample in enumerate(samples):
            if isinstance(sample.image, Path):
                paths.append(str(sample.image))
                continue
            paths.append(str(Path(folder, f"{index}.png")))
            Image.fromarray(sample.image).save(paths[-1], compress_level=1)
        job = {"engine": engine, "threads": options.threads, "images": paths}
        job["tasks"] = [sample.task for sample in samples]
        job["patterns"] = [sample.pattern for sample in samples]
        Path(folder, "job.json").write_text(json.dumps(job))
        command = [python, str(HERE / "workers/reading_worker.py"), str(Path(folder, "job.json"))]
        cpus = machine.available_cpus()
        machine.pin(cpus[-options.threads :])
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise EngineError(f"no answer within {TIMEOUT} s") from error
        finally:
            machine.pin(cpus)
    if done.returncode != 0:
        raise EngineError((done.stderr.strip().splitlines() or ["no message"])[-1])
    answer: Answers = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def write_failure(folder: Path, name: str, index: int, sample: Sample, answer: Any) -> None:
    """Write a picture, with the expected and the given answer in the name of its file."""
    expected, got = sample.text, answer
    if sample.task in ("page", "text"):
        got = " ".join(digits_of(text) for text, _ in answer)
    elif sample.task == "grid":
        expected, got = (
            "".join(text or "." for row in grid for text in row) for grid in (sample.grid, answer)
        )
    parts = [re.sub(r"[^\w.-]+", "_", str(text))[:60] for text in (expected, got)]
    file = f"{name}-{sample.kind.replace(' ', '_')}-{index:04}_{parts[0]}_got_{parts[1]}.png"
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(sample.image, Path):
        with Image.open(sample.image) as image:
            image.convert("RGB").save(folder / file, compress_level=1)
    else:
        Image.fromarray(sample.image).save(folder / file, compress_level=1)


# -- the table --


def as_rows(
    results: dict[tuple[str, str], Results], versions: dict[str, str]
) -> list[dict[str, Any]]:
    """Return a dict for each kind and engine, and for the whole of sets with several kinds."""
    rows = []
    for (name, kind), engines in with_totals(results).items():
        for engine, summary in engines.items():
            middle, low, high = summary.time
            row: dict[str, Any] = {"set": name, "kind": kind, "engine": engine}
            row |= {"version": versions[engine], "pictures": len(summary.scores)}
            row |= {"expected": sum(score.expected for score in summary.scores)}
            row |= {"right": summary.right, "whole": summary.whole, "false": summary.false}
            row |= {"seconds": middle, "seconds_10": low, "seconds_90": high}
            if summary.overlaps:
                row["iou"] = mean(summary.overlaps)
            rows.append(row)
    return rows


def with_totals(results: dict[tuple[str, str], Results]) -> dict[tuple[str, str], Results]:
    """Return the results with a row "all" after the kinds of each set that has several."""
    complete: dict[tuple[str, str], Results] = {}
    for name in dict.fromkeys(name for name, _ in results):
        kinds = {key: value for key, value in results.items() if key[0] == name}
        complete |= kinds
        if len(kinds) > 1:
            total: Results = {}
            for engines in kinds.values():
                for engine, summary in engines.items():
                    whole = total.setdefault(engine, Summary())
                    whole.scores += summary.scores
                    whole.seconds += summary.seconds
                    whole.overlaps += summary.overlaps
            complete[name, "all"] = total
    return complete


def table(results: dict[tuple[str, str], Results], versions: dict[str, str]) -> str:
    """Return a Markdown table with a row for each kind, and the engines side by side."""
    columns = ("right", "pictures all right", "false per right", "ms (10 to 90 %)")
    head = ["set", "kind"]
    for engine, version in versions.items():
        head += [f"{engine} {version}: {columns[0]}", *columns[1:]]
    lines = [head, ["---"] * len(head)]
    for (name, kind), engines in with_totals(results).items():
        line = [name, kind]
        for engine in versions:
            line += cells_of(engines[engine]) if engine in engines else [""] * len(columns)
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells_of(summary: Summary) -> list[str]:
    expected = sum(score.expected for score in summary.scores)
    middle, low, high = (1e3 * seconds for seconds in summary.time)
    right = f"{summary.right:.1%} of {expected}"
    if summary.overlaps:
        right += f", IoU {mean(summary.overlaps):.3f}"
    return [
        right,
        f"{summary.whole:.1%} of {len(summary.scores)}",
        f"{summary.false:.2f}",
        f"{middle:.2f} ({low:.2f}-{high:.2f})",
    ]


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
