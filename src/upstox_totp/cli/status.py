"""The kept token: whose it is, until when it lives, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from pydantic import SecretStr

from upstox_totp.cli.account import read_account
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.login import make_client
from upstox_totp.cli.output import facts, iso_moment, moment, say, say_json
from upstox_totp.cli.streams import write_line
from upstox_totp.errors import UpstoxError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp._tokens.holds import Hold
    from upstox_totp._tokens.record import KeptToken
    from upstox_totp.cli.account import Account
    from upstox_totp.cli.notes import Notes


def show_status(env_file: Path | None, notes: Notes, style: str, *, verify: bool) -> ExitCode:
    """Show whose token is kept and until when, and what forbids the next login.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
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
    account = read_account(env_file)
    token, holds = account.token, account.holds
    accepted: bool | None = None
    failure: Exception | None = None
    if verify and token is not None:
        try:
            accepted = _verify(account, token, env_file, notes)
        except (UpstoxError, requests.RequestException) as error:
            failure = error
    code = _code(token, holds, accepted=accepted)
    if style == "json":
        say_json(_document(token, holds, code, accepted=accepted))
    else:
        _say(token, holds, accepted=accepted)
    if failure is not None:
        raise failure
    return code


def _verify(account: Account, token: KeptToken, env_file: Path | None, notes: Notes) -> bool:
    with make_client(env_file, notes) as client:
        accepted = client.app_token.is_valid(SecretStr(token.access_token))
    if not accepted:
        account.forget(token)
    return accepted


def _code(token: KeptToken | None, holds: list[Hold], *, accepted: bool | None) -> ExitCode:
    if accepted is False:
        return ExitCode.REJECTED
    if holds:
        return ExitCode.HELD
    if token is None:
        return ExitCode.NO_TOKEN
    return ExitCode.DONE if token.expires_in > 0 else ExitCode.EXPIRED


def _say(token: KeptToken | None, holds: list[Hold], *, accepted: bool | None) -> None:
    if token is None:
        write_line("No token is kept for this account.")
    rows = [] if token is None else facts(token)
    for held in holds:
        since = moment(held.failure.failed_at)
        told = f"{held.what}: failed on {since} ({held.failure.message}). {held.release}"
        rows.append(("Refused", told))
    say(rows)
    if accepted:
        write_line("Upstox accepts it.")
    elif accepted is False:
        write_line("Upstox no longer accepts it: forgotten. upstox_cli token gets a new one.")


def _document(
    token: KeptToken | None, holds: list[Hold], code: ExitCode, *, accepted: bool | None
) -> dict[str, Any]:
    return {
        "exit_code": int(code),
        "token": None
        if token is None
        else {
            "user_name": token.data.get("user_name"),
            "user_id": token.data.get("user_id"),
            "expires_at": iso_moment(token.expires_at),
            "expires_in": round(token.expires_in),
            "accepted": accepted,
        },
        "held": [
            {
                "what": held.what,
                "since": iso_moment(held.failure.failed_at),
                "error_code": None
                if held.failure.error_code is None
                else str(held.failure.error_code),
                "message": held.failure.message,
                "release": held.release,
                "seconds_left": None if held.remaining is None else round(held.remaining),
            }
            for held in holds
        ],
    }


def log_out(env_file: Path | None, notes: Notes) -> None:
    """End the kept token at Upstox, and forget it whatever Upstox says.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        notes: Says what the client logs.

    Raises:
        UpstoxError: If Upstox refused.
        requests.RequestException: If no whole answer came.
    """
    token = read_account(env_file).token
    with make_client(env_file, notes) as client:
        TokenCache().clear(client)
        if token is None:
            write_line("No token was kept for this account.")
        elif client.app_token.revoke(SecretStr(token.access_token)):
            write_line("Logged out at Upstox, and forgotten here.")
        else:
            write_line("Forgotten here; at Upstox it had ended before.")
