"""Processes made while others work: forks, multiprocessing, joblib, servers, sub-interpreters."""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import small_model, weights_of
from core_cases import ENVIRONMENT, run_script

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this machine has no fork")

START = """
import os, signal, sys, threading, time, traceback
import numpy as np
import ocrdigit

sample = ocrdigit.datasets.load_sample()
X, y = sample.X_train[:200], sample.y_train[:200]
layers = ({"type": "flatten"}, {"type": "dense", "units": 10})

def new_model(**parameters):
    settings = {"epochs": 1, "batch_size": 16, "augment": False, "random_state": 0, "verbose": 0}
    return ocrdigit.DigitClassifier(layers, **{**settings, **parameters})

def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(60)  # a child that hangs dies
            work()
            sys.stdout.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, "the child failed or hung"

def weights(model):
    return np.concatenate([w.ravel() for w in model.network_.weights().values()])
"""


def run(script: str) -> str:
    """Run a script after START in a process of its own, and return what it prints."""
    done = run_script(START + textwrap.dedent(script), timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- forks ----


@FORK
def test_fork_in_the_middle_of_a_fit_and_of_predictions() -> None:
    """The child predicts with all models, trains and exits; the parent goes on."""
    run(
        """
        alone = new_model(epochs=40, n_jobs=2).fit(X, y)
        digits = ocrdigit.predict(X)
        model, other = new_model(epochs=40, n_jobs=2), new_model().fit(X, y)
        stop = threading.Event()
        steps = []

        class Count:
            def on_step(self, progress):
                steps.append(progress["step"])
                time.sleep(0.0002)  # so that forks happen in the middle

        def fit():
            model.set_params(callbacks=Count()).fit(X, y)

        def predict():
            while not stop.is_set():
                assert (ocrdigit.predict(X) == digits).all()
                other.partial_fit(X, y)

        threads = [threading.Thread(target=fit), threading.Thread(target=predict)]
        for thread in threads:
            thread.start()
        while not steps:
            time.sleep(0.001)

        def work():
            assert model.predict(X).shape == (200,)  # the one that is being trained
            assert (ocrdigit.predict(X) == digits).all()
            assert other.predict(X).shape == (200,)
            assert (weights(new_model(epochs=40).fit(X, y)) == weights(alone)).all()
            ocrdigit.set_num_threads(2)

        for _ in range(6):
            in_child(work)
            time.sleep(0.003)
        stop.set()
        for thread in threads:
            thread.join()
        assert len(steps) == 40 * 13
        assert (weights(model) == weights(alone)).all()
        """
    )


@FORK
@pytest.mark.parametrize("first", ["ocrdigit.predict(X[0])", "ocrdigit.read(255 - X[0])"])
def test_fork_while_a_thread_loads_the_first_model(first: str) -> None:
    """The child does not wait for the parent's thread, which it does not have."""
    run(
        f"""
        from ocrdigit.models import _network_file
        from ocrdigit import estimator
        loading, go_on = threading.Event(), threading.Event()

        def slowly(load):
            def slow(*arguments, **options):
                loading.set()
                go_on.wait(60)
                return load(*arguments, **options)
            return slow

        estimator.load = slowly(estimator.load)
        _network_file.read_file = slowly(_network_file.read_file)
        thread = threading.Thread(target=lambda: {first})
        thread.start()
        assert loading.wait(60)

        def work():
            go_on.set()
            {first}

        in_child(work)
        go_on.set()
        thread.join()
        {first}
        """
    )


@FORK
def test_fork_in_a_callback_with_n_jobs() -> None:
    """Neither process changes the other's number of threads, nor keeps that of the call."""
    out = run(
        """
        ocrdigit.set_num_threads(3)
        children = []

        def fork(progress):
            children.append(os.fork())

        model = new_model(n_jobs=1, callbacks=fork).fit(X, y)
        if children == [0]:
            model.set_params(n_jobs=2, callbacks=None).fit(X, y)
            os._exit(0)
        assert os.waitpid(children[0], 0)[1] == 0
        print(ocrdigit.get_num_threads())
        """
    )
    assert out == "3\n"


# ---- multiprocessing and joblib ----


def work(seed: int, X: Any, y: Any, model: DigitClassifier) -> tuple[Any, Any, Any]:
    """Predict with two models, and train one; in a worker."""
    trained = small_model(random_state=seed, epochs=1).fit(X, y)
    return model.predict(X), ocrdigit.predict(X), weights_of(trained)


def check_results(results: list[Any], X: Any, y: Any, model: DigitClassifier) -> None:
    assert len(results) == 3
    for seed, got in enumerate(results):
        for found, expected in zip(got, work(seed, X, y, model), strict=True):
            assert np.array_equal(found, expected)


@pytest.fixture(scope="module")
def digits(sample: Dataset) -> tuple[Any, Any]:
    return sample.X_train[:100], sample.y_train[:100]


@pytest.fixture(autouse=True)
def importable_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import this module, as spawned ones do."""
    tests = str(Path(__file__).parent)
    paths = [tests, ENVIRONMENT["PYTHONPATH"]]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(method: str, digits: tuple[Any, Any], fitted: DigitClassifier) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this machine has no {method}")
    X, y = digits
    ocrdigit.predict(X)  # the pool of threads has been used
    with multiprocessing.get_context(method).Pool(2) as pool:
        jobs = pool.starmap_async(work, [(seed, X, y, fitted) for seed in range(3)])
        check_results(jobs.get(240), X, y, fitted)


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_joblib(backend: str, digits: tuple[Any, Any], fitted: DigitClassifier) -> None:
    joblib = pytest.importorskip("joblib")
    X, y = digits
    with joblib.parallel_config(backend, n_jobs=2):
        jobs = (joblib.delayed(work)(seed, X, y, fitted) for seed in range(3))
        check_results(joblib.Parallel(timeout=240)(jobs), X, y, fitted)


# ---- servers ----

WSGI = """
import io, json, os
import numpy as np
import ocrdigit

model = ocrdigit.load("tiny")
ocrdigit.predict(np.zeros((200, 28, 28), np.uint8))  # threads have started before the fork

def app(environ, start_response):
    images = np.load(io.BytesIO(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
    answer = {"digits": ocrdigit.predict(images).tolist(), "process": os.getpid()}
    assert model.predict(images).shape == (len(images),)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
"""

ASGI = """
import asyncio, io, json, os
import numpy as np
import ocrdigit

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message.get("more_body", False)
    images = np.load(io.BytesIO(body))
    digits = await asyncio.to_thread(ocrdigit.predict, images)
    answer = {"digits": digits.tolist(), "process": os.getpid()}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
"""


@contextlib.contextmanager
def serving(arguments: list[str]) -> Iterator[int]:
    """Run a server as ``python -m``, with the port after its arguments, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", *(argument.format(port=port) for argument in arguments)]
    with open("log", "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            yield port
            assert server.poll() is None, Path("log").read_text()
            server.send_signal(signal.SIGTERM)
            server.wait(60)
        finally:
            server.kill()


def ask(port: int, body: bytes) -> Any:
    """Return the answer to a request, repeated until the server is there."""
    import json

    end = time.monotonic() + 120
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", "/", body)
            response = connection.getresponse()
            assert response.status == 200, Path("log").read_text()
            return json.loads(response.read())
        except ConnectionError:
            assert time.monotonic() < end, Path("log").read_text()
            time.sleep(0.1)
        finally:
            connection.close()


def check_server(arguments: list[str], sample: Dataset) -> None:
    """Ask from four threads; all answers are right, and come from both workers."""
    np.save("images.npy", sample.X_test[:100])
    body, expected = Path("images.npy").read_bytes(), ocrdigit.predict(sample.X_test[:100])
    answers: list[Any] = []
    with serving(arguments) as port:
        ask(port, body)

        def ask_many() -> None:
            for _ in range(25):
                answers.append(ask(port, body))

        threads = [threading.Thread(target=ask_many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _ in range(200):
            if len({answer["process"] for answer in answers}) == 2:
                break
            answers.append(ask(port, body))
    assert len(answers) >= 100
    assert all(answer["digits"] == expected.tolist() for answer in answers)
    assert len({answer["process"] for answer in answers}) == 2


@FORK
def test_gunicorn_that_loads_before_it_forks(sample: Dataset) -> None:
    pytest.importorskip("gunicorn", reason="needs gunicorn: pip install --group servers")
    Path("served.py").write_text(WSGI)
    options = "gunicorn --preload --workers 2 --threads 2 --bind 127.0.0.1:{port} served:app"
    check_server(options.split(), sample)


@FORK
def test_uvicorn_with_workers(sample: Dataset) -> None:
    pytest.importorskip("uvicorn", reason="needs uvicorn: pip install --group servers")
    Path("served.py").write_text(ASGI)
    options = "uvicorn --workers 2 --host 127.0.0.1 --port {port} --log-level warning served:app"
    check_server(options.split(), sample)


# ---- sub-interpreters ----

SUBINTERPRETERS = """
import sys
{first}
try:
    import _interpreters as interpreters
    kinds = ["legacy", "isolated"]
except ImportError:
    import _xxsubinterpreters as interpreters
    kinds = [False, True]
for kind in kinds:
    for module in ("ocrdigit", "ocrdigit._core"):
        if sys.version_info >= (3, 13):
            one = interpreters.create(kind)
        else:
            one = interpreters.create(isolated=kind)
        script = f'''
try:
    import {{module}}
except ImportError as error:
    message = str(error)
    assert "interpreter" in message, message
else:
    raise AssertionError("imported")
'''
        failure = interpreters.run_string(one, script)
        assert failure is None, failure
        interpreters.destroy(one)
import ocrdigit
print(ocrdigit.predict(ocrdigit.datasets.load_sample().X_test[0]))
"""


@pytest.mark.parametrize("first", ["", "import ocrdigit"])
def test_sub_interpreters_are_refused(first: str) -> None:
    """NumPy does not work in them; the main interpreter goes on."""
    done = run_script(
        "import importlib.util as u, sys\n"
        "sys.exit(not any(map(u.find_spec, ['_interpreters', '_xxsubinterpreters'])))"
    )
    if done.returncode:
        pytest.skip("this machine's Python has no module for sub-interpreters")
    done = run_script(SUBINTERPRETERS.format(first=first))
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
