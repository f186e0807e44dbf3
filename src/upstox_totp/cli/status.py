"""The kept token: whose it is, until when it lives, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import requests
from pydantic import SecretStr

from upstox_totp.cli.account import read_account
from upstox_totp.cli.login import make_client
from upstox_totp.cli.output import facts, say, say_json
from upstox_totp.cli.standing import Standing
from upstox_totp.cli.streams import write_line
from upstox_totp.errors import UpstoxError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from upstox_totp._cache.record import KeptToken
    from upstox_totp.cli.account import Account
    from upstox_totp.cli.exit_codes import ExitCode
    from upstox_totp.cli.notes import Notes
    from upstox_totp.cli.selection import Selection


def show_status(selection: Selection, notes: Notes, style: str, *, verify: bool) -> ExitCode:
    """Show whose token is kept and until when, and what forbids the next login.

    Args:
        selection: Which settings to read.
        notes: Says what the client logs.
        style: One of `REPORTS`.
        verify: Whether to ask Upstox, too; a token that it no longer accepts is forgotten.

    Returns:
        The code to end with.

    Raises:
        UpstoxError: If Upstox was asked, and said neither that the token lives nor that it is
            dead.
        requests.RequestException: If Upstox was asked, and no whole answer came.
    """
    account = read_account(selection)
    standing = Standing.of(account)
    failure: Exception | None = None
    if verify and standing.token is not None:
        try:
            accepted = _verify(account, standing.token, selection, notes)
            standing = replace(standing, accepted=accepted)
        except (UpstoxError, requests.RequestException) as error:
            failure = error
    if style == "json":
        say_json(standing.as_document())
    else:
        _say(standing)
    if failure is not None:
        raise failure
    return standing.code


def _verify(account: Account, token: KeptToken, selection: Selection, notes: Notes) -> bool:
    with make_client(selection, notes) as client:
        accepted = client.app_token.is_valid(SecretStr(token.access_token))
    if not accepted:
        account.forget(token)
    return accepted


def _say(standing: Standing) -> None:
    if standing.token is None:
        write_line("No token is kept for this account.")
    rows = [] if standing.token is None else facts(standing.token)
    say([*rows, *(("Refused", text) for text in standing.refusals)])
    if standing.accepted:
        write_line("Upstox accepts it.")
    elif standing.accepted is False:
        write_line("Upstox no longer accepts it: forgotten. upstox_cli token gets a new one.")


def log_out(selection: Selection, notes: Notes) -> None:
    """End the kept token at Upstox, and forget it whatever Upstox says.

    Args:
        selection: Which settings to read.
        notes: Says what the client logs.

    Raises:
        UpstoxError: If Upstox refused.
        requests.RequestException: If no whole answer came.
    """
    token = read_account(selection).token
    with make_client(selection, notes) as client:
        TokenCache().clear(client)
        if token is None:
            write_line("No token was kept for this account.")
        elif client.app_token.revoke(SecretStr(token.access_token)):
            write_line("Logged out at Upstox, and forgotten here.")
        else:
            write_line("Forgotten here; at Upstox it had ended before.")
