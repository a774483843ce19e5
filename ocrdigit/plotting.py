"""Pictures of training, mistakes and what a network has learned, by matplotlib.

``pip install 'ocrdigit[plot]'`` brings matplotlib. Each function returns a figure that a
notebook shows by itself and ``.savefig(path)`` writes. Backgrounds are transparent and the
colours are seen on white as on black, so the figures go with light and dark pages.

>>> import ocrdigit
>>> from ocrdigit import plotting
>>> sample = ocrdigit.datasets.load_sample()
>>> figure = plotting.confusion_matrix(sample.y_test, ocrdigit.predict(sample.X_test))
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _checks
from ._inputs import as_images
from ._labels import as_labels
from .evaluation import metrics

try:
    from matplotlib import rc_context, ticker
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.patches import Rectangle
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "ocrdigit.plotting needs matplotlib: pip install 'ocrdigit[plot]'", name=error.name
    ) from None

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .estimator import DigitClassifier
    from .explaining import Explanation
    from .reading import Digit, Reading

__all__ = [
    "LiveCurves",
    "boxes",
    "confusion_matrix",
    "explanation",
    "explanations",
    "feature_maps",
    "filters",
    "misread",
    "stages",
    "training_curves",
]

# Each has a contrast of at least 3 on white and on black, the gray of text 4.5.
_TEXT, _BLUE, _ORANGE, _GREEN, _RED = "#767676", "#2f7de1", "#d9710b", "#1a9c5b", "#e0442e"
_INK = "#1b1f24"

_STYLE: Any = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": _TEXT,
    "axes.edgecolor": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.titlecolor": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.grid": False,
    "grid.color": _TEXT,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "font.size": 10,
}

_PIXELS_AN_INCH = 96


class Chart(Figure):
    """A figure that shows itself in a notebook, sharply, and without pyplot's help."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        import io

        data = io.BytesIO()
        self.savefig(data, format="png", dpi=2 * _PIXELS_AN_INCH)
        width, height = (round(side * _PIXELS_AN_INCH) for side in self.get_size_inches())
        return data.getvalue(), {"width": width, "height": height}


def _chart(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Chart, list[Axes]]:
    """Return a new figure, by the rows its panels; call it within the style."""
    figure = Chart(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08))
    panels = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(panels.ravel())


def training_curves(source: DigitClassifier | Mapping[str, Sequence[float]]) -> Chart:
    """Draw loss and accuracy by epoch, of training and where there is any of validation data.

    Parameters
    ----------
    source : DigitClassifier or dict
        A fitted classifier, or its ``history_``.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    TypeError, ValueError
        ``source`` has no history, or one without an epoch.

    Examples
    --------
    >>> from ocrdigit import plotting
    >>> history = {"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]}
    >>> plotting.training_curves(history).savefig("curves.png")
    """
    history = getattr(source, "history_", source)
    if not isinstance(history, Mapping) or "loss" not in history:
        raise TypeError(
            f"source must be a fitted DigitClassifier or its history_, got {type(source).__name__}"
        )
    if not history["loss"]:
        raise ValueError("source has a history of no epoch: fit the model first")
    with rc_context(_STYLE):
        figure, (loss, accuracy) = _chart(9, 3.2, columns=2)
        for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
            _curve(axes, history, name)
        loss.set_ylim(bottom=0)
        accuracy.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    return figure


def _curve(axes: Axes, history: Mapping[str, Sequence[float]], name: str) -> None:
    lines = [("training", history.get(name, ()), _BLUE)]
    validation = history.get(f"val_{name}", ())
    if any(map(math.isfinite, validation)):
        lines.append(("validation", validation, _ORANGE))
    best = min if name == "loss" else max
    for label, values, colour in lines:
        epochs = range(1, len(values) + 1)
        last = f"{values[-1]:.4f}" if name == "loss" else f"{values[-1]:.2%}"
        axes.plot(epochs, values, "o-", color=colour, markersize=4, label=f"{label}, {last}")
    label, values, colour = lines[-1]
    if len(lines) == 2:
        at = values.index(best(value for value in values if math.isfinite(value)))
        axes.plot(at + 1, values[at], "o", color=colour, markersize=9, markerfacecolor="none")
    axes.set(title=name.capitalize(), xlabel="epoch")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    axes.grid(visible=True, axis="y")
    axes.legend(loc="best", labelcolor=_TEXT)


