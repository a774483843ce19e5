"""Compare the speed of ocrdigit.image with OpenCV: one thread each, on images of 640 x 480.

    python tests/bench/images.py [--only resize,erode] [--rounds 15] [--out images.json]

Both are called from Python with the same NumPy arrays, alternately, a few calls per round. The
table lists the fastest round of each, which other load on the machine disturbs least, and their
ratio; then the median and the quartiles of the ratios of all rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import machine
import numpy as np

import ocrdigit
from ocrdigit import image

HEIGHT, WIDTH = 480, 640
SECONDS_PER_ROUND = 2e-3


def pictures() -> dict[str, np.ndarray]:
    """Return noise, smooth noise, blobs (smooth noise as black on white) and colours."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    return {
        "noise": noise,
        "smooth": smooth,
        "blobs": np.where(smooth > 128, np.uint8(255), np.uint8(0)),
        "colours": rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8),
    }


def jobs() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return the calls of each job: (ours, OpenCV's)."""
    x = pictures()
    noise, smooth, blobs, colours = x["noise"], x["smooth"], x["blobs"], x["colours"]
    faint = noise // 3 + 7
    matrix = np.array([[0.98, 0.05, 2.1], [-0.05, 1.01, 3.3]])
    table: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "to_gray": (
            lambda: image.to_gray(colours),
            lambda: cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY),
        ),
        "threshold": (
            lambda: image.threshold(noise, 100),
            lambda: cv2.threshold(noise, 100, 255, cv2.THRESH_BINARY),
        ),
        "threshold, Otsu": (
            lambda: image.threshold(smooth, type="otsu"),
            lambda: cv2.threshold(smooth, 0, 255, cv2.THRESH_OTSU),
        ),
        "connected_components, blobs": (
            lambda: image.connected_components(blobs),
            lambda: cv2.connectedComponentsWithStats(blobs),
        ),
        "connected_components, noise": (
            lambda: image.connected_components(noise & 128),
            lambda: cv2.connectedComponentsWithStats(noise & 128),
        ),
        "moments": (lambda: image.moments(noise), lambda: cv2.moments(noise)),
        "warp_affine": (
            lambda: image.warp_affine(noise, matrix, (WIDTH, HEIGHT)),
            lambda: cv2.warpAffine(noise, matrix, (WIDTH, HEIGHT)),
        ),
        "warp_affine, replicated": (
            lambda: image.warp_affine(noise, matrix, (WIDTH, HEIGHT), border="replicate"),
            lambda: cv2.warpAffine(noise, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE),
        ),
        "normalize": (
            lambda: image.normalize(faint),
            lambda: cv2.normalize(faint, None, 0, 255, cv2.NORM_MINMAX),
        ),
    }
    for block in (11, 31):
        for number, method in enumerate(("mean", "gaussian")):
            table[f"adaptive_threshold, {method} {block}"] = (
                lambda m=method, b=block: image.adaptive_threshold(noise, 255, m, "binary", b),
                lambda m=number, b=block: cv2.adaptiveThreshold(noise, 255, m, 0, b, 2),
            )
    for side in (3, 5, 7, 21):
        table[f"gaussian_blur, {side}"] = (
            lambda k=side: image.gaussian_blur(noise, k),
            lambda k=side: cv2.GaussianBlur(noise, (k, k), 0),
        )
    for size in ((480, 360), (960, 720), (320, 240), (187, 140)):
        for kind, code in (("linear", cv2.INTER_LINEAR), ("area", cv2.INTER_AREA)):
            table[f"resize, {kind} to {size[0]} x {size[1]}"] = (
                lambda s=size, k=kind: image.resize(noise, s, k),
                lambda s=size, c=code: cv2.resize(noise, s, interpolation=c),
            )
    kernels = {
        "3 x 3": np.ones((3, 3), np.uint8),
        "15 x 15": np.ones((15, 15), np.uint8),
        "cross 3": cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)),
        "ellipse 7": cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)),
    }
    for name, kernel in kernels.items():
        table[f"erode, {name}"] = (
            lambda k=kernel: image.erode(noise, k),
            lambda k=kernel: cv2.erode(noise, k),
        )
    table["open, 3 x 3"] = (
        lambda: image.open(noise, kernels["3 x 3"]),
        lambda: cv2.morphologyEx(noise, cv2.MORPH_OPEN, kernels["3 x 3"]),
    )
    return table


def seconds(work: Callable[[], object], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - began) / calls


def measure(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> dict:
    """Return the microseconds of the fastest rounds, and the quartiles of the rounds' ratios."""
    calls = [max(1, round(SECONDS_PER_ROUND / seconds(work, 2))) for work in (ours, theirs)]
    times = [(seconds(ours, calls[0]), seconds(theirs, calls[1])) for _ in range(rounds)]
    ratios = statistics.quantiles((mine / its for mine, its in times), n=4)
    return {
        "ours": 1e6 * min(mine for mine, _ in times),
        "cv2": 1e6 * min(its for _, its in times),
        "ratio": min(mine for mine, _ in times) / min(its for _, its in times),
        "median": ratios[1],
        "low": ratios[0],
        "high": ratios[2],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="parts of names, separated by commas")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    machine.pin(machine.available_cpus()[:1])
    cv2.setNumThreads(1)
    ocrdigit.set_num_threads(1)
    disturbance = machine.Disturbance()
    print(f"ocrdigit {ocrdigit.__version__}, cv2 {cv2.__version__}, {machine.describe()['cpu']}")
    print(f"{'':34} {'ours':>9} {'cv2':>9} {'ratio':>6}  median, quartiles")
    results = {}
    for name, (ours, theirs) in jobs().items():
        if not any(part in name for part in options.only.split(",")):
            continue
        found = results[name] = measure(ours, theirs, options.rounds)
        print(
            f"{name:34} {found['ours']:6.1f} us {found['cv2']:6.1f} us {found['ratio']:6.2f}  "
            f"{found['median']:.2f}, {found['low']:.2f}..{found['high']:.2f}"
        )
    print(f"other processes used {disturbance.share():.0%} of the processors")
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
