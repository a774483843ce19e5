r"""Formats of numbers: regular expressions, lengths and lexicons as finite automata.

A pattern has the syntax of :mod:`re`, whose parser reads it. It is compiled by Thompson's
construction and the subset construction. Both count their states as they go, so that a pattern that
would explode is refused before it takes memory; libraries that were tried (interegular, greenery)
have no such limit, and ``re``'s parser knows all of the syntax.

Where the digits alone tell the separators of a pattern, as in ``\d{2}/\d{2}/\d{4}``, these are
optional: they are read where they are written, and in any case part of the text, so that numbers
in boxes or groups can be read, too. Spaces are always optional, as they are no symbols.
"""

from __future__ import annotations

import functools
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from . import _checks, _core
from ._symbols import DIGITS, SYMBOLS
from ._symbols import SEPARATORS as _SEPARATORS

if sys.version_info >= (3, 11):
    from re import _constants as _sre
    from re import _parser as _sre_parser
else:
    import sre_constants as _sre
    import sre_parse as _sre_parser

__all__ = ["PATTERNS", "SEPARATORS", "Constraint", "any_number", "constraint", "gaps_of"]

SEPARATORS = _SEPARATORS + " "  # of a pattern

_DAY, _MONTH = r"(0[1-9]|[12]\d)", r"(0[1-9]|1[0-2])"
_LONG, _SHORT = r"(0[13578]|1[02])", r"(0[13-9]|1[0-2])"  # months of 31 days, and of at least 30

#: The regular expression of each named format, for ``pattern=`` of :func:`ocrdigit.read`.
PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "integer": r"0|[1-9]\d*",
        "decimal": r"[+-]?(\d+([.,]\d+)?|\d{1,3}(\.\d{3})+(,\d+)?|\d{1,3}(,\d{3})+(\.\d+)?)",
        "date": rf"({_DAY}/{_MONTH}|30/{_SHORT}|31/{_LONG})/\d{{4}}",
        "date-us": rf"({_MONTH}/{_DAY}|{_SHORT}/30|{_LONG}/31)/\d{{4}}",
        "date-iso": rf"\d{{4}}-({_MONTH}-{_DAY}|{_SHORT}-30|{_LONG}-31)",
        "time": r"([01]\d|2[0-3]):[0-5]\d",
        "phone": r"\d{7,15}",
    }
)
"""Patterns by name: an integer without leading zeros; a number with a sign, decimals and groups of
three digits, all optional; a date such as 31/12/2024, 12/31/2024 or 2024-12-31; a time such as
23:59; and a telephone number of 7 to 15 digits, as in E.164 without its plus sign."""

MAX_STATES = 10_000
# Of the subset construction: members of all subsets. About a second.
_MAX_WORK = 2_000_000
_MAX_LENGTH = 1000


# -- automata --


@dataclass(frozen=True)
class Automaton:
    """A deterministic finite automaton; state 0 is initial.

    Attributes
    ----------
    accepting : tuple of bool
        Whether each state accepts.
    transitions : tuple of dict
        For each state, the next state by character.
    """

    accepting: tuple[bool, ...]
    transitions: tuple[dict[str, int], ...]

    def accepts(self, text: str) -> bool:
        """Whether the automaton accepts a text."""
        state = 0
        for character in text:
            targets = self.transitions[state]
            if character not in targets:
                return False
            state = targets[character]
        return self.accepting[state]

    def to_core(self) -> _core.Automaton:
        """Return the automaton of the core; classes are indices into ``SYMBOLS``."""
        class_of = {symbol: number for number, symbol in enumerate(SYMBOLS)}
        rows = (
            (state, symbol, target)
            for state, targets in enumerate(self.transitions)
            for symbol, target in sorted((class_of[c], to) for c, to in targets.items())
        )
        return _core.Automaton(self.accepting, tuple(rows))


class _TooLargeError(Exception):
    """An automaton has more than MAX_STATES states, or takes more than _MAX_WORK to compute."""


