"""Fit the weights of the confidence in whole numbers.

::

    python -m ocrdigit.training.confidence --data DIR --out confidence.json

``DIR`` contains ``mnist/``, ``uci/`` and ``registers/``. Fields of synthetic numbers, written with
digits that no network was trained on, and of every other validation page of the registers are read,
each a picture of one number; the log odds that the text is right are fitted by logistic regression.
The registers' other validation pages are not used, so that the confidence can be evaluated on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .. import reading, synth
from .._symbols import only_digits
from ..models.field_confidence import FieldWeights, terms, write_confidence
from .fusion import LabelledLine, fit, held_out_digits, register_lines
from .line_images import numbers
from .registers import is_number

_STRINGS = 3_000
_CUT = 0.1  # of them are cut by the side of the picture


Field = tuple[NDArray[np.uint8], str]  # image and digits


def fields(folder: str, seed: int) -> list[Field]:
    """Return synthetic fields and those of every other validation page of the registers."""
    rng = np.random.default_rng(seed)
    drawn = numbers(_STRINGS, held_out_digits(folder), rng)
    lines = [line for line in register_lines(folder, "validation") if is_number(line.text)]
    cut = rng.random(len(drawn)) < _CUT
    synthetic = [
        (_cut(p, rng) if at else p.image, only_digits(p.text))
        for p, at in zip(drawn, cut, strict=True)
    ]
    return synthetic + [(line.image, only_digits(line.text)) for line in _every_other_page(lines)]


def _cut(picture: synth.Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the picture, cut through its last digit."""
    x, _, w, _ = picture.boxes[-1].tolist()
    return picture.image[:, : x + max(1, int(w * rng.uniform(0.2, 0.8)))]


def _every_other_page(lines: Sequence[LabelledLine]) -> list[LabelledLine]:
    pages = list(dict.fromkeys(line.page for line in lines))
    return [line for line in lines if pages.index(line.page) % 2 == 0]


def examples(
    drawn: Sequence[Field],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the terms (n, 7) of fields that are read as one number, and whether it is right."""
    rows, right = [], []
    for picture, digits in drawn:
        found = reading.read(np.ascontiguousarray(picture)).numbers
        if len(found) == 1 and found[0].quality is not None:
            rows.append(terms([s.confidence for s in found[0].symbols], found[0].quality))
            right.append(only_digits(found[0].text) == digits)
    return np.stack(rows), np.array(right, np.int64)


def fit_confidence(x: NDArray[np.float64], right: NDArray[np.int64]) -> FieldWeights:
    """Return the weights of the logistic regression."""
    both = np.stack([np.zeros_like(x), x], axis=1)
    weights = fit(both, right, np.ones(len(right)))
    return FieldWeights(*(round(float(weight), 4) for weight in weights))


def main() -> None:
    """Fit the weights and write them."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.confidence")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default="confidence.json")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    x, right = examples(fields(options.data, options.seed))
    weights = fit_confidence(x, right)
    print(f"{len(right)} fields, {right.mean():.2%} right: {weights}")
    write_confidence(options.out, weights)


if __name__ == "__main__":
    main()
