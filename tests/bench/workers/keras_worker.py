"""Keras on TensorFlow, written as most people do and in the fastest variant found.

Variants of training: "layers" has the augmentation layers in the model and passes arrays to
fit(); "map" applies them to batches in a tf.data pipeline, in parallel with the training step,
and runs 32 steps a call (steps_per_execution). Mapping single images, and XLA (jit_compile=True)
with or without the pipeline, were slower.
Variants of prediction: "predict" is model.predict(); "function" is the model traced once by
tf.function.
"""

from __future__ import annotations

import os
from time import monotonic, perf_counter
from types import SimpleNamespace
from typing import Any

import common

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def open_network(job: SimpleNamespace) -> common.Network:
    keras, tf = _frameworks(job)
    model = keras.models.load_model(common.exported(job, "keras"))
    if job.variant == "predict":
        return lambda images: model.predict(
            images.reshape(-1, 28, 28, 1), batch_size=1000, verbose=0
        )
    function = tf.function(model).get_concrete_function(tf.TensorSpec((None, 28, 28, 1)))
    return lambda images: function(tf.constant(images.reshape(-1, 28, 28, 1))).numpy()


def export(job: SimpleNamespace) -> common.Figures:
    """Write the network as .keras and .tflite."""
    keras, tf = _frameworks(job)
    model = keras.Sequential([keras.Input((28, 28, 1)), *_layers(keras)])
    model.set_weights(list(common.seed_weights().values()))
    model.save(common.exported(job, "keras"))
    with open(common.exported(job, "tflite"), "wb") as file:
        file.write(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return {}


def train(job: SimpleNamespace) -> common.Figures:
    keras, tf = _frameworks(job)
    images = common.as_floats(common.images_of(job, "train", 60_000))[..., None]
    labels = common.labels_of(job, "train", 60_000)
    _, fit = _model_and_fit(keras, tf, job)

    class EpochClock(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        """Excludes the time after the epoch, when TensorFlow may idle in fit() for seconds."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.start = perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seconds = perf_counter() - self.start

    warm = 64 * job.batch
    fit(images[:warm], labels[:warm], epochs=1)
    clock = EpochClock()
    fit(images[: job.images], labels[: job.images], epochs=1, callbacks=[clock])
    return common.training_figures(job.images, clock.seconds)


def recipe(job: SimpleNamespace) -> common.Figures:
    keras, tf = _frameworks(job)
    keras.utils.set_random_seed(job.seed)
    images = common.as_floats(common.images_of(job, "train", 60_000))[..., None]
    model, fit = _model_and_fit(keras, tf, job)
    fit(images, common.labels_of(job, "train", 60_000), epochs=job.epochs)
    return common.recipe_figures(
        job, save=lambda: _save(model, job), score=lambda: _score(model, job)
    )


def to_accuracy(job: SimpleNamespace) -> common.Figures:
    """Train until an epoch reaches the test accuracy; the clock stops during the tests."""
    keras, tf = _frameworks(job)
    keras.utils.set_random_seed(job.seed)
    images = common.as_floats(common.images_of(job, "train", 60_000))[..., None]
    model, fit = _model_and_fit(keras, tf, job)
    accuracy = 0.0

    class Evaluation(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            nonlocal accuracy
            begin = monotonic()
            accuracy = _score(model, job)
            job.started += monotonic() - begin
            self.model.stop_training = accuracy >= job.target

    labels = common.labels_of(job, "train", 60_000)
    fit(images, labels, epochs=job.max_epochs, callbacks=[Evaluation()])
    if accuracy < job.target:
        raise SystemExit(f"{accuracy:.2%} after {job.max_epochs} epochs")
    return common.recipe_figures(job, save=lambda: _save(model, job), score=lambda: accuracy)


def _save(model: Any, job: SimpleNamespace) -> None:
    model.save(os.path.join(job.folder, "trained.keras"))


def _score(model: Any, job: SimpleNamespace) -> float:
    tested = common.as_floats(common.images_of(job, "t10k", 10_000))[..., None]
    return float(model.evaluate(tested, common.labels_of(job, "t10k", 10_000), verbose=0)[1])


def _frameworks(job: SimpleNamespace) -> tuple[Any, Any]:
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    return keras, tf


def _layers(keras: Any) -> list[Any]:
    layers = keras.layers
    return [
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def _augmentation(keras: Any) -> list[Any]:
    layers = keras.layers
    return [
        layers.RandomRotation(0.1),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomZoom(0.1),
        layers.RandomContrast(0.1),
    ]


def _model_and_fit(keras: Any, tf: Any, job: SimpleNamespace) -> tuple[Any, Any]:
    """Return the compiled model, and a function that fits it in the job's variant."""
    in_layers = job.variant == "layers"
    augmentation = _augmentation(keras) if job.augment else []
    in_model = augmentation if in_layers else []
    model = keras.Sequential([keras.Input((28, 28, 1)), *in_model, *_layers(keras)])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=1 if in_layers else 32,
    )

    def fit_arrays(images: Any, labels: Any, **options: Any) -> None:
        model.fit(images, labels, batch_size=job.batch, verbose=0, **options)

    def fit_pipeline(images: Any, labels: Any, **options: Any) -> None:
        augment = keras.Sequential(augmentation)
        batches = tf.data.Dataset.from_tensor_slices((images, labels))
        batches = batches.shuffle(len(images)).batch(job.batch)
        if augmentation:
            batches = batches.map(lambda x, y: (augment(x, training=True), y), tf.data.AUTOTUNE)
        model.fit(batches.prefetch(tf.data.AUTOTUNE), verbose=0, **options)

    return model, fit_arrays if in_layers else fit_pipeline


common.serve(open_network, export=export, train=train, recipe=recipe, to_accuracy=to_accuracy)
