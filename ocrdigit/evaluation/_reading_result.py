"""The result of :func:`evaluate_reading`: readings of fields, and the metrics derived from them."""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._atomic import write_atomically
from . import metrics
from ._alignment import Edits, Pair, align, count_edits
from ._error_kinds import KINDS, kind_of_error
from ._risk_coverage import RiskCoverage, Threshold, risk_coverage

DEFAULT_ERROR_RATE = 0.005


@dataclass(frozen=True)
class FieldReading:
    """The reading of one labelled field.

    Attributes
    ----------
    name : str
        The name of its file in the labels, or its index among other images.
    truth : str
        What is written in the field.
    text : str
        What was read, with a space between numbers; "" for nothing.
    confidence : float
        The product of the confidences of its numbers; 0 if nothing was read.
    image : ndarray (h, w) of uint8, or None
        The picture in gray, downscaled, if the reading is wrong.
    """

    name: str
    truth: str
    text: str
    confidence: float
    image: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    @property
    def is_right(self) -> bool:
        """Whether the text is what is written."""
        return self.text == self.truth

    @cached_property
    def alignment(self) -> list[Pair]:
        """The true characters with those that were read for them; "" where there is none."""
        return align(self.truth, self.text)

    @property
    def error(self) -> str | None:
        """The kind of error; None if the text is right."""
        return kind_of_error(self.alignment)

    def to_dict(self) -> dict[str, Any]:
        """Return the field as a dict that can be written as JSON."""
        return {
            "file": self.name,
            "text": self.truth,
            "read": self.text,
            "confidence": self.confidence,
            "error": self.error,
        }


@dataclass(frozen=True, eq=False, repr=False)
class ReadingEvaluation:
    """The results of :func:`ocrdigit.read` on labelled fields.

    ``print`` shows it as text; :meth:`save_report` writes an HTML report.

    Attributes
    ----------
    fields : tuple of FieldReading
        One or more, in the order of the labels.
    model, data : str
        Names of the classifier and of the data.
    settings : str
        The options of ``read``, "" for the defaults.
    error_rate : float
        The wanted error rate, of which the reports show the threshold.
    """

    fields: tuple[FieldReading, ...]
    model: str = "default"
    data: str = "fields"
    settings: str = ""
    error_rate: float = DEFAULT_ERROR_RATE

    @property
    def count(self) -> int:
        """The number of fields."""
        return len(self.fields)

    @cached_property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether each field was read right, (n,)."""
        return np.array([field.is_right for field in self.fields])

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """The confidence of each field, (n,)."""
        return np.array([field.confidence for field in self.fields])

    @property
    def right(self) -> int:
        """The number of fields that were read right as a whole."""
        return int(self.is_right.sum())

    @property
    def accuracy(self) -> float:
        """The fraction of fields that were read right as a whole, 0 to 1."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the accuracy (Wilson's score interval)."""
        return metrics.wilson_interval(self.right, self.count)

    @cached_property
    def edits(self) -> Edits:
        """The number of characters that are substituted, inserted and deleted."""
        return count_edits(chain.from_iterable(field.alignment for field in self.fields))

    @property
    def cer(self) -> float:
        """The character error rate: edits by characters of the true texts; NaN without any."""
        return self.edits.rate

    @cached_property
    def errors(self) -> dict[str, int]:
        """The number of fields by kind of error.

        A kind is one of "nothing read", "missing digit", "extra digit", "substituted digit",
        "separators only" and "several errors".
        """
        counts = Counter(field.error for field in self.fields)
        return {kind: counts[kind] for kind in KINDS}

    @cached_property
    def substitutions(self) -> list[tuple[str, str, int]]:
        """The true character, the one read for it, and how often, most frequent first."""
        pairs = chain.from_iterable(field.alignment for field in self.fields)
        counts = Counter((true, read) for true, read in pairs if "" != true != read != "")
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [(true, read, count) for (true, read), count in ordered]

    @cached_property
    def reliability(self) -> metrics.Reliability:
        """Accuracy by confidence; its ``error`` is the expected calibration error."""
        return metrics.reliability_of(self.confidence, self.is_right)

    @cached_property
    def risk_coverage(self) -> RiskCoverage:
        """Error rate by the fraction of fields kept, those of highest confidence first."""
        return risk_coverage(self.confidence, self.is_right)

    def threshold(self, error_rate: float | None = None) -> Threshold | None:
        """Return the lowest confidence at which the error rate of the fields kept is low enough.

        Parameters
        ----------
        error_rate : float, optional
            The maximum fraction of wrong fields among those with at least this confidence, 0 to 1.
            The default is that of the result.

        Returns
        -------
        Threshold or None
            The confidence, the coverage, and the number of fields kept and wrong. None if the error
            rate is higher at any confidence.

        Raises
        ------
        TypeError, ValueError
            If ``error_rate`` is not a number in 0..1.
        """
        limit = self.error_rate if error_rate is None else error_rate
        return self.risk_coverage.at_error_rate(limit)

    @cached_property
    def misread(self) -> tuple[FieldReading, ...]:
        """The fields that were read wrong, most confident first."""
        wrong = [field for field in self.fields if not field.is_right]
        return tuple(sorted(wrong, key=lambda field: -field.confidence))

    def to_dict(self) -> dict[str, Any]:
        """Return all metrics as plain numbers, lists and dicts; undefined numbers are None."""
        curve, found = self.risk_coverage, self.threshold()
        return {
            "model": self.model,
            "data": self.data,
            "settings": self.settings,
            "fields": self.count,
            "right": self.right,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "cer": None if math.isnan(self.cer) else self.cer,
            "edits": self.edits._asdict(),
            "errors": dict(self.errors),
            "substitutions": [
                {"true": true, "read": read, "count": count}
                for true, read, count in self.substitutions
            ],
            "error_rate": self.error_rate,
            "threshold": found and {**found._asdict(), "interval": list(found.interval)},
            "risk_coverage": {
                "area": curve.area,
                "threshold": curve.threshold.tolist(),
                "coverage": curve.coverage.tolist(),
                "error": curve.error.tolist(),
            },
            "calibration_error": self.reliability.error,
            "reliability": [
                dict(zip(self.reliability._fields, (value.item() for value in row), strict=True))
                for row in zip(*self.reliability, strict=True)
            ],
            "misread": [field.to_dict() for field in self.misread],
        }

    def to_html(self) -> str:
        """Return the report as one self-contained HTML page without scripts."""
        from ._reading_html_report import html_report

        return html_report(self)

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_html` to a file atomically.

        Parameters
        ----------
        path : path
            The HTML file; an existing one is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        write_atomically(path, self.to_html().encode())

    def __str__(self) -> str:
        from ._reading_text_report import text_report

        return text_report(self)

    def __repr__(self) -> str:
        return f"ReadingEvaluation({self.data}: {self.right:,} of {self.count:,} fields right)"

    def _repr_html_(self) -> str:
        from ._reading_text_report import html_summary

        return html_summary(self)
