"""Strings of digits: one, or thousands for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._symbols import only_symbols
from ..datasets import Picture
from . import _background, _camera, _strokes, _style
from ._digits import Digits, as_digits
from ._strokes import curve, draw
from ._style import Style
from ._writing import SPACE, Floats, Writing, sample_style, write

_MARGINS = (0.1, 0.6)  # left and right of the writing, in digit heights
_SEPARATORS = ".,' "
_PREFIXES = "$*#=-(€"
_SUFFIXES = ("-", "=", ".-", ".", ",", "/", "*", "#", "--", ")", "~")
_BATCH = 256  # maximum number of strings rendered at a time,
_BATCH_PIXELS = 1 << 23  # and of their pixels


def string(
    text: str | None = None,
    *,
    style: str | Style = "plain",
    height: int = 32,
    color: bool = False,
    digits: Any = None,
    glyphs: _strokes.Glyphs | None = None,
    random_state: object = None,
) -> Picture:
    r"""Return a picture of one number.

    Parameters
    ----------
    text : str, optional
        Digits, spaces, the marks ``.,':-=/\|()+*#$€~`` and the characters of `glyphs`.
        By default, one to ten random digits, with separators in some styles.
    style : str or Style
        "plain", "touching", "cheque", "note", "form" or a custom Style.
    height : int
        Height of the picture in pixels, 16 to 1024; the width follows from the text.
    color : bool
        Return RGB instead of gray.
    digits : None, Digits, Dataset or (images, labels)
        The handwriting. By default, the embedded sample of MNIST.
    glyphs : mapping of str to strokes, optional
        More characters, such as letters. The strokes of each are lists of points (x, y), where y
        is 0 at the baseline and 1 at the top of the digits, and x has the same unit.
    random_state : None, int or numpy.random.Generator
        Seed. The same seed gives the same picture.

    Returns
    -------
    Picture
        The image, the digits and separators of the text, and the bounding boxes of the digits.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> picture = synth.string("1874", style="cheque", height=48, random_state=1)
    >>> picture.text, picture.image.shape[0], picture.boxes.shape
    ('1874', 48, (4, 4))
    """
    texts = None if text is None else [checked_text("text", text, _all_glyphs(glyphs))]
    return strings(
        1,
        texts=texts,
        style=style,
        height=height,
        color=color,
        digits=digits,
        glyphs=glyphs,
        random_state=random_state,
    )[0]


def strings(
    n: int,
    *,
    texts: Sequence[str] | None = None,
    length: int | tuple[int, int] = (1, 10),
    style: str | Style | Sequence[str | Style] = "plain",
    height: int = 32,
    color: bool = False,
    digits: Any = None,
    glyphs: _strokes.Glyphs | None = None,
    random_state: object = None,
) -> list[Picture]:
    """Return pictures of many numbers; renders thousands per second.

    Parameters
    ----------
    n : int
        Number of pictures.
    texts : sequence of str, optional
        The n texts. By default, random digits.
    length : int or (low, high)
        Number of digits of random texts.
    style : str, Style or a list of these
        The appearance. From a list, each picture takes one at random.
    height, color, digits, glyphs, random_state : as for one picture
        See :func:`string`. Pass a ``numpy.random.Generator`` to continue the random sequence
        over several calls, and a :class:`Digits` to prepare the handwriting only once.

    Returns
    -------
    list of Picture
        Pictures of equal height and individual widths.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> batch = synth.strings(100, length=(2, 6), style=["plain", "cheque"], random_state=0)
    >>> len(batch), all(2 <= len(picture.values) <= 6 for picture in batch)
    (100, True)
    """
    n = _checks.positive_int("n", n)
    height = _checked_height(height)
    styles = _resolved_styles(style)
    source = as_digits(digits)
    rng = _checks.generator(random_state)
    all_glyphs = _all_glyphs(glyphs)
    if texts is not None:
        checked = _checked_texts(texts, n, all_glyphs)
    else:
        checked = random_texts(n, _checked_length(length), source, rng)
    style_index = rng.integers(len(styles), size=n) if len(styles) > 1 else np.zeros(n, np.int64)
    pictures: list[Picture | None] = [None] * n
    for index, chosen in enumerate(styles):
        # A batch of texts of similar length wastes the least width.
        order = np.flatnonzero(style_index == index)
        order = order[np.argsort([len(checked[i]) for i in order], kind="stable")]
        longest = max((len(checked[i]) for i in order), default=1)
        step = max(1, min(_BATCH, _BATCH_PIXELS // (height * height * longest)))
        for start in range(0, len(order), step):
            batch = order[start : start + step].tolist()
            rendered = _render(
                [checked[i] for i in batch], chosen, height, color, source, all_glyphs, rng
            )
            for i, picture in zip(batch, rendered, strict=True):
                pictures[i] = picture
    return [picture for picture in pictures if picture is not None]


def _render(
    texts: list[str],
    style: Style,
    height: int,
    color: bool,
    source: Digits,
    glyphs: _strokes.Glyphs,
    rng: np.random.Generator,
) -> list[Picture]:
    """Return pictures of ``texts`` in one style."""
    sample = sample_style(style, len(texts), height, rng, _MARGINS)
    marked = [_with_marks(text, style, rng) for text in texts]
    writing = write(marked, source, style, sample, height, rng, glyphs)
    if style.underline:
        _underline(writing, style, sample.size, rng)
    foreground = writing.foreground
    shape = (len(texts), height, foreground.shape[2])
    background = _background.make_background(style, shape, sample.size, rng)
    ends = np.searchsorted(writing.picture, np.arange(len(texts) + 1))
    if style.boxes:
        for index in np.flatnonzero(rng.random(len(texts)) < style.boxes):
            boxes = writing.boxes[ends[index] : ends[index + 1]]
            if len(boxes):
                _background.print_boxes(background[index], boxes, style, rng)
    if color:
        tones = colored(background, foreground, rng)
        light = np.ones(shape, np.float32)
        _background.illuminate(style, light, rng)
        tones *= light[..., None]
    else:
        background *= np.subtract(1, foreground, out=foreground)
        tones = background
        _background.illuminate(style, tones, rng)
    pixels = _camera.capture(style, tones, rng)
    return [
        Picture(
            np.ascontiguousarray(pixels[i, :, : writing.widths[i]]),
            only_symbols(marked[i]),
            writing.values[ends[i] : ends[i + 1]],
            writing.boxes[ends[i] : ends[i + 1]],
        )
        for i in range(len(texts))
    ]


def colored(background: Floats, foreground: Floats, rng: np.random.Generator) -> Floats:
    """Return tones (n, h, w, 3): background and foreground (n, h, w) in random colours."""
    count = len(background)
    tints = 1 - np.abs(rng.normal(0, 0.03, (count, 3))) * (1, 1, 1.5)
    palette = np.array([(0.1, 0.1, 0.12), (0.1, 0.15, 0.5), (0.05, 0.1, 0.35), (0.3, 0.3, 0.32)])
    inks = palette[rng.integers(len(palette), size=count)] + rng.normal(0, 0.03, (count, 3))
    tint = tints.astype(np.float32)[:, None, None, :]
    ink = np.clip(inks, 0, 1).astype(np.float32)[:, None, None, :]
    tones: Floats = background[..., None] * tint
    tones *= 1 - foreground[..., None] * (1 - ink)
    return tones


def _with_marks(text: str, style: Style, rng: np.random.Generator) -> str:
    """Return ``text`` with random separators between its groups, and a prefix or suffix."""
    if style.separators and len(text) > 3 and rng.random() < style.separators:
        mark = _SEPARATORS[rng.integers(len(_SEPARATORS))]
        cut = len(text) % 3 or 3
        groups = [text[:cut], *(text[i : i + 3] for i in range(cut, len(text), 3))]
        text = mark.join(groups)
    if style.affixes and rng.random() < style.affixes:
        if rng.random() < 0.35:
            text = _PREFIXES[rng.integers(len(_PREFIXES))] + text
        if rng.random() < 0.8:
            text = text + _SUFFIXES[rng.integers(len(_SUFFIXES))]
    return text


def _underline(writing: Writing, style: Style, size: Floats, rng: np.random.Generator) -> None:
    """Underline some of the numbers."""
    for index in np.flatnonzero(rng.random(len(size)) < style.underline):
        boxes = writing.boxes[writing.picture == index]
        if not len(boxes):
            continue
        y = float((boxes[:, 1] + boxes[:, 3]).max()) + size[index] * rng.uniform(0.02, 0.15)
        ends = np.array([boxes[0, 0], (boxes[-1, 0] + boxes[-1, 2])]) + rng.normal(0, 3, 2)
        points = np.array(
            [
                (ends[0], y + rng.normal(0, 1)),
                (ends.mean(), y + rng.normal(0, 1)),
                (ends[1], y + rng.normal(0, 1)),
            ],
            np.float32,
        )
        draw(
            writing.foreground[index],
            [curve(points)],
            max(0.6, 0.04 * float(size[index])),
            1.2,
            0.8,
        )


def _checked_height(height: object) -> int:
    value = _checks.positive_int("height", height)
    if not 16 <= value <= 1024:
        raise ValueError(f"height must be 16 to 1024 pixels, got {value}")
    return value


def _resolved_styles(style: object) -> list[Style]:
    if isinstance(style, (list, tuple)):
        if not style:
            raise ValueError("style must name at least one style, got an empty list")
        return [_style.resolve(each) for each in style]
    return [_style.resolve(style)]


def _all_glyphs(glyphs: _strokes.Glyphs | None) -> _strokes.Glyphs:
    """Return the marks and the custom glyphs."""
    if glyphs is None:
        return _strokes.MARKS
    for character, strokes in glyphs.items():
        if not isinstance(character, str) or len(character) != 1 or character in "0123456789 ":
            raise ValueError(f"glyphs must be single characters and no digits, got {character!r}")
        for stroke in strokes:
            points = np.asarray(stroke, np.float64)
            if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
                raise ValueError(
                    f"glyphs[{character!r}] must be lists of points (x, y), got {stroke!r}"
                )
    return {**_strokes.MARKS, **glyphs}


def _checked_texts(texts: Sequence[str], count: int, glyphs: _strokes.Glyphs) -> list[str]:
    unchecked = list(texts)
    if len(unchecked) != count:
        raise ValueError(f"texts must be n = {count} strings, got {len(unchecked)}")
    return [checked_text("texts", text, glyphs) for text in unchecked]


def checked_text(name: str, text: object, glyphs: _strokes.Glyphs = _strokes.MARKS) -> str:
    """Return ``text``; raise TypeError or ValueError if it cannot be rendered."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must be str, got {type(text).__name__}")
    unknown = sorted(set(text) - set("0123456789") - set(glyphs) - {SPACE})
    if unknown:
        raise ValueError(f"{name} must be digits, spaces and {''.join(glyphs)}, got {unknown[0]!r}")
    if not text.strip():
        raise ValueError(f"{name} must have a digit or a mark, got {text!r}")
    if len(text) > 100:
        raise ValueError(f"{name} must have at most 100 characters, got {len(text)}")
    return text


def _checked_length(length: object) -> tuple[int, int]:
    if isinstance(length, tuple) and len(length) == 2:
        low, high = (_checks.positive_int("length", each) for each in length)
    else:
        low = high = _checks.positive_int("length", length)
    if low > high or high > 100:
        raise ValueError(f"length must be (low, high) in rising order up to 100, got {length!r}")
    return low, high


def random_texts(
    count: int, length: tuple[int, int], source: Digits, rng: np.random.Generator
) -> list[str]:
    """Return texts of the digits that ``source`` contains, uniformly distributed."""
    present = np.array([digit for digit in range(10) if len(source.by_digit[digit])])
    lengths = rng.integers(length[0], length[1] + 1, size=count)
    values: NDArray[np.int64] = present[rng.integers(len(present), size=int(lengths.sum()))]
    joined = "".join(map(str, values.tolist()))
    ends = np.cumsum(lengths).tolist()
    return [joined[end - size : end] for end, size in zip(ends, lengths.tolist(), strict=True)]
