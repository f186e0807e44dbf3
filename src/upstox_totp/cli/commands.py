"""The commands and their options; what they do is loaded when they run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from upstox_totp import __version__
from upstox_totp._settings.names import NONE, SETTINGS
from upstox_totp.cli.account import kept_token
from upstox_totp.cli.exit_codes import ExitCode, as_epilog
from upstox_totp.cli.group import HELP, CommandGroup
from upstox_totp.cli.output import FORMATS, REPORTS, print_token
from upstox_totp.cli.sandbox import SandboxCommand
from upstox_totp.cli.selection import Selection
from upstox_totp.cli.streams import write_line

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


def _selected(command: Command) -> Command:
    """Let a command have what was said of the settings as one `Selection`."""

    @wraps(command)
    def run(
        *arguments: Any,
        env_file: Path | None = None,
        account: str | None = None,
        method: str | None = None,
        **others: Any,
    ) -> Any:
        named = click.get_current_context().find_root().params.get("account")
        if None not in (account, named) and account != named:
            raise click.UsageError(f"--account {named} and --account {account}: give one.")
        account = account if named is None else named
        if account is not None and env_file is not None:
            raise click.UsageError("Give --account or --env-file, not both.")
        return command(*arguments, selection=Selection(env_file, account, method), **others)

    return cast("Command", run)


def _ways(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is None:
        return None
    from upstox_totp._settings.rules import login_method

    try:
        return ",".join(login_method(text))
    except ValueError:
        pass
    raise click.BadParameter(f"it {SETTINGS['login_method'].rule}.")


_ACCOUNT = click.option(
    "--account",
    metavar="NAME",
    help="Read the settings of this one of several accounts; by default of UPSTOX_ACCOUNT.",
)
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
_WHICH = _options(_ACCOUNT, _ENV_FILE, _selected)
_SETTINGS = _options(_WHICH, _DEBUG)
_METHOD = click.option(
    "--method",
    metavar="WAYS",
    callback=_ways,
    help="Log in this way instead of the configured one: page, api, browser or phone, several "
    "with commas between, or none.",
)
_STYLE = click.option(
    "--format",
    "style",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="How to print the token.",
)
_SHOW = click.option("--show", is_flag=True, help="Show the whole token in the text format, too.")
_REFRESH = click.option(
    "--refresh",
    is_flag=True,
    help="Log in although a token is kept. A token got with api ends the old one, in every app "
    "and program that uses it.",
)
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

_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="How long to wait for the person, in the browser or on the phone.",
)


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": list(HELP)},
    epilog=as_epilog(*ExitCode.of(None)),
)
@click.version_option(__version__, prog_name="upstox_cli")
@_ACCOUNT
def cli(account: str | None) -> None:
    """Log in to your own Upstox account and get the day's access token."""
    # Each command that reads settings asks the group's context for it.
    del account


@cli.command(epilog=as_epilog(ExitCode.DONE, *ExitCode.of("token")))
@_options(_SETTINGS, _METHOD, _STYLE, _SHOW, _REFRESH, _FORCE, _TIMEOUT)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait so long for the token of another machine, or of the phone, and never log in.",
)
@click.pass_obj
def token(
    notes: Notes,
    *,
    selection: Selection,
    style: str,
    show: bool,
    refresh: bool,
    force: bool,
    wait: float | None,
    timeout: float | None,
) -> ExitCode:
    """Print the day's token, logging in only if none is kept."""
    waits_only = not (refresh or force or timeout) and selection.method in {None, NONE}
    if wait is not None and not waits_only:
        raise click.UsageError(
            "--wait never logs in: leave out --refresh, --force, --method and --timeout."
        )
    kept = None if refresh else kept_token(selection)
    if kept is None and wait is not None:
        from upstox_totp.cli.login import wait_for_token

        kept = wait_for_token(selection, notes, wait)
        if kept is None:
            return ExitCode.NO_TOKEN
    elif kept is None:
        from upstox_totp.cli.login import log_in

        kept = log_in(selection, notes, refresh=refresh, force=force, timeout=timeout)
    print_token(kept, style, show=show)
    return ExitCode.DONE


