"""ocrdigit, the package under measurement, used as in its README."""

from __future__ import annotations

import os
import subprocess
import sys
from time import perf_counter
from types import SimpleNamespace

import common


def precision_of(job: SimpleNamespace) -> str:
    """Return the precision of the job's variant, which may also be an instruction set."""
    if job.variant == "avx2":
        os.environ["OCRDIGIT_ISA"] = job.variant  # read when the package is imported
    return job.variant if job.variant in ("bfloat16", "int8") else "float32"


def open_network(job: SimpleNamespace) -> common.Network:
    precision = precision_of(job)
    import ocrdigit

    ocrdigit.set_num_threads(job.threads)
    if job.variant == "shipped model":
        return ocrdigit.predict_proba
    path = common.exported(job, "safetensors")
    return ocrdigit.load(path, precision=precision).predict_proba


def export(job: SimpleNamespace) -> common.Figures:
    from PIL import Image

    import ocrdigit

    images, labels = common.images_of(job, "train", 32), common.labels_of(job, "train", 32)
    model = ocrdigit.DigitClassifier(epochs=1, verbose=0).fit(images, labels)
    model.network_.set_weights(common.seed_weights())
    model.calibrate(images)
    model.save(common.exported(job, "safetensors"))
    picture = Image.fromarray(255 - common.images_of(job, "t10k", 1)[0])
    picture.resize((280, 280)).save(_picture(job))
    return {}


def train(job: SimpleNamespace) -> common.Figures:
    precision = precision_of(job)
    import ocrdigit

    ocrdigit.set_num_threads(job.threads)
    images, labels = common.images_of(job, "train", 60_000), common.labels_of(job, "train", 60_000)
    model = ocrdigit.DigitClassifier(
        recipe="seed",
        epochs=1,
        batch_size=job.batch,
        augment=None if job.augment else False,
        precision=precision,
        random_state=0,
        verbose=0,
    )
    model.fit(images[: 20 * job.batch], labels[: 20 * job.batch])
    start = perf_counter()
    model.fit(images[: job.images], labels[: job.images])
    return common.training_figures(job.images, perf_counter() - start)


def recipe(job: SimpleNamespace) -> common.Figures:
    import ocrdigit

    ocrdigit.set_num_threads(job.threads)
    model = ocrdigit.DigitClassifier(
        recipe=job.recipe, epochs=job.epochs, random_state=job.seed, verbose=0
    )
    model.fit(common.images_of(job, "train", 60_000), common.labels_of(job, "train", 60_000))
    return common.recipe_figures(
        job,
        save=lambda: model.save(os.path.join(job.folder, "trained.safetensors")),
        score=lambda: model.score(
            common.images_of(job, "t10k", 10_000), common.labels_of(job, "t10k", 10_000)
        ),
    )


def to_accuracy(job: SimpleNamespace) -> common.Figures:
    """Run the fast recipe from the command line, then measure the accuracy of its model.

    The time of the process includes its own test of the model.
    """
    path = os.path.join(job.folder, "fast.safetensors")
    options = {"data": os.path.abspath(job.data), "recipe": job.recipe, "out": path}
    options |= {"seed": job.seed, "jobs": job.threads}
    arguments = [str(each) for name, value in options.items() for each in (f"--{name}", value)]
    seconds = _command_time(job, "train", *arguments)

    import ocrdigit

    accuracy = ocrdigit.load(path).score(
        common.images_of(job, "t10k", 10_000), common.labels_of(job, "t10k", 10_000)
    )
    return {"seconds": seconds, "accuracy": accuracy}


def growth(job: SimpleNamespace) -> common.Figures:
    """Measure by how much a million predictions of single images increase resident memory."""
    network = open_network(job)
    images = list(common.as_floats(common.images_of(job, "t10k", 1000)))
    predictions = int(1e6 if job.seconds >= 1 else 1e4)

    def predict(times: int) -> None:
        for at in range(times):
            network(images[at % 1000])

    predict(10_000)
    before = common.resident_memory()
    predict(predictions)
    return {"growth": common.resident_memory() - before}


def command(job: SimpleNamespace) -> common.Figures:
    """Measure a whole process of the command line that predicts one image."""
    return {"seconds": _command_time(job, "predict", _picture(job))}


def _command_time(job: SimpleNamespace, *arguments: str) -> float:
    """Return the seconds that a process of `ocrdigit` with these arguments takes."""
    start = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ocrdigit", *arguments],
        cwd=job.folder,  # a package in the current folder would come first
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return perf_counter() - start


def _picture(job: SimpleNamespace) -> str:
    return os.path.join(job.folder, "digit.png")


common.serve(
    open_network,
    export=export,
    train=train,
    recipe=recipe,
    to_accuracy=to_accuracy,
    command=command,
    growth=growth,
)
