"""Measure the worst-case time of reading on a thousand hard images of one megapixel.

    python tests/bench/noise.py [--count 1000] [--seed 0]

The images are noise of all grain sizes and densities, checks, stripes, scattered strokes and tiny
glyphs, all with much foreground. For each kind, the median and maximum milliseconds per megapixel
and the maximum number of digits found in an image are printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import ocrdigit

SIDE = 1000
Maker = Callable[[np.random.Generator], NDArray[np.uint8]]


def uniform(rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)


def salt(rng: np.random.Generator) -> NDArray[np.uint8]:
    return (255 * (rng.random((SIDE, SIDE)) < 10 ** rng.uniform(-3, -0.3))).astype(np.uint8)


def grains(rng: np.random.Generator) -> NDArray[np.uint8]:
    size = int(rng.integers(2, 26))
    side = -(-SIDE // size)
    coarse = 255 * (rng.random((side, side)) < rng.uniform(0.05, 0.6))
    return np.kron(coarse, np.ones((size, size)))[:SIDE, :SIDE].astype(np.uint8)


def smooth(rng: np.random.Generator) -> NDArray[np.uint8]:
    small = rng.integers(0, 256, (int(rng.integers(20, 400)),) * 2, dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def stripes(rng: np.random.Generator) -> NDArray[np.uint8]:
    y, x = np.indices((SIDE, SIDE)).astype(np.float32)
    waves = sum(np.sin(rng.uniform(-2, 2) * x + rng.uniform(-2, 2) * y) for _ in range(3))
    return (255 * (waves > rng.uniform(0, 2))).astype(np.uint8)


def strokes(rng: np.random.Generator) -> NDArray[np.uint8]:
    page = Image.new("L", (SIDE, SIDE), 235)
    drawing = ImageDraw.Draw(page)
    length = rng.uniform(4, 60)
    for _ in range(int(rng.integers(200, 4000))):
        x, y = rng.uniform(0, SIDE, 2)
        dx, dy = rng.normal(0, length, 2)
        drawing.line((x, y, x + dx, y + dy), int(rng.integers(0, 120)), int(rng.integers(1, 4)))
    return np.asarray(page)


def glyphs(rng: np.random.Generator) -> NDArray[np.uint8]:
    size = int(rng.integers(5, 20))
    alphabet = rng.random((40, size, size)) < rng.uniform(0.2, 0.6)
    page = np.full((SIDE, SIDE), 240, np.uint8)
    step = size + int(rng.integers(1, 4))
    for y in range(0, SIDE - size, step):
        for x in range(0, SIDE - size, step):
            page[y : y + size, x : x + size][alphabet[rng.integers(40)]] = 20
    return page


KINDS: dict[str, Maker] = {
    maker.__name__: maker for maker in (uniform, salt, grains, smooth, stripes, strokes, glyphs)
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ocrdigit.read(np.zeros((8, 8), np.uint8))  # loads the models
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    found = dict.fromkeys(KINDS, 0)
    for index in range(options.count):
        kind = list(KINDS)[index % len(KINDS)]
        page = np.ascontiguousarray(KINDS[kind](np.random.default_rng([options.seed, index])))
        start = time.perf_counter()
        reading = ocrdigit.read(page)
        times[kind].append(1e3 * (time.perf_counter() - start) / (page.size / 1e6))
        found[kind] = max(found[kind], len(reading.digits))
    threads = ocrdigit.get_num_threads()
    print(f"{options.count} images, milliseconds per megapixel on {threads} threads")
    for kind, each in times.items():
        if each:
            print(
                f"{kind:8} median {np.median(each):6.1f}  max {max(each):6.1f}  "
                f"digits {found[kind]}"
            )
    print(f"max of all {max(max(each) for each in times.values() if each):.1f}")


if __name__ == "__main__":
    main()
