"""A lock that a forked child finds open, whichever thread of its parent held it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from ._system import register_at_fork


class ForkLock:
    """A reentrant lock: a signal handler may need what the interrupted code is loading."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock in a block."""
        with self._lock:
            yield

    def renew(self) -> None:
        """Open the lock, in a child whose parent may have held it in another thread."""
        self._lock = threading.RLock()


_locks: weakref.WeakSet[ForkLock] = weakref.WeakSet()


def _renew_all() -> None:
    for lock in _locks:
        lock.renew()


register_at_fork(after_in_child=_renew_all)
