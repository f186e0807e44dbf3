"""The group of commands: loads a command when it is named, and ends the process with its code."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from upstox_totp._log import heard
from upstox_totp.cli.exit_codes import ExitCode, as_epilog
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
    from collections.abc import Callable, Mapping, Sequence

HELP: Final = ("-h", "--help")
"""The options that show a help text."""


class PrintingCommand(click.Command):
    """Reports a help text that could not be written like any other result."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Return the options that show a help text; click keeps those of its first context."""
        del ctx
        return list(HELP)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the options, of which some print."""
        with writing():
            return super().make_context(*args, **extra)


def command(text: str, **context: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes a command; its words are no docstring, which ``-OO`` drops."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        name = function.__name__.replace("_", "-")
        codes = sorted((*ExitCode.of(None), *ExitCode.of(name)))
        return click.command(
            name,
            cls=PrintingCommand,
            context_settings=context,
            help=text,
            # click cuts what it shortens itself.
            short_help=text.partition("\n")[0],
            epilog=as_epilog(*codes),
        )(function)

    return decorate


class LazyGroup(click.Group):
    """Loads each command from its module when it is named, and turns errors into exit codes.

    A command returns its `ExitCode`, or None when it is done.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command, None if there is none of that name."""
        del ctx
        if name not in self._modules:
            return None
        module = importlib.import_module(f"upstox_totp.cli.{self._modules[name]}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def main(  # type: ignore[override]  # click's returns where it is told to
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command line, and end the process with an exit code."""
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
        """Parse the group's own options, of which some print."""
        with writing():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and report what the library raises."""
        notes = ctx.obj = Notes()
        try:
            with heard(notes.hear), warned(notes):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED
        except (click.ClickException, click.exceptions.Exit, click.Abort, OutputError):
            raise
        except Exception as error:
            from upstox_totp.cli.failures import EXPECTED, report  # noqa: PLC0415 - loads requests

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
