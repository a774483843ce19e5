"""Synthetic digits in writing styles that are rare in MNIST.

MNIST's writers were Americans of the 1990s. Elsewhere a 1 may have a flag and a foot, a 7 a bar,
a 2 and a 9 loops, and a 5 a separate top stroke. Each style is defined by a few strokes, which are
drawn with random variations: displaced points, width, slant, rotation and stroke width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..synth._strokes import Points, curve, draw
from ._preprocessed import preprocessed

_HEIGHT = 84  # pixels of a drawn digit
_MARGIN = 34  # pixels around it

# The shapes of each digit: strokes separated by ";", each a curve through points "x,y" in percent
# of the height, with y = 0 at the baseline. At a corner, one stroke ends and another begins.
SHAPES: dict[int, tuple[str, ...]] = {
    0: (
        "28,100 5,80 0,40 20,0 45,30 45,75 25,100",
        # closed by a tail to the right; inside; not quite closed
        "30,100 4,75 2,30 24,0 48,35 42,85 30,100 52,98",
        "18,88 2,55 10,8 35,5 50,45 40,90 20,100 12,86 25,74",
        "50,90 20,100 0,50 20,0 50,20 50,70 30,97",
        # with a loop where it begins and ends; narrow; crossed out, as in codes
        "24,84 36,96 20,102 4,78 2,28 22,0 46,24 46,76 30,96 18,92",
        "24,100 8,70 0,20 10,0 26,26 34,70 24,100",
        "28,100 5,80 0,40 20,0 45,30 45,75 28,100; 2,2 48,98",
    ),
    1: (
        # with a flag
        "-22,72 0,100; 0,100 0,0",
        "-32,60 0,100; 0,100 0,0",
        "-42,50 0,100; 0,100 0,0",
        "-30,45 0,100; 0,100 6,0",
        "-36,22 0,100; 0,100 4,0",
        # with a bent flag; with a narrow loop between flag and stem
        "-36,60 -16,74 0,100; 0,100 2,0",
        "-30,74 -12,82 0,100; 0,100 0,0",
        "-28,42 -2,90 5,102 6,88 0,50 -2,0",
        # with a foot
        "-26,68 0,100; 0,100 0,0; -26,0 26,0",
        "-16,80 0,100; 0,100 0,0; -26,0 26,0",
        "0,100 0,0; -26,0 26,0",
        # with an upstroke from the baseline
        "-44,0 0,100; 0,100 4,0",
        "-54,12 -2,100; -2,100 -2,-4",
        "-46,24 -14,80 2,100; 2,100 0,0",
        # with a hook at the foot; bent
        "-14,82 0,100; 0,100 -2,12 8,0 22,10",
        "6,100 2,60 -2,30 -8,0",
    ),
    2: (
        # with a loop at the bottom, at the top, at both
        "3,80 22,100 46,82 36,50 12,12 0,6 6,18 24,10 42,0 62,8",
        "34,62 12,58 2,80 20,100 46,86 40,55 20,25 0,2; 0,2 28,5 60,0",
        "36,58 12,54 2,78 20,100 46,88 42,56 20,20 4,2 0,12 16,16 40,2 64,4",
        "22,62 4,68 6,92 30,100 48,80 36,46 10,10 2,2 20,6 40,0 60,10",
        # angular; with an initial hook
        "0,92 25,100 48,88 0,2; 0,2 56,0",
        "6,74 12,96 40,96 42,62 0,2; 0,2 30,6 58,2",
        # with a large loop at the top, nearly a ring
        "30,42 6,50 2,76 20,100 44,90 46,60 30,26 0,2; 0,2 28,7 60,0",
        "12,44 2,66 8,92 30,100 48,82 42,54 22,24 0,4; 0,4 26,10 58,4",
        "32,72 16,64 4,78 16,100 42,92 40,66 18,30 2,6 12,0 30,12 56,2",
        # a swan; with a long base
        "4,82 18,100 40,88 34,56 10,14 2,2; 2,2 20,12 40,0 66,8",
        "0,82 20,102 42,84 28,40 2,2; 2,2 44,4 84,0",
    ),
    3: (
        # with a flat top; with a loop in the middle; with a corner in the middle
        "0,98 46,100; 46,100 18,60; 18,60 46,46 46,12 20,0 0,10",
        "0,86 22,100 44,82 30,58 14,52 22,60 44,46 48,18 24,0 0,12",
        "2,90 24,100 42,84 20,56; 20,56 48,40 40,6 0,6",
        # with a long tail; with a loop at the end; like a Z with a bowl
        "2,94 30,100 40,82 16,58; 16,58 44,50 42,12 12,-8 -12,6",
        "4,86 24,100 42,80 18,54; 18,54 44,40 38,8 14,0 4,14 16,18",
        "0,100 44,98; 44,98 12,58; 12,58 40,50 44,20 26,-2 -4,4",
        # in one stroke with a round waist
        "0,90 30,102 38,76 18,62 14,54 40,42 40,8 14,0 -2,8",
    ),
    4: (
        # open; with a short stem; closed; variants
        "12,100 0,42; 0,42 58,44; 42,80 38,0",
        "10,95 2,50 45,48; 48,100 42,0",
        "24,100 0,36; 0,36 56,36; 36,62 30,0",
        "40,100 0,34; 0,34 60,34; 40,100 40,0",
        "36,100 0,30; 0,30 56,38; 42,66 34,0",
        "2,98 2,50 44,52; 44,98 44,0",
        # in one stroke, with a loop; like a y; like an h; with a loop at the corner
        "10,98 0,50 30,44 50,70 46,100 40,50 36,0",
        "2,100 6,64 24,56 46,66; 50,100 38,46 18,0",
        "12,100 2,44 10,38 38,46; 36,80 28,4",
        "38,100 4,44 0,34 12,32 58,42; 46,68 36,0",
        "30,100 4,42; 4,42 64,52; 60,100 30,0",
        # with a round left stroke, and a short stem through its end
        "40,100 12,66 2,38 22,24 60,28 80,36; 56,62 48,0",
        # a bowl that ends in the stem
        "8,98 0,60 14,36 40,36 60,60 62,96; 62,96 54,0",
    ),
    5: (
        # with a separate top stroke; in one stroke; without corners
        "8,96 4,56; 4,56 34,60 46,30 30,2 0,8; 10,96 62,100",
        "12,90 8,54 36,52 44,22 22,0 0,6; 20,100 70,106",
        "56,100 14,98; 14,98 8,56; 8,56 40,58 48,24 26,0 0,10",
        "50,100 20,96 12,66 32,54 46,30 30,2 0,6",
        "54,102 22,98 20,60 30,30 22,0 0,2",
        # like an S; like a root sign; leaning; with a long bar from the middle of the stem
        "48,98 22,100 6,80 18,58 42,44 42,16 20,0 0,12",
        "12,92 4,50; 4,50 16,60 34,50 36,20 20,0 2,4; 12,92 40,104 84,104",
        "60,102 26,94 18,62 36,44 34,12 10,-2 -8,8",
        "28,100 24,56 44,34 30,2 2,2; 24,96 64,104",
        "6,94 4,58 30,60 44,36 32,4 0,0; 14,84 58,92",
    ),
    6: (
        "36,100 8,60 2,20 22,0 44,20 30,46 4,30",
        # with a straight stem; with a curl
        "14,100 2,30 16,0 42,12 38,40 4,26",
        "46,94 24,98 2,50 14,2 44,10 42,42 20,42 14,24",
        # with a small bowl; like a b; like a sigma
        "34,102 8,62 2,16 18,0 34,14 24,34 8,22",
        "6,104 2,40 6,6 28,0 42,22 26,44 6,34",
        "54,96 26,84 4,44 6,8 30,0 46,22 34,48 12,36",
    ),
    7: (
        # with a bar; with a serif and a bar; with a serif; with a wavy top; upright
        "0,96 52,100; 52,100 16,0; 2,50 45,53",
        "0,94 26,100 54,98; 54,98 24,40 20,0; 2,50 45,53",
        "0,80 2,98; 2,98 52,100; 52,100 16,0; 2,50 45,53",
        "0,80 2,98; 2,98 58,100; 58,100 24,0",
        "0,92 16,100 34,94 54,100; 54,100 14,0; 2,50 45,53",
        "0,98 50,98; 50,98 36,0; 18,50 62,52",
        # a stem with a flag and a bar; with a low bar; like a cursive f
        "0,82 24,98; 24,98 22,0; 4,50 62,54",
        "0,90 16,98 50,100; 50,100 20,0; 0,36 48,46",
        "-4,86 18,100 46,100 24,40 14,-6; -6,42 42,56",
        "0,84 4,100 54,96; 54,96 30,50 26,0",
        "0,78 6,96 30,90 52,102; 52,102 22,0; 8,48 46,50",
    ),
    8: (
        "40,90 20,100 4,80 24,52 46,24 24,0 2,22 24,50 42,78 36,94",
        # open at the top; two rings
        "50,96 22,98 6,76 28,50 44,22 22,0 2,20 26,50 50,80",
        "22,100 4,78 22,54 42,78 24,100; 22,54 0,26 22,0 46,26 24,54",
        # crossed strokes, open at the top; in one stroke from the middle; with a tail
        "4,102 2,86 16,60 26,28 16,0 4,12 12,42 34,78 42,102",
        "22,52 2,80 22,100 42,82 22,52 2,22 20,0 44,20 22,52",
        "54,96 30,102 4,84 22,56 42,26 24,0 2,18 20,48 40,72 30,98",
    ),
    9: (
        # with a straight stem; with a stem that bends back; with a foot
        "42,82 22,100 2,76 18,54 40,72; 42,92 40,0",
        "42,76 22,54 2,74 20,100 42,84 42,40 28,4 2,6",
        "46,94 20,100 2,76 20,56 42,70 44,96 38,30 10,0",
        "44,92 20,98 4,72 22,54 44,90 36,30 30,0",
        "50,100 20,98 2,76 20,58 42,78 46,98; 46,98 44,10 56,2",
        # the bowl to the right of the stem, like a rho
        "8,92 12,46 4,0; 6,86 30,102 48,86 36,64 10,58",
        "20,70 34,62 46,82 26,100 6,84 10,40 2,0",
        # like a q; like a g; with a small bowl
        "42,92 16,98 2,78 14,60 36,68 42,92; 42,92 42,30 40,-2 54,10",
        "42,82 22,100 2,80 14,60 40,74 44,40 34,4 14,-6 -2,6",
        "40,86 24,100 8,88 16,74 38,84; 40,88 36,40 34,0",
        # in one stroke, with a loop to the right
        "46,96 24,102 2,80 14,62 36,68 48,92 42,100 38,50 20,0",
    ),
}


def drawn_digits(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return canonical images (count, 28, 28) and their labels (count,).

    Digits, and the shapes of each digit, are uniformly distributed.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count).astype(np.uint8)
    images = np.empty((count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        shapes = SHAPES[int(label)]
        image[:] = _draw(shapes[rng.integers(len(shapes))], rng)
    return images, labels


def _draw(shape: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    lines = _lines(shape, rng)
    points = np.concatenate(lines)
    left, top = points.min(axis=0)
    width, height = np.ceil(points.max(axis=0) - (left, top)).astype(int) + 2 * _MARGIN
    foreground = np.zeros((height, width), np.float32)
    corner = np.array([left - _MARGIN, top - _MARGIN], np.float32)
    radius = float(np.exp(rng.uniform(np.log(1.6), np.log(6.0))))
    draw(foreground, [line - corner for line in lines], radius, softness=3.0)
    return preprocessed(np.rint(foreground * 255).astype(np.uint8))


def _lines(shape: str, rng: np.random.Generator) -> list[Points]:
    """Return a shape's strokes in pixels, y downward, with random variations.

    Equal points of several strokes get the same displacement, so that corners stay closed.
    """
    wobble = rng.uniform(0.01, 0.045)
    width, slant, angle = rng.uniform(0.8, 1.35), rng.normal(0.1, 0.15), rng.normal(0, 0.05)
    cosine, sine = np.cos(angle), np.sin(angle)
    displaced: dict[str, NDArray[np.float64]] = {}
    lines = []
    for stroke in shape.split(";"):
        points = stroke.split()
        for point in points:
            if point not in displaced:
                position = np.array([int(percent) / 100 for percent in point.split(",")])
                displaced[point] = position + rng.normal(0, wobble, 2)
        line = curve(np.array([displaced[point] for point in points], np.float32))
        x, y = line[:, 0] * width + slant * line[:, 1], line[:, 1]
        rotated = np.stack([x * cosine - y * sine, -(x * sine + y * cosine)], axis=1)
        lines.append((rotated * _HEIGHT).astype(np.float32))
    return lines
