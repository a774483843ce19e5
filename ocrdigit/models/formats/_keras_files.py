"""Files of Keras as plain data: the description of a model, and the weights of its layers.

A .keras file is a zip archive of config.json and model.weights.h5, which has the weights of a
layer by its class and its index among those of the class. The first versions of this format, of
Keras 2.12 to 2.14, name the group of all layers differently, and may count a layer twice.
An .h5 file, of Keras 2 and before, has the description as an attribute, and the weights by the
names of the model's layers. Nothing of a file is executed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._bounded import max_unpacked, read_member, sentence
from ._keras import group_names
from ._require import require

Array = NDArray[np.float32]
Config = Mapping[str, Any]

_MAX_CONFIG = 1 << 20  # bytes of a description
_MAX_DEPTH = 16  # of models in models

# The group of a model's layers in a .keras file, and that of Keras 2.12 to 2.14.
_LAYERS = "layers"
_OLD_LAYERS = "_layer_checkpoint_dependencies"

# Models that are plain data, by their class.
MODELS = frozenset(["Sequential", "Functional", "Model"])


class Counts(NamedTuple):
    """The numbers of a layer's weights."""

    trainable: int = 0
    fixed: int = 0


def counts_of(kind: str, config: Config) -> Counts:
    """Return the numbers of weights that Keras stores for a layer of a class."""
    bias = int(bool(config.get("use_bias", True)))
    if kind in ("Conv2D", "DepthwiseConv2D", "Dense"):
        return Counts(1 + bias)
    if kind == "SeparableConv2D":
        return Counts(2 + bias)
    scale, center = bool(config.get("scale", True)), bool(config.get("center", True))
    if kind == "BatchNormalization":
        return Counts(scale + center, 2)
    if kind == "LayerNormalization":
        return Counts(scale + center)
    if kind == "Normalization":
        return Counts(0, 3 if config.get("mean") is None else 0)
    return Counts()


class Leaf(NamedTuple):
    """A layer that is not itself a model, with its weights in Keras's order."""

    kind: str
    name: str
    config: Config
    weights: list[Any]  # datasets, not yet read


class Tensors:
    """Reads weights; their sizes are checked before any is read.

    A dataset may be declared and never written, packed by filters, or in another file, and its size
    is then not bounded by that of the file. Keras writes none of these.
    """

    def __init__(self, size: int) -> None:
        self.left = size  # bytes that tensors may have: no more than the file altogether

    def read(self, dataset: Any) -> Array:
        """Return a dataset's numbers."""
        self.check(dataset)
        return np.asarray(dataset[()], np.float32)

    def check(self, dataset: Any) -> None:
        """Raise ValueError unless a dataset's numbers are in the file, as plain floats."""
        name, dtype = dataset.name, dataset.dtype
        if dtype.kind != "f" or dtype.itemsize > 8 or dtype.shape:
            raise ValueError(f"{name} is {dtype}, expected float32")
        stored = dataset.id.get_storage_size()
        if dataset.chunks or dataset.is_virtual or dataset.external or stored < dataset.nbytes:
            raise ValueError(
                f"{name} of shape {dataset.shape} is compressed, in parts, in another file or not "
                "written at all; expected all of its numbers in one block"
            )
        self.left -= dataset.nbytes
        if self.left < 0:
            raise ValueError("its tensors have more bytes altogether than the file")


class Opened(NamedTuple):
    """A file of Keras while it is open."""

    model: Config  # {"class_name": ..., "config": ...}
    source: _Zipped | _Legacy
    tensors: Tensors

    def leaves(self) -> dict[int, Leaf]:
        """Return all layers that are not models, by the ``id`` of their description."""
        return {id(leaf.config): leaf for leaf in self.source.leaves(self.model, 0)}


@contextmanager
def open_keras(data: bytes) -> Iterator[Opened]:
    """Open a .keras or an .h5 file of so many bytes.

    Raises
    ------
    ModuleNotFoundError
        If h5py is not installed.
    ValueError
        If it is neither, or damaged.
    """
    h5py = require("h5py", "keras")
    legacy = data.startswith(b"\x89HDF")
    model, weights = (None, data) if legacy else _unpack(data)
    try:
        with h5py.File(io.BytesIO(weights), "r") as file:
            if model is None:
                model = _legacy_model(h5py, file)
            source = _Legacy(h5py, file) if legacy else _Zipped(h5py, file)
            yield Opened(model, source, Tensors(len(weights)))
    except (ValueError, MemoryError, ModuleNotFoundError):
        raise
    except Exception as error:  # h5py raises any type for a damaged file
        raise ValueError(f"damaged, or of an unsupported version: {sentence(error)}") from error


