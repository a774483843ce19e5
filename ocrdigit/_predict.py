"""The public functions that use the default model, which is loaded at the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from . import _checks, _core, estimator, models
from ._fork_lock import ForkLock
from ._inputs import as_grays, as_images
from ._typing import Array, Digits, ImageLike, Images, OneImage

if TYPE_CHECKING:
    from .explaining import Explanation

MODEL_PATH = models.path_of("default")

_lock = ForkLock()
_models: dict[str, estimator.DigitClassifier] = {}


def shipped_model(precision: str = "float32") -> estimator.DigitClassifier:
    """Return the default model in a precision; one for the whole process."""
    if precision not in _models:
        with _lock.held():
            if precision not in _models:
                try:
                    model = estimator.load(MODEL_PATH, precision=precision)
                except FileNotFoundError as error:
                    raise FileNotFoundError(
                        error.errno, "the model that ships with ocrdigit is missing", MODEL_PATH
                    ) from error
                _models[precision] = model
    return _models[precision]


@overload
def predict(  # type: ignore[overload-overlap]  # a str is a sequence of str
    X: OneImage, *, reject: float | None = None
) -> int: ...
@overload
def predict(X: Images, *, reject: float | None = None) -> Digits: ...
@overload
def predict(X: Array, *, reject: float | None = None) -> int | Digits: ...
def predict(X: ImageLike | Images, *, reject: float | None = None) -> Any:
    """Predict the digit in an image, or in each image of a batch.

    Parameters
    ----------
    X : image or batch
        An image is a path, the bytes of an image file, a file object (an open file, BytesIO, an
        upload of a web framework), a data URL of a canvas, the dict of Gradio's image editor, a PIL
        image, or an array (H, W) or (H, W, 1|3|4) of uint8, bool, uint16 or float, 0..1 or 0..255.
        A batch is an array (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or (n, 784), or a list of
        images; also scikit-learn's ``load_digits()``, (n, 8, 8) or (n, 64) of whole numbers up to
        16. Arrays of any library that NumPy converts or that exports DLPack are accepted (PyTorch,
        JAX), and columns of a table as lists (pandas, polars). Of a document the first page is
        taken. Foreground and background may have any
        colours, also of equal lightness, and transparency. The digit may be cut without a margin,
        stand in a box or on squared paper, or be crossed by a ruling line, in uneven light.
        Images are preprocessed, see :func:`preprocess`; canonical input is not, see Notes.
    reject : float, optional
        0..1. Return -1 for images whose confidence is below it, because they could show another
        digit or none. On MNIST's digits 0.5 rejects a few in a thousand.
        :meth:`DigitClassifier.confidence` describes how to choose it for your images.

    Returns
    -------
    int or ndarray (n,) of int64
        An int for one image.

    Raises
    ------
    TypeError
        If ``X`` is of a type or dtype that is not an image.
    ValueError
        If ``X`` is empty, has another shape, holds NaN, infinity or values outside 0..1 and
        0..255, is a table with a column of labels, a closed file, or not an image file that can be
        decoded within :mod:`ocrdigit.limits`; or ``reject`` is outside 0..1.
    OSError
        If a file cannot be read, or the model's file is missing.
    ModuleNotFoundError
        If a PDF needs pypdfium2, or a HEIC file pillow-heif.

    Notes
    -----
    Canonical input has 28x28 pixels with light strokes on black, as MNIST's: black (less than 33
    of 255) covers more than a quarter of at least two sides, some pixel is at least 128, and the
    digit has the size and the place of MNIST's: the bounding box of the pixels of at least 64 is
    longer than 16, and the centre of mass is within 2 pixels of the centre if the box is not
    longer than 21. It is used as it is, pixel by pixel, with its noise, blots and lines, or light
    from the sides. Other images of 28x28 pixels are preprocessed: dark strokes on light, light
    strokes on gray, digits that are small or off the centre. A batch in one array is canonical if
    nine in ten of a sample of 32 images are; the images of other arrays, and of lists, are decided
    one by one.
    ``ocrdigit.preprocess(X)`` returns the network's input.

    Images with a maximum probability below 0.99 get test-time augmentation, see ``tta`` of
    :class:`DigitClassifier`, which takes about eight times as long.

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


