"""The person at the terminal: what a login in the browser or on the phone tells and asks them."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from upstox_totp._cache.lifetime import IST

if TYPE_CHECKING:
    from upstox_totp.cli.notes import Notes
    from upstox_totp.client import UpstoxTOTP
    from upstox_totp.models import TokenRequestData


def attend(client: UpstoxTOTP, notes: Notes, timeout: float | None) -> None:
    """Let the logins of a client reach the person at the terminal.

    Args:
        client: Logs in.
        notes: Shows lines, and not on stdout, which is for the token.
        timeout: How long the person has, in seconds; None for as long as each way gives them.
    """
    client.browser_login.announce = lambda url: _show_page(notes, url)
    client.token_request.announce = lambda request: _show_request(notes, request)
    if sys.stdin is not None and sys.stdin.isatty():
        client.browser_login.paste = _ask
    if timeout is not None:
        client.browser_login.timeout = client.token_request.timeout = timeout


def _show_page(notes: Notes, url: str) -> None:
    notes.write("Log in and approve the app on the page that opens now, or open this address:")
    notes.write(url)


def _show_request(notes: Notes, request: TokenRequestData) -> None:
    until = f"{request.lapses_at.astimezone(IST):%a %d %b, %H:%M} IST"
    notes.write(
        f"Upstox asks on your phone: approve it in the Upstox app or on WhatsApp, until {until}."
    )
    notes.write(f"The token goes to {request.notifier_url or 'the notifier URL of the app'}.")


def _ask(prompt: str) -> str:
    # Typed or pasted unseen, and into no history: the address holds the authorization code.
    return getpass.getpass(prompt, stream=sys.stderr)
