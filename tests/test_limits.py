"""Limits: hostile picture files take little memory, and errors say what is beyond which limit.

A file of up to 1 MB takes at most 500 MB and 5 s of processor time, whatever it is. Each is read by
a process of its own, whose peak is measured.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

import ocrdigit
from ocrdigit import limits

MAX_PEAK = 500_000_000
MAX_SECONDS = 5.0  # of processor time
MAX_FILE = 1_000_000

PROGRAM = """
import sys, time, warnings
warnings.simplefilter("ignore")
import ocrdigit
start = time.process_time()
for call in (ocrdigit.read, ocrdigit.predict):
    try:
        call(sys.argv[1])
        print("decoded")
    except ValueError as error:
        print("refused", error)
print(time.process_time() - start)
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
"""


def plain(mode: str, width: int, height: int, kind: str, **options: Any) -> bytes:
    """Return a file of one colour, which compresses best."""
    data = io.BytesIO()
    Image.new(mode, (width, height), 1).save(data, kind, **options)
    return data.getvalue()


def many_pages(mode: str, side: int, count: int, compression: str) -> bytes:
    page = Image.new(mode, (side, side), 1)
    data = io.BytesIO()
    page.save(
        data, "TIFF", compression=compression, save_all=True, append_images=[page] * (count - 1)
    )
    return data.getvalue()


def deep_png(side: int) -> bytes:
    """Return a PNG of four channels of 16 bits."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = b"\0" * (8 * side + 1)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def large_tiles() -> bytes:
    """Return a TIFF of a few pixels in a tile of gigabytes."""
    data = bytearray(plain("L", 16, 16, "TIFF", compression="tiff_deflate"))
    start = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, start)[0]
    for place in range(start + 2, start + 2 + 12 * entries, 12):
        tag = struct.unpack_from("<H", data, place)[0]
        if tag in (278, 273):  # rows of a strip, offsets of strips
            struct.pack_into("<H", data, place, {278: 322, 273: 324}[tag])
            if tag == 278:
                struct.pack_into("<HIi", data, place + 2, 4, 1, 60000)
    return bytes(data)


def bomb() -> bytes:
    """Return compressed data that become 300 MB."""
    return zlib.compress(bytes(300_000_000), 9)


def png_with(kind: bytes, data: bytes, count: int = 1) -> bytes:
    """Return a small PNG with so many chunks of a kind after its header."""
    whole = plain("L", 28, 28, "PNG")
    chunk = struct.pack(">I", len(data)) + kind + data
    chunk += struct.pack(">I", zlib.crc32(kind + data))
    return whole[:33] + count * chunk + whole[33:]


def many_frames() -> bytes:
    frame = b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\2\2L\1\0"
    head = b"GIF89a" + struct.pack("<HH", 9999, 9999) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    return head + 60_000 * frame + b";"


def animated(kind: str, side: int, count: int) -> bytes:
    frames = [Image.new("RGB", (side, side), (i, 0, 0)) for i in range(count)]
    data = io.BytesIO()
    frames[0].save(data, kind, save_all=True, append_images=frames[1:], duration=1)
    return data.getvalue()


def run_length_bmp(data: bytes) -> bytes:
    start = 14 + 40 + 1024
    header = struct.pack("<IiiHHIIiiII", 40, 9999, 9999, 1, 8, 1, len(data), 0, 0, 256, 0)
    size = start + len(data)
    return b"BM" + struct.pack("<IHHI", size, 0, 0, start) + header + bytes(1024) + data


def tiff(*entries: tuple[int, int], next_at: int = 0, count: int = 1) -> bytes:
    """Return a TIFF with a directory of tags and their values, and ``count`` for each."""
    tags = b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, value in entries)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    return head + tags + struct.pack("<I", next_at)


