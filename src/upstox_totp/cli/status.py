"""The kept token: whose it is, until when it lives, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from upstox_totp._api.bearer import BearerAPI
from upstox_totp.cli.account import read_account
from upstox_totp.cli.login import make_client
from upstox_totp.cli.output import facts, moment, say
from upstox_totp.errors import AuthenticationError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from upstox_totp._tokens.record import KeptToken
    from upstox_totp.cli.account import Account
    from upstox_totp.cli.notes import Notes


def show_status(env_file: Path | None, notes: Notes, *, verify: bool) -> None:
    """Show whose token is kept and until when, and what forbids the next login.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        notes: Says what the client logs.
        verify: Whether to ask Upstox, too.

    Raises:
        AuthenticationError: If Upstox no longer accepts the token.
    """
    account = read_account(env_file)
    token = account.token
    if token is None:
        click.echo("No token is kept for this account.")
    say([*(facts(token) if token else ()), *_holds(account)])
    if verify and token is not None:
        _verify(token, env_file, notes)


def _holds(account: Account) -> Iterator[tuple[str, str]]:
    for hold in account.holds:
        failed_at = moment(hold.failure.failed_at)
        yield (
            "Refused",
            f"{hold.what}: failed on {failed_at} ({hold.failure.message}). {hold.release}",
        )


def _verify(token: KeptToken, env_file: Path | None, notes: Notes) -> None:
    with make_client(env_file, notes) as client:
        if not BearerAPI(client).is_alive(SecretStr(token.access_token)):
            raise AuthenticationError(
                "Upstox no longer accepts the kept token.",
                suggestions=["upstox_cli token --refresh gets a new one."],
            )
    click.echo("Upstox accepts it.")


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
            click.echo("No token was kept for this account.")
        elif BearerAPI(client).end(SecretStr(token.access_token)):
            click.echo("Logged out at Upstox, and forgotten here.")
        else:
            click.echo("Forgotten here; at Upstox it had ended before.")
