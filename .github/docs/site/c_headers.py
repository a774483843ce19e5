"""The reference of the C library: a page for each header that ``ocrdigit.h`` includes.

A page has the comment that opens the header, and each declaration with the comment before it.
Functions and types are entries of Sphinx's C domain, which links the types of parameters.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

INCLUDE = re.compile(r'^#include "(.+)"$', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
PLAIN = re.compile(r"^[ \t]*(?:#(?:\\\n|[^\n])*|OD_(?:BEGIN|END)_DECLS)\n?", re.MULTILINE)
# The branch of a build that the package does not use.
ALTERNATIVE = re.compile(r"^#if defined\(OD_DOUBLE\)\n.*?^#else\n", re.MULTILINE | re.DOTALL)
# A section of a header: /* ---- what reads ---- */
SECTION = re.compile(r"^/\* -+ (.+?) -+ \*/$", re.MULTILINE)
FUNCTION_TYPE = re.compile(r"^typedef [\w\s*]+?\(?\*?(\w+)\)?\([^{]*;$")
TYPE = re.compile(r"^typedef \w[^;{]*(?:\{.*\})?\s*\b(\w+);$", re.DOTALL)
FUNCTION = re.compile(r"^(?!typedef|extern|static|struct|enum)[\w\s*]+\b\w+\(.*\)$", re.DOTALL)
ATTRIBUTE = re.compile(r"^#if defined\(__GNUC__\)\n\s+__attribute__.*?^#endif\n", re.M | re.S)


class Declaration(NamedTuple):
    comment: str
    code: str


def write_c_reference(csrc: Path, out: Path) -> None:
    """Write ``index.rst``, and a page for each public header, to a folder."""
    out.mkdir(parents=True, exist_ok=True)
    text = (csrc / "ocrdigit.h").read_text("utf-8")
    lines = [*title_of("C library", "="), prose_of(COMMENT.search(text).group()), ""]
    lines += ["See :doc:`/project/c_library` for the folders and rules of the library.", ""]
    for block in text.split("\n\n"):
        headers = INCLUDE.findall(block)
        if not headers:
            continue
        lines += [*title_of(prose_of(COMMENT.search(block).group()).rstrip("."), "-")]
        lines += ["", ".. toctree::", "   :maxdepth: 1", ""]
        for header in headers:
            lines.append(write_page(header, csrc, out))
        lines.append("")
    lines += [*title_of("Included by these", "-"), ".. toctree::", "   :maxdepth: 1", ""]
    for header in sorted(included(csrc, INCLUDE.findall(text))):
        lines.append(write_page(header, csrc, out))
    (out / "index.rst").write_text("\n".join(lines), "utf-8")


def included(csrc: Path, headers: list[str]) -> set[str]:
    """Return the headers that these include, directly or not, without these."""
    found, waiting = set(headers), list(headers)
    while waiting:
        inner = INCLUDE.findall((csrc / waiting.pop()).read_text("utf-8"))
        waiting += [header for header in inner if header not in found]
        found.update(inner)
    return found.difference(headers)


def write_page(header: str, csrc: Path, out: Path) -> str:
    """Write the page of a header; return its line in a table of contents."""
    page = header.replace("/", "_").removesuffix(".h")
    (out / f"{page}.rst").write_text(page_of(header, csrc), "utf-8")
    return f"   {header} <{page}>"


def title_of(text: str, underline: str) -> list[str]:
    return [text, underline * len(text), ""]


def page_of(header: str, csrc: Path) -> str:
    text = ATTRIBUTE.sub("", (csrc / header).read_text("utf-8"))
    opening = COMMENT.match(text).group()
    lines = [*title_of(header, "="), prose_of(opening), ""]
    lines += [".. code-block:: c", "", f'   #include "{header}"', ""]
    position = len(opening)
    for section in [*SECTION.finditer(text), None]:
        end = section.start() if section else len(text)
        for declaration in declarations(text[position:end]):
            lines += entry_of(declaration)
        if section:
            lines += title_of(section[1][0].upper() + section[1][1:], "-")
            position = section.end()
    return "\n".join(lines)


def declarations(text: str) -> Iterator[Declaration]:
    """Yield the declarations of a header's part, each with the comment directly before it."""
    comment, position = "", 0
    while position < len(text):
        rest = text[position:]
        if rest[0].isspace():
            comment = "" if rest.startswith("\n\n") else comment
            position += 1
        elif found := COMMENT.match(rest):
            comment = found.group()
            position += found.end()
        elif found := ALTERNATIVE.match(rest):  # the other branch of #if has the declarations
            position += found.end()
        elif found := PLAIN.match(rest):
            define = found.group().startswith("#define") and " " in found.group()[8:].strip()
            if define:
                yield Declaration(comment, found.group().strip())
            comment = ""
            position += found.end()
        else:
            end = end_of_declaration(rest)
            yield Declaration(comment, rest[:end].strip())
            comment = ""
            position += end


def end_of_declaration(text: str) -> int:
    """Return the position after the ";" or "}" that ends the declaration at the start."""
    depth = position = 0
    while True:
        if found := COMMENT.match(text, position):
            position = found.end()
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
        body = text[position - 1] == "}" and re.search(r"\)\s*$", text[: text.index("{")])
        if depth == 0 and (text[position - 1] == ";" or body):
            return position


def entry_of(declaration: Declaration) -> list[str]:
    comment, code = prose_of(declaration.comment), declaration.code
    prototype = COMMENT.sub("", code.partition("{")[0].rstrip(" ;\n"))
    prototype = re.sub(r"\s+", " ", prototype.removeprefix("static inline "))
    if FUNCTION.match(prototype):
        return [f".. c:function:: {prototype}", "", textwrap.indent(comment, "   "), ""]
    block = [".. code-block:: c", "", textwrap.indent(code, "   "), ""]
    plain = COMMENT.sub("", code)
    if name := FUNCTION_TYPE.match(plain) or TYPE.match(plain):
        body = textwrap.indent("\n".join([comment, "", *block]), "   ")
        return [f".. c:type:: {name[1]}", "", body, ""]
    return [comment, "", *block]


def prose_of(comment: str) -> str:
    """Return a comment as reStructuredText: without stars, with paragraphs and names as code."""
    lines = comment.removeprefix("/*").removesuffix("*/").split("\n")
    text = "\n".join(re.sub(r"^ \* ?", "", line).rstrip() for line in lines).strip()
    return "\n\n".join(paragraph_of(part) for part in re.split(r"\n\s*\n", text))


def paragraph_of(text: str) -> str:
    """Return a paragraph, or a table of aligned columns as it is."""
    if re.search(r"^ |\S {3,}\S", text, re.MULTILINE):
        return "::\n\n" + textwrap.indent(text, "   ")
    return escaped(re.sub(r"\s*\n\s*", " ", text))


def escaped(text: str) -> str:
    """Return text with backticks as code and no other markup."""
    parts = re.split(r"`([^`]+)`", text)
    parts[::2] = [re.sub(r"([\\*|])|(?<=\w)(_)(?!\w)", r"\\\1\2", part) for part in parts[::2]]
    parts[1::2] = [f"``{part}``" for part in parts[1::2]]
    return "".join(parts)
