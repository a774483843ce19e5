"""Synthetic pictures of handwritten numbers, composed from images of single digits.

========================  ====================================================================
:func:`string`            one number
:func:`strings`           thousands of numbers, for training
:func:`line`              several numbers on a line
:func:`page`              a page of numbers
:func:`document`          a table, form, register, cheque, sudoku, ... with the class of each pixel
:func:`candidates`        labelled segmentation candidates: single digits and non-digits
:func:`non_digits`        only the non-digit class
:class:`Style`            the appearance of pictures; ``STYLES`` holds named ones
:class:`Digits`           the handwriting: any images of digits, prepared for drawing
========================  ====================================================================

Training and test pictures must come from different digits: draw the former from the training
part of a data set, the latter from its test part.

>>> from ocrdigit import synth
>>> synth.string("1874", random_state=0)
Picture('1874', 111 x 32)
"""

from ..datasets import Picture
from ..models._classes import NON_DIGIT
from ._digits import Digits
from ._document import DOCUMENT_KINDS, Document, document
from ._non_digits import Candidates, candidates, non_digits
from ._page import line, page
from ._strings import string, strings
from ._style import STYLES, Style

__all__ = [
    "DOCUMENT_KINDS",
    "NON_DIGIT",
    "STYLES",
    "Candidates",
    "Digits",
    "Document",
    "Picture",
    "Style",
    "candidates",
    "document",
    "line",
    "non_digits",
    "page",
    "string",
    "strings",
]