def predict_proba(X: ImageLike | Images) -> NDArray[np.float32]:
    """Predict the probabilities of the ten digits.

    Parameters
    ----------
    X : image or batch
        As for :func:`predict`, which lists the errors.

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


@overload
def digit_score(X: OneImage) -> float: ...  # type: ignore[overload-overlap]
@overload
def digit_score(X: Images) -> NDArray[np.float64]: ...
@overload
def digit_score(X: Array) -> float | NDArray[np.float64]: ...
def digit_score(X: ImageLike | Images) -> Any:
    """Return the probability that each image shows a digit, not a letter, scribble or blot.

    Parameters
    ----------
    X : image or batch
        As for :func:`predict`, which lists the errors.

    Returns
    -------
    float or ndarray (n,) of float64
        0..1; a float for one image.

    Examples
    --------
    >>> import ocrdigit
    >>> sample = ocrdigit.datasets.load_sample()
    >>> bool((ocrdigit.digit_score(sample.X_test[:10]) > 0.9).all())
    True
    """
    return shipped_model().digit_score(X)


def explain(x: ImageLike, digit: int | None = None, layer: int | str | None = None) -> Explanation:
    """Explain which pixels of an image support a digit, by Grad-CAM.

    The feature maps of a layer are weighted by the mean gradient of the digit's score with
    respect to each, and the positive part of their sum is the heatmap (Selvaraju et al., 2017).

    Parameters
    ----------
    x : image
        A single image of any kind that :func:`predict` accepts.
    digit : int, optional
        The digit to explain, 0 to 9; None: the most probable one.
    layer : int or str, optional
        The index or name of a convolution, or of a norm, activation or pool after one (see
        ``DigitClassifier.summary``). None: the last convolution, whose maps are the coarsest and
        the most specific.

    Returns
    -------
    Explanation
        ``.heatmap``, ``.overlay()``, ``.plot()``.

    Raises
    ------
    TypeError, ValueError, OSError
        As :func:`predict`; also if there is more than one image, ``digit`` is not one of the
        network's classes, or ``layer`` has no feature maps.

    Examples
    --------
    >>> import ocrdigit
    >>> sample = ocrdigit.datasets.load_sample()
    >>> explanation = ocrdigit.explain(sample.X_test[3])
    >>> explanation.digit, explanation.heatmap.shape, explanation.overlay().size
    (3, (28, 28), (28, 28))
    """
    return shipped_model().explain(x, digit, layer)


@overload
def preprocess(
    X: ImageLike | Images, method: str = "mnist", steps: Literal[False] = False
) -> NDArray[np.float32]: ...
@overload
def preprocess(
    X: ImageLike, method: str = "mnist", *, steps: Literal[True]
) -> tuple[NDArray[np.float32], dict[str, NDArray[Any]]]: ...
@overload
def preprocess(X: ImageLike | Images, method: str = "mnist", steps: bool = False) -> Any: ...
def preprocess(X: ImageLike | Images, method: str = "mnist", steps: bool = False) -> Any:
    """Return the network's input: 28x28 pixels in 0..1, light strokes on black.

    Parameters
    ----------
    X : image or batch
        As for :func:`predict`, which lists the errors.
    method : {"mnist", "seed"}
        "mnist" follows the normalization of MNIST, and is what :func:`predict` uses: the local
        background is subtracted with its texture; the foreground may be the dark or the light
        side; ruling lines, specks and neighbouring strokes are removed; the digit is fitted into
        20x20 with its aspect ratio kept, and its centre of mass moved to the centre. Canonical
        input, see the notes of :func:`predict`, is returned as it is. "seed" is the project's
        first pipeline: gray, stretched to 28x28, a Gaussian blur of 5x5, Otsu's threshold,
        inverted.
    steps : bool
        Whether to return the intermediate images of a single image, too.

    Returns
    -------
    ndarray (28, 28) or (n, 28, 28) of float32
        A copy.
    dict of str to ndarray
        Only with ``steps``: the stages by name, in order, "gray" the first and "result" the
        last; between them "background", "foreground" and "digit", or "resized", "blurred" and
        "binary". All but the last are uint8; large images are returned at the smaller size at
        which they are processed.

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
    ['gray', 'background', 'foreground', 'digit', 'result']
    """
    if _checks.known("method", method, ("mnist", "seed")) == "mnist" and not steps:
        images, scale, single = as_images(X)
        inputs: NDArray[np.float32] = np.multiply(images, np.float32(scale), dtype=np.float32)
        return inputs[0] if single else inputs
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
    names = ("gray", "background", "foreground", "digit", "result")
    return dict(zip(names, _core.preprocess_steps(gray)[:-1], strict=True))


def _seed_steps(gray: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    from . import image

    resized = image.resize(gray, (28, 28))
    blurred = image.gaussian_blur(resized, (5, 5))
    _, binary = image.threshold(blurred, type="otsu_inv")
    result = binary / np.float32(255)
    stages = {"gray": gray, "resized": resized, "blurred": blurred, "binary": binary}
    return {**stages, "result": result}
