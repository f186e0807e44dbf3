"""A login by command: its client, its cache, and its progress."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from upstox_totp.cli.person import attend
from upstox_totp.cli.steps import progress
from upstox_totp.client import UpstoxTOTP
from upstox_totp.token_cache import TokenCache, to_kept

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp._tokens.record import KeptToken
    from upstox_totp.cli.notes import Notes


def make_client(env_file: Path | None, notes: Notes, **settings: str | None) -> UpstoxTOTP:
    """Return a client for the settings.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        notes: Says what the client logs.
        settings: Settings that win over those; None for what was not given.

    Raises:
        ConfigurationError: If a setting is missing or invalid.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if env_file is None:
        client = UpstoxTOTP.from_settings(**given)
    else:
        client = UpstoxTOTP.from_env_file(env_file, **given)
    if client.config.debug:
        notes.say_everything()
    return client


def log_in(
    env_file: Path | None,
    notes: Notes,
    *,
    refresh: bool,
    force: bool,
    method: str | None = None,
    timeout: float | None = None,
) -> KeptToken:
    """Return the token of the cache, which logs in where it has none.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        notes: Says what the client logs.
        refresh: Whether to log in although a token is kept.
        force: Whether to log in although the settings were rejected before.
        method: The way to log in; by default the configured one.
        timeout: How long a person has to log in or to approve, in seconds.

    Raises:
        UpstoxError: If Upstox refused.
        requests.RequestException: If a request got no whole answer.
    """
    with ExitStack() as stack:
        client = stack.enter_context(make_client(env_file, notes, login_method=method))
        attend(client, notes, timeout)
        if "browser" not in client.config.login_method:
            # What moves in the terminal would disturb a question that is asked there.
            stack.enter_context(progress(notes))
        response = TokenCache().get_access_token(client, refresh=refresh, force=force)
    return to_kept(response.data)


def wait_for_token(env_file: Path | None, notes: Notes, seconds: float) -> KeptToken:
    """Return the token that another machine gets.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        notes: Says what the client logs.
        seconds: How long to wait at most.

    Raises:
        LoginWaitError: If none came in that time.
    """
    with make_client(env_file, notes) as client:
        return to_kept(TokenCache().wait_for_token(client, seconds).data)
