"""Train the number detector with per-pixel cross-entropy.

::

    pip install Hershey-Fonts
    python -m ocrdigit.training.detector --data DIR --fonts FONTS --out detector.safetensors

``DIR`` contains ``mnist/`` and ``uci/`` as for :mod:`ocrdigit.training.recognizer`, and
``registers/`` and ``grids/`` (see the model card). Documents of :func:`ocrdigit.synth.document` are
printed with the TrueType fonts in ``FONTS``, and cropped at random scales; a fifth of the crops are
from the registers' training pages, a twelfth from photos of sudokus, and a quarter show single
fields.

With ``--checkpoint FILE`` the training resumes from the file, if it exists, and saves its state to
it every ``N`` steps with ``--every N``, or at the end of each epoch. The examples are made again,
and the file is deleted when the network is written.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from .. import _checkpoint, _core
from ..models.detector import LAYERS, SIDE, write_detector
from ._checkpoints import add_checkpoint_arguments
from ._reading_networks import train_network
from .field_crops import field_crops
from .grid_crops import grid_crops
from .page_crops import LabelledCrops, document_crops, register_crops

_CHUNK = 500  # crops that a worker process makes at a time
_REGISTERS, _FIELDS, _GRIDS = 0.2, 0.25, 0.08  # of the crops
_VALIDATION = 1_000  # crops


def make_crops(folder: str, fonts: str, crops: int, seed: int, jobs: int | None) -> LabelledCrops:
    """Return crops (n, 256, 256) and label maps (n, 64, 64) in random order."""
    with ProcessPoolExecutor(jobs) as workers:
        parts = []
        for index in range(-(-crops // _CHUNK)):
            chunk = 10_000 * seed + index
            real, fields = round(_REGISTERS * _CHUNK), round(_FIELDS * _CHUNK)
            photos = round(_GRIDS * _CHUNK)
            rest = _CHUNK - real - fields - photos
            parts.append(workers.submit(register_crops, folder, chunk, real))
            parts.append(workers.submit(field_crops, folder, fonts, chunk, fields))
            parts.append(workers.submit(grid_crops, folder, chunk, photos))
            parts.append(workers.submit(document_crops, folder, fonts, chunk, rest))
        made = [part.result() for part in parts]
    X, y = (np.concatenate(arrays) for arrays in zip(*made, strict=True))
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order], y[order]


def train(
    X: Any,
    y: Any,
    epochs: int,
    seed: int = 0,
    checkpoint: str | None = None,
    every: int | str = "epoch",
) -> _core.Network:
    """Return a network trained on crops and their label maps.

    Equal seeds, data, versions and instruction sets give networks equal to the bit, also if the
    training resumed from a checkpoint. The checkpoint is kept.
    """
    network = _core.Network(LAYERS, (SIDE, SIDE, 1), seed=seed)
    settings = {
        "epochs": epochs,
        "batch_size": 16,
        "seed": seed,
        "learning_rate": 4e-3,
        "weight_decay": 0.01,
        "warmup": 0.1,
    }
    train_network(network, X, y, _VALIDATION, settings, checkpoint, every)
    return network


def main() -> None:
    """Train the network and write it."""
    parser = argparse.ArgumentParser(prog="python -m ocrdigit.training.detector")
    parser.add_argument("--data", required=True)
    parser.add_argument("--fonts", required=True)
    parser.add_argument("--out", default="detector.safetensors")
    parser.add_argument("--crops", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int)
    add_checkpoint_arguments(parser)
    options = parser.parse_args()
    start = time.perf_counter()
    X, y = make_crops(options.data, options.fonts, options.crops, options.seed, options.jobs)
    print(f"{len(y):,} crops in {time.perf_counter() - start:.0f} s", flush=True)
    network = train(X, y, options.epochs, options.seed, options.checkpoint, options.every)
    write_detector(options.out, network)
    if options.checkpoint:
        _checkpoint.delete(options.checkpoint)


if __name__ == "__main__":
    main()
