"""The command line: loads a command when it is named, and ends the process with its code."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from upstox_totp import __version__
from upstox_totp._log import heard
from upstox_totp.cli.exit_codes import ExitCode, exit_code_of
from upstox_totp.cli.options import ACCOUNT
from upstox_totp.cli.output import (
    Notes,
    OutputError,
    abandon,
    is_terminal,
    note_line,
    prepare_streams,
    writing,
)
from upstox_totp.errors import UpstoxWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_COMMANDS: Final = (
    *("accounts", "cache-key", "check-env", "compare-har", "configure", "demo", "doctor"),
    *("generate-token", "import-token", "logout", "notifier", "run", "sandbox", "status", "token"),
)
# The others have a module of their name.
_MODULES: Final = {
    "check-env": "configure",
    "generate-token": "token",
    "import-token": "status",
    "logout": "status",
}
_HELP: Final = {"help_option_names": ["-h", "--help"]}


class Command(click.Command):
    """Ends its help with its exit codes, and reports a help that could not be written."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes of the command."""
        del ctx
        with formatter.section("Exit codes"):
            formatter.write_dl([(f"{code:>3}", code.meaning) for code in ExitCode.of(self.name)])

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the options, of which some print."""
        with writing():
            return super().make_context(*args, **extra)


class NoTokenError(click.ClickException):
    """No token is cached, and this command must not log in."""

    exit_code = ExitCode.NO_TOKEN


def command(text: str, **context: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes a command; its words are no docstring, which ``-OO`` drops."""
    return click.command(
        cls=Command,
        context_settings=_HELP | context,
        help=text,
        # click cuts what it shortens itself.
        short_help=text.partition("\n")[0],
    )


class LazyGroup(Command, click.Group):
    """Loads each command from its module when it is named, and turns errors into exit codes.

    A command returns its `ExitCode`, or None when it is done.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command, None if there is none of that name."""
        del ctx
        if name not in _COMMANDS:
            return None
        own = name.replace("-", "_")
        module = importlib.import_module(f"upstox_totp.cli.{_MODULES.get(name, own)}")
        command: click.Command = getattr(module, own)
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
        except OutputError as error:
            abandon(sys.stdout)
            if str(error):
                note_line(str(error))
            code = error.code
        sys.exit(int(code))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and report what the library raises."""
        notes = ctx.obj = Notes()
        try:
            with heard(notes.hear), warnings.catch_warnings():
                # What the user must know is in the log, too.
                warnings.simplefilter("ignore", UpstoxWarning)
                return super().invoke(ctx)
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED
        except Exception as error:
            code = exit_code_of(error)
            if code is ExitCode.MISTAKE:
                # As click's own exceptions and `OutputError`, which `main` catches.
                raise
            if isinstance(error, OSError) and error.filename:
                note_line(f"{error.filename}: {error.strerror}.")
            else:
                note_line(str(error))
            for exchange in vars(error).get("transcript", ()) if notes.debug else ():
                note_line(str(exchange))
            return code


def _show(error: click.ClickException) -> None:
    """Show a wrong use as click does, but in one line in a log."""
    helps = isinstance(error, click.UsageError) and is_terminal(sys.stderr)
    if helps or isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
    else:
        note_line(error.format_message())


@click.group(
    cls=LazyGroup,
    help="Log in to your own Upstox account and get the day's access token.",
    context_settings=_HELP,
)
@click.version_option(__version__, prog_name="upstox_cli")
@ACCOUNT
def cli(account: str | None) -> None:
    # Each command that reads settings asks the group's context for it.
    del account
