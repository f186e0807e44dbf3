"""The commands and their options; what they do is loaded when they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from upstox_totp import __version__
from upstox_totp.cli.account import kept_token
from upstox_totp.cli.notes import Notes, heard
from upstox_totp.cli.output import FORMATS, print_token

# ruff: noqa: PLC0415 - a kept token is printed without loading what the other commands need

Command = TypeVar("Command", bound=Callable[..., Any])

_INTERRUPTED = 130


class _Cli(click.Group):
    """Says errors of the library in a line, and ends with the code that stands for them."""

    def invoke(self, ctx: click.Context) -> Any:
        ctx.obj = Notes()
        try:
            with heard(ctx.obj):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            raise
        except Exception as error:
            from upstox_totp.cli.failures import EXPECTED, report

            if not isinstance(error, EXPECTED):
                raise
            ctx.exit(report(error, debug=ctx.obj.debug))


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value:
        ctx.obj.say_everything()


_ENV_FILE = click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Read settings from this file instead of .env; the environment still comes first.",
)
_DEBUG = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_debug,
    help="Say on stderr what happens, without any secret.",
)
_SETTINGS = _options(_ENV_FILE, _DEBUG)
_TOKEN = _options(
    _SETTINGS,
    click.option(
        "--format",
        "style",
        type=click.Choice(list(FORMATS)),
        default="text",
        show_default=True,
        help="How to print the token.",
    ),
    click.option("--show", is_flag=True, help="Show the whole token in the text format, too."),
    click.option("--refresh", is_flag=True, help="Log in although a token is kept."),
    click.option(
        "--force",
        is_flag=True,
        help="Log in although the same settings were rejected, or a limit still holds.",
    ),
)


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="upstox_cli")
def cli() -> None:
    """Log in to your own Upstox account and get the day's access token.

    Exit codes: 0 done, 2 usage or configuration, 3 credentials rejected, 4 rate limited, 5 network,
    6 unexpected answer, 130 interrupted.
    """


@cli.command()
@_TOKEN
@click.pass_obj
def token(
    notes: Notes, *, env_file: Path | None, style: str, show: bool, refresh: bool, force: bool
) -> None:
    """Print the day's token, logging in only if none is kept."""
    kept = None if refresh else kept_token(env_file)
    if kept is None:
        from upstox_totp.cli.login import log_in

        kept = log_in(env_file, notes, refresh=refresh, force=force)
    print_token(kept, style, show=show)


@cli.command()
@_TOKEN
@click.pass_obj
def generate_token(
    notes: Notes, *, env_file: Path | None, style: str, show: bool, refresh: bool, force: bool
) -> None:
    """Log in, keep the fresh access token, and print it."""
    from upstox_totp.cli.login import log_in

    del refresh  # What this command always does.
    print_token(log_in(env_file, notes, refresh=True, force=force), style, show=show)


@cli.command()
@_ENV_FILE
@click.pass_context
def check_env(ctx: click.Context, *, env_file: Path | None) -> None:
    """Show where each setting comes from, and if it is valid.

    No value is shown.
    """
    from upstox_totp.cli.environment import check

    ctx.exit(check(env_file))


@cli.command()
@_SETTINGS
@click.option("--verify", is_flag=True, help="Ask Upstox whether the token still lives.")
@click.pass_obj
def status(notes: Notes, *, env_file: Path | None, verify: bool) -> None:
    """Show whose token is kept, and until when it lives."""
    from upstox_totp.cli.status import show_status

    show_status(env_file, notes, verify=verify)


@cli.command()
@_SETTINGS
@click.pass_obj
def logout(notes: Notes, *, env_file: Path | None) -> None:
    """End the kept token at Upstox, and forget it."""
    from upstox_totp.cli.status import log_out

    log_out(env_file, notes)


@cli.command()
@_SETTINGS
@click.pass_context
def doctor(ctx: click.Context, *, env_file: Path | None) -> None:
    """Look at hosts, clock, proxy and certificates.

    No credential is sent.
    """
    from upstox_totp.cli.doctor import examine

    ctx.exit(examine(env_file))


@cli.command()
@click.argument("recording", type=click.Path(path_type=Path), metavar="LOGIN.HAR")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the report: for people, or for programs.",
)
@click.pass_context
def compare_har(ctx: click.Context, *, recording: Path, style: str) -> None:
    """Compare a login that a browser recorded with this program's.

    LOGIN.HAR is what the browser's developer tools save of the requests of one login (Network, save
    all as HAR with content), from before the login page opens to its end. It holds the credentials
    of that login: the report holds none of them, the file itself is not for others' eyes.

    Exit codes: 0 the same, 20 it differs, 21 no login, or no whole one that succeeded.
    """
    from upstox_totp.cli.har import compare_recording

    ctx.exit(compare_recording(recording, style))


@cli.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def sandbox(ctx: click.Context, *, arguments: tuple[str, ...]) -> None:
    """Serve a stand-in for the Upstox login on this machine."""
    from upstox_totp.sandbox.__main__ import main

    ctx.exit(main(arguments))


@cli.command()
@click.pass_obj
def demo(notes: Notes) -> None:
    """Log in to a sandbox in this process, step by step."""
    from upstox_totp.cli.demo import run

    run(notes)
