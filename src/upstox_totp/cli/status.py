"""``status`` and ``logout``: the cached token, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
import requests
from pydantic import SecretStr

from upstox_totp._settings.table import NONE
from upstox_totp.cli.account import read_account
from upstox_totp.cli.account_status import AccountStatus
from upstox_totp.cli.group import command
from upstox_totp.cli.login import make_client
from upstox_totp.cli.options import REPORT, SETTINGS_AND_DEBUG, options
from upstox_totp.cli.output import facts, say, say_json
from upstox_totp.cli.streams import write_line
from upstox_totp.errors import UpstoxError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from upstox_totp._cache.records import CachedToken
    from upstox_totp.cli.account import Account
    from upstox_totp.cli.exit_codes import ExitCode
    from upstox_totp.cli.notes import Notes
    from upstox_totp.cli.options import Selection


@command("Show whose token is cached, and until when it is valid.")
@options(SETTINGS_AND_DEBUG, REPORT)
@click.option("--verify", is_flag=True, help="Ask Upstox whether it still accepts the token.")
@click.pass_obj
def status(notes: Notes, *, selection: Selection, style: str, verify: bool) -> ExitCode:
    account = read_account(selection)
    found = AccountStatus.of(account)
    failure: Exception | None = None
    if verify and found.token is not None:
        try:
            accepted = _verify(account, found.token, selection, notes)
            found = replace(found, accepted=accepted)
        except (UpstoxError, requests.RequestException) as error:
            failure = error
    if style == "json":
        say_json(found.as_document())
    else:
        _say(found)
    if failure is not None:
        raise failure
    return found.code


def _verify(account: Account, token: CachedToken, selection: Selection, notes: Notes) -> bool:
    with make_client(selection, notes) as client:
        accepted = client.app_token.is_valid(SecretStr(token.access_token))
    if not accepted:
        account.forget(token)
    return accepted


def _say(found: AccountStatus) -> None:
    if found.token is None:
        write_line("No token is kept for this account.")
    rows = [] if found.token is None else facts(found.token)
    say([*rows, *(("Refused", text) for text in found.refusals)])
    if found.accepted:
        write_line("Upstox accepts it.")
    elif found.accepted is False:
        write_line("Upstox no longer accepts it: forgotten. upstox_cli token gets a new one.")


@command("End the cached token at Upstox, and forget it.")
@SETTINGS_AND_DEBUG
@click.option(
    "--everywhere",
    is_flag=True,
    help="Allow it with UPSTOX_LOGIN_METHOD=none, where the token is from another machine.",
)
@click.pass_obj
def logout(notes: Notes, *, selection: Selection, everywhere: bool) -> None:
    token = read_account(selection).token
    with make_client(selection, notes) as client:
        if NONE in client.config.login_method and not everywhere:
            raise click.UsageError(
                "UPSTOX_LOGIN_METHOD is none: this machine uses a token that another one got. "
                "--everywhere ends it for all of them."
            )
        TokenCache().clear(client)
        if token is None:
            write_line("No token was kept for this account.")
        elif client.app_token.revoke(SecretStr(token.access_token)):
            write_line("Logged out at Upstox, and forgotten here.")
        else:
            write_line("Forgotten here; at Upstox it had ended before.")
