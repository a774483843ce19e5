"""Figures of matplotlib, and the display of objects in notebooks."""

from __future__ import annotations

import doctest
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import small_model
from PIL import Image

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset

pytest.importorskip("matplotlib")

from ocrdigit import _charts, plotting


def pixels(figure: plotting.Chart) -> np.ndarray:
    """Return a figure's image in a notebook, (h, w, 4)."""
    data, size = figure._repr_png_()
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.width == pytest.approx(2 * size["width"], abs=1)
        assert picture.height == pytest.approx(2 * size["height"], abs=1)
        return np.asarray(picture.convert("RGBA"))


def contrast(colour: np.ndarray, page: float) -> float:
    """Return WCAG's contrast of a colour 0..1 on a gray page."""

    def luminance(values: np.ndarray) -> float:
        linear = np.where(values <= 0.03928, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    light, dark = sorted((luminance(colour), luminance(np.full(3, page))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", [0.0, 1.0])
def test_colours_are_visible_on_light_and_dark(page: float) -> None:
    assert contrast(_charts.rgb(_charts.TEXT), page) >= 4.5
    for colour in (_charts.BLUE, _charts.ORANGE, _charts.GREEN, _charts.RED):
        assert contrast(_charts.rgb(colour), page) >= 3


def test_training_curves(fitted: DigitClassifier) -> None:
    figure = plotting.training_curves(fitted)
    picture = pixels(figure)
    assert picture[0, 0, 3] == 0  # transparent background
    assert picture[..., 3].max() == 255
    loss, accuracy = figure.axes
    assert [len(axes.lines) for axes in (loss, accuracy)] == [1, 1]
    assert loss.lines[0].get_ydata().tolist() == fitted.history_["loss"]
    history = {
        "loss": [0.9, 0.5, 0.4],
        "accuracy": [0.7, 0.8, 0.9],
        "val_loss": [0.8, 0.6, 0.7],
        "val_accuracy": [0.75, 0.9, 0.8],
    }
    loss, accuracy = plotting.training_curves(history).axes
    assert [line.get_ydata().tolist() for line in loss.lines[:2]] == [
        history["loss"],
        history["val_loss"],
    ]
    best = loss.lines[2]
    assert (best.get_xdata().tolist(), best.get_ydata().tolist()) == ([2], [0.6])
    assert accuracy.lines[2].get_ydata().tolist() == [0.9]
    with pytest.raises(TypeError, match="source must be a fitted DigitClassifier"):
        plotting.training_curves(DigitClassifier())
    with pytest.raises(ValueError, match="no epochs"):
        plotting.training_curves({"loss": []})


def test_live_curves(sample: Dataset) -> None:
    curves = plotting.LiveCurves()
    figures = []
    model = small_model(epochs=3, callbacks=[curves, lambda _: figures.append(curves.figure)])
    model.fit(sample.X_train[:64], sample.y_train[:64], (sample.X_test[:9], sample.y_test[:9]))
    assert [len(figure.axes[0].lines[0].get_ydata()) for figure in figures] == [1, 2, 3]
    assert curves.figure.axes[0].lines[1].get_ydata().tolist() == model.history_["val_loss"]
    model.fit(sample.X_train[:64], sample.y_train[:64])
    assert len(curves.figure.axes[0].lines) == 1
    assert curves.figure.axes[0].lines[0].get_ydata().tolist() == model.history_["loss"]


def test_confusion_matrix(fitted: DigitClassifier, sample: Dataset) -> None:
    predicted = fitted.predict(sample.X_test)
    figure = plotting.confusion_matrix(sample.y_test.astype(str), predicted)
    (axes,) = figure.axes
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (sample.y_test, predicted), 1)
    for text in axes.texts:
        column, row = text.get_position()
        assert text.get_text() == f"{counts[row, column]:,}"
    assert len(axes.texts) == np.count_nonzero(counts)
    assert f"{counts.trace():,} of 1,000 right" in axes.get_title()
    pixels(figure)
    pixels(plotting.confusion_matrix([3, 3], [3, 3]))
    with pytest.raises(ValueError, match="predicted differ in length"):
        plotting.confusion_matrix([1, 2], [1])
    with pytest.raises(ValueError, match="truth must be digits"):
        plotting.confusion_matrix([1, 12], [1, 2])


def test_misread(fitted: DigitClassifier, sample: Dataset) -> None:
    probabilities = fitted.predict_proba(sample.X_test)
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != sample.y_test)
    worst = wrong[probabilities[wrong].max(axis=1).argmax()]
    figure = plotting.misread(sample.X_test, sample.y_test, probabilities, columns=4, rows=2)
    title = f"{len(wrong):,} of 1,000 misread; the 8 with the highest confidence"
    assert figure.get_suptitle() == title
    first = figure.axes[0]
    assert first.get_title().startswith(f"{sample.y_test[worst]} read as {predicted[worst]}\n")
    assert (first.images[0].get_array() == sample.X_test[worst]).all()
    pixels(figure)
    right = np.eye(10)[sample.y_test]
    pixels(plotting.misread(sample.X_test, sample.y_test, right))
    with pytest.raises(ValueError, match=r"probabilities must have shape \(1000, 10\)"):
        plotting.misread(sample.X_test, sample.y_test, right[:10])
    with pytest.raises(ValueError, match="columns must be a positive integer"):
        plotting.misread(sample.X_test, sample.y_test, right, columns=0)


def test_filters_and_feature_maps(fitted: DigitClassifier, sample: Dataset) -> None:
    figure = plotting.filters(fitted)
    kernels = fitted.network_.weights()["conv2d_1.kernel"]
    drawn = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert (np.stack(drawn) == np.moveaxis(kernels[:, :, 0], -1, 0)).all()
    pixels(figure)
    assert len(plotting.filters(fitted, "conv2d_2").axes) == 16
    figure = plotting.feature_maps(sample.X_test[3], fitted, "conv2d_2")
    drawn = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    expected = fitted.network_.layer_output(sample.X_test[3:4], 1 / 255, 1)[0]
    assert (np.stack(drawn[1:], axis=-1) == expected).all()
    pixels(figure)
    assert plotting.feature_maps(sample.X_test[3], layer=1).axes
    for layer, kind in ((9, ValueError), ("conv", ValueError), (1.5, TypeError), (3, ValueError)):
        with pytest.raises(kind, match="layer"):
            plotting.feature_maps(sample.X_test[3], fitted, layer)
    with pytest.raises(ValueError, match="X must be one image, got 2"):
        plotting.feature_maps(sample.X_test[:2], fitted)
    with pytest.raises(ValueError, match="layer must be one of 'conv2d_1', 'conv2d_2'"):
        plotting.filters(fitted, "dense_1")


def test_boxes_stages_and_explanations(sample: Dataset, tmp_path: Path) -> None:
    reading = ocrdigit.read(ocrdigit.datasets.load_page().image)
    figure = plotting.boxes(reading)
    (axes,) = figure.axes
    symbols = [symbol for number in reading.numbers for symbol in number.symbols]
    assert len(axes.patches) == len(axes.texts) == len(symbols)
    for patch, text, symbol in zip(axes.patches, axes.texts, symbols, strict=True):
        assert (patch.get_width(), patch.get_height()) == symbol.box[2:]
        assert text.get_text().split()[0] == str(symbol.value)
        assert len(text.get_text().split()) == 1 + (symbol.confidence < 0.8)
    pixels(figure)
    with pytest.raises(IndexError, match="page must be one that was read, 0; got 1"):
        plotting.boxes(reading, 1)
    _, steps = ocrdigit.preprocess(ocrdigit.synth.string("7", random_state=0).image, steps=True)
    assert [axes.get_title() for axes in plotting.stages(steps).axes] == list(steps)
    several = [ocrdigit.explain(image) for image in sample.X_test[:3]]
    figure = plotting.explanations(several, columns=2)
    assert [axes.get_title()[0] for axes in figure.axes[:3]] == ["0", "1", "2"]
    figure.savefig(tmp_path / "why.png")
    assert (tmp_path / "why.png").stat().st_size > 1000
    pixels(several[0].plot())


def test_docstring_examples() -> None:
    results = doctest.testmod(plotting)
    assert results.failed == 0
    assert results.attempted >= 10


@pytest.mark.parametrize(
    "use", ["ocrdigit.plotting", "ocrdigit.explain(numpy.zeros((28, 28))).plot()"]
)
def test_without_matplotlib(use: str) -> None:
    code = f"import sys; sys.modules['matplotlib'] = None; import numpy, ocrdigit; {use}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert "plots need matplotlib: pip install 'ocrdigit[plot]'" in result.stderr


# -- display in notebooks --


def test_classifiers_display_their_layers(fitted: DigitClassifier) -> None:
    page = DigitClassifier(epochs=3)._repr_html_()
    for part in ("DigitClassifier(epochs=3)", "conv2d_1 (conv2d)", "28 x 28 x 32", "not trained"):
        assert part in page
    assert "110,634 parameters, 432.2 KB" in page
    assert "trained for 4 epochs" in fitted._repr_html_()
    assert "<b>" not in DigitClassifier(recipe="<b>")._repr_html_()
    assert "layer 0" in DigitClassifier([{"type": "dense", "units": 10}])._repr_html_()


def test_digits_and_readings_display_themselves() -> None:
    reading = ocrdigit.read(ocrdigit.synth.string("1874", random_state=3).image)
    page = reading._repr_html_()
    assert 'alt="1874"' in page
    assert "<td" in page
    digit = reading.digits[1]
    page = digit._repr_html_()
    assert f">{digit.value}</b>" in page
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", page)]
    assert np.allclose(np.array(widths) / 100, digit.probabilities, atol=6e-4)
    blank = ocrdigit.read(np.full((40, 90), 255, np.uint8))
    assert "no digits" in blank._repr_html_()
