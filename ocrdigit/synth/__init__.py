"""Pictures of handwritten numbers, made from images of single digits: to train and to test on.

========================  ====================================================================
:func:`string`            one number on paper
:func:`strings`           thousands of them, for training
:func:`line`              several numbers on a line
:func:`page`              a page of numbers
:func:`candidates`        single digits and what is not one, as a reader cuts them out
:func:`not_digits`        only what is not a digit
:class:`Style`            what pictures may look like; ``STYLES`` has some by name
:class:`Digits`           the handwriting: any images of digits, prepared for drawing
========================  ====================================================================

Training and test pictures must come from different digits: make the one's from a data set's
training part, the other's from its test part.

>>> from ocrdigit import synth
>>> synth.string("1874", style="cheque", random_state=0)
Picture('1874', 114 x 32)
"""

from ..datasets import Picture
from ._digits import Digits
from ._negatives import Candidates, candidates, not_digits
from ._page import line, page
from ._strings import string, strings
from ._style import STYLES, Style

__all__ = [
    "STYLES",
    "Candidates",
    "Digits",
    "Picture",
    "Style",
    "candidates",
    "line",
    "not_digits",
    "page",
    "string",
    "strings",
]
