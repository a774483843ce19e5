"""Fit the weights of score fusion, of the recognizer and the classifier.

::

    pip install Hershey-Fonts
    python -m ocrdigit.training.fusion --data DIR --fonts FONTS --out fusion.json

Pictures of numbers in all styles, of words and of clutter are synthesized from digits that neither
network was trained on (``DIR`` as for :mod:`ocrdigit.training.recognizer`; MNIST's last 5,000
training images, and the writers of optdigits' test set), as are documents of all kinds, and read.
The weights are fitted to half of these and of the lines on the registers' training pages, and
evaluated on the other pictures.

The log probability of each digit is ``recognizer`` * the recognizer's + ``classifier`` * the
classifier's, up to a constant. The log odds that a symbol is a digit are ``bias`` +
``recognizer_odds`` * the recognizer's + ``classifier_odds`` * the classifier's + ``detector_odds``
* the detector's in the symbol's box + ``surroundings_odds`` * those around it + ``foreground`` *
the logarithm of the proportion of the line's foreground that is in symbols. Both are logistic
regressions, so the probabilities are calibrated. Isolated and touching symbols have their own
weights, as the crops of touching ones contain parts of neighbours. ``prior_mean``,
``prior_strength`` and ``min_probability`` are constants of this module.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _core, synth
from .._inputs import gray_page
from .._predict import shipped_model
from ..datasets import load_mnist, load_optdigits
from ..models.detector import shipped_detector
from ..models.recognizer import RECOGNIZER_PATH, FusionWeights, read_recognizer, write_fusion
from ._matching import UNKNOWN, match, match_document, match_line
from .line_images import TRAINING_DIGITS, clutter_picture, numbers, smooth, styles, words
from .registers import around, read_register_labels

PRIOR_MEAN, PRIOR_STRENGTH = 0.9, 3.0
MIN_PROBABILITY = 0.4

_STRINGS, _SPACED, _WORDS, _CLUTTER, _DOCUMENTS = 3_000, 2_000, 600, 1_500, 800
_CLUTTER_HEIGHT, _CLUTTER_WIDTH = 48, 600
_LINE_MARGIN = 6  # pixels around a line of the registers

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """Features of verified symbols (n), from pictures of one kind.

    Those of :func:`_core.fusion_features`; ``value`` is the digit that was written, or -1 if the
    symbol is none, and ``picture`` the index of the picture.
    """

    recognizer: _Floats
    classifier: _Floats
    recognizer_odds: _Floats
    classifier_odds: _Floats
    foreground: _Floats
    detector_odds: _Floats
    surroundings_odds: _Floats
    isolated: NDArray[np.bool_]
    value: NDArray[np.int64]
    picture: NDArray[np.int64]

    def where(self, mask: NDArray[np.bool_]) -> Features:
        """Return the features of the symbols selected by ``mask`` (n,)."""
        return Features(**{name: column[mask] for name, column in vars(self).items()})


def concatenate(parts: Iterable[Features]) -> Features:
    """Return the features of all parts."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Features(*(np.concatenate(column) for column in columns))


def held_out_digits(folder: str) -> synth.Digits:
    """Return digits that neither network was trained on."""
    mnist = load_mnist(os.path.join(folder, "mnist"))
    optdigits = load_optdigits(os.path.join(folder, "uci"))
    return synth.Digits(
        np.concatenate(
            [mnist.X_train[TRAINING_DIGITS:], np.stack([smooth(b, 1.0) for b in optdigits.X_test])]
        ),
        np.concatenate([mnist.y_train[TRAINING_DIGITS:], optdigits.y_test]),
    )


