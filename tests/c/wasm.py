"""Run a WebAssembly program under wasmtime: python wasm.py PROGRAM [ARGUMENT ...].

Needs wasmtime (pip install wasmtime). The program may read and write files.
"""

from __future__ import annotations

import os
import sys

from wasmtime import Engine, ExitTrap, Linker, Module, Store, WasiConfig


def run(arguments: list[str]) -> int:
    """Return the exit status of the program ``arguments[0]``."""
    system = WasiConfig()
    # A module's working folder is the root.
    system.argv = [os.path.abspath(text) if os.path.exists(text) else text for text in arguments]
    system.inherit_stdin()
    system.inherit_stdout()
    system.inherit_stderr()
    system.preopen_dir("/", "/")
    engine = Engine()
    store = Store(engine)
    store.set_wasi(system)
    linker = Linker(engine)
    linker.define_wasi()
    program = linker.instantiate(store, Module.from_file(engine, arguments[0]))
    try:
        program.exports(store)["_start"](store)
    except ExitTrap as end:
        return end.code
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
