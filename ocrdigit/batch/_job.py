"""What a batch runs on each source, and what it gets."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, Protocol, TypeVar, get_args

from ._sources import Source

#: The status of a result.
Status = Literal["read", "empty", "review", "failed"]
#: All of :data:`Status`.
STATUSES: tuple[Status, ...] = get_args(Status)

# The columns of a table: their names and types, of str, int and float.
Columns = Mapping[str, type]


class Result(Protocol):
    """What was read of a source, or of a part of it such as a page: the interface of results."""

    @property
    def status(self) -> Status:
        """Whether it was read, is empty, needs review or failed."""

    @property
    def error(self) -> Exception | None:
        """Why it failed."""

    def to_rows(self, table: str) -> list[dict[str, Any]]:
        """Return its rows in a table; at least one, so that none is lost.

        Parameters
        ----------
        table : str
            The name of one of the job's tables.

        Returns
        -------
        list of dict
            With the names of the columns as keys.
        """


R = TypeVar("R", bound=Result)


class Job(ABC, Generic[R]):
    """How a source is read. Threads share a job; pickled, it is run by other processes."""

    @property
    @abstractmethod
    def tables(self) -> Mapping[str, Columns]:
        """The tables that results can be written as; the first is the default."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """What decides the rows, as plain data: a run with other settings cannot be resumed."""

    @abstractmethod
    def read(self, source: Source) -> Iterable[R]:
        """Return or yield the results of a source.

        Any exception means that the source failed, or the rest of it.

        Parameters
        ----------
        source : Source
            The file, or the picture in memory.

        Returns
        -------
        iterable of Result
            One for each page, for example.
        """

    @abstractmethod
    def failed(self, source: Source, error: Exception) -> R:
        """Return the result of a source that cannot be read.

        Parameters
        ----------
        source : Source
            The file, or the picture in memory.
        error : Exception
            Why it cannot be read.

        Returns
        -------
        Result
            With the status "failed".
        """

    def run(self, source: Source) -> Sequence[R]:
        """Read a source, and turn an exception into a result.

        Parameters
        ----------
        source : Source
            The file, or the picture in memory.

        Returns
        -------
        list of Result
            If the source fails, the last one has the error.
        """
        results: list[R] = []
        try:
            if source.error is not None:
                raise source.error
            for result in self.read(source):
                results.append(result)  # those before an error are kept
        except Exception as error:
            results.append(self.failed(source, error))
        for result in results:
            _forget_locals(result.error)
        return results


def _forget_locals(error: BaseException | None) -> None:
    """Release what the frames of an error refer to, such as the pixels of the image."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def describe(error: BaseException) -> str:
    """Return an error as one sentence.

    Parameters
    ----------
    error : BaseException
        The error.

    Returns
    -------
    str
        Its message, with the name of the file if the system has none but that.

    Examples
    --------
    >>> from ocrdigit import batch
    >>> batch.describe(FileNotFoundError(2, "No such file or directory", "scan.png"))
    'scan.png: No such file or directory'
    """
    if isinstance(error, MemoryError):
        return str(error) or "not enough memory"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def named(source: str, error: BaseException) -> str:
    """Return an error as one sentence that names its source.

    Parameters
    ----------
    source : str
        The name of the source.
    error : BaseException
        The error.

    Returns
    -------
    str
        The sentence of :func:`describe`, after the name unless that is in it.

    Examples
    --------
    >>> from ocrdigit import batch
    >>> batch.named("scan.png", ValueError("the image is empty"))
    'scan.png: the image is empty'
    """
    text = describe(error)
    return text if source in text else f"{source}: {text}"
