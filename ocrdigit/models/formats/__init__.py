"""Exporters and importers of model formats, used by :mod:`ocrdigit.models.files`.

A format needs its own small package at most, such as onnx or h5py, never a framework.
"""

from __future__ import annotations
