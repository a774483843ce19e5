"""Fuzz target: files of models of every kind, and what a loaded model does."""

from __future__ import annotations

import importlib.util
import zipfile
from typing import Any

import numpy as np
from files import contents, file_of, path_of

import ocrdigit
from ocrdigit import DigitClassifier, _core
from ocrdigit.models import detector, recognizer
from ocrdigit.models.files import read_torch

# The first byte of an input chooses what is loaded.
_NAMES = (
    *("input.safetensors", "input.keras", "line.safetensors", "map.safetensors", "fusion.json"),
    "input.pt",
)

_CONV: dict[str, Any] = {"type": "conv2d", "filters": 2, "kernel_size": 3, "strides": 2}
_LAYERS = (_CONV, {"type": "batch_norm"}, {"type": "relu"}, {"type": "max_pool2d"})
_OUTPUT = ({"type": "flatten"}, {"type": "dense", "units": 10})
_LINE = (_CONV, {"type": "max_pool2d"}, {"type": "map_to_sequence"})
_BLANK = recognizer.LAYERS[-1] | {"filters": recognizer.BLANK + 1}

# The pickle of a dense layer; its numbers are zeros.
_PICKLE = (
    b"\x80\2ccollections\nOrderedDict\n)R(X\t\0\0\0fc.weightctorch._utils\n_rebuild_tensor_v2\n"
    b"((X\7\0\0\0storagectorch\nFloatStorage\nq\1X\1\0\0\x000X\3\0\0\0cpuM\xa0\x1etQK\0"
    b"K\nM\x10\3\x86M\x10\3K\1\x86\x89}t"
    b"Ru}X\t\0\0\0_metadata}sb."
)


def seeds() -> list[bytes]:
    """Return small files of each kind."""
    X = np.zeros((20, 28, 28), np.uint8)
    X[:, 5:20, 12:16] = 255
    model = DigitClassifier((*_LAYERS, *_OUTPUT), epochs=1, augment=False, verbose=0)
    model.fit(X, np.arange(20) % 10)
    model.save(path_of("seed.safetensors"))
    line = _core.Network([*_LINE, _BLANK], (recognizer.HEIGHT, recognizer.MAX_WIDTH, 1))
    recognizer.write_recognizer(path_of("line-seed.safetensors"), line)
    pixels = [_CONV, {"type": "max_pool2d"}, detector.LAYERS[-1]]
    pixel_map = _core.Network(pixels, (detector.SIDE, detector.SIDE, 1))
    detector.write_detector(path_of("map-seed.safetensors"), pixel_map)
    recognizer.write_fusion(path_of("fusion-seed.json"), recognizer.shipped_fusion())
    found = [b"\0" + contents("seed.safetensors"), b"\2" + contents("line-seed.safetensors")]
    found += [b"\3" + contents("map-seed.safetensors"), b"\4" + contents("fusion-seed.json")]
    found.append(b"\5" + _PICKLE)
    if importlib.util.find_spec("h5py"):
        model.save(path_of("seed.keras"))
        found.append(b"\1" + contents("seed.keras"))
    return found


def run(data: bytes) -> None:
    kind = data[0] % len(_NAMES) if data else 0
    path = file_of(_NAMES[kind], data[1:])
    if kind == 2:
        recognizer.read_recognizer(path)
    elif kind == 3:
        detector.read_detector(path)
    elif kind == 4:
        recognizer.read_fusion(path)
    elif kind == 5:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", data[1:])
            archive.writestr("archive/data/0", bytes(4 * 7840))
        read_torch(path, ["Flatten", "fc"])
    else:
        model = ocrdigit.load(path)
        assert np.isfinite(model.predict_proba(np.zeros((2, 28, 28), np.uint8))).all()
        model.save(path_of("again.safetensors"))
