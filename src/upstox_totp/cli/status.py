"""``status``, ``logout`` and ``import-token``: the cached token, its end, and one made by hand."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click
import requests
from pydantic import SecretStr

from upstox_totp._api.cached_login import to_cached
from upstox_totp._cache.backend import UnreadableError
from upstox_totp._settings.table import NONE, Settings
from upstox_totp.cli.account import Account, read_account
from upstox_totp.cli.login import make_client, make_reader
from upstox_totp.cli.main import command
from upstox_totp.cli.options import REPORT, Selection, settings_and_debug
from upstox_totp.cli.output import facts, is_terminal, say, say_json, say_text
from upstox_totp.errors import UpstoxError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from upstox_totp._api.app_token import TokenCheck
    from upstox_totp.cli.exit_codes import ExitCode
    from upstox_totp.models import AddressesData

_LONGEST: Final = 64 * 1024


@command("Show whose token is cached, until when it is valid, and what blocks the next login.")
@settings_and_debug
@REPORT
@click.option("--verify", is_flag=True, help="Ask Upstox whether it still accepts the token.")
def status(*, selection: Selection, style: str, verify: bool) -> ExitCode:
    settings = selection.read()
    account = read_account(settings)
    failure: Exception | None = None
    addresses = None
    if verify and account.token is not None:
        token = SecretStr(account.token.access_token)
        try:
            account.check, addresses = _check(settings, token)
        except (UpstoxError, requests.RequestException) as error:
            failure = error
        else:
            if not account.check.valid:
                account.forget_token()
    if style == "json":
        say_json(account.as_document())
    else:
        _say(account, addresses)
    if failure is not None:
        raise failure
    return account.code


def _check(settings: Settings, access_token: SecretStr) -> tuple[TokenCheck, AddressesData | None]:
    """Ask Upstox about a token, and off the registered address for that."""
    addresses = None
    with make_client(settings) as client:
        check = client.app_token.check(access_token)
        if check.refusal is not None:
            with suppress(UpstoxError, requests.RequestException):
                addresses = client.app_token.read_addresses(access_token)
    return check, addresses


def _say(account: Account, addresses: AddressesData | None) -> None:
    if account.token is None:
        say_text("No token is cached for this account.")
    rows = [] if account.token is None else facts(account.token)
    rows += [("Login blocked", text) for text in account.blocked]
    say([*rows, ("Cache", account.store.describe())])
    if account.check is None:
        return
    if not account.check.valid:
        say_text("Upstox no longer accepts it: forgotten. upstox_cli token gets a new one.")
    elif account.check.refusal is None:
        say_text("Upstox accepts it.")
    else:
        say_text(
            "Valid. Upstox refuses account and order calls from this address "
            f"({account.check.refusal.error_code}): register it, or trade from the registered one."
        )
    if addresses is not None:
        named = [one for one in (addresses.primary_ip, addresses.secondary_ip) if one]
        say([("Registered", ", ".join(named) or "no address")])


@command("End the cached token at Upstox, remove it from the cache, and unblock the next login.")
@settings_and_debug
@click.option(
    "--everywhere",
    is_flag=True,
    help="With UPSTOX_LOGIN_METHOD=none, end the token of another machine, for all machines.",
)
def logout(*, selection: Selection, everywhere: bool) -> None:
    settings = selection.read()
    try:
        account = read_account(settings)
        token, blocks = account.token, account.blocks
    except UnreadableError:
        # It was encrypted with another key, or with none: the next one to write replaces it.
        token, blocks = None, []
    with make_client(settings) as client:
        if NONE in client.config.login_method and not everywhere:
            raise click.UsageError(
                "UPSTOX_LOGIN_METHOD is none: this machine uses a token that another one got. "
                "--everywhere ends it for all of them."
            )
        TokenCache().clear(client)
        if blocks:
            say_text("The next login is no longer blocked.")
        if token is None:
            say_text("No token was cached for this account.")
        elif client.app_token.revoke(SecretStr(token.access_token)):
            say_text("Logged out at Upstox, and forgotten here.")
        else:
            say_text("Forgotten here. Upstox had ended it before.")


@command(
    "Cache a token that you made by hand.\n\n"
    "Make it at https://account.upstox.com/developer/apps (your app, Generate). The command asks "
    "for it, or reads it from standard input. It then asks Upstox whether the token is valid, and "
    "caches it for every program."
)
@settings_and_debug
def import_token(*, selection: Selection) -> None:
    with make_reader(selection.read()) as client:
        response = TokenCache().import_token(client, _read_token())
    say(facts(to_cached(response.data)))


def _read_token() -> SecretStr:
    if is_terminal(sys.stdin):
        return SecretStr(click.prompt("Access token", hide_input=True, err=True).strip())
    return SecretStr("" if sys.stdin is None else sys.stdin.read(_LONGEST).strip())
