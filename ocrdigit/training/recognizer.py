"""Trains the network that reads lines: which digit each column of a line says, if any.

    python -m ocrdigit.training.recognizer --data DIR --out recognizer.safetensors

``DIR`` holds MNIST's four files in ``mnist/``, and in ``uci/`` the bitmaps of two UCI data sets,
``optdigits.npz`` and ``semeion.npz``, whose writers are Europeans. Numbers of their digits are
written on paper by :mod:`ocrdigit.synth`, and words of the Hershey fonts' letters
(``pip install Hershey-Fonts``), which it learns to leave out.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from .. import _core
from ..models.recognizer import HEIGHT, LAYERS, write_recognizer
from .line_images import WIDTH, make_line_images

_BATCH = 20_000  # pictures written at a time
_KEPT = 2_000  # strips, to follow the training by


def train(
    folder: str, pictures: int, epochs: int, seed: int = 0, jobs: int | None = None
) -> _core.Network:
    """Return the trained network.

    The same seed, data, version and instruction set give the same network to the bit.
    """
    start = time.perf_counter()
    with ProcessPoolExecutor(jobs) as workers:
        seeds = [1000 * seed + i + 1 for i in range(-(-pictures // _BATCH))]
        count = len(seeds)
        parts = list(workers.map(make_line_images, [folder] * count, seeds, [_BATCH] * count))
    X = np.concatenate([strips for strips, _ in parts])
    y = np.concatenate([labels for _, labels in parts])
    print(f"{len(y):,} strips in {time.perf_counter() - start:.0f} s", flush=True)
    network = _core.Network(LAYERS, (HEIGHT, WIDTH, 1), seed=seed)
    trainer = _core.Trainer(
        network,
        epochs=epochs,
        batch_size=64,
        seed=seed,
        optimizer="adamw",
        learning_rate=3e-3,
        beta_2=0.99,
        weight_decay=0.02,
        clip_norm=5.0,
        schedule="one_cycle",
        warmup=0.15,
        final_divisor=1000.0,
    )
    trainer.run(X[_KEPT:], y[_KEPT:], 1 / 255, X[:_KEPT], y[:_KEPT], on_epoch=_tell)
    return network


def _tell(progress: Any) -> None:
    print(
        f"epoch {progress['epoch'] + 1}: loss {progress['loss']:.4f}, validation loss "
        f"{progress['val_loss']:.4f}, strips read right {progress['val_accuracy']:.4f}, "
        f"{progress['seconds']:.0f} s",
        flush=True,
    )


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.recognizer")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default="recognizer.safetensors")
    parser.add_argument("--pictures", type=int, default=600_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args()
    network = train(options.data, options.pictures, options.epochs, options.seed, options.jobs)
    write_recognizer(options.out, network)


if __name__ == "__main__":
    main()
