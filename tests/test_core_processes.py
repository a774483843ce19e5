"""Signals, threads and forks while the core works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

import numpy as np
import pytest
from core_cases import (
    ENVIRONMENT,
    SANITIZED,
    SCRIPT_START,
    make_network,
    make_trainer,
    run_script,
    same,
)

from ocrdigit import _core

# ---- signals ----


@pytest.mark.parametrize("callbacks", ["", "on_step=lambda p: None, on_epoch=lambda p: None"])
def test_ctrl_c_ends_a_run_between_steps(callbacks):
    script = SCRIPT_START + textwrap.dedent(
        f"""
        run = trainer(network, 10**9)
        print("ready", flush=True)
        try:
            run.run(images, labels, 1.0, {callbacks})
        except KeyboardInterrupt:
            assert all(np.isfinite(w).all() for w in network.weights().values())
            assert network.predict(images, 1.0).shape == (70,)
            print("interrupted", flush=True)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tempfile.gettempdir(),
        env=ENVIRONMENT,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.3)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n", process.stderr.read()
            assert time.monotonic() - start < 5  # 0.05 on a machine with nothing else to do
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_signal_handlers_run_within_50_ms(network, batch):
    """Handlers of a timer run on time, and may use the network."""
    calls = []

    def handler(number, frame):
        calls.append((time.monotonic(), network.predict(batch.images[:1], 1.0)))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        start = time.monotonic()
        trainer = make_trainer(network, epochs=10**9)
        stop = threading.Event()
        threading.Timer(1.0, stop.set).start()
        assert not trainer.run(
            batch.images, batch.labels, 1.0, on_step=lambda p: not stop.is_set(), interval=1.0
        )
        seconds = time.monotonic() - start
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(calls) >= seconds / 0.1 / 3  # with room for a busy machine


def test_signal_handlers_run_during_validation(network, batch):
    """Handlers do not wait for the end of validation; an exception in one ends the run."""

    class InterruptError(Exception):
        pass

    calls, epochs = [], []

    def handler(number, frame):
        calls.append(network.weights())
        if len(calls) == 3:
            raise InterruptError

    def start_timer(progress):
        if progress["step"] == progress["steps"]:  # validation comes next
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)

    images = np.zeros((2_000_000, 64), np.uint8)  # takes seconds
    labels = np.zeros(len(images), np.uint8)
    before = signal.signal(signal.SIGALRM, handler)
    trainer = make_trainer(network, epochs=1)
    try:
        with pytest.raises(InterruptError):
            trainer.run(
                *(batch.images, batch.labels, 1.0, images, labels),
                on_step=start_timer,
                on_epoch=epochs.append,
            )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not epochs
    assert same(network.weights(), calls[-1])
    assert trainer.run(batch.images, batch.labels, 1.0)  # the trainer can continue


# ---- threads ----


def in_threads(count, work):
    """Run work(i) in `count` threads; raise what any of them raised."""
    failures = []

    def guarded(i):
        try:
            work(i)
        except BaseException as failure:
            failures.append(failure)

    workers = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert not worker.is_alive(), "a thread hangs"
    if failures:
        raise failures[0]


def test_threads_share_a_network(network, batch):
    expected = network.predict_proba(batch.images, 1.0)

    def work(i):
        for k in range(200):
            begin = (i * 7 + k) % 60
            count = 1 if k % 2 else 9
            part = network.predict_proba(batch.images[begin : begin + count], 1.0)
            assert np.array_equal(part, expected[begin : begin + count])

    in_threads(4, work)


