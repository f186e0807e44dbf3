"""A person who logs in wherever a program opens the login page, and who has a phone."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

import requests

from support.form_browser import LoginBrowser

if TYPE_CHECKING:
    import pytest

    from upstox_totp.sandbox import Sandbox

SECONDS = 10


def approve(sandbox: Sandbox, url: str, button: str = "Approve") -> str:
    """Log in on the login page, and return the address that the browser is sent to.

    Args:
        sandbox: Whose page it is.
        url: The page.
        button: What to press in the end.
    """
    with LoginBrowser(sandbox) as browser:
        browser.open(url)
        browser.submit({"Mobile number": sandbox.credentials.username})
        browser.submit({"One-time code": sandbox.one_time_password()})
        browser.submit({"PIN": sandbox.credentials.pin_code})
        browser.submit(button=button)
        return browser.left_for


def person_at_hand(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever opens the person's browser have them log in, and let the app have a notifier.

    Args:
        sandbox: Where they log in.
        monkeypatch: Puts them there.
    """

    class Browser:
        name = "some-browser"

        def open(self, url: str) -> bool:
            with requests.Session() as session:
                session.trust_env = False
                session.get(approve(sandbox, url), timeout=SECONDS)
            return True

    sandbox.notifier_url = "https://trader.example/notify/a-made-up-secret"
    monkeypatch.setattr(webbrowser, "get", Browser)