def _unpack(data: bytes) -> tuple[Config, bytes]:
    """Return the description and the weights file in a .keras file."""
    limit = max_unpacked(len(data))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            config = json.loads(read_member(archive, "config.json", min(limit, _MAX_CONFIG)))
            return config, read_member(archive, "model.weights.h5", limit)
    except MemoryError:
        raise
    except Exception as error:  # zipfile raises many types, from struct.error to RuntimeError
        raise ValueError(f"not a .keras file that can be read: {sentence(error)}") from error


def _legacy_model(h5py: Any, file: Any) -> Config:
    """Return the description in an .h5 file."""
    if "model_config" not in file.attrs:
        raise ValueError(
            "a file of weights alone, without the model's layers; save the model with "
            "model.save('name.keras')"
        )
    model: Config = json.loads(_attribute(h5py, file, "model_config"))
    return model


def _attribute(h5py: Any, item: Any, name: str) -> str:
    """Return an attribute that is a text."""
    found = item.attrs.get_id(name)
    if found.shape != () or found.get_storage_size() > _MAX_CONFIG:
        raise ValueError(f"the attribute {name} of {item.name} is not a text")
    text = item.attrs[name]
    if isinstance(text, bytes):
        text = text.decode()
    if not isinstance(text, str) or len(text) > _MAX_CONFIG:
        raise ValueError(f"the attribute {name} of {item.name} is not a text")
    return text


def _member(h5py: Any, group: Any, name: str, kind: type) -> Any:
    """Return a group's item; links to other files are not followed."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        path = f"{group.name.rstrip('/')}/{name}"
        raise ValueError(f"its weights have no {path}, or it is a link")
    item = group[name]
    if not isinstance(item, kind):
        raise ValueError(f"{item.name} of its weights is not a {kind.__name__.lower()}")
    return item


def _walk(h5py: Any, group: Any, path: str, kind: type) -> Any:
    """Return what a path in a group names; each of its parts is looked up by itself."""
    *groups, last = path.split("/")
    for name in groups:
        group = _member(h5py, group, name, h5py.Group)
    return _member(h5py, group, last, kind)


def inner_layers(model: Config) -> list[Config]:
    """Return the descriptions of a model's layers."""
    config = model.get("config")
    # Keras 2.2 and before described a Sequential model by the list of its layers.
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise ValueError("its description has no list of layers")
    return layers


def name_of(layer: Config) -> str:
    """Return the name of a layer by its description."""
    config = layer.get("config")
    own = config.get("name") if isinstance(config, dict) else None
    return str(layer.get("name") or own or "")


def config_of(layer: Config) -> Config:
    """Return the settings of a layer by its description."""
    config = layer.get("config")
    if not isinstance(config, dict):
        raise ValueError(f"layer {name_of(layer)!r} has no description")
    return config


def is_model(layer: Config) -> bool:
    """Return whether a layer is a model of layers itself."""
    return layer.get("class_name") in MODELS


