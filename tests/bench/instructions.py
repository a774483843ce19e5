"""Count the instructions of hot paths of the core, and compare them with kept counts.

    python tests/bench/instructions.py                   # exit code 1 if a path changed by 2 %
    python tests/bench/instructions.py --update "why"    # keep the counts of this version
    python tests/bench/instructions.py --base HEAD^      # compare with another version instead

Valgrind's callgrind executes the program in instructions/, once for each path. Unlike times,
counts hardly depend on the machine and its load, but they do depend on the compiler, the C
library and valgrind: the kept ones (instructions/counts.json) are compared with only where these
are the same. Elsewhere the parent commit is built and counted, too.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = HERE / "instructions" / "counts.json"
# The fastest one that valgrind 3.19 executes: it has no AVX-512.
ISA = "avx2"
TOLERANCE = 0.02

Counts = dict[str, int]


class Change(NamedTuple):
    """The count of a path before and after a change; None where there is no such path."""

    path: str
    before: int | None
    after: int | None

    @property
    def ratio(self) -> float | None:
        return self.after / self.before - 1 if self.before and self.after else None

    @property
    def flagged(self) -> bool:
        return self.ratio is not None and abs(self.ratio) > TOLERANCE


def main() -> int:
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        environment = describe_environment()
        counts = count_paths(build(ROOT, os.environ.get("BUILD") or f"{folder}/build"))
        if options.update:
            before = json.loads(KEPT.read_text())["counts"] if KEPT.exists() else {}
            print(table(changes(before, counts), "kept before"))
            print(f"Kept now, because: {options.update}")
            write(counts, environment, options.update)
            return 0
        kept = None if options.base else kept_counts(environment)
        name = "kept"
        if kept is None:
            name = options.base or "HEAD^"
            kept = counts_of_version(name, Path(folder))
    found = changes(kept, counts)
    print(table(found, name))
    return report(found)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/bench/instructions.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--update", metavar="REASON", help="keep the counts, and why they changed")
    chosen.add_argument("--base", metavar="REVISION", help="compare with this version")
    return parser.parse_args()


# Counting.


def build(tree: Path, folder: str) -> Path:
    """Build the program of a tree in a folder; return its path."""
    command = ["make", "-s", "-C", str(tree / "tests" / "c"), "instructions", f"BUILD={folder}"]
    subprocess.run([*command, f"-j{os.cpu_count()}"], check=True, stdout=sys.stderr)
    return Path(folder, "instructions")


def count_paths(program: Path) -> Counts:
    """Return the number of instructions of each path, as many at a time as there are processors."""
    listing = subprocess.run([program, "--list"], check=True, capture_output=True, text=True)
    names = listing.stdout.split()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda name: count(program, name), names)
        return dict(zip(names, counts, strict=True))


def count(program: Path, path: str) -> int:
    """Count the instructions inside the program's function ``measure``."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += ["--toggle-collect=measure", str(program), path, ISA]
    # Without lazy binding, whose instructions depend on the length of symbols' names.
    environment = {**os.environ, "LD_BIND_NOW": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return collected(done.stderr)


def collected(output: str) -> int:
    """Return the count in callgrind's output.

    >>> collected("==7== Events    : Ir\\n==7== Collected : 597689\\n")
    597689
    """
    match = re.search(r"Collected : (\d+)$", output, re.MULTILINE)
    if not match or match[1] == "0":
        raise ValueError(f"callgrind's output: expected a count above 0, got {output!r}")
    return int(match[1])


def counts_of_version(revision: str, folder: Path) -> Counts:
    """Count the paths of another version, in a copy of it."""
    tree = folder / "tree"
    tree.mkdir()
    archive = ["git", "-C", str(ROOT), "archive", revision, "csrc", "tests"]
    files = subprocess.run(archive, capture_output=True)
    if files.returncode:
        sys.exit(
            f"base: got {revision!r}, expected a version in this clone. {files.stderr.decode()}"
        )
    subprocess.run(["tar", "-x", "-C", str(tree)], input=files.stdout, check=True)
    if not (tree / "tests" / "bench" / "instructions").exists():
        sys.exit(f"base: got {revision!r}, expected a version with this benchmark")
    return count_paths(build(tree, str(folder / "base")))


def describe_environment() -> dict[str, str]:
    """Return what the counts depend on, beside the sources."""
    compiler = os.environ.get("CC", "gcc").split()[-1]  # without ccache
    variables = first_line("make", "-s", "-C", str(HERE.parent / "c"), "flags")
    return {
        "compiler": first_line(compiler, "--version"),
        "flags": variables,
        "libc": first_line("ldd", "--version"),
        "valgrind": first_line("valgrind", "--version"),
        "isa": ISA,
    }


def first_line(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[0]


# The kept counts.


def kept_counts(environment: dict[str, str]) -> Counts | None:
    """Return the kept counts; None if they belong to another environment, which is printed."""
    kept = json.loads(KEPT.read_text())
    differences = [
        f"{key}: kept with {kept['environment'].get(key)!r}, here {value!r}"
        for key, value in environment.items()
        if kept["environment"].get(key) != value
    ]
    print("\n".join(differences), end="\n" if differences else "")
    counts: Counts = kept["counts"]
    return None if differences else counts


def write(counts: Counts, environment: dict[str, str], reason: str) -> None:
    kept = {"environment": environment, "reason": reason, "counts": counts}
    KEPT.write_text(json.dumps(kept, indent=2) + "\n")


# Comparing.


def changes(before: Counts, after: Counts) -> list[Change]:
    """Return the change of every path of either version, in the order of the newer one."""
    names = [*after, *(name for name in before if name not in after)]
    return [Change(name, before.get(name), after.get(name)) for name in names]


def table(found: list[Change], name: str) -> str:
    return "\n".join(table_lines(found, name))


def table_lines(found: list[Change], name: str) -> Iterator[str]:
    yield f"{'path':28} {name:>15} {'now':>15}  change"
    for change in found:
        before, after = (f"{n:,}" if n else "none" for n in (change.before, change.after))
        ratio = "" if change.ratio is None else f"{100 * change.ratio:+6.2f} %"
        mark = "  <--" if change.flagged else ""
        yield f"{change.path:28} {before:>15} {after:>15}  {ratio}{mark}"


def report(found: list[Change]) -> int:
    """Print what is flagged; return the exit code, 1 if something is."""
    flagged = [change for change in found if change.flagged]
    for change in flagged:
        more = "more" if (change.ratio or 0) > 0 else "fewer"
        print(f"{change.path}: {100 * abs(change.ratio or 0):.1f} % {more} instructions")
    if flagged:
        print('If that is intended: python tests/bench/instructions.py --update "the reason"')
    return int(bool(flagged))


if __name__ == "__main__":
    sys.exit(main())
