"""Serves a sandbox in the foreground: `python -m upstox_totp.sandbox`."""

import argparse
import re
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from upstox_totp.sandbox import Sandbox

PLAIN = re.compile(r"[\w./:@%+={},~-]*", re.ASCII)


def quoted(value: str) -> str:
    """Return `value` as it stands in a `.env` file, quoted only where it needs to be."""
    if PLAIN.fullmatch(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; every option is an argument of `Sandbox`."""
    made = argparse.ArgumentParser(
        prog="python -m upstox_totp.sandbox",
        description="Serve a stand-in of the Upstox login on 127.0.0.1 until interrupted.",
        argument_default=argparse.SUPPRESS,
    )
    add = made.add_argument
    add("--port", type=int, help="the port to listen on (default: a free one)")
    add("--revision", choices=("both", "newer", "older"), help="the revision of the paths")
    add("--step-clock", action="store_true", help="move the clock on after each code")
    add("--clock-offset", type=float, metavar="SECONDS", help="how far the clock is ahead")
    add("--charset", help="the charset named in answers")
    add("--certificate", nargs=2, metavar=("CERT", "KEY"), help="files to serve TLS with")
    add("--otp-limit", type=int, metavar="N", help="codes generated before the block")
    add("--attempts", type=int, metavar="N", help="wrong PINs before the lock")
    add("--pin-gives-code", action="store_true", help="let the PIN step give the code")
    add("--authorize-redirects", type=int, metavar="N", help="redirects before the code")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted or terminated.

    Prints the client's settings as `.env` lines on stdout, notes on stderr.

    Args:
        arguments: The command line; None for the process's own.

    Returns:
        The exit status.
    """
    options: dict[str, Any] = vars(parser().parse_args(arguments))
    if "certificate" in options:
        options["certificate"] = tuple(options["certificate"])
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        sandbox = Sandbox(**options)
        sandbox.start()
    except OSError as error:
        print(f"cannot serve: {error}", file=sys.stderr)  # noqa: T201 - a command's own output
        return 1
    for name, value in sandbox.environment.items():
        print(f"{name}={quoted(value)}")  # noqa: T201 - a command's own output
    sys.stdout.flush()
    print("Serving made-up data; Ctrl-C ends it.", file=sys.stderr)  # noqa: T201 - as above
    ended.wait()
    sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