def pictures(folder: str, seed: int) -> dict[str, list[synth.Picture]]:
    """Return pictures by kind: numbers, widely spaced numbers, words and clutter."""
    rng = np.random.default_rng(seed)
    digits = held_out_digits(folder)
    all_styles = styles()
    spaced = all_styles[0].with_(source_strokes=1.0, stroke_offset=(0.0, 0.0), gap=(0.1, 0.5))

    def strings(count: int, styles: list[synth.Style]) -> list[synth.Picture]:
        return synth.strings(count, length=(1, 9), style=styles, digits=digits, random_state=rng)

    return {
        "numbers": [
            *numbers(_STRINGS // 2, digits, rng),
            *strings(_STRINGS // 2, [*all_styles, spaced, spaced]),
        ],
        "spaced": strings(_SPACED, [spaced]),
        "words": words(_WORDS, digits, rng),
        "clutter": [clutter_picture(_CLUTTER_HEIGHT, _CLUTTER_WIDTH, rng) for _ in range(_CLUTTER)],
    }


def documents(folder: str, fonts: str | None, seed: int) -> list[synth.Document]:
    """Return documents of all kinds, with digits that neither network was trained on."""
    rng = np.random.default_rng(seed)
    digits = held_out_digits(folder)
    return [
        synth.document(size=(500, 400), digits=digits, fonts=fonts, color=False, random_state=rng)
        for _ in range(_DOCUMENTS)
    ]


@dataclass(frozen=True)
class LabelledLine:
    """A line of text cut out of a page with what is around it, and its box (x, y, w, h)."""

    image: NDArray[np.uint8]
    text: str
    box: tuple[int, int, int, int]
    page: str


def register_lines(folder: str, part: str) -> list[LabelledLine]:
    """Return the lines of text of a part of the registers."""
    lines = []
    for page in read_register_labels(folder, part):
        gray = gray_page(os.path.join(folder, "registers", page["image"]), "path")
        for line in page["lines"]:
            x, y, w, h = line["box"]
            rows, columns = around(line["box"], _LINE_MARGIN)
            box = (x - columns.start, y - rows.start, w, h)
            lines.append(LabelledLine(gray[rows, columns], line["text"], box, page["image"]))
    return lines


def extract_features(
    recognizer: _core.Network,
    classifier: _core.Classifier,
    drawn: Sequence[synth.Picture | synth.Document | LabelledLine],
) -> Features:
    """Return the features of the symbols that the recognizer finds in pictures."""
    parts = []
    for index, picture in enumerate(drawn):
        image = np.ascontiguousarray(picture.image)
        found = _core.fusion_features(
            recognizer, image, classifier=classifier, detector=shipped_detector()
        )
        if isinstance(picture, synth.Document):
            values = match_document(found["symbols"], picture)
        elif isinstance(picture, LabelledLine):
            values = match_line(found["symbols"], picture.text, picture.box)
        else:
            values = match(found["symbols"], picture)
        features = Features(
            found["recognizer"],
            found["classifier"],
            found["recognizer_odds"],
            found["classifier_odds"],
            found["foreground"],
            found["detector_odds"],
            found["surroundings_odds"],
            found["isolated"],
            values,
            np.full(len(found["symbols"]), index),
        )
        parts.append(features.where(found["verified"] & (values != UNKNOWN)))
    return concatenate(parts)


# -- fitting --


def digit_terms(features: Features) -> _Floats:
    """Return the terms (n, 10, 2) of the log probability of each digit."""
    return np.stack([features.recognizer, features.classifier], axis=2)


def is_digit_terms(features: Features) -> _Floats:
    """Return the terms (n, 2, 6) of the log odds of non-digit, which are 0, and digit."""
    columns = [
        features.recognizer_odds,
        features.classifier_odds,
        features.foreground,
        features.detector_odds,
        features.surroundings_odds,
    ]
    digit = np.stack([np.ones(len(features.value)), *columns], axis=1)
    return np.stack([np.zeros_like(digit), digit], axis=1)


def fit(terms: _Floats, labels: NDArray[np.int64], sample_weight: _Floats) -> _Floats:
    """Return the maximum-likelihood weights (k,) of a conditional logit model.

    Parameters
    ----------
    terms : ndarray (n, classes, k)
        The score of a class is ``terms @ weights``.
    labels : ndarray (n,)
        Class of each sample.
    sample_weight : ndarray (n,)
        How often each sample counts.

    Notes
    -----
    Newton's method; the log-likelihood is concave.
    """
    weights = np.zeros(terms.shape[2])
    rows = np.arange(len(labels))
    for _ in range(30):
        p = _softmax(terms @ weights)
        mean = np.einsum("nc,nck->nk", p, terms)
        gradient = sample_weight @ (terms[rows, labels] - mean)
        hessian = np.einsum("n,nc,nck,ncl->kl", sample_weight, p, terms, terms)
        hessian -= np.einsum("n,nk,nl->kl", sample_weight, mean, mean)
        weights += np.linalg.solve(hessian + 1e-6 * np.eye(len(weights)), gradient)
    return weights


def _softmax(scores: _Floats) -> _Floats:
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: _Floats = p / p.sum(axis=1, keepdims=True)
    return result


def fit_fusion(features: dict[str, Features]) -> FusionWeights:
    """Return the weights fitted to the training half of features by kind of picture."""
    weights: dict[str, float] = {}
    halves = {kind: each.where(each.picture % 2 == 0) for kind, each in features.items()}
    everything, spaced = concatenate(halves.values()), halves["spaced"]
    for kind in ("isolated", "touching"):
        chosen = everything.where(everything.isolated == (kind == "isolated"))
        is_digit = chosen.value >= 0
        # Isolated symbols among touching ones are often parts of a digit, on which the classifier
        # is unreliable; widely spaced digits have none of these.
        source = spaced if kind == "isolated" else chosen
        digits = source.where(source.value >= 0)
        digit_weights = fit(digit_terms(digits), digits.value, np.ones(len(digits.value)))
        # digits and non-digits count equally
        balance = np.where(is_digit, 1 / is_digit.sum(), 1 / (~is_digit).sum()) * len(is_digit)
        odds_weights = fit(is_digit_terms(chosen), is_digit.astype(np.int64), balance)
        names = (
            "recognizer", "classifier", "bias", "recognizer_odds", "classifier_odds", "foreground",
            "detector_odds", "surroundings_odds",
        )  # fmt: skip
        for name, weight in zip(names, (*digit_weights, *odds_weights), strict=True):
            weights[f"{kind}_{name}"] = round(float(weight), 4)
    return FusionWeights(
        **weights,
        prior_mean=PRIOR_MEAN,
        prior_strength=PRIOR_STRENGTH,
        min_probability=MIN_PROBABILITY,
    )


# -- evaluation --


def evaluate(
    recognizer: _core.Network,
    classifier: _core.Classifier,
    drawn: dict[str, list[synth.Picture]],
    weights: FusionWeights,
) -> None:
    """Print accuracies on the validation half of pictures, without fusion and with it."""
    fusion, detector = weights.to_dict(), shipped_detector()
    for kind, all_pictures in drawn.items():
        alone, fused, kept, confidence, correct = 0, 0, 0, [], []
        chosen = all_pictures[1::2]
        for picture in chosen:
            image = np.ascontiguousarray(picture.image)
            table, *_ = _core.read_symbols(recognizer, image, detector=detector)
            alone += _values(table) == picture.values.tolist()
            table, probabilities, _ = _core.read_symbols(
                recognizer, image, classifier=classifier, fusion=fusion, detector=detector
            )
            fused += _values(table) == picture.values.tolist()
            is_digit = table[:, 1] <= 9
            table = table[is_digit]
            confidence += probabilities[is_digit, 0].tolist()
            kept += len(table)
            correct += (table[:, 1] == match(table, picture)).tolist()
        print(
            f"{kind}: {len(chosen)} pictures, {alone / len(chosen):.2%} correct with the "
            f"recognizer alone, {fused / len(chosen):.2%} with fusion; {kept} digits, mean "
            f"confidence {np.mean(confidence):.4f}, accuracy {np.mean(correct):.4f}"
        )


def _values(table: NDArray[np.int32]) -> list[int]:
    """Return the digits in a table of symbols."""
    values = table[:, 1]
    digits: list[int] = values[values <= 9].tolist()
    return digits


def main() -> None:
    """Fit the weights, evaluate and write them."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.fusion")
    parser.add_argument("--data", required=True)
    parser.add_argument("--fonts", help="folder of TrueType fonts for printed documents")
    parser.add_argument("--recognizer", default=RECOGNIZER_PATH)
    parser.add_argument("--out", default="fusion.json")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    recognizer = read_recognizer(options.recognizer)
    recognizer.precision = "int8"  # as read uses it
    classifier = shipped_model()._fitted_classifier()
    drawn = pictures(options.data, options.seed)
    features = {
        kind: extract_features(recognizer, classifier, each) for kind, each in drawn.items()
    }
    pages = documents(options.data, options.fonts, options.seed)
    features["documents"] = extract_features(recognizer, classifier, pages)
    lines = register_lines(options.data, "train")
    features["registers"] = extract_features(recognizer, classifier, lines)
    weights = fit_fusion(features)
    print(weights)
    evaluate(recognizer, classifier, drawn, weights)
    write_fusion(options.out, weights)


if __name__ == "__main__":
    main()
