"""Takes pictures of the documentation's pages, as a desktop and a phone show them, in Chromium.

`python docs/take_page_screenshots.py` builds the pages and puts PNGs of each into
.make/screenshots, to be looked at: one for each 1,600 points of its height. It ends with 1,
and says where, if a page is wider than the screen: then one has to scroll sideways to read it. It
needs Chromium and its driver.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

DOCS: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from support.chromium import chromium  # noqa: E402 - lies in tests

if TYPE_CHECKING:
    from support.chromium import Browser

BUILT: Final = DOCS.parent / ".make"
PIECE: Final = 1600
OTHERS: Final = frozenset({"genindex", "search", "py-modindex"})


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


SCREENS: Final = (Screen("desktop", 1280, 900), Screen("phone", 360, 740, mobile=True))


def build() -> Path:
    """Build the pages, and return their folder."""
    html = BUILT / "docs"
    subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", DOCS, html], check=True
    )
    return html


def take(browser: Browser, page: Path, screen: Screen, target: Path) -> int:
    """Save pictures of a whole page, and return by how much it is wider than the screen.

    Args:
        browser: The browser.
        page: The page's file.
        screen: What it is looked at on.
        target: Where the pictures are put, without number and ending.
    """
    browser.set_screen(screen.width, screen.height, mobile=screen.mobile)
    browser.open(page.as_uri())
    height = browser.measure("scrollHeight")
    # What is not on the screen is not always painted.
    browser.set_screen(screen.width, height, mobile=screen.mobile)
    for number, top in enumerate(range(0, height, PIECE), 1):
        part = Path(f"{target}-{number}.png")
        browser.save_part(part, top=top, width=screen.width, height=min(PIECE, height - top))
    return browser.measure("scrollWidth") - browser.measure("clientWidth")


def main(folder: Path) -> None:
    """Take pictures of every page on every screen.

    Args:
        folder: Where they are put.

    Raises:
        SystemExit: If a page is wider than a screen.
    """
    html = build()
    folder.mkdir(parents=True, exist_ok=True)
    pages = [page for page in sorted(html.rglob("*.html")) if page.stem not in OTHERS]
    pages = [page for page in pages if "_modules" not in page.parts]
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
