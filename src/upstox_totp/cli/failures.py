"""Failures: the line that a failed command says, and the code it ends with."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import click
import requests

from upstox_totp.cli.output import printable
from upstox_totp.errors import (
    AuthenticationError,
    ConfigurationError,
    LoginWaitError,
    RateLimitError,
    UpstoxError,
)


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    USAGE = 2
    REJECTED = 3
    LIMITED = 4
    NETWORK = 5
    UNEXPECTED = 6
    DIFFERS = 20
    NOT_A_LOGIN = 21
    INTERRUPTED = 130


_CODES: Final = (
    (ConfigurationError, ExitCode.USAGE),
    (AuthenticationError, ExitCode.REJECTED),
    (RateLimitError, ExitCode.LIMITED),
    (LoginWaitError, ExitCode.NETWORK),
    (requests.RequestException, ExitCode.NETWORK),
    (UpstoxError, ExitCode.UNEXPECTED),
    (OSError, ExitCode.USAGE),
    (ImportError, ExitCode.USAGE),
)


EXPECTED: Final = tuple(kind for kind, _ in _CODES)
"""What may end a command without being a mistake in it."""


def report(error: Exception, *, debug: bool) -> ExitCode:
    """Say on stderr why a command failed, and return the code to end with.

    Args:
        error: One of `EXPECTED`.
        debug: Whether to say the requests and answers before it, too.
    """
    transcript = vars(error).get("transcript", ()) if debug else ()
    for line in (error, *transcript):
        click.echo(printable(str(line)), err=True)
    return next(code for kind, code in _CODES if isinstance(error, kind))
