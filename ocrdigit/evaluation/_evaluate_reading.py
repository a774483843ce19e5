"""Evaluation of readings on labelled fields."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._symbols import only_digits
from ._labelled_fields import LabelledField, labelled_fields, single_spaces
from ._reading_result import DEFAULT_ERROR_RATE, FieldReading, ReadingEvaluation

if TYPE_CHECKING:
    from .._typing import ImageLike
    from ..estimator import DigitClassifier
    from ..reading import Reading

_MAX_WIDTH, _MAX_HEIGHT = 480, 160  # of the pictures of misread fields


def evaluate_reading(
    truth: str | os.PathLike[str] | Sequence[tuple[ImageLike, str]],
    *,
    folder: str | os.PathLike[str] | None = None,
    error_rate: float = DEFAULT_ERROR_RATE,
    symbols: str = "all",
    pattern: str | None = None,
    lexicon: Iterable[str] | None = None,
    length: int | tuple[int, int] | None = None,
    check: Callable[[str], object] | None = None,
    model: DigitClassifier | None = None,
    recognizer: str = "default",
    model_name: str = "default",
    data_name: str | None = None,
    verbose: bool = False,
) -> ReadingEvaluation:
    r"""Measure how well :func:`ocrdigit.read` reads labelled fields.

    A field is right if its whole text is. Its confidence is the product of the confidences of its
    numbers, 0 if nothing was read.

    Parameters
    ----------
    truth : path or sequence of (image, text)
        A CSV file whose columns ``file`` and ``text`` name pictures and what is written in them, or
        pictures with their texts. A text consists of digits, separators (``. , - + / :``) and
        spaces, with a space between the numbers and rows of a field; "" if nothing is written.
    folder : path, optional
        The folder of the files that ``truth`` names. By default, that of ``truth``.
    error_rate : float, default 0.005
        The wanted error rate, of which the reports show the threshold.
    symbols : {"all", "digits"}
        Whether to read and compare the whole texts or their digits alone.
    pattern, lexicon, length, check, model, recognizer : as for read
        See :func:`ocrdigit.read`.
    model_name, data_name : str, optional
        Names for the reports. By default, the data have the name of the file.
    verbose : bool, default False
        Show a progress bar in a terminal.

    Returns
    -------
    ReadingEvaluation
        ``print`` shows it as text; its ``save_report("report.html")`` writes an HTML report.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described: ``truth`` has no fields, no such columns, or a text of
        other characters.
    OSError
        If a file cannot be read.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit.evaluation import evaluate_reading
    >>> pictures = ocrdigit.synth.strings(20, length=(3, 5), random_state=0)
    >>> result = evaluate_reading([(picture.image, picture.text) for picture in pictures])
    >>> result.accuracy > 0.8
    True
    >>> result.cer < 0.1
    True
    """
    from .._page_reader import PageReader
    from ..reading import read_image

    wanted = _checks.fraction("error_rate", error_rate)
    if isinstance(lexicon, Iterator):
        lexicon = list(lexicon)  # its length is in the settings
    reader = PageReader(
        pattern=pattern,
        symbols=symbols,
        lexicon=lexicon,
        length=length,
        check=check,
        model=model,
        recognizer=recognizer,
    )
    fields = labelled_fields(truth, folder)
    readings = tuple(
        _compare(field, read_image(reader, field.image), reader.digits_only)
        for field in _with_progress(fields, verbose)
    )
    settings = _settings(
        symbols=symbols,
        pattern=pattern,
        length=length,
        lexicon=lexicon,
        check=check,
        recognizer=recognizer,
    )
    name = data_name or (os.fspath(truth) if isinstance(truth, (str, os.PathLike)) else "fields")
    return ReadingEvaluation(readings, model_name, name, settings, wanted)


def _compare(field: LabelledField, reading: Reading, digits_only: bool) -> FieldReading:
    truth, text = field.text, single_spaces(reading.text)
    if digits_only:
        truth, text = (only_digits(each) for each in (truth, text))
    confidence = float(np.prod([number.confidence for number in reading.numbers])) if text else 0.0
    image = None if text == truth else _thumbnail(reading.pages[0])
    return FieldReading(field.name, truth, text, confidence, image)


def _thumbnail(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture of at most _MAX_WIDTH x _MAX_HEIGHT pixels."""
    from .. import image

    h, w = page.shape
    scale = min(1.0, _MAX_WIDTH / w, _MAX_HEIGHT / h)
    if scale == 1:
        return page
    size = max(1, round(w * scale)), max(1, round(h * scale))
    return image.resize(page, size, "area")


def _settings(**options: Any) -> str:
    """Return the options that are not the defaults as a text."""
    texts = []
    for name, value in options.items():
        if value is None or (name, value) in (("symbols", "all"), ("recognizer", "default")):
            continue
        if name == "lexicon":
            value = f"{len(list(value)):,} texts"
        texts.append(f"{name} {getattr(value, '__name__', value)}")
    return ", ".join(texts)


def _with_progress(fields: Sequence[LabelledField], verbose: bool) -> Iterable[LabelledField]:
    from tqdm import tqdm

    disable = None if verbose else True  # None disables the bar outside a terminal
    bar: Iterable[LabelledField] = tqdm(
        fields, "reading", unit="field", leave=False, disable=disable
    )
    return bar
