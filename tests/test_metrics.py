"""Metrics compared with scikit-learn, with their definitions, and at limits."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from ocrdigit.evaluation import metrics

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture(scope="module")
def answers() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, 10), and true digits that are mostly the most probable ones."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 2000)
    scores = rng.standard_normal((2000, 10)) + 3 * np.eye(10)[truth]
    table = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return table.astype(np.float32), truth


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(metrics)
    assert tried
    assert not failed


def test_wilson_interval() -> None:
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for right, count, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert metrics.wilson_interval(right, count) == pytest.approx((low, high), abs=6e-5)
    assert metrics.wilson_interval(20, 20) == pytest.approx((1 - 0.1611, 1), abs=6e-5)
    assert metrics.wilson_interval(20, 20)[1] == 1
    at_80, at_99 = (metrics.wilson_interval(50, 100, level) for level in (0.8, 0.99))
    assert at_99[0] < at_80[0] < 0.5 < at_80[1] < at_99[1]


def test_per_digit(answers: tuple[np.ndarray, np.ndarray]) -> None:
    table, truth = answers
    predicted = table.argmax(axis=1)
    confusion = metrics.confusion_matrix(truth, predicted)
    assert np.array_equal(confusion, sklearn_metrics.confusion_matrix(truth, predicted))
    precision, recall, f1, count = sklearn_metrics.precision_recall_fscore_support(truth, predicted)
    result = metrics.per_digit(confusion)
    assert np.allclose(result.precision, precision)
    assert np.allclose(result.recall, recall)
    assert np.allclose(result.f1, f1)
    assert np.array_equal(result.images, count)
    assert result.right.sum() == (predicted == truth).sum()


def test_missing_digits() -> None:
    result = metrics.per_digit(metrics.confusion_matrix([1, 1, 2], [1, 2, 2]))
    assert np.isnan(result.recall[0])
    assert np.isnan(result.precision[0])
    assert result.recall[1] == 0.5
    assert result.precision[2] == 0.5


def test_reliability(answers: tuple[np.ndarray, np.ndarray]) -> None:
    table, truth = answers
    result = metrics.reliability(table, truth)
    assert result.images.sum() == len(truth)
    assert ((result.low <= result.confidence) & (result.confidence <= result.high)).all()
    confidence, right = table.max(axis=1), table.argmax(axis=1) == truth
    expected = 0.0
    for low in range(15):
        inside = (confidence >= low / 15) & (confidence < (low + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    assert result.error == pytest.approx(expected, abs=1e-6)


def test_calibration_error_of_known_cases() -> None:
    table = np.full((10, 10), 0.3 / 9)
    table[:, 4] = 0.7
    truth = np.array([4] * 7 + [5] * 3)
    assert metrics.reliability(table, truth).error == pytest.approx(0, abs=1e-12)
    truth[:] = 5
    assert metrics.reliability(table, truth).error == pytest.approx(0.7)
    certain = np.eye(10)
    assert metrics.reliability(certain, np.arange(10)).error == 0
    assert metrics.reliability(certain, np.arange(10)).low == pytest.approx([14 / 15])


def test_reject_curve() -> None:
    table = np.zeros((4, 10))
    table[:, 0] = (0.9, 0.6, 0.8, 0.7)
    curve = metrics.reject_curve(table, [0, 1, 0, 2])
    assert curve.rejected.tolist() == [0, 0.25, 0.5, 0.75]
    assert curve.error == pytest.approx([0.5, 1 / 3, 0, 0])
    assert curve.threshold.tolist() == [0.6, 0.7, 0.8, 0.9]
    assert [curve.error_at(rejected) for rejected in (0, 0.24, 0.25, 1)] == pytest.approx(
        [0.5, 0.5, 1 / 3, 0]
    )
    for rejected in (-0.1, 1.1):
        with pytest.raises(ValueError, match="rejected must be 0 to 1"):
            curve.error_at(rejected)


def test_rejection_reduces_the_error_rate(
    answers: tuple[np.ndarray, np.ndarray],
) -> None:
    curve = metrics.reject_curve(*answers)
    assert curve.error[0] == pytest.approx(1 - (answers[0].argmax(1) == answers[1]).mean())
    assert curve.error_at(0.3) < 0.3 * curve.error_at(0)


def test_auroc() -> None:
    rng = np.random.default_rng(1)
    high, low = rng.integers(2, 9, 300), rng.integers(0, 7, 200)  # with many ties
    expected = sklearn_metrics.roc_auc_score([1] * 300 + [0] * 200, np.concatenate([high, low]))
    assert metrics.auroc(high, low) == pytest.approx(expected, abs=1e-12)
    assert metrics.auroc([1, 2], [0]) == 1
    assert metrics.auroc([0], [1, 2]) == 0
    assert metrics.auroc([1], [1]) == 0.5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.wilson_interval(1, 0), ValueError, "count must be a positive"),
        (lambda: metrics.wilson_interval(3, 2), ValueError, "right must be 0 to count"),
        (lambda: metrics.wilson_interval(1, 2, 1), ValueError, "confidence must be above 0"),
        (lambda: metrics.confusion_matrix([0], [0, 1]), ValueError, "differ in length"),
        (lambda: metrics.confusion_matrix([], []), ValueError, "truth must be an array"),
        (lambda: metrics.confusion_matrix([0.5], [0]), TypeError, "truth must be integers"),
        (lambda: metrics.confusion_matrix([0], [10]), ValueError, "predicted must be digits"),
        (lambda: metrics.reliability(np.ones((2, 9)), [0, 1]), ValueError, "must have shape"),
        (lambda: metrics.reliability(np.eye(10) * 2, range(10)), ValueError, "must be 0 to 1"),
        (lambda: metrics.reliability(np.eye(10), range(10), 0), ValueError, "bins must be"),
        (lambda: metrics.reject_curve(np.full((1, 10), np.nan), [0]), ValueError, "0 to 1"),
        (lambda: metrics.auroc([], [1]), ValueError, "positives must be an array"),
        (lambda: metrics.auroc([1], [np.nan]), ValueError, "negatives must be an array"),
    ],
)
def test_bad_arguments(call, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
