"""Matplotlib figures of training, mistakes and what a network has learned.

``pip install 'ocrdigit[plot]'`` installs matplotlib. Each function returns a figure, which a
notebook displays and ``.savefig(path)`` writes. Backgrounds are transparent and all colours are
visible on white and on black, so that the figures suit light and dark pages.

>>> import ocrdigit
>>> sample = ocrdigit.datasets.load_sample()
>>> predicted = ocrdigit.predict(sample.X_test)
>>> figure = ocrdigit.plotting.confusion_matrix(sample.y_test, predicted)
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _checks
from ._charts import BLUE, GREEN, ORANGE, RED, TEXT, Chart, gallery, new_chart, rgb, style
from ._inputs import as_images
from ._labels import as_labels
from ._predict import shipped_model
from .evaluation import metrics
from .progress import in_notebook

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._numbers import Symbol
    from .estimator import DigitClassifier
    from .explaining import Explanation
    from .reading import Reading

__all__ = [
    "LiveCurves",
    "boxes",
    "confusion_matrix",
    "explanations",
    "feature_maps",
    "filters",
    "misread",
    "stages",
    "training_curves",
]

_BLACK = "#1b1f24"


def training_curves(source: DigitClassifier | Mapping[str, Sequence[float]]) -> Chart:
    """Plot loss and accuracy by epoch, of the training data and any validation data.

    Parameters
    ----------
    source : DigitClassifier or dict
        A fitted classifier, or its ``history_``.

    Returns
    -------
    matplotlib Figure
        Displayed by notebooks; ``.savefig(path)`` writes it.

    Raises
    ------
    TypeError
        If ``source`` has no history.
    ValueError
        If the history has no epochs.

    Examples
    --------
    >>> from ocrdigit import plotting
    >>> history = {"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]}
    >>> plotting.training_curves(history).savefig("curves.png")
    """
    from matplotlib.ticker import PercentFormatter

    history = getattr(source, "history_", source)
    if not isinstance(history, Mapping) or "loss" not in history:
        raise TypeError(
            f"source must be a fitted DigitClassifier or its history_, got {type(source).__name__}"
        )
    if not history["loss"]:
        raise ValueError("source has a history of no epochs: fit the model first")
    with style():
        figure, (loss, accuracy) = new_chart(9, 3.2, columns=2)
        for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
            _curve(axes, history, name)
        loss.set_ylim(bottom=0)
        accuracy.yaxis.set_major_formatter(PercentFormatter(1))
    return figure


def _curve(axes: Axes, history: Mapping[str, Sequence[float]], name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    curves = [("training", history.get(name, ()), BLUE)]
    validation = history.get(f"val_{name}", ())
    if any(map(math.isfinite, validation)):
        curves.append(("validation", validation, ORANGE))
    best = min if name == "loss" else max
    for label, values, colour in curves:
        epochs = range(1, len(values) + 1)
        last = f"{values[-1]:.4f}" if name == "loss" else f"{values[-1]:.2%}"
        axes.plot(epochs, values, "o-", color=colour, markersize=4, label=f"{label}, {last}")
    label, values, colour = curves[-1]
    if len(curves) == 2:
        at = values.index(best(value for value in values if math.isfinite(value)))
        axes.plot(at + 1, values[at], "o", color=colour, markersize=9, markerfacecolor="none")
    axes.set(title=name.capitalize(), xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, axis="y", alpha=0.25)
    axes.legend(loc="best", labelcolor=TEXT)


class LiveCurves:
    """Training curves that are redrawn in a notebook after each epoch.

    Pass one to ``DigitClassifier(callbacks=...)``. Outside a notebook nothing is displayed, but
    ``figure`` is updated all the same.

    Attributes
    ----------
    figure : matplotlib Figure or None
        The curves up to the last epoch.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit import plotting
    >>> curves = plotting.LiveCurves()
    >>> model = ocrdigit.DigitClassifier(epochs=1, callbacks=curves, verbose=0)
    >>> sample = ocrdigit.datasets.load_sample()
    >>> model.fit(sample.X_train[:100], sample.y_train[:100]).score(
    ...     sample.X_test, sample.y_test
    ... ) >= 0
    True
    """

    def __init__(self) -> None:
        self.figure: Chart | None = None
        self._history: dict[str, list[float]] = {}
        self._handle: Any = None

    def __repr__(self) -> str:
        return "LiveCurves()"

    def on_epoch(self, progress: Mapping[str, Any]) -> None:
        """Add an epoch's results and redraw the figure.

        Parameters
        ----------
        progress : dict
            What ``fit`` passes to callbacks: epoch, loss, accuracy, val_loss, val_accuracy.
        """
        if progress["epoch"] == 0:  # a new call of fit
            self._history = {}
            self._handle = None
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            value = progress[name]
            self._history.setdefault(name, []).append(math.nan if value is None else value)
        self.figure = training_curves(self._history)
        self._display()

    def _display(self) -> None:
        if not in_notebook():
            return
        display: Any = importlib.import_module("IPython.display").display
        if self._handle is None:
            self._handle = display(self.figure, display_id=True)
        else:
            self._handle.update(self.figure)


def confusion_matrix(truth: object, predicted: object) -> Chart:
    """Plot how often each digit was predicted as each digit.

    Parameters
    ----------
    truth, predicted : array (n,) of int or str
        The true digits, and the predicted ones.

    Returns
    -------
    matplotlib Figure
        Rows are true digits, columns predicted digits.

    Raises
    ------
    TypeError, ValueError
        If ``truth`` or ``predicted`` has values other than digits, or their lengths differ.

    Examples
    --------
    >>> from ocrdigit import plotting
    >>> plotting.confusion_matrix([1, 7, 7], [1, 7, 1]).axes[0].get_title()
    '2 of 3 right, 66.67%'
    """
    true, _ = as_labels(truth, np.size(truth), "truth", "truth")  # type: ignore[arg-type]
    answers, _ = as_labels(predicted, len(true), "predicted", "truth")
    counts = metrics.confusion_matrix(true, answers)
    diagonal = np.eye(10, dtype=bool)
    rates = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    # Mistakes are rare: square roots and a scale of their own make them visible.
    largest = max(float(np.sqrt(rates[~diagonal]).max()), 1e-9)
    strength = np.where(diagonal, rates, np.sqrt(rates) / largest)[:, :, None]
    strong = np.where(diagonal[:, :, None], rgb("#7fd1a5"), rgb("#ff8a65"))
    colours = (1 - strength) * rgb("#f7f8f9") + strength * strong
    with style():
        figure, (axes,) = new_chart(5.6, 5.2)
        axes.imshow(colours)
        for row, column in np.argwhere(counts).tolist():
            axes.text(column, row, f"{counts[row, column]:,}", color=_BLACK, ha="center",
                      va="center", fontsize=9 if counts.max() < 10_000 else 7)  # fmt: skip
        axes.set(xticks=range(10), yticks=range(10), xlabel="predicted digit", ylabel="true digit")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        accuracy = counts.trace() / max(1, counts.sum())
        axes.set_title(f"{counts.trace():,} of {counts.sum():,} right, {accuracy:.2%}")
    return figure


def misread(
    X: object,
    y: object,
    probabilities: object,
    *,
    columns: int = 8,
    rows: int = 3,
) -> Chart:
    """Plot the misread images, those with the highest confidence first.

    Parameters
    ----------
    X : batch of images
        As for :func:`ocrdigit.predict`.
    y : array (n,) of int or str
        Their digits.
    probabilities : array (n, 10)
        Their predicted probabilities, as of ``predict_proba``.
    columns, rows : int, default 8 and 3
        The maximum numbers of columns and rows.

    Returns
    -------
    matplotlib Figure
        Displayed by notebooks; ``.savefig(path)`` writes it.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit import plotting
    >>> sample = ocrdigit.datasets.load_sample()
    >>> probabilities = ocrdigit.predict_proba(sample.X_test)
    >>> figure = plotting.misread(sample.X_test, sample.y_test, probabilities, rows=2)
    """
    images, _, single = as_images(X)
    if single:
        raise ValueError("X is one image; expected a batch")
    truth, _ = as_labels(y, len(images))
    scores = np.asarray(probabilities)
    if scores.shape != (len(images), 10):
        raise ValueError(
            f"probabilities must have shape ({len(images)}, 10) for {len(images)} images, got "
            f"shape {scores.shape}"
        )
    columns, rows = _checks.positive_int("columns", columns), _checks.positive_int("rows", rows)
    predicted = scores.argmax(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    shown = wrong[np.argsort(-scores[wrong].max(axis=1), kind="stable")][: columns * rows]
    titles = [
        f"{truth[i]} read as {predicted[i]}\nconfidence {scores[i, predicted[i]]:.0%}"
        for i in shown
    ]
    title = f"{len(wrong):,} of {len(images):,} misread"
    if len(shown) < len(wrong):
        title += f"; the {len(shown)} with the highest confidence"
    return gallery([images[i] for i in shown], titles, columns, title)


def explanations(those: Iterable[Explanation], *, columns: int = 6) -> Chart:
    """Plot the overlays of several explanations.

    Parameters
    ----------
    those : iterable of Explanation
        Return values of :func:`ocrdigit.explain`.
    columns : int, default 6
        The maximum number of columns.

    Returns
    -------
    matplotlib Figure
        Displayed by notebooks; ``.savefig(path)`` writes it.

    Raises
    ------
    TypeError, ValueError
        If ``columns`` is not a positive integer.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit import plotting
    >>> images = ocrdigit.datasets.load_sample().X_test[:3]
    >>> figure = plotting.explanations(map(ocrdigit.explain, images))
    """
    several = list(those)
    overlays = [np.asarray(each.overlay()) for each in several]
    titles = [f"{each.digit}, {each.probabilities[each.digit]:.1%}" for each in several]
    return gallery(overlays, titles, _checks.positive_int("columns", columns))


def stages(steps: Mapping[str, NDArray[Any]]) -> Chart:
    """Plot the stages of preprocessing.

    Parameters
    ----------
    steps : dict of str to ndarray
        The stages by name, as of ``ocrdigit.preprocess(x, steps=True)[1]``.

    Returns
    -------
    matplotlib Figure
        Displayed by notebooks; ``.savefig(path)`` writes it.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit import plotting
    >>> picture = ocrdigit.synth.string("7", random_state=0).image
    >>> figure = plotting.stages(ocrdigit.preprocess(picture, steps=True)[1])
    """
    return gallery(list(steps.values()), list(steps), len(steps), side=1.6)


def filters(model: DigitClassifier, layer: str | None = None) -> Chart:
    """Plot the kernels of a convolution.

    Parameters
    ----------
    model : DigitClassifier
        A fitted classifier.
    layer : str, optional
        The name of a convolution, see ``model.summary()``; None: the first. If it has several
        input channels, the mean of each kernel over them is plotted.

    Returns
    -------
    matplotlib Figure
        Negative weights are blue, positive ones orange.

    Raises
    ------
    ValueError
        If the network has no convolution, or none of this name.
    NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit import plotting
    >>> plotting.filters(ocrdigit.load("seed")).get_suptitle()
    '32 filters of conv2d_1'
    """
    network = model._fitted()
    names = [each["name"] for each in network.describe() if each["type"] == "conv2d"]
    if not names:
        raise ValueError("model has no convolution")
    name = names[0] if layer is None else _checks.known("layer", layer, names)
    kernels = network.weights()[f"{name}.kernel"].mean(axis=2)
    largest = float(np.abs(kernels).max()) or 1.0
    images = list(np.moveaxis(kernels, -1, 0))
    options = {"cmap": _diverging(), "vmin": -largest, "vmax": largest}
    title = f"{len(images)} filters of {name}"
    return gallery(images, None, _columns_for(len(images)), title, 0.62, **options)


def feature_maps(
    X: object, model: DigitClassifier | None = None, layer: str | int | None = None
) -> Chart:
    """Plot the feature maps of a layer for one image.

    Parameters
    ----------
    X : image
        A single image of any kind that :func:`ocrdigit.predict` accepts.
    model : DigitClassifier, optional
        A fitted classifier; None: the default model.
    layer : str or int, optional
        The name or index of a layer, see ``model.summary()``; None: the first.

    Returns
    -------
    matplotlib Figure
        The image, then one map for each channel; brighter is larger.

    Raises
    ------
    TypeError, ValueError
        If there is no such layer, its output is a vector, or ``X`` is not a single image.
    NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit import plotting
    >>> image = ocrdigit.datasets.load_sample().X_test[3]
    >>> plotting.feature_maps(image, ocrdigit.load("seed"), "conv2d_2").get_suptitle()
    'the image and the 32 maps of conv2d_2'
    """
    network = (shipped_model() if model is None else model)._fitted()
    images, scale, single = as_images(X)
    if not single and len(images) != 1:
        raise ValueError(f"X must be one image, got {len(images)}")
    names = [each["name"] for each in network.describe()]
    index = _layer_index(names, layer)
    maps = network.layer_output(images[:1], scale, index)[0]
    if maps.shape[0] == 1:
        raise ValueError(f"layer {names[index]!r} returns a vector, not feature maps")
    shown = [images[0], *np.moveaxis(maps, -1, 0)]
    title = f"the image and the {maps.shape[-1]} maps of {names[index]}"
    return gallery(shown, None, _columns_for(len(shown)), title, 0.8)


def _layer_index(names: Sequence[str], layer: str | int | None) -> int:
    if layer is None:
        return 0
    if isinstance(layer, str):
        return names.index(_checks.known("layer", layer, names))
    return _checks.int_in_range("layer", layer, 0, len(names) - 1)


def boxes(reading: Reading, page: int | None = None) -> Chart:
    """Plot a page with the box and value of each symbol, those of low confidence in red.

    Symbols with a confidence below 80 % are labelled with it.

    Parameters
    ----------
    reading : Reading
        The return value of :func:`ocrdigit.read`.
    page : int, optional
        The index of the page in the file, as in ``Number.page``. The default is the first that was
        read.

    Returns
    -------
    matplotlib Figure
        Displayed by notebooks; ``.savefig(path)`` writes it.

    Raises
    ------
    IndexError
        If that page was not read.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit import plotting
    >>> reading = ocrdigit.read(ocrdigit.datasets.load_page().image)
    >>> plotting.boxes(reading).savefig("boxes.png")
    """
    image, numbers = reading._page(page)
    height, width = image.shape[:2]
    scale = 9 / max(width, 1.4 * height)
    with style():
        figure, (axes,) = new_chart(max(3.0, width * scale), max(1.2, height * scale))
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        points = 72 * scale  # typographic points per pixel
        for number in numbers:
            for symbol in number.symbols:
                _box(axes, symbol, points)
    return figure


def _box(axes: Axes, symbol: Symbol, points: float) -> None:
    from matplotlib.patches import Rectangle

    x, y, w, h = symbol.box
    confident = symbol.confidence >= 0.8
    colour = GREEN if confident else RED
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), w, h, fill=False, edgecolor=colour))
    label = str(symbol.value) if confident else f"{symbol.value} {symbol.confidence:.0%}"
    size = min(14.0, max(6.0, 0.4 * h * points))
    tag = {"facecolor": colour, "edgecolor": "none", "pad": 1.2}
    axes.text(x, y - 1, label, color="white", fontsize=size, va="bottom", bbox=tag)


def _columns_for(count: int) -> int:
    """Return the number of columns for ``count`` small images."""
    return max(8, math.ceil(math.sqrt(2 * count)))


def _diverging() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blue to orange", [BLUE, "#f7f8f9", ORANGE])
