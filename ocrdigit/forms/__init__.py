"""Forms: templates of named fields, and the reading of scans and photos of them.

=====================  ==========================================================================
:class:`Form`          a template: fields, page size, the picture of the empty form; JSON files
:class:`FormField`     a named region: a field, a comb or a table, and what may be written in it
:class:`FormReading`   what was read: fields by name, what is missing, where the form lies
:class:`FormResult`    a page of :meth:`Form.read_many`: source, page, status, fields by name
:class:`FieldReading`  text, value, confidence, place and numbers of a field
:class:`Alignment`     the homography from the form to the image, and how well it fits
=====================  ==========================================================================
"""

from ._alignment import Alignment
from ._field import FIELD_KINDS, FormField
from ._form import Form
from ._many import FormResult
from ._reading import FieldReading, FormReading

__all__ = [
    "FIELD_KINDS",
    "Alignment",
    "FieldReading",
    "Form",
    "FormField",
    "FormReading",
    "FormResult",
]
