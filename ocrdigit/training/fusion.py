"""Fits how the opinions of the reader and the classifier on a digit are put together.

    pip install Hershey-Fonts
    python -m ocrdigit.training.fusion --data DIR [--reader FILE] --out fusion.json

Numbers in all styles, words and clutter are written with digits that neither network was trained
on (``DIR`` as for :mod:`ocrdigit.training.recognizer`; MNIST's last 5,000 training images, and
optdigits of other writers) and read. Half of the pictures are fitted to, the others measured on.

Which digit it is: the logarithm of each one's probability is ``reader`` times that of the
reader plus ``judge`` times that of the classifier. Whether it is any: the logarithm of the odds
is ``constant`` + ``read`` * the reader's + ``judged`` * the classifier's + ``share`` * the
logarithm of the share of its line's ink that digits take. Both are logistic regressions, so that
the probabilities are calibrated; each has weights of its own for digits that stand apart and for
those that a neighbour reaches over (``apart_...``, ``close_...``), whose ink is less surely told
from the neighbour's. ``usual``, ``known`` and ``least`` are constants of this module.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _core, synth
from .._predict import shipped_model
from ..datasets import load_mnist, load_optdigits
from ..models.recognizer import RECOGNIZER_PATH, FusionWeights, read_recognizer, write_fusion
from ._matching import match
from .line_images import TRAINING_DIGITS, of_clutter, smooth, styles, words

# On a page of which nothing else is known, this share of what is found are digits; it counts as
# much as so many digits seen. What is less likely a digit than LEAST is left out.
USUAL, KNOWN, LEAST = 0.99, 8.0, 0.1

_STRINGS, _SPREAD, _WORDS, _CLUTTER = 3_000, 2_000, 600, 1_500
_HEIGHT, _WIDEST = 48, 600  # of pictures of clutter
_ALL_KNOWN = 1e9  # a page cannot change what is usual

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """What is known of digits (n), found in pictures of one kind.

    ``reader`` and ``judge`` (n, 10) are probabilities of each digit, ``read`` and ``judged``
    (n,) those of any, ``share`` (n,) is that of the line's ink; ``value`` is what was written, or
    -1 where that was no digit, and ``picture`` the number of the picture.
    """

    reader: _Floats
    judge: _Floats
    read: _Floats
    judged: _Floats
    share: _Floats
    apart: NDArray[np.bool_]
    value: NDArray[np.int64]
    picture: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> Evidence:
        """Return that of the digits for which ``chosen`` (n,) holds."""
        return Evidence(*(column[chosen] for column in vars(self).values()))


def only(**numbers: float) -> FusionWeights:
    """Return opinions of which all other numbers are 0, the same for digits apart and close."""
    wanted = {name: numbers.get(name.removeprefix("apart_"), 0.0) for name in FusionWeights._fields}
    wanted |= {
        name: numbers.get(name.removeprefix("close_"), 0.0)
        for name in FusionWeights._fields
        if name.startswith("close_")
    }
    return FusionWeights(**wanted | {"usual": 0.5, "known": _ALL_KNOWN})


def pictures(folder: str, seed: int) -> dict[str, list[synth.Picture]]:
    """Return pictures by kind: numbers, some spread, words with and without them, and clutter."""
    rng = np.random.default_rng(seed)
    mnist = load_mnist(os.path.join(folder, "mnist"))
    others = load_optdigits(os.path.join(folder, "uci"))
    digits = synth.Digits(
        np.concatenate(
            [mnist.X_train[TRAINING_DIGITS:], np.stack([smooth(b, 1.0) for b in others.X_test])]
        ),
        np.concatenate([mnist.y_train[TRAINING_DIGITS:], others.y_test]),
    )
    looks = styles()
    wide = looks[0].with_(own_strokes=1.0, own_pen=(0.0, 0.0), gap=(0.1, 0.5))

    def strings(count: int, styles: list[synth.Style]) -> list[synth.Picture]:
        return synth.strings(count, length=(1, 9), style=styles, digits=digits, random_state=rng)

    return {
        "numbers": strings(_STRINGS, [*looks, wide, wide]),
        "spread": strings(_SPREAD, [wide]),
        "words": words(_WORDS, digits, rng),
        "clutter": [of_clutter(_HEIGHT, _WIDEST, rng) for _ in range(_CLUTTER)],
    }


def gather(reader: _core.Network, judge: _core.Network, written: list[synth.Picture]) -> Evidence:
    """Return what both networks say of the digits that the reader finds."""
    parts = []
    for number, picture in enumerate(written):
        image = np.ascontiguousarray(picture.image)

        def ask(
            opinions: FusionWeights, image: NDArray[np.uint8] = image
        ) -> tuple[NDArray[np.int32], _Floats]:
            table, numbers = _core.read_digits(reader, image, judge=judge, opinions=opinions)
            return table, numbers.astype(np.float64)

        table, read = ask(only(reader=1.0, read=1.0))
        _, judged = ask(only(judge=1.0, judged=1.0))
        odds = ask(only(share=1.0))[1][:, 1]
        share = odds / np.maximum(1 - odds, 1e-9)
        apart = ask(only(constant=1.0)._replace(close_constant=-1.0))[1][:, 1] > 0.5
        if len(table):
            count = np.full(len(table), number)
            parts.append(
                Evidence(
                    read[:, 2:], judged[:, 2:], read[:, 1], judged[:, 1], share,
                    apart, match(table, picture), count,
                )
            )  # fmt: skip
    return Evidence(
        *(np.concatenate(column) for column in zip(*(vars(p).values() for p in parts), strict=True))
    )


# -- fitting --


def _log(p: _Floats) -> _Floats:
    logs: _Floats = np.log(np.maximum(p, 1e-6))
    return logs


def which_terms(evidence: Evidence) -> _Floats:
    """Return the terms (n, 10, 2) of each digit's logarithm."""
    return np.stack([_log(evidence.reader), _log(evidence.judge)], axis=2)


