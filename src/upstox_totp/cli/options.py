"""The options that commands share: which settings they read, and how they print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from upstox_totp._settings.sources import read_settings
from upstox_totp._settings.table import SETTINGS, Settings, methods_of
from upstox_totp.cli.output import FORMATS

Function = Callable[..., Any]


class Selection(NamedTuple):
    """Which settings a command reads: an env file or an account, and a login method of this run."""

    env_file: Path | None = None
    account: str | None = None
    method: str | None = None

    def read(self) -> Settings:
        """Return the settings as they were found, not validated."""
        given = {} if self.method is None else {"login_method": self.method}
        return read_settings(given, self.env_file, self.account)


def selected(command: Function) -> Function:
    """Hand a command its ``--account``, ``--env-file`` and ``--method`` as one `Selection`."""

    @wraps(command)
    def run(**options: Any) -> Any:
        chosen = {name: options.pop(name, None) for name in Selection._fields}
        before = click.get_current_context().find_root().params["account"]
        if before is not None:
            if chosen["account"] not in {None, before}:
                raise click.UsageError("--account was given twice, with different names.")
            chosen["account"] = before
        if None not in (chosen["account"], chosen["env_file"]):
            raise click.UsageError("Give --account or --env-file, not both.")
        return command(selection=Selection(**chosen), **options)

    return run


def check_method(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """Return the login methods of an option as the setting has them."""
    if text is None:
        return None
    try:
        return ",".join(methods_of(text))
    except ValueError:
        raise click.BadParameter(f"it {SETTINGS['login_method'].rule}.") from None


def _all(*options: Function) -> Function:
    """Return a decorator that adds options to a command, in their order."""

    def add(command: Function) -> Function:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value:
        ctx.obj.say_everything()


def _format(styles: Sequence[str], text: str) -> Function:
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles),
        metavar="FORMAT",
        default=styles[0],
        show_default=True,
        help=text,
    )


ACCOUNT: Final = click.option(
    "--account",
    metavar="NAME",
    help="Read the settings of this named account. Default: UPSTOX_ACCOUNT.",
)
_ENV_FILE: Final = click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Read settings from this file instead of .env. The environment still comes first.",
)
_DEBUG: Final = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_debug,
    help="Log every step to stderr, without secrets.",
)
METHOD: Final = click.option(
    "--method",
    metavar="METHODS",
    callback=check_method,
    help="Log in with this method: page, api, browser or phone, several with commas between, or "
    "none. Default: UPSTOX_LOGIN_METHOD.",
)
REPORT: Final = _format(
    ("text", "json"), "How to print the report: text for people, json for programs."
)
which_settings: Final = _all(ACCOUNT, _ENV_FILE, selected)
"""Adds the options that choose settings, which a command gets as a `Selection`."""

settings_and_debug: Final = _all(ACCOUNT, _ENV_FILE, _DEBUG, selected)
"""Adds ``--debug`` to these."""

login_options: Final = _all(
    METHOD,
    _format(FORMATS, f"How to print the token: {', '.join(FORMATS)}."),
    click.option("--show", is_flag=True, help="Print the whole token in the text format, too."),
    click.option(
        "--force",
        is_flag=True,
        help="Log in once even if the login is blocked. Five wrong PINs lock an account.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=1),
        metavar="SECONDS",
        help="How long to wait for the user, in the browser or on the phone.",
    ),
)
"""Adds the options of a login, and of how its token is printed."""
