"""scikit-learn: its own estimator checks, and typical uses of estimators."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from conftest import small_model

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset

pytest.importorskip("sklearn")

from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

ONLY_IMAGES = "images have 784 values in 0..1 or 0..255; the check's tables have fewer, of any size"
EXPECTED_OF_IMAGES = {
    **dict.fromkeys(
        [
            "check_fit_score_takes_y",
            "check_estimators_overwrite_params",
            "check_dont_overwrite_parameters",
            "check_estimators_fit_returns_self",
            "check_readonly_memmap_input",
            "check_n_features_in_after_fitting",
            "check_estimators_dtypes",
            "check_dtype_object",
            "check_pipeline_consistency",
            "check_estimators_nan_inf",
            "check_estimators_pickle",
            "check_f_contiguous_array_estimator",
            "check_classifier_data_not_an_array",
            "check_classifiers_one_label",
            "check_classifiers_classes",
            "check_classifiers_train",
            "check_estimators_partial_fit_n_features",
            "check_supervised_y_2d",
            "check_methods_sample_order_invariance",
            "check_methods_subset_invariance",
            "check_dict_unchanged",
            "check_fit_idempotent",
            "check_fit_check_is_fitted",
            "check_n_features_in",
            "check_fit2d_predict1d",
            "check_requires_y_none",
            "check_classifiers_regression_target",
            "check_estimators_empty_data_messages",
        ],
        ONLY_IMAGES,
    ),
    "check_positive_only_tag_during_fit": "the message is 'X has values of', with the values",
    "check_complex_data": "a wrong dtype is a TypeError in this package",
}


class TableClassifier(DigitClassifier):
    """A digit classifier of tables: each number becomes the brightness of a patch of an image.

    With it, scikit-learn's checks cover everything but the checks of the pixels.
    """

    def __sklearn_tags__(self) -> object:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = False
        return tags

    def fit(self, X: object, y: object) -> DigitClassifier:
        table, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self._low, self._range = table.min(axis=0), np.ptp(table, axis=0)
        own, digits = np.unique(labels, return_inverse=True)
        super().fit(self._as_images(table), digits)
        self.classes_, self.n_features_in_ = own, table.shape[1]
        return self

    def predict_proba(self, X: object) -> np.ndarray:
        check_is_fitted(self)
        table = validate_data(self, X, reset=False, dtype=np.float64)
        of_classes = super().predict_proba(self._as_images(table))[:, : len(self.classes_)]
        return of_classes.astype(float) / of_classes.sum(axis=1, keepdims=True, dtype=float)

    def predict(self, X: object) -> np.ndarray:
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: object, y: object) -> float:
        return float(np.mean(self.predict(X) == y))

    @property
    def partial_fit(self) -> None:
        raise AttributeError("the scale of a table is not known beforehand")

    def _as_images(self, table: np.ndarray) -> np.ndarray:
        values = np.clip((table - self._low) / np.where(self._range > 0, self._range, 1), 0, 1)
        images = np.zeros((len(table), 28, 28), np.float32)
        images[:, [2, 25], 2:26] = 1  # of full height and balanced, so that each is canonical
        patches = int(np.ceil(np.sqrt(values.shape[1])))
        side = 20 // patches
        for feature, column in enumerate(values.T):
            top, left = (4 + side * index for index in divmod(feature, patches))
            images[:, top : top + side, left : left + side] = column[:, None, None]
        return images


@pytest.mark.skipif(
    not hasattr(estimator_checks, "estimator_checks_generator"),
    reason="this scikit-learn's check_estimator has no expected failures",
)
@pytest.mark.filterwarnings("ignore")
class TestChecksOfEstimators:
    def test_of_images(self) -> None:
        """The expected failures have one reason; the same checks pass below for tables."""
        results = self.check(small_model(), EXPECTED_OF_IMAGES)
        assert len(results) > 40
        for name in EXPECTED_OF_IMAGES.keys() & results.keys():
            assert results[name] == "xfail", f"{name} passes: expect it to"

    def test_of_tables(self) -> None:
        model = TableClassifier(epochs=20, batch_size=8, augment=False, random_state=0, verbose=0)
        results = self.check(model, {})
        assert len(results) > 40
        assert set(results.values()) <= {"passed", "skipped"}

    @staticmethod
    def check(estimator: DigitClassifier, expected: dict[str, str]) -> dict[str, str]:
        """Return the status of each check; an unexpected failure raises."""
        results = estimator_checks.check_estimator(
            estimator, expected_failed_checks=expected, on_skip=None
        )
        return {result["check_name"]: result["status"] for result in results}


# -- typical uses --


def test_pipelines_searches_and_cross_validation(sample: Dataset) -> None:
    X, y = sample.X_train[:600].reshape(600, 784), sample.y_train[:600]
    model = small_model(epochs=3)
    assert is_classifier(model)
    scale = FunctionTransformer(lambda values: values / 255)
    pipeline = make_pipeline(scale, model).fit(X, y)
    assert pipeline.predict(X).shape == (600,)
    assert clone(pipeline).fit(X, y).score(X, y) == pipeline.score(X, y)
    grid = {"digitclassifier__epochs": [1, 3], "digitclassifier__batch_size": [16, 300]}
    search = GridSearchCV(pipeline, grid, cv=StratifiedKFold(2), scoring="accuracy").fit(X, y)
    assert search.best_params_ == {
        "digitclassifier__epochs": 3,
        "digitclassifier__batch_size": 16,
    }
    assert search.predict_proba(X).shape == (600, 10)
    scores = cross_val_score(model, X, y, cv=3, n_jobs=2)
    assert scores.shape == (3,)
    assert (scores > 0.5).all()
    assert cross_val_predict(model, X, y, cv=2, method="predict_proba").shape == (600, 10)


def test_clone_is_not_fitted(fitted: DigitClassifier) -> None:
    twin = clone(fitted)
    assert twin.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        check_is_fitted(twin)
    with pytest.raises(NotFittedError, match="no model yet"):
        twin.predict(np.zeros((1, 784)))
    check_is_fitted(fitted)


def test_joblib_and_pickle(fitted: DigitClassifier, sample: Dataset, tmp_path: object) -> None:
    joblib = pytest.importorskip("joblib")
    path = f"{tmp_path}/model.joblib"
    joblib.dump(make_pipeline(fitted), path)
    expected = fitted.predict_proba(sample.X_test)
    for twin in (joblib.load(path)[0], pickle.loads(pickle.dumps(fitted))):
        assert (twin.predict_proba(sample.X_test) == expected).all()
        assert twin.history_["loss"] == fitted.history_["loss"]


def test_labels_as_text(sample: Dataset, tmp_path: object) -> None:
    """``fetch_openml("mnist_784")`` has labels of this kind."""
    X, y = sample.X_train[:1000], sample.y_train[:1000]
    text = y.astype(str).astype(object)
    of_ints, of_text = small_model().fit(X, y), small_model().fit(X, text)
    assert of_text.classes_.tolist() == [str(digit) for digit in range(10)]
    digits = of_text.predict(sample.X_test)
    assert (digits == of_ints.predict(sample.X_test).astype(str)).all()
    assert of_text.predict(sample.X_test[0]) == digits[0]
    assert type(of_text.predict(sample.X_test[0])) is str
    assert of_text.score(X, text) == of_text.score(X, y) == of_ints.score(X, y)
    assert pickle.loads(pickle.dumps(of_text)).predict(sample.X_test[:9]).tolist() == list(
        digits[:9]
    )
    assert cross_val_score(small_model(epochs=4), X, text, cv=2, scoring="f1_macro").min() > 0.5
    of_text.save(f"{tmp_path}/model.safetensors")
    assert ocrdigit.load(f"{tmp_path}/model.safetensors").classes_.tolist() == list(range(10))
    assert small_model().partial_fit(X, text, classes=list("0123456789")).predict(X)[0] in set(text)
    assert of_ints.partial_fit(X, y, classes=np.arange(10)).predict(X).dtype == np.int64


@pytest.mark.parametrize("labels", [["one", "two"], ["1", 2], ["10", "1"], ["\u0661", "1"]])
def test_labels_that_are_not_digits(labels: list[object]) -> None:
    with pytest.raises(ValueError, match=r"y must be digits 0\.\.9, got"):
        small_model().fit(np.zeros((2, 784)), np.array(labels, object))
