"""The public names of the package: what ``__all__`` of its public modules lists."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import ocrdigit

MODULES = [
    "ocrdigit",
    *(f"ocrdigit.{name}" for name in sorted({*ocrdigit._SUBMODULES, "reading"})),
    "ocrdigit.evaluation.corruptions",
    "ocrdigit.evaluation.metrics",
]


def public_names() -> Iterator[tuple[str, object]]:
    """Yield each public name, with its module, and its object; an object once."""
    seen: set[int] = set()
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            member = getattr(module, name)
            documented = inspect.isclass(member) or inspect.isroutine(member)
            if inspect.ismodule(member) or (documented and id(member) in seen):
                continue
            seen.add(id(member))
            yield f"{module.__name__}.{name}", member


def methods_of(name: str, member: object) -> Iterator[tuple[str, object]]:
    """Yield the public methods and properties that a class defines."""
    for key, value in vars(member).items() if inspect.isclass(member) else ():
        kinds = (property, classmethod, staticmethod)
        if key[0] != "_" and (inspect.isfunction(value) or isinstance(value, kinds)):
            yield f"{name}.{key}", value
