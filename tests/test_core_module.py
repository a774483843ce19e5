"""The names in ``ocrdigit._core``, its stub and its import."""

from __future__ import annotations

import ast
import copy
import inspect
import os
import pickle
import re
from pathlib import Path

import pytest
from core_cases import (
    LAYERS,
    SCRIPT_START,
    SIDE,
    make_trainer,
    run_script,
)

from ocrdigit import _core

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "ocrdigit" / "_core.pyi"


# ---- module and stub ----


def stub_functions(body):
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def stub_parameters(function):
    a = function.args
    rest = [argument for argument in (a.vararg, a.kwarg) if argument]
    names = [argument.arg for argument in a.posonlyargs + a.args + a.kwonlyargs + rest]
    return [name for name in names if name not in ("self", "cls")]


def public(names):
    return {name for name in names if not name.startswith("_")}


def test_names_and_parameters_are_those_of_the_stub():
    body = ast.parse(STUB.read_text(encoding="utf-8")).body
    functions = stub_functions(body)
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    types_only = {"FusionFeatures", "LayerDescription", "Progress"}
    assert public(dir(_core)) == functions.keys() | (classes.keys() - types_only)
    for name, function in functions.items():
        signature = inspect.signature(getattr(_core, name))
        assert list(signature.parameters) == stub_parameters(function), name
    for name in classes.keys() - types_only:
        members = stub_functions(classes[name].body)
        assert public(dir(getattr(_core, name))) == public(members)
        for member, function in members.items():
            bound = getattr(getattr(_core, name), member)
            if member == "__new__":
                bound = getattr(_core, name)
            if callable(bound):
                parameters = [p for p in inspect.signature(bound).parameters if p != "self"]
                assert parameters == stub_parameters(function), (name, member)


def test_keyword_only_parameters_reject_positions(network, batch):
    with pytest.raises(TypeError, match="at most 3 positional arguments, got 4"):
        network.gradient(batch.images, batch.labels, 1.0, 0.1)
    with pytest.raises(TypeError, match="positional"):
        _core.Network(LAYERS, (SIDE, SIDE, 1), 3)


def test_types_are_final_and_not_pickled(network):
    for type_ in (_core.Automaton, _core.Network, _core.Trainer, _core.Classifier):
        with pytest.raises(TypeError):
            type("Sub", (type_,), {})
        with pytest.raises(TypeError):
            type_.extra = 1
    for thing in (network, make_trainer(network)):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
        with pytest.raises(TypeError):
            copy.copy(thing)


# ---- import ----


def import_core(**environment):
    return run_script(
        """
        try:
            from ocrdigit import _core
            print(_core.instruction_set(), _core.get_num_threads())
        except ImportError as error:
            print("ImportError:", error)
        """,
        **environment,
    ).stdout.strip()


def test_version_and_features():
    assert re.fullmatch(r"\d+\.\d+\.\d+", _core.__version__)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{_core.__version__}"' in project
    assert _core.instruction_set() in ("scalar", *_core.cpu_features())


def test_the_instruction_set_can_be_forced():
    for name in ("scalar", *_core.cpu_features()):
        assert import_core(OCRDIGIT_ISA=name).split()[0] == name
    missing = {"avx2", "avx512", "neon", "simd128"} - set(_core.cpu_features())
    for name in missing:
        printed = import_core(OCRDIGIT_ISA=name)
        assert printed.startswith("ImportError: environment variable OCRDIGIT_ISA: ")
        assert f"'{name}' is not available" in printed
    printed = import_core(OCRDIGIT_ISA="sse9")
    assert printed.startswith("ImportError: environment variable OCRDIGIT_ISA: ")
    assert "got 'sse9', expected scalar, avx2" in printed


def test_the_number_of_threads_can_be_set():
    assert import_core(OCRDIGIT_NUM_THREADS="3").split()[1] == "3"
    assert int(import_core(OCRDIGIT_NUM_THREADS="").split()[1]) >= 1
    for text in ("0", "-2", "two", "2.5", "1025", "9" * 30):
        printed = import_core(OCRDIGIT_NUM_THREADS=text)
        assert printed.startswith("ImportError: environment variable OCRDIGIT_NUM_THREADS: "), text
        assert f"got {text}" in printed or f"got '{text}'" in printed


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this machine has no affinity")
def test_affinity_is_respected():
    done = run_script(
        """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        from ocrdigit import _core
        print(_core.get_num_threads())
        """,
        OCRDIGIT_NUM_THREADS="",
    )
    assert done.stdout.strip() == "1", done.stderr


def test_a_second_import_makes_a_separate_module():
    done = run_script(
        SCRIPT_START
        + """
first = _core
del sys.modules["ocrdigit._core"]
import importlib
second = importlib.import_module("ocrdigit._core")
assert second is not first and second.Network is not first.Network
second.set_num_threads(3)
first.set_num_threads(2)
assert (first.get_num_threads(), second.get_num_threads()) == (2, 3)
try:
    second.Trainer(network, epochs=1, batch_size=1, seed=0, optimizer="sgd", learning_rate=1)
except TypeError:
    print("fine")
network.predict(images, 1.0)
"""
    )
    assert done.stdout.strip() == "fine", done.stderr


def test_import_in_a_subinterpreter_works_or_raises():
    """NumPy is one per process: the import fails with ImportError, without a crash."""
    names = ("_interpreters", "_xxsubinterpreters")
    done = run_script(
        SCRIPT_START
        + f"""
import importlib
for name in {names!r}:
    try:
        interpreters = importlib.import_module(name)
        break
    except ImportError:
        interpreters = None
if interpreters is None:
    print("done")
    sys.exit()
code = "try:\\n from ocrdigit import _core\\n _core.set_num_threads(2)\\nexcept ImportError: pass"
for _ in range(2):
    other = interpreters.create()
    failure = interpreters.run_string(other, code)
    assert failure is None, failure
    interpreters.destroy(other)
assert network.predict(images, 1.0).shape == (70,)
print("done")
"""
    )
    assert done.stdout.strip() == "done", done.stderr


def test_exit_while_daemon_threads_run():
    done = run_script(
        SCRIPT_START
        + """
def work():
    while True:
        network.predict(images, 1.0)
def train():
    trainer(network.copy(), 10**9).run(images, labels, 1.0)
for target in (work, work, train):
    threading.Thread(target=target, daemon=True).start()
time.sleep(0.2)
print("done")
"""
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr
