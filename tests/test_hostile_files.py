"""Small files that claim or unpack to gigabytes: every loader refuses them, cheaply.

The promise: no file of up to 1 MB takes more than 500 MB or 5 s of processor time, and errors are
ValueError, OSError or MemoryError of one sentence that names the file.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from core_cases import ENVIRONMENT, SANITIZED
from safetensors.numpy import save

from ocrdigit.cli import main
from ocrdigit.models import files

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(SANITIZED, reason="sanitizers take memory of their own")

MAX_MEMORY, MAX_SECONDS = 500e6, 5.0
MAX_FILE = 1_000_000
SPARSE = 20 << 30
GROUP = 6  # files loaded by one process

FLAT = [{"type": "flatten"}, {"type": "dense", "units": 10}]
ZEROS = {
    "dense_1.kernel": np.zeros((784, 10), np.float32),
    "dense_1.bias": np.zeros(10, np.float32),
}

# ---- packed data ----


class Packed(NamedTuple):
    """Deflated data, and what an archive says about them, which need not be true."""

    raw: bytes
    size: int
    crc: int
    method: int = 8
    flags: int = 0


def pack(unit: bytes, count: int = 1, start: bytes = b"") -> Packed:
    """Return a unit that is repeated: it is deflated once, and its blocks are repeated."""
    packer, raw, crc = zlib.compressobj(9, wbits=-15), b"", 0
    for part, times in ((start, 1), (unit, count)):
        raw += (packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH)) * times
        for _ in range(times):
            crc = zlib.crc32(part, crc)
    return Packed(raw + packer.flush(), len(start) + len(unit) * count, crc)


def gzipped(packed: Packed, padding: int = 0) -> bytes:
    """Return a gzip file with a file name of ``padding`` bytes, which count as its own."""
    start = b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * padding + b"\0"
    return start + packed.raw + struct.pack("<II", packed.crc, packed.size % 2**32)


def zipped(**members: Packed | bytes) -> bytes:
    """Return a zip archive; "__" in a name stands for a point."""
    data, directory = b"", b""
    for name, content in members.items():
        member = pack(content) if isinstance(content, bytes) else content
        encoded = name.replace("__", ".").encode()
        about = struct.pack(
            "<HHHHIIIHH", member.flags, member.method, 0, 0, member.crc, len(member.raw),
            member.size, len(encoded), 0,
        )  # fmt: skip
        directory += b"PK\1\2\x14\0\x14\0" + about + struct.pack("<HHHII", 0, 0, 0, 0, len(data))
        directory += encoded
        data += b"PK\3\4\x14\0" + about + encoded + member.raw
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(data), 0)
    return data + directory + b"PK\5\6" + end


# ---- .npz ----


def npy(descr: object, shape: object, data: bytes = b"", order: bool = False) -> bytes:
    """Return a .npy file of this header, which need not be true."""
    header = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape!r}, }}"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data


def npz(X: Packed | bytes) -> bytes:
    return zipped(X__npy=X, y__npy=npy("<i8", (1,), bytes(8)))


def npz_files() -> dict[str, bytes]:
    images = (60_000, 28, 28)
    bomb = pack(bytes(1 << 20), 600, npy("|u1", (600 << 20,)))
    nested = "(" * 3000 + ")" * 3000
    one = pack(npy("|u1", (1, 784), bytes(784)))
    return {
        "bomb.npz": npz(bomb),
        "lying-size.npz": npz(bomb._replace(size=5000)),
        "lying-small.npz": npz(bomb._replace(size=200)),
        "wrong-shape.npz": npz(pack(bytes(1 << 20), 30, npy("|u1", (999, 28, 28)))),
        "claims.npz": npz(npy("<f8", (10**9, 28, 28))),
        "negative.npz": npz(npy("<f8", (-5, 28, 28), bytes(9999))),
        "overflow.npz": npz(npy("<f8", (2**62, 2**62), bytes(9999))),
        "truncated.npz": npz(npy("|u1", images, bytes(99))),
        "object.npz": npz(npy("|O", (1,), b"cposix\nsystem\n(S'true'\ntR.")),
        "paths.npz": npz(npy("<U11", (1,), "/etc/passwd".encode("utf-32-le"))),
        "records.npz": npz(npy([("a", "<f8", (10**6,))], (9,))),
        "subarray.npz": npz(npy(("<f8", (10**9,)), (9,))),
        "nested-header.npz": npz(b"\x93NUMPY\1\0" + struct.pack("<H", 6000) + nested.encode()),
        "open-header.npz": npz(b"\x93NUMPY\1\0" + struct.pack("<H", 9) + b"'''\\\n{{[("),
        "long-header.npz": npz(b"\x93NUMPY\2\0\xff\xff\xff\x7f" + b" " * 9999),
        "version.npz": npz(b"\x93NUMPY\7\0" + bytes(99)),
        "lzma.npz": npz(one._replace(method=14)),
        "bzip2.npz": npz(one._replace(method=12)),
        "unknown-method.npz": npz(one._replace(method=99)),
        "encrypted.npz": npz(one._replace(flags=1)),
        "many-members.npz": zipped(**{f"x{i}": pack(b"") for i in range(9_000)}),
        "not-finite.npz": npz(npy("<f4", (1, 784), np.full(784, np.inf, np.float32).tobytes())),
        "fits.npz": fitting_npz("|u1"),
        "fits-halves.npz": fitting_npz("<f2"),
    }


def fitting_npz(descr: str) -> bytes:
    """Return an archive of 1 MB with nearly as many images as it may have; none is canonical."""
    image = np.random.default_rng(0).integers(200, 256, 784).astype(descr).tobytes()
    unit = image * 200
    count = 8_200_000 // len(unit)
    arrays = {
        "X__npy": pack(unit, count, npy(descr, (count * 200, 784))),
        "y__npy": pack(bytes(200), count, npy("|i1", (count * 200,))),
    }
    padding = MAX_FILE - len(zipped(**arrays)) - 200
    return zipped(**arrays, padding=Packed(bytes(padding), padding, 0, method=0))


# ---- CSV and IDX ----


def idx(shape: Iterable[int], data: bytes = b"") -> bytes:
    sizes = [*shape]
    return bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + data


def csv_files() -> dict[str, bytes]:
    row = b",".join([b"0"] * 785) + b"\n"
    fitting = pack(row * 100, 8_200_000 // len(row * 100))
    return {
        "long-line.csv.gz": gzipped(pack(b"0," * 500_000, 260)),
        "one-number.csv.gz": gzipped(pack(b"1" * 1_000_000, 260)),
        "rows.csv.gz": gzipped(pack(row * 700, 480)),
        "fits.csv.gz": gzipped(fitting, MAX_FILE - len(fitting.raw) - 99),
        "long-line.csv": b"0," * 490_000,
        "quotes.csv": b'"' + b"x" * 200_000 + b'",1\n',
        "nul.csv": b"label\0,1\n" * 99,
        "return.csv": b"a\rb,c\n",
        "header-only.csv": b",".join([b"label"] * 785),
        "not-text.csv": bytes(range(128, 256)) * 99,
        "nan.csv": row.replace(b"0", b"nan", 1),
        "infinite-label.csv": row.replace(b"0", b"1e999", 1),
        "many-digits.csv": row.replace(b"0", b"9" * 60_000, 1),
        "not-gzip.csv.gz": b"0,1,2\n",
        "half.csv.gz": gzip.compress(row * 99)[:60],
        "damaged.csv.gz": gzip.compress(row)[:12] + b"\xff" * 99,
        "not-lzma.csv.gz": lzma.compress(row),
    }


def idx_files() -> dict[str, bytes]:
    images = 8_200_000 // 784
    fitting = pack(bytes(784 * 100), images // 100, idx((images // 100 * 100, 28, 28)))
    return {
        "more-idx1.gz": gzipped(pack(bytes(1 << 20), 600, idx((60_000,)))),
        "true-bomb-idx3.gz": gzipped(pack(bytes(1 << 20), 600, idx((600 << 20,)))),
        "fits-idx3.gz": gzipped(fitting, MAX_FILE - len(fitting.raw) - 99),
        "claims-idx3": idx((2**32 - 1, 28, 28), bytes(999)),
        "claims-idx3.gz": gzip.compress(idx((2**31, 28), bytes(999))),
        "overflow-idx8": idx([2**32 - 1] * 8, bytes(999)),
        "members-idx1.gz": gzip.compress(idx((5,), b"")) + gzip.compress(b"") * 45_000,
    }


# ---- models ----


def model(layers: Any = FLAT, tensors: dict[str, Any] | None = None, **metadata: str) -> bytes:
    about = {
        "format": files.FORMAT,
        "format_version": str(files.FORMAT_VERSION),
        "architecture": layers if isinstance(layers, str) else json.dumps(layers),
        "input_shape": "[28, 28, 1]",
        "classes": json.dumps([*range(10)]),
        "preprocessing": json.dumps(files.PREPROCESSING),
        "input_ranges": "{}",
    }
    return save(ZEROS if tensors is None else tensors, about | metadata)


def header(content: dict[str, Any] | bytes, data: bytes = b"") -> bytes:
    """Return a safetensors file of any header."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text + data


