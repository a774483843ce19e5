"""The page of an evaluation: HTML with all in it, no script, for light and dark, for any width."""

from __future__ import annotations

import os
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .._core import __version__
from . import _figures
from ._text import mistakes
from .corruptions import CORRUPTIONS
from .metrics import REJECTED

if TYPE_CHECKING:
    from ._result import Evaluation, Robustness, Trial

_STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report.css")
_MOST_MISREAD = 60  # shown


def page(seen: Evaluation) -> str:
    """Return the page."""
    with open(_STYLE, encoding="utf-8") as file:
        style = file.read()
    sections = [
        _header(seen),
        _mistakes(seen),
        _misread(seen),
        _confidence(seen),
        *(_robustness(seen.robustness) if seen.robustness else ()),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_percent(seen.accuracy)} right: {escape(seen.model)}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(sections)
        + f"\n</main>\n<footer>Made by ocrdigit {escape(__version__)}. {_how(seen)}</footer>\n"
        "</body>\n</html>\n"
    )


def _header(seen: Evaluation) -> str:
    low, high = seen.interval
    tiles = [
        ("wrong", f"{seen.count - seen.right:,}", f"of {seen.count:,} images"),
        (
            "calibration error",
            _percent(seen.reliability.error),
            "how far confidence is from being right",
        ),
        (
            f"wrong at {REJECTED:.0%} rejected",
            _percent(seen.rejection.error_at(REJECTED)),
            "the least certain answers put aside",
        ),
    ]
    if seen.robustness:
        tiles.append(
            (
                "right when corrupted",
                f"{seen.robustness.mean_accuracy:.1%}",
                f"mean of {len(seen.robustness.corruptions)} ways, "
                f"severity {seen.robustness.severity} of 5",
            )
        )
    return (
        '<header>\n<p class="eyebrow">Reading handwritten digits</p>\n'
        f"<h1>{escape(_capital(seen.model))}</h1>\n"
        f'<p class="on">on {escape(seen.data)}</p>\n'
        f'<p class="hero"><strong>{_percent(seen.accuracy)}</strong> '
        f"<span>of {seen.count:,} images read right.<br>The true accuracy on such images is "
        f"between {_percent(low)} and {_percent(high)} (95% interval).</span></p>\n"
        '<dl class="tiles">'
        + "".join(
            f"<div><dt>{escape(name)}</dt><dd><b>{value}</b>{escape(note)}</dd></div>"
            for name, value, note in tiles
        )
        + "</dl>\n</header>"
    )


def _mistakes(seen: Evaluation) -> str:
    frequent = mistakes(seen.confusion, 3)
    said = ", ".join(f"{true} taken for {other} ({n:,})" for true, other, n in frequent)
    lead = f"The most frequent mistakes: {said}." if frequent else "Not a single one."
    return _section(
        "Mistakes",
        lead,
        f'<div class="pair"><figure>{_matrix(seen)}<figcaption>Rows: what it is. Columns: what '
        "the model says. The redder, the more often.</figcaption></figure>"
        f"<figure>{_by_digit(seen)}<figcaption>Recall: of the images of this digit, the share "
        "read so. Precision: of the answers that say this digit, the share that is right."
        "</figcaption></figure></div>",
    )


