"""Evaluation of a model on clean, corrupted, rotated and scaled images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._inputs import as_images
from .._labels import as_labels
from . import corruptions
from ._result import Evaluation, Robustness, Trial
from .corruptions._corrupt import checked_severity

if TYPE_CHECKING:
    from tqdm import tqdm

ANGLES = tuple(float(degrees) for degrees in range(-60, 61, 10))
FACTORS = tuple(tenths / 10 for tenths in range(4, 15))

_MAX_CORRUPTED, _MAX_TRANSFORMED = 10_000, 2_000
_EXAMPLES = 3  # images kept of each corruption, of different digits for each
_TRANSFORMED_EXAMPLE = 4  # the digit of the image kept of each angle and factor


class Model(Protocol):
    """A model with ``predict_proba``, such as a DigitClassifier."""

    def predict_proba(self, X: Any, /) -> Any:
        """Return probabilities (n, 10) for images (n, 28, 28) of uint8."""


def evaluate(
    model: Model,
    X: object,
    y: object,
    *,
    robustness: bool = True,
    severity: int = 3,
    random_state: object = 0,
    model_name: str = "model",
    data_name: str = "data",
    verbose: bool = False,
) -> Evaluation:
    """Measure the accuracy, calibration and robustness of a model.

    Parameters
    ----------
    model : DigitClassifier, or any object with predict_proba
        Its ``predict_proba`` gets images (n, 28, 28) of uint8 and must return (n, 10).
    X : array (n, 28, 28), (n, 28, 28, 1) or (n, 784), or list of images
        As for :func:`ocrdigit.predict`. Images that are not canonical are preprocessed first.
    y : array (n,) of int or str
        The true digits, 0 to 9, or "0" to "9".
    robustness : bool, default True
        Also evaluate corrupted, rotated and scaled images, which takes about forty times as long.
        At most 10,000 images are corrupted and 2,000 rotated and scaled, evenly spaced in X.
    severity : {1, 2, 3, 4, 5}, default 3
        Severity of the corruptions.
    random_state : int or numpy Generator, optional
        Seed of the corruptions.
    model_name, data_name : str
        Names for the reports.
    verbose : bool, default False
        Show a progress bar in a terminal.

    Returns
    -------
    Evaluation
        ``print`` shows it as text; its ``save_report("report.html")`` writes an HTML report.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or the model returns another shape.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit.evaluation import evaluate
    >>> sample = ocrdigit.datasets.load_sample()
    >>> model = ocrdigit.DigitClassifier(recipe="fast", random_state=0, verbose=0)
    >>> model = model.fit(sample.X_train, sample.y_train)
    >>> result = evaluate(model, sample.X_test, sample.y_test)
    >>> result.accuracy > result.robustness.mean_accuracy > 0.5
    True
    """
    if not callable(getattr(model, "predict_proba", None)):
        raise TypeError(f"model must have predict_proba, got {type(model).__name__}")
    severity = checked_severity(severity)
    pixels, scale, single = as_images(X)
    if single:
        raise ValueError("X is one image; expected a batch (n, 28, 28) or (n, 784)")
    truth = as_labels(y, len(pixels))[0].astype(np.int64)
    images = pixels
    if pixels.dtype != np.uint8 or scale != 1 / 255:
        images = np.rint(pixels * np.float32(255 * scale)).astype(np.uint8)
    probabilities = _probabilities(model, images)
    measured = None
    if robustness:
        with _progress_bar(verbose) as bar:
            measured = _robustness(model, images, truth, severity, random_state, bar)
    return Evaluation(model_name, data_name, images, truth, probabilities, measured)


def _probabilities(model: Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    table = np.asarray(model.predict_proba(images), np.float32)
    if table.shape != (len(images), 10):
        raise ValueError(
            f"model.predict_proba must return ({len(images)}, 10) for as many images, "
            f"got shape {table.shape}"
        )
    return table


def _robustness(
    model: Model,
    images: NDArray[np.uint8],
    truth: NDArray[np.int64],
    severity: int,
    random_state: object,
    bar: tqdm[Any],
) -> Robustness:
    def trial(images: NDArray[np.uint8], digits: NDArray[np.int64], shown: list[int]) -> Trial:
        predicted = _probabilities(model, images).argmax(axis=1)
        accuracy = float(np.mean(predicted == digits))
        bar.update()
        return Trial(accuracy, images[shown].copy(), digits[shown], predicted[shown])

    subset, digits = _subsample(images, _MAX_CORRUPTED), _subsample(truth, _MAX_CORRUPTED)
    by_name = {
        name: trial(
            corruptions.corrupt(subset, name, severity, random_state),
            digits,
            [_first_index(digits, _EXAMPLES * number + i) for i in range(_EXAMPLES)],
        )
        for number, name in enumerate(corruptions.NAMES)
    }
    count = len(subset)
    subset, digits = _subsample(images, _MAX_TRANSFORMED), _subsample(truth, _MAX_TRANSFORMED)
    shown = [_first_index(digits, _TRANSFORMED_EXAMPLE)]
    return Robustness(
        severity,
        count,
        by_name,
        len(subset),
        {angle: trial(corruptions.rotated(subset, angle), digits, shown) for angle in ANGLES},
        {factor: trial(corruptions.scaled(subset, factor), digits, shown) for factor in FACTORS},
    )


def _subsample(values: NDArray[Any], max_count: int) -> NDArray[Any]:
    """Return at most ``max_count`` evenly spaced values."""
    return values[:: -(-len(values) // max_count)]


def _first_index(truth: NDArray[np.int64], number: int) -> int:
    """Return the index of the first image of the digit ``number`` % 10, or 0 without one."""
    return int(np.argmax(truth == number % 10))


def _progress_bar(verbose: bool) -> tqdm[Any]:
    from tqdm import tqdm

    total = len(corruptions.NAMES) + len(ANGLES) + len(FACTORS)
    disable = None if verbose else True  # None disables the bar outside a terminal
    return tqdm(total=total, desc="robustness", leave=False, disable=disable)
