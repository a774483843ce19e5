"""Names and messages that came from files, for the Markdown of Streamlit's texts and labels."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([!\"#$&()*+\-.:<=>?@\[\\\]^_`{|}~])")


def literal(text: str) -> str:
    """Return Markdown that shows a text as it is, and loads nothing that is named in it.

    Streamlit still makes links of bare addresses, which load nothing until they are clicked. Line
    breaks and runs of spaces become single spaces.
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