def _matrix(seen: Evaluation) -> str:
    confusion = seen.confusion
    most = max(1, int((confusion - np.diag(np.diag(confusion))).max()))
    head = "".join(f'<th scope="col">{digit}</th>' for digit in range(10))
    rows = []
    for true, counts in enumerate(confusion.tolist()):
        cells = []
        for other, count in enumerate(counts):
            if other == true:
                cells.append(f'<td class="right">{count}</td>')
            elif count:
                depth = 0.15 + 0.75 * (count / most) ** 0.5
                cells.append(f'<td class="wrong" style="--depth:{depth:.2f}">{count}</td>')
            else:
                cells.append('<td class="none">·</td>')
        rows.append(f'<tr><th scope="row">{true}</th>{"".join(cells)}</tr>')
    return (
        '<table class="matrix"><caption>Confusion matrix</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _by_digit(seen: Evaluation) -> str:
    digits = seen.per_digit
    rows = "".join(
        f'<tr><th scope="row">{digit}</th><td>{digits.images[digit]:,}</td>'
        f"<td>{digits.images[digit] - digits.right[digit]:,}</td>"
        f"<td>{_percent(digits.recall[digit])}</td><td>{_percent(digits.precision[digit])}</td></tr>"
        for digit in range(10)
    )
    names = ("digit", "images", "missed", "recall", "precision")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return (
        '<table class="digits"><caption>By digit</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _misread(seen: Evaluation) -> str:
    wrong = seen.misread
    if not len(wrong):
        return ""
    shown = wrong[:_MOST_MISREAD]
    more = f" Shown are {len(shown):,} of {len(wrong):,}." if len(shown) < len(wrong) else ""
    tiles = "".join(
        f'<figure title="image {i}"><img src="{_figures.picture(seen.images[i])}" width="28" '
        f'height="28" alt="a {seen.truth[i]}, read as {seen.predicted[i]}">'
        f"<figcaption>says <b>{seen.predicted[i]}</b> {seen.confidence[i]:.0%}"
        f"<br>is <b>{seen.truth[i]}</b> {_small(seen.probabilities[i, seen.truth[i]].item())}"
        "</figcaption></figure>"
        for i in shown.tolist()
    )
    return _section(
        "Misread",
        "Every wrong answer with its probability, and below it what the image is and what "
        f"probability that got. The surest come first.{more}",
        f'<div class="gallery">{tiles}</div>',
    )


def _confidence(seen: Evaluation) -> str:
    curve = seen.rejection
    place = int(np.searchsorted(curve.rejected, REJECTED + 1e-12, "right")) - 1
    gap = seen.reliability.error
    return _section(
        "Does it know when it is wrong?",
        f"Its probabilities are off by {_percent(gap)} on average (expected calibration error, "
        f"15 bins). Whoever puts aside the {REJECTED:.0%} of answers that it is least sure of, "
        f"those below {_percent(float(curve.threshold[place]))}, has "
        f"{_percent(float(curve.error[place]))} wrong among the rest.",
        '<div class="pair">'
        + _figure(
            _figures.reliability_chart(seen.reliability),
            "On the line, answers are right as often as the model says. Larger dots stand for "
            "more images; the strokes are 95% intervals.",
        )
        + _figure(
            _figures.reject_chart(curve),
            "What is left wrong, as ever more of the least certain answers are put aside.",
        )
        + "</div>",
    )


def _robustness(seen: Robustness) -> Iterable[str]:
    order = sorted(seen.corruptions.items(), key=lambda item: -item[1].accuracy)
    best, worst = order[0], order[-1]
    yield _section(
        "What it withstands",
        f"{seen.images:,} images, each corrupted in {len(order)} ways, as raw 28x28 pixels: "
        f"{seen.mean_accuracy:.1%} are read right on average. It minds "
        f"{_words(best[0])} least, {_words(worst[0])} most. What is framed in red is read wrong.",
        '<ul class="bars">' + "".join(_bar(name, trial) for name, trial in order) + "</ul>",
    )
    yield _section(
        "Turned and resized",
        f"{seen.turned_images:,} images, turned counter-clockwise about their centres, and "
        "resized about them.",
        '<div class="pair">'
        + _figure(
            _figures.sweep_chart(list(seen.rotation.items()), "angle", "{:g}°".format),
            "A 6 turned far enough is a 9: nobody reads all.",
        )
        + _figure(
            _figures.sweep_chart(list(seen.scale.items()), "size", "{:g}".format),
            "At 0.4 a digit is some eight pixels tall; at 1.4 it fills the picture.",
        )
        + "</div>",
    )


def _bar(name: str, trial: Trial) -> str:
    meaning = CORRUPTIONS[name].meaning.partition(";")[0]
    images = "".join(
        f'<img src="{_figures.picture(image)}" width="28" height="28" class="{verdict}" '
        f'alt="a {truth}, read as {said}" title="a {truth}, read as {said}">'
        for image, truth, said, verdict in (
            (image, truth, said, "right" if truth == said else "wrong")
            for image, truth, said in zip(trial.examples, trial.truth, trial.predicted, strict=True)
        )
    )
    return (
        f'<li><span class="examples">{images}</span>'
        f'<span class="name"><b>{_words(name)}</b> {escape(meaning)}</span>'
        f'<span class="bar"><i style="width:{100 * trial.accuracy:.1f}%"></i></span>'
        f'<span class="value">{trial.accuracy:.1%}</span></li>'
    )


def _section(title: str, lead: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n<p>{escape(lead)}</p>\n{body}\n</section>"


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"


def _how(seen: Evaluation) -> str:
    text = "The interval is Wilson's."
    if seen.robustness:
        text += (
            " The corruptions are made in the spirit of MNIST-C, but are not its images: compare "
            "models by this page, not with published results on MNIST-C."
        )
    return text


def _percent(share: float) -> str:
    """Return a share with two decimals, "-" for NaN."""
    return "-" if np.isnan(share) else f"{share:.2%}"


def _small(share: float) -> str:
    """Return a share in whole percent, and what is less than one as such."""
    return f"{share:.0%}" if share >= 0.01 else "&lt;1%"


def _words(name: str) -> str:
    return escape(name.replace("_", " "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("the ") else text
