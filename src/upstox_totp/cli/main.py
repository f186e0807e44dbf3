"""The command line: its commands, and the module that each is loaded from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from upstox_totp import __version__
from upstox_totp.cli.exit_codes import ExitCode, as_epilog
from upstox_totp.cli.group import HELP, LazyGroup
from upstox_totp.cli.options import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULES: Final[Mapping[str, str]] = {
    "accounts": "accounts",
    "cache-key": "cache_key",
    "check-env": "check_env",
    "compare-har": "compare_har",
    "configure": "configure",
    "demo": "demo",
    "doctor": "doctor",
    "generate-token": "token",
    "import-token": "import_token",
    "logout": "status",
    "notifier": "notifier",
    "run": "run",
    "sandbox": "sandbox",
    "status": "status",
    "token": "token",
}


@click.group(
    cls=LazyGroup,
    modules=_MODULES,
    help="Log in to your own Upstox account and get the day's access token.",
    context_settings={"help_option_names": list(HELP)},
    epilog=as_epilog(*ExitCode.of(None)),
)
@click.version_option(__version__, prog_name="upstox_cli")
@ACCOUNT
def cli(account: str | None) -> None:
    # Each command that reads settings asks the group's context for it.
    del account
