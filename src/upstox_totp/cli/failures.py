"""Failures: the line that a failed command says, and the code it ends with."""

from __future__ import annotations

from typing import Final

import requests

from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import printable
from upstox_totp.cli.streams import note_line
from upstox_totp.errors import (
    AuthenticationError,
    CacheError,
    ConfigurationError,
    LoginWaitError,
    RateLimitError,
    UpstoxError,
)

_CODES: Final = (
    (ConfigurationError, ExitCode.USAGE),
    (AuthenticationError, ExitCode.REJECTED),
    (RateLimitError, ExitCode.LIMITED),
    (LoginWaitError, ExitCode.NETWORK),
    (CacheError, ExitCode.NETWORK),
    (requests.RequestException, ExitCode.NETWORK),
    (UpstoxError, ExitCode.UNEXPECTED),
    (OSError, ExitCode.USAGE),
    (ImportError, ExitCode.USAGE),
)


EXPECTED: Final = tuple(kind for kind, _ in _CODES)
"""What may end a command without being a mistake in it."""


def report(error: Exception, *, debug: bool) -> ExitCode:
    """Say on stderr why a command failed, and return the code to end with."""
    transcript = vars(error).get("transcript", ()) if debug else ()
    for line in (error, *transcript):
        note_line(printable(str(line)))
    return exit_code_of(error)


def exit_code_of(error: Exception) -> ExitCode:
    """Return the code that stands for an error."""
    return next(code for kind, code in _CODES if isinstance(error, kind))
