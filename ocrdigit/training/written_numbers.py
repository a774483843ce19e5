"""Numbers as people write them: amounts, dates, times, phone numbers, and guards around them.

The recognizer learns the separators ``. , - + / :``. Other marks, such as the guards ``=`` and
``#`` around the amount of a cheque, currency signs and apostrophes, it learns to leave out.
"""

from __future__ import annotations

import numpy as np

from ..synth._strokes import MARKS
from .letters import Strokes

MAX_LENGTH = 9  # digits of a plain number

_GUARDS_BEFORE = ("$", "*", "#", "=", "(", "€", "#", "=")
_GUARDS_AFTER = ("=", "#", "*", ")", "=", "#")
_TRAILING = ("-", ".-", ",-", "--", ".", "-")  # after whole amounts


def number(rng: np.random.Generator) -> str:
    """Return a number to write; characters that are no separators are not part of its label."""
    kind = rng.random()
    if kind < 0.36:
        text = digits(rng)
    elif kind < 0.66:
        text = _amount(rng)
    elif kind < 0.8:
        text = _date(rng)
    elif kind < 0.88:
        text = _time(rng)
    else:
        text = _code(rng)
    if rng.random() < 0.1:
        text = str(rng.choice(_GUARDS_BEFORE)) + text
    if rng.random() < 0.1:
        text += str(rng.choice(_GUARDS_AFTER))
    return text


def digits(rng: np.random.Generator) -> str:
    """Return up to nine digits; some end in zeros, as amounts do, or repeat a digit."""
    text = _digits(rng, int(rng.integers(1, MAX_LENGTH + 1)))
    kind = rng.random()
    if kind < 0.15:
        text = text[: MAX_LENGTH - 4] + "0" * int(rng.integers(2, 5))
    elif kind < 0.2:
        place = int(rng.integers(len(text)))
        text = text[:place] + text[place] * int(rng.integers(2, 4)) + text[place + 1 :]
    return text[:MAX_LENGTH]


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(map(str, rng.integers(0, 10, count).tolist()))


def _amount(rng: np.random.Generator) -> str:
    """Return a decimal or an integer, perhaps in groups of three, with a sign or a dash."""
    point = str(rng.choice([".", ","]))
    whole = _digits(rng, int(rng.integers(1, 7)))
    if len(whole) > 3 and rng.random() < 0.5:
        mark = str(rng.choice([".", ",", "'", " "]))
        mark = {".": ",", ",": "."}[point] if mark in ".," else mark
        first = len(whole) % 3 or 3
        whole = mark.join([whole[:first], *(whole[i : i + 3] for i in range(first, len(whole), 3))])
    kind = rng.random()
    if kind < 0.65:
        whole += point + _digits(rng, int(rng.choice([2, 2, 2, 2, 1, 3])))
    elif kind < 0.8:
        whole += str(rng.choice(_TRAILING))
    if rng.random() < 0.25:
        whole = str(rng.choice(["-", "-", "-", "+"])) + whole
    return whole


def _date(rng: np.random.Generator) -> str:
    mark = str(rng.choice(["/", "/", ".", "-"]))
    day, month = int(rng.integers(1, 32)), int(rng.integers(1, 13))
    year = int(rng.integers(1900, 2060))
    parts = [f"{day:02}", f"{month:02}"] if rng.random() < 0.5 else [str(day), str(month)]
    if rng.random() < 0.3:
        parts.reverse()
    kind = rng.random()
    if kind < 0.2:
        return mark.join([str(year), f"{month:02}", f"{day:02}"])
    if kind < 0.85:
        parts.append(str(year) if rng.random() < 0.6 else f"{year % 100:02}")
    return mark.join(parts) + ("." if mark == "." and kind > 0.95 else "")


def _time(rng: np.random.Generator) -> str:
    mark = ":" if rng.random() < 0.85 else "."
    hour, minute, second = int(rng.integers(24)), int(rng.integers(60)), int(rng.integers(60))
    text = f"{hour:02}" if rng.random() < 0.6 else str(hour)
    return mark.join([text, f"{minute:02}", *([f"{second:02}"] if rng.random() < 0.25 else [])])