def half(shape: tuple[int, ...], value: float = 0) -> Any:
    return np.full(shape, value, np.float16)


def convolution(filters: int, size: int = 1) -> dict[str, Any]:
    return {"type": "conv2d", "filters": filters, "kernel_size": size, "use_bias": False}


def wide(filters: int) -> bytes:
    """Return a model of few weights and many numbers between its layers."""
    layers = [convolution(filters), convolution(1), *FLAT]
    tensors = {
        "conv2d_1.kernel": half((1, 1, 1, filters)),
        "conv2d_2.kernel": half((1, 1, filters, 1)),
    }
    return model(layers, tensors | ZEROS)


def safetensors_files() -> dict[str, bytes]:
    about = json.loads(model()[8:].split(b"\n")[0][: struct.unpack("<Q", model()[:8])[0]])
    claim = {"dtype": "F32", "shape": [784, 10], "data_offsets": [0, 31360]}
    bias = {"dtype": "F32", "shape": [10], "data_offsets": [31360, 31400]}
    tensors = {"dense_1.kernel": claim, "dense_1.bias": bias}
    rest, data = {"__metadata__": about["__metadata__"]}, bytes(31400)
    deep = "[" * 100_000
    dense = {"type": "dense", "units": 4096}
    large = {name: np.full_like(tensor, 3e38) for name, tensor in ZEROS.items()}
    twice = [{"type": "flatten"}, {"type": "dense", "units": 64}, {"type": "dense", "units": 10}]
    chain = {
        "dense_1.kernel": np.full((784, 64), 1e20, np.float32),
        "dense_1.bias": np.zeros(64, np.float32),
        "dense_2.kernel": np.full((64, 10), 1e20, np.float32),
        "dense_2.bias": np.zeros(10, np.float32),
    }
    return {
        "long-header.safetensors": struct.pack("<Q", 2**63) + b"{}",
        "header-100MB.safetensors": struct.pack("<Q", 10**8) + b"{" * 99,
        "deep-header.safetensors": header(deep.encode()),
        "list-header.safetensors": header(b"[]"),
        "deep-layers.safetensors": model(deep),
        "deep-ranges.safetensors": model(input_ranges=deep),
        "overlap.safetensors": header({**rest, **tensors, "dense_1.bias": claim}, data),
        "beyond.safetensors": header(
            {**rest, **tensors, "dense_1.kernel": claim | {"data_offsets": [0, 10**12]}}, data
        ),
        "shape.safetensors": header(
            {**rest, **tensors, "dense_1.kernel": claim | {"shape": [2**40, 2**40]}}, data
        ),
        "negative.safetensors": header(
            {**rest, **tensors, "dense_1.kernel": claim | {"shape": [-784, 10]}}, data
        ),
        "dtype.safetensors": header(
            {**rest, **tensors, "dense_1.kernel": claim | {"dtype": "F8_E4M3"}}, data
        ),
        "layers.safetensors": model([{"type": "flatten"}, dense, dense, dense, FLAT[1]]),
        "flattened.safetensors": model(
            [convolution(5_000), *FLAT], {"conv2d_1.kernel": half((1, 1, 1, 5_000))}
        ),
        "wide.safetensors": wide(5_000),
        "widest.safetensors": wide(200_000),
        "many-layers.safetensors": model([{"type": "relu"}] * 30_000 + FLAT),
        "large-integers.safetensors": model(
            '[{"type": "flatten"}, {"type": "dense", "units": ' + "9" * 4000 + "}]"
        ),
        "not-a-number.safetensors": model(
            tensors=ZEROS | {"dense_1.bias": np.full(10, np.nan, np.float32)}
        ),
        "infinite.safetensors": model(tensors=ZEROS | {"dense_1.kernel": half((784, 10), np.inf)}),
        "large-weights.safetensors": model(tensors=large),
        "overflows.safetensors": model(twice, chain),
        "temperature.safetensors": model(temperature="1e999"),
        "low-temperature.safetensors": model(
            tensors=ZEROS | {"dense_1.bias": np.full(10, 1e37, np.float32)}, temperature="0.001"
        ),
        "ranges.safetensors": model(input_ranges='{"dense_1": [NaN, 1e999]}'),
        "large-ranges.safetensors": model(input_ranges='{"dense_1": [-3e38, 3e38]}'),
        "units.safetensors": model('[{"type": "flatten"}, {"type": "dense", "units": [[]]}]'),
    }


