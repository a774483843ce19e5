"""Reading of files and pictures in Dask's series and bags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import _checks
from ._dask import is_collection, kind_of, ship
from ._reader import Reader

_INTO = ("frame", "bag")


def read(sources: Any, *, into: str = "frame", table: str = "numbers", **parameters: Any) -> Any:
    r"""Read the numbers of the files and pictures in a dask series or bag; lazily.

    Nothing is lost: a source without numbers, and one that cannot be read, have a row too, with the
    status "empty" or "failed".

    Parameters
    ----------
    sources : dask series or bag of sources
        A source is a path, a folder, a glob, the bytes of a file, any other image that
        :func:`ocrdigit.read` accepts, or an :class:`ocrdigit.batch.Source`, a picture with a name.
        Paths are those of the workers. Pictures in memory are called ``sources[i][j]``, item j of
        partition i of a bag, or ``sources[label]``, with their label in the index of a series.
    into : {"frame", "bag"}
        Whether to return a dataframe, or a bag of dicts.
    table : {"numbers", "symbols"}
        Whether there is a row for each number, or for each digit and separator.
    **parameters
        Those of :func:`ocrdigit.read_many`: pattern, symbols, lexicon, length, check, decimal,
        model and min_confidence.

    Returns
    -------
    dask dataframe or bag of dict
        The rows in the order of the sources, with the columns of the tables of
        :func:`ocrdigit.read_many`; texts are "string", integers "Int64", confidences "float64".
        The partitions are those of ``sources``. The index, and the divisions, are those of a
        series, so that rows can be joined with the table of the sources.

    Raises
    ------
    TypeError
        ``sources`` is no dask series or bag, or a parameter is unknown or of a wrong type.
    ValueError
        A parameter is invalid, as for :func:`ocrdigit.read_many`.
    ModuleNotFoundError
        If Dask is not installed.

    Examples
    --------
    >>> import dask.bag as db
    >>> import ocrdigit
    >>> from ocrdigit import distributed
    >>> fields = [field.image for field in ocrdigit.synth.strings(4, length=6, random_state=0)]
    >>> rows = distributed.read(db.from_sequence(fields, npartitions=2), pattern=r"\d{6}")
    >>> rows.npartitions, list(rows.columns[:6])
    (2, ['source', 'page', 'status', 'row', 'number', 'text'])
    >>> list(rows.compute()["text"]) == [ocrdigit.read(field, length=6).text for field in fields]
    True
    """
    _checks.known("into", into, _INTO)
    reader = Reader(table=table, **parameters)
    if is_collection(sources, "series"):
        if into == "frame":
            return _frame_of_series(sources, reader)
        sources = sources.to_bag()
    elif not is_collection(sources, "bag"):
        raise TypeError(
            f"sources must be a dask series or bag, got {kind_of(sources)}; ocrdigit.read_many "
            "takes those of other libraries"
        )
    rows = _rows_of_bag(sources, reader)
    return rows if into == "bag" else rows.to_dataframe(meta=reader.dtypes)


def _frame_of_series(sources: Any, reader: Reader) -> Any:
    meta = reader.frame(sources._meta.iloc[:0])
    return sources.map_partitions(_frame_of_partition, ship(reader), meta=meta)


def _frame_of_partition(sources: Any, reader: Reader) -> Any:
    return reader.frame(sources)


def _rows_of_bag(sources: Any, reader: Reader) -> Any:
    import dask.bag as db

    places = db.from_sequence(range(sources.npartitions), npartitions=sources.npartitions)
    return sources.map_partitions(_rows_of_partition, places, ship(reader), token="read")


def _rows_of_partition(
    sources: Iterable[Any], place: Iterable[int], reader: Reader
) -> list[dict[str, Any]]:
    (index,) = place
    return reader.rows(sources, prefix=f"sources[{index}]")