class LiveCurves:
    """Training curves that grow in a notebook while training runs.

    Hand one to ``DigitClassifier(callbacks=...)``. Outside of a notebook it shows nothing;
    ``.figure`` is there all the same.

    Attributes
    ----------
    figure : matplotlib Figure or None
        The curves as of the last epoch.

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
        """Take what an epoch came to, and draw anew."""
        if progress["epoch"] == 0:  # another fit begins
            self._history = {}
            self._handle = None
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            value = progress[name]
            self._history.setdefault(name, []).append(math.nan if value is None else value)
        self.figure = training_curves(self._history)
        self._show()

    def _show(self) -> None:
        from .progress import in_notebook

        if not in_notebook():
            return
        display: Any = importlib.import_module("IPython.display").display
        if self._handle is None:
            self._handle = display(self.figure, display_id=True)
        else:
            self._handle.update(self.figure)


def confusion_matrix(truth: object, predicted: object) -> Chart:
    """Draw how often each digit was taken for each.

    Parameters
    ----------
    truth, predicted : array (n,) of int or str
        The digits, and what a model says of their images.

    Returns
    -------
    matplotlib Figure
        Rows are true digits, columns what the model says.

    Raises
    ------
    TypeError, ValueError
        One of the two holds something else than digits, or they differ in length.
    """
    true, _ = as_labels(truth, np.size(truth), "truth", "truth")  # type: ignore[arg-type]
    said, _ = as_labels(predicted, len(true), "predicted", "truth")
    counts = metrics.confusion_matrix(true, said)
    right = np.eye(10, dtype=bool)
    of_row = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    # Mistakes are rare: roots, and a scale of their own, make them seen.
    most = max(float(np.sqrt(of_row[~right]).max()), 1e-9)
    strength = np.where(right, of_row, np.sqrt(of_row) / most)[:, :, None]
    strong = np.where(right[:, :, None], _rgb("#7fd1a5"), _rgb("#ff8a65"))
    colours = (1 - strength) * _rgb("#f7f8f9") + strength * strong
    with rc_context(_STYLE):
        figure, (axes,) = _chart(5.6, 5.2)
        axes.imshow(colours)
        for row, column in np.argwhere(counts).tolist():
            axes.text(column, row, f"{counts[row, column]:,}", color=_INK, ha="center", va="center",
                      fontsize=9 if counts.max() < 10_000 else 7)  # fmt: skip
        axes.set(xticks=range(10), yticks=range(10), xlabel="the model says", ylabel="it is")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(f"{counts.trace():,} of {counts.sum():,} right, {_share(counts):.2%}")
    return figure


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def _share(counts: NDArray[np.int64]) -> float:
    return float(counts.trace() / max(1, counts.sum()))


def misread(
    X: object,
    y: object,
    probabilities: object,
    *,
    columns: int = 8,
    rows: int = 3,
) -> Chart:
    """Show the images that were misread, those first of which the model was surest.

    Parameters
    ----------
    X : batch of images
        As for :func:`ocrdigit.predict`.
    y : array (n,) of int or str
        Their digits.
    probabilities : array (n, 10)
        What ``predict_proba`` says of them.
    columns, rows : int
        How many are shown at most.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    """
    images, _, single = as_images(X)
    if single:
        raise ValueError("X is one image; expected a batch")
    truth, _ = as_labels(y, len(images))
    chances = np.asarray(probabilities)
    if chances.shape != (len(images), 10):
        raise ValueError(
            f"probabilities must be those of {len(images)} images, ({len(images)}, 10), got shape "
            f"{chances.shape}"
        )
    columns, rows = _checks.positive_int("columns", columns), _checks.positive_int("rows", rows)
    said = chances.argmax(axis=1)
    wrong = np.flatnonzero(said != truth)
    shown = wrong[np.argsort(-chances[wrong].max(axis=1), kind="stable")][: columns * rows]
    pictures = [images[i] for i in shown]
    titles = [f"{truth[i]}, not {said[i]}\n{chances[i, said[i]]:.0%} sure" for i in shown]
    title = f"{len(wrong):,} of {len(images):,} misread"
    if len(shown) < len(wrong):
        title += f"; the {len(shown)} surest"
    return _gallery(pictures, titles, columns, title)


def explanation(one: Explanation) -> Chart:
    """Show a picture, what the network sees of it, and what speaks for the digit.

    Parameters
    ----------
    one : Explanation
        What :func:`ocrdigit.explain` returned.

    Returns
    -------
    matplotlib Figure
    """
    pictures: list[NDArray[Any]] = [one.picture, one.seen, np.asarray(one.overlay())]
    digit = str(one.digit) if one.digit < 10 else "no digit"
    share = f"what speaks for {digit}, {one.probabilities[one.digit]:.1%}"
    return _gallery(pictures, ["picture", "what the network sees", share], 3, "", 2.4)


def explanations(those: Iterable[Explanation], *, columns: int = 6) -> Chart:
    """Show several pictures with what speaks for their digits laid over them.

    Parameters
    ----------
    those : iterable of Explanation
        What :func:`ocrdigit.explain` returned.
    columns : int
        How many stand side by side at most.

    Returns
    -------
    matplotlib Figure
    """
    several = list(those)
    pictures = [np.asarray(each.overlay()) for each in several]
    titles = [f"{each.digit}, {each.probabilities[each.digit]:.1%}" for each in several]
    return _gallery(pictures, titles, _checks.positive_int("columns", columns), "")


def stages(steps: Mapping[str, NDArray[Any]]) -> Chart:
    """Show what a picture goes through before the network sees it.

    Parameters
    ----------
    steps : dict of str to ndarray
        The stages by name, as ``ocrdigit.preprocess(x, steps=True)[1]`` gives them.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit import plotting
    >>> picture = ocrdigit.synth.string("7", random_state=0).image
    >>> figure = plotting.stages(ocrdigit.preprocess(picture, steps=True)[1])
    """
    return _gallery(list(steps.values()), list(steps), len(steps), "", 1.6)


def filters(model: DigitClassifier, layer: str | None = None) -> Chart:
    """Show the kernels of a convolution that looks at the image itself, as little pictures.

    Parameters
    ----------
    model : DigitClassifier
        A fitted one.
    layer : str, optional
        The name of a convolution, see ``model.summary()``; None: the first. Of one that looks at
        several channels, each kernel's mean over them is shown.

    Returns
    -------
    matplotlib Figure
        Blue is below 0, orange above.

    Raises
    ------
    ValueError
        There is no such convolution.
    """
    network = model._fitted()
    names = [each["name"] for each in network.describe() if each["type"] == "conv2d"]
    if not names:
        raise ValueError("model has no convolution")
    name = names[0] if layer is None else _checks.known("layer", layer, names)
    kernels = network.weights()[f"{name}.kernel"].mean(axis=2)
    most = float(np.abs(kernels).max()) or 1.0
    pictures = list(np.moveaxis(kernels, -1, 0))
    options = {"cmap": _two_sided(), "vmin": -most, "vmax": most}
    title = f"{len(pictures)} filters of {name}"
    return _gallery(pictures, None, _columns_for(len(pictures)), title, 0.62, **options)


def feature_maps(
    X: object, model: DigitClassifier | None = None, layer: str | int | None = None
) -> Chart:
    """Show what a layer gives for an image, channel by channel.

    Parameters
    ----------
    X : image
        One, of any kind that :func:`ocrdigit.predict` takes.
    model : DigitClassifier, optional
        A fitted one; None: the one in the package.
    layer : str or int, optional
        A layer by its name or place, see ``model.summary()``; None: the first.

    Returns
    -------
    matplotlib Figure
        The image, and a picture for each channel of the layer; brighter is more.

    Raises
    ------
    TypeError, ValueError
        There is no such layer, it gives no maps, or ``X`` is not one image.
    """
    from ._predict import shipped_model

    network = (shipped_model() if model is None else model)._fitted()
    images, scale, single = as_images(X)
    if not single and len(images) != 1:
        raise ValueError(f"X must be one image, got {len(images)}")
    names = [each["name"] for each in network.describe()]
    place = _place(names, layer)
    maps = network.layer_output(images[:1], scale, place)[0]
    if maps.shape[0] == 1:
        raise ValueError(f"layer {names[place]!r} gives numbers, not maps")
    pictures = [images[0], *np.moveaxis(maps, -1, 0)]
    title = f"{maps.shape[-1]} maps of {names[place]}, after the image"
    return _gallery(pictures, None, _columns_for(len(pictures)), title, 0.8)


def _place(names: Sequence[str], layer: str | int | None) -> int:
    if layer is None:
        return 0
    if isinstance(layer, str):
        return names.index(_checks.known("layer", layer, names))
    if isinstance(layer, bool) or not isinstance(layer, (int, np.integer)):
        raise TypeError(f"layer must be a name or a place, got {layer!r}")
    if not 0 <= layer < len(names):
        raise ValueError(f"layer must be 0 to {len(names) - 1}, got {layer}")
    return int(layer)


def boxes(reading: Reading, page: int = 0) -> Chart:
    """Show a page with a box around each digit and what it is, the less sure in red.

    Those that are less than 80 % sure say how sure they are.

    Parameters
    ----------
    reading : Reading
        What :func:`ocrdigit.read` returned.
    page : int
        Which page, from 0.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    IndexError
        There is no such page.
    """
    if not 0 <= page < len(reading.pages):
        raise IndexError(f"page must be 0 to {len(reading.pages) - 1}, got {page}")
    picture = reading.pages[page]
    height, width = picture.shape
    scale = 9 / max(width, 1.4 * height)
    with rc_context(_STYLE):
        figure, (axes,) = _chart(max(3.0, width * scale), max(1.2, height * scale))
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        points = 72 * scale  # a pixel's, in the figure
        for line in reading.lines:
            for digit in line.digits if line.page == page else ():
                _box(axes, digit, points)
    return figure


def _box(axes: Axes, digit: Digit, points: float) -> None:
    x, y, w, h = digit.box
    sure = digit.confidence >= 0.8
    colour = _GREEN if sure else _RED
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), w, h, fill=False, edgecolor=colour))
    label = str(digit.value) if sure else f"{digit.value} {digit.confidence:.0%}"
    size = min(14.0, max(6.0, 0.4 * h * points))
    tag = {"facecolor": colour, "edgecolor": "none", "pad": 1.2}
    axes.text(x, y - 1, label, color="white", fontsize=size, va="bottom", bbox=tag)


def _columns_for(count: int) -> int:
    """Return how many pictures to put side by side."""
    return max(8, math.ceil(math.sqrt(2 * count)))


def _two_sided() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("two sided", [_BLUE, "#f7f8f9", _ORANGE])


def _gallery(
    pictures: Sequence[NDArray[Any]],
    titles: Sequence[str] | None,
    columns: int,
    title: str,
    side: float = 1.15,
    **options: Any,
) -> Chart:
    """Return pictures in rows, each under its title."""
    columns = max(1, min(columns, len(pictures)))
    rows = max(1, math.ceil(len(pictures) / columns))
    lines = 0 if titles is None else max((1 + each.count("\n") for each in titles), default=0)
    width = max(3.2, columns * (side + 0.1))
    height = rows * (side + 0.1 + 0.19 * lines) + (0.35 if title else 0)
    with rc_context(_STYLE):
        figure, panels = _chart(width, height, rows, columns)
        if title:
            figure.suptitle(title, fontsize=11)
        for axes in panels:
            axes.set_axis_off()
        for axes, picture, name in zip(panels, pictures, _names(titles), strict=False):
            whole = {"vmin": 0, "vmax": 255} if picture.dtype == np.uint8 else {}
            axes.imshow(picture, **{"cmap": "gray", **whole, **options})
            if name:
                axes.set_title(name, fontsize=9)
    return figure


def _names(titles: Sequence[str] | None) -> Iterator[str]:
    while titles is None:
        yield ""
    yield from titles