def _explore(
    start: Any, accepts: Callable[[Any], bool], follow: Callable[[Any], dict[str, Any]]
) -> Automaton:
    """Return the automaton whose states are those that are reached from ``start``."""
    numbers = {start: 0}
    waiting = deque([start])
    accepting, transitions = [], []
    while waiting:
        state = waiting.popleft()
        accepting.append(accepts(state))
        targets = {}
        following = follow(state)
        for character in sorted(following):
            target = following[character]
            if target not in numbers:
                if len(numbers) >= MAX_STATES:
                    raise _TooLargeError
                numbers[target] = len(numbers)
                waiting.append(target)
            targets[character] = numbers[target]
        transitions.append(targets)
    return _trimmed(Automaton(tuple(accepting), tuple(transitions)))


def _trimmed(automaton: Automaton) -> Automaton:
    """Return the automaton without transitions to states that cannot accept."""
    sources: list[list[int]] = [[] for _ in automaton.accepting]
    for state, targets in enumerate(automaton.transitions):
        for target in targets.values():
            sources[target].append(state)
    live = {state for state, accepts in enumerate(automaton.accepting) if accepts}
    waiting = list(live)
    while waiting:
        for source in sources[waiting.pop()]:
            if source not in live:
                live.add(source)
                waiting.append(source)
    kept = [{c: to for c, to in targets.items() if to in live} for targets in automaton.transitions]
    return Automaton(automaton.accepting, tuple(kept))


def _is_empty(automaton: Automaton) -> bool:
    """Whether a trimmed automaton accepts nothing."""
    return not automaton.accepting[0] and not automaton.transitions[0]


def intersection(first: Automaton, second: Automaton) -> Automaton:
    """Return the automaton of the texts that both accept."""

    def follow(pair: tuple[int, int]) -> dict[str, tuple[int, int]]:
        targets = second.transitions[pair[1]]
        return {c: (to, targets[c]) for c, to in first.transitions[pair[0]].items() if c in targets}

    return _explore(
        (0, 0), lambda pair: first.accepting[pair[0]] and second.accepting[pair[1]], follow
    )


def of_length(low: int, high: int) -> Automaton:
    """Return the automaton of texts of low to high digits, with separators as numbers have them.

    A text may begin with a sign, a point or both, and have a separator, or one and a dash, after a
    digit. State 2 k follows the k-th digit, and state 2 k + 1 a separator after it.
    """
    transitions = []
    for count in range(high + 1):
        digits = dict.fromkeys(DIGITS, 2 * count + 2) if count < high else {}
        before, after = ("+-.", ".") if count == 0 else (_SEPARATORS, "-")
        transitions += [digits | dict.fromkeys(marks, 2 * count + 1) for marks in (before, after)]
    accepting = tuple(count >= low for count in range(high + 1) for _ in range(2))
    return Automaton(accepting, tuple(transitions))


def counting(low: int, high: int) -> Automaton:
    """Return the automaton of texts of low to high digits, with any separators."""
    transitions = []
    for count in range(high + 1):
        digits = dict.fromkeys(DIGITS, count + 1) if count < high else {}
        transitions.append(digits | dict.fromkeys(_SEPARATORS, count))
    accepting = tuple(count >= low for count in range(high + 1))
    return Automaton(accepting, tuple(transitions))


# -- regular expressions --


