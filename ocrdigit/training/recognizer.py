"""Train the line recognizer with CTC loss.

::

    python -m ocrdigit.training.recognizer --data DIR --fonts FONTS --out recognizer.safetensors

``DIR`` contains MNIST's four files in ``mnist/``; in ``uci/`` the bitmaps of two UCI data sets,
``optdigits.npz`` and ``semeion.npz``, of European writers; and in ``registers/`` pages of Paris
notaries. :mod:`ocrdigit.synth` writes numbers with these digits, prints numbers in the TrueType
fonts in ``FONTS``, and writes words in the letters of the Hershey fonts (``pip install
Hershey-Fonts``), which the recognizer learns to leave out.

With ``--checkpoint FILE`` the training resumes from the file, if it exists, and saves its state to
it every ``N`` steps with ``--every N``, or at the end of each epoch. The examples are made again,
and the file is deleted when the network is written.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from .. import _checkpoint, _core
from ..models.recognizer import HEIGHT, LAYERS, write_recognizer
from ._checkpoints import add_checkpoint_arguments
from ._reading_networks import train_network
from .line_images import WIDTH, make_line_images

_CHUNK = 20_000  # pictures that a worker process draws at a time
_VALIDATION = 2_000  # line images


def train(
    folder: str,
    fonts: str | None,
    pictures: int,
    epochs: int,
    seed: int = 0,
    jobs: int | None = None,
    checkpoint: str | None = None,
    every: int | str = "epoch",
) -> _core.Network:
    """Return the trained network.

    Equal seeds, data, versions and instruction sets give networks equal to the bit, also if the
    training resumed from a checkpoint. The checkpoint is kept.
    """
    start = time.perf_counter()
    with ProcessPoolExecutor(jobs) as workers:
        seeds = [1000 * seed + i + 1 for i in range(-(-pictures // _CHUNK))]
        count = len(seeds)
        parts = list(
            workers.map(
                make_line_images, [folder] * count, [fonts] * count, seeds, [_CHUNK] * count
            )
        )
    X = np.concatenate([images for images, _ in parts])
    y = np.concatenate([labels for _, labels in parts])
    print(f"{len(y):,} line images in {time.perf_counter() - start:.0f} s", flush=True)
    network = _core.Network(LAYERS, (HEIGHT, WIDTH, 1), seed=seed)
    settings = {
        "epochs": epochs,
        "batch_size": 64,
        "seed": seed,
        "learning_rate": 3e-3,
        "weight_decay": 0.02,
        "warmup": 0.15,
    }
    train_network(network, X, y, _VALIDATION, settings, checkpoint, every)
    return network


def main() -> None:
    """Train the network and write it."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.recognizer")
    parser.add_argument("--data", required=True)
    parser.add_argument("--fonts", help="folder of TrueType fonts for printed numbers")
    parser.add_argument("--out", default="recognizer.safetensors")
    parser.add_argument("--pictures", type=int, default=600_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int)
    add_checkpoint_arguments(parser)
    options = parser.parse_args()
    network = train(
        options.data,
        options.fonts,
        options.pictures,
        options.epochs,
        options.seed,
        options.jobs,
        options.checkpoint,
        options.every,
    )
    write_recognizer(options.out, network)
    if options.checkpoint:
        _checkpoint.delete(options.checkpoint)


if __name__ == "__main__":
    main()
