"""Serves a sandbox in the foreground: `python -m upstox_totp.sandbox`."""

import http.client
import signal
import threading
from collections.abc import Callable
from typing import Any

import click

from upstox_totp.sandbox import Sandbox
from upstox_totp.sandbox.rules import OFFERS

TEXT = """\
Serve a mock of the Upstox login on this machine.

It has a sample account, and serves until you press Ctrl-C. It prints the settings of a client as \
lines of an .env file. To log in, save the settings and use the file:

\b
upstox_cli sandbox > sandbox.env
upstox_cli token --env-file sandbox.env
"""
# No line is wider than 50 columns, since nothing wraps them.
NOTES = """\
The sandbox is running. Press Ctrl-C to stop it.
To log in, save the settings and use the file:
  {prog} > sandbox.env
  upstox_cli token --env-file sandbox.env
UPSTOX_LOGIN_METHOD can be {methods}."""
POLL = 0.2


def _flag(name: str, text: str) -> Callable[..., Any]:
    return click.option(name, is_flag=True, help=text)


def _value(
    name: str, metavar: str, text: str, kind: type | click.IntRange = str
) -> Callable[..., Any]:
    return click.option(name, type=kind, metavar=metavar, help=text)


# All but the last two, and the one that takes something away, are arguments of `Sandbox`.
_OPTIONS = (
    _value("--port", "N", "Listen on this port instead of a free one.", click.IntRange(0, 65535)),
    click.option(
        "--revision",
        type=click.Choice(OFFERS),
        help="Serve this version of the login page. Default: both.",
    ),
    _flag("--step-clock", "Move the clock on by 30 seconds after each code."),
    _value("--clock-offset", "SECONDS", "Set the clock this far ahead.", float),
    _value("--charset", "NAME", "Name this charset in the Content-Type of answers."),
    click.option(
        "--certificate", nargs=2, metavar="CERT KEY", help="Serve https with these files."
    ),
    _value("--otp-limit", "N", "Block OTP requests after N of them.", int),
    _value("--attempts", "N", "Lock the account after N wrong PINs.", int),
    _flag("--pin-gives-code", "Answer the PIN with the authorization code."),
    _value("--authorize-redirects", "N", "Redirect N times before the code.", int),
    _flag("--no-totp-login", "Leave out the TOTP API."),
    _flag("--totp-login-enveloped", "Put the TOTP API's answer in an envelope."),
    _value("--notifier-url", "URL", "Send the tokens approved on the phone to this URL."),
    _value("--token-request-refusal", "CODE", "Refuse token requests with this code."),
    _flag("--static-address", "Refuse account and order calls from here."),
    _flag("--described", "Answer as the OpenAPI description of Upstox has it."),
    _flag("--approve", "Approve every token request at once."),
    _flag("--show-codes", "Show a one-time password when one is requested."),
)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `serve` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def tell(text: str) -> None:
    """Print a note on stderr at once."""
    click.echo(text, err=True)


def attend(sandbox: Sandbox, ended: threading.Event, *, approve: bool, show_codes: bool) -> None:
    """Stand in for the user with the phone until the sandbox is to end."""
    shown = 0
    # Never without a bound: Windows tells of Ctrl-C only between two waits.
    while not ended.wait(POLL):
        asked = sandbox.otp_requests
        if show_codes and asked > shown:
            tell(f"One-time password: {sandbox.one_time_password()}")
        shown = asked
        if approve and sandbox.token_request_waits:
            try:
                tell(f"Token sent to the notifier: HTTP {sandbox.approve()}")
            except (OSError, http.client.HTTPException) as error:
                tell(f"The notifier could not be reached: {error}")


def serve(*, approve: bool, show_codes: bool, no_totp_login: bool, **chosen: Any) -> None:
    """Serve until interrupted or terminated."""
    given = {name: value for name, value in chosen.items() if value is not None}
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        sandbox = Sandbox(totp_login=not no_totp_login, **given)
        sandbox.start()
    except (OSError, ValueError) as error:
        raise click.UsageError(f"Cannot serve: {error}") from None
    methods = ["api"] * sandbox.totp_login + ["page", "browser"]
    methods += ["phone"] * (sandbox.notifier_url is not None)
    # The address comes last: a program that reads it has the other settings.
    settings = {"UPSTOX_LOGIN_METHOD": methods[0]} | sandbox.environment
    click.echo("\n".join(f"{name}={value}" for name, value in settings.items()))
    prog = click.get_current_context().command_path
    tell(NOTES.format(prog=prog, methods=", ".join(methods)))
    attend(sandbox, ended, approve=approve, show_codes=show_codes)
    sandbox.stop()


if __name__ == "__main__":
    click.command(help=TEXT)(options(serve))(prog_name="python -m upstox_totp.sandbox")
