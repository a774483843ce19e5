"""``ocrdigit train``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from .. import recipes
from ..augmentations import AUGMENTATIONS
from ._options import DATA_HELP, PRECISION, examples, load_dataset

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..estimator import DigitClassifier


@click.command(
    epilog=examples(
        "ocrdigit train --data mnist/ --recipe seed --epochs 7 --out seed.safetensors",
        "ocrdigit train --data my_digits/ --from seed.safetensors --out mine.safetensors",
    )
)
@click.option("--data", type=click.Path(), metavar="PATH", help=DATA_HELP)
@click.option(
    "--recipe",
    type=click.Choice(list(recipes.RECIPES)),
    help="The training recipe.  [default: default, or fine-tune with --from]",
)
@click.option(
    "--epochs", type=click.IntRange(1), help="Passes over the data.  [default: the recipe's]"
)
@click.option(
    "--batch-size", type=click.IntRange(1), help="Images per step.  [default: the recipe's]"
)
@click.option("--learning-rate", type=float, help="Maximum learning rate.  [default: the recipe's]")
@click.option(
    "--augment",
    type=click.Choice(list(AUGMENTATIONS)),
    help="Augmentation of the training images.  [default: the recipe's]",
)
@PRECISION
@click.option("--from", "start", type=click.Path(), metavar="FILE", help="Fine-tune this model.")
@click.option(
    "--seed", type=click.IntRange(0), help="Random seed; the same seed gives the same bits."
)
@click.option(
    "--jobs", type=click.IntRange(1), help="Number of threads.  [default: all processors]"
)
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    default="model.safetensors",
    show_default=True,
    help="The file to save the model to.",
)
@click.option(
    "--checkpoint",
    type=click.Path(),
    metavar="FILE",
    help="Save the state of the training to this file, resume from it if it exists, and delete it "
    "when the model is saved.",
)
@click.option(
    "--every",
    type=click.IntRange(1),
    metavar="N",
    help="Steps between savings of the checkpoint.  [default: at the end of each epoch]",
)
@click.option("--quiet", is_flag=True, help="Do not show progress.")
def train(
    data: str | None,
    recipe: str | None,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    augment: str | None,
    precision: str,
    start: str | None,
    seed: int | None,
    jobs: int | None,
    out: str,
    checkpoint: str | None,
    every: int | None,
    quiet: bool,
) -> None:
    """Train a model and save it.

    If the data have a test part, the accuracy on it is printed at the end. After Ctrl-C, the
    model of the last step is saved to a file of its own.
    """
    from .. import _checkpoint
    from .._atomic import check_writable
    from ..estimator import DigitClassifier

    if not out.endswith(".safetensors"):
        raise click.BadParameter(f"{out!r} does not end in .safetensors", param_hint="--out")
    if recipe == "fine-tune" and not start:
        raise click.UsageError("the recipe fine-tune needs a model to start from: --from FILE")
    if every and not checkpoint:
        raise click.UsageError("--every needs the file of the checkpoint: --checkpoint FILE")
    check_writable(out)
    model = DigitClassifier.load(start) if start else DigitClassifier()
    dataset = load_dataset(data)
    model.set_params(
        recipe=recipe or model.recipe,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        augment=augment,
        precision=precision,
        random_state=seed,
        n_jobs=jobs,
        verbose=not quiet,
    )
    try:
        model.fit(
            dataset.X_train,
            dataset.y_train,
            checkpoint=checkpoint,
            every=every or "epoch",
            keep_checkpoint=True,
        )
    except KeyboardInterrupt:
        if hasattr(model, "network_"):
            kept = out.removesuffix(".safetensors") + ".interrupted.safetensors"
            model.save(kept)
            click.echo(err=True)  # ends the line with the terminal's ^C
            raise click.ClickException(f"interrupted; the last step's model is in {kept}") from None
        raise
    model.save(out)
    if checkpoint:
        _checkpoint.delete(checkpoint)
    if len(dataset.y_test):
        right, count = _count_right(model, dataset)
        click.echo(f"test accuracy {right / count:.2%} ({right:,} of {count:,})")
    click.echo(f"saved {out} ({os.path.getsize(out) / 1024:,.0f} KB)")


def _count_right(model: DigitClassifier, dataset: Dataset) -> tuple[int, int]:
    """Return how many test images are predicted right, and how many there are."""
    return int((model.predict(dataset.X_test) == dataset.y_test).sum()), len(dataset.y_test)
