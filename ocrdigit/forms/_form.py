"""Templates of forms."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PIL_Image
from PIL import ImageDraw

from .. import _checks, limits
from .._atomic import write_atomically
from .._bounded import errors_of, read_file
from .._inputs import Page, gray_page, iterate_pages
from .._page_ranges import Pages
from .._typing import ImageLike
from ..batch import Batch
from . import _file
from ._alignment import Floats, Foreground, Gray, align, find_foreground
from ._field import Box, FormField
from ._many import FormJob, FormResult
from ._reader import AlignedPage, FieldReader
from ._reading import FormReading, draw_fields

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..estimator import DigitClassifier

__all__ = ["Form"]

_MIN_SIDE, _MAX_SIDE = 16, 16_384
_MAX_TEMPLATE = 64_000_000  # bytes of a file
_MAX_FIELDS = 1000
_LINE = 3  # thickness of the lines that stand for a form without a picture, in pixels
# Sources in flight for each thread of a batch.
_AHEAD, _AHEAD_WITH_PAGES = 8, 2


class Form:
    r"""A template of a form: named fields on a page.

    With the picture of the empty form, scans and photos are aligned by all of its print: corner
    marks, ruling lines, words; and this print is not read, even where it is in a field or touches
    what is written. Without a picture, they are aligned by the outlines of the fields, which must
    then be printed on the form.

    Parameters
    ----------
    fields : iterable of FormField
        With different names, in the page, none overlapping another one.
    size : (width, height), optional
        Of the page in pixels, 16 to 16,384 each; required without a picture. A resolution of 150
        dots per inch is enough: 1,240 x 1,754 for A4.
    picture : path, bytes, PIL image or array, optional
        The empty form, as for :func:`ocrdigit.read`.
    empty : bool
        Whether the picture shows the form empty. With ``False``, for a form that was filled in,
        it is used for alignment only.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; a field that leaves the page, overlaps another one or
        has its name is named.

    Examples
    --------
    >>> import ocrdigit
    >>> form = ocrdigit.Form(
    ...     [
    ...         ocrdigit.FormField("amount", (100, 120, 300, 60), pattern=r"\d+\.\d\d"),
    ...         ocrdigit.FormField("code", (100, 300, 480, 60), "comb", columns=8),
    ...     ],
    ...     size=(620, 877),
    ... )
    >>> [field.name for field in form.fields]
    ['amount', 'code']
    """

    def __init__(
        self,
        fields: Iterable[FormField],
        *,
        size: tuple[int, int] | None = None,
        picture: ImageLike | None = None,
        empty: bool = True,
    ) -> None:
        if not isinstance(empty, bool):
            raise TypeError(f"empty must be a bool, got {empty!r}")
        self.picture: Gray | None = None
        if picture is not None:
            self.picture = gray_page(picture, "picture")
        self.empty = empty
        self.size = _checked_size(size, self.picture)
        self.fields = _checked_fields(fields, self.size)

    def __repr__(self) -> str:
        width, height = self.size
        return f"Form({len(self.fields)} fields on {width} x {height} pixels)"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_reference"}

    # -- files --

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Form:
        """Return the template in a file that :meth:`save` wrote.

        Parameters
        ----------
        path : path
            A JSON file.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            The file is not JSON or no template, has another version, or its fields are not valid,
            see :class:`Form`; the message begins with the path.
        """
        data = read_file(path, _MAX_TEMPLATE)
        with errors_of(path):
            return cls.from_dict(_file.parse(data))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the template to a JSON file, the picture in it as PNG.

        Parameters
        ----------
        path : path
            The file; an existing one is replaced.

        Raises
        ------
        OSError
            The file cannot be written; an existing one is unchanged.

        Examples
        --------
        >>> import os, tempfile
        >>> from ocrdigit import Form, FormField
        >>> path = os.path.join(tempfile.mkdtemp(), "form.json")
        >>> Form([FormField("code", (10, 10, 80, 30))], size=(200, 100)).save(path)
        >>> Form.load(path)
        Form(1 fields on 200 x 100 pixels)
        """
        write_atomically(path, _file.to_json(self.to_dict()))

    def to_dict(self) -> dict[str, Any]:
        """Return the template as a dict that can be written as JSON, with the picture in base64."""
        width, height = self.size
        found = {
            "format": _file.FORMAT,
            "version": _file.VERSION,
            "width": width,
            "height": height,
            "fields": [field.to_dict() for field in self.fields],
        }
        if self.picture is not None:
            found |= {"empty": self.empty, "picture": _file.encode_picture(self.picture)}
        return found

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Form:
        """Return the template of a dict that :meth:`to_dict` returned.

        Parameters
        ----------
        values : dict
            As read from JSON.

        Returns
        -------
        Form
            The template.

        Raises
        ------
        TypeError, ValueError
            If the dict is no template, has another version, or its fields are not valid.
        """
        found = _file.checked(values)
        fields = [_file.field_of(index, value) for index, value in enumerate(found["fields"])]
        picture = found.get("picture")
        return cls(
            fields,
            size=(found["width"], found["height"]),
            picture=None if picture is None else _file.decode_picture(picture),
            empty=found.get("empty", True),
        )

    # -- reading --

    def read(
        self,
        image: ImageLike,
        *,
        page: int = 0,
        min_found: float = 0.4,
        model: DigitClassifier | None = None,
        recognizer: str = "default",
    ) -> FormReading:
        """Read the fields of a scan or photo of the form.

        The image may be shifted, turned, scaled and in perspective, and the form may fill two
        thirds of it or more; a page that is upside down or turned by a quarter is found, too.

        Parameters
        ----------
        image : path, bytes, PIL image or array
            As for :func:`ocrdigit.read`.
        page : int
            Index of the page in the file, from 0. :meth:`read_many` reads all pages.
        min_found : float
            The minimum proportion of the form's print, 0 to 1, that must be found in the image.
        model : DigitClassifier, optional
            The classifier of digits. The default is that of :func:`ocrdigit.predict`.
        recognizer : {"default", "fast"}
            As for :func:`ocrdigit.read`.

        Returns
        -------
        FormReading
            ``reading["amount"]`` is the field of that name; ``.missing`` names those that are
            empty or could not be read; ``.alignment`` tells where the form was found.

        Raises
        ------
        TypeError
            ``image`` is of a type or dtype that is not supported, or a parameter of a wrong type.
        NotFittedError
            ``model`` has not been fitted.
        ValueError
            ``image`` is not valid, see :func:`ocrdigit.read`, or does not show this form;
            ``page`` or ``min_found`` is out of range; ``recognizer`` is unknown.
        OSError
            A file cannot be read.

        Examples
        --------
        >>> import ocrdigit
        >>> page = ocrdigit.datasets.load_page().image
        >>> height, width = page.shape[:2]
        >>> field = ocrdigit.FormField("upper half", (0, 0, width, height // 2))
        >>> reading = ocrdigit.Form([field], picture=page, empty=False).read(page)
        >>> reading["upper half"].status, reading.missing
        ('read', ())
        """
        threshold = _checks.fraction("min_found", min_found)
        reader = FieldReader(model, recognizer)
        selected = [_checks.int_in_range("page", page, 0, limits.MAX_PAGES - 1)]
        with contextlib.closing(iterate_pages(image, "image", selected)) as pages:
            return self._read_page(next(pages), threshold, reader)

    def read_many(
        self,
        sources: object,
        *,
        pages: Pages | None = None,
        min_found: float = 0.4,
        model: DigitClassifier | None = None,
        recognizer: str = "default",
        min_confidence: float = 0.0,
        on_error: str = "raise",
        keep_pages: bool = False,
        n_jobs: int | None = None,
        progress: bool = True,
    ) -> Batch[FormResult]:
        """Read many scans and photos of the form one by one, on all cores, in bounded memory.

        Parameters
        ----------
        sources : source, or iterable of sources
            As for :func:`ocrdigit.read_many`. Each page of a file is a form of its own.
        pages : as for read_many
            Which pages of the files to read.
        min_found, model, recognizer : as for read
            How much of the form's print must be found, and what reads the fields.
        min_confidence : float
            Fields of a lower confidence, 0 to 1, have the status "review".
        on_error : {"raise", "return"}
            As for :func:`ocrdigit.read_many`. A page that does not show the form is an error.
        keep_pages : bool
            Whether results have ``.reading``, with the pixels of the page.
        n_jobs, progress : as for read_many
            Threads, and whether a progress bar is shown.

        Returns
        -------
        Batch of FormResult
            An iterator over the results, mappings of names to fields, in the order of the sources.
            ``.write(path)`` writes a table with a row for each field instead, and can resume an
            interrupted run.

        Raises
        ------
        TypeError, ValueError
            A parameter is invalid, or ``model`` has not been fitted.
        TypeError, ValueError, OSError
            While iterating, with ``on_error="raise"``: a source cannot be read, or a page does not
            show the form.

        Examples
        --------
        >>> import ocrdigit
        >>> form = ocrdigit.Form.load("form.json")  # doctest: +SKIP
        >>> batch = form.read_many("scans/", min_confidence=0.98)  # doctest: +SKIP
        >>> batch.write("fields.csv")  # doctest: +SKIP
        """
        job = FormJob(
            self,
            pages=pages,
            min_found=min_found,
            model=model,
            recognizer=recognizer,
            min_confidence=min_confidence,
            keep_pages=keep_pages,
        )
        ahead = _AHEAD_WITH_PAGES if keep_pages else _AHEAD
        return Batch(job, sources, n_jobs=n_jobs, on_error=on_error, progress=progress, ahead=ahead)

    def _read_page(self, page: Page, min_found: float, reader: FieldReader) -> FormReading:
        """Read the fields of a decoded page, see :meth:`read`."""
        # A scan is as dark on light as its form, unless it is a negative.
        for dark in (self._reference.dark, not self._reference.dark):
            foreground = find_foreground(page.gray, dark)
            alignment = align(self._reference, foreground)
            if alignment.found and alignment.found >= min_found:
                break
        else:
            raise ValueError(
                f"image does not show this form: {alignment.found:.0%} of its print was found, "
                f"expected at least {min_found:.0%}"
            )
        is_empty = self.picture is None or self.empty
        printed = self._reference if is_empty else None
        aligned = AlignedPage(page.gray, page.index, foreground, alignment, printed)
        found = {field.name: reader.read(field, aligned) for field in self.fields}
        return FormReading(found, alignment, page.gray, page.color)

    @functools.cached_property
    def _reference(self) -> Foreground:
        """The print of the form, or the lines of its fields."""
        return find_foreground(self._outlines() if self.picture is None else self.picture)

    def _outlines(self) -> Gray:
        """Return a picture of the lines around the fields and in combs and tables."""
        picture = PIL_Image.new("L", self.size, 255)
        canvas = ImageDraw.Draw(picture)
        for each in self.fields:
            x, y, w, h = each.box
            for top in np.linspace(y, y + h, (each.rows or 1) + 1).round().tolist():
                canvas.line([(x, top), (x + w, top)], 0, _LINE)
            for left in np.linspace(x, x + w, (each.columns or 1) + 1).round().tolist():
                canvas.line([(left, y), (left, y + h)], 0, _LINE)
        return np.asarray(picture)

    # -- display --

    def draw(self) -> Image:
        """Return the picture of the form, or a blank page, with the fields drawn on it."""
        width, height = self.size
        picture = np.full((height, width), 255, np.uint8) if self.picture is None else self.picture
        corners = {each.name: _corners(each.box) for each in self.fields}
        return draw_fields(picture, corners)

    def _repr_png_(self) -> bytes:
        return _file.png_of(self.draw())