class _Thompson:
    """Thompson's construction: a nondeterministic automaton with empty transitions.

    ``empty`` has the targets of each state's empty transitions; ``symbol`` the set of characters
    and the target of its other one, if it has one.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.alphabet = frozenset(DIGITS + SEPARATORS)
        self.empty: list[list[int]] = []
        self.symbol: list[tuple[frozenset[str], int] | None] = []

    def compile(self) -> Automaton:
        start, end = self.state(), self.state()
        self.build(_parsed(self.pattern), start, end)
        work = 0

        def closure(states: Iterable[int]) -> frozenset[int]:
            nonlocal work
            found = set(states)
            waiting = list(found)
            while waiting:
                for state in self.empty[waiting.pop()]:
                    if state not in found:
                        found.add(state)
                        waiting.append(state)
            work += len(found)
            if work > _MAX_WORK:
                raise _TooLargeError
            return frozenset(found)

        def follow(states: frozenset[int]) -> dict[str, frozenset[int]]:
            targets: dict[str, set[int]] = {}
            for state in states:
                characters, target = self.symbol[state] or (frozenset(), 0)
                for character in characters:
                    targets.setdefault(character, set()).add(target)
            closures: dict[frozenset[int], frozenset[int]] = {}
            for key in map(frozenset, targets.values()):
                if key not in closures:
                    closures[key] = closure(key)
            return {c: closures[frozenset(reached)] for c, reached in targets.items()}

        return _explore(closure([start]), lambda states: end in states, follow)

    def state(self) -> int:
        if len(self.empty) >= 2 * MAX_STATES:
            raise _TooLargeError
        self.empty.append([])
        self.symbol.append(None)
        return len(self.empty) - 1

    def build(self, items: Iterable[tuple[Any, Any]], start: int, end: int) -> None:
        """Add the states of a parsed sequence between two states."""
        for operation, argument in items:
            middle = self.state()
            self.build_item(operation, argument, start, middle)
            start = middle
        self.empty[start].append(end)

    def build_item(self, operation: Any, argument: Any, start: int, end: int) -> None:
        characters = self.characters(operation, argument)
        if characters is not None:
            self.symbol[start] = (characters, end)
        elif operation is _sre.BRANCH:
            for branch in argument[1]:
                inner = self.state()
                self.empty[start].append(inner)
                self.build(branch, inner, end)
        elif operation is _sre.SUBPATTERN and not argument[1] and not argument[2]:
            self.build(argument[3], start, end)
        elif operation in _REPEATS:
            low, high, item = argument
            self.repeat(low, high, item, start, end)
        else:
            kind = _UNSUPPORTED.get(operation, str(operation).lower().replace("_", " "))
            raise ValueError(f"pattern must have no {kind}, got {self.pattern!r}")

    def repeat(self, low: int, high: int, item: Any, start: int, end: int) -> None:
        for _ in range(low):
            middle = self.state()
            self.build(item, start, middle)
            start = middle
        if high is _sre.MAXREPEAT:
            inner, after = self.state(), self.state()
            self.empty[start] += [inner, end]
            self.build(item, inner, after)
            self.empty[after] += [inner, end]
            return
        for _ in range(high - low):
            inner, middle = self.state(), self.state()
            self.empty[start] += [inner, end]
            self.build(item, inner, middle)
            start = middle
        self.empty[start].append(end)

    def characters(self, operation: Any, argument: Any) -> frozenset[str] | None:
        """Return the characters of the alphabet that an item matches; None if it is no set."""
        if operation is _sre.LITERAL:
            return frozenset(self.known(chr(argument)))
        if operation is _sre.ANY:
            return frozenset(SYMBOLS)
        if operation is _sre.NOT_LITERAL:
            return frozenset(SYMBOLS) - {chr(argument)}
        if operation is not _sre.IN:
            return None
        negated = argument[0][0] is _sre.NEGATE
        found: set[str] = set()
        for kind, value in argument[negated:]:
            if kind is _sre.LITERAL:
                found |= {chr(value)} if negated else set(self.known(chr(value)))
            elif kind is _sre.RANGE:
                low, high = value
                found |= self.range(low, high, negated)
            else:
                found |= self.category(value)
        result = frozenset(SYMBOLS) - found if negated else frozenset(found)
        if not result:
            raise ValueError(f"pattern has a class without symbols, got {self.pattern!r}")
        return result

    def known(self, character: str) -> str:
        if character not in self.alphabet:
            raise ValueError(
                f"pattern must be of the characters {DIGITS!r} and the separators "
                f"{SEPARATORS!r}, got {character!r} in {self.pattern!r}; names of patterns are "
                f"{', '.join(PATTERNS)}"
            )
        return character

    def range(self, low: int, high: int, negated: bool) -> set[str]:
        inside = {c for c in self.alphabet if low <= ord(c) <= high}
        if not negated and len(inside) < high - low + 1:
            first = next(chr(c) for c in range(low, high + 1) if chr(c) not in inside)
            self.known(first)
        return inside

    def category(self, category: Any) -> set[str]:
        """Return the symbols of a category; of that of spaces, the space."""
        if category is _sre.CATEGORY_SPACE:
            return {" "}
        matches, positive = _CATEGORIES[category]
        return {c for c in SYMBOLS if matches(c) == positive}


_REPEATS = {_sre.MAX_REPEAT, _sre.MIN_REPEAT}
_BEGINNINGS = {_sre.AT_BEGINNING, _sre.AT_BEGINNING_STRING}
_ENDS = {_sre.AT_END, _sre.AT_END_STRING}
_CATEGORIES = {
    _sre.CATEGORY_DIGIT: (str.isdigit, True),
    _sre.CATEGORY_NOT_DIGIT: (str.isdigit, False),
    _sre.CATEGORY_WORD: (str.isalnum, True),
    _sre.CATEGORY_NOT_WORD: (str.isalnum, False),
    _sre.CATEGORY_NOT_SPACE: (str.isspace, False),
}
_UNSUPPORTED = {
    _sre.GROUPREF: "back-references",
    _sre.GROUPREF_EXISTS: "conditional groups",
    _sre.ASSERT: "look-ahead or look-behind",
    _sre.ASSERT_NOT: "look-ahead or look-behind",
    _sre.AT: "anchors other than ^ at its beginning and $ at its end",
    _sre.SUBPATTERN: "flags",
}


def _parsed(pattern: str) -> list[tuple[Any, Any]]:
    """Return the parsed items of a pattern, without ``^`` at its beginning and ``$`` at its end."""
    try:
        parsed: Any = _sre_parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(
            f"pattern must be a regular expression, got {pattern!r}: {error}"
        ) from None
    if parsed.state.flags & ~re.UNICODE:
        raise ValueError(f"pattern must have no flags, got {pattern!r}")
    items: list[tuple[Any, Any]] = list(parsed)
    while items and items[0][0] is _sre.AT and items[0][1] in _BEGINNINGS:
        del items[0]
    while items and items[-1][0] is _sre.AT and items[-1][1] in _ENDS:
        del items[-1]
    return items


def compile_pattern(pattern: str) -> Automaton:
    """Return the automaton of a regular expression over digits and separators.

    Parameters
    ----------
    pattern : str
        A regular expression that the whole text matches; ``.`` and negated classes are any symbol.

    Returns
    -------
    Automaton

    Raises
    ------
    ValueError
        The pattern is invalid, has back-references, look-around or flags, has characters other than
        digits and separators, matches no text but the empty one, or has too many states.
    """
    try:
        automaton = _Thompson(pattern).compile()
    except (_TooLargeError, RecursionError):
        raise _too_large(pattern) from None
    if not automaton.transitions[0]:
        raise ValueError(f"pattern must match some number, got {pattern!r}")
    return automaton


def _too_large(pattern: str) -> ValueError:
    return ValueError(
        f"pattern must have at most {MAX_STATES} states as a finite automaton, got {pattern!r}"
    )


# -- optional separators --


@dataclass(frozen=True)
class Separators:
    """The optional separators of a pattern, which follow from the other characters of a text.

    Attributes
    ----------
    automaton : Automaton
        Of the pattern, over digits and separators.
    skips : tuple of dict
        For each state, those that optional separators alone lead to, with these; itself included.
    symbols : str
        The characters that must be read.
    """

    automaton: Automaton
    skips: tuple[dict[int, str], ...]
    symbols: str

    def steps(self, state: int) -> Iterator[tuple[str, str, int]]:
        """Yield the separators, the symbol after them, and the next state."""
        for skipped, text in self.skips[state].items():
            for character, target in self.automaton.transitions[skipped].items():
                if character in self.symbols:
                    yield text, character, target

    def ends(self, state: int) -> list[str]:
        """Return the separators at the end of a text that stops in a state."""
        accepting = self.automaton.accepting
        return [text for skipped, text in self.skips[state].items() if accepting[skipped]]

    def complete(self, read: str) -> str:
        """Return the text of the pattern for what was read."""
        found: dict[int, str] = {0: ""}
        for symbol in read:
            if symbol not in self.symbols:
                continue
            found = {
                target: before + text + symbol
                for state, before in found.items()
                for text, character, target in self.steps(state)
                if character == symbol
            }
        return next(before + end for state, before in found.items() for end in self.ends(state))

    def readable(self) -> Automaton:
        """Return the automaton of what may be read: texts with all, some or no separators."""

        def follow(states: frozenset[int]) -> dict[str, frozenset[int]]:
            targets: dict[str, set[int]] = {}
            for state in states:
                for character, target in self.automaton.transitions[state].items():
                    if character in SYMBOLS:
                        targets.setdefault(character, set()).update(self.skips[target])
            return {c: frozenset(reached) for c, reached in targets.items()}

        return _explore(
            frozenset(self.skips[0]),
            lambda states: any(self.automaton.accepting[state] for state in states),
            follow,
        )


def gaps_of(text: str, read: str) -> tuple[str, ...]:
    """Return what a text has before each character that was read and after the last; () if nothing.

    The characters that were read are in the text in order.
    """
    gaps, start = [], 0
    for character in read:
        place = text.index(character, start)
        gaps.append(text[start:place])
        start = place + 1
    gaps.append(text[start:])
    return tuple(gaps) if any(gaps) else ()


def _skips(automaton: Automaton, start: int, pattern: str, symbols: str) -> dict[int, str]:
    """Return the states that others than ``symbols`` lead to from ``start``, with these."""
    found = {start: ""}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        for character, target in automaton.transitions[state].items():
            if character in symbols:
                continue
            text = found[state] + character
            if target in found:
                raise _ambiguous(pattern, found[target], text)
            found[target] = text
            waiting.append(target)
    return found


class _AmbiguousError(ValueError):
    """The separators of a pattern do not follow from the other characters."""


def _ambiguous(pattern: str, first: str, second: str) -> _AmbiguousError:
    return _AmbiguousError(
        f"pattern must give the places of spaces, which are not read, got {pattern!r}, with "
        f"both {first!r} and {second!r}"
    )


def _separators(automaton: Automaton, pattern: str, symbols: str) -> Separators:
    """Return the optional separators of a pattern; raise _AmbiguousError if they do not follow.

    Pairs of states that the same symbols lead to are explored, each with the texts that lead there;
    different texts must not lead to the same state or both be accepted.
    """
    skips = []
    work = 0
    for state in range(len(automaton.accepting)):
        skips.append(_skips(automaton, state, pattern, symbols))
        work += sum(map(len, skips[-1].values()))
        if work > _MAX_WORK:
            raise _TooLargeError
    result = Separators(automaton, tuple(skips), symbols)
    seen = {(0, 0)}
    waiting = [(0, 0, "", "")]
    while waiting:
        first, second, one, other = waiting.pop()
        same = one == other
        ends = [(a, b) for a in result.ends(first) for b in result.ends(second)]
        for a, b in ends:
            if one + a != other + b:
                raise _ambiguous(pattern, one + a, other + b)
        after = list(result.steps(second))
        for a, character, target in result.steps(first):
            work += len(after)
            if work > _MAX_WORK:
                raise _TooLargeError
            for b, symbol, beside in after:
                if character != symbol or (same and a == b and target != beside):
                    continue
                left, right = one + a + character, other + b + character
                if target == beside and left != right:
                    raise _ambiguous(pattern, left, right)
                if (target, beside) not in seen:
                    if len(seen) > 50 * MAX_STATES:
                        raise _TooLargeError
                    seen.add((target, beside))
                    waiting.append((target, beside, left, right))
    return result


# -- constraints --


@dataclass(frozen=True)
class Constraint:
    """What the text of a line may be.

    Attributes
    ----------
    automaton : ocrdigit._core.Automaton
        What may be read.
    separators : Separators or None
        Those of a pattern that are optional.
    """

    automaton: _core.Automaton
    separators: Separators | None = None


def constraint(
    pattern: str | None,
    length: int | tuple[int, int] | None,
    lexicon: Iterable[str] | None,
) -> Constraint | None:
    """Return the intersection of the arguments of :func:`ocrdigit.read`; None without any."""
    words = None if lexicon is None else _checked_lexicon(lexicon)
    separators, automaton = (None, None) if pattern is None else _of_pattern(pattern)
    if length is not None:
        low, high = _checked_length(length)
        alone = automaton is None and words is None
        lengths = of_length(low, high) if alone else counting(low, high)
        try:
            automaton = lengths if automaton is None else intersection(automaton, lengths)
        except _TooLargeError:
            raise _too_large(f"{pattern}, with length={length}") from None
    if words is not None:
        if automaton is not None:
            words = {word for word in words if automaton.accepts(word)}
        if not words:
            raise _contradiction(pattern, length, lexicon)
        characters = str.maketrans({c: chr(ord("0") + i) for i, c in enumerate(SYMBOLS)})
        encoded = sorted(word.translate(characters) for word in words)
        return Constraint(_core.Automaton.from_words(tuple(encoded)), separators)
    if automaton is None:
        return None
    if _is_empty(automaton):
        raise _contradiction(pattern, length, lexicon)
    return Constraint(automaton.to_core(), separators)


def any_number(symbols: str = SYMBOLS) -> Constraint:
    """Return the constraint that every text of ``symbols`` with a digit meets."""
    before = {symbol: int(symbol in DIGITS) for symbol in symbols}
    return Constraint(Automaton((False, True), (before, dict.fromkeys(symbols, 1))).to_core())


def _contradiction(pattern: object, length: object, lexicon: object) -> ValueError:
    given = {"pattern": pattern, "length": length, "lexicon": lexicon}
    names = [
        f"{name}={value!r}" if name != "lexicon" else "lexicon"
        for name, value in given.items()
        if value is not None
    ]
    return ValueError(f"{' and '.join(names)} contradict each other: no number meets them all")


def _of_pattern(pattern: str) -> tuple[Separators | None, Automaton]:
    if not isinstance(pattern, str):
        raise TypeError(f"pattern must be a str, got {pattern!r}")
    return _compiled(PATTERNS.get(pattern, pattern))


@functools.lru_cache(maxsize=64)
def _compiled(pattern: str) -> tuple[Separators | None, Automaton]:
    """Return the optional separators of a pattern, and the automaton of what may be read."""
    automaton = compile_pattern(pattern)
    characters = {c for targets in automaton.transitions for c in targets}
    if characters <= set(DIGITS):
        return None, automaton
    if characters.isdisjoint(DIGITS):
        raise ValueError(f"pattern must match some number, got {pattern!r}")
    try:
        separators = _optional_separators(automaton, pattern, " " in characters)
        return separators, automaton if separators is None else separators.readable()
    except _TooLargeError:
        raise _too_large(pattern) from None


def _optional_separators(automaton: Automaton, pattern: str, spaces: bool) -> Separators | None:
    """Return the separators that follow from the digits; else the spaces, if there are some."""
    try:
        return _separators(automaton, pattern, DIGITS)
    except _AmbiguousError:
        return _separators(automaton, pattern, SYMBOLS) if spaces else None


def _checked_lexicon(lexicon: Iterable[str]) -> set[str]:
    if isinstance(lexicon, (str, bytes)) or not isinstance(lexicon, Iterable):
        raise TypeError(f"lexicon must be an iterable of str, got {lexicon!r}")
    words = set()
    for word in lexicon:
        if not isinstance(word, str):
            raise TypeError(f"lexicon must contain str, got {word!r}")
        if not 1 <= len(word) <= _MAX_LENGTH or word.strip(SYMBOLS):
            raise ValueError(
                f"lexicon must contain strings of 1 to {_MAX_LENGTH} characters of {SYMBOLS!r}, "
                f"got {word!r}"
            )
        words.add(word)
    if not words:
        raise ValueError("lexicon must not be empty")
    return words


def _checked_length(length: int | tuple[int, int]) -> tuple[int, int]:
    """Return the smallest and the largest number of digits."""
    if isinstance(length, tuple):
        if len(length) != 2:
            raise ValueError(f"length must be an integer or (low, high), got {length!r}")
        low, high = (_checks.positive_int("length", each) for each in length)
    else:
        low = high = _checks.positive_int("length", length)
    if not low <= high <= _MAX_LENGTH:
        raise ValueError(
            f"length must be at most {_MAX_LENGTH}, and (low, high) in rising order, got {length!r}"
        )
    return low, high
