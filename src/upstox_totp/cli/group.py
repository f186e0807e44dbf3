"""The group of commands: where each of them ends, whichever way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from upstox_totp._log import heard
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.notes import Notes, warned
from upstox_totp.cli.streams import (
    OutputError,
    ReaderGoneError,
    abandon,
    note_line,
    prepare_streams,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


HELP: Final = ("-h", "--help")
"""The options that show a help text."""


class PrintingCommand(click.Command):
    """Tells of a help text that could not be written as of any other result."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Return the options that show a help text, the same ones in every context.

        click keeps those of the first context in which it was asked.

        Args:
            ctx: The command's context.
        """
        del ctx
        return list(HELP)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the options, of which some print.

        Args:
            args: As for ``click.Command.make_context``.
            extra: As for ``click.Command.make_context``.
        """
        with writing():
            return super().make_context(*args, **extra)


class CommandGroup(click.Group):
    """Says errors of the library in a line, and ends with the code that stands for them.

    A command returns its `ExitCode`, or None when it is done.
    """

    command_class = PrintingCommand

    def main(  # type: ignore[override]  # click's returns where it is told to
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command line, and end the process with the code of what it came to.

        Args:
            args: The arguments, None for the process's own.
            prog_name: The name of the program, None for the process's own.
            extra: As for ``click.Group.main``.
        """
        extra["standalone_mode"] = False
        try:
            prepare_streams()
            code = super().main(args, prog_name, **extra) or ExitCode.DONE
        except click.ClickException as error:
            _show(error)
            code = error.exit_code
        except click.Abort:
            code = ExitCode.INTERRUPTED
        except ReaderGoneError:
            abandon(sys.stdout)
            code = ExitCode.READER_GONE
        except OutputError as error:
            abandon(sys.stdout)
            note_line(str(error))
            code = ExitCode.OUTPUT
        sys.exit(int(code))

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the group's own options, of which some print.

        Args:
            args: As for ``click.Group.make_context``.
            extra: As for ``click.Group.make_context``.
        """
        with writing():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command.

        Args:
            ctx: The group's context.
        """
        notes = ctx.obj = Notes()
        try:
            with heard(notes.hear), warned(notes):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED
        except (click.ClickException, click.exceptions.Exit, click.Abort, OutputError):
            raise
        except Exception as error:
            from upstox_totp.cli.failures import EXPECTED, report  # noqa: PLC0415 - slow to load

            if not isinstance(error, EXPECTED):
                raise
            return report(error, debug=notes.debug)


def _show(error: click.ClickException) -> None:
    if sys.stderr is None:
        return
    try:
        error.show()
    except (OSError, ValueError):
        abandon(sys.stderr)
