"""Runs a model on images, as they are and changed."""

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

_MOST_CORRUPTED, _MOST_TURNED = 10_000, 2_000
_EXAMPLES = 3  # images kept of each corruption, of other digits each time
_TURNED_EXAMPLE = 4  # the digit of the image kept of each angle and factor


class Model(Protocol):
    """What can be evaluated: anything that gives probabilities, such as a DigitClassifier."""

    def predict_proba(self, X: Any, /) -> Any:
        """Return (n, 10) for images (n, 28, 28) of uint8."""


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
    """Measure a model: how often it is right, how well it knows, what it withstands.

    Parameters
    ----------
    model : DigitClassifier, or any object with predict_proba
        It is given images (n, 28, 28) of uint8 and must return (n, 10).
    X : array (n, 28, 28), (n, 28, 28, 1) or (n, 784), or list of images
        As for :func:`ocrdigit.predict`. What is not MNIST-like is prepared first.
    y : array (n,) of int or str
        The digits that they show, 0 to 9, or "0" to "9".
    robustness : bool, default True
        Whether to try the images corrupted, turned and resized as well. That takes some
        forty times as long as the images themselves. At most 10,000 of them are corrupted,
        and 2,000 turned and resized, taken from all over.
    severity : {1, 2, 3, 4, 5}, default 3
        Of the corruptions.
    random_state : int or numpy Generator, optional
        Seed of the corruptions.
    model_name, data_name : str
        What texts and pages call them.
    verbose : bool, default False
        Whether to show a bar while images are corrupted, in a terminal.

    Returns
    -------
    Evaluation
        ``print`` it, or ``save_report("report.html")``.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the model returns something else.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit.evaluation import evaluate
    >>> sample = ocrdigit.datasets.load_sample()
    >>> model = ocrdigit.DigitClassifier(recipe="fast", random_state=0, verbose=0)
    >>> seen = evaluate(model.fit(sample.X_train, sample.y_train), sample.X_test, sample.y_test)
    >>> seen.accuracy > seen.robustness.mean_accuracy > 0.5
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
    seen = None
    if robustness:
        with _bar(verbose) as bar:
            seen = _withstand(model, images, truth, severity, random_state, bar)
    return Evaluation(model_name, data_name, images, truth, probabilities, seen)


def _probabilities(model: Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    table = np.asarray(model.predict_proba(images), np.float32)
    if table.shape != (len(images), 10):
        raise ValueError(
            f"model.predict_proba must return ({len(images)}, 10) for as many images, "
            f"got shape {table.shape}"
        )
    return table


def _withstand(
    model: Model,
    images: NDArray[np.uint8],
    truth: NDArray[np.int64],
    severity: int,
    random_state: object,
    bar: tqdm[Any],
) -> Robustness:
    def trial(changed: NDArray[np.uint8], digits: NDArray[np.int64], shown: list[int]) -> Trial:
        predicted = _probabilities(model, changed).argmax(axis=1)
        right = float(np.mean(predicted == digits))
        bar.update()
        return Trial(right, changed[shown].copy(), digits[shown], predicted[shown])

    some, digits = _spread(images, _MOST_CORRUPTED), _spread(truth, _MOST_CORRUPTED)
    by_name = {
        name: trial(
            corruptions.corrupt(some, name, severity, random_state),
            digits,
            [_place(digits, _EXAMPLES * turn + i) for i in range(_EXAMPLES)],
        )
        for turn, name in enumerate(corruptions.NAMES)
    }
    few, few_digits = _spread(images, _MOST_TURNED), _spread(truth, _MOST_TURNED)
    shown = [_place(few_digits, _TURNED_EXAMPLE)]
    return Robustness(
        severity,
        len(some),
        by_name,
        len(few),
        {angle: trial(corruptions.rotated(few, angle), few_digits, shown) for angle in ANGLES},
        {factor: trial(corruptions.scaled(few, factor), few_digits, shown) for factor in FACTORS},
    )


def _spread(values: NDArray[Any], most: int) -> NDArray[Any]:
    """Return at most ``most`` of the values, from all over."""
    return values[:: -(-len(values) // most)]


def _place(truth: NDArray[np.int64], number: int) -> int:
    """Return where the first image of the digit ``number`` mod 10 is, or 0 without one."""
    return int(np.argmax(truth == number % 10))


def _bar(verbose: bool) -> tqdm[Any]:
    from tqdm import tqdm

    total = len(corruptions.NAMES) + len(ANGLES) + len(FACTORS)
    hidden = None if verbose else True  # None: where standard error is no terminal
    return tqdm(total=total, desc="changed images", leave=False, disable=hidden)
