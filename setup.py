"""Build the extension module ``ocrdigit._core``; everything else is in pyproject.toml.

Environment variables for developers (a release sets none of them):

OCRDIGIT_SANITIZE   sanitizers for gcc or clang, "address,undefined" or "thread"
OCRDIGIT_COVERAGE   "1" for gcov's instrumentation
OCRDIGIT_DEBUG      "1" for debug information and no optimisation
OCRDIGIT_WERROR     "1" for the strict warnings, as errors
OCRDIGIT_BUILD_JOBS number of files to compile at a time; by default one a processor
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy
from pybind11.setup_helpers import ParallelCompile
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# One baseline for every wheel; kernels for other instruction sets are selected at run time.
# These flags come last, to override a -march=native in CFLAGS.
BASELINES = {
    ("linux", "x86_64"): ["-march=x86-64", "-mtune=generic"],
    ("linux", "aarch64"): ["-march=armv8-a"],
}

STRICT_WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion"]
STRICT_WARNINGS += ["-Wstrict-prototypes", "-Werror"]

IS_WINDOWS = sys.platform == "win32"

PROBE = """
#include <stdatomic.h>
#if !defined(__GNUC__) && !defined(__clang__)
#error "neither gcc nor clang"
#endif
#include "base/memory.h" /* refuses processors that the core does not support */
typedef float vector __attribute__((vector_size(16)));
int main(void) { return 0; }
"""

UNSUPPORTED = """
ocrdigit's core is C11 with vector extensions and needs gcc (9 or later) or clang (12 or later).
The C compiler found here cannot build it; its message is above.
  Debian, Ubuntu:  apt install gcc python3-dev
  Fedora:          dnf install gcc python3-devel
  macOS:           xcode-select --install
  Windows:         Visual Studio with "C++ Clang tools for Windows", or LLVM's clang-cl on the PATH
Set CC to choose another compiler."""


def is_on(switch: str) -> bool:
    return os.environ.get(switch, "") not in ("", "0")


def optimization() -> list[str]:
    if is_on("OCRDIGIT_DEBUG"):
        return ["-O0", "-g", "-UNDEBUG"]
    if os.environ.get("OCRDIGIT_SANITIZE"):
        return ["-O1", "-g", "-fno-omit-frame-pointer"]
    return ["-O1", "-g"] if is_on("OCRDIGIT_COVERAGE") else ["-O3", "-g0"]


def compile_flags() -> list[str]:
    """Return the flags of gcc and clang, for Windows in the words of clang-cl."""
    floats = ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
    # System headers, so that our warnings do not apply to Python's and NumPy's.
    system_headers = [sysconfig.get_path("include"), numpy.get_include()]
    if IS_WINDOWS:
        flags = ["/std:c11", "/D_CRT_SECURE_NO_WARNINGS"]
        for folder in system_headers:
            flags += ["-imsvc", folder]
        return flags + [f"/clang:{flag}" for flag in floats + optimization()]
    flags = ["-std=c11", "-fvisibility=hidden", *floats]
    for folder in system_headers:
        flags += ["-isystem", folder]
    flags += optimization()
    if is_on("OCRDIGIT_WERROR"):
        flags += STRICT_WARNINGS
    return flags + instrument_flags() + BASELINES.get((sys.platform, platform.machine()), [])


def instrument_flags() -> list[str]:
    """Return flags for both the compiler and the linker."""
    sanitizers = os.environ.get("OCRDIGIT_SANITIZE")
    flags = [f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all"] if sanitizers else []
    return flags + (["--coverage"] if is_on("OCRDIGIT_COVERAGE") else [])


class BuildExtension(build_ext):
    """Checks that the compiler supports the core's C before compiling it."""

    def build_extensions(self) -> None:
        if IS_WINDOWS:
            self.use_clang_cl()
        super().build_extensions()

    def use_clang_cl(self) -> None:
        """Let clang-cl compile in place of MSVC, which has no vector extensions."""
        self.compiler.initialize()
        self.compiler.cc = shutil.which("clang-cl")
        if not self.compiler.cc:
            sys.exit(f"clang-cl: not found{UNSUPPORTED}")

    def build_extension(self, extension: Extension) -> None:
        self.check_compiler(extension)
        super().build_extension(extension)

    def check_compiler(self, extension: Extension) -> None:
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder, "probe.c")
            probe.write_text(PROBE)
            try:
                self.compiler.compile(
                    [str(probe)],
                    output_dir=folder,
                    include_dirs=extension.include_dirs,
                    extra_postargs=extension.extra_compile_args,
                )
            except Exception as error:
                sys.exit(f"{error}\n{UNSUPPORTED}")


# setuptools compiles an extension's files one after another; this helper uses a pool of threads.
ParallelCompile("OCRDIGIT_BUILD_JOBS").install()

setup(
    ext_modules=[
        Extension(
            "ocrdigit._core",
            sources=sorted(map(str, Path("csrc").rglob("*.c"))),
            depends=sorted(map(str, Path("csrc").rglob("*.h"))),
            include_dirs=["csrc"],
            extra_compile_args=compile_flags(),
            extra_link_args=[] if IS_WINDOWS else ["-pthread", *instrument_flags()],
            libraries=[] if IS_WINDOWS else ["m"],
        )
    ],
    cmdclass={"build_ext": BuildExtension},
)
