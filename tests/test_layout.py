"""The layout of the repository: folders, includes, sizes of functions, public headers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CSRC = ROOT / "csrc"
FOLDERS = ("base", "kernels", "image", "nn", "train", "digit", "page", "python")
TOP_LEVEL = {
    "csrc",
    "ocrdigit",
    "tests",
    "notebooks",
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
    "MANIFEST.in",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
STANDARD_HEADERS = {
    f"{name}.h"
    for name in (
        *("errno", "float", "limits", "math", "stdarg", "stdatomic", "stdbool", "stddef"),
        *("stdint", "stdio", "stdlib", "string"),
    )
}
# Of compilers, for the instruction sets.
PROCESSOR_HEADERS = {"arm_neon.h", "cpuid.h", "immintrin.h", "wasm_simd128.h"}
MAX_LINES = 60
MAX_PARAMETERS = 8

# Comments, strings and characters; preprocessor directives with their continuation lines.
NO_CODE = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
# A function's name before its parameters, or that of a pointer to a function.
DECLARED = re.compile(r"\b(\w+)\(|\(\*(\w+)\)\(")


def core_files():
    files = [path for path in CSRC.rglob("*") if path.suffix in (".c", ".h")]
    assert files
    return files


def included(path, mark):
    """Return the names that a file includes in quotes (mark '"') or in angle brackets ("<")."""
    return [name for found, name in INCLUDE.findall(path.read_text()) if found == mark]


def folder_of(path):
    """Return the folder of csrc that contains a file; "" for csrc itself."""
    parts = path.relative_to(CSRC).parts
    return parts[0] if len(parts) > 1 else ""


def code_of(text):
    """Return C code without comments, strings and directives; lines and columns stay the same."""

    def erase(match):
        return re.sub(r"[^\n]", " ", match.group())

    return DIRECTIVE.sub(erase, NO_CODE.sub(erase, text))


def closing(code, start, brackets):
    """Return the position after the bracket that closes the one before ``start``."""
    depth = 1
    while depth:
        depth += {brackets[0]: 1, brackets[1]: -1}.get(code[start], 0)
        start += 1
    return start


def count_parameters(parameters):
    if parameters.strip() in ("", "void"):
        return 0
    depths = (parameters[:i].count("(") - parameters[:i].count(")") for i in range(len(parameters)))
    return 1 + sum(c == "," and d == 0 for c, d in zip(parameters, depths, strict=True))


def declared_functions(text):
    """Yield name, line, parameters and lines (None without a body) of each function of a C file.

    The file is formatted by clang-format: a function begins in the first column. Pointers to
    functions, such as the members of a table, are declared anywhere.
    """
    code = code_of(text)
    for match in DECLARED.finditer(code):
        line_start = code.rfind("\n", 0, match.start()) + 1
        end = closing(code, match.end(), "()")
        after = code[end:].lstrip()[:1]
        before = code[line_start : match.start()]
        outside = before[:1].strip() and "{" not in before and "=" not in before
        if match[1] and not (outside and after in ("{", ";")):
            continue
        lines = None
        if match[1] and after == "{":
            body_end = closing(code, code.index("{", end) + 1, "{}")
            lines = code.count("\n", line_start, body_end) + 1
        yield (
            match[1] or match[2],
            code.count("\n", 0, match.start()) + 1,
            count_parameters(code[match.end() : end - 1]),
            lines,
        )


def public_headers():
    """Return ocrdigit.h and all headers that it includes, directly or not."""
    found, waiting = set(), [CSRC / "ocrdigit.h"]
    while waiting:
        header = waiting.pop()
        if header not in found:
            found.add(header)
            waiting += [CSRC / name for name in included(header, '"')]
    return sorted(found)


def test_core_lies_in_known_folders():
    assert {folder_of(path) for path in core_files()} <= {*FOLDERS, ""}
    assert [path.name for path in core_files() if folder_of(path) == ""] == ["ocrdigit.h"]


def test_core_knows_no_python():
    files = [path for path in core_files() if folder_of(path) != "python"]
    assert len(files) > 20
    for path in files:
        for name in included(path, "<") + included(path, '"'):
            assert "python" not in name.lower(), f"{path} includes {name}"
            assert "numpy" not in name.lower(), f"{path} includes {name}"
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(PyObject|Py[A-Z]*[a-z]*_\w+)", text), path


def test_memory_and_threads_come_from_base():
    """Tests let every allocation and every start of a thread fail: there is one place of each."""
    calls = re.compile(
        r"\b((?:m|c|re|aligned_|v)alloc|(?:posix_)?memalign|strn?dup|free|pthread_create)\("
    )
    users = {
        (path.relative_to(CSRC).as_posix(), name)
        for path in core_files()
        if folder_of(path) != "python"
        for name in calls.findall(code_of(path.read_text("utf-8")))
    }
    assert users == {
        ("base/memory.c", "aligned_alloc"),
        ("base/memory.c", "free"),
        ("base/thread_posix.c", "pthread_create"),
    }


def test_every_fuzz_target_has_a_corpus():
    """A corpus is small, one file an input, and begins a run with known coverage."""
    folder = ROOT / "tests" / "c" / "fuzz"
    targets = {path.stem for path in folder.glob("*.c")} - {"run_corpus"}
    assert targets == {path.name for path in (folder / "corpus").iterdir()}
    sizes = [path.stat().st_size for path in folder.glob("corpus/*/*")]
    assert len(sizes) > 10 * len(targets)
    assert sum(sizes) <= 300_000


def test_numpy_is_imported_in_one_file():
    users = [p.name for p in core_files() if "numpy/" in p.read_text("utf-8")]
    assert users == ["convert.c"]


def test_includes_point_upward():
    """Files include only files of their own folder and of folders before it in the order."""
    for path in core_files():
        own = folder_of(path)
        for name in included(path, '"'):
            beside = path.parent / name
            target = beside if beside.is_file() else CSRC / name
            assert target.is_file(), f"{path} includes {name}, which is not in csrc"
            if target == CSRC / "ocrdigit.h":
                assert own == "python", f"{path} includes ocrdigit.h"
            elif own:
                upward = FOLDERS.index(folder_of(target)) <= FOLDERS.index(own)
                assert upward, f"{path} includes {name}, of a later folder"


def test_operating_systems_are_in_base():
    """Outside base/ and python/, the core includes headers of C11 and of processors only."""
    systems = re.compile(r"\b(_WIN32|__linux__|__APPLE__)\b")
    for path in core_files():
        folder = folder_of(path)
        if folder not in ("base", "python"):
            allowed = STANDARD_HEADERS | (PROCESSOR_HEADERS if folder == "kernels" else set())
            assert set(included(path, "<")) <= allowed, path
            assert not systems.search(path.read_text("utf-8")), path


def test_top_level_is_tidy():
    try:
        listing = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine has no checkout with git here")
    names = {line.split("/")[0] for line in listing.stdout.splitlines()}
    if not names:
        pytest.skip("this machine has the sources inside another checkout")
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_functions_are_found():
    code = """