def network_files() -> dict[str, bytes]:
    layers = [convolution(4, 3)]
    kernel = {"conv2d_1.kernel": half((3, 3, 1, 4))}
    found = {}
    for kind in ("detector", "recognizer"):
        about = {"format": f"ocrdigit {kind}", "architecture": json.dumps(layers)}
        wider = [convolution(65_000), convolution(65_000)]
        cases = {
            "lacks": save(kernel, {"format": f"ocrdigit {kind}"}),
            "claims": save(kernel, about | {"architecture": json.dumps(wider)}),
            "deep": save(kernel, about | {"architecture": "[" * 99_999}),
            "large": save({"conv2d_1.kernel": np.full((3, 3, 1, 4), 3e38, np.float32)}, about),
        }
        found |= {f"{name}.{kind}": data for name, data in cases.items()}
    return found


def checkpoint_files() -> dict[str, bytes]:
    parts = {"training": "{}", "state": "{}", "history": "{}"}
    about = {"format": "ocrdigit checkpoint", "format_version": "1"}
    array = {"weights": np.zeros(9, np.float32)}
    return {
        "deep.checkpoint": save(array, about | parts | {"training": "[" * 99_999}),
        "no-seed.checkpoint": save(array, about | parts),
        "history.checkpoint": save(array, about | parts | {"history": '{"loss": [[[]]]}'}),
        "seed.checkpoint": save(
            array, about | parts | {"training": '{"settings": {"seed": 1e999}}'}
        ),
        "header.checkpoint": struct.pack("<Q", 2**40) + bytes(999),
    }


