"""The script of the page, which Streamlit runs from top to bottom for each action of a visitor."""

from __future__ import annotations

import importlib

import streamlit as st

from ocrdigit._warm_up import warm_up
from ocrdigit.app import _explain_tab, _models
from ocrdigit.app._components import style
from ocrdigit.app._form_tab import show_form_tab
from ocrdigit.app._read_tab import show_read_tab

TITLE = "Read handwritten numbers"
SENTENCE = (
    "Drop in scans or photos. Every number is read, the doubtful ones come first, and you correct "
    "them without leaving the keyboard."
)

# Streamlit imports these when it first sends data to a component, which takes half a second.
_OF_FIRST_ANSWER = ("pandas", "pyarrow.compute", "pyarrow.ipc")

# Of the package itself: an icon of a font or an emoji would be loaded from the network.
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#1d5fad"/>'
    '<path d="M11 8h10l-7 17" fill="none" stroke="#fff" stroke-width="3.4" '
    'stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


def main() -> None:
    """Run the page."""
    st.set_page_config("ocrdigit", _ICON, "wide", "collapsed")
    st.html(f"<style>{style()}</style>")
    st.title(TITLE, anchor=False)
    st.markdown(SENTENCE)
    read, explain, form = st.tabs(
        ["Read", "Look inside", "Form templates"], on_change="rerun", key="tab"
    )
    # All tabs run, so that nothing that is uploaded in one is lost while another one is open.
    with explain:
        st.markdown(_explain_tab.SENTENCE)
        model = _models.choose_model()
    with read:
        show_read_tab(model)
    with explain:
        _explain_tab.show_explain_tab(model, is_open=bool(explain.open))
    with form:
        show_form_tab()
    _warm_up()


@st.cache_resource(show_spinner=False)
def _warm_up() -> None:
    """Load everything that the first answer needs, once, after the page is shown."""
    for module in _OF_FIRST_ANSWER:
        importlib.import_module(module)
    warm_up()


if __name__ == "__main__":
    main()
