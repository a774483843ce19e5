"""Compare ocrdigit.image with OpenCV on random cases and count the bytes that differ.

python tests/opencv_cases.py [--cases 100000] [--only threshold,erode] [--seed 0]
"""

from __future__ import annotations

import argparse
import sys
import time

import cv2
import numpy as np

from ocrdigit import image

VERSION = "5.0.0"  # of the reference, opencv-python-headless 5.0.0.93


def side(rng, longest=70):
    """Return 1 in one case of ten, else any length up to the longest."""
    return 1 if rng.random() < 0.1 else int(rng.integers(1, longest + 1))


def picture(rng, channels=0, longest=70):
    """Return noise, few levels, flat or smooth areas, some of it as views with other strides."""
    shape = (side(rng, longest), side(rng, longest)) + ((channels,) if channels else ())
    kind = rng.integers(5)
    if kind == 0:
        pixels = rng.integers(0, 256, shape)
    elif kind == 1:
        pixels = rng.integers(0, 256, rng.integers(1, 5))[rng.integers(0, 1000, shape) % 1]
        pixels = np.broadcast_to(pixels, shape) + (rng.random(shape) < 0.2) * rng.integers(0, 99)
    elif kind == 2:
        pixels = rng.integers(100, 100 + rng.integers(1, 40), shape)
    elif kind == 3:
        pixels = np.where(rng.random(shape) < rng.random(), 0, 255)
    else:
        ramp = np.add.outer(np.arange(shape[0]) * rng.normal(0, 4), np.arange(shape[1]) * 2.0)
        pixels = (ramp.reshape(ramp.shape + (1,) * (len(shape) - 2)) + 0 * np.zeros(shape)) % 256
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    view = rng.integers(6)
    if view == 0:
        return pixels[::-1, ::-1]
    if view == 1:
        return pixels.swapaxes(0, 1)
    if view == 2:
        wide = np.repeat(np.repeat(pixels, 2, axis=0), 3, axis=1)
        return wide[::2, ::3]
    return pixels


def dense(pixels):
    """Return a contiguous copy, as cv2 does not accept every stride."""
    return np.ascontiguousarray(pixels)


# Each case returns (result of ocrdigit, result of cv2, description).


def gray(rng):
    x = picture(rng, channels=3)
    order, code = [("rgb", cv2.COLOR_RGB2GRAY), ("bgr", cv2.COLOR_BGR2GRAY)][rng.integers(2)]
    return image.to_gray(x, order=order), cv2.cvtColor(dense(x), code), (x.shape, order)


def threshold(rng):
    x = picture(rng, channels=int(rng.choice([0, 1, 3])))
    level, top = float(rng.uniform(-5, 260)), float(rng.uniform(-5, 300))
    kind, code = [("binary", 0), ("binary_inv", 1)][rng.integers(2)]
    got, result = image.threshold(x, level, top, kind)
    want, expected = cv2.threshold(dense(x), level, top, code)
    return (
        np.append(result, got == want),
        np.append(expected.reshape(x.shape), True),
        (x.shape, level, top, kind),
    )


def otsu(rng):
    x = picture(rng)
    kind, code = [("otsu", 8), ("otsu_inv", 9)][rng.integers(2)]
    cv2.ipp.setUseIPP(False)  # which breaks exact ties differently
    got, result = image.threshold(x, type=kind)
    want, expected = cv2.threshold(dense(x), 0, 255, code)
    cv2.ipp.setUseIPP(True)
    return np.append(result, np.uint8(got)), np.append(expected, np.uint8(want)), (x.shape, kind)


def adaptive(rng, method):
    x = picture(rng)
    block = 2 * int(rng.integers(1, 100 if rng.random() < 0.05 else 20)) + 1
    offset = float(rng.choice([rng.integers(-12, 13), rng.uniform(-5, 5)]))
    kind, code = [("binary", 0), ("binary_inv", 1)][rng.integers(2)]
    want = cv2.adaptiveThreshold(dense(x), 255, int(method == "gaussian"), code, block, offset)
    got = image.adaptive_threshold(x, 255, method, kind, block, offset)
    return got, want, (x.shape, block, offset, kind)


def adaptive_mean(rng):
    return adaptive(rng, "mean")


def adaptive_gaussian(rng):
    return adaptive(rng, "gaussian")


