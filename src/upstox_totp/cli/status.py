"""``status`` and ``logout``: the cached token, and its end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click
import requests
from pydantic import SecretStr

from upstox_totp._cache.backend import UnreadableError
from upstox_totp._settings.table import NONE
from upstox_totp.cli.account import read_account
from upstox_totp.cli.account_status import AccountStatus
from upstox_totp.cli.group import command
from upstox_totp.cli.login import make_client
from upstox_totp.cli.options import REPORT, SETTINGS_AND_DEBUG, options
from upstox_totp.cli.output import facts, printable, say, say_json
from upstox_totp.cli.streams import write_line
from upstox_totp.errors import UpstoxError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from upstox_totp._api.app_token import TokenCheck
    from upstox_totp._cache.records import CachedToken
    from upstox_totp._settings.sources import Settings
    from upstox_totp.cli.account import Account
    from upstox_totp.cli.exit_codes import ExitCode
    from upstox_totp.cli.notes import Notes
    from upstox_totp.cli.options import Selection
    from upstox_totp.models import AddressesData


@command("Show whose token is cached, and until when it is valid.")
@options(SETTINGS_AND_DEBUG, REPORT)
@click.option("--verify", is_flag=True, help="Ask Upstox whether it still accepts the token.")
@click.pass_obj
def status(notes: Notes, *, selection: Selection, style: str, verify: bool) -> ExitCode:
    settings = selection.read()
    account = read_account(settings)
    found = AccountStatus.of(account)
    failure: Exception | None = None
    addresses = None
    if verify and found.token is not None:
        try:
            check, addresses = _check(account, found.token, settings, notes)
            found = replace(found, check=check)
        except (UpstoxError, requests.RequestException) as error:
            failure = error
    if style == "json":
        say_json({**found.as_document(), "cache": account.store.describe()})
    else:
        _say(found, account.store.describe(), addresses)
    if failure is not None:
        raise failure
    return found.code


def _check(
    account: Account, token: CachedToken, settings: Settings, notes: Notes
) -> tuple[TokenCheck, AddressesData | None]:
    """Ask Upstox about a token, and off the registered address for that; forget an ended one."""
    access_token = SecretStr(token.access_token)
    addresses = None
    with make_client(settings, notes) as client:
        check = client.app_token.check(access_token)
        if check.refusal is not None:
            with suppress(UpstoxError, requests.RequestException):
                addresses = client.app_token.read_addresses(access_token)
    if not check.valid:
        account.forget(token)
    return check, addresses


def _say(found: AccountStatus, cache: str, addresses: AddressesData | None) -> None:
    if found.token is None:
        write_line("No token is cached for this account.")
    rows = [] if found.token is None else facts(found.token)
    say([*rows, *(("Login blocked", text) for text in found.blocked), ("Cache", cache)])
    if found.check is None:
        return
    if not found.check.valid:
        write_line("Upstox no longer accepts it: forgotten. upstox_cli token gets a new one.")
    elif found.check.refusal is None:
        write_line("Upstox accepts it.")
    else:
        write_line(
            "Valid. Upstox refuses account and order calls from this address "
            f"({found.check.refusal.error_code}): register it, or trade from the registered one."
        )
    if addresses is not None:
        named = [one for one in (addresses.primary_ip, addresses.secondary_ip) if one]
        say([("Registered", printable(", ".join(named) or "no address"))])


@command("End the cached token at Upstox, and forget it.")
@SETTINGS_AND_DEBUG
@click.option(
    "--everywhere",
    is_flag=True,
    help="Allow it with UPSTOX_LOGIN_METHOD=none, where the token is from another machine.",
)
@click.pass_obj
def logout(notes: Notes, *, selection: Selection, everywhere: bool) -> None:
    settings = selection.read()
    try:
        token = read_account(settings).token
    except UnreadableError:
        # It was encrypted with another key, or with none: the next one to write replaces it.
        token = None
    with make_client(settings, notes) as client:
        if NONE in client.config.login_method and not everywhere:
            raise click.UsageError(
                "UPSTOX_LOGIN_METHOD is none: this machine uses a token that another one got. "
                "--everywhere ends it for all of them."
            )
        TokenCache().clear(client)
        if token is None:
            write_line("No token was cached for this account.")
        elif client.app_token.revoke(SecretStr(token.access_token)):
            write_line("Logged out at Upstox, and forgotten here.")
        else:
            write_line("Forgotten here. Upstox had ended it before.")
