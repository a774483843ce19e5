"""Threads that work on sources, and give their results in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ._sources import Source

T = TypeVar("T")

# Bytes of pictures in memory that wait or are being read, beside one for each thread.
_MAX_BYTES = 64_000_000


def ordered_map(
    function: Callable[[Source], T], sources: Iterator[Source], *, threads: int, window: int
) -> Generator[tuple[Source, T], None, None]:
    """Yield each source with ``function`` of it, which threads compute.

    At most ``window`` sources wait, are being read, or wait to be yielded. The sources are taken
    in the thread of the caller. An exception of ``sources`` is raised after the results of those
    before.
    """
    waiting: deque[tuple[Source, Future[T]]] = deque()
    failure: Exception | None = None
    size = 0
    workers: set[int] = set()
    pool = ThreadPoolExecutor(threads, "ocrdigit", lambda: workers.add(threading.get_ident()))
    try:
        while failure is None:
            try:
                source = next(sources)
            except StopIteration:
                break
            except Exception as error:
                failure = error
                break
            waiting.append((source, pool.submit(function, source)))
            size += source.size
            while waiting and (
                waiting[0][1].done()
                or len(waiting) >= window
                or (size > _MAX_BYTES and len(waiting) > threads)
            ):
                source, future = waiting.popleft()
                size -= source.size
                yield source, future.result()
                del source, future  # they may hold pixels
        while waiting:
            source, future = waiting.popleft()
            yield source, future.result()
    finally:
        # A generator that is not exhausted may be collected in one of its own threads.
        alien = threading.get_ident() not in workers
        pool.shutdown(wait=alien, cancel_futures=True)
    if failure is not None:
        raise failure