# ---- .keras ----


def keras_layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": kind, **config}}


def keras_config(*layers: dict[str, Any]) -> bytes:
    first = keras_layer("InputLayer", batch_shape=[None, 28, 28, 1])
    return json.dumps({"class_name": "Sequential", "config": {"layers": [first, *layers]}}).encode()


def keras(config: bytes, fill: Callable[[Any], object]) -> bytes:
    h5py = pytest.importorskip("h5py")
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        fill(file)
    return archive(config, weights.getvalue())


def archive(config: Packed | bytes, weights: Packed | bytes = b"") -> bytes:
    return zipped(config__json=config, model__weights__h5=weights)


def keras_files() -> dict[str, bytes]:
    pytest.importorskip("h5py")
    dense = keras_layer("Dense", units=10)
    config = keras_config(keras_layer("Flatten"), dense)
    kernel, bias = "layers/dense/vars/0", "layers/dense/vars/1"

    def with_kernel(make: Callable[[Any], object]) -> bytes:
        def fill(file: Any) -> None:
            make(file)
            file[bias] = np.zeros(10, np.float32)

        return keras(config, fill)

    def declared(shape: tuple[int, ...], **options: Any) -> bytes:
        return with_kernel(lambda file: file.create_dataset(kernel, shape, "f4", **options))

    def virtual(file: Any) -> None:
        import h5py

        layout = h5py.VirtualLayout((784, 10), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "numbers", (784, 10))
        file.create_virtual_dataset(kernel, layout)

    def linked(file: Any) -> None:
        import h5py

        file[kernel] = h5py.ExternalLink("/dev/zero", "numbers")

    def shared(file: Any) -> None:
        data = file.create_dataset(kernel, data=np.zeros((784, 10), np.float32))
        for number in range(1, 2000):
            file[f"layers/dense_{number}/vars/0"] = data

    many = keras_config(
        keras_layer("Flatten"), *[keras_layer("Dense", units=10, use_bias=False)] * 2000
    )
    nested = b'{"class_name": "Sequential", "config": {"layers": [' * 300 + b"]}}" * 300
    bomb = pack(bytes(1 << 20), 600)
    return {
        "declared.keras": declared((784, 10)),
        "declared-520MB.keras": declared((13_000_000, 10)),
        "compressed.keras": with_kernel(
            lambda file: file.create_dataset(
                kernel, data=np.zeros((784_000, 10), "f4"), compression="gzip", chunks=(784_000, 10)
            )
        ),
        "chunked.keras": declared((2**40, 10), chunks=(1024, 10)),
        "external.keras": declared((784, 10), external=[("/dev/zero", 0, 31360)]),
        "virtual.keras": with_kernel(virtual),
        "link.keras": with_kernel(linked),
        "text.keras": with_kernel(lambda file: file.create_dataset(kernel, data=[b"0" * 99] * 99)),
        "group.keras": with_kernel(lambda file: file.create_group(kernel)),
        "shared.keras": keras(many, shared),
        "bomb.keras": archive(config, bomb),
        "lying-size.keras": archive(config, bomb._replace(size=5000)),
        "config-bomb.keras": archive(pack(b" " * (1 << 20), 300)),
        "deep.keras": archive(b"[" * 500_000),
        "nested.keras": archive(nested),
        "lzma.keras": archive(config, pack(b"")._replace(method=14)),
        "encrypted.keras": archive(config, pack(b"")._replace(flags=1)),
        "huge-units.keras": keras(
            keras_config(
                keras_layer("Conv2D", filters=5_000, kernel_size=1, use_bias=False),
                keras_layer("Flatten"),
                keras_layer("Dense", units=10, use_bias=False),
            ),
            lambda file: (
                file.create_dataset("layers/conv2d/vars/0", data=np.zeros((1, 1, 1, 5_000), "f4")),
                file.create_dataset("layers/dense/vars/0", data=np.zeros((1, 10), "f4")),
            ),
        ),
        "scale.keras": keras(
            keras_config(keras_layer("Rescaling", scale=10**400), keras_layer("Flatten"), dense),
            lambda file: None,
        ),
    }


