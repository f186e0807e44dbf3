"""A login by command: its client, its cache, and its progress."""

from __future__ import annotations

import getpass
import re
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from upstox_totp._api.cached_login import to_cached
from upstox_totp._cache.lifetime import IST
from upstox_totp._settings.config import Config
from upstox_totp._settings.sources import Found
from upstox_totp._settings.table import BROWSER, NONE
from upstox_totp.cli.output import printable
from upstox_totp.cli.steps import progress
from upstox_totp.cli.unseen_input import unseen_input
from upstox_totp.client import UpstoxTOTP
from upstox_totp.errors import ConfigurationError, LoginWaitError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from upstox_totp._cache.records import CachedToken
    from upstox_totp._settings.sources import Settings
    from upstox_totp.cli.notes import Notes
    from upstox_totp.models import TokenRequestData

_PASTE: Final = "If the browser does not come back by itself, paste the address that it ended at: "


def make_client(settings: Settings, notes: Notes) -> UpstoxTOTP:
    """Return a client for settings that were read; `ConfigurationError` if they are invalid."""
    client = UpstoxTOTP._made(Config.of(settings))  # noqa: SLF001 - settings are read once
    if client.config.debug:
        notes.say_everything()
    return client


def make_reader(settings: Settings, notes: Notes) -> UpstoxTOTP:
    """Return a client that never logs in, so that it needs the settings that name the app alone."""
    settings["login_method"] = Found(NONE, "argument")
    return make_client(settings, notes)


def log_in(
    settings: Settings,
    notes: Notes,
    *,
    refresh: bool,
    force: bool,
    ended: CachedToken | None = None,
    timeout: float | None = None,
) -> CachedToken | None:
    """Return the token of the cache, which logs in if it has none; None if it must not.

    ``ended`` is a token that Upstox ended: programs that renew it at once share one login.
    """
    with ExitStack() as stack:
        client = stack.enter_context(make_client(settings, notes))
        _reach_user(client, notes, timeout)
        if client.browser_login.paste is not None:
            client.browser_login.look = stack.enter_context(unseen_input(_PASTE))
        if BROWSER not in client.config.login_method:
            # What moves in the terminal would disturb a question that is asked there.
            stack.enter_context(progress(notes))
        try:
            response = TokenCache().get_access_token(
                client,
                refresh=refresh,
                force=force,
                instead_of=None if ended is None else SecretStr(ended.access_token),
            )
        except ConfigurationError as error:
            if NONE not in client.config.login_method:
                raise
            notes.write(printable(str(error)))
            return None
    return to_cached(response.data)


def wait_for_token(settings: Settings, notes: Notes, seconds: float) -> CachedToken | None:
    """Return the token that another program or the phone brings, None if none came in time."""
    with make_reader(settings, notes) as client:
        notes.write(f"Waiting up to {seconds:g} s for a token that another program gets.")
        try:
            return to_cached(TokenCache().wait_for_token(client, seconds).data)
        except LoginWaitError as error:
            notes.write(printable(str(error)))
            return None


def _reach_user(client: UpstoxTOTP, notes: Notes, timeout: float | None) -> None:
    """Let a login in the browser or on the phone reach the user; stdout is for the token."""
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
    # Its path has the secret that keeps strangers out.
    named = re.split("[/?#]", (request.notifier_url or "").partition("://")[2])[0].rpartition("@")[
        2
    ]
    where = f" at {printable(named)}" if named else ""
    notes.write(f"The token goes to the app's notifier{where}.")


def _ask(prompt: str) -> str:
    # Typed or pasted unseen, and into no history: the address holds the authorization code.
    return getpass.getpass(prompt, stream=sys.stderr)
