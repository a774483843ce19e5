"""Reading of sources to rows in any process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .. import _checks
from ..batch import Source
from ..batch._sources import iterate_sources
from ..many import ReadingJob
from ._shipped import Shipped, model_to_ship

if TYPE_CHECKING:
    import pandas as pd

_UNNAMED = "sources[0]"  # how a picture in memory is called that stands alone
_DTYPES = {str: "string", int: "Int64", float: "float64"}  # all have missing values


class Reader(Shipped):
    """What reads files and pictures to rows; can be pickled and sent to the workers of a cluster.

    A source is a path, a folder, a glob, any image that :func:`ocrdigit.read` accepts, or an
    :class:`ocrdigit.batch.Source`, a picture with a name. A source that cannot be read has a row
    with the status "failed" and the error.

    Parameters
    ----------
    table : {"numbers", "symbols"}
        Whether there is a row for each number, or for each digit and separator.
    **parameters
        Those of :func:`ocrdigit.read_many`: pattern, symbols, lexicon, length, check, decimal,
        model and min_confidence.

    Raises
    ------
    TypeError, ValueError
        A parameter is invalid.

    Examples
    --------
    >>> import ocrdigit
    >>> from ocrdigit.distributed import Reader
    >>> field = ocrdigit.synth.string("1874", random_state=0)
    >>> [(row["source"], row["text"]) for row in Reader(length=4).rows([field.image])]
    [('sources[0]', '1874')]
    """

    def __init__(self, *, table: str = "numbers", **parameters: Any) -> None:
        if "model" in parameters:
            parameters["model"] = model_to_ship(parameters["model"])
        if isinstance(parameters.get("lexicon"), Iterator):  # it is read more than once
            parameters["lexicon"] = list(parameters["lexicon"])
        super().__init__(table=table, **parameters)

    def _prepare(self, table: str, **parameters: Any) -> None:  # type: ignore[override]
        self._job = ReadingJob(**parameters)
        self._table = _checks.known("table", table, self._job.tables)

    @property
    def columns(self) -> Mapping[str, type]:
        """The names of the columns of the table, and their types: str, int or float."""
        return self._job.tables[self._table]

    @property
    def dtypes(self) -> dict[str, str]:
        """The names of the columns, and their types of pandas."""
        return {name: _DTYPES[kind] for name, kind in self.columns.items()}

    def rows(self, sources: Iterable[object], *, prefix: str = "sources") -> list[dict[str, Any]]:
        """Return the rows of sources, in order: one or more for each.

        Parameters
        ----------
        sources : iterable of sources
            Files and pictures.
        prefix : str
            A picture in memory is called ``prefix[i]``, with its index.

        Returns
        -------
        list of dict
            Of str, int, float or None, by the names of :attr:`columns`.
        """
        return [
            row
            for index, item in enumerate(sources)
            for row in self._rows_of(item, f"{prefix}[{index}]")
        ]

    def frame(self, sources: pd.Series[Any]) -> pd.DataFrame:
        """Return the rows of sources as a pandas DataFrame.

        Parameters
        ----------
        sources : pandas.Series
            Files and pictures. A picture in memory is called ``sources[label]``, with its label in
            the index.

        Returns
        -------
        pandas.DataFrame
            With the columns and types of :attr:`dtypes`. The index has the label of the source.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Reader.frame needs pandas: pip install 'ocrdigit[frame]'", name="pandas"
            ) from error
        rows: list[dict[str, Any]] = []
        positions: list[int] = []
        for position, (label, item) in enumerate(zip(sources.index, sources, strict=True)):
            found = list(self._rows_of(item, f"sources[{label}]"))
            rows += found
            positions += [position] * len(found)
        frame = pd.DataFrame(rows, columns=list(self.columns), dtype=object).astype(self.dtypes)
        return frame.set_axis(sources.index.take(positions))

    def _rows_of(self, item: object, place: str) -> Iterator[dict[str, Any]]:
        for source in _sources_of(item, place):
            for result in self._job.run(source):
                for row in result.to_rows(self._table):
                    yield {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    """Return a Decimal as text without an exponent."""
    return f"{value:f}" if isinstance(value, Decimal) else value


def _sources_of(item: object, place: str) -> Iterator[Source]:
    """Yield the files of a path, folder or glob; or a picture in memory, named by its place."""
    if isinstance(item, Source):
        yield item
        return
    try:
        for source in iterate_sources([item]):
            is_file = isinstance(source.image, (str, os.PathLike)) and source.name != _UNNAMED
            yield source if is_file else replace(source, name=place)
    except OSError as error:  # a glob without matches
        yield Source(str(item), item, error)
