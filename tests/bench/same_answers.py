"""Whether two versions of ocrdigit give the same answers, bit for bit.

    python tests/bench/same_answers.py record before.npz     # with the one installed
    python tests/bench/same_answers.py record after.npz      # with the other
    python tests/bench/same_answers.py compare before.npz after.npz

Recorded are the probabilities and digit scores of all shipped models on MNIST's test set, the
readings of the cheque fields of car_dev, what the OpenCV-style operations give for random
pictures, and the weights of the seed network after one training step. Only the public interface
is used, so that versions with other insides can be compared. Data come from ``OCRDIGIT_DATA``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import ocrdigit
from ocrdigit import image

DATA = Path(os.environ.get("OCRDIGIT_DATA", "../shared/data"))
MODELS = ("default", "tiny", "large", "seed")

Answers = Iterator[tuple[str, np.ndarray[Any, Any]]]


def classifier_answers() -> Answers:
    images = ocrdigit.datasets.load_mnist(DATA / "mnist").X_test
    rng = np.random.default_rng(0)
    noisy = np.clip(images[:1000] + rng.normal(0, 60, images[:1000].shape), 0, 255)
    for name in MODELS:
        model = ocrdigit.load(name)
        yield f"probabilities of {name}", model.predict_proba(images)
        yield f"digits of {name}", model.predict(images)
        yield f"digits of {name}, noisy", model.predict(noisy.astype(np.uint8), reject=0.5)
        yield f"probabilities of {name}, floats", model.predict_proba(images[:500] / 255.0)
        if name != "seed":
            yield f"digit scores of {name}", model.digit_score(images)
        for precision in ("bfloat16", "int8") if name != "seed" else ("bfloat16",):
            narrow = ocrdigit.load(name, precision=precision)
            yield f"probabilities of {name}, {precision}", narrow.predict_proba(images[:2000])


def reading_answers() -> Answers:
    for label in json.loads((DATA / "car_dev" / "labels.json").read_text()):
        path = DATA / "car_dev" / "images" / Path(label["image"]).name
        for name, limits in (("", {}), (", length", {"length": len(label["text"])})):
            digits = ocrdigit.read(path, **limits).digits
            table = [[d.value, d.confidence, *d.box, *d.probabilities] for d in digits]
            yield f"reading of {path.name}{name}", np.array(table, dtype=np.float64)


def preprocessing_answers() -> Answers:
    for label in json.loads((DATA / "car_dev" / "labels.json").read_text())[:60]:
        path = DATA / "car_dev" / "images" / Path(label["image"]).name
        yield f"preprocessed {path.name}", ocrdigit.preprocess(path)
        yield f"preprocessed {path.name}, seed", ocrdigit.preprocess(path, method="seed")


def operation_answers() -> Answers:
    rng = np.random.default_rng(1)
    for i in range(40):
        h, w = (int(side) for side in rng.integers(3, 90, 2))
        gray = rng.integers(0, 256, (h, w), dtype=np.uint8)
        color = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        size = tuple(int(side) for side in rng.integers(1, 120, 2))
        matrix = np.array([[1, 0.2, 3], [-0.1, 0.9, 1]]) + rng.normal(0, 0.05, (2, 3))
        results = {
            "to_gray": image.to_gray(color),
            "resize linear": image.resize(gray, size),
            "resize area": image.resize(gray, size, interpolation="area"),
            "gaussian_blur": image.gaussian_blur(gray, (5, 3)),
            "threshold otsu": image.threshold(gray, type="otsu")[1],
            "adaptive_threshold": image.adaptive_threshold(gray, 255, "gaussian", block_size=7),
            "erode": image.erode(gray, np.ones((3, 2), np.uint8)),
            "dilate": image.dilate(gray, np.ones((2, 5), np.uint8)),
            "warp_affine": image.warp_affine(gray, matrix, (w, h)),
            "normalize": image.normalize(gray, 10, 200),
            "components": image.connected_components(gray > 150).labels,
        }
        for name, result in results.items():
            yield f"{name} {i}", np.asarray(result)


def training_answers() -> Answers:
    sample = ocrdigit.datasets.load_sample()
    model = ocrdigit.DigitClassifier(recipe="seed", random_state=5)
    model.partial_fit(sample.X_train[:32], sample.y_train[:32])
    for name, tensor in model.network_.weights().items():
        yield f"after one step: {name}", tensor


def record(path: Path) -> None:
    parts = (
        classifier_answers,
        reading_answers,
        preprocessing_answers,
        operation_answers,
        training_answers,
    )
    answers = dict(answer for part in parts for answer in part())
    np.savez_compressed(path, **answers)
    print(f"{len(answers)} arrays of ocrdigit {ocrdigit.__version__} in {path}")


def compare(before: Path, after: Path) -> bool:
    """Print what differs, and tell whether nothing does."""
    same, kinds = True, {}
    with np.load(before) as one, np.load(after) as other:
        for name in sorted(set(one) ^ set(other)):
            same = False
            print(f"only in one: {name}")
        for name in sorted(set(one) & set(other)):
            a, b = one[name], other[name]
            kind = name.split()[0]
            counts = kinds.setdefault(kind, [0, 0])
            counts[0] += 1
            if a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes():
                continue
            counts[1] += 1
            same = False
            if a.shape != b.shape or a.dtype != b.dtype:
                print(f"{name}: {a.dtype} {a.shape} became {b.dtype} {b.shape}")
            else:
                apart = np.abs(a.astype(np.float64) - b.astype(np.float64)).max()
                print(f"{name}: {(a != b).sum()} of {a.size} differ, by at most {apart:.3g}")
    for kind, (count, different) in kinds.items():
        print(f"{kind:20} {count:6} arrays, {different} of them different")
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("record").add_argument("path", type=Path)
    pair = commands.add_parser("compare")
    pair.add_argument("before", type=Path)
    pair.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.command == "record":
        record(options.path)
    elif not compare(options.before, options.after):
        sys.exit("not the same")


if __name__ == "__main__":
    main()
