"""The HTML report of an evaluation of readings."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from . import _charts
from ._page import figure, header, page, percent, section
from ._reading_text_report import (
    edits_text,
    shown_threshold,
    substitutions_line,
    threshold_sentence,
)

if TYPE_CHECKING:
    from ._alignment import Pair
    from ._reading_result import FieldReading, ReadingEvaluation

_MAX_MISREAD = 60  # misread fields shown


def html_report(result: ReadingEvaluation) -> str:
    """Return the HTML page."""
    sections = [_header(result), _errors(result), _confidence(result), _misread(result)]
    return page(
        f"{percent(result.accuracy)} accuracy by field: {result.data}",
        sections,
        "Confidence intervals are Wilson's score intervals. The character error rate is the "
        "Levenshtein distance by the number of true characters.",
    )


def _header(result: ReadingEvaluation) -> str:
    low, high = result.interval
    found = result.threshold()
    tiles = [
        ("errors", f"{result.count - result.right:,}", f"of {result.count:,} fields"),
        ("character error rate", percent(result.cer), edits_text(result)),
        (
            "calibration error",
            percent(result.reliability.error),
            "mean difference of confidence and accuracy",
        ),
        (
            f"kept at {result.error_rate:.2%} errors",
            f"{found.coverage:.1%}" if found else "-",
            f"of the fields, confidence {shown_threshold(found)} or more"
            if found
            else "at any confidence, more are wrong",
        ),
    ]
    data = f"{result.data}, {result.settings}" if result.settings else result.data
    return header(
        "Reading of handwritten numbers",
        f"Model {result.model}",
        data,
        (
            percent(result.accuracy),
            f"of {result.count:,} fields read right as a whole.<br>95% confidence interval: "
            f"{percent(low)} to {percent(high)}.",
        ),
        tiles,
    )


def _errors(result: ReadingEvaluation) -> str:
    wrong = result.count - result.right
    if not wrong:
        return section("Kinds of errors", "No errors.", "")
    frequent = substitutions_line(result, 6)
    lead = f"The most frequent substitutions: {frequent}." if frequent else "No substitutions."
    largest = max(result.errors.values())
    bars = "".join(
        f'<li><span class="name"><b>{escape(kind)}</b></span>'
        f'<span class="bar"><i style="width:{100 * count / largest:.1f}%"></i></span>'
        f'<span class="value">{count:,} ({count / wrong:.0%})</span></li>'
        for kind, count in sorted(result.errors.items(), key=lambda item: -item[1])
    )
    return section("Kinds of errors", lead, f'<ul class="bars kinds">{bars}</ul>')


def _confidence(result: ReadingEvaluation) -> str:
    sentence = threshold_sentence(result)
    return section(
        "Confidence",
        f"{sentence[:1].upper()}{sentence[1:]}.",
        '<div class="pair">'
        + figure(
            _charts.risk_coverage_chart(result.risk_coverage, result.threshold()),
            "Risk and coverage: error rate of the fields kept, by the fraction kept, those of "
            f"highest confidence first. The area under the curve is "
            f"{percent(result.risk_coverage.area)}.",
        )
        + figure(
            _charts.reliability_chart(result.reliability, "fields"),
            "Accuracy by confidence. On the dotted line, both are equal. Larger dots are bins of "
            "more fields; vertical lines are 95% confidence intervals. The expected calibration "
            f"error (15 bins) is {percent(result.reliability.error)}.",
        )
        + "</div>",
    )


def _misread(result: ReadingEvaluation) -> str:
    wrong = result.misread
    if not wrong:
        return ""
    shown = wrong[:_MAX_MISREAD]
    more = f" {len(shown):,} of {len(wrong):,} are shown." if len(shown) < len(wrong) else ""
    return section(
        "Worst misreadings",
        "Misread fields, those of highest confidence first. Differences are red; _ stands for a "
        f"character that is missing.{more}",
        f'<div class="gallery fields">{"".join(map(_tile, shown))}</div>',
    )


def _tile(field: FieldReading) -> str:
    picture = ""
    if field.image is not None:
        alt = f"{field.truth or 'nothing'}, read as {field.text or 'nothing'}"
        uri = _charts.picture(field.image)
        picture = f'<div><img src="{uri}" alt="{escape(alt)}"></div>'
    expected = _aligned([(true, read) for true, read in field.alignment])
    read = _aligned([(read, true) for true, read in field.alignment]) if field.text else "nothing"
    return (
        f"<figure>{picture}<figcaption>read<b>{read}</b>expected<b>{expected or 'nothing'}</b>"
        f"confidence<span>{field.confidence:.1%}</span>"
        f"<em>{escape(field.error or '')}, {escape(field.name)}</em></figcaption></figure>"
    )


def _aligned(pairs: Sequence[Pair]) -> str:
    """Return the first characters of pairs, marked where the second differ."""
    return "".join(
        escape(own) if own == other else f"<mark>{escape(own or '_')}</mark>"
        for own, other in pairs
    )
