"""The Streamlit page in a real browser: uploads, strokes of the mouse, keys, downloads."""

from __future__ import annotations

import csv
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import ocrdigit

pytest.importorskip("streamlit")
pytest.importorskip("selenium")

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="this machine has no Chromium with its driver"
)
TIMEOUT = 90  # seconds, for busy machines


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page that ``ocrdigit app`` serves."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    home = Path(ocrdigit.__file__).parents[1]
    command = [sys.executable, "-m", "ocrdigit", "app", "--headless", "--port", str(port)]
    server = subprocess.Popen(
        command,
        cwd=tmp_path_factory.mktemp("server"),
        env={**os.environ, "PYTHONPATH": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    try:
        wait_until(lambda: responds(f"{url}/_stcore/health"))
        yield url
    finally:
        server.terminate()
        server.wait(30)


def responds(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.read())
    except OSError:
        return False


def wait_until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + TIMEOUT
    while not (result := condition()):
        assert time.monotonic() < end, "timeout"
        time.sleep(0.1)
    return result


@pytest.fixture
def browser(address: str, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.add_argument("--window-size=1000,1400")
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        driver.get(address)
        find(driver, "input[type=file]")
        yield driver
    finally:
        driver.quit()


def find(browser: webdriver.Chrome, selector: str) -> Any:
    wait = WebDriverWait(browser, TIMEOUT, poll_frequency=0.1)
    return wait.until(lambda driver: driver.find_elements(By.CSS_SELECTOR, selector))[0]


def wait_for_status(browser: webdriver.Chrome, start: str) -> None:
    """Wait until the page announces a text that begins with ``start``."""
    script = "return [...document.querySelectorAll('[role=status]')].map(each => each.innerText)"
    wait_until(lambda: any(text.startswith(start) for text in browser.execute_script(script)))


def choose(browser: webdriver.Chrome, label: str) -> None:
    path = f"//label[normalize-space(.)='{label}']"
    wait_until(lambda: browser.find_elements(By.XPATH, path))[0].click()


def pad(browser: webdriver.Chrome) -> Any:
    """Switch to the frame with the drawing pad, and return its canvas."""
    browser.switch_to.frame(find(browser, "iframe"))
    return wait_until(
        lambda: [each for each in browser.find_elements(By.ID, "canvas") if each.size["width"] > 50]
    )[0]


def test_upload_and_download(browser: webdriver.Chrome, tmp_path: Path) -> None:
    picture = ocrdigit.synth.string("1874", random_state=3).image
    Image.fromarray(picture).save(tmp_path / "row.png")
    find(browser, "input[type=file]").send_keys(str(tmp_path / "row.png"))
    wait_for_status(browser, "1874")
    path = "//button[contains(., 'Download CSV')]"
    button = wait_until(lambda: browser.find_elements(By.XPATH, path))[0]
    button.send_keys(Keys.ENTER)  # a click may miss: the image above it is loaded later
    table = tmp_path / "digits.csv"
    wait_until(table.exists)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["value"] for row in rows] == list("1874")
    expected = ocrdigit.read(picture).to_rows("row.png")
    assert [(row["file"], row["x"]) for row in rows] == [
        (row["file"], str(row["x"])) for row in expected
    ]


def test_panels_open_by_the_keyboard(browser: webdriver.Chrome) -> None:
    choose(browser, "Examples")
    wait_for_status(browser, "32 digits")
    panel = find(browser, "main summary")
    assert not browser.find_elements(By.CSS_SELECTOR, "main table")
    browser.execute_script("arguments[0].focus()", panel)
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    rows = wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, "main table tbody tr"))
    assert len(rows) == len(ocrdigit.read(ocrdigit.datasets.load_page().image).numbers)


def test_text_file(browser: webdriver.Chrome, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("eggs, milk")
    find(browser, "input[type=file]").send_keys(str(tmp_path / "notes.png"))
    body = browser.find_element(By.TAG_NAME, "body")
    wait_until(lambda: "not an image that can be read" in body.text)
    assert "Traceback" not in body.text


def test_strokes_of_the_mouse(browser: webdriver.Chrome) -> None:
    choose(browser, "Draw")
    canvas = pad(browser)
    mouse = ActionChains(browser, duration=30).move_to_element_with_offset(canvas, -60, -80)
    mouse.click_and_hold().move_by_offset(110, 0).move_by_offset(-70, 170).release().perform()
    browser.switch_to.default_content()
    wait_for_status(browser, "7, ")
    pad(browser)
    browser.find_element(By.ID, "clear").click()
    browser.switch_to.default_content()
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, "[role=status]"))


def test_strokes_of_the_keyboard(browser: webdriver.Chrome) -> None:
    choose(browser, "Draw")
    canvas = pad(browser)
    keys = [Keys.ARROW_UP] * 10 + [Keys.SPACE] + [Keys.ARROW_DOWN] * 20 + [Keys.SPACE]
    browser.execute_script("arguments[0].focus()", canvas)
    ActionChains(browser).send_keys(*keys).perform()
    browser.switch_to.default_content()
    wait_for_status(browser, "1, ")


def test_controls_have_names_and_phones_need_no_sideways_scrolling(
    browser: webdriver.Chrome,
) -> None:
    browser.set_window_size(400, 900)
    choose(browser, "Examples")
    wait_for_status(browser, "32 digits")
    nameless = browser.execute_script(
        "return [...document.querySelectorAll('main input, main button, main select')].filter("
        "each => !(each.labels?.length || each.textContent.trim() || each.title || each.closest("
        "'[aria-label]') || each.getAttribute('aria-labelledby'))).map(each => each.outerHTML)"
    )
    assert nameless == []
    wide, window = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= window
