"""The docstrings of public names: complete by numpydoc's rules, with examples that run."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
from public_names import methods_of, public_names

import ocrdigit

# What numpydoc would like, but we do without: an extended summary and "See Also" everywhere,
# examples of everything (see test_functions_have_examples).
UNWANTED = {"ES01", "EX01", "SA01"}
# Result classes are described by their attributes, also in named tuples and protocols.
OF_CLASSES = {"PR01"}
# The packages that examples of a module need.
NEEDED = {
    "ocrdigit.batch._batch": ("pandas",),
    "ocrdigit.distributed._predict": ("dask.array",),
    "ocrdigit.distributed._read": ("dask.dataframe",),
    "ocrdigit.plotting": ("matplotlib",),
}


def modules_with_examples() -> list[str]:
    """Return the names of the package's modules that have examples, public or not."""
    folder = Path(ocrdigit.__file__).parent
    found = [path for path in folder.rglob("*.py") if ">>> " in path.read_text("utf-8")]
    names = (path.relative_to(folder.parent).with_suffix("").parts for path in sorted(found))
    return [".".join(parts).removesuffix(".__init__") for parts in names]


def violations(name: str, member: object) -> list[str]:
    """Return what is missing in a docstring, with the name that lacks it."""
    validate = pytest.importorskip("numpydoc.validate").validate
    allowed = set(UNWANTED)
    if inspect.isclass(member) and has_attributes(member):
        allowed |= OF_CLASSES
    if not parameters_of(member):
        allowed.add("RT01")  # its first line says what it returns
    return [
        f"{name}: {code} {text}" for code, text in validate(name)["errors"] if code not in allowed
    ]


def has_attributes(member: type) -> bool:
    """Whether the section of attributes has every field of a class."""
    doc = member.__doc__ or ""
    fields = getattr(member, "_fields", ())
    if dataclasses.is_dataclass(member):
        fields = [field.name for field in dataclasses.fields(member) if field.name[0] != "_"]
    described = doc.partition("Attributes\n")[2]
    return getattr(member, "_is_protocol", False) or all(name in described for name in fields)


def parameters_of(member: object) -> list[str]:
    if isinstance(member, property):
        return []
    if isinstance(member, (classmethod, staticmethod)):
        member = member.__func__
    return [name for name in inspect.signature(member).parameters if name not in ("self", "cls")]


def documented() -> list[tuple[str, object]]:
    pytest.importorskip("matplotlib")  # for ocrdigit.plotting
    found = []
    for name, member in public_names():
        if inspect.isclass(member) or inspect.isroutine(member):
            found += [(name, member), *methods_of(name, member)]
    return found


def test_docstrings_are_complete() -> None:
    found = documented()
    assert len(found) > 200
    assert [problem for each in found for problem in violations(*each)] == []


def test_functions_have_examples() -> None:
    pytest.importorskip("matplotlib")
    functions = [(name, member) for name, member in public_names() if inspect.isroutine(member)]
    assert len(functions) > 60
    assert [name for name, member in functions if ">>> " not in (member.__doc__ or "")] == []


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_run(name: str) -> None:
    for package in NEEDED.get(name, ()):
        pytest.importorskip(package)
    threads = ocrdigit.get_num_threads()
    with np.printoptions(legacy="1.25"):
        result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert ocrdigit.get_num_threads() == threads
    assert result.failed == 0
