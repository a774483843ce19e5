"""Invalid arguments of ``ocrdigit._core.Automaton``; tests/test_patterns.py tests valid ones."""

from __future__ import annotations

import re

import pytest

from ocrdigit import _core


@pytest.mark.parametrize(
    ("accepting", "transitions", "error", "message"),
    [
        ([True], (), TypeError, "accepting: got [True], expected a tuple of up to 16777216"),
        ((True,), [], TypeError, "transitions: got [], expected a tuple of up to 16777216"),
        ((1,), (), TypeError, "accepting: got 1, expected True or False"),
        ((True,), (5,), TypeError, "transitions: got 5, expected (state, symbol, target)"),
        ((True,), ((0, 1),), TypeError, "got (0, 1), expected (state, symbol, target)"),
        ((True,), ((0, "1", 0),), TypeError, "transitions: got '1', expected an integer"),
        ((True,), ((0, -1, 0),), ValueError, "transitions: got -1, expected an integer from 0"),
        ((True,), ((0, 16, 0),), ValueError, "got (0, 16, 0), expected a state below 1, a symbol"),
        ((True,), ((0, 1, 1),), ValueError, "got (0, 1, 1), expected a state below 1, a symbol"),
        (
            (True,),
            ((0, 1, 0), (0, 1, 0)),
            ValueError,
            "got symbol 1 of state 0 after symbol 1 of state 0, expected ascending order",
        ),
        ((), (), ValueError, "states: got 0, expected 1 to 16777216"),
    ],
)
def test_invalid_states_and_transitions(
    accepting: object, transitions: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        _core.Automaton(accepting, transitions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["1"], TypeError, "words: got ['1'], expected a tuple of up to 1048576"),
        (("1", 2), TypeError, "words: got 2, expected str"),
        ((b"1",), TypeError, "words: got b'1', expected str"),
        (("",), ValueError, "words: got '', expected 1 to 1000 digits"),
        (("1" * 1001,), ValueError, "expected 1 to 1000 digits"),
        (("1\0",), ValueError, "words: got '1\\x00', expected 1 to 1000 digits"),
        (("\ud800",), ValueError, "surrogates not allowed"),
        (("2", "1"), ValueError, 'words: got "1" after "2", expected ascending order'),
        (("1", "1"), ValueError, 'words: got "1" after "1", expected ascending order'),
        (("1a",), ValueError, 'words: got "1a", expected characters from 0 to ?'),
        (("a",), ValueError, 'words: got "a", expected characters from 0 to ?'),
        ((), ValueError, "words: got none, expected some"),
    ],
)
def test_invalid_words(words: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        _core.Automaton.from_words(words)  # type: ignore[arg-type]


def test_arguments_are_required() -> None:
    with pytest.raises(TypeError, match="missing required argument 'accepting'"):
        _core.Automaton()  # type: ignore[call-arg]