# ---- .h5 ----


def h5_files() -> dict[str, bytes]:
    h5py = pytest.importorskip("h5py")
    config = keras_config(keras_layer("Flatten"), keras_layer("Dense", units=10))
    kernel = "model_weights/Dense/kernel:0"

    def h5(make: Callable[[Any], object], description: object = config, names: Any = None) -> bytes:
        data = io.BytesIO()
        with h5py.File(data, "w") as file:
            file.attrs["model_config"] = description
            group = file.create_group("model_weights/Dense")
            group["bias:0"] = np.zeros(10, np.float32)
            group.attrs["weight_names"] = [b"kernel:0", b"bias:0"] if names is None else names
            make(file)
        return data.getvalue()

    def declared(shape: tuple[int, ...], **options: Any) -> bytes:
        return h5(lambda file: file.create_dataset(kernel, shape, "f4", **options))

    def nothing(file: Any) -> None:
        pass

    def description(text: bytes) -> bytes:
        return h5(nothing, text)

    many = [b"kernel:0"] * 4000
    return {
        "declared.h5": declared((784, 10)),
        "declared-520MB.h5": declared((13_000_000, 10)),
        "chunked.h5": declared((2**40, 10), chunks=(1024, 10)),
        "external.h5": declared((784, 10), external=[("/dev/zero", 0, 31360)]),
        "link.h5": h5(lambda file: file.__setitem__(kernel, h5py.ExternalLink("/dev/zero", "x"))),
        "soft-link.h5": h5(lambda file: file.__setitem__(kernel, h5py.SoftLink("/"))),
        "group.h5": h5(lambda file: file.create_group(kernel)),
        "missing.h5": h5(nothing),
        "many-names.h5": h5(nothing, names=many),
        "names-of-numbers.h5": h5(nothing, names=np.zeros((50, 50))),
        "no-names.h5": h5(nothing, names=7),
        "numbers.h5": h5(nothing, description=np.zeros(1000)),
        "no-json.h5": description(b"{"),
        "no-model.h5": description(b"[]"),
        "deep.h5": description(b"[" * 60_000),
        "nested.h5": description(
            b'{"class_name": "Sequential", "config": {"layers": [' * 300 + b"]}}" * 300
        ),
        "circle.h5": description(
            json.dumps(
                {
                    "class_name": "Functional",
                    "config": {
                        "layers": [
                            {**keras_layer("Flatten"), "inbound_nodes": [[["Dense", 0, 0, {}]]]},
                            {**keras_layer("Dense"), "inbound_nodes": [[["Flatten", 0, 0, {}]]]},
                        ],
                        "output_layers": [["Dense", 0, 0]],
                    },
                }
            ).encode()
        ),
        "no-hdf.h5": b"\x89HDF\r\n\x1a\n" + bytes(500),
    }


