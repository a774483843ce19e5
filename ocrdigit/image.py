"""Pictures as arrays: OpenCV's functions under their names, to the byte, without OpenCV.

A picture is a NumPy array of uint8, (h, w) or (h, w, channels) with up to 4 channels, sides up
to 16384, with any strides: cut-outs, mirrored and transposed arrays and single channels are
read where they lie. Channels are worked on one by one. Results are new arrays. Parameters
are called as in cv2, in snake case; the functions' notes say where they differ.

Large pictures are worked on by several threads (:func:`ocrdigit.set_num_threads`); the result
depends neither on their number nor on the instruction set. The bytes are those of
opencv-python-headless 5.0.0 on x86-64 with AVX2, which ``tests/test_parity_opencv.py`` checks.
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

Picture = NDArray[np.uint8]


def _integer(name: str, value: object) -> int:
    """``value`` as an int."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    return int(value)


def _byte(name: str, value: object) -> int:
    """``value`` rounded, halves to even, and cut to 0..255, as cv2 takes gray levels."""
    level = round(finite_number(name, value))
    return level if 0 <= level <= 255 else 255 if level > 0 else 0


def _pair(name: str, value: object) -> tuple[int, int]:
    """``value`` as two ints, as cv2 has sizes and places: x before y."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)) or len(value) != 2:
        raise TypeError(f"{name} must be two integers, got {value!r}")
    return _integer(name, value[0]), _integer(name, value[1])


BORDERS = ("constant", "replicate", "reflect", "reflect_101")


def to_gray(image: Picture, *, order: str = "rgb", background: int = 255) -> Picture:
    """Turn a colour picture into gray levels.

    ``(9798 R + 19235 G + 3735 B + 16384) >> 15``, as ``cv2.cvtColor``. A fourth channel is
    alpha: the colours are composited over ``background`` (cv2 drops it).

    Parameters
    ----------
    image : uint8 array, (h, w, 3) or (h, w, 4), or (h, w), which is copied
    order : {"rgb", "bgr"}
        The order of the channels; alpha comes last.
    background : int
        Gray level behind a picture with alpha, 0 to 255.

    Returns
    -------
    uint8 array, (h, w)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

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
    image: Picture, thresh: float = 0, maxval: float = 255, type: str = "binary"
) -> tuple[float, Picture]:
    """Make ``maxval`` of what is above ``thresh``, and 0 of the rest.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
    thresh : float
        Rounded down; not used by Otsu's method.
    maxval : float
        Rounded, cut to 0..255.
    type : {"binary", "binary_inv", "otsu", "otsu_inv"}
        With ``_inv``, 0 and ``maxval`` change places. With ``otsu`` the threshold is found
        by Otsu's method, for which the picture is (h, w).

    Returns
    -------
    thresh : float
        The threshold that was used.
    result : uint8 array, of the image's shape

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

    Notes
    -----
    As ``cv2.threshold``. Otsu's threshold is that of OpenCV's own code. Wheels of cv2 for
    Intel's processors leave it to the library IPP, which can decide differently where several
    thresholds are exactly equally good (``cv2.ipp.setUseIPP(False)`` turns that off).

    Examples
    --------
    >>> import numpy as np
    >>> threshold(np.array([[10, 20, 200, 210]], np.uint8), type="otsu")
    (20.0, array([[  0,   0, 255, 255]], dtype=uint8))
    """
    return _core.image_threshold(image, thresh, maxval, type)


