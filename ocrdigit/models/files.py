"""Reading and writing of model files.

A model is a safetensors file of tensors by name; its metadata, as JSON strings, describe how to run
them. It contains no code, and loading executes nothing of it.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._atomic import write_atomically, write_together
from .._bounded import errors_of, read_file
from ._classes import DIGITS, digits_only
from ._limits import MAX_HEADER_SIZE, MAX_LAYER_SIZE, MAX_MODEL_SIZE, MAX_RANGE

FORMAT = "ocrdigit"
FORMAT_VERSION = 1

# The preprocessing of the network's input: a model that was trained with another one would run
# without an error, and with wrong results.
PREPROCESSING = {"method": "mnist", "size": [28, 28], "range": [0, 1], "polarity": "light on black"}

_CLASSES: list[int | str] = [*range(DIGITS), "non-digit"]

Path = str | os.PathLike[str]


class Stored(NamedTuple):
    """The content of a .safetensors file.

    Attributes
    ----------
    network : Network
        Its classes are the ten digits, or these and "non-digit".
    temperature : float
        The divisor of its scores before the softmax.
    tta : bool
        Whether low-confidence images get test-time augmentation.
    """

    network: _core.Network
    temperature: float = 1.0
    tta: bool = False


def write_model(path: Path, stored: Stored, calibration: NDArray[np.uint8] | None = None) -> None:
    """Write a model atomically to a file, in the format of the file's suffix.

    Formats other than .safetensors store the network of the ten digits, with the temperature folded
    into its weights, and no test-time augmentation.

    Parameters
    ----------
    path : path
        The file.
    stored : Stored
        The model.
    calibration : ndarray (n, 28, 28) of uint8, optional
        Images for the quantization of a .tflite file to int8; None: float32.

    Raises
    ------
    ValueError
        If the suffix is unknown, or not .tflite with ``calibration``.
    ModuleNotFoundError
        If the package of the format is not installed.
    OSError
        If the file cannot be written; an existing file is unchanged.
    """
    suffix = check_suffix(path)
    if suffix == ".safetensors" and calibration is None:
        write_stored(path, stored)
        return
    network = digits_only(stored.network, stored.temperature)
    if suffix in _C_SUFFIXES and calibration is None:
        _write_c(path, network)
        return
    if suffix == ".tflite":
        data = _to_tflite(network, metadata_of(network), calibration)
    elif calibration is not None:
        raise ValueError(f"int8 is for .tflite files, got {os.fspath(path)!r}")
    else:
        data = _FORMATS[suffix](network, metadata_of(network))
    write_atomically(path, data)


def write_stored(
    path: Path,
    stored: Stored,
    *,
    half: bool = False,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write a model atomically to a .safetensors file.

    Parameters
    ----------
    path : path
        The file.
    stored : Stored
        The model.
    half : bool
        Whether to round all tensors to float16.
    notes : mapping of str, optional
        Additional metadata.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is unchanged.
    """
    tensors: dict[str, NDArray[Any]] = dict(stored.network.weights())
    if half:
        tensors = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    metadata = {**(notes or {}), **metadata_of(stored.network)}
    metadata["temperature"] = json.dumps(stored.temperature)
    metadata["tta"] = json.dumps(stored.tta)
    write_atomically(path, to_safetensors(tensors, metadata))


def check_suffix(path: Path) -> str:
    """Return the suffix of a model file.

    Raises
    ------
    ValueError
        If models cannot be written to files of this suffix.
    """
    suffix = os.path.splitext(os.fspath(path))[1]
    known_suffixes = (".safetensors", *_FORMATS, *_C_SUFFIXES)
    if suffix not in known_suffixes:
        known = ", ".join(known_suffixes)
        raise ValueError(f"a model is saved to a {known} file, got {os.fspath(path)!r}")
    return suffix


