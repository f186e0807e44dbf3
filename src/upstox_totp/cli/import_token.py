"""``import-token``: caches a token that the user made by hand on Upstox's page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from upstox_totp._api.cached_login import to_cached
from upstox_totp.cli.group import command
from upstox_totp.cli.login import make_reader
from upstox_totp.cli.options import SETTINGS_AND_DEBUG
from upstox_totp.cli.output import facts, say
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from upstox_totp.cli.notes import Notes
    from upstox_totp.cli.options import Selection

_LONGEST = 64 * 1024


@command(
    "Cache a token that you made by hand.\n\n"
    "Make it at https://account.upstox.com/developer/apps (your app, Generate). The command asks "
    "for it, or reads it from standard input. Upstox is asked whether the token is valid, then "
    "every program gets it from the cache."
)
@SETTINGS_AND_DEBUG
@click.pass_obj
def import_token(notes: Notes, *, selection: Selection) -> None:
    settings = selection.read()
    with make_reader(settings, notes) as client:
        response = TokenCache().import_token(client, _read_token())
    say(facts(to_cached(response.data)))


def _read_token() -> SecretStr:
    if sys.stdin is None:
        raise click.UsageError("There is no standard input to read the token from.")
    if sys.stdin.isatty():
        return SecretStr(click.prompt("Access token", hide_input=True, err=True).strip())
    return SecretStr(sys.stdin.read(_LONGEST).strip())