@cli.command()
@_options(_SETTINGS, _METHOD, _STYLE, _SHOW, _FORCE, _TIMEOUT)
@click.pass_obj
def generate_token(
    notes: Notes,
    *,
    selection: Selection,
    style: str,
    show: bool,
    force: bool,
    timeout: float | None,
) -> None:
    """Log in, keep the fresh access token, and print it.

    Got with api, it ends the account's old token, in every app and program that uses that.
    """
    from upstox_totp.cli.login import log_in

    kept = log_in(selection, notes, refresh=True, force=force, timeout=timeout)
    print_token(kept, style, show=show)


@cli.command()
def cache_key() -> None:
    """Print a new key for UPSTOX_CACHE_KEY.

    Every machine that shares a cache needs the same one.
    """
    from upstox_totp._cache.encryption import new_key

    write_line(new_key())


@cli.command()
@_options(_WHICH, _REPORT)
def check_env(*, selection: Selection, style: str) -> ExitCode:
    """Show where each setting comes from, and if it is valid.

    No value is shown.
    """
    from upstox_totp.cli.environment import check

    return check(selection, style)


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
    callback=_ways,
    help="The way to a token, for example api or page, or several: api,page.",
)
@click.option(
    "--into",
    type=click.Choice(["file", "keyring"]),
    help="Where a named account is kept: in a file of its own, or in the system's keyring.",
)
@_selected
def configure(*, selection: Selection, into: str | None) -> ExitCode:
    """Ask for the settings, check each, and write them down.

    Secrets are not shown while they are typed. What is there already is kept by an empty answer.
    """
    from upstox_totp.cli.configure import configure as ask

    return ask(selection, into)


@cli.command(epilog=as_epilog(ExitCode.DONE, ExitCode.USAGE, *ExitCode.of("accounts")))
@_options(_ACCOUNT, _selected, _DEBUG, _REPORT)
def accounts(*, selection: Selection, style: str) -> ExitCode:
    """Show of every account whose token is kept.

    And until when, and what holds the next login. Nothing is sent. The code is that of the account
    which is worst off.
    """
    from upstox_totp.cli.accounts import show_accounts

    return show_accounts(selection, style)


@cli.command(epilog=as_epilog(*_OF_STATUS))
@_options(_SETTINGS, _REPORT)
@click.option("--verify", is_flag=True, help="Ask Upstox whether the token still lives.")
@click.pass_obj
def status(notes: Notes, *, selection: Selection, style: str, verify: bool) -> ExitCode:
    """Show whose token is kept, and until when it lives."""
    from upstox_totp.cli.status import show_status

    return show_status(selection, notes, style, verify=verify)


@cli.command()
@_SETTINGS
@click.pass_obj
def logout(notes: Notes, *, selection: Selection) -> None:
    """End the kept token at Upstox, and forget it."""
    from upstox_totp.cli.status import log_out

    log_out(selection, notes)


@cli.command()
@_options(_SETTINGS, _REPORT)
@click.option(
    "--app",
    is_flag=True,
    help="Open the login dialog, too, and see if the client id and the redirect URI fit.",
)
def doctor(*, selection: Selection, style: str, app: bool) -> ExitCode:
    """Look at hosts, clock, proxy and certificates.

    No credential is sent.
    """
    from upstox_totp.cli.doctor import examine

    return examine(selection, style, app=app)


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
def notifier(notes: Notes, /, *, selection: Selection, **options: Any) -> None:
    """Take tokens that were approved on the phone, and keep them."""
    from upstox_totp.cli.notifier import serve

    serve(selection, notes, **options)


@cli.command(cls=SandboxCommand)
def sandbox(**options: Any) -> ExitCode:
    """Serve a stand-in for the Upstox login on this machine."""
    from upstox_totp.cli.sandbox import run

    return run(options)


@cli.command()
@click.pass_obj
def demo(notes: Notes) -> None:
    """Log in to a sandbox in this process both ways, step by step."""
    from upstox_totp.cli.demo import run

    run(notes)
