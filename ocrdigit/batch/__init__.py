"""Work on many sources: in order, on all cores, in bounded memory, with tables as output.

A :class:`Job` says how one source is read; a :class:`Batch` runs it on many. It is what
:func:`ocrdigit.read_many` returns, and works for any job:

==================  ==========================================================================
:class:`Job`        how a source is read, and the columns of its tables; a picklable object
:class:`Source`     a file, or a picture in memory, with its name
:class:`Batch`      the iterator of results; ``to_frame()``, and ``write()`` to a table
:class:`Summary`    how many sources were read, and how many results have which status
==================  ==========================================================================

Sources are read by threads of this process: the core releases the GIL, results need no pickling,
and the networks are in memory once. Failed sources and a summary at the end are logged by the
logger ``"ocrdigit"``.
"""

import logging

from ._batch import Batch
from ._digest import digest, digest_of_model, name_of
from ._formats import encode_table
from ._job import STATUSES, Job, Result, Status, describe, named
from ._sources import Source
from ._summary import Summary

__all__ = [
    "STATUSES",
    "Batch",
    "Job",
    "Result",
    "Source",
    "Status",
    "Summary",
    "describe",
    "digest",
    "digest_of_model",
    "encode_table",
    "name_of",
    "named",
]

logging.getLogger("ocrdigit").addHandler(logging.NullHandler())