def components(rng):
    x = picture(rng, longest=150)
    if rng.random() < 0.7:
        x = np.where(rng.random(x.shape) < rng.random(), x, np.uint8(0))
    connectivity = int(rng.choice([4, 8]))
    found = image.connected_components(x, connectivity)
    count, labels, stats, centroids = cv2.connectedComponentsWithStats(
        dense(x), connectivity=connectivity
    )
    if found.n == count:
        # cv2's number of each of our components; 0 where there is no background
        number = np.zeros(count, int)
        number[found.labels.ravel()] = labels.ravel()
        real = slice(int(not (labels == 0).any()), None)
        same = (
            np.array_equal(number[found.labels], labels)
            and np.array_equal(stats[number][real], found.stats[real])
            and np.array_equal(centroids[number][real], found.centroids[real])
        )
    else:
        same = False
    return np.full(x.shape, same), np.full(x.shape, True), (x.shape, connectivity)


BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "reflect_101": cv2.BORDER_REFLECT_101,
}


def any_border(rng):
    name = str(rng.choice(list(BORDERS)))
    return name, BORDERS[name]


def any_kernel(rng):
    """Return a kernel and its anchor (x, y)."""
    size = tuple(int(x) for x in rng.integers(1, 40 if rng.random() < 0.1 else 8, 2))
    kind = rng.integers(4)
    if kind == 3:
        kernel = (rng.random(size) < 0.6).astype(np.uint8)
        kernel[tuple(rng.integers(0, size))] = 1
    else:
        kernel = cv2.getStructuringElement(int(kind), size[::-1])
    y, x = (int(i) for i in rng.integers(0, size))
    return kernel, ((x, y) if rng.random() < 0.5 else None)


def morphology(rng, name, code):
    x = picture(rng, channels=int(rng.choice([0, 0, 3])))
    kernel, anchor = any_kernel(rng)
    border, border_code = any_border(rng)
    iterations = int(rng.choice([1, 1, 1, 2, 3]))
    value = int(rng.integers(0, 256)) if border == "constant" and rng.random() < 0.2 else None
    given = {} if value is None else {"borderValue": (value,) * 4}
    want = cv2.morphologyEx(
        dense(x),
        code,
        kernel,
        anchor=anchor or (-1, -1),
        iterations=iterations,
        borderType=border_code,
        **given,
    )
    got = getattr(image, name)(x, kernel, anchor, iterations, border, value)
    return got, want.reshape(x.shape), (x.shape, kernel.tolist(), anchor, iterations, border, value)


def erode(rng):
    return morphology(rng, "erode", cv2.MORPH_ERODE)


def dilate(rng):
    return morphology(rng, "dilate", cv2.MORPH_DILATE)


def opening(rng):
    return morphology(rng, "open", cv2.MORPH_OPEN)


def closing(rng):
    return morphology(rng, "close", cv2.MORPH_CLOSE)


def structuring_element(rng):
    name, code = [("rect", 0), ("cross", 1), ("ellipse", 2)][rng.integers(3)]
    size = (int(rng.integers(1, 40)), int(rng.integers(1, 40)))
    got = image.structuring_element(name, size)
    return got, cv2.getStructuringElement(code, size), (name, size)


def gaussian_blur(rng):
    x = picture(rng, channels=int(rng.choice([0, 0, 3])))
    border, code = any_border(rng)
    kind = rng.integers(4)
    longest = 40 if rng.random() < 0.05 else 8
    size = tuple(int(i) for i in 2 * rng.integers(0, longest, 2) + 1)
    sigma = 0.0 if kind < 2 else float(rng.uniform(0.05, 6))
    sigma_y = float(rng.uniform(0.05, 6)) if kind == 3 else 0.0
    if kind == 2 and rng.random() < 0.5:
        size = (0, 0)
    got = image.gaussian_blur(x, size, sigma, sigma_y, border)
    want = cv2.GaussianBlur(dense(x), size, sigma, sigmaY=sigma_y, borderType=code)
    return got, want.reshape(x.shape), (x.shape, size, sigma, sigma_y, border)