def metadata_of(network: _core.Network) -> dict[str, str]:
    """Return the metadata that are needed to run a network, as JSON strings by name."""
    return {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "ocrdigit_version": _core.__version__,
        "architecture": json.dumps(network.layers),
        "input_shape": json.dumps(network.input_shape),
        "classes": json.dumps(_CLASSES[: network.classes]),
        "preprocessing": json.dumps(PREPROCESSING),
        "input_ranges": json.dumps(network.ranges),
    }


def _write_c(path: Path, network: _core.Network) -> None:
    """Write a .h and a .c file, both or none; ``path`` is either of them."""
    from .formats._c_source import to_c

    start = os.path.splitext(os.fspath(path))[0]
    texts = to_c(network, metadata_of(network), os.path.basename(start))
    pairs = zip(_C_SUFFIXES, texts, strict=True)
    write_together({start + suffix: text.encode() for suffix, text in pairs})


def to_safetensors(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file with a sorted header, as the library's order varies."""
    from safetensors.numpy import save

    data = save(dict(tensors), dict(metadata))
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size]), sort_keys=True, separators=(",", ":"))
    header += " " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header.encode() + data[8 + size :]


def _to_keras(network: _core.Network, metadata: dict[str, str]) -> bytes:
    from .formats._keras import to_keras

    return to_keras(network, metadata)


def _to_onnx(network: _core.Network, metadata: dict[str, str]) -> bytes:
    from .formats._onnx import to_onnx

    return to_onnx(network, metadata)


def _to_tflite(
    network: _core.Network,
    metadata: dict[str, str],
    calibration: NDArray[np.uint8] | None = None,
) -> bytes:
    from .formats._tflite import to_tflite

    return to_tflite(network, metadata, calibration)


_C_SUFFIXES = (".h", ".c")  # always written together

_FORMATS: dict[str, Callable[[_core.Network, dict[str, str]], bytes]] = {
    ".keras": _to_keras,
    ".onnx": _to_onnx,
    ".tflite": _to_tflite,
}


def read_stored(path: Path) -> Stored:
    """Read a .safetensors file by :func:`write_stored`, or a file of another format.

    That is a .keras or .h5 file, or a .onnx or .tflite file by :func:`write_model`.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is damaged, of another format, or of another program, larger than
        ``MAX_MODEL_SIZE``, or its network gives other than finite scores.
    MemoryError
        If there is not enough memory for the network.
    ModuleNotFoundError
        If the package of the format is not installed.
    """
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix in KERAS_SUFFIXES:
        return Stored(read_keras(path))
    if suffix in TORCH_SUFFIXES:
        raise ValueError(
            f"{os.fspath(path)}: a file of PyTorch has weights and not the order of its layers; "
            "load it with ocrdigit.DigitClassifier.from_torch(path, layers=[...])"
        )
    data = read_file(path, MAX_MODEL_SIZE)
    with errors_of(path):
        if suffix in _READERS:
            return Stored(_checked(_READERS[suffix](data)))
        metadata = _parsed(read_metadata(data))
        network = _network(metadata, read_tensors(data))
        return Stored(network, metadata["temperature"], metadata["tta"])


