"""Takes pictures of the documentation's pages, as a desktop and a phone show them, in Chromium.

`python docs/take_page_screenshots.py` builds the pages and puts PNGs of each into
docs/_build/screenshots, to be looked at: one for each 1,600 points of its height. It ends with 1, and
says where, if a page is wider than the screen: then one has to scroll sideways to read it. It needs
Chromium and its driver, and selenium.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS: Final = Path(__file__).resolve().parent
BUILT: Final = DOCS / "_build"
PIECE: Final = 1600
# Whatever is wider than the screen and does not scroll in a box of its own.
WIDER: Final = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
TALL: Final = "return document.documentElement.scrollHeight"


@dataclass(frozen=True)
class Screen:
    """What a reader looks at.

    Attributes:
        name: What it is.
        width: Its width in points.
        height: Its height in points.
        mobile: Whether it is a phone's.
    """

    name: str
    width: int
    height: int
    mobile: bool = False

    @property
    def metrics(self) -> dict[str, Any]:
        """The screen, as Chromium emulates it."""
        return {
            "width": self.width,
            "height": self.height,
            "deviceScaleFactor": 1,
            "mobile": self.mobile,
        }


SCREENS: Final = (Screen("desktop", 1280, 900), Screen("phone", 360, 740, mobile=True))


@contextmanager
def chromium() -> Iterator[Chrome]:
    """Start Chromium with a profile of its own.

    Raises:
        SystemExit: If there is none, or no driver of it.
    """
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        raise SystemExit("Chromium and its driver are needed: apt-get install chromium-driver")
    with tempfile.TemporaryDirectory() as profile:
        options = ChromeOptions()
        options.binary_location = program
        for option in (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(option)
        started = Chrome(options, Service(driver))
        try:
            yield started
        finally:
            started.quit()


def build() -> Path:
    """Build the pages, and return their folder."""
    html = BUILT / "html"
    subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", DOCS, html], check=True
    )
    return html


def take(browser: Chrome, page: Path, screen: Screen, target: Path) -> int:
    """Save pictures of a whole page, and return by how much it is wider than the screen.

    Args:
        browser: The browser.
        page: The page's file.
        screen: What it is looked at on.
        target: Where the pictures are put, without number and ending.
    """
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen.metrics)
    browser.get(page.as_uri())
    height = int(browser.execute_script(TALL))
    # What is not on the screen is not always painted.
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {**screen.metrics, "height": height}
    )
    for number, top in enumerate(range(0, height, PIECE), 1):
        clip = {"x": 0, "y": top, "width": screen.width, "height": min(PIECE, height - top)}
        picture = browser.execute_cdp_cmd(
            "Page.captureScreenshot",
            {"clip": {**clip, "scale": 1}},
        )
        Path(f"{target}-{number}.png").write_bytes(base64.b64decode(picture["data"]))
    return int(browser.execute_script(WIDER))


def main(folder: Path) -> None:
    """Take a picture of every page on every screen.

    Args:
        folder: Where they are put.

    Raises:
        SystemExit: If a page is wider than a screen.
    """
    html = build()
    folder.mkdir(parents=True, exist_ok=True)
    pages = [
        page
        for page in sorted(html.rglob("*.html"))
        if "_modules" not in page.parts and page.stem not in {"genindex", "search", "py-modindex"}
    ]
    too_wide = []
    with chromium() as browser:
        for page in pages:
            for screen in SCREENS:
                name = "-".join(page.relative_to(html).with_suffix("").parts)
                wider = take(browser, page, screen, folder / f"{name}-{screen.name}")
                if wider > 0:
                    too_wide.append(f"{name} by {wider} points on a {screen.name}")
    sys.stdout.write(f"{len(pages)} pages on {len(SCREENS)} screens: {folder}\n")
    if too_wide:
        raise SystemExit("Wider than the screen: " + "; ".join(too_wide))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILT / "screenshots")
