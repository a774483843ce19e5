"""One-bit pictures whose gray levels are dithered are classified and read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from document_files import saved
from PIL import Image

import ocrdigit
from ocrdigit.datasets import Dataset

Gray = np.ndarray


def bayer(side: int) -> np.ndarray:
    """Return Bayer's matrix of a side that is a power of two."""
    if side == 1:
        return np.zeros((1, 1))
    quarter = 4 * bayer(side // 2)
    return np.block([[quarter, quarter + 2], [quarter + 3, quarter + 1]])


def ordered(gray: Gray, side: int) -> Gray:
    thresholds = (bayer(side) + 0.5) * (255 / side**2)
    repeats = (gray.shape[0] // side + 1, gray.shape[1] // side + 1)
    tiled = np.tile(thresholds, repeats)[: gray.shape[0], : gray.shape[1]]
    return np.where(gray > tiled, 255, 0).astype(np.uint8)


def floyd_steinberg(gray: Gray) -> Gray:
    return np.asarray(Image.fromarray(gray).convert("1").convert("L"))


DITHERS: dict[str, Callable[[Gray], Gray]] = {
    "Floyd-Steinberg": floyd_steinberg,
    "ordered 2": lambda gray: ordered(gray, 2),
    "ordered 4": lambda gray: ordered(gray, 4),
    "ordered 8": lambda gray: ordered(gray, 8),
}


@pytest.mark.parametrize("dither", DITHERS)
@pytest.mark.parametrize("scale", [2, 4])
def test_dithered_digits(sample: Dataset, dither: str, scale: int) -> None:
    ones = np.ones((scale, scale), np.uint8)
    pictures = [np.kron(230 - image // 4 * 3, ones) for image in sample.X_test[:100]]
    dithered = [DITHERS[dither](picture) for picture in pictures]
    assert (ocrdigit.predict(dithered) == sample.y_test[:100]).mean() > 0.95


@pytest.mark.parametrize("dither", DITHERS)
def test_dithered_fields(dither: str) -> None:
    fields = ocrdigit.synth.strings(25, length=(3, 6), style="plain", random_state=5)
    right = 0
    for field in fields:
        height, width = field.image.shape
        large = ocrdigit.image.resize(field.image, (2 * width, 2 * height))
        right += ocrdigit.read(DITHERS[dither](large)).text == field.text
    assert right >= 21


def test_dithered_page_in_a_fax() -> None:
    """CCITT G4 in a TIFF; the reading keeps the page as it is, and smooth in gray."""
    photo = ocrdigit.datasets.load_page()
    large = ocrdigit.image.resize(photo.image, (1200, 840))
    dots = floyd_steinberg(large)
    reading = ocrdigit.read(saved([dots], "TIFF", "1", compression="group4"))
    assert reading.text == ocrdigit.read(large).text
    assert len(np.unique(reading.pages[0])) > 2


def test_clean_one_bit_images_are_not_changed(sample: Dataset) -> None:
    for image in sample.X_test[:50]:
        picture = np.where(np.kron(image, np.ones((3, 3), np.uint8)) > 100, 0, 255).astype("u1")
        assert np.array_equal(ocrdigit.read(picture).pages[0], picture)
