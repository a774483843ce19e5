"""Runs a fuzz target: with atheris, which follows the coverage, or with a plain seeded mutator.

A target is a module of this folder with

    seeds() -> list[bytes]     inputs to begin with
    run(data: bytes) -> None   which may raise only what ``ALLOWED`` names

    python tests/fuzz/engine.py models --seconds 20          # atheris, if it is installed
    python tests/fuzz/engine.py models --seconds 20 --plain  # also under a sanitizer
    python tests/fuzz/engine.py models --replay crash-1      # the inputs of a file once

The plain mutator gives the same inputs for the same seed. An input that fails is written to
``crash-<target>`` in the current folder.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# What functions may raise for bad input. Errors of ocrdigit are subclasses.
ALLOWED = (ValueError, TypeError, OSError, MemoryError)

_NUMBERS = (0, 1, -1, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_TOKENS = (
    b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-1", b"[]", b"{}", b'""', b"[[", b"}",
    b"\0", b"\xff", b"99999999999999999999", b"0.5", b"\\u0000", b"\xf0\x9f\x98\x80",
)  # fmt: skip


class UnexpectedError(Exception):
    """A target raised what it may not raise."""


def check(run: Callable[[bytes], None], data: bytes) -> None:
    """Run a target on an input.

    Raises
    ------
    UnexpectedError
        If it raises an exception of another class than ``ALLOWED`` and the ModuleNotFoundError of
        an extra that is not installed, or one without a sentence.
    """
    try:
        run(data)
    except MemoryError:
        return
    except ALLOWED as error:
        if not str(error).strip():
            raise UnexpectedError(f"{type(error).__name__} without a message") from error
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and "pip install 'ocrdigit[" in str(error):
            return
        raise UnexpectedError(f"{type(error).__name__}: {error}") from error


# ---- the plain mutator ----


def _place(data: bytearray, random: random.Random) -> int:
    return random.randrange(len(data) + 1)


def _flip(data: bytearray, random: random.Random) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set(data: bytearray, random: random.Random) -> None:
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _write_number(data: bytearray, random: random.Random) -> None:
    size = random.choice((1, 2, 4, 8))
    number = random.choice(_NUMBERS) % (1 << 8 * size)
    at = _place(data, random)
    data[at : at + size] = number.to_bytes(size, random.choice(("little", "big")))


def _write_token(data: bytearray, random: random.Random) -> None:
    token, at = random.choice(_TOKENS), _place(data, random)
    data[at : at + random.choice((0, len(token)))] = token


def _write_digits(data: bytearray, random: random.Random) -> None:
    """Replace a number that is written in decimal digits."""
    places = [i for i, byte in enumerate(data[:4096]) if 48 <= byte < 58]
    if places:
        start = random.choice(places)
        end = start
        while end < len(data) and 48 <= data[end] < 58:
            end += 1
        data[start:end] = str(random.choice((*_NUMBERS, random.randrange(1000)))).encode()


def _delete(data: bytearray, random: random.Random) -> None:
    start = _place(data, random)
    del data[start : start + random.randrange(1, 2 + len(data) // random.choice((2, 20, 200)))]


def _repeat(data: bytearray, random: random.Random) -> None:
    start, end = sorted((_place(data, random), _place(data, random)))
    piece = data[start : min(end, start + 300)]
    at = _place(data, random)
    data[at:at] = piece * random.randrange(1, 4)


def _truncate(data: bytearray, random: random.Random) -> None:
    del data[_place(data, random) :]


_MUTATIONS = (
    _flip, _set, _write_number, _write_token, _write_digits, _delete, _repeat, _truncate,
)  # fmt: skip
_MAX_SIZE = 1 << 16


def mutated(seeds: Sequence[bytes], random: random.Random) -> bytes:
    """Return one of the seeds with some changes, most of them near its beginning or end."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        random.choice(_MUTATIONS)(data, random)
    return bytes(data[:_MAX_SIZE])


def explore(module: Any, *, seconds: float = 1e9, count: int = sys.maxsize, seed: int = 0) -> int:
    """Run a target on its seeds, then on changed ones, and return how many inputs it got."""
    seeds, done, start = module.seeds(), 0, time.monotonic()
    source = random.Random(seed)
    for data in seeds:
        _checked(module, data)
        done += 1
    while done < count and time.monotonic() - start < seconds:
        _checked(module, mutated(seeds, source))
        done += 1
    return done


def _checked(module: Any, data: bytes) -> None:
    try:
        check(module.run, data)
    except UnexpectedError:
        Path(f"crash-{module.__name__}").write_bytes(data)
        raise


# ---- atheris ----


def _with_atheris(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["ocrdigit"]):
        module = importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        for i, data in enumerate(module.seeds()):
            Path(folder, f"{i:03}").write_bytes(data)
        options = [f"-max_total_time={seconds}", "-print_final_stats=1", f"-max_len={_MAX_SIZE}"]
        options += ["-timeout=30", "-rss_limit_mb=4000", f"-artifact_prefix=crash-{name}-", folder]
        atheris.Setup([sys.argv[0], *options], lambda data: check(module.run, data))
        atheris.Fuzz()


def _has_atheris() -> bool:
    try:
        import atheris
    except ImportError:
        return False
    return bool(atheris)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", help="a module of this folder")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--count", type=int, help="as many inputs, however long it takes")
    parser.add_argument("--seed", type=int, default=0, help="of the plain mutator")
    parser.add_argument("--plain", action="store_true", help="the plain mutator, not atheris")
    parser.add_argument("--replay", type=Path, help="a file whose bytes are run once")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if not (options.plain or options.replay or options.count) and _has_atheris():
        _with_atheris(options.target, options.seconds)
        return
    module = importlib.import_module(options.target)
    if options.replay:
        check(module.run, options.replay.read_bytes())
        return
    if options.count:
        done = explore(module, count=options.count, seed=options.seed)
    else:
        done = explore(module, seconds=options.seconds, seed=options.seed)
    print(f"{options.target}: {done} inputs, no unexpected exception")


if __name__ == "__main__":
    main()
