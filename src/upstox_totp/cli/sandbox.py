"""The sandbox's command: its options are those of ``python -m upstox_totp.sandbox``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.group import PrintingCommand
from upstox_totp.cli.streams import writing

if TYPE_CHECKING:
    from upstox_totp.sandbox.options import Option

# ruff: noqa: PLC0415 - the sandbox needs an extra, which no other command does


class SandboxCommand(PrintingCommand):
    """Has the options of the sandbox, which are read when the command is used."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options.

        Args:
            ctx: The command's context.
        """
        if not self.params:
            from upstox_totp.sandbox.options import OPTIONS

            self.params = [_as_click(option) for option in OPTIONS]
        return super().get_params(ctx)


def run(options: dict[str, Any]) -> ExitCode:
    """Serve a sandbox until interrupted.

    Args:
        options: The options by their names; those that were not given are None.

    Raises:
        OutputError: If its settings could not be printed.
    """
    from upstox_totp.sandbox.__main__ import serve

    given = {name: value for name, value in options.items() if value is not None}
    with writing():
        return ExitCode.USAGE if serve(given) else ExitCode.DONE


def _as_click(option: Option) -> click.Option:
    words = f"{option.help[:1].upper()}{option.help[1:]}."
    names = [option.name, option.flag]
    if option.kind is None:
        return click.Option(
            names, help=words, flag_value=option.switches, type=click.BOOL, default=None
        )
    return click.Option(
        names,
        help=words,
        type=click.Choice(option.choices) if option.choices else option.kind,
        nargs=max(1, len(option.metavars)),
        metavar=" ".join(option.metavars) or None,
    )