def adaptive_threshold(
    image: Picture,
    max_value: float = 255,
    method: str = "mean",
    type: str = "binary",
    block_size: int = 11,
    C: float = 2,
) -> Picture:
    """Two levels: ``max_value`` where a pixel is above the mean around it less ``C``, else 0.

    Parameters
    ----------
    image : uint8 array, (h, w)
    max_value : float
        Rounded, cut to 0..255; below 0 the result is all 0.
    method : {"mean", "gaussian"}
        The mean: of all pixels alike, or weighted by a Gaussian of sigma
        ``0.15 * block_size + 0.35``. Beyond the border the picture goes on as it ends.
    type : {"binary", "binary_inv"}
        With ``binary_inv``, 0 and ``max_value`` change places.
    block_size : int
        Side of the square around a pixel, odd, from 3 to 2047.
    C : float
        Rounded up, with ``binary_inv`` down. Negative for light ink on dark paper.

    Returns
    -------
    uint8 array, (h, w)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

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
    """What :func:`connected_components` found; unpacks as cv2's result does.

    Attributes
    ----------
    n : int
        How many components there are, the background included.
    labels : int32 array, (h, w)
        Each pixel's component; 0 is the background.
    stats : int32 array, (n, 5)
        Of each component the left, top, width and height of its box, and its area.
    centroids : float64 array, (n, 2)
        Of each component the mean x and y.
    """

    n: int
    labels: NDArray[np.int32]
    stats: NDArray[np.int32]
    centroids: NDArray[np.float64]


def connected_components(image: Picture | NDArray[np.bool_], connectivity: int = 8) -> Components:
    """Find the connected components of the pixels that are not 0.

    Parameters
    ----------
    image : uint8 or bool array, (h, w)
    connectivity : {8, 4}
        Whether pixels that touch at a corner are connected.

    Returns
    -------
    Components
        Numbered from 1 in the order of their first pixels, row by row.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

    Notes
    -----
    As ``cv2.connectedComponentsWithStats``, whose numbers may be in another order. Where
    there is no background, row 0 of ``stats`` is 0 and its centroid NaN.

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
    labels, stats, centroids = _core.image_components(
        cast("Picture", image), _integer("connectivity", connectivity)
    )
    return Components(len(stats), labels, stats, centroids)


_LONGEST_KERNEL = 4095