def _code(rng: np.random.Generator) -> str:
    """Return groups of digits with one separator, such as a telephone number or a fraction."""
    mark = str(rng.choice(["-", "-", "/", "/", ".", ":", "+", " "]))
    groups = [_digits(rng, int(rng.integers(1, 5))) for _ in range(int(rng.integers(2, 4)))]
    text = mark.join(groups)
    return "+" + text if rng.random() < 0.2 else text


# -- shapes of marks --


def _spread(strokes: Strokes, rng: np.random.Generator, x: float, y: float) -> Strokes:
    """Return strokes moved up by ``y`` and scaled by ``x`` in width, with a little slope."""
    slope = float(rng.normal(0, 0.06))
    return [[(px * x, py + y + slope * px) for px, py in stroke] for stroke in strokes]


def _dot(rng: np.random.Generator) -> Strokes:
    size = float(rng.choice([0.0, 0.02, 0.05, 0.1]))
    height = float(rng.uniform(-0.06, 0.12)) if rng.random() < 0.8 else float(rng.uniform(0.1, 0.5))
    angle = float(rng.uniform(0, 6.3))
    dx, dy = size * float(np.cos(angle)), size * float(np.sin(angle))
    return [[(0.0, height), (dx + 0.005, height + dy)]]


def _comma(rng: np.random.Generator) -> Strokes:
    """Return a short hook at the baseline, a straight stroke, or one as long as half a digit."""
    top = float(rng.uniform(0.0, 0.2))
    length = float(rng.uniform(0.15, 0.35)) if rng.random() < 0.75 else float(rng.uniform(0.3, 0.5))
    lean, bend = float(rng.uniform(0.0, 0.7)), float(rng.uniform(0.0, 0.08))
    bottom = top - length
    return [[(length * lean, top), (0.5 * length * lean + bend, top - 0.5 * length), (0.0, bottom)]]


def _dash(rng: np.random.Generator) -> Strokes:
    width = float(rng.uniform(0.4, 1.2)) if rng.random() < 0.75 else float(rng.uniform(1.2, 2.2))
    strokes: Strokes = [list(MARKS["-"][0])]
    if rng.random() < 0.2:  # a wave
        strokes = [[(0.0, 0.4), (0.15, 0.47), (0.35, 0.38), (0.5, 0.45)]]
    return _spread(strokes, rng, width, float(rng.uniform(-0.12, 0.15)))


def _plus(rng: np.random.Generator) -> Strokes:
    size, across = float(rng.uniform(0.18, 0.4)), float(rng.uniform(-0.06, 0.06))
    middle = 0.45 + float(rng.uniform(-0.1, 0.1))
    return [
        [(0.0, middle + across), (2 * size, middle - across)],
        [(size + across, middle + size), (size - across, middle - size)],
    ]


def _slash(rng: np.random.Generator) -> Strokes:
    top, bottom = float(rng.uniform(0.85, 1.25)), float(rng.uniform(-0.35, 0.1))
    lean, bend = float(rng.uniform(0.08, 0.85)), float(rng.normal(0, 0.05))
    return [[(0.0, bottom), (0.5 * lean + bend, 0.5 * (top + bottom)), (lean, top)]]


def _colon(rng: np.random.Generator) -> Strokes:
    low, high = float(rng.uniform(-0.02, 0.25)), float(rng.uniform(0.4, 0.75))
    size, lean = float(rng.choice([0.01, 0.03, 0.08])), float(rng.uniform(-0.03, 0.12))
    return [
        [(lean, high), (lean + 0.005, high - size)],
        [(0.0, low), (0.005, low - size)],
    ]


_SHAPES = {".": _dot, ",": _comma, "-": _dash, "+": _plus, "/": _slash, ":": _colon}


def separators(rng: np.random.Generator) -> dict[str, Strokes]:
    """Return one person's way to write each separator, as glyphs of :mod:`ocrdigit.synth`."""
    return {mark: shape(rng) for mark, shape in _SHAPES.items()}
