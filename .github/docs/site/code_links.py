"""Links from names in guides, such as ``read_many``, to their entries in the reference."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

PACKAGE = "ocrdigit."


class CodeLinks(SphinxPostTransform):
    """Make inline code that is the name of something public a reference to it."""

    default_priority = 5  # before references are resolved

    def run(self, **options: Any) -> None:
        objects = self.env.get_domain("py").objects
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, (nodes.reference, addnodes.pending_xref, nodes.title)):
                continue
            name = literal.astext().partition("(")[0]
            full = name if name.startswith(PACKAGE) else PACKAGE + name
            entry = objects.get(full)
            if entry is not None and entry.docname != self.env.docname:
                link = addnodes.pending_xref(
                    "", refdomain="py", reftype="obj", reftarget=full, refdoc=self.env.docname
                )
                literal.replace_self(link)
                link += literal


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(CodeLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
