"""``run``: runs a command with the day's token in its environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import click

from upstox_totp._settings.table import SETTINGS
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.main import command
from upstox_totp.cli.options import METHOD, Selection, settings_and_debug
from upstox_totp.cli.output import note_line
from upstox_totp.cli.token import get_token


@command(
    "Run a command with the day's token in its environment.\n\n"
    "Uses the cached token, or logs in. The exit code is the command's own.",
    # Options that follow the command's name are the command's.
    allow_interspersed_args=False,
)
@settings_and_debug
@METHOD
@click.option(
    "--env",
    "name",
    metavar="NAME",
    default="UPSTOX_ACCESS_TOKEN",
    show_default=True,
    help="The environment variable for the token.",
)
@click.option(
    "--keep-settings",
    is_flag=True,
    help="Let the command see the secret settings, such as the PIN, too.",
)
@click.argument("arguments", nargs=-1, required=True, metavar="COMMAND [ARGS]...")
def run(*, selection: Selection, name: str, keep_settings: bool, arguments: tuple[str, ...]) -> int:
    if not name or "=" in name or "\0" in name:
        raise click.BadParameter("it must be the name of a variable.", param_hint="--env")
    token = get_token(selection.read())
    rows = () if keep_settings else SETTINGS.values()
    secret = {name for row in rows if row.secret for name in row.variables}
    environment = {key: value for key, value in os.environ.items() if key.upper() not in secret}
    environment[name] = token.access_token
    try:
        return _run(arguments, environment)
    except OSError as error:
        note_line(f"{arguments[0]} cannot be run: {error.strerror or error}.")
        return ExitCode.NOT_RUN


def _run(arguments: tuple[str, ...], environment: dict[str, str]) -> int:
    if sys.platform != "win32":
        # Python ignores these two, and a command would inherit that.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(arguments[0], arguments, environment)  # noqa: S606 - the user's own command
    # Ctrl-C reaches the command, too, and the command decides what it does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(arguments, env=environment, check=False).returncode  # noqa: S603 - as above
