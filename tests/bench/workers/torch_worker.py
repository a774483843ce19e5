"""PyTorch, written for speed on a CPU.

The four augmentation steps are one affine warp and one contrast change of a whole batch, less
work than Keras' four steps with their three warps. The layers run in channels_last, with fused
Adam, in eager mode: training with torch.compile took 1.7 times as long, and neither compiled nor
scripted networks predicted faster.
"""

from __future__ import annotations

import math
import os
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import common


def open_network(job: SimpleNamespace) -> common.Network:
    torch = _framework(job)
    model = _model(torch)
    model.load_state_dict(torch.load(common.exported(job, "pt"), weights_only=True))
    model.eval()

    def probabilities(images: Any) -> Any:
        with torch.inference_mode():
            scores = model(torch.from_numpy(images).view(-1, 1, 28, 28))
            return scores.softmax(1).numpy()

    return probabilities


def export(job: SimpleNamespace) -> common.Figures:
    """Write the network as a state dict and as .onnx."""
    torch = _framework(job)
    weights = common.seed_weights()
    state = {}
    for index, layer in ((0, "conv2d_1"), (3, "conv2d_2"), (7, "dense_1"), (9, "dense_2")):
        kernel = weights[f"{layer}.kernel"]
        if layer == "dense_1":  # PyTorch flattens channels-first
            kernel = kernel.reshape(7, 7, 32, 64).transpose(2, 0, 1, 3).reshape(1568, 64)
        kernel = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
        state[f"{index}.weight"] = torch.tensor(kernel.copy())
        state[f"{index}.bias"] = torch.tensor(weights[f"{layer}.bias"])
    model = _model(torch)
    model.load_state_dict(state)
    torch.save(model.state_dict(), common.exported(job, "pt"))
    torch.onnx.export(
        torch.nn.Sequential(*model, torch.nn.Softmax(1)).eval(),
        (torch.zeros(1, 1, 28, 28),),
        common.exported(job, "onnx"),
        input_names=["images"],
        dynamic_axes={"images": {0: "n"}},
        dynamo=False,
    )
    return {}


def train(job: SimpleNamespace) -> common.Figures:
    torch = _framework(job)
    train_epoch = _trainer(torch, job, _model(torch))
    train_epoch(20 * job.batch)
    start = perf_counter()
    train_epoch(job.images)
    return common.training_figures(job.images, perf_counter() - start)


def recipe(job: SimpleNamespace) -> common.Figures:
    torch = _framework(job)
    torch.manual_seed(job.seed)
    model = _model(torch)
    train_epoch = _trainer(torch, job, model)
    for _ in range(job.epochs):
        train_epoch(60_000)

    def score() -> float:
        images = torch.tensor(common.images_of(job, "t10k", 10_000))[:, None].float() / 255
        labels = torch.tensor(common.labels_of(job, "t10k", 10_000))
        with torch.inference_mode():
            return float((model.eval()(images).argmax(1) == labels).float().mean())

    return common.recipe_figures(
        job,
        save=lambda: torch.save(model.state_dict(), os.path.join(job.folder, "trained.pt")),
        score=score,
    )


def _framework(job: SimpleNamespace) -> Any:
    import torch

    torch.set_num_threads(job.threads)
    return torch


def _model(torch: Any) -> Any:
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1568, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    for parameter in model.parameters():  # initialized as in Keras
        nn.init.xavier_uniform_(parameter) if parameter.ndim > 1 else nn.init.zeros_(parameter)
    return model.to(memory_format=torch.channels_last)


def _trainer(torch: Any, job: SimpleNamespace, model: Any) -> Any:
    """Return a function that trains one epoch on the first images of the training set."""
    images = torch.tensor(common.images_of(job, "train", 60_000))[:, None]
    labels = torch.tensor(common.labels_of(job, "train", 60_000)).long()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, eps=1e-7, fused=True)

    def train_epoch(count: int) -> float:
        total = torch.zeros(())
        for chosen in torch.randperm(count).split(job.batch):
            batch = images[chosen].float().div_(255)
            if job.augment:
                batch = _augment(torch, batch)
            batch = batch.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(model(batch), labels[chosen])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total)

    return train_epoch


def _augment(torch: Any, images: Any) -> Any:
    """Rotate, shift, zoom and change the contrast of each of images (n, 1, h, w) at random."""
    count = len(images)

    def uniform(limit: float) -> Any:
        return torch.empty(count).uniform_(-limit, limit)

    angle, zoom = uniform(0.1 * 2 * math.pi), 1 + uniform(0.1)
    cosine, sine = angle.cos() * zoom, angle.sin() * zoom
    # A tenth of the image is 0.2 in affine_grid's coordinates of -1..1.
    rows = torch.stack((cosine, -sine, uniform(0.2), sine, cosine, uniform(0.2)), 1)
    grid = torch.nn.functional.affine_grid(
        rows.view(count, 2, 3), images.shape, align_corners=False
    )
    warped = torch.nn.functional.grid_sample(
        images, grid, padding_mode="reflection", align_corners=False
    )
    mean = warped.mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, warped, 1 + uniform(0.1).view(count, 1, 1, 1)).clamp_(0, 1)


common.serve(open_network, export=export, train=train, recipe=recipe)
