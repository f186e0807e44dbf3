"""Serves a sandbox in the foreground: `python -m upstox_totp.sandbox`."""

import argparse
import http.client
import signal
import sys
import threading
from collections.abc import Sequence

from upstox_totp.sandbox import Sandbox
from upstox_totp.sandbox.rules import OFFERS

PROGRAM = "python -m upstox_totp.sandbox"
# No line is wider than 50 columns, since neither argparse nor `print` wraps them.
DESCRIPTION = """\
Serve a mock of Upstox on this machine, with a
made-up account, until you press Ctrl-C. Print the
settings of a client as lines of an .env file.
"""
EXAMPLE = """\
To log in, save the settings and use the file:
  {prog} > sandbox.env
  upstox_cli token --env-file sandbox.env
"""
NOTES = """\
The sandbox is running. Press Ctrl-C to stop it.
{example}UPSTOX_LOGIN_METHOD can be {methods}.
"""
POLL = 0.2


def parser(prog: str = PROGRAM) -> argparse.ArgumentParser:
    """Return the command line's parser; most options are arguments of `Sandbox`."""
    made = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EXAMPLE.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add, on, off = made.add_argument, "store_true", "store_false"
    add("--port", type=int, metavar="N", help="listen on this port (default: a free one)")
    add("--revision", choices=OFFERS, help="serve this version of the login page (default: both)")
    add("--step-clock", action=on, help="move the clock on by 30 seconds after each code")
    add("--clock-offset", type=float, metavar="SECONDS", help="set the clock this far ahead")
    add("--charset", metavar="NAME", help="name this charset in the Content-Type of answers")
    add("--certificate", nargs=2, metavar=("CERT", "KEY"), help="serve https with these files")
    add("--otp-limit", type=int, metavar="N", help="block OTP requests after N of them")
    add("--attempts", type=int, metavar="N", help="lock the account after N wrong PINs")
    add("--pin-gives-code", action=on, help="answer the PIN with the authorization code")
    add("--authorize-redirects", type=int, metavar="N", help="redirect N times before the code")
    add("--no-totp-login", action=off, dest="totp_login", help="leave out the TOTP API")
    add("--totp-login-enveloped", action=on, help="put the TOTP API's answer in an envelope")
    add("--notifier-url", metavar="URL", help="send the tokens approved on the phone to this URL")
    add("--token-request-refusal", metavar="CODE", help="refuse token requests with this code")
    add("--static-address", action=on, help="refuse account and order calls from here")
    add("--described", action=on, help="answer as the OpenAPI description of Upstox has it")
    add("--approve", action=on, help="approve every token request at once")
    add("--show-codes", action=on, help="show a one-time code when one is requested")
    return made


def tell(text: str) -> None:
    """Print a note on stderr at once."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's own output


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


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Serve until interrupted or terminated, and return the exit status."""
    options = vars(parser(prog).parse_args(arguments))
    approve, show_codes = (options.pop(name, False) for name in ("approve", "show_codes"))
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        sandbox = Sandbox(**options)
        sandbox.start()
    except (OSError, ValueError) as error:
        tell(f"cannot serve: {error}")
        return 1
    methods = ["api"] * sandbox.totp_login + ["page", "browser"]
    methods += ["phone"] * (sandbox.notifier_url is not None)
    # The address comes last: a program that reads it has the other settings.
    settings = {"UPSTOX_LOGIN_METHOD": methods[0]} | sandbox.environment
    print(*(f"{name}={value}" for name, value in settings.items()), sep="\n", flush=True)  # noqa: T201
    example = EXAMPLE.format(prog=prog)
    tell(NOTES.format(example=example, methods=", ".join(methods)).rstrip())
    attend(sandbox, ended, approve=approve, show_codes=show_codes)
    sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
