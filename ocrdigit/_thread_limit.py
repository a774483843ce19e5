"""The number of threads during calls with ``n_jobs``, which may overlap in several threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import _checks, _core
from ._fork_lock import ForkLock
from ._system import available_processors, register_at_fork


class _Limit:
    """The process's number of threads: that of the latest of the calls that have not ended.

    When the last of them ends, the number is again that before the first.
    """

    def __init__(self) -> None:
        self._lock = ForkLock()
        self._calls: dict[object, int] = {}
        self._before = 0

    def forget(self) -> None:
        """Forget the current calls, whose threads a forked child does not have."""
        if self._calls:
            self._calls.clear()
            _core.set_num_threads(self._before)

    def begin(self, threads: int) -> object:
        call = object()
        with self._lock.held():
            before = _core.get_num_threads()
            _core.set_num_threads(threads)
            if not self._calls:
                self._before = before
            self._calls[call] = threads
        return call

    def end(self, call: object) -> None:
        with self._lock.held():
            if call not in self._calls:  # in a child that was forked during the call
                return
            del self._calls[call]
            _core.set_num_threads([self._before, *self._calls.values()][-1])


_limit = _Limit()
register_at_fork(after_in_child=_limit.forget)


@contextmanager
def thread_limit(n_jobs: int | None) -> Iterator[None]:
    """Run a block on ``n_jobs`` threads, -1 for all processors; None: as they are set.

    Raises
    ------
    TypeError, ValueError
        If ``n_jobs`` is not such a number, or there cannot be so many threads.
    """
    if n_jobs is None:
        yield
        return
    if n_jobs == -1:
        n_jobs = available_processors()
    call = _limit.begin(_checks.positive_int("n_jobs", n_jobs))
    try:
        yield
    finally:
        _limit.end(call)
