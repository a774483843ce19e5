"""The Streamlit page: read numbers, review them by keyboard, download them.

``ocrdigit app`` starts it, as does ``streamlit run`` with the file :data:`PAGE`. It needs
``pip install 'ocrdigit[app]'``.

================  ==============================================================================
``page.py``       the script that Streamlit runs: the tabs
``_read_tab``     the first tab: files in, a table of readings to review, downloads
``_explain_tab``  the second: why a digit was recognized, preprocessing, models, fine-tuning
``_form_tab``     the third: templates of forms, drawn on a picture
``_review``       the review of uploads: progress, the table and the page, downloads
``_models``       the classifier that the visitor chooses or fine-tunes
``_markdown``     names and messages of files as literal text
``_uploads``      files of the visitor, and examples
``_settings``     what to read: numbers, tables, forms or single digits, and their format
``_sheets``       what was read on a page as fields with text, confidence and box
``_reading``      uploads to sheets, by the public functions for many files
``_background``   reading of many files by a thread, while the page answers
``_corrections``  what a person corrected or checked, by the content of the file
``_export``       tables, JSON and labelled crops for download
``_components``   the parts in JavaScript, in the folder ``components``
================  ==============================================================================
"""

import os

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.py")
"""The path of the script."""
