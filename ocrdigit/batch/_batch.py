"""The iterator over the results of many sources."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from .. import _checks, _core
from ._job import Job, Result, named
from ._output import Output
from ._progress import Progress
from ._sources import Source, count_sources
from ._summary import Summary
from ._workers import ordered_map

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound=Result)

_log = logging.getLogger("ocrdigit")

_ON_ERROR = ("raise", "return")


class Batch(Iterator[R], Generic[R]):
    """The results of many sources, in order, as they come; an iterator, and a context manager.

    Nothing is read before the first result is asked for. Memory is bounded whatever the number of
    sources: only a window of them is in flight. :meth:`close` stops before the end.

    Parameters
    ----------
    job : Job
        How a source is read.
    sources : source, or iterable of sources
        A source is a path, a folder, a glob, a picture in memory, or an iterable of sources. A
        folder is walked for files whose names end as those of pictures, in alphabetical order;
        hidden files are left out, and a folder that several links lead to is read once.
    n_jobs : int, optional
        Number of threads; by default that of :func:`ocrdigit.get_num_threads`.
    on_error : {"raise", "return"}
        Whether the error of a source is raised in its place, or is ``.error`` of a result with
        the status "failed", which is logged.
    progress : bool
        Whether to show a progress bar on standard error, if that is a terminal or a notebook.
    ahead : int
        How many sources may be in flight for each thread; more if results are small, so that a
        slow source does not stop the others.

    Attributes
    ----------
    summary : Summary
        How many sources were read so far, and how many results have which status.

    Raises
    ------
    TypeError, ValueError
        A parameter is invalid.
    """

    def __init__(
        self,
        job: Job[R],
        sources: object,
        *,
        n_jobs: int | None = None,
        on_error: str = "raise",
        progress: bool = True,
        ahead: int = 16,
    ) -> None:
        self._job = job
        self._raises = _checks.known("on_error", on_error, _ON_ERROR) == "raise"
        self._threads = (
            _core.get_num_threads() if n_jobs is None else _checks.positive_int("n_jobs", n_jobs)
        )
        self._window = self._threads * _checks.positive_int("ahead", ahead)
        self._sources = sources
        self._shows_progress = bool(progress)
        self.summary = Summary()
        self._groups: Generator[tuple[Source, Sequence[R]], None, None] | None = None
        self._ready: Iterator[R] = iter(())

    def __next__(self) -> R:
        if self._groups is None:
            self._groups = self._begin(None)
        while (result := next(self._ready, None)) is None:
            _, results = next(self._groups)
            self._ready = iter(results)
        return result

    def __enter__(self) -> Batch[R]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop: what is being read is finished, the rest is not read."""
        if self._groups is None:
            self._groups = self._begin(None)
        self._groups.close()
        self._ready = iter(())

    def to_frame(self, table: str | None = None) -> pd.DataFrame:
        """Read all that is left and return a pandas DataFrame with the rows of :meth:`write`.

        Parameters
        ----------
        table : str, optional
            Which table, as of :meth:`write`.

        Returns
        -------
        pandas.DataFrame
            With the columns of the table.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        ValueError
            If there is no such table.

        Examples
        --------
        >>> import ocrdigit
        >>> pictures = ocrdigit.synth.strings(3, length=4, random_state=0)
        >>> ocrdigit.read_many([p.image for p in pictures], progress=False).to_frame().shape
        (3, 13)
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "to_frame needs pandas: pip install 'ocrdigit[frame]'", name="pandas"
            ) from error
        table = self._known_table(table)
        rows = [row for result in self for row in result.to_rows(table)]
        columns = self._job.tables[table]
        frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
        kinds = {int: "Int64", float: "float64"}  # the first has missing values
        return frame.astype({name: kinds[kind] for name, kind in columns.items() if kind in kinds})

    def write(
        self,
        path: str | os.PathLike[str],
        *,
        table: str | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ) -> Summary:
        """Read all sources and write a table; rows are written as they come.

        The suffix of ``path`` chooses the format: ``.csv``; ``.jsonl`` or ``.ndjson``, JSON Lines;
        or ``.parquet``, whose rows are collected in ``PATH.rows`` until the end, as a Parquet file
        cannot grow. ``PATH.journal`` says how far the table is until it is complete.

        In CSV a cell that a spreadsheet would change or take for a formula begins with an
        apostrophe, which makes it a text: numbers with leading zeros, dates, times and telephone
        numbers, numbers of more than 15 digits, and names that begin with ``=``, ``+``, ``-``,
        ``@``, ``'``, a tab or a carriage return. Plain numbers such as -350 or 12.5 stay as they
        are. ``cell.removeprefix("'")`` gives the text of any cell.

        Parameters
        ----------
        path : path
            The file to write.
        table : str, optional
            Which table: "numbers", one row for each number, or "symbols", one for each digit and
            separator; other jobs have tables of their own. A result without any has one row.
        resume : bool
            Continue the run that wrote ``path`` and was interrupted; the table will be that of an
            uninterrupted run, byte for byte. Without such a run, begin.
        overwrite : bool
            Replace an existing file.

        Returns
        -------
        Summary
            How many results have which status; with those of the interrupted run.

        Raises
        ------
        FileExistsError
            ``path`` exists, and is neither of an interrupted run to resume nor to be overwritten.
        ValueError
            The suffix is unknown; the batch has begun; or the interrupted run was of other
            sources, other parameters or another version, or its table was changed.
        ModuleNotFoundError
            pyarrow is not installed, for Parquet.
        OSError
            The file cannot be written, as on a full disk; the run can be resumed then.
        TypeError, ValueError, RuntimeError, OSError
            With ``on_error="raise"``, as for reading a source; the run can be resumed.

        Examples
        --------
        >>> import ocrdigit
        >>> pictures = ocrdigit.synth.strings(3, length=4, random_state=0)
        >>> batch = ocrdigit.read_many([p.image for p in pictures], progress=False)
        >>> summary = batch.write("numbers.csv", overwrite=True)
        >>> summary.sources, summary.failed
        (3, 0)
        """
        table = self._known_table(table)
        if self._groups is not None:
            raise ValueError("write needs a batch of which nothing was read yet")
        settings = {"version": _core.__version__, "table": table, **self._job.settings}
        columns = self._job.tables[table]
        with Output(path, columns, settings, resume=resume, overwrite=overwrite) as output:
            self._groups = groups = self._begin(output)
            with closing(groups):
                for source, results in groups:
                    rows = [row for result in results for row in result.to_rows(table)]
                    output.append(source, rows, self.summary)
            output.finish()
        return self.summary

    def _known_table(self, table: str | None) -> str:
        names = tuple(self._job.tables)
        return names[0] if table is None else _checks.known("table", table, names)

    def _begin(self, output: Output | None) -> Generator[tuple[Source, Sequence[R]], None, None]:
        """Return the sources that an output has no rows of, with their results."""
        # The generator must not refer to this object: a batch that is dropped stops at once.
        return _run(
            self._job,
            self._sources,
            self.summary,
            output,
            threads=self._threads,
            window=self._window,
            raises=self._raises,
            shows_progress=self._shows_progress,
        )


def _run(
    job: Job[R],
    sources: object,
    summary: Summary,
    output: Output | None,
    *,
    threads: int,
    window: int,
    raises: bool,
    shows_progress: bool,
) -> Generator[tuple[Source, Sequence[R]], None, None]:
    """Yield the sources that an output has no rows of, with their results; count them."""
    start = time.perf_counter()
    found, total = count_sources(sources)
    progress = Progress(total, shown=shows_progress)
    if output is not None:
        output.check_sources(islice(found, output.sources))
        summary.resume(output.sources, output.counts)
        progress.skip(output.sources)
    groups = ordered_map(job.run, found, threads=threads, window=window)
    with closing(progress), closing(groups):
        for source, results in groups:
            for result in results:
                if result.error is not None:
                    if raises:
                        raise result.error
                    _log.error("%s", named(source.name, result.error))
            summary.add(result.status for result in results)
            summary.seconds = time.perf_counter() - start
            progress.update(summary)
            yield source, results
    _log.info("%s", summary)
