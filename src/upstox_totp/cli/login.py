"""A login by command: its client, its cache, and its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upstox_totp.cli.steps import progress
from upstox_totp.client import UpstoxTOTP
from upstox_totp.token_cache import TokenCache, to_kept

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp._tokens.record import KeptToken
    from upstox_totp.cli.notes import Notes


def make_client(env_file: Path | None, notes: Notes) -> UpstoxTOTP:
    """Return a client for the settings.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        notes: Says what the client logs.

    Raises:
        ConfigurationError: If a setting is missing or invalid.
    """
    client = UpstoxTOTP() if env_file is None else UpstoxTOTP.from_env_file(env_file)
    if client.config.debug:
        notes.say_everything()
    return client


def log_in(env_file: Path | None, notes: Notes, *, refresh: bool, force: bool) -> KeptToken:
    """Return the token of the cache, which logs in where it has none.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        notes: Says what the client logs.
        refresh: Whether to log in although a token is kept.
        force: Whether to log in although the settings were rejected before.

    Raises:
        UpstoxError: If Upstox refused.
        requests.RequestException: If a request got no whole answer.
    """
    with make_client(env_file, notes) as client, progress(notes):
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
