"""Image operations with OpenCV's names and results, to the byte, without OpenCV.

An image is a NumPy array of uint8, (h, w) or (h, w, channels) with up to 4 channels, sides up to
16384, and any strides: crops, mirrored and transposed arrays and single channels are read in
place. Each channel is processed separately. Results are new arrays. Parameters have the names of
cv2 in snake case; the notes of each function list differences.

Large images are processed by several threads (:func:`ocrdigit.set_num_threads`); results depend
neither on the number of threads nor on the instruction set. They equal those of
opencv-python-headless 5.0.0 on x86-64 with AVX2; ``tests/test_parity_opencv.py`` checks that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._checks import finite_number, known

__all__ = [
    "Components",
    "adaptive_threshold",
    "close",
    "connected_components",
    "deskew",
    "dilate",
    "erode",
    "gaussian_blur",
    "moments",
    "normalize",
    "open",
    "resize",
    "structuring_element",
    "threshold",
    "to_gray",
    "warp_affine",
]

Image = NDArray[np.uint8]


def _integer(name: str, value: object) -> int:
    """Return ``value`` as an int."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    return int(value)


def _byte(name: str, value: object) -> int:
    """Return ``value`` rounded half to even and clipped to 0..255, as cv2 reads gray levels."""
    level = round(finite_number(name, value))
    return level if 0 <= level <= 255 else 255 if level > 0 else 0