def resize(rng, name, code):
    x = picture(rng, channels=int(rng.choice([0, 0, 3])))
    h, w = x.shape[:2]
    kind = rng.integers(4)
    if kind == 0:  # integer factors
        factors = rng.integers(1, 6, 2)
        x = np.repeat(np.repeat(x, factors[0], axis=0), factors[1], axis=1)
        x = x ^ rng.integers(0, 16, x.shape).astype(np.uint8)
    elif kind == 1:
        h, w = max(1, h // 2), max(1, w // 2)
        x = x[: 2 * h, : 2 * w]
    elif kind == 2:
        h, w = side(rng, h), side(rng, w)
    else:
        h, w = side(rng, 100), side(rng, 100)
    got = image.resize(x, (w, h), name)
    want = cv2.resize(dense(x), (w, h), interpolation=code)
    return got, want.reshape(got.shape), (x.shape, (h, w))


def resize_linear(rng):
    return resize(rng, "linear", cv2.INTER_LINEAR)


def resize_area(rng):
    return resize(rng, "area", cv2.INTER_AREA)


def any_map(rng):
    spread = rng.choice([0.05, 0.3, 2])
    return np.array([[1, 0, 0], [0, 1, 0]]) + rng.normal(0, spread, (2, 3)) * [1, 1, 20]


def warp_affine(rng):
    x = picture(rng, channels=int(rng.choice([0, 0, 3, 4])))
    matrix, inverse = any_map(rng), bool(rng.integers(2))
    size = side(rng, 100), side(rng, 100)
    border = str(rng.choice(["constant", "replicate"]))
    value = int(rng.choice([0, 0, 255, 77]))
    got = image.warp_affine(x, matrix, size, inverse, border, value)
    want = cv2.warpAffine(
        dense(x),
        matrix,
        size,
        flags=cv2.INTER_LINEAR | (cv2.WARP_INVERSE_MAP if inverse else 0),
        borderMode=BORDERS[border],
        borderValue=(value,) * 4,
    )
    return got, want.reshape(got.shape), (x.shape, matrix.tolist(), size, inverse, border, value)


def deskew(rng):
    x = picture(rng)
    m, h = cv2.moments(x), x.shape[0]
    got = image.deskew(x)
    skew = m["mu11"] / m["mu02"] if abs(m["mu02"]) >= 1e-2 else 0
    matrix = np.array([[1, skew, -0.5 * h * skew], [0, 1, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return got, cv2.warpAffine(dense(x), matrix, x.shape[::-1], flags=flags), x.shape


def normalize(rng):
    x = picture(rng)
    ends = (0.0, 255.0) if rng.random() < 0.5 else tuple(rng.uniform(-50, 300, 2))
    return image.normalize(x, *ends), cv2.normalize(dense(x), None, *ends, cv2.NORM_MINMAX), ends


def moments(rng):
    """Central moments up to rounding, as cv2 sums tiles; IPP has its own order."""
    x, binary = picture(rng, longest=150), bool(rng.integers(2))
    cv2.ipp.setUseIPP(False)
    want = cv2.moments(dense(x), binary)
    cv2.ipp.setUseIPP(True)
    got = image.moments(x, binary)
    assert list(got) == list(want)
    raw = [name for name in want if name.startswith("m") and not name.startswith("mu")]
    size = max(want["m30"], want["m03"], want["m21"], want["m12"], 1)
    near = [
        got[name] == want[name] if name in raw else abs(got[name] - want[name]) <= 1e-9 * size
        for name in want
    ]
    return np.array(near), np.full(len(near), True), (x.shape, binary)


CASES = {
    case.__name__: case
    for case in (
        gray,
        threshold,
        otsu,
        adaptive_mean,
        adaptive_gaussian,
        components,
        resize_linear,
        resize_area,
        gaussian_blur,
        structuring_element,
        erode,
        dilate,
        opening,
        closing,
        moments,
        warp_affine,
        deskew,
        normalize,
    )
}


def differing_bytes(name, cases, seed=0, show=0):
    """Return the differing and all bytes of random cases; print the first `show` that differ."""
    rng = np.random.default_rng([seed, *name.encode()])
    differing = total = 0
    for _ in range(cases):
        got, want, what = CASES[name](rng)
        assert got.shape == want.shape, (name, what, got.shape, want.shape)
        wrong = int(np.count_nonzero(got != want))
        if wrong and show > 0:
            print(f"  {name} {what}: {wrong} of {got.size} differ")
            show -= 1
        differing += wrong
        total += got.size
    return differing, total


def every_colour():
    """Count the differing grays of all 2**24 colours."""
    wrong = 0
    for red in range(256):
        colours = np.empty((256, 256, 3), np.uint8)
        colours[..., 0] = red
        colours[..., 1] = np.arange(256)[:, None]
        colours[..., 2] = np.arange(256)
        wrong += np.count_nonzero(
            image.to_gray(colours) != cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
        )
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(
        f"cv2 {cv2.__version__}, expected {VERSION}; gray of all colours: {every_colour()} differ"
    )
    worst = 0
    for name in options.only.split(","):
        began = time.perf_counter()
        differing, total = differing_bytes(name, options.cases, options.seed, show=5)
        seconds = time.perf_counter() - began
        print(
            f"{name:20} {options.cases} cases, {differing} of {total} bytes differ, {seconds:.0f} s"
        )
        worst = max(worst, differing)
    sys.exit(worst > 0)


if __name__ == "__main__":
    main()
