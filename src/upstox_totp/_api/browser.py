"""The person's browser: whether there is one, and how it is opened."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp._log import warn_user

if TYPE_CHECKING:
    from pydantic import SecretStr

_IN_THE_TERMINAL: Final = frozenset(
    {"www-browser", "w3m", "lynx", "links", "links2", "elinks", "edbrowse", "browsh", "retawq"}
)


def find_browser() -> webbrowser.BaseBrowser | None:
    """Return the person's browser, None if there is none that can show the login page.

    A browser in the terminal counts as none: it would take the terminal that the program has. So
    does one on the screen of a machine that the person has reached by ssh.
    """
    own_screen = sys.platform in {"darwin", "win32"} and "SSH_CONNECTION" in os.environ
    if own_screen and not os.environ.get("BROWSER"):
        return None
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    return None if _program(browser) in _IN_THE_TERMINAL else browser


def open_page(browser: webbrowser.BaseBrowser, url: SecretStr) -> None:
    """Open a page in the background: some browsers return when they are closed, and no sooner.

    Args:
        browser: The browser.
        url: The page.
    """
    threading.Thread(
        target=_open, args=(browser, url), name="upstox_totp browser", daemon=True
    ).start()


def _open(browser: webbrowser.BaseBrowser, url: SecretStr) -> None:
    reason = "it could not be started"
    try:
        if browser.open(url.get_secret_value()):
            return
    except Exception as error:  # noqa: BLE001 - a browser registered by others may raise anything
        reason = type(error).__name__
    warn_user(f"The browser did not open ({reason}): open the address of the login page by hand.")


def _program(browser: webbrowser.BaseBrowser) -> str:
    name = str(getattr(browser, "name", "") or "")
    if not name:
        return ""
    # Debian's www-browser is a link to a link to the browser.
    return Path(shutil.which(name) or name).resolve().name.removesuffix(".exe").lower()
