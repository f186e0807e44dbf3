"""A login by command: its client, its cache, and its progress."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from upstox_totp._api.kept_login import to_kept
from upstox_totp._settings.names import BROWSER, NONE
from upstox_totp.cli.output import printable
from upstox_totp.cli.person import attend
from upstox_totp.cli.steps import progress
from upstox_totp.client import UpstoxTOTP
from upstox_totp.errors import LoginWaitError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from upstox_totp._cache.record import KeptToken
    from upstox_totp.cli.notes import Notes
    from upstox_totp.cli.selection import Selection


def make_client(selection: Selection, notes: Notes) -> UpstoxTOTP:
    """Return a client for the settings.

    Args:
        selection: Which settings to read.
        notes: Says what the client logs.

    Raises:
        ConfigurationError: If a setting is missing or invalid.
    """
    if selection.env_file is None:
        client = UpstoxTOTP.from_settings(account=selection.account, **selection.arguments)
    else:
        client = UpstoxTOTP.from_env_file(selection.env_file, **selection.arguments)
    if client.config.debug:
        notes.say_everything()
    return client


def log_in(
    selection: Selection,
    notes: Notes,
    *,
    refresh: bool,
    force: bool,
    timeout: float | None = None,
) -> KeptToken:
    """Return the token of the cache, which logs in where it has none.

    Args:
        selection: Which settings to read.
        notes: Says what the client logs.
        refresh: Whether to log in although a token is kept.
        force: Whether to log in although the settings were rejected before.
        timeout: How long a person has to log in or to approve, in seconds.

    Raises:
        UpstoxError: If Upstox refused.
        requests.RequestException: If a request got no whole answer.
    """
    with ExitStack() as stack:
        client = stack.enter_context(make_client(selection, notes))
        attend(client, notes, timeout)
        if BROWSER not in client.config.login_method:
            # What moves in the terminal would disturb a question that is asked there.
            stack.enter_context(progress(notes))
        response = TokenCache().get_access_token(client, refresh=refresh, force=force)
    return to_kept(response.data)


def wait_for_token(selection: Selection, notes: Notes, seconds: float) -> KeptToken | None:
    """Return the token that another program or the phone brings, None if none came in time.

    Never logs in, so of the settings only those are needed that name the app.

    Args:
        selection: Which settings to read.
        notes: Says what the client logs, and what is waited for.
        seconds: How long to wait at most.

    Raises:
        CacheError: If a cache that machines share cannot be used, or not be read.
    """
    with make_client(selection._replace(method=NONE), notes) as client:
        notes.write(f"Waiting up to {seconds:g} s for a token that another program gets.")
        try:
            return to_kept(TokenCache().wait_for_token(client, seconds).data)
        except LoginWaitError as error:
            notes.write(printable(str(error)))
            return None