def read_keras(
    source: Any, values: tuple[float, float] | None = None, pad: int = 0
) -> _core.Network:
    """Return the network of a model of Keras: the path of a .keras or .h5 file, or a model.

    Parameters
    ----------
    source : path or keras.Model
        A model is written to a temporary file.
    values : (float, float), optional
        The values of background and full strokes in the input of the model.
    pad : int
        The rows and columns of background that the model expects around a digit.

    Raises
    ------
    OSError, ValueError, MemoryError, ModuleNotFoundError
        As :func:`read_stored`.
    TypeError
        If it is neither a path nor a model.
    """
    from .formats._keras_layers import from_keras

    if not isinstance(source, (str, os.PathLike)):
        if not hasattr(source, "get_config") or not hasattr(source, "save"):
            raise TypeError(
                f"source must be a path or a model of Keras, got {type(source).__name__}"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.keras")
            source.save(path)
            return read_keras(path, values, pad)
    if os.path.isdir(source):
        raise ValueError(
            f"{os.fspath(source)}: a folder, as of TensorFlow's SavedModel, which holds code; save "
            "the model with model.save('name.keras')"
        )
    data = read_file(source, MAX_MODEL_SIZE)
    with errors_of(source):
        return _checked(from_keras(data, values=values, pad=pad))


def read_torch(
    source: Any, layers: Any = None, values: tuple[float, float] = (0.0, 1.0), pad: int = 0
) -> _core.Network:
    """Return the network of a model of PyTorch.

    Parameters
    ----------
    source : path, mapping or torch.nn.Sequential
        A .pt, .pth or .safetensors file, a ``state_dict``, or a module.
    layers : list of str or dict
        The layers, see :func:`.formats._torch_layers.from_tensors`; None for a module.
    values, pad
        As in :func:`read_keras`.

    Raises
    ------
    OSError, ValueError, MemoryError
        As :func:`read_stored`.
    TypeError
        If an argument is of another type.
    """
    from .formats._torch_files import tensors_of, tensors_of_file
    from .formats._torch_layers import from_tensors, layers_of_module

    if hasattr(source, "named_children") and hasattr(source, "state_dict"):
        layers = layers_of_module(source) if layers is None else layers
        source = source.state_dict()
    if layers is None:
        raise TypeError("layers is missing: a list of the model's layers in the order of forward()")
    if not isinstance(source, (str, os.PathLike)):
        return _checked(from_tensors(tensors_of(source), layers, values=values, pad=pad))
    data = read_file(source, MAX_MODEL_SIZE)
    with errors_of(source):
        tensors = tensors_of_file(data)
    return _checked(from_tensors(tensors, layers, values=values, pad=pad))


def _checked(network: _core.Network) -> _core.Network:
    """Return a network of a file of another format, after checks of its size and scores."""
    if network.classes != DIGITS:
        raise ValueError(f"a model with {network.classes} classes, expected {DIGITS}")
    _check_sizes(network)
    check_scores(network)
    return network


def _from_onnx(data: bytes) -> _core.Network:
    from .formats._onnx_files import from_onnx

    return from_onnx(data)


def _from_tflite(data: bytes) -> _core.Network:
    from .formats._tflite_files import from_tflite

    return from_tflite(data)


KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
_READERS: dict[str, Callable[[bytes], _core.Network]] = {
    ".onnx": _from_onnx,
    ".tflite": _from_tflite,
}


def read_metadata(data: bytes, max_size: int = MAX_HEADER_SIZE) -> dict[str, Any]:
    """Return the metadata of a safetensors file, {} if it has none.

    Its header may have ``max_size`` bytes.
    """
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(max_size, len(data) - 8):
        raise ValueError("not a safetensors file of ocrdigit")
    try:
        metadata = json.loads(data[8 : 8 + size])["__metadata__"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def read_tensors(data: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a safetensors file; float16 becomes float32."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        weights = load(data)
    except (SafetensorError, KeyError) as error:  # KeyError: an unknown number type
        raise ValueError(f"damaged: {error}") from error
    for name, tensor in weights.items():
        if tensor.dtype not in (np.float32, np.float16):
            raise ValueError(f"tensor {name!r} is {tensor.dtype}, expected float32 or float16")
        weights[name] = tensor.astype(np.float32)
    return weights


def network_with(
    layers: Any, input_shape: tuple[int, int, int], weights: Mapping[str, NDArray[np.float32]]
) -> _core.Network:
    """Return a network of layers and weights from a file.

    Layers of far more weights than are given raise ValueError before memory is taken for them;
    for others, the error names the tensor.
    """
    given = sum(tensor.size for tensor in weights.values())
    network = _core.Network(layers, input_shape, max_weights=2 * given + 1024)
    network.set_weights(weights)
    return network


def _check_sizes(network: _core.Network) -> None:
    """Raise ValueError if a network from a file needs too much memory for an image."""
    for layer in network.describe():
        size = math.prod(layer["output_shape"])
        if size > MAX_LAYER_SIZE:
            raise ValueError(
                f"layer {layer['name']} gives {size:,} numbers for an image, expected at most "
                f"{MAX_LAYER_SIZE:,}"
            )


def check_scores(network: _core.Network, temperature: float = 1.0) -> None:
    """Raise ValueError if a network from a file, of finite weights, overflows.

    It is run on one image: a third is black, a third white, a third noise of both. The scores are
    divided by ``temperature``.
    """
    height, width, channels = network.input_shape
    image = np.zeros((1, height, width, channels), np.float32)
    image[:, :, width // 3 :] = 1
    noise = image[:, :, 2 * width // 3 :]
    noise[:] = np.random.default_rng(0).integers(0, 2, noise.shape)
    with np.errstate(over="ignore"):
        scores = network.scores(image, 1.0) / np.float32(temperature)
    if not np.isfinite(scores).all():
        raise ValueError("its weights are too large: it gives scores that are infinite or NaN")


def set_ranges(network: _core.Network, ranges: Any) -> None:
    """Set the int8 ranges of a network from a file.

    Ranges beyond ``MAX_RANGE``, which would overflow, raise ValueError.
    """
    network.ranges = ranges
    for name, (low, high) in network.ranges.items():
        if max(-low, high) > MAX_RANGE:
            raise ValueError(f"the range of {name} is {low:g} to {high:g}, which is too large")


def _parsed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a model, parsed and checked."""
    if raw.get("format") != FORMAT:
        raise ValueError("not a safetensors file of ocrdigit (by its metadata)")
    if raw.get("format_version") != str(FORMAT_VERSION):
        raise ValueError(
            f"format version {raw.get('format_version')!r}, written by ocrdigit "
            f"{raw.get('ocrdigit_version')}; ocrdigit {_core.__version__} reads version "
            f"{FORMAT_VERSION}"
        )
    parsed = {}
    for key in ("architecture", "input_shape", "classes", "preprocessing"):
        try:
            parsed[key] = json.loads(raw[key])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError(f"its metadata have no readable {key!r}") from None
    expected: dict[str, list[Any]] = {
        "input_shape": [[28, 28, 1]],
        "classes": [_CLASSES[:DIGITS], _CLASSES],
        "preprocessing": [PREPROCESSING],
    }
    for key, values in expected.items():
        if parsed[key] not in values:
            raise ValueError(f"a model of {key} {parsed[key]!r}; ocrdigit expects {values[0]!r}")
    for key, default in (("input_ranges", {}), ("temperature", 1.0), ("tta", False)):
        try:  # optional
            parsed[key] = json.loads(raw[key]) if key in raw else default
        except (ValueError, TypeError, RecursionError):
            raise ValueError(f"its metadata have no readable {key!r}") from None
    if not isinstance(parsed["tta"], bool):
        raise ValueError(f"tta is {parsed['tta']!r}, expected true or false")
    temperature = parsed["temperature"]
    if not isinstance(temperature, float) or not 1e-3 <= temperature <= 1e3:
        raise ValueError(f"temperature is {temperature!r}, expected a number in 0.001..1000")
    return parsed


def _network(metadata: dict[str, Any], weights: Mapping[str, NDArray[np.float32]]) -> _core.Network:
    network = network_with(metadata["architecture"], (28, 28, 1), weights)
    if network.classes != len(metadata["classes"]):
        raise ValueError(
            f"its network has {network.classes} classes, its metadata name "
            f"{len(metadata['classes'])}"
        )
    needs_dense = network.classes > DIGITS or metadata["temperature"] != 1
    if needs_dense and network.layers[-1]["type"] != "dense":
        raise ValueError("a non-digit class or a temperature needs a dense layer at the end")
    _check_sizes(network)
    check_scores(network, metadata["temperature"])
    set_ranges(network, metadata["input_ranges"])
    return network
