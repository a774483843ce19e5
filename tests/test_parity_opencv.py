"""ocrdigit.image against OpenCV, byte for byte, on a sample of the cases of opencv_cases.py."""

import pytest

cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
cases = pytest.importorskip("opencv_cases")

pytestmark = pytest.mark.skipif(
    cv2.__version__ != cases.VERSION,
    reason=f"the bytes are those of cv2 {cases.VERSION}, here is {cv2.__version__}",
)


@pytest.mark.parametrize("name", cases.CASES)
def test_bytes(name):
    differing, total = cases.differing_bytes(name, 300, show=3)
    assert total > 0
    assert differing == 0


def test_gray_of_every_colour():
    assert cases.every_colour() == 0