def _pair(name: str, value: object) -> tuple[int, int]:
    """Return ``value`` as two ints; as in cv2, x before y."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)) or len(value) != 2:
        raise TypeError(f"{name} must be two integers, got {value!r}")
    return _integer(name, value[0]), _integer(name, value[1])


BORDERS = ("constant", "replicate", "reflect", "reflect_101")


def to_gray(image: Image, *, order: str = "rgb", background: int = 255) -> Image:
    """Convert a colour image to gray.

    Gray is ``(9798 R + 19235 G + 3735 B + 16384) >> 15``, as in ``cv2.cvtColor``. A fourth channel
    is alpha: the colours are composited over ``background`` (cv2 ignores alpha).

    Parameters
    ----------
    image : uint8 array, (h, w, 3), (h, w, 4) or (h, w)
        Colours, colours with alpha, or a gray image, which is copied.
    order : {"rgb", "bgr"}
        The order of the channels; alpha comes last.
    background : int
        Gray level behind an image with alpha, 0 to 255.

    Returns
    -------
    uint8 array, (h, w)
        A new array.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Examples
    --------
    >>> import numpy as np
    >>> to_gray(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))
    array([[ 76, 150,  29]], dtype=uint8)
    """
    bgr = known("order", order, ("rgb", "bgr")) == "bgr"
    background = _integer("background", background)
    if isinstance(image, np.ndarray) and image.ndim == 2 and image.dtype == np.uint8:
        return np.array(image, order="C")
    return _core.image_gray(image, bgr, background)


def threshold(
    image: Image, thresh: float = 0, maxval: float = 255, type: str = "binary"
) -> tuple[float, Image]:
    """Set pixels above ``thresh`` to ``maxval`` and all others to 0.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
        Each channel is processed separately.
    thresh : float
        Rounded down; not used by Otsu's method.
    maxval : float
        Rounded, clipped to 0..255.
    type : {"binary", "binary_inv", "otsu", "otsu_inv"}
        With ``_inv``, 0 and ``maxval`` are swapped. With ``otsu``, the threshold is computed by
        Otsu's method; the image must be (h, w).

    Returns
    -------
    thresh : float
        The threshold that was used.
    result : uint8 array, of the image's shape
        A new array.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.threshold``. Otsu's threshold is that of OpenCV's own code. On x86-64, wheels of cv2
    use Intel's IPP instead, which can return another threshold if several are exactly equally
    good; ``cv2.ipp.setUseIPP(False)`` disables it.

    Examples
    --------
    >>> import numpy as np
    >>> threshold(np.array([[10, 20, 200, 210]], np.uint8), type="otsu")
    (20.0, array([[  0,   0, 255, 255]], dtype=uint8))
    """
    return _core.image_threshold(image, thresh, maxval, type)


def adaptive_threshold(
    image: Image,
    max_value: float = 255,
    method: str = "mean",
    type: str = "binary",
    block_size: int = 11,
    C: float = 2,
) -> Image:
    """Set pixels above the local mean less ``C`` to ``max_value`` and all others to 0.

    Parameters
    ----------
    image : uint8 array, (h, w)
        A gray image.
    max_value : float
        Rounded, clipped to 0..255; below 0 the result is all 0.
    method : {"mean", "gaussian"}
        The plain mean, or one weighted by a Gaussian of sigma ``0.15 * block_size + 0.35``.
        Beyond the border the edge pixels repeat.
    type : {"binary", "binary_inv"}
        With ``binary_inv``, 0 and ``max_value`` are swapped.
    block_size : int
        Side of the square around a pixel, odd, from 3 to 2047.
    C : float
        Rounded up, with ``binary_inv`` down. Negative for a light foreground.

    Returns
    -------
    uint8 array, (h, w)
        A new array.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.adaptiveThreshold``.

    Examples
    --------
    >>> import numpy as np
    >>> page = np.array([[200, 100, 200, 90, 30, 90]], np.uint8)
    >>> adaptive_threshold(page, type="binary_inv", block_size=3)
    array([[  0, 255,   0, 255, 255,   0]], dtype=uint8)
    """
    gaussian = known("method", method, ("mean", "gaussian")) == "gaussian"
    inverted = known("type", type, ("binary", "binary_inv")) == "binary_inv"
    offset = finite_number("C", C)
    bound = -(math.floor(offset) if inverted else math.ceil(offset))
    top = _byte("max_value", max_value)
    above, below = (0, top) if inverted else (top, 0)
    return _core.image_adaptive_threshold(
        image,
        gaussian,
        _integer("block_size", block_size),
        min(max(bound, -256), 255),
        above,
        below,
    )


class Components(NamedTuple):
    """The result of :func:`connected_components`; unpacks like cv2's result.

    Attributes
    ----------
    n : int
        Number of components, the background included.
    labels : int32 array, (h, w)
        Component of each pixel; 0 is the background.
    stats : int32 array, (n, 5)
        Left, top, width and height of each component's bounding box, and its area.
    centroids : float64 array, (n, 2)
        Mean x and y of each component.
    """

    n: int
    labels: NDArray[np.int32]
    stats: NDArray[np.int32]
    centroids: NDArray[np.float64]


def connected_components(image: Image | NDArray[np.bool_], connectivity: int = 8) -> Components:
    """Find the connected components of the non-zero pixels.

    Parameters
    ----------
    image : uint8 or bool array, (h, w)
        A gray or binary image.
    connectivity : {8, 4}
        With 8, pixels that touch at a corner are connected.

    Returns
    -------
    Components
        Numbered from 1 in raster order of their first pixels.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.connectedComponentsWithStats``, which may number components in another order. Without
    background, row 0 of ``stats`` is 0 and its centroid is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> found = connected_components(np.array([[1, 0, 0, 1], [0, 1, 0, 1]], np.uint8))
    >>> found.n
    3
    >>> found.labels
    array([[1, 0, 0, 2],
           [0, 1, 0, 2]], dtype=int32)
    >>> found.stats[1]
    array([0, 0, 2, 2, 2], dtype=int32)
    """
    if isinstance(image, np.ndarray) and image.dtype == np.bool_:
        image = image.view(np.uint8)
    labels, stats, centroids = _core.image_connected_components(
        cast("Image", image), _integer("connectivity", connectivity)
    )
    return Components(len(stats), labels, stats, centroids)


_MAX_KERNEL = 4095


def structuring_element(shape: str, ksize: tuple[int, int]) -> Image:
    """Return a kernel for :func:`erode`, :func:`dilate`, :func:`open` and :func:`close`.

    Parameters
    ----------
    shape : {"rect", "cross", "ellipse"}
    ksize : tuple of int
        Width and height, 1 to 4095.

    Returns
    -------
    uint8 array, (height, width)
        1 inside the shape, 0 outside, as ``cv2.getStructuringElement``.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Examples
    --------
    >>> structuring_element("ellipse", (5, 3))
    array([[0, 0, 1, 0, 0],
           [1, 1, 1, 1, 1],
           [0, 0, 1, 0, 0]], dtype=uint8)
    """
    kind = known("shape", shape, ("rect", "cross", "ellipse"))
    width, height = _pair("ksize", ksize)
    for name, side in (("width", width), ("height", height)):
        if not 1 <= side <= _MAX_KERNEL:
            raise ValueError(f"ksize must have a {name} from 1 to {_MAX_KERNEL}, got {ksize!r}")
    return _core.image_structuring_element(kind, height, width)


def erode(
    image: Image,
    kernel: NDArray[np.generic] | None = None,
    anchor: tuple[int, int] | None = None,
    iterations: int = 1,
    border: str = "constant",
    border_value: float | None = None,
) -> Image:
    """Replace each pixel by the minimum under the kernel, which shrinks light areas.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
        Each channel is processed separately.
    kernel : array of integers or bools, (h, w), optional
        Non-zero for the neighbours that count, for example from :func:`structuring_element`.
        Sides up to 4095; by default 3 x 3 ones.
    anchor : tuple of int, optional
        The position (x, y) in the kernel of the pixel itself; by default the middle.
    iterations : int
        Number of repetitions.
    border : {"constant", "replicate", "reflect", "reflect_101"}
        How the image continues beyond its border.
    border_value : float, optional
        Level of a constant border; by default one without effect.

    Returns
    -------
    uint8 array, of the image's shape
        A new array.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    See Also
    --------
    dilate : The maximum under the kernel.
    open : Erosions, then dilations.
    close : Dilations, then erosions.

    Notes
    -----
    As ``cv2.erode``. The time for full kernels grows little with their size.

    Examples
    --------
    >>> import numpy as np
    >>> erode(np.array([[9, 9, 9, 0, 9, 9]], np.uint8))
    array([[9, 9, 0, 0, 0, 9]], dtype=uint8)
    """
    return _core.image_morphology(image, "erode", kernel, anchor, iterations, border, border_value)


def dilate(
    image: Image,
    kernel: NDArray[np.generic] | None = None,
    anchor: tuple[int, int] | None = None,
    iterations: int = 1,
    border: str = "constant",
    border_value: float | None = None,
) -> Image:
    """Replace each pixel by the maximum under the kernel, which enlarges light areas.

    Parameters
    ----------
    image, kernel, anchor, iterations, border, border_value : as for erode
        See :func:`erode`.

    Returns
    -------
    uint8 array, of the image's shape
        A new array.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.dilate``.

    Examples
    --------
    >>> import numpy as np
    >>> dilate(np.array([[0, 0, 0, 9, 0, 0]], np.uint8))
    array([[0, 0, 9, 9, 9, 0]], dtype=uint8)
    """
    return _core.image_morphology(image, "dilate", kernel, anchor, iterations, border, border_value)


def open(
    image: Image,
    kernel: NDArray[np.generic] | None = None,
    anchor: tuple[int, int] | None = None,
    iterations: int = 1,
    border: str = "constant",
    border_value: float | None = None,
) -> Image:
    """Erode, then dilate, which removes light areas that the kernel does not fit into.

    Parameters
    ----------
    image, kernel, anchor, iterations, border, border_value : as for erode
        See :func:`erode`.

    Returns
    -------
    uint8 array, of the image's shape
        A new array.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.morphologyEx`` with ``MORPH_OPEN``: ``iterations`` erosions, then as many
    dilations.

    Examples
    --------
    >>> import numpy as np
    >>> open(np.array([[0, 9, 0, 9, 9, 9, 0]], np.uint8))
    array([[0, 0, 0, 9, 9, 9, 0]], dtype=uint8)
    """
    return _core.image_morphology(image, "open", kernel, anchor, iterations, border, border_value)


def close(
    image: Image,
    kernel: NDArray[np.generic] | None = None,
    anchor: tuple[int, int] | None = None,
    iterations: int = 1,
    border: str = "constant",
    border_value: float | None = None,
) -> Image:
    """Dilate, then erode, which removes dark areas that the kernel does not fit into.

    Parameters
    ----------
    image, kernel, anchor, iterations, border, border_value : as for erode
        See :func:`erode`.

    Returns
    -------
    uint8 array, of the image's shape
        A new array.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.morphologyEx`` with ``MORPH_CLOSE``: ``iterations`` dilations, then as many
    erosions.

    Examples
    --------
    >>> import numpy as np
    >>> close(np.array([[9, 0, 9, 0, 0, 0, 9]], np.uint8))
    array([[9, 9, 9, 0, 0, 0, 9]], dtype=uint8)
    """
    return _core.image_morphology(image, "close", kernel, anchor, iterations, border, border_value)


_MAX_TAPS = 1023


def gaussian_blur(
    image: Image,
    ksize: int | tuple[int, int] = (0, 0),
    sigma: float = 0,
    sigma_y: float = 0,
    border: str = "reflect_101",
) -> Image:
    """Smooth an image with a Gaussian.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
        Each channel is processed separately.
    ksize : int or tuple of int
        Width and height of the kernel, odd, up to 1023; 0 is replaced by
        ``round(6 * sigma + 1) | 1``.
    sigma : float
        Standard deviation in pixels; 0 is replaced by ``0.15 * ksize + 0.35`` or, up to a size of
        9, that of a fixed table.
    sigma_y : float
        Vertical standard deviation; 0 for the same as ``sigma``.
    border : {"reflect_101", "replicate", "reflect", "constant"}
        How the image continues beyond its border; the constant is 0.

    Returns
    -------
    uint8 array, of the image's shape
        A new array.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.GaussianBlur``: taps in 256ths, rounded once.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian_blur(np.array([[0, 0, 64, 0, 0]], np.uint8), 3)
    array([[ 0, 16, 32, 16,  0]], dtype=uint8)
    """
    known("border", border, BORDERS)
    width, height = (
        _pair("ksize", ksize)
        if isinstance(ksize, (tuple, list))
        else (_integer("ksize", ksize),) * 2
    )
    horizontal = max(finite_number("sigma", sigma), 0.0)
    vertical = max(finite_number("sigma_y", sigma_y), 0.0) or horizontal
    sides = []
    for side, deviation in ((width, horizontal), (height, vertical)):
        if side == 0 and deviation > 0:
            side = round(min(6 * deviation + 1, _MAX_TAPS + 1)) | 1
        if not 1 <= side <= _MAX_TAPS or side % 2 == 0:
            raise ValueError(
                f"ksize must be odd, from 1 to {_MAX_TAPS}, or 0 with a sigma that gives such "
                f"a size, got {ksize!r} with sigma {deviation:g}"
            )
        sides.append(side)
    return _core.image_gaussian_blur(image, sides[1], sides[0], vertical, horizontal, border)


def resize(image: Image, dsize: tuple[int, int], interpolation: str = "linear") -> Image:
    """Resize an image.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
        Each channel is processed separately.
    dsize : tuple of int
        Width and height of the result, 1 to 16384.
    interpolation : {"linear", "area"}
        "linear" interpolates between the nearest pixels; "area" averages the pixels that a result
        pixel covers and is preferable for reduction.

    Returns
    -------
    uint8 array, (height, width) or (height, width, channels)
        A new array of the given size.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.resize`` with ``INTER_LINEAR`` and ``INTER_AREA``.

    Examples
    --------
    >>> import numpy as np
    >>> resize(np.array([[0, 100], [100, 200]], np.uint8), (1, 1), "area")
    array([[100]], dtype=uint8)
    """
    return _core.image_resize(image, dsize, interpolation)


_POWERS = ("20", "11", "02", "30", "21", "12", "03")
_MOMENTS = (
    *("m00", "m10", "m01"),
    *("m" + powers for powers in _POWERS),
    *("mu" + powers for powers in _POWERS),
    *("nu" + powers for powers in _POWERS),
)


def moments(image: Image | NDArray[np.bool_], binary: bool = False) -> dict[str, float]:
    """Compute the moments of an image up to third order.

    Parameters
    ----------
    image : uint8 or bool array, (h, w)
        A gray or binary image.
    binary : bool
        Whether every level but 0 counts as 1.

    Returns
    -------
    dict of float
        Spatial moments ``m00`` to ``m03``; central moments ``mu20`` to ``mu03``, about the centroid
        ``(m10 / m00, m01 / m00)``; normalized central moments ``nu20`` to ``nu03``.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.moments`` of an image. Spatial moments are exact up to 2**53.

    Examples
    --------
    >>> import numpy as np
    >>> found = moments(np.array([[0, 10, 30]], np.uint8))
    >>> found["m10"] / found["m00"]
    1.75
    """
    if isinstance(image, np.ndarray) and image.dtype == np.bool_:
        image = image.view(np.uint8)
    values = _core.image_moments(cast("Image", image), binary)
    return dict(zip(_MOMENTS, values, strict=True))


_MAX_SIDE = 16384


def _size(dsize: object) -> tuple[int, int]:
    """Return the width and height of a result."""
    width, height = _pair("dsize", dsize)
    for name, side in (("width", width), ("height", height)):
        if not 1 <= side <= _MAX_SIDE:
            raise ValueError(f"dsize must have a {name} from 1 to {_MAX_SIDE}, got {dsize!r}")
    return width, height


def warp_affine(
    image: Image,
    M: NDArray[np.generic] | Sequence[Sequence[float]],
    dsize: tuple[int, int],
    inverse: bool = False,
    border: str = "constant",
    border_value: float = 0,
) -> Image:
    """Apply an affine map to an image, with linear interpolation.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
        Each channel is processed separately.
    M : array of numbers, (2, 3)
        Maps pixel (x, y) to ``M @ (x, y, 1)``. Absolute values up to 1e6.
    dsize : tuple of int
        Width and height of the result, 1 to 16384.
    inverse : bool
        Whether M maps the result to the image, so that it need not be inverted.
    border : {"constant", "replicate", "reflect", "reflect_101"}
        How the image continues beyond its border.
    border_value : float
        Level of a constant border, in all channels.

    Returns
    -------
    uint8 array, (height, width) or (height, width, channels)
        A new array of the given size.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.warpAffine`` of OpenCV 5 with ``INTER_LINEAR``; OpenCV 4 rounds source positions to
    32nds of a pixel. The bytes are equal with a constant or replicated border.

    Examples
    --------
    >>> import numpy as np
    >>> warp_affine(np.array([[0, 100, 0, 0]], np.uint8), [[1, 0, 0.5], [0, 1, 0]], (4, 1))
    array([[ 0, 50, 50,  0]], dtype=uint8)
    """
    known("border", border, BORDERS)
    try:
        matrix = np.asarray(M, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"M must be an array (2, 3) of numbers, got {M!r}") from None
    if matrix.shape != (2, 3):
        raise ValueError(f"M must have shape (2, 3), got {matrix.shape}")
    if not (np.abs(matrix) <= 1e6).all():
        raise ValueError(f"M must have finite numbers up to 1e6, got {matrix.tolist()}")
    width, height = _size(dsize)
    if not isinstance(inverse, (bool, np.bool_)):
        raise TypeError(f"inverse must be True or False, got {inverse!r}")
    value = _byte("border_value", border_value)
    return _core.image_warp_affine(
        image, matrix.ravel().tolist(), bool(inverse), height, width, border, value
    )


def deskew(image: Image) -> Image:
    """Remove the skew of a digit by shearing it until its axis is vertical.

    Parameters
    ----------
    image : uint8 array, (h, w)
        A light digit on black.

    Returns
    -------
    uint8 array, (h, w)
        Sheared by ``mu11 / mu02`` about the middle row; pixels from outside are black.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As in OpenCV's samples: ``cv2.moments``, then ``cv2.warpAffine`` with the inverse map
    ``[[1, skew, -skew * h / 2], [0, 1, 0]]``.

    Examples
    --------
    >>> import numpy as np
    >>> slanted = np.eye(5, dtype=np.uint8)[::-1] * 200
    >>> deskew(slanted).argmax(axis=1)
    array([1, 1, 1, 1, 1])
    """
    return _core.image_deskew(image)


def normalize(image: Image, alpha: float = 0, beta: float = 255) -> Image:
    """Scale the levels linearly so that they range from ``alpha`` to ``beta``.

    Parameters
    ----------
    image : uint8 array, (h, w)
        A gray image.
    alpha, beta : float
        The ends of the range, in either order, with absolute values up to 1e6; results are clipped
        to 0..255.

    Returns
    -------
    uint8 array, (h, w)
        An image of one level becomes the lower end of the range.

    Raises
    ------
    TypeError, ValueError
        The message names the argument, its value and what was expected.

    Notes
    -----
    As ``cv2.normalize`` with ``NORM_MINMAX``.

    Examples
    --------
    >>> import numpy as np
    >>> normalize(np.array([[10, 20, 30]], np.uint8))
    array([[  0, 128, 255]], dtype=uint8)
    """
    return _core.image_normalize(image, alpha, beta)
