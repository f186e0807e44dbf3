"""Serves a sandbox in the foreground: `python -m upstox_totp.sandbox`."""

import argparse
import http.client
import re
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from upstox_totp.sandbox import Sandbox
from upstox_totp.sandbox.routes import OFFERS

PROGRAM = "python -m upstox_totp.sandbox"
NOTES = """\
Serving made-up data; Ctrl-C ends it.
The lines above are a client's settings. UPSTOX_LOGIN_METHOD chooses one of page (six requests),
{methods}.
"""
POLL = 0.2
PLAIN = re.compile(r"[\w./:@%+={},~-]*", re.ASCII)


def quoted(value: str) -> str:
    """Return `value` as it stands in a `.env` file, quoted only where it needs to be."""
    if PLAIN.fullmatch(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def parser(prog: str = PROGRAM) -> argparse.ArgumentParser:
    """Return the command line's parser; most options are arguments of `Sandbox`."""
    made = argparse.ArgumentParser(
        prog=prog,
        description="Serve a stand-in of the Upstox login on 127.0.0.1 until interrupted.",
        argument_default=argparse.SUPPRESS,
    )
    add, on, off = made.add_argument, "store_true", "store_false"
    add("--port", type=int, metavar="N", help="the port to listen on (default: a free one)")
    add("--revision", choices=sorted(OFFERS), help="the revision of the paths")
    add("--step-clock", action=on, help="move the clock on after each code")
    add("--clock-offset", type=float, metavar="SECONDS", help="how far the clock is ahead")
    add("--charset", metavar="NAME", help="the charset named in answers")
    add("--certificate", nargs=2, metavar=("CERT", "KEY"), help="files to serve TLS with")
    add("--otp-limit", type=int, metavar="N", help="codes generated before the block")
    add("--attempts", type=int, metavar="N", help="wrong PINs before the lock")
    add("--pin-gives-code", action=on, help="let the PIN step give the code")
    add("--authorize-redirects", type=int, metavar="N", help="redirects before the code")
    missing = "leave out the TOTP login, as if the app did not have it yet"
    add("--no-totp-login", action=off, dest="totp_login", help=missing)
    add("--totp-login-enveloped", action=on, help="envelope the TOTP login's answer")
    add("--notifier-url", metavar="URL", help="where tokens approved on the phone are posted")
    add("--token-request-refusal", metavar="CODE", help="refuse token requests with this code")
    add("--static-address", action=on, help="register another address than this machine's")
    add("--described", action=on, help="answer as the OpenAPI description has it")
    add("--approve", action=on, help="approve every token request at once")
    add("--show-codes", action=on, help="show a one-time password when one is asked for")
    return made


def notes(options: Mapping[str, Any]) -> str:
    """Return what a person should know to use the sandbox with these options."""
    methods = ["api (one request)"] if options.get("totp_login", True) else []
    methods.append("browser (the login page in a browser)")
    if options.get("notifier_url"):
        methods.append("phone (with --approve, or it waits)")
    return NOTES.format(methods=", ".join(methods))


def attend(sandbox: Sandbox, ended: threading.Event, *, approve: bool, show_codes: bool) -> None:
    """Stand in for the person with the phone until the sandbox is to end."""
    shown = 0
    while not ended.wait(POLL if approve or show_codes else None):
        asked = sandbox.otp_requests
        if show_codes and asked > shown:
            tell(f"One-time password: {sandbox.one_time_password()}")
        shown = asked
        if approve and sandbox.token_request_waits:
            try:
                tell(f"Token sent to the notifier: HTTP {sandbox.approve()}")
            except (OSError, http.client.HTTPException) as error:
                tell(f"The notifier could not be reached: {error}")


def tell(text: str) -> None:
    """Print a note on stderr at once."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's own output


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Serve until interrupted or terminated, and return the exit status.

    Prints the client's settings as `.env` lines on stdout, notes on stderr.
    """
    options = vars(parser(prog).parse_args(arguments))
    if "certificate" in options:
        options["certificate"] = tuple(options["certificate"])
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
    for name, value in sandbox.environment.items():
        print(f"{name}={quoted(value)}")  # noqa: T201 - a command's own output
    sys.stdout.flush()
    tell(notes(options).rstrip())
    attend(sandbox, ended, approve=approve, show_codes=show_codes)
    sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