/* int in_a_comment(int a) { */
#define MACRO(a) \\
  int in_a_macro(int a) {
typedef struct table {
  void (*member)(int a, int b[2], int (*callback)(int, int));
} table;
static inline int one_line(void) { return call(1, "{"); }
int declared(int a,
             int b);

int body(const table *t,
         int n) {
  if (n == '(' || n == '\\'') t->member(1, 2, 3);
  return n;
}
"""
    assert list(declared_functions(code)) == [
        ("member", 6, 3, None),
        ("callback", 6, 2, None),
        ("one_line", 8, 0, 1),
        ("declared", 9, 2, None),
        ("body", 12, 2, 5),
    ]


def test_functions_are_small():
    """Functions of the core have at most 60 lines and 8 parameters."""
    count, violations = 0, []
    for path in core_files():
        for name, line, parameters, lines in declared_functions(path.read_text("utf-8")):
            count += 1
            if parameters > MAX_PARAMETERS or (lines or 0) > MAX_LINES:
                place = f"{path.relative_to(CSRC)}:{line}"
                violations.append(f"{place}: {name}: {parameters} parameters, {lines} lines")
    assert count > 1000
    assert violations == []


def test_public_headers_are_for_cplusplus():
    """Public headers that declare functions do so between OD_BEGIN_DECLS and OD_END_DECLS."""
    headers = public_headers()
    assert len(headers) > 20
    for path in headers:
        text = path.read_text("utf-8")
        declares = any(declared_functions(text)) or re.search(r"^extern ", text, re.MULTILINE)
        counts = [
            len(re.findall(rf"^OD_{word}_DECLS$", text, re.MULTILINE)) for word in ("BEGIN", "END")
        ]
        assert counts == ([1, 1] if declares else [0, 0]), path


def test_version_is_that_of_the_package():
    header = (CSRC / "ocrdigit.h").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    version = re.search(r'^#define OCRDIGIT_VERSION "(.*)"$', header, re.MULTILINE)[1]
    parts = [
        re.search(rf"^#define OCRDIGIT_VERSION_{part} (\d+)$", header, re.MULTILINE)[1]
        for part in ("MAJOR", "MINOR", "PATCH")
    ]
    assert version == re.search(r'^version = "(.*)"$', project, re.MULTILINE)[1]
    assert version == ".".join(parts)


def test_every_kernel_is_tested():
    """Every kernel of the table is in the tests that compare it with the reference."""
    table = (CSRC / "kernels" / "kernels.h").read_text()
    kernels = re.findall(r"\(\*(\w+)\)\(", table)
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "c").glob("test_kernels_*.c"))
    assert "gemm" in kernels
    assert [name for name in kernels if f"->{name}(" not in tests] == []
    table = (CSRC / "kernels" / "image_kernels.h").read_text()
    kernels = re.findall(r"\(\*(\w+)\)\(", table)
    assert "gray" in kernels
    assert [name for name in kernels if f"->image.{name}(" not in tests] == []


def test_nothing_is_left_to_do():
    unfinished = re.compile(r"\b(TODO|FIXME|XXX)\b")
    sources = [path for path in (ROOT / "ocrdigit").rglob("*") if path.suffix in (".py", ".pyi")]
    for path in core_files() + sources:
        assert not unfinished.search(path.read_text(encoding="utf-8")), path
