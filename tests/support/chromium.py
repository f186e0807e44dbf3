"""Chromium, driven as a person uses it: by labels and buttons."""

from __future__ import annotations

import base64
import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from support.real_parts import real_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS: Final = 20
OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=760,560",
)


class Browser:
    """Chromium with one page.

    Args:
        driver: Drives it.
    """

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver

    def open(self, url: str) -> None:
        """Open an address."""
        self._driver.get(url)

    def wait_for(self, heading: str) -> None:
        """Wait until a page with a heading is there."""
        path = f"//h1[text()='{heading}']"
        WebDriverWait(self._driver, SECONDS).until(lambda d: d.find_elements(By.XPATH, path))

    def fill_in(self, label: str, text: str) -> None:
        """Type into the field with a label."""
        path = f"//input[@id = //label[normalize-space()='{label}']/@for]"
        self._driver.find_element(By.XPATH, path).send_keys(text)

    def press(self, button: str) -> None:
        """Press the button with a text."""
        self._driver.find_element(By.XPATH, f"//button[normalize-space()='{button}']").click()

    @property
    def text(self) -> str:
        """What the page shows."""
        return self._driver.find_element(By.TAG_NAME, "body").text

    def save_picture(self, path: Path) -> None:
        """Save a picture of the page as PNG."""
        self._driver.save_screenshot(str(path))

    def set_screen(self, width: int, height: int, *, mobile: bool) -> None:
        """Show the page on a screen of this size, a phone's or another."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def save_part(self, path: Path, *, top: int, width: int, height: int) -> None:
        """Save a picture of a part of the page, from its left edge on, as PNG."""
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        picture = self._driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip})
        path.write_bytes(base64.b64decode(picture["data"]))

    def measure(self, what: str) -> int:
        """Return a measure of the whole page in points, such as ``scrollHeight``."""
        measured: Any = self._driver.execute_script(f"return document.documentElement.{what}")
        return int(measured)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium with a profile of its own, or do not run the test where there is none."""
    options = ChromeOptions()
    options.binary_location = real_part("chromium")
    driver = real_part("chromedriver", "chromium-driver")
    # The path of a socket in it must be short, which that of a test's own folder is not.
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        for option in (*OPTIONS, f"--user-data-dir={folder}/profile"):
            options.add_argument(option)
        chrome = Chrome(options, Service(driver, env={**os.environ, "TMPDIR": folder}))
        try:
            chrome.set_page_load_timeout(SECONDS)
            yield Browser(chrome)
        finally:
            chrome.quit()


def log_in(browser: Browser, known: tuple[str, str, str]) -> None:
    """Log in on the login page and approve, as a person does.

    Args:
        browser: The browser, with the page for the mobile number.
        known: Mobile number, one-time code and PIN.
    """
    steps = (
        ("Log in", "Mobile number"),
        ("Enter the one-time code", "One-time code"),
        ("Enter your PIN", "PIN"),
    )
    for (heading, label), value in zip(steps, known, strict=True):
        browser.wait_for(heading)
        browser.fill_in(label, value)
        browser.press("Continue")
    browser.wait_for("Approve access")
    browser.press("Approve")