def avif(side: int) -> bytes:
    if not features.check("avif"):
        pytest.skip("this machine has a Pillow without AVIF")
    return plain("RGB", side, side, "AVIF", speed=10)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "PNG, RGBA, 100 million pixels": lambda: plain("RGBA", 10000, 10000, "PNG"),
    "PNG, RGBA, just allowed": lambda: plain("RGBA", 5000, 5200, "PNG"),
    "PNG, gray, 100 million pixels": lambda: plain("L", 10000, 10000, "PNG"),
    "PNG, one bit": lambda: plain("1", 10000, 10000, "PNG"),
    "PNG, palette with transparency": lambda: plain("P", 7000, 7000, "PNG", transparency=0),
    "PNG, 16 bits, gray": lambda: plain("I;16", 7000, 7000, "PNG"),
    "PNG, 16 bits, four channels": lambda: deep_png(5000),
    "JPEG": lambda: plain("RGB", 5900, 5900, "JPEG"),
    "progressive JPEG": lambda: plain("RGB", 5000, 5000, "JPEG", progressive=True),
    "JPEG, CMYK": lambda: plain("CMYK", 4400, 4400, "JPEG"),
    "GIF": lambda: plain("P", 10000, 9000, "GIF"),
    "GIF, just allowed": lambda: plain("P", 7000, 7000, "GIF"),
    "BMP": lambda: plain("1", 2800, 2800, "BMP"),
    "WebP": lambda: plain("RGBA", 9000, 9000, "WEBP", lossless=True),
    "WebP, just allowed": lambda: plain("RGB", 3200, 3200, "WEBP", lossless=True),
    "JPEG 2000": lambda: plain("RGB", 5000, 5000, "JPEG2000"),
    "JPEG 2000, just allowed": lambda: plain("RGB", 2700, 2700, "JPEG2000"),
    "AVIF": lambda: avif(3600),
    "TIFF, LZW": lambda: plain("RGB", 4800, 4800, "TIFF", compression="tiff_lzw"),
    "TIFF, one strip": lambda: plain(
        "RGB", 4200, 4200, "TIFF", compression="tiff_deflate", strip_size=1 << 30
    ),
    "TIFF, CCITT G4": lambda: plain("1", 8000, 8000, "TIFF", compression="group4"),
    "TIFF of 12 large pages": lambda: many_pages("RGB", 3000, 12, "tiff_deflate"),
    "TIFF of 60 pages": lambda: many_pages("1", 3000, 60, "group4"),
    "TIFF of large tiles": large_tiles,
    "PNG, compressed profile": lambda: png_with(b"iCCP", b"a\0\0" + bomb()),
    "PNG, compressed text": lambda: png_with(b"zTXt", b"a\0\0" + bomb()),
    "PNG, compressed international text": lambda: png_with(b"iTXt", b"a\0\1\0\0\0" + bomb()),
    "PNG of 60,000 chunks": lambda: png_with(b"tEXt", b"a\0b", 60_000),
    "GIF of 60,000 frames": many_frames,
    "animated WebP": lambda: animated("WEBP", 1000, 100),
    "animated PNG": lambda: animated("PNG", 1000, 100),
    "BMP, runs of nothing": lambda: run_length_bmp(b"\0\2\xff\xff" * 200_000),
    "BMP, empty rows": lambda: run_length_bmp(b"\0\0" * 400_000),
    "plain PPM of one comment": lambda: b"P3 9999 9999 255\n" + b"#" * 900_000,
    "plain PGM of spaces": lambda: b"P2 9999 9999 255\n" + b" " * 900_000,
    "plain PBM": lambda: b"P1 9999 9999\n" + b"0" * 900_000,
    "TIFF, directories in a loop": lambda: tiff((256, 9999), (257, 9999), (273, 8), next_at=8),
    "TIFF, billions of strips": lambda: tiff((256, 10), (257, 10), (273, 8), count=0x3FFFFFFF),
    "TIFF of 60,000 tags": lambda: tiff(*((40_000 + i % 20_000, 1) for i in range(60_000))),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files(case: str, tmp_path: Path) -> None:
    if not os.path.exists("/proc/self/status"):
        pytest.skip("this machine does not tell the peak memory of a process")
    path = tmp_path / "hostile"
    path.write_bytes(HOSTILE[case]())
    assert path.stat().st_size <= MAX_FILE
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(output) == 4
    assert all(
        line == "decoded" or "ocrdigit.limits" in line or "read" in line for line in output[:2]
    )
    assert float(output[2]) < 2 * MAX_SECONDS  # of two calls
    assert int(output[3]) < MAX_PEAK