def structuring_element(shape: str, ksize: tuple[int, int]) -> Picture:
    """Make a kernel for :func:`erode` and the like.

    Parameters
    ----------
    shape : {"rect", "cross", "ellipse"}
    ksize : tuple of int
        Width and height, 1 to 4095.

    Returns
    -------
    uint8 array, (height, width)
        1 inside the shape, 0 outside; as ``cv2.getStructuringElement``.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

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
        if not 1 <= side <= _LONGEST_KERNEL:
            raise ValueError(f"ksize must have a {name} from 1 to {_LONGEST_KERNEL}, got {ksize!r}")
    return _core.image_shape(kind, height, width)


def erode(
    image: Picture,
    kernel: NDArray[np.generic] | None = None,
    anchor: tuple[int, int] | None = None,
    iterations: int = 1,
    border: str = "constant",
    border_value: float | None = None,
) -> Picture:
    """Give each pixel the lowest level under the kernel: light parts shrink.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
    kernel : array of integers or bools, (h, w), optional
        Which pixels around one count: those that are not 0. Sides up to 4095; 3 x 3 by
        default. :func:`structuring_element` makes some.
    anchor : tuple of int, optional
        Which cell (x, y) of the kernel lies over the pixel; the middle by default.
    iterations : int
        How often.
    border : {"constant", "replicate", "reflect", "reflect_101"}
        How the picture goes on beyond its border.
    border_value : float, optional
        With "constant", the level there; by default one without effect.

    Returns
    -------
    uint8 array, of the image's shape

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

    See Also
    --------
    dilate, open, close

    Notes
    -----
    As ``cv2.erode``. Full kernels of any size take about the time of small ones.

    Examples
    --------
    >>> import numpy as np
    >>> erode(np.array([[9, 9, 9, 0, 9, 9]], np.uint8))
    array([[9, 9, 0, 0, 0, 9]], dtype=uint8)
    """
    return _core.image_morphology(image, "erode", kernel, anchor, iterations, border, border_value)


def dilate(
    image: Picture,
    kernel: NDArray[np.generic] | None = None,
    anchor: tuple[int, int] | None = None,
    iterations: int = 1,
    border: str = "constant",
    border_value: float | None = None,
) -> Picture:
    """Give each pixel the highest level under the kernel: light parts grow.

    Parameters, errors and limits are those of :func:`erode`; as ``cv2.dilate``.

    Examples
    --------
    >>> import numpy as np
    >>> dilate(np.array([[0, 0, 0, 9, 0, 0]], np.uint8))
    array([[0, 0, 9, 9, 9, 0]], dtype=uint8)
    """
    return _core.image_morphology(image, "dilate", kernel, anchor, iterations, border, border_value)


def open(
    image: Picture,
    kernel: NDArray[np.generic] | None = None,
    anchor: tuple[int, int] | None = None,
    iterations: int = 1,
    border: str = "constant",
    border_value: float | None = None,
) -> Picture:
    """Erosion, then dilation: light parts that the kernel does not fit into go away.

    Parameters, errors and limits are those of :func:`erode`; as ``cv2.morphologyEx`` with
    ``MORPH_OPEN``: ``iterations`` erosions, then as many dilations.

    Examples
    --------
    >>> import numpy as np
    >>> open(np.array([[0, 9, 0, 9, 9, 9, 0]], np.uint8))
    array([[0, 0, 0, 9, 9, 9, 0]], dtype=uint8)
    """
    return _core.image_morphology(image, "open", kernel, anchor, iterations, border, border_value)


def close(
    image: Picture,
    kernel: NDArray[np.generic] | None = None,
    anchor: tuple[int, int] | None = None,
    iterations: int = 1,
    border: str = "constant",
    border_value: float | None = None,
) -> Picture:
    """Dilation, then erosion: dark parts that the kernel does not fit into go away.

    Parameters, errors and limits are those of :func:`erode`; as ``cv2.morphologyEx`` with
    ``MORPH_CLOSE``: ``iterations`` dilations, then as many erosions.

    Examples
    --------
    >>> import numpy as np
    >>> close(np.array([[9, 0, 9, 0, 0, 0, 9]], np.uint8))
    array([[9, 9, 9, 0, 0, 0, 9]], dtype=uint8)
    """
    return _core.image_morphology(image, "close", kernel, anchor, iterations, border, border_value)


_MOST_TAPS = 1023


def gaussian_blur(
    image: Picture,
    ksize: int | tuple[int, int] = (0, 0),
    sigma: float = 0,
    sigma_y: float = 0,
    border: str = "reflect_101",
) -> Picture:
    """Smooth a picture with a Gaussian.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
    ksize : int or tuple of int
        Width and height of the kernel, odd, up to 1023; 0 is made from sigma,
        ``round(6 * sigma + 1) | 1``.
    sigma : float
        Standard deviation in pixels; 0 is made from ksize, ``0.15 * ksize + 0.35`` or, up to 9,
        a fixed table's.
    sigma_y : float
        The same for the vertical, where it is another.
    border : {"reflect_101", "replicate", "reflect", "constant"}
        How the picture goes on beyond its border; the constant is 0.

    Returns
    -------
    uint8 array, of the image's shape

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

    Notes
    -----
    As ``cv2.GaussianBlur``: taps in 256ths, one rounding.

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
    across = max(finite_number("sigma", sigma), 0.0)
    down = max(finite_number("sigma_y", sigma_y), 0.0) or across
    sides = []
    for side, spread in ((width, across), (height, down)):
        if side == 0 and spread > 0:
            side = round(min(6 * spread + 1, _MOST_TAPS + 1)) | 1
        if not 1 <= side <= _MOST_TAPS or side % 2 == 0:
            raise ValueError(
                f"ksize must be odd, from 1 to {_MOST_TAPS}, or 0 with a sigma that makes such "
                f"a size, got {ksize!r} with sigma {spread:g}"
            )
        sides.append(side)
    return _core.image_gaussian_blur(image, sides[1], sides[0], down, across, border)


