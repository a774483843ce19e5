"""What Grad-CAM costs: an explanation's time beside that of a forward pass, on one thread.

    python tests/bench/explaining.py [--models default,tiny,seed] [--turns 15]

For each convolution of each model, one image a call, training images of MNIST where
``OCRDIGIT_DATA`` has them, else the sample's: the median microseconds of a call of both, and
their ratio with the middle half of the ratios of all turns. More than 2 is said to be too much.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import ocrdigit

MOST = 2.0


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
    parser.add_argument("--turns", type=int, default=15)
    arguments = parser.parse_args()
    ocrdigit.set_num_threads(1)
    x = images()
    print("model    layer      forward    explain    ratio")
    for name in arguments.models.split(","):
        net = ocrdigit.load(name).network_
        for place, layer in enumerate(net.describe()):
            if layer["type"] != "conv2d":
                continue
            turns = [
                (microseconds(net.predict_proba, x), microseconds(net.explain, x, layer=place))
                for _ in range(arguments.turns)
            ]
            forward, explain = np.median(turns, axis=0)
            low, ratio, high = np.quantile([b / a for a, b in turns], [0.25, 0.5, 0.75])
            print(
                f"{name:8} {layer['name']:9} {forward:6.1f} us {explain:7.1f} us "
                f"{ratio:7.2f} ({low:.2f}-{high:.2f}){' too much' if ratio > MOST else ''}"
            )


if __name__ == "__main__":
    main()