# ---- .onnx and .tflite ----


def exported_files() -> dict[str, bytes]:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("tflite")
    huge = [{"type": "flatten"}, *[{"type": "dense", "units": 60_000}] * 2, *FLAT[1:]]

    def graph(tensor: Any, architecture: Any = FLAT) -> bytes:
        model = onnx.ModelProto()
        model.graph.initializer.append(tensor)
        metadata = {"format": "ocrdigit", "architecture": json.dumps(architecture)}
        metadata["input_shape"] = "[28, 28, 1]"
        onnx.helper.set_model_props(model, metadata)
        return model.SerializeToString()

    def declared(*shape: int) -> Any:
        return onnx.TensorProto(name="dense_1.kernel", data_type=1, dims=shape, raw_data=b"1234")

    external = declared(784, 10)
    external.data_location = onnx.TensorProto.EXTERNAL
    external.external_data.add(key="location", value="/dev/zero")
    start = struct.pack("<I", 8) + b"TFL3"
    return {
        "declared.onnx": graph(declared(784, 10)),
        "declared-huge.onnx": graph(declared(2**40, 2**20)),
        "external.onnx": graph(external),
        "layers.onnx": graph(declared(784, 10), huge),
        "no-layers.onnx": graph(declared(1), 5),
        "deep.onnx": graph(declared(1), json.loads("[" * 200 + "]" * 200)),
        "other.onnx": onnx.ModelProto(producer_name="another").SerializeToString(),
        "damaged.onnx": b"\x0a" * 1000,
        "zeros.tflite": start + bytes(1000),
        "ones.tflite": start + b"\xff" * 1000,
        "far.tflite": struct.pack("<I", 2**31) + b"TFL3" + bytes(100),
        "short.tflite": start,
        "text.tflite": b"a model",
    }


# ---- .pt ----


