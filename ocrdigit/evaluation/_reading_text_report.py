"""The text report of an evaluation of readings, and its summary in notebooks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import _html

if TYPE_CHECKING:
    from ._reading_result import ReadingEvaluation
    from ._risk_coverage import Threshold

_MAX_MISREAD = 10  # misread fields shown


def text_report(result: ReadingEvaluation) -> str:
    """Return accuracy, error rate, kinds of errors, threshold and worst misreadings as text."""
    parts = [
        "\n".join([*_accuracy(result), threshold_sentence(result)]),
        _errors(result),
        _misread(result),
    ]
    return "\n\n".join(part for part in parts if part)


def html_summary(result: ReadingEvaluation) -> str:
    """Return the metrics as an HTML table for notebooks."""
    low, high = result.interval
    rows = [
        ("accuracy by field", f"{result.accuracy:.2%} ({low:.2%} to {high:.2%})"),
        ("character error rate", f"{result.cer:.2%}"),
        ("calibration error", f"{result.reliability.error:.2%}"),
        *((kind, f"{count:,}") for kind, count in result.errors.items() if count),
    ]
    return _html.table(("", f"{result.count:,} fields"), rows, threshold_sentence(result))


def threshold_sentence(result: ReadingEvaluation) -> str:
    """Return which confidence keeps the wanted error rate, and how many fields."""
    found = result.threshold()
    wanted = f"{result.error_rate:.4g}" if result.error_rate < 1e-4 else f"{result.error_rate:.2%}"
    if found is None:
        return f"no threshold of the confidence keeps the error rate at {wanted} or below"
    low, high = found.interval
    return (
        f"error rate of at most {wanted}: fields with a confidence of at least "
        f"{shown_threshold(found)} are {found.coverage:.2%} ({found.kept:,} of {result.count:,}), "
        f"{found.wrong:,} of them wrong (95% interval {low:.2%} to {high:.2%})"
    )


def shown_threshold(found: Threshold) -> str:
    """Return the confidence, rounded up: rounded down it might keep more wrong fields."""
    return f"{math.ceil(found.confidence * 1e5) / 1e5:.5g}"


def substitutions_line(result: ReadingEvaluation, count: int) -> str:
    """Return the most frequent substitutions; "" without any."""
    shown = result.substitutions[:count]
    return ", ".join(f"{_named(true)} as {_named(read)} ({n:,})" for true, read, n in shown)


def edits_text(result: ReadingEvaluation) -> str:
    """Return how many characters were substituted, inserted and deleted."""
    edits = result.edits
    return (
        f"{edits.distance:,} of {edits.characters:,} characters: {edits.substitutions:,} "
        f"substituted, {edits.insertions:,} inserted, {edits.deletions:,} deleted"
    )


def _named(character: str) -> str:
    return "space" if character == " " else character


def _accuracy(result: ReadingEvaluation) -> list[str]:
    low, high = result.interval
    return [
        f"accuracy by field {result.accuracy:.2%}  ({result.right:,} of {result.count:,} fields "
        f"right; 95% interval {low:.2%} to {high:.2%})",
        f"character error rate {result.cer:.2%}  ({edits_text(result)})",
        f"calibration error {result.reliability.error:.2%}; "
        f"area under the risk-coverage curve {result.risk_coverage.area:.2%}",
    ]


def _errors(result: ReadingEvaluation) -> str:
    wrong = result.count - result.right
    if not wrong:
        return ""
    lines = ["kind of error        fields   share"]
    for kind, count in result.errors.items():
        lines.append(f"{kind:19}  {count:6,}  {count / wrong:6.1%}")
    frequent = substitutions_line(result, 5)
    return "\n".join([*lines, f"most frequent substitutions: {frequent}"] if frequent else lines)


def _misread(result: ReadingEvaluation) -> str:
    shown = result.misread[:_MAX_MISREAD]
    if not shown:
        return ""
    rows = [("confidence", "expected", "read", "field")]
    rows += [
        (f"{field.confidence:.2%}", field.truth or "nothing", field.text or "nothing", field.name)
        for field in shown
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{a:>{widths[0]}}  {b:{widths[1]}}  {c:{widths[2]}}  {d}".rstrip() for a, b, c, d in rows
    ]
    return "\n".join(["worst misreadings", *lines])
