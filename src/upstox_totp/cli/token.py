"""``token`` and ``generate-token``: print the day's access token, logging in where needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from upstox_totp._settings.table import NONE, Settings
from upstox_totp.cli.account import find_token
from upstox_totp.cli.main import command
from upstox_totp.cli.options import Selection, login_options, settings_and_debug
from upstox_totp.cli.output import facts, print_token, say

if TYPE_CHECKING:
    from upstox_totp._cache.records import CachedToken

# ruff: noqa: PLC0415 - a cached token is printed without loading what a login needs


@command("Print the day's token, logging in if none is cached.")
@settings_and_debug
@login_options
@click.option(
    "--refresh",
    is_flag=True,
    help="Replace the cached token, for example after a 401. Programs that do so at the same time "
    "share one login.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait this long at most for a token from another machine or the phone. Never logs in.",
)
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Put the token into this .env, .json or .toml file instead of printing it.",
)
@click.option(
    "--key",
    metavar="NAME",
    default="UPSTOX_ACCESS_TOKEN",
    show_default=True,
    help="Its name in that file; in JSON and TOML, dots lead into objects and tables.",
)
def token(
    *,
    selection: Selection,
    style: str,
    show: bool,
    refresh: bool,
    force: bool,
    wait: float | None,
    timeout: float | None,
    write: Path | None,
    key: str,
) -> None:
    waits_only = not (refresh or force or timeout) and selection.method in {None, NONE}
    if wait is not None and not waits_only:
        raise click.UsageError(
            "--wait never logs in: leave out --refresh, --force, --method and --timeout."
        )
    found = get_token(selection.read(), refresh=refresh, force=force, wait=wait, timeout=timeout)
    if write is None:
        print_token(found, style, show=show)
        return
    from upstox_totp.cli.token_file import write_token

    write_token(write, key, found)
    say([("Written to", f"{write}, as {key}"), *facts(found)])


def get_token(
    settings: Settings,
    *,
    refresh: bool = False,
    force: bool = False,
    wait: float | None = None,
    timeout: float | None = None,
) -> CachedToken:
    """Return the cached token, or log in or wait for one; `NoTokenError` if there is none."""
    cached = find_token(settings)
    if cached is not None and not refresh:
        return cached
    from upstox_totp.cli import login

    if wait is not None:
        return login.wait_for_token(settings, wait)
    # Without a token to replace, one login is enough, whoever makes it.
    return login.log_in(settings, refresh=False, force=force, ended=cached, timeout=timeout)


@command(
    "Log in, cache the new access token, and print it.\n\n"
    "With the login method api, the new token ends the account's previous token in every app and "
    "program."
)
@settings_and_debug
@login_options
def generate_token(
    *, selection: Selection, style: str, show: bool, force: bool, timeout: float | None
) -> None:
    from upstox_totp.cli.login import log_in

    fresh = log_in(selection.read(), refresh=True, force=force, timeout=timeout)
    print_token(fresh, style, show=show)
