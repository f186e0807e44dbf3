"""``sandbox``: the command of `python -m upstox_totp.sandbox`, with its options."""

from __future__ import annotations

import click

from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import writing
from upstox_totp.sandbox.__main__ import main


@click.command(
    help="Serve a mock of the Upstox login on this machine.",
    short_help="Serve a mock of the Upstox login on this machine.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sandbox(arguments: tuple[str, ...]) -> ExitCode:
    with writing():
        return ExitCode.USAGE if main(arguments, prog="upstox_cli sandbox") else ExitCode.DONE
