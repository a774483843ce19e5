"""Draw the README's pictures with the package itself: ``python .github/images/make.py``.

Needs ``pip install '.[plot,app]' --group browser``, chromium and its driver.
"""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image

import ocrdigit
from ocrdigit import DigitClassifier, plotting

FOLDER = Path(__file__).parent


def save(
    name: str,
    picture: Image.Image,
    colours: int = 64,
    method: Image.Quantize = Image.Quantize.MEDIANCUT,
) -> None:
    path = FOLDER / name
    reduced = picture.convert("RGB").quantize(colours, method, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)
    print(f"{path.name}: {picture.width} x {picture.height}, {path.stat().st_size:,} bytes")


def rendered(figure: object) -> Image.Image:
    """Return a figure as a picture on white."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=130, transparent=False, facecolor="white")
    return Image.open(data)


def draw_page() -> None:
    save("page.png", ocrdigit.read(ocrdigit.datasets.load_page().image).draw(), 128)


def draw_explanations() -> None:
    page = ocrdigit.datasets.load_page().image
    crops = []
    for digit in ocrdigit.read(page).digits[5:14]:
        x, y, w, h = digit.box
        crops.append(page[max(0, y - 6) : y + h + 6, max(0, x - 6) : x + w + 6])
    save("gradcam.png", rendered(plotting.explanations(map(ocrdigit.explain, crops), columns=9)))


def draw_training() -> None:
    sample = ocrdigit.datasets.load_sample()
    model = DigitClassifier(epochs=12, random_state=0, verbose=0)
    model.fit(sample.X_train, sample.y_train, validation_data=(sample.X_test, sample.y_test))
    save("training.png", rendered(plotting.training_curves(model)), 32)


def draw_app() -> None:
    """Take a screenshot of the Streamlit page with its example of thirty fields."""
    from selenium import webdriver
    from selenium.webdriver.common.by import By

    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(option)
    command = [sys.executable, "-m", "ocrdigit", "app", "--headless", "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(command, cwd=folder)
        try:
            wait_for(f"http://localhost:{port}/_stcore/health")
            with webdriver.Chrome(options) as browser:
                size = {"width": 1180, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                browser.implicitly_wait(60)
                browser.get(f"http://localhost:{port}")
                browser.find_element(By.XPATH, "//button[.='Thirty fields']").click()
                browser.find_element(By.XPATH, "//button[.='All 30']")
                time.sleep(5)
                picture = Image.open(io.BytesIO(browser.get_screenshot_as_png()))
        finally:
            server.terminate()
            server.wait()
    # Median cut has no colour for the few pixels of labels.
    save("app.png", picture, 256, Image.Quantize.MAXCOVERAGE)


def wait_for(url: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(url).close()
            return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(url)


if __name__ == "__main__":
    draw_page()
    draw_explanations()
    draw_training()
    draw_app()
