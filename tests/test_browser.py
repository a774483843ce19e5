"""The Streamlit page in a real browser: uploads, corrections by keyboard, drawings, downloads.

Screenshots are written to the folder in ``OCRDIGIT_SCREENSHOTS``.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_files import field, png, written_form
from PIL import Image

import ocrdigit

pytest.importorskip("streamlit")
pytest.importorskip("selenium")
pytest.importorskip("axe_playwright_python")

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="this machine has no Chromium with its driver"
)
TIMEOUT = 90  # seconds, for busy machines
WIDE, NARROW = 1280, 390  # pixels


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
    """Return what ``condition`` returns as soon as it is true."""
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            if result := condition():
                return result
        except StaleElementReferenceException:  # the page changed meanwhile
            pass
        assert time.monotonic() < end, "timeout"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser; its start takes longer than most tests."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(TIMEOUT)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(
    shared: webdriver.Chrome, address: str, tmp_path: Path, request: pytest.FixtureRequest
) -> webdriver.Chrome:
    """A new session of the page; parametrized by width and colour scheme."""
    width, scheme = getattr(request, "param", (WIDE, "light"))
    resize(shared, width, 900)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    shared.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    behavior = {"behavior": "allow", "downloadPath": str(tmp_path)}
    shared.execute_cdp_cmd("Browser.setDownloadBehavior", behavior)
    shared.get(address)
    find(shared, "input[type=file]")
    return shared


def resize(browser: webdriver.Chrome, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def find(browser: webdriver.Chrome, selector: str) -> Any:
    """Return the first element that is shown, or an input of a file."""

    def shown() -> list[Any]:
        found = browser.find_elements(By.CSS_SELECTOR, selector)
        return [e for e in found if e.is_displayed() or e.get_attribute("type") == "file"]

    return wait_until(shown)[0]


def click(browser: webdriver.Chrome, label: str) -> None:
    """Click a button, tab or choice by its text, without being in the way of moving parts."""
    kinds = "self::button or @role='tab' or @role='radio'"
    path = f"//*[{kinds}][normalize-space()='{label}' or .//p[.='{label}']]"

    def clicked() -> bool:
        found = browser.find_elements(By.XPATH, path)
        shown = [element for element in found if element.is_displayed()]
        if shown:
            browser.execute_script("arguments[0].click()", shown[0])
        return bool(shown)

    wait_until(clicked)


def type_keys(browser: webdriver.Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def press(browser: webdriver.Chrome, held: str, key: str) -> None:
    ActionChains(browser).key_down(held).send_keys(key).key_up(held).perform()


def text_of(browser: webdriver.Chrome, selector: str) -> list[str]:
    script = (
        "return [...document.querySelectorAll(arguments[0])].map(each => each.innerText.trim())"
    )
    return browser.execute_script(script, selector)


def wait_for_text(browser: webdriver.Chrome, selector: str, text: str) -> None:
    wait_until(lambda: any(text in each for each in text_of(browser, selector)))


def focused(browser: webdriver.Chrome) -> str:
    """Return the value of the input that has the keyboard."""
    return browser.execute_script("return document.activeElement.value ?? ''")


def settle(browser: webdriver.Chrome) -> None:
    """Wait until the page does not run, twice in a row."""
    script = "return document.querySelector('[data-testid=stApp]').dataset.testScriptState"
    for _ in range(2):
        wait_until(lambda: browser.execute_script(script) == "notRunning")
        time.sleep(0.3)


def screenshot(browser: webdriver.Chrome, name: str, tmp_path: Path) -> None:
    """Write a picture of the whole page."""
    settle(browser)
    folder = Path(os.environ.get("OCRDIGIT_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    width = browser.execute_script("return innerWidth")
    resize(browser, width, height_of(browser))
    time.sleep(0.3)
    browser.save_screenshot(str(folder / f"{name}.png"))
    resize(browser, width, 900)
    assert (folder / f"{name}.png").stat().st_size > 5000


def height_of(browser: webdriver.Chrome) -> int:
    return browser.execute_script(
        "return document.querySelector('[data-testid=stMain]').scrollHeight"
    )


def check_accessibility(browser: webdriver.Chrome) -> None:
    """Fail for serious and critical findings of axe-core."""
    settle(browser)
    browser.execute_script((package_files("axe_playwright_python") / "axe.min.js").read_text())
    result = browser.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document, {resultTypes: ['violations']}).then(done, (e) => done(String(e)))"
    )
    found = [
        f"{each['id']}: {each['help']}: {node['html'][:300]}: {node['failureSummary']}"
        for each in result["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert found == []


def check_no_sideways_scrolling(browser: webdriver.Chrome) -> None:
    """Fail if the page is wider than its window, or a text is cut at the side."""
    wide = browser.execute_script(
        "const main = document.querySelector('[data-testid=stMain]');"
        "return [...document.querySelectorAll('html, body, [data-testid=stMain]')]"
        ".filter(each => each.scrollWidth > each.clientWidth).map(each => each.tagName)"
    )
    assert wide == []
    cut = browser.execute_script(
        "return [...document.querySelectorAll('.od-frame :is(span, h2, p, label, button, th)')]"
        ".filter(each => each.offsetParent && each.scrollWidth > each.clientWidth + 1"
        " && getComputedStyle(each).display !== 'inline').map(each => each.outerHTML.slice(0, 200))"
    )
    assert cut == []


def upload(browser: webdriver.Chrome, folder: Path, **pictures: np.ndarray | bytes) -> None:
    paths = []
    for name, picture in pictures.items():
        path = folder / f"{name}.png"
        path.write_bytes(picture if isinstance(picture, bytes) else png(picture))
        paths.append(str(path))
    find(browser, "input[type=file][multiple]").send_keys("\n".join(paths))


def downloaded(browser: webdriver.Chrome, label: str, path: Path) -> Path:
    settle(browser)
    click(browser, label)
    return wait_until(lambda: path.exists() and path)


# -- the review --


def test_thirty_files_are_corrected_by_keyboard(browser: webdriver.Chrome, tmp_path: Path) -> None:
    pictures = ocrdigit.synth.strings(
        30, length=(3, 6), style=["plain", "cheque", "form"], height=48, random_state=7
    )
    upload(browser, tmp_path, **{f"f{i:02}": each.image for i, each in enumerate(pictures)})
    wait_for_text(browser, ".od-chip", "All 30")
    settle(browser)
    assert height_of(browser) < 1800
    names = text_of(browser, ".od-name")
    assert len(names) == 30
    screenshot(browser, "review", tmp_path)
    check_accessibility(browser)

    find(browser, ".od-open").click()  # the most doubtful file
    first = wait_until(lambda: focused(browser))
    type_keys(browser, "1234", Keys.ENTER)
    second = wait_until(lambda: focused(browser) not in ("", first, "1234") and focused(browser))
    type_keys(browser, "x5:6", Keys.ENTER)  # letters are not typed
    wait_for_text(browser, ".od-chip", "Corrected 2")
    assert text_of(browser, ".od-name") == names  # rows keep their places while a person works
    wait_for_text(browser, ".od-said", "Saved 5:6")

    press(browser, Keys.CONTROL, "z")
    wait_for_text(browser, ".od-chip", "Corrected 1")
    assert focused(browser) == second
    type_keys(browser, "77", Keys.ENTER)
    wait_for_text(browser, ".od-chip", "Corrected 2")

    third = wait_until(lambda: focused(browser) not in ("", second, "77") and focused(browser))
    type_keys(browser, "88", Keys.PAGE_DOWN)  # what is typed is kept
    wait_for_text(browser, ".od-chip", "Corrected 3")
    press(browser, Keys.CONTROL, "z")
    wait_for_text(browser, ".od-chip", "Corrected 2")
    assert focused(browser) == third

    table = downloaded(browser, "Download CSV", tmp_path / "numbers.csv")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    corrected = {row["source"]: row["text"] for row in rows if row["status"] == "corrected"}
    assert corrected == {names[0]: "1234", names[1]: "77"}
    assert len({row["source"] for row in rows}) == 30
    plain = json.loads(downloaded(browser, "Download JSON", tmp_path / "numbers.json").read_text())
    read = {each["source"]: each["fields"][0]["read"] for each in plain}
    assert (read[names[0]], read[names[1]]) == (first, second)


def test_fields_of_a_page(browser: webdriver.Chrome, tmp_path: Path) -> None:
    click(browser, "Page of numbers")
    find(browser, ".od-field input")
    settle(browser)
    numbers = ocrdigit.read(ocrdigit.datasets.load_page().image).numbers
    inputs = browser.find_elements(By.CSS_SELECTOR, ".od-field input")
    assert [each.get_attribute("value") for each in inputs] == [each.text for each in numbers]
    mark = browser.find_elements(By.CSS_SELECTOR, ".od-mark")[len(numbers[0].text)]
    ActionChains(browser).move_to_element(mark).perform()
    wait_for_text(browser, ".od-tip", numbers[1].text[0])  # the probabilities of the digit
    screenshot(browser, "page", tmp_path)
    mark.click()
    assert focused(browser) == numbers[1].text
    type_keys(browser, Keys.TAB)
    assert focused(browser) == numbers[2].text
    press(browser, Keys.SHIFT, Keys.TAB)
    assert focused(browser) == numbers[1].text
    type_keys(browser, "99", Keys.ESCAPE)
    assert focused(browser) == numbers[1].text


def test_the_first_doubtful_field_is_in_view(browser: webdriver.Chrome, tmp_path: Path) -> None:
    rows = [field(str(number)) for number in range(4711, 4722)]
    rows[-1][:14] = 255  # without the upper half
    padded = [
        np.pad(row, ((15, 15), (20, 140 - row.shape[1])), constant_values=255) for row in rows
    ]
    upload(browser, tmp_path, page=np.concatenate(padded))
    find(browser, ".od-field")
    settle(browser)
    shown, above, below, moved = browser.execute_script(
        "const fields = [...document.querySelectorAll('.od-field')];"
        "const row = fields.find(each => each.querySelector('.od-review'));"
        "const list = row.closest('.od-side').getBoundingClientRect();"
        "const { top, bottom } = row.getBoundingClientRect();"
        "return [fields.indexOf(row), list.top - top, bottom - list.bottom,"
        " document.querySelector('[data-testid=stMain]').scrollTop]"
    )
    assert shown > 5
    assert max(above, below) <= 1
    assert moved == 0


def test_corrections_outlive_tabs_and_options(browser: webdriver.Chrome, tmp_path: Path) -> None:
    upload(browser, tmp_path, row=field("1874"))
    find(browser, ".od-field input").click()
    press(browser, Keys.CONTROL, "a")
    type_keys(browser, "18,74", Keys.ENTER)
    wait_for_text(browser, ".od-state", "Corrected")
    click(browser, "Form templates")
    click(browser, "Read")
    click(browser, "A table")
    find(browser, ".od-field input")
    settle(browser)
    (value,) = (
        e.get_attribute("value") for e in browser.find_elements(By.CSS_SELECTOR, ".od-field input")
    )
    assert value == "18,74"


def test_a_text_file_is_an_error_beside_its_name(browser: webdriver.Chrome, tmp_path: Path) -> None:
    upload(browser, tmp_path, notes=b"eggs, milk", row=field("1874"))
    wait_for_text(browser, "tr", "not an image that can be read")
    row = next(each for each in text_of(browser, "tr") if "notes.png" in each)
    assert "Failed" in row
    assert "Traceback" not in browser.find_element(By.TAG_NAME, "body").text


def test_a_table(browser: webdriver.Chrome, tmp_path: Path) -> None:
    click(browser, "Ruled table")
    find(browser, ".od-field input").click()
    type_keys(browser, "4711", Keys.ENTER)
    wait_for_text(browser, ".od-state", "Corrected")
    table = downloaded(browser, "Download CSV, as tables", tmp_path / "tables.csv")
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    picture = ocrdigit.synth.document("table", distortion=0, random_state=4).image
    expected = ocrdigit.read_table(picture).to_lists()
    assert rows[1][:3] == ["table.png", "0", "4711"]
    assert [text.removeprefix("'") for text in rows[2][2:]] == expected[1]
    screenshot(browser, "table", tmp_path)


def test_a_cell_of_which_a_part_was_corrected(browser: webdriver.Chrome) -> None:
    click(browser, "Ruled table")
    find(browser, ".od-field input")
    settle(browser)
    click(browser, "Numbers")

    def numbers() -> list[Any]:
        inputs = browser.find_elements(By.CSS_SELECTOR, ".od-field input")
        return [each for each in inputs if each.get_attribute("value") == "6.47"]

    wait_until(numbers)
    settle(browser)
    browser.execute_script("arguments[0].focus()", numbers()[0])
    press(browser, Keys.CONTROL, "a")
    type_keys(browser, "6.41", Keys.ENTER)
    wait_for_text(browser, ".od-state", "Corrected")
    click(browser, "A table")
    wait_for_text(browser, ".od-hint", "A part of it was corrected with other options.")


# -- forms --


def drag(browser: webdriver.Chrome, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag the mouse between two points of the picture of the example form."""
    canvas = find(browser, ".od-form svg")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    scale = canvas.rect["width"] / 840
    x, y = (
        scale * start[0] - canvas.rect["width"] / 2,
        scale * start[1] - canvas.rect["height"] / 2,
    )
    mouse = ActionChains(browser, duration=30)
    mouse.move_to_element_with_offset(canvas, round(x), round(y)).click_and_hold()
    mouse.move_by_offset(9, 9)
    dx, dy = (round(scale * (b - a)) for a, b in zip(start, end, strict=True))
    mouse.move_by_offset(dx - 9, dy - 9).release().perform()


