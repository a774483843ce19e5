"""Threads that work on sources, and give their results in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from ._sources import Source

T = TypeVar("T")

# Bytes of pictures in memory that wait or are being read, beside one for each thread.
_MAX_BYTES = 64_000_000

# Sources for each thread, from which on the caller waits for several results at a time, and for how
# many seconds at most: waking for each takes the GIL from a worker.
_MANY, _PAUSE = 8, 0.01


def ordered_map(
    function: Callable[[Source], T], sources: Iterator[Source], *, threads: int, window: int
) -> Generator[tuple[Source, T], None, None]:
    """Yield each source with ``function`` of it, which threads compute.

    At most ``window`` sources wait, are being read, or wait to be yielded. The sources are taken
    in the thread of the caller, and file objects are read there. An exception of ``sources`` is
    raised after the results of those before. KeyboardInterrupt does not wait for what is being
    read.
    """
    waiting: deque[tuple[Source, int, Future[T]]] = deque()
    failure: Exception | None = None
    interrupted = False
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
            loaded = source.loaded()
            waiting.append((source, loaded.size, pool.submit(function, loaded)))
            size += loaded.size
            del loaded
            while waiting and (
                waiting[0][2].done()
                or len(waiting) >= window
                or (size > _MAX_BYTES and len(waiting) > threads)
            ):
                source, bytes_of_source, future = waiting.popleft()
                size -= bytes_of_source
                if not future.done() and len(waiting) >= _MANY * threads:
                    wait([waiting[len(waiting) // 2][2]], timeout=_PAUSE)
                yield source, future.result()
                del source, future  # they may hold pixels
        while waiting:
            source, _, future = waiting.popleft()
            yield source, future.result()
    except BaseException as error:
        interrupted = _is_interrupt(error)
        raise
    finally:
        # A generator that is not exhausted may be collected in one of its own threads.
        alien = threading.get_ident() not in workers
        pool.shutdown(wait=alien and not interrupted, cancel_futures=True)
    if failure is not None:
        raise failure


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether an exception is KeyboardInterrupt, or the end of a generator by it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
