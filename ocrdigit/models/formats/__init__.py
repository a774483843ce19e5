"""Models in the formats of others.

Each format has a file of its own here, and wants no more than the package that knows it, never a
framework. :mod:`ocrdigit.models.files` writes and reads by these.
"""

from __future__ import annotations
