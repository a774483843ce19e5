"""The shipped model, loaded when it is first needed, and the functions that use it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _checks, _core, estimator, models
from ._inputs import as_grays, as_images

MODEL_PATH = models.path_of("default")

_lock = threading.Lock()
_model: estimator.DigitClassifier | None = None


def shipped_model() -> estimator.DigitClassifier:
    """Return the model that comes with the package; one for the whole process."""
    global _model
    if _model is None:
        with _lock:
            if _model is None:
                try:
                    model = estimator.load(MODEL_PATH)
                except FileNotFoundError as error:
                    raise FileNotFoundError(
                        error.errno, "the model that ships with ocrdigit is missing", MODEL_PATH
                    ) from error
                _model = model
    return _model


def predict(X: object, *, reject: float | None = None) -> Any:
    """Tell the digit in an image, or in each image of a batch.

    Parameters
    ----------
    X : image or batch
        An image is a path, the bytes of an image file, a PIL image, or an array (H, W) or
        (H, W, 1|3|4) of uint8, bool, uint16 or float, 0..1 or 0..255. A batch is an array
        (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or (n, 784), or a list of images. Arrays
        may be of any library that speaks to NumPy or by DLPack (PyTorch, JAX), and a list the
        column of a table (pandas, polars). Ink and paper may have any colours and transparency.
        Pictures are prepared, see :func:`preprocess`. What is MNIST-like already is not, but
        goes to the network as it is, see Notes.
    reject : float, optional
        0..1. Answer -1 where the digit is less sure than this, because it could be another or
        the picture shows none. Of MNIST's digits 0.5 rejects a few in a thousand;
        :meth:`DigitClassifier.confidence` says how to choose it for your images.

    Returns
    -------
    int or ndarray (n,) of int64
        An int for one image.

    Raises
    ------
    TypeError
        ``X`` is of a type or dtype that is no image.
    ValueError
        ``X`` is empty, of another shape, holds NaN, infinity or values outside 0..1 and
        0..255, or is no image file that can be read.
    OSError
        A file cannot be read, or the shipped model is missing.

    Notes
    -----
    MNIST-like is a picture of 28x28 pixels with light ink on black: black, less than 33 of 255,
    takes more than a quarter of each of two sides at least, and some pixel has 128 or more. It
    is used pixel by pixel, whatever may be wrong with it: noise, blots or lines, light that
    comes in from the sides, a digit that is small or off the centre. Dark ink on light paper,
    and light ink on gray, are prepared at 28x28 pixels too. Of a batch that is an array, all
    images are used as they are where nine in ten of a sample of 32 are MNIST-like; otherwise,
    and in a list, each goes its own way. ``ocrdigit.preprocess(X)`` shows what the network sees.
    An image whose digit is not sure is looked at again, see ``tta`` of
    :class:`DigitClassifier`; that takes ten times as long.

    Examples
    --------
    >>> import ocrdigit
    >>> sample = ocrdigit.datasets.load_sample()
    >>> ocrdigit.predict(sample.X_test[3])
    3
    >>> ocrdigit.predict(sample.X_test[:4])
    array([0, 1, 2, 3])
    >>> ocrdigit.predict(255 - sample.X_test[3])
    3
    >>> import numpy as np
    >>> ocrdigit.predict(np.zeros((28, 28), np.uint8), reject=0.5)
    -1
    """
    return shipped_model().predict(X, reject=reject)


def predict_proba(X: object) -> NDArray[np.float32]:
    """Tell the probability of each of the ten digits.

    Parameters
    ----------
    X : image or batch
        As for :func:`predict`, and the same errors.

    Returns
    -------
    ndarray (10,) or (n, 10) of float32
        0..1, each row with sum 1; (10,) for one image.

    Examples
    --------
    >>> import ocrdigit
    >>> sample = ocrdigit.datasets.load_sample()
    >>> probabilities = ocrdigit.predict_proba(sample.X_test[:2])
    >>> probabilities.shape, probabilities.argmax(axis=1)
    ((2, 10), array([0, 1]))
    """
    return shipped_model().predict_proba(X)


def digit_score(X: object) -> Any:
    """Tell how surely each image shows a digit at all, and no letter, scribble or blot.

    Parameters
    ----------
    X : image or batch
        As for :func:`predict`, and the same errors.

    Returns
    -------
    float or ndarray (n,) of float64
        A probability, 0..1; a float for one image.

    Examples
    --------
    >>> import ocrdigit
    >>> sample = ocrdigit.datasets.load_sample()
    >>> bool((ocrdigit.digit_score(sample.X_test[:10]) > 0.9).all())
    True
    """
    return shipped_model().digit_score(X)


def preprocess(X: object, method: str = "mnist", steps: bool = False) -> Any:
    """Return what the network sees of an image: 28x28, light ink on black, 0..1.

    Parameters
    ----------
    X : image or batch
        As for :func:`predict`, and the same errors.
    method : {"mnist", "seed"}
        "mnist" does what MNIST's makers did, and is what :func:`predict` does: the paper's
        level is followed and taken away, with its texture; ink may be the dark or the light
        side; rules, specks and neighbours' ink are dropped; the digit is fitted into 20x20 with
        its aspect ratio kept, and its centre of mass put at the centre. What is MNIST-like
        already, see the notes of :func:`predict`, stays as it is. "seed" is the project's first
        pipeline: gray, stretched to 28x28, a Gaussian blur of 5x5, Otsu's threshold, dark ink
        made light.
    steps : bool
        Whether to return what a single image went through as well.

    Returns
    -------
    ndarray (28, 28) or (n, 28, 28) of float32
        A copy.
    dict of str to ndarray
        Only with ``steps``: the stages by name, in order, "gray" the first and "result" the
        last one; between them "paper", "ink" and "digit", or "resized", "blurred" and
        "binary". All but the last are uint8; large pictures are shown at the smaller size at
        which they are worked on.

    Raises
    ------
    ValueError
        Also for another ``method``, or for ``steps`` of a batch.

    Examples
    --------
    >>> import numpy as np, ocrdigit
    >>> page = np.full((90, 60), 255, np.uint8)
    >>> page[20:70, 28:34] = 0
    >>> digit, stages = ocrdigit.preprocess(page, steps=True)
    >>> digit.shape, float(digit.max()), float(digit[0, 0])
    ((28, 28), 1.0, 0.0)
    >>> list(stages)
    ['gray', 'paper', 'ink', 'digit', 'result']
    """
    if _checks.known("method", method, ("mnist", "seed")) == "mnist" and not steps:
        images, scale, single = as_images(X)
        seen: NDArray[np.float32] = np.multiply(images, np.float32(scale), dtype=np.float32)
        return seen[0] if single else seen
    grays, single = as_grays(X)
    if steps and not single:
        raise ValueError(f"steps are those of one image, got {len(grays)}")
    stages = [(_seed_steps if method == "seed" else _mnist_steps)(gray) for gray in grays]
    if steps:
        return stages[0]["result"], stages[0]
    results = np.stack([stage["result"] for stage in stages])
    return results[0] if single else results


def _mnist_steps(gray: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    if gray.shape == (28, 28) and _core.is_canonical(gray):
        return {"gray": gray, "result": gray / np.float32(255)}
    names = ("gray", "paper", "ink", "digit", "result")
    return dict(zip(names, _core.preprocess_steps(gray)[:-1], strict=True))


def _seed_steps(gray: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    from . import image

    resized = image.resize(gray, (28, 28))
    blurred = image.gaussian_blur(resized, (5, 5))
    _, binary = image.threshold(blurred, type="otsu_inv")
    result = binary / np.float32(255)
    stages = {"gray": gray, "resized": resized, "blurred": blurred, "binary": binary}
    return {**stages, "result": result}
