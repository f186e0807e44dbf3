"""Takes the pictures of the pages that a person sees: runs a login in Chromium against a sandbox.

`python docs/take_screenshots.py` writes the PNGs of docs/_static. It needs Chromium and its driver.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parent.parent
STATIC: Final = ROOT / "docs" / "_static"
sys.path.insert(0, str(ROOT / "tests"))

from support.chromium import chromium, log_in  # noqa: E402 - lies in tests
from upstox_totp import UpstoxTOTP  # noqa: E402 - as above
from upstox_totp.sandbox import Sandbox  # noqa: E402 - as above

if TYPE_CHECKING:
    from support.chromium import Browser

SECONDS: Final = 60.0


@dataclass
class Login:
    """A login in the browser, which waits beside the browser.

    Attributes:
        sandbox: Where it logs in.
        url: The login page, once it is announced.
        announced: Set then.
    """

    sandbox: Sandbox
    url: str = ""
    announced: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Log in."""
        settings = {
            name.removeprefix("UPSTOX_").lower(): value
            for name, value in self.sandbox.environment.items()
        }
        with UpstoxTOTP.from_settings(**settings, login_method="browser") as client:
            client.browser_login.announce = self.announce
            client.browser_login.get_access_token(SECONDS)

    def announce(self, url: str) -> None:
        """Take the address of the login page.

        Args:
            url: The address.
        """
        self.url = url
        self.announced.set()


def take_pictures(browser: Browser, folder: Path) -> None:
    """Log in, and save a picture of the first page and of the last.

    Args:
        browser: The browser.
        folder: Where to put them.
    """
    with Sandbox() as sandbox:
        login = Login(sandbox)
        waiting = threading.Thread(target=login.run)
        waiting.start()
        login.announced.wait(SECONDS)
        browser.open(login.url)
        browser.wait_for("Log in")
        browser.save_picture(folder / "login-page.png")
        known = sandbox.credentials
        log_in(browser, (known.username, sandbox.one_time_password(), known.pin_code))
        browser.wait_for("You are logged in")
        browser.save_picture(folder / "logged-in.png")
        waiting.join(SECONDS)


if __name__ == "__main__":
    with chromium() as started:
        take_pictures(started, STATIC)