def torch_files() -> dict[str, bytes]:
    """Pickles that make much of little: by copies, and by tuples of tuples, hashed or shown."""

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def string(value: bytes) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value

    def tensor(count: int) -> bytes:
        """Return a pickle of a tensor; then object 1 is the function, and 2 its arguments."""
        storage = string(b"storage") + b"ctorch\nFloatStorage\n" + string(b"0") + string(b"cpu")
        return (
            b"ctorch._utils\n_rebuild_tensor_v2\nq\1((" + storage + number(count) + b"tQK\0"
            + number(count) + b"\x85K\1\x85\x89}tq\2R"
        )  # fmt: skip

    def pt(start: bytes, unit: bytes = b"", end: bytes = b".", numbers: int = 0) -> bytes:
        """Return a file whose pickle repeats a unit until it has 1 MiB."""
        count = ((1 << 20) - len(start) - len(end) - 2) // len(unit) if unit else 0
        pickle = b"\x80\2" + start + unit * count + end
        members = {"a/data__pkl": pack(pickle), "a/data/0": pack(bytes(4 * numbers))}
        return zipped(**members)

    doubled = b"N" + b"q\0h\0\x86" * 60
    return {
        "copies.pt": pt(tensor(1_800_000), b"h\1h\2R", numbers=1_800_000),
        "copies-small.pt": pt(tensor(1), b"h\1h\2R", numbers=1),
        "deep-key.pt": pt(b"}N", b"\x85", b"Ns."),
        "deep-value.pt": pt(b"}" + string(b"x") + b"N", b"\x85", b"s."),
        "doubled-key.pt": pt(b"}" + doubled, end=b"Ns."),
        "doubled-pairs.pt": pt(b"}(" + doubled, end=b"Nu."),
        "long-name.pt": pt(b"}" + string(b"\1" * 1_000_000), end=b"Ns."),
        "dicts.pt": pt(b"", b"}\x94"),
        "memo.pt": pt(b"N", b"\x94"),
        "lying-memo.pt": pt(b"}r\xff\xff\xff\x7f"),
    }


# ---- sparse files of 20 GB ----

SPARSE_STARTS = {
    "sparse.npz": b"PK\3\4",
    "sparse.csv": b"",
    "sparse-rows.csv": b"0,",
    "sparse.csv.gz": b"\x1f\x8b\x08",
    "sparse-idx3": idx((60_000, 28, 28)),
    "sparse-idx3.gz": b"\x1f\x8b\x08",
    "sparse.safetensors": struct.pack("<Q", 2**32),
    "sparse.keras": b"PK\3\4",
    "sparse.h5": b"\x89HDF\r\n\x1a\n",
    "sparse.onnx": b"\x08",
    "sparse.tflite": struct.pack("<I", 8) + b"TFL3",
    "sparse.pt": b"PK\3\4",
    "sparse.checkpoint": struct.pack("<Q", 2**32),
    "sparse.detector": struct.pack("<Q", 2**32),
}


# ---- running ----

LOADER = '''
import json, os, resource, sys, time
import ocrdigit, ocrdigit.datasets
from ocrdigit import _checkpoint
from ocrdigit.models import detector, files, recognizer

def load(path):
    name = os.path.basename(path)
    if ".csv" in name or name.endswith(".npz"):
        return ocrdigit.datasets.load_data(path)
    if "idx" in name:
        return ocrdigit.datasets.read_idx(path)
    if name.endswith(".checkpoint"):
        return _checkpoint.saved_seed(path)
    if name.endswith(".detector"):
        return detector.read_detector(path)
    if name.endswith(".recognizer"):
        return recognizer.read_recognizer(path)
    if name.endswith(".pt"):
        return files.read_torch(path, ["Flatten", "fc"])
    return ocrdigit.load(path)

def peak_memory():
    """Return the bytes of memory of this process at most; getrusage counts its parent's, too."""
    if os.path.exists("/proc/self/status"):
        with open("/proc/self/status") as file:
            return 1024 * next(int(line.split()[1]) for line in file if "VmHWM" in line)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak

ocrdigit.set_num_threads(2)
for path in sys.argv[1:]:
    before = time.process_time()
    try:
        load(path)
        error, message = None, ""
    except Exception as caught:
        error, message = type(caught), str(caught)
    peak = peak_memory()
    print(json.dumps({
        "name": os.path.basename(path),
        "error": error and error.__name__,
        "allowed": error is None or issubclass(error, (ValueError, OSError, MemoryError)),
        "message": message,
        "seconds": time.process_time() - before,
        "peak": peak,
    }), flush=True)
'''