def test_a_form_is_drawn_saved_and_read(browser: webdriver.Chrome, tmp_path: Path) -> None:
    click(browser, "Form templates")
    click(browser, "Try an example form")
    drag(browser, (300, 130), (620, 184))
    type_keys(browser, "order", Keys.TAB)
    drag(browser, (300, 330), (500, 384))
    type_keys(browser, "amount", Keys.TAB)
    drag(browser, (340, 350), (340, 250))  # moves it to the row above
    drag(browser, (500, 284), (620, 284))  # and resizes it
    wait_for_text(browser, ".od-names .od-chip", "amount")
    box = find(browser, ".od-box.od-active")
    browser.execute_script("arguments[0].focus()", box)
    type_keys(browser, Keys.ARROW_RIGHT)
    type_keys(browser, Keys.ARROW_LEFT)
    settle(browser)
    screenshot(browser, "form", tmp_path)
    check_accessibility(browser)
    path = downloaded(browser, "Save the template", tmp_path / "form.json")
    form = ocrdigit.Form.load(path)
    assert [each.name for each in form.fields] == ["order", "amount"]
    boxes = [each.box for each in form.fields]
    np.testing.assert_allclose(boxes, [(300, 130, 320, 54), (300, 230, 320, 54)], atol=4)

    click(browser, "Read")
    click(browser, "A form")
    upload(browser, tmp_path, order=written_form({0: "1874", 1: "350"}))
    find(browser, ".od-field input")
    settle(browser)
    assert text_of(browser, ".od-label") == ["order", "amount"]
    values = [
        e.get_attribute("value") for e in browser.find_elements(By.CSS_SELECTOR, ".od-field input")
    ]
    assert values == [
        form.read(written_form({0: "1874", 1: "350"}))[n].text for n in ("order", "amount")
    ]


