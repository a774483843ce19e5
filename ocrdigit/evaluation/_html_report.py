"""The HTML report of an evaluation: one self-contained responsive page, light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from . import _charts
from ._page import figure, header, page, percent, section
from .metrics import REJECTED

if TYPE_CHECKING:
    from ._result import Evaluation, Robustness, Trial
from ._text_report import confusions
from .corruptions import CORRUPTIONS

_MAX_MISREAD = 60  # misclassified images shown


def html_report(result: Evaluation) -> str:
    """Return the HTML page."""
    sections = [
        _header(result),
        _confusion(result),
        _misread(result),
        _calibration(result),
        *(_robustness(result.robustness) if result.robustness else ()),
    ]
    title = f"{percent(result.accuracy)} accuracy: {result.model}"
    return page(title, sections, _methods(result))


def _header(result: Evaluation) -> str:
    low, high = result.interval
    tiles = [
        ("errors", f"{result.count - result.right:,}", f"of {result.count:,} images"),
        (
            "calibration error",
            percent(result.reliability.error),
            "mean difference of confidence and accuracy",
        ),
        (
            f"error rate, {REJECTED:.0%} rejected",
            percent(result.rejection.error_at(REJECTED)),
            "without the least confident images",
        ),
    ]
    if result.robustness:
        tiles.append(
            (
                "corrupted accuracy",
                f"{result.robustness.mean_accuracy:.1%}",
                f"mean of {len(result.robustness.corruptions)} corruptions, "
                f"severity {result.robustness.severity} of 5",
            )
        )
    hero = (
        f"{result.count:,} images classified correctly.<br>95% confidence interval: "
        f"{percent(low)} to {percent(high)}."
    )
    return header(
        "Handwritten digit recognition",
        _capitalized(result.model),
        result.data,
        (percent(result.accuracy), f"of {hero}"),
        tiles,
    )


def _confusion(result: Evaluation) -> str:
    frequent = confusions(result.confusion, 3)
    pairs = ", ".join(f"{true} as {predicted} ({n:,})" for true, predicted, n in frequent)
    return section(
        "Errors by digit",
        f"The most frequent confusions: {pairs}." if frequent else "No errors.",
        f'<div class="pair"><figure>{_matrix(result)}<figcaption>Rows: true digit. Columns: '
        "predicted digit. Darker red marks more errors.</figcaption></figure>"
        f"<figure>{_by_digit(result)}<figcaption>Recall: the fraction of the images of a digit "
        "that are predicted as this digit. Precision: the fraction of the predictions of a digit "
        "that are correct.</figcaption></figure></div>",
    )


def _matrix(result: Evaluation) -> str:
    confusion = result.confusion
    maximum = max(1, int((confusion - np.diag(np.diag(confusion))).max()))
    head = "".join(f'<th scope="col">{digit}</th>' for digit in range(10))
    rows = []
    for true, counts in enumerate(confusion.tolist()):
        cells = []
        for predicted, count in enumerate(counts):
            if predicted == true:
                cells.append(f'<td class="right">{count}</td>')
            elif count:
                depth = 0.15 + 0.75 * (count / maximum) ** 0.5
                cells.append(f'<td class="wrong" style="--depth:{depth:.2f}">{count}</td>')
            else:
                cells.append('<td class="none">·</td>')
        rows.append(f'<tr><th scope="row">{true}</th>{"".join(cells)}</tr>')
    return (
        '<table class="matrix"><caption>Confusion matrix</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _by_digit(result: Evaluation) -> str:
    digits = result.per_digit
    rows = "".join(
        f'<tr><th scope="row">{digit}</th><td>{digits.images[digit]:,}</td>'
        f"<td>{digits.images[digit] - digits.right[digit]:,}</td>"
        f"<td>{percent(digits.recall[digit])}</td><td>{percent(digits.precision[digit])}</td></tr>"
        for digit in range(10)
    )
    names = ("digit", "images", "errors", "recall", "precision")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return (
        '<table class="digits"><caption>By digit</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _misread(result: Evaluation) -> str:
    wrong = result.misread
    if not len(wrong):
        return ""
    shown = wrong[:_MAX_MISREAD]
    more = f" {len(shown):,} of {len(wrong):,} are shown." if len(shown) < len(wrong) else ""
    true_probabilities = result.probabilities[np.arange(result.count), result.truth]
    tiles = "".join(
        f'<figure title="image {i}"><img src="{_charts.picture(result.images[i])}" width="28" '
        f'height="28" alt="a {result.truth[i]}, predicted as {result.predicted[i]}">'
        f"<figcaption>pred. <b>{result.predicted[i]}</b> {result.confidence[i]:.0%}"
        f"<br>true <b>{result.truth[i]}</b> {_small_percent(true_probabilities[i].item())}"
        "</figcaption></figure>"
        for i in shown.tolist()
    )
    return section(
        "Misclassified images",
        "The predicted and the true digit with their probabilities, most confident predictions "
        f"first.{more}",
        f'<div class="gallery">{tiles}</div>',
    )


def _calibration(result: Evaluation) -> str:
    curve = result.rejection
    index = int(np.searchsorted(curve.rejected, REJECTED + 1e-12, "right")) - 1
    return section(
        "Calibration and rejection",
        f"The expected calibration error (15 bins) is {percent(result.reliability.error)}. "
        f"Rejecting the {REJECTED:.0%} of images with the lowest confidence, below "
        f"{percent(float(curve.threshold[index]))}, leaves an error rate of "
        f"{percent(float(curve.error[index]))}.",
        '<div class="pair">'
        + figure(
            _charts.reliability_chart(result.reliability),
            "Accuracy by confidence. On the dotted line, both are equal. Larger dots are bins of "
            "more images; vertical lines are 95% confidence intervals.",
        )
        + figure(
            _charts.reject_chart(curve),
            "Error rate of the remaining images, by the fraction of images rejected.",
        )
        + "</div>",
    )


def _robustness(robustness: Robustness) -> Iterable[str]:
    order = sorted(robustness.corruptions.items(), key=lambda item: -item[1].accuracy)
    best, worst = order[0], order[-1]
    yield section(
        "Robustness to corruptions",
        f"Accuracy on {robustness.images:,} images under each of {len(order)} corruptions, "
        f"applied to the 28x28 pixels: {robustness.mean_accuracy:.1%} on average, highest for "
        f"{_words(best[0])}, lowest for {_words(worst[0])}. Misclassified examples have a red "
        "frame.",
        '<ul class="bars">' + "".join(_bar(name, trial) for name, trial in order) + "</ul>",
    )
    yield section(
        "Rotation and scale",
        f"Accuracy on {robustness.transformed_images:,} images, rotated counter-clockwise or "
        "scaled about their centres.",
        '<div class="pair">'
        + figure(
            _charts.sweep_chart(list(robustness.rotation.items()), "angle", "{:g}°".format),
            "At large angles, digits such as 6 and 9 become ambiguous.",
        )
        + figure(
            _charts.sweep_chart(list(robustness.scale.items()), "scale", "{:g}".format),
            "At a scale of 0.4 digits are about 8 pixels tall; at 1.4 they fill the image.",
        )
        + "</div>",
    )


def _bar(name: str, trial: Trial) -> str:
    meaning = CORRUPTIONS[name].meaning.partition(";")[0]
    images = "".join(
        f'<img src="{_charts.picture(image)}" width="28" height="28" '
        f'class="{"right" if truth == predicted else "wrong"}" '
        f'alt="a {truth}, predicted as {predicted}" title="a {truth}, predicted as {predicted}">'
        for image, truth, predicted in zip(
            trial.examples, trial.truth, trial.predicted, strict=True
        )
    )
    return (
        f'<li><span class="examples">{images}</span>'
        f'<span class="name"><b>{_words(name)}</b> {escape(meaning)}</span>'
        f'<span class="bar"><i style="width:{100 * trial.accuracy:.1f}%"></i></span>'
        f'<span class="value">{trial.accuracy:.1%}</span></li>'
    )


def _methods(result: Evaluation) -> str:
    text = "Confidence intervals are Wilson's score intervals."
    if result.robustness:
        text += (
            " The corruptions are modelled on MNIST-C but give different images, so the results "
            "cannot be compared with published results on MNIST-C."
        )
    return text


def _small_percent(fraction: float) -> str:
    """Return a whole percentage, "<1%" below one percent."""
    return f"{fraction:.0%}" if fraction >= 0.01 else "&lt;1%"


def _words(name: str) -> str:
    return escape(name.replace("_", " "))


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("the ") else text