def results_of(paths: list[Path]) -> list[dict[str, Any]]:
    """Load files in one process that may have no more than 4 GB of addresses."""

    def limit() -> None:
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    done = subprocess.run(
        [sys.executable, "-c", LOADER, *map(str, paths)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | {"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=limit,
    )
    assert done.returncode == 0, f"{paths}: {done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


# The largest that the loaders accept.
ACCEPTED = {"fits.npz", "fits-halves.npz", "fits.csv.gz", "fits-idx3.gz"}


def check(result: dict[str, Any]) -> None:
    name, message = result["name"], result["message"]
    assert result["peak"] < MAX_MEMORY, result
    assert result["seconds"] < MAX_SECONDS, result
    if name in ACCEPTED:
        assert result["error"] is None, result
        return
    assert result["allowed"], result
    assert name in message, result
    assert "\n" not in message, result
    assert len(message) < 1000, result


def check_all(paths: list[Path]) -> None:
    for start in range(0, len(paths), GROUP):
        group = paths[start : start + GROUP]
        results = results_of(group)
        assert [result["name"] for result in results] == [path.name for path in group]
        for result in results:
            print(
                "{name:28} {peak_mb:6.0f} MB {seconds:6.2f} s  {error}: {message:.90}".format(
                    peak_mb=result["peak"] / 1e6, **result
                )
            )
            check(result)


COMMANDS = {
    "claims.npz": ["evaluate", "--data"],
    "long-line.csv.gz": ["evaluate", "--data"],
    "overflows.safetensors": ["predict", "digit.png", "--model"],
    "deep-layers.safetensors": ["export"],
    "long-lexicon.txt": ["read", "digit.png", "--lexicon"],
    "long-line-labels.csv": ["evaluate", "--reading"],
}


def test_command_line_reports_one_sentence(tmp_path: Path) -> None:
    made = npz_files() | csv_files() | safetensors_files()
    made |= {"long-lexicon.txt": b"\xff" * 99, "long-line-labels.csv": b"file," * 200_000}
    for name, command in COMMANDS.items():
        path = tmp_path / name
        path.write_bytes(made[name])
        end = ["out.keras"] if command == ["export"] else []
        result = CliRunner().invoke(main, [*command, str(path), *end])
        assert result.exit_code == 1, (name, result.output)
        assert isinstance(result.exception, SystemExit), (name, result.exception)
        lines = result.output.strip().splitlines()
        assert len(lines) == 1, (name, result.output)
        assert lines[0].startswith(f"Error: {path}: "), (name, result.output)


KINDS = [
    npz_files,
    csv_files,
    idx_files,
    safetensors_files,
    network_files,
    checkpoint_files,
    keras_files,
    h5_files,
    exported_files,
    torch_files,
]


@pytest.mark.parametrize("make", KINDS, ids=[make.__name__ for make in KINDS])
def test_small_files(make: Callable[[], dict[str, bytes]], tmp_path: Path) -> None:
    paths = []
    for name, data in make().items():
        assert len(data) <= MAX_FILE, f"{name} has {len(data)} bytes"
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    assert len(paths) >= 5
    check_all(paths)


def test_sparse_files(tmp_path: Path) -> None:
    paths = []
    for name, start in SPARSE_STARTS.items():
        paths.append(tmp_path / name)
        with open(paths[-1], "wb") as file:
            file.write(start)
            file.truncate(SPARSE)
    check_all(paths)