# -- drawings --


def test_strokes_of_the_mouse(browser: webdriver.Chrome) -> None:
    click(browser, "Draw")
    canvas = find(browser, "canvas")
    mouse = ActionChains(browser, duration=30).move_to_element_with_offset(canvas, -60, -80)
    mouse.click_and_hold().move_by_offset(110, 0).move_by_offset(-70, 170).release().perform()
    wait_until(lambda: find(browser, ".od-field input").get_attribute("value") == "7")
    click(browser, "Clear")
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, ".od-field"))


def test_strokes_of_the_keyboard(browser: webdriver.Chrome) -> None:
    click(browser, "Single digits")
    click(browser, "Draw")
    canvas = find(browser, "canvas")
    start = [Keys.ARROW_UP] * 9 + [Keys.ARROW_LEFT] * 7
    strokes = [Keys.ARROW_RIGHT] * 13 + [Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_LEFT] * 9
    keys = [*start, Keys.SPACE, *strokes, Keys.SPACE]  # a 7
    browser.execute_script("arguments[0].focus()", canvas)
    type_keys(browser, *keys)
    wait_until(lambda: find(browser, ".od-field input").get_attribute("value") == "7")


# -- widths and colours --


@pytest.mark.parametrize(
    "browser",
    [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")],
    indirect=True,
    ids=["wide-light", "wide-dark", "narrow-light", "narrow-dark"],
)
def test_widths_and_colours(
    browser: webdriver.Chrome, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    check_accessibility(browser)
    screenshot(browser, f"start-{name}", tmp_path)
    click(browser, "Thirty fields")
    wait_for_text(browser, ".od-chip", "All 30")
    check_no_sideways_scrolling(browser)
    find(browser, ".od-open").click()
    find(browser, ".od-field input")
    check_no_sideways_scrolling(browser)
    check_accessibility(browser)
    screenshot(browser, f"review-{name}", tmp_path)
    click(browser, "Look inside")
    find(browser, ".od-answer")
    check_no_sideways_scrolling(browser)
    check_accessibility(browser)
    screenshot(browser, f"inside-{name}", tmp_path)
    click(browser, "Form templates")
    click(browser, "Try an example form")
    click(browser, "Add a field")
    check_no_sideways_scrolling(browser)
    check_accessibility(browser)
    screenshot(browser, f"form-{name}", tmp_path)
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("L")
    background = picture.getpixel((3, 400))
    assert background < 60 if "dark" in name else background > 240
