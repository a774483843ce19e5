"""Score fusion: the features, and how its weights are fitted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import ocrdigit
from ocrdigit import _core, synth
from ocrdigit.models.detector import shipped_detector
from ocrdigit.models.recognizer import shipped_fusion, shipped_recognizer
from ocrdigit.training import fusion
from ocrdigit.training._matching import UNKNOWN, match_document, match_line


def test_fit_finds_the_weights() -> None:
    rng = np.random.default_rng(0)
    terms = rng.normal(0, 2, (20_000, 5, 3))
    weights = np.array([0.7, 0.2, -0.4])
    scores = terms @ weights + rng.gumbel(size=(20_000, 5))  # samples of the softmax
    found = fusion.fit(terms, scores.argmax(axis=1), np.ones(20_000))
    assert found == pytest.approx(weights, abs=0.03)


def test_sample_weight_is_like_repeating() -> None:
    rng = np.random.default_rng(1)
    terms, labels = rng.normal(size=(200, 2, 2)), rng.integers(0, 2, 200)
    sample_weight = np.where(labels == 1, 3.0, 1.0)
    repeated = np.repeat(np.arange(200), sample_weight.astype(int))
    expected = fusion.fit(terms[repeated], labels[repeated], np.ones(len(repeated)))
    assert fusion.fit(terms, labels, sample_weight) == pytest.approx(expected, abs=1e-6)


@pytest.fixture(scope="module")
def classifier() -> _core.Classifier:
    return _core.Classifier(ocrdigit.load("default").network_)


def test_isolated_symbols(classifier: _core.Classifier) -> None:
    """No neighbour in the line overlaps or touches them."""
    touching = synth.strings(10, length=4, style="cheque", random_state=0)
    spaced = synth.strings(
        10, length=4, style=synth.STYLES["cheque"].with_(gap=(0.4, 0.5)), random_state=0
    )
    isolated = fusion.extract_features(shipped_recognizer(), classifier, touching + spaced).isolated
    expected = []
    for picture in touching + spaced:
        image = np.ascontiguousarray(picture.image)
        found = _core.fusion_features(
            shipped_recognizer(), image, classifier=classifier, detector=shipped_detector()
        )
        table = found["symbols"][found["verified"]]
        starts, ends = table[:, 2], table[:, 2] + table[:, 4]
        same_line = table[:, None, 0] == table[None, :, 0]
        meet = same_line & (starts[:, None] <= ends) & (starts <= ends[:, None])
        expected += (meet.sum(axis=1) == 1).tolist()  # itself
    assert isolated.tolist() == expected
    assert len(set(expected)) == 2


def test_features_are_those_of_a_reading(classifier: _core.Classifier) -> None:
    """The formulas of FusionWeights, applied to the features, give the fused probabilities."""
    weights = dataclasses.replace(shipped_fusion(), prior_strength=1e9, min_probability=0.0)
    detector = shipped_detector()
    for picture in synth.strings(10, style="cheque", random_state=2):
        image = np.ascontiguousarray(picture.image)
        found = _core.fusion_features(
            shipped_recognizer(), image, classifier=classifier, detector=detector
        )
        symbols, fused, _ = _core.read_symbols(
            shipped_recognizer(),
            image,
            classifier=classifier,
            fusion=weights.to_dict(),
            detector=detector,
        )
        digits = symbols[:, 1] < 10
        symbols, fused = symbols[digits], fused[digits]
        is_digit = fused[:, 2:12].sum(axis=1)
        assert symbols[:, [0, 2, 3, 4, 5]].tolist() == found["symbols"][:, [0, 2, 3, 4, 5]].tolist()
        assert found["verified"].all()
        w = {
            name.removeprefix("isolated_"): np.where(
                found["isolated"], value, getattr(weights, name.replace("isolated", "touching"))
            )
            for name, value in weights.to_dict().items()
            if name.startswith("isolated_")
        }
        logs = w["recognizer"][:, None] * found["recognizer"]
        logs += w["classifier"][:, None] * found["classifier"]
        p = np.exp(logs - logs.max(axis=1, keepdims=True))
        np.testing.assert_allclose(
            fused[:, 2:12] / is_digit[:, None], p / p.sum(axis=1, keepdims=True), rtol=1e-4
        )
        odds = w["bias"] + w["foreground"] * found["foreground"]
        odds += w["recognizer_odds"] * found["recognizer_odds"]
        odds += w["classifier_odds"] * found["classifier_odds"]
        odds += w["detector_odds"] * found["detector_odds"]
        odds += w["surroundings_odds"] * found["surroundings_odds"]
        odds += np.log(weights.prior_mean / (1 - weights.prior_mean))
        np.testing.assert_allclose(fused[:, 1] * is_digit, 1 / (1 + np.exp(-odds)), rtol=1e-4)


def test_features_need_a_classifier() -> None:
    image = np.full((40, 40), 255, np.uint8)
    with pytest.raises(TypeError, match="classifier"):
        _core.fusion_features(shipped_recognizer(), image)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="classifier"):
        _core.fusion_features(shipped_recognizer(), image, classifier=None)  # type: ignore[arg-type]


def test_match_by_boxes() -> None:
    boxes = np.array([[0, 0, 10, 20], [12, 0, 10, 20]])
    written = synth.Picture(np.zeros((20, 60), np.uint8), "38", np.array([3, 8]), boxes)
    row = [[0, 7, 30, 0, 9, 20], [0, 8, 12, 1, 10, 18], [0, 5, 14, 0, 3, 5]]
    table = np.array(row, np.int32)
    assert fusion.match(table, written).tolist() == [-1, 8, -1]
    assert fusion.match(table[:2], written).tolist() == [3, 8]  # as many: in order


def test_match_in_a_line_of_text() -> None:
    """What lies outside the box of the line is unknown."""
    box = (5, 10, 50, 20)
    rows = [[0, 7, 6, 12, 9, 16], [0, 8, 20, 11, 10, 18], [0, 5, 14, 0, 3, 5]]
    table = np.array(rows, np.int32)
    assert match_line(table, "3 8", box).tolist() == [3, 8, UNKNOWN]
    assert match_line(table, "381", box).tolist() == [UNKNOWN] * 3
    assert match_line(table, "le 38", box).tolist() == [UNKNOWN] * 3
    assert match_line(table, "word", box).tolist() == [-1, -1, UNKNOWN]
    assert match_line(table[:0], "word", box).tolist() == []
    table[1, 0] = 1  # on another line
    assert match_line(table, "38", box).tolist() == [UNKNOWN] * 3


def test_detector_tells_words_from_numbers(classifier: _core.Classifier) -> None:
    """Its log odds are high in digits and around them, also on a skewed page, and not in words."""

    def features(image: NDArray[np.uint8], with_detector: bool = True) -> _core.FusionFeatures:
        return _core.fusion_features(
            shipped_recognizer(),
            np.ascontiguousarray(image),
            classifier=classifier,
            detector=shipped_detector() if with_detector else None,
        )

    picture = synth.string("4431975", style="plain", height=56, random_state=1).image
    page = np.pad(picture, 60, mode="edge")
    turned = Image.fromarray(page).rotate(6, Image.Resampling.BICUBIC, fillcolor=int(page[0, 0]))
    for image in (page, np.asarray(turned)):
        found = features(image)
        assert len(found["symbols"]) >= 6
        assert np.median(found["detector_odds"]) > 0.5
        assert np.median(found["surroundings_odds"]) > 0.5
    assert set(features(page, with_detector=False)["detector_odds"].tolist()) == {4.0}
    document = synth.document("page", distortion=0, random_state=3)
    found = features(document.image if document.image.ndim == 2 else document.image[..., 0])
    values = match_document(found["symbols"], document)
    digits, others = (
        found["surroundings_odds"][values >= 0],
        found["surroundings_odds"][values == -1],
    )
    assert len(digits) > 3
    assert len(others) == 0 or np.median(digits) > np.median(others)
