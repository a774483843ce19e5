"""Configuration of Sphinx; ``build.py`` runs it on the assembled sources."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from numpydoc import xref
from sphinx.application import Sphinx

import ocrdigit

project = "ocrdigit"
author = "ocrdigit developers"
version = release = ocrdigit.__version__
html_title = f"ocrdigit {version}"

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "code_links",
]

# Documents: Markdown of the guides, and notebooks with the outputs that they keep.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "off"
nb_merge_streams = True

# The reference. Types stand in the sections of numpydoc, so that signatures are short.
default_role = "code"
smartquotes = False  # two hyphens are those of an option
nitpicky = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {name: f"ocrdigit.{name}" for name in ocrdigit.__all__ if name[0].isupper()}
xref.DEFAULT_LINKS.clear()  # into the inventories of Python and NumPy, which are not downloaded
# Names of other projects have no entries here.
nitpick_ignore_regex = [
    (r"c:.*", r"(?!od_).*"),
    (r"py:.*", r"(?!ocrdigit).*"),
]

html_theme = "furo"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b6b4c",
        "color-brand-content": "#0b6b4c",
        "color-api-name": "#0b6b4c",
        "color-api-pre-name": "#56606a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5fd0a6",
        "color-brand-content": "#5fd0a6",
        "color-api-name": "#5fd0a6",
        "color-api-pre-name": "#9aa4ad",
    },
}
html_static_path = [str(Path(__file__).parent / "static")]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
copybutton_exclude = ".linenos, .gp, .go"


def skip_member(
    app: Sphinx, kind: str, name: str, member: object, skip: bool, options: object
) -> bool | None:
    """Leave out the fields of named tuples, which the section of attributes describes."""
    doc = getattr(member, "__doc__", None) or ""
    return True if doc.startswith("Alias for field number") else None


def show_examples(app: Sphinx, context: object, lines: list[str]) -> None:
    """Show the examples of a command, which sphinx-click takes for lines of text, as code."""
    code = [f"   {line.removeprefix('|   ')}" for line in lines if line.startswith("|   ")]
    if code:
        lines[:] = [".. code-block:: console", "", *code]


def keep_stars(app: Sphinx, context: object, lines: list[str]) -> None:
    """Keep the stars in the help of a command, such as those of a glob."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def setup(app: Sphinx) -> None:
    app.connect("autodoc-skip-member", skip_member)
    app.connect("sphinx-click-process-description", keep_stars)
    app.connect("sphinx-click-process-epilog", show_examples)