def test_a_jpeg_of_many_scans(tmp_path: Path) -> None:
    """Decoding each takes as long as the whole image: minutes for 1 MB of them."""
    data = plain("L", 9990, 9990, "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xc4") : -2]  # the tables of the last scan, and the scan
    path = tmp_path / "scans.jpg"
    count = (MAX_FILE - len(data)) // len(last)
    path.write_bytes(data[:-2] + count * last + b"\xff\xd9")
    assert count > 1000
    for call in (ocrdigit.predict, ocrdigit.read):
        with pytest.raises(ValueError, match=r"scans\.jpg is a JPEG .* with [\d,]+ scans"):
            call(path)
    path.write_bytes(plain("RGB", 1000, 1000, "JPEG", progressive=True))
    assert ocrdigit.read(path).text == ""


def test_a_sparse_file_of_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "sparse.png"
    with open(path, "wb") as file:
        file.truncate(20 * 10**9)
    for call in (ocrdigit.predict, ocrdigit.read):
        with pytest.raises(ValueError, match=r"sparse\.png is not an image"):
            call(path)


@pytest.mark.parametrize("kind", ["EPS", "ICO", "TGA", "PCX"])
def test_formats_that_are_not_opened(kind: str) -> None:
    """Other decoders of Pillow, one of which starts an interpreter, are not reached."""
    data = plain("L", 40, 40, kind)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == kind
    with pytest.raises(ValueError, match="is not an image that can be read"):
        ocrdigit.predict(data)


def test_formats_are_settable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FORMATS", ("PNG", "TGA"))
    assert isinstance(ocrdigit.predict(plain("L", 40, 40, "TGA")), int)
    assert isinstance(ocrdigit.predict(plain("L", 40, 40, "PNG")), int)
    with pytest.raises(ValueError, match="is not an image that can be read"):
        ocrdigit.predict(plain("L", 40, 40, "JPEG"))


def test_limits_are_settable(monkeypatch: pytest.MonkeyPatch) -> None:
    data = plain("RGBA", 100, 100, "PNG")
    monkeypatch.setattr(limits, "MAX_BYTES", 79_000)
    monkeypatch.setattr(limits, "EXPANSION", 0)
    with pytest.raises(ValueError, match=r"100 x 100 pixels, mode RGBA\) is too large: it would"):
        ocrdigit.predict(data)
    monkeypatch.setattr(limits, "EXPANSION", 10)
    ocrdigit.predict(data)
    monkeypatch.setattr(limits, "MAX_PIXELS", 9_999)
    for image in (data, np.zeros((100, 100), np.uint8)):
        with pytest.raises(ValueError, match=r"of 100 x 100 pixels; expected at most 9,999"):
            ocrdigit.predict(image)


def test_large_photos_of_a_digit_are_decoded_at_a_smaller_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By ``predict``, whose result has no coordinates; ``read`` refuses them."""
    seven = ocrdigit.datasets.load_sample().X_test[7]
    photo = io.BytesIO()
    Image.fromarray(255 - np.kron(seven, np.ones((20, 20), np.uint8))).save(photo, "JPEG")
    assert ocrdigit.predict(photo) == 7
    monkeypatch.setattr(limits, "MAX_PIXELS", 100_000)
    assert ocrdigit.predict(photo) == 7
    monkeypatch.setattr(limits, "MAX_PIXELS", 5_000)
    assert ocrdigit.predict(photo) == 7
    with pytest.raises(ValueError, match="560 x 560 pixels; expected at most 5,000"):
        ocrdigit.read(photo)
    monkeypatch.setattr(limits, "MAX_PIXELS", 4_000)
    with pytest.raises(ValueError, match="560 x 560 pixels; expected at most 4,000"):
        ocrdigit.predict(photo)
