"""Calls of the extension under each allocation failing in turn: run by test_core_allocations.py.

``python failing_calls.py python`` lets Python's allocations fail, ``core LIBRARY`` those of the
core, with the preloaded library of failing_allocations.c. A call may then raise MemoryError only,
and afterwards gives what it gave before. The last line counts the failures.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from core_cases import LAYERS, SIDE, make_network, make_trainer

from ocrdigit import _core

LIMIT = 5000  # allocations of a call


def calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield calls that always give the same."""
    random = np.random.default_rng(0)
    images = random.random((8, SIDE, SIDE), dtype=np.float32)
    labels = random.integers(0, 3, 8).astype(np.uint8)
    network, page = make_network(), np.full((60, 80), 230, np.uint8)
    for x in range(8, 70, 15):
        page[15:45, x : x + 4] = 20
    digits = make_network(
        layers=[{"type": "flatten"}, {"type": "dense", "units": 11}], shape=(28, 28, 1)
    )
    classifier = _core.Classifier(digits, tta_threshold=1.0)
    weights, layers = network.weights(), [dict(layer) for layer in LAYERS]
    steps = [{"type": "zoom", "factor": (0.1, 0.2)}, {"type": "invert"}]
    grid = np.zeros((70, 90), np.uint8)
    grid[5:65:20] = grid[6:66:20] = 255
    grid[5:47, 5:85:20] = grid[5:47, 6:86:20] = 255

    def train() -> Any:
        copy = network.copy()
        make_trainer(copy).run(images, labels, 1.0, images, labels)
        return copy.weights()

    def restore() -> Any:
        trainer = make_trainer(network.copy())
        trainer.restore(state)
        return trainer.state()["steps"]

    state = make_trainer(network).state()
    digit = 255 - page[14:42, :28]
    yield "Network", lambda: _core.Network(layers, (SIDE, SIDE, 1)).parameter_count
    yield "weights", network.weights
    yield "set_weights", lambda: network.set_weights(weights)
    yield "describe", lambda: [row["name"] for row in network.describe()]
    yield "copy", lambda: network.copy().weights()
    yield "predict", lambda: network.copy().predict(images, 1.0)
    yield "predict_proba", lambda: network.predict_proba(images, 1.0)
    yield "gradient", lambda: network.gradient(images, labels, 1.0)[0]
    yield "explain", lambda: digits.copy().layer_output(digit[None], 1.0, 0)
    yield "train", train
    yield "restore", restore
    yield "Classifier", lambda: _core.Classifier(digits, tta_threshold=1.0).temperature
    yield "predict_canonical", lambda: classifier.predict_canonical(digit)
    yield "augment", lambda: _core.augment(images, steps, 1)
    yield "preprocess_images", lambda: _core.preprocess_images((page, page), (1.0, 1.0))
    yield "preprocess_steps", lambda: _core.preprocess_steps(page)[4]
    yield "page_foreground", lambda: _core.page_foreground(page)[0]
    yield "find_table", lambda: _core.find_table(255 - grid, 0, 0)
    yield "register_page", lambda: _core.register_page(grid, grid)[0]
    yield (
        "erase_print",
        lambda: _core.erase_print(page, grid[:60, :80].copy(), grid[:60, :80].copy(), 1),
    )
    yield "image_resize", lambda: _core.image_resize(page, (31, 17), "area")
    yield "image_components", lambda: _core.image_connected_components(page, 8)
    yield "image_blur", lambda: _core.image_gaussian_blur(page, 5, 5, 0.0, 0.0, "reflect_101")
    yield "image_open", lambda: _core.image_morphology(page, "open", None, None, 2, "reflect", None)
    yield "image_moments", lambda: _core.image_moments(page, False)
    yield "Automaton", lambda: _core.Automaton((False, True), ((0, 1, 1), (1, 2, 1))).states
    yield "from_words", lambda: _core.Automaton.from_words(("12", "123", "7")).states


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(np.array_equal(a, b, equal_nan=isinstance(a, np.ndarray) and a.dtype.kind == "f"))


def check(name: str, call: Callable[[], Any], fail: Callable[[int, int], None]) -> int:
    """Fail each allocation of a call, and that with all others after it; return how many."""
    expected, failures = call(), 0
    for for_ever in (True, False):
        for n in range(1, LIMIT):
            failed = False
            fail(n, LIMIT * 1000 if for_ever else n + 1)
            try:
                result = call()
            except MemoryError:
                failed = True
            finally:
                fail(0, 0)
            failures += failed
            if not failed and not same(result, expected):
                raise AssertionError(f"{name}, allocation {n}: another result")
            if failed and not same(call(), expected):
                raise AssertionError(f"{name}, allocation {n}: another result at the next try")
            if not failed and for_ever:
                count = n
                break
            if not for_ever and n >= count:
                break
        else:
            raise AssertionError(f"{name}: more than {LIMIT} allocations")
    return failures


def python_hook() -> Callable[[int, int], None]:
    import _testcapi

    def fail(first: int, last: int) -> None:
        if first:
            _testcapi.set_nomemory(first, last)
        else:
            _testcapi.remove_mem_hooks()

    return fail


def core_hook(path: str) -> Callable[[int, int], None]:
    library = ctypes.CDLL(path)
    library.fail_allocations.argtypes = [ctypes.c_long, ctypes.c_long]
    return library.fail_allocations  # type: ignore[no-any-return]


if __name__ == "__main__":
    _core.set_num_threads(1)
    hook = python_hook() if sys.argv[1] == "python" else core_hook(sys.argv[2])
    total = 0
    for name, call in calls():
        failures = check(name, call, hook)
        print(f"{name}: {failures}", flush=True)
        total += failures
    print(total)