def resize(image: Picture, dsize: tuple[int, int], interpolation: str = "linear") -> Picture:
    """Make a picture larger or smaller.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
    dsize : tuple of int
        Width and height of the result, 1 to 16384.
    interpolation : {"linear", "area"}
        Between the nearest pixels; or the mean of all that a pixel of the result covers, the
        better one for smaller pictures.

    Returns
    -------
    uint8 array, (height, width) or (height, width, channels)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

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


def moments(image: Picture | NDArray[np.bool_], binary: bool = False) -> dict[str, float]:
    """Sum levels, weighted by powers of x and y up to the third.

    Parameters
    ----------
    image : uint8 or bool array, (h, w)
    binary : bool
        Whether every level but 0 counts as 1.

    Returns
    -------
    dict of float
        ``m00`` to ``m03``, the sums; ``mu20`` to ``mu03``, about the centre of mass
        ``(m10 / m00, m01 / m00)``; ``nu20`` to ``nu03``, independent of the size too.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

    Notes
    -----
    As ``cv2.moments`` of an image. The sums are exact up to 2**53.

    Examples
    --------
    >>> import numpy as np
    >>> found = moments(np.array([[0, 10, 30]], np.uint8))
    >>> found["m10"] / found["m00"]
    1.75
    """
    if isinstance(image, np.ndarray) and image.dtype == np.bool_:
        image = image.view(np.uint8)
    values = _core.image_moments(cast("Picture", image), binary)
    return dict(zip(_MOMENTS, values, strict=True))


_LONGEST_SIDE = 16384


def _size(dsize: object) -> tuple[int, int]:
    """Width and height of a result."""
    width, height = _pair("dsize", dsize)
    for name, side in (("width", width), ("height", height)):
        if not 1 <= side <= _LONGEST_SIDE:
            raise ValueError(f"dsize must have a {name} from 1 to {_LONGEST_SIDE}, got {dsize!r}")
    return width, height


def warp_affine(
    image: Picture,
    M: NDArray[np.generic] | Sequence[Sequence[float]],
    dsize: tuple[int, int],
    inverse: bool = False,
    border: str = "constant",
    border_value: float = 0,
) -> Picture:
    """Move, turn, shear or scale a picture, linear between pixels.

    Parameters
    ----------
    image : uint8 array, (h, w) or (h, w, channels)
    M : array of numbers, (2, 3)
        Pixel (x, y) goes to ``M @ (x, y, 1)``. Numbers up to 1e6.
    dsize : tuple of int
        Width and height of the result, 1 to 16384.
    inverse : bool
        Whether M is the way back, from the result to the image, which saves its inversion.
    border : {"constant", "replicate", "reflect", "reflect_101"}
        How the picture goes on beyond its border.
    border_value : float
        With "constant", the level there, in all channels.

    Returns
    -------
    uint8 array, (height, width) or (height, width, channels)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

    Notes
    -----
    As ``cv2.warpAffine`` of OpenCV 5 with ``INTER_LINEAR``, whose places are not rounded to
    32nds of a pixel any more as those of OpenCV 4 are. A constant or replicated border
    gives its bytes.

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


def deskew(image: Picture) -> Picture:
    """Take a digit's slant away: rows move until its axis is upright.

    Parameters
    ----------
    image : uint8 array, (h, w)
        Light ink on black.

    Returns
    -------
    uint8 array, (h, w)
        Sheared by ``mu11 / mu02`` about the middle row; what comes in from outside is black.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

    Notes
    -----
    The recipe of OpenCV's samples: ``cv2.moments``, then ``cv2.warpAffine`` with
    ``[[1, skew, -skew * h / 2], [0, 1, 0]]`` as the way back.

    Examples
    --------
    >>> import numpy as np
    >>> slanted = np.eye(5, dtype=np.uint8)[::-1] * 200
    >>> deskew(slanted).argmax(axis=1)
    array([1, 1, 1, 1, 1])
    """
    return _core.image_deskew(image)


def normalize(image: Picture, alpha: float = 0, beta: float = 255) -> Picture:
    """Stretch levels so that the lowest becomes ``alpha`` and the highest ``beta``.

    Parameters
    ----------
    image : uint8 array, (h, w)
    alpha, beta : float
        The ends of the range, in either order, up to 1e6 in size; levels are cut to 0..255.

    Returns
    -------
    uint8 array, (h, w)
        Of a picture of one level, the range's lower end.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.

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
