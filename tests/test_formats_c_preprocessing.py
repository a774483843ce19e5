"""The preprocessing in C exports: pictures of any size, light and polarity to digits."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ocrdigit
from ocrdigit import _core
from ocrdigit.datasets import Dataset
from ocrdigit.models import files

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="this machine has no gcc")

# Reads pictures (rows, columns, stride, then the bytes); writes whether there is a digit, its class
# and its image.
MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "digits.h"
int main(void) {
  static float image[DIGITS_HEIGHT * DIGITS_WIDTH], scratch[DIGITS_SCRATCH], answer[2];
  int size[3];
  while (fread(size, sizeof size, 1, stdin) == 1) {
    const size_t bytes = (size_t)(size[0] - 1) * (size_t)size[2] + (size_t)size[1];
    unsigned char *picture = malloc(bytes), *work = malloc(DIGITS_WORK);
    if (!picture || !work || fread(picture, bytes, 1, stdin) != 1) return 1;
    memset(work, 0x7f, DIGITS_WORK);
    answer[0] = (float)digits_preprocess(picture, size[0], size[1], size[2], work, image);
    answer[1] = (float)digits_predict(image, scratch);
    fwrite(answer, sizeof answer, 1, stdout);
    fwrite(image, sizeof image, 1, stdout);
    free(picture);
    free(work);
  }
  return 0;
}
"""
WARNINGS = "-std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Werror"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model "tiny" as a program, under the sanitizers."""
    folder = tmp_path_factory.mktemp("exported")
    ocrdigit.load("tiny").save(folder / "digits.h")
    (folder / "main.c").write_text(MAIN)
    options = f"{WARNINGS} -O2 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    command = ["gcc", *options.split(), "digits.c", "main.c", "-lm", "-o", "run"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def run(program: Path, pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return whether each picture has a digit, which one, and its image (28, 28)."""
    data = b""
    for picture in pictures:
        rows, columns = picture.shape
        stride = columns + 3
        padded = np.pad(picture, ((0, 0), (0, 3)), constant_values=99).tobytes()
        data += struct.pack("3i", rows, columns, stride) + padded[: len(padded) - 3]
    done = subprocess.run([program], input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    answers = np.frombuffer(done.stdout, np.float32).reshape(len(pictures), -1)
    return answers[:, 0].astype(int), answers[:, 1].astype(int), answers[:, 2:].reshape(-1, 28, 28)


def draw(digit: np.ndarray, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Return a picture of a digit in uneven light, dark on light or light on dark."""
    h, w = shape
    side = int(min(h, w) * random.uniform(0.4, 0.8))
    digit = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)) / 255
    y, x = random.integers(0, h - side + 1), random.integers(0, w - side + 1)
    covered = np.zeros(shape)
    covered[y : y + side, x : x + side] = digit
    rows, columns = np.mgrid[:h, :w] / max(shape)
    light = 190 - random.uniform(0, 90) * np.hypot(rows - random.random(), columns - 0.5)
    picture = np.clip((light + random.normal(0, 4, shape)) * (1 - 0.6 * covered), 0, 255)
    return (picture if random.random() < 0.5 else 255 - picture).astype(np.uint8)


@pytest.mark.parametrize("shape", [(40, 40), (64, 48), (120, 200), (200, 160)])
def test_accuracy(program: Path, sample: Dataset, shape: tuple[int, int]):
    random = np.random.default_rng(0)
    digits, labels = sample.X_test[:150], sample.y_test[:150]
    pictures = [draw(digit, shape, random) for digit in digits]
    found, classes, images = run(program, pictures)
    assert found.all()
    assert (classes == labels).mean() >= 0.97
    assert (images.max((1, 2)) == 1).all()


def test_the_largest_pictures(program: Path, sample: Dataset):
    random = np.random.default_rng(3)
    digits, labels = sample.X_test[:6], sample.y_test[:6]
    pictures = [draw(digit, (2048, 2048), random) for digit in digits]
    found, classes, _ = run(program, pictures)
    assert found.all()
    assert (classes == labels).sum() >= 5


def test_size_and_centre(program: Path):
    picture = np.full((150, 100), 230, np.uint8)
    picture[60:120, 30:60] = 40
    picture[70:110, 38:52] = 230
    _, _, (image,) = run(program, [picture])
    rows, columns = np.nonzero(image > 0.5)
    assert abs(np.ptp(rows) + 1 - 20) <= 1  # its edges are between pixels
    assert abs(np.ptp(columns) + 1 - 10) <= 1
    grid = np.arange(28) @ np.stack([image.sum(1), image.sum(0)], 1) / image.sum()
    assert np.abs(grid - 14).max() < 0.6


def test_neighbours_and_specks_are_left_out(program: Path, sample: Dataset):
    random = np.random.default_rng(1)
    clean, dirty = [], []
    for digit in sample.X_test[:50]:
        picture = np.full((80, 80), 240, np.uint8)
        picture[20:60, 20:60] -= np.asarray(Image.fromarray(digit).resize((40, 40))) // 2
        clean.append(picture)
        dirty.append(picture.copy())
        for y, x in random.integers(2, 14, (3, 2)):
            dirty[-1][y : y + 2, x : x + 2] = 110
        dirty[-1][20:40, 76:] = 110
    _, expected, _ = run(program, clean)
    _, got, _ = run(program, dirty)
    assert (got == expected).mean() >= 0.98


def test_pictures_without_a_digit(program: Path):
    flat = [np.full(shape, 128, np.uint8) for shape in [(1, 1), (1, 2048), (2048, 1), (60, 60)]]
    noise = np.random.default_rng(0).integers(120, 128, (50, 50)).astype(np.uint8)
    found, _, images = run(program, [*flat, noise])
    assert not found.any()
    assert not images.any()


def test_any_picture_is_safe(program: Path):
    random = np.random.default_rng(0)
    shapes = [(1, 1), (1, 7), (49, 1), (47, 48), (48, 49), (97, 50), (2048, 3), (5, 1000)]
    pictures = [random.integers(0, 256, shape).astype(np.uint8) for shape in shapes * 4]
    _, classes, images = run(program, pictures)
    assert ((classes >= 0) & (classes < 10)).all()
    assert ((images >= 0) & (images <= 1)).all()


def test_only_networks_of_such_images_have_it(tmp_path: Path):
    layers = [{"type": "flatten"}, {"type": "dense", "units": 10}]
    for shape, count in [((28, 28, 1), 1), ((28, 28, 3), 0), ((14, 14, 1), 0)]:
        network = _core.Network(layers, shape, seed=0)
        files.write_model(tmp_path / "digits.h", files.Stored(network))
        for suffix in ".h", ".c":
            text = (tmp_path / "digits").with_suffix(suffix).read_text()
            assert len(re.findall(r"^int digits_preprocess\(", text, re.MULTILINE)) == count