def _corners(box: Box) -> Floats:
    x, y, w, h = box
    return np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], float)


def _checked_size(size: object, picture: Gray | None) -> tuple[int, int]:
    if size is None:
        if picture is None:
            raise ValueError("size is required for a form without a picture")
        size = picture.shape[1], picture.shape[0]
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise TypeError(f"size must be a pair (width, height), got {size!r}")
    width, height = (_checks.int_in_range("size", side, _MIN_SIDE, _MAX_SIDE) for side in size)
    if picture is not None and picture.shape != (height, width):
        raise ValueError(
            f"picture has {picture.shape[1]} x {picture.shape[0]} pixels; expected the size "
            f"{width} x {height}"
        )
    return width, height


def _checked_fields(fields: object, size: tuple[int, int]) -> tuple[FormField, ...]:
    if not isinstance(fields, Iterable):
        raise TypeError(f"fields must be an iterable of FormField, got {fields!r}")
    found = tuple(fields)
    if not 0 < len(found) <= _MAX_FIELDS:
        raise ValueError(f"fields must be 1 to {_MAX_FIELDS:,}, got {len(found):,}")
    for index, each in enumerate(found):
        if not isinstance(each, FormField):
            raise TypeError(f"fields must be FormField, got {each!r}")
        x, y, w, h = each.box
        if x < 0 or y < 0 or x + w > size[0] or y + h > size[1]:
            raise ValueError(
                f"field {each.name!r} leaves the page: box {each.box}, page {size[0]} x {size[1]}"
            )
        for other in found[:index]:
            if other.name == each.name:
                raise ValueError(f"two fields have the name {each.name!r}")
            if _overlap(other.box, each.box):
                raise ValueError(
                    f"fields {other.name!r} and {each.name!r} overlap: "
                    f"boxes {other.box} and {each.box}"
                )
    return found


def _overlap(a: Box, b: Box) -> bool:
    return all(a[k] < b[k] + b[k + 2] and b[k] < a[k] + a[k + 2] for k in (0, 1))
