"""The commands and their options; what they do is loaded when they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from upstox_totp import __version__
from upstox_totp._settings.names import METHODS
from upstox_totp.cli.account import kept_token
from upstox_totp.cli.exit_codes import ExitCode, as_epilog
from upstox_totp.cli.group import CommandGroup
from upstox_totp.cli.output import FORMATS, REPORTS, print_token
from upstox_totp.cli.sandbox import SandboxCommand

if TYPE_CHECKING:
    from upstox_totp.cli.notes import Notes

# ruff: noqa: PLC0415 - a kept token is printed without loading what the other commands need

Command = TypeVar("Command", bound=Callable[..., Any])

_OF_STATUS = (ExitCode.DONE, ExitCode.REJECTED, *ExitCode.of("status"))


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
_STYLE = click.option(
    "--format",
    "style",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="How to print the token.",
)
_SHOW = click.option("--show", is_flag=True, help="Show the whole token in the text format, too.")
_REFRESH = click.option("--refresh", is_flag=True, help="Log in although a token is kept.")
_FORCE = click.option(
    "--force",
    is_flag=True,
    help="Log in although the same settings were rejected, or a limit still holds.",
)
_REPORT = click.option(
    "--format",
    "style",
    type=click.Choice(REPORTS),
    default="text",
    show_default=True,
    help="How to print the report: for people, or for programs.",
)

_METHOD = click.option(
    "--method",
    type=click.Choice(METHODS),
    help="How to log in, in place of UPSTOX_LOGIN_METHOD.",
)
_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="How long to wait for the person, in the browser or on the phone.",
)


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=as_epilog(*ExitCode.of(None)),
)
@click.version_option(__version__, prog_name="upstox_cli")
def cli() -> None:
    """Log in to your own Upstox account and get the day's access token."""


@cli.command()
@_options(_SETTINGS, _STYLE, _SHOW, _REFRESH, _FORCE, _METHOD, _TIMEOUT)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait so long for the token of another machine, and never log in.",
)
@click.pass_obj
def token(
    notes: Notes,
    *,
    env_file: Path | None,
    style: str,
    show: bool,
    refresh: bool,
    force: bool,
    wait: float | None,
    method: str | None,
    timeout: float | None,
) -> None:
    """Print the day's token, logging in only if none is kept."""
    if wait is not None and (refresh or force):
        raise click.UsageError("--wait never logs in: leave out --refresh and --force.")
    kept = None if refresh else kept_token(env_file)
    if kept is None and wait is not None:
        from upstox_totp.cli.login import wait_for_token

        kept = wait_for_token(env_file, notes, wait)
    elif kept is None:
        from upstox_totp.cli.login import log_in

        kept = log_in(env_file, notes, refresh=refresh, force=force, method=method, timeout=timeout)
    print_token(kept, style, show=show)


@cli.command()
@_options(_SETTINGS, _STYLE, _SHOW, _FORCE)
@click.pass_obj
def generate_token(
    notes: Notes, *, env_file: Path | None, style: str, show: bool, force: bool
) -> None:
    """Log in, keep the fresh access token, and print it."""
    from upstox_totp.cli.login import log_in

    print_token(log_in(env_file, notes, refresh=True, force=force), style, show=show)


@cli.command()
def cache_key() -> None:
    """Print a new key for UPSTOX_CACHE_KEY.

    Every machine that shares a cache needs the same one.
    """
    from upstox_totp._tokens.sealing import new_key

    click.echo(new_key())


@cli.command()
@_options(_ENV_FILE, _REPORT)
def check_env(*, env_file: Path | None, style: str) -> ExitCode:
    """Show where each setting comes from, and if it is valid.

    No value is shown.
    """
    from upstox_totp.cli.environment import check

    return check(env_file, style)


@cli.command()
@click.option("--account", metavar="NAME", help="Keep them under this name, one of several.")
@click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write this file instead of .env.",
)
@click.option(
    "--method",
    metavar="WAYS",
    help="The way to a token, for example api or page, or several: api,page.",
)
@click.option(
    "--into",
    type=click.Choice(["file", "keyring"]),
    help="Where a named account is kept: in a file of its own, or in the system's keyring.",
)
def configure(
    *, account: str | None, env_file: Path | None, method: str | None, into: str | None
) -> ExitCode:
    """Ask for the settings, check each, and write them down.

    Secrets are not shown while they are typed. What is there already is kept by an empty answer.
    """
    from upstox_totp.cli.configure import configure as ask

    if account is not None and env_file is not None:
        raise click.UsageError("Give --account or --env-file, not both.")
    return ask(account, env_file, method, into)


@cli.command(epilog=as_epilog(*_OF_STATUS))
@_options(_SETTINGS, _REPORT)
@click.option("--verify", is_flag=True, help="Ask Upstox whether the token still lives.")
@click.pass_obj
def status(notes: Notes, *, env_file: Path | None, style: str, verify: bool) -> ExitCode:
    """Show whose token is kept, and until when it lives."""
    from upstox_totp.cli.status import show_status

    return show_status(env_file, notes, style, verify=verify)


@cli.command()
@_SETTINGS
@click.pass_obj
def logout(notes: Notes, *, env_file: Path | None) -> None:
    """End the kept token at Upstox, and forget it."""
    from upstox_totp.cli.status import log_out

    log_out(env_file, notes)


@cli.command()
@_options(_SETTINGS, _REPORT)
@click.option(
    "--app",
    is_flag=True,
    help="Open the login dialog, too, and see if the client id and the redirect URI fit.",
)
def doctor(*, env_file: Path | None, style: str, app: bool) -> ExitCode:
    """Look at hosts, clock, proxy and certificates.

    No credential is sent.
    """
    from upstox_totp.cli.doctor import examine

    return examine(env_file, style, app=app)


@cli.command(epilog=as_epilog(ExitCode.DONE, *ExitCode.of("compare-har")))
@click.argument("recording", type=click.Path(path_type=Path), metavar="LOGIN.HAR")
@_REPORT
def compare_har(*, recording: Path, style: str) -> ExitCode:
    """Compare a login that a browser recorded with this program's.

    LOGIN.HAR is what the browser's developer tools save of the requests of one login (Network, save
    all as HAR with content), from before the login page opens to its end. It holds the credentials
    of that login: the report holds none of them, the file itself is not for others' eyes.
    """
    from upstox_totp.cli.har import compare_recording

    return compare_recording(recording, style)


@cli.command()
@_SETTINGS
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="The port to listen at; 0 for a free one.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Where the secret of the path lies; it is made if it is not there.",
)
@click.option("--show-path", is_flag=True, help="Print the path, with its secret, and end.")
@click.pass_obj
def notifier(notes: Notes, /, *, env_file: Path | None, **options: Any) -> None:
    """Take tokens that were approved on the phone, and keep them."""
    from upstox_totp.cli.notifier import serve

    serve(env_file, notes, **options)


@cli.command(cls=SandboxCommand)
def sandbox(**options: Any) -> ExitCode:
    """Serve a stand-in for the Upstox login on this machine."""
    from upstox_totp.cli.sandbox import run

    return run(options)


@cli.command()
@click.pass_obj
def demo(notes: Notes) -> None:
    """Log in to a sandbox in this process, step by step."""
    from upstox_totp.cli.demo import run

    run(notes)
