"""The scikit-learn estimator: trains a network, predicts with it, saves and loads it."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import (
    _callbacks,
    _checkpoint,
    _checks,
    _core,
    _layer_table,
    architectures,
    models,
    recipes,
)
from ._inputs import as_images
from ._labels import as_labels
from ._thread_limit import thread_limit
from .models import files
from .models._classes import DIGITS, digits_only

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

    from .explaining import Explanation

_TTA_THRESHOLD = 0.99  # of the maximum probability; at or above it, no test-time augmentation

_Images = tuple[NDArray[Any], NDArray[np.uint8], float]
_Labelled = tuple[NDArray[Any], NDArray[np.uint8], float, bool]


class DigitClassifier:
    """A convolutional network that classifies handwritten digits.

    It follows scikit-learn's conventions and works in its pipelines, searches and
    cross-validation, but does not need scikit-learn.

    Parameters
    ----------
    architecture : str or list of dict, optional
        "seed", "fast", or a list of layers: see :mod:`ocrdigit.architectures`. None: the
        recipe's, which is "seed" except for the recipe "fast".
    recipe : str or dict, default "default"
        The training settings: "default", "fast" (99 % on MNIST in about a second), "seed" (those
        of the project's first network), "fine-tune" (for a loaded model and a few images of your
        own), or a dict of settings that replace the default's: see :mod:`ocrdigit.recipes`.
    epochs, batch_size : int, optional
        Passes over the data, and images per step; None: the recipe's.
    augment : str, list of dict, or False, optional
        Random augmentation of training images: "default", "seed", "none" or False, or a list:
        see :mod:`ocrdigit.augmentations`. None: the recipe's.
    optimizer : str or dict, optional
        "sgd", "adam", "adamw", or a dict such as ``{"type": "sgd", "momentum": 0.9}``.
        None: the recipe's.
    learning_rate : float, optional
        The peak rate of the schedule; None: the recipe's, or the optimizer's default where
        ``optimizer`` names another than the recipe's.
    precision : {"float32", "bfloat16", "int8"}, default "float32"
        The number type of products. "bfloat16" rounds the weights and inputs of each layer to 8
        significant bits, in training (where weights, gradients of weights and all sums stay
        float32, but gradients that pass through 3x3 convolutions are rounded too) and in
        prediction. "int8" predicts with 8-bit integers, quantized by the ranges that the end of
        ``fit``, or :meth:`calibrate`, has observed; it trains in float32. Both are faster on
        processors with instructions for them, and give the same results on all processors.
    tta : bool, default False
        Test-time augmentation: images with a maximum probability below 0.99 are classified
        again, rotated by 8 degrees, scaled by 0.9 and 1.1 and sheared by 0.15, either way each,
        and the probabilities averaged. It makes fewer mistakes, and takes about eight times as
        long for those images. Files in formats other than ``.safetensors`` do not keep it.
    patience : int, optional
        Stop after this many epochs without a better validation accuracy.
    restore_best : bool, default False
        Keep the weights of the epoch with the best validation accuracy.
    warm_start : bool, default False
        Whether ``fit`` continues from the present weights. ``ocrdigit.load`` sets it, and the
        recipe "fine-tune", so that ``fit`` of a loaded model fine-tunes it.
    random_state : int, numpy Generator or RandomState, optional
        Seed of everything random. The same seed, data and instruction set give the same
        model to the bit, on any number of threads. None: a new seed each time.
    n_jobs : int, optional
        Threads for this estimator's work, -1 for all processors; None: as set by
        ``ocrdigit.set_num_threads``. The number holds for the whole process during a call; of
        calls that overlap, that of the latest.
    callbacks : callable or list, optional
        Functions called with a dict after each epoch, or objects with methods ``on_epoch``
        and/or ``on_step``. The dict has epoch (from 0), epochs, step, steps, loss,
        accuracy, val_loss, val_accuracy, learning_rate, seconds, and model: the model in
        training, which can predict, score, explain and be saved, in a first ``fit`` the estimator
        itself. With a moving average of weights (``ema``), ``on_epoch`` sees the average, and
        ``on_step`` the weights. Training stops if a callback returns False.
    verbose : int, default 1
        0: ``fit`` prints nothing; 1: a progress bar and a line per epoch.

    Attributes
    ----------
    classes_ : ndarray (10,) of int64, or of str
        The digits, in the order of the columns of ``predict_proba``: always all ten. They are
        str, "0" to "9", if the labels of ``fit`` were; then ``predict`` returns str too.
    n_features_in_ : int
        784, the pixels of an image.
    history_ : dict of list of float
        "loss", "accuracy", "val_loss", "val_accuracy" (NaN without validation data) and
        "seconds", one number per epoch of the last ``fit`` and its continuations.
    network_ : ocrdigit._core.Network
        The trained network; ``network_.weights()`` returns its tensors. The models that come
        with the package have an eleventh class, "non-digit".

    Examples
    --------
    >>> import ocrdigit
    >>> sample = ocrdigit.datasets.load_sample()
    >>> model = ocrdigit.DigitClassifier(epochs=2, random_state=0, verbose=0)
    >>> model.fit(sample.X_train, sample.y_train).predict(sample.X_test[:3])
    array([0, 1, 2])
    """

    _estimator_type = "classifier"

    # Whether labels are str.
    _text = False

    # The class scores are divided by it before softmax.
    _temperature = 1.0

    # The training that partial_fit continues.
    _steady: _SteadyTraining | None = None

    def __init__(
        self,
        architecture: str | architectures.Layers | None = None,
        *,
        recipe: str | Mapping[str, Any] = "default",
        epochs: int | None = None,
        batch_size: int | None = None,
        augment: str | Sequence[Mapping[str, Any]] | bool | None = None,
        optimizer: str | Mapping[str, Any] | None = None,
        learning_rate: float | None = None,
        precision: str = "float32",
        tta: bool = False,
        patience: int | None = None,
        restore_best: bool = False,
        warm_start: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        callbacks: Any = None,
        verbose: int = 1,
    ) -> None:
        self.architecture = architecture
        self.recipe = recipe
        self.epochs = epochs
        self.batch_size = batch_size
        self.augment = augment
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.precision = precision
        self.tta = tta
        self.patience = patience
        self.restore_best = restore_best
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callbacks = callbacks
        self.verbose = verbose

    # ---- parameters ----

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; ``precision`` and ``tta`` take effect at once in a fitted model."""
        if name == "precision" and "network_" in vars(self):
            self.network_.precision = value
        super().__setattr__(name, value)
        if name in ("tta", "network_") and "network_" in vars(self):
            self._classifier = self._new_classifier()

    @classmethod
    def _parameters(cls) -> list[str]:
        code = cls.__init__.__code__
        return list(code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, those of ``__init__``, by name.

        Parameters
        ----------
        deep : bool, default True
            Has no effect; scikit-learn passes it.

        Returns
        -------
        dict
            The values by name.

        Examples
        --------
        >>> import ocrdigit
        >>> ocrdigit.DigitClassifier(epochs=3).get_params()["epochs"]
        3
        """
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> DigitClassifier:
        """Set parameters by name.

        Parameters
        ----------
        **params
            Those of the class, to new values.

        Returns
        -------
        DigitClassifier
            The classifier itself.

        Raises
        ------
        ValueError
            If there is no parameter of that name.
        """
        known = self._parameters()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"DigitClassifier has no parameter {name!r}; it has {', '.join(known)}"
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        import inspect

        defaults = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(two_d_array=True, three_d_array=True, positive_only=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    # ---- training ----

    def fit(
        self,
        X: object,
        y: object,
        validation_data: tuple[object, object] | None = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int | str = "epoch",
        keep_checkpoint: bool = False,
    ) -> DigitClassifier:
        """Train on images and their digits.

        Parameters
        ----------
        X : array (n, 28, 28), (n, 28, 28, 1) or (n, 784), or list of images
            Canonical input, light strokes on black, is used as it is (bytes without a copy);
            other images are preprocessed as by ``ocrdigit.preprocess``.
        y : array (n,) of int or str
            The digits, 0..9 or "0".."9".
        validation_data : (X, y), optional
            Images to evaluate after each epoch; they are not trained on.
        checkpoint : path, optional
            A file to which the state of the training is saved, atomically, so that it can resume
            after a crash, a reboot or Ctrl-C: the same call continues from the file if it exists,
            and gives the same model to the bit as if it had not stopped. Parameters and data must
            be the same, except that a ``random_state`` of None resumes with the seed in the file;
            with ``warm_start``, the weights are those in the file. When the training has ended,
            also early, the file is deleted. Random numbers of the callbacks' own are not saved.
        every : int or "epoch", default "epoch"
            The number of steps from one saving to the next, or "epoch" for the end of each epoch.
        keep_checkpoint : bool, default False
            Save the final state instead of deleting the file, so that nothing is lost if the
            process ends before :meth:`save`: the same call then gives the same model without
            training. Delete the file yourself.

        Returns
        -------
        DigitClassifier
            The classifier itself.

        Raises
        ------
        TypeError, ValueError
            If an argument or a parameter is invalid, the checkpoint is damaged, edited, of another
            version or of another training, or training diverged: the message names the epoch and
            the step whose loss or gradient is not finite.
        OSError
            If the checkpoint cannot be read or written, for example as the disk is full. The
            file as it was last saved is kept.
        KeyboardInterrupt
            After Ctrl-C. The model is then that of the last finished step.

        After another exception, also of a callback, the model of an earlier fit is kept. If there
        is none, the model is that of the last finished step: after a divergence, of the last one
        with finite weights.

        Examples
        --------
        Training that resumes from ``digits.checkpoint`` if that exists, and saves it every 500
        steps:

        >>> import ocrdigit
        >>> sample = ocrdigit.datasets.load_sample()
        >>> model = ocrdigit.DigitClassifier(epochs=2, random_state=0, verbose=0)
        >>> model.fit(
        ...     sample.X_train, sample.y_train, checkpoint="digits.checkpoint", every=500
        ... ).predict(sample.X_test[:3])
        array([0, 1, 2])
        """
        images, labels, scale, text = self._check_labelled(X, y)
        validation = self._check_validation(validation_data, scale)
        goes_on = _checks.truth("warm_start", self.warm_start) and hasattr(self, "network_")
        recipe = recipes.effective(self.recipe, goes_on)
        settings = self._settings(recipe)
        restore_best = _checks.truth("restore_best", self.restore_best)
        if validation is None and (self.patience is not None or restore_best):
            raise ValueError("patience and restore_best need validation_data")
        if self.patience is not None:
            settings["patience"] = _checks.positive_int("patience", self.patience)
        if replay := recipes.replay_of(recipe):
            from ._replay import with_sample

            images, labels = with_sample(images, labels, scale, replay)
        saved_seed = None if checkpoint is None else _checkpoint.saved_seed(checkpoint)
        resumes = self.random_state is None and saved_seed is not None
        seed = _checks.seed(saved_seed if resumes else self.random_state)
        network = self._warm_network() if goes_on else self._new_network(seed)
        history = self._history(goes_on)
        settings |= {"seed": seed, "restore_best": restore_best}
        model = self._in_training(network, history, text, settings["precision"])

        display = None
        if _checks.truth("verbose", self.verbose):
            from .progress import TrainingDisplay

            display = TrainingDisplay(len(images), settings["batch_size"])
        try:
            with thread_limit(self.n_jobs):
                _checkpoint.run(
                    network,
                    settings,
                    (images, labels, scale, *(validation or ())),
                    checkpoint,
                    every,
                    keep=_checks.truth("keep_checkpoint", keep_checkpoint),
                    history=history,
                    **_callbacks.hooks(self.callbacks, history, model, display),
                )
        except BaseException as error:
            has_stepped = model.cache_info().currsize > 0  # the first step calls it
            if self._has(network) or (has_stepped and isinstance(error, KeyboardInterrupt)):
                self._keep(network, history, text)
            raise
        finally:
            if display:
                display.close()
        self._keep(network, history, text)
        return self

    def partial_fit(self, X: object, y: object, classes: object = None) -> DigitClassifier:
        """Train for one pass over ``X``, continuing from the present weights.

        The optimizer's state is kept between calls, and in copies and pickles of the estimator.
        The learning rate is constant: ``learning_rate``, or the optimizer's default if that is
        None. No progress is shown; ``history_`` gets one number per call.

        Parameters
        ----------
        X : array (n, 28, 28), (n, 28, 28, 1) or (n, 784), or list of images
            As for :meth:`fit`.
        y : array-like (n,)
            As for :meth:`fit`.
        classes : array-like of digits, optional
            Has no effect; scikit-learn's incremental classifiers need it beforehand.

        Returns
        -------
        DigitClassifier
            The classifier itself.

        Raises
        ------
        TypeError, ValueError
            As :meth:`fit`. After an error, also if training diverged, the model and the optimizer
            are as they were before the call; if it was the first, the model is that of the last
            finished step.

        Examples
        --------
        >>> import ocrdigit
        >>> sample = ocrdigit.datasets.load_sample()
        >>> model = ocrdigit.load("tiny").set_params(learning_rate=1e-4, verbose=0)
        >>> for start in range(0, 200, 100):
        ...     batch = slice(start, start + 100)
        ...     model = model.partial_fit(sample.X_train[batch], sample.y_train[batch])
        """
        images, labels, scale, text = self._check_labelled(X, y)
        if classes is not None:
            as_labels(classes, np.size(classes), "classes", "classes")  # type: ignore[arg-type]
        goes_on = hasattr(self, "network_")
        recipe = recipes.effective(self.recipe, goes_on)
        settings = recipes.incremental(self._settings(recipe), self.learning_rate)
        seed = _checks.seed(self.random_state)
        network = self._digits_network() if goes_on else self._new_network(seed)
        history = self._history(goes_on)
        before = self._steady
        steady = self._steady_training(network, settings, seed)
        state, ranges = steady.state(), network.ranges
        model = self._in_training(network, history, text, settings["precision"])
        try:
            with thread_limit(self.n_jobs):
                hooks = _callbacks.hooks(self.callbacks, history, model)
                steady.trainer.run(images, labels, scale, **hooks)
        except KeyboardInterrupt:
            self._keep(network, history, text)
            raise
        except BaseException:
            if goes_on:
                steady.trainer.restore(state)
                network.ranges = ranges
                network.precision = self.precision
                self._steady = before
            elif self._has(network):
                self._keep(network, history, text)
            raise
        self._keep(network, history, text)
        return self

    def calibrate(self, X: object) -> DigitClassifier:
        """Observe the range of each layer's input, by which ``precision="int8"`` quantizes.

        ``fit`` and ``partial_fit`` end with a calibration on up to 1,024 of their images. Call
        this for models loaded from other formats, and for images unlike those trained on.

        Parameters
        ----------
        X : array (n, 28, 28), (n, 28, 28, 1) or (n, 784), or list of images
            Some hundreds of images like those to be classified.

        Returns
        -------
        DigitClassifier
            The classifier itself.

        Raises
        ------
        TypeError, ValueError, NotFittedError
            As :meth:`predict`.

        Examples
        --------
        >>> import ocrdigit
        >>> sample = ocrdigit.datasets.load_sample()
        >>> model = ocrdigit.load("tiny", precision="int8").calibrate(sample.X_train[:200])
        """
        network = self._fitted()
        images, scale, _ = as_images(X)
        with thread_limit(self.n_jobs):
            network.calibrate(images, scale)
        return self

    # ---- prediction ----

    def predict(self, X: object, *, reject: float | None = None) -> Any:
        """Predict the digit of each image.

        Parameters
        ----------
        X : image or batch
            As for :func:`ocrdigit.predict`.
        reject : float, optional
            0..1. Return -1 for images whose :meth:`confidence` is below it.

        Returns
        -------
        int or ndarray (n,) of int64
            An int for one image; str, with "-1" for rejected images, if ``classes_`` are.

        Raises
        ------
        TypeError, ValueError, OSError
            As :func:`ocrdigit.predict`.
        NotFittedError
            Before ``fit``: scikit-learn's if that is imported, else one of ours. Either is a
            ValueError and an AttributeError.

        Examples
        --------
        >>> import ocrdigit
        >>> sample = ocrdigit.datasets.load_sample()
        >>> ocrdigit.load("tiny").predict(sample.X_test[:4])
        array([0, 1, 2, 3])
        """
        classifier = self._fitted_classifier()
        min_confidence = 0.0 if reject is None else _checks.fraction("reject", reject)
        if reject is None and self.n_jobs is None:
            digits = classifier.predict_canonical(X)
            if digits is not None:
                return self.classes_[digits] if self._text else digits
        images, scale, single = as_images(X)
        with thread_limit(self.n_jobs):
            digits = classifier.predict(images, scale, min_confidence)
        if self._text:
            rejected = digits < 0
            digits = self.classes_[digits]
            digits[rejected] = "-1"
        return digits.tolist()[0] if single else digits

    def predict_proba(self, X: object) -> NDArray[np.float32]:
        """Predict the probabilities of the ten digits, for each image.

        Parameters
        ----------
        X : image or batch
            As for :func:`ocrdigit.predict`.

        Returns
        -------
        ndarray (10,) or (n, 10) of float32
            Rows sum to 1; (10,) for one image.

        Raises
        ------
        TypeError, ValueError, OSError, NotFittedError
            As :meth:`predict`.

        Examples
        --------
        >>> import ocrdigit
        >>> sample = ocrdigit.datasets.load_sample()
        >>> probabilities = ocrdigit.load("tiny").predict_proba(sample.X_test[:4])
        >>> probabilities.shape, probabilities.argmax(axis=1)
        ((4, 10), array([0, 1, 2, 3]))
        """
        classifier = self._fitted_classifier()
        if self.n_jobs is None:
            probabilities = classifier.predict_proba_canonical(X)
            if probabilities is not None:
                return probabilities
        images, scale, single = as_images(X)
        with thread_limit(self.n_jobs):
            probabilities = classifier.predict_proba(images, scale)
        return probabilities[0] if single else probabilities

    def digit_score(self, X: object) -> Any:
        """Return the probability that each image shows a digit.

        The models that come with the package have a non-digit class, trained on scribbles,
        letters, blots, pairs and halves of digits, textures and blank paper. A model trained by
        ``fit`` or ``partial_fit`` has the ten digits only, without a digit score.

        Parameters
        ----------
        X : image or batch
            As for :func:`ocrdigit.predict`.

        Returns
        -------
        float or ndarray (n,) of float64
            0..1; a float for one image.

        Raises
        ------
        TypeError, ValueError, OSError, NotFittedError
            As :meth:`predict`.
        RuntimeError
            If the model has no non-digit class.

        Examples
        --------
        >>> import numpy as np, ocrdigit
        >>> model = ocrdigit.load("default")
        >>> sample = ocrdigit.datasets.load_sample()
        >>> bool(model.digit_score(sample.X_test[0]) > 0.9)
        True
        >>> bool(model.digit_score(np.zeros((28, 28), np.uint8)) < 0.1)
        True
        """
        classifier = self._fitted_classifier()
        if self.network_.classes == DIGITS:
            raise RuntimeError(
                "this model has been trained on digits only, without a non-digit class or "
                "digit score; the models that come with the package have one"
            )
        images, scale, single = as_images(X)
        with thread_limit(self.n_jobs):
            scores = classifier.digit_score(images, scale)
        return float(scores[0]) if single else scores

    def confidence(self, X: object) -> Any:
        """Return the probability that each image shows the digit that :meth:`predict` returns.

        It is the probability of that digit, times the :meth:`digit_score` if the model has one.

        Parameters
        ----------
        X : image or batch
            As for :func:`ocrdigit.predict`.

        Returns
        -------
        float or ndarray (n,) of float64
            0..1; a float for one image.

        Raises
        ------
        TypeError, ValueError, OSError, NotFittedError
            As :meth:`predict`.

        Notes
        -----
        To choose the ``reject`` of :meth:`predict`, predict some hundreds of your own images,
        sort them by confidence, and take the threshold above which the error rate is low enough.
        To review a fixed proportion of images by hand, take that quantile:
        ``np.quantile(model.confidence(X), 0.01)`` rejects one in a hundred.

        Examples
        --------
        >>> import numpy as np, ocrdigit
        >>> model, sample = ocrdigit.load("tiny"), ocrdigit.datasets.load_sample()
        >>> threshold = np.quantile(model.confidence(sample.X_train), 0.01)
        >>> digits = model.predict(sample.X_test, reject=threshold)
        >>> bool(0 < (digits == -1).mean() < 0.05)
        True
        """
        classifier = self._fitted_classifier()
        images, scale, single = as_images(X)
        with thread_limit(self.n_jobs):
            confidences = classifier.confidence(images, scale)
        return float(confidences[0]) if single else confidences

    def explain(
        self, x: object, digit: int | None = None, layer: int | str | None = None
    ) -> Explanation:
        """Explain which pixels of an image support a digit, by Grad-CAM.

        Parameters
        ----------
        x : image
            One image, as for :func:`ocrdigit.predict`.
        digit : int, optional
            The digit to explain; by default the predicted one.
        layer : int or str, optional
            As for :func:`ocrdigit.explain`.

        Returns
        -------
        Explanation
            The heatmap, the digit and its probability.

        Raises
        ------
        TypeError, ValueError, OSError
            As :func:`ocrdigit.explain`.
        NotFittedError
            Before ``fit``.

        Examples
        --------
        >>> import ocrdigit
        >>> sample = ocrdigit.datasets.load_sample()
        >>> explanation = ocrdigit.load("tiny").explain(sample.X_test[7])
        >>> explanation.digit, explanation.heatmap.shape
        (7, (28, 28))
        """
        from .explaining import explain_image

        return explain_image(self._fitted(), x, digit, layer)

    def score(self, X: object, y: object) -> float:
        """Return the accuracy.

        Parameters
        ----------
        X : array (n, 28, 28), (n, 28, 28, 1) or (n, 784), or list of images
            As for :meth:`fit`.
        y : array-like (n,)
            The true digits, as for :meth:`fit`.

        Returns
        -------
        float
            The proportion of images classified correctly, 0..1.

        Raises
        ------
        TypeError, ValueError, NotFittedError
            As :meth:`fit` and :meth:`predict`.

        Examples
        --------
        >>> import ocrdigit
        >>> sample = ocrdigit.datasets.load_sample()
        >>> ocrdigit.load("tiny").score(sample.X_test, sample.y_test) > 0.98
        True
        """
        classifier = self._fitted_classifier()
        images, labels, scale = self._check(X, y)
        with thread_limit(self.n_jobs):
            return float(np.mean(classifier.predict(images, scale) == labels))

    def summary(self) -> None:
        """Print the layers, their output shapes and numbers of parameters."""
        print(_layer_table.as_text(self._present_network()))

    def _repr_html_(self) -> str:
        """Return the changed parameters and the layers as HTML, for notebooks."""
        import html

        title = f"<code>{html.escape(repr(self))}</code>"
        try:
            network = self._present_network()
        except (TypeError, ValueError) as error:  # the same that fit would raise
            return f"{title}<p>{html.escape(str(error))}</p>"
        if not hasattr(self, "network_"):
            state = "not trained yet"
        elif self.history_["loss"]:
            state = f"trained for {len(self.history_['loss'])} epochs"
        else:
            state = "loaded"
        return title + _layer_table.as_html(network, state)

    # ---- files ----

    def save(self, path: str | os.PathLike[str], *, int8: bool = False) -> None:
        """Write the model to a file, in the format of its suffix.

        Parameters
        ----------
        path : path
            The file. An existing file is replaced atomically.

            - ``.safetensors``: the native format, read by :func:`ocrdigit.load`;
            - ``.keras``: Keras 3, which can run and train it, and :func:`ocrdigit.load`;
            - ``.onnx``: ONNX Runtime, OpenCV's dnn and others;
            - ``.tflite``: TensorFlow Lite, now LiteRT;
            - ``.h`` or ``.c``: a header and a source file in C99, for microcontrollers, with a
              small version of :func:`ocrdigit.preprocess`.

            In each the network's input is a batch of images in 0..1, light strokes on black, and
            its output probabilities; the file's metadata describe both. The formats other than
            the native one need ``pip install 'ocrdigit[export]'``, and keep neither the
            non-digit class nor ``tta``.
        int8 : bool
            Whether to quantize a ``.tflite`` file to 8-bit integers, inputs and outputs too: a
            quarter of the size, for microcontrollers and accelerators. It is calibrated with
            1,000 images of the embedded sample.

        Raises
        ------
        ValueError
            If the suffix is not one of these, or ``int8`` is set for another than ``.tflite``.
        ModuleNotFoundError
            If the package for the format is not installed.
        OSError
            If the file cannot be written; an existing file stays as it was.
        NotFittedError
            Before ``fit``.

        Examples
        --------
        >>> import os, tempfile, ocrdigit
        >>> path = os.path.join(tempfile.mkdtemp(), "digits.safetensors")
        >>> ocrdigit.load("tiny").save(path)
        >>> model = ocrdigit.load(path)
        """
        network, calibration = self._fitted(), None
        if int8:
            from .datasets import load_sample

            calibration = load_sample().X_train[:1000]
        stored = files.Stored(network, self._temperature, _checks.truth("tta", self.tta))
        files.write_model(path, stored, calibration)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, precision: str = "float32") -> DigitClassifier:
        """Load a fitted classifier from a file that :meth:`save` or Keras wrote.

        It has ``warm_start=True`` and the recipe "fine-tune": ``fit`` fine-tunes it on a few
        images of your own, see :mod:`ocrdigit.recipes`.

        Parameters
        ----------
        path : path or {"default", "tiny", "large", "seed"}
            The name of a model that comes with the package, see :mod:`ocrdigit.models`; or a
            file: ``.safetensors``; ``.keras`` or ``.h5`` of a model of Keras, see
            :meth:`from_keras`; ``.onnx`` or ``.tflite`` (float32) if :meth:`save` wrote it. No
            code in a file is run. Files of PyTorch need a list of layers, see :meth:`from_torch`.
        precision : {"float32", "bfloat16", "int8"}, default "float32"
            The number type of products in predictions, see the class.

        Returns
        -------
        DigitClassifier
            Ready to predict, and to be fine-tuned.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If the file is damaged or holds something else, is larger than 512 MiB, its network
            takes too much memory or gives infinite scores, or ``precision`` is unknown.
        MemoryError
            If there is not enough memory for the network.

        Examples
        --------
        >>> import ocrdigit
        >>> model = ocrdigit.load("tiny")
        >>> model = ocrdigit.load("digits.safetensors")  # doctest: +SKIP
        """
        return cls._of(files.read_stored(models.path_of(path)), precision)

    @classmethod
    def from_keras(
        cls,
        source: Any,
        *,
        input_range: tuple[float, float] | None = None,
        normalize: tuple[float, float] | None = None,
        pad: int = 0,
        precision: str = "float32",
    ) -> DigitClassifier:
        """Load a classifier of digits that was made with Keras, from a file or as a model.

        It gives the probabilities that Keras gives, to about 1e-6, without Keras or TensorFlow.
        Sequential and Functional models are loaded if their layers are a chain: ``Conv2D``,
        ``DepthwiseConv2D``, ``SeparableConv2D``, ``Dense``, max and average pools and global ones,
        ``BatchNormalization``, ``LayerNormalization``, ``Normalization``, ``Rescaling``,
        ``ZeroPadding2D``, ``Flatten``, ``Reshape``, ``Dropout``, ``Activation``, ``ReLU``,
        ``LeakyReLU``, ``ELU`` and ``Softmax``. Layers of augmentation and noise are left out.

        Parameters
        ----------
        source : path or keras.Model
            A ``.keras`` or ``.h5`` file, or a model of Keras. No code in a file is run.
        input_range : (float, float), optional
            The values of the background and of full strokes in the images that the model was
            trained on: (0, 1); (0, 255) for bytes; (-1, 1); (1, 0) for dark strokes on white. None:
            (0, 1), but (0, 255) if the model begins with a ``Rescaling`` or ``Normalization`` made
            for bytes.
        normalize : (float, float), optional
            The mean that was subtracted from these values, and the deviation they were divided by.
        pad : int, default 0
            The rows and columns of background around a digit's 28x28 pixels: 2 for LeNet-5's 32x32.
        precision : {"float32", "bfloat16", "int8"}, default "float32"
            The number type of products in predictions, see the class.

        Returns
        -------
        DigitClassifier
            Fitted; with ``warm_start=True`` and the recipe "fine-tune", as :meth:`load`.

        Raises
        ------
        OSError
            If the file cannot be read.
        TypeError
            If an argument is of another type.
        ValueError
            If the file is damaged or too large, the layers are no chain, a layer or an option is
            not supported (the message names it), or the model has not ten classes.
        ModuleNotFoundError
            If h5py is not installed.

        Examples
        --------
        >>> import ocrdigit
        >>> model = ocrdigit.DigitClassifier.from_keras("lenet.h5", pad=2)  # doctest: +SKIP
        """
        values = _input_values(input_range, normalize)
        network = files.read_keras(source, values, _checks.int_in_range("pad", pad, 0, 64))
        return cls._of(files.Stored(network), precision)

    @classmethod
    def from_torch(
        cls,
        source: Any,
        layers: Sequence[str | Mapping[str, Any]] | None = None,
        *,
        input_range: tuple[float, float] | None = None,
        normalize: tuple[float, float] | None = None,
        pad: int = 0,
        precision: str = "float32",
    ) -> DigitClassifier:
        """Load a classifier of digits that was made with PyTorch.

        A ``state_dict`` has a model's weights and not what its ``forward`` does with them, so that
        the layers are listed. It gives the probabilities that PyTorch gives, to about 1e-6, without
        PyTorch.

        Parameters
        ----------
        source : path, dict or torch.nn.Sequential
            A file by ``torch.save(model.state_dict(), path)``, or a ``.safetensors`` file; or a
            ``state_dict`` of tensors or arrays; or a ``Sequential`` module, which needs no list. A
            file is read without running the pickled code in it: it may hold tensors only.
        layers : list of str or dict
            The layers in the order of ``forward``. A layer is the name of a module in the
            ``state_dict``, such as "conv1"; a class of ``torch.nn`` without weights, such as "ReLU"
            or "Flatten"; or a dict of ``"name"`` or ``"type"`` and the options as in ``torch.nn``:
            ``{"name": "conv1", "padding": 2, "stride": 2}``, ``{"type": "MaxPool2d",
            "kernel_size": 2}``. Options that are left out have PyTorch's defaults.
        input_range, normalize, pad, precision : as for from_keras
            ``normalize=(0.1307, 0.3081)`` is that of PyTorch's MNIST example. ``input_range`` None
            is (0, 1).

        Returns
        -------
        DigitClassifier
            Fitted; with ``warm_start=True`` and the recipe "fine-tune", as :meth:`load`.

        Raises
        ------
        OSError
            If the file cannot be read.
        TypeError
            If an argument is of another type.
        ValueError
            If the file is damaged, too large or holds more than tensors, a layer or an option is
            not supported or does not fit its tensors (the message names it), or the model has not
            ten classes.

        Examples
        --------
        The model of PyTorch's MNIST example, ``mnist_cnn.pt``:

        >>> import ocrdigit
        >>> layers = [
        ...     *("conv1", "ReLU", "conv2", "ReLU", {"type": "MaxPool2d", "kernel_size": 2}),
        ...     *("Dropout", "Flatten", "fc1", "ReLU", "Dropout", "fc2", "LogSoftmax"),
        ... ]
        >>> model = ocrdigit.DigitClassifier.from_torch(
        ...     "mnist_cnn.pt", layers, normalize=(0.1307, 0.3081)
        ... )  # doctest: +SKIP
        """
        values = _input_values(input_range, normalize) or (0.0, 1.0)
        network = files.read_torch(source, layers, values, _checks.int_in_range("pad", pad, 0, 64))
        return cls._of(files.Stored(network), precision)

    @classmethod
    def _of(cls, stored: files.Stored, precision: str) -> DigitClassifier:
        """Return a fitted classifier of a model from a file."""
        layers = digits_only(stored.network).layers
        model = cls(
            architectures.name_of(layers) or layers,
            recipe="fine-tune",
            precision=precision,
            tta=stored.tta,
            warm_start=True,
        )
        history = model._history(goes_on=False)
        model._keep(stored.network, history, temperature=stored.temperature)
        return model

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for copy and for worker processes; ``save`` writes files."""
        left_out = ("_steady", "_classifier")
        state = {name: value for name, value in vars(self).items() if name not in left_out}
        if "network_" in state:
            network = state["network_"]
            state["network_"] = (
                network.layers,
                network.input_shape,
                network.weights(),
                network.ranges,
            )
            if (steady := self._steady) and steady.network is network:
                state["_steady"] = (steady.settings, steady.seed, steady.state())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        steady = state.get("_steady")
        vars(self).update({name: value for name, value in state.items() if name != "_steady"})
        if "network_" in state:
            layers, input_shape, weights, ranges = state["network_"]
            network = _core.Network(layers, input_shape)
            if steady is not None:
                settings, seed, training = steady
                self._steady_training(network, settings, seed).trainer.restore(_aligned(training))
            network.set_weights(_aligned(weights))
            network.ranges = ranges
            self.network_ = network
            self.network_.precision = self.precision

    # ---- internals ----

    def _fitted(self) -> _core.Network:
        return self._fitted_classifier().network

    def _fitted_classifier(self) -> _core.Classifier:
        try:
            return self._classifier
        except AttributeError:
            raise _not_fitted_error()(
                "this DigitClassifier has no model yet: call fit(X, y), or ocrdigit.load(path)"
            ) from None

    def _check(self, X: object, y: object, images: str = "X", labels: str = "y") -> _Images:
        return self._check_labelled(X, y, images, labels)[:3]

    def _check_labelled(
        self, X: object, y: object, images: str = "X", labels: str = "y"
    ) -> _Labelled:
        """Return images, digits, the images' scale, and whether the labels were str."""
        pixels, scale, single = as_images(X, images)
        if single:
            raise ValueError(
                f"{images} is {_one_image(X)}; expected a batch (n, 28, 28) or (n, 784)"
            )
        digits, text = as_labels(y, len(pixels), labels, images)
        return pixels, digits, scale, text

    def _check_validation(
        self, data: object, scale: float
    ) -> tuple[NDArray[Any], NDArray[np.uint8]] | None:
        """Return validation images and labels, in units of the training images' ``scale``."""
        if data is None:
            return None
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError(f"validation_data must be a pair (X, y), got {type(data).__name__}")
        X, y = data
        images, labels, own_scale = self._check(X, y, "validation_data[0]", "validation_data[1]")
        if own_scale != scale:
            images = np.multiply(images, own_scale / scale, dtype=np.float32)
        return images, labels

    def _settings(self, recipe: str | Mapping[str, Any]) -> dict[str, Any]:
        settings = recipes.resolve(
            recipe,
            epochs=self.epochs,
            batch_size=self.batch_size,
            augment=self.augment,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
        )
        precision = _checks.known("precision", self.precision, recipes.PRECISIONS)
        settings["precision"] = "float32" if precision == "int8" else precision
        return settings

    def _layers(self) -> list[Mapping[str, Any]]:
        """Return the layers of a new network."""
        given = self.architecture
        return architectures.resolve(
            recipes.architecture_of(self.recipe) if given is None else given
        )

    def _new_network(self, seed: int) -> _core.Network:
        network = _core.Network(self._layers(), seed=seed)
        if network.classes != 10:
            raise ValueError(
                f"architecture must end in 10 class scores, one a digit, not {network.classes}"
            )
        return network

    def _present_network(self) -> _core.Network:
        """Return the trained network, or a new one as ``fit`` would start from."""
        return self.network_ if hasattr(self, "network_") else self._new_network(0)

    def _steady_training(
        self, network: _core.Network, settings: dict[str, Any], seed: int
    ) -> _SteadyTraining:
        """Return the training of the last ``partial_fit``, or a new one if settings differ."""
        kept = self._steady
        if kept is None or kept.network is not network or kept.settings != settings:
            trainer = _core.Trainer(network, seed=seed, **settings)
            kept = self._steady = _SteadyTraining(network, settings, seed, trainer)
        return kept

    def _in_training(
        self,
        network: _core.Network,
        history: dict[str, list[float]],
        text: bool,
        precision: str,
    ) -> _lru_cache_wrapper[DigitClassifier]:
        """Return a function that returns the model in training, which callbacks use.

        It is this estimator if there is no model that other threads may be using; else another.
        """
        is_first = not hasattr(self, "network_")

        @cache
        def model() -> DigitClassifier:
            trained = self
            if not self._has(network):
                trained = self if is_first else type(self)(**self.get_params())
                trained._keep(network, history, text)
            network.precision = precision  # the ranges for int8 are observed at the end
            return trained

        return model

    def _has(self, network: _core.Network) -> bool:
        return getattr(self, "network_", None) is network

    def _warm_network(self) -> _core.Network:
        """Return a copy of the present network, without a non-digit class, to train."""
        network = digits_only(self.network_, self._temperature)
        if _core.Network(self._layers()).layers != network.layers:
            raise ValueError(
                "warm_start=True continues from the present weights, but architecture has changed; "
                "set warm_start=False to start anew"
            )
        return network

    def _digits_network(self) -> _core.Network:
        """Return the present network, or a copy without a non-digit class, to train."""
        if self.network_.classes == DIGITS and self._temperature == 1:
            return self.network_
        return digits_only(self.network_, self._temperature)

    def _new_classifier(self) -> _core.Classifier:
        tta_threshold = _TTA_THRESHOLD if _checks.truth("tta", self.tta) else 0.0
        return _core.Classifier(
            self.network_, temperature=self._temperature, tta_threshold=tta_threshold
        )

    def _history(self, goes_on: bool) -> dict[str, list[float]]:
        """Return a new history, or a copy of the present one to continue."""
        return {key: list(self.history_[key]) if goes_on else [] for key in _callbacks.HISTORY_KEYS}

    def _keep(
        self,
        network: _core.Network,
        history: dict[str, list[float]],
        text: bool = False,
        temperature: float = 1.0,
    ) -> None:
        network.precision = self.precision
        self._temperature = temperature
        self.network_ = network
        self.history_ = history
        self._text = text
        digits = np.arange(DIGITS)
        self.classes_: NDArray[Any] = digits.astype(str).astype(object) if text else digits
        self.n_features_in_ = math.prod(network.input_shape)


load = DigitClassifier.load


class _SteadyTraining(NamedTuple):
    """What ``partial_fit`` keeps from one call to the next."""

    network: _core.Network
    settings: dict[str, Any]
    seed: int
    trainer: _core.Trainer

    def state(self) -> dict[str, Any]:
        """Return the state of the trainer, from which another run begins."""
        start = {"epoch": 0, "step": 0, "steps": 0, "loss_sum": 0.0, "correct": 0.0, "count": 0.0}
        return {**self.trainer.state(), **start, "seconds": 0.0, "since_best": 0}


def _aligned(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with arrays at aligned addresses.

    Buffers that were sent beside a pickle, as Dask does, may lie at any address.
    """
    return {
        name: np.require(value, requirements="A") if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }


def _input_values(
    input_range: tuple[float, float] | None, normalize: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Return the values of background and strokes in a model's input; None if not stated."""
    if input_range is None and normalize is None:
        return None
    low, high = _checks.number_pair(
        "input_range", (0.0, 1.0) if input_range is None else input_range
    )
    mean, deviation = _checks.number_pair(
        "normalize", (0.0, 1.0) if normalize is None else normalize
    )
    if low == high:
        raise ValueError(f"input_range must be two different numbers, got {input_range!r}")
    if not deviation > 0:
        raise ValueError(f"normalize must have a deviation above 0, got {normalize!r}")
    return (low - mean) / deviation, (high - mean) / deviation


def _one_image(X: object) -> str:
    """Describe one image; a table of numbers may have been meant."""
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) != 2:
        return "one image"
    samples = "1 sample" if shape[0] == 1 else f"{shape[0]} samples"
    return f"one image of shape {tuple(shape)}, not {samples} of {shape[1]} feature(s)"


class NotFittedError(ValueError, AttributeError):
    """A model is used before ``fit``; of the bases of scikit-learn's exception of this name."""


def _not_fitted_error() -> type[Exception]:
    """Return scikit-learn's exception if that is imported, as then it may be caught; else ours."""
    exceptions = sys.modules.get("sklearn.exceptions")
    kind: type[Exception] = getattr(exceptions, "NotFittedError", NotFittedError)
    return kind
