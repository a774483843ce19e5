"""Time of Grad-CAM compared with a forward pass, on one thread.

    python tests/bench/explaining.py [--models default,tiny,seed] [--repeats 15]

Prints, for each convolution of each model and one image per call, the median microseconds of both
and the median and quartiles of their ratio. Ratios above 2 are marked. The images are training
images of MNIST if ``OCRDIGIT_DATA`` is set, otherwise of the embedded sample.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import ocrdigit

MAX_RATIO = 2.0


def images() -> NDArray[np.float32]:
    if os.environ.get("OCRDIGIT_DATA"):
        pictures = ocrdigit.datasets.load_mnist().X_train[-500:]
    else:
        pictures = ocrdigit.datasets.load_sample().X_train[:500]
    return (pictures[:, None] / 255).astype(np.float32)


def microseconds(call: Callable[..., object], x: NDArray[np.float32], **options: int) -> float:
    start = time.perf_counter()
    for image in x:
        call(image, 1.0, **options)
    return 1e6 * (time.perf_counter() - start) / len(x)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default="default,tiny,seed")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    ocrdigit.set_num_threads(1)
    x = images()
    print("model    layer      forward    explain    ratio")
    for name in arguments.models.split(","):
        net = ocrdigit.load(name).network_
        for index, layer in enumerate(net.describe()):
            if layer["type"] != "conv2d":
                continue
            times = [
                (microseconds(net.predict_proba, x), microseconds(net.explain, x, layer=index))
                for _ in range(arguments.repeats)
            ]
            forward, explain = np.median(times, axis=0)
            low, ratio, high = np.quantile([b / a for a, b in times], [0.25, 0.5, 0.75])
            print(
                f"{name:8} {layer['name']:9} {forward:6.1f} us {explain:7.1f} us "
                f"{ratio:7.2f} ({low:.2f}-{high:.2f}){' too much' if ratio > MAX_RATIO else ''}"
            )


if __name__ == "__main__":
    main()