class _Zipped:
    """The weights of a .keras file."""

    def __init__(self, h5py: Any, file: Any) -> None:
        self.h5py, self.file = h5py, file
        # Keras 2 on Windows has backslashes in the names of groups.
        self.separator = "\\" if any("\\" in name for name in file) else "/"
        roots = {name.split(self.separator)[0] for name in file}
        self.layers = _OLD_LAYERS if _OLD_LAYERS in roots and _LAYERS not in roots else _LAYERS

    def leaves(self, model: Config, depth: int, path: str = "") -> Iterator[Leaf]:
        """Yield the layers of a model and of the models in it, which is in the group ``path``."""
        _check_depth(depth)
        layers = inner_layers(model)
        start = f"{path}{self.layers}{self.separator}"
        kinds = [str(layer.get("class_name")) for layer in layers]
        old = self.layers == _OLD_LAYERS
        names = self.old_group_names(start, kinds) if old else group_names(kinds)
        for layer, kind, name in zip(layers, kinds, names, strict=True):
            group = start + name
            if is_model(layer):
                yield from self.leaves(layer, depth + 1, group + self.separator)
                continue
            config = config_of(layer)
            yield Leaf(kind, name_of(layer), config, self.of(group, sum(counts_of(kind, config))))

    def old_group_names(self, start: str, kinds: list[str]) -> Iterator[str]:
        """Yield the name of each layer's group, as :func:`group_names`, of Keras 2.12 to 2.14.

        Keras 2.12 and 2.13 counted layers with weights twice, 2.14 did not: the names are those of
        a class that are there, in order.
        """
        parent = self.file
        if self.separator == "/":
            parent, start = _walk(self.h5py, self.file, start[:-1], self.h5py.Group), ""
        names = {
            kind: (
                name
                for name in group_names(repeat(kind, 2 * count))
                if parent.get(start + name, getlink=True) is not None
            )
            for kind, count in Counter(kinds).items()
        }
        for kind in kinds:
            yield next(names[kind], kind)

    def of(self, path: str, count: int) -> list[Any]:
        """Return the ``count`` datasets of the layer of a group."""
        if not count:
            return []
        variables = _walk(self.h5py, self.file, f"{path}/vars", self.h5py.Group)
        if len(variables) != count:
            raise ValueError(f"{path} has {len(variables)} tensors, expected {count}")
        dataset = self.h5py.Dataset
        return [_member(self.h5py, variables, str(number), dataset) for number in range(count)]


class _Legacy:
    """The weights of an .h5 file.

    Those of a model in the model are in one group: of all its layers the trainable ones, then the
    others.
    """

    def __init__(self, h5py: Any, file: Any) -> None:
        self.h5py, self.file = h5py, file

    def leaves(self, model: Config, depth: int) -> Iterator[Leaf]:
        """Yield the layers of a model and of the models in it."""
        for layer in inner_layers(model):
            inner = list(_flat(layer, depth + 1, True))
            counts = [counts_of(str(leaf.get("class_name")), config_of(leaf)) for leaf, _ in inner]
            given = self.of(name_of(layer), sum(map(sum, counts)))
            weights: list[list[Any]] = [[] for _ in inner]
            sizes = [  # of the first and of the second part of each
                tuple(count) if trainable else (0, sum(count))
                for count, (_, trainable) in zip(counts, inner, strict=True)
            ]
            for part in range(2):
                for own, size in zip(weights, sizes, strict=True):
                    own += given[: size[part]]
                    del given[: size[part]]
            for own, (leaf, _) in zip(weights, inner, strict=True):
                yield Leaf(str(leaf.get("class_name")), name_of(leaf), config_of(leaf), own)

    def of(self, name: str, count: int) -> list[Any]:
        """Return the ``count`` datasets of a layer of the model."""
        if not count:
            return []
        h5py, root = self.h5py, self.file
        if "model_weights" in root:
            root = _member(h5py, root, "model_weights", h5py.Group)
        group = _walk(h5py, root, name, h5py.Group)
        paths = self.names(group)
        if len(paths) != count:
            raise ValueError(f"layer {name!r} has {len(paths)} tensors, expected {count}")
        return [_walk(h5py, group, path, h5py.Dataset) for path in paths]

    def names(self, group: Any) -> list[str]:
        """Return the names of a group's datasets, in the order of the layer's weights."""
        if "weight_names" not in group.attrs:
            raise ValueError(f"{group.name} has no weight_names")
        found = group.attrs.get_id("weight_names")
        if len(found.shape) != 1 or found.shape[0] > 1024 or found.get_storage_size() > _MAX_CONFIG:
            raise ValueError(f"the weight_names of {group.name} are not a list of names")
        names = [
            name.decode() if isinstance(name, bytes) else name
            for name in group.attrs["weight_names"].tolist()
        ]
        if not all(isinstance(name, str) for name in names):
            raise ValueError(f"the weight_names of {group.name} are not a list of names")
        return names


def _flat(layer: Config, depth: int, trainable: bool) -> Iterator[tuple[Config, bool]]:
    """Yield a layer, or the layers of a model, and whether each is trainable."""
    _check_depth(depth)
    config = layer.get("config")
    if isinstance(config, dict):
        trainable = trainable and bool(config.get("trainable", True))
    if not is_model(layer):
        yield layer, trainable
        return
    for inner in inner_layers(layer):
        yield from _flat(inner, depth + 1, trainable)


def _check_depth(depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("its models are nested too deeply")
