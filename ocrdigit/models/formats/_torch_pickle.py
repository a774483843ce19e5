"""Pickles of ``state_dict``s, read without unpickling.

A pickle is a program for a machine with a stack. The machine here has those instructions that
torch.save writes for dicts of tensors, and can make numbers, strings, tuples, lists and dicts. It
imports and calls nothing, and sets no attributes: what a pickle names is compared with a list.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Container
from typing import Any, NamedTuple

Arguments = tuple[Any, ...]

_ORDERED_DICT = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_PARAMETER = "torch._utils _rebuild_parameter"
_CALLED = (_ORDERED_DICT, _TENSOR, _PARAMETER)


class Name(NamedTuple):
    """A class or function that a pickle names, such as "torch FloatStorage"."""

    text: str


class Storage(NamedTuple):
    """A reference to a member of the archive, which has the numbers of tensors."""

    kind: str  # a class of storages of torch, such as FloatStorage
    key: str
    length: int


class Machine:
    """Runs a pickle.

    Parameters
    ----------
    kinds : container of str
        The classes of storages that it may name.
    tensor : callable
        Returns a tensor for the arguments of torch._utils._rebuild_tensor_v2, whose types are not
        checked; the first is a Storage in good files.
    """

    def __init__(self, kinds: Container[str], tensor: Callable[[Arguments], Any]) -> None:
        self.kinds, self.tensor = kinds, tensor
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, pickle: bytes) -> Any:
        """Return the object of a pickle.

        Raises
        ------
        ValueError
            If it is damaged, or has instructions or names that a state_dict does not need.
        """
        for opcode, argument, _ in pickletools.genops(pickle):
            if opcode.name in _CONSTANTS:
                self.stack.append(_CONSTANTS[opcode.name])
            elif opcode.name in _NUMBERS_AND_STRINGS:
                self.stack.append(argument)
            elif opcode.name in _INSTRUCTIONS:
                _INSTRUCTIONS[opcode.name](self, argument)
            else:
                raise ValueError(
                    f"its pickle has an instruction {opcode.name}, which is not executed"
                )
        return self.pop()

    # ---- the stack ----

    def pop(self) -> Any:
        self.check_height(1)
        return self.stack.pop()

    def top(self, kind: type) -> Any:
        """Return the last object, which must be of a type."""
        self.check_height(1)
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"damaged: its pickle has no {kind.__name__} where it needs one")
        return self.stack[-1]

    def check_height(self, count: int) -> None:
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < count:
            raise ValueError("damaged: its pickle takes objects that it does not have")

    def pop_marked(self) -> list[Any]:
        """Return the objects since the last mark, which are removed."""
        if not self.marks:
            raise ValueError("damaged: its pickle takes objects that it does not have")
        start = self.marks.pop()
        found = self.stack[start:]
        del self.stack[start:]
        return found

    # ---- instructions ----

    def ignore(self, _: Any) -> None:
        """Do nothing, for marks of the format."""

    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def empty_list(self, _: Any) -> None:
        self.stack.append([])

    def tuple_of_marked(self, _: Any) -> None:
        found = self.pop_marked()
        self.stack.append(tuple(found))

    def tuple_of(self, count: int) -> None:
        self.check_height(count)
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def append(self, _: Any) -> None:
        value = self.pop()
        self.top(list).append(value)

    def append_marked(self, _: Any) -> None:
        values = self.pop_marked()
        self.top(list).extend(values)

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self.add_items([key, value])

    def set_marked(self, _: Any) -> None:
        self.add_items(self.pop_marked())

    def add_items(self, items: list[Any]) -> None:
        """Add keys and values to the dict that is last; a tuple of tuples takes long to hash."""
        found = self.top(dict)
        keys = items[::2]
        if len(items) % 2 or not all(type(key) in (str, int) for key in keys):
            raise ValueError("its pickle has a dict whose keys are not strings or whole numbers")
        found.update(zip(keys, items[1::2], strict=True))

    def store(self, index: int) -> None:
        self.check_height(1)
        self.memo[index] = self.stack[-1]

    def store_next(self, _: Any) -> None:
        self.store(len(self.memo))

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise ValueError("damaged: its pickle refers to an object that it does not have")
        self.stack.append(self.memo[index])

    def name(self, text: str) -> None:
        module, _, name = text.partition(" ")
        if text not in _CALLED and not (module == "torch" and name in self.kinds):
            raise ValueError(
                f"it holds an object of {module}.{name}"[:200] + ", whose code is not run; save "
                "the tensors alone, with torch.save(model.state_dict(), path)"
            )
        self.stack.append(Name(text))

    def name_of_stack(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise ValueError("damaged: its pickle names an object by something else than strings")
        self.name(f"{module} {name}")

    def storage(self, _: Any) -> None:
        match self.pop():
            case ("storage", Name(text), str(key), _, int(length)) if text not in _CALLED:
                self.stack.append(Storage(text.removeprefix("torch "), key, length))
            case _:
                raise ValueError(
                    "damaged: its pickle refers to something else than a tensor's numbers"
                )

    def call(self, _: Any) -> None:
        """Do what one of the functions would do that a pickle may name."""
        arguments = self.top(tuple)
        self.pop()
        name = self.top(Name).text
        self.pop()
        if name == _TENSOR:
            self.stack.append(self.tensor(arguments))
        elif name == _PARAMETER and arguments:
            self.stack.append(arguments[0])
        elif name == _ORDERED_DICT and not arguments:
            self.stack.append({})
        else:
            raise ValueError(f"damaged: its pickle calls {name} with {len(arguments)} arguments")

    def build(self, _: Any) -> None:
        """Drop attributes of the object that is last: _metadata, which has versions of modules."""
        self.pop()
        self.top(dict)


_NUMBERS_AND_STRINGS = frozenset(
    ["BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"]
)

_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}

_INSTRUCTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": Machine.ignore,
    "FRAME": Machine.ignore,
    "STOP": Machine.ignore,
    "MARK": Machine.mark,
    "EMPTY_DICT": Machine.empty_dict,
    "EMPTY_LIST": Machine.empty_list,
    "TUPLE": Machine.tuple_of_marked,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": Machine.append,
    "APPENDS": Machine.append_marked,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_marked,
    "BINPUT": Machine.store,
    "LONG_BINPUT": Machine.store,
    "MEMOIZE": Machine.store_next,
    "BINGET": Machine.recall,
    "LONG_BINGET": Machine.recall,
    "GLOBAL": Machine.name,
    "STACK_GLOBAL": Machine.name_of_stack,
    "BINPERSID": Machine.storage,
    "REDUCE": Machine.call,
    "BUILD": Machine.build,
}
