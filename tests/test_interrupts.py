"""Ctrl-C ends every long call, and all objects stay usable."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import pytest
from core_cases import ENVIRONMENT, SANITIZED
from interrupt_cases import CASES, START

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="the sanitizers make everything slow"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send SIGINT to a process"),
]

END = """
print("ready", flush=True)
try:
    call()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    if check is not None:
        check()
    print("usable", flush=True)
"""


def interrupt(case: str, delay: float) -> float:
    """Run a case, send SIGINT after a delay; return the seconds until KeyboardInterrupt."""
    with subprocess.Popen(
        [sys.executable, "-c", START + CASES[case] + END],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tempfile.gettempdir(),
        env=ENVIRONMENT,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            time.sleep(delay)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n", process.stderr.read()
            seconds = time.monotonic() - start
            assert process.stdout.readline() == "usable\n", process.stderr.read()
            assert process.wait(60) == 0
        finally:
            process.kill()
    return seconds


@pytest.mark.parametrize("case", CASES)
def test_ctrl_c_ends_the_call(case: str, record_property: Callable[[str, object], None]) -> None:
    """The calls take a minute or more; the bound tells those that go on to their end."""
    seconds = interrupt(case, 0.4)
    record_property("seconds", seconds)
    assert seconds < 60
