"""Why a network decided as it did: Grad-CAM, laid over the picture that was handed in."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import _checks, _core
from ._inputs import as_grays
from ._predict import shipped_model
from .models._classes import DIGITS

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from .estimator import DigitClassifier

__all__ = ["Explanation", "Window", "explain", "explain_box", "explain_digit"]

# Colours of heat 0 to 1, evenly apart: they are seen on white paper, black ink and, as the
# lightness falls all the way, by the colour-blind.
_COLOURS = np.array(
    [(255, 221, 87), (255, 170, 51), (243, 106, 38), (214, 40, 57), (150, 9, 78)], np.float32
)
_SIDE = 28

Window = tuple[float, float, float]
"""Where the 28x28 lies in a picture: its left and top edge and the side of one of its pixels."""


@dataclass(frozen=True)
class Explanation:
    """Which places of an image speak for a digit; shows itself in a notebook.

    Attributes
    ----------
    digit : int
        The digit that is spoken for.
    probabilities : ndarray of float32
        What ``predict_proba`` gives for the image in float32 at one look, whatever the model's
        precision.
    heatmap : ndarray (28, 28) of float32
        Grad-CAM over the pixels that the network sees: 0..1, its largest value 1, or all 0
        where nothing speaks for the digit.
    seen : ndarray (28, 28) of float32
        What the network sees, 0..1.
    layer : str
        The layer whose maps were looked at.
    picture : ndarray (H, W) of uint8
        What was handed in, in gray.
    window : (left, top, side) of float
        Where the 28x28 lies in the picture: the left and top edge, and the side of one of its
        pixels, in the picture's pixels.
    """

    digit: int
    probabilities: NDArray[np.float32] = field(compare=False)
    heatmap: NDArray[np.float32] = field(repr=False, compare=False)
    seen: NDArray[np.float32] = field(repr=False, compare=False)
    layer: str
    picture: NDArray[np.uint8] = field(repr=False, compare=False)
    window: Window = field(repr=False)

    def picture_heatmap(self) -> NDArray[np.float32]:
        """Return the heatmap (H, W) in the picture's own pixels; 0 outside of the window."""
        return _stretched(self.heatmap, self.picture.shape, self.window)

    def overlay(self, alpha: float = 0.75) -> Image:
        """Return the picture with the heat laid over it, in the picture's own pixels.

        Parameters
        ----------
        alpha : float
            How much of the heat's colour is seen where it is largest, 0..1.

        Raises
        ------
        TypeError, ValueError
            ``alpha`` is no number of 0 to 1.
        """
        from PIL import Image

        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)):
            raise TypeError(f"alpha must be a number of 0 to 1, got {alpha!r}")
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be 0 to 1, got {alpha!r}")
        heat = self.picture_heatmap()[:, :, None]
        gray = self.picture[:, :, None].astype(np.float32)
        share = np.float32(alpha) * np.sqrt(heat)
        mixed = (1 - share) * gray + share * _coloured(heat[:, :, 0])
        return Image.fromarray(np.rint(mixed).astype(np.uint8))

    def plot(self) -> Figure:
        """Return a figure of matplotlib: the picture, what the network sees, and the heat.

        Raises
        ------
        ModuleNotFoundError
            There is no matplotlib; ``pip install ocrdigit[plot]`` brings it.
        """
        from .plotting import explanation

        return explanation(self)

    def _repr_png_(self) -> bytes:
        from PIL import Image

        picture = self.overlay()
        grown = max(1, 224 // max(picture.size))  # a digit of 28x28 is small on a screen
        size = picture.width * grown, picture.height * grown
        data = io.BytesIO()
        picture.resize(size, Image.Resampling.NEAREST).save(data, "png")
        return data.getvalue()


def explain(x: object, digit: int | None = None, layer: int | str | None = None) -> Explanation:
    """Show which places of an image speak for a digit, by Grad-CAM.

    The maps of a layer are weighted by the mean gradient of the digit's score, summed, and
    what is positive of that is laid over the image (Selvaraju et al., 2017).

    Parameters
    ----------
    x : image
        One, of any kind that :func:`ocrdigit.predict` takes.
    digit : int, optional
        The digit to explain; None: the likeliest.
    layer : int or str, optional
        A convolution, or a batch norm, ReLU or max-pool after one, by its place or name (see
        ``DigitClassifier.summary``). None: the last convolution, whose maps are the coarsest
        and say most.

    Returns
    -------
    Explanation
        ``.heatmap``, ``.overlay()``, ``.plot()``.

    Raises
    ------
    TypeError, ValueError, OSError
        As :func:`ocrdigit.predict` does; for more than one image; for a digit that the network
        does not know, or a layer that has no maps.

    Examples
    --------
    >>> import ocrdigit
    >>> sample = ocrdigit.datasets.load_sample()
    >>> why = ocrdigit.explain(sample.X_test[3])
    >>> why.digit, why.heatmap.shape, why.overlay().size
    (3, (28, 28), (28, 28))
    """
    return explain_with(shipped_model(), x, digit, layer)


def explain_with(
    model: DigitClassifier, x: object, digit: int | None, layer: int | str | None
) -> Explanation:
    """Explain an answer of any fitted classifier, see :func:`explain`."""
    gray = _one_gray(x)
    if gray.shape == (_SIDE, _SIDE) and _core.is_canonical(gray):
        return explain_digit(model, gray / np.float32(255), gray, (0.0, 0.0, 1.0), digit, layer)
    *_, seen, window = _core.preprocess_steps(gray)
    return explain_digit(model, seen, gray, window, digit, layer)


def _one_gray(x: object) -> NDArray[np.uint8]:
    if isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.shape == (_SIDE, _SIDE):
        return np.ascontiguousarray(x)  # gray bytes already
    grays, single = as_grays(x, "x")
    if not single:
        raise ValueError(f"x must be one image, got {len(grays)}")
    return grays[0]


def explain_digit(
    model: DigitClassifier,
    seen: NDArray[np.float32],
    picture: NDArray[np.uint8],
    window: Window,
    digit: int | None = None,
    layer: int | str | None = None,
) -> Explanation:
    """Explain a digit that has been prepared already.

    Parameters
    ----------
    model : DigitClassifier
        A fitted one.
    seen : ndarray (28, 28) of float32
        What the network sees, 0..1, light ink on black.
    picture : ndarray (H, W) of uint8
        Where it comes from.
    window : (left, top, side)
        Where the 28x28 lies in the picture, see :class:`Explanation`.
    digit, layer
        As for :func:`explain`.
    """
    network = model.network_
    if digit is not None:
        digit = _checks.whole("digit", digit, 0, DIGITS - 1)
    names = [part["name"] for part in network.describe()]
    place = None if layer is None else _place(names, layer)
    found, scores, _, heats, looked_at = network.explain(
        seen[None], 1.0, digit=digit, layer=place, classes=DIGITS
    )
    return Explanation(
        digit=int(found[0]),
        probabilities=_softmax(scores[0, :DIGITS]),
        heatmap=heats[0],
        seen=seen,
        layer=names[looked_at],
        picture=picture,
        window=window,
    )


def explain_box(
    model: DigitClassifier,
    page: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    digit: int | None = None,
    layer: int | str | None = None,
) -> Explanation:
    """Explain a digit of a page, given the box of its ink.

    Parameters
    ----------
    model : DigitClassifier
        A fitted one.
    page : ndarray (H, W) of uint8
        In gray. The explanation's picture is the part of it around the box.
    box : (x, y, w, h)
        In the page's pixels, inside of it.
    digit, layer
        As for :func:`explain`.
    """
    x, y, w, h = box
    margin = 2 + max(w, h) // 6  # some paper, to know its level by
    part = page[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]
    picture = np.ascontiguousarray(part)
    *_, seen, window = _core.preprocess_steps(picture)
    return explain_digit(model, seen, picture, window, digit, layer)


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(scores - scores.max())
    shares: NDArray[np.float32] = powers / powers.sum()
    return shares


def _place(names: list[str], layer: object) -> int:
    """Return the place of a layer in the network, given that or its name."""
    if isinstance(layer, str):
        return names.index(_checks.known("layer", layer, names))
    return _checks.whole("layer", layer, 0, len(names) - 1)


def _taps(pixels: int, start: float, side: float) -> NDArray[np.float32]:
    """Return what each of a picture's pixels along one axis has of the 28: (pixels, 28)."""
    at = (np.arange(pixels) + 0.5 - start) / side  # the pixel's middle, in those of the 28
    middle = np.clip(at - 0.5, 0, _SIDE - 1)
    taps: NDArray[np.float64] = np.maximum(0, 1 - np.abs(middle[:, None] - np.arange(_SIDE)))
    taps[(at < 0) | (at > _SIDE)] = 0
    return taps.astype(np.float32)


def _stretched(
    heat: NDArray[np.float32], shape: tuple[int, ...], window: Window
) -> NDArray[np.float32]:
    left, top, side = window
    if side == 0:  # no ink was found, so there was nothing to look at
        return np.zeros(shape, np.float32)
    stretched: NDArray[np.float32] = (
        _taps(shape[0], top, side) @ heat @ _taps(shape[1], left, side).T
    )
    return stretched


def _coloured(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return heat (H, W) of 0..1 as colours (H, W, 3) of 0..255."""
    steps = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(heat, steps, channel) for channel in _COLOURS.T]
    return np.stack(channels, axis=-1).astype(np.float32)