def whether_terms(evidence: Evidence) -> _Floats:
    """Return the terms (n, 2, 4) of the logarithms of none, which are 0, and any."""
    odds = [_log(p) - _log(1 - p) for p in (evidence.read, evidence.judged)]
    any_digit = np.stack([np.ones(len(evidence.share)), *odds, _log(evidence.share)], axis=1)
    return np.stack([np.zeros_like(any_digit), any_digit], axis=1)


def fit(terms: _Floats, labels: NDArray[np.int64], counts: _Floats) -> _Floats:
    """Return the weights (k,) of terms (n, classes, k) that make labels (n,) likeliest.

    Each counts as ``counts`` says. Newton's method; the likelihood is concave.
    """
    weights = np.zeros(terms.shape[2])
    rows = np.arange(len(labels))
    for _ in range(30):
        p = _softmax(terms @ weights)
        mean = np.einsum("nc,nck->nk", p, terms)
        slope = counts @ (terms[rows, labels] - mean)
        spread = np.einsum("n,nc,nck,ncl->kl", counts, p, terms, terms)
        spread -= np.einsum("n,nk,nl->kl", counts, mean, mean)
        weights += np.linalg.solve(spread + 1e-6 * np.eye(len(weights)), slope)
    return weights


def _softmax(logs: _Floats) -> _Floats:
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares: _Floats = p / p.sum(axis=1, keepdims=True)
    return shares


def fit_opinions(found: dict[str, Evidence]) -> FusionWeights:
    """Return the opinions fitted to evidence by kind."""
    numbers: dict[str, float] = {}
    everything, spread = _halves(found.values()), _halves([found["spread"]])
    for side in ("apart", "close"):
        chosen = everything.where(everything.apart == (side == "apart"))
        is_digit = chosen.value >= 0
        # What is apart among closer ones is often a piece, of which the judge knows little.
        sure = spread if side == "apart" else chosen
        digits = sure.where(sure.value >= 0)
        which = fit(which_terms(digits), digits.value, np.ones(len(digits.value)))
        # digits and other things as if they were as frequent
        counts = np.where(is_digit, 1 / is_digit.sum(), 1 / (~is_digit).sum()) * len(is_digit)
        whether = fit(whether_terms(chosen), is_digit.astype(np.int64), counts)
        names = ("reader", "judge", "constant", "read", "judged", "share")
        for name, weight in zip(names, (*which, *whether), strict=True):
            numbers[f"{side}_{name}"] = round(float(weight), 4)
    return FusionWeights(**numbers, usual=USUAL, known=KNOWN, least=LEAST)


def _halves(found: Iterable[Evidence]) -> Evidence:
    """Return what is fitted to: the evidence of every second picture."""
    halves = [each.where(each.picture % 2 == 0) for each in found]
    return Evidence(
        *(np.concatenate(c) for c in zip(*(vars(h).values() for h in halves), strict=True))
    )


# -- measuring --


def tell(
    reader: _core.Network,
    judge: _core.Network,
    written: dict[str, list[synth.Picture]],
    opinions: FusionWeights,
) -> None:
    """Print how the other half is read, without the second opinion and with it."""
    for kind, all_pictures in written.items():
        alone, both, kept, sure, right = 0, 0, 0, [], []
        chosen = all_pictures[1::2]
        for picture in chosen:
            image = np.ascontiguousarray(picture.image)
            table, _ = _core.read_digits(reader, image)
            judged, numbers = _core.read_digits(reader, image, judge=judge, opinions=opinions)
            alone += "".join(map(str, table[:, 1])) == picture.text
            both += "".join(map(str, judged[:, 1])) == picture.text
            kept += len(judged)
            sure += numbers[:, 0].tolist()
            right += (judged[:, 1] == match(judged, picture)).tolist()
        print(
            f"{kind}: {len(chosen)} pictures, right {alone / len(chosen):.2%} by the reader alone, "
            f"{both / len(chosen):.2%} with both; {kept} digits, mean confidence "
            f"{np.mean(sure):.4f}, right {np.mean(right):.4f}"
        )


def main() -> None:
    """Fit, measure and save."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.fusion")
    parser.add_argument("--data", required=True)
    parser.add_argument("--reader", default=RECOGNIZER_PATH)
    parser.add_argument("--out", default="fusion.json")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    reader, judge = read_recognizer(options.reader), shipped_model().network_
    written = pictures(options.data, options.seed)
    found = {kind: gather(reader, judge, each) for kind, each in written.items()}
    opinions = fit_opinions(found)
    print(opinions)
    tell(reader, judge, written, opinions)
    write_fusion(options.out, opinions)


if __name__ == "__main__":
    main()