def test_predictions_of_one_network_overlap(network, batch):
    """A small batch does not wait for the end of a large one: no lock is held during a run."""
    images = batch.images[:9]
    large = np.concatenate([batch.images] * (60_000 // len(batch.images)))
    expected = network.predict(images, 1.0)
    started, ended = threading.Event(), threading.Event()

    def predict_large():
        started.set()
        network.predict(large, 1.0)
        ended.set()

    worker = threading.Thread(target=predict_large)
    worker.start()
    started.wait()
    during = 0
    while not ended.is_set():
        found = network.predict(images, 1.0)
        during += not ended.is_set()
        assert np.array_equal(found, expected)
    worker.join()
    assert during >= 2  # with a lock, the first would have waited for the end


def test_threads_set_and_read_weights(network, batch):
    versions = [make_network(seed).weights() for seed in range(3)]
    scores = []
    for weights in versions:
        network.set_weights(weights)
        scores.append(network.scores(batch.images[:9], 1.0))

    def work(i):
        for k in range(100):
            if i == 0:
                network.set_weights(versions[k % 3])
            elif i == 1:
                assert any(same(network.weights(), weights) for weights in versions)
            else:
                found = network.scores(batch.images[:9], 1.0)
                assert any(np.array_equal(found, s) for s in scores)

    in_threads(4, work)


def test_predictions_during_training(network, batch):
    """Waiting threads use the network between steps, not only after the run."""
    stop, served = threading.Event(), []

    def work(i):
        if i == 0:
            trainer = make_trainer(network, epochs=10**9)
            trainer.run(
                batch.images, batch.labels, 1.0, on_step=lambda p: not stop.is_set(), interval=0.2
            )
            return
        try:
            time.sleep(0.1)
            for _ in range(5):
                assert np.isfinite(network.predict_proba(batch.images, 1.0)).all()
                served.append(time.monotonic())
            with pytest.raises(RuntimeError, match="being trained"):
                network.initialize(0)
        finally:
            stop.set()

    in_threads(2, work)
    assert len(served) == 5


def test_training_releases_the_gil(network, batch):
    done, ticks = threading.Event(), []

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.monotonic()
    make_trainer(network, epochs=10**9).run(
        batch.images, batch.labels, 1.0, on_step=lambda p: time.monotonic() < start + 0.5
    )
    done.set()
    ticker.join()
    assert len(ticks) > 20


@pytest.mark.parametrize(
    "layers",
    [
        [{"type": "max_pool2d", "pool_size": 32, "strides": 1, "padding": "same"}],
        [{"type": "average_pool2d", "pool_size": 32, "strides": 1, "padding": "same"}],
        [{"type": "activation", "function": "tanh"}] * 250,
    ],
    ids=["maxima", "averages", "activations"],
)
def test_one_image_of_much_work_releases_the_gil(layers):
    """Python does not switch threads by itself here: only the core lets the other one run."""
    scores = [{"type": "global_average_pool2d"}, {"type": "dense", "units": 2}]
    network = _core.Network([*layers, *scores], (256, 256, 1))
    image = np.zeros((1, 256, 256, 1), np.float32)
    network.predict(image, 1.0)  # has made the model and its memory
    interval, waits, go, ran = sys.getswitchinterval(), *(threading.Event() for _ in range(3))

    def work(i):
        if i == 0:
            waits.set()
            go.wait()
            ran.set()
            return
        waits.wait()
        go.set()
        network.predict(image, 1.0)
        assert ran.is_set()

    sys.setswitchinterval(1000)
    try:
        in_threads(2, work)
    finally:
        sys.setswitchinterval(interval)


def test_threads_replace_the_pool_that_others_use(threads, batch):
    networks = [make_network(i) for i in range(2)]
    threads(1)
    expected = [n.scores(batch.images, 1.0) for n in networks]

    def work(i):
        for k in range(60):
            if i == 2:
                threads(1 + k % 4)
                assert 1 <= _core.get_num_threads() <= 4
            else:
                assert np.array_equal(networks[i].scores(batch.images, 1.0), expected[i])

    in_threads(3, work)


def test_a_trainer_works_after_the_pool_is_replaced(threads, network, batch):
    threads(2)
    trainer = make_trainer(network)
    threads(4)
    assert trainer.run(batch.images, batch.labels, 1.0)
    threads(1)
    assert trainer.run(batch.images, batch.labels, 1.0)
    assert _core.get_num_threads() == 1


@pytest.mark.parametrize("count", [0, -1, 1025, 2**40])
def test_bad_thread_counts(count):
    before = _core.get_num_threads()
    with pytest.raises(ValueError, match=f"threads: got {count}, expected"):
        _core.set_num_threads(count)
    for other in (1.0, "2", None, True):
        with pytest.raises(TypeError, match=r"threads: got .*, expected an integer"):
            _core.set_num_threads(other)
    assert _core.get_num_threads() == before


# ---- fork ----


# The allocator must be unlocked in the child, even if a thread of the parent was inside it. The C
# library ensures that, a sanitizer's allocator does not.
needs_fork = pytest.mark.skipif(
    SANITIZED or not hasattr(os, "fork"), reason="needs fork, and an allocator that supports it"
)

FORK = """
def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)  # a child that hangs dies
            work()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, "the child failed or hung"
"""


FORKING_HANDLER = """
images = np.repeat(images, 3000, axis=0)
expected, children = network.scores(images, 1.0), []
def handler(number, frame):
    signal.setitimer(signal.ITIMER_REAL, 0)
    children.append(os.fork())
    if children == [0]:
        signal.alarm(20)  # a child that hangs dies
        {in_child}
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.06)
try:
    while not children:
        scores = network.scores(images, 1.0)
except RuntimeError as error:
    assert children == [0] and "a signal handler forked" in str(error)
    assert network.predict(images[:2], 1.0).shape == (2,)
else:  # the parent, and the child if the core had ended
    assert np.array_equal(scores, expected)
if children[0]:
    assert os.waitpid(children[0], 0)[1] == 0, "the child failed or hung"
os._exit(0)
"""


@needs_fork
@pytest.mark.parametrize("in_child", ["pass", "network.predict(images[:70], 1.0)"])
def test_fork_in_a_signal_handler(in_child):
    """A child that returns into the call of its parent lacks the helpers that have parts of it."""
    start = SCRIPT_START + "_core.set_num_threads(3)\n"
    done = run_script(start + FORKING_HANDLER.format(in_child=in_child))
    assert done.returncode == 0, done.stderr


def test_process_ends_while_a_daemon_thread_predicts():
    """The thread ends where it waits for the GIL, which must be after the core has ended."""
    done = run_script(
        SCRIPT_START
        + """
_core.set_num_threads(2)
images = np.repeat(images, 3000, axis=0)
def predict():
    while True:
        network.predict(images, 1.0)
threading.Thread(target=predict, daemon=True).start()
time.sleep(0.2)
"""
    )
    assert done.returncode == 0, done.stderr


@needs_fork
def test_fork_after_use():
    done = run_script(
        SCRIPT_START
        + FORK
        + """
_core.set_num_threads(3)
expected = network.scores(images, 1.0)
trainer(network.copy(), 1).run(images, labels, 1.0)
def work():
    assert np.array_equal(network.scores(images, 1.0), expected)
    assert trainer(network, 2).run(images, labels, 1.0)
    assert not np.array_equal(network.scores(images, 1.0), expected)
    _core.set_num_threads(2)
    in_child(lambda: network.scores(images, 1.0))  # a child of the child
for _ in range(3):
    in_child(work)
assert np.array_equal(network.scores(images, 1.0), expected)
"""
    )
    assert done.returncode == 0, done.stderr


@needs_fork
def test_fork_while_another_thread_holds_the_locks():
    """All locks are free in the child, whichever thread of the parent held them."""
    done = run_script(
        SCRIPT_START
        + FORK
        + """
_core.set_num_threads(2)
busy = network.copy()
stop = threading.Event()
def train():
    trainer(busy, 10**9).run(images, labels, 1.0, on_step=lambda p: not stop.is_set(),
                             interval=0.3)
def predict():
    while not stop.is_set():
        network.scores(images, 1.0)
        _core.get_num_threads()
helpers = [threading.Thread(target=train), threading.Thread(target=predict)]
for helper in helpers:
    helper.start()
def work():
    assert busy.scores(images, 1.0).shape == (70, 3)
    assert network.scores(images, 1.0).shape == (70, 3)
    network.weights(), busy.weights()
    _core.set_num_threads(3)
for _ in range(20):
    time.sleep(0.01)
    in_child(work)
stop.set()
for helper in helpers:
    helper.join()
"""
    )
    assert done.returncode == 0, done.stderr


@needs_fork
def test_fork_in_a_callback():
    done = run_script(
        SCRIPT_START
        + FORK
        + """
def fork_once(progress):
    if progress["step"] == 2:
        in_child(lambda: network.scores(images, 1.0))
assert trainer(network, 1).run(images, labels, 1.0, on_step=fork_once)
"""
    )
    assert done.returncode == 0, done.stderr


@needs_fork
def test_multiprocessing_by_fork():
    done = run_script(
        SCRIPT_START
        + """
import multiprocessing
def work(i):
    return network.predict(images[i:i + 20], 1.0).tolist()
expected = network.predict(images, 1.0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    for i, digits in enumerate(pool.map_async(work, range(40)).get(50)):
        assert digits == expected[i:i + 20].tolist()
"""
    )
    assert done.returncode == 0, done.stderr
