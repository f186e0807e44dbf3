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
from upstox_totp.sandbox.options import OPTIONS, Option

NOTES = """\
Serving made-up data; Ctrl-C ends it.
The lines above are a client's settings. UPSTOX_LOGIN_METHOD chooses the way: page (six requests),
{ways}.
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


def parser(prog: str = "python -m upstox_totp.sandbox") -> argparse.ArgumentParser:
    """Return the command line's parser; most options are arguments of `Sandbox`."""
    made = argparse.ArgumentParser(
        prog=prog,
        description="Serve a stand-in of the Upstox login on 127.0.0.1 until interrupted.",
        argument_default=argparse.SUPPRESS,
    )
    for option in OPTIONS:
        made.add_argument(option.flag, dest=option.name, help=option.help, **_taking(option))
    return made


def _taking(option: Option) -> dict[str, Any]:
    if option.kind is None:
        return {"action": "store_true" if option.switches else "store_false"}
    taking: dict[str, Any] = {"type": option.kind}
    if option.choices:
        taking["choices"] = option.choices
    if len(option.metavars) > 1:
        taking |= {"nargs": len(option.metavars), "metavar": option.metavars}
    elif option.metavars:
        taking["metavar"] = option.metavars[0]
    return taking


def notes(options: Mapping[str, Any]) -> str:
    """Return what a person should know to use the sandbox.

    Args:
        options: The command line's options.
    """
    ways = ["api (one request)"] if options.get("totp_login", True) else []
    ways.append("browser (the login page in a browser)")
    if options.get("notifier_url"):
        ways.append("phone (with --approve, or it waits)")
    return NOTES.format(ways=", ".join(ways))


def attend(sandbox: Sandbox, ended: threading.Event, *, approve: bool, show_codes: bool) -> None:
    """Stand in for the person with the phone until the sandbox is to end.

    Args:
        sandbox: The sandbox.
        ended: Set when it is to end.
        approve: Whether to approve each token request.
        show_codes: Whether to print a one-time password each time that one is asked for.
    """
    shown = 0
    while not ended.wait(POLL if approve or show_codes else None):
        asked = sandbox.otp_requests
        if show_codes and asked > shown:
            told(f"One-time password: {sandbox.one_time_password()}")
        shown = asked
        if approve and sandbox.token_request_waits:
            try:
                told(f"Token sent to the notifier: HTTP {sandbox.approve()}")
            except (OSError, http.client.HTTPException) as error:
                told(f"The notifier could not be reached: {error}")


def told(text: str) -> None:
    """Print a note on stderr at once."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's own output


def main(
    arguments: Sequence[str] | None = None, prog: str = "python -m upstox_totp.sandbox"
) -> int:
    """Serve until interrupted or terminated.

    Prints the client's settings as `.env` lines on stdout, notes on stderr.

    Args:
        arguments: The command line; None for the process's own.
        prog: The name of the program in its help.

    Returns:
        The exit status.
    """
    return serve(vars(parser(prog).parse_args(arguments)))


def serve(options: Mapping[str, Any]) -> int:
    """Serve as a command line's options say, until interrupted or terminated.

    Args:
        options: The options that were given, by the names of the arguments that they set.

    Returns:
        The exit status: 0, or 1 if it cannot serve.
    """
    options = dict(options)
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
        told(f"cannot serve: {error}")
        return 1
    for name, value in sandbox.environment.items():
        print(f"{name}={quoted(value)}")  # noqa: T201 - a command's own output
    sys.stdout.flush()
    told(notes(options).rstrip())
    attend(sandbox, ended, approve=approve, show_codes=show_codes)
    sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
