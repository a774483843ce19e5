"""Grad-CAM explanations of a network's output, mapped back to the original image."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import _checks, _core
from ._inputs import as_grays
from .models._classes import DIGITS

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = ["Explanation", "Window", "explain_box", "explain_image"]

# The colour map, for heatmap values 0 to 1 at equal distances. The colours are visible on white
# and on black, and their lightness falls monotonically, for colour-blind readers.
_COLOURS = np.array(
    [(255, 221, 87), (255, 170, 51), (243, 106, 38), (214, 40, 57), (150, 9, 78)], np.float32
)
_SIDE = 28

Window = tuple[float, float, float]
"""The position of the 28x28 in an image: its left and top edges and the side of a pixel of it."""


@dataclass(frozen=True)
class Explanation:
    """A Grad-CAM heatmap of one image and one digit; displays itself in a notebook.

    Attributes
    ----------
    digit : int
        The explained digit.
    probabilities : ndarray (10,) of float32
        The probability of each digit, computed in float32 and without test-time augmentation,
        whatever the model's ``precision`` and ``tta``.
    heatmap : ndarray (28, 28) of float32
        Grad-CAM over the pixels of the network's input: 0..1 with a maximum of 1, or all 0 if no
        pixel supports the digit.
    input : ndarray (28, 28) of float32
        The network's input, 0..1.
    layer : str
        The name of the layer whose feature maps were used.
    picture : ndarray (H, W) of uint8
        The original image, in gray.
    window : (left, top, side) of float
        The position of the 28x28 in the original image: its left and top edges and the side of
        one of its pixels, in pixels of the original image.
    """

    digit: int
    probabilities: NDArray[np.float32] = field(compare=False)
    heatmap: NDArray[np.float32] = field(repr=False, compare=False)
    input: NDArray[np.float32] = field(repr=False, compare=False)
    layer: str
    picture: NDArray[np.uint8] = field(repr=False, compare=False)
    window: Window = field(repr=False)

    def picture_heatmap(self) -> NDArray[np.float32]:
        """Return the heatmap resampled to the original image, (H, W); 0 outside the window."""
        return _upsampled(self.heatmap, self.picture.shape, self.window)

    def overlay(self, alpha: float = 0.75) -> Image:
        """Return the original image with the heatmap blended over it.

        Parameters
        ----------
        alpha : float, default 0.75
            Opacity of the heatmap at its maximum, 0..1.

        Returns
        -------
        PIL.Image.Image
            RGB, of the original image's size.

        Raises
        ------
        TypeError, ValueError
            If ``alpha`` is not a number in 0..1.
        """
        from PIL import Image

        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)):
            raise TypeError(f"alpha must be a number in 0..1, got {alpha!r}")
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be in 0..1, got {alpha!r}")
        heatmap = self.picture_heatmap()[:, :, None]
        gray = self.picture[:, :, None].astype(np.float32)
        opacity = np.float32(alpha) * np.sqrt(heatmap)
        blended = (1 - opacity) * gray + opacity * _coloured(heatmap[:, :, 0])
        return Image.fromarray(np.rint(blended).astype(np.uint8))

    def plot(self) -> Figure:
        """Plot the original image, the network's input and the overlay side by side.

        Returns
        -------
        matplotlib Figure
            Displayed by notebooks; ``.savefig(path)`` writes it.

        Raises
        ------
        ModuleNotFoundError
            If matplotlib is not installed; ``pip install 'ocrdigit[plot]'`` installs it.
        """
        from ._charts import gallery

        evidence = f"evidence for {self.digit}, {self.probabilities[self.digit]:.1%}"
        titles = ("image", "network input", evidence)
        images = (self.picture, self.input, np.asarray(self.overlay()))
        return gallery(images, titles, columns=3, side=2.4)

    def _repr_png_(self) -> bytes:
        from PIL import Image

        picture = self.overlay()
        factor = max(1, 224 // max(picture.size))  # 28x28 pixels are small on a screen
        size = picture.width * factor, picture.height * factor
        data = io.BytesIO()
        picture.resize(size, Image.Resampling.NEAREST).save(data, "png")
        return data.getvalue()


def explain_image(
    network: _core.Network, x: object, digit: int | None = None, layer: int | str | None = None
) -> Explanation:
    """Explain a network's output for one image of any kind, see :func:`ocrdigit.explain`.

    Parameters
    ----------
    network : Network
        A classifier's network.
    x : image
        A single image of any kind that :func:`ocrdigit.predict` accepts.
    digit, layer
        As for :func:`ocrdigit.explain`.
    """
    gray = _one_gray(x)
    if gray.shape == (_SIDE, _SIDE) and _core.is_canonical(gray):
        return _explain(network, gray / np.float32(255), gray, (0.0, 0.0, 1.0), digit, layer)
    *_, canonical, window = _core.preprocess_steps(gray)
    return _explain(network, canonical, gray, window, digit, layer)


def explain_box(
    network: _core.Network,
    page: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    digit: int | None = None,
    layer: int | str | None = None,
) -> Explanation:
    """Explain one digit of a page.

    Parameters
    ----------
    network : Network
        A classifier's network.
    page : ndarray (H, W) of uint8
        The page, in gray. The explanation's ``picture`` is a crop of it around the box.
    box : (x, y, w, h)
        The bounding box of the digit's foreground, in pixels; it lies inside the page.
    digit, layer
        As for :func:`ocrdigit.explain`.
    """
    x, y, w, h = box
    margin = 2 + max(w, h) // 6  # some background, from which its level is estimated
    crop = page[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]
    picture = np.ascontiguousarray(crop)
    *_, canonical, window = _core.preprocess_steps(picture)
    return _explain(network, canonical, picture, window, digit, layer)


def _one_gray(x: object) -> NDArray[np.uint8]:
    if isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.shape == (_SIDE, _SIDE):
        return np.ascontiguousarray(x)
    grays, single = as_grays(x, "x")
    if not single:
        raise ValueError(f"x must be one image, got {len(grays)}")
    return grays[0]


def _explain(
    network: _core.Network,
    canonical: NDArray[np.float32],
    picture: NDArray[np.uint8],
    window: Window,
    digit: int | None,
    layer: int | str | None,
) -> Explanation:
    """Explain a canonical input (28, 28) that was made of ``picture``."""
    if digit is not None:
        digit = _checks.int_in_range("digit", digit, 0, DIGITS - 1)
    names = [each["name"] for each in network.describe()]
    index = None if layer is None else _layer_index(names, layer)
    digits, scores, _, heatmaps, used = network.explain(
        canonical[None], 1.0, digit=digit, layer=index, classes=DIGITS
    )
    return Explanation(
        digit=int(digits[0]),
        probabilities=_softmax(scores[0, :DIGITS]),
        heatmap=heatmaps[0],
        input=canonical,
        layer=names[used],
        picture=picture,
        window=window,
    )


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(scores - scores.max())
    probabilities: NDArray[np.float32] = powers / powers.sum()
    return probabilities


def _layer_index(names: list[str], layer: object) -> int:
    """Return the index of a layer that is given by its name or index."""
    if isinstance(layer, str):
        return names.index(_checks.known("layer", layer, names))
    return _checks.int_in_range("layer", layer, 0, len(names) - 1)


def _upsampled(
    heatmap: NDArray[np.float32], shape: tuple[int, ...], window: Window
) -> NDArray[np.float32]:
    """Return the heatmap (28, 28) resampled to an image of ``shape``, bilinearly."""
    left, top, side = window
    if side == 0:  # no foreground was found
        return np.zeros(shape, np.float32)
    vertical, horizontal = _weights(shape[0], top, side), _weights(shape[1], left, side)
    upsampled: NDArray[np.float32] = vertical @ heatmap @ horizontal.T
    return upsampled


def _weights(pixels: int, start: float, side: float) -> NDArray[np.float32]:
    """Return the linear interpolation weights (pixels, 28) along one axis of an image."""
    centres = (np.arange(pixels) + 0.5 - start) / side  # in pixels of the 28
    clipped = np.clip(centres - 0.5, 0, _SIDE - 1)
    weights: NDArray[np.float64] = np.maximum(0, 1 - np.abs(clipped[:, None] - np.arange(_SIDE)))
    weights[(centres < 0) | (centres > _SIDE)] = 0
    return weights.astype(np.float32)


def _coloured(heatmap: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a heatmap (H, W) of 0..1 as colours (H, W, 3) of 0..255."""
    steps = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(heatmap, steps, channel) for channel in _COLOURS.T]
    return np.stack(channels, axis=-1).astype(np.float32)
