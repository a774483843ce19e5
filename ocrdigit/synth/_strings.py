"""Strings of digits: one, or thousands for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..datasets import Picture
from . import _camera, _paper, _strokes, _style
from ._digits import Digits, as_digits
from ._strokes import curve, draw
from ._style import Style
from ._writing import SPACE, Floats, Writing, draw_hand, write

_MARGINS = (0.1, 0.6)  # beside the writing, in heights of the digits
_SEPARATORS = ".,' "
_BEFORE = "$*#=-(€"
_AFTER = ("-", "=", ".-", ".", ",", "/", "*", "#", "--", ")", "~")
_BATCH = 256  # strings written at a time, and their pixels at most
_PIXELS = 1 << 23


def string(
    text: str | None = None,
    *,
    style: str | Style = "plain",
    height: int = 32,
    color: bool = False,
    digits: Any = None,
    signs: _strokes.Signs | None = None,
    random_state: object = None,
) -> Picture:
    r"""Write one number.

    Parameters
    ----------
    text : str, optional
        Digits, and where wanted spaces, the marks ``.,':-=/\|()+*#$€~`` and other `signs`.
        Without it, one to ten digits at random.
    style : str or Style
        How it looks: "plain", "touching", "cheque", "note", "form" or your own.
    height : int
        Height of the picture in pixels, at least 16; its width follows from the text.
    color : bool
        Red, green and blue instead of gray.
    digits : None, Digits, Dataset or (images, labels)
        The handwriting. Without it, the embedded sample of MNIST.
    signs : mapping of str to strokes, optional
        What else a text may have, as letters: each sign's strokes are lists of points (x, y), y
        being 0 at the foot of the digits, 1 at their top, and x of the same unit.
    random_state : None, int or numpy.random.Generator
        The same number gives the same picture.

    Returns
    -------
    Picture
        The image, the text, and where each digit is.

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
    texts = None if text is None else [checked_text("text", text, _shapes(signs))]
    return strings(
        1,
        texts=texts,
        style=style,
        height=height,
        color=color,
        digits=digits,
        signs=signs,
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
    signs: _strokes.Signs | None = None,
    random_state: object = None,
) -> list[Picture]:
    """Write many numbers at once, for training: thousands a second.

    Parameters
    ----------
    n : int
        How many.
    texts : sequence of str, optional
        What to write, n of them. Without it, digits at random.
    length : int or (low, high)
        How many digits those random texts have.
    style : str, Style or a list of these
        How they look; of a list, each picture takes one at random.
    height, color, digits, signs, random_state
        As for :func:`string`. To go on where the last call ended, hand over a
        ``numpy.random.Generator``; to save time, a :class:`Digits`.

    Returns
    -------
    list of Picture
        All of the same height, each of its own width.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from ocrdigit import synth
    >>> batch = synth.strings(100, length=(2, 6), style=["plain", "cheque"], random_state=0)
    >>> len(batch), all(2 <= len(picture.text) <= 6 for picture in batch)
    (100, True)
    """
    n = _checks.positive_int("n", n)
    height = _checked_height(height)
    styles = _resolved_styles(style)
    source = as_digits(digits)
    rng = _checks.generator(random_state)
    shapes = _shapes(signs)
    known = None if texts is None else _checked_texts(texts, n, shapes)
    if known is None:
        known = random_texts(n, _checked_length(length), source, rng)
    choice = rng.integers(len(styles), size=n) if len(styles) > 1 else np.zeros(n, np.int64)
    pictures: list[Picture | None] = [None] * n
    for index, chosen in enumerate(styles):
        places = np.flatnonzero(choice == index)
        # strings of like length together waste the least width
        places = places[np.argsort([len(known[place]) for place in places], kind="stable")]
        longest = max((len(known[place]) for place in places), default=1)
        step = max(1, min(_BATCH, _PIXELS // (height * height * longest)))
        for start in range(0, len(places), step):
            some = places[start : start + step].tolist()
            lines = [known[place] for place in some]
            written = _batch(lines, chosen, height, color, source, shapes, rng)
            for place, picture in zip(some, written, strict=True):
                pictures[place] = picture
    return [picture for picture in pictures if picture is not None]


def _batch(
    texts: list[str],
    style: Style,
    height: int,
    color: bool,
    source: Digits,
    shapes: _strokes.Signs,
    rng: np.random.Generator,
) -> list[Picture]:
    """Write ``texts`` in one style."""
    hand = draw_hand(style, len(texts), height, rng, _MARGINS)
    marked = [_with_marks(text, style, rng) for text in texts]
    writing = write(marked, source, style, hand, height, rng, shapes)
    if style.underline:
        _underline(writing, style, hand.size, rng)
    shape = (len(texts), height, writing.ink.shape[2])
    paper = _paper.make_paper(style, shape, hand.size, rng)
    ends = np.searchsorted(writing.owner, np.arange(len(texts) + 1))
    if style.boxes:
        for index in np.flatnonzero(rng.random(len(texts)) < style.boxes):
            boxes = writing.boxes[ends[index] : ends[index + 1]]
            if len(boxes):
                _paper.print_boxes(paper[index], boxes, style, rng)
    if color:
        tones = colored(paper, writing.ink, rng)
        lit = np.ones(shape, np.float32)
        _paper.shine(style, lit, rng)
        tones *= lit[..., None]
    else:
        paper *= np.subtract(1, writing.ink, out=writing.ink)
        tones = paper
        _paper.shine(style, tones, rng)
    pixels = _camera.take(style, tones, rng)
    return [
        Picture(
            np.ascontiguousarray(pixels[i, :, : writing.widths[i]]),
            "".join(map(str, writing.values[ends[i] : ends[i + 1]].tolist())),
            writing.values[ends[i] : ends[i + 1]],
            writing.boxes[ends[i] : ends[i + 1]],
        )
        for i in range(len(texts))
    ]


def colored(paper: Floats, ink: Floats, rng: np.random.Generator) -> Floats:
    """Give paper and ink (n, h, w) colours: tones (n, h, w, 3)."""
    count = len(paper)
    tints = 1 - np.abs(rng.normal(0, 0.03, (count, 3))) * (1, 1, 1.5)
    pens = np.array([(0.1, 0.1, 0.12), (0.1, 0.15, 0.5), (0.05, 0.1, 0.35), (0.3, 0.3, 0.32)])
    inks = pens[rng.integers(len(pens), size=count)] + rng.normal(0, 0.03, (count, 3))
    tint = tints.astype(np.float32)[:, None, None, :]
    pen = np.clip(inks, 0, 1).astype(np.float32)[:, None, None, :]
    tones: Floats = paper[..., None] * tint
    tones *= 1 - ink[..., None] * (1 - pen)
    return tones


def _with_marks(text: str, style: Style, rng: np.random.Generator) -> str:
    """Return ``text`` with the marks that people set between and around digits."""
    if style.separators and len(text) > 3 and rng.random() < style.separators:
        mark = _SEPARATORS[rng.integers(len(_SEPARATORS))]
        cut = len(text) % 3 or 3
        groups = [text[:cut], *(text[i : i + 3] for i in range(cut, len(text), 3))]
        text = mark.join(groups)
    if style.signs and rng.random() < style.signs:
        if rng.random() < 0.35:
            text = _BEFORE[rng.integers(len(_BEFORE))] + text
        if rng.random() < 0.8:
            text = text + _AFTER[rng.integers(len(_AFTER))]
    return text


def _underline(writing: Writing, style: Style, size: Floats, rng: np.random.Generator) -> None:
    """Draw lines under some of the strings."""
    for index in np.flatnonzero(rng.random(len(size)) < style.underline):
        boxes = writing.boxes[writing.owner == index]
        if not len(boxes):
            continue
        foot = float((boxes[:, 1] + boxes[:, 3]).max()) + size[index] * rng.uniform(0.02, 0.15)
        ends = np.array([boxes[0, 0], (boxes[-1, 0] + boxes[-1, 2])]) + rng.normal(0, 3, 2)
        points = np.array(
            [
                (ends[0], foot + rng.normal(0, 1)),
                (ends.mean(), foot + rng.normal(0, 1)),
                (ends[1], foot + rng.normal(0, 1)),
            ],
            np.float32,
        )
        draw(writing.ink[index], [curve(points)], max(0.6, 0.04 * float(size[index])), 1.2, 0.8)


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


def _shapes(signs: _strokes.Signs | None) -> _strokes.Signs:
    """Return the strokes of all signs that texts may have."""
    if signs is None:
        return _strokes.MARKS
    for sign, strokes in signs.items():
        if not isinstance(sign, str) or len(sign) != 1 or sign in "0123456789 ":
            raise ValueError(f"signs must be single characters and no digits, got {sign!r}")
        for stroke in strokes:
            points = np.asarray(stroke, np.float64)
            if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
                raise ValueError(f"signs[{sign!r}] must be lists of points (x, y), got {stroke!r}")
    return {**_strokes.MARKS, **signs}


def _checked_texts(texts: Sequence[str], count: int, shapes: _strokes.Signs) -> list[str]:
    known = list(texts)
    if len(known) != count:
        raise ValueError(f"texts must be n = {count} strings, got {len(known)}")
    return [checked_text("texts", text, shapes) for text in known]


def checked_text(name: str, text: object, shapes: _strokes.Signs = _strokes.MARKS) -> str:
    """Return ``text`` where it can be written."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must be str, got {type(text).__name__}")
    strange = sorted(set(text) - set("0123456789") - set(shapes) - {SPACE})
    if strange:
        raise ValueError(f"{name} must be digits, spaces and {''.join(shapes)}, got {strange[0]!r}")
    if not text.strip():
        raise ValueError(f"{name} must have a digit or a mark, got {text!r}")
    if len(text) > 100:
        raise ValueError(f"{name} must have at most 100 signs, got {len(text)}")
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
    """Texts of digits that ``source`` has, all equally often."""
    present = np.array([digit for digit in range(10) if len(source.of_digit[digit])])
    lengths = rng.integers(length[0], length[1] + 1, size=count)
    signs: NDArray[np.int64] = present[rng.integers(len(present), size=int(lengths.sum()))]
    whole = "".join(map(str, signs.tolist()))
    ends = np.cumsum(lengths).tolist()
    return [whole[end - size : end] for end, size in zip(ends, lengths.tolist(), strict=True)]
